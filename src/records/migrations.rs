//! The steps that bring the records' tables up to date, oldest first.
//!
//! Belongs here: which steps there are, read from their folders when this is compiled. Does not: when they are taken, which is said where each kind of
//! store is opened (`file`, `server`).
//!
//! Listed by hand: sqlx's own macro does it too, but it is a program of the compiler's that takes all of sqlx and of SQLite with it a second time.
//! A test holds the lists against the folders.

use std::sync::LazyLock;

use sqlx::{
    SqlSafeStr as _,
    migrate::{MigrateError, Migration, MigrationType, Migrator},
};

use super::rows::Sqlite;

/// A step: its number, what it is about, its SQL.
type Step = (i64, &'static str, &'static str);

/// Each step with the text of its file.
macro_rules! steps {
    ($($number:literal $about:literal $file:literal),* $(,)?) => { [$(($number, $about, include_str!($file))),*] };
}

const OF_A_HOME: [Step; 13] = steps![
    1 "calls and recordings" "migrations/0001_calls_and_recordings.sql",
    2 "skipped numbers" "migrations/0002_skipped_numbers.sql",
    3 "calls that go on" "migrations/0003_calls_that_go_on.sql",
    4 "participants and parts" "migrations/0004_participants_and_parts.sql",
    5 "numbers in one form" "migrations/0005_numbers_in_one_form.sql",
    6 "records that live and die" "migrations/0006_records_that_live_and_die.sql",
    7 "who logs in" "migrations/0007_who_logs_in.sql",
    8 "trainees" "migrations/0008_trainees.sql",
    9 "each agents yes" "migrations/0009_each_agents_yes.sql",
    10 "lists" "migrations/0010_lists.sql",
    11 "what is kept" "migrations/0011_what_is_kept.sql",
    12 "many machines" "migrations/0012_many_machines.sql",
    13 "orders" "migrations/0013_orders.sql",
];

const OF_A_SERVER: [Step; 7] = steps![
    1 "all tables" "migrations_postgres/0001_all_tables.sql",
    2 "trainees" "migrations_postgres/0002_trainees.sql",
    3 "each agents yes" "migrations_postgres/0003_each_agents_yes.sql",
    4 "lists" "migrations_postgres/0004_lists.sql",
    5 "what is kept" "migrations_postgres/0005_what_is_kept.sql",
    6 "many machines" "migrations_postgres/0006_many_machines.sql",
    7 "orders" "migrations_postgres/0007_orders.sql",
];

/// The steps of a home's catalog (SQLite).
pub(super) static HOME: LazyLock<Migrator> = LazyLock::new(|| migrator(&OF_A_HOME));

/// The steps of a server's database (PostgreSQL).
pub(super) static SERVER: LazyLock<Migrator> = LazyLock::new(|| migrator(&OF_A_SERVER));

/// Takes the steps that a home's catalog lacks.
pub(super) async fn update_home(connection: &mut Sqlite) -> Result<(), MigrateError> {
    HOME.run_direct(None, connection, false).await
}

fn migrator(steps: &[Step]) -> Migrator {
    let step = |&(number, about, sql): &Step| {
        Migration::new(number, about.into(), MigrationType::Simple, sql.into_sql_str(), false)
    };
    Migrator::with_migrations(steps.iter().map(step).collect())
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn a_file_in_the_folder_that_is_on_no_list_would_never_be_run() {
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
        for (list, folder) in [(&HOME, "migrations"), (&SERVER, "migrations_postgres")] {
            let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
            let found = runtime.block_on(Migrator::new(folder.as_path())).expect("the folder is read");
            let shown = |migrator: &Migrator| {
                let shown = |step: &Migration| (step.version, step.description.clone(), step.checksum.clone());
                migrator.iter().map(shown).collect::<Vec<_>>()
            };
            assert_eq!(shown(list), shown(&found), "in {}", folder.display());
        }
    }
}
