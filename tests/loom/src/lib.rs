//! Scenes in which two or three threads meet in the ring, run by loom in every interleaving.
//!
//! Segments are tiny here (two block words), so that every scene crosses from one segment to the next. Frames are constants, which pack
//! into one word. Memory is made of loom's atomics: a reader that is not ordered behind a write is shown the stale value, and the scene fails.
#![allow(dead_code)]

#[path = "../../../src/core/memory/mod.rs"]
pub mod memory;
#[path = "../../../src/core/ring/mod.rs"]
pub mod ring;
#[path = "../../../src/engine/call/silences.rs"]
mod silences;

// What stands above memory and ring names them by their crate.
extern crate self as retrocall_core;

#[cfg(test)]
mod scenes;
