//! The ledger for those who only read it: heads, an export, a verification. Needs no engine.

use std::{
    fmt,
    fs::{self, OpenOptions},
    io::{self, BufWriter, Write},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::{Path, PathBuf},
    thread, vec,
};

use jiff::{Timestamp, civil::Date};
use retrocall_ledger::{Evidence, Head, Month, NoteError, Report, Site, Verification, Verifier};
use serde::Serialize;
use tokio::runtime::Runtime;

use super::{Written, calls::count, parsed, text};
use crate::{
    Address, Trouble,
    rows::{self, Connection},
};

/// Rows that are read at once.
const PAGE: u64 = 5_000;

/// A head as it was sealed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SealedHead {
    /// Whose it is.
    pub site: Site,
    /// The day whose end it is.
    pub day: Date,
    /// The segment.
    pub segment: Month,
    /// How many of its rows it covers.
    pub rows: u64,
    /// When it was sealed.
    pub sealed_at: Timestamp,
    /// The signed note.
    pub text: String,
}

/// What an export wrote.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Exported {
    /// Whose ledger it is.
    pub site: Site,
    /// The folder.
    pub folder: PathBuf,
    /// Its segments.
    pub segments: Vec<Month>,
    /// Rows in all.
    pub rows: u64,
    /// Days that have a head.
    pub heads: Vec<Date>,
}

/// Why the ledger can't be read as asked.
#[derive(Debug)]
pub enum LedgerError {
    /// The catalog refuses.
    Catalog(Trouble),
    /// There is no ledger yet.
    None,
    /// A head that was handed in is not one of this site.
    Head(NoteError),
    /// A file can't be written.
    Io(PathBuf, io::Error),
}

impl fmt::Display for LedgerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            LedgerError::Catalog(trouble) => trouble.fmt(f),
            LedgerError::None => f.write_str("there is no ledger yet: it begins with the engine's first start"),
            LedgerError::Head(error) => write!(
                f,
                "the head that was handed in is of no use: {error}; hand in one that `retrocall ledger heads` showed for this home"
            ),
            LedgerError::Io(path, error) => {
                write!(f, "{} can't be written: {error}; name a folder that can be", path.display())
            }
        }
    }
}

impl std::error::Error for LedgerError {}

impl From<Trouble> for LedgerError {
    fn from(trouble: Trouble) -> LedgerError {
        LedgerError::Catalog(trouble)
    }
}

/// Rows of a segment, read with a connection of their own, a page at a time, on a thread that runs nothing else.
pub(super) struct Pages {
    source: Source,
    segment: i64,
    next: u64,
    page: vec::IntoIter<String>,
    trouble: Option<Trouble>,
}

/// The catalog, for one who waits for each answer.
struct Source {
    runtime: Runtime,
    connection: Connection,
    path: PathBuf,
}

impl Source {
    /// None if there is no catalog.
    fn open(address: &Address) -> Result<Option<Source>, Trouble> {
        let runtime = address.runtime()?;
        let opened = runtime.block_on(address.open(false))?;
        Ok(opened.map(|connection| Source { runtime, connection, path: address.shown().to_owned() }))
    }

    fn ask<T>(&mut self, ask: impl AsyncFnOnce(&mut Connection) -> Written<T>) -> Result<T, Trouble> {
        let answer = self.runtime.block_on(ask(&mut self.connection));
        answer.map_err(|error| Trouble::of(&self.path, &error))
    }

    /// Whose ledger it is, and the key of its heads. None if there is none yet.
    fn site(&mut self) -> Result<Option<(Site, Verifier)>, Trouble> {
        self.ask(async |rows| {
            let found = rows::query(include_str!("../sql/ledger/current_site.sql")).fetch_optional(rows).await?;
            found.map(|row| Ok((parsed(&row, "site")?, parsed(&row, "public_key")?))).transpose()
        })
    }

    fn segments(&mut self, site: &Site) -> Result<Vec<(i64, Month)>, Trouble> {
        self.ask(async |rows| {
            let select = rows::query(include_str!("../sql/ledger/segments.sql")).bind(site.as_str());
            let found = select.fetch_all(rows).await?;
            found.iter().map(|row| Ok((row.try_get("segment")?, parsed(row, "month")?))).collect()
        })
    }

    fn heads(&mut self) -> Result<Vec<SealedHead>, Trouble> {
        self.ask(async |rows| {
            let found = rows::query(include_str!("../sql/ledger/heads.sql")).fetch_all(rows).await?;
            let head = |row| {
                Ok(SealedHead {
                    site: parsed(row, "site")?,
                    day: parsed(row, "day")?,
                    segment: parsed(row, "month")?,
                    rows: count(row, "rows")?,
                    sealed_at: parsed(row, "sealed_at")?,
                    text: row.try_get("text")?,
                })
            };
            found.iter().map(head).collect()
        })
    }

    fn page(&mut self, segment: i64, from: u64) -> Result<Vec<String>, Trouble> {
        self.ask(async |rows| {
            let select = rows::query_scalar(include_str!("../sql/ledger/rows.sql"))
                .bind(segment)
                .bind(text::count(from))
                .bind(text::count(from + PAGE));
            select.fetch_all(rows).await
        })
    }

    /// Hands each row of a segment, in its order.
    fn each_row(
        &mut self,
        segment: i64,
        mut take: impl FnMut(&str) -> Result<(), LedgerError>,
    ) -> Result<u64, LedgerError> {
        let (mut from, mut count) = (0, 0);
        loop {
            let page = self.page(segment, from)?;
            page.iter().try_for_each(|row| take(row))?;
            count += page.len() as u64;
            // By their numbers: rows that somebody removed leave a hole, and what is behind it is looked at too.
            from = match self.next_row(segment, from + PAGE)? {
                Some(next) => next,
                None => return Ok(count),
            };
        }
    }

    fn next_row(&mut self, segment: i64, from: u64) -> Result<Option<u64>, Trouble> {
        self.ask(async |rows| {
            let select = rows::query(include_str!("../sql/ledger/next_row.sql")).bind(segment).bind(text::count(from));
            let next: Option<i64> = select.fetch_one(rows).await?.try_get(0)?;
            Ok(next.and_then(|next| u64::try_from(next).ok()))
        })
    }
}

impl Pages {
    /// Those from this one on.
    pub(super) fn open(address: &Address, segment: i64, from: u64) -> Result<Pages, Trouble> {
        let gone = || Trouble::Damaged { path: address.shown().to_owned(), found: "it is gone".to_owned() };
        let source = Source::open(address)?.ok_or_else(gone)?;
        Ok(Pages { source, segment, next: from, page: Vec::new().into_iter(), trouble: None })
    }

    /// What ended the reading, if it was not the last row.
    pub(super) fn finish(self) -> Result<(), Trouble> {
        self.trouble.map_or(Ok(()), Err)
    }
}

impl Iterator for Pages {
    type Item = String;

    fn next(&mut self) -> Option<String> {
        if let Some(row) = self.page.next() {
            return Some(row);
        }
        let page = self.source.page(self.segment, self.next);
        self.next += PAGE;
        match page {
            Ok(page) => self.page = page.into_iter(),
            Err(trouble) => self.trouble = Some(trouble),
        }
        self.page.next()
    }
}

/// Does something with records, on a thread of its own: whoever asks may be inside another runtime.
fn with_source<T: Send>(
    address: &Address,
    work: impl FnOnce(Option<Source>) -> Result<T, LedgerError> + Send,
) -> Result<T, LedgerError> {
    let no_thread = |error: io::Error| Trouble::NoThread { cause: error.to_string() };
    thread::scope(|scope| {
        let work = || work(Source::open(address)?);
        let reader = thread::Builder::new().name("ledger-read".into()).spawn_scoped(scope, work).map_err(no_thread)?;
        reader.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    })
}

/// The sealed heads of a home, the newest last. Without a ledger there are none.
///
/// # Errors
/// If the catalog can't be read.
pub fn heads(home: &Path) -> Result<Vec<SealedHead>, LedgerError> {
    heads_at(&Address::of(home))
}

/// The same, wherever the records lie.
///
/// # Errors
/// As [`heads`].
pub fn heads_at(address: &Address) -> Result<Vec<SealedHead>, LedgerError> {
    with_source(address, |source| match source {
        Some(mut source) => Ok(source.heads()?),
        None => Ok(Vec::new()),
    })
}

/// Verifies the ledger of a home, with what was handed in beside it.
///
/// # Errors
/// If there is none, if it can't be read, or if what was handed in is of no use. What is wrong with the ledger is in the report.
pub fn verify(home: &Path, evidence: Evidence) -> Result<Report, LedgerError> {
    verify_at(&Address::of(home), evidence)
}

/// Verifies the ledger of records wherever they lie.
///
/// # Errors
/// As [`verify`].
pub fn verify_at(address: &Address, mut evidence: Evidence) -> Result<Report, LedgerError> {
    with_source(address, |source| {
        let mut source = source.ok_or(LedgerError::None)?;
        let (site, key) = source.site()?.ok_or(LedgerError::None)?;
        if let Some(note) = &evidence.later {
            Head::open(note, &key).map_err(LedgerError::Head)?;
        }
        // Heads first: rows that are written meanwhile are more than they count, never fewer.
        let heads = source.heads()?.into_iter().filter(|head| head.site == site);
        evidence.heads.extend(heads.map(|head| (head.day.to_string(), head.text)));
        let unreadable = |_| Trouble::unreadable(&source.path, "public_key");
        let mut verification = Verification::new(&key, evidence).map_err(unreadable)?;
        for (segment, month) in source.segments(&site)? {
            source.each_row(segment, |row| {
                verification.row(month, row);
                Ok(())
            })?;
        }
        Ok(verification.finish())
    })
}

/// Writes a ledger into a folder, as `docs/ledger.md` describes it. What is there of an earlier export is replaced; a kill leaves whole
/// files alone.
///
/// # Errors
/// If there is none, if it can't be read, or if the folder can't be written.
pub fn export(address: &Address, folder: &Path) -> Result<Exported, LedgerError> {
    let folder = std::path::absolute(folder).map_err(|error| LedgerError::Io(folder.to_owned(), error))?;
    with_source(address, |source| {
        let mut source = source.ok_or(LedgerError::None)?;
        let (site, key) = source.site()?.ok_or(LedgerError::None)?;
        let places = retrocall_ledger::Exported { folder: folder.clone() };
        put(&places.key(), |file| Ok(writeln!(file, "{key}")?))?;
        let mut exported = Exported { site: site.clone(), folder, segments: Vec::new(), rows: 0, heads: Vec::new() };
        for head in source.heads()?.into_iter().filter(|head| head.site == site) {
            put(&places.head(head.day), |file| Ok(file.write_all(head.text.as_bytes())?))?;
            exported.heads.push(head.day);
        }
        for (segment, month) in source.segments(&site)? {
            let path = places.segment(month);
            put(&path, |file| {
                let written = source.each_row(segment, |row| {
                    writeln!(file, "{row}").map_err(|error| LedgerError::Io(path.clone(), error))
                });
                exported.rows += written.map_err(Put::Other)?;
                Ok(())
            })?;
            exported.segments.push(month);
        }
        Ok(exported)
    })
}

/// Why a file was not put.
enum Put {
    Io(io::Error),
    Other(LedgerError),
}

impl From<io::Error> for Put {
    fn from(error: io::Error) -> Put {
        Put::Io(error)
    }
}

/// Makes a file whole, or leaves what is there. Others can't read it: pseudonyms are people.
fn put(path: &Path, write: impl FnOnce(&mut BufWriter<fs::File>) -> Result<(), Put>) -> Result<(), LedgerError> {
    let work = || -> Result<(), Put> {
        if let Some(folder) = path.parent() {
            fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
        }
        let new = path.with_extension("new");
        let file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&new)?;
        let mut file = BufWriter::new(file);
        write(&mut file)?;
        file.into_inner().map_err(io::IntoInnerError::into_error)?.sync_all()?;
        Ok(fs::rename(&new, path)?)
    };
    work().map_err(|why| match why {
        Put::Io(error) => LedgerError::Io(path.to_owned(), error),
        Put::Other(error) => error,
    })
}
