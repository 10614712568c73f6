//! A home's catalog as SQLite gives it: opened, asked, its rows and its refusals.
//!
//! Belongs here: what SQLite's library is called with. Does not: where the file is and what is wrong with one (`file`), any SQL but that of transactions.
//!
//! Statements are run where they are asked, by the thread that asks: handed to a thread of their own, as sqlx does it, each would take longer to get
//! there and back than SQLite takes for most of them.

use std::{
    borrow::Cow,
    error::Error,
    fmt,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use rusqlite::{
    OpenFlags,
    types::{ToSqlOutput, Value as Stored, ValueRef},
};
use sqlx::error::{BoxDynError, DatabaseError, ErrorKind};

use super::value::Value;

/// How many statements stay compiled on a connection. The engine's thread and a sweep have fewer.
const COMPILED_MAX: usize = 128;

/// How long a statement waits for another program that holds the file, if nothing else is said.
const PATIENCE: Duration = Duration::from_secs(5);

/// How a database is opened.
pub(crate) struct Options {
    path: PathBuf,
    is_read_only: bool,
    busy_timeout: Duration,
    pragmas: Vec<(&'static str, &'static str)>,
}

impl Options {
    /// That there is at this path, to read and to write.
    pub(crate) fn of(path: &Path) -> Options {
        Options {
            path: path.to_owned(),
            is_read_only: false,
            busy_timeout: PATIENCE,
            pragmas: vec![("foreign_keys", "ON")],
        }
    }

    /// To read alone.
    pub(crate) fn read_only(self) -> Options {
        Options { is_read_only: true, ..self }
    }

    /// How long a statement waits for another program that holds the file.
    pub(crate) fn busy_timeout(self, busy_timeout: Duration) -> Options {
        Options { busy_timeout, ..self }
    }

    /// A setting of the connection. The last word counts.
    pub(crate) fn pragma(mut self, name: &'static str, value: &'static str) -> Options {
        self.pragmas.push((name, value));
        self
    }

    /// Opens it.
    pub(crate) fn connect(self) -> sqlx::Result<Sqlite> {
        let access = match self.is_read_only {
            true => OpenFlags::SQLITE_OPEN_READ_ONLY,
            false => OpenFlags::SQLITE_OPEN_READ_WRITE,
        };
        let opened = rusqlite::Connection::open_with_flags(&self.path, access | OpenFlags::SQLITE_OPEN_NO_MUTEX);
        let library = opened.map_err(|error| match refused(error) {
            // With the path behind it: whoever tells it names the file anyway.
            sqlx::Error::Database(answer) => {
                let ending = format!(": {}", self.path.display());
                let (code, said) = (answer.code().unwrap_or_default().parse().unwrap_or(1), answer.message());
                let said = said.strip_suffix(ending.as_str()).unwrap_or(said).to_owned();
                sqlx::Error::Database(Box::new(SqliteRefusal { code, said }))
            }
            other => other,
        })?;
        library.set_prepared_statement_cache_capacity(COMPILED_MAX);
        library.busy_timeout(self.busy_timeout).map_err(refused)?;
        let mut connection = Sqlite { library, depth: 0 };
        for (name, value) in self.pragmas {
            connection.run_all(&format!("PRAGMA {name} = {value}"))?;
        }
        Ok(connection)
    }
}

/// A connection.
pub(crate) struct Sqlite {
    library: rusqlite::Connection,
    /// How many transactions are open within each other.
    depth: u32,
}

/// What a statement gave.
pub(super) struct Answer {
    pub rows: Vec<SqliteRow>,
    pub changed: u64,
}

impl Sqlite {
    /// Runs a statement with the values of its parameters, and reads at most so many rows of its answer.
    pub(super) fn run(&mut self, sql: &str, values: &[Value], rows_max: usize) -> sqlx::Result<Answer> {
        let mut statement = self.library.prepare_cached(sql).map_err(refused)?;
        for at in 1..=statement.parameter_count() {
            // `$1` is a name to SQLite, which counts names as they come.
            let number = statement.parameter_name(at).and_then(|name| name.strip_prefix('$')?.parse::<usize>().ok());
            let value = values.get(number.unwrap_or(at) - 1);
            statement.raw_bind_parameter(at, bound(value)).map_err(refused)?;
        }
        let names: Arc<[Box<str>]> = statement.column_names().into_iter().map(Box::from).collect();
        let mut rows = Vec::new();
        let mut found = statement.raw_query();
        while let Some(row) = found.next().map_err(refused)? {
            let value = |at| row.get_ref(at).map(stored).map_err(refused);
            let values = (0..names.len()).map(value).collect::<sqlx::Result<_>>()?;
            rows.push(SqliteRow { names: Arc::clone(&names), values });
            if rows.len() == rows_max {
                break;
            }
        }
        drop(found);
        drop(statement);
        Ok(Answer { rows, changed: self.library.changes() })
    }

    /// The library's own connection.
    pub(super) fn library(&self) -> &rusqlite::Connection {
        &self.library
    }

    /// Runs some statements without parameters, one after the other.
    pub(crate) fn run_all(&mut self, sql: &str) -> sqlx::Result<()> {
        self.library.execute_batch(sql).map_err(refused)
    }

    /// Begins a transaction by this statement, or a part of the one that is open.
    pub(super) fn begin(&mut self, statement: Option<&str>) -> sqlx::Result<()> {
        let part = format!("SAVEPOINT part_{}", self.depth);
        self.run_all(statement.unwrap_or(if self.depth == 0 { "BEGIN" } else { &part }))?;
        self.depth += 1;
        Ok(())
    }

    /// Makes the last transaction that was begun last, or its part.
    pub(super) fn commit(&mut self) -> sqlx::Result<()> {
        match self.depth.saturating_sub(1) {
            0 => self.run_all("COMMIT")?,
            part => self.run_all(&format!("RELEASE part_{part}"))?,
        }
        self.depth -= 1;
        Ok(())
    }

    /// Undoes it. SQLite may have done so already: after some refusals, such as that of a full disk, it undoes all by itself.
    pub(super) fn rollback(&mut self) -> sqlx::Result<()> {
        self.depth = self.depth.saturating_sub(1);
        if self.library.is_autocommit() {
            return Ok(());
        }
        match self.depth {
            0 => self.run_all("ROLLBACK"),
            part => self.run_all(&format!("ROLLBACK TO part_{part}; RELEASE part_{part}")),
        }
    }

    /// From now on calls this each time that so many steps were taken.
    pub(crate) fn on_progress(&mut self, steps: i32, mut look: impl FnMut() + Send + 'static) -> sqlx::Result<()> {
        let look = move || {
            look();
            false
        };
        self.library.progress_handler(steps, Some(look)).map_err(refused)
    }

    /// And from now on no more.
    pub(crate) fn no_progress(&mut self) -> sqlx::Result<()> {
        self.library.progress_handler(0, None::<fn() -> bool>).map_err(refused)
    }

    /// Closes it in good order.
    pub(super) fn close(self) -> sqlx::Result<()> {
        self.library.close().map_err(|(_, error)| refused(error))
    }
}

fn bound(value: Option<&Value>) -> ToSqlOutput<'_> {
    let value = match value {
        Some(Value::Text(Some(text))) => ValueRef::Text(text.as_bytes()),
        Some(Value::Integer(Some(number))) => ValueRef::Integer(*number),
        Some(Value::Real(Some(number))) => ValueRef::Real(*number),
        Some(Value::Flag(Some(flag))) => ValueRef::Integer(i64::from(*flag)),
        _ => ValueRef::Null,
    };
    ToSqlOutput::Borrowed(value)
}

fn stored(value: ValueRef<'_>) -> Stored {
    match value {
        ValueRef::Null => Stored::Null,
        ValueRef::Integer(number) => Stored::Integer(number),
        ValueRef::Real(number) => Stored::Real(number),
        // What is not text is nothing that anybody reads as text.
        ValueRef::Text(bytes) => std::str::from_utf8(bytes)
            .map_or_else(|_| Stored::Blob(bytes.to_owned()), |text| Stored::Text(text.to_owned())),
        ValueRef::Blob(bytes) => Stored::Blob(bytes.to_owned()),
    }
}

/// A row of an answer.
pub(crate) struct SqliteRow {
    names: Arc<[Box<str>]>,
    values: Vec<Stored>,
}

impl SqliteRow {
    /// Where the column of this name is.
    pub(super) fn place_of(&self, name: &str) -> sqlx::Result<usize> {
        let place = self.names.iter().position(|one| **one == *name);
        place.ok_or_else(|| sqlx::Error::ColumnNotFound(name.to_owned()))
    }

    /// The value at a place.
    pub(super) fn read<'r, T: FromStored<'r>>(&'r self, place: usize) -> sqlx::Result<T> {
        let value = self.values.get(place);
        let value = value.ok_or(sqlx::Error::ColumnIndexOutOfBounds { index: place, len: self.values.len() })?;
        T::read(value).map_err(|source| sqlx::Error::ColumnDecode {
            index: self.names.get(place).map(ToString::to_string).unwrap_or_default(),
            source,
        })
    }
}

/// What a value can be read as.
pub(crate) trait FromStored<'r>: Sized {
    /// Reads it.
    fn read(value: &'r Stored) -> Result<Self, BoxDynError>;
}

/// Of another kind than it should be. Its words don't say what is there: it could be a customer's number.
fn another(value: &Stored, wanted: &str) -> BoxDynError {
    format!("{:?} where {wanted} was written", value.data_type()).into()
}

impl<'r> FromStored<'r> for &'r str {
    fn read(value: &'r Stored) -> Result<&'r str, BoxDynError> {
        match value {
            Stored::Text(text) => Ok(text),
            other => Err(another(other, "text")),
        }
    }
}

impl<'r> FromStored<'r> for String {
    fn read(value: &'r Stored) -> Result<String, BoxDynError> {
        <&str>::read(value).map(str::to_owned)
    }
}

impl<'r> FromStored<'r> for i64 {
    fn read(value: &'r Stored) -> Result<i64, BoxDynError> {
        match value {
            Stored::Integer(number) => Ok(*number),
            other => Err(another(other, "a whole number")),
        }
    }
}

impl<'r> FromStored<'r> for f64 {
    fn read(value: &'r Stored) -> Result<f64, BoxDynError> {
        match value {
            Stored::Real(number) => Ok(*number),
            other => Err(another(other, "a number")),
        }
    }
}

impl<'r> FromStored<'r> for bool {
    fn read(value: &'r Stored) -> Result<bool, BoxDynError> {
        i64::read(value).map(|number| number != 0)
    }
}

impl<'r, T: FromStored<'r>> FromStored<'r> for Option<T> {
    fn read(value: &'r Stored) -> Result<Option<T>, BoxDynError> {
        if *value == Stored::Null { Ok(None) } else { T::read(value).map(Some) }
    }
}

/// A refusal of SQLite's: its code, and its words, which name tables and columns.
#[derive(Debug)]
struct SqliteRefusal {
    code: i32,
    said: String,
}

impl fmt::Display for SqliteRefusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.said)
    }
}

impl Error for SqliteRefusal {}

impl DatabaseError for SqliteRefusal {
    fn message(&self) -> &str {
        &self.said
    }

    fn code(&self) -> Option<Cow<'_, str>> {
        Some(self.code.to_string().into())
    }

    fn as_error(&self) -> &(dyn Error + Send + Sync + 'static) {
        self
    }

    fn as_error_mut(&mut self) -> &mut (dyn Error + Send + Sync + 'static) {
        self
    }

    fn into_error(self: Box<Self>) -> Box<dyn Error + Send + Sync + 'static> {
        self
    }

    fn kind(&self) -> ErrorKind {
        ErrorKind::Other
    }
}

pub(super) fn refused(error: rusqlite::Error) -> sqlx::Error {
    let (code, said) = match error {
        rusqlite::Error::SqliteFailure(error, said) => (error.extended_code, said.unwrap_or_else(|| error.to_string())),
        rusqlite::Error::SqlInputError { error, msg, .. } => (error.extended_code, msg),
        other => return sqlx::Error::Protocol(other.to_string()),
    };
    sqlx::Error::Database(Box::new(SqliteRefusal { code, said }))
}
