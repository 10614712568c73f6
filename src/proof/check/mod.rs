//! The invariants of `docs/durability.md`, over the files and the catalog of a home.
//!
//! Belongs here: what must be true, and what to do where it is not. Does not: SQL, how files are written, what is printed.

mod catalog_side;
mod file_side;

use std::{
    fmt,
    path::{Path, PathBuf},
};

use jiff::{Timestamp, tz::TimeZone};
use serde::{Serialize, Serializer};

use retrocall_records as catalog;
use retrocall_words::{CallId, book::Skipped};

/// What must be true of a home. The numbers are those of `docs/durability.md`, and stay.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Invariant {
    /// The catalog can be read, and nothing in it is damaged.
    SoundCatalog = 1,
    /// Every durable row has its file: at its place, as long as the row says, a WAV file that is as long as it says itself.
    RowHasFile = 2,
    /// The row and the file say the same of the recording.
    SaySame = 3,
    /// Every published file has its row.
    FileHasRow = 4,
    /// While no engine runs, nothing is unfinished: no `.part`, no row that is being written, no live call.
    NothingUnfinished = 5,
    /// Nothing else is in the folder of all recordings.
    NothingForeign = 6,
    /// Only the engine's user can read what is kept.
    ClosedToOthers = 7,
    /// The sequence numbers of a day go from 1 up: each has one call, or is in a hole that has a name.
    NoGaps = 8,
    /// What the ledger calls kept is kept, and what is kept is in the ledger.
    LedgerAgrees = 9,
    /// Every recording has a purpose for each of its reasons: without one it would never be deleted.
    HasPurposes = 10,
    /// No call ends before it begins.
    TimeGoesOn = 11,
}

impl Invariant {
    /// All of them, in order.
    pub const ALL: [Invariant; 11] = [
        Invariant::SoundCatalog,
        Invariant::RowHasFile,
        Invariant::SaySame,
        Invariant::FileHasRow,
        Invariant::NothingUnfinished,
        Invariant::NothingForeign,
        Invariant::ClosedToOthers,
        Invariant::NoGaps,
        Invariant::LedgerAgrees,
        Invariant::HasPurposes,
        Invariant::TimeGoesOn,
    ];

    /// Its number in `docs/durability.md`.
    pub fn number(self) -> u8 {
        self as u8
    }

    /// What it says, in short.
    pub fn words(self) -> &'static str {
        match self {
            Invariant::SoundCatalog => "the catalog is sound",
            Invariant::RowHasFile => "every row has its file",
            Invariant::SaySame => "row and file say the same",
            Invariant::FileHasRow => "every file has its row",
            Invariant::NothingUnfinished => "nothing is unfinished while no engine runs",
            Invariant::NothingForeign => "nothing foreign is among the recordings",
            Invariant::ClosedToOthers => "only the engine's user can read what is kept",
            Invariant::NoGaps => "no gap without a name in the numbers of a day",
            Invariant::LedgerAgrees => "ledger and recordings agree",
            Invariant::HasPurposes => "a purpose for every reason",
            Invariant::TimeGoesOn => "no call ends before it begins",
        }
    }
}

impl fmt::Display for Invariant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.number().fmt(f)
    }
}

impl Serialize for Invariant {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u8(self.number())
    }
}

/// Something that is not as it must be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// Which invariant does not hold.
    pub invariant: Invariant,
    /// Of which call, if it is about one.
    pub call: Option<CallId>,
    /// Of which file or folder, if it is about one.
    pub path: Option<PathBuf>,
    /// What was found.
    pub text: String,
    /// What to do about it.
    pub todo: String,
}

/// What was looked at, and what is wrong with it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Report {
    /// The home folder.
    pub home: PathBuf,
    /// Whether an engine ran.
    pub engine: bool,
    /// Rows of recordings that were looked at.
    pub recordings: usize,
    /// Rows of calls that were looked at.
    pub calls: usize,
    /// Files of recordings that were looked at.
    pub files: usize,
    /// Numbers that have no call, in holes with a name: not wrong, but to be looked at.
    pub skipped: Vec<Skipped>,
    /// Calls that have no number, and so were not drawn: not wrong either.
    pub unnumbered: usize,
    /// What is wrong, by invariant.
    pub findings: Vec<Finding>,
}

impl Report {
    fn find(
        &mut self,
        invariant: Invariant,
        of: (Option<CallId>, Option<&Path>),
        text: impl Into<String>,
        todo: impl Into<String>,
    ) {
        let (call, path) = (of.0, of.1.map(Path::to_owned));
        self.findings.push(Finding { invariant, call, path, text: text.into(), todo: todo.into() });
    }

    /// Leaves what another look, a moment ago, found as well: while an engine runs, what is under way is not wrong.
    pub fn keep_what_stays(&mut self, before: &Report) {
        let key = |finding: &Finding| (finding.invariant, finding.call, finding.path.clone());
        self.findings.retain(|finding| before.findings.iter().any(|other| key(other) == key(finding)));
    }
}

/// A time where we are, with its offset: RFC 3339 all the same.
fn local(at: Timestamp) -> String {
    at.to_zoned_datetime(TimeZone::system()).strftime("%Y-%m-%dT%H:%M:%S%.f%:z").to_string()
}

/// Looks at everything once. `recordings` is the folder of all recordings of this home; `engine_runs` says whether an engine has it now.
pub fn check(home: &Path, recordings: &Path, engine_runs: bool) -> Report {
    let mut report = Report {
        home: home.to_owned(),
        engine: engine_runs,
        recordings: 0,
        calls: 0,
        files: 0,
        skipped: Vec::new(),
        unnumbered: 0,
        findings: Vec::new(),
    };
    match catalog::damage(home) {
        Ok(damage) => {
            for words in damage {
                let path = home.join("catalog.sqlite");
                let todo = "stop the engine, move the catalog away and put a backup in its place: what it does not know is registered";
                report.find(Invariant::SoundCatalog, (None, Some(&path)), words, todo);
            }
        }
        // Its words have the file and the next step in them.
        Err(trouble) => report.find(Invariant::SoundCatalog, (None, None), trouble.to_string(), "then run check again"),
    }
    // Rows first: what is published meanwhile has no row yet, and is looked at again.
    let rows =
        catalog::recordings(home).and_then(|rows| Ok((rows, catalog::calls(home)?, catalog::skipped_numbers(home)?)));
    match &rows {
        Ok((rows, calls, skipped)) => {
            (report.recordings, report.calls) = (rows.len(), calls.len());
            report.skipped.clone_from(skipped);
            report.unnumbered = calls.iter().filter(|call| call.sequence.is_none()).count();
            catalog_side::check(&mut report, rows, calls, skipped);
        }
        Err(trouble) => {
            report.find(Invariant::SoundCatalog, (None, None), trouble.to_string(), "then run check again");
        }
    }
    file_side::check(&mut report, recordings, rows.as_ref().map(|(rows, ..)| &rows[..]).ok());
    report.findings.sort_by_key(|finding| finding.invariant);
    report.findings.dedup();
    report
}
