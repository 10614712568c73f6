//! The ledger in the catalog: rows are written in the transaction that writes what they are about.
//!
//! Belongs here: segments, the chain's end, which row follows from which change. Does not: what rows look like (`retrocall-ledger`), the calls and
//! recordings themselves (`write`).
//!
//! The life of a row: a transaction begins with the right to write, reads the end of the chain, appends rows, stores them with the chain's new end,
//! and commits. Nothing of the chain is remembered between two transactions, so that a command and the engine can each write.

mod calls;
mod clock;
mod expire;
mod number;
mod open;
mod publish;
mod read;
mod seal;

use crate::rows::{self, Connection};
use jiff::Timestamp;
use retrocall_ledger::{Chain, Deed, Event, ItemId, Month, NumberEntered, PseudonymKey, Row, Site, SiteOpened};
use uuid::Uuid;

use super::{
    beside,
    lottery::{Entry, Lottery},
    random,
    site::Author,
    text,
};

pub use super::lottery::PROMISED_FROM_DAY;
pub use clock::clock_accepted;
pub use expire::expire;
pub(crate) use expire::{expire_at, forget_month, old_months};
pub use number::{NumberError, enter_number};
pub use open::open_ledger;
pub use read::{Exported, LedgerError, SealedHead, export, heads, heads_at, verify, verify_at};
pub(super) use {
    calls::tell_lost,
    publish::{Published, publish},
    seal::seal,
};

type Written<T = ()> = Result<T, sqlx::Error>;

/// Whoever writes in the ledger within one transaction.
pub(super) struct Scribe<'a> {
    site: &'a Site,
    /// Who opens a site's ledger: the engine, or a centre for its own.
    author: Option<&'a Author>,
    /// The engine alone knows of the draw.
    lottery: Option<&'a Lottery>,
    now: Timestamp,
    /// How much of what happened to the draw the ledger was told, and is told when the transaction is committed.
    told: usize,
    end: Option<End>,
}

/// The end of the ledger, once something is written.
struct End {
    segment: i64,
    chain: Chain,
    key: PseudonymKey,
}

impl<'a> Scribe<'a> {
    pub(super) fn new(author: &'a Author, lottery: &'a Lottery, told: usize, now: Timestamp) -> Scribe<'a> {
        Scribe { site: &author.site, author: Some(author), lottery: Some(lottery), now, told, end: None }
    }

    /// For a command or a page, which writes of deeds. `site` is the one of the ledger that is there.
    pub(super) fn of_deeds(site: &'a Site, now: Timestamp) -> Scribe<'a> {
        Scribe { site, author: None, lottery: None, now, told: 0, end: None }
    }

    /// For a centre, which has a ledger and draws nothing.
    fn opening(author: &'a Author, now: Timestamp) -> Scribe<'a> {
        Scribe { site: &author.site, author: Some(author), lottery: None, now, told: 0, end: None }
    }

    /// Makes the first segment, if there is none.
    async fn found(&mut self, rows: &mut Connection) -> Written {
        let end = self.find_end(rows).await?;
        self.end = Some(end);
        Ok(())
    }

    fn site(&self) -> &'a str {
        self.site.as_str()
    }

    fn lottery(&self) -> Option<&'a Lottery> {
        self.lottery
    }

    /// Somebody did something, or was refused it.
    pub(super) async fn deed(&mut self, rows: &mut Connection, deed: impl FnOnce(&PseudonymKey) -> Deed) -> Written {
        self.append(rows, deed).await
    }

    /// Appends a row. Whoever makes it can name people by their pseudonyms.
    async fn append<E: Into<Event>>(
        &mut self,
        rows: &mut Connection,
        event: impl FnOnce(&PseudonymKey) -> E,
    ) -> Written {
        let End { segment, chain, key } = match self.end.take() {
            Some(end) => self.end.insert(end),
            None => {
                let end = self.find_end(rows).await?;
                self.end.insert(end)
            }
        };
        let row = chain.append(self.now, &event(key).into());
        insert_row(rows, *segment, &row).await
    }

    /// Stores the end of the chain. What was appended counts only with it. Says how much the ledger was told of the draw.
    pub(super) async fn finish(self, rows: &mut Connection) -> Written<usize> {
        if let Some(End { segment, chain, .. }) = &self.end {
            save_state(rows, *segment, chain).await?;
        }
        Ok(self.told)
    }

    /// The end of the ledger; a new segment where there is none of this month.
    async fn find_end(&mut self, rows: &mut Connection) -> Written<End> {
        let month = Month::at(self.now);
        let select = rows::query(include_str!("../sql/ledger/last_segment.sql")).bind(self.site());
        let Some(row) = select.fetch_optional(&mut *rows).await? else { return self.open_site(rows, month).await };
        let (segment, of): (i64, Month) = (row.try_get(0)?, parsed(&row, "month")?);
        let chain = Chain::resume(row.try_get("state")?).map_err(|error| unreadable("state", error))?;
        if month <= of {
            let key: Option<&str> = row.try_get("pseudonym_key")?;
            let key = key.and_then(beside::from_hex).ok_or_else(|| unreadable("pseudonym_key", "no key"))?;
            return Ok(End { segment, chain, key: PseudonymKey::from_bytes(key) });
        }
        let close = rows::query(include_str!("../sql/ledger/close_segment.sql"))
            .bind(segment)
            .bind(text::count(chain.size()))
            .bind(chain.root().to_string());
        close.execute(&mut *rows).await?;
        self.open_segment(rows, month, Some(&chain)).await
    }

    /// The first segment of a site's ledger.
    async fn open_site(&mut self, rows: &mut Connection, month: Month) -> Written<End> {
        let Some(author) = self.author else { return Err(sqlx::Error::RowNotFound) };
        let site = rows::query(include_str!("../sql/ledger/open_site.sql"))
            .bind(self.site())
            .bind(author.verifier().to_string())
            .bind(text::time(self.now));
        site.execute(&mut *rows).await?;
        let mut end = self.open_segment(rows, month, None).await?;
        let opened = SiteOpened { why: author.why, before: author.before.clone() };
        let row = end.chain.append(self.now, &opened.into());
        insert_row(rows, end.segment, &row).await?;
        Ok(end)
    }

    async fn open_segment(&mut self, rows: &mut Connection, month: Month, before: Option<&Chain>) -> Written<End> {
        let secret = random::bytes::<32>().map_err(sqlx::Error::Io)?;
        let previous = before.map(Chain::as_previous);
        let (chain, row) = Chain::open(self.site.clone(), month, previous, self.now);
        let next = rows::query(include_str!("../sql/ledger/next_segment.sql"));
        let segment: i64 = next.fetch_one(&mut *rows).await?.try_get(0)?;
        let open = rows::query(include_str!("../sql/ledger/open_segment.sql"))
            .bind(segment)
            .bind(self.site())
            .bind(month.to_string())
            .bind(chain.state())
            .bind(beside::hex(&secret));
        open.execute(&mut *rows).await?;
        insert_row(rows, segment, &row).await?;
        Ok(End { segment, chain, key: PseudonymKey::from_bytes(secret) })
    }

    /// Tells the ledger what happened to the draw, up to this place in its order.
    pub(super) async fn tell_draw(&mut self, rows: &mut Connection, until: usize) -> Written {
        let entries = self.lottery().map(Lottery::entries).unwrap_or_default();
        for entry in entries.iter().take(until).skip(self.told) {
            self.tell_entry(rows, entry).await?;
        }
        self.told = self.told.max(until.min(entries.len()));
        Ok(())
    }

    /// All of it.
    pub(super) async fn tell_all_of_draw(&mut self, rows: &mut Connection) -> Written {
        self.tell_draw(rows, usize::MAX).await
    }

    async fn tell_entry(&mut self, rows: &mut Connection, entry: &Entry) -> Written {
        match entry {
            Entry::Month(seeds) => {
                let committed = seeds.committed();
                let first = committed.commitments.first().map(ToString::to_string).unwrap_or_default();
                let insert = rows::query(include_str!("../sql/ledger/insert_month.sql"))
                    .bind(self.site())
                    .bind(seeds.month.to_string())
                    .bind(first);
                if insert.execute(&mut *rows).await?.rows_affected() == 1 {
                    self.append(rows, |_| committed).await?;
                }
            }
            Entry::Number(month, number) => {
                let enter = rows::query(include_str!("../sql/ledger/enter_number.sql"))
                    .bind(self.site())
                    .bind(month.to_string())
                    .bind(number.to_string());
                if enter.execute(&mut *rows).await?.rows_affected() > 0 {
                    self.append(rows, |_| NumberEntered { month: *month, number: Some(number.clone()) }).await?;
                }
            }
            Entry::Period(period) => {
                let Some(opened) = self.lottery().and_then(|lottery| lottery.opened(period)) else { return Ok(()) };
                let insert = rows::query(include_str!("../sql/ledger/insert_period.sql"))
                    .bind(self.site())
                    .bind(text::count(period.number))
                    .bind(text::day(period.day))
                    .bind(text::count(period.first))
                    .bind(i64::from(period.one_in));
                if insert.execute(&mut *rows).await?.rows_affected() == 1 {
                    self.append(rows, |_| opened).await?;
                }
            }
        }
        Ok(())
    }
}

async fn insert_row(rows: &mut Connection, segment: i64, row: &Row) -> Written {
    let insert = rows::query(include_str!("../sql/ledger/insert_row.sql"))
        .bind(segment)
        .bind(text::count(row.index))
        .bind(&row.text)
        .bind(row.hash.to_string());
    insert.execute(rows).await.map(drop)
}

async fn save_state(rows: &mut Connection, segment: i64, chain: &Chain) -> Written {
    let save = rows::query(include_str!("../sql/ledger/save_state.sql")).bind(segment).bind(chain.state());
    save.execute(rows).await.map(drop)
}

/// The last period of this site that the catalog knows.
pub(super) async fn last_period(rows: &mut Connection, site: &str) -> Written<u64> {
    let select = rows::query(include_str!("../sql/ledger/last_period.sql")).bind(site);
    let last: i64 = select.fetch_one(rows).await?.try_get(0)?;
    Ok(u64::try_from(last).unwrap_or(0))
}

/// What follows from a rule, with nobody who did it: a deletion, a new version of the policy. Without a ledger no engine has run yet, and
/// nothing is written.
pub(super) async fn by_rule(rows: &mut Connection, deed: Deed, now: Timestamp) -> Written {
    let Some(site) = site_of(rows).await? else { return Ok(()) };
    let mut scribe = Scribe::of_deeds(&site, now);
    scribe.deed(rows, |_| deed).await?;
    scribe.finish(rows).await.map(drop)
}

/// A recording, as rows name it.
pub(super) fn item(recording: &str) -> Option<ItemId> {
    Uuid::parse_str(recording).ok().map(ItemId::from)
}

/// Whose ledger a catalog has now. None before the first start of an engine.
pub(super) async fn site_of(rows: &mut Connection) -> Written<Option<Site>> {
    let found = rows::query(include_str!("../sql/ledger/current_site.sql")).fetch_optional(rows).await?;
    found.map(|row| parsed(&row, "site")).transpose()
}

/// A column that holds what this program never writes there.
fn unreadable(column: &str, why: impl Into<sqlx::error::BoxDynError>) -> sqlx::Error {
    sqlx::Error::ColumnDecode { index: column.to_owned(), source: why.into() }
}

fn parsed<T: std::str::FromStr>(row: &rows::Row, column: &str) -> Written<T> {
    text::parse(row.try_get(column)?).ok_or_else(|| unreadable(column, "not as it was written"))
}
