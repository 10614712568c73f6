//! A desk with pages: an engine that has kept calls of a day that is over, people with passwords, and `retrocall web`.

use std::{
    io::{BufRead as _, BufReader, Write as _},
    process::{Child, Stdio},
};

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use serde_json::Value;

use super::{
    chromium::Chromium,
    desk::{Desk, Home, Ran, fixture, wait_for},
};

/// Everybody's.
pub const PASSWORD: &str = "a few words that fit";

/// Who calls.
pub const CUSTOMER: &str = "020 123 4567";

/// Who works here, and as what.
const PEOPLE: [(&str, &str); 6] = [
    ("bert", "agent"),
    ("hanna", "reviewer"),
    ("tom", "case-handler"),
    ("olga", "privacy-officer"),
    ("ada", "administrator"),
    ("cora", "council"),
];

/// Calls of bert's, all of them in the sample.
pub struct Kept {
    /// How many.
    pub calls: usize,
    /// In how many of these record was pressed.
    pub pressed: usize,
}

/// A desk with pages.
pub struct Stage {
    pub desk: Desk,
    web: Child,
    url: String,
}

impl Stage {
    /// A desk at which these calls were kept yesterday, as far as the lottery is concerned.
    pub fn open(kept: Kept) -> Stage {
        let desk = Desk::open(&["--one-in", "1", "--memory", "16MiB"]);
        let home: &Home = &desk;
        let talk = fixture("talk-8k.wav");
        for number in 0..kept.calls {
            let file = talk.to_str().expect("a path");
            let mut replay = vec!["replay", file, "--agent", "bert", "--customer", CUSTOMER, "--speed", "0"];
            if number < kept.pressed {
                replay.extend(["--record-at", "30"]);
            }
            home.json(&replay);
        }
        wait_for("the recordings", || (home.recordings().len() == kept.calls).then_some(()));
        Stage::beside(desk)
    }

    /// The same beside an engine that has kept what it has kept.
    pub fn beside(desk: Desk) -> Stage {
        let home: &Home = &desk;
        for (name, role) in PEOPLE {
            let agent: &[&str] = if role == "agent" { &["--agent", name] } else { &[] };
            home.json(&[&["user", "add", name, "--role", role], agent].concat());
            set_password(home, name);
        }
        // As if a night had passed, and the first call of the next day had come.
        home.execute(
            "UPDATE recordings SET began_at = strftime('%Y-%m-%dT%H:%M:%f', began_at, '-1 day') || '000Z', \
                                   ends_at = strftime('%Y-%m-%dT%H:%M:%f', ends_at, '-1 day') || '000Z'",
        );
        home.execute("UPDATE ledger_periods SET published_at = '2026-01-01T00:00:00.000000Z'");
        let mut web = home
            .command(&["web", "--listen", "127.0.0.1:0", "--json"])
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("pages");
        let mut line = String::new();
        BufReader::new(web.stdout.take().expect("its output")).read_line(&mut line).expect("a line");
        let ready: Value = serde_json::from_str(&line).expect("the pages are ready");
        let url = ready["url"].as_str().expect("an address").trim_end_matches('/').to_owned();
        Stage { desk, web, url }
    }

    pub fn home(&self) -> &Home {
        &self.desk
    }

    /// Where a page is.
    pub fn at(&self, place: &str) -> String {
        format!("{}{place}", self.url)
    }

    /// Logs somebody in, on the way to their first page.
    pub fn log_in(&self, browser: &Chromium, name: &str) {
        browser.go(&self.at("/login"));
        browser.fill("name", name);
        browser.fill("password", PASSWORD);
        browser.press_at("main button.main");
        browser.wait_until("a way out", "document.querySelector('form[action=\"/logout\"]')");
    }

    pub fn log_out(&self, browser: &Chromium) {
        browser.press("Log out");
        browser.wait_until("the way in", "document.querySelector('main [name=password]')");
    }

    /// How many recordings there are once there are so many.
    pub fn comes_to(&self, count: usize) {
        wait_for("a recording that goes", || (self.home().recordings().len() == count).then_some(()));
    }
}

fn set_password(home: &Home, name: &str) {
    let mut command = home.command(&["user", "password", name]);
    let mut typed =
        command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().expect("it starts");
    writeln!(typed.stdin.take().expect("its input"), "{PASSWORD}\n{PASSWORD}").expect("it reads");
    let done = typed.wait_with_output().expect("it ends");
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
}

/// Deletes what is due now, as the engine does every hour.
pub fn sweep(home: &Home) {
    let Ran { code, stderr, .. } = home.run(&["sweep"]);
    assert_eq!(code, 0, "{stderr}");
}

impl Drop for Stage {
    fn drop(&mut self) {
        // It was not waited for, so the id is still its own.
        let _ = kill(Pid::from_raw(self.web.id() as i32), Signal::SIGTERM);
        let _ = self.web.wait();
    }
}
