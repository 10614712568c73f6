//! The rooms that read bytes from outside, and the crates below them: without the catalog, the engine, the pages, whose dependencies would be
//! most of what has to be built with the sanitizer.
#![allow(dead_code, unused_imports)]

pub use retrocall_client::client;
pub use retrocall_core::{barrier, memory, priority, ring};
pub use retrocall_file as commit;
pub use retrocall_settings as settings;
pub use retrocall_words::audio;

#[path = "../../src/intake/orders.rs"]
mod orders;
#[path = "../../src/intake/reader.rs"]
mod reader;
#[path = "../../src/intake/audiosocket/wire.rs"]
pub mod wire;

/// The language of the local socket.
pub mod protocol {
    pub use retrocall_client::protocol::*;
    pub use retrocall_words::*;
}

/// The part of `intake` that takes streams apart.
pub mod intake {
    pub use crate::reader::by_hand::{ByHand, StreamResult};
    pub use crate::wire;
}

// The part of the engine that `reader` asks for.
extern crate self as retrocall_engine;

/// In place of the engine's thread that faults in memory: here all of it is, from the beginning.
pub struct FaultIn;

impl FaultIn {
    pub fn start(_arena: &std::sync::Arc<memory::Arena>) -> std::io::Result<FaultIn> {
        Ok(FaultIn)
    }

    pub fn wake_if_wanted(&self) {}
}
