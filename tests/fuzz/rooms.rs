//! The rooms that read bytes from outside, and those below them: without the catalog, the engine, the pages, whose dependencies would be
//! most of what has to be built with the sanitizer.
#![allow(dead_code, unused_imports)]

#[path = "../../src/audio/mod.rs"]
pub mod audio;
#[path = "../../src/barrier/mod.rs"]
pub mod barrier;
#[path = "../../src/client/mod.rs"]
pub mod client;
#[path = "../../src/commit/mod.rs"]
pub mod commit;
#[path = "../../src/watch/heart.rs"]
pub mod heart;
#[path = "../../src/memory/mod.rs"]
pub mod memory;
#[path = "../../src/intake/orders.rs"]
mod orders;
#[path = "../../src/priority.rs"]
pub mod priority;
#[path = "../../src/protocol/mod.rs"]
pub mod protocol;
#[path = "../../src/intake/reader.rs"]
mod reader;
#[path = "../../src/ring/mod.rs"]
pub mod ring;
#[path = "../../src/settings/mod.rs"]
pub mod settings;

#[path = "../../src/intake/audiosocket/wire.rs"]
pub mod wire;

/// The part of `watch` that keeps threads alive.
pub mod watch {
    pub use crate::heart;
}

/// The part of `intake` that takes streams apart.
pub mod intake {
    pub use crate::reader::by_hand::{ByHand, Heard};
    pub use crate::wire;
}

/// In place of the engine's thread that faults in memory: here all of it is, from the beginning.
mod engine {
    use std::{io, sync::Arc};

    use crate::memory::Arena;

    pub struct FaultIn;

    impl FaultIn {
        pub fn start(_arena: &Arc<Arena>) -> io::Result<FaultIn> {
            Ok(FaultIn)
        }

        pub fn wake_if_wanted(&self) {}
    }
}
