//! What is the officer's alone, because "still needed?" was not answered, on the catalog of a home.

use jiff::{SignedDuration, Timestamp};
use retrocall_ledger::{Deed, DeedKind};
use retrocall_words::retention::Period;

use super::{
    super::{NotDone, restricting::Restricting},
    Answer, HomeDesk, rules,
};
use crate::{
    Life,
    ledger::{Scribe, item, site_of},
    policies,
    policy::Policy,
    rows::{self, Connection},
    text,
};

/// Recordings that are looked at in one transaction.
const BATCH: usize = 64;

impl Restricting for HomeDesk {
    fn restrict_unanswered(&self, now: Timestamp) -> Result<Vec<String>, NotDone> {
        let (mut all, mut after) = (Vec::new(), String::new());
        loop {
            let looked = self.ask(true, async |connection| {
                let mut rows = connection.begin_writing().await?;
                let Some(site) = site_of(&mut rows).await? else { return Ok((Vec::new(), None)) };
                let found = candidates(&mut rows, &after, now).await?;
                let (mut restricted, mut entries) = (Vec::new(), Vec::new());
                for (id, is_restricted) in &found {
                    let is_unanswered = rules::is_unanswered(&mut rows, id, now).await?;
                    if is_unanswered && !is_restricted && restrict(&mut rows, id, now).await? {
                        entries.push((DeedKind::Restricted, id));
                        restricted.push(id.clone());
                    } else if !is_unanswered && *is_restricted && lift(&mut rows, id, now).await? {
                        entries.push((DeedKind::Unrestricted, id));
                    }
                }
                let last = found.last().map(|(id, _)| id.clone());
                if !entries.is_empty() {
                    let mut scribe = Scribe::of_deeds(&site, now);
                    for (kind, recording) in entries {
                        let row = Deed { recording: item(recording), ..Deed::done(kind) };
                        scribe.deed(&mut rows, |_| row).await?;
                    }
                    scribe.finish(&mut rows).await?;
                    rows.commit().await?;
                }
                Ok((restricted, last))
            });
            match looked {
                // Without a catalog there is nothing.
                Err(NotDone::Unknown) => return Ok(all),
                looked => {
                    let (restricted, last) = looked?;
                    all.extend(restricted);
                    match last {
                        Some(last) => after = last,
                        None => return Ok(all),
                    }
                }
            }
        }
    }
}

/// The recordings that may have to be restricted, and those that are, which may have to be no more: each with whether it is.
async fn candidates(rows: &mut Connection, after: &str, now: Timestamp) -> Answer<Vec<(String, bool)>> {
    let policy = policies::written(rows).await?;
    let select = rows::query(include_str!("../../sql/desk/unanswered.sql"))
        .bind(after)
        .bind(text::time(asked_before(&policy, now)))
        .bind(text::count(BATCH as u64));
    let found = select.fetch_all(rows).await?;
    let one = |row: &rows::Row| Ok((row.try_get("id")?, row.try_get::<&str, _>("life")? == Life::Restricted.as_str()));
    found.iter().map(one).collect()
}

/// No case that somebody has needed since then is unanswered, by any version of the policy.
fn asked_before(policy: &Policy, now: Timestamp) -> Timestamp {
    let days =
        policy.versions().iter().map(|version| version.periods.get(Period::StillNeeded)).min().unwrap_or_default();
    // A day has an hour more or less where clocks are moved.
    let least = SignedDuration::from_hours(24 * i64::from(days)) - SignedDuration::from_hours(2);
    now.saturating_sub(least).unwrap_or(Timestamp::MIN)
}

/// From now on it is the officer's alone. False if it is already, or is not kept any more.
pub(super) async fn restrict(rows: &mut Connection, recording: &str, now: Timestamp) -> Answer<bool> {
    let restrict = rows::query(include_str!("../../sql/desk/restrict.sql")).bind(recording).bind(text::time(now));
    Ok(restrict.execute(rows).await?.rows_affected() > 0)
}

/// It is everybody's again whose it was, unless an objection waits, or a case without an answer. Whether it is.
pub(super) async fn lift(rows: &mut Connection, recording: &str, now: Timestamp) -> Answer<bool> {
    if rules::is_unanswered(rows, recording, now).await? {
        return Ok(false);
    }
    let lift = rows::query(include_str!("../../sql/desk/unrestrict.sql")).bind(recording).bind(text::time(now));
    Ok(lift.execute(rows).await?.rows_affected() > 0)
}
