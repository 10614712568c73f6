//! A process that may touch a few files alone: the catalog's stay the same ones while it runs.

use std::{mem, path::PathBuf};

use tokio::runtime::Runtime;

use super::{super::NotDone, HomeDesk};
use crate::{Address, file, holds, rows::Connection, sweep::HomeFiles};

/// Keeps the catalog open, and with it the files beside it that SQLite makes, and removes when nobody has it open.
pub struct HeldOpen {
    connection: Option<Connection>,
    runtime: Runtime,
    address: Address,
    identity: Option<file::Identity>,
}

impl HeldOpen {
    /// Whether the catalog at its place is another file by now: one that was restored.
    pub fn was_replaced(&self) -> bool {
        self.address.identity() != self.identity
    }
}

impl Drop for HeldOpen {
    fn drop(&mut self) {
        if let Some(connection) = mem::take(&mut self.connection) {
            // Nothing was written: however it closes, nothing is lost.
            let _ = self.runtime.block_on(connection.close());
        }
    }
}

/// What the verbs of a desk touch.
pub struct DeskFiles {
    /// They are read and written. All are there while the catalog is held open.
    pub written: Vec<PathBuf>,
    /// They are only read.
    pub read: Vec<PathBuf>,
    /// The port of a server that is reached over the network.
    pub port: Option<u16>,
}

/// By what the system finds the address of a name.
pub const NAMES: [&str; 5] =
    ["/etc/hosts", "/etc/resolv.conf", "/etc/nsswitch.conf", "/etc/host.conf", "/etc/gai.conf"];

impl HomeDesk {
    /// Keeps the catalog open. Of a server nothing is: it is only seen that it can be asked. Not for a thread that is inside a runtime.
    ///
    /// # Errors
    /// Why it can't be opened; [`NotDone::Unknown`] if there is none yet.
    pub fn hold_open(&self) -> Result<HeldOpen, NotDone> {
        let (runtime, identity) = (self.address.runtime()?, self.address.identity());
        let connection = runtime.block_on(self.address.open(true))?.ok_or(NotDone::Unknown)?;
        let connection = Some(connection).filter(|_| self.address.home().is_some());
        Ok(HeldOpen { connection, runtime, address: self.address.clone(), identity })
    }

    /// Where its records are.
    pub fn address(&self) -> &Address {
        &self.address
    }

    /// What its verbs touch: files, or a server.
    pub fn files(&self) -> DeskFiles {
        let (folder, catalog) = match &self.address {
            Address::Home { folder, catalog } => (folder, catalog),
            Address::Server(server) => {
                let read = if server.has_name() { NAMES.map(PathBuf::from).into() } else { Vec::new() };
                return DeskFiles { written: Vec::new(), read, port: server.port() };
            }
        };
        let beside = |ending: &str| PathBuf::from(format!("{}{ending}", catalog.display()));
        let written = vec![catalog.clone(), beside("-wal"), beside("-shm"), holds::path(folder)];
        DeskFiles { written, read: vec![HomeFiles::of(folder).last_sweep_path()], port: None }
    }
}
