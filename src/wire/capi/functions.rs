//! The functions of `retrocall.h` for a connection and its calls: its comments are the header's.
//!
//! Every function catches panics, takes NULL for a wrong argument, looks whether it is in the process that made what it is given, and leaves the
//! work to `desk`.
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
    desk::{Begun, Desk, Outcome, Room},
    handles::{retrocall, retrocall_call},
    pointers::{guarded, on_call, on_desk, result, text_for, wrong},
    said::{Said, room_of},
    text::{bytes, copy_of, text, text_of},
    types::*,
};
use retrocall_client::client::Pushed;
use retrocall_words::CallId;

/// The longest path of a socket.
const PATH_BYTES_MAX: usize = 107;
/// What is said of options that are none.
const NO_OPTIONS: &str = "the options are NULL, or `size` is not set to sizeof(retrocall_options)";

/// The version of the library that runs, as RETROCALL_VERSION.
#[unsafe(no_mangle)]
pub extern "C" fn retrocall_version() -> u32 {
    RETROCALL_VERSION
}

/// Connects to the engine that listens on this socket: engine.sock in its home. *engine is set in any case, so that retrocall_error can say
/// what went wrong, and must be given to retrocall_close in any case. May take 30 s.
#[unsafe(no_mangle)]
pub extern "C" fn retrocall_connect(socket: *const c_char, engine: *mut *mut retrocall) -> retrocall_result {
    guarded(|| {
        if engine.is_null() {
            return RETROCALL_WRONG;
        }
        let path = bytes(socket).unwrap_or_default();
        let is_path = (1..=PATH_BYTES_MAX).contains(&path.len());
        let desk = Desk::connect(Path::new(OsStr::from_bytes(path)));
        let result = match (is_path, desk.is_connected()) {
            (false, _) => RETROCALL_WRONG,
            (true, true) => RETROCALL_ACCEPTED,
            (true, false) => RETROCALL_GONE,
        };
        if path.is_empty() {
            desk.say("no path of a socket is given: it is engine.sock in the engine's home");
        }
        let made = Box::into_raw(Box::new(retrocall { desk: Arc::new(desk) }));
        // SAFETY: it is not NULL, and the caller says that a pointer can be put there.
        unsafe { engine.write(made) };
        result
    })
}

/// What went wrong last in this thread, or else with the connection: a sentence for people, with what to do; "" if nothing did. It is there
/// until this thread calls the next function with this connection or one of its calls.
#[unsafe(no_mangle)]
pub extern "C" fn retrocall_error(engine: *const retrocall) -> *const c_char {
    // SAFETY: as the header says, it is NULL or a connection that was not closed.
    let Some(engine) = (unsafe { engine.as_ref() }) else { return c"no connection was made".as_ptr() };
    if !engine.desk.is_of_this_process() {
        return c"the connection is the parent process's: connect anew in this one".as_ptr();
    }
    catch_unwind(AssertUnwindSafe(|| engine.desk.error())).unwrap_or(c"a fault of this library".as_ptr())
}

/// Announces a call: it begins now, at position 0. *call is set if this is RETROCALL_ACCEPTED, and must be given to retrocall_free then. If it
/// is anything else, let the phone call go on uncaptured.
#[unsafe(no_mangle)]
pub extern "C" fn retrocall_begin(
    engine: *mut retrocall,
    options: *const retrocall_options,
    call: *mut *mut retrocall_call,
) -> retrocall_result {
    on_desk(engine, |desk| {
        if call.is_null() {
            return wrong(desk, "`call` is NULL");
        }
        let options = match copy_of(options) {
            Some(options) => options,
            None => return wrong(desk, NO_OPTIONS),
        };
        let Said { begin, room, left_out } = match Said::of(&options, desk) {
            Ok(said) => said,
            Err(why) => return wrong(desk, &why),
        };
        handed_over(desk, room, desk.begin(begin, room, left_out), call)
    })
}

/// Takes over a call that is live and has lost its connection, like one of a softphone that was started again. Of the options `frame_samples`
/// and `depth_ms` count; NULL is as good as zeros. retrocall_look says in `positions` where each leg goes on, and what holds of the call; push on
/// at the position where your audio is now. If the engine does not know the call any more (RETROCALL_REFUSED), retrocall_begin with `continues`.
#[unsafe(no_mangle)]
pub extern "C" fn retrocall_attach(
    engine: *mut retrocall,
    id: *const c_char,
    options: *const retrocall_options,
    call: *mut *mut retrocall_call,
) -> retrocall_result {
    on_desk(engine, |desk| {
        if call.is_null() {
            return wrong(desk, "`call` is NULL");
        }
        let options = match copy_of(options) {
            Some(options) => options,
            None if options.is_null() => retrocall_options::NONE,
            None => return wrong(desk, NO_OPTIONS),
        };
        let Some(id) = text(id).and_then(|id| id.parse::<CallId>().ok()) else {
            return wrong(desk, "`id` is not the id of a call");
        };
        let (room, _) = room_of(&options);
        handed_over(desk, room, desk.attach(id, room), call)
    })
}

/// Gives out a call that began.
fn handed_over(
    desk: &Arc<Desk>,
    room: Room,
    begun: Result<Begun, Outcome>,
    call: *mut *mut retrocall_call,
) -> retrocall_result {
    let made = match begun {
        Ok(begun) => Box::into_raw(Box::new(retrocall_call::new(desk, room, begun))),
        Err(outcome) => return result(outcome),
    };
    // SAFETY: it is not NULL, and the caller says that a pointer can be put there.
    unsafe { call.write(made) };
    RETROCALL_ACCEPTED
}

/// Goes on with a call after its connection was lost or the engine was stopped or killed: looks for the engine for so long, connects again, and
/// takes the call over where it is. If the engine does not know it any more, what is left is another call, which names this one (`continues`), and
/// of which holds what held of this one: what was pressed is kept on, what was masked or private stays so. A record, mask, hold, private or object that
/// nobody had answered is asked for again. Positions count on; push meanwhile, and until then it is answered with RETROCALL_GONE. Other calls of the
/// connection are gone on with one by one.
#[unsafe(no_mangle)]
pub extern "C" fn retrocall_reconnect(call: *mut retrocall_call, timeout_ms: u32) -> retrocall_result {
    on_call(call, |call| {
        let patience = Duration::from_millis(timeout_ms.into());
        result(call.desk.reconnect(call.key, call.room, patience, |gone_on| call.go_on(gone_on)))
    })
}

/// Hands over a frame of one leg: so many samples, the first of them at this position, counted in samples since the call began. Any number up
/// to 120 ms. Both legs share one timeline: count on, also over what is lost.
///
/// Fit for an audio callback: wait-free, no lock, no allocation, no system call, whatever the engine does or fails to do, also if it is gone
/// (checked with RealtimeSanitizer). Each leg has one thread at a time; the two legs may have two. Returns RETROCALL_ACCEPTED,
/// RETROCALL_FULL (the frame is dropped: go on), RETROCALL_GONE (the call has ended, or the connection is lost) or RETROCALL_WRONG. To find that a
/// connection is lost takes a system call, so that a push only knows it from another function: call retrocall_wait, or retrocall_look, now and then.
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
        if !call.desk.is_of_this_process() {
            return RETROCALL_WRONG;
        }
        call.positions[leg].store(end, Ordering::Relaxed);
        // Acquire, with the store after new memory was installed: it is there by then.
        if call.closed.load(Ordering::Acquire) {
            return RETROCALL_GONE;
        }
        // SAFETY: it is not NULL, and the caller says that so many samples stand there.
        let bytes = unsafe { std::slice::from_raw_parts(samples.cast::<u8>(), count * call.bytes_per_sample) };
        // SAFETY: as the header says, one thread at a time pushes this leg.
        match unsafe { call.lanes[leg].push(position, bytes) } {
            Pushed::All => RETROCALL_ACCEPTED,
            Pushed::Full => {
                call.dropped[leg].fetch_add(1, Ordering::Relaxed);
                RETROCALL_FULL
            }
            Pushed::Closed => RETROCALL_GONE,
        }
    })
}

/// Fills in how a call is, from what the engine has said until now. Waits for nothing.
#[unsafe(no_mangle)]
pub extern "C" fn retrocall_look(call: *const retrocall_call, status: *mut retrocall_status) -> retrocall_result {
    on_call(call, |call| {
        if status.is_null() {
            return wrong(&call.desk, "`status` is NULL");
        }
        // SAFETY: it is not NULL, and the caller says that a status stands there: its first field is its size.
        let size = unsafe { status.cast::<usize>().read() };
        let Some(known) = retrocall_status::known(size) else {
            return wrong(&call.desk, "set `size` of the status to sizeof(retrocall_status) before you ask");
        };
        let filled = call.status(size);
        // SAFETY: the caller says that so many bytes are a status; our own is at least as long as what is copied of it.
        unsafe {
            status.cast::<u8>().write_bytes(0, size);
            status.cast::<u8>().copy_from_nonoverlapping((&raw const filled).cast(), known);
        }
        RETROCALL_ACCEPTED
    })
}

/// The id of a call: 36 characters, there until retrocall_free. After retrocall_reconnect it may be another one.
#[unsafe(no_mangle)]
pub extern "C" fn retrocall_id(call: *const retrocall_call) -> *const c_char {
    text_for(call, retrocall_call::id)
}

/// The id of the call that a call goes on with; "" if it goes on with none. There until this is asked again, or retrocall_free.
#[unsafe(no_mangle)]
pub extern "C" fn retrocall_continues(call: *const retrocall_call) -> *const c_char {
    text_for(call, |call| {
        let before = call.desk.continues(call.key)?;
        Some(call.before.keep(text_of(&before.to_string())))
    })
}

/// Where the recording of a call is; "" if it is not kept yet. There until this is asked again, or retrocall_free.
#[unsafe(no_mangle)]
pub extern "C" fn retrocall_path(call: *const retrocall_call) -> *const c_char {
    text_for(call, |call| {
        let path = call.desk.kept(call.key)?;
        Some(call.path.keep(CString::new(path.as_os_str().as_bytes()).ok()?))
    })
}

/// Hears what the engine says, until it says something, or has said something to another function meanwhile, or the milliseconds are over. Call
/// it now and then, or in a thread of its own, and look at the status.
#[unsafe(no_mangle)]
pub extern "C" fn retrocall_wait(engine: *mut retrocall, timeout_ms: u32) -> retrocall_result {
    on_desk(engine, |desk| result(desk.wait(Duration::from_millis(timeout_ms.into()))))
}

/// A descriptor for poll, select or epoll: readable (POLLIN) when retrocall_wait with 0 ms has something to hear. It stays the same until
/// retrocall_close, also over lost connections. Read nothing from it, and don't close it.
#[unsafe(no_mangle)]
pub extern "C" fn retrocall_fd(engine: *const retrocall) -> c_int {
    // SAFETY: as the header says, it is NULL or a connection that was not closed.
    let Some(engine) = (unsafe { engine.as_ref() }) else { return -1 };
    engine.desk.descriptor().filter(|_| engine.desk.is_of_this_process()).unwrap_or(-1)
}

/// Forgets a call: stop pushing before. A call that was not ended goes on without audio until the connection is closed.
#[unsafe(no_mangle)]
pub extern "C" fn retrocall_free(call: *mut retrocall_call) {
    if on_call(call, |_| RETROCALL_ACCEPTED) == RETROCALL_ACCEPTED {
        guarded(|| {
            // SAFETY: as the header says, a function that begins a call made it, and it is freed once and not used any more.
            let call = unsafe { Box::from_raw(call) };
            call.desk.forget(call.key);
            RETROCALL_ACCEPTED
        });
    }
}

/// Closes the connection, before or after its calls are freed; no other thread is in a function with it any more. A call that was not ended ends
/// after the engine's grace time.
#[unsafe(no_mangle)]
pub extern "C" fn retrocall_close(engine: *mut retrocall) {
    if on_desk(engine, |_| RETROCALL_ACCEPTED) == RETROCALL_ACCEPTED {
        guarded(|| {
            // SAFETY: as the header says, `retrocall_connect` made it, and it is closed once and not used any more.
            unsafe { Box::from_raw(engine) }.desk.close();
            RETROCALL_ACCEPTED
        });
    }
}
