//! The atomics and the lock of memory and ring: the standard library's and `parking_lot`'s, or loom's in its models.
//!
//! Belongs here: what loom replaces. Does not: use of it.

#[cfg(not(loom))]
pub(crate) use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering, fence};

#[cfg(loom)]
pub(crate) use loom::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering, fence};

/// A lock off the audio path.
#[cfg(not(loom))]
#[derive(Debug, Default)]
pub(crate) struct Lock<T>(parking_lot::Mutex<T>);

#[cfg(not(loom))]
impl<T> Lock<T> {
    pub(crate) fn new(value: T) -> Self {
        Lock(parking_lot::Mutex::new(value))
    }

    pub(crate) fn lock(&self) -> impl std::ops::DerefMut<Target = T> + '_ {
        self.0.lock()
    }
}

#[cfg(loom)]
#[derive(Debug)]
pub(crate) struct Lock<T>(loom::sync::Mutex<T>);

#[cfg(loom)]
impl<T> Lock<T> {
    pub(crate) fn new(value: T) -> Self {
        Lock(loom::sync::Mutex::new(value))
    }

    pub(crate) fn lock(&self) -> impl std::ops::DerefMut<Target = T> + '_ {
        self.0.lock().expect("no model panics with the lock held")
    }
}

/// Gives way while waiting for another thread. Never called on the audio path.
pub(crate) fn give_way(turns: u32) {
    #[cfg(loom)]
    {
        let _ = turns;
        loom::thread::yield_now();
    }
    #[cfg(not(loom))]
    if turns < 100 {
        std::hint::spin_loop();
    } else {
        std::thread::yield_now();
    }
}
