//! The policy in its versions, for papers of any date.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::NotDone;
use crate::policy::Version;
use retrocall_words::Practice;

/// A version of the policy, as it was written down when it came into force.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WrittenVersion {
    /// Its place among all versions, from 1.
    #[serde(skip)]
    pub number: u64,
    /// Its periods and its calendar.
    #[serde(flatten)]
    pub version: Version,
    /// What else the desk did. None: a command wrote it down that did not know.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub practice: Option<Practice>,
}

/// Reading the versions: the policy is no secret.
pub trait Versions {
    /// All versions that were in force, in their order. None before the first sweep.
    ///
    /// # Errors
    /// Why they can't be had.
    fn versions(&self) -> Result<Vec<WrittenVersion>, NotDone>;

    /// Writes down what else the desk does: with the last version, if that came into force without it; else, if it changed, as the next version.
    ///
    /// # Errors
    /// Why it can't be.
    fn take_up(&self, practice: &Practice, now: Timestamp) -> Result<(), NotDone>;
}
