//! The life of a call.
//!
//! Belongs here: typed states, controls and their answers, the timeline. Does not: files, sockets.
//!
//! [`LiveCall`] → [`Settled`] → [`SelectedCall`] → released by a [`retrocall_file::Durable`], or → [`UnselectedCall`] → discarded.

mod live;
mod marks;
mod moment;
mod settled;
mod silences;

pub use live::{Done, LiveCall, Pressed, Rules};
pub use marks::Marks;
pub use moment::Moment;
pub use settled::{Outcome, SelectedCall, Settled, UnselectedCall};
