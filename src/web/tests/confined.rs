//! The pages behind the kernel's barrier, on a socket: they do all that they must, and what is none of their business is refused by the kernel.

use std::{
    fs,
    io::{ErrorKind, Read as _, Write as _},
    net::{SocketAddr, TcpStream},
    path::{Path, PathBuf},
    process::Command,
    sync::mpsc,
    thread,
    time::Duration,
};

use retrocall_core::barrier::{self, Barrier};
use retrocall_words::Clock as _;

use super::{
    recorder::{Recorder, call},
    *,
};
use crate::{Certificate, Listening, Setup, listen};

/// What nobody but the engine's own process may read: seeds, the key that signs heads, the council's numbers; and what it never has to.
fn secrets(home: &Path) -> [PathBuf; 5] {
    ["draw", "ledger.key", "council", "numbers", "unwritten.jsonl"].map(|name| {
        assert!(retrocall_records::home_file(name).is_some(), "{name} is no file of a home");
        home.join(name)
    })
}

pub(super) fn setup(home: &Home) -> Setup {
    Setup {
        home: home.path().to_owned(),
        database: None,
        store: None,
        recordings: home.path().join("recordings"),
        socket: home.socket(),
        rules: home::rules(),
        address: SocketAddr::from(([127, 0, 0, 1], 0)),
        certificate: None,
        names: Vec::new(),
        clock: home.clock.clone(),
    }
}

/// Serves a home on a thread of its own, which is barred, and does something there.
fn served<T: Send>(home: &Home, inside: impl FnOnce(&Listening) -> T + Send, outside: impl FnOnce(SocketAddr)) -> T {
    served_by(setup(home), inside, outside)
}

/// The same by another setup.
pub(super) fn served_by<T: Send>(
    setup: Setup,
    inside: impl FnOnce(&Listening) -> T + Send,
    outside: impl FnOnce(SocketAddr),
) -> T {
    let (ready, address) = mpsc::channel();
    let (end, ended) = mpsc::channel::<()>();
    thread::scope(|scope| {
        let serving = scope.spawn(move || {
            let listening = listen(setup).expect("it listens");
            let found = inside(&listening);
            ready.send(listening.address).expect("somebody waits");
            let _ = ended.recv();
            listening.end();
            found
        });
        outside(address.recv().expect("an address"));
        drop(end);
        serving.join().expect("it ends")
    })
}

fn ask(address: SocketAddr, request: &str) -> String {
    let mut stream = TcpStream::connect(address).expect("it listens");
    stream.write_all(request.as_bytes()).expect("sent");
    let mut answer = String::new();
    let _ = stream.read_to_string(&mut answer);
    answer
}

/// A form, sent as a browser does.
fn form(address: SocketAddr, place: &str, secret: &str, fields: &str) -> String {
    let body = format!("form={}&{fields}", crate::secret::form_token(secret));
    ask(
        address,
        &format!(
            "POST {place} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nCookie: retrocall={secret}\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        ),
    )
}

#[test]
fn the_kernel_refuses_seeds_keys_other_files_and_changes_of_recordings_from_inside() {
    if barrier::probe() < Barrier::Full {
        eprintln!("skipped: this kernel has no Landlock, or an older one");
        return;
    }
    let home = Home::new();
    for secret in secrets(home.path()) {
        if !secret.exists() {
            fs::write(&secret, "a secret").expect("a file");
        }
    }
    let recording = walk(&home.path().join("recordings"));
    let denied = |result: std::io::Result<()>| result.expect_err("it is refused").kind() == ErrorKind::PermissionDenied;
    served(
        &home,
        |listening| {
            assert_eq!(listening.barrier, Barrier::Full);
            for secret in secrets(home.path()) {
                assert!(denied(fs::read(&secret).map(drop)), "{}", secret.display());
                assert!(denied(fs::write(&secret, "")), "{}", secret.display());
            }
            fs::read(&recording).expect("recordings are read");
            assert!(denied(fs::write(&recording, "")));
            assert!(denied(fs::OpenOptions::new().append(true).open(&recording).map(drop)));
            assert!(denied(fs::remove_file(&recording)));
            assert!(denied(fs::rename(&recording, home.path().join("peaks/stolen"))));
            assert!(denied(fs::remove_file(home.path().join("catalog.sqlite"))));
            assert!(denied(fs::write(home.path().join("unreconciled"), "")));
            assert!(denied(fs::write(home.path().join("recordings/new.wav"), "")));
            assert!(denied(fs::read_dir("/etc").map(drop)));
            assert!(denied(fs::read("/proc/1/mem").map(drop)));
            assert!(Command::new("/bin/true").status().is_err(), "nothing is executed");
            assert!(TcpStream::connect("127.0.0.1:9").is_err_and(|error| error.kind() == ErrorKind::PermissionDenied));
            fs::write(home.path().join("peaks/one"), "").expect("peaks are written");
        },
        |_| {},
    );
}

fn walk(folder: &Path) -> PathBuf {
    let first = fs::read_dir(folder).expect("a folder").next().expect("an entry").expect("an entry").path();
    if first.is_dir() { walk(&first) } else { first }
}

#[test]
fn behind_the_barrier_somebody_logs_in_listens_and_decides() {
    let home = Home::new();
    served(
        &home,
        |_| {},
        |address| {
            let secret = "0".repeat(64);
            let let_in = form(address, "/login", &secret, "name=hanna&password=a+few+words+that+fit");
            assert!(let_in.starts_with("HTTP/1.1 303"), "{let_in}");
            let secret =
                let_in.split("retrocall=").nth(1).expect("a cookie").split(';').next().expect("its value").to_owned();
            assert!(form(address, "/next", &secret, "").starts_with("HTTP/1.1 303"));
            let get = |place: &str| {
                ask(
                    address,
                    &format!(
                        "GET {place} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nCookie: retrocall={secret}\r\n\r\n"
                    ),
                )
            };
            let page = get("/next");
            let recording =
                page.split("/recordings/").nth(1).expect("a call").split('/').next().expect("its id").to_owned();
            let played = form(address, &format!("/recordings/{recording}/play"), &secret, "to=/next");
            assert!(played.starts_with("HTTP/1.1 303"), "{played}");
            assert!(get(&format!("/recordings/{recording}/peaks")).starts_with("HTTP/1.1 200"));
            assert!(home.path().join("peaks").join(&recording).exists(), "its picture is kept");
            let decided =
                form(address, "/next/outcome", &secret, &format!("recording={recording}&outcome=no-finding&sure=yes"));
            assert!(decided.contains("It was a call of anna."), "{decided}");
        },
    );
}

#[test]
fn behind_the_barrier_a_press_reaches_the_engine_in_the_name_of_whoever_is_logged_in() {
    let home = Home::new();
    let recorder = Recorder::start(&home);
    recorder.with(|book| book.calls.push(call()));
    served(
        &home,
        |_| {},
        |address| {
            let secret = "0".repeat(64);
            let let_in = form(address, "/login", &secret, "name=anna&password=a+few+words+that+fit");
            let secret =
                let_in.split("retrocall=").nth(1).expect("a cookie").split(';').next().expect("its value").to_owned();
            let pressed = form(address, "/mine/live", &secret, "do=record");
            assert!(pressed.contains("The whole call is kept, from its first second: 3:21 so far."), "{pressed}");
        },
    );
    let pressed = recorder.pressed();
    assert!(pressed.len() == 1 && pressed[0].0 == "anna", "{pressed:?}");
}

#[test]
fn whoever_stalls_or_floods_keeps_nobody_out() {
    let home = Home::new();
    served(
        &home,
        |_| {},
        |address| {
            let mut stalled: Vec<TcpStream> =
                (0..40).map(|_| TcpStream::connect(address).expect("it listens")).collect();
            for stream in &mut stalled {
                stream.write_all(b"GET /login HTTP/1.1\r\nHost: loc").expect("sent");
            }
            let endless = format!("GET / HTTP/1.1\r\nHost: localhost\r\nA: {}\r\n\r\n", "a".repeat(100_000));
            assert!(!ask(address, &endless).starts_with("HTTP/1.1 200"));
            assert!(!ask(address, "\0\u{1}nonsense\r\n\r\n").starts_with("HTTP/1.1 200"));
            let page = ask(address, "GET /login HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
            assert!(page.starts_with("HTTP/1.1 200") && page.contains("Log in"), "{page}");
        },
    );
}

#[test]
fn an_address_that_others_can_reach_is_refused_without_a_certificate_and_so_is_a_home_without_a_catalog() {
    let home = Home::new();
    let remote = Setup { address: "0.0.0.0:0".parse().expect("an address"), ..setup(&home) };
    assert!(listen(remote).err().expect("refused").contains("name a certificate"));
    let files = ["chain.pem", "key.pem"].map(|name| home.path().join(name));
    let [chain, key] = files.clone();
    let with = |chain, key| Setup { certificate: Some(Certificate { chain, key }), ..setup(&home) };
    assert!(listen(with(chain.clone(), key.clone())).err().expect("refused").contains("can't be read"));
    fs::write(&chain, "nonsense").expect("a file");
    assert!(listen(with(chain, key)).err().expect("refused").contains("BEGIN CERTIFICATE"));
    let empty = tempfile::tempdir().expect("a folder");
    let nothing = Setup { home: empty.path().to_owned(), ..setup(&home) };
    assert!(listen(nothing).err().expect("refused").contains("start the engine once"));
    let _ = home.clock.now() + Duration::from_secs(1);
}
