//! The functions of `retrocall.h` that control a call. Their comments become the header's.
#![allow(unsafe_code)]

use std::ffi::{c_char, c_int};

use crate::{
    handles::retrocall_call,
    pointers::{on_call, result, wrong},
    text::text,
    types::*,
};
use retrocall_words as words;
use retrocall_words::{Ask, audio::Leg};

/// The longest stretch that can be erased: a day.
const ERASE_SECONDS_MAX: f64 = 86_400.0;

/// Record: keeps the whole call, from its first second until hangup. This and all controls below wait for the engine's answer. That takes less
/// than a millisecond, but up to a minute if the engine is stuck: not for an audio callback.
#[unsafe(no_mangle)]
pub extern "C" fn retrocall_record(call: *mut retrocall_call) -> retrocall_result {
    ask(call, || Ok(Ask::Record))
}

/// The customer wants a copy: keeps the whole call, as retrocall_record does, for that purpose.
#[unsafe(no_mangle)]
pub extern "C" fn retrocall_copy(call: *mut retrocall_call) -> retrocall_result {
    ask(call, || Ok(Ask::Copy))
}

/// Silences both legs from now on; nothing of them is held (card numbers).
#[unsafe(no_mangle)]
pub extern "C" fn retrocall_mask(call: *mut retrocall_call) -> retrocall_result {
    ask(call, || Ok(Ask::Mask))
}

/// Ends a mask.
#[unsafe(no_mangle)]
pub extern "C" fn retrocall_unmask(call: *mut retrocall_call) -> retrocall_result {
    ask(call, || Ok(Ask::Unmask))
}

/// Silences the last seconds, in memory and in files. More than 0, at most a day; more than the call has means all of it.
#[unsafe(no_mangle)]
pub extern "C" fn retrocall_erase_last(call: *mut retrocall_call, seconds: f64) -> retrocall_result {
    ask(call, || match seconds > 0.0 && seconds <= ERASE_SECONDS_MAX {
        true => Ok(Ask::EraseLast { seconds }),
        false => Err("`seconds` is a number over 0 and at most 86400, a day".to_owned()),
    })
}

/// Puts the customer on hold: both legs are silent until retrocall_resume.
#[unsafe(no_mangle)]
pub extern "C" fn retrocall_hold(call: *mut retrocall_call) -> retrocall_result {
    ask(call, || Ok(Ask::Hold))
}

/// Ends a hold.
#[unsafe(no_mangle)]
pub extern "C" fn retrocall_resume(call: *mut retrocall_call) -> retrocall_result {
    ask(call, || Ok(Ask::Resume))
}

/// Makes the call private: wipes the held audio, and holds nothing more.
#[unsafe(no_mangle)]
pub extern "C" fn retrocall_private(call: *mut retrocall_call) -> retrocall_result {
    ask(call, || Ok(Ask::Private))
}

/// The customer objects to training: the call can't be sampled.
#[unsafe(no_mangle)]
pub extern "C" fn retrocall_object(call: *mut retrocall_call) -> retrocall_result {
    ask(call, || Ok(Ask::Object))
}

/// Gives the call to another agent.
#[unsafe(no_mangle)]
pub extern "C" fn retrocall_transfer(call: *mut retrocall_call, to: *const c_char) -> retrocall_result {
    ask(call, || {
        let to = text(to).ok_or("`to` is NULL or not UTF-8")?;
        Ok(Ask::Transfer { to: words::name(&to).map_err(|why| format!("`to` {why}"))? })
    })
}

/// Tells that a key of the phone was pressed: one of 0 to 9, *, #, A to D.
#[unsafe(no_mangle)]
pub extern "C" fn retrocall_dtmf(call: *mut retrocall_call, digit: c_char) -> retrocall_result {
    ask(call, || dtmf(digit, None))
}

/// The same, with the leg on which it was pressed: RETROCALL_AGENT or RETROCALL_CUSTOMER. Only so can keys of the phone record a call, or be an
/// objection (`record_keys`, `object_keys`).
#[unsafe(no_mangle)]
pub extern "C" fn retrocall_dtmf_on(call: *mut retrocall_call, digit: c_char, leg: c_int) -> retrocall_result {
    ask(call, || match leg {
        RETROCALL_AGENT => dtmf(digit, Some(Leg::Agent)),
        RETROCALL_CUSTOMER => dtmf(digit, Some(Leg::Customer)),
        _ => Err("`leg` is RETROCALL_AGENT or RETROCALL_CUSTOMER".to_owned()),
    })
}

/// Hangs up. Frames pushed before belong to the call; a later push returns RETROCALL_GONE. The engine completes the recording in any case. To
/// learn where it is, retrocall_wait until the status says `kept`.
#[unsafe(no_mangle)]
pub extern "C" fn retrocall_end(call: *mut retrocall_call) -> retrocall_result {
    ask(call, || Ok(Ask::End))
}

fn dtmf(digit: c_char, leg: Option<Leg>) -> Result<Ask, String> {
    match char::from(digit as u8) {
        digit @ ('0'..='9' | '*' | '#' | 'A'..='D') => Ok(Ask::Dtmf { digit, leg }),
        _ => Err("`digit` is one of 0 to 9, *, #, A to D".to_owned()),
    }
}

fn ask(call: *const retrocall_call, what: impl FnOnce() -> Result<Ask, String>) -> c_int {
    on_call(call, |call| match what() {
        Ok(ask) => result(call.link.control(call.key, &ask)),
        Err(why) => wrong(&call.link, &why),
    })
}
