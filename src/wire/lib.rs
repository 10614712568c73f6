//! What a softphone links: the framing of messages, shared memory, and a client of the local socket.
//!
//! Belongs here: both ends of the wire. Does not: the engine, anything that is kept.
#![forbid(unsafe_code)]
#![cfg_attr(rtsan, feature(sanitize))]

pub mod client;
pub mod protocol;

/// The words of the contract: what is asked, answered and told.
#[doc(inline)]
pub use retrocall_words as words;

#[cfg(test)]
#[path = "../../tests/fake/mod.rs"]
mod fake;

// The fake engine names this crate as the tests of others do.
#[cfg(test)]
extern crate self as retrocall_client;
