//! Which folders of days have names that a power cut can't take: what is known of them needs no sync.

use std::{
    collections::HashSet,
    path::{Path, PathBuf},
};

use parking_lot::Mutex;

use super::{disk::Disk, paths::Paths, trouble::Refusal};

/// Days that are remembered: more are only in use when many calls wait for a disk.
const DAYS_MAX: usize = 64;

/// What all commits know of the folders of days. A folder that is taken away in mid-call shows when a file in it is opened, renamed or synced: then
/// it is forgotten.
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
        disk.create_dir_all(&paths.folder).map_err(|error| Refusal::new("make the folder of", &paths.wav(1), &error))
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
            synced.map_err(|error| Refusal::of_name_change("sync the folder of", &paths.wav(1), &error))?;
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

    /// Something is wrong with it.
    pub fn forget(&self, folder: &Path) {
        self.0.lock().remove(folder);
    }
}
