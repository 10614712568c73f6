//! Backups, as a deed; and what closes the desk for a while: a clock that has jumped, a catalog that came from a backup.

use jiff::Timestamp;
use retrocall_ledger::DeedKind;

use super::{
    super::{DeskRole, NotDone, Person},
    Answer, HomeDesk,
    act::Act,
};
use crate::{
    milestone,
    rows::Connection,
    sweep::{self, Stopped},
};
use retrocall_words::{Beginning, SystemClock};

const OLDER: NotDone = NotDone::Conflict(
    "the catalog is older than its ledger was, or another one: recordings that were deleted may be in it, and what is written in it now would be lost; \
     stop the engine and type `retrocall restore FILE --tombstones FILE --holds FILE`",
);
const ROLES: &[DeskRole] = &[DeskRole::Administrator];

impl HomeDesk {
    /// Whether somebody may make a backup.
    ///
    /// # Errors
    /// That they may not.
    pub fn may_back_up(&self, who: &Person) -> Result<(), NotDone> {
        if who.is(DeskRole::Administrator) { Ok(()) } else { Err(NotDone::NotAllowed(ROLES)) }
    }

    /// Writes down that a backup was made.
    ///
    /// # Errors
    /// Why it can't be written down.
    pub fn backed_up(&self, who: &Person, now: Timestamp) -> Result<(), NotDone> {
        let act = Act::new(who, DeedKind::BackedUp);
        self.act(act, now, async |_, act| act.needs(ROLES))
    }

    /// Refuses what is done by a clock that has jumped since the last sweep: what it anchors would be due at once, or never.
    pub(super) fn goes_by_clock(&self, now: Timestamp) -> Result<(), NotDone> {
        let Some(home) = self.address.home() else { return Ok(()) };
        let clock = Beginning { at: now, ..Beginning::now(&SystemClock) };
        sweep::believe(home, clock).map_err(|_| {
            NotDone::Conflict(
                "the clock of this machine has jumped since the last sweep: set it right, or say that it is right with `retrocall sweep \
                 --accept-clock`",
            )
        })
    }

    /// Refuses to write into a catalog that is older than its ledger was: what is decided in it would be lost, and may be about what is deleted.
    pub(super) async fn is_newest(&self, rows: &mut Connection) -> Answer<()> {
        let Some(home) = self.address.home() else { return Ok(()) };
        match milestone::closes(rows, home).await? {
            true => Err(OLDER.into()),
            false => Ok(()),
        }
    }

    /// Refuses to play what may have come back from a backup.
    pub(super) fn is_open(&self) -> Result<(), NotDone> {
        match self.address.home().map(sweep::is_open) {
            Some(Err(Stopped::Closed(why))) => Err(NotDone::Conflict(why)),
            _ => Ok(()),
        }
    }
}
