//! A softphone's end of the local socket, for C: `retrocall.h` is generated from `types.rs`, `functions.rs` and `controls.rs`, and
//! `docs/softphone.md` is its manual.
//!
//! Belongs here: C's types in and out, panics that go no further. Does not: what is said to the engine; that is the client's, whose
//! rooms are taken in as they are.
#![cfg_attr(rtsan, feature(sanitize))]

// The rooms of the product, of which a client uses a part.
#[allow(dead_code, unused_imports)]
#[path = "../audio/mod.rs"]
mod audio;
#[allow(dead_code, unused_imports)]
#[path = "../client/mod.rs"]
mod client;
#[allow(dead_code, unused_imports)]
#[path = "../memory/mod.rs"]
mod memory;
#[allow(dead_code, unused_imports)]
#[path = "../protocol/mod.rs"]
mod protocol;

mod bell;
mod controls;
mod desk;
mod fork;
mod functions;
mod known;
mod lane;
mod pointers;
mod said;
mod types;
