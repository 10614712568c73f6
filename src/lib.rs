//! retrocall: a real-time call-capture engine that keeps the right calls, from their first second, and no others.
//!
//! The program: its commands, and all crates under one name, for the tests and the benches. `docs/architecture.md` shows which crate stands on
//! which.
#![forbid(unsafe_code)]

pub mod cli;

#[doc(no_inline)]
pub use retrocall_client::client;
#[doc(no_inline)]
pub use retrocall_core::{barrier, memory, priority, ring};
#[doc(no_inline)]
pub use retrocall_desk::{capture, hotkey};
#[doc(no_inline)]
pub use retrocall_engine::{self as engine, call, sampler};
#[doc(no_inline)]
pub use retrocall_intake as intake;
#[doc(no_inline)]
pub use retrocall_proof::{self as proof, bench, check, conform};
#[doc(no_inline)]
pub use retrocall_settings as settings;
#[doc(no_inline)]
pub use retrocall_shared as shared;
#[doc(no_inline)]
pub use retrocall_words::{self as words, audio};

/// The recordings and the reasons for them, and the notes that they are made of.
pub mod catalog {
    pub use retrocall_records::*;
    pub use retrocall_words::book::*;
}

/// The language of the local socket: its words and its framing.
pub mod protocol {
    pub use retrocall_client::protocol::*;
    pub use retrocall_words::*;
}

/// From a ring to a durable recording, and the files of a recording.
pub mod commit {
    pub use retrocall_engine::commit::*;
    pub use retrocall_file::*;
}

/// How the engine is watched: figures, the log, signs of life.
pub mod watch {
    pub use retrocall_core::heart;
    pub use retrocall_engine::watch::*;
}

#[cfg(all(feature = "planted-leaks", not(debug_assertions)))]
compile_error!("the feature `planted-leaks` is for tests: a program that leaks on purpose must not be released");

#[cfg(test)]
#[path = "../tests/fake/mod.rs"]
mod fake;
#[cfg(test)]
#[path = "../tests/skip/mod.rs"]
mod skip;
