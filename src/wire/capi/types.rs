//! The constants and structures of `retrocall.h`. Their comments become the header's.
//!
//! A structure begins with its size at the time its user was compiled. New fields come only at the end, and each side touches only the part that
//! both know.
#![allow(non_camel_case_types)]

use std::ffi::{c_char, c_int};

use retrocall_words::{Informed, audio::Codec};

/// The version of this header: 10000 for each major version, 100 for each minor one, 1 for each patch. retrocall_version tells that of the running
/// library.
pub const RETROCALL_VERSION: u32 = 100;

/// Done.
pub const RETROCALL_ACCEPTED: c_int = 0;
/// It was so before: nothing to worry about.
pub const RETROCALL_ALREADY: c_int = 1;
/// Not done: retrocall_error says why. The phone call goes on regardless.
pub const RETROCALL_REFUSED: c_int = 2;
/// The frame, or its end, found no room: it is dropped and leaves silence in its place. Go on counting positions.
pub const RETROCALL_FULL: c_int = 3;
/// The connection is gone, or the call has ended: retrocall_error says which.
pub const RETROCALL_GONE: c_int = 4;
/// An argument is wrong: NULL, out of its limits, or made by the parent of this process.
pub const RETROCALL_WRONG: c_int = 5;
/// A bug of this library. Close the connection.
pub const RETROCALL_FAULT: c_int = 6;

/// The leg of the agent: the left channel of a recording.
pub const RETROCALL_AGENT: c_int = 0;
/// The leg of the customer: the right channel.
pub const RETROCALL_CUSTOMER: c_int = 1;

/// Linear samples: int16_t, in the byte order of a PC (little-endian).
pub const RETROCALL_PCM16: c_int = 0;
/// G.711 mu-law codes, as they come out of RTP: uint8_t.
pub const RETROCALL_ULAW: c_int = 1;
/// G.711 A-law codes: uint8_t.
pub const RETROCALL_ALAW: c_int = 2;

/// The customer called.
pub const RETROCALL_INBOUND: c_int = 0;
/// The agent called.
pub const RETROCALL_OUTBOUND: c_int = 1;

/// Nobody says how the customer was informed: the setting `informed` of the engine does.
pub const RETROCALL_INFORMED_AS_SET: c_int = 0;
/// The customer was informed by an announcement.
pub const RETROCALL_INFORMED_BY_TAPE: c_int = 1;
/// The customer was informed by the agent.
pub const RETROCALL_INFORMED_BY_AGENT: c_int = 2;
/// The customer was not informed: the call can't be sampled.
pub const RETROCALL_NOT_INFORMED: c_int = 3;

/// The call goes on, as far as anybody has said.
pub const RETROCALL_BY_NOBODY: c_int = 0;
/// retrocall_end ended it.
pub const RETROCALL_BY_PHONE: c_int = 1;
/// The engine ended it: its connection was lost for longer than the grace time.
pub const RETROCALL_BY_LOSS: c_int = 2;
/// The engine ended it: it was stopped.
pub const RETROCALL_BY_STOP: c_int = 3;

/// The result of a function: RETROCALL_ACCEPTED or another of the seven. The table lists all results of each function, except RETROCALL_FAULT.
/// Only retrocall_push is fit for an audio callback.
///
/// | function | case | returns |
/// |---|---|---|
/// | retrocall_connect | an engine listens there | ACCEPTED |
/// | retrocall_connect | no engine listens there | GONE |
/// | retrocall_connect | the path is NULL, empty or over 107 bytes | WRONG |
/// | retrocall_connect | `engine` is NULL | WRONG |
/// | retrocall_begin | the call is captured | ACCEPTED |
/// | retrocall_begin | `customer` is NULL or "" | ACCEPTED |
/// | retrocall_begin | `customer`, `direction`, `frame_samples`, `depth_ms`, `continues`, `informed` or a state can't be used: `left_out` | ACCEPTED |
/// | retrocall_begin | the engine takes no more calls, or not this agent's from this user | REFUSED |
/// | retrocall_begin | `agent` is no name, or is NULL and this user may act for all | WRONG |
/// | retrocall_begin | `rate` or `codec` is out of its limits | WRONG |
/// | retrocall_begin | `size` is not the size of the options | WRONG |
/// | retrocall_begin | an argument is NULL | WRONG |
/// | retrocall_begin | the connection is gone | GONE |
/// | retrocall_attach | the call had lost its connection | ACCEPTED |
/// | retrocall_attach | the call has its connection, is over, or is another agent's | REFUSED |
/// | retrocall_attach | `id` is NULL or no id, `size` is not the size of the options, or another argument is NULL | WRONG |
/// | retrocall_attach | the connection is gone | GONE |
/// | retrocall_reconnect | the call goes on, as it was or as another one | ACCEPTED |
/// | retrocall_reconnect | the call never stopped | ALREADY |
/// | retrocall_reconnect | the engine that is there does not take it | REFUSED |
/// | retrocall_reconnect | no engine came in time, or the call was ended by retrocall_end | GONE |
/// | retrocall_reconnect | the call is NULL | WRONG |
/// | retrocall_push | the frame is there for the engine to take, or has no samples | ACCEPTED |
/// | retrocall_push | there is no room for it | FULL |
/// | retrocall_push | the call has ended, or another function has found that the connection is gone | GONE |
/// | retrocall_push | the call or the samples are NULL, the leg is none, or the frame ends beyond 2^64 | WRONG |
/// | retrocall_push | over 5760 samples, or more than all the room there is: 120 ms always fit | WRONG |
/// | a control | it is done | ACCEPTED |
/// | a control | it was so before | ALREADY |
/// | a control | the engine does not do it, like retrocall_private after retrocall_record | REFUSED |
/// | a control | the call has ended, and the desk gives no time for a late press | GONE |
/// | a control | the connection is gone | GONE |
/// | a control | the call is NULL | WRONG |
/// | retrocall_erase_last | 0 seconds, fewer, NaN, or over 86400 | WRONG |
/// | retrocall_transfer | `to` is NULL or no name | WRONG |
/// | retrocall_dtmf | the digit is none | WRONG |
/// | retrocall_dtmf_on | the digit or the leg is none | WRONG |
/// | retrocall_end | the call is over | ACCEPTED |
/// | retrocall_end | it was over before | ALREADY |
/// | retrocall_end | the connection is gone | GONE |
/// | retrocall_end | the call is NULL | WRONG |
/// | retrocall_look | the status is filled in, also of a call that is over and without a connection | ACCEPTED |
/// | retrocall_look | an argument is NULL, or `size` is not the size of the status | WRONG |
/// | retrocall_wait | the engine has said something, or the time is over | ACCEPTED |
/// | retrocall_wait | the connection is gone | GONE |
/// | retrocall_wait | the connection is NULL | WRONG |
/// | retrocall_fd | the connection is NULL | -1 |
/// | any but retrocall_fd | in a child after fork, with what its parent made | WRONG |
///
/// The controls are the functions from retrocall_record to retrocall_dtmf_on. Functions that return a text return "" where there is none;
/// retrocall_free and retrocall_close do nothing with NULL, or in a child.
pub type retrocall_result = c_int;

/// The announcement of a call: fill it with zeros, then set `size` and what you know. Each field says what 0 or NULL means. An unusable
/// `customer`, `direction`, `frame_samples`, `depth_ms` or later field is left out, and the call is captured without it.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct retrocall_options {
    /// sizeof(retrocall_options).
    pub size: usize,
    /// The agent who talks: 1 to 64 characters. NULL: the agent of this user.
    pub agent: *const c_char,
    /// The customer's number. NULL or "": not known.
    pub customer: *const c_char,
    /// RETROCALL_INBOUND (0) or RETROCALL_OUTBOUND.
    pub direction: c_int,
    /// RETROCALL_PCM16 (0), RETROCALL_ULAW or RETROCALL_ALAW; the same for both legs.
    pub codec: c_int,
    /// Samples a second, the same for both legs: 8000 to 48000.
    pub rate: u32,
    /// The usual length of a frame in samples, at most 5760. 0: 20 ms.
    pub frame_samples: u32,
    /// How long the engine may be kept from its work before a frame finds no room: 120 to 10000 ms. 0: 500 ms. An engine that lacks the memory
    /// gives 500 ms.
    pub depth_ms: u32,
    /// The id of an earlier call of another process that this one continues. NULL or "": there was none.
    pub continues: *const c_char,
    /// 1: record was pressed before. This, the next four and `copy` hold from the first sample on.
    pub recording: c_int,
    /// 1: it was masked.
    pub masked: c_int,
    /// 1: the customer was on hold.
    pub on_hold: c_int,
    /// 1: it was private.
    pub private_: c_int,
    /// 1: the customer objected to training.
    pub objected: c_int,
    /// 1: the customer wanted a copy.
    pub copy: c_int,
    /// How the customer was informed: RETROCALL_INFORMED_AS_SET (0), RETROCALL_INFORMED_BY_TAPE, RETROCALL_INFORMED_BY_AGENT or
    /// RETROCALL_NOT_INFORMED.
    pub informed: c_int,
}

/// The status of a call, whoever changed it: this process, a hotkey, another program, the engine.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct retrocall_status {
    /// sizeof(retrocall_status): set it before you ask. At most this many bytes are written.
    pub size: usize,
    /// 1: a connection carries the call.
    pub connected: c_int,
    /// 1: record was pressed.
    pub recording: c_int,
    /// 1: it is masked.
    pub masked: c_int,
    /// 1: the customer is on hold.
    pub on_hold: c_int,
    /// 1: it is private, and nothing of it is held.
    pub private_: c_int,
    /// 1: the customer objects to training.
    pub objected: c_int,
    /// 1: the call is over.
    pub ended: c_int,
    /// What ended it: RETROCALL_BY_NOBODY (0), RETROCALL_BY_PHONE, RETROCALL_BY_LOSS or RETROCALL_BY_STOP.
    pub ended_by: c_int,
    /// 1: the recording is durable; retrocall_path says where.
    pub kept: c_int,
    /// 1: some audio is lost: frames found no room or were refused, the engine's memory was full, or the call was continued as another one.
    pub incomplete: c_int,
    /// 1: the disk refuses the recording now. It stays in memory until the disk takes it.
    pub disk_trouble: c_int,
    /// 1: an option could not be used. After retrocall_begin or retrocall_reconnect, retrocall_error says which.
    pub left_out: c_int,
    /// How often the call was continued as another one after the engine, or the call there, was gone.
    pub went_on: u32,
    /// The position at which the engine's current call began: 0 until it was continued as another one.
    pub began: u64,
    /// Behind the last pushed sample, agent first.
    pub positions: [u64; 2],
    /// Frames that found no room, agent first.
    pub dropped: [u64; 2],
    /// Frames that the engine refused, for example for a position far ahead, agent first.
    pub refused: [u64; 2],
    /// 1: the customer wants a copy: the call is kept for that.
    pub copy: c_int,
    /// 1: the call is on a line that is never captured (`never_capture`): nothing of it is held.
    pub exempt: c_int,
}

/// Where the first version's options ended: no version has fewer fields.
const OPTIONS_BYTES_MIN: usize = std::mem::offset_of!(retrocall_options, frame_samples);
/// The same for the status.
const STATUS_BYTES_MIN: usize = std::mem::offset_of!(retrocall_status, masked);
/// More than any version will have: a larger size was never set.
const BYTES_MAX: usize = 4096;

impl retrocall_options {
    /// Options that say nothing.
    pub(crate) const NONE: retrocall_options = retrocall_options {
        size: size_of::<retrocall_options>(),
        agent: std::ptr::null(),
        customer: std::ptr::null(),
        direction: 0,
        codec: 0,
        rate: 0,
        frame_samples: 0,
        depth_ms: 0,
        continues: std::ptr::null(),
        recording: 0,
        masked: 0,
        on_hold: 0,
        private_: 0,
        objected: 0,
        copy: 0,
        informed: RETROCALL_INFORMED_AS_SET,
    };

    /// How many bytes of options of this size we know; none if no version has this size.
    pub fn known(size: usize) -> Option<usize> {
        (OPTIONS_BYTES_MIN..=BYTES_MAX).contains(&size).then(|| size.min(size_of::<retrocall_options>()))
    }
}

impl retrocall_status {
    /// How many bytes of a status of this size we know; none if no version has this size.
    pub fn known(size: usize) -> Option<usize> {
        (STATUS_BYTES_MIN..=BYTES_MAX).contains(&size).then(|| size.min(size_of::<retrocall_status>()))
    }
}

const fn number_of(codec: Codec) -> c_int {
    match codec {
        Codec::Pcm16 => RETROCALL_PCM16,
        Codec::Ulaw => RETROCALL_ULAW,
        Codec::Alaw => RETROCALL_ALAW,
    }
}

const fn number_of_informed(informed: Option<Informed>) -> c_int {
    match informed {
        None => RETROCALL_INFORMED_AS_SET,
        Some(Informed::Tape) => RETROCALL_INFORMED_BY_TAPE,
        Some(Informed::Spoken) => RETROCALL_INFORMED_BY_AGENT,
        Some(Informed::None) => RETROCALL_NOT_INFORMED,
    }
}

/// How the customer was informed, by this number: none if nobody says it. None if there is no such number.
pub(crate) fn informed_of(number: c_int) -> Option<Option<Informed>> {
    let all = Informed::ALL.into_iter().map(Some).chain([None]);
    all.into_iter().find(|informed| number_of_informed(*informed) == number)
}

/// The codec with this number.
pub(crate) fn codec_of(number: c_int) -> Option<Codec> {
    Codec::ALL.into_iter().find(|codec| number_of(*codec) == number)
}

/// One number of a version, from the manifest.
const fn number(text: &str) -> u32 {
    let (bytes, mut at, mut number) = (text.as_bytes(), 0, 0);
    while at < bytes.len() {
        number = 10 * number + (bytes[at] - b'0') as u32;
        at += 1;
    }
    number
}

const _: () = assert!(
    RETROCALL_VERSION
        == 10_000 * number(env!("CARGO_PKG_VERSION_MAJOR"))
            + 100 * number(env!("CARGO_PKG_VERSION_MINOR"))
            + number(env!("CARGO_PKG_VERSION_PATCH")),
    "RETROCALL_VERSION is not the version of the manifest"
);
