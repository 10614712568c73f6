//! What leaves a home, on its catalog.
//!
//! The life of a copy that was delivered: `kept → delivered` with the state `leaving`, in one transaction (model: `HearAnswer`); peaks and files are
//! unlinked under an exclusive lock, folders synced, absence verified (`RemoveCopy`); then the rows that say what was in it go, and the state is `left`.
//! Of a recording that the centre has deleted the row ends as a sweep ends it, with a tombstone.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
    time::Duration,
};

use jiff::Timestamp;
use retrocall_ledger::{Deed, DeedKind};
use retrocall_words::{Clock as _, SystemClock};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{
    super::{
        NotDone,
        delivering::{LedgerProgress, PeriodFacts},
        outgoing::{Backlog, LedgerNews, Outbound, Outgoing},
    },
    Answer, HomeDesk, parsed,
};
use crate::{
    Life, beside, graves,
    ledger::{by_rule, item, site_of},
    parcel::{FileFacts, Parcel, ParcelAgent, ParcelCall, ParcelPurpose},
    peaks_paths,
    policy::Why,
    rows::{self, Connection, Row},
    sweep::{BELONGINGS, Files as _, HomeFiles, Removed, Tombstone},
    text,
};

/// Recordings to which nobody has done anything here that the centre would not know of: those may go. What a person decided stays where it was decided.
const UNTOUCHED: &str = "life = 'kept' AND state <> 'committing' AND erased_at IS NULL AND ends_at IS NOT NULL
     AND EXISTS (SELECT 1 FROM calls WHERE calls.call = recordings.call AND calls.outcome = 'kept')
     AND NOT EXISTS (SELECT 1 FROM holds WHERE holds.recording = recordings.id)
     AND NOT EXISTS (SELECT 1 FROM request_recordings WHERE request_recordings.recording = recordings.id)
     AND NOT EXISTS (SELECT 1 FROM case_recordings WHERE case_recordings.recording = recordings.id)
     AND NOT EXISTS (SELECT 1 FROM reviews WHERE reviews.recording = recordings.id)
     AND NOT EXISTS (SELECT 1 FROM notes WHERE notes.recording = recordings.id)
     AND NOT EXISTS (SELECT 1 FROM proposals WHERE proposals.recording = recordings.id)
     AND NOT EXISTS (SELECT 1 FROM uses WHERE uses.recording = recordings.id)";
/// The file beside the catalog that knows what was delivered.
const DELIVERED: &str = "delivered.jsonl";
/// How long readers of a copy are waited for.
const READERS: Duration = Duration::from_secs(2);
/// Copies that are removed at once.
const COPIES_MAX: i64 = 256;
/// Rows of the ledger that are sent at once: some MB at most.
const LEDGER_ROWS_MAX: i64 = 5_000;
const HEADS_MAX: i64 = 100;
const PERIODS_MAX: i64 = 1_000;
/// Characters of what is kept of a refusal.
const WHY_CHARS_MAX: usize = 400;

fn untouched(rest: &str) -> sqlx::AssertSqlSafe<String> {
    // Texts of this file alone.
    sqlx::AssertSqlSafe(format!("{rest} AND {UNTOUCHED}"))
}

/// Whether it is still to be delivered.
async fn is_untouched(rows: &mut Connection, recording: &str) -> Answer<bool> {
    let select = rows::query_scalar::<i64>(untouched("SELECT COUNT(*) AS found FROM recordings WHERE id = $1"));
    Ok(select.bind(recording).fetch_one(rows).await? > 0)
}

impl Outgoing for HomeDesk {
    fn site(&self) -> Result<Option<String>, NotDone> {
        let found = self.ask(false, async |rows| Ok(site_of(rows).await?.map(|site| site.to_string())));
        if found == Err(NotDone::Unknown) { Ok(None) } else { found }
    }

    fn outbound(&self, settled: Timestamp, again: Timestamp, limit: usize) -> Result<Vec<String>, NotDone> {
        let found = self.ask(false, async |rows| {
            let select = rows::query_scalar::<String>(sqlx::AssertSqlSafe(format!(
                "SELECT id FROM recordings WHERE ends_at <= $1 AND {UNTOUCHED}
                 AND NOT EXISTS (SELECT 1 FROM deliveries WHERE deliveries.recording = recordings.id
                                 AND deliveries.state = 'refused' AND deliveries.at > $2)
                 ORDER BY began_at, id LIMIT $3"
            )));
            let select = select.bind(text::time(settled)).bind(text::time(again)).bind(text::count(limit as u64));
            Ok(select.fetch_all(rows).await?)
        });
        if found == Err(NotDone::Unknown) { Ok(Vec::new()) } else { found }
    }

    fn pack(&self, recording: &str, now: Timestamp) -> Result<Option<Outbound>, NotDone> {
        self.is_open()?;
        let packed = self.ask(true, async |connection| {
            let mut rows = connection.begin_writing().await?;
            if !is_untouched(&mut rows, recording).await? {
                return Ok(None);
            }
            let Some(site) = site_of(&mut rows).await? else { return Ok(None) };
            let (parcel, files) = packed(&mut rows, recording, site.as_str()).await?;
            let select = rows::query_scalar::<Option<String>>("SELECT token FROM deliveries WHERE recording = $1");
            let token = match select.bind(recording).fetch_optional(&mut rows).await?.flatten() {
                Some(token) => token,
                None => {
                    let token = Uuid::now_v7().to_string();
                    let insert = rows::query(
                        "INSERT INTO deliveries (recording, state, at, token) VALUES ($1, 'under-way', $2, $3)
                         ON CONFLICT (recording) DO UPDATE SET token = excluded.token",
                    );
                    insert.bind(recording).bind(text::time(now)).bind(&token).execute(&mut rows).await?;
                    token
                }
            };
            rows.commit().await?;
            Ok(Some(Outbound { parcel, files, token }))
        })?;
        let Some(home) = self.address.home() else { return Ok(None) };
        Ok(packed.map(|packed| Outbound { files: packed.files.iter().map(|file| home.join(file)).collect(), ..packed }))
    }

    fn note_refused(&self, recording: &str, why: &str, now: Timestamp) -> Result<(), NotDone> {
        let why: String = why.chars().filter(|one| !one.is_control()).take(WHY_CHARS_MAX).collect();
        self.ask(true, async |rows| {
            let upsert = rows::query(
                "INSERT INTO deliveries (recording, state, at, why) SELECT id, 'refused', $2, $3 FROM recordings WHERE id = $1
                 ON CONFLICT (recording) DO UPDATE SET state = excluded.state, at = excluded.at, why = excluded.why",
            );
            upsert.bind(recording).bind(text::time(now)).bind(&why).execute(rows).await?;
            Ok(())
        })
    }

    /// Model: `HearAnswer`.
    fn note_delivered(&self, recording: &str, sha256: &str, now: Timestamp) -> Result<bool, NotDone> {
        self.leave(recording, Some(sha256), "leaving", now)
    }

    /// Model: `HearAnswer`, with the answer `Gone`.
    fn note_gone(&self, recording: &str, now: Timestamp) -> Result<bool, NotDone> {
        self.leave(recording, None, "going", now)
    }

    fn recall(&self, now: Timestamp) -> Result<u64, NotDone> {
        let Some(home) = self.address.home().map(Path::to_owned) else { return Ok(0) };
        let unreadable = |_| NotDone::Conflict("delivered.jsonl can't be read: see to its folder");
        let lines: Vec<Line> = beside::read_lines(&home.join(DELIVERED)).map_err(unreadable)?;
        let is_away = |files: &[PathBuf]| files.iter().all(|file| home.join(file).symlink_metadata().is_err());
        let mut count = 0;
        for Line { recording, sha256 } in lines {
            count += self.ask(true, async |connection| {
                let mut rows = connection.begin_writing().await?;
                let select = rows::query("SELECT path FROM recordings WHERE id = $1 AND life IN ('kept', 'restricted')");
                let Some(row) = select.bind(&recording).fetch_optional(&mut rows).await? else { return Ok(0) };
                if !is_away(&files_of(&mut rows, &recording, row.try_get("path")?).await?) {
                    return Ok(0);
                }
                let update = rows::query("UPDATE recordings SET life = $2, life_at = $3, sha256 = $4 WHERE id = $1");
                let update = update.bind(&recording).bind(Life::Delivered.as_str()).bind(text::time(now)).bind(&sha256);
                update.execute(&mut rows).await?;
                // Its rows go with the next look, as those of every copy that left.
                let upsert = rows::query(
                    "INSERT INTO deliveries (recording, state, at) VALUES ($1, 'leaving', $2)
                     ON CONFLICT (recording) DO UPDATE SET state = excluded.state, at = excluded.at, why = NULL, token = NULL",
                );
                upsert.bind(&recording).bind(text::time(now)).execute(&mut rows).await?;
                rows.commit().await?;
                Ok(1)
            })?;
        }
        Ok(count)
    }

    /// Model: `RemoveCopy`.
    fn remove_copies(&self, now: Timestamp) -> Result<Vec<(String, String)>, NotDone> {
        let Some(home) = self.address.home().map(Path::to_owned) else { return Ok(Vec::new()) };
        self.is_open()?;
        let busy = "a restore is under way: nothing is removed until it has ended";
        let leaving = self.ask(false, async |rows| leaving(rows).await);
        let leaving = match leaving {
            Err(NotDone::Unknown) => return Ok(Vec::new()),
            leaving => leaving?,
        };
        let files = HomeFiles::of(&home);
        let _hold = files.beside_others().map_err(|_| NotDone::Conflict(busy))?;
        let mut failed = Vec::new();
        for copy in leaving {
            // Written down beside the catalog too, before nothing is left of it here: a catalog that is restored knows neither.
            let noted = match copy.is_gone {
                true => Ok(()),
                false => beside::append_lines(&home.join(DELIVERED), &[copy.line()]).map_err(|error| error.to_string()),
            };
            let done = noted.and_then(|()| remove(&files, &home, &copy)).and_then(|()| match copy.is_gone {
                true => files.bury(&[copy.stone(now)]).map_err(|error| error.to_string()),
                false => Ok(()),
            });
            match done {
                Ok(()) => self.left(&copy, now)?,
                Err(why) => failed.push((copy.recording, why)),
            }
        }
        Ok(failed)
    }

    fn backlog(&self) -> Result<Backlog, NotDone> {
        let found = self.ask(false, async |rows| {
            let count = async |rows: &mut Connection, sql: sqlx::AssertSqlSafe<String>| -> Answer<u64> {
                Ok(u64::try_from(rows::query_scalar::<i64>(sql).fetch_one(rows).await?).unwrap_or(0))
            };
            let waiting = count(rows, untouched("SELECT COUNT(*) AS found FROM recordings WHERE TRUE")).await?;
            let refused = "SELECT COUNT(*) AS found FROM recordings WHERE id IN (SELECT recording FROM deliveries WHERE deliveries.state = 'refused')";
            let refused = count(rows, untouched(refused)).await?;
            let kept = "SELECT COUNT(*) AS found FROM recordings WHERE life IN ('kept', 'restricted') AND state <> 'committing'";
            let kept = count(rows, sqlx::AssertSqlSafe(kept.to_owned())).await?;
            Ok(Backlog { waiting, refused, staying: kept.saturating_sub(waiting) })
        });
        if found == Err(NotDone::Unknown) { Ok(Backlog::default()) } else { found }
    }

    fn refused(&self, limit: usize) -> Result<Vec<(String, String)>, NotDone> {
        let found = self.ask(false, async |rows| {
            let select = rows::query_as::<(String, Option<String>)>(
                "SELECT deliveries.recording, deliveries.why FROM deliveries JOIN recordings ON recordings.id = deliveries.recording
                 WHERE deliveries.state = 'refused' AND life = 'kept' ORDER BY deliveries.at, deliveries.recording LIMIT $1",
            );
            let found = select.bind(text::count(limit as u64)).fetch_all(rows).await?;
            Ok(found.into_iter().map(|(recording, why)| (recording, why.unwrap_or_default())).collect())
        });
        if found == Err(NotDone::Unknown) { Ok(Vec::new()) } else { found }
    }

    fn ledger_news(&self, known: &LedgerProgress) -> Result<LedgerNews, NotDone> {
        self.ask(false, async |connection| {
            let mut rows = connection.begin_looking().await?;
            let Some(site) = site_of(&mut rows).await? else { return Ok(LedgerNews::default()) };
            let select = rows::query_as::<(String, String)>(
                "SELECT day, text FROM ledger_heads WHERE site = $1 AND day > $2 ORDER BY day LIMIT $3",
            );
            let heads = select.bind(site.as_str()).bind(known.head.as_deref().unwrap_or_default()).bind(HEADS_MAX);
            let heads = heads.fetch_all(&mut rows).await?;
            let select = rows::query(
                "SELECT period, day, first, one_in, published_at FROM ledger_periods WHERE site = $1 AND period >= $2 ORDER BY period LIMIT $3",
            );
            let periods = select.bind(site.as_str()).bind(known.period).bind(PERIODS_MAX).fetch_all(&mut rows).await?;
            let periods = periods.iter().map(period).collect::<Answer<_>>()?;
            Ok(LedgerNews { piece: piece(&mut rows, site.as_str(), known).await?, heads, periods })
        })
    }
}

fn period(row: &Row) -> Answer<PeriodFacts> {
    Ok(PeriodFacts {
        period: row.try_get("period")?,
        day: row.try_get("day")?,
        first: row.try_get("first")?,
        one_in: row.try_get("one_in")?,
        published_at: row.try_get("published_at")?,
    })
}

/// The next rows of the ledger that the centre lacks.
async fn piece(
    rows: &mut Connection,
    site: &str,
    known: &LedgerProgress,
) -> Answer<Option<(String, u64, Vec<String>)>> {
    let (month, first) = known.segment.as_ref().map_or(("", 0), |(month, rows)| (month.as_str(), *rows));
    let select = rows::query_as::<(i64, String)>(
        "SELECT segment, month FROM ledger_segments WHERE site = $1 AND month >= $2 ORDER BY month",
    );
    for (segment, of) in select.bind(site).bind(month).fetch_all(&mut *rows).await? {
        let first = if of == month { first } else { 0 };
        let select = rows::query_scalar::<String>(
            "SELECT text FROM ledger_rows WHERE segment = $1 AND row >= $2 ORDER BY row LIMIT $3",
        );
        let found = select.bind(segment).bind(text::count(first)).bind(LEDGER_ROWS_MAX).fetch_all(&mut *rows).await?;
        if !found.is_empty() {
            return Ok(Some((of, first, found)));
        }
    }
    Ok(None)
}

/// A copy that is to go.
struct Leaving {
    recording: String,
    call: retrocall_words::CallId,
    sha256: Option<String>,
    files: Vec<PathBuf>,
    is_gone: bool,
}

/// A line of the file beside the catalog.
#[derive(Serialize, Deserialize)]
struct Line {
    recording: String,
    sha256: Option<String>,
}

impl Leaving {
    fn line(&self) -> Line {
        Line { recording: self.recording.clone(), sha256: self.sha256.clone() }
    }

    fn stone(&self, now: Timestamp) -> Tombstone {
        let (recording, call, sha256) = (self.recording.clone(), self.call, self.sha256.clone());
        Tombstone { recording, call, sha256, at: now, why: Some(Why::Ended) }
    }
}

/// The files of a recording, under the home folder.
async fn files_of(rows: &mut Connection, recording: &str, first: String) -> Answer<Vec<PathBuf>> {
    let select = rows::query_scalar::<String>("SELECT path FROM parts WHERE recording = $1 ORDER BY part");
    let mut files = select.bind(recording).fetch_all(rows).await?;
    if files.is_empty() {
        files.push(first);
    }
    Ok(files.into_iter().map(PathBuf::from).collect())
}

async fn leaving(rows: &mut Connection) -> Answer<Vec<Leaving>> {
    let select = rows::query(
        "SELECT recordings.id, recordings.call, recordings.path, recordings.sha256, deliveries.state FROM deliveries
         JOIN recordings ON recordings.id = deliveries.recording
         WHERE deliveries.state IN ('leaving', 'going') ORDER BY recordings.id LIMIT $1",
    );
    let mut all = Vec::new();
    for row in select.bind(COPIES_MAX).fetch_all(&mut *rows).await? {
        let recording: String = row.try_get("id")?;
        let files = files_of(rows, &recording, row.try_get("path")?).await?;
        let is_gone = row.try_get::<&str, _>("state")? == "going";
        all.push(Leaving { call: parsed(&row, "call")?, sha256: row.try_get("sha256")?, recording, files, is_gone });
    }
    Ok(all)
}

/// Takes a copy's names away, and sees that they are.
fn remove(files: &HomeFiles, home: &Path, copy: &Leaving) -> Result<(), String> {
    let deadline = SystemClock.now() + READERS;
    let peaks = peaks_paths(home, &copy.recording);
    let all: Vec<PathBuf> = peaks.into_iter().chain(copy.files.iter().map(|file| home.join(file))).collect();
    for file in &all {
        match files.remove(file, deadline) {
            Ok(Removed::Now | Removed::Before) => {}
            Ok(Removed::InUse) => return Err(format!("{} is being read", file.display())),
            Err(error) => return Err(format!("{}: {error}", file.display())),
        }
    }
    let folders: BTreeSet<&Path> = all.iter().filter_map(|file| file.parent()).collect();
    for folder in folders {
        files.sync_folder(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    }
    for file in &all {
        match files.is_there(file) {
            Ok(false) => {}
            Ok(true) => return Err(format!("{} is there again", file.display())),
            Err(error) => return Err(format!("{}: {error}", file.display())),
        }
    }
    Ok(())
}

impl HomeDesk {
    fn leave(&self, recording: &str, sha256: Option<&str>, state: &str, now: Timestamp) -> Result<bool, NotDone> {
        self.ask(true, async |connection| {
            let mut rows = connection.begin_writing().await?;
            if !is_untouched(&mut rows, recording).await? {
                return Ok(false);
            }
            let update = rows::query(
                "UPDATE recordings SET life = $2, life_at = $3, sha256 = COALESCE($4, sha256) WHERE id = $1",
            );
            // Nobody can hold back what the centre has deleted; its end comes with its tombstone.
            let life = if sha256.is_some() { Life::Delivered } else { Life::Deleting };
            let update = update.bind(recording).bind(life.as_str()).bind(text::time(now)).bind(sha256);
            update.execute(&mut rows).await?;
            let upsert = rows::query(
                "INSERT INTO deliveries (recording, state, at) VALUES ($1, $2, $3)
                 ON CONFLICT (recording) DO UPDATE SET state = excluded.state, at = excluded.at, why = NULL, token = NULL",
            );
            upsert.bind(recording).bind(state).bind(text::time(now)).execute(&mut rows).await?;
            let kind = if sha256.is_some() { DeedKind::Delivered } else { DeedKind::Deleting };
            by_rule(&mut rows, Deed { recording: item(recording), ..Deed::done(kind) }, now).await?;
            rows.commit().await?;
            Ok(true)
        })
    }

    /// Its copy is not here any more: what was in it is said by nothing here.
    fn left(&self, copy: &Leaving, now: Timestamp) -> Result<(), NotDone> {
        self.ask(true, async |connection| {
            let mut rows = connection.begin_writing().await?;
            if copy.is_gone {
                // As after a restore: the tombstone ends the row, with its receipt.
                let open = rows::query("UPDATE recordings SET life = 'kept' WHERE id = $1 AND life = 'deleting'");
                open.bind(&copy.recording).execute(&mut rows).await?;
                graves::bury(&mut rows, &[copy.stone(now)], now).await?;
                let deed = Deed { recording: item(&copy.recording), ..Deed::done(DeedKind::Deleted) };
                by_rule(&mut rows, deed, now).await?;
            } else {
                let update = rows::query(
                    "UPDATE recordings SET customer = NULL, customer_form = NULL, marks = '{}' WHERE id = $1 AND life = 'delivered'",
                );
                update.bind(&copy.recording).execute(&mut rows).await?;
                for delete in BELONGINGS {
                    rows::query(delete).bind(&copy.recording).execute(&mut rows).await?;
                }
            }
            let update = rows::query("UPDATE deliveries SET state = 'left', at = $2 WHERE recording = $1");
            update.bind(&copy.recording).bind(text::time(now)).execute(&mut rows).await?;
            rows.commit().await?;
            Ok(())
        })
    }
}

/// What the catalog knows of a recording, and its files, under the home folder.
async fn packed(rows: &mut Connection, recording: &str, site: &str) -> Answer<(Parcel, Vec<PathBuf>)> {
    let select = rows::query(
        "SELECT recordings.agent, customer, customer_form, customer_rule, recordings.direction, recordings.began_at, ends_at,
                recordings.seconds, first_seconds, rate, path, recordings.reasons, marks, state, committed_at,
                recordings.continues, draw,
                calls.call, day, sequence, ended_at, calls.seconds AS call_seconds, private, objected, gaps, gap_seconds, late_frames,
                lost_frames, calls.continues AS call_continues, cut_off, informed, period
         FROM recordings JOIN calls ON calls.call = recordings.call WHERE recordings.id = $1",
    );
    let row = select.bind(recording).fetch_one(&mut *rows).await?;
    let call = ParcelCall {
        call: parsed(&row, "call")?,
        day: row.try_get("day")?,
        sequence: row.try_get("sequence")?,
        ended_at: row.try_get("ended_at")?,
        seconds: row.try_get("call_seconds")?,
        private: row.try_get("private")?,
        objected: row.try_get("objected")?,
        gaps: row.try_get("gaps")?,
        gap_seconds: row.try_get("gap_seconds")?,
        late_frames: row.try_get("late_frames")?,
        lost_frames: row.try_get("lost_frames")?,
        continues: row.try_get("call_continues")?,
        cut_off: row.try_get("cut_off")?,
        informed: row.try_get("informed")?,
        period: row.try_get("period")?,
    };
    let select = rows::query_as::<(String, f64)>("SELECT path, seconds FROM parts WHERE recording = $1 ORDER BY part");
    let mut parts = select.bind(recording).fetch_all(&mut *rows).await?;
    let seconds: Option<f64> = row.try_get("seconds")?;
    if parts.is_empty() {
        parts.push((row.try_get("path")?, seconds.unwrap_or(0.0)));
    }
    let select = rows::query_as::<(String, f64, f64)>(
        "SELECT agent, from_seconds, to_seconds FROM participants WHERE recording = $1 ORDER BY from_seconds",
    );
    let agents = select.bind(recording).fetch_all(&mut *rows).await?.into_iter();
    let agents = agents.map(|(agent, from_seconds, to_seconds)| ParcelAgent { agent, from_seconds, to_seconds });
    let parcel = Parcel {
        site: site.to_owned(),
        recording: recording.to_owned(),
        call,
        agent: row.try_get("agent")?,
        customer: row.try_get("customer")?,
        customer_form: row.try_get("customer_form")?,
        customer_rule: row.try_get("customer_rule")?,
        direction: row.try_get("direction")?,
        began_at: row.try_get("began_at")?,
        ends_at: row.try_get("ends_at")?,
        seconds,
        first_seconds: row.try_get("first_seconds")?,
        rate: row.try_get("rate")?,
        reasons: row.try_get("reasons")?,
        marks: row.try_get("marks")?,
        state: row.try_get("state")?,
        committed_at: row.try_get("committed_at")?,
        continues: row.try_get("continues")?,
        draw: row.try_get("draw")?,
        agents: agents.collect(),
        purposes: purposes(rows, recording).await?,
        files: parts.iter().map(|(_, seconds)| FileFacts { seconds: *seconds, parts: Vec::new() }).collect(),
    };
    Ok((parcel, parts.into_iter().map(|(path, _)| path.into()).collect()))
}

async fn purposes(rows: &mut Connection, recording: &str) -> Answer<Vec<ParcelPurpose>> {
    // One that a case or request needs is not here: such a recording stays.
    let select = rows::query_as::<(String, String)>(
        "SELECT purpose, basis FROM purposes WHERE recording = $1 AND about = '' ORDER BY purpose",
    );
    let mut all = Vec::new();
    for (purpose, basis) in select.bind(recording).fetch_all(&mut *rows).await? {
        let select = rows::query_as::<(String, String, Option<String>)>(
            "SELECT anchor, at, day FROM anchors WHERE recording = $1 AND purpose = $2 AND about = '' ORDER BY place",
        );
        let anchors = select.bind(recording).bind(&purpose).fetch_all(&mut *rows).await?;
        all.push(ParcelPurpose { purpose, basis, anchors });
    }
    Ok(all)
}
