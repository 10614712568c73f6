//! The last verification of the ledger: it reads every row, so whoever asks within a minute gets the same.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use parking_lot::Mutex;
use retrocall_ledger::Report;

use super::answer::Answer;

/// How long a verification is handed out.
const HOLDS: SignedDuration = SignedDuration::from_secs(60);

/// None: there was no ledger.
type Verified = Option<Arc<Report>>;

/// The last one.
#[derive(Default)]
pub(crate) struct LastVerified(Mutex<Option<(Timestamp, Verified)>>);

impl LastVerified {
    /// The last one, or a new one. Whoever asks meanwhile waits for it, and does not make another.
    pub(crate) fn get_or(&self, now: Timestamp, verify: impl FnOnce() -> Answer<Verified>) -> Answer<Verified> {
        let mut last = self.0.lock();
        if let Some((at, verified)) = &*last
            && now.duration_since(*at).abs() < HOLDS
        {
            return Ok(verified.clone());
        }
        let verified = verify()?;
        *last = Some((now, verified.clone()));
        Ok(verified)
    }
}
