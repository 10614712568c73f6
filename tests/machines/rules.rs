//! The rules of the model, each of which can be broken, and the properties that follow from them.

use crate::state::{Machines, Object, Row};

/// A rule by which many machines keep and delete.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rule {
    /// The centre says that it has a recording once it has read it back from the store.
    ReadsBackFirst,
    /// The home's copy goes only after that answer.
    RemovesAfterAnswer,
    /// An object that is there is not written over: its name says what is in it.
    PutsIfAbsent,
    /// What is gone, or is going, is not taken again.
    AnswersGone,
    /// A delivery stands in the database, for a limited time, before anything of it lies in the store.
    BeginsInDatabase,
    /// Whoever has a limited time looks at its own clock before it changes the store.
    WatchesOwnClock,
    /// Once its deletion has begun nothing can hold a recording back any more.
    RefusesOnceBegun,
    /// Whether it is due is asked once more in the transaction in which its deletion begins.
    AsksAgain,
    /// Every write of a clean-up checks its token and that its lease has not expired.
    ChecksToken,
    /// The tombstone lies in the store before the recording goes from there.
    BuriesFirst,
    /// A database that was restored is closed until it was compared with the store.
    ClosesAfterRestore,
    /// By tombstones what is gone stays gone.
    RestoreBuries,
    /// What lies in the store without a row and without a tombstone is taken in.
    AdoptsOrphans,
    /// What was ordered since the backup is ordered again.
    RestoreOrders,
    /// An order lies in the store before anybody is told that it is given.
    NotesOrderFirst,
    /// The end of a hold stands there only once it is released.
    NotesReleaseLast,
    /// A restore waits for processes, and for the time that they were given.
    RestoreWaits,
    /// A site confirms that it has delivered what was ordered once nothing of it lies there.
    ConfirmsAfterDoing,
    /// That counts once no delivery of it is on its way.
    CountsWhenNothingIsOnItsWay,
    /// What a site has begun to deliver and does not have any more goes from the store, with a tombstone, before that counts.
    BuriesWhatNeverArrived,
    /// A request closes once every site has confirmed, and what was erased is gone.
    ClosesWhenAllConfirmed,
    /// A site deletes what it has not delivered only under orders that are younger than a day.
    SweepsUnderFreshOrders,
}

/// A property's name, and whether it holds.
pub type Property = (&'static str, fn(&Machines) -> bool);

pub const NOTHING_LOST: &str = "the last copy does not go while a purpose or a hold covers it";
pub const KEPT_IS_THERE: &str = "what the centre calls kept lies whole in the store";
pub const NOTHING_FORGOTTEN: &str = "what left its site has its row at the centre";
pub const NOTHING_BACK: &str = "no recording is alive again after its receipt";
pub const OUT_OF_REACH: &str = "nothing lies in the store after the receipt";
pub const NOT_EARLY: &str = "no request closes while a copy is anywhere";
pub const ONE_SWEEPER: &str = "of two clean-ups only the one with the last token writes";

/// What must be possible: a model in which nothing ever happens would keep all properties.
pub const GOES: &str = "a recording is delivered, leaves its site, and goes, with its receipt";
pub const CLOSES: &str = "a request closes";

/// All that must hold always.
pub const PROPERTIES: [Property; 7] = [
    (NOTHING_LOST, |all| !all.seen.was_lost),
    (KEPT_IS_THERE, |all| all.is_closed || all.database.row != Row::Stored || all.store.object == Object::Whole),
    (NOTHING_FORGOTTEN, |all| all.is_closed || all.site.has_file || all.seen.is_over || all.database.row != Row::None),
    (NOTHING_BACK, |all| !all.seen.receipt || all.is_closed || all.database.row != Row::Stored),
    (OUT_OF_REACH, |all| !all.seen.receipt || all.store.object == Object::None),
    (NOT_EARLY, |all| !all.seen.is_closed || !all.site.has_file && all.store.object == Object::None),
    (ONE_SWEEPER, |all| !all.seen.stale_write),
];
