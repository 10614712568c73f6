//! The file: looked at before anything is changed in it, made with the right mode, brought up to date. All that is SQLite's own.

use std::{
    fs, io,
    os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
    time::Duration,
};

use super::{
    Trouble, migrations, restoring,
    rows::{self, Connection, Sqlite, SqliteOptions},
};
use retrocall_words::{Clock as _, SystemClock};

/// How long one statement waits for another program that holds the file. Short: whoever waits longer asks again.
const BUSY_TIMEOUT: Duration = Duration::from_millis(250);

/// How long a deed waits for the engine, whose transactions take 50 ms at most, but for its upkeep.
const DEED_TIMEOUT: Duration = Duration::from_secs(5);

/// Files up to this size (some 20,000 calls) are read through for damage when they are opened, which took 2 ms a MiB when it was last
/// measured. In a larger one damage shows when it is met, so that the engine starts at once.
const CHECKED_BYTES_MAX: u64 = 8 * 1024 * 1024;

/// How often it is said that bringing the catalog up to date goes on, and after how many steps of SQLite's that is looked at.
const PROGRESS_EVERY: Duration = Duration::from_secs(5);
const PROGRESS_STEPS: i32 = 100_000;

/// Which file it is, whatever its name: device and inode.
pub(super) type Identity = (u64, u64);

/// Where the catalog of a home folder is.
pub(super) fn path(home: &Path) -> PathBuf {
    home.join("catalog.sqlite")
}

/// Which file is at this path now.
pub(super) fn identity(path: &Path) -> Option<Identity> {
    fs::metadata(path).ok().map(|found| (found.dev(), found.ino()))
}

/// Opens the catalog to write in it, and makes it if there is none. `before` is the file that was open before, if any.
pub(super) async fn open(path: &Path, before: Option<Identity>) -> Result<(Connection, Identity), Trouble> {
    restoring::cut_off(path)?;
    let found = find_or_make(path, before)?;
    let failed = |error: sqlx::Error| Trouble::of(path, &error);
    // While the tables are made, in good order is enough: the first note that is written makes them durable with itself.
    let options = options(path).pragma("synchronous", "NORMAL");
    // KiB of pages in memory: the tails of tables and the tops of their indexes. More would make the engine grow for its first hours.
    let connection = options.pragma("cache_size", "-1024").connect().map_err(failed)?;
    let mut connection = Connection::Sqlite(connection);
    let prepared = prepare(path, &mut connection, found.len()).await;
    if let Err(trouble) = prepared {
        // The answer counts, not whether the file could be closed in good order.
        let _ = connection.close().await;
        return Err(trouble);
    }
    if found.mode() & 0o077 != 0 {
        fs::set_permissions(path, fs::Permissions::from_mode(0o600))
            .map_err(|error| Trouble::unusable(path, &error))?;
    }
    Ok((connection, (found.dev(), found.ino())))
}

/// Opens the catalog to read in it. None if there is none yet.
pub(super) async fn open_to_read(path: &Path) -> Result<Option<Connection>, Trouble> {
    restoring::cut_off(path)?;
    match found_to_read(path).await? {
        Some((_, FileState::Outdated)) => Err(Trouble::Older { path: path.to_path_buf() }),
        found => Ok(found.map(|(connection, _)| connection)),
    }
}

/// The same, for a catalog of any version that is known: a backup.
pub(super) async fn open_any_to_read(path: &Path) -> Result<Option<Connection>, Trouble> {
    Ok(found_to_read(path).await?.map(|(connection, _)| connection))
}

async fn found_to_read(path: &Path) -> Result<Option<(Connection, FileState)>, Trouble> {
    found(path, options(path).read_only()).await
}

/// Opens what is there, and looks at it before anything else. None if it is nothing.
async fn found(path: &Path, options: SqliteOptions) -> Result<Option<(Connection, FileState)>, Trouble> {
    match fs::metadata(path) {
        Ok(found) if found.len() == 0 => return Ok(None),
        Ok(_) => {}
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(Trouble::unusable(path, &error)),
    }
    let failed = |error: sqlx::Error| Trouble::of(path, &error);
    let mut connection = Connection::Sqlite(options.connect().map_err(failed)?);
    match look(path, &mut connection).await? {
        FileState::Nothing => Ok(None),
        found => Ok(Some((connection, found))),
    }
}

/// Opens the catalog that is there to write of a deed, beside the engine or without one. None if there is none yet.
pub(super) async fn open_for_deeds(path: &Path) -> Result<Option<Connection>, Trouble> {
    restoring::cut_off(path)?;
    match found(path, options(path).busy_timeout(DEED_TIMEOUT).pragma("synchronous", "FULL")).await? {
        Some((_, FileState::Outdated)) => Err(Trouble::Older { path: path.to_path_buf() }),
        found => Ok(found.map(|(connection, _)| connection)),
    }
}

/// Reads everything, and says what is damaged; nothing if all is well.
pub(super) async fn damage(connection: &mut Connection) -> Result<Vec<String>, sqlx::Error> {
    let mut found = Vec::new();
    for row in rows::query("PRAGMA integrity_check(20)").fetch_all(&mut *connection).await? {
        let words: String = row.try_get(0)?;
        if words != "ok" {
            found.push(words.lines().last().unwrap_or_default().to_owned());
        }
    }
    for row in rows::query("PRAGMA foreign_key_check").fetch_all(connection).await? {
        let table: String = row.try_get(0)?;
        found.push(format!("a row of {table} belongs to one that is not there"));
    }
    Ok(found)
}

/// Empties the log of the latest changes into the file, and the log itself. False if somebody keeps it from being emptied.
pub(super) async fn empty_log(connection: &mut Connection) -> Result<bool, sqlx::Error> {
    let row = rows::query("PRAGMA wal_checkpoint(TRUNCATE)").fetch_one(connection).await?;
    let (busy, left): (i64, i64) = (row.try_get(0)?, row.try_get(1)?);
    // Without a log there is none to empty: -1.
    Ok(busy == 0 && left <= 0)
}

/// Writes these tables anew, without what was deleted: the pages that they had are overwritten with zeros (`secure_delete`). What that needs beside the
/// file lies in the home folder, without a name. All of the file is written anew if half of it is free.
pub(super) async fn write_tables_anew(
    connection: &mut Connection,
    home: &Path,
    tables: &[&str],
) -> Result<(), sqlx::Error> {
    let pages: i64 = rows::query_scalar("PRAGMA page_count").fetch_one(&mut *connection).await?;
    let free: i64 = rows::query_scalar("PRAGMA freelist_count").fetch_one(&mut *connection).await?;
    if free > pages / 2 {
        return write_anew(connection, home).await;
    }
    keep_temporary(connection, Some(home)).await?;
    // Rows leave and come back: what belongs to them must not go meanwhile.
    rows::query("PRAGMA foreign_keys = OFF").execute(&mut *connection).await?;
    let written = async {
        let mut rows = connection.begin_writing().await?;
        for table in tables {
            for step in [
                format!("CREATE TEMPORARY TABLE anew AS SELECT * FROM {table} ORDER BY rowid"),
                // Without a condition: SQLite gives up its pages whole.
                format!("DELETE FROM {table}"),
                format!("INSERT INTO {table} SELECT * FROM anew ORDER BY rowid"),
                "DROP TABLE anew".to_owned(),
            ] {
                rows::query(sqlx::AssertSqlSafe(step)).execute(&mut rows).await?;
            }
        }
        rows.commit().await
    };
    let written = written.await;
    rows::query("PRAGMA foreign_keys = ON").execute(&mut *connection).await?;
    keep_temporary(connection, None).await?;
    written
}

/// Writes the file anew, without what was deleted. What that needs beside it lies in the home folder, without a name.
pub(super) async fn write_anew(connection: &mut Connection, home: &Path) -> Result<(), sqlx::Error> {
    keep_temporary(connection, Some(home)).await?;
    let written = rows::query("VACUUM").execute(&mut *connection).await;
    keep_temporary(connection, None).await?;
    written.map(drop)
}

/// Where SQLite keeps what it needs for a while: in this folder, or in memory.
async fn keep_temporary(connection: &mut Connection, home: Option<&Path>) -> Result<(), sqlx::Error> {
    let Some(home) = home else {
        return rows::query("PRAGMA temp_store = MEMORY").execute(connection).await.map(drop);
    };
    // In memory a large catalog would take as much of it.
    let folder = home.display().to_string().replace('\'', "''");
    rows::query(sqlx::AssertSqlSafe(format!("PRAGMA temp_store_directory = '{folder}'")))
        .execute(&mut *connection)
        .await?;
    rows::query("PRAGMA temp_store = FILE").execute(connection).await.map(drop)
}

/// What both ways of opening have in common.
fn options(path: &Path) -> SqliteOptions {
    SqliteOptions::of(path)
        .busy_timeout(BUSY_TIMEOUT)
        // Sorting must not spill into a file outside the home folder.
        .pragma("temp_store", "MEMORY")
        // What is deleted is overwritten.
        .pragma("secure_delete", "ON")
        .pragma("cell_size_check", "ON")
}

/// The file that is to be opened, made empty and closed to others if there is none.
fn find_or_make(path: &Path, before: Option<Identity>) -> Result<fs::Metadata, Trouble> {
    let failed = |error: io::Error| Trouble::unusable(path, &error);
    let found = match fs::metadata(path) {
        Ok(found) => Some(found),
        Err(error) if error.kind() == io::ErrorKind::NotFound => None,
        Err(error) => return Err(failed(error)),
    };
    // SQLite would throw away, or put into the wrong file, the rows of a log whose database was moved away.
    let wal = PathBuf::from(format!("{}-wal", path.display()));
    let is_its_own = found
        .as_ref()
        .is_some_and(|found| found.len() > 0 && before.is_none_or(|before| before == (found.dev(), found.ino())));
    if !is_its_own && fs::metadata(&wal).is_ok_and(|wal| wal.len() > 0) {
        return Err(Trouble::Orphaned { wal });
    }
    match found {
        Some(found) => Ok(found),
        None => {
            let made = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path).map_err(failed)?;
            made.metadata().map_err(failed)
        }
    }
}

/// What a file turns out to be.
enum FileState {
    /// An empty database.
    Nothing,
    /// A catalog with all the tables that this program knows.
    UpToDate,
    /// A catalog with fewer.
    Outdated,
}

/// Whether it is a catalog with all the tables that this program knows, and no others.
pub(super) async fn is_up_to_date(path: &Path, connection: &mut Connection) -> Result<bool, Trouble> {
    Ok(matches!(look(path, connection).await?, FileState::UpToDate))
}

/// Looks, and changes nothing.
async fn look(path: &Path, connection: &mut Connection) -> Result<FileState, Trouble> {
    let failed = |error: sqlx::Error| Trouble::of(path, &error);
    let tables = rows::query_scalar::<String>("SELECT name FROM sqlite_master WHERE type = 'table'");
    let tables = tables.fetch_all(&mut *connection).await.map_err(failed)?;
    if tables.is_empty() {
        return Ok(FileState::Nothing);
    }
    if !tables.iter().any(|table| *table == migrations::HOME.table_name) {
        return Err(Trouble::Foreign { path: path.to_path_buf() });
    }
    let applied = rows::query_scalar::<i64>("SELECT version FROM _sqlx_migrations WHERE success ORDER BY version");
    let applied = applied.fetch_all(&mut *connection).await.map_err(failed)?;
    if applied.iter().any(|version| !migrations::HOME.version_exists(*version)) {
        return Err(Trouble::Newer { path: path.to_path_buf() });
    }
    Ok(if applied.len() == migrations::HOME.iter().count() { FileState::UpToDate } else { FileState::Outdated })
}

/// Says that the tables of an older retrocall are brought up to date, and every few seconds that this goes on. A kill meanwhile leaves them as they
/// were, and they are begun again.
fn tell_progress(path: &Path, connection: &mut Sqlite) -> Result<(), sqlx::Error> {
    let (path, began) = (path.to_owned(), SystemClock.now());
    let mut told = began;
    tracing::info!(path = %path.display(), "the catalog is of an older retrocall, and is brought up to date");
    connection.on_progress(PROGRESS_STEPS, move || {
        if SystemClock.since(told) >= PROGRESS_EVERY {
            told = SystemClock.now();
            let seconds = SystemClock.since(began).as_secs();
            tracing::info!(path = %path.display(), seconds, "the catalog is still being brought up to date");
        }
    })
}

/// Makes the file ready to be written in, if it is sound and of this version.
async fn prepare(path: &Path, connection: &mut Connection, bytes: u64) -> Result<(), Trouble> {
    let failed = |error: sqlx::Error| Trouble::of(path, &error);
    let found = look(path, connection).await?;
    if bytes <= CHECKED_BYTES_MAX {
        let check = rows::query_scalar::<String>("PRAGMA quick_check(1)");
        let verdict = check.fetch_one(&mut *connection).await.map_err(failed)?;
        if verdict != "ok" {
            // A check's words name pages and tables, never what is in them.
            let found = verdict.lines().last().unwrap_or(&verdict).to_owned();
            return Err(Trouble::Damaged { path: path.to_path_buf(), found });
        }
    }
    // Where the file system can't share memory between processes it stays as it was, which is slower but as safe.
    rows::query("PRAGMA journal_mode = WAL").execute(&mut *connection).await.map_err(failed)?;
    if let Some(connection) = connection.as_sqlite().filter(|_| !matches!(found, FileState::UpToDate)) {
        if matches!(found, FileState::Outdated) {
            tell_progress(path, connection).map_err(failed)?;
        }
        let updated = migrations::update_home(connection).await;
        updated.map_err(|error| Trouble::of_migration(path, &error))?;
        connection.no_progress().map_err(failed)?;
    }
    rows::query("PRAGMA synchronous = FULL").execute(&mut *connection).await.map_err(failed)?;
    Ok(())
}
