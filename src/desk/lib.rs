//! The programs at an agent's place: sound devices, the bridge to baresip, the hotkey.
//!
//! Belongs here: turning sound and keys into calls and controls. Does not: the engine.
#![forbid(unsafe_code)]

pub mod capture;
pub mod hotkey;

#[cfg(test)]
#[path = "../../tests/fake/mod.rs"]
mod fake;

/// Lets tests prove that the path of a frame allocates nothing.
#[cfg(test)]
#[global_allocator]
static ALLOCATOR: assert_no_alloc::AllocDisabler = assert_no_alloc::AllocDisabler;
