//! PostgreSQL as the place of the records of many machines.
//!
//! Belongs here: its tables, how it is reached, which of its refusals pass by themselves. Does not: what is asked of it, which is what is asked of a
//! home's catalog (`rows`).
//!
//! Its deeds are SERIALIZABLE: as if they came one after the other, as SQLite's do. The server refuses one that can't be so, and it is done again from
//! its first statement ([`again`]). They run on threads of their own that nobody cancels: sqlx hands on the transaction of a cancelled `BEGIN` as an
//! open one.

use std::{
    fmt,
    net::IpAddr,
    path::{Path, PathBuf},
    str::FromStr as _,
    sync::Arc,
    thread,
    time::Duration,
};

use sqlx::{ConnectOptions as _, Connection as _, PgConnection, Row as _, postgres::PgConnectOptions};
use tokio::runtime::{self, Runtime};

use super::{Trouble, migrations, random, rows::Connection, sqlstate};

/// How often a deed is tried. Each round of a race lets one through, so that this many may meet.
const TRIES: u32 = 30;
/// The longest wait before the second try; that before the others is longer, and never longer than the last.
const FIRST_WAIT: Duration = Duration::from_millis(2);
const LAST_WAIT: Duration = Duration::from_millis(200);
/// What the server is told of each connection: nobody waits for a lock for ever, nor keeps a transaction open while another machine is waited for; and
/// to compile a statement takes longer than to do it.
const SETTINGS: [(&str, &str); 4] = [
    ("lock_timeout", "5s"),
    ("idle_in_transaction_session_timeout", "60s"),
    ("client_min_messages", "warning"),
    ("jit", "off"),
];

/// A database of a server.
#[derive(Clone)]
pub struct Server {
    options: Arc<PgConnectOptions>,
    /// Without a password.
    shown: PathBuf,
    /// Who holds its sessions.
    #[cfg(test)]
    stops: Option<Arc<dyn super::rows::stops::Stops>>,
}

/// A password could be among the options.
impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Server").field(&self.shown).finish()
    }
}

impl Server {
    /// The one that an address of the form `postgres://USER@HOST/DATABASE` names; through a Unix socket: `postgres:///DATABASE?host=/FOLDER&user=USER`.
    ///
    /// # Errors
    /// That it is none.
    pub fn at(address: &str) -> Result<Server, Trouble> {
        let options = PgConnectOptions::from_str(address).map_err(|_| Trouble::Unusable {
            path: "the database".into(),
            cause: "its address is none of PostgreSQL".to_owned(),
            step: "write it as postgres://USER@HOST/DATABASE".to_owned(),
        })?;
        let place = options.get_socket().map_or(options.get_host().into(), |folder| folder.to_string_lossy());
        let database = options.get_database().unwrap_or(options.get_username());
        let shown = format!("postgres://{place}/{database}").into();
        // Statements are written down nowhere.
        let options = options.application_name("retrocall").options(SETTINGS).disable_statement_logging();
        Ok(Server {
            options: Arc::new(options),
            shown,
            #[cfg(test)]
            stops: None,
        })
    }

    /// The same, with sessions that are held.
    #[cfg(test)]
    pub(crate) fn held_by(self, stops: Arc<dyn super::rows::stops::Stops>) -> Server {
        Server { stops: Some(stops), ..self }
    }

    /// The port at which it is reached over the network. None: by a socket of this machine.
    pub(super) fn port(&self) -> Option<u16> {
        self.options.get_socket().is_none().then(|| self.options.get_port())
    }

    /// Whether it is reached by a name, whose address has to be found first.
    pub(super) fn has_name(&self) -> bool {
        self.options.get_socket().is_none() && self.options.get_host().parse::<IpAddr>().is_err()
    }

    /// As messages name it.
    pub(super) fn shown(&self) -> &Path {
        &self.shown
    }

    /// Makes the tables, or brings them up to date.
    ///
    /// # Errors
    /// Why it can't.
    pub fn prepare(&self) -> Result<(), Trouble> {
        let work = async || {
            let mut connection = self.connect().await?;
            self.look(&mut connection).await?;
            migrations::SERVER
                .run(&mut connection)
                .await
                .map_err(|error| Trouble::of_migration(&self.shown, &error))?;
            connection.close().await.map_err(|error| Trouble::of(&self.shown, &error))
        };
        // On a thread of its own: whoever asks may be inside a runtime.
        let work = || {
            let runtime = self.runtime()?;
            runtime.block_on(work())
        };
        let done = thread::scope(|scope| scope.spawn(work).join());
        done.unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    }

    /// What runs a connection there. Not for a thread that is inside another one.
    pub(super) fn runtime(&self) -> Result<Runtime, Trouble> {
        // With the sockets of the system.
        let runtime = runtime::Builder::new_current_thread().enable_all().build();
        runtime.map_err(|error| Trouble::NoThread { cause: error.to_string() })
    }

    /// How it is reached.
    pub(super) fn options(&self) -> PgConnectOptions {
        (*self.options).clone()
    }

    pub(super) async fn connect(&self) -> Result<PgConnection, Trouble> {
        self.options.connect().await.map_err(|error| Trouble::of(&self.shown, &error))
    }

    /// Whether it has all the tables that this program knows. A foreign or a newer one is refused.
    async fn look(&self, connection: &mut PgConnection) -> Result<Tables, Trouble> {
        let failed = |error: sqlx::Error| Trouble::of(&self.shown, &error);
        let found = sqlx::query(
            "SELECT to_regclass('calls') IS NOT NULL AS has_calls, to_regclass('_sqlx_migrations') IS NOT NULL AS has_versions",
        );
        let found = found.fetch_one(&mut *connection).await.map_err(failed)?;
        match (found.try_get("has_calls").map_err(failed)?, found.try_get("has_versions").map_err(failed)?) {
            (_, true) => {}
            (true, false) => return Err(Trouble::Foreign { path: self.shown.clone() }),
            (false, false) => return Ok(Tables::None),
        }
        let select = sqlx::query_scalar("SELECT version FROM _sqlx_migrations WHERE success ORDER BY version");
        let applied: Vec<i64> = select.fetch_all(connection).await.map_err(failed)?;
        if !applied.iter().all(|version| migrations::SERVER.version_exists(*version)) {
            return Err(Trouble::Newer { path: self.shown.clone() });
        }
        Ok(if applied.len() == migrations::SERVER.iter().count() { Tables::UpToDate } else { Tables::Outdated })
    }

    /// Whether it has just the tables that this program knows.
    pub(super) async fn is_up_to_date(&self, connection: &mut PgConnection) -> Result<bool, Trouble> {
        Ok(matches!(self.look(connection).await?, Tables::UpToDate))
    }

    /// Opens it. None if it has no tables yet.
    pub(super) async fn open(&self) -> Result<Option<Connection>, Trouble> {
        let mut connection = self.connect().await?;
        #[cfg(test)]
        {
            let pid = sqlx::query_scalar("SELECT pg_backend_pid()").fetch_one(&mut connection).await;
            super::rows::stops::hold(self.stops.clone(), pid.map_err(|error| Trouble::of(&self.shown, &error))?);
        }
        match self.look(&mut connection).await? {
            Tables::None => Ok(None),
            Tables::Outdated => Err(Trouble::Older { path: self.shown.clone() }),
            Tables::UpToDate => Ok(Some(Connection::Postgres(connection))),
        }
    }
}

/// What tables a database has.
enum Tables {
    None,
    Outdated,
    UpToDate,
}

/// A failure that may be a race.
pub(super) trait MayRace {
    /// Whether it is one, so that the deed is done again.
    fn is_race(&self) -> bool;
}

impl MayRace for sqlx::Error {
    fn is_race(&self) -> bool {
        sqlstate::is_race(self)
    }
}

impl MayRace for Trouble {
    fn is_race(&self) -> bool {
        matches!(self, Trouble::Raced { .. })
    }
}

/// Does a deed, a whole transaction, and does it again as long as it is refused because others did theirs at the same time. SQLite never refuses so.
pub(super) async fn again<T, E: MayRace>(mut deed: impl AsyncFnMut() -> Result<T, E>) -> Result<T, E> {
    let mut wait_max = FIRST_WAIT;
    for _ in 1..TRIES {
        match deed().await {
            Err(error) if error.is_race() => {}
            done => return done,
        }
        // Not all after the same time, or they would meet again.
        let part = random::bytes::<1>().map_or(128, |[byte]| byte);
        tokio::time::sleep(wait_max * u32::from(part) / 255).await;
        wait_max = LAST_WAIT.min(wait_max * 2);
    }
    deed().await
}
