//! Deliveries, in the database of a centre.

use jiff::Timestamp;
use retrocall_ledger::{Deed, DeedKind};
use retrocall_words::{Word as _, book::Outcome};

use super::{
    super::{
        NotDone,
        delivering::{Arrival, Deliveries, LedgerPiece, LedgerProgress, Offered, PeriodFacts, Stored, UPLOAD_TIME},
    },
    Answer, HomeDesk,
    objecting::heed,
    parsed, word,
};
use crate::{
    Life,
    graves::is_dead,
    ledger::{by_rule, item},
    parcel::Parcel,
    requests,
    rows::{self, Connection},
    text,
};

/// How a recording stands at the centre.
enum Known {
    /// It never came, or is on its way.
    No,
    Here,
    Gone,
    OfAnother,
}

/// How a recording stands here: by its id, and by its call.
async fn known(rows: &mut Connection, parcel: &Parcel) -> Answer<Known> {
    let call = parcel.call.call.to_string();
    let select = rows::query(
        "SELECT recordings.id, recordings.life, calls.site FROM recordings LEFT JOIN calls ON calls.call = recordings.call
         WHERE recordings.id = $1 OR recordings.call = $2",
    );
    let found = select.bind(&parcel.recording).bind(&call).fetch_all(&mut *rows).await?;
    for row in &found {
        let (id, site): (String, Option<String>) = (row.try_get("id")?, row.try_get("site")?);
        if site.as_ref() != Some(&parcel.site) || id != parcel.recording {
            return Ok(Known::OfAnother);
        }
    }
    let select = rows::query_scalar::<Option<String>>("SELECT site FROM calls WHERE call = $1").bind(&call);
    if select.fetch_optional(&mut *rows).await?.is_some_and(|site| site.as_ref() != Some(&parcel.site)) {
        return Ok(Known::OfAnother);
    }
    if is_dead(rows, &call).await? {
        return Ok(Known::Gone);
    }
    match found.first() {
        None => Ok(Known::No),
        Some(row) if word::<Life>(row, "life")?.is_over() => Ok(Known::Gone),
        Some(_) => Ok(Known::Here),
    }
}

impl Deliveries for HomeDesk {
    /// Model: `BeginUpload`, with the rules `AnswersGone` and `BeginsInDatabase`.
    fn offer(&self, parcel: &Parcel, digest: &str, token: &str, now: Timestamp) -> Result<Offered, NotDone> {
        let until = now.saturating_add(UPLOAD_TIME).unwrap_or(now);
        self.ask(true, async |connection| {
            let mut rows = connection.begin_writing().await?;
            match known(&mut rows, parcel).await? {
                Known::Here => return Ok(Offered::Already),
                Known::Gone => return Ok(Offered::Gone),
                Known::OfAnother => return Ok(Offered::NotYours),
                Known::No => {}
            }
            // Whoever has begun another delivery of it may still write to the store.
            let select = rows::query("SELECT site, token, parcel, expires_at FROM uploads WHERE recording = $1 AND expires_at > $2");
            let select = select.bind(&parcel.recording).bind(text::time(now));
            if let Some(row) = select.fetch_optional(&mut rows).await? {
                let (of, named, of_parcel): (String, String, String) =
                    (row.try_get("site")?, row.try_get("token")?, row.try_get("parcel")?);
                if of != parcel.site {
                    return Ok(Offered::NotYours);
                }
                if named != token || of_parcel != digest {
                    return Ok(Offered::Busy(parsed(&row, "expires_at")?));
                }
            }
            let upsert = rows::query(
                "INSERT INTO uploads (recording, site, token, parcel, expires_at, call, began_at) VALUES ($1, $2, $3, $4, $5, $6, $7)
                 ON CONFLICT (recording) DO UPDATE SET site = excluded.site, token = excluded.token, parcel = excluded.parcel,
                     expires_at = excluded.expires_at, call = excluded.call, began_at = excluded.began_at",
            );
            let upsert = upsert.bind(&parcel.recording).bind(&parcel.site).bind(token).bind(digest);
            let upsert = upsert.bind(text::time(until)).bind(parcel.call.call.to_string());
            upsert.bind(&parcel.began_at).execute(&mut rows).await?;
            // One that was cut off stays: parts of it lie in the store, and an order asks for it.
            let old = rows::query(
                "DELETE FROM uploads WHERE expires_at <= $1
                 AND (began_at IS NULL OR EXISTS (SELECT 1 FROM recordings WHERE recordings.id = uploads.recording))",
            );
            old.bind(text::time(now)).execute(&mut rows).await?;
            rows.commit().await?;
            Ok(Offered::Begun(until))
        })
    }

    /// Model: the rule `WatchesOwnClock`, with the time that whoever asks has from here on.
    fn prolong(
        &self,
        site: &str,
        recording: &str,
        token: &str,
        now: Timestamp,
    ) -> Result<Option<(Timestamp, String)>, NotDone> {
        let until = now.saturating_add(UPLOAD_TIME).unwrap_or(now);
        self.ask(true, async |connection| {
            let mut rows = connection.begin_writing().await?;
            let update = rows::query(
                "UPDATE uploads SET expires_at = $5 WHERE recording = $1 AND site = $2 AND token = $3 AND expires_at > $4
                 AND NOT EXISTS (SELECT 1 FROM recordings WHERE recordings.id = uploads.recording) RETURNING parcel",
            );
            let update = update.bind(recording).bind(site).bind(token).bind(text::time(now)).bind(text::time(until));
            let Some(row) = update.fetch_optional(&mut rows).await? else { return Ok(None) };
            let parcel: String = row.try_get("parcel")?;
            rows.commit().await?;
            Ok(Some((until, parcel)))
        })
    }

    /// Model: `Register`.
    fn register(&self, parcel: &Parcel, token: &str, objects: &[Stored], now: Timestamp) -> Result<Arrival, NotDone> {
        let key = self.key_if_anybody_objects()?;
        self.ask(true, async |connection| {
            let mut rows = connection.begin_writing().await?;
            match known(&mut rows, parcel).await? {
                Known::Here => return Ok(Arrival::Already),
                Known::Gone => return Ok(Arrival::Gone),
                // It is told so when it is offered again: whoever is told that it is gone deletes it.
                Known::OfAnother => return Ok(Arrival::Late),
                Known::No => {}
            }
            if objects.is_empty() {
                return Ok(Arrival::Late);
            }
            let select = rows::query_scalar::<i64>(
                "SELECT COUNT(*) FROM uploads WHERE recording = $1 AND site = $2 AND token = $3 AND expires_at > $4",
            );
            let select = select.bind(&parcel.recording).bind(&parcel.site).bind(token).bind(text::time(now));
            if select.fetch_one(&mut rows).await? == 0 {
                return Ok(Arrival::Late);
            }
            insert_call(&mut rows, parcel).await?;
            insert_recording(&mut rows, parcel, objects).await?;
            insert_belongings(&mut rows, parcel).await?;
            if let Some(key) = &key {
                heed(&mut rows, key, parcel, now).await?;
            }
            // A request that came before the recording did covers it.
            if let (Some(began), Some(ended)) = (text::parse(&parcel.began_at), text::parse(&parcel.ends_at)) {
                let of = (parcel.recording.as_str(), parcel.call.call);
                requests::join_one(&mut rows, None, of, (began, ended), now).await?;
            }
            for object in objects {
                let insert = rows::query(
                    "INSERT INTO objects (recording, file, part, place, bytes, sha256) VALUES ($1, $2, $3, $4, $5, $6)",
                );
                let insert =
                    insert.bind(&parcel.recording).bind(text::count(object.file)).bind(text::count(object.part));
                let insert = insert.bind(&object.place).bind(text::count(object.bytes)).bind(&object.sha256);
                insert.execute(&mut rows).await?;
            }
            // The row of the delivery stays until its time is over: until then a part of it that somebody still writes may reach the store.
            let deed = Deed { recording: item(&parcel.recording), ..Deed::done(DeedKind::Delivered) };
            by_rule(&mut rows, deed, now).await?;
            rows.commit().await?;
            Ok(Arrival::Stored)
        })
    }

    fn ledger_progress(&self, site: &str) -> Result<LedgerProgress, NotDone> {
        self.ask(false, async |rows| {
            let select = rows::query_as::<(String, i64)>(
                "SELECT month, end_row FROM site_segments WHERE site = $1 ORDER BY month DESC, end_row DESC LIMIT 1",
            );
            let segment = select.bind(site).fetch_optional(rows).await?;
            let select =
                rows::query_scalar::<String>("SELECT day FROM site_heads WHERE site = $1 ORDER BY day DESC LIMIT 1");
            let head = select.bind(site).fetch_optional(rows).await?;
            let select = rows::query_scalar::<i64>(
                "SELECT COALESCE(MIN(CASE WHEN published_at IS NULL THEN period END), MAX(period) + 1, 0) AS first
                 FROM ledger_periods WHERE site = $1",
            );
            let period = select.bind(site).fetch_one(rows).await?;
            let segment = segment.map(|(month, end)| (month, u64::try_from(end).unwrap_or(0)));
            Ok(LedgerProgress { segment, head, period })
        })
    }

    fn note_piece(&self, site: &str, piece: &LedgerPiece) -> Result<bool, NotDone> {
        self.ask(true, async |connection| {
            let mut rows = connection.begin_writing().await?;
            let select = rows::query_scalar::<i64>(
                "SELECT COALESCE(MAX(end_row), 0) AS known FROM site_segments WHERE site = $1 AND month = $2",
            );
            let known = select.bind(site).bind(&piece.month).fetch_one(&mut rows).await?;
            if known != text::count(piece.first_row) || piece.end_row <= piece.first_row {
                return Ok(false);
            }
            let insert = rows::query(
                "INSERT INTO site_segments (site, month, first_row, end_row, place) VALUES ($1, $2, $3, $4, $5)",
            );
            let insert = insert.bind(site).bind(&piece.month).bind(text::count(piece.first_row));
            insert.bind(text::count(piece.end_row)).bind(&piece.place).execute(&mut rows).await?;
            rows.commit().await?;
            Ok(true)
        })
    }

    fn note_heads(&self, site: &str, heads: &[(String, String)], periods: &[PeriodFacts]) -> Result<(), NotDone> {
        self.ask(true, async |connection| {
            let mut rows = connection.begin_writing().await?;
            for (day, head) in heads {
                // The first one stays: who has signed two of one day is found by whoever compares.
                let insert =
                    rows::query("INSERT INTO site_heads (site, day, text) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING");
                insert.bind(site).bind(day).bind(head).execute(&mut rows).await?;
            }
            for PeriodFacts { period, day, first, one_in, published_at } in periods {
                let upsert = rows::query(
                    "INSERT INTO ledger_periods (site, period, day, first, one_in, published_at) VALUES ($1, $2, $3, $4, $5, $6)
                     ON CONFLICT (site, period) DO UPDATE SET published_at = excluded.published_at
                     WHERE ledger_periods.published_at IS NULL",
                );
                let upsert = upsert.bind(site).bind(*period).bind(day).bind(*first).bind(*one_in);
                upsert.bind(published_at).execute(&mut rows).await?;
            }
            rows.commit().await?;
            Ok(())
        })
    }
}

/// The call of a recording. If its number is another call's, it has none here: what its ledger says of that is for whoever verifies it.
async fn insert_call(rows: &mut Connection, parcel: &Parcel) -> Answer<()> {
    let ways = [parcel.call.sequence, None];
    for sequence in ways {
        if insert_call_as(rows, parcel, sequence).await? {
            return Ok(());
        }
    }
    Ok(())
}

/// False if the call, or its number, has a row.
async fn insert_call_as(rows: &mut Connection, parcel: &Parcel, sequence: Option<i64>) -> Answer<bool> {
    let call = &parcel.call;
    let insert = rows::query(
        "INSERT INTO calls (call, day, sequence, agent, direction, began_at, ended_at, seconds, outcome, reasons, private, objected,
                            gaps, gap_seconds, late_frames, lost_frames, continues, cut_off, site, informed, period, ledger)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, 'ended')
         ON CONFLICT DO NOTHING",
    )
    .bind(call.call.to_string())
    .bind(&call.day)
    .bind(sequence)
    .bind(&parcel.agent)
    .bind(&parcel.direction)
    .bind(&parcel.began_at)
    .bind(&call.ended_at)
    .bind(call.seconds)
    .bind(Outcome::Kept.word())
    .bind(&parcel.reasons)
    .bind(call.private)
    .bind(call.objected)
    .bind(call.gaps)
    .bind(call.gap_seconds)
    .bind(call.late_frames)
    .bind(call.lost_frames)
    .bind(&call.continues)
    .bind(call.cut_off)
    .bind(&parcel.site)
    .bind(&call.informed)
    .bind(call.period);
    Ok(insert.execute(rows).await?.rows_affected() == 1)
}

async fn insert_recording(rows: &mut Connection, parcel: &Parcel, objects: &[Stored]) -> Answer<()> {
    let path = objects.first().map(|object| object.place.as_str()).unwrap_or_default();
    let insert = rows::query(
        "INSERT INTO recordings (id, call, agent, customer, direction, began_at, seconds, first_seconds, rate, path, bytes, reasons,
                                 marks, state, committed_at, continues, customer_form, customer_rule, ends_at, draw)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20)",
    )
    .bind(&parcel.recording)
    .bind(parcel.call.call.to_string())
    .bind(&parcel.agent)
    .bind(&parcel.customer)
    .bind(&parcel.direction)
    .bind(&parcel.began_at)
    .bind(parcel.seconds)
    .bind(parcel.first_seconds)
    .bind(parcel.rate)
    .bind(path)
    .bind(text::count(parcel.bytes()))
    .bind(&parcel.reasons)
    .bind(&parcel.marks)
    .bind(&parcel.state)
    .bind(&parcel.committed_at)
    .bind(&parcel.continues)
    .bind(&parcel.customer_form)
    .bind(&parcel.customer_rule)
    .bind(&parcel.ends_at)
    .bind(&parcel.draw);
    insert.execute(rows).await?;
    Ok(())
}

async fn insert_belongings(rows: &mut Connection, parcel: &Parcel) -> Answer<()> {
    for agent in &parcel.agents {
        let insert = rows::query(
            "INSERT INTO participants (recording, agent, from_seconds, to_seconds) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING",
        );
        let insert = insert.bind(&parcel.recording).bind(&agent.agent).bind(agent.from_seconds).bind(agent.to_seconds);
        insert.execute(&mut *rows).await?;
    }
    for (number, file) in (1i64..).zip(&parcel.files) {
        let bytes: u64 = file.parts.iter().map(|part| part.bytes).sum();
        let insert =
            rows::query("INSERT INTO parts (recording, part, path, bytes, seconds) VALUES ($1, $2, $3, $4, $5)");
        // Where it lies in the store, `objects` says.
        let insert = insert.bind(&parcel.recording).bind(number).bind("").bind(text::count(bytes)).bind(file.seconds);
        insert.execute(&mut *rows).await?;
    }
    for purpose in &parcel.purposes {
        let insert =
            rows::query("INSERT INTO purposes (recording, purpose, basis) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING");
        insert.bind(&parcel.recording).bind(&purpose.purpose).bind(&purpose.basis).execute(&mut *rows).await?;
        for (place, (anchor, at, day)) in (1i64..).zip(&purpose.anchors) {
            let insert = rows::query(
                "INSERT INTO anchors (recording, purpose, place, anchor, at, day) VALUES ($1, $2, $3, $4, $5, $6)",
            );
            let insert = insert.bind(&parcel.recording).bind(&purpose.purpose).bind(place);
            insert.bind(anchor).bind(at).bind(day).execute(&mut *rows).await?;
        }
    }
    Ok(())
}
