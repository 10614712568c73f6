//! Sockets that somebody else holds, as systemd does: nobody is ever refused a connection, however engines stop, die and start, and whoever
//! waited is served by the next one.

use std::{
    io::{ErrorKind, Read},
    net::{Shutdown, SocketAddr, TcpListener, TcpStream},
    os::{fd::AsFd, unix::net::UnixListener},
    sync::atomic::{AtomicU32, Ordering},
    thread,
    time::Duration,
};

use nix::{
    fcntl::{FcntlArg, fcntl},
    sys::socket::{Backlog, listen},
};
use serde_json::json;

use crate::{
    AGENT, AGENTS, CUSTOMER, calls,
    desk::{Desk, Home, PATIENCE, Sound, wait_for},
    have_come, kept,
    peer::Peer,
    placing, press,
    rig::Raw,
};

/// Both listening sockets of an engine, and their numbers in programs that are started.
struct Holder {
    _local: UnixListener,
    audiosocket: TcpListener,
    numbers: [i32; 2],
}

impl Holder {
    fn of(home: &Home) -> Holder {
        let local = UnixListener::bind(home.path().join("engine.sock")).expect("a path");
        let audiosocket = TcpListener::bind("127.0.0.1:0").expect("a port");
        [local.as_fd(), audiosocket.as_fd()].iter().for_each(|socket| {
            listen(socket, Backlog::MAXCONN).expect("it listens");
        });
        // Not closed in children, as the sockets themselves are.
        let number = |socket: &dyn AsFd| fcntl(socket.as_fd(), FcntlArg::F_DUPFD(20)).expect("a number");
        Holder { numbers: [number(&local), number(&audiosocket)], _local: local, audiosocket }
    }

    fn address(&self) -> SocketAddr {
        self.audiosocket.local_addr().expect("an address")
    }

    /// An engine that inherits them, as systemd would start it.
    fn start(&self, home: Home) -> Desk {
        let [local, audiosocket] = self.numbers;
        let take = format!(
            "exec 3<&{local} 4<&{audiosocket} {local}<&- {audiosocket}<&-; LISTEN_PID=$$ LISTEN_FDS=2 exec \"$@\""
        );
        home.start_under(&["bash", "-c", &take, "bash"], &["--one-in", "0"])
    }
}

#[test]
fn an_engine_takes_its_sockets_over_from_whoever_holds_them_and_leaves_them_when_it_stops() {
    let home = Home::with_settings(AGENTS);
    let holder = Holder::of(&home);
    // Nobody is there yet, and nobody is refused.
    let mut early = Raw::bare(&home.path().join("engine.sock"));
    early.say(&json!({"id": 1, "do": "calls"}));
    let mut agent = Peer::connect_to(holder.address(), AGENT);
    let sound = Sound::noise(8_000, 1_600, 29);
    agent.speak(0x10, &sound.legs[0], 160);
    let desk = holder.start(home);
    assert_eq!(desk.ready()["audiosocket"], holder.address().to_string());
    assert_eq!(early.event("hello")["event"], "hello");
    calls(&desk, have_come([1_600, 0], 8_000));
    press(&desk, "anna");
    let home = desk.stop();
    assert!(home.path().join("engine.sock").exists(), "the socket is not the engine's to remove");
    // Who comes now waits for the next engine.
    let mut customer = Peer::connect_to(holder.address(), CUSTOMER);
    customer.speak(0x10, &sound.legs[1], 160);
    let desk = holder.start(home);
    let live = calls(&desk, have_come([0, 1_600], 8_000));
    assert_eq!(live[0]["agent"], "anna");
    drop(customer);
    calls(&desk, <[serde_json::Value]>::is_empty);
    assert!(kept(&desk).legs[0].starts_with(&sound.legs[0]));
    desk.stop();
}

#[test]
fn legs_that_waited_for_an_engine_are_as_far_apart_as_they_were_spoken() {
    let mut talks = placing::talks();
    let home = Home::with_settings(&placing::agents(talks.len()));
    let holder = Holder::of(&home);
    let (address, mut home, mut desk) = (holder.address(), Some(home), None);
    placing::talk(
        &mut talks,
        Duration::from_millis(1_400),
        |uuid| Peer::connect_to(address, uuid),
        |passed| {
            if passed == Duration::from_millis(700) {
                desk = home.take().map(|home| holder.start(home));
            }
        },
    );
    let desk = desk.expect("it was started");
    placing::assert_are_kept(&desk, talks);
    desk.stop();
}

#[test]
fn a_thousand_connections_through_stops_kills_and_restarts_are_refused_not_once() {
    const PHONES: u32 = 20;
    const CONNECTIONS: u32 = 1_000;
    let home = Home::with_settings(AGENTS);
    let holder = Holder::of(&home);
    let (address, came) = (holder.address(), AtomicU32::new(0));
    let home = thread::scope(|scope| {
        let call = || {
            for number in 0..CONNECTIONS / PHONES {
                let stream = TcpStream::connect(address);
                let mut stream = stream.unwrap_or_else(|error| panic!("connection {number}: {error}"));
                came.fetch_add(1, Ordering::Relaxed);
                // The next one comes when an engine has ended this one, or has ended with it: so they come in every state of an engine.
                let _ = stream.shutdown(Shutdown::Write);
                stream.set_read_timeout(Some(PATIENCE)).expect("a time");
                let ended = stream.read_to_end(&mut Vec::new());
                assert_ne!(
                    ended.map_err(|error| error.kind()),
                    Err(ErrorKind::WouldBlock),
                    "connection {number} is left"
                );
            }
        };
        let phones: Vec<_> = (0..PHONES).map(|_| scope.spawn(call)).collect();
        let mut home = home;
        let mut turns = 0;
        while !phones.iter().all(|phone| phone.is_finished()) || turns < 2 {
            let desk = holder.start(home);
            home = if turns % 2 == 0 { desk.stop() } else { desk.kill() };
            turns += 1;
        }
        home
    });
    assert_eq!(came.load(Ordering::Relaxed), CONNECTIONS);
    // The last of them are served, and the engine is well.
    let desk = holder.start(home);
    let mut peer = Peer::connect_to(address, AGENT);
    peer.speak(0x10, &[7; 1_600], 160);
    calls(&desk, have_come([1_600, 0], 8_000));
    drop(peer);
    desk.stop();
}

#[test]
fn calls_that_came_and_went_while_no_engine_was_there_are_counted_and_wiped() {
    const CALLS: u64 = 20;
    let home = Home::new();
    let holder = Holder::of(&home);
    let sound = Sound::noise(8_000, 1_600, 31);
    for call in 0..CALLS {
        for leg in [0, 1] {
            let mut peer = Peer::connect_to(holder.address(), &format!("{call:08x}-0000-4000-8000-00000000000{leg}"));
            peer.speak(0x10, &sound.legs[leg], 160);
            peer.shut_writing();
        }
    }
    let desk = holder.start(home);
    let status = wait_for("every call is wiped", || {
        let status = desk.json(&["status"]);
        (status["totals"]["discards"].as_u64() >= Some(CALLS) && status["calls"] == 0).then_some(status)
    });
    let totals = &status["totals"];
    assert_eq!(
        (&totals["calls_begun"], &totals["frames"]),
        (&CALLS.into(), &(2 * 10 * CALLS).into()),
        "both legs of each"
    );
    assert_eq!(status["held_bytes"], 0);
    let home = desk.stop();
    assert_eq!(home.ledger(|rows| rows.len() as u64 == CALLS).len() as u64, CALLS);
    assert!(!home.holds_any(&sound, 0, 1_600));
}

#[test]
fn a_socket_that_is_no_way_in_is_refused_with_the_reason() {
    let home = Home::new();
    let stray = UnixListener::bind(home.beside("stray.sock")).expect("a path");
    let number = fcntl(stray.as_fd(), FcntlArg::F_DUPFD(20)).expect("a number");
    let take = format!("exec 3<&{number}; LISTEN_PID=$$ LISTEN_FDS=1 exec \"$@\"");
    let mut command = std::process::Command::new("bash");
    command
        .args(["-c", &take, "bash", crate::desk::PROGRAM, "--home"])
        .arg(home.path())
        .args(["run", "--allow-unlocked"]);
    let ran = crate::desk::Ran::of(command);
    assert_eq!(ran.code, 1);
    assert!(ran.stderr.contains("stray.sock was handed over") && ran.stderr.contains("ListenStream="), "{ran:?}");
}
