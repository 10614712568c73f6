//! Until when recordings are kept, by the rules of a home.

use std::{
    collections::{BTreeMap, HashMap},
    thread,
};

use jiff::{Timestamp, civil::Date};
use retrocall_words::retention::{Calendar, Periods};

use super::{
    super::{
        DeskRole, NotDone, Person,
        outlook::{Going, Outlook, Outlooks},
    },
    HomeDesk,
    notes::took_part,
    one,
};
use crate::{
    PurposeKind, Trouble,
    policy::{self, Facts, Fate, Why},
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
        let Some(home) = self.address.home() else { return Ok(HashMap::new()) };
        let shown = self.ask(false, async |rows| {
            let mut shown = Vec::new();
            for id in recordings {
                if one(rows, who, id).await?.is_some()
                    || took_part(rows, who, id).await.is_ok_and(|took_part| took_part)
                {
                    shown.push(id.clone());
                }
            }
            Ok(shown)
        })?;
        let is_told = OF_THE_SAMPLE.iter().any(|role| who.is(*role));
        let look = || -> Result<HashMap<String, Outlook>, Trouble> {
            let Some(mut store) = HomeStore::open_to_read(home)? else { return Ok(HashMap::new()) };
            store.consider(periods, calendar, now)?;
            let mut all = HashMap::new();
            for id in shown {
                let Some(mut facts) = store.facts_of(&id)? else { continue };
                if !is_told && facts.began_at.is_none_or(|began| began >= today) {
                    facts.purposes.retain(|purpose| purpose.kind != PurposeKind::Quality);
                }
                let outlook = outlook(&store, &id, &facts, now);
                all.insert(id, outlook);
            }
            Ok(all)
        };
        Ok(apart(look)?)
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

fn outlook(store: &HomeStore, id: &str, facts: &Facts, now: Timestamp) -> Outlook {
    let rules = store.policy();
    let fate = policy::fate(facts, rules, now);
    let (until, why) = until(&fate);
    let warnings = warnings_about(id, facts, &fate, rules, now);
    Outlook { until, why, warnings: warnings.into_iter().map(|warning| warning.kind).collect() }
}
