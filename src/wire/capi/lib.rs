//! A softphone's end of the local socket, for C. `retrocall.h` is generated from `types.rs`, `handles.rs`, `functions.rs` and `controls.rs`;
//! `docs/softphone.md` is its manual.
//!
//! Belongs here: C's types in and out, stopping panics. Does not: messages to the engine; those are the client's.
#![cfg_attr(rtsan, feature(sanitize))]

mod announcement;
mod bell;
mod call_state;
mod controls;
mod engine_link;
mod fork;
mod functions;
mod handles;
mod lane;
mod pointers;
mod text;
mod types;
