//! The queue of the sample, on the catalog of a home.

use jiff::Timestamp;
use retrocall_ledger::{Deed, DeedKind};

use super::{
    super::{
        DeskRole, NotDone, Person,
        queue::{Queue, QueueState},
    },
    Answer, HomeDesk, Refusal,
    act::{Step, Stop, anchor},
    maybe, rules,
};
use crate::{
    PurposeKind,
    ledger::{Scribe, item, site_of},
    policies,
    policy::{Anchor, beyond_hearing},
    rows::{self, Connection},
};

/// Recordings that are let go of in one transaction.
const BATCH: usize = 64;

const LISTENERS: &[DeskRole] = &[DeskRole::Reviewer, DeskRole::PrivacyOfficer];

/// A call that waits to be heard.
struct Waiting {
    id: String,
    draw: String,
    ended_at: Option<Timestamp>,
    /// Somebody passed it over: it is not let go of, but goes when its days are over.
    was_opened: bool,
}

impl Queue for HomeDesk {
    fn queue(&self, who: &Person, review_per_week: Option<usize>, now: Timestamp) -> Result<QueueState, NotDone> {
        if !LISTENERS.iter().any(|role| who.is(*role)) {
            return Err(NotDone::NotAllowed(LISTENERS));
        }
        let found = self.ask(false, async |rows| waiting(rows, now).await);
        let waiting = if matches!(found, Err(NotDone::Unknown)) { Vec::new() } else { found? };
        let fit = review_per_week.map_or(waiting.len(), |per_week| per_week.min(waiting.len()));
        let kept = waiting.len() - beyond(&waiting, review_per_week).len();
        Ok(QueueState {
            waiting: waiting.len() as u64,
            review_per_week,
            fit: fit as u64,
            beyond: (waiting.len() - kept) as u64,
            rest_from: waiting[fit..kept.max(fit)].iter().filter_map(|one| one.ended_at).min(),
        })
    }

    fn let_go(&self, review_per_week: Option<usize>, now: Timestamp) -> Result<Vec<String>, NotDone> {
        let mut all = Vec::new();
        loop {
            let batch = self.ask(true, async |connection| {
                let mut rows = connection.begin_writing().await?;
                let Some(site) = site_of(&mut rows).await? else { return Ok(Vec::new()) };
                let over = leave(&mut rows, now).await.map_err(refusal)?;
                let mut batch = beyond(&waiting(&mut rows, now).await?, review_per_week);
                batch.truncate(BATCH);
                if over.is_empty() && batch.is_empty() {
                    return Ok(batch);
                }
                let mut scribe = Scribe::of_deeds(&site, now);
                for recording in &over {
                    let row = Deed { recording: item(recording), ..Deed::done(DeedKind::QualityEnded) };
                    scribe.deed(&mut rows, |_| row).await?;
                }
                for recording in &batch {
                    let quality = (recording.as_str(), PurposeKind::Quality, "");
                    anchor(&mut rows, quality, (Anchor::Unheard, now, None)).await.map_err(refusal)?;
                    let row = Deed { recording: item(recording), ..Deed::done(DeedKind::LetGo) };
                    scribe.deed(&mut rows, |_| row).await?;
                }
                scribe.finish(&mut rows).await?;
                rows.commit().await?;
                Ok(batch)
            });
            match batch {
                // Without a catalog nothing waits.
                Err(NotDone::Unknown) => return Ok(all),
                Ok(batch) if batch.is_empty() => return Ok(all),
                batch => all.extend(batch?),
            }
        }
    }
}

/// Lets those leave the queue whose days are over, whether something else keeps their recordings or the next sweep deletes them. Which they are: the
/// ledger says so before it says that others were in their turn.
pub(super) async fn leave(rows: &mut Connection, now: Timestamp) -> Step<Vec<String>> {
    let policy = policies::written(rows).await?;
    let mut over: Vec<String> = Vec::new();
    for row in rows::query(include_str!("../../sql/desk/queue.sql")).fetch_all(&mut *rows).await? {
        if !rules::may_be_heard(&row, &policy, now)? {
            over.push(row.try_get("id")?);
        }
    }
    for recording in &over {
        anchor(rows, (recording, PurposeKind::Quality, ""), (Anchor::Unheard, now, None)).await?;
    }
    Ok(over)
}

fn refusal(stop: Stop) -> Refusal {
    match stop {
        Stop::Sql(error) => Refusal::Sql(error),
        Stop::Refused(why) | Stop::Absent(why) => Refusal::Not(why),
    }
}

/// What waits, in the order of the draw. What can't be heard in time any more does not.
async fn waiting(rows: &mut Connection, now: Timestamp) -> Answer<Vec<Waiting>> {
    let policy = policies::written(rows).await?;
    let mut waiting = Vec::new();
    for row in rows::query(include_str!("../../sql/desk/queue.sql")).fetch_all(rows).await? {
        if rules::may_be_heard(&row, &policy, now)? {
            let (id, draw, was_opened) = (row.try_get("id")?, row.try_get("draw")?, row.try_get("was_opened")?);
            waiting.push(Waiting { id, draw, ended_at: maybe(&row, "ends_at")?, was_opened });
        }
    }
    Ok(waiting)
}

/// The recordings that are let go of: the highest draw first.
fn beyond(waiting: &[Waiting], review_per_week: Option<usize>) -> Vec<String> {
    let drawn = waiting.iter().map(|one| ((&one.draw, &one.id), one)).collect();
    let beyond = beyond_hearing(drawn, review_per_week).into_iter().filter(|one| !one.was_opened);
    beyond.map(|one| one.id.clone()).collect()
}
