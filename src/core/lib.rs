//! The wait-free heart: locked memory, the ring, and what threads share.
//!
//! Belongs here: memory, the ring, what the kernel bars threads from, their priority, their signs of life. Does not: files, sockets,
//! what is decided about a call.
// For RealtimeSanitizer (`make rtsan`), and there alone.
#![cfg_attr(rtsan, feature(sanitize))]

pub mod barrier;
pub mod heart;
#[cfg(feature = "planted-leaks")]
pub mod leaks;
pub mod memory;
pub mod priority;
pub mod ring;

#[cfg(test)]
#[path = "../../tests/skip/mod.rs"]
mod skip;
