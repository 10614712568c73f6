//! Until when recordings are kept, by the rules of a home.

use std::{collections::HashMap, thread};

use jiff::Timestamp;
use retrocall_words::retention::{Calendar, Periods};

use super::{
    super::{
        DeskRole, NotDone, Person,
        outlook::{Outlook, Outlooks},
    },
    HomeDesk,
    notes::took_part,
    one,
};
use crate::{
    PurposeKind, Trouble,
    policy::{Facts, Fate, fate},
    sweep::{HomeStore, warnings_about},
};

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
        // It has a runtime of its own, and whoever asks may be inside another one.
        let looked = thread::scope(|scope| scope.spawn(look).join());
        Ok(looked.unwrap_or_else(|panic| std::panic::resume_unwind(panic))?)
    }
}

fn outlook(store: &HomeStore, id: &str, facts: &Facts, now: Timestamp) -> Outlook {
    let policy = store.policy();
    let fate = fate(facts, policy, now);
    let (until, why) = match fate {
        Fate::Kept { until, why } | Fate::Restricted { until, why, .. } => (until, Some(why)),
        Fate::Due { since, why } => (Some(since), Some(why)),
        Fate::NoAnchor { .. } => (None, None),
    };
    let warnings = warnings_about(id, facts, &fate, policy, now);
    Outlook { until, why, warnings: warnings.into_iter().map(|warning| warning.kind).collect() }
}
