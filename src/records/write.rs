//! Writes notes as rows, in plain SQL. Writing a note twice changes nothing: an answer can be lost after the deed.

use std::{
    collections::{BTreeSet, HashMap},
    path::Path,
};

use jiff::{Timestamp, civil::Date};
use uuid::Uuid;

use super::{
    PurposeKind, Trouble,
    customer::{self, in_one_form},
    graves,
    holds::{self, Holder},
    ledger::Scribe,
    numbers::Highest,
    objections::Objections,
    purposes::{Life, purposes},
    read, requests, text,
};
use crate::rows::{self, Connection};
use retrocall_ledger::Skipping;
use retrocall_words::{
    CallId, Country, Customer, Reason, Word,
    book::{CallBegun, CallEnded, Note, Outcome, RecordingBegun, RecordingKept, Skipped, day_of},
};

type Written<T = ()> = Result<T, sqlx::Error>;

/// What the thread knows while it writes notes.
pub(super) struct WriteContext<'a> {
    pub home: &'a Path,
    /// The country of customers' numbers that are given without one.
    pub country: Country,
    /// The calls that began before these notes.
    pub live: &'a HashMap<CallId, CallBegun>,
    /// The time to note for holes in the numbers.
    pub now: Timestamp,
    /// The SHA-256 of the recordings among the notes, as far as it was computed.
    pub hashes: &'a HashMap<CallId, String>,
    /// Customers who object.
    pub objections: &'a Objections,
}

/// Writes the notes and their rows of the ledger in one transaction. Returns how many milestones of the draw the ledger has.
pub(super) async fn write(
    connection: &mut Connection,
    place: &WriteContext<'_>,
    notes: &[Note],
    scribe: Scribe<'_>,
) -> Result<usize, sqlx::Error> {
    let mut transaction = connection.begin_writing().await?;
    let mut pen = Pen { rows: &mut transaction, place, scribe, lines: None };
    for note in notes {
        match note {
            Note::Begun(call) => pen.begun(call).await?,
            Note::Ended(call) => pen.ended(call).await?,
            Note::Selected(recording) => pen.selected(recording).await?,
            Note::Kept(recording) => pen.kept(recording).await?,
            Note::Skipped(skipped) => {
                skip(pen.rows, &mut pen.scribe, skipped, Skipping::LeftOut, place.now).await?;
            }
        }
    }
    let told = pen.scribe.finish(&mut transaction).await?;
    transaction.commit().await?;
    Ok(told)
}

/// Names each hole behind the numbers that the catalog knew `before`, as far as numbers are `accounted` for. Leaves out `live` calls,
/// whose rows will follow. The holes get the time `now`.
pub(super) async fn name_skipped(
    connection: &mut Connection,
    path: &Path,
    before: &Highest,
    accounted: &Highest,
    live: &BTreeSet<(Date, u64)>,
    (mut scribe, now, why): (Scribe<'_>, Timestamp, Skipping),
) -> Result<usize, Trouble> {
    let failed = |error: sqlx::Error| Trouble::of(path, &error);
    let mut transaction = connection.begin_writing().await.map_err(failed)?;
    for (day, last) in accounted {
        let first = before.get(day).map_or(1, |before| before.saturating_add(1));
        let mut taken = read::numbers_from(&mut transaction, path, *day, first).await?;
        taken.extend(live.range((*day, first)..).take_while(|live| live.0 == *day).map(|live| (live.1, live.1)));
        taken.sort_unstable();
        for (first, last) in holes(first, *last, &taken) {
            tracing::warn!(
                %day, first, last,
                "no call is known of these numbers: they were reserved when the engine was killed, or the catalog lacks their calls"
            );
            let hole = Skipped { day: *day, first, last };
            skip(&mut transaction, &mut scribe, &hole, why, now).await.map_err(failed)?;
        }
    }
    let told = scribe.finish(&mut transaction).await.map_err(failed)?;
    transaction.commit().await.map_err(failed)?;
    Ok(told)
}

/// Names these holes.
pub(super) async fn name_holes(
    connection: &mut Connection,
    holes: impl Iterator<Item = Skipped>,
    (mut scribe, now, why): (Scribe<'_>, Timestamp, Skipping),
) -> Result<usize, sqlx::Error> {
    let mut transaction = connection.begin_writing().await?;
    for hole in holes {
        skip(&mut transaction, &mut scribe, &hole, why, now).await?;
    }
    let told = scribe.finish(&mut transaction).await?;
    transaction.commit().await?;
    Ok(told)
}

/// The gaps between these sorted ranges of numbers.
pub(super) fn holes(mut first: u64, last: u64, taken: &[(u64, u64)]) -> Vec<(u64, u64)> {
    let mut holes = Vec::new();
    for (from, to) in taken.iter().copied().chain([(last.saturating_add(1), u64::MAX)]) {
        let before = from.saturating_sub(1).min(last);
        if first <= before {
            holes.push((first, before));
        }
        first = first.max(to.saturating_add(1));
    }
    holes
}

struct Pen<'a, 's> {
    rows: &'a mut Connection,
    place: &'a WriteContext<'a>,
    scribe: Scribe<'s>,
    /// What deeds did to each recording, once one is registered from its file: after a restore that may be hundreds.
    lines: Option<HashMap<CallId, Vec<Holder>>>,
}

/// Notes that these numbers have no call, or calls without a row.
async fn skip(
    rows: &mut Connection,
    scribe: &mut Scribe<'_>,
    skipped: &Skipped,
    why: Skipping,
    now: Timestamp,
) -> Written {
    let insert = rows::query(
        "INSERT INTO skipped_numbers (day, first, last, found_at) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING",
    )
    .bind(text::day(skipped.day))
    .bind(text::count(skipped.first))
    .bind(text::count(skipped.last))
    .bind(text::time(now));
    match insert.execute(&mut *rows).await?.rows_affected() {
        0 => Ok(()),
        _ => scribe.numbers_skipped(rows, skipped, why).await,
    }
}

impl Pen<'_, '_> {
    async fn begun(&mut self, call: &CallBegun) -> Written {
        if self.insert_call(call, call.sequence).await? || self.knows(call.call.id).await? {
            return Ok(());
        }
        // Somebody else wrote rows into the file. A number is never used twice; a call without a number is better than one without a row.
        tracing::error!(
            call = %call.call.id, day = %call.day, sequence = call.sequence,
            "the call's sequence number is taken in the catalog: the call is written down without one"
        );
        self.insert_call(call, None).await?;
        Ok(())
    }

    /// Returns false if the call, or its number, has a row already.
    async fn insert_call(&mut self, call: &CallBegun, sequence: Option<u64>) -> Result<bool, sqlx::Error> {
        let period = self.scribe.period_of(call, sequence).map(text::count);
        let insert = rows::query(
            "INSERT INTO calls (call, day, sequence, agent, direction, began_at, outcome, continues, site, period, informed, exempt, ledger)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, 'began')
             ON CONFLICT DO NOTHING",
        )
        .bind(call.call.id.to_string())
        .bind(text::day(call.day))
        .bind(sequence.map(text::count))
        .bind(&call.call.facts.agent)
        .bind(call.call.facts.direction.word())
        .bind(text::time(call.call.began_at))
        .bind(Outcome::Live.word())
        .bind(call.call.facts.continues.map(|before| before.to_string()))
        .bind(self.scribe.site_id())
        .bind(period)
        .bind(call.call.facts.informed.map(Word::word))
        .bind(call.exempt);
        let is_new = insert.execute(&mut *self.rows).await?.rows_affected() == 1;
        if is_new {
            self.scribe.call_began(self.rows, call, sequence).await?;
        }
        Ok(is_new)
    }

    async fn knows(&mut self, call: CallId) -> Result<bool, sqlx::Error> {
        let select = rows::query("SELECT call FROM calls WHERE call = $1").bind(call.to_string());
        Ok(select.fetch_optional(&mut *self.rows).await?.is_some())
    }

    async fn ended(&mut self, call: &CallEnded) -> Written {
        if self.update_call(call).await? == 0 {
            // The row of its beginning lies in a file that is gone.
            match self.place.live.get(&call.call).cloned() {
                Some(begun) => {
                    self.begun(&begun).await?;
                    self.update_call(call).await?;
                }
                None => {
                    tracing::error!(call = %call.call, "a call ended that the catalog does not know: it has no row")
                }
            }
        }
        self.scribe.call_ended(self.rows, call).await?;
        if call.outcome != Outcome::Kept {
            // The commit came to nothing and its file is gone: the customer's number must go too.
            let delete = rows::query("DELETE FROM recordings WHERE call = $1 AND state = 'committing'");
            delete.bind(call.call.to_string()).execute(&mut *self.rows).await?;
        }
        Ok(())
    }

    async fn update_call(&mut self, call: &CallEnded) -> Result<u64, sqlx::Error> {
        let update = rows::query(
            "UPDATE calls
             SET ended_at = $2, seconds = $3, outcome = $4, reasons = $5, private = $6, objected = $7,
                 gaps = $8, gap_seconds = $9, late_frames = $10, lost_frames = $11, cut_off = $12
             WHERE call = $1",
        )
        .bind(call.call.to_string())
        .bind(call.ended_at.map(text::time))
        .bind(call.seconds)
        .bind(call.outcome.word())
        .bind(text::reasons(&call.reasons))
        .bind(call.private)
        .bind(call.objected)
        .bind(text::count(call.gaps))
        .bind(call.gap_seconds)
        .bind(text::count(call.late_frames))
        .bind(text::count(call.lost_frames))
        .bind(call.cut_off);
        Ok(update.execute(&mut *self.rows).await?.rows_affected())
    }

    async fn selected(&mut self, recording: &RecordingBegun) -> Written {
        let insert = rows::query(
            "INSERT INTO recordings (id, call, agent, customer, direction, began_at, rate, path, reasons, continues, state)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, 'committing')
             ON CONFLICT (call) DO UPDATE
             SET customer = COALESCE(excluded.customer, recordings.customer), reasons = excluded.reasons
             WHERE recordings.state = 'committing'",
        )
        .bind(Uuid::now_v7().hyphenated().to_string())
        .bind(recording.of.call().id.to_string())
        .bind(&recording.of.call().facts.agent)
        .bind(recording.of.customer.as_ref().map(Customer::number))
        .bind(recording.of.call().facts.direction.word())
        .bind(text::time(recording.of.call().began_at))
        .bind(i64::from(recording.of.call().rate.hz()))
        .bind(text::relative(self.place.home, &recording.path))
        .bind(text::reasons(&recording.of.label.reasons))
        .bind(recording.of.call().facts.continues.map(|before| before.to_string()));
        insert.execute(&mut *self.rows).await?;
        self.customer(recording.of.call().id, recording.of.customer.as_ref()).await
    }

    /// Writes the normal form of a customer's number beside the number itself.
    async fn customer(&mut self, call: CallId, given: Option<&Customer>) -> Written {
        let Some(given) = given else { return Ok(()) };
        let form = in_one_form(given, self.place.country);
        let update = rows::query(
            "UPDATE recordings SET customer_form = $3, customer_rule = $4 WHERE call = $1 AND customer = $2",
        )
        .bind(call.to_string())
        .bind(given.number())
        .bind(form.as_ref().map(Customer::number))
        .bind(customer::rule(self.place.country));
        update.execute(&mut *self.rows).await.map(drop)
    }

    async fn kept(&mut self, recording: &RecordingKept) -> Written {
        if graves::is_dead(self.rows, &recording.of.call().id.to_string()).await? {
            tracing::warn!(call = %recording.of.call().id, "a recording that was deleted has come back: it is not registered");
            return Ok(());
        }
        let select = rows::query("SELECT state FROM recordings WHERE call = $1 AND state <> 'committing'");
        let select = select.bind(recording.of.call().id.to_string());
        let is_new = select.fetch_optional(&mut *self.rows).await?.is_none();
        self.upsert_recording(recording).await?;
        self.customer(recording.of.call().id, recording.of.customer.as_ref()).await?;
        let select =
            rows::query("SELECT id, life FROM recordings WHERE call = $1").bind(recording.of.call().id.to_string());
        let row = select.fetch_one(&mut *self.rows).await?;
        let (id, life): (String, String) = (row.try_get(0)?, row.try_get(1)?);
        if [Life::Deleting, Life::Gone, Life::Delivered].iter().any(|over| over.as_str() == life) {
            // A repeated note of a recording that is being deleted, is gone or lies elsewhere brings nothing back.
            return Ok(());
        }
        for purpose in purposes(&recording.of.label.reasons, recording.ends_at) {
            if purpose.purpose == PurposeKind::Request {
                // It comes with its request.
                continue;
            }
            // A purpose that is there already stays, with its anchors.
            let insert = rows::query(
                "INSERT INTO purposes (recording, purpose, basis) VALUES ($1, $2, $3)
                 ON CONFLICT (recording, purpose, about) DO NOTHING",
            )
            .bind(&id)
            .bind(purpose.purpose.word())
            .bind(purpose.basis);
            insert.execute(&mut *self.rows).await?;
        }
        self.participants(&id, recording).await?;
        self.parts(&id, recording).await?;
        self.call_was_kept(recording).await?;
        if is_new {
            // Before anything is noted of it once more.
            let lines = self.lines_of(recording)?;
            self.registered(&id, recording, &lines).await?;
            // After that: what it belongs to by itself needs no hold.
            self.hold_again(lines).await?;
        }
        self.order(&id, recording).await
    }

    /// What follows once from a recording that has come: the ledger's row, and requests and objections that wait for it.
    async fn registered(&mut self, id: &str, recording: &RecordingKept, lines: &[Holder]) -> Written {
        let hash = self.place.hashes.get(&recording.of.call().id).map(String::as_str);
        self.scribe.recording_kept(self.rows, id, recording, hash).await?;
        if recording.of.label.reasons.contains(&Reason::Copy) {
            requests::of_call(self.rows, &mut self.scribe, self.place.home, (id, recording)).await?;
        }
        requests::join(self.rows, self.place.home, (id, recording), lines, self.place.now).await?;
        let customer = recording.of.customer.as_ref();
        if customer.is_some_and(|customer| self.place.objections.has(customer, self.place.country)) {
            requests::object(self.rows, id, self.place.now).await?;
        }
        Ok(())
    }

    /// What deeds did to it before, if it is known from its file alone: the catalog that had it is no longer here.
    fn lines_of(&mut self, recording: &RecordingKept) -> Written<Vec<Holder>> {
        if recording.has_keys {
            return Ok(Vec::new());
        }
        let all = match self.lines.take() {
            Some(all) => all,
            None => holds::load_by_call(self.place.home).map_err(sqlx::Error::Io)?,
        };
        Ok(self.lines.insert(all).get(&recording.of.call().id).cloned().unwrap_or_default())
    }

    async fn hold_again(&mut self, lines: Vec<Holder>) -> Written {
        let again = holds::registered(self.rows, lines, self.place.now).await?;
        for row in again.rows() {
            self.scribe.deed(self.rows, |_| row).await?;
        }
        Ok(())
    }

    /// The order in which a sampled call is heard.
    async fn order(&mut self, id: &str, recording: &RecordingKept) -> Written {
        let (call, reasons) = (recording.of.call().id, &recording.of.label.reasons);
        let Some(draw) = self.scribe.order_of(self.rows, call, reasons).await? else { return Ok(()) };
        let update = rows::query("UPDATE recordings SET draw = $2 WHERE id = $1").bind(id).bind(draw.to_string());
        update.execute(&mut *self.rows).await.map(drop)
    }

    async fn participants(&mut self, id: &str, recording: &RecordingKept) -> Written {
        rows::query("DELETE FROM participants WHERE recording = $1").bind(id).execute(&mut *self.rows).await?;
        for participant in &recording.participants {
            let insert = rows::query(
                "INSERT INTO participants (recording, agent, from_seconds, to_seconds) VALUES ($1, $2, $3, $4)
                 ON CONFLICT DO NOTHING",
            )
            .bind(id)
            .bind(&participant.agent)
            .bind(text::finite(participant.from_seconds))
            .bind(text::finite(participant.to_seconds));
            insert.execute(&mut *self.rows).await?;
        }
        Ok(())
    }

    async fn parts(&mut self, id: &str, recording: &RecordingKept) -> Written {
        rows::query("DELETE FROM parts WHERE recording = $1").bind(id).execute(&mut *self.rows).await?;
        for (number, part) in (1i64..).zip(&recording.parts) {
            let insert =
                rows::query("INSERT INTO parts (recording, part, path, bytes, seconds) VALUES ($1, $2, $3, $4, $5)")
                    .bind(id)
                    .bind(number)
                    .bind(text::relative(self.place.home, &part.path))
                    .bind(text::count(part.bytes))
                    .bind(text::finite(part.seconds));
            insert.execute(&mut *self.rows).await?;
        }
        Ok(())
    }

    async fn upsert_recording(&mut self, recording: &RecordingKept) -> Written {
        let insert = rows::query(
            "INSERT INTO recordings (id, call, agent, customer, direction, began_at, seconds, first_seconds, rate, path, bytes,
                                     reasons, marks, state, committed_at, continues, ends_at)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $18)
             ON CONFLICT (call) DO UPDATE
             SET agent = excluded.agent, customer = COALESCE(excluded.customer, recordings.customer),
                 seconds = excluded.seconds, first_seconds = excluded.first_seconds, rate = excluded.rate, path = excluded.path,
                 bytes = excluded.bytes, reasons = excluded.reasons,
                 marks = CASE WHEN $17 OR recordings.marks = '{}' THEN excluded.marks ELSE recordings.marks END,
                 state = excluded.state, committed_at = excluded.committed_at, continues = excluded.continues,
                 ends_at = excluded.ends_at
             WHERE recordings.life NOT IN ('deleting', 'gone', 'delivered')",
        )
        .bind(Uuid::now_v7().hyphenated().to_string())
        .bind(recording.of.call().id.to_string())
        .bind(&recording.of.call().facts.agent)
        .bind(recording.of.customer.as_ref().map(Customer::number))
        .bind(recording.of.call().facts.direction.word())
        .bind(text::time(recording.of.call().began_at))
        .bind(recording.seconds)
        .bind(recording.first_seconds)
        .bind(i64::from(recording.of.call().rate.hz()))
        .bind(recording.parts.first().map(|part| text::relative(self.place.home, &part.path)).unwrap_or_default())
        .bind(text::count(recording.parts.iter().map(|part| part.bytes).sum()))
        .bind(text::reasons(&recording.of.label.reasons))
        .bind(text::marks(&recording.marks))
        .bind(recording.state.word())
        .bind(text::time(recording.committed_at))
        .bind(recording.of.call().facts.continues.map(|before| before.to_string()))
        .bind(recording.has_keys)
        .bind(text::time(recording.ends_at));
        insert.execute(&mut *self.rows).await.map(drop)
    }

    /// Writes the beginning of a call that only its recording knows, under the number in its file unless that counts as lost.
    async fn adopted(&mut self, recording: &RecordingKept) -> Result<CallBegun, sqlx::Error> {
        let call = recording.of.call().clone();
        let Some(place) = recording.of.label.place else {
            return Ok(CallBegun { day: day_of(call.began_at), call, sequence: None, exempt: false });
        };
        let select = rows::query_scalar::<i64>(
            "SELECT COUNT(*) FROM skipped_numbers WHERE day = $1 AND first <= $2 AND last >= $2",
        );
        let select = select.bind(text::day(place.day)).bind(text::count(place.sequence));
        let is_skipped = select.fetch_one(&mut *self.rows).await? > 0;
        let is_over = self.scribe.is_published(self.rows, place.day).await?;
        let sequence = Some(place.sequence).filter(|_| !is_skipped && !is_over);
        Ok(CallBegun { call, day: place.day, sequence, exempt: false })
    }

    /// Writes the same into the ledger, also for a call that was recovered after a crash. It takes the reasons from the file, and the row says
    /// that nobody saw the call end. A call that was pressed and drawn counts as not sampled then: nobody knows whether the customer objected.
    async fn call_was_kept(&mut self, recording: &RecordingKept) -> Written {
        let call = match self.place.live.get(&recording.of.call().id) {
            Some(call) => call.clone(),
            None => self.adopted(recording).await?,
        };
        self.begun(&call).await?;
        // Only if its end was never noted: a noted end is more exact.
        let update = rows::query(
            "UPDATE calls SET outcome = $2, seconds = $3, reasons = $4, cut_off = TRUE
             WHERE call = $1 AND ended_at IS NULL AND outcome IN ('live', 'lost')",
        )
        .bind(recording.of.call().id.to_string())
        .bind(Outcome::Kept.word())
        .bind(recording.first_seconds + recording.seconds)
        .bind(text::reasons(&recording.of.label.reasons));
        if update.execute(&mut *self.rows).await?.rows_affected() == 1 {
            let ended = CallEnded {
                seconds: Some(recording.first_seconds + recording.seconds),
                reasons: recording.of.label.reasons.clone(),
                ..CallEnded::unseen(recording.of.call().id, Outcome::Kept)
            };
            self.scribe.call_ended(self.rows, &ended).await?;
        }
        Ok(())
    }
}
