//! Tells the agent the outcome of a press, on threads of its own: no press waits until the last one has been read about, and no line waits for a
//! desktop.

use std::{
    io::{self, IsTerminal},
    thread,
};

use crossbeam::channel::{Receiver, Sender, unbounded};
use serde::Serialize;

use super::words::{self, Mood, Words};
use crate::cli::output;
use retrocall_desk::hotkey::{Note, Notifier, Press, Report, Unanswered};
use retrocall_engine::watch::spool;
use retrocall_words::Answer;

/// Tells outcomes of presses.
pub(super) struct Teller {
    to: Sender<Report>,
}

impl Teller {
    /// Starts telling: a line on standard error and a notification; with `json` also an object on standard output.
    pub(super) fn start(json: bool, sound: bool) -> Teller {
        let ((to, from), (to_screen, for_screen)) = (unbounded(), unbounded());
        // Both threads end with the process.
        thread::Builder::new().name("tell".into()).spawn(move || tell(&from, json, &to_screen)).expect("a thread");
        thread::Builder::new().name("notify".into()).spawn(move || show(&for_screen, sound)).expect("a thread");
        Teller { to }
    }

    /// Hands over a report. It is told soon.
    pub(super) fn tell(&self, report: Report) {
        let _ = self.to.send(report);
    }
}

fn tell(from: &Receiver<Report>, json: bool, screen: &Sender<Words>) {
    for report in from {
        if let (Report::Pressed(press), true) = (&report, json) {
            output::say_json(&PressFacts::of(press));
        }
        if let Some(words) = words::of(&report) {
            output::complain(&words.line());
            let _ = screen.send(words);
        }
    }
}

fn show(from: &Receiver<Words>, sound: bool) {
    let mut screen = Screen { notifier: Notifier::new().ok(), complained: false, sound };
    if let Some(Err(error)) = screen.notifier.as_mut().map(Notifier::connect) {
        screen.complain(&error.to_string());
    }
    for words in from {
        // Each replaces the one before: on a slow desktop only the latest counts.
        let words = from.try_iter().last().unwrap_or(words);
        screen.show(&words);
    }
}

/// The agent's screen, or the lack of one.
struct Screen {
    notifier: Option<Notifier>,
    /// Whether it was said that there are no notifications: once is enough until there are.
    complained: bool,
    sound: bool,
}

impl Screen {
    fn show(&mut self, words: &Words) {
        let note = Note {
            title: &words.title,
            body: &words.body,
            urgent: words.mood == Mood::Failed,
            sound: self.sound.then(|| words.mood.sound()),
        };
        match self.notifier.as_mut().map(|notifier| notifier.show(&note)) {
            Some(Ok(())) => self.complained = false,
            Some(Err(error)) => self.complain(&error.to_string()),
            None => {}
        }
        if self.complained && self.sound && io::stderr().is_terminal() {
            spool::put_log(b"\x07");
        }
    }

    fn complain(&mut self, error: &str) {
        if !self.complained {
            output::complain(&format!("{error}: the outcome of a press is shown only here"));
        }
        self.complained = true;
    }
}

/// A press, for programs.
#[derive(Serialize)]
struct PressFacts<'a> {
    key: &'static str,
    r#do: &'static str,
    /// The engine's answer; none if there was none.
    #[serde(flatten)]
    answer: Option<&'a Answer>,
    /// Why there is no answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
    /// Time from the key to the answer.
    took_us: u64,
}

impl PressFacts<'_> {
    fn of(press: &Press) -> PressFacts<'_> {
        PressFacts {
            key: press.button.as_str(),
            r#do: press.ask.verb().as_str(),
            answer: press.came.as_ref().ok(),
            error: press.came.as_ref().err().map(Unanswered::to_string),
            took_us: u64::try_from(press.took.as_micros()).unwrap_or(u64::MAX),
        }
    }
}
