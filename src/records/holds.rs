//! Deeds that a restore must not undo, beside the catalog: what keeps a recording, and erasures that were granted. A backup lacks those that came
//! after it, and so would a catalog that is restored from it.
//!
//! Belongs here: the file `holds.jsonl`, a line for each such deed and for its end, and what a restored catalog gets of them. Does not: what a hold
//! is (`desk`), what is due (`policy`), the file's lines about customers who object (`objections`).
//!
//! The line of a deed that keeps something is written, and synced, before its transaction is committed; the line of its end only afterwards. So a cut
//! between the two leaves a line too many, or lacks an end: then a restore holds a recording too many, and somebody looks at it. A granted erasure is written
//! afterwards too: what nobody has committed erases nothing. In the file are ids and times; whose matter it is, and why, is in the catalog alone.

use std::{
    collections::BTreeMap,
    io,
    path::{Path, PathBuf},
};

use jiff::{Span, Timestamp};
use retrocall_ledger::{Deed, DeedKind, ItemId};
use retrocall_words::{CallId, book::day_of};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{
    beside,
    ledger::item,
    rows::{self, Connection},
    text,
};

/// So many days after a restore somebody has looked at what it holds.
const LOOKED_AT_DAYS: i64 = 14;

/// A deed that keeps a recording, or its end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Holder {
    /// The recording, by its id in the catalog of then.
    pub recording: String,
    pub call: CallId,
    /// What was done to keep it.
    pub deed: DeedKind,
    /// The hold, case or request.
    pub matter: Option<String>,
    pub at: Timestamp,
    /// It is released, or answered.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub over: bool,
}

/// A recording that is held again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HeldAgain {
    /// The recording.
    pub recording: String,
    /// The hold, which an officer releases.
    pub hold: String,
    /// The deed that the restored catalog lacks.
    pub deed: DeedKind,
    /// When that was done.
    pub done_at: Timestamp,
}

impl HeldAgain {
    /// What the ledger says of it.
    pub(super) fn row(&self) -> Deed {
        let matter = Uuid::parse_str(&self.hold).ok().map(ItemId::from);
        Deed { recording: item(&self.recording), matter, ..Deed::done(DeedKind::HoldSet) }
    }
}

/// Where they are: a line of JSON each.
pub(super) fn path(home: &Path) -> PathBuf {
    home.join("holds.jsonl")
}

/// All lines, in their order.
pub(super) fn load(path: &Path) -> io::Result<Vec<Holder>> {
    beside::read_lines(path)
}

/// Adds lines, durably.
pub(super) fn add(home: &Path, holders: &[Holder]) -> io::Result<()> {
    beside::append_lines(&path(home), holders)
}

/// A home that has no such file has one from now on: without one nobody knows what was held.
pub(super) fn make_if_none(home: &Path) -> io::Result<()> {
    if path(home).exists() { Ok(()) } else { add(home, &[]) }
}

/// The deeds that keep something still.
pub(super) fn in_force(lines: Vec<Holder>) -> Vec<Holder> {
    let mut last: BTreeMap<_, Holder> = BTreeMap::new();
    for line in lines {
        // By the call: a recording that was registered again has another id, and what held it is released by that.
        last.insert((line.call.to_string(), line.deed.as_str(), line.matter.clone()), line);
    }
    last.into_values().filter(|line| !line.over).collect()
}

/// What a deed does to a recording: the deed by which it is kept, and whether that is over by it.
fn keeping(deed: DeedKind) -> Option<(DeedKind, bool)> {
    match deed {
        DeedKind::HoldSet => Some((DeedKind::HoldSet, false)),
        DeedKind::HoldReleased => Some((DeedKind::HoldSet, true)),
        // Closing one can be taken back, and is not noted: whoever looks closes it again.
        DeedKind::CaseOpened | DeedKind::CaseAttached => Some((DeedKind::CaseOpened, false)),
        DeedKind::RequestOpened | DeedKind::RequestConfirmed => Some((DeedKind::RequestOpened, false)),
        DeedKind::RequestExcluded | DeedKind::RequestRefused | DeedKind::RequestAnswered => {
            Some((DeedKind::RequestOpened, true))
        }
        // With a learning moment.
        DeedKind::Reviewed => Some((DeedKind::Reviewed, false)),
        DeedKind::PurposeApproved => Some((DeedKind::PurposeApproved, false)),
        DeedKind::Erased => Some((DeedKind::Erased, false)),
        _ => None,
    }
}

/// What is noted of a deed once it is committed: that it has ended what kept a recording.
#[must_use]
#[derive(Debug, Default)]
pub(super) struct Ended(Vec<Holder>);

impl Ended {
    /// And these.
    pub(super) fn and(&mut self, more: Ended) {
        self.0.extend(more.0);
    }

    /// The deed is committed. A line that can't be written leaves a recording held too long after a restore, and the deed is done all the same.
    pub(super) fn committed(self, home: Option<&Path>) {
        let (Some(home), false) = (home, self.0.is_empty()) else { return };
        if let Err(error) = add(home, &self.0) {
            let path = path(home);
            tracing::warn!(path = %path.display(), "that something keeps a recording no longer can't be noted: {error}");
        }
    }
}

/// Notes a deed, in its transaction, before that is committed: if it keeps a recording. If it ends what kept one, that is left to be noted afterwards:
/// one that is not committed ends nothing.
pub(super) async fn note(
    rows: &mut Connection,
    home: Option<&Path>,
    deed: DeedKind,
    (recording, matter): (Option<&str>, Option<String>),
    now: Timestamp,
) -> Result<Ended, sqlx::Error> {
    // A server's backups are its own.
    let (Some(home), Some((deed, over))) = (home, keeping(deed)) else { return Ok(Ended::default()) };
    let about = match (recording, &matter) {
        (Some(recording), _) => vec![recording.to_owned()],
        // A request is about several.
        (None, Some(matter)) if deed == DeedKind::RequestOpened => {
            // An erasure that is refused for one of them, and not answered yet, holds all still.
            let select = rows::query_scalar(
                "SELECT recording FROM request_recordings JOIN requests ON requests.id = request
                 WHERE request = $1 AND (NOT $2 OR answered_at IS NOT NULL)",
            );
            select.bind(matter).bind(over).fetch_all(&mut *rows).await?
        }
        (None, _) => Vec::new(),
    };
    let mut holders = Vec::new();
    for recording in about {
        if deed == DeedKind::Reviewed && !has_anchor(rows, &recording, &["learning-moment"]).await? {
            continue;
        }
        let select = rows::query_scalar::<String>("SELECT call FROM recordings WHERE id = $1").bind(&recording);
        let call = select.fetch_optional(&mut *rows).await?.and_then(|call| text::parse(&call));
        let holder = |call| Holder { recording, call, deed, matter: matter.clone(), at: now, over };
        holders.extend(call.map(holder));
    }
    if over || deed == DeedKind::Erased {
        return Ok(Ended(holders));
    }
    if !holders.is_empty() {
        // Model: `NoteHold`.
        add(home, &holders).map_err(sqlx::Error::Io)?;
    }
    Ok(Ended::default())
}

async fn has_anchor(rows: &mut Connection, recording: &str, any: &[&str]) -> Result<bool, sqlx::Error> {
    let select = rows::query_scalar::<String>("SELECT anchor FROM anchors WHERE recording = $1");
    Ok(select.bind(recording).fetch_all(rows).await?.iter().any(|anchor| any.contains(&anchor.as_str())))
}

/// Whether a catalog lacks a deed on this recording of it.
async fn lacks(rows: &mut Connection, holder: &Holder, recording: &str) -> Result<bool, sqlx::Error> {
    let select = match holder.deed {
        DeedKind::HoldSet => "SELECT COUNT(*) FROM holds WHERE id = $1 AND recording = $2",
        DeedKind::CaseOpened => "SELECT COUNT(*) FROM case_recordings WHERE case_id = $1 AND recording = $2",
        DeedKind::RequestOpened => "SELECT COUNT(*) FROM request_recordings WHERE request = $1 AND recording = $2",
        DeedKind::Reviewed => return Ok(!has_anchor(rows, recording, &["learning-moment"]).await?),
        _ => return Ok(!has_anchor(rows, recording, &["promoted", "decided"]).await?),
    };
    let select = rows::query_scalar::<i64>(select).bind(&holder.matter).bind(recording);
    Ok(select.fetch_one(rows).await? == 0)
}

/// An erasure that was granted is granted.
async fn erase_again(rows: &mut Connection, holder: &Holder, recording: &str) -> Result<(), sqlx::Error> {
    let erase = rows::query(include_str!("sql/rights/erase.sql")).bind(recording).bind(text::time(holder.at));
    erase.execute(&mut *rows).await?;
    let update = rows::query(
        "UPDATE request_recordings SET state = 'confirmed' WHERE request = $1 AND recording = $2 AND state = 'candidate'",
    );
    update.bind(&holder.matter).bind(recording).execute(rows).await.map(drop)
}

/// Holds what these deeds kept, as far as the catalog knows the recording and lacks the deed: until an officer has looked at it. What it holds now,
/// and the deeds whose recordings it does not know.
pub(super) async fn hold_again(
    rows: &mut Connection,
    holders: Vec<Holder>,
    by: &str,
    now: Timestamp,
) -> Result<(Vec<HeldAgain>, Vec<Holder>), sqlx::Error> {
    let (mut held, mut unknown) = (Vec::new(), Vec::new());
    for holder in holders {
        // By the call: whoever registered a file again gave it another id.
        let select = rows::query_as::<(String, String)>("SELECT id, life FROM recordings WHERE call = $1");
        let found = select.bind(holder.call.to_string()).fetch_optional(&mut *rows).await?;
        let Some((recording, life)) = found else {
            unknown.push(holder);
            continue;
        };
        if !["kept", "restricted"].contains(&&*life) {
            continue;
        }
        if holder.deed == DeedKind::Erased {
            erase_again(rows, &holder, &recording).await?;
            continue;
        }
        if !lacks(rows, &holder, &recording).await? {
            continue;
        }
        let own = holder.matter.clone().filter(|_| holder.deed == DeedKind::HoldSet);
        let hold = own.unwrap_or_else(|| Uuid::now_v7().to_string());
        let insert = rows::query(include_str!("sql/desk/insert_hold.sql"))
            .bind(&hold)
            .bind(&recording)
            .bind(format!("the catalog was restored from a backup that lacks what kept it: {}", holder.deed.as_str()))
            .bind(by)
            .bind("somebody has seen to what is lacking")
            .bind(text::day(day_of(now).saturating_add(Span::new().days(LOOKED_AT_DAYS))))
            .bind(by)
            .bind(text::time(now));
        insert.execute(&mut *rows).await?;
        held.push(HeldAgain { recording, hold, deed: holder.deed, done_at: holder.at });
    }
    Ok((held, unknown))
}

/// Holds a recording that is registered from its file, if the catalog lacks what kept it. The holds.
pub(super) async fn hold_registered(
    rows: &mut Connection,
    home: &Path,
    call: CallId,
    now: Timestamp,
) -> Result<Vec<HeldAgain>, sqlx::Error> {
    let mut holders = in_force(load(&path(home)).map_err(sqlx::Error::Io)?);
    holders.retain(|holder| holder.call == call);
    Ok(hold_again(rows, holders, "retrocall", now).await?.0)
}
