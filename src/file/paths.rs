//! Where a recording lies: the folder of its day, the names of its files.

use std::path::{Path, PathBuf};

use jiff::{Timestamp, tz::TimeZone};

use retrocall_words::CallId;

/// What a file is called until it is published: this is added to its name.
pub(super) const UNFINISHED: &str = ".part";
/// Folders from that of a day up to the one that `recordings` is in.
const FOLDERS_ABOVE: usize = 5;

/// Where one recording lies, with all its parts.
#[derive(Clone)]
pub struct Paths {
    pub(super) call: CallId,
    /// The folder of its day (UTC).
    pub(super) folder: PathBuf,
}

impl Paths {
    /// Those of a call, by the day on which it began.
    pub fn of(recordings: &Path, call: CallId, began_at: Timestamp) -> Paths {
        let day = began_at.to_zoned_datetime(TimeZone::UTC).date();
        let folder = recordings.join(format!("{:04}/{:02}/{:02}", day.year(), day.month(), day.day()));
        Paths { call, folder }
    }

    /// A part, from 1, once it is published.
    pub fn wav(&self, part: u32) -> PathBuf {
        self.folder.join(name(self.call, part))
    }

    /// A part until it is published.
    pub fn unfinished(&self, part: u32) -> PathBuf {
        unfinished(&self.wav(part))
    }

    /// The folders whose names must be durable: those in that of the day, and in those above it, up to the home: the name of `recordings`
    /// itself is in there.
    pub(super) fn folders(&self) -> impl Iterator<Item = &Path> {
        self.folder.ancestors().take(FOLDERS_ABOVE)
    }
}

/// What a part is called once it is published.
pub(super) fn name(call: CallId, part: u32) -> String {
    if part == 1 { format!("{call}.wav") } else { format!("{call}-{part}.wav") }
}

/// The same file until it is published.
pub(super) fn unfinished(wav: &Path) -> PathBuf {
    let mut path = wav.as_os_str().to_owned();
    path.push(UNFINISHED);
    path.into()
}

/// Whose part a name says that it is, and which, if it is one that [`name`] gives.
pub(super) fn read_name(text: &str) -> Option<(CallId, u32)> {
    let stem = text.strip_suffix(".wav")?;
    let (call, part) = match stem.parse() {
        Ok(call) => (call, 1),
        Err(_) => {
            let (call, part) = stem.rsplit_once('-')?;
            (call.parse().ok()?, part.parse().ok()?)
        }
    };
    // An id, and a number, can be read from other forms too.
    (part > 0 && name(call, part) == text).then_some((call, part))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_says_whose_part_it_is_and_every_other_name_is_foreign() {
        let call: CallId = "01890a5d-ac96-774b-bcce-123456789012".parse().expect("an id");
        for part in [1, 2, 10, u32::MAX] {
            assert_eq!(read_name(&name(call, part)), Some((call, part)));
        }
        for other in ["-0.wav", "-1.wav", "-02.wav", "-x.wav", "-4294967296.wav", ".wav.part", ".WAV", ""] {
            assert_eq!(read_name(&format!("{call}{other}")), None, "{other}");
        }
        assert_eq!(read_name(&format!("{call}.wav").to_uppercase()), None);
    }
}
