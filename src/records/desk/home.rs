//! The desk of a home: its verbs on the catalog there.

mod act;
mod adopting;
mod awaiting;
mod backups;
mod batch;
mod cases;
mod cleaning;
mod covered;
mod delivering;
mod disclosure;
mod erasures;
mod held;
mod kept;
mod leaving;
mod list;
mod listen;
mod login;
mod mine;
mod notes;
mod obeying;
mod objecting;
mod orders;
mod outgoing;
mod outlook;
mod packing;
mod people;
mod pressing;
mod progress;
mod promises;
mod proposals;
mod queue;
mod requests;
mod restricting;
mod reviews;
mod rules;
mod sites;
mod teaching;
mod unusual;
mod versions;

use std::{fmt, io, path::Path, sync::Arc, thread};

use jiff::{Timestamp, civil::Date};
use retrocall_ledger::{Deed, DeedKind, DeedResult, ItemId, PseudonymKey, TextDigest};
use uuid::Uuid;

pub use adopting::Adopted;
pub use held::{DeskFiles, HeldOpen, NAMES};
use kept::Kept;
use list::{entries, one, select};

use super::{
    Cursor, Desk, DeskRole, Filter, HOLD_REVIEW_DAYS_MAX, HoldEntry, NewHold, NotDone, Page, Person, RecordingEntry,
    Story, Use, UseEntry, UseKind,
};
use crate::{
    Address, Life, PurposeKind, Trouble, beside,
    holds::{self, Ended, Noted},
    ledger::{Scribe, site_of},
    policies, random,
    rows::{self, Connection, Row},
    server::{self, MayRace},
    sweep::Objects,
    text,
};
use retrocall_words::{Reason, Word};

/// Before and after all times that are written.
const FIRST: &str = "0";
const LAST: &str = "9999-99";

/// A refusal inside a transaction.
enum Refusal {
    Sql(sqlx::Error),
    Not(NotDone),
}

impl From<sqlx::Error> for Refusal {
    fn from(error: sqlx::Error) -> Refusal {
        Refusal::Sql(error)
    }
}

impl MayRace for Refusal {
    fn is_race(&self) -> bool {
        matches!(self, Refusal::Sql(error) if error.is_race())
    }
}

impl From<NotDone> for Refusal {
    fn from(why: NotDone) -> Refusal {
        Refusal::Not(why)
    }
}

type Answer<T> = Result<T, Refusal>;

/// The desk of a home.
#[derive(Clone)]
pub struct HomeDesk {
    address: Address,
    /// Connections that are kept ready. None: each question opens one.
    kept: Option<Arc<Kept>>,
    /// Where a centre puts its orders. A home has none.
    store: Option<Arc<dyn Objects>>,
}

impl fmt::Debug for HomeDesk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("HomeDesk").field(&self.address).finish()
    }
}

impl HomeDesk {
    /// That of a home folder.
    pub fn of(home: &Path) -> HomeDesk {
        HomeDesk::at(Address::of(home))
    }

    /// That of records wherever they lie.
    pub fn at(address: Address) -> HomeDesk {
        HomeDesk { address, kept: None, store: None }
    }

    /// That of a centre, whose orders go to this store.
    pub fn with_store(self, store: Arc<dyn Objects>) -> HomeDesk {
        HomeDesk { store: Some(store), ..self }
    }

    /// Whether requests here are orders to sites too.
    fn is_centre(&self) -> bool {
        self.store.is_some() || matches!(self.address, Address::Server(_))
    }

    /// Asks the records, on a thread of its own: whoever asks may be inside another runtime. Nothing is undone half-way: the thread is not waited
    /// for with a limit. What a server refuses because of others' deeds is asked again from its beginning.
    fn ask<T: Send>(
        &self,
        writes: bool,
        mut ask: impl AsyncFnMut(&mut Connection) -> Answer<T> + Send,
    ) -> Result<T, NotDone> {
        let answered = |answer: Answer<T>| {
            answer.map_err(|refusal| match refusal {
                Refusal::Sql(error) => NotDone::Catalog(self.address.refused(&error)),
                Refusal::Not(why) => why,
            })
        };
        if let Some(kept) = &self.kept {
            return answered(kept.ask(&self.address, writes, ask)?);
        }
        let no_thread = |error: io::Error| Trouble::NoThread { cause: error.to_string() };
        let work = || -> Result<T, NotDone> {
            self.address.runtime()?.block_on(async {
                let mut connection = self.address.open(writes).await?.ok_or(NotDone::Unknown)?;
                let answer = server::again(async || ask(&mut connection).await).await;
                // What was committed is durable.
                let _ = connection.close().await;
                answered(answer)
            })
        };
        thread::scope(|scope| {
            let asks = thread::Builder::new().name("desk".into()).spawn_scoped(scope, work).map_err(no_thread)?;
            asks.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        })
    }

    /// Does something to a recording and writes it in the ledger, in one transaction. What is refused is written there too.
    fn deed<T: Send>(
        &self,
        deed: &NewDeed<'_>,
        now: Timestamp,
        mut change: impl AsyncFnMut(&mut Connection) -> Answer<T> + Send,
    ) -> Result<T, NotDone> {
        self.goes_by_clock(now)?;
        self.ask(true, async |connection| {
            let mut rows = connection.begin_writing().await?;
            self.is_newest(&mut rows).await?;
            let no_ledger = NotDone::Conflict("there is no ledger yet: start the engine once, then do it again");
            let site = site_of(&mut rows).await?.ok_or(no_ledger)?;
            let found = match deed.kind {
                DeedKind::Played => teaching::audible(&mut rows, deed.who, deed.recording, now).await,
                _ => one(&mut rows, deed.who, deed.recording).await,
            };
            let since = holds::since(&mut rows, self.address.home()).await?;
            let mut scribe = Scribe::of_deeds(&site, now);
            let done = match found {
                Err(why) => Err(why),
                Ok(None) => Err(NotDone::Unknown.into()),
                Ok(Some(_)) if !deed.roles.iter().any(|role| deed.who.is(*role)) => {
                    Err(NotDone::NotAllowed(deed.roles).into())
                }
                Ok(Some(recording)) if recording.life.is_over() => Err(too_late(recording.life).into()),
                Ok(Some(_)) => {
                    // What is refused half-way is as if it had never begun.
                    let mut inner = rows.begin_part().await?;
                    let done = change(&mut inner).await;
                    if done.is_ok() {
                        inner.commit().await?
                    } else {
                        inner.rollback().await?
                    }
                    done
                }
            };
            match &done {
                // What does not exist for them was not refused to them either.
                Err(Refusal::Not(NotDone::Unknown) | Refusal::Sql(_)) => return done,
                done => write_deed(&mut rows, &mut scribe, deed, done.is_ok()).await?,
            }
            scribe.finish(&mut rows).await?;
            let mut ended = Ended::default();
            if done.is_ok() {
                let matter = deed.matter.map(|matter| matter.to_string());
                let noted = Noted { kind: deed.kind, recording: Some(deed.recording), matter, each: Vec::new() };
                ended = holds::note(&mut rows, &since, &noted, now).await?;
            }
            rows.commit().await?;
            ended.committed(self.address.home());
            done
        })
    }
}

/// A deed, as the ledger will say it.
struct NewDeed<'a> {
    who: &'a Person,
    kind: DeedKind,
    recording: &'a str,
    matter: Option<ItemId>,
    /// In somebody's own words: the ledger has its salted hash.
    text: &'a str,
    /// Who may: one of these.
    roles: &'static [DeskRole],
}

async fn write_deed(rows: &mut Connection, scribe: &mut Scribe<'_>, deed: &NewDeed<'_>, is_done: bool) -> Answer<()> {
    let salt = random::bytes().map_err(sqlx::Error::Io)?;
    let digest = TextDigest::of(&salt, deed.text);
    let insert = rows::query(include_str!("../sql/desk/insert_salt.sql"))
        .bind(digest.to_string())
        .bind(deed.recording)
        .bind(beside::hex(&salt));
    insert.execute(&mut *rows).await?;
    let person = |key: &PseudonymKey, name: &Option<String>| name.as_ref().map(|name| key.pseudonym(name));
    scribe
        .deed(rows, |key| Deed {
            by: Some(key.pseudonym(&deed.who.name)),
            on_behalf_of: person(key, &deed.who.on_behalf_of),
            recording: Uuid::parse_str(deed.recording).ok().map(ItemId::from),
            matter: deed.matter,
            text: Some(digest),
            result: if is_done { DeedResult::Done } else { DeedResult::Refused },
            ..Deed::done(deed.kind)
        })
        .await?;
    Ok(())
}

impl Desk for HomeDesk {
    fn list(&self, who: &Person, filter: &Filter, after: Option<&Cursor>) -> Result<Page, NotDone> {
        match self.ask(false, async |rows| select(rows, who, None, filter, after).await) {
            // Without a catalog nothing is kept.
            Err(NotDone::Unknown) => Ok(Page { recordings: Vec::new(), next: None }),
            answer => answer,
        }
    }

    fn story(&self, who: &Person, id: &str) -> Result<Story, NotDone> {
        self.ask(false, async |rows| {
            let recording = one(rows, who, id).await?.ok_or(NotDone::Unknown)?;
            let found = rows::query(include_str!("../sql/desk/uses.sql")).bind(id).fetch_all(&mut *rows).await?;
            let mut uses = found.iter().map(used).collect::<Answer<Vec<_>>>()?;
            // Who hears a call today says whether it was drawn.
            if is_untold(rows, who, id).await? {
                uses.clear();
            }
            let found = rows::query(include_str!("../sql/desk/holds_of.sql")).bind(id).fetch_all(&mut *rows).await?;
            let holds = found.iter().map(held).collect::<Answer<_>>()?;
            Ok(Story { recording, uses, holds })
        })
    }

    fn used(&self, who: &Person, id: &str, how: &Use, now: Timestamp) -> Result<(), NotDone> {
        self.is_open()?;
        let (kind, roles) = match how.kind {
            UseKind::Play => (DeedKind::Played, teaching::LISTENING),
            UseKind::Export => (DeedKind::Exported, &[DeskRole::PrivacyOfficer][..]),
            UseKind::Disclose => (DeedKind::Disclosed, &[DeskRole::PrivacyOfficer][..]),
        };
        // The review, case or request by right of which.
        let matter = how.of.as_deref().and_then(|of| Uuid::parse_str(of).ok()).map(ItemId::from);
        let deed = NewDeed { who, kind, recording: id, matter, text: &how.why, roles };
        self.deed(&deed, now, async |rows| {
            let insert = rows::query(include_str!("../sql/desk/insert_use.sql"))
                .bind(Uuid::now_v7().to_string())
                .bind(id)
                .bind(who.on_behalf_of.as_ref().unwrap_or(&who.name))
                .bind(how.kind.as_str())
                .bind(&how.why)
                .bind(&how.of)
                .bind(None::<&str>)
                .bind(text::time(now));
            insert.execute(rows).await?;
            Ok(())
        })
    }

    fn hold(&self, who: &Person, id: &str, hold: &NewHold, now: Timestamp) -> Result<String, NotDone> {
        let new = Uuid::now_v7();
        let (recording, text) = (id, hold.reason.as_str());
        let matter = Some(ItemId::from(new));
        let deed =
            NewDeed { who, kind: DeedKind::HoldSet, recording, matter, text, roles: &[DeskRole::PrivacyOfficer] };
        // Model of many machines: `NoteHold`, then `GiveHold`.
        self.note_hold(&new, id, (hold, &who.name), now)?;
        let held = self.deed(&deed, now, async |rows| {
            let last =
                policies::desk_day(rows, now).await?.saturating_add(jiff::Span::new().days(HOLD_REVIEW_DAYS_MAX));
            if hold.review_on > last {
                return Err(NotDone::Conflict("a hold is looked at again within 180 days: name an earlier day").into());
            }
            let insert = rows::query(include_str!("../sql/desk/insert_hold.sql"))
                .bind(new.to_string())
                .bind(id)
                .bind(&hold.reason)
                .bind(&hold.owner)
                .bind(&hold.until)
                .bind(text::day(hold.review_on))
                .bind(&who.name)
                .bind(text::time(now));
            match insert.execute(rows).await?.rows_affected() {
                0 => Err(NotDone::TooLate.into()),
                _ => Ok(new.to_string()),
            }
        });
        // What broke off may be set all the same.
        if held.as_ref().is_err_and(|why| !matches!(why, NotDone::Catalog(_))) {
            self.forget_hold(&new.to_string());
        }
        held
    }

    fn release(&self, who: &Person, hold: &str, reason: &str, now: Timestamp) -> Result<(), NotDone> {
        const UNKNOWN: NotDone = NotDone::Absent("there is no such hold: `retrocall hold list` shows them");
        let recording = self.ask(false, async |rows| {
            let found = rows::query(include_str!("../sql/desk/hold.sql")).bind(hold).fetch_optional(rows).await?;
            let recording: String = found.ok_or(UNKNOWN)?.try_get("recording")?;
            Ok(recording)
        })?;
        let matter = Uuid::parse_str(hold).ok().map(ItemId::from);
        let (kind, recording) = (DeedKind::HoldReleased, recording.as_str());
        let deed = NewDeed { who, kind, recording, matter, text: reason, roles: &[DeskRole::PrivacyOfficer] };
        let released = self.deed(&deed, now, async |rows| {
            let update = rows::query(include_str!("../sql/desk/release_hold.sql"))
                .bind(hold)
                .bind(&who.name)
                .bind(text::time(now))
                .bind(reason);
            match update.execute(rows).await?.rows_affected() {
                0 => Err(NotDone::Conflict("this hold was released before").into()),
                _ => Ok(()),
            }
        });
        if released.is_ok() {
            // Model of many machines: `NoteRelease`.
            self.forget_hold(hold);
        }
        released
    }

    fn holds(&self, who: &Person) -> Result<Vec<HoldEntry>, NotDone> {
        const ROLES: &[DeskRole] = &[DeskRole::PrivacyOfficer];
        if !who.is(DeskRole::PrivacyOfficer) {
            return Err(NotDone::NotAllowed(ROLES));
        }
        let found = self.ask(false, async |rows| {
            let found = rows::query(include_str!("../sql/desk/holds.sql")).fetch_all(rows).await?;
            found.iter().map(held).collect()
        });
        if found == Err(NotDone::Unknown) { Ok(Vec::new()) } else { found }
    }
}

/// Whether somebody may know of a call that it was drawn before its day is over.
fn knows_sample(who: &Person) -> bool {
    who.is(DeskRole::PrivacyOfficer) || who.is(DeskRole::Reviewer)
}

/// Whether somebody is not told yet if the call of this recording was drawn (D4).
async fn is_untold(rows: &mut Connection, who: &Person, id: &str) -> Answer<bool> {
    if knows_sample(who) {
        return Ok(false);
    }
    let open: i64 =
        rows::query(include_str!("../sql/desk/is_today.sql")).bind(id).fetch_one(rows).await?.try_get("open")?;
    Ok(open > 0)
}

impl RecordingEntry {
    /// Leaves out that its call was drawn.
    fn hide_draw(&mut self) {
        self.reasons.retain(|reason| *reason != Reason::Sample);
        self.purposes.retain(|purpose| *purpose != PurposeKind::Quality);
    }
}

fn used(row: &Row) -> Answer<UseEntry> {
    let (by, why) = (row.try_get("by_whom")?, row.try_get("why")?);
    Ok(UseEntry { by, kind: word(row, "kind")?, why, at: parsed(row, "at")? })
}

fn held(row: &Row) -> Answer<HoldEntry> {
    let released_at: Option<&str> = row.try_get("released_at")?;
    Ok(HoldEntry {
        hold: row.try_get("id")?,
        recording: row.try_get("recording")?,
        agent: row.try_get("agent")?,
        start: parsed(row, "began_at")?,
        reason: row.try_get("reason")?,
        owner: row.try_get("owner")?,
        until: row.try_get("until_event")?,
        review_on: parsed::<Date>(row, "review_on")?,
        set_at: parsed(row, "set_at")?,
        released_at: released_at.map(|at| text::parse(at).ok_or_else(|| unreadable("released_at"))).transpose()?,
    })
}

/// Why nothing more can be done to a recording.
fn too_late(life: Life) -> NotDone {
    match life {
        Life::Delivered => NotDone::Conflict("the recording lies at the centre by now: do it there"),
        _ => NotDone::TooLate,
    }
}

fn parsed<T: std::str::FromStr>(row: &Row, column: &str) -> Answer<T> {
    text::parse(row.try_get(column)?).ok_or_else(|| unreadable(column))
}

fn maybe<T: std::str::FromStr>(row: &Row, column: &str) -> Answer<Option<T>> {
    let text: Option<&str> = row.try_get(column)?;
    text.map(|text| text::parse(text).ok_or_else(|| unreadable(column))).transpose()
}

fn word<T: Word>(row: &Row, column: &str) -> Answer<T> {
    T::read(row.try_get(column)?).ok_or_else(|| unreadable(column))
}

fn unreadable(column: &str) -> Refusal {
    sqlx::Error::ColumnDecode { index: column.to_owned(), source: "not as it was written".into() }.into()
}
