//! The queue of the sample, on the catalog of a home.

use jiff::Timestamp;
use retrocall_ledger::{Deed, DeedKind};

use super::{
    super::{
        DeskRole, NotDone, Person,
        queue::{Queue, QueueState},
    },
    HomeDesk, Refusal,
    act::{Step, Stop, anchor},
    maybe, rules,
};
use crate::{
    PurposeKind,
    holds::{self, Noted},
    ledger::{Scribe, item, site_of},
    policies,
    policy::{Anchor, beyond_hearing},
    rows::{self, Connection},
};

/// Recordings that are let go of in one transaction.
const BATCH: usize = 128;

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
        let found = self.ask(false, async |rows| Ok(look(rows, now).await.map_err(refusal)?.waiting));
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
                let Looked { waiting, over } = look(&mut rows, now).await.map_err(refusal)?;
                let since = holds::since(&mut rows, self.address.home()).await?;
                end(&mut rows, &over, now).await.map_err(refusal)?;
                let ended = holds::note(&mut rows, &since, &Noted::of(DeedKind::QualityEnded), now).await?;
                let mut batch = beyond(&waiting, review_per_week);
                batch.truncate(BATCH);
                if over.is_empty() && batch.is_empty() {
                    return Ok(batch);
                }
                let mut scribe = Scribe::of_deeds(&site, now);
                for recording in &over {
                    let row = Deed { recording: item(recording), ..Deed::done(DeedKind::QualityEnded) };
                    scribe.deed(&mut rows, |_| row).await?;
                }
                let since = holds::since(&mut rows, self.address.home()).await?;
                for recording in &batch {
                    let quality = (recording.as_str(), PurposeKind::Quality, "");
                    anchor(&mut rows, quality, (Anchor::Unheard, now, None)).await.map_err(refusal)?;
                    let row = Deed { recording: item(recording), ..Deed::done(DeedKind::LetGo) };
                    scribe.deed(&mut rows, |_| row).await?;
                }
                let let_go = holds::note(&mut rows, &since, &Noted::of(DeedKind::LetGo), now).await?;
                scribe.finish(&mut rows).await?;
                rows.commit().await?;
                for lines in [ended, let_go] {
                    lines.committed(self.address.home());
                }
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
    let over = look(rows, now).await?.over;
    end(rows, &over, now).await?;
    Ok(over)
}

/// The days of these are over.
async fn end(rows: &mut Connection, over: &[String], now: Timestamp) -> Step {
    for recording in over {
        anchor(rows, (recording, PurposeKind::Quality, ""), (Anchor::Unheard, now, None)).await?;
    }
    Ok(())
}

fn refusal(stop: Stop) -> Refusal {
    match stop {
        Stop::Sql(error) => Refusal::Sql(error),
        Stop::Refused(why) | Stop::Absent(why) => Refusal::Not(why),
    }
}

/// The queue at a moment.
struct Looked {
    /// What waits, in the order of the draw.
    waiting: Vec<Waiting>,
    /// What can't be heard in time any more.
    over: Vec<String>,
}

async fn look(rows: &mut Connection, now: Timestamp) -> Step<Looked> {
    let policy = policies::written(rows).await?;
    let mut looked = Looked { waiting: Vec::new(), over: Vec::new() };
    for row in rows::query(include_str!("../../sql/desk/queue.sql")).fetch_all(rows).await? {
        let id = row.try_get("id")?;
        if !rules::may_be_heard(&row, &policy, now)? {
            looked.over.push(id);
            continue;
        }
        let (draw, was_opened) = (row.try_get("draw")?, row.try_get("was_opened")?);
        let ended_at = maybe(&row, "ends_at")?;
        looked.waiting.push(Waiting { id, draw, ended_at, was_opened });
    }
    Ok(looked)
}

/// The recordings that are let go of: the highest draw first.
fn beyond(waiting: &[Waiting], review_per_week: Option<usize>) -> Vec<String> {
    let drawn = waiting.iter().map(|one| ((&one.draw, &one.id), one)).collect();
    let beyond = beyond_hearing(drawn, review_per_week).into_iter().filter(|one| !one.was_opened);
    beyond.map(|one| one.id.clone()).collect()
}
