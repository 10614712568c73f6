//! The handles of C: a connection and a call, opaque to it.
//!
//! Belongs here: their fields. Does not: the functions that use them.
#![allow(non_camel_case_types)]

use std::{
    ffi::{CString, c_char},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
};

use parking_lot::Mutex;

use crate::{
    engine_link::{Continuation, EngineLink, NewCall, Room},
    lane::Lane,
    text::text_of,
    types::*,
};
use retrocall_words::{EndedBy, audio::FRAME_SAMPLES_MAX};

/// A connection to the engine, for any number of threads: a control is answered while another thread is in retrocall_wait. A child process after
/// fork can't use it, and connects anew.
pub struct retrocall {
    pub(crate) link: Arc<EngineLink>,
}

/// A call. One thread at a time pushes each of its legs, whatever other threads do.
pub struct retrocall_call {
    pub(crate) link: Arc<EngineLink>,
    pub(crate) key: u64,
    /// Its ids. The last one counts; C may still look at the others.
    ids: Mutex<Vec<CString>>,
    /// The call that it continues, and the path of its recording.
    pub(crate) before: LastText,
    pub(crate) path: LastText,
    pub(crate) lanes: [Lane; 2],
    pub(crate) room: Room,
    pub(crate) bytes_per_sample: usize,
    pub(crate) samples_max: usize,
    /// The position at which the current engine call began: 0 until it was continued as another one.
    base: AtomicU64,
    /// Behind the last pushed sample, by leg.
    pub(crate) positions: [AtomicU64; 2],
    pub(crate) dropped: [AtomicU64; 2],
    /// Nothing is taken any more: the call has ended, or its connection is lost.
    pub(crate) closed: Arc<AtomicBool>,
}

/// The text that a function returned last: valid for C until it asks again.
#[derive(Default)]
pub(crate) struct LastText(Mutex<CString>);

impl LastText {
    /// Replaces the text.
    pub(crate) fn keep(&self, text: CString) -> *const c_char {
        let mut kept = self.0.lock();
        *kept = text;
        kept.as_ptr()
    }
}

impl retrocall_call {
    /// The handle of a call that began.
    pub(crate) fn new(link: &Arc<EngineLink>, room: Room, begun: NewCall) -> retrocall_call {
        let NewCall { key, id, codec, legs, positions, closed } = begun;
        let samples_max = legs[0].room_samples().min(FRAME_SAMPLES_MAX);
        retrocall_call {
            link: Arc::clone(link),
            key,
            ids: Mutex::new(vec![text_of(&id.to_string())]),
            before: LastText::default(),
            path: LastText::default(),
            lanes: legs.map(|leg| Lane::new(leg, 0)),
            room,
            bytes_per_sample: codec.bytes_per_sample(),
            samples_max,
            base: AtomicU64::new(0),
            positions: positions.map(AtomicU64::new),
            dropped: Default::default(),
            closed,
        }
    }

    /// Its id, for C.
    pub(crate) fn id(&self) -> Option<*const c_char> {
        self.ids.lock().last().map(|id| id.as_ptr())
    }

    /// Sends frames to new memory from now on.
    pub(crate) fn go_on(&self, Continuation { legs, id, is_anew }: Continuation) {
        if is_anew {
            // Earlier samples belong to the call before. This one begins here, for both legs.
            let ends = self.positions.each_ref().map(|position| position.load(Ordering::Relaxed));
            self.base.store(ends[0].max(ends[1]), Ordering::Relaxed);
            self.ids.lock().push(text_of(&id.to_string()));
        }
        let base = self.base.load(Ordering::Relaxed);
        for (lane, leg) in self.lanes.iter().zip(legs) {
            lane.replace(leg, base);
        }
    }

    /// The call's status, in a structure of this size.
    pub(crate) fn status(&self, size: usize) -> retrocall_status {
        let status = self.link.status(self.key);
        let numbers = |of: &[AtomicU64; 2]| of.each_ref().map(|number| number.load(Ordering::Relaxed));
        let dropped = numbers(&self.dropped);
        retrocall_status {
            size,
            connected: status.connected.into(),
            recording: status.states.recording.into(),
            masked: status.states.masked.into(),
            on_hold: status.states.on_hold.into(),
            private_: status.states.private.into(),
            objected: status.states.objected.into(),
            ended: status.ended.into(),
            ended_by: match (status.ended, status.ended_by) {
                (false, _) => RETROCALL_BY_NOBODY,
                (true, None) => RETROCALL_BY_PHONE,
                (true, Some(EndedBy::ConnectionLost)) => RETROCALL_BY_LOSS,
                (true, Some(EndedBy::Stopping)) => RETROCALL_BY_STOP,
            },
            kept: status.kept.into(),
            incomplete: (status.incomplete || dropped != [0; 2]).into(),
            disk_trouble: status.disk_trouble.into(),
            left_out: status.left_out.into(),
            went_on: status.before.try_into().unwrap_or(u32::MAX),
            began: self.base.load(Ordering::Relaxed),
            positions: numbers(&self.positions),
            dropped,
            refused: status.refused,
            copy: status.states.copy.into(),
            exempt: status.exempt.into(),
        }
    }
}
