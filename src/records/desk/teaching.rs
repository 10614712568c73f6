//! Teaching material, once it is approved: who may hear it (D6). It is played by named trainees, and leaves the home by no verb of theirs.

use jiff::{Timestamp, civil::Date};
use serde::Serialize;

use super::{NotDone, Person};

/// A recording that is taught with. It names nobody of the call.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Material {
    /// The recording.
    pub recording: String,
    /// How long it is.
    pub seconds: Option<f64>,
    /// What it teaches, as it was proposed.
    pub reason: String,
    /// When it is looked at again.
    pub review_on: Date,
    /// Who may hear it: told to those who name trainees.
    pub trainees: Vec<String>,
}

/// The verbs around teaching material that is approved.
pub trait Teaching {
    /// From now on this account may hear a recording as teaching material.
    ///
    /// # Errors
    /// Why they can't be named.
    fn name_trainee(&self, who: &Person, recording: &str, user: &str, now: Timestamp) -> Result<(), NotDone>;

    /// They may no longer.
    ///
    /// # Errors
    /// Why that can't be said.
    fn withdraw_trainee(&self, who: &Person, recording: &str, user: &str, now: Timestamp) -> Result<(), NotDone>;

    /// What somebody may hear as a trainee; all of it for those who name trainees.
    ///
    /// # Errors
    /// Why it can't be had.
    fn material(&self, who: &Person, now: Timestamp) -> Result<Vec<Material>, NotDone>;
}
