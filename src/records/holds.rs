//! Deeds that keep a recording or let go of one, beside the catalog: a backup lacks those that came after it, and so would a catalog that is restored
//! from it.
//!
//! Belongs here: the file `holds.jsonl`, a line for each such deed. Does not: what a restored catalog gets of them (`again`), what a hold is (`desk`),
//! what is due (`policy`), the file's lines about customers who object (`objections`).
//!
//! The line of what keeps a recording is written, and synced, before its transaction is committed; the line of what lets go only afterwards. So a cut
//! between the two leaves a line too many, or lacks an end: then a restore holds a recording too many, and somebody looks at it. In the file are ids,
//! times and the words of the rules; whose matter it is, and why, is in the catalog alone.
//!
//! The file grows with the deeds on recordings that exist: once a day [`shorten`] drops the lines of those that are gone, which the tombstones know.

mod again;

use std::{
    collections::{HashMap, HashSet},
    fs::{self, File, OpenOptions},
    io::{self, Seek as _, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
};

use jiff::{Timestamp, civil::Date};
use nix::fcntl::{Flock, FlockArg};
use retrocall_ledger::DeedKind;
use retrocall_words::CallId;
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use super::{
    beside,
    policy::{Anchor, PurposeKind},
    rows::{self, Connection},
    text,
};

#[cfg(test)]
pub(super) use again::keeping;
pub(super) use again::{Again, again, registered};
pub use again::{DoneAgain, HeldAgain};

/// A file of fewer bytes is not worth writing anew.
const SHORT_BYTES: u64 = 64 * 1024;

/// A deed that keeps a recording, or lets go of one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Holder {
    /// The recording, by its id in the catalog of then.
    pub recording: String,
    pub call: CallId,
    /// What was done.
    pub deed: DeedKind,
    /// The hold, case or request.
    pub matter: Option<String>,
    pub at: Timestamp,
    /// It lets go.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub over: bool,
    /// What it did to a purpose of the recording, from which the rules count. None: it is a hold, a request or an erasure.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub happened: Option<Happened>,
}

/// Something that happened to a purpose.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Happened {
    pub purpose: PurposeKind,
    /// The case, request or decision that needs it.
    pub about: String,
    pub anchor: Anchor,
    /// The day that it names, if it names one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub day: Option<Date>,
}

/// Where they are: a line of JSON each.
pub(super) fn path(home: &Path) -> PathBuf {
    home.join("holds.jsonl")
}

/// What is left of it while it is being shortened.
fn shorter_path(home: &Path) -> PathBuf {
    home.join("holds.jsonl.new")
}

/// The text of the file. What a cut left of a shortening lies beside it, whole: what that lacks is added to it.
fn read_text(home: &Path) -> io::Result<Vec<u8>> {
    let (mut shorter, text) = (beside::read_all(&shorter_path(home))?, beside::read_all(&path(home))?);
    if shorter.is_empty() {
        return Ok(text);
    }
    // As JSON they are compared, for the shorter one was written by another hand.
    let known: HashSet<String> = beside::lines(&shorter).map(|line: Line| line.to_string()).collect();
    for line in beside::lines(&text).map(|line: Line| line.to_string()).filter(|line| !known.contains(line)) {
        shorter.extend(line.bytes().chain([b'\n']));
    }
    Ok(shorter)
}

/// A line of any kind.
type Line = serde_json::Value;

/// All lines of a kind, in their order; those of another are left out.
pub(super) fn read<T: DeserializeOwned>(home: &Path) -> io::Result<Vec<T>> {
    Ok(beside::lines(&read_text(home)?).collect())
}

/// The deeds, in their order.
pub(super) fn load(home: &Path) -> io::Result<Vec<Holder>> {
    read(home)
}

/// The deeds on each recording, in their order: for whoever registers many.
pub(super) fn load_by_call(home: &Path) -> io::Result<HashMap<CallId, Vec<Holder>>> {
    let mut all: HashMap<_, Vec<_>> = HashMap::new();
    for line in load(home)? {
        all.entry(line.call).or_default().push(line);
    }
    Ok(all)
}

/// Nobody else writes in the file meanwhile.
fn alone(path: &Path) -> io::Result<Flock<File>> {
    let (file, is_new) = beside::open_or_make(path)?;
    if is_new {
        beside::sync_name(path)?;
    }
    Flock::lock(file, FlockArg::LockExclusive).map_err(|(_, error)| error.into())
}

/// Adds lines, durably.
pub(super) fn add<T: Serialize>(home: &Path, lines: &[T]) -> io::Result<()> {
    let path = path(home);
    let _alone = alone(&path)?;
    beside::append_lines(&path, lines)
}

/// A home that has no such file has one from now on: without one nobody knows what was held.
pub(super) fn make_if_none(home: &Path) -> io::Result<()> {
    if path(home).exists() { Ok(()) } else { add::<Holder>(home, &[]) }
}

/// Drops the lines about recordings that are gone, once they are half of the file. In its place: whoever may write in this one file alone goes on doing
/// so. How many are left; none if there was nothing to do.
pub(super) fn shorten(home: &Path, gone: &HashSet<CallId>) -> io::Result<Option<usize>> {
    let (path, shorter) = (path(home), shorter_path(home));
    if !shorter.exists() && fs::metadata(&path).map_or(0, |found| found.len()) < SHORT_BYTES {
        return Ok(None);
    }
    let mut file = alone(&path)?;
    // Lines of any kind: who objects is said here too.
    let mut left: Vec<Line> = read(home)?;
    let all = left.len();
    left.retain(|line| {
        let call = line["call"].as_str().and_then(text::parse::<CallId>);
        call.is_none_or(|call| !gone.contains(&call))
    });
    if !shorter.exists() && left.len() * 2 > all {
        return Ok(None);
    }
    let mut text = Vec::new();
    for line in &left {
        serde_json::to_writer(&mut text, line)?;
        text.push(b'\n');
    }
    // Whole beside it, before anything of it is overwritten; a cut leaves both, which are read as one.
    let whole = home.join("holds.jsonl.new-whole");
    let mut new = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&whole)?;
    new.write_all(&text)?;
    new.sync_all()?;
    fs::rename(&whole, &shorter)?;
    beside::sync_name(&shorter)?;
    file.rewind()?;
    file.set_len(0)?;
    file.write_all(&text)?;
    file.sync_all()?;
    fs::remove_file(&shorter)?;
    beside::sync_name(&shorter)?;
    Ok(Some(left.len()))
}

/// Whether what happened keeps a recording: its line comes before the commit.
fn keeps(anchor: Anchor) -> bool {
    match anchor {
        Anchor::LearningMoment
        | Anchor::DisputeOpened
        | Anchor::CaseOpened
        | Anchor::CaseReopened
        | Anchor::StillNeeded
        | Anchor::RequestReceived
        | Anchor::RequestExtended
        | Anchor::Promoted
        | Anchor::Decided => true,
        Anchor::Opened
        | Anchor::NothingFound
        | Anchor::PrivateCall
        | Anchor::Unheard
        | Anchor::EvaluationHeld
        | Anchor::DisputeSettled
        | Anchor::AgentLeft
        | Anchor::Objected
        | Anchor::Dismissed
        | Anchor::CaseClosed
        | Anchor::RequestAnswered
        | Anchor::Ended => false,
    }
}

/// What is noted of a deed once it is committed: that it has let go of a recording.
#[must_use]
#[derive(Debug, Default)]
pub(super) struct Ended(Vec<Holder>);

impl Ended {
    /// The deed is committed. A line that can't be written leaves a recording held too long after a restore, and the deed is done all the same.
    pub(super) fn committed(self, home: Option<&Path>) {
        let (Some(home), false) = (home, self.0.is_empty()) else { return };
        if let Err(error) = add(home, &self.0) {
            let path = path(home);
            tracing::warn!(path = %path.display(), "that something keeps a recording no longer can't be noted: {error}");
        }
    }
}

/// How far what has happened to purposes is known: what a deed adds comes behind it. None on a server, whose backups are its own.
pub(super) struct Since<'a>(Option<(&'a Path, i64)>);

/// Where a deed begins.
pub(super) async fn since<'a>(rows: &mut Connection, home: Option<&'a Path>) -> Result<Since<'a>, sqlx::Error> {
    let Some(home) = home else { return Ok(Since(None)) };
    let last = rows::query_scalar(include_str!("sql/holds/last_anchor.sql")).fetch_one(rows).await?;
    Ok(Since(Some((home, last))))
}

/// A deed that was done, as it is noted.
pub(super) struct Noted<'a> {
    pub kind: DeedKind,
    pub recording: Option<&'a str>,
    pub matter: Option<String>,
    /// What it did to each of several recordings.
    pub each: Vec<(DeedKind, &'a str)>,
}

impl Noted<'_> {
    /// Something that was not done to one recording alone: what happened to which purposes says the rest.
    pub(super) const fn of(kind: DeedKind) -> Self {
        Noted { kind, recording: None, matter: None, each: Vec::new() }
    }
}

/// Notes a deed, in its transaction, before that is committed: if it keeps a recording. If it lets go of one, that is left to be noted afterwards: one
/// that is not committed ends nothing.
pub(super) async fn note(
    rows: &mut Connection,
    since: &Since<'_>,
    deed: &Noted<'_>,
    now: Timestamp,
) -> Result<Ended, sqlx::Error> {
    let Since(Some((home, last))) = since else { return Ok(Ended::default()) };
    let mut all = covering(rows, deed, now).await?;
    let select = rows::query(include_str!("sql/holds/new_anchors.sql")).bind(*last);
    for row in select.fetch_all(&mut *rows).await? {
        let (recording, about): (String, String) = (row.try_get("recording")?, row.try_get("about")?);
        let read = (
            text::parse(row.try_get("call")?),
            retrocall_words::Word::read(row.try_get("purpose")?),
            retrocall_words::Word::read(row.try_get("anchor")?),
        );
        // What this program has just written it can read.
        let (Some(call), Some(purpose), Some(anchor)) = read else { continue };
        let day = row.try_get::<Option<&str>, _>("day")?.and_then(text::parse);
        let matter = Some(about.clone()).filter(|about| !about.is_empty());
        let happened = Some(Happened { purpose, about, anchor, day });
        all.push(Holder { recording, call, deed: deed.kind, matter, at: now, over: !keeps(anchor), happened });
    }
    let (ended, kept): (Vec<Holder>, Vec<Holder>) = all.into_iter().partition(|line| line.over);
    if !kept.is_empty() {
        // Model: `NoteHold`.
        add(home, &kept).map_err(sqlx::Error::Io)?;
    }
    Ok(Ended(ended))
}

/// The lines of a hold, a request or an erasure.
async fn covering(rows: &mut Connection, deed: &Noted<'_>, now: Timestamp) -> Result<Vec<Holder>, sqlx::Error> {
    let erased = deed.each.iter().filter(|(kind, _)| *kind == DeedKind::Erased);
    let mut about: Vec<(DeedKind, String, bool)> =
        erased.map(|(kind, recording)| (*kind, (*recording).to_owned(), true)).collect();
    let over = match deed.kind {
        DeedKind::HoldSet | DeedKind::RequestOpened | DeedKind::RequestConfirmed => Some(false),
        DeedKind::HoldReleased | DeedKind::RequestExcluded | DeedKind::RequestAnswered => Some(true),
        // What an erasure refuses stays frozen until it is answered.
        DeedKind::RequestRefused if deed.each.is_empty() => Some(true),
        _ => None,
    };
    match (over, deed.recording, &deed.matter) {
        (Some(over), Some(recording), _) => about.push((deed.kind, recording.to_owned(), over)),
        // A request is about several.
        (Some(over), None, Some(matter)) => {
            let select = rows::query_scalar::<String>(include_str!("sql/holds/covered.sql")).bind(matter);
            let covered = select.fetch_all(&mut *rows).await?;
            about.extend(covered.into_iter().map(|recording| (deed.kind, recording, over)));
        }
        _ => {}
    }
    let mut all = Vec::new();
    for (deed_kind, recording, over) in about {
        let select = rows::query_scalar::<String>(include_str!("sql/holds/call.sql")).bind(&recording);
        let call = select.fetch_optional(&mut *rows).await?.and_then(|call| text::parse(&call));
        let matter = deed.matter.clone();
        all.extend(call.map(|call| Holder { recording, call, deed: deed_kind, matter, at: now, over, happened: None }));
    }
    Ok(all)
}
