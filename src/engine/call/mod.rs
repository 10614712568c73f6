//! The life of a call.
//!
//! Belongs here: typed states, controls and their effects, the timeline. Does not: files, sockets.
//!
//! [`LiveCall`] → [`Fate`] → [`SelectedCall`] → released by a [`retrocall_file::Durable`], or → [`UnselectedCall`] → discarded.

mod effect;
mod fate;
mod live;
mod marks;
mod moment;
mod phone_keys;
mod silences;

pub use effect::{Effect, KeyDeed, PressEffect, Rules};
pub use fate::{Fate, FinalFacts, SelectedCall, UnselectedCall};
pub use live::LiveCall;
pub use marks::Marks;
pub use moment::Moment;
