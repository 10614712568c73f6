//! A store that is a bucket: an S3 server of others (moto), on loopback.

use std::{
    io::{Read as _, Write as _},
    net::{TcpListener, TcpStream},
    path::Path,
    process::{Child, Command, Stdio},
};

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};

use crate::{
    desk::{Desk, Home, PROGRAM, wait_for},
    heard,
    machines::{Centre, Link, wait_until_delivered},
    pressed,
};

/// An S3 server. It ends with the test.
pub struct Bucket {
    server: Child,
    pub address: String,
}

impl Bucket {
    pub fn start() -> Bucket {
        let program = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/moto/bin/moto_server");
        assert!(program.exists(), "an S3 server, for the tests: make setup");
        // A port that was free a moment ago.
        let port = TcpListener::bind("127.0.0.1:0").and_then(|free| free.local_addr()).expect("a port").port();
        let address = format!("127.0.0.1:{port}");
        let mut command = Command::new(program);
        command.args(["-H", "127.0.0.1", "-p", &port.to_string()]).stdout(Stdio::null()).stderr(Stdio::null());
        let bucket = Bucket { server: command.spawn().expect("a server"), address };
        wait_for("the S3 server", || TcpStream::connect(&bucket.address).ok());
        bucket
    }

    /// What the server answers to a request that nobody signed: it checks no signatures.
    pub fn ask(&self, request: &str, body: &str) -> String {
        let mut stream = TcpStream::connect(&self.address).expect("it listens");
        let length = body.len();
        write!(
            stream,
            "{request} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n{body}",
            self.address
        )
        .expect("sent");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("an answer");
        answer
    }

    fn set(&self, command: &mut Command) {
        Bucket::set_at(&self.address, command);
    }

    /// What a process needs that finds it at this address.
    pub fn set_at(address: &str, command: &mut Command) {
        command.env("AWS_ENDPOINT_URL", format!("http://{address}"));
        command.env("AWS_ACCESS_KEY_ID", "desk").env("AWS_SECRET_ACCESS_KEY", "secret").env("AWS_REGION", "eu-west-1");
    }
}

impl Drop for Bucket {
    fn drop(&mut self) {
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}

/// What `doctor` says of the store.
fn doctor(bucket: &Bucket, home: &Home) -> String {
    let mut command = Command::new(PROGRAM);
    command.arg("--home").arg(home.path()).args(["doctor", "--json"]);
    bucket.set(&mut command);
    let checks: serde_json::Value = serde_json::from_slice(&command.output().expect("it runs").stdout).expect("JSON");
    let store = checks.as_array().expect("a list").iter().find(|check| check["check"] == "store").expect("the store");
    format!("{} {}", store["state"].as_str().expect("a state"), store["text"].as_str().expect("words"))
}

/// Whoever waits for another machine keeps nobody from the database. Within the four seconds two rounds of its link begin, of which the first thing is
/// the ledger's new rows: they wait for the store.
fn while_the_store_stands_still_no_transaction_waits_for_it(bucket: &Bucket, centre: &Centre, desk: &Desk) {
    let server = Pid::from_raw(i32::try_from(bucket.server.id()).expect("an id"));
    kill(server, Signal::SIGSTOP).expect("our child takes signals");
    pressed(desk, "bert", 4);
    let open = "SELECT COUNT(*) FROM pg_sleep(4), pg_stat_activity
                WHERE datname = current_database() AND pid <> pg_backend_pid() AND clock_timestamp() - xact_start > '0.5 s'";
    assert_eq!(centre.ask(open), "0", "transactions are open");
    assert_eq!(desk.audio_files().len(), 1, "it waits for the store");
    let rows = desk.one("SELECT CAST(MAX(row) + 1 AS TEXT) FROM ledger_rows");
    assert_ne!(centre.ask("SELECT MAX(end_row) FROM site_segments"), rows, "so do the ledger's rows");
    // Others work on meanwhile.
    centre.code();
    kill(server, Signal::SIGCONT).expect("our child takes signals");
    wait_until_delivered(desk);
}

#[test]
fn a_bucket_takes_recordings_and_one_that_keeps_what_is_deleted_is_refused() {
    let bucket = Bucket::start();
    assert!(bucket.ask("PUT /calls", "").starts_with("HTTP/1.1 200"));
    let centre = Centre::start_with(Some("s3://calls/desk"), |command| bucket.set(command));
    let desk = Desk::open(&["--one-in", "0"]);
    centre.join(&desk);
    let sound = pressed(&desk, "anna", 3);
    let _link = Link::start(&desk);
    wait_until_delivered(&desk);
    let kept = centre.recordings();
    heard(&centre, kept[0]["id"].as_str().expect("an id")).assert_is(&sound);
    while_the_store_stands_still_no_transaction_waits_for_it(&bucket, &centre, &desk);
    let listed = bucket.ask("GET /calls?list-type=2&prefix=desk/sites/", "");
    assert_eq!(listed.matches("/recordings/").count(), 4, "of each a part, and what its site said of it: {listed}");
    assert!(doctor(&bucket, &centre.home).starts_with("ok "), "{}", doctor(&bucket, &centre.home));
    let versions = "<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>";
    assert!(bucket.ask("PUT /calls?versioning=", versions).starts_with("HTTP/1.1 200"));
    let told = doctor(&bucket, &centre.home);
    assert!(told.starts_with("fail ") && told.contains("keeps versions"), "{told}");
}
