//! Being watched: the figures for Prometheus, and the word to systemd.
//!
//! Belongs here: the page of figures, its server with its limits, `sd_notify`. Does not: what is counted, and who is alive; whoever
//! knows that hands it in.

mod endpoint;
mod figures;
pub mod supervisor;

pub use endpoint::Endpoint;
pub use figures::figures;
