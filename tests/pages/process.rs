//! The pages as a process beside an engine, and what a browser sends them, byte by byte.
//!
//! Belongs here: starting them, logging in, asking. Does not: what must come back.

use std::{
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::TcpStream,
    process::{Child, Command, Stdio},
};

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use serde_json::Value;

use crate::desk::Home;

pub const PASSWORD: &str = "a few words that fit";

/// The pages of a desk. They end with the test.
pub struct Pages {
    process: Child,
    pub address: String,
}

impl Pages {
    pub fn start(home: &Home) -> Pages {
        Pages::start_with(home, |_| {})
    }

    /// The same, with what a supervisor adds to their environment.
    pub fn start_with(home: &Home, set: impl FnOnce(&mut Command)) -> Pages {
        Pages::start_at(home, "127.0.0.1:0", set)
    }

    /// The same, at an address.
    pub fn start_at(home: &Home, address: &str, set: impl FnOnce(&mut Command)) -> Pages {
        Pages::try_at(home, address, set).expect("the pages start")
    }

    /// The same; none if they end before they are ready, as they do without a database.
    pub fn try_at(home: &Home, address: &str, set: impl FnOnce(&mut Command)) -> Option<Pages> {
        let mut command = home.command(&["web", "--listen", address, "--json"]);
        set(&mut command);
        let mut process = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().expect("the pages");
        let mut line = String::new();
        BufReader::new(process.stdout.take().expect("its output")).read_line(&mut line).expect("a line");
        let Ok(ready) = serde_json::from_str::<Value>(&line) else {
            process.wait().expect("they have ended");
            return None;
        };
        let address = ready["address"].as_str().expect("an address").to_owned();
        Some(Pages { process, address })
    }

    /// Their process.
    pub fn id(&self) -> u32 {
        self.process.id()
    }

    /// Sends them a signal. They were not waited for, so the id is still their own.
    pub fn signal(&self, signal: Signal) {
        kill(Pid::from_raw(self.process.id() as i32), signal).expect("our child takes signals");
    }

    /// Kills them (`kill -9`).
    pub fn kill(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }

    /// One request, as a browser that keeps this cookie sends it. Everything that comes back.
    pub fn ask(&self, head: &str, cookie: &str, body: &str) -> String {
        let mut stream = TcpStream::connect(&self.address).expect("they listen");
        stream.write_all(request(head, cookie, body).as_bytes()).expect("sent");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("an answer");
        answer
    }

    /// A browser in which somebody is logged in: its cookie, and what its forms bring back.
    pub fn log_in(&self, name: &str) -> (String, String) {
        let page = self.ask("GET /login", "", "");
        let (cookie, form) = (cookie(&page), form_of(&page));
        let fields = format!("form={form}&name={name}&password={}", PASSWORD.replace(' ', "+"));
        let cookie = cookie_after(&self.ask("POST /login", &cookie, &fields));
        let form = form_of(&self.ask("GET /password", &cookie, ""));
        (cookie, form)
    }
}

impl Drop for Pages {
    fn drop(&mut self) {
        self.kill();
    }
}

/// A request in bytes.
pub fn request(head: &str, cookie: &str, body: &str) -> String {
    format!(
        "{head} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nCookie: {cookie}\r\nAccept: application/json\r\n\
         Content-Length: {}\r\n\r\n{body}",
        body.len()
    )
}

fn cookie_after(answer: &str) -> String {
    assert!(answer.starts_with("HTTP/1.1 303"), "{answer}");
    cookie(answer)
}

fn cookie(answer: &str) -> String {
    let given = answer.lines().find_map(|line| line.strip_prefix("set-cookie: ")).expect("a cookie");
    given.split(';').next().expect("a pair").to_owned()
}

fn form_of(page: &str) -> String {
    page.split("name=\"form\" value=\"").nth(1).expect("a form").split('"').next().expect("its token").to_owned()
}

/// Somebody with a password.
pub fn account(home: &Home, name: &str, role: &str) {
    let agent: &[&str] = if role == "agent" { &["--agent", name] } else { &[] };
    home.json(&[&["user", "add", name, "--role", role], agent].concat());
    let mut set = home.command(&["user", "password", name]).stdin(Stdio::piped()).spawn().expect("it starts");
    let twice = format!("{PASSWORD}\n{PASSWORD}\n");
    set.stdin.take().expect("its input").write_all(twice.as_bytes()).expect("it is read");
    assert!(set.wait().expect("it ends").success());
}
