//! The functions of `retrocall.h`, which is generated from this file: its comments are the header's.
//!
//! Every function catches panics, takes NULL for a wrong argument, and leaves the work to `desk`.
#![allow(unsafe_code)]
#![allow(non_camel_case_types)]

use std::{
    cell::UnsafeCell,
    ffi::{CStr, CString, OsStr, c_char, c_int, c_void},
    os::unix::ffi::OsStrExt,
    panic::{AssertUnwindSafe, catch_unwind},
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use crate::{
    audio::Codec,
    client::{Pushed, SharedLeg},
    desk::{Desk, Outcome, rate},
    protocol::{Ask, Begin, CallId, Direction},
};

/// Done.
pub const RETROCALL_ACCEPTED: c_int = 0;
/// It was so before: nothing to worry about.
pub const RETROCALL_ALREADY: c_int = 1;
/// Not done: retrocall_error says why. The phone call goes on, whatever it was.
pub const RETROCALL_REFUSED: c_int = 2;
/// There was no room for the frame, or for its end: it is dropped and becomes silence in its place. Go on counting positions.
pub const RETROCALL_FULL: c_int = 3;
/// The connection is gone, or the call has ended. retrocall_error says why the connection is gone.
pub const RETROCALL_GONE: c_int = 4;
/// An argument is wrong: NULL, out of its limits, or text that is not UTF-8.
pub const RETROCALL_WRONG: c_int = 5;
/// A fault of this library. The connection should be closed.
pub const RETROCALL_FAULT: c_int = 6;

/// The leg of the agent: the left channel of a recording.
pub const RETROCALL_AGENT: c_int = 0;
/// The leg of the customer: the right channel.
pub const RETROCALL_CUSTOMER: c_int = 1;

/// Linear samples: int16_t, in the byte order of a PC (little-endian).
pub const RETROCALL_PCM16: c_int = 0;
/// Codes of G.711 mu-law, as they come out of RTP: uint8_t.
pub const RETROCALL_ULAW: c_int = 1;
/// Codes of G.711 A-law: uint8_t.
pub const RETROCALL_ALAW: c_int = 2;

/// The customer called.
pub const RETROCALL_INBOUND: c_int = 0;
/// The agent called.
pub const RETROCALL_OUTBOUND: c_int = 1;

/// A connection to the engine. One thread at a time uses it and its calls; but for retrocall_push.
pub struct retrocall {
    desk: Arc<Desk>,
}

/// A call. Each of its legs is pushed by one thread at a time, whatever other threads do.
pub struct retrocall_call {
    desk: Arc<Desk>,
    call: CallId,
    id: CString,
    path: UnsafeCell<CString>,
    legs: [UnsafeCell<SharedLeg>; 2],
    bytes_per_sample: usize,
    /// Behind the last sample that was pushed, by leg.
    positions: [AtomicU64; 2],
    dropped: [AtomicU64; 2],
    /// It was ended here: the engine closes the memory a moment later.
    ended: AtomicBool,
}

/// What a call is announced with. What is 0 or NULL has the value that is said with it.
#[repr(C)]
pub struct retrocall_options {
    /// Who talks for the desk: 1 to 64 characters. NULL: the agent that this user is.
    pub agent: *const c_char,
    /// The customer's number. NULL: not known.
    pub customer: *const c_char,
    /// RETROCALL_INBOUND (0) or RETROCALL_OUTBOUND.
    pub direction: c_int,
    /// RETROCALL_PCM16 (0), RETROCALL_ULAW or RETROCALL_ALAW; the same for both legs.
    pub codec: c_int,
    /// Samples a second, the same for both legs: 8000 to 48000.
    pub rate: u32,
    /// Samples that a frame usually has. 0: 20 ms.
    pub frame_samples: u32,
}

/// How a call is.
#[repr(C)]
pub struct retrocall_status {
    /// 1: there is a connection.
    pub connected: c_int,
    /// 1: record was pressed, here or elsewhere.
    pub recording: c_int,
    /// 1: the call is over, by retrocall_end or by the engine.
    pub ended: c_int,
    /// 1: the recording is on disk for good; retrocall_path says where.
    pub kept: c_int,
    /// Behind the last sample that was pushed, agent first.
    pub positions: [u64; 2],
    /// Frames that there was no room for, agent first.
    pub dropped: [u64; 2],
}

/// Connects to the engine that listens on this socket: engine.sock in its home. *engine is set in any case, so that retrocall_error can say
/// what went wrong, and must be given to retrocall_close in any case. May take 30 s.
#[unsafe(no_mangle)]
pub extern "C" fn retrocall_connect(socket: *const c_char, engine: *mut *mut retrocall) -> c_int {
    guarded(|| {
        if engine.is_null() {
            return RETROCALL_WRONG;
        }
        let desk = match bytes(socket) {
            Some(path) => Desk::connect(Path::new(OsStr::from_bytes(path))),
            None => Desk::connect(Path::new("")),
        };
        let result = if desk.is_connected() { RETROCALL_ACCEPTED } else { RETROCALL_GONE };
        let made = Box::into_raw(Box::new(retrocall { desk: Arc::new(desk) }));
        // SAFETY: it is not NULL, and the caller says that a pointer can be put there.
        unsafe { engine.write(made) };
        result
    })
}

/// What went wrong last on this connection: a sentence for people, with what to do; "" if nothing did. It is there until the next function
/// is called with this connection or one of its calls.
#[unsafe(no_mangle)]
pub extern "C" fn retrocall_error(engine: *const retrocall) -> *const c_char {
    // SAFETY: as the header says, it is NULL or a connection that was not closed.
    let engine = unsafe { engine.as_ref() };
    let error = catch_unwind(AssertUnwindSafe(|| engine.map(|engine| engine.desk.error())));
    error.ok().flatten().unwrap_or(c"no connection was made".as_ptr())
}

/// Announces a call: it begins now, at position 0. *call is set if this is RETROCALL_ACCEPTED, and must be given to retrocall_free then. If it
/// is anything else, let the phone call go on uncaptured.
#[unsafe(no_mangle)]
pub extern "C" fn retrocall_begin(
    engine: *mut retrocall,
    options: *const retrocall_options,
    call: *mut *mut retrocall_call,
) -> c_int {
    guarded(|| {
        // SAFETY: as the header says, they are NULL, or a connection that was not closed and options that are filled in.
        let (Some(engine), Some(options)) = (unsafe { engine.as_ref() }, unsafe { options.as_ref() }) else {
            return RETROCALL_WRONG;
        };
        if call.is_null() {
            return RETROCALL_WRONG;
        }
        let begin = match begin_of(&engine.desk, options) {
            Ok(begin) => begin,
            Err(why) => {
                engine.desk.wrong(&why);
                return RETROCALL_WRONG;
            }
        };
        let bytes_per_sample = begin.codec.bytes_per_sample();
        let frame_samples = (options.frame_samples > 0).then_some(options.frame_samples as usize);
        let begun = match engine.desk.begin(begin, frame_samples) {
            Ok(begun) => begun,
            Err(outcome) => return result(outcome),
        };
        let made = Box::into_raw(Box::new(retrocall_call {
            desk: Arc::clone(&engine.desk),
            call: begun.call,
            id: CString::new(begun.call.to_string()).expect("an id has no zeros"),
            path: UnsafeCell::default(),
            legs: begun.legs.map(UnsafeCell::new),
            bytes_per_sample,
            positions: Default::default(),
            dropped: Default::default(),
            ended: AtomicBool::new(false),
        }));
        // SAFETY: it is not NULL, and the caller says that a pointer can be put there.
        unsafe { call.write(made) };
        RETROCALL_ACCEPTED
    })
}

/// Hands over a frame of one leg: so many samples, the first of them at this position, counted in samples since the call began. Any number up
/// to 120 ms. Both legs share one timeline: count on, also over what is lost.
///
/// Fit for an audio callback: wait-free, no lock, no allocation, no system call, whatever the engine does or fails to do, also if it is gone
/// (checked with RealtimeSanitizer). Each leg has one thread at a time; the two legs may have two. Returns RETROCALL_ACCEPTED,
/// RETROCALL_FULL (the frame is dropped: go on), RETROCALL_GONE (the call has ended) or RETROCALL_WRONG.
#[unsafe(no_mangle)]
#[cfg_attr(rtsan, sanitize(realtime = "nonblocking"))]
pub extern "C" fn retrocall_push(
    call: *mut retrocall_call,
    leg: c_int,
    position: u64,
    samples: *const c_void,
    count: usize,
) -> c_int {
    guarded(|| {
        // SAFETY: as the header says, it is NULL or a call that was not freed.
        let Some(call) = (unsafe { call.as_ref() }) else { return RETROCALL_WRONG };
        let leg = match leg {
            RETROCALL_AGENT => 0,
            RETROCALL_CUSTOMER => 1,
            _ => return RETROCALL_WRONG,
        };
        if call.ended.load(Ordering::Relaxed) {
            return RETROCALL_GONE;
        }
        if samples.is_null() || count > crate::audio::FRAME_SAMPLES_MAX {
            return RETROCALL_WRONG;
        }
        // SAFETY: it is not NULL, and the caller says that so many samples stand there.
        let bytes = unsafe { std::slice::from_raw_parts(samples.cast::<u8>(), count * call.bytes_per_sample) };
        // SAFETY: as the header says, one thread at a time pushes this leg, and nothing else here touches it.
        let pushed = unsafe { &mut *call.legs[leg].get() }.push(position, bytes);
        call.positions[leg].store(position.saturating_add(count as u64), Ordering::Relaxed);
        match pushed {
            Pushed::All => RETROCALL_ACCEPTED,
            Pushed::Full => {
                call.dropped[leg].fetch_add(1, Ordering::Relaxed);
                RETROCALL_FULL
            }
            Pushed::Closed => RETROCALL_GONE,
        }
    })
}

/// The button: the whole call is kept, from its first second until hangup. This and all functions below wait for the engine's answer, a
/// minute at most: not for an audio callback.
#[unsafe(no_mangle)]
pub extern "C" fn retrocall_record(call: *mut retrocall_call) -> c_int {
    ask(call, || Some(Ask::Record))
}

/// Both legs are silence from now on, and are not held (card numbers).
#[unsafe(no_mangle)]
pub extern "C" fn retrocall_mask(call: *mut retrocall_call) -> c_int {
    ask(call, || Some(Ask::Mask))
}

/// Ends a mask.
#[unsafe(no_mangle)]
pub extern "C" fn retrocall_unmask(call: *mut retrocall_call) -> c_int {
    ask(call, || Some(Ask::Unmask))
}

/// The last seconds become silence, in memory and in whatever is already written.
#[unsafe(no_mangle)]
pub extern "C" fn retrocall_erase_last(call: *mut retrocall_call, seconds: f64) -> c_int {
    ask(call, || (seconds > 0.0 && seconds.is_finite()).then_some(Ask::EraseLast { seconds }))
}

/// The customer waits: both legs are silence until retrocall_resume.
#[unsafe(no_mangle)]
pub extern "C" fn retrocall_hold(call: *mut retrocall_call) -> c_int {
    ask(call, || Some(Ask::Hold))
}

/// Ends a hold.
#[unsafe(no_mangle)]
pub extern "C" fn retrocall_resume(call: *mut retrocall_call) -> c_int {
    ask(call, || Some(Ask::Resume))
}

/// Not this call: what is held is wiped, and nothing more is held.
#[unsafe(no_mangle)]
pub extern "C" fn retrocall_private(call: *mut retrocall_call) -> c_int {
    ask(call, || Some(Ask::Private))
}

/// The customer objects to training: the call can't be sampled.
#[unsafe(no_mangle)]
pub extern "C" fn retrocall_object(call: *mut retrocall_call) -> c_int {
    ask(call, || Some(Ask::Object))
}

/// Another agent talks from now on.
#[unsafe(no_mangle)]
pub extern "C" fn retrocall_transfer(call: *mut retrocall_call, to: *const c_char) -> c_int {
    ask(call, || text(to).map(|to| Ask::Transfer { to }))
}

/// A key was pressed on the phone: one of 0 to 9, *, #, A to D.
#[unsafe(no_mangle)]
pub extern "C" fn retrocall_dtmf(call: *mut retrocall_call, digit: c_char) -> c_int {
    ask(call, || Some(Ask::Dtmf { digit: char::from(digit as u8) }))
}

/// Hangup. What was pushed before is of the call; a push that comes later is answered with RETROCALL_GONE. If record was pressed,
/// retrocall_wait until the status says `kept`, if you want to know where; the engine completes the recording in any case.
#[unsafe(no_mangle)]
pub extern "C" fn retrocall_end(call: *mut retrocall_call) -> c_int {
    guarded(|| {
        let ended = ask(call, || Some(Ask::End));
        // SAFETY: as the header says, it is NULL or a call that was not freed.
        if let (RETROCALL_ACCEPTED, Some(call)) = (ended, unsafe { call.as_ref() }) {
            call.ended.store(true, Ordering::Relaxed);
        }
        ended
    })
}

/// Fills in how a call is, from what the engine has said until now. Waits for nothing.
#[unsafe(no_mangle)]
pub extern "C" fn retrocall_look(call: *const retrocall_call, status: *mut retrocall_status) -> c_int {
    guarded(|| {
        // SAFETY: as the header says, it is NULL or a call that was not freed.
        let Some(call) = (unsafe { call.as_ref() }) else { return RETROCALL_WRONG };
        if status.is_null() {
            return RETROCALL_WRONG;
        }
        let heard = call.desk.heard(call.call);
        let numbers = |of: &[AtomicU64; 2]| of.each_ref().map(|number| number.load(Ordering::Relaxed));
        let filled = retrocall_status {
            connected: call.desk.is_connected().into(),
            recording: heard.recording.into(),
            ended: heard.ended.into(),
            kept: heard.kept.is_some().into(),
            positions: numbers(&call.positions),
            dropped: numbers(&call.dropped),
        };
        // SAFETY: it is not NULL, and the caller says that a status can be put there.
        unsafe { status.write(filled) };
        RETROCALL_ACCEPTED
    })
}

/// The id of a call: 36 characters, there until retrocall_free.
#[unsafe(no_mangle)]
pub extern "C" fn retrocall_id(call: *const retrocall_call) -> *const c_char {
    // SAFETY: as the header says, it is NULL or a call that was not freed.
    unsafe { call.as_ref() }.map_or(c"".as_ptr(), |call| call.id.as_ptr())
}

/// Where the recording of a call is; "" if it is not kept yet. There until this is asked again, or retrocall_free.
#[unsafe(no_mangle)]
pub extern "C" fn retrocall_path(call: *const retrocall_call) -> *const c_char {
    let path = catch_unwind(AssertUnwindSafe(|| {
        // SAFETY: as the header says, it is NULL or a call that was not freed.
        let call = unsafe { call.as_ref() }?;
        let path = call.desk.heard(call.call).kept?;
        // SAFETY: as the header says, one thread at a time asks this, and what was returned before is not used any more.
        let place = unsafe { &mut *call.path.get() };
        *place = CString::new(path.as_os_str().as_bytes()).ok()?;
        Some(place.as_ptr())
    }));
    path.ok().flatten().unwrap_or(c"".as_ptr())
}

/// Hears what the engine says, until it says something or the milliseconds are over. Call it now and then, and look at the status.
#[unsafe(no_mangle)]
pub extern "C" fn retrocall_wait(engine: *mut retrocall, timeout_ms: u32) -> c_int {
    guarded(|| {
        // SAFETY: as the header says, it is NULL or a connection that was not closed.
        let Some(engine) = (unsafe { engine.as_ref() }) else { return RETROCALL_WRONG };
        result(engine.desk.wait(Duration::from_millis(timeout_ms.into())))
    })
}

/// Forgets a call: stop pushing before. A call that was not ended goes on without audio until the connection is closed.
#[unsafe(no_mangle)]
pub extern "C" fn retrocall_free(call: *mut retrocall_call) {
    guarded(|| {
        if !call.is_null() {
            // SAFETY: as the header says, `retrocall_begin` made it, and it is freed once and not used any more.
            let call = unsafe { Box::from_raw(call) };
            call.desk.forget(call.call);
        }
        RETROCALL_ACCEPTED
    });
}

/// Closes the connection, before or after its calls are freed. A call that was not ended ends after the engine's grace time.
#[unsafe(no_mangle)]
pub extern "C" fn retrocall_close(engine: *mut retrocall) {
    guarded(|| {
        if !engine.is_null() {
            // SAFETY: as the header says, `retrocall_connect` made it, and it is closed once and not used any more.
            unsafe { Box::from_raw(engine) }.desk.close();
        }
        RETROCALL_ACCEPTED
    });
}

fn ask(call: *mut retrocall_call, what: impl FnOnce() -> Option<Ask>) -> c_int {
    guarded(|| {
        // SAFETY: as the header says, it is NULL or a call that was not freed.
        let Some(call) = (unsafe { call.as_ref() }) else { return RETROCALL_WRONG };
        let Some(ask) = what() else {
            call.desk.wrong("an argument is wrong: see retrocall.h");
            return RETROCALL_WRONG;
        };
        result(call.desk.control(call.call, ask))
    })
}

fn begin_of(desk: &Desk, options: &retrocall_options) -> Result<Begin, String> {
    let optional = |from: *const c_char, what: &str| match from.is_null() {
        true => Ok(None),
        false => text(from).map(Some).ok_or_else(|| format!("{what} is not UTF-8")),
    };
    let agent = optional(options.agent, "the agent's name")?.or_else(|| desk.own_agent());
    let agent = agent.ok_or("no agent is named, and this user may act for all of them: set `agent`")?;
    let codec = match options.codec {
        RETROCALL_PCM16 => Codec::Pcm16,
        RETROCALL_ULAW => Codec::Ulaw,
        RETROCALL_ALAW => Codec::Alaw,
        _ => return Err("`codec` is RETROCALL_PCM16, RETROCALL_ULAW or RETROCALL_ALAW".to_owned()),
    };
    Ok(Begin {
        customer: optional(options.customer, "the customer's number")?,
        direction: match options.direction {
            RETROCALL_INBOUND => Direction::Inbound,
            RETROCALL_OUTBOUND => Direction::Outbound,
            _ => return Err("`direction` is RETROCALL_INBOUND or RETROCALL_OUTBOUND".to_owned()),
        },
        ..Begin::new(agent, rate(options.rate)?, codec)
    })
}

fn result(outcome: Outcome) -> c_int {
    match outcome {
        Outcome::Accepted => RETROCALL_ACCEPTED,
        Outcome::Already => RETROCALL_ALREADY,
        Outcome::Refused => RETROCALL_REFUSED,
        Outcome::Gone => RETROCALL_GONE,
    }
}

/// Does it, and lets no panic into C.
fn guarded(does: impl FnOnce() -> c_int) -> c_int {
    catch_unwind(AssertUnwindSafe(does)).unwrap_or(RETROCALL_FAULT)
}

fn bytes<'a>(from: *const c_char) -> Option<&'a [u8]> {
    // SAFETY: it is not NULL, and the caller says that a text with a zero at its end stands there for as long as the function runs.
    (!from.is_null()).then(|| unsafe { CStr::from_ptr(from) }.to_bytes())
}

fn text(from: *const c_char) -> Option<String> {
    bytes(from).and_then(|bytes| String::from_utf8(bytes.to_vec()).ok())
}
