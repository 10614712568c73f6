//! What leaves a home with a recording: all that its catalog knows of it.
//!
//! Belongs here: from rows to what travels. Does not: which recordings leave, when (`outgoing`).

use std::path::PathBuf;

use super::{
    super::delivering::{LedgerProgress, PeriodFacts},
    Answer, parsed,
};
use crate::{
    parcel::{FileFacts, Parcel, ParcelAgent, ParcelCall, ParcelPurpose},
    rows::{self, Connection, Row},
    text,
};

/// Rows of the ledger that are sent at once: some MB at most.
const LEDGER_ROWS_MAX: i64 = 5_000;

/// What the catalog knows of a recording, and its files, under the home folder.
pub(super) async fn packed(rows: &mut Connection, recording: &str, site: &str) -> Answer<(Parcel, Vec<PathBuf>)> {
    let select = rows::query(
        "SELECT recordings.agent, customer, customer_form, customer_rule, recordings.direction, recordings.began_at, ends_at,
                recordings.seconds, first_seconds, rate, path, recordings.reasons, marks, state, committed_at,
                recordings.continues, draw,
                calls.call, day, sequence, ended_at, calls.seconds AS call_seconds, private, objected, gaps, gap_seconds, late_frames,
                lost_frames, calls.continues AS call_continues, cut_off, informed, period
         FROM recordings JOIN calls ON calls.call = recordings.call WHERE recordings.id = $1",
    );
    let row = select.bind(recording).fetch_one(&mut *rows).await?;
    let call = ParcelCall {
        call: parsed(&row, "call")?,
        day: row.try_get("day")?,
        sequence: row.try_get("sequence")?,
        ended_at: row.try_get("ended_at")?,
        seconds: row.try_get("call_seconds")?,
        private: row.try_get("private")?,
        objected: row.try_get("objected")?,
        gaps: row.try_get("gaps")?,
        gap_seconds: row.try_get("gap_seconds")?,
        late_frames: row.try_get("late_frames")?,
        lost_frames: row.try_get("lost_frames")?,
        continues: row.try_get("call_continues")?,
        cut_off: row.try_get("cut_off")?,
        informed: row.try_get("informed")?,
        period: row.try_get("period")?,
    };
    let select = rows::query_as::<(String, f64)>("SELECT path, seconds FROM parts WHERE recording = $1 ORDER BY part");
    let mut parts = select.bind(recording).fetch_all(&mut *rows).await?;
    let seconds: Option<f64> = row.try_get("seconds")?;
    if parts.is_empty() {
        parts.push((row.try_get("path")?, seconds.unwrap_or(0.0)));
    }
    let select = rows::query_as::<(String, f64, f64)>(
        "SELECT agent, from_seconds, to_seconds FROM participants WHERE recording = $1 ORDER BY from_seconds",
    );
    let agents = select.bind(recording).fetch_all(&mut *rows).await?.into_iter();
    let agents = agents.map(|(agent, from_seconds, to_seconds)| ParcelAgent { agent, from_seconds, to_seconds });
    let parcel = Parcel {
        site: site.to_owned(),
        recording: recording.to_owned(),
        call,
        agent: row.try_get("agent")?,
        customer: row.try_get("customer")?,
        customer_form: row.try_get("customer_form")?,
        customer_rule: row.try_get("customer_rule")?,
        direction: row.try_get("direction")?,
        began_at: row.try_get("began_at")?,
        ends_at: row.try_get("ends_at")?,
        seconds,
        first_seconds: row.try_get("first_seconds")?,
        rate: row.try_get("rate")?,
        reasons: row.try_get("reasons")?,
        marks: row.try_get("marks")?,
        state: row.try_get("state")?,
        committed_at: row.try_get("committed_at")?,
        continues: row.try_get("continues")?,
        draw: row.try_get("draw")?,
        agents: agents.collect(),
        purposes: purposes(rows, recording).await?,
        files: parts.iter().map(|(_, seconds)| FileFacts { seconds: *seconds, parts: Vec::new() }).collect(),
    };
    Ok((parcel, parts.into_iter().map(|(path, _)| path.into()).collect()))
}

async fn purposes(rows: &mut Connection, recording: &str) -> Answer<Vec<ParcelPurpose>> {
    // One that a case or request needs is not here: such a recording stays.
    let select = rows::query_as::<(String, String)>(
        "SELECT purpose, basis FROM purposes WHERE recording = $1 AND about = '' ORDER BY purpose",
    );
    let mut all = Vec::new();
    for (purpose, basis) in select.bind(recording).fetch_all(&mut *rows).await? {
        let select = rows::query_as::<(String, String, Option<String>)>(
            "SELECT anchor, at, day FROM anchors WHERE recording = $1 AND purpose = $2 AND about = '' ORDER BY place",
        );
        let anchors = select.bind(recording).bind(&purpose).fetch_all(&mut *rows).await?;
        all.push(ParcelPurpose { purpose, basis, anchors });
    }
    Ok(all)
}

pub(super) fn period(row: &Row) -> Answer<PeriodFacts> {
    Ok(PeriodFacts {
        period: row.try_get("period")?,
        day: row.try_get("day")?,
        first: row.try_get("first")?,
        one_in: row.try_get("one_in")?,
        published_at: row.try_get("published_at")?,
    })
}

/// The next rows of the ledger that the centre lacks.
pub(super) async fn piece(
    rows: &mut Connection,
    site: &str,
    known: &LedgerProgress,
) -> Answer<Option<(String, u64, Vec<String>)>> {
    let (month, first) = known.segment.as_ref().map_or(("", 0), |(month, rows)| (month.as_str(), *rows));
    let select = rows::query_as::<(i64, String)>(
        "SELECT segment, month FROM ledger_segments WHERE site = $1 AND month >= $2 ORDER BY month",
    );
    for (segment, of) in select.bind(site).bind(month).fetch_all(&mut *rows).await? {
        let first = if of == month { first } else { 0 };
        let select = rows::query_scalar::<String>(
            "SELECT text FROM ledger_rows WHERE segment = $1 AND row >= $2 ORDER BY row LIMIT $3",
        );
        let found = select.bind(segment).bind(text::count(first)).bind(LEDGER_ROWS_MAX).fetch_all(&mut *rows).await?;
        if !found.is_empty() {
            return Ok(Some((of, first, found)));
        }
    }
    Ok(None)
}
