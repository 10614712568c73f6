//! A softphone's end of the local socket, for C: `retrocall.h` is generated from `types.rs`, `handles.rs`, `functions.rs` and `controls.rs`, and
//! `docs/softphone.md` is its manual.
//!
//! Belongs here: C's types in and out, panics that go no further. Does not: what is said to the engine; that is the client's.
#![cfg_attr(rtsan, feature(sanitize))]

mod bell;
mod controls;
mod desk;
mod fork;
mod functions;
mod handles;
mod known;
mod lane;
mod pointers;
mod said;
mod text;
mod types;
