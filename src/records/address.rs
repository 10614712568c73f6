//! Where records lie: in the catalog of a home, or on a server.
//!
//! Belongs here: opening either. Does not: what a catalog is (`file`), what a server is (`server`), what is asked of them.

use std::path::{Path, PathBuf};

use tokio::runtime::{self, Runtime};

use super::{Trouble, file, restoring, rows::Connection, server::Server};

/// Where records lie.
#[derive(Debug, Clone)]
pub enum Address {
    /// In the catalog of a home.
    Home {
        /// The home folder, as an absolute path.
        folder: PathBuf,
        /// The catalog.
        catalog: PathBuf,
    },
    /// On a server, for many machines.
    Server(Server),
}

impl Address {
    /// That of a home folder.
    pub fn of(home: &Path) -> Address {
        let folder = std::path::absolute(home).unwrap_or_else(|_| home.to_path_buf());
        Address::Home { catalog: file::path(&folder), folder }
    }

    /// That of the home whose catalog this is.
    pub(crate) fn of_catalog(catalog: &Path) -> Address {
        let folder = catalog.parent().unwrap_or(catalog).to_path_buf();
        Address::Home { folder, catalog: catalog.to_path_buf() }
    }

    /// What runs a connection there. Not for a thread that is inside another one.
    pub(crate) fn runtime(&self) -> Result<Runtime, Trouble> {
        match self {
            Address::Home { .. } => {
                let runtime = runtime::Builder::new_current_thread().enable_time().build();
                runtime.map_err(|error| Trouble::NoThread { cause: error.to_string() })
            }
            Address::Server(server) => server.runtime(),
        }
    }

    /// The home folder. A server has none.
    pub(crate) fn home(&self) -> Option<&Path> {
        match self {
            Address::Home { folder, .. } => Some(folder),
            Address::Server(_) => None,
        }
    }

    /// As messages name it.
    pub(crate) fn shown(&self) -> &Path {
        match self {
            Address::Home { catalog, .. } => catalog,
            Address::Server(server) => server.shown(),
        }
    }

    /// Whether no engine has ever run there.
    pub(crate) fn is_empty(&self) -> bool {
        match self {
            Address::Home { catalog, .. } => !catalog.exists(),
            // That is asked when it is opened.
            Address::Server(_) => false,
        }
    }

    /// Opens them to read, or to write as well. None if there are none yet.
    pub(crate) async fn open(&self, writes: bool) -> Result<Option<Connection>, Trouble> {
        match self {
            Address::Home { catalog, .. } if writes => file::open_for_deeds(catalog).await,
            Address::Home { catalog, .. } => file::open_to_read(catalog).await,
            Address::Server(server) => server.open().await,
        }
    }

    /// Which file they are in now. None: in none, or on a server.
    pub(crate) fn identity(&self) -> Option<file::Identity> {
        match self {
            Address::Home { catalog, .. } => file::identity(catalog),
            Address::Server(_) => None,
        }
    }

    /// Refuses the catalog of a home in which a restore was cut off.
    pub(crate) fn cut_off(&self) -> Result<(), Trouble> {
        match self {
            Address::Home { catalog, .. } => restoring::cut_off(catalog),
            Address::Server(_) => Ok(()),
        }
    }

    /// Whether a connection still leads to tables that are just those that this program knows.
    pub(crate) async fn knows(&self, rows: &mut Connection) -> Result<bool, Trouble> {
        match (self, rows) {
            (Address::Home { catalog, .. }, rows @ Connection::Sqlite(_)) => file::is_up_to_date(catalog, rows).await,
            (Address::Server(server), Connection::Postgres(to)) => server.is_up_to_date(to).await,
            _ => Ok(false),
        }
    }

    /// What an answer of theirs means.
    pub(crate) fn refused(&self, error: &sqlx::Error) -> Trouble {
        Trouble::of(self.shown(), error)
    }
}
