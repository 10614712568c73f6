//! The versions of the policy that are written down, and the desk's day by them.
//!
//! Belongs here: reading them. Does not: what follows from them (`policy`), when one is written (`sweep`).

use jiff::{Timestamp, civil::Date};

use super::{
    policy::Policy,
    rows::{self, Connection},
};

/// The policy in its versions.
pub(super) async fn written(rows: &mut Connection) -> sqlx::Result<Policy> {
    let mut versions = Vec::new();
    for row in rows::query(include_str!("sql/desk/policies.sql")).fetch_all(rows).await? {
        let read = serde_json::from_str(row.try_get("text")?);
        versions
            .push(read.map_err(|error| sqlx::Error::ColumnDecode { index: "text".to_owned(), source: error.into() })?);
    }
    Ok(Policy::new(versions))
}

/// The day at the desk, by its own calendar: shortly after midnight it is another one than UTC's.
pub(super) async fn desk_day(rows: &mut Connection, at: Timestamp) -> sqlx::Result<Date> {
    Ok(written(rows).await?.at(at).calendar.day_of(at))
}
