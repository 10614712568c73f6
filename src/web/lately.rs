//! What reads every row of something, looked up lately: whoever asks within a minute gets the same.

use jiff::{SignedDuration, Timestamp};
use parking_lot::Mutex;

use super::answer::Answer;

/// How long it is handed out.
const HOLDS: SignedDuration = SignedDuration::from_secs(60);

/// What was found last, and when.
pub(crate) struct Lately<T>(Mutex<Option<(Timestamp, T)>>);

impl<T> Default for Lately<T> {
    fn default() -> Lately<T> {
        Lately(Mutex::default())
    }
}

impl<T: Clone> Lately<T> {
    /// The last one, or a new one. Whoever asks meanwhile waits for it, and does not make another.
    pub(crate) fn get_or(&self, now: Timestamp, look: impl FnOnce() -> Answer<T>) -> Answer<T> {
        let mut last = self.0.lock();
        if let Some((at, found)) = &*last
            && now.duration_since(*at).abs() < HOLDS
        {
            return Ok(found.clone());
        }
        let found = look()?;
        *last = Some((now, found.clone()));
        Ok(found)
    }
}
