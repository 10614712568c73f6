//! The catalog of a home as the store of a sweep, in short transactions.
//!
//! Belongs here: the writes of a deletion, the lease, the versions of the policy. Does not: what is due (`policy`), files.

mod under_orders;

use std::{
    io,
    path::{Path, PathBuf},
    time::Duration,
};

use jiff::Timestamp;
use retrocall_ledger::{Deed as Entry, DeedKind};
use tokio::runtime::Runtime;

use super::{
    apart::{self, Hold},
    copies::exports,
    facts::{self, KeptRecording, Reading, Which},
    store::{Deed, Doomed, Receipt, Store, Token, Tombstone},
};
use crate::{
    Address, Life, Trouble,
    ledger::{Scribe, by_rule, item, site_of},
    milestone, peaks_paths,
    policy::{Facts, Fate, Policy, Version, Why, fate},
    rows::{self, Connection, Transaction},
    server, text,
};
use retrocall_words::{
    CallId, Clock as _, SystemClock,
    retention::{Calendar, Periods},
};

use under_orders::under_orders;
pub use under_orders::{DueAndStays, Stays};

/// Recordings that are looked at in one transaction.
const PAGE: usize = 256;
/// A transaction takes no further recording once it has lasted so long: the next one and the commit still fit into 50 ms.
const TRANSACTION_MAX: Duration = Duration::from_millis(20);
/// The name of the lease.
const SWEEP: &str = "sweep";

/// What belongs to a recording and goes with it.
pub(crate) const BELONGINGS: [&str; 13] = [
    "DELETE FROM purposes WHERE recording = $1",
    "DELETE FROM uses WHERE recording = $1",
    "DELETE FROM reviews WHERE recording = $1",
    "DELETE FROM notes WHERE recording = $1",
    "DELETE FROM proposals WHERE recording = $1",
    "DELETE FROM trainees WHERE recording = $1",
    "DELETE FROM case_recordings WHERE recording = $1",
    "DELETE FROM holds WHERE recording = $1",
    // Which recordings were erased is what an erasure's letter says: nobody is named any more.
    "DELETE FROM request_recordings WHERE recording = $1 AND request NOT IN (SELECT id FROM requests WHERE kind = 'erasure')",
    "DELETE FROM participants WHERE recording = $1",
    "DELETE FROM parts WHERE recording = $1",
    "DELETE FROM objects WHERE recording = $1",
    // With a salt somebody could guess a text until its hash in the ledger fits.
    "DELETE FROM ledger_salts WHERE recording = $1",
];

/// The catalog of a home, on a connection of its own beside the engine's.
pub struct HomeStore {
    home: PathBuf,
    path: PathBuf,
    policy: Policy,
    connection: Connection,
    runtime: Runtime,
    /// No restore takes the catalog away meanwhile.
    _hold: Hold,
}

/// A recording, for people who ask what a policy does with it.
pub struct Judgement {
    /// Its id.
    pub id: String,
    /// What is known of it.
    pub facts: Facts,
    /// What becomes of it.
    pub fate: Fate,
}

impl HomeStore {
    /// Opens the catalog; none if there is none yet. Its rules are the defaults until [`HomeStore::follow`] is called. Not for a thread that is
    /// inside another runtime.
    ///
    /// # Errors
    /// Why it can't be had.
    pub fn open(home: &Path) -> Result<Option<HomeStore>, Trouble> {
        HomeStore::opened(&Address::of(home), home, true)
    }

    /// Opens it for whoever only looks.
    ///
    /// # Errors
    /// Why it can't be had.
    pub fn open_to_read(home: &Path) -> Result<Option<HomeStore>, Trouble> {
        HomeStore::opened(&Address::of(home), home, false)
    }

    /// Opens records wherever they lie, whose files are in this folder.
    ///
    /// # Errors
    /// Why they can't be had.
    pub fn open_at(address: &Address, folder: &Path) -> Result<Option<HomeStore>, Trouble> {
        HomeStore::opened(address, folder, true)
    }

    fn opened(address: &Address, home: &Path, writes: bool) -> Result<Option<HomeStore>, Trouble> {
        let home = std::path::absolute(home).unwrap_or_else(|_| home.to_path_buf());
        let path = address.shown().to_path_buf();
        let hold = if writes { apart::sweeping(&home) } else { Ok(None) };
        let hold = hold.map_err(|error| Trouble::Unusable {
            path: home.join("recordings"),
            cause: match error.kind() {
                io::ErrorKind::WouldBlock => "a restore is under way".to_owned(),
                _ => error.to_string(),
            },
            step: "let it come to its end, then try again".to_owned(),
        })?;
        let runtime = address.runtime()?;
        let mut opened = runtime.block_on(address.open(writes))?;
        if let (Some(rows), Some(home)) = (opened.as_mut().filter(|_| writes), address.home()) {
            // Before anything is deleted by it.
            let closes = runtime.block_on(milestone::closes(rows, home));
            if closes.map_err(|error| Trouble::of(&path, &error))? {
                return Err(Trouble::Unusable {
                    path,
                    cause: "it is older than its ledger was, or another one: recordings that were deleted may be in it"
                        .to_owned(),
                    step: "stop the engine and type `retrocall restore FILE --tombstones FILE --holds FILE`".to_owned(),
                });
            }
        }
        Ok(opened.map(|connection| HomeStore {
            home,
            path,
            policy: Policy::default(),
            connection,
            runtime,
            _hold: hold,
        }))
    }

    /// The rules that hold: the versions that are written down. Settings that differ from the last one become the next version, from `now` on.
    ///
    /// # Errors
    /// Why the catalog can't be had.
    pub fn follow(&mut self, periods: Periods, calendar: &Calendar, now: Timestamp) -> Result<(), Trouble> {
        self.take_up(Version { from: now, periods, calendar: calendar.clone() }, true)
    }

    /// The same, for whoever only looks: nothing is written down.
    ///
    /// # Errors
    /// Why the catalog can't be had.
    pub fn consider(&mut self, periods: Periods, calendar: &Calendar, now: Timestamp) -> Result<(), Trouble> {
        self.take_up(Version { from: now, periods, calendar: calendar.clone() }, false)
    }

    fn take_up(&mut self, version: Version, writes: bool) -> Result<(), Trouble> {
        let now = version.from;
        let HomeStore { path, connection, runtime, .. } = self;
        let reading = Reading { path };
        let versions = runtime.block_on(server::again(async || {
            let version = version.clone();
            // Whoever only looks waits for nobody who writes.
            let mut transaction = match writes {
                true => begin(connection, &reading).await?,
                false => connection.begin_looking().await.map_err(|error| reading.refused(&error))?,
            };
            let mut versions = versions(&mut transaction, &reading).await?;
            let says = |last: &Version| (last.periods, &last.calendar) == (version.periods, &version.calendar);
            if versions.last().is_some_and(says) {
                return Ok(versions);
            }
            if writes {
                let insert = rows::query("INSERT INTO policies (version, since, text) VALUES ($1, $2, $3)");
                let json = serde_json::to_string(&version).map_err(|_| Trouble::unreadable(reading.path, "text"))?;
                let number = versions.len() as u64 + 1;
                let insert = insert.bind(text::count(number)).bind(text::time(version.from)).bind(json);
                insert.execute(&mut transaction).await.map_err(|error| reading.refused(&error))?;
                let entry = Entry { version: Some(number), ..Entry::done(DeedKind::PolicyChanged) };
                by_rule(&mut transaction, entry, now).await.map_err(|error| reading.refused(&error))?;
                transaction.commit().await.map_err(|error| reading.refused(&error))?;
            }
            versions.push(version);
            Ok(versions)
        }))?;
        self.policy = Policy::new(versions);
        Ok(())
    }

    /// The rules by which it judges.
    pub fn policy(&self) -> &Policy {
        &self.policy
    }

    /// Every recording that is kept, in the order of the ids, with what becomes of it at `now`.
    ///
    /// # Errors
    /// Why the catalog can't be had.
    pub fn each_kept(&mut self, now: Timestamp, look: impl FnMut(Judgement)) -> Result<(), Trouble> {
        self.each(Which::All, now, look)
    }

    /// The same for those of which somebody may have to be told.
    pub(super) fn each_told_of(&mut self, now: Timestamp, look: impl FnMut(Judgement)) -> Result<(), Trouble> {
        self.each(Which::ToldOf, now, look)
    }

    fn each(&mut self, which: Which, now: Timestamp, mut look: impl FnMut(Judgement)) -> Result<(), Trouble> {
        let mut after = String::new();
        loop {
            let page = self.page(which, &after, PAGE)?;
            let Some(last) = page.last() else { return Ok(()) };
            after.clone_from(&last.id);
            for KeptRecording { id, facts, .. } in page {
                let fate = fate(&facts, &self.policy, now);
                look(Judgement { id, facts, fate });
            }
        }
    }

    /// What is known of one recording; none if it is not kept.
    ///
    /// # Errors
    /// Why the catalog can't be had.
    pub fn facts_of(&mut self, id: &str) -> Result<Option<Facts>, Trouble> {
        let HomeStore { path, connection, runtime, .. } = self;
        let reading = Reading { path };
        let found = runtime.block_on(facts::one(connection, &reading, id))?;
        Ok(found.map(|known| known.facts))
    }

    /// The calls whose recordings have come to this end.
    pub(super) fn calls_of(&mut self, life: Life) -> Result<Vec<CallId>, Trouble> {
        let HomeStore { path, connection, runtime, .. } = self;
        let reading = Reading { path };
        let select = rows::query_scalar::<String>("SELECT call FROM recordings WHERE life = $1 ORDER BY call");
        let select = select.bind(life.as_str());
        let found = runtime.block_on(select.fetch_all(connection)).map_err(|error| reading.refused(&error))?;
        found.iter().map(|call| reading.parsed("call", call)).collect()
    }

    fn page(&mut self, which: Which, after: &str, limit: usize) -> Result<Vec<KeptRecording>, Trouble> {
        let HomeStore { path, connection, runtime, .. } = self;
        let reading = Reading { path };
        runtime.block_on(async {
            // One look: a hold that comes between two of these queries is seen when the deletion begins.
            let mut transaction = connection.begin_looking().await.map_err(|error| reading.refused(&error))?;
            let page = facts::page(&mut transaction, &reading, which, (after, limit)).await?;
            transaction.commit().await.map_err(|error| reading.refused(&error))?;
            Ok(page)
        })
    }

    /// The pictures and the files of a recording, in their order. If it lies in a store: its places there, which are no absolute paths, and no pictures.
    pub(super) fn files(&mut self, id: &str) -> Result<[Vec<PathBuf>; 2], Trouble> {
        let HomeStore { path, connection, runtime, home, .. } = self;
        let select = rows::query_scalar::<String>("SELECT place FROM objects WHERE recording = $1 ORDER BY file, part");
        let places =
            runtime.block_on(select.bind(id).fetch_all(connection)).map_err(|error| Trouble::of(path, &error))?;
        if !places.is_empty() {
            return Ok([Vec::new(), places.into_iter().map(PathBuf::from).collect()]);
        }
        let select = rows::query_scalar::<String>("SELECT path FROM parts WHERE recording = $1 ORDER BY part");
        let found = runtime.block_on(select.bind(id).fetch_all(connection));
        let found = found.map_err(|error| Trouble::of(path, &error))?;
        Ok([peaks_paths(home, id).into(), found.into_iter().map(|path| home.join(path)).collect()])
    }

    /// Does one thing to each of these, in few transactions that are short, as long as this token has the lease. Those that are left when it is lost
    /// are not done. What the ledger is to say of each is written in the same transaction.
    pub(super) fn each_with_lease<I>(
        &mut self,
        items: &[I],
        (token, now): (Token, Timestamp),
        step: impl AsyncFn(&mut Connection, &Reading<'_>, &Policy, &I) -> Result<(Deed, Option<Entry>), Trouble>,
    ) -> Result<Vec<Deed>, Trouble> {
        let HomeStore { path, connection, runtime, policy, .. } = self;
        let reading = Reading { path };
        runtime.block_on(async {
            let failed = |error: sqlx::Error| reading.refused(&error);
            let mut deeds = Vec::with_capacity(items.len());
            while deeds.len() < items.len() {
                let left = &items[deeds.len()..];
                let some = server::again(async || {
                    let mut some = Vec::new();
                    let mut transaction = begin(connection, &reading).await?;
                    let began = SystemClock.now();
                    // Model: the rule `ChecksToken`.
                    let select = rows::query_scalar::<i64>(
                        "SELECT COUNT(*) FROM leases WHERE name = $1 AND token = $2 AND expires_at > $3",
                    );
                    let select = select.bind(SWEEP).bind(token).bind(text::time(now));
                    if select.fetch_one(&mut transaction).await.map_err(failed)? == 0 {
                        return Ok(vec![Deed::LeaseLost; left.len()]);
                    }
                    // Without a ledger no engine has run yet, and nothing is written there.
                    let site = site_of(&mut transaction).await.map_err(failed)?;
                    let mut scribe = site.as_ref().map(|site| Scribe::of_deeds(site, now));
                    for item in left {
                        let (deed, entry) = step(&mut transaction, &reading, policy, item).await?;
                        some.push(deed);
                        if let (Some(entry), Some(scribe)) = (entry, &mut scribe) {
                            scribe.deed(&mut transaction, |_| entry).await.map_err(failed)?;
                        }
                        if SystemClock.since(began) > TRANSACTION_MAX {
                            break;
                        }
                    }
                    if let Some(scribe) = scribe {
                        scribe.finish(&mut transaction).await.map_err(failed)?;
                    }
                    transaction.commit().await.map_err(failed)?;
                    Ok(some)
                });
                deeds.extend(some.await?);
            }
            Ok(deeds)
        })
    }
}

async fn begin<'c>(connection: &'c mut Connection, reading: &Reading<'_>) -> Result<Transaction<'c>, Trouble> {
    connection.begin_writing().await.map_err(|error| reading.refused(&error))
}

/// The ledger's row of a step that the rules ask for.
pub(super) fn entry(kind: DeedKind, recording: &str) -> Entry {
    Entry { recording: item(recording), ..Entry::done(kind) }
}

/// The versions of the policy, in their order.
async fn versions(rows: &mut Connection, reading: &Reading<'_>) -> Result<Vec<Version>, Trouble> {
    let select = rows::query_scalar::<String>("SELECT text FROM policies ORDER BY version");
    let found = select.fetch_all(rows).await.map_err(|error| reading.refused(&error))?;
    let read = |text: &String| serde_json::from_str(text).map_err(|_| Trouble::unreadable(reading.path, "text"));
    found.iter().map(read).collect()
}

impl Store for HomeStore {
    fn lease(&mut self, holder: &str, now: Timestamp, until: Timestamp) -> Result<Option<Token>, Trouble> {
        let HomeStore { path, connection, runtime, .. } = self;
        let reading = Reading { path };
        let taken = runtime.block_on(server::again(async || {
            let mut transaction = connection.begin_writing().await?;
            let select = rows::query_as::<(String, Token, String)>("SELECT holder, token, expires_at FROM leases WHERE name = $1");
            let held = select.bind(SWEEP).fetch_optional(&mut transaction).await?;
            let (now, until) = (text::time(now), text::time(until));
            let token = match held {
                Some((held_by, token, _)) if held_by == holder => token,
                Some((_, _, expires)) if now < expires && expires <= until => return Ok(None),
                Some((_, token, _)) => token + 1,
                None => 1,
            };
            let upsert = rows::query(
                "INSERT INTO leases (name, holder, token, expires_at) VALUES ($1, $2, $3, $4)
                 ON CONFLICT (name) DO UPDATE SET holder = excluded.holder, token = excluded.token, expires_at = excluded.expires_at",
            );
            upsert.bind(SWEEP).bind(holder).bind(token).bind(until).execute(&mut transaction).await?;
            transaction.commit().await?;
            Ok(Some(token))
        }));
        taken.map_err(|error| reading.refused(&error))
    }

    fn release(&mut self, token: Token, now: Timestamp) -> Result<(), Trouble> {
        let HomeStore { path, connection, runtime, .. } = self;
        let update =
            rows::query("UPDATE leases SET expires_at = $3 WHERE name = $1 AND token = $2 AND expires_at > $3");
        let update = update.bind(SWEEP).bind(token).bind(text::time(now)).execute(connection);
        runtime.block_on(update).map(drop).map_err(|error| Trouble::of(path, &error))
    }

    fn due(&mut self, now: Timestamp, after: Option<&str>, limit: usize) -> Result<Vec<Doomed>, Trouble> {
        let mut after = after.unwrap_or_default().to_owned();
        let mut due = Vec::new();
        loop {
            let page = self.page(Which::All, &after, PAGE)?;
            let Some(last) = page.last() else { return Ok(due) };
            after.clone_from(&last.id);
            for known in page {
                let Fate::Due { since, why } = fate(&known.facts, &self.policy, now) else { continue };
                if self.keep_for_centre(&known, now)?.is_some() {
                    continue;
                }
                let KeptRecording { id, call, .. } = known;
                let [peaks, files] = self.files(&id)?;
                due.push(Doomed { id, call, why, since, peaks, files, sha256: None });
                if due.len() == limit {
                    return Ok(due);
                }
            }
        }
    }

    fn unfinished(&mut self, after: Option<&str>, limit: usize) -> Result<Vec<Doomed>, Trouble> {
        let HomeStore { path, connection, runtime, policy, .. } = self;
        let reading = Reading { path };
        let found = runtime.block_on(facts::deleting(connection, &reading, after.unwrap_or_default(), limit))?;
        let mut begun = Vec::new();
        for (KeptRecording { id, call, facts }, at, sha256) in found {
            // Since then nothing has happened to it: what ended it then ends it now.
            let (since, why) = match fate(&Facts { covers: Vec::new(), ..facts }, policy, at) {
                Fate::Due { since, why } => (since, why),
                _ => (at, Why::Ended),
            };
            begun.push(Doomed { id, call, why, since, peaks: Vec::new(), files: Vec::new(), sha256 });
        }
        for doomed in &mut begun {
            [doomed.peaks, doomed.files] = self.files(&doomed.id)?;
        }
        Ok(begun)
    }

    fn deleting(&mut self, doomed: &[Doomed], token: Token, now: Timestamp) -> Result<Vec<Deed>, Trouble> {
        let home = self.home.clone();
        self.each_with_lease(doomed, (token, now), async |rows, reading, policy, doomed| {
            let Some(known) = facts::one(rows, reading, &doomed.id).await? else { return Ok((Deed::NotNow, None)) };
            // Model: the rule `AsksAgain`.
            if !fate(&known.facts, policy, now).is_due() {
                return Ok((Deed::NotNow, None));
            }
            if let Some(under) = under_orders(rows, reading, &home, now).await?
                && under.keep(rows, reading, &known, (policy, now)).await?.is_some()
            {
                return Ok((Deed::NotNow, None));
            }
            // Until its delivery's time is over a part of it may still be on its way to the store.
            let arriving =
                rows::query_scalar::<i64>("SELECT COUNT(*) FROM uploads WHERE recording = $1 AND expires_at > $2");
            let arriving = arriving.bind(&doomed.id).bind(text::time(now)).fetch_one(&mut *rows).await;
            if arriving.map_err(|error| reading.refused(&error))? > 0 {
                return Ok((Deed::NotNow, None));
            }
            let update = rows::query(
                "UPDATE recordings SET life = 'deleting', life_at = $2, life_token = $3, sha256 = $4 WHERE id = $1",
            );
            let update = update.bind(&doomed.id).bind(text::time(now)).bind(token).bind(&doomed.sha256);
            update.execute(&mut *rows).await.map_err(|error| reading.refused(&error))?;
            Ok((Deed::Done, Some(entry(DeedKind::Deleting, &doomed.id))))
        })
    }

    fn buried(&mut self, tombstones: &[Tombstone], token: Token, now: Timestamp) -> Result<Vec<Deed>, Trouble> {
        self.each_with_lease(tombstones, (token, now), async |rows, reading, _, tombstone| {
            let insert = rows::query(
                "INSERT INTO tombstones (recording, call, sha256, buried_at) VALUES ($1, $2, $3, $4) ON CONFLICT (recording) DO NOTHING",
            );
            let insert = insert.bind(&tombstone.recording).bind(tombstone.call.to_string());
            let insert = insert.bind(&tombstone.sha256).bind(text::time(tombstone.at));
            insert.execute(rows).await.map_err(|error| reading.refused(&error))?;
            Ok((Deed::Done, None))
        })
    }

    fn gone(&mut self, receipts: &[(String, Receipt)], token: Token, now: Timestamp) -> Result<Vec<Deed>, Trouble> {
        self.each_with_lease(receipts, (token, now), async |rows, reading, _, (id, receipt)| {
            let refused = |error: sqlx::Error| reading.refused(&error);
            let update = rows::query(
                "UPDATE recordings SET life = 'gone', life_at = $2, customer = NULL, customer_form = NULL, marks = '{}'
                 WHERE id = $1 AND life = 'deleting'",
            );
            let update = update.bind(id).bind(text::time(now)).execute(&mut *rows).await.map_err(refused)?;
            if update.rows_affected() == 0 {
                return Ok((Deed::Done, None));
            }
            let exports = exports(rows, id).await.map_err(refused)?;
            for delete in BELONGINGS {
                rows::query(delete).bind(id).execute(&mut *rows).await.map_err(refused)?;
            }
            let insert = rows::query(
                "INSERT INTO receipts (recording, reason, out_of_reach_at, exports) VALUES ($1, $2, $3, $4) ON CONFLICT (recording) DO NOTHING",
            );
            let insert = insert.bind(id).bind(receipt.why.as_str()).bind(text::time(receipt.out_of_reach_at)).bind(exports);
            insert.execute(&mut *rows).await.map_err(refused)?;
            Ok((Deed::Done, Some(entry(DeedKind::Deleted, id))))
        })
    }
}
