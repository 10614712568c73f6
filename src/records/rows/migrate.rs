//! Brings the tables of a home's catalog up to date, as sqlx does it with its own connections: each step and the note that it was taken are one
//! transaction.

use std::{pin::Pin, time::Duration};

use rusqlite::params;
use sqlx::migrate::{AppliedMigration, Migrate, MigrateError, Migration};

use super::sqlite::{Sqlite, refused};

/// What sqlx awaits. All is done by then.
type Done<'e, T> = Pin<Box<dyn Future<Output = Result<T, MigrateError>> + Send + 'e>>;

fn done<'e, T: Send + 'e>(done: sqlx::Result<T>) -> Done<'e, T> {
    Box::pin(std::future::ready(done.map_err(MigrateError::Execute)))
}

impl Sqlite {
    fn has_failed(&self, table: &str) -> rusqlite::Result<Option<i64>> {
        let mut select = self.library().prepare(&format!("SELECT MIN(version) FROM {table} WHERE NOT success"))?;
        select.query_row([], |row| row.get(0))
    }

    fn applied(&self, table: &str) -> rusqlite::Result<Vec<AppliedMigration>> {
        let mut select = self.library().prepare(&format!("SELECT version, checksum FROM {table} ORDER BY version"))?;
        let applied = select.query_map([], |row| {
            Ok(AppliedMigration { version: row.get(0)?, checksum: row.get::<_, Vec<u8>>(1)?.into() })
        })?;
        applied.collect()
    }

    fn take_step(&mut self, table: &str, step: &Migration) -> sqlx::Result<()> {
        self.begin(None)?;
        let taken = self.run_all(step.sql.as_str()).and_then(|()| {
            let insert = format!(
                "INSERT INTO {table} (version, description, success, checksum, execution_time) VALUES (?1, ?2, TRUE, ?3, 0)"
            );
            let values = params![step.version, &*step.description, &*step.checksum];
            self.library().execute(&insert, values).map_err(refused)?;
            self.commit()
        });
        if taken.is_err() {
            let _ = self.rollback();
        }
        taken
    }
}

impl Migrate for Sqlite {
    fn create_schema_if_not_exists<'e>(&'e mut self, _name: &'e str) -> Done<'e, ()> {
        done(Ok(()))
    }

    fn ensure_migrations_table<'e>(&'e mut self, table: &'e str) -> Done<'e, ()> {
        done(self.run_all(&format!(
            "CREATE TABLE IF NOT EXISTS {table} (
                version BIGINT PRIMARY KEY, description TEXT NOT NULL, installed_on TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP,
                success BOOLEAN NOT NULL, checksum BLOB NOT NULL, execution_time BIGINT NOT NULL
            )"
        )))
    }

    fn dirty_version<'e>(&'e mut self, table: &'e str) -> Done<'e, Option<i64>> {
        done(self.has_failed(table).map_err(refused))
    }

    fn list_applied_migrations<'e>(&'e mut self, table: &'e str) -> Done<'e, Vec<AppliedMigration>> {
        done(self.applied(table).map_err(refused))
    }

    /// The transaction of a step is a lock.
    fn lock(&mut self) -> Done<'_, ()> {
        done(Ok(()))
    }

    fn unlock(&mut self) -> Done<'_, ()> {
        done(Ok(()))
    }

    fn apply<'e>(&'e mut self, table: &'e str, step: &'e Migration) -> Done<'e, Duration> {
        let taken = self.take_step(table, step);
        Box::pin(std::future::ready(match taken {
            Ok(()) => Ok(Duration::ZERO),
            Err(error) => Err(MigrateError::ExecuteMigration(error, step.version)),
        }))
    }

    /// There is no way back.
    fn revert<'e>(&'e mut self, _table: &'e str, _step: &'e Migration) -> Done<'e, Duration> {
        Box::pin(std::future::ready(Err(MigrateError::SkipNotSupported())))
    }
}
