//! Telling what came of a press: on threads of their own, for no press waits until the last one has been read about, and no line waits
//! for a desktop.

use std::{
    io::{self, IsTerminal},
    thread,
};

use crossbeam::channel::{Receiver, Sender, unbounded};
use serde::Serialize;

use super::words::{self, Mood, Words};
use crate::cli::output;
use retrocall_client::client::ClientError;
use retrocall_desk::hotkey::{Note, Notifier, Outcome, Told};
use retrocall_engine::watch::spool;
use retrocall_words::Answer;

/// Tells what came of presses.
pub(super) struct Teller {
    to: Sender<Told>,
}

impl Teller {
    /// Starts to tell: a line on standard error and a notification; with `json` an object on standard output as well.
    pub(super) fn start(json: bool, sound: bool) -> Teller {
        let ((to, from), (to_screen, for_screen)) = (unbounded(), unbounded());
        // Both end with the process.
        thread::Builder::new().name("tell".into()).spawn(move || tell(&from, json, &to_screen)).expect("a thread");
        thread::Builder::new().name("notify".into()).spawn(move || show(&for_screen, sound)).expect("a thread");
        Teller { to }
    }

    /// Has it told, soon.
    pub(super) fn tell(&self, told: Told) {
        let _ = self.to.send(told);
    }
}

fn tell(from: &Receiver<Told>, json: bool, screen: &Sender<Words>) {
    for told in from {
        if let (Told::Pressed(outcome), true) = (&told, json) {
            output::say_json(&Pressed::of(outcome));
        }
        if let Some(words) = words::of(&told) {
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
        // Each takes the place of the one before: on a desktop that is slow the last one counts.
        let words = from.try_iter().last().unwrap_or(words);
        screen.show(&words);
    }
}

/// The agent's screen, or the lack of one.
struct Screen {
    notifier: Option<Notifier>,
    /// That there are no notifications was said; once is enough until there are.
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
            output::complain(&format!("{error}: what comes of a press is told here alone"));
        }
        self.complained = true;
    }
}

/// A press, for programs.
#[derive(Serialize)]
struct Pressed<'a> {
    key: &'static str,
    r#do: &'static str,
    /// The engine's answer; none if it gave none.
    #[serde(flatten)]
    answer: Option<&'a Answer>,
    /// Why there is no answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
    /// From the key to the answer.
    took_us: u64,
}

impl Pressed<'_> {
    fn of(outcome: &Outcome) -> Pressed<'_> {
        Pressed {
            key: outcome.button.as_str(),
            r#do: outcome.ask.verb().as_str(),
            answer: outcome.came.as_ref().ok(),
            error: outcome.came.as_ref().err().map(ClientError::to_string),
            took_us: u64::try_from(outcome.took.as_micros()).unwrap_or(u64::MAX),
        }
    }
}
