//! A process that may touch a few files alone: the catalog's stay the same ones while it runs.

use std::{mem, path::PathBuf};

use tokio::runtime::Runtime;

use super::{super::NotDone, HomeDesk};
use crate::{Address, file, holds, rows::Connection, sweep::HomeFiles};

/// Keeps the catalog open, and with it the files beside it that SQLite makes, and removes when nobody has it open.
pub struct HeldOpen {
    connection: Option<Connection>,
    runtime: Runtime,
    catalog: PathBuf,
    identity: Option<file::Identity>,
}

impl HeldOpen {
    /// Whether the catalog at its place is another file by now: one that was restored.
    pub fn was_replaced(&self) -> bool {
        file::identity(&self.catalog) != self.identity
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

/// The files of a home that the verbs of its desk touch.
pub struct DeskFiles {
    /// They are read and written. All are there while the catalog is held open.
    pub written: Vec<PathBuf>,
    /// They are only read.
    pub read: Vec<PathBuf>,
}

impl HomeDesk {
    /// Keeps the catalog open. Not for a thread that is inside a runtime.
    ///
    /// # Errors
    /// Why it can't be opened; [`NotDone::Unknown`] if there is none yet.
    pub fn hold_open(&self) -> Result<HeldOpen, NotDone> {
        let Address::Home { catalog, .. } = &self.address else { return Err(NotDone::Unknown) };
        let (runtime, identity) = (self.address.runtime()?, file::identity(catalog));
        let connection = runtime.block_on(self.address.open(true))?.ok_or(NotDone::Unknown)?;
        Ok(HeldOpen { connection: Some(connection), runtime, catalog: catalog.clone(), identity })
    }

    /// The files that its verbs touch. On a server there are none.
    pub fn files(&self) -> DeskFiles {
        let Address::Home { folder, catalog } = &self.address else {
            return DeskFiles { written: Vec::new(), read: Vec::new() };
        };
        let beside = |ending: &str| PathBuf::from(format!("{}{ending}", catalog.display()));
        let written = vec![catalog.clone(), beside("-wal"), beside("-shm"), holds::path(folder)];
        DeskFiles { written, read: vec![HomeFiles::of(folder).last_sweep_path()] }
    }
}
