//! How words, times and numbers are written in columns, and read back.

use std::{path::Path, str::FromStr};

use jiff::{Timestamp, civil::Date};

use retrocall_words::{Reason, Word, book::Marks};

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

/// Reads back what [`reasons`] wrote.
pub(super) fn read_reasons(text: &str) -> Option<Vec<Reason>> {
    text.split(',').filter(|word| !word.is_empty()).map(Reason::read).collect()
}

/// Reads back a column whose text is some value's.
pub(super) fn parse<T: FromStr>(text: &str) -> Option<T> {
    text.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reason_comes_back_from_its_column() {
        for count in 0..=Reason::ALL.len() {
            let some = &Reason::ALL[..count];
            assert_eq!(read_reasons(&reasons(some)).as_deref(), Some(some));
        }
        assert_eq!(read_reasons("on-demand,whim"), None);
    }
}
