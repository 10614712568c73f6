//! The vocabulary of retrocall as types: calls, legs, rates, reasons, who may act for whom, requests, answers, events; and the clock, the only way
//! to ask for the time.
//!
//! Belongs here: words that every crate uses, and their JSON form. Does not: the framing of messages (`wire`), sockets, what follows from a
//! message. `docs/protocol.md` is the manual of the language.
#![forbid(unsafe_code)]

pub mod afar;
pub mod audio;
pub mod book;
pub mod retention;

mod answer;
mod board;
mod clock;
mod country;
pub mod customer;
mod event;
mod facts;
mod frame;
mod list;
#[cfg(feature = "names")]
mod name;
mod practice;
mod principal;
mod request;
mod states;
mod status;
mod words;

pub use answer::{Announcement, Answer, LiveCall, LiveLeg, LiveState, Refusal, Verdict};
pub use board::{Board, BoardCalls, BoardLevels, BoardTrouble};
pub use clock::{Beginning, Bell, Clock, SystemClock, TestClock};
pub use country::Country;
pub use customer::Customer;
pub use event::{EndedBy, ErrorCode, Event, Limits};
pub use facts::{Call, Facts, Label, Place};
pub use frame::{CONTROL_BYTES_MAX, FrameError, SHARED_DEPTH_MS_MAX, SHARED_DEPTH_MS_MIN};
pub use list::Word;
/// For [`words!`].
#[doc(hidden)]
pub use list::all_differ;
#[cfg(feature = "names")]
pub use name::{AGENT_CHARS_MAX, NameError, name, shown, shown_json, shown_lines};
pub use practice::Practice;
pub use principal::{Principal, PrincipalId, Rights, Role};
pub use request::{AGO_MS_MAX, Ask, Begin, Expect, InNameOf, Request, RequestError, Target, Verb};
/// For [`words!`], which also works in crates without serde.
#[doc(hidden)]
pub use serde;
pub use states::CallStates;
pub use status::{CLOSED_BY, Counts, ERROR_KINDS, Latency, Status, Totals};
pub use words::{CallId, Direction, Informed, Origin, Reason, Suspicion};
