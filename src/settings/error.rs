//! Errors in the settings: what is wrong, and where.

use std::{
    fmt, io,
    path::{Path, PathBuf},
};

/// How alike an unknown and a known key must be before the error suggests the known one.
const ALIKE: f64 = 0.7;

/// An error in the settings: what is wrong, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SettingsError {
    file: PathBuf,
    line: Option<usize>,
    what: String,
}

impl SettingsError {
    pub(super) fn unreadable(file: &Path, cause: &io::Error) -> SettingsError {
        let what = format!("can't be read ({cause}): check its permissions");
        SettingsError { file: file.to_owned(), line: None, what }
    }

    pub(super) fn from_toml(file: &Path, text: &str, error: &toml::de::Error) -> SettingsError {
        let line = error.span().map(|span| 1 + text[..span.start.min(text.len())].matches('\n').count());
        let key = line.and_then(|line| text.lines().nth(line - 1)?.split_once('=')).map(|(key, _)| key.trim());
        let words = error.message();
        let what = match unknown(words) {
            Some(unknown) => unknown,
            None => match key {
                Some(key) => format!("`{key}`: {words}"),
                None => words.to_owned(),
            },
        };
        SettingsError { file: file.to_owned(), line, what }
    }
}

/// The words for a key that does not exist, with a suggestion.
fn unknown(words: &str) -> Option<String> {
    let rest = words.strip_prefix("unknown field `")?;
    let (key, known) = rest.split_once('`')?;
    // `expected one of `a`, `b`, ...`: every second piece between backticks is a key.
    let known: Vec<&str> = known.split('`').skip(1).step_by(2).collect();
    let likeness =
        |name: &str| strsim::normalized_damerau_levenshtein(name, &key.to_ascii_lowercase().replace('-', "_"));
    let best = known.iter().max_by(|a, b| likeness(a).total_cmp(&likeness(b)));
    Some(match best.filter(|name| likeness(name) >= ALIKE) {
        Some(meant) => format!("`{key}` is no setting: did you mean `{meant}`?"),
        None => format!("`{key}` is no setting; there are {}", known.join(", ")),
    })
}

impl fmt::Display for SettingsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            Some(line) => write!(f, "{}, line {line}: {}", self.file.display(), self.what),
            None => write!(f, "{}: {}", self.file.display(), self.what),
        }
    }
}

impl std::error::Error for SettingsError {}
