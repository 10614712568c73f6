//! How the engine is watched: figures for Prometheus, notes to systemd, the log, and signs of life.
//!
//! Belongs here: the page of figures, its server with its limits, `sd_notify`, signs of life, log lines that never wait. Does not: what is counted
//! or logged, and what a thread does; their owners hand these in.

mod endpoint;
mod figures;
pub mod signals;
pub mod spool;
pub mod supervisor;

pub use endpoint::Endpoint;
pub use figures::figures;
