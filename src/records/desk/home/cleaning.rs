//! What the clean-up of a centre notes in its database, and by which clock it goes.
//!
//! Belongs here: these notes. Does not: the clean-up (`sweep`). A home has a file for them.

use jiff::{SignedDuration, Timestamp};
use retrocall_words::Clock;

use super::{super::NotDone, Answer, HomeDesk};
use crate::{
    rows::{self, Connection},
    text,
};

/// When the last clean-up began stands there as a lease that is over.
const LAST_SWEEP: &str = "last-sweep";

impl HomeDesk {
    /// When a clean-up was last begun.
    pub(crate) fn last_sweep(&self) -> Result<Option<Timestamp>, NotDone> {
        self.ask(false, async |rows| {
            let select = rows::query_scalar::<String>("SELECT expires_at FROM leases WHERE name = $1");
            let at = select.bind(LAST_SWEEP).fetch_optional(rows).await?;
            Ok(at.as_deref().and_then(text::parse))
        })
    }

    /// Notes that one is begun.
    pub(crate) fn note_sweep(&self, at: Timestamp) -> Result<(), NotDone> {
        self.ask(true, async |rows| {
            let upsert = rows::query(
                "INSERT INTO leases (name, holder, token, expires_at) VALUES ($1, '', 0, $2)
                 ON CONFLICT (name) DO UPDATE SET expires_at = excluded.expires_at",
            );
            upsert.bind(LAST_SWEEP).bind(text::time(at)).execute(rows).await?;
            Ok(())
        })
    }

    /// How far the server's clock is ahead of this one: all machines of a centre go by the server's.
    pub(crate) fn clock_ahead(&self, clock: &dyn Clock) -> Result<SignedDuration, NotDone> {
        let before = clock.wall();
        let servers = self.ask(false, async |rows| server_micros(rows).await)?;
        let Some(servers) = servers.and_then(|micros| Timestamp::from_microsecond(micros).ok()) else {
            return Ok(SignedDuration::ZERO);
        };
        let after = clock.wall();
        let half = after.duration_since(before) / 2;
        Ok(servers.duration_since(before) - half)
    }
}

/// A home's catalog has no clock of its own.
async fn server_micros(rows: &mut Connection) -> Answer<Option<i64>> {
    if matches!(rows, Connection::Sqlite(_)) {
        return Ok(None);
    }
    let select = "SELECT CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000000 AS BIGINT) AS micros";
    Ok(Some(rows::query_scalar::<i64>(select).fetch_one(rows).await?))
}
