//! What a command that could not do its work says: one line, with a next step in it.

use std::fmt;

use retrocall_client::client::{PlayError, WavError};
use retrocall_settings::SettingsError;
use retrocall_words::{Answer, Refusal};

/// What a command that could not do its work says: one line, with a next step in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure(String);

impl Failure {
    /// Why, and what to do about it.
    pub fn new(cause: impl fmt::Display, next_step: impl fmt::Display) -> Failure {
        Failure::whole(format!("{cause}; {next_step}"))
    }

    /// A line that has its next step in it already.
    pub fn whole(line: impl fmt::Display) -> Failure {
        Failure(line.to_string().replace('\n', " "))
    }

    /// That the engine refused to do `what`.
    pub fn refused(what: &str, answer: &Answer) -> Failure {
        let line = format!("{what} was refused: {}", reason_of(answer));
        match answer.reason.and_then(next_step) {
            Some(next) => Failure::new(line, next),
            None => Failure::whole(line),
        }
    }
}

/// Why the engine refused, in its words.
pub(super) fn reason_of(answer: &Answer) -> String {
    let text = answer.text.clone().or_else(|| answer.reason.map(|reason| reason.to_string()));
    text.unwrap_or_else(|| "it did not say why".to_owned())
}

/// What to do about a refusal; None if its own words say that already.
fn next_step(reason: Refusal) -> Option<&'static str> {
    Some(match reason {
        Refusal::Malformed => "see the command's --help",
        Refusal::UnknownCall => "`retrocall calls` lists the live ones",
        Refusal::NoCall => "name a call with --agent or --call: `retrocall calls` lists the live ones",
        Refusal::NotYours => "ask one of them",
        Refusal::Ended => "press during the call, or ask for a longer `after_hangup` in retrocall.toml",
        Refusal::Private => "what was wiped can't be brought back",
        Refusal::Objected => "whoever runs the engine decides that with `objection_covers_record` in retrocall.toml",
        Refusal::TooManyCalls => "raise `calls_max` in retrocall.toml, or wait until calls end",
        Refusal::CallsPerUser => "end one of them, or raise `calls_per_user` in retrocall.toml",
        Refusal::BeginsPerSecond => "try again in a second, or raise `begins_per_second` in retrocall.toml",
        Refusal::Connected => "end its connection first",
        Refusal::Stopping => "try again when it runs again",
        Refusal::Recording | Refusal::MemoryFull | Refusal::TooManyMarks | Refusal::Disk => return None,
    })
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Failure {}

impl From<SettingsError> for Failure {
    fn from(error: SettingsError) -> Self {
        Failure::whole(error)
    }
}

impl From<PlayError> for Failure {
    fn from(error: PlayError) -> Self {
        match error {
            PlayError::Refused(answer) => Failure::refused("the call", &answer),
            other => Failure::whole(other),
        }
    }
}

impl Failure {
    /// That the file at `path` can't be played.
    pub fn file(path: &std::path::Path, error: &WavError) -> Failure {
        Failure::whole(format!("{} {error}", path.display()))
    }
}
