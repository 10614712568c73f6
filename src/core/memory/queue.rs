//! A wait-free queue of audio, one producer and one consumer, in locked memory.
#![allow(unsafe_code)]

use std::{mem::MaybeUninit, sync::Arc};

use ringbuf::{CachingCons, CachingProd, SharedRb, storage::Storage, traits::Split};

use super::{Locked, MapError, buffer::Plain};

/// The end of a [`locked_queue`] that audio is put into.
pub type QueueIn<T> = CachingProd<Arc<SharedRb<Locked<T>>>>;
/// The end of a [`locked_queue`] that audio is taken from.
pub type QueueOut<T> = CachingCons<Arc<SharedRb<Locked<T>>>>;

/// A queue with room for at least `count` samples. What went through it is wiped once both ends are dropped.
///
/// # Errors
/// [`MapError`] if it can't be locked and `allow_unlocked` is false.
pub fn locked_queue<T: Plain>(count: usize, allow_unlocked: bool) -> Result<(QueueIn<T>, QueueOut<T>), MapError> {
    let storage = Locked::new(count, allow_unlocked)?;
    // SAFETY: both indices are 0: nothing is in the queue, so nothing in the storage needs to be anything yet.
    Ok(unsafe { SharedRb::from_raw_parts(storage, 0, 0) }.split())
}

// SAFETY: the contents are in a mapping of their own, outside of the `Locked`, at an address and of a length that never change. The queue
// owns the `Locked`, so nobody else can form a reference to what is in it; `Plain` is sealed to numbers that any thread may have.
unsafe impl<T: Plain> Storage for Locked<T> {
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
