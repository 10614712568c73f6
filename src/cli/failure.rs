//! The error of a command: one line, which includes a next step.

use std::fmt;

use retrocall_client::client::{PlayError, WavError};
use retrocall_settings::SettingsError;
use retrocall_words::{Answer, Refusal};

/// The error of a command: one line, which includes a next step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure(String);

impl Failure {
    /// A cause with a next step.
    pub fn new(cause: impl fmt::Display, next_step: impl fmt::Display) -> Failure {
        Failure::whole(format!("{cause}; {next_step}"))
    }

    /// A line that includes its next step already.
    pub fn whole(line: impl fmt::Display) -> Failure {
        Failure(line.to_string().replace('\n', " "))
    }

    /// The engine refused to do `what`.
    pub fn refused(what: &str, answer: &Answer) -> Failure {
        let line = format!("{what} was refused: {}", reason_of(answer));
        match answer.reason.and_then(next_step) {
            Some(next) => Failure::new(line, next),
            None => Failure::whole(line),
        }
    }
}

/// The engine's reason for a refusal, in its words.
pub(super) fn reason_of(answer: &Answer) -> String {
    let text = answer.text.clone().or_else(|| answer.reason.map(|reason| reason.to_string()));
    text.unwrap_or_else(|| "it did not say why".to_owned())
}

/// The next step after a refusal; none if the reason includes it.
fn next_step(reason: Refusal) -> Option<&'static str> {
    Some(match reason {
        Refusal::Malformed => "see the command's --help",
        Refusal::UnknownCall => "`retrocall calls` lists the live ones",
        Refusal::NoCall => "name a call with --agent or --call: `retrocall calls` lists the live ones",
        Refusal::NotYours => "ask one of them",
        Refusal::Ended => "press during the call, or ask for a longer `after_hangup` in retrocall.toml",
        Refusal::Private => "wiped audio can't be brought back",
        Refusal::Exempt => "the desk's list of such lines is `never_capture` in retrocall.toml",
        Refusal::Objected => "the engine's owner decides that with `objection_covers_record` in retrocall.toml",
        Refusal::TooManyCalls => "raise `calls_max` in retrocall.toml, or wait until calls end",
        Refusal::CallsPerUser => "end one of them, or raise `calls_per_user` in retrocall.toml",
        Refusal::BeginsPerSecond => "try again in a second, or raise `begins_per_second` in retrocall.toml",
        Refusal::Connected => "end its connection first",
        Refusal::Stopping => "try again when it runs again",
        Refusal::Recording | Refusal::MemoryFull | Refusal::TooManyMarks | Refusal::Disk => return None,
        // Commands act for themselves.
        Refusal::NoAccount | Refusal::Catalog => return None,
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
    /// The file at `path` can't be played.
    pub fn file(path: &std::path::Path, error: &WavError) -> Failure {
        Failure::whole(format!("{} {error}", path.display()))
    }
}
