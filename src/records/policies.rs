//! The versions of the policy that are written down, and the desk's day by them.
//!
//! Belongs here: reading them. Does not: what follows from them (`policy`), when one is written (`sweep`).

use jiff::{Timestamp, civil::Date};
use retrocall_words::retention::{Calendar, Periods};

use super::{
    policy::{Policy, Version},
    rows::{self, Connection},
};

/// The policy in its versions.
pub(super) async fn written(rows: &mut Connection) -> sqlx::Result<Policy> {
    Ok(Policy::new(versions(rows).await?))
}

/// The same, with settings that differ from the last version as one from `now` on, as the next sweep writes it down.
pub(super) async fn considered(
    rows: &mut Connection,
    periods: Periods,
    calendar: &Calendar,
    now: Timestamp,
) -> sqlx::Result<Policy> {
    let mut versions = versions(rows).await?;
    if versions.last().is_none_or(|last| (last.periods, &last.calendar) != (periods, calendar)) {
        versions.push(Version { from: now, periods, calendar: calendar.clone() });
    }
    Ok(Policy::new(versions))
}

async fn versions(rows: &mut Connection) -> sqlx::Result<Vec<Version>> {
    let mut versions = Vec::new();
    for row in rows::query(include_str!("sql/desk/policies.sql")).fetch_all(rows).await? {
        let read = serde_json::from_str(row.try_get("text")?);
        versions
            .push(read.map_err(|error| sqlx::Error::ColumnDecode { index: "text".to_owned(), source: error.into() })?);
    }
    Ok(versions)
}

/// The day at the desk, by its own calendar: shortly after midnight it is another one than UTC's.
pub(super) async fn desk_day(rows: &mut Connection, at: Timestamp) -> sqlx::Result<Date> {
    Ok(written(rows).await?.at(at).calendar.day_of(at))
}
