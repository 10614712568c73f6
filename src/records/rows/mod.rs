//! A connection to the records, SQLite's or PostgreSQL's, and what is asked of it.
//!
//! Belongs here: one form for both of statements, values, rows and transactions. Does not: where the records lie and how they are opened (`file`), any
//! SQL. A statement's text serves both: parameters are `$1`, `$2` and so on, columns that are computed have names, and text is never compared but in
//! columns, whose collation is that of bytes in both.
//!
//! It is not sqlx's `Any`, which knows eight kinds of value and refuses a whole row for a column of another kind.

mod migrate;
mod query;
mod row;
mod sqlite;
#[cfg(test)]
pub(crate) mod stops;
mod value;

use std::ops::{Deref, DerefMut};

use sqlx::{Connection as _, PgConnection, Postgres};
use sqlx_core::{database::Database, sql_str::SqlStr, transaction::TransactionManager};

pub(crate) use query::{Query, query, query_as, query_scalar};
#[cfg(test)]
pub(crate) use row::Columns;
pub(crate) use row::{Readable, Row};
pub(crate) use sqlite::{Options as SqliteOptions, Sqlite};

/// Takes the right to write at once: a transaction that asks for it half-way can be refused with half of its work done.
const BEGIN_WRITING_SQLITE: &str = "BEGIN IMMEDIATE";
/// As if transactions came one after the other, which is what SQLite's are. One that can't be so is refused, and done again.
const BEGIN_WRITING_POSTGRES: &str = "BEGIN ISOLATION LEVEL SERIALIZABLE";
/// All that is read is of one moment.
const BEGIN_LOOKING_SQLITE: &str = "BEGIN";
const BEGIN_LOOKING_POSTGRES: &str = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";

/// A connection to the records.
pub(crate) enum Connection {
    /// To the catalog of a home.
    Sqlite(Sqlite),
    /// To a server.
    Postgres(PgConnection),
}

impl Connection {
    /// Begins a transaction that writes. Dropped without a commit, it is as if it had never been.
    pub(crate) async fn begin_writing(&mut self) -> sqlx::Result<Transaction<'_>> {
        #[cfg(test)]
        stops::begun();
        self.begin_by(Some(BEGIN_WRITING_SQLITE), Some(BEGIN_WRITING_POSTGRES), true).await
    }

    /// Begins a transaction that only reads, all of one moment.
    pub(crate) async fn begin_looking(&mut self) -> sqlx::Result<Transaction<'_>> {
        self.begin_by(Some(BEGIN_LOOKING_SQLITE), Some(BEGIN_LOOKING_POSTGRES), false).await
    }

    /// Begins a part of the transaction that is open, which can be undone by itself.
    pub(crate) async fn begin_part(&mut self) -> sqlx::Result<Transaction<'_>> {
        self.begin_by(None, None, false).await
    }

    async fn begin_by(
        &mut self,
        sqlite: Option<&'static str>,
        postgres: Option<&'static str>,
        is_deed: bool,
    ) -> sqlx::Result<Transaction<'_>> {
        match self {
            Connection::Sqlite(to) => to.begin(sqlite)?,
            Connection::Postgres(to) => Managed::begin(to, postgres.map(SqlStr::from_static)).await?,
        }
        Ok(Transaction { connection: self, is_open: true, is_deed })
    }

    /// That of SQLite, for what only SQLite has.
    pub(crate) fn as_sqlite(&mut self) -> Option<&mut Sqlite> {
        match self {
            Connection::Sqlite(to) => Some(to),
            Connection::Postgres(_) => None,
        }
    }

    /// Runs some statements, one after the other.
    #[cfg(test)]
    pub(crate) async fn execute(&mut self, sql: impl sqlx::SqlSafeStr) -> sqlx::Result<()> {
        use sqlx::Executor as _;
        match self {
            Connection::Sqlite(to) => to.run_all(sql.into_sql_str().as_str()),
            Connection::Postgres(to) => to.execute(sqlx::raw_sql(sql)).await.map(drop),
        }
    }

    /// Closes it in good order.
    pub(crate) async fn close(self) -> sqlx::Result<()> {
        match self {
            Connection::Sqlite(to) => to.close(),
            Connection::Postgres(to) => to.close().await,
        }
    }
}

/// A server's transactions, by hand.
type Managed = <Postgres as Database>::TransactionManager;

/// A transaction, or a part of one: a connection that undoes what it did unless it is committed.
pub(crate) struct Transaction<'c> {
    connection: &'c mut Connection,
    is_open: bool,
    /// It writes, and is no part of another one.
    #[cfg_attr(not(test), expect(dead_code))]
    is_deed: bool,
}

impl Transaction<'_> {
    /// Makes it last.
    pub(crate) async fn commit(mut self) -> sqlx::Result<()> {
        #[cfg(test)]
        if self.is_deed {
            stops::before("COMMIT");
        }
        match &mut *self.connection {
            Connection::Sqlite(to) => to.commit()?,
            Connection::Postgres(to) => Managed::commit(to).await?,
        }
        self.is_open = false;
        Ok(())
    }

    /// Undoes it.
    pub(crate) async fn rollback(mut self) -> sqlx::Result<()> {
        match &mut *self.connection {
            Connection::Sqlite(to) => to.rollback()?,
            Connection::Postgres(to) => Managed::rollback(to).await?,
        }
        self.is_open = false;
        Ok(())
    }
}

impl Drop for Transaction<'_> {
    fn drop(&mut self) {
        if !self.is_open {
            return;
        }
        match &mut *self.connection {
            // Of one that can't be undone the next statement tells.
            Connection::Sqlite(to) => drop(to.rollback()),
            Connection::Postgres(to) => Managed::start_rollback(to),
        }
    }
}

impl Deref for Transaction<'_> {
    type Target = Connection;

    fn deref(&self) -> &Connection {
        self.connection
    }
}

impl DerefMut for Transaction<'_> {
    fn deref_mut(&mut self) -> &mut Connection {
        self.connection
    }
}
