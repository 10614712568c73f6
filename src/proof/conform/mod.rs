//! Whether the other end of the local socket keeps to `docs/protocol.md`: an engine that is played to a client, and a client to an engine.
//!
//! Belongs here: what is played, and what is looked at meanwhile. Does not: a real engine, a real call, what is printed.

mod book;
mod client;
mod engine;
mod scene;

use serde::Serialize;

pub use client::try_engine;
pub use engine::{PlayError, Stage};
pub use scene::Scene;

/// What was found out about the other end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// What was played, or tried.
    pub scene: &'static str,
    /// How it was.
    pub verdict: Verdict,
    /// What is wrong, or could be better, and what to do. Empty if it was right.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub text: String,
}

/// How something was.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// As the page says.
    Right,
    /// Not as the page says.
    Wrong,
    /// As it may be, and it could be better.
    Advice,
    /// It did not come to that.
    Unseen,
}

impl Finding {
    fn new(scene: &'static str, verdict: Verdict, text: impl Into<String>) -> Finding {
        Finding { scene, verdict, text: text.into() }
    }
}
