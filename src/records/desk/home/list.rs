//! Which recordings somebody may know of: the one rule of it, and the parts of a list.
//!
//! Belongs here: finding them, in the order of their calls. Does not: what is done to one.

use std::sync::LazyLock;

use super::{
    super::{Cursor, DeskRole, Filter, Page, Person, RecordingEntry},
    Answer, FIRST, LAST, batch, knows_sample, parsed, unreadable, word,
};
use crate::{
    PurposeKind,
    rows::{self, Connection, Row},
    text,
};

/// Recordings of one page.
const PAGE: usize = 100;
/// Recordings that somebody may know of, from a place on, among all.
const AMONG_ALL: &str = include_str!("../../sql/desk/list.sql");
/// The same rule among those of an agent, and for one recording: the database finds these by an index, and would look at all there are for a condition
/// that can be left out.
static OF_AGENT: LazyLock<String> = LazyLock::new(|| among(include_str!("../../sql/desk/list_of_agent.sql")));
static OF_ONE: LazyLock<String> = LazyLock::new(|| among(include_str!("../../sql/desk/list_of_one.sql")));

/// The list among those alone that this finds.
fn among(these: &str) -> String {
    AMONG_ALL.replace("FROM recordings)", &format!("FROM (\n{these}) AS recordings)"))
}

/// Those who may know of calls in which they took no part.
const SEEING_OTHERS: [DeskRole; 3] = [DeskRole::PrivacyOfficer, DeskRole::Reviewer, DeskRole::CaseHandler];

/// A recording that somebody may know of.
pub(super) async fn one(rows: &mut Connection, who: &Person, id: &str) -> Answer<Option<RecordingEntry>> {
    Ok(select(rows, who, Some(id), &Filter::default(), None).await?.recordings.pop())
}

pub(super) async fn select(
    rows: &mut Connection,
    who: &Person,
    id: Option<&str>,
    filter: &Filter,
    after: Option<&Cursor>,
) -> Answer<Page> {
    let (after, after_id) = after.map_or((FIRST, ""), |cursor| (&cursor.began_at, &cursor.id));
    let from = filter.from.map_or(FIRST.to_owned(), text::time);
    let own = who.agent.as_ref().filter(|_| who.is(DeskRole::Agent));
    let sees_others = SEEING_OTHERS.iter().any(|role| who.is(*role));
    // Whose calls alone can be on the list: they are found by that, not by looking at all.
    let of_agent = own.filter(|_| !sees_others).or(filter.agent.as_ref());
    let (list, of): (&'static str, _) = match (id, of_agent) {
        (Some(id), _) => (&**OF_ONE, Some(id)),
        (None, Some(agent)) => (&**OF_AGENT, Some(agent.as_str())),
        (None, None) => (AMONG_ALL, None),
    };
    let select = rows::query(list)
        .bind(who.is(DeskRole::PrivacyOfficer))
        .bind(who.is(DeskRole::Reviewer))
        .bind(who.is(DeskRole::CaseHandler))
        .bind(own)
        .bind(&filter.agent)
        .bind(filter.purpose.map(PurposeKind::as_str))
        // Where the page begins, at the earliest: a pair of columns leads to no place in an index.
        .bind(from.as_str().max(after))
        .bind(filter.before.map_or(LAST.to_owned(), text::time))
        .bind(after)
        .bind(after_id)
        .bind(i64::try_from(PAGE + 1).unwrap_or(i64::MAX));
    let select = if of.is_some() { select.bind(of) } else { select };
    let found = select.fetch_all(&mut *rows).await?;
    let shown = &found[..found.len().min(PAGE)];
    let mut recordings = entries(rows, shown).await?;
    for (recording, row) in recordings.iter_mut().zip(shown) {
        // Whether a call was drawn is told when the seed of its day is published: the next morning.
        if !knows_sample(who) && row.try_get::<bool, _>("is_today")? {
            recording.hide_draw();
        }
    }
    let next = match found.get(PAGE).and(found.get(PAGE - 1)) {
        Some(last) => Some(Cursor { began_at: last.try_get("began_at")?, id: last.try_get("id")? }),
        None => None,
    };
    Ok(Page { recordings, next })
}

/// A recording with these purposes.
fn entry(row: &Row, purposes: Vec<PurposeKind>) -> Answer<RecordingEntry> {
    Ok(RecordingEntry {
        id: row.try_get("id")?,
        call: parsed(row, "call")?,
        agent: row.try_get("agent")?,
        direction: word(row, "direction")?,
        start: parsed(row, "began_at")?,
        seconds: row.try_get("seconds")?,
        reasons: text::read_reasons(row.try_get("reasons")?).ok_or_else(|| unreadable("reasons"))?,
        purposes,
        state: word(row, "state")?,
        life: word(row, "life")?,
        held: row.try_get("held")?,
    })
}

/// The recordings of a part of a list, each with its purposes.
pub(super) async fn entries(rows: &mut Connection, found: &[Row]) -> Answer<Vec<RecordingEntry>> {
    let mut all = Vec::new();
    for some in found.chunks(batch::MOST) {
        let ids = some.iter().map(|row| Ok(row.try_get("id")?)).collect::<Answer<Vec<&str>>>()?;
        let select = batch::about(include_str!("../../sql/desk/purposes_of.sql"), &ids);
        let mut purposes = batch::by(rows, select, "recording", |row| word(row, "purpose")).await?;
        for (row, id) in some.iter().zip(ids) {
            all.push(entry(row, purposes.remove(id).unwrap_or_default())?);
        }
    }
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rule_is_the_same_for_all_for_an_agents_own_and_for_one() {
        let rule = |list: &str| list.split_once("AS recordings\nWHERE ").map(|(_, rule)| rule.to_owned());
        assert!(rule(AMONG_ALL).is_some_and(|rule| rule.contains("'quality'")));
        for list in [&*OF_AGENT, &*OF_ONE] {
            assert!(*list != AMONG_ALL && rule(list) == rule(AMONG_ALL), "{list}");
        }
    }
}
