//! The language of the local socket: words, messages, their encoding and their limits. `docs/protocol.md` is its manual.
//!
//! Belongs here: what the bytes mean, for both ends. Does not: sockets, what is done about a message.

mod answer;
mod event;
mod frame;
mod name;
mod principal;
mod request;
mod shared;
mod states;
mod status;
mod words;

pub use answer::{Answer, LiveCall, LiveLeg, LiveState, Refusal, Verdict};
pub use event::{EndedBy, ErrorCode, Event, Limits};
pub use frame::{
    AUDIO_HEAD_BYTES, AudioHead, CONTROL_BYTES_MAX, EVENT_BYTES_MAX, FrameError, HEAD_BYTES, Head, HeadError, Kind,
    PASSED_OVER_BYTES_MAX, VERSION, audio_message, control_message,
};
pub use name::{AGENT_CHARS_MAX, NameError, name, shown, shown_json, shown_lines};
pub use principal::{Principal, PrincipalId, Role};
pub use request::{Ask, Begin, Expect, Request, RequestError, Target};
pub use shared::{
    NoSharedLayout, SHARED_CLOSED, SHARED_DEPTH_MS_MAX, SHARED_DEPTH_MS_MIN, SHARED_HEAD_BYTES, SHARED_MAGIC,
    SHARED_VERSION, SLOT_HEAD_BYTES, SharedLayout,
};
pub use states::CallStates;
pub use status::{CLOSED_BY, Counts, ERROR_KINDS, Latency, Status, Totals};
pub use words::{CallId, Direction, Reason, Suspicion};
