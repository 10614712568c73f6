//! The outcome of a press, in words for an agent in a call: short, and without anything about the customer.

use crate::cli::{failure, output};
use retrocall_client::client::ClientError;
use retrocall_desk::hotkey::{Press, Report, Unanswered};
use retrocall_words::{Answer, Ask, Event, Origin, Reason, Refusal, Verdict};

/// The kind of outcome.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mood {
    /// It was done.
    Done,
    /// It was so before, or is only news.
    Known,
    /// It was not done.
    Failed,
}

impl Mood {
    /// Its sound, by its name in the XDG Sound Naming Specification.
    pub(super) fn sound(self) -> &'static str {
        match self {
            Mood::Done => "complete",
            Mood::Known => "message",
            Mood::Failed => "dialog-error",
        }
    }
}

/// The words of an outcome.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Words {
    pub mood: Mood,
    pub title: String,
    pub body: String,
}

impl Words {
    fn new(mood: Mood, title: &str, body: impl Into<String>) -> Words {
        Words { mood, title: title.to_owned(), body: body.into() }
    }

    /// As one line.
    pub(super) fn line(&self) -> String {
        format!("{}. {}", self.title, self.body)
    }
}

/// The words for a report, if it is worth any.
pub(super) fn of(report: &Report) -> Option<Words> {
    match report {
        Report::Pressed(press) => Some(of_press(press)),
        Report::Lost(error) => Some(Words::new(Mood::Failed, "A key has stopped working", capital(&error.to_string()))),
        Report::Event(event) => of_event(event),
    }
}

fn of_press(press: &Press) -> Words {
    match &press.came {
        Ok(answer) if answer.answer == Verdict::Refused => refused(&press.ask, answer),
        Ok(answer) => {
            let mut words = done(press, answer);
            if let Some(text) = &answer.text {
                words.body = format!("{} {}.", words.body, capital(text));
            }
            words
        }
        Err(error) => unanswered(&press.ask, error),
    }
}

fn done(press: &Press, answer: &Answer) -> Words {
    let already = answer.answer == Verdict::Already;
    let so_far = output::length(answer.seconds.unwrap_or_default());
    match &press.ask {
        Ask::Record if already => {
            Words::new(Mood::Known, "Already recording", format!("This press is a bookmark, at {so_far}."))
        }
        Ask::Record => {
            Words::new(Mood::Done, "Recording from the start", format!("The {so_far} before your press are kept too."))
        }
        Ask::Mask if press.stays_masked => Words::new(
            Mood::Known,
            "Already masked",
            "Not by this key: it stays masked when you let go, until whoever masked it ends that.",
        ),
        Ask::Mask => Words::new(Mood::Done, "Masked", "The call is silent until you let go of the key."),
        Ask::Unmask => Words::new(Mood::Done, "No longer masked", "The call is held again."),
        Ask::Private if already => Words::new(Mood::Known, "Already private", "Nothing of this call is held."),
        _ => Words::new(Mood::Done, "Private", "The audio of this call is wiped, and nothing more is held."),
    }
}

/// The words for what did not happen.
fn not_done(ask: &Ask) -> &'static str {
    match ask {
        Ask::Record => "Not recorded",
        Ask::Mask => "NOT masked",
        Ask::Unmask => "Still masked",
        _ => "Not made private",
    }
}

fn refused(ask: &Ask, answer: &Answer) -> Words {
    match answer.reason {
        Some(Refusal::NoCall | Refusal::UnknownCall) => Words::new(
            Mood::Failed,
            &format!("{}: no call", not_done(ask)),
            "There is no live call of yours. If you are in one, its softphone is not connected to retrocall.",
        ),
        _ => Words::new(Mood::Failed, not_done(ask), format!("{}.", capital(&failure::reason_of(answer)))),
    }
}

fn unanswered(ask: &Ask, error: &Unanswered) -> Words {
    match error {
        Unanswered::Engine(ClientError::NoEngine { .. }) => Words::new(
            Mood::Failed,
            &format!("{}: no engine", not_done(ask)),
            "retrocall is not running, so no call is held. It is started with `retrocall run`.",
        ),
        // Nobody knows whether the engine heard us.
        Unanswered::Unknown => Words::new(
            Mood::Failed,
            "No answer",
            "Nobody knows whether it was done: look at your call, or press again, which does no harm.",
        ),
        Unanswered::Engine(ClientError::Silent { waited }) => Words::new(
            Mood::Failed,
            "No answer",
            format!("The engine has said nothing for {} s: press again, or ask whoever runs it.", waited.as_secs()),
        ),
        other => Words::new(Mood::Failed, not_done(ask), format!("{}.", capital(&other.to_string()))),
    }
}

fn of_event(event: &Event) -> Option<Words> {
    match event {
        Event::DiskTrouble { text, .. } => {
            Some(Words::new(Mood::Failed, "The recording waits for the disk", format!("{}.", capital(text))))
        }
        Event::DiskWell { .. } => {
            Some(Words::new(Mood::Known, "The disk takes the recording again", "Nothing was lost."))
        }
        Event::Recording { reason, origin, .. } => Some(kept(*reason, *origin)),
        Event::Kept { seconds, .. } => {
            Some(Words::new(Mood::Known, "Your call is kept", format!("Its {} are on disk.", output::length(*seconds))))
        }
        Event::Offered { agent, .. } => Some(Words::new(
            Mood::Known,
            "A call is offered to you",
            format!("It stays {agent}'s until your softphone takes it."),
        )),
        Event::MemoryFull { text, .. } => {
            Some(Words::new(Mood::Failed, "Parts of the call are lost", format!("{}.", capital(text))))
        }
        _ => None,
    }
}

/// Somebody else than this key asked for the agent's call to be kept.
fn kept(reason: Option<Reason>, origin: Option<Origin>) -> Words {
    let by = match origin {
        Some(Origin::AgentKey) => "It was asked for with the keys of your phone",
        Some(Origin::CustomerKey) => "It was asked for with the keys of the customer's phone",
        _ => "Not by this key: somebody else, or another button of yours, asked for it",
    };
    let title = match reason {
        Some(Reason::Copy) => "Kept: the customer wants a copy",
        _ => "Recording from the start",
    };
    Words::new(Mood::Known, title, format!("{by}."))
}

fn capital(text: &str) -> String {
    let mut chars = text.trim_end_matches('.').chars();
    chars.next().map_or(String::new(), |first| format!("{}{}", first.to_uppercase(), chars.as_str()))
}
