//! What can be wrong with the catalog: each with its cause and what to do.

use std::{
    fmt, io,
    path::{Path, PathBuf},
};

use sqlx::migrate::MigrateError;

use super::{sqlstate, steps};

// Primary result codes of SQLite (sqlite.org/rescode.html).
/// A statement does not fit the tables.
const ERROR: i32 = 1;
const BUSY: i32 = 5;
const LOCKED: i32 = 6;
const CORRUPT: i32 = 11;
const FULL: i32 = 13;
/// Another program changed the locks too often.
const PROTOCOL: i32 = 15;
const SCHEMA: i32 = 17;
const CONSTRAINT: i32 = 19;
const MISMATCH: i32 = 20;
const FORMAT: i32 = 24;
const NOTADB: i32 = 26;

/// Why the catalog cannot be read or written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Trouble {
    /// The first try is still going on.
    Opening,
    /// Another program holds it.
    Locked {
        /// The file.
        path: PathBuf,
    },
    /// It is not what was once written there.
    Damaged {
        /// The file.
        path: PathBuf,
        /// What was found.
        found: String,
    },
    /// A newer retrocall wrote it.
    Newer {
        /// The file.
        path: PathBuf,
    },
    /// An older retrocall wrote it, and the engine has not brought it up to date yet.
    Older {
        /// The file.
        path: PathBuf,
    },
    /// It is a sound database, but not a catalog that any known retrocall wrote.
    Foreign {
        /// The file.
        path: PathBuf,
    },
    /// The file that holds the latest rows belongs to a catalog that is not there.
    Orphaned {
        /// That file.
        wal: PathBuf,
    },
    /// The disk is full.
    Full {
        /// The file.
        path: PathBuf,
    },
    /// The file, or one beside it, can't be used.
    Unusable {
        /// The file.
        path: PathBuf,
        /// What the system says.
        cause: String,
        /// What to do about it.
        step: String,
    },
    /// No more numbers can be reserved for calls.
    Unreserved {
        /// The file of numbers.
        path: PathBuf,
        /// What the system says.
        cause: String,
        /// What to do about it.
        step: String,
    },
    /// Others did their deeds at the same time, each time that it was tried.
    Raced {
        /// The database.
        path: PathBuf,
    },
    /// The thread that writes it came upon a defect of this program.
    Panicked {
        /// The file.
        path: PathBuf,
    },
    /// The system gives no thread to write it.
    NoThread {
        /// What the system says.
        cause: String,
    },
    /// The catalog has been closed.
    Closed,
}

impl Trouble {
    /// What an answer of the database means. Its words name tables and columns, never values.
    pub(super) fn of(path: &Path, error: &sqlx::Error) -> Trouble {
        let path = path.to_path_buf();
        if sqlstate::is_race(error) {
            return Trouble::Raced { path };
        }
        match error {
            sqlx::Error::Database(_) if let Some(code) = sqlstate::code_of(error) => {
                // Its words can hold values.
                let (cause, step) = steps::of_server(code);
                Trouble::Unusable { path, cause, step }
            }
            sqlx::Error::Database(answer) => {
                let code = answer.code().and_then(|code| code.parse::<i32>().ok()).unwrap_or(ERROR) & 0xff;
                let said = answer.message().to_owned();
                match code {
                    BUSY | LOCKED | PROTOCOL => Trouble::Locked { path },
                    // Tables, or rows, that this program did not write.
                    CORRUPT | NOTADB | ERROR | SCHEMA | CONSTRAINT | MISMATCH | FORMAT => {
                        Trouble::Damaged { path, found: said }
                    }
                    FULL => Trouble::Full { path },
                    code => {
                        let (cause, step) = steps::of_sqlite(&path, code, &said);
                        Trouble::Unusable { path, cause, step }
                    }
                }
            }
            sqlx::Error::Io(error) if path.starts_with("postgres:") => {
                let (cause, step) = steps::of_way_to_server(error);
                Trouble::Unusable { path, cause, step }
            }
            sqlx::Error::Io(error) => Trouble::unusable(&path, error),
            sqlx::Error::ColumnDecode { index, .. } => Trouble::unreadable(&path, index),
            other => {
                let step = "it is tried again; if it stays, report it: this is a defect of retrocall".to_owned();
                Trouble::Unusable { path, cause: other.to_string(), step }
            }
        }
    }

    /// What a refusal to bring the tables up to date means.
    pub(super) fn of_migration(path: &Path, error: &MigrateError) -> Trouble {
        match error {
            MigrateError::Execute(error) | MigrateError::ExecuteMigration(error, _) => Trouble::of(path, error),
            MigrateError::VersionMissing(_) => Trouble::Newer { path: path.to_path_buf() },
            MigrateError::VersionMismatch(_) => Trouble::Foreign { path: path.to_path_buf() },
            other => Trouble::Damaged { path: path.to_path_buf(), found: other.to_string() },
        }
    }

    /// A refusal of the file system.
    pub(super) fn unusable(path: &Path, error: &io::Error) -> Trouble {
        match error.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Trouble::Full { path: path.to_path_buf() },
            _ => {
                let (cause, step) = (error.to_string(), steps::of_system(path, error));
                Trouble::Unusable { path: path.to_path_buf(), cause, step }
            }
        }
    }

    /// A refusal of the file system with the file of numbers.
    pub(super) fn unreserved(path: &Path, error: &io::Error) -> Trouble {
        let (cause, step) = (error.to_string(), steps::of_system(path, error));
        Trouble::Unreserved { path: path.to_path_buf(), cause, step }
    }

    /// A column holds what this program never writes there. What it holds is not said: it could be a customer's number.
    pub(super) fn unreadable(path: &Path, column: &str) -> Trouble {
        Trouble::Damaged { path: path.to_path_buf(), found: format!("the column {column} cannot be read") }
    }
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Trouble::Opening => f.write_str("the catalog is still being opened: ask again"),
            Trouble::Locked { path } => write!(
                f,
                "another program holds the catalog {}: end that program; it is tried again every second",
                path.display()
            ),
            Trouble::Damaged { path, found } => write!(
                f,
                "the catalog {path} is damaged ({found}) and is left as it is: move it away together with {path}-wal and \
                 {path}-shm, or restore a backup (`retrocall restore`)",
                path = path.display()
            ),
            Trouble::Newer { path } => write!(
                f,
                "the catalog {} was written by a newer retrocall and is left as it is: run that version, or use another --home",
                path.display()
            ),
            Trouble::Older { path } => write!(
                f,
                "the catalog {} was written by an older retrocall: start the engine once, which brings it up to date",
                path.display()
            ),
            Trouble::Foreign { path } => write!(
                f,
                "{} is a database, but not a catalog of this retrocall, and is left as it is: move it away, or use another --home",
                path.display()
            ),
            Trouble::Orphaned { wal } => write!(
                f,
                "{} holds the latest rows of a catalog that was moved away: put the two together again, or move this file there too",
                wal.display()
            ),
            Trouble::Full { path } => {
                write!(
                    f,
                    "no room on the disk for the catalog ({}): make room there, or raise this user's quota; it is tried again every second",
                    path.display()
                )
            }
            Trouble::Unusable { path, cause, step } => {
                write!(f, "the catalog cannot be used: {}: {cause}; {step}", path.display())
            }
            Trouble::Unreserved { path, cause, step } => write!(
                f,
                "no numbers can be reserved in {}: {cause}; {step}; calls that begin without one are recorded on demand and not drawn",
                path.display()
            ),
            Trouble::Raced { path } => write!(
                f,
                "others changed the same records in {} at the same time, again and again: do it once more",
                path.display()
            ),
            Trouble::Panicked { path } => write!(
                f,
                "writing the catalog {} failed by a defect in retrocall, which the log shows: it is tried again every second; report it",
                path.display()
            ),
            Trouble::NoThread { cause } => {
                write!(
                    f,
                    "no thread for the catalog ({cause}): raise the limit on threads of this user, then start again"
                )
            }
            Trouble::Closed => f.write_str("the catalog has been closed: the engine is stopping"),
        }
    }
}

impl std::error::Error for Trouble {}
