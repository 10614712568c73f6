//! Presses that a centre carried to a site.
//!
//! Belongs here: that the site's ledger has them. Does not: what a press does, which the engine notes of its calls.

use jiff::Timestamp;
use retrocall_words::afar::Press;

use super::NotDone;

/// The verb of whoever carries presses.
pub trait PressesAfar {
    /// Writes down who pressed what, through the centre, for which call of which agent, and whether it was done.
    ///
    /// # Errors
    /// Why it can't be written down.
    fn note_press(&self, press: &Press, is_done: bool, now: Timestamp) -> Result<(), NotDone>;
}
