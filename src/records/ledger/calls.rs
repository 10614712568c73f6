//! What the ledger says of calls and recordings.

use crate::rows::{self, Connection};
use jiff::civil::Date;
use retrocall_ledger::{CallBegan, CallEnded, DrawValue, Hash, ItemId, NumbersSkipped, RecordingKept, Skipping};
use uuid::Uuid;

use super::{Scribe, Written, parsed, text};
use retrocall_words::{
    CallId, Origin, Reason,
    book::{self, CallBegun, Outcome, Skipped},
};

/// Writes the ends of calls that are lost for good. How much the ledger was told of the draw.
pub(in super::super) async fn tell_lost(connection: &mut Connection, mut scribe: Scribe<'_>) -> Written<usize> {
    let mut rows = connection.begin_writing().await?;
    let select = rows::query(include_str!("../sql/ledger/lost_calls.sql")).bind(scribe.site());
    for row in select.fetch_all(&mut rows).await? {
        scribe.call_ended(&mut rows, &book::CallEnded::unseen(parsed(&row, "call")?, Outcome::Lost)).await?;
    }
    let told = scribe.finish(&mut rows).await?;
    rows.commit().await?;
    Ok(told)
}

impl Scribe<'_> {
    fn draw_of(&self, day: Date, number: u64) -> Option<DrawValue> {
        self.lottery()?.draw_of(day, number).map(|(_, value)| value)
    }

    /// The period of a call, which has a number there.
    pub(in super::super) fn period_of(&self, call: &CallBegun, sequence: Option<u64>) -> Option<u64> {
        self.lottery()?.draw_of(call.day, sequence?).map(|(period, _)| period)
    }

    /// Whether the seed of a day is shown: nothing of the day is to come.
    pub(in super::super) async fn is_published(&self, rows: &mut Connection, day: Date) -> Written<bool> {
        let select = rows::query(include_str!("../sql/ledger/is_published.sql")).bind(self.site());
        select.bind(text::day(day)).fetch_one(rows).await?.try_get(0)
    }

    /// In whose ledger calls are.
    pub(in super::super) fn site_id(&self) -> &str {
        self.site()
    }

    /// A call has its row in `calls`.
    pub(in super::super) async fn call_began(
        &mut self,
        rows: &mut Connection,
        call: &CallBegun,
        sequence: Option<u64>,
    ) -> Written {
        if let (Some(number), Some(lottery)) = (sequence, self.lottery()) {
            self.tell_draw(rows, lottery.entries_before(call.day, number)).await?;
        }
        let period = self.period_of(call, sequence);
        let facts = &call.call.facts;
        self.append(rows, |key| CallBegan {
            call: call.call.id,
            period,
            number: sequence.map(bounded).filter(|_| period.is_some()),
            agent: key.pseudonym(&facts.agent),
            direction: facts.direction,
            informed: facts.informed.unwrap_or_default(),
            exempt: call.exempt,
            continues: facts.continues,
        })
        .await
    }

    /// A call is over. Once for each call that began in this ledger. Returns its draw, which nobody may know before.
    pub(in super::super) async fn call_ended(
        &mut self,
        rows: &mut Connection,
        call: &book::CallEnded,
    ) -> Written<Option<DrawValue>> {
        let update = rows::query(include_str!("../sql/ledger/call_ended.sql"));
        let update = update.bind(call.call.to_string()).bind(self.site());
        let Some(row) = update.fetch_optional(&mut *rows).await? else { return Ok(None) };
        let sequence: Option<i64> = row.try_get("sequence")?;
        let sequence = sequence.and_then(|sequence| u64::try_from(sequence).ok());
        let is_numbered = row.try_get::<Option<i64>, _>("period")?.is_some();
        let day = parsed(&row, "day")?;
        let draw = sequence.filter(|_| is_numbered).and_then(|number| self.draw_of(day, number));
        // A note of an earlier version does not say where it came from.
        let origin = |is_so: bool, from: Option<Origin>| is_so.then_some(from.unwrap_or(Origin::Client));
        let ended = CallEnded {
            call: call.call,
            outcome: call.outcome,
            reasons: call.reasons.clone(),
            draw,
            ms: call.seconds.map(milliseconds),
            unseen: call.ended_at.is_none(),
            private: origin(call.private, call.origins.private),
            objected: origin(call.objected, call.origins.objected),
            masked: call.origins.masked,
            gaps: bounded(call.gaps),
            gap_ms: milliseconds(call.gap_seconds),
            mask_ms: milliseconds(call.mask_seconds),
            lost_frames: bounded(call.lost_frames),
        };
        self.append(rows, |_| ended).await?;
        Ok(draw)
    }

    /// A recording is durable.
    pub(in super::super) async fn recording_kept(
        &mut self,
        rows: &mut Connection,
        id: &str,
        kept: &book::RecordingKept,
        sha256: Option<&str>,
    ) -> Written {
        let Ok(recording) = Uuid::parse_str(id).map(ItemId::from) else { return Ok(()) };
        let label = &kept.of.label;
        self.append(rows, |_| RecordingKept {
            recording,
            call: label.call.id,
            reasons: label.reasons.clone(),
            sha256: sha256.and_then(|hash| hash.parse::<Hash>().ok()),
            parts: kept.parts.len() as u64,
            ms: milliseconds(kept.seconds),
            state: kept.state,
        })
        .await
    }

    /// The draw of a sampled call that has ended: the order in which it is heard.
    pub(in super::super) async fn order_of(
        &self,
        rows: &mut Connection,
        call: CallId,
        reasons: &[Reason],
    ) -> Written<Option<DrawValue>> {
        if !reasons.contains(&Reason::Sample) {
            return Ok(None);
        }
        let select = rows::query(include_str!("../sql/ledger/number_of_call.sql")).bind(call.to_string());
        let Some(row) = select.bind(self.site()).fetch_optional(rows).await? else { return Ok(None) };
        let sequence: Option<i64> = row.try_get("sequence")?;
        let day = parsed(&row, "day")?;
        let number = sequence.and_then(|sequence| u64::try_from(sequence).ok());
        Ok(number.and_then(|number| self.draw_of(day, number)))
    }

    /// Numbers have no call, or calls without a row. Each period has its part of them.
    pub(in super::super) async fn numbers_skipped(
        &mut self,
        rows: &mut Connection,
        skipped: &Skipped,
        why: Skipping,
    ) -> Written {
        if let Some(lottery) = self.lottery() {
            self.tell_draw(rows, lottery.entries_before(skipped.day, skipped.last)).await?;
        }
        let select = rows::query(include_str!("../sql/ledger/periods_of_day.sql"));
        let found = select.bind(self.site()).bind(text::day(skipped.day)).fetch_all(&mut *rows).await?;
        let mut ends = u64::MAX;
        let mut parts = Vec::new();
        for row in found.iter().rev() {
            let (period, first) = (count(row, "period")?, count(row, "first")?);
            let (from, to) = (skipped.first.max(first), skipped.last.min(ends));
            if from <= to {
                parts.push(NumbersSkipped { period, first: bounded(from), last: bounded(to), why });
            }
            ends = first.saturating_sub(1).min(ends);
        }
        for part in parts.into_iter().rev() {
            self.append(rows, |_| part).await?;
        }
        Ok(())
    }
}

/// Seconds as whole milliseconds.
fn milliseconds(seconds: f64) -> u64 {
    bounded((seconds * 1e3).round() as u64)
}

/// A number that a row takes: one that is the same in every language.
fn bounded(number: u64) -> u64 {
    const MAX: u64 = (1 << 53) - 1;
    number.min(MAX)
}

pub(super) fn count(row: &rows::Row, column: &str) -> Written<u64> {
    Ok(u64::try_from(row.try_get::<i64, _>(column)?).unwrap_or(0))
}
