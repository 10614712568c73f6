//! What belongs to the entries of one part of a list is asked for once, not for each.

use std::collections::HashMap;

use super::{
    super::paging::{Onward, PAGE, Stretch},
    Answer,
};
use crate::rows::{self, Connection, Query, Row};

/// As many as one question is about: those of a part.
pub(super) const MOST: usize = PAGE;

/// A question about the recordings, cases or requests of a part, whose ids are its first parameters: as many as a part can have. Those that it has not
/// are bound as a text that is no id.
pub(super) fn about(sql: &'static str, ids: &[&str]) -> Query {
    debug_assert!(ids.len() <= MOST);
    (0..MOST).fold(rows::query(sql), |query, place| query.bind(ids.get(place).copied().unwrap_or_default()))
}

/// Where a list goes on behind this row.
pub(super) fn behind(row: &Row, stretch: Stretch, at: &str) -> Answer<Onward> {
    Ok(Onward { stretch, at: row.try_get(at)?, id: row.try_get("id")? })
}

/// Its rows, in their order, by the id in this column.
pub(super) async fn by<T>(
    rows: &mut Connection,
    query: Query,
    column: &str,
    mut read: impl FnMut(&Row) -> Answer<T>,
) -> Answer<HashMap<String, Vec<T>>> {
    let mut all: HashMap<String, Vec<T>> = HashMap::new();
    for row in query.fetch_all(rows).await? {
        all.entry(row.try_get(column)?).or_default().push(read(&row)?);
    }
    Ok(all)
}

/// The same as they are.
pub(super) async fn by_row(rows: &mut Connection, query: Query, column: &str) -> Answer<HashMap<String, Vec<Row>>> {
    let mut all: HashMap<String, Vec<Row>> = HashMap::new();
    for row in query.fetch_all(rows).await? {
        all.entry(row.try_get(column)?).or_default().push(row);
    }
    Ok(all)
}
