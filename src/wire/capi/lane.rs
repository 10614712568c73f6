//! A leg of a call, whose memory can be replaced while an audio callback pushes: after a lost connection the call goes on in other memory.
//!
//! One thread pushes, any other replaces, and neither waits for the other. A push frees nothing, because that is a system call: replaced memory is
//! put aside, and freed when the lane is replaced again or dropped.
#![allow(unsafe_code)]

use std::{
    cell::UnsafeCell,
    ptr::{self, null_mut},
    sync::atomic::{AtomicPtr, Ordering},
};

use retrocall_client::client::{PushResult, SharedLeg};

/// A leg.
pub struct Lane {
    /// Where frames go now: for the pushing thread alone.
    now: UnsafeCell<Box<Destination>>,
    /// Where they go from the next push on; null if there is no change. Only the pushing thread makes it null.
    next: AtomicPtr<Destination>,
    /// Replaced memory, the latest first. Only the pushing thread adds to it; others take all of it.
    aside: AtomicPtr<Destination>,
}

// SAFETY: `now` is touched only by the one thread that pushes, as `push` asks of its caller, and by the lane's owner; the rest are atomics, which
// pass on boxes of `Destination` that may go to any thread.
unsafe impl Sync for Lane {}

/// Memory for the frames of one leg.
struct Destination {
    leg: SharedLeg,
    /// The position of the phone call at which the engine call of this memory began.
    base: u64,
    bytes_per_sample: usize,
    /// The memory that was put aside before.
    before: *mut Destination,
}

// SAFETY: once it is put aside, it owns the box behind `before`.
unsafe impl Send for Destination {}

impl Destination {
    fn new(leg: SharedLeg, base: u64) -> Box<Destination> {
        let bytes_per_sample = leg.codec().bytes_per_sample();
        Box::new(Destination { leg, base, bytes_per_sample, before: null_mut() })
    }

    /// Pushes a frame, without samples that belong to the call before.
    fn push(&mut self, position: u64, bytes: &[u8]) -> PushResult {
        match position.checked_sub(self.base) {
            Some(position) => self.leg.push(position, bytes),
            None => {
                let had = (self.base - position).saturating_mul(self.bytes_per_sample as u64);
                match usize::try_from(had).ok().filter(|had| *had < bytes.len()) {
                    Some(had) => self.leg.push(0, &bytes[had..]),
                    None => PushResult::Full,
                }
            }
        }
    }
}

impl Lane {
    /// A leg whose positions count from `base`.
    pub fn new(leg: SharedLeg, base: u64) -> Lane {
        Lane {
            now: UnsafeCell::new(Destination::new(leg, base)),
            next: AtomicPtr::new(null_mut()),
            aside: AtomicPtr::new(null_mut()),
        }
    }

    /// Puts a frame where the engine takes it, with [`SharedLeg::push`], and fit for an audio callback. A frame that lies wholly before the call
    /// of this memory is [`PushResult::Full`].
    ///
    /// # Safety
    /// One thread at a time pushes.
    pub unsafe fn push(&self, position: u64, bytes: &[u8]) -> PushResult {
        // SAFETY: nobody else pushes, as the caller says, and only a push touches it while the lane is shared.
        let now = unsafe { &mut *self.now.get() };
        if !self.next.load(Ordering::Relaxed).is_null() {
            self.take_next(now);
        }
        now.push(position, bytes)
    }

    #[cold]
    fn take_next(&self, now: &mut Box<Destination>) {
        // Acquire, paired with `replace`: the new target is seen whole.
        let next = self.next.swap(null_mut(), Ordering::Acquire);
        if next.is_null() {
            return;
        }
        // SAFETY: `replace` made it from a box, and only the thread that swaps it out has it.
        let mut old = ptr::NonNull::from(Box::leak(std::mem::replace(now, unsafe { Box::from_raw(next) })));
        // Memory that was put aside before hangs on it. Only this thread adds, so nothing comes between these two. SAFETY: it was just leaked, and
        // nobody else knows of it yet.
        unsafe { old.as_mut() }.before = self.aside.swap(null_mut(), Ordering::Acquire);
        // Release, paired with `sweep`: the taker sees its contents, and that this thread is done with it.
        self.aside.store(old.as_ptr(), Ordering::Release);
    }

    /// Sends frames to new memory from the next push on, and frees memory that was replaced before.
    pub fn replace(&self, leg: SharedLeg, base: u64) {
        self.sweep();
        let unused = self.next.swap(Box::into_raw(Destination::new(leg, base)), Ordering::AcqRel);
        if !unused.is_null() {
            // SAFETY: an earlier `replace` made it from a box, and only the thread that swaps it out has it.
            drop(unsafe { Box::from_raw(unused) });
        }
    }

    fn sweep(&self) {
        let mut next = self.aside.swap(null_mut(), Ordering::Acquire);
        while !next.is_null() {
            // SAFETY: `take_next` leaked it, and only the thread that swaps it out has it, with all that hangs on it.
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
            // SAFETY: `replace` made it from a box, and nobody else has the lane any more.
            drop(unsafe { Box::from_raw(unused) });
        }
    }
}
