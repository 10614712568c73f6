//! How messages are framed, and the layout of memory that a softphone shares with the engine. `docs/protocol.md` is the manual.
//!
//! Belongs here: what the bytes mean, for both ends. Does not: sockets, what is done about a message.

mod frame;
mod layout;

pub use frame::{
    AUDIO_HEAD_BYTES, AudioHead, EVENT_BYTES_MAX, HEAD_BYTES, Head, HeadError, Kind, PASSED_OVER_BYTES_MAX, VERSION,
    audio_message, control_message,
};
pub use layout::{
    NoSharedLayout, SHARED_CLOSED, SHARED_HEAD_BYTES, SHARED_MAGIC, SHARED_VERSION, SLOT_HEAD_BYTES, SharedLayout,
};
