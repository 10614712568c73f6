//! The invariants of `docs/durability.md`, over the files and the catalog of a home.
//!
//! Belongs here: what must be true, and the next step where it is not. Does not: SQL, how files are written, printing.

mod catalog_side;
mod file_side;

use std::{
    fmt,
    path::{Path, PathBuf},
};

use jiff::{Timestamp, tz::TimeZone};
use serde::{Serialize, Serializer};

use retrocall_records as catalog;
use retrocall_records::sweep::{Dying, deletions};
use retrocall_words::{CallId, book::Skipped};

/// The invariants of a home. Their numbers are those of `docs/durability.md`, and stay.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Invariant {
    /// The catalog can be read, and nothing in it is damaged.
    SoundCatalog = 1,
    /// Every durable row has its file: in its place, as long as the row says, and a WAV file whose header tells its true length.
    RowHasFile = 2,
    /// The row and the file agree on the recording.
    SaySame = 3,
    /// Every published file has its row.
    FileHasRow = 4,
    /// While no engine runs, nothing is unfinished: no `.part`, no row of a recording under way, no live call.
    NothingUnfinished = 5,
    /// The folder of all recordings holds nothing else.
    NothingForeign = 6,
    /// Only the engine's user can read the recordings and the catalog.
    ClosedToOthers = 7,
    /// The sequence numbers of a day go from 1 up: each has one call, or is in a named hole.
    NoGaps = 8,
    /// Every call that the ledger calls kept is kept, and every kept call is in the ledger.
    LedgerAgrees = 9,
    /// Every recording has a purpose for each of its reasons; otherwise it would never be deleted.
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

    /// Its statement, in short.
    pub fn words(self) -> &'static str {
        match self {
            Invariant::SoundCatalog => "the catalog is sound",
            Invariant::RowHasFile => "every row has its file",
            Invariant::SaySame => "row and file agree",
            Invariant::FileHasRow => "every file has its row",
            Invariant::NothingUnfinished => "nothing is unfinished while no engine runs",
            Invariant::NothingForeign => "nothing foreign is among the recordings",
            Invariant::ClosedToOthers => "only the engine's user can read the home",
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

/// A violated invariant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// The invariant.
    pub invariant: Invariant,
    /// The call, if it is about one.
    pub call: Option<CallId>,
    /// The file or folder, if it is about one.
    pub path: Option<PathBuf>,
    /// The problem.
    pub text: String,
    /// The next step.
    pub todo: String,
}

/// The result of a check.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Report {
    /// The home folder.
    pub home: PathBuf,
    /// Whether an engine ran.
    pub engine: bool,
    /// How many rows of recordings were checked.
    pub recordings: usize,
    /// How many rows of calls were checked.
    pub calls: usize,
    /// How many files of recordings were checked.
    pub files: usize,
    /// Numbers without a call, in named holes: not wrong, but worth a look.
    pub skipped: Vec<Skipped>,
    /// Recordings whose deletion was cut off: not wrong either, the next sweep goes on with it.
    pub dying: Vec<Dying>,
    /// Calls without a number, which were not drawn: not wrong either.
    pub unnumbered: usize,
    /// The violations, by invariant.
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

    /// Keeps only findings that an earlier look has as well: while an engine runs, work under way is not wrong.
    pub fn keep_what_stays(&mut self, before: &Report) {
        let key = |finding: &Finding| (finding.invariant, finding.call, finding.path.clone());
        self.findings.retain(|finding| before.findings.iter().any(|other| key(other) == key(finding)));
    }
}

/// A time with the local offset, still in RFC 3339.
fn local(at: Timestamp) -> String {
    at.to_zoned_datetime(TimeZone::system()).strftime("%Y-%m-%dT%H:%M:%S%.f%:z").to_string()
}

/// Checks everything once. `recordings` is the folder of all recordings of this home; `engine_runs` says whether an engine has it now.
pub fn check(home: &Path, recordings: &Path, engine_runs: bool) -> Report {
    let mut report = Report {
        home: home.to_owned(),
        engine: engine_runs,
        recordings: 0,
        calls: 0,
        files: 0,
        skipped: Vec::new(),
        dying: Vec::new(),
        unnumbered: 0,
        findings: Vec::new(),
    };
    match catalog::damage(home) {
        Ok(damage) => {
            for words in damage {
                let path = home.join("catalog.sqlite");
                let todo = "stop the engine and type `retrocall restore FILE --tombstones FILE --holds FILE`: recordings that the backup does not know are registered";
                report.find(Invariant::SoundCatalog, (None, Some(&path)), words, todo);
            }
        }
        // Its words include the file and the next step.
        Err(trouble) => report.find(Invariant::SoundCatalog, (None, None), trouble.to_string(), "then run check again"),
    }
    // Rows first: a file that is published meanwhile has no row yet, and is looked at again.
    let rows = catalog::recordings(home).and_then(|rows| {
        // What is being deleted may have its files or not, and needs no purpose.
        let dying = deletions(home)?;
        let rows: Vec<_> = rows.into_iter().filter(|row| dying.begun.iter().all(|one| one.call != row.call)).collect();
        Ok((rows, dying, catalog::calls(home)?, catalog::skipped_numbers(home)?))
    });
    match &rows {
        Ok((rows, dying, calls, skipped)) => {
            report.dying.clone_from(&dying.begun);
            (report.recordings, report.calls) = (rows.len(), calls.len());
            report.skipped.clone_from(skipped);
            report.unnumbered = calls.iter().filter(|call| call.sequence.is_none()).count();
            catalog_side::check(&mut report, rows, dying, calls, skipped);
        }
        Err(trouble) => {
            report.find(Invariant::SoundCatalog, (None, None), trouble.to_string(), "then run check again");
        }
    }
    file_side::check(&mut report, recordings, rows.as_ref().map(|(rows, dying, ..)| (&rows[..], dying)).ok());
    report.findings.sort_by_key(|finding| finding.invariant);
    report.findings.dedup();
    report
}
