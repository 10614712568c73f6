//! The way from an engine's home to a centre: recordings, what is known of them, and the ledger.
//!
//! Belongs here: the client's side of the centre's protocol, and when what is sent. Does not: what a recording is, what may leave (the records' verbs
//! say), the engine, which never knows of it.
//!
//! A process of its own beside each engine. It reads files that the engine has published and changes rows through the records' verbs, as commands do. For
//! the button from afar it is a client of the engine's socket, as any other.
#![forbid(unsafe_code)]

mod agents_button;
mod beside;
mod centre;
mod deliver;
mod joining;
mod live;
mod pressing;
mod rounds;
mod wait;

pub use agents_button::{AgentsButton, NotPressed};
pub use beside::EngineBeside;
pub use joining::{NotJoined, join};
pub use live::Live;
pub use pressing::{Beside, Silent};
pub use rounds::{Link, Pace};
