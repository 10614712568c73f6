//! What C hands in: pointers that may be NULL, or another process's, and what comes back.
#![allow(unsafe_code)]

use std::{
    ffi::{CStr, CString, c_char, c_int},
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
};

use crate::{
    desk::{Desk, Outcome},
    functions::{retrocall, retrocall_call},
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

/// Options, as far as we know them; none if there are none, or if their size is none that options have.
pub fn copy_of(options: *const retrocall_options) -> Option<retrocall_options> {
    if options.is_null() {
        return None;
    }
    // SAFETY: it is not NULL, and the caller says that options stand there: their first field is their size.
    let size = unsafe { options.cast::<usize>().read() };
    let known = retrocall_options::known(size)?;
    let mut copy = retrocall_options::NONE;
    // SAFETY: the caller says that so many bytes are options; ours are at least as long as what is copied of them, and have no field that
    // any bytes could not be.
    unsafe { (&raw mut copy).cast::<u8>().copy_from_nonoverlapping(options.cast(), known) };
    Some(copy)
}

/// The bytes of a text; none if it is NULL.
pub fn bytes<'a>(from: *const c_char) -> Option<&'a [u8]> {
    // SAFETY: it is not NULL, and the caller says that a text with a zero at its end stands there for as long as the function runs.
    (!from.is_null()).then(|| unsafe { CStr::from_ptr(from) }.to_bytes())
}

/// A text; none if it is NULL or not UTF-8.
pub fn text(from: *const c_char) -> Option<String> {
    bytes(from).and_then(|bytes| String::from_utf8(bytes.to_vec()).ok())
}

/// A text for C. Ids have no zeros.
pub fn text_of(id: &str) -> CString {
    CString::new(id).unwrap_or_default()
}
