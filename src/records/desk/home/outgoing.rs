//! What leaves a home, on its catalog.
//!
//! The life of a copy that was delivered: `kept → delivered` with the state `leaving`, in one transaction (model: `HearAnswer`); peaks and files are
//! unlinked under an exclusive lock, folders synced, absence verified (`RemoveCopy`); then the rows that say what was in it go, and the state is `left`.
//! Of a recording that the centre has deleted the row ends as a sweep ends it, with a tombstone.

use std::path::{Path, PathBuf};

use jiff::Timestamp;
use retrocall_ledger::{Deed, DeedKind};
use uuid::Uuid;

use super::{
    super::{
        NotDone,
        delivering::LedgerProgress,
        outgoing::{Backlog, LedgerNews, Outbound, Outgoing},
    },
    Answer, HomeDesk,
    leaving::{Line, files_of, leaving, remove},
    packing::{packed, period, piece},
};
use crate::{
    Life, beside,
    ledger::{by_rule, item, site_of},
    rows::{self, Connection},
    sweep::{Files as _, HomeFiles},
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
}
