//! Segments of the ledger expire whole: their rows go, and with them the key of their pseudonyms; their roots and heads stay.
//!
//! Belongs here: that, the rows of `calls` of those months, which name agents, and which months of its sites' ledgers a centre has for too long. Does not:
//! how old a segment may become (`retention`).

use std::{path::Path, thread};

use jiff::{Timestamp, ToSpan as _};
use retrocall_ledger::Month;

use super::{Written, parsed, text};
use crate::{
    Address, Trouble,
    rows::{self, Connection},
};
use retrocall_words::book::day_of;

/// Rows that go in one transaction, so that notes need not wait for long.
const ROWS: u64 = 5_000;

/// Expires the segments that ended more than so many months ago. Which these were.
///
/// # Errors
/// Why the catalog can't be had.
pub fn expire(home: &Path, months: u16, now: Timestamp) -> Result<Vec<Month>, Trouble> {
    expire_at(&Address::of(home), months, now)
}

/// The same, wherever the records are.
pub(crate) fn expire_at(address: &Address, months: u16, now: Timestamp) -> Result<Vec<Month>, Trouble> {
    let first_kept = first_kept(months, now);
    on_a_thread(address, async |rows| expire_before(rows, first_kept, now).await)
}

fn first_kept(months: u16, now: Timestamp) -> Month {
    Month::of(day_of(now).saturating_sub(i32::from(months).months()))
}

/// On a thread of its own: whoever asks may be inside another runtime. Without records there is nothing.
fn on_a_thread<T: Default + Send>(
    address: &Address,
    work: impl AsyncFnOnce(&mut Connection) -> Written<T> + Send,
) -> Result<T, Trouble> {
    let work = || {
        address.runtime()?.block_on(async {
            let Some(mut connection) = address.open(true).await? else { return Ok(T::default()) };
            let done = work(&mut connection).await;
            let _ = connection.close().await;
            done.map_err(|error| address.refused(&error))
        })
    };
    thread::scope(|scope| scope.spawn(work).join()).unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}

/// A month of a site's ledger, which the site delivered to a centre.
pub(crate) struct OldMonth {
    site: String,
    month: String,
    /// What all its rows lie below in the store.
    pub folder: String,
}

/// The months of sites' ledgers that ended more than so many months ago.
pub(crate) fn old_months(address: &Address, months: u16, now: Timestamp) -> Result<Vec<OldMonth>, Trouble> {
    let first_kept = first_kept(months, now).to_string();
    on_a_thread(address, async |rows| {
        let select = rows::query_as::<(String, String, String)>(
            "SELECT site, month, MIN(place) FROM site_segments WHERE month < $1 GROUP BY site, month ORDER BY site, month",
        );
        let found = select.bind(first_kept).fetch_all(rows).await?;
        let folder = |place: &str| place.rsplit_once('/').map(|(folder, _)| folder.to_owned());
        let old = |(site, month, place): (_, _, String)| Some(OldMonth { site, month, folder: folder(&place)? });
        Ok(found.into_iter().filter_map(old).collect())
    })
}

/// Nothing is left of it in the store.
pub(crate) fn forget_month(address: &Address, old: &OldMonth) -> Result<(), Trouble> {
    on_a_thread(address, async |rows| {
        let delete = rows::query("DELETE FROM site_segments WHERE site = $1 AND month = $2");
        delete.bind(&old.site).bind(&old.month).execute(rows).await.map(drop)
    })
}

async fn expire_before(connection: &mut Connection, month: Month, now: Timestamp) -> Written<Vec<Month>> {
    let select = rows::query(include_str!("../sql/ledger/expirable.sql")).bind(month.to_string());
    let found = select.fetch_all(&mut *connection).await?;
    let mut expired = Vec::new();
    for row in &found {
        let segment: i64 = row.try_get("segment")?;
        // First: whoever verifies meanwhile must not find half of it.
        let update = rows::query(include_str!("../sql/ledger/expire_segment.sql"));
        update.bind(segment).bind(text::time(now)).execute(&mut *connection).await?;
        expired.push(parsed(row, "month")?);
    }
    // Also what an earlier run that was cut off left.
    let select = rows::query_scalar::<i64>(include_str!("../sql/ledger/expired_with_rows.sql"));
    for segment in select.fetch_all(&mut *connection).await? {
        loop {
            let delete = rows::query(include_str!("../sql/ledger/delete_rows.sql"));
            let delete = delete.bind(segment).bind(text::count(ROWS)).execute(&mut *connection).await?;
            if delete.rows_affected() == 0 {
                break;
            }
        }
    }
    forget_calls(connection, month).await?;
    Ok(expired)
}

/// Whole days of calls go, unless a recording of one of them is kept: numbers without a call would look like a hole.
async fn forget_calls(connection: &mut Connection, month: Month) -> Written {
    let select = rows::query_scalar::<String>(include_str!("../sql/ledger/days_before.sql")).bind(month.to_string());
    for day in select.fetch_all(&mut *connection).await? {
        for delete in ["DELETE FROM calls WHERE day = $1", "DELETE FROM skipped_numbers WHERE day = $1"] {
            rows::query(delete).bind(&day).execute(&mut *connection).await?;
        }
    }
    Ok(())
}
