//! Where commits write.

use std::{path::PathBuf, sync::Arc};

use retrocall_file::{Disk, Folders};
use retrocall_words::Clock;

/// The disk and its clock, shared by all commits.
#[derive(Clone)]
pub(super) struct Storage {
    pub disk: Arc<dyn Disk>,
    /// The folder of all recordings.
    pub recordings: PathBuf,
    pub folders: Arc<Folders>,
    /// Stereo samples in the longest file.
    pub part_samples_max: u64,
    pub clock: Arc<dyn Clock>,
}
