//! When what a deleted recording said is overwritten on a server: its tables are written anew without it, and so is the server's log.
//!
//! Belongs here: that step, and how it is confirmed. Does not: the same for the catalog of a home (`overwrite`).
//!
//! PostgreSQL leaves what was deleted in pages until they are needed, and in the segments of its log; it keeps such a segment under a later name, to write
//! in it again. So after the tables are written anew, the log is moved on past every segment that is there, twice: the first time past those that held
//! what was deleted, the second time past those that the checkpoint between made of them. A segment is written with zeros to its end when the log moves
//! on. If one stays under its old name (for a standby, an archive, a slot), the receipts stay open.

use std::time::Duration;

use jiff::Timestamp;

use super::overwrite::{Overwriting, TABLES, close_receipts, open_receipts};
use crate::{
    Address, Server, Trouble,
    rows::{self, Connection},
    sqlstate,
};

/// Segments that the log is moved on by at most, of 16 MiB each: more than `min_wal_size` is by default.
const SEGMENTS_MAX: u32 = 500;
/// How long readers that began before are waited for, and how long between two looks.
const READERS_MAX: Duration = Duration::from_secs(60);
const READERS_LOOK: Duration = Duration::from_millis(50);
/// The server's code for "somebody else holds this table", and for "not this user".
const LOCKED: &str = "55P03";
const FORBIDDEN: &str = "42501";

/// Overwrites what a server's tables and log said of recordings that are gone, and closes their receipts. Others wait meanwhile, for each table.
///
/// # Errors
/// Why the server can't be asked.
pub fn overwrite_at(server: &Server, now: Timestamp) -> Result<Overwriting, Trouble> {
    overwrite_within(server, now, READERS_MAX)
}

/// The same, by whoever waits for readers for another time.
pub(super) fn overwrite_within(server: &Server, now: Timestamp, readers_max: Duration) -> Result<Overwriting, Trouble> {
    let address = Address::Server(server.clone());
    // On a thread of its own: whoever asks may be inside a runtime.
    let work = || {
        address.runtime()?.block_on(async {
            let Some(mut connection) = address.open(true).await? else { return Ok(Overwriting::Nothing) };
            let done = rewrite(&mut connection, now, readers_max).await;
            // What was committed is durable.
            let _ = connection.close().await;
            match done {
                Err(error) if sqlstate::code_of(&error) == Some(FORBIDDEN) => Ok(Overwriting::Forbidden),
                Err(error) if sqlstate::code_of(&error) == Some(LOCKED) => Ok(Overwriting::Read),
                done => done.map_err(|error| address.refused(&error)),
            }
        })
    };
    let done = std::thread::scope(|scope| scope.spawn(work).join());
    done.unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}

async fn rewrite(rows: &mut Connection, now: Timestamp, readers_max: Duration) -> sqlx::Result<Overwriting> {
    // Only those: what is deleted meanwhile waits for the next time.
    let open = open_receipts(rows, now).await?;
    if open.is_empty() {
        return Ok(Overwriting::Nothing);
    }
    if !no_earlier_reader(rows, readers_max).await? {
        return Ok(Overwriting::Read);
    }
    for table in TABLES {
        rows::query(sqlx::AssertSqlSafe(format!("VACUUM (FULL) {table}"))).execute(rows).await?;
    }
    let before = log_segment(rows).await?;
    for _ in 0..2 {
        rows::query("CHECKPOINT").execute(rows).await?;
        if !move_log_on(rows).await? {
            return Ok(Overwriting::Kept);
        }
    }
    rows::query("CHECKPOINT").execute(rows).await?;
    if first_segment(rows).await?.is_some_and(|first| first <= before) {
        return Ok(Overwriting::Kept);
    }
    close_receipts(rows, &open, now).await?;
    Ok(Overwriting::Done(open.len()))
}

/// Waits until nobody reads, in any database of the server, who could still see what was deleted: a table that is written anew would have it for them.
/// From then on nobody can any more, for whoever begins sees what all others see. False if it takes too long.
async fn no_earlier_reader(rows: &mut Connection, readers_max: Duration) -> sqlx::Result<bool> {
    let now: String =
        rows::query_scalar("SELECT CAST(CAST(pg_current_xact_id() AS xid) AS TEXT)").fetch_one(rows).await?;
    for _ in 0..=readers_max.as_millis() / READERS_LOOK.as_millis() {
        let earlier = rows::query_scalar::<i64>(
            "SELECT COUNT(*) FROM (
                 SELECT backend_xmin AS seen FROM pg_stat_activity WHERE pid <> pg_backend_pid()
                 UNION ALL SELECT backend_xid FROM pg_stat_activity WHERE pid <> pg_backend_pid()
                 UNION ALL SELECT xmin FROM pg_replication_slots
                 UNION ALL SELECT transaction FROM pg_prepared_xacts
             ) AS readers WHERE seen IS NOT NULL AND age(seen) >= age(CAST($1 AS xid))",
        );
        if earlier.bind(&now).fetch_one(rows).await? == 0 {
            return Ok(true);
        }
        tokio::time::sleep(READERS_LOOK).await;
    }
    Ok(false)
}

/// The segment of the log in which the server writes.
async fn log_segment(rows: &mut Connection) -> sqlx::Result<String> {
    rows::query_scalar("SELECT pg_walfile_name(pg_current_wal_lsn())").fetch_one(rows).await
}

/// The first and the last one that is there, by their names.
const FIRST: &str = "SELECT MIN(name) FROM pg_ls_waldir() WHERE name ~ '^[0-9A-F]{24}$'";
const LAST: &str = "SELECT MAX(name) FROM pg_ls_waldir() WHERE name ~ '^[0-9A-F]{24}$'";

async fn first_segment(rows: &mut Connection) -> sqlx::Result<Option<String>> {
    rows::query_scalar(FIRST).fetch_one(rows).await
}

/// Moves the log on past all segments that are there now. False if that takes too many.
async fn move_log_on(rows: &mut Connection) -> sqlx::Result<bool> {
    let last: Option<String> = rows::query_scalar(LAST).fetch_one(rows).await?;
    for _ in 0..SEGMENTS_MAX {
        if Some(log_segment(rows).await?) > last {
            return Ok(true);
        }
        // The log moves on only if something is in its segment.
        rows::query("SELECT pg_logical_emit_message(FALSE, 'retrocall', '')").execute(rows).await?;
        rows::query("SELECT pg_switch_wal()").execute(rows).await?;
    }
    Ok(false)
}
