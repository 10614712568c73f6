//! Where a recording lies.

use std::path::{Path, PathBuf};

use jiff::{Timestamp, tz::TimeZone};

use crate::protocol::CallId;

/// What a file is called until it is a recording: this is added to its name.
pub(super) const PART: &str = ".part";
/// Folders from that of a day up to the one that `recordings` is in.
const FOLDERS_ABOVE: usize = 5;

/// Where one recording lies.
pub(super) struct Paths {
    /// The folder of its day (UTC).
    pub folder: PathBuf,
    /// The file until it is published.
    pub part: PathBuf,
    /// The file from then on.
    pub wav: PathBuf,
}

impl Paths {
    pub(super) fn of(recordings: &Path, call: CallId, began_at: Timestamp) -> Paths {
        let day = began_at.to_zoned_datetime(TimeZone::UTC).date();
        let folder = recordings.join(format!("{:04}/{:02}/{:02}", day.year(), day.month(), day.day()));
        let wav = folder.join(format!("{call}.wav"));
        let part = folder.join(format!("{call}.wav{PART}"));
        Paths { folder, part, wav }
    }

    /// The folders whose names must be durable: those in that of the day, and in those above it, up to the home: the name of `recordings`
    /// itself is in there.
    pub(super) fn folders(&self) -> impl Iterator<Item = &Path> {
        self.folder.ancestors().take(FOLDERS_ABOVE)
    }
}
