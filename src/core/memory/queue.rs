//! A wait-free queue of audio in locked memory, with one producer and one consumer.
//!
//! Belongs here: a home for the queue of `ringbuf`. Does not: who puts audio in, and who takes it.
#![allow(unsafe_code)]

use std::{mem::MaybeUninit, sync::Arc};

use ringbuf::{CachingCons, CachingProd, SharedRb, storage::Storage, traits::Split};

use super::{LockedNumbers, MapError, buffer::Number};

/// The end of a [`locked_queue`] that takes audio in.
pub type QueueIn<T> = CachingProd<Arc<SharedRb<LockedNumbers<T>>>>;
/// The end of a [`locked_queue`] that gives audio out.
pub type QueueOut<T> = CachingCons<Arc<SharedRb<LockedNumbers<T>>>>;

/// Makes a queue with room for at least `count` bytes or samples. Its memory is wiped once both ends are dropped.
///
/// # Errors
/// [`MapError`] if it can't be locked and `allow_unlocked` is false, or can't be mapped.
///
/// ```
/// # use retrocall_core::memory::{MapError, locked_queue};
/// use ringbuf::traits::{Consumer, Producer};
///
/// let (mut queue_in, mut queue_out) = locked_queue::<i16>(960, true)?;
/// std::thread::spawn(move || assert_eq!(queue_in.push_slice(&[1, 2, 3]), 3)).join().expect("it fits");
/// let mut out = [0; 5];
/// assert_eq!(queue_out.pop_slice(&mut out), 3);
/// assert_eq!(out, [1, 2, 3, 0, 0]);
/// # Ok::<(), MapError>(())
/// ```
pub fn locked_queue<T: Number>(count: usize, allow_unlocked: bool) -> Result<(QueueIn<T>, QueueOut<T>), MapError> {
    let storage = LockedNumbers::new(count, allow_unlocked)?;
    // SAFETY: both indices are 0: the queue is empty, and of the storage nothing needs to be initialised yet.
    Ok(unsafe { SharedRb::from_raw_parts(storage, 0, 0) }.split())
}

// SAFETY: the numbers are in a mapping outside of the `LockedNumbers`, whose address and length never change. The queue owns the `LockedNumbers`, so
// nobody else can form a reference to them; `Number` is sealed to types that any thread may have.
unsafe impl<T: Number> Storage for LockedNumbers<T> {
    type Item = T;

    fn len(&self) -> usize {
        self.count()
    }

    fn as_mut_ptr(&self) -> *mut MaybeUninit<T> {
        self.start().cast()
    }
}

#[cfg(test)]
mod tests {
    use ringbuf::traits::{Consumer, Observer, Producer};

    use super::*;

    #[test]
    fn what_goes_in_comes_out_in_its_order_while_two_threads_are_at_it() {
        let (mut queue_in, mut queue_out) = locked_queue::<i16>(2_048, true).expect("memory for a test");
        assert_eq!(queue_out.capacity().get(), 2_048);
        let putting = std::thread::spawn(move || {
            let mut next = 0u32;
            while next < 100_000 {
                let run: Vec<i16> = (next..next + 100).map(|number| number as i16).collect();
                let put = queue_in.push_slice(&run);
                next += put as u32;
                if put == 0 {
                    std::thread::yield_now();
                }
            }
        });
        let mut taken = [0; 77];
        let mut next = 0u32;
        while next < 100_000 {
            let count = queue_out.pop_slice(&mut taken);
            for sample in &taken[..count] {
                assert_eq!(*sample, next as i16);
                next += 1;
            }
        }
        putting.join().expect("it put all");
    }
}
