//! The ledger of a centre: what people do there is written down there. Sites keep theirs.
//!
//! Belongs here: that a centre's database gets one. Does not: what is written in it.

use std::path::Path;

use jiff::Timestamp;
use retrocall_words::{Clock as _, SystemClock};

use super::{Scribe, site_of};
use crate::{
    Address, Server, Trouble,
    rows::Connection,
    server,
    site::{Author, author},
};

/// Opens the ledger of a centre, if its database has none yet. The key that will sign its heads is in the home of whoever was first.
///
/// # Errors
/// Why it can't be opened.
pub fn open_ledger(home: &Path, server: &Server) -> Result<(), Trouble> {
    let address = Address::Server(server.clone());
    let now = SystemClock.wall();
    // On a thread of its own: whoever asks may be inside a runtime.
    let work = || {
        address.runtime()?.block_on(async {
            let Some(mut connection) = address.open(true).await? else { return Ok(()) };
            let has_one = site_of(&mut connection).await.map_err(|error| address.refused(&error))?.is_some();
            if !has_one {
                let author = author(home, false)?;
                let opened = server::again(async || open(&mut connection, &author, now).await).await;
                opened.map_err(|error| address.refused(&error))?;
            }
            // What was committed is durable.
            let _ = connection.close().await;
            Ok(())
        })
    };
    let done = std::thread::scope(|scope| scope.spawn(work).join());
    done.unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}

async fn open(connection: &mut Connection, author: &Author, now: Timestamp) -> sqlx::Result<()> {
    let mut rows = connection.begin_writing().await?;
    // Of two processes that begin at once one was first.
    if site_of(&mut rows).await?.is_some() {
        return Ok(());
    }
    let mut scribe = Scribe::opening(author, now);
    scribe.found(&mut rows).await?;
    scribe.finish(&mut rows).await?;
    rows.commit().await
}
