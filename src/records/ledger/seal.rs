//! The head of a day: made over what is read back from the file by a connection of its own, then signed, then stored. A kill between any two of
//! these steps leaves the same head or none: nothing of a signature is seen before it is stored, and a day has room for one.
//!
//! A process reads each row once: what a head of this month covers already was read for that head, and the next row names its hash.

use std::path::Path;

use jiff::{Timestamp, civil::Date};
use retrocall_ledger::{Commitment, Head, Month, Reread};

use super::{Written, parsed, read::Pages, text, unreadable};
use crate::{
    Address, Trouble,
    lottery::{Entry, Lottery},
    rows::{self, Connection},
    site::Author,
};

/// Seals the last day before `open` that has no head. False if there is nothing to seal, or if it can't be sealed.
pub(in super::super) async fn seal(
    connection: &mut Connection,
    path: &Path,
    author: &Author,
    lottery: &Lottery,
    (open, now): (Date, Timestamp),
    sealed: &mut Option<Reread>,
) -> Result<bool, Trouble> {
    let failed = |error: sqlx::Error| Trouble::of(path, &error);
    let Some((day, segment, month)) = next(connection, author, open).await.map_err(failed)? else { return Ok(false) };
    let read = {
        let (site, address) = (author.site.clone(), Address::of_catalog(path));
        let before = sealed.take().filter(|read| *read.site() == site && read.segment() == month);
        // A connection of its own, on a thread of its own: what this one believes to have written counts for nothing.
        let work = move || {
            let from = before.as_ref().map_or(0, Reread::size);
            Pages::open(&address, segment, from).and_then(|mut pages| {
                let read = match before {
                    Some(before) => before.and_then(&mut pages),
                    None => Reread::new(&site, month, &mut pages),
                };
                pages.finish()?;
                Ok(read)
            })
        };
        let thread = std::thread::Builder::new().name("catalog-reread".into()).spawn(work);
        let thread = thread.map_err(|error| Trouble::NoThread { cause: error.to_string() })?;
        thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))?
    };
    let read = match read {
        Ok(read) => read,
        Err(wrong) => {
            tracing::error!(%day, segment = %month, "no head can be sealed: {wrong}");
            return Ok(false);
        }
    };
    let text = Head::new(&read, day, promises(lottery, day)).sign(author.signer());
    let stored = store(connection, author, (day, segment), &read, now, &text);
    stored.await.map_err(failed)?;
    *sealed = Some(read);
    Ok(true)
}

/// The day that is next to be sealed, and the segment that holds its rows.
async fn next(connection: &mut Connection, author: &Author, open: Date) -> Written<Option<(Date, i64, Month)>> {
    let site = author.site.as_str();
    let select = rows::query(include_str!("../sql/ledger/unsealed_day.sql")).bind(site).bind(text::day(open));
    let day: Option<String> = select.fetch_one(&mut *connection).await?.try_get(0)?;
    let Some(day) = day else { return Ok(None) };
    let day: Date = text::parse(&day).ok_or_else(|| unreadable("day", "not as it was written"))?;
    let select = rows::query(include_str!("../sql/ledger/segment_of_month.sql"));
    let found = select.bind(site).bind(Month::of(day).to_string()).fetch_optional(connection).await?;
    found.map(|row| Ok((day, row.try_get("segment")?, parsed(&row, "month")?))).transpose()
}

/// The hashes of the seeds of later months' days, which are handed out with the head.
fn promises(lottery: &Lottery, day: Date) -> Vec<Commitment> {
    let mut promises = Vec::new();
    for entry in lottery.entries() {
        if let Entry::Month(seeds) = entry
            && seeds.month > Month::of(day)
        {
            let committed = seeds.committed();
            promises.extend(committed.from.series(jiff::ToSpan::days(1)).zip(committed.commitments));
        }
    }
    promises
}

async fn store(
    connection: &mut Connection,
    author: &Author,
    (day, segment): (Date, i64),
    read: &Reread,
    now: Timestamp,
    head: &str,
) -> Written {
    let mut rows = connection.begin_writing().await?;
    let select = rows::query(include_str!("../sql/ledger/row_hash.sql")).bind(segment);
    let last = select.bind(text::count(read.size().saturating_sub(1))).fetch_one(&mut rows).await?;
    if last.try_get::<&str, _>("hash")? != read.last().to_string() {
        return Err(unreadable("hash", "not that of its row"));
    }
    let insert = rows::query(include_str!("../sql/ledger/insert_head.sql"))
        .bind(author.site.as_str())
        .bind(text::day(day))
        .bind(segment)
        .bind(text::count(read.size()))
        .bind(text::time(now))
        .bind(head);
    insert.execute(&mut rows).await?;
    rows.commit().await
}
