//! What the rules need to know of recordings, read from their rows.
//!
//! Belongs here: the queries, and how rows become facts. Does not: what follows from them (`policy`).

use std::{collections::BTreeMap, path::Path, str::FromStr};

use jiff::Timestamp;

use crate::{
    Trouble,
    policy::{Anchor, Cover, Event, Facts, Purpose, PurposeKind},
    rows::{self, Connection},
    text,
};
use retrocall_words::{CallId, Word};

/// A recording that is neither being written nor deleted, with what the rules need to know of it.
pub(super) struct KeptRecording {
    pub id: String,
    pub call: CallId,
    pub facts: Facts,
}

/// Reads columns, and says which one can't be read, never what is in it.
pub(super) struct Reading<'a> {
    pub path: &'a Path,
}

impl Reading<'_> {
    pub(super) fn refused(&self, error: &sqlx::Error) -> Trouble {
        Trouble::of(self.path, error)
    }

    pub(super) fn parsed<T: FromStr>(&self, column: &str, text: &str) -> Result<T, Trouble> {
        text::parse(text).ok_or_else(|| Trouble::unreadable(self.path, column))
    }

    pub(super) fn maybe<T: FromStr>(&self, column: &str, text: Option<&str>) -> Result<Option<T>, Trouble> {
        text.map(|text| self.parsed(column, text)).transpose()
    }

    pub(super) fn word<T: Word>(&self, column: &str, word: &str) -> Result<T, Trouble> {
        T::read(word).ok_or_else(|| Trouble::unreadable(self.path, column))
    }
}

/// Which recordings are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Which {
    /// All that are kept.
    All,
    /// Those of which somebody may have to be told: pressed ones, those with a learning moment, those that are restricted. Of a sampled call that waits
    /// to be heard, which most are, nobody is.
    ToldOf,
}

/// A page of recordings, in the order of their ids, from behind `after` on.
pub(super) async fn page(
    rows: &mut Connection,
    reading: &Reading<'_>,
    which: Which,
    (after, limit): (&str, usize),
) -> Result<Vec<KeptRecording>, Trouble> {
    let select = rows::query_as(match which {
        Which::All => include_str!("../sql/desk/kept.sql"),
        Which::ToldOf => include_str!("../sql/desk/told_of.sql"),
    });
    let select = select.bind(after).bind(text::count(limit as u64));
    known(select.fetch_all(&mut *rows).await.map_err(|error| reading.refused(&error))?, rows, reading).await
}

/// One recording. None if it is not there, or is being written or deleted.
pub(super) async fn one(
    rows: &mut Connection,
    reading: &Reading<'_>,
    id: &str,
) -> Result<Option<KeptRecording>, Trouble> {
    let select = rows::query_as(
        "SELECT id, call, began_at, ends_at, erased_at FROM recordings
         WHERE id = $1 AND life IN ('kept', 'restricted') AND state <> 'committing'",
    );
    let found = select.bind(id).fetch_all(&mut *rows).await.map_err(|error| reading.refused(&error))?;
    Ok(known(found, rows, reading).await?.pop())
}

/// Recordings whose deletion has begun, in the order of their ids, from behind `after` on; with when that was, and the hash of their files.
pub(super) async fn deleting(
    rows: &mut Connection,
    reading: &Reading<'_>,
    after: &str,
    limit: usize,
) -> Result<Vec<(KeptRecording, Timestamp, Option<String>)>, Trouble> {
    let failed = |error: sqlx::Error| reading.refused(&error);
    let select = rows::query_as(
        "SELECT id, call, began_at, ends_at, erased_at FROM recordings WHERE id > $1 AND life = 'deleting' ORDER BY id LIMIT $2",
    );
    let found = select.bind(after).bind(text::count(limit as u64)).fetch_all(&mut *rows).await.map_err(failed)?;
    let begun = known(found, rows, reading).await?;
    let mut all = Vec::new();
    for known in begun {
        let select = rows::query_as::<(String, Option<String>)>("SELECT life_at, sha256 FROM recordings WHERE id = $1");
        let (at, sha256) = select.bind(&known.id).fetch_one(&mut *rows).await.map_err(failed)?;
        all.push((known, reading.parsed("life_at", &at)?, sha256));
    }
    Ok(all)
}

type RecordingRow = (String, String, String, Option<String>, Option<String>);

/// Adds to recordings, which are in the order of their ids, what belongs to them.
async fn known(
    found: Vec<RecordingRow>,
    rows: &mut Connection,
    reading: &Reading<'_>,
) -> Result<Vec<KeptRecording>, Trouble> {
    let (Some(first), Some(last)) = (found.first(), found.last()) else { return Ok(Vec::new()) };
    let (first, last) = (first.0.clone(), last.0.clone());
    let mut purposes = purposes(rows, reading, &first, &last).await?;
    let mut covers = covers(rows, reading, &first, &last).await?;
    let mut restricted = restricted(rows, reading, &first, &last).await?;
    let of = |(id, call, began, ends, erased): RecordingRow| {
        let facts = Facts {
            began_at: reading.maybe("began_at", Some(&began))?,
            ended_at: reading.maybe("ends_at", ends.as_deref())?,
            purposes: purposes.remove(&id).unwrap_or_default(),
            covers: covers.remove(&id).unwrap_or_default(),
            restricted_since: restricted.remove(&id),
            erased_at: reading.maybe("erased_at", erased.as_deref())?,
        };
        Ok(KeptRecording { call: reading.parsed("call", &call)?, id, facts })
    };
    found.into_iter().map(of).collect()
}

/// The purposes of these recordings, with their anchors.
async fn purposes(
    rows: &mut Connection,
    reading: &Reading<'_>,
    first: &str,
    last: &str,
) -> Result<BTreeMap<String, Vec<Purpose>>, Trouble> {
    let select = rows::query_as::<(String, String, String, Option<String>, Option<String>, Option<String>)>(
        "SELECT purposes.recording, purposes.purpose, purposes.about, anchors.anchor, anchors.at, anchors.day
         FROM purposes LEFT JOIN anchors ON anchors.recording = purposes.recording AND anchors.purpose = purposes.purpose
                                        AND anchors.about = purposes.about
         WHERE purposes.recording BETWEEN $1 AND $2
         ORDER BY purposes.recording, purposes.purpose, purposes.about, anchors.place",
    );
    let found = select.bind(first).bind(last).fetch_all(rows).await.map_err(|error| reading.refused(&error))?;
    let mut all: BTreeMap<String, Vec<Purpose>> = BTreeMap::new();
    let mut before = None;
    for (recording, purpose, about, anchor, at, day) in found {
        let kind: PurposeKind = reading.word("purpose", &purpose)?;
        let of = all.entry(recording.clone()).or_default();
        let this = Some((recording, purpose, about));
        if before != this {
            of.push(Purpose { kind, events: Vec::new() });
            before = this;
        }
        if let (Some(anchor), Some(at), Some(last)) = (anchor, at, of.last_mut()) {
            let anchor: Anchor = reading.word("anchor", &anchor)?;
            let date = reading.maybe("day", day.as_deref())?;
            last.events.push(Event { anchor, at: reading.parsed("at", &at)?, date });
        }
    }
    Ok(all)
}

/// What holds these recordings. A request for erasure that was granted no longer holds what it erases.
async fn covers(
    rows: &mut Connection,
    reading: &Reading<'_>,
    first: &str,
    last: &str,
) -> Result<BTreeMap<String, Vec<Cover>>, Trouble> {
    let select = rows::query_as::<(String, String)>(
        "SELECT recording, 'hold' FROM holds WHERE released_at IS NULL AND recording BETWEEN $1 AND $2
         UNION
         SELECT frozen.recording, 'request' FROM request_recordings AS frozen
         JOIN requests ON requests.id = frozen.request JOIN recordings ON recordings.id = frozen.recording
         WHERE requests.answered_at IS NULL AND frozen.state <> 'excluded' AND frozen.recording BETWEEN $1 AND $2
               AND NOT (requests.kind = 'erasure' AND recordings.erased_at IS NOT NULL)",
    );
    let found = select.bind(first).bind(last).fetch_all(rows).await.map_err(|error| reading.refused(&error))?;
    let mut all: BTreeMap<String, Vec<Cover>> = BTreeMap::new();
    for (recording, cover) in found {
        all.entry(recording).or_default().push(reading.word("cover", &cover)?);
    }
    Ok(all)
}

/// Since when an agent's objection to a note restricts these recordings.
async fn restricted(
    rows: &mut Connection,
    reading: &Reading<'_>,
    first: &str,
    last: &str,
) -> Result<BTreeMap<String, Timestamp>, Trouble> {
    let select = rows::query_as::<(String, String)>(
        "SELECT notes.recording, MIN(replies.written_at) FROM replies JOIN notes ON notes.id = replies.note
         WHERE replies.kind = 'objection' AND replies.decided_at IS NULL AND notes.recording BETWEEN $1 AND $2
         GROUP BY notes.recording",
    );
    let found = select.bind(first).bind(last).fetch_all(rows).await.map_err(|error| reading.refused(&error))?;
    found.into_iter().map(|(recording, at)| Ok((recording, reading.parsed("written_at", &at)?))).collect()
}
