//! What a player needs of a recording, and the review that somebody has at hand.

use std::path::PathBuf;

use jiff::Timestamp;
use retrocall_words::book::{LegStretch, Silence};
use serde::Serialize;

use super::{NotDone, Person, Turn};

/// Where a file of a recording lies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SoundFile {
    /// On the disk of this home.
    OnDisk(PathBuf),
    /// In the store of a centre, in parts: the name of each, and how many bytes it has.
    InStore(Vec<(String, u64)>),
}

/// The sound of a recording: where it is, and what is silent in it. No names: whoever reviews is not shown them.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Sound {
    /// Its files, in their order.
    #[serde(skip)]
    pub parts: Vec<SoundFile>,
    /// Samples a second.
    pub rate: u64,
    /// How long it is.
    pub seconds: f64,
    /// Where in the call it begins. All other times are those of the recording.
    pub first_seconds: f64,
    /// Stretches of a leg for which nothing came.
    pub gaps: Vec<LegStretch>,
    /// Stretches that somebody asked to be silent.
    pub masks: Vec<Silence>,
    /// Stretches of a leg of which what came was lost.
    pub lost: Vec<LegStretch>,
    /// Where record was pressed.
    pub presses: Vec<f64>,
}

/// The verbs of a player.
pub trait Listening {
    /// The sound of a recording, for those who may know of it, and for its trainees. That somebody listens is another verb, [`super::Desk::used`].
    ///
    /// # Errors
    /// If there is none that this person may know of, or if it is still being written.
    fn sound(&self, who: &Person, id: &str, now: Timestamp) -> Result<Sound, NotDone>;

    /// The review that this person has open. None if they have none: [`super::Reviews::next`] hands one out.
    ///
    /// # Errors
    /// Why it can't be had.
    fn at_hand(&self, who: &Person, now: Timestamp) -> Result<Option<Turn>, NotDone>;
}
