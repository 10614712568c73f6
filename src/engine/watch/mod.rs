//! Being watched: the figures for Prometheus, the word to systemd, the log, and whether the threads live.
//!
//! Belongs here: the page of figures, its server with its limits, `sd_notify`, signs of life, lines that wait for nobody. Does not: what is
//! counted, what is said, and what a thread does; whoever knows that hands it in.

mod endpoint;
mod figures;
pub mod signals;
pub mod spool;
pub mod supervisor;

pub use endpoint::Endpoint;
pub use figures::figures;
