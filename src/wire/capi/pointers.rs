//! The beginning and end of every function of C: checks of its pointers, which may be NULL or another process's, and its result.
#![allow(unsafe_code)]

use std::{
    ffi::{c_char, c_int},
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
};

use crate::{
    engine_link::{EngineLink, ReturnCode},
    handles::{retrocall, retrocall_call},
    types::*,
};

/// Runs it, and lets no panic into C.
pub fn guarded(does: impl FnOnce() -> c_int) -> c_int {
    catch_unwind(AssertUnwindSafe(does)).unwrap_or(RETROCALL_FAULT)
}

/// Does something with a connection, if it is there and this process's.
pub fn on_link(engine: *const retrocall, does: impl FnOnce(&Arc<EngineLink>) -> c_int) -> c_int {
    guarded(|| {
        // SAFETY: as the header says, it is NULL or a connection that was not closed.
        match unsafe { engine.as_ref() } {
            Some(engine) if engine.link.is_of_this_process() => does(&engine.link),
            _ => RETROCALL_WRONG,
        }
    })
}

/// Does something with a call, if it is there and this process's.
pub fn on_call(call: *const retrocall_call, does: impl FnOnce(&retrocall_call) -> c_int) -> c_int {
    guarded(|| {
        // SAFETY: as the header says, it is NULL or a call that was not freed.
        match unsafe { call.as_ref() } {
            Some(call) if call.link.is_of_this_process() => does(call),
            _ => RETROCALL_WRONG,
        }
    })
}

/// A text of a call; "" if there is none.
pub fn text_for(
    call: *const retrocall_call,
    look: impl FnOnce(&retrocall_call) -> Option<*const c_char>,
) -> *const c_char {
    let text = catch_unwind(AssertUnwindSafe(|| {
        // SAFETY: as the header says, it is NULL or a call that was not freed.
        let call = unsafe { call.as_ref() }.filter(|call| call.link.is_of_this_process())?;
        look(call)
    }));
    text.ok().flatten().unwrap_or(c"".as_ptr())
}

/// Notes why an argument is wrong.
pub fn wrong(link: &EngineLink, why: &str) -> c_int {
    link.say(why);
    RETROCALL_WRONG
}

/// The code of a result in C.
pub fn result(outcome: ReturnCode) -> c_int {
    match outcome {
        ReturnCode::Accepted => RETROCALL_ACCEPTED,
        ReturnCode::Already => RETROCALL_ALREADY,
        ReturnCode::Refused => RETROCALL_REFUSED,
        ReturnCode::Gone => RETROCALL_GONE,
        ReturnCode::Wrong => RETROCALL_WRONG,
    }
}
