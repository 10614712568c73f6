//! Until when recordings are kept, by the rules of a home.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    thread,
};

use jiff::{Timestamp, civil::Date};
use retrocall_words::retention::{Calendar, Periods};

use super::{
    super::{
        DeskRole, NotDone, Person,
        outlook::{Going, Outlook, Outlooks},
        paging::PAGE,
    },
    Answer, HomeDesk, batch, one, parsed, rules, word,
};
use crate::{
    PurposeKind, Trouble, policies,
    policy::{self, Facts, Fate, Policy, Why},
    rows::{Connection, Row},
    sweep::{HomeStore, Judgement, warnings_about},
};

/// Those who are told how many recordings go when.
const COUNTING: &[DeskRole] = &[DeskRole::Council, DeskRole::PrivacyOfficer];
/// Those whom the lottery is no secret from.
const OF_THE_SAMPLE: [DeskRole; 2] = [DeskRole::Reviewer, DeskRole::PrivacyOfficer];

impl Outlooks for HomeDesk {
    fn outlooks(
        &self,
        who: &Person,
        recordings: &[String],
        (periods, calendar): (Periods, &Calendar),
        today: Timestamp,
        now: Timestamp,
    ) -> Result<HashMap<String, Outlook>, NotDone> {
        let is_told = OF_THE_SAMPLE.iter().any(|role| who.is(*role));
        let found = self.ask(false, async |rows| {
            let policy = policies::considered(rows, periods, calendar, now).await?;
            let mut all = HashMap::new();
            for some in recordings.chunks(PAGE) {
                let ids = shown(rows, who, some).await?;
                for (id, mut facts) in facts(rows, &ids).await? {
                    if !is_told && facts.began_at.is_none_or(|began| began >= today) {
                        facts.purposes.retain(|purpose| purpose.kind != PurposeKind::Quality);
                    }
                    let outlook = outlook(&policy, &id, &facts, now);
                    all.insert(id, outlook);
                }
            }
            Ok(all)
        });
        // Without a catalog nothing is kept.
        if found == Err(NotDone::Unknown) { Ok(HashMap::new()) } else { found }
    }

    fn going(
        &self,
        who: &Person,
        (periods, calendar): (Periods, &Calendar),
        today: Timestamp,
        now: Timestamp,
    ) -> Result<Vec<Going>, NotDone> {
        if !COUNTING.iter().any(|role| who.is(*role)) {
            return Err(NotDone::NotAllowed(COUNTING));
        }
        let Some(home) = self.address.home() else { return Ok(Vec::new()) };
        let look = || -> Result<Vec<Going>, Trouble> {
            let Some(mut store) = HomeStore::open_to_read(home)? else { return Ok(Vec::new()) };
            store.consider(periods, calendar, now)?;
            let rules = store.policy().clone();
            let mut counts: BTreeMap<Option<Date>, u64> = BTreeMap::new();
            store.each_kept(now, |Judgement { mut facts, mut fate, .. }| {
                if facts.began_at.is_none_or(|began| began >= today) {
                    facts.purposes.retain(|purpose| purpose.kind != PurposeKind::Quality);
                    if facts.purposes.is_empty() {
                        return;
                    }
                    fate = policy::fate(&facts, &rules, now);
                }
                *counts.entry(until(&fate).0.map(|until| calendar.day_of(until))).or_default() += 1;
            })?;
            Ok(counts.into_iter().map(|(on, count)| Going { on, count }).collect())
        };
        Ok(apart(look)?)
    }
}

/// On a thread of its own: the store has a runtime of its own, and whoever asks may be inside another one.
fn apart<T: Send>(look: impl FnOnce() -> T + Send) -> T {
    let looked = thread::scope(|scope| scope.spawn(look).join());
    looked.unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}

/// Until when, and what it waits for.
fn until(fate: &Fate) -> (Option<Timestamp>, Option<Why>) {
    match *fate {
        Fate::Kept { until, why } | Fate::Restricted { until, why, .. } => (until, Some(why)),
        Fate::Due { since, why } => (Some(since), Some(why)),
        Fate::NoAnchor { .. } => (None, None),
    }
}

/// Those of the recordings that somebody may know of, or took part in.
async fn shown<'a>(rows: &mut Connection, who: &Person, recordings: &'a [String]) -> Answer<Vec<&'a str>> {
    let ids: Vec<&str> = recordings.iter().map(|id| &**id).collect();
    let mut own: HashSet<String> = HashSet::new();
    if let Some(agent) = who.agent.as_deref().filter(|_| who.is(DeskRole::Agent)) {
        let select = batch::about(include_str!("../../sql/desk/took_part_in.sql"), &ids).bind(agent);
        for row in select.fetch_all(&mut *rows).await? {
            own.insert(row.try_get("id")?);
        }
    }
    let mut shown = Vec::new();
    for id in ids {
        if own.contains(id) || one(rows, who, id).await?.is_some() {
            shown.push(id);
        }
    }
    Ok(shown)
}

/// What the rules need to know of each of these recordings that is neither being written nor deleted.
async fn facts(rows: &mut Connection, ids: &[&str]) -> Answer<HashMap<String, Facts>> {
    let select = batch::about(include_str!("../../sql/desk/facts_of.sql"), ids);
    let found = batch::by_row(rows, select, "id").await?;
    let select = batch::about(include_str!("../../sql/desk/covers_of.sql"), ids);
    let mut covers = batch::by(rows, select, "recording", |row| word(row, "cover")).await?;
    let select = batch::about(include_str!("../../sql/desk/objected_of.sql"), ids);
    let since = |row: &Row| -> Answer<Timestamp> { parsed(row, "since") };
    let mut objected = batch::by(rows, select, "recording", since).await?;
    let mut all = HashMap::new();
    for (id, rows) in found {
        let (mut facts, _) = rules::facts_in(&rows)?;
        facts.covers = covers.remove(&id).unwrap_or_default();
        facts.restricted_since = objected.remove(&id).and_then(|since| since.into_iter().next());
        all.insert(id, facts);
    }
    Ok(all)
}

fn outlook(rules: &Policy, id: &str, facts: &Facts, now: Timestamp) -> Outlook {
    let fate = policy::fate(facts, rules, now);
    let (until, why) = until(&fate);
    let warnings = warnings_about(id, facts, &fate, rules, now);
    Outlook { until, why, warnings: warnings.into_iter().map(|warning| warning.kind).collect() }
}
