//! What the ledger says of a wall clock that has jumped.

use std::{path::Path, thread};

use jiff::Timestamp;
use retrocall_ledger::{ClockAccepted, ClockRefused};

use super::{Scribe, Written, site_of};
use crate::{Trouble, file, rows::Connection};

impl Scribe<'_> {
    /// The clock is not believed.
    pub(in super::super) async fn clock_refused(&mut self, rows: &mut Connection, refused: ClockRefused) -> Written {
        self.append(rows, |_| refused).await
    }
}

/// Writes down who accepted a clock that had jumped. Without a ledger there is nothing that it could have harmed.
///
/// # Errors
/// Why the catalog can't be had.
pub fn clock_accepted(home: &Path, by: &str, now: Timestamp) -> Result<(), Trouble> {
    let path = file::path(&std::path::absolute(home).unwrap_or_else(|_| home.to_path_buf()));
    let no_thread = |error: std::io::Error| Trouble::NoThread { cause: error.to_string() };
    let work = || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().map_err(no_thread)?;
        runtime.block_on(async {
            let Some(mut connection) = file::open_for_deeds(&path).await? else { return Ok(()) };
            let written = write(&mut connection, by, now).await;
            let _ = connection.close().await;
            written.map_err(|error| Trouble::of(&path, &error))
        })
    };
    // On a thread of its own: whoever asks may be inside another runtime.
    thread::scope(|scope| scope.spawn(work).join()).unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}

async fn write(connection: &mut Connection, by: &str, now: Timestamp) -> Written {
    let mut rows = connection.begin_writing().await?;
    let Some(site) = site_of(&mut rows).await? else { return Ok(()) };
    let mut scribe = Scribe::of_deeds(&site, now);
    scribe.append(&mut rows, |key| ClockAccepted { by: key.pseudonym(by) }).await?;
    scribe.finish(&mut rows).await?;
    rows.commit().await
}
