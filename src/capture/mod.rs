//! Sound devices as a call: what they deliver, put on one timeline, and sent to the engine as any softphone would.
//!
//! Belongs here: sound devices, the clocks of two of them, phones that tell of their calls. Does not: the engine, what is printed.

mod clutch;
mod timeline;

pub use timeline::{LegFacts, Timeline};
