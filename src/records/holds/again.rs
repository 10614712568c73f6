//! What a catalog lacks that is older than deeds that kept recordings or let go of them: what can be done again is, and what can't is held until
//! somebody has looked at it.
//!
//! Belongs here: holding a restored catalog, or a recording that is registered from its file, against the lines. Does not: the lines (`holds`).

use std::collections::{BTreeMap, BTreeSet};

use jiff::{Span, Timestamp};
use retrocall_ledger::{Deed, DeedKind, ItemId};
use retrocall_words::{CallId, Word, book::day_of};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{Happened, Holder};
use crate::{
    ledger::item,
    policy::{Anchor, Event, Facts, Policy, Purpose, PurposeKind, ends},
    rows::{self, Connection},
    text,
};

/// So many days after a restore somebody has looked at what it holds.
const LOOKED_AT_DAYS: i64 = 14;

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
    pub(crate) fn row(&self) -> Deed {
        let matter = Uuid::parse_str(&self.hold).ok().map(ItemId::from);
        Deed { recording: item(&self.recording), matter, ..Deed::done(DeedKind::HoldSet) }
    }
}

/// A deed that a catalog lacked, and that is done in it again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DoneAgain {
    /// The recording.
    pub recording: String,
    /// The deed.
    pub deed: DeedKind,
    /// The hold, case or request.
    pub matter: Option<String>,
    /// When it was done first.
    pub done_at: Timestamp,
}

impl DoneAgain {
    fn of(line: &Holder, recording: &str) -> DoneAgain {
        let (deed, matter, done_at) = (line.deed, line.matter.clone(), line.at);
        DoneAgain { recording: recording.to_owned(), deed, matter, done_at }
    }

    /// What the ledger says of it.
    pub(crate) fn row(&self) -> Deed {
        let matter = self.matter.as_deref().and_then(|matter| Uuid::parse_str(matter).ok()).map(ItemId::from);
        Deed { recording: item(&self.recording), matter, ..Deed::done(self.deed) }
    }
}

/// What became of the lines.
#[derive(Debug, Default)]
pub(crate) struct Again {
    pub held: Vec<HeldAgain>,
    pub redone: Vec<DoneAgain>,
    /// Deeds that keep recordings which the catalog does not know, by the recordings' calls.
    pub unknown: Vec<(CallId, usize)>,
}

impl Again {
    /// What the ledger says of it.
    pub(crate) fn rows(&self) -> Vec<Deed> {
        self.redone.iter().map(DoneAgain::row).chain(self.held.iter().map(HeldAgain::row)).collect()
    }
}

/// By what a recording is kept besides its purposes: a hold, or a request; and whether it is erased.
type Cover = (CoverKind, Option<String>);

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum CoverKind {
    Hold,
    Request,
    Erasure,
}

/// The last line of each cover.
fn covers(lines: &[Holder]) -> BTreeMap<Cover, &Holder> {
    let kind = |line: &Holder| match line.deed {
        DeedKind::HoldSet | DeedKind::HoldReleased => CoverKind::Hold,
        DeedKind::Erased => CoverKind::Erasure,
        _ => CoverKind::Request,
    };
    let covers = lines.iter().filter(|line| line.happened.is_none());
    covers.map(|line| ((kind(line), line.matter.clone()), line)).collect()
}

/// What happened to each purpose, in its order.
fn purposes(lines: &[Holder]) -> BTreeMap<(PurposeKind, String), Vec<(&Holder, &Happened)>> {
    let mut all: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for line in lines {
        if let Some(happened) = &line.happened {
            all.entry((happened.purpose, happened.about.clone())).or_default().push((line, happened));
        }
    }
    all
}

fn event((line, happened): &(&Holder, &Happened)) -> Event {
    Event { anchor: happened.anchor, at: line.at, date: happened.day }
}

/// Whether a purpose to which this has happened keeps its recording now, as far as that can be said.
fn is_in_force(kind: PurposeKind, events: Vec<Event>, of: &Facts, policy: &Policy, now: Timestamp) -> bool {
    let facts = Facts { purposes: vec![Purpose { kind, events }], ..of.clone() };
    ends(&facts, policy, now).iter().all(|(_, end)| end.is_none_or(|(until, _)| now < until))
}

/// How many deeds among those of one call keep its recording, by the lines alone.
pub(crate) fn keeping(lines: &[Holder], policy: &Policy, now: Timestamp) -> usize {
    let covered = covers(lines).into_values().filter(|line| !line.over).count();
    let keeps = |((kind, _), all): &((PurposeKind, String), Vec<(&Holder, &Happened)>)| {
        let events: Vec<Event> = all.iter().map(event).collect();
        let has_begun = events.iter().any(|event| super::keeps(event.anchor));
        has_begun && is_in_force(*kind, events, &Facts::default(), policy, now)
    };
    covered + purposes(lines).into_iter().filter(keeps).count()
}

/// The lines of each call.
fn by_call(lines: Vec<Holder>) -> BTreeMap<String, Vec<Holder>> {
    let mut all: BTreeMap<String, Vec<Holder>> = BTreeMap::new();
    for line in lines {
        // By the call: a recording that was registered again has another id, and what held it is released by that.
        all.entry(line.call.to_string()).or_default().push(line);
    }
    all
}

/// Does again what these lines say and the catalog lacks. What rests on words that are lost with the newer catalog is held instead, until an officer
/// has looked at it.
pub(crate) async fn again(
    rows: &mut Connection,
    lines: Vec<Holder>,
    by: &str,
    now: Timestamp,
) -> Result<Again, sqlx::Error> {
    let policy = policy(rows).await?;
    let mut done = Again::default();
    for (call, lines) in by_call(lines) {
        let select =
            rows::query_as::<(String, String, String, Option<String>)>(include_str!("../sql/holds/of_call.sql"));
        let Some((recording, life, began, ends)) = select.bind(&call).fetch_optional(&mut *rows).await? else {
            done.unknown.extend(lines.first().map(|line| (line.call, keeping(&lines, &policy, now))));
            continue;
        };
        if !["kept", "restricted"].contains(&&*life) {
            continue;
        }
        let facts = Facts {
            began_at: text::parse(&began),
            ended_at: ends.as_deref().and_then(text::parse),
            ..Facts::default()
        };
        let mut one = One { rows: &mut *rows, recording: &recording, facts, policy: &policy, by, now, done: &mut done };
        for ((kind, matter), line) in covers(&lines) {
            one.cover(kind, matter.as_deref(), line).await?;
        }
        for ((kind, about), all) in purposes(&lines) {
            one.purpose(kind, &about, &all).await?;
        }
    }
    Ok(done)
}

/// The same for a recording that is registered from its file, of which these are the lines.
pub(crate) async fn registered(
    rows: &mut Connection,
    lines: Vec<Holder>,
    now: Timestamp,
) -> Result<Again, sqlx::Error> {
    let done = again(rows, lines, "retrocall", now).await?;
    for HeldAgain { recording, hold, .. } in &done.held {
        tracing::warn!(
            recording,
            hold,
            "this catalog lacks what kept it: it is held until an officer has looked at it"
        );
    }
    Ok(done)
}

async fn policy(rows: &mut Connection) -> Result<Policy, sqlx::Error> {
    let found = rows::query_scalar::<String>(include_str!("../sql/desk/policies.sql")).fetch_all(rows).await?;
    let unreadable = |error| sqlx::Error::Decode(Box::new(error));
    let versions: Result<Vec<_>, _> = found.iter().map(|text| serde_json::from_str(text).map_err(unreadable)).collect();
    Ok(Policy::new(versions?))
}

/// Whether what happened can be written into an older catalog as it was: no note, reply or decision belongs to it that is lost.
fn stands_alone(anchor: Anchor) -> bool {
    !matches!(anchor, Anchor::LearningMoment | Anchor::DisputeOpened | Anchor::Promoted | Anchor::Decided)
}

/// One recording of the catalog.
struct One<'a> {
    rows: &'a mut Connection,
    recording: &'a str,
    facts: Facts,
    policy: &'a Policy,
    by: &'a str,
    now: Timestamp,
    done: &'a mut Again,
}

impl One<'_> {
    /// A hold, a request or an erasure.
    async fn cover(&mut self, kind: CoverKind, matter: Option<&str>, line: &Holder) -> Result<(), sqlx::Error> {
        let changed = match (kind, line.over) {
            (CoverKind::Hold, false) => {
                return self.hold_if_lacking(include_str!("../sql/holds/has_hold.sql"), line).await;
            }
            (CoverKind::Request, false) => {
                return self.hold_if_lacking(include_str!("../sql/holds/has_request.sql"), line).await;
            }
            (CoverKind::Hold, true) => {
                let release = rows::query(include_str!("../sql/desk/release_hold.sql"))
                    .bind(matter)
                    .bind(self.by)
                    .bind(text::time(line.at))
                    .bind("it was released after the backup");
                release.execute(&mut *self.rows).await?.rows_affected()
            }
            (CoverKind::Request, true) => self.end_request(matter, line).await?,
            (CoverKind::Erasure, _) => {
                let erase = rows::query(include_str!("../sql/rights/erase.sql")).bind(self.recording);
                let changed = erase.bind(text::time(line.at)).execute(&mut *self.rows).await?.rows_affected();
                let grant = rows::query(include_str!("../sql/holds/grant.sql")).bind(matter).bind(self.recording);
                grant.execute(&mut *self.rows).await?;
                changed
            }
        };
        if changed > 0 {
            self.done.redone.push(DoneAgain::of(line, self.recording));
        }
        Ok(())
    }

    /// A request that was answered, or does not cover this recording any more.
    async fn end_request(&mut self, request: Option<&str>, line: &Holder) -> Result<u64, sqlx::Error> {
        if line.deed == DeedKind::RequestExcluded {
            let exclude = rows::query(include_str!("../sql/holds/exclude.sql"))
                .bind(request)
                .bind(self.recording)
                .bind(self.by)
                .bind(text::time(line.at));
            // What was kept for it is over, and not gone, as its own line says: a recording that had no other purpose is due.
            return Ok(exclude.execute(&mut *self.rows).await?.rows_affected());
        }
        let select = rows::query_scalar::<i64>(include_str!("../sql/holds/has_confirmed.sql")).bind(request);
        let outcome = match line.deed {
            DeedKind::RequestRefused => "refused",
            _ if select.fetch_one(&mut *self.rows).await? > 0 => "granted",
            _ => "nothing-held",
        };
        let answer = rows::query(include_str!("../sql/rights/answer.sql"))
            .bind(request)
            .bind(outcome)
            .bind(None::<&str>)
            .bind(self.by)
            .bind(text::time(line.at));
        Ok(answer.execute(&mut *self.rows).await?.rows_affected())
    }

    /// What happened to a purpose.
    async fn purpose(
        &mut self,
        kind: PurposeKind,
        about: &str,
        all: &[(&Holder, &Happened)],
    ) -> Result<(), sqlx::Error> {
        let select = rows::query_as::<(Option<String>, Option<String>, Option<String>)>(include_str!(
            "../sql/holds/anchors.sql"
        ));
        let found = select.bind(self.recording).bind(kind.as_str()).bind(about).fetch_all(&mut *self.rows).await?;
        // Without a row of the purpose there is no row at all; without anchors one that says nothing.
        let has_purpose = !found.is_empty();
        let read = |(anchor, at, day): (Option<String>, Option<String>, Option<String>)| {
            let (anchor, at) = (Anchor::read(&anchor?)?, text::parse(&at?)?);
            Some(Event { anchor, at, date: day.as_deref().and_then(text::parse) })
        };
        let mut events: Vec<Event> = found.into_iter().filter_map(read).collect();
        let known: BTreeSet<(Anchor, Timestamp)> = events.iter().map(|event| (event.anchor, event.at)).collect();
        let missing: Vec<_> = all.iter().filter(|one| !known.contains(&(one.1.anchor, one.0.at))).collect();
        if missing.is_empty() {
            return Ok(());
        }
        // It began anew: what the catalog knows of it was over by then.
        let begins = missing.iter().rposition(|one| one.1.anchor == Anchor::RequestReceived);
        let (has_purpose, missing) = match begins {
            Some(begins) => {
                events.clear();
                (false, &missing[begins..])
            }
            None => (has_purpose, &missing[..]),
        };
        events.extend(missing.iter().map(|one| event(one)));
        events.sort_by_key(|event| event.at);
        let in_force = is_in_force(kind, events, &self.facts, self.policy, self.now);
        let stands = missing.iter().all(|(_, happened)| stands_alone(happened.anchor));
        if has_purpose && (stands || !in_force) {
            for (line, happened) in missing {
                self.happen(line, happened).await?;
            }
            return Ok(());
        }
        let last = missing.iter().rev().find(|(_, happened)| super::keeps(happened.anchor));
        match last.filter(|_| in_force) {
            Some((line, _)) => self.hold(line).await,
            // It was over before, or nothing keeps it.
            None => Ok(()),
        }
    }

    /// Writes down what happened, and what its case says of it.
    async fn happen(&mut self, line: &Holder, happened: &Happened) -> Result<(), sqlx::Error> {
        let Happened { purpose, about, anchor, day } = happened;
        let (at, day) = (text::time(line.at), day.map(text::day));
        let insert = rows::query(include_str!("../sql/desk/insert_anchor.sql"))
            .bind(self.recording)
            .bind(purpose.as_str())
            .bind(about)
            .bind(anchor.as_str())
            .bind(&at)
            .bind(&day);
        insert.execute(&mut *self.rows).await?;
        let case = match anchor {
            Anchor::CaseClosed => Some(
                rows::query(include_str!("../sql/desk/close_case.sql"))
                    .bind(about)
                    .bind(self.by)
                    .bind(&at)
                    .bind("closed after the backup: what was said is lost")
                    .bind(&day),
            ),
            Anchor::CaseReopened => {
                Some(rows::query(include_str!("../sql/desk/reopen_case.sql")).bind(about).bind(&at))
            }
            Anchor::StillNeeded => Some(rows::query(include_str!("../sql/desk/need_case.sql")).bind(about).bind(&at)),
            _ => None,
        };
        if let Some(case) = case {
            case.execute(&mut *self.rows).await?;
        }
        self.done.redone.push(DoneAgain::of(line, self.recording));
        Ok(())
    }

    async fn hold_if_lacking(&mut self, known: &'static str, line: &Holder) -> Result<(), sqlx::Error> {
        let select = rows::query_scalar::<i64>(known).bind(&line.matter).bind(self.recording);
        if select.fetch_one(&mut *self.rows).await? > 0 {
            return Ok(());
        }
        self.hold(line).await
    }

    /// Holds it until an officer has looked at it.
    async fn hold(&mut self, line: &Holder) -> Result<(), sqlx::Error> {
        let reason = format!("the catalog was restored from a backup that lacks what kept it: {}", line.deed.as_str());
        let own = line.matter.clone().filter(|_| line.deed == DeedKind::HoldSet);
        let select = rows::query_scalar::<i64>(include_str!("../sql/holds/was_held_for.sql"));
        let select = select.bind(self.recording).bind(&reason).bind(text::time(line.at));
        if own.is_none() && select.fetch_one(&mut *self.rows).await? > 0 {
            // It is held for that, or was by an earlier restore: an officer looks once.
            return Ok(());
        }
        let hold = own.unwrap_or_else(|| Uuid::now_v7().to_string());
        let insert = rows::query(include_str!("../sql/desk/insert_hold.sql"))
            .bind(&hold)
            .bind(self.recording)
            .bind(&reason)
            .bind(self.by)
            .bind("somebody has seen to what is lacking")
            .bind(text::day(day_of(self.now).saturating_add(Span::new().days(LOOKED_AT_DAYS))))
            .bind(self.by)
            .bind(text::time(self.now));
        insert.execute(&mut *self.rows).await?;
        let recording = self.recording.to_owned();
        self.done.held.push(HeldAgain { recording, hold, deed: line.deed, done_at: line.at });
        Ok(())
    }
}
