//! The functions of `retrocall.h` for a connection and its calls. Their comments become the header's.
//!
//! Every function catches panics, treats NULL as a wrong argument, checks that this process made its arguments, and leaves the work to `engine_link`.
#![allow(unsafe_code)]
#![allow(non_camel_case_types)]

use std::{
    ffi::{CString, OsStr, c_char, c_int, c_void},
    os::unix::ffi::OsStrExt,
    panic::{AssertUnwindSafe, catch_unwind},
    path::Path,
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use crate::{
    announcement::{Announcement, room_of},
    engine_link::{EngineLink, NewCall, ReturnCode, Room},
    handles::{retrocall, retrocall_call},
    pointers::{guarded, on_call, on_link, result, text_for, wrong},
    text::{bytes, copy_of, text, text_of},
    types::*,
};
use retrocall_client::client::PushResult;
use retrocall_words::CallId;

/// The longest path of a socket.
const PATH_BYTES_MAX: usize = 107;
/// The error for invalid options.
const NO_OPTIONS: &str = "the options are NULL, or `size` is not set to sizeof(retrocall_options)";

/// The version of the running library, in the form of RETROCALL_VERSION.
#[unsafe(no_mangle)]
pub extern "C" fn retrocall_version() -> u32 {
    RETROCALL_VERSION
}

/// Connects to the engine that listens on this socket: engine.sock in its home. *engine is set in any case, so that retrocall_error can explain a
/// failure; close it with retrocall_close in any case. May take 30 s.
#[unsafe(no_mangle)]
pub extern "C" fn retrocall_connect(socket: *const c_char, engine: *mut *mut retrocall) -> retrocall_result {
    guarded(|| {
        if engine.is_null() {
            return RETROCALL_WRONG;
        }
        let path = bytes(socket).unwrap_or_default();
        let is_path = (1..=PATH_BYTES_MAX).contains(&path.len());
        let link = EngineLink::connect(Path::new(OsStr::from_bytes(path)));
        let result = match (is_path, link.is_connected()) {
            (false, _) => RETROCALL_WRONG,
            (true, true) => RETROCALL_ACCEPTED,
            (true, false) => RETROCALL_GONE,
        };
        if path.is_empty() {
            link.say("no path of a socket is given: it is engine.sock in the engine's home");
        }
        let made = Box::into_raw(Box::new(retrocall { link: Arc::new(link) }));
        // SAFETY: it is not NULL, and the caller says that a pointer fits there.
        unsafe { engine.write(made) };
        result
    })
}

/// The last error of this thread, or else of the connection: a sentence for people, with a next step; "" if there was none. The text stays until
/// this thread calls the next function with this connection or one of its calls.
#[unsafe(no_mangle)]
pub extern "C" fn retrocall_error(engine: *const retrocall) -> *const c_char {
    // SAFETY: as the header says, it is NULL or a connection that was not closed.
    let Some(engine) = (unsafe { engine.as_ref() }) else { return c"no connection was made".as_ptr() };
    if !engine.link.is_of_this_process() {
        return c"the connection is the parent process's: connect anew in this one".as_ptr();
    }
    catch_unwind(AssertUnwindSafe(|| engine.link.error())).unwrap_or(c"a fault of this library".as_ptr())
}

/// Announces a call: it begins now, at position 0. If this returns RETROCALL_ACCEPTED, *call is set; free it with retrocall_free. If it returns
/// anything else, let the phone call go on uncaptured.
#[unsafe(no_mangle)]
pub extern "C" fn retrocall_begin(
    engine: *mut retrocall,
    options: *const retrocall_options,
    call: *mut *mut retrocall_call,
) -> retrocall_result {
    on_link(engine, |link| {
        if call.is_null() {
            return wrong(link, "`call` is NULL");
        }
        let options = match copy_of(options) {
            Some(options) => options,
            None => return wrong(link, NO_OPTIONS),
        };
        let Announcement { begin, room, left_out } = match Announcement::of(&options, link) {
            Ok(said) => said,
            Err(why) => return wrong(link, &why),
        };
        handed_over(link, room, link.begin(begin, room, left_out), call)
    })
}

/// Takes over a live call that has lost its connection, for example after the softphone was restarted. Only the options `frame_samples` and
/// `depth_ms` count; NULL means zeros. retrocall_look tells in `positions` where each leg goes on, and the states of the call. Push on at the
/// current position of your audio. If the engine no longer knows the call (RETROCALL_REFUSED), use retrocall_begin with `continues`.
#[unsafe(no_mangle)]
pub extern "C" fn retrocall_attach(
    engine: *mut retrocall,
    id: *const c_char,
    options: *const retrocall_options,
    call: *mut *mut retrocall_call,
) -> retrocall_result {
    on_link(engine, |link| {
        if call.is_null() {
            return wrong(link, "`call` is NULL");
        }
        let options = match copy_of(options) {
            Some(options) => options,
            None if options.is_null() => retrocall_options::NONE,
            None => return wrong(link, NO_OPTIONS),
        };
        let Some(id) = text(id).and_then(|id| id.parse::<CallId>().ok()) else {
            return wrong(link, "`id` is not the id of a call");
        };
        let (room, _) = room_of(&options);
        handed_over(link, room, link.attach(id, room), call)
    })
}

/// Hands a call that began to C.
fn handed_over(
    link: &Arc<EngineLink>,
    room: Room,
    begun: Result<NewCall, ReturnCode>,
    call: *mut *mut retrocall_call,
) -> retrocall_result {
    let made = match begun {
        Ok(begun) => Box::into_raw(Box::new(retrocall_call::new(link, room, begun))),
        Err(outcome) => return result(outcome),
    };
    // SAFETY: it is not NULL, and the caller says that a pointer fits there.
    unsafe { call.write(made) };
    RETROCALL_ACCEPTED
}

/// Continues a call after its connection was lost or the engine was stopped or killed. Looks for the engine for this long, connects again, and
/// takes the call over. If the engine no longer knows the call, the rest becomes another call, which names this one (`continues`) and keeps its
/// states: if record was pressed it goes on recording, and a masked or private call stays so. A record, mask, hold, private or object without an
/// answer is asked for again. Positions count on. Keep pushing meanwhile; until then a push returns RETROCALL_GONE. Continue the connection's
/// other calls one by one.
#[unsafe(no_mangle)]
pub extern "C" fn retrocall_reconnect(call: *mut retrocall_call, timeout_ms: u32) -> retrocall_result {
    on_call(call, |call| {
        let patience = Duration::from_millis(timeout_ms.into());
        result(call.link.reconnect(call.key, call.room, patience, |gone_on| call.go_on(gone_on)))
    })
}

/// Hands over a frame of one leg: this many samples, the first at this position, counted in samples since the call began. A frame may have any
/// length up to 120 ms. Both legs share one timeline: count on, also over lost samples.
///
/// Fit for an audio callback: wait-free, without locks, allocations or system calls, whatever the engine does or fails to do, even if it is gone
/// (checked with RealtimeSanitizer). One thread at a time may push a leg; the two legs may have two threads. Returns RETROCALL_ACCEPTED,
/// RETROCALL_FULL (the frame is dropped: go on), RETROCALL_GONE (the call has ended, or the connection is lost) or RETROCALL_WRONG. Only a system
/// call can find that a connection is lost, so a push learns it from another function: call retrocall_wait or retrocall_look now and then.
#[unsafe(no_mangle)]
#[cfg_attr(rtsan, sanitize(realtime = "nonblocking"))]
pub extern "C" fn retrocall_push(
    call: *mut retrocall_call,
    leg: c_int,
    position: u64,
    samples: *const c_void,
    count: usize,
) -> retrocall_result {
    guarded(|| {
        // SAFETY: as the header says, it is NULL or a call that was not freed.
        let Some(call) = (unsafe { call.as_ref() }) else { return RETROCALL_WRONG };
        let leg = match leg {
            RETROCALL_AGENT => 0,
            RETROCALL_CUSTOMER => 1,
            _ => return RETROCALL_WRONG,
        };
        let end = position.checked_add(count as u64);
        let (false, true, Some(end)) = (samples.is_null(), count <= call.samples_max, end) else {
            return RETROCALL_WRONG;
        };
        // A child after fork does not have the memory.
        if !call.link.is_of_this_process() {
            return RETROCALL_WRONG;
        }
        call.positions[leg].store(end, Ordering::Relaxed);
        // Acquire, paired with the store after new memory was installed: the memory is there by then.
        if call.closed.load(Ordering::Acquire) {
            return RETROCALL_GONE;
        }
        // SAFETY: it is not NULL, and the caller says that this many samples stand there.
        let bytes = unsafe { std::slice::from_raw_parts(samples.cast::<u8>(), count * call.bytes_per_sample) };
        // SAFETY: as the header says, one thread at a time pushes this leg.
        match unsafe { call.lanes[leg].push(position, bytes) } {
            PushResult::All => RETROCALL_ACCEPTED,
            PushResult::Full => {
                call.dropped[leg].fetch_add(1, Ordering::Relaxed);
                RETROCALL_FULL
            }
            PushResult::Closed => RETROCALL_GONE,
        }
    })
}

/// Fills in the status of a call, from what the engine has said until now. Waits for nothing.
#[unsafe(no_mangle)]
pub extern "C" fn retrocall_look(call: *const retrocall_call, status: *mut retrocall_status) -> retrocall_result {
    on_call(call, |call| {
        if status.is_null() {
            return wrong(&call.link, "`status` is NULL");
        }
        // SAFETY: it is not NULL, and the caller says that a status stands there: its first field is its size.
        let size = unsafe { status.cast::<usize>().read() };
        let Some(known) = retrocall_status::known(size) else {
            return wrong(&call.link, "set `size` of the status to sizeof(retrocall_status) before you ask");
        };
        let filled = call.status(size);
        // SAFETY: the caller says that this many bytes are a status; our own is at least as long as the copied part.
        unsafe {
            status.cast::<u8>().write_bytes(0, size);
            status.cast::<u8>().copy_from_nonoverlapping((&raw const filled).cast(), known);
        }
        RETROCALL_ACCEPTED
    })
}

/// The id of a call: 36 characters, valid until retrocall_free. After retrocall_reconnect it may be a new one.
#[unsafe(no_mangle)]
pub extern "C" fn retrocall_id(call: *const retrocall_call) -> *const c_char {
    text_for(call, retrocall_call::id)
}

/// The id of the call that this call continues; "" if there is none. Valid until the next call of this function, or retrocall_free.
#[unsafe(no_mangle)]
pub extern "C" fn retrocall_continues(call: *const retrocall_call) -> *const c_char {
    text_for(call, |call| {
        let before = call.link.continues(call.key)?;
        Some(call.before.keep(text_of(&before.to_string())))
    })
}

/// The path of a call's recording; "" if it is not kept yet. Valid until the next call of this function, or retrocall_free.
#[unsafe(no_mangle)]
pub extern "C" fn retrocall_path(call: *const retrocall_call) -> *const c_char {
    text_for(call, |call| {
        let path = call.link.kept(call.key)?;
        Some(call.path.keep(CString::new(path.as_os_str().as_bytes()).ok()?))
    })
}

/// Listens to the engine, until it says something (also to another function meanwhile) or the time is over. Call it now and then, or in a thread
/// of its own, and look at the status.
#[unsafe(no_mangle)]
pub extern "C" fn retrocall_wait(engine: *mut retrocall, timeout_ms: u32) -> retrocall_result {
    on_link(engine, |link| result(link.wait(Duration::from_millis(timeout_ms.into()))))
}

/// A descriptor for poll, select or epoll: readable (POLLIN) when retrocall_wait with 0 ms has something to hear. It stays the same until
/// retrocall_close, also over lost connections. Don't read from it, and don't close it.
#[unsafe(no_mangle)]
pub extern "C" fn retrocall_fd(engine: *const retrocall) -> c_int {
    // SAFETY: as the header says, it is NULL or a connection that was not closed.
    let Some(engine) = (unsafe { engine.as_ref() }) else { return -1 };
    engine.link.descriptor().filter(|_| engine.link.is_of_this_process()).unwrap_or(-1)
}

/// Frees a call: stop pushing before. A call that was not ended goes on without audio until the connection is closed.
#[unsafe(no_mangle)]
pub extern "C" fn retrocall_free(call: *mut retrocall_call) {
    if on_call(call, |_| RETROCALL_ACCEPTED) == RETROCALL_ACCEPTED {
        guarded(|| {
            // SAFETY: as the header says, a function that begins a call made it, and it is freed once and not used again.
            let call = unsafe { Box::from_raw(call) };
            call.link.forget(call.key);
            RETROCALL_ACCEPTED
        });
    }
}

/// Closes the connection, before or after its calls are freed; no other thread may be in a function with it. A call that was not ended ends after
/// the engine's grace time.
#[unsafe(no_mangle)]
pub extern "C" fn retrocall_close(engine: *mut retrocall) {
    if on_link(engine, |_| RETROCALL_ACCEPTED) == RETROCALL_ACCEPTED {
        guarded(|| {
            // SAFETY: as the header says, `retrocall_connect` made it, and it is closed once and not used again.
            unsafe { Box::from_raw(engine) }.link.close();
            RETROCALL_ACCEPTED
        });
    }
}
