//! The folders of days: which of them are known to have durable names, so that nobody syncs those again.

use std::{collections::HashSet, path::PathBuf};

use parking_lot::Mutex;

use super::{disk::Disk, paths::Paths, trouble::Refusal};

/// Days that are remembered: more are only in use when many calls wait for a disk.
const DAYS_MAX: usize = 64;

/// The folders that all commits know. If somebody takes a folder away in mid-call, the next step that opens, renames or syncs a file in it fails, and
/// the folder is forgotten.
#[derive(Default)]
pub struct Folders(Mutex<HashSet<PathBuf>>);

impl Folders {
    /// Makes the folder of a recording, if it is not known to be there.
    ///
    /// # Errors
    /// What the disk refuses.
    pub fn make(&self, disk: &dyn Disk, paths: &Paths) -> Result<(), Refusal> {
        if self.0.lock().contains(&paths.folder) {
            return Ok(());
        }
        disk.create_dir_all(&paths.folder).map_err(|error| Refusal::new("make the folder of", &paths.wav(1), error))
    }

    /// Makes the names in the folder of a recording durable, and those of the folder itself and of all above it, up to the home. All the way up:
    /// another commit may have made them a moment ago and not synced them yet.
    ///
    /// # Errors
    /// What the disk refuses.
    pub fn sync(&self, disk: &dyn Disk, paths: &Paths) -> Result<(), Refusal> {
        let is_known = self.0.lock().contains(&paths.folder);
        for folder in paths.folders().take(if is_known { 1 } else { usize::MAX }) {
            let synced = disk.sync_dir(folder);
            synced.map_err(|error| Refusal::of_name("sync the folder of", &paths.wav(1), error))?;
        }
        if !is_known {
            let mut known = self.0.lock();
            if known.len() >= DAYS_MAX {
                known.clear();
            }
            known.insert(paths.folder.clone());
        }
        Ok(())
    }

    /// Something is wrong with the folder of a recording.
    pub fn forget(&self, paths: &Paths) {
        self.0.lock().remove(&paths.folder);
    }
}
