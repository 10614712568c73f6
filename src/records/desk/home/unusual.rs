//! What was unusual in a month, on the catalog of a home. Who listened is read from the ledger, which keeps it when a recording is gone.

use std::{collections::HashMap, sync::Arc};

use jiff::Timestamp;
use retrocall_ledger::{Month, PseudonymKey};
use serde::Deserialize;

use super::{
    super::{
        DeskRole, NotDone, Person,
        unusual::{CallCounts, Listening, Unusual, UnusualDeeds, listened_unusually, over_limits},
    },
    Answer, HomeDesk,
    act::OFFICER,
    unreadable,
};
use crate::{
    beside,
    rows::{self, Connection},
    text,
};

impl UnusualDeeds for HomeDesk {
    fn unusual(&self, who: &Person, month: Month, now: Timestamp) -> Result<Vec<Unusual>, NotDone> {
        if !who.is(DeskRole::PrivacyOfficer) {
            return Err(NotDone::NotAllowed(OFFICER));
        }
        if Month::at(now) <= month {
            return Err(NotDone::Conflict(
                "this month is not over: agents see their own figures first, with `retrocall recordings --mine`",
            ));
        }
        let found = self.ask(false, async |rows| {
            let counts = counts(rows, month).await?;
            let mut unusual = over_limits(month, &counts);
            unusual.extend(listened_unusually(month, &counts, &listenings(rows, month).await?));
            Ok(unusual)
        });
        // Without a catalog nothing happened.
        if found == Err(NotDone::Unknown) { Ok(Vec::new()) } else { found }
    }
}

impl HomeDesk {
    /// The agents whose figures of a month are over the limits. A process that answers many people counts them once for all.
    pub(super) fn rates(&self, month: Month, now: Timestamp) -> Result<Arc<[Unusual]>, NotDone> {
        let count = || self.ask(false, async |rows| Ok(over_limits(month, &counts(rows, month).await?)));
        match &self.kept {
            Some(kept) => kept.figures(month, now, count),
            None => Ok(count()?.into()),
        }
    }
}

async fn counts(rows: &mut Connection, month: Month) -> Answer<Vec<CallCounts>> {
    let select = rows::query(include_str!("../../sql/desk/counts_of_month.sql"))
        .bind(text::day(month.first_day()))
        .bind(text::day(month.last_day()));
    let mut all = Vec::new();
    for row in select.fetch_all(rows).await? {
        let count = |column: &str| -> Answer<u64> {
            let number: i64 = row.try_get(column)?;
            Ok(u64::try_from(number).unwrap_or(0))
        };
        let (calls, private_or_objected, pressed) = (count("calls")?, count("marked")?, count("pressed")?);
        all.push(CallCounts { agent: row.try_get("agent")?, calls, private_or_objected, pressed });
    }
    Ok(all)
}

/// The members of a row that say who listened to what.
#[derive(Deserialize)]
struct DeedRow {
    deed: String,
    by: Option<String>,
    #[serde(rename = "as")]
    on_behalf_of: Option<String>,
    recording: Option<String>,
    result: String,
}

async fn listenings(rows: &mut Connection, month: Month) -> Answer<Vec<Listening>> {
    let mut names: Vec<String> = Vec::new();
    for row in rows::query(include_str!("../../sql/desk/names.sql")).fetch_all(&mut *rows).await? {
        names.push(row.try_get(0)?);
    }
    let mut known: HashMap<String, HashMap<String, String>> = HashMap::new();
    let mut agents: HashMap<String, Option<String>> = HashMap::new();
    let mut all = Vec::new();
    let select = rows::query(include_str!("../../sql/desk/listened_in_month.sql")).bind(month.to_string());
    for row in select.fetch_all(&mut *rows).await? {
        let deed: DeedRow = serde_json::from_str(row.try_get("text")?).map_err(|_| unreadable("text"))?;
        let Some(recording) = deed.recording.filter(|_| deed.result == "done") else { continue };
        let Some(pseudonym) = deed.on_behalf_of.or(deed.by) else { continue };
        let key: String = row.try_get("pseudonym_key")?;
        if !known.contains_key(&key) {
            let bytes = beside::from_hex(&key).ok_or_else(|| unreadable("pseudonym_key"))?;
            let of = PseudonymKey::from_bytes(bytes);
            let by_pseudonym = names.iter().map(|name| (of.pseudonym(name).to_string(), name.clone())).collect();
            known.insert(key.clone(), by_pseudonym);
        }
        // Somebody without an account any more is told by the pseudonym.
        let person = known.get(&key).and_then(|names| names.get(&pseudonym)).cloned().unwrap_or(pseudonym);
        if !agents.contains_key(&recording) {
            let select = rows::query(include_str!("../../sql/desk/agent_of_recording.sql")).bind(&recording);
            let found = select.fetch_optional(&mut *rows).await?;
            agents.insert(recording.clone(), found.map(|row| row.try_get(0)).transpose()?);
        }
        let agent = agents.get(&recording).cloned().flatten();
        all.push(Listening { person, recording, agent, is_outcome: deed.deed == "reviewed" });
    }
    Ok(all)
}
