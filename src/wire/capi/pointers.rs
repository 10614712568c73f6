//! What every function of C begins and ends with: pointers that may be NULL, or another process's, and what comes back.
#![allow(unsafe_code)]

use std::{
    ffi::{c_char, c_int},
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
};

use crate::{
    desk::{Desk, Outcome},
    handles::{retrocall, retrocall_call},
    types::*,
};

/// Does it, and lets no panic into C.
pub fn guarded(does: impl FnOnce() -> c_int) -> c_int {
    catch_unwind(AssertUnwindSafe(does)).unwrap_or(RETROCALL_FAULT)
}

/// Does something with a connection that is there, and this process's.
pub fn on_desk(engine: *const retrocall, does: impl FnOnce(&Arc<Desk>) -> c_int) -> c_int {
    guarded(|| {
        // SAFETY: as the header says, it is NULL or a connection that was not closed.
        match unsafe { engine.as_ref() } {
            Some(engine) if engine.desk.is_of_this_process() => does(&engine.desk),
            _ => RETROCALL_WRONG,
        }
    })
}

/// Does something with a call that is there, and this process's.
pub fn on_call(call: *const retrocall_call, does: impl FnOnce(&retrocall_call) -> c_int) -> c_int {
    guarded(|| {
        // SAFETY: as the header says, it is NULL or a call that was not freed.
        match unsafe { call.as_ref() } {
            Some(call) if call.desk.is_of_this_process() => does(call),
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
        let call = unsafe { call.as_ref() }.filter(|call| call.desk.is_of_this_process())?;
        look(call)
    }));
    text.ok().flatten().unwrap_or(c"".as_ptr())
}

/// An argument is wrong, and that is why.
pub fn wrong(desk: &Desk, why: &str) -> c_int {
    desk.say(why);
    RETROCALL_WRONG
}

/// What C is told of an outcome.
pub fn result(outcome: Outcome) -> c_int {
    match outcome {
        Outcome::Accepted => RETROCALL_ACCEPTED,
        Outcome::Already => RETROCALL_ALREADY,
        Outcome::Refused => RETROCALL_REFUSED,
        Outcome::Gone => RETROCALL_GONE,
        Outcome::Wrong => RETROCALL_WRONG,
    }
}
