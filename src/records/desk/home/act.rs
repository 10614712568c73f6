//! How a deed is done and written down: one transaction with the change, its anchors and the ledger's row, which says too when it was refused.
//!
//! Belongs here: what all deeds have in common. Does not: any deed.

use jiff::{Timestamp, civil::Date};
use retrocall_ledger::{Deed, DeedKind, DeedResult, ItemId, TextDigest};
use uuid::Uuid;

use super::{
    super::{DeskRole, NotDone, Person, RecordingEntry},
    HomeDesk, Refusal, one, too_late,
};
use crate::{
    PurposeKind, beside,
    holds::{self, Ended, Noted},
    ledger::{Scribe, item, site_of},
    policy::Anchor,
    random,
    rows::{self, Connection},
    text,
};

/// The officer alone.
pub(super) const OFFICER: &[DeskRole] = &[DeskRole::PrivacyOfficer];
/// Whoever has an account.
pub(super) const ANYBODY: &[DeskRole] = &DeskRole::ALL;
const NO_LEDGER: NotDone = NotDone::Conflict("there is no ledger yet: start the engine once, then do it again");

/// Why a deed was not done.
pub(super) enum Stop {
    /// It was refused: the ledger notes that.
    Refused(NotDone),
    /// What it is about does not exist for this person, so that it was not refused to them either.
    Absent(NotDone),
    Sql(sqlx::Error),
}

impl From<sqlx::Error> for Stop {
    fn from(error: sqlx::Error) -> Stop {
        Stop::Sql(error)
    }
}

impl From<NotDone> for Stop {
    fn from(why: NotDone) -> Stop {
        Stop::Refused(why)
    }
}

impl From<Refusal> for Stop {
    fn from(refusal: Refusal) -> Stop {
        match refusal {
            Refusal::Sql(error) => Stop::Sql(error),
            Refusal::Not(why) => Stop::Refused(why),
        }
    }
}

pub(super) type Step<T = ()> = Result<T, Stop>;

/// What was done to one of several recordings.
#[derive(Clone)]
pub(super) struct Each {
    pub kind: DeedKind,
    pub recording: String,
    /// In somebody's own words: their salt goes with this recording.
    pub text: Option<String>,
}

/// A deed, as the ledger will say it. What it is about is filled in as it is found.
#[derive(Clone)]
pub(super) struct Act<'a> {
    pub who: &'a Person,
    pub kind: DeedKind,
    pub recording: Option<String>,
    pub matter: Option<Uuid>,
    /// The agent, or the account, that it is about.
    pub agent: Option<&'a str>,
    pub in_turn: Option<bool>,
    /// In somebody's own words: the ledger has its salted hash.
    pub text: Option<&'a str>,
    /// What the ledger says first, with the recording: rows of the engine's own.
    pub precedes: Vec<(DeedKind, String)>,
    /// What it did to each of several recordings: a row for each, of the same person, with the same matter.
    pub each: Vec<Each>,
    /// What follows from it by a rule, with the recording: rows of the engine's own.
    pub follows: Vec<(DeedKind, String)>,
    /// Whether there was anything to do.
    pub is_nothing: bool,
}

impl<'a> Act<'a> {
    pub(super) fn new(who: &'a Person, kind: DeedKind) -> Act<'a> {
        Act {
            who,
            kind,
            recording: None,
            matter: None,
            agent: None,
            in_turn: None,
            text: None,
            precedes: Vec::new(),
            each: Vec::new(),
            follows: Vec::new(),
            is_nothing: false,
        }
    }

    /// The name in the catalog's rows: of the person for whom the owner acts, if they do.
    pub(super) fn author(&self) -> &'a str {
        self.who.on_behalf_of.as_deref().unwrap_or(&self.who.name)
    }

    /// Refuses whoever has none of these roles.
    pub(super) fn needs(&self, roles: &'static [DeskRole]) -> Step {
        if roles.iter().any(|role| self.who.is(*role)) { Ok(()) } else { Err(NotDone::NotAllowed(roles).into()) }
    }

    /// The recording that it is about, as far as this person may know of it.
    pub(super) async fn about(&mut self, rows: &mut Connection, id: &str) -> Step<RecordingEntry> {
        let recording = one(rows, self.who, id).await?.ok_or(Stop::Absent(NotDone::Unknown))?;
        self.recording = Some(recording.id.clone());
        Ok(recording)
    }

    async fn write(&self, rows: &mut Connection, scribe: &mut Scribe<'_>, result: DeedResult) -> sqlx::Result<()> {
        for (kind, recording) in self.precedes.iter().filter(|_| result == DeedResult::Done) {
            scribe.deed(rows, |_| Deed { recording: item(recording), ..Deed::done(*kind) }).await?;
        }
        let digest = match self.text {
            Some(words) => Some(salted(rows, self.recording.as_deref(), words).await?),
            None => None,
        };
        let deed = scribe.deed(rows, |key| Deed {
            by: Some(key.pseudonym(&self.who.name)),
            on_behalf_of: self.who.on_behalf_of.as_ref().map(|name| key.pseudonym(name)),
            recording: self.recording.as_deref().and_then(item),
            matter: self.matter.map(ItemId::from),
            agent: self.agent.map(|agent| key.pseudonym(agent)),
            in_turn: self.in_turn,
            text: digest,
            result,
            ..Deed::done(self.kind)
        });
        deed.await?;
        for each in self.each.iter().filter(|_| result == DeedResult::Done) {
            let digest = match &each.text {
                Some(words) => Some(salted(rows, Some(&each.recording), words).await?),
                None => None,
            };
            let deed = scribe.deed(rows, |key| Deed {
                by: Some(key.pseudonym(&self.who.name)),
                on_behalf_of: self.who.on_behalf_of.as_ref().map(|name| key.pseudonym(name)),
                recording: item(&each.recording),
                matter: self.matter.map(ItemId::from),
                text: digest,
                ..Deed::done(each.kind)
            });
            deed.await?;
        }
        for (kind, recording) in self.follows.iter().filter(|_| result == DeedResult::Done) {
            scribe.deed(rows, |_| Deed { recording: item(recording), ..Deed::done(*kind) }).await?;
        }
        Ok(())
    }
}

/// What the ledger has of a text. The salt goes with the recording.
async fn salted(rows: &mut Connection, recording: Option<&str>, words: &str) -> sqlx::Result<TextDigest> {
    let salt = random::bytes().map_err(sqlx::Error::Io)?;
    let digest = TextDigest::of(&salt, words);
    let insert = rows::query(include_str!("../../sql/desk/insert_salt.sql"))
        .bind(digest.to_string())
        .bind(recording)
        .bind(beside::hex(&salt));
    insert.execute(rows).await?;
    Ok(digest)
}

/// Refuses what is being deleted, or is.
pub(super) fn still_kept(recording: &RecordingEntry) -> Step {
    if recording.life.is_over() { Err(too_late(recording.life).into()) } else { Ok(()) }
}

/// Notes what has happened to a purpose of a recording. False if it has no such purpose.
pub(super) async fn anchor(
    rows: &mut Connection,
    (recording, purpose, about): (&str, PurposeKind, &str),
    (anchor, now, day): (Anchor, Timestamp, Option<Date>),
) -> Step<bool> {
    let insert = rows::query(include_str!("../../sql/desk/insert_anchor.sql"))
        .bind(recording)
        .bind(purpose.as_str())
        .bind(about)
        .bind(anchor.as_str())
        .bind(text::time(now))
        .bind(day.map(text::day));
    Ok(insert.execute(rows).await?.rows_affected() > 0)
}

/// Whether anything of these has happened to a purpose of a recording, whatever needs it.
pub(super) async fn has_happened(
    rows: &mut Connection,
    recording: &str,
    purpose: PurposeKind,
    any: &[Anchor],
) -> Step<bool> {
    let select = rows::query(include_str!("../../sql/desk/anchors.sql")).bind(recording).bind(purpose.as_str());
    for row in select.fetch_all(rows).await? {
        let found: &str = row.try_get("anchor")?;
        if any.iter().any(|anchor| anchor.as_str() == found) {
            return Ok(true);
        }
    }
    Ok(false)
}

impl HomeDesk {
    /// Does a deed and writes it in the ledger, in one transaction. What is refused half-way is as if it had never begun, but for its row.
    pub(super) fn act<T: Send>(
        &self,
        act: Act<'_>,
        now: Timestamp,
        mut change: impl AsyncFnMut(&mut Connection, &mut Act<'_>) -> Step<T> + Send,
    ) -> Result<T, NotDone> {
        if self.address.is_empty() {
            return Err(NO_LEDGER);
        }
        self.goes_by_clock(now)?;
        self.ask(true, async |connection| {
            // Filled in anew, if it has to be done again.
            let mut act = act.clone();
            let mut rows = connection.begin_writing().await?;
            self.is_newest(&mut rows).await?;
            let site = site_of(&mut rows).await?.ok_or(NO_LEDGER)?;
            let since = holds::since(&mut rows, self.address.home()).await?;
            let mut inner = rows.begin_part().await?;
            let done = change(&mut inner, &mut act).await;
            if done.is_ok() {
                inner.commit().await?
            } else {
                inner.rollback().await?
            }
            let (result, answer) = match done {
                Ok(answer) if act.is_nothing => return Ok(answer),
                Ok(answer) => (DeedResult::Done, Ok(answer)),
                Err(Stop::Refused(why)) => (DeedResult::Refused, Err(why.into())),
                Err(Stop::Absent(why)) => return Err(why.into()),
                Err(Stop::Sql(error)) => return Err(error.into()),
            };
            let mut scribe = Scribe::of_deeds(&site, now);
            act.write(&mut rows, &mut scribe, result).await?;
            scribe.finish(&mut rows).await?;
            let mut ended = Ended::default();
            if result == DeedResult::Done {
                let noted = Noted {
                    kind: act.kind,
                    recording: act.recording.as_deref(),
                    matter: act.matter.map(|matter| matter.to_string()),
                    each: act.each.iter().map(|each| (each.kind, each.recording.as_str())).collect(),
                };
                ended = holds::note(&mut rows, &since, &noted, now).await?;
            }
            rows.commit().await?;
            ended.committed(self.address.home());
            answer
        })
    }
}
