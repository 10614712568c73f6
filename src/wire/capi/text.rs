//! Texts and options from C, and texts for it.
#![allow(unsafe_code)]

use std::ffi::{CStr, CString, c_char};

use crate::types::*;

/// Copies options, as far as this version knows them; none if there are none, or if no version has options of their size.
pub fn copy_of(options: *const retrocall_options) -> Option<retrocall_options> {
    if options.is_null() {
        return None;
    }
    // SAFETY: it is not NULL, and the caller says that options stand there: their first field is their size.
    let size = unsafe { options.cast::<usize>().read() };
    let known = retrocall_options::known(size)?;
    let mut copy = retrocall_options::NONE;
    // SAFETY: the caller says that this many bytes are options; ours are at least as long as the copied part, and any bytes are valid in every
    // field.
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
