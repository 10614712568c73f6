//! Rows of recordings that are gone, in a catalog that does not know it yet: one that was restored, or put back by hand.
//!
//! Belongs here: what tombstones do to such rows. Does not: files (`sweep`), the file of tombstones.

use jiff::Timestamp;

use super::{
    policy::Why,
    sweep::{BELONGINGS, Tombstone, exports},
    text,
};
use crate::rows::{self, Connection};

/// Writes down these tombstones, and ends the rows of what they stand for. Returns the ids of recordings that were alive until now.
pub(super) async fn bury(
    rows: &mut Connection,
    stones: &[Tombstone],
    now: Timestamp,
) -> Result<Vec<String>, sqlx::Error> {
    for stone in stones {
        let insert = rows::query(
            "INSERT INTO tombstones (recording, call, sha256, buried_at) VALUES ($1, $2, $3, $4) ON CONFLICT (recording) DO NOTHING",
        );
        let insert = insert.bind(&stone.recording).bind(stone.call.to_string()).bind(&stone.sha256);
        insert.bind(text::time(stone.at)).execute(&mut *rows).await?;
    }
    // By the call too: whoever registered a file again gave it another id.
    let select = rows::query_as::<(String, String, String)>(
        "SELECT recordings.id, tombstones.recording, tombstones.buried_at
         FROM tombstones JOIN recordings ON recordings.call = tombstones.call
         WHERE recordings.life NOT IN ('deleting', 'gone') ORDER BY recordings.id",
    );
    let alive = select.fetch_all(&mut *rows).await?;
    for (id, recording, buried_at) in &alive {
        let update = rows::query(
            "UPDATE recordings SET life = 'gone', life_at = $2, customer = NULL, customer_form = NULL, marks = '{}' WHERE id = $1",
        );
        update.bind(id).bind(text::time(now)).execute(&mut *rows).await?;
        let exports = exports(rows, id).await?;
        for delete in BELONGINGS {
            rows::query(delete).bind(id).execute(&mut *rows).await?;
        }
        let why = stones.iter().find(|stone| stone.recording == *recording).and_then(|stone| stone.why);
        // Until now it was in reach here, whatever had happened to it elsewhere.
        let insert = rows::query(
            "INSERT INTO receipts (recording, reason, out_of_reach_at, exports) VALUES ($1, $2, $3, $4)
             ON CONFLICT (recording) DO UPDATE SET overwritten_at = NULL",
        );
        let insert = insert.bind(id).bind(why.unwrap_or(Why::Ended).as_str()).bind(buried_at).bind(exports);
        insert.execute(&mut *rows).await?;
    }
    Ok(alive.into_iter().map(|(id, ..)| id).collect())
}

/// Whether the recording of a call is gone for good.
pub(super) async fn is_dead(rows: &mut Connection, call: &str) -> Result<bool, sqlx::Error> {
    let select = rows::query_scalar::<i64>("SELECT COUNT(*) FROM tombstones WHERE call = $1");
    Ok(select.bind(call).fetch_one(rows).await? > 0)
}
