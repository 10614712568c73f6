//! The search for sound where it should not be.
//!
//! Belongs here: known sound and its forms, needles and windows, the places of a process, files, a process's report on itself. Does not: which
//! calls are played, printing, what is right.
//!
//! `retrocall demo` looks for windows of real speech in files; `retrocall prove` looks for needles of noise everywhere.
#![forbid(unsafe_code)]

pub mod bench;
pub mod check;
pub mod conform;
pub mod files;
pub mod inside;
pub mod needles;
pub mod process;
pub mod sound;
mod stream;
pub mod windows;
pub mod written;

pub use needles::{Finder, NEEDLE_BYTES, Needles};
pub use sound::Sound;

#[cfg(test)]
#[path = "../../tests/skip/mod.rs"]
mod skip;
