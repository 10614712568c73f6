//! A statement with its values.

use std::marker::PhantomData;

use sqlx::{Postgres, SqlSafeStr, SqlStr, postgres::PgArguments, query::Query as DriverQuery};

use super::{Connection, Row, Sqlite, row::Columns, sqlite::Answer, value::Value};

/// A statement, whose parameters `$1`, `$2` and so on are bound in their order.
pub(crate) struct Query {
    sql: SqlStr,
    values: Vec<Value>,
}

/// Begins a statement.
pub(crate) fn query(sql: impl SqlSafeStr) -> Query {
    Query { sql: sql.into_sql_str(), values: Vec::new() }
}

/// What a statement changed.
pub(crate) struct Done {
    rows: u64,
}

impl Done {
    /// How many rows.
    pub(crate) fn rows_affected(&self) -> u64 {
        self.rows
    }
}

impl Query {
    /// Binds the next parameter.
    pub(crate) fn bind(mut self, value: impl Into<Value>) -> Query {
        self.values.push(value.into());
        self
    }

    /// Does it.
    pub(crate) async fn execute(self, rows: &mut Connection) -> sqlx::Result<Done> {
        Ok(match rows {
            Connection::Sqlite(to) => Done { rows: self.run(to, usize::MAX)?.changed },
            Connection::Postgres(to) => Done { rows: self.of_server().execute(to).await?.rows_affected() },
        })
    }

    /// All rows of its answer.
    pub(crate) async fn fetch_all(self, rows: &mut Connection) -> sqlx::Result<Vec<Row>> {
        Ok(match rows {
            Connection::Sqlite(to) => self.run(to, usize::MAX)?.rows.into_iter().map(Row::Sqlite).collect(),
            Connection::Postgres(to) => self.of_server().fetch_all(to).await?.into_iter().map(Row::Postgres).collect(),
        })
    }

    /// The first row of its answer, if there is one.
    pub(crate) async fn fetch_optional(self, rows: &mut Connection) -> sqlx::Result<Option<Row>> {
        Ok(match rows {
            Connection::Sqlite(to) => self.run(to, 1)?.rows.pop().map(Row::Sqlite),
            Connection::Postgres(to) => self.of_server().fetch_optional(to).await?.map(Row::Postgres),
        })
    }

    /// The first row of its answer.
    pub(crate) async fn fetch_one(self, rows: &mut Connection) -> sqlx::Result<Row> {
        self.fetch_optional(rows).await?.ok_or(sqlx::Error::RowNotFound)
    }

    /// Runs it in a catalog, and reads so many rows of its answer.
    fn run(self, catalog: &mut Sqlite, rows_max: usize) -> sqlx::Result<Answer> {
        #[cfg(test)]
        super::stops::before(self.sql.as_str());
        catalog.run(self.sql.as_str(), &self.values, rows_max)
    }

    /// The statement as a server takes it.
    fn of_server(self) -> DriverQuery<'static, Postgres, PgArguments> {
        #[cfg(test)]
        super::stops::before(self.sql.as_str());
        self.values.into_iter().fold(sqlx::query(self.sql), |query, value| match value {
            Value::Text(text) => query.bind(text),
            Value::Integer(number) => query.bind(number),
            Value::Real(number) => query.bind(number),
            Value::Flag(flag) => query.bind(flag),
        })
    }
}

/// A statement whose rows are read as one value each, of their columns in order.
pub(crate) struct QueryAs<T> {
    query: Query,
    read_as: PhantomData<T>,
}

/// Begins a statement whose rows are tuples.
pub(crate) fn query_as<T: Columns>(sql: impl SqlSafeStr) -> QueryAs<T> {
    QueryAs { query: query(sql), read_as: PhantomData }
}

impl<T: Columns> QueryAs<T> {
    /// Binds the next parameter.
    pub(crate) fn bind(self, value: impl Into<Value>) -> QueryAs<T> {
        QueryAs { query: self.query.bind(value), ..self }
    }

    /// All rows of its answer.
    pub(crate) async fn fetch_all(self, rows: &mut Connection) -> sqlx::Result<Vec<T>> {
        self.query.fetch_all(rows).await?.iter().map(Row::read).collect()
    }

    /// The first row of its answer, if there is one.
    pub(crate) async fn fetch_optional(self, rows: &mut Connection) -> sqlx::Result<Option<T>> {
        self.query.fetch_optional(rows).await?.as_ref().map(Row::read).transpose()
    }

    /// The first row of its answer.
    pub(crate) async fn fetch_one(self, rows: &mut Connection) -> sqlx::Result<T> {
        self.query.fetch_one(rows).await?.read()
    }
}

/// A statement of whose rows the first column is read.
pub(crate) struct QueryScalar<T> {
    query: QueryAs<(T,)>,
}

/// Begins a statement whose rows are one value each.
pub(crate) fn query_scalar<T>(sql: impl SqlSafeStr) -> QueryScalar<T>
where
    (T,): Columns,
{
    QueryScalar { query: query_as(sql) }
}

impl<T> QueryScalar<T>
where
    (T,): Columns,
{
    /// Binds the next parameter.
    pub(crate) fn bind(self, value: impl Into<Value>) -> QueryScalar<T> {
        QueryScalar { query: self.query.bind(value) }
    }

    /// The values of all rows.
    pub(crate) async fn fetch_all(self, rows: &mut Connection) -> sqlx::Result<Vec<T>> {
        Ok(self.query.fetch_all(rows).await?.into_iter().map(|(value,)| value).collect())
    }

    /// The value of the first row, if there is one.
    #[allow(dead_code)] // Tests need it, and statements to come.
    pub(crate) async fn fetch_optional(self, rows: &mut Connection) -> sqlx::Result<Option<T>> {
        Ok(self.query.fetch_optional(rows).await?.map(|(value,)| value))
    }

    /// The value of the first row.
    pub(crate) async fn fetch_one(self, rows: &mut Connection) -> sqlx::Result<T> {
        Ok(self.query.fetch_one(rows).await?.0)
    }
}
