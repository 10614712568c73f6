//! Scenes in which two or three threads meet in the ring, run by loom in every interleaving.
//!
//! Segments are tiny here (two block words), so that every scene crosses from one segment to the next. Frames are constants, which pack
//! into one word. Memory is made of loom's atomics: a reader that is not ordered behind a write is shown the stale value, and the scene fails.
#![allow(dead_code)]

#[path = "../../../src/audio/mod.rs"]
pub mod audio;
#[path = "../../../src/memory/mod.rs"]
pub mod memory;
#[path = "../../../src/ring/mod.rs"]
pub mod ring;
#[path = "../../../src/call/silences.rs"]
mod silences;

#[cfg(test)]
mod scenes;
