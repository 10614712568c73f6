//! A leg of a call, whose memory can be replaced while an audio callback pushes: after a lost connection the call goes on in other memory.
//!
//! One thread pushes, any other replaces, and neither waits for the other. Pushing frees nothing, for that is a call of the system: what was
//! replaced is put aside, and freed when the lane is replaced again or dropped.
#![allow(unsafe_code)]

use std::{
    cell::UnsafeCell,
    ptr::{self, null_mut},
    sync::atomic::{AtomicPtr, Ordering},
};

use retrocall_client::client::{Pushed, SharedLeg};

/// A leg.
pub struct Lane {
    /// Where frames go now: the pushing thread's alone.
    now: UnsafeCell<Box<Place>>,
    /// Where they go from the next push on; null if it stays as it is. Only the pushing thread makes it null.
    next: AtomicPtr<Place>,
    /// What was replaced, the last one first. Only the pushing thread adds to it; others take all of it.
    aside: AtomicPtr<Place>,
}

// SAFETY: `now` is touched by the one thread that pushes, as `push` asks of its caller, and by whoever owns the lane; the rest are atomics, by
// which boxes of `Place`, which may go to any thread, change hands.
unsafe impl Sync for Lane {}

/// Memory for the frames of one leg.
struct Place {
    leg: SharedLeg,
    /// At which position of the phone call the call that this memory is for began.
    base: u64,
    bytes_per_sample: usize,
    /// The one that was put aside before.
    before: *mut Place,
}

// SAFETY: `before` is a box that this one owns, once it is put aside.
unsafe impl Send for Place {}

impl Place {
    fn new(leg: SharedLeg, base: u64) -> Box<Place> {
        let bytes_per_sample = leg.codec().bytes_per_sample();
        Box::new(Place { leg, base, bytes_per_sample, before: null_mut() })
    }

    /// What the call before had of a frame is not pushed again.
    fn push(&mut self, position: u64, bytes: &[u8]) -> Pushed {
        match position.checked_sub(self.base) {
            Some(position) => self.leg.push(position, bytes),
            None => {
                let had = (self.base - position).saturating_mul(self.bytes_per_sample as u64);
                match usize::try_from(had).ok().filter(|had| *had < bytes.len()) {
                    Some(had) => self.leg.push(0, &bytes[had..]),
                    None => Pushed::Full,
                }
            }
        }
    }
}

impl Lane {
    /// A leg whose positions count from `base`.
    pub fn new(leg: SharedLeg, base: u64) -> Lane {
        Lane {
            now: UnsafeCell::new(Place::new(leg, base)),
            next: AtomicPtr::new(null_mut()),
            aside: AtomicPtr::new(null_mut()),
        }
    }

    /// Puts a frame where the engine takes it: [`SharedLeg::push`], and as fit for an audio callback. A frame that lies wholly before the
    /// memory's call is [`Pushed::Full`].
    ///
    /// # Safety
    /// One thread at a time pushes.
    pub unsafe fn push(&self, position: u64, bytes: &[u8]) -> Pushed {
        // SAFETY: nobody else pushes, as the caller says, and nothing but a push touches it while the lane is shared.
        let now = unsafe { &mut *self.now.get() };
        if !self.next.load(Ordering::Relaxed).is_null() {
            self.take_next(now);
        }
        now.push(position, bytes)
    }

    #[cold]
    fn take_next(&self, now: &mut Box<Place>) {
        // Acquire, with `replace`: the new place is seen whole.
        let next = self.next.swap(null_mut(), Ordering::Acquire);
        if next.is_null() {
            return;
        }
        // SAFETY: `replace` made it from a box, and whoever swaps it out has it alone.
        let mut old = ptr::NonNull::from(Box::leak(std::mem::replace(now, unsafe { Box::from_raw(next) })));
        // What was put aside before hangs on it: only this thread adds to it, so that nothing comes between these two.
        // SAFETY: it was just leaked, and nobody else knows of it yet.
        unsafe { old.as_mut() }.before = self.aside.swap(null_mut(), Ordering::Acquire);
        // Release, with `sweep`: whoever takes it sees what it holds, and that this thread is done with it.
        self.aside.store(old.as_ptr(), Ordering::Release);
    }

    /// From the next push on frames go there; what was replaced before is freed.
    pub fn replace(&self, leg: SharedLeg, base: u64) {
        self.sweep();
        let unused = self.next.swap(Box::into_raw(Place::new(leg, base)), Ordering::AcqRel);
        if !unused.is_null() {
            // SAFETY: it was made from a box by an earlier `replace`, and whoever swaps it out has it alone.
            drop(unsafe { Box::from_raw(unused) });
        }
    }

    fn sweep(&self) {
        let mut next = self.aside.swap(null_mut(), Ordering::Acquire);
        while !next.is_null() {
            // SAFETY: `take_next` leaked it, and whoever swaps it out has it alone, with all that hangs on it.
            let place = unsafe { Box::from_raw(next) };
            next = place.before;
        }
    }
}

impl Drop for Lane {
    fn drop(&mut self) {
        self.sweep();
        let unused = *self.next.get_mut();
        if !unused.is_null() {
            // SAFETY: it was made from a box by `replace`, and nobody else has the lane any more.
            drop(unsafe { Box::from_raw(unused) });
        }
    }
}
