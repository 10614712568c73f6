//! The life of a call.
//!
//! Belongs here: facts, typed states, controls and their answers, the timeline. Does not: files, sockets.

mod facts;

pub use facts::Facts;
