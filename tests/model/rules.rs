//! The rules of the model, each of which can be broken, and the properties that follow from them.

use crate::desk::{Desk, Life};

/// A rule by which a recording dies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rule {
    /// Once its deletion has begun nothing can hold a recording back any more.
    RefusesOnceBegun,
    /// Whether it is due is asked once more in the transaction in which its deletion begins.
    AsksAgain,
    /// Every write of a sweep checks its token and that its lease has not expired.
    ChecksToken,
    /// The folder is synced before anything is said.
    SyncsFolder,
    /// It is looked whether the file is really not there.
    VerifiesAbsence,
    /// The tombstone lies in its file before the receipt is written.
    BuriesFirst,
    /// A restore ends the rows of what has a tombstone.
    RestoreBuries,
    /// Without a file of tombstones a restored home is closed.
    ClosesWithoutTombstones,
    /// A restore that was cut off keeps everybody from the catalog.
    MarksRestore,
    /// A restore is refused while a sweep is running, and the other way round.
    RestoreWaitsForSweeps,
    /// What was being deleted in the catalog that is replaced goes on being deleted in the restored one.
    RestoreGoesOnDeleting,
    /// The hold stands in its file before anybody is told that it is set.
    NotesHoldFirst,
    /// Its end stands there only once it is released.
    NotesReleaseLast,
    /// A restore holds what was held since the backup.
    RestoreHolds,
    /// An engine that finds an older catalog than it left closes the home.
    StartCloses,
    /// An engine that starts, and each sweep, looks for files of what is gone.
    LooksForFiles,
}

/// A property's name, and whether it holds.
pub type Property = (&'static str, fn(&Desk) -> bool);

pub const NOTHING_LOST: &str = "no file goes while a purpose, a hold or a request covers it";
pub const NOTHING_BACK: &str = "no recording is alive again after its receipt";
pub const OUT_OF_REACH: &str = "no file is on the disk after its receipt, unless somebody has just put it there";
pub const ONE_SWEEPER: &str = "of two sweeps only the one with the last token writes";
pub const KEPT_IS_THERE: &str = "what is kept has its file";

/// What must be possible: a model in which nothing ever goes would keep all properties.
pub const GOES: &str = "a recording goes, with its receipt";

/// All that must hold always.
pub const PROPERTIES: [Property; 5] = [
    (NOTHING_LOST, |desk| !desk.seen.was_lost),
    (NOTHING_BACK, |desk| !desk.seen.receipt || !desk.is_open() || desk.catalog.life != Life::Kept),
    (OUT_OF_REACH, |desk| {
        !desk.seen.receipt || desk.seen.was_put_back || !(desk.disk.is_named || desk.disk.is_on_platter)
    }),
    (ONE_SWEEPER, |desk| !desk.seen.stale_write),
    (KEPT_IS_THERE, |desk| {
        desk.seen.disaster || !desk.is_open() || desk.catalog.life != Life::Kept || desk.disk.is_named
    }),
];
