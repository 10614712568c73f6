//! How words, times and numbers are written in columns, and read back.

use std::{path::Path, str::FromStr};

use jiff::{Timestamp, civil::Date};

use super::PurposeKind;
use retrocall_words::{
    Direction, Reason,
    book::{Marks, Outcome, RecordingState},
};

/// A time of fixed width, so that times sort as text.
pub(super) fn time(at: Timestamp) -> String {
    format!("{at:.6}")
}

/// A day as `YYYY-MM-DD`.
pub(super) fn day(day: Date) -> String {
    day.to_string()
}

/// A count, as large as a column takes.
pub(super) fn count(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

/// A number that a column takes: SQL has none that is not a number.
pub(super) fn finite(number: f64) -> f64 {
    if number.is_finite() { number } else { 0.0 }
}

/// Reasons, joined by commas.
pub(super) fn reasons(reasons: &[Reason]) -> String {
    reasons.iter().map(|reason| reason.as_str()).collect::<Vec<_>>().join(",")
}

/// Marks as one JSON object.
pub(super) fn marks(marks: &Marks) -> String {
    // Numbers and names can always be written.
    serde_json::to_string(marks).unwrap_or_else(|_| "{}".to_owned())
}

/// A path under the home folder.
pub(super) fn relative(home: &Path, path: &Path) -> String {
    path.strip_prefix(home).unwrap_or(path).to_string_lossy().into_owned()
}

/// Words that a column holds.
pub(super) trait Word: Copy + 'static {
    /// Each value and its word.
    const WORDS: &'static [(Self, &'static str)];

    /// The value that this word stands for.
    fn read(word: &str) -> Option<Self> {
        Self::WORDS.iter().find(|(_, known)| *known == word).map(|(value, _)| *value)
    }

    /// The word for this value.
    fn word(self) -> &'static str
    where
        Self: PartialEq,
    {
        Self::WORDS.iter().find(|(value, _)| *value == self).map_or("", |(_, word)| word)
    }
}

impl Word for Direction {
    const WORDS: &'static [(Self, &'static str)] =
        &[(Direction::Inbound, "inbound"), (Direction::Outbound, "outbound")];
}

impl Word for Reason {
    const WORDS: &'static [(Self, &'static str)] =
        &[(Reason::OnDemand, Reason::OnDemand.as_str()), (Reason::Sample, Reason::Sample.as_str())];
}

impl Word for Outcome {
    const WORDS: &'static [(Self, &'static str)] =
        &[(Outcome::Live, "live"), (Outcome::Kept, "kept"), (Outcome::Discarded, "discarded"), (Outcome::Lost, "lost")];
}

impl Word for RecordingState {
    const WORDS: &'static [(Self, &'static str)] = &[
        (RecordingState::Committing, "committing"),
        (RecordingState::Complete, "complete"),
        (RecordingState::Incomplete, "incomplete"),
    ];
}

impl Word for PurposeKind {
    const WORDS: &'static [(Self, &'static str)] =
        &[(PurposeKind::Quality, "quality"), (PurposeKind::Incident, "incident")];
}

/// Reads back what [`reasons`] wrote.
pub(super) fn read_reasons(text: &str) -> Option<Vec<Reason>> {
    text.split(',').filter(|word| !word.is_empty()).map(Reason::read).collect()
}

/// Reads back a column whose text is some value's.
pub(super) fn parse<T: FromStr>(text: &str) -> Option<T> {
    text.parse().ok()
}
