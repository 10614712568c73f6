//! The orders for a thread that takes in audio, and its wait: a queue that never makes it wait, and one look at epoll for sockets and orders
//! alike.
//!
//! Belongs here: the queue, its bell, the beats of a live thread. Does not: the orders, the bytes of sockets.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    thread,
    time::Duration,
};

use nix::sys::{
    epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags, EpollTimeout},
    eventfd::{EfdFlags, EventFd},
};
use parking_lot::Mutex;
use ringbuf::{
    HeapCons, HeapProd, HeapRb,
    traits::{Consumer, Observer, Producer, Split},
};

/// Orders that can wait for a thread.
pub(super) const ORDERS_MAX: usize = 4_096;
/// Sockets that one look at epoll can name.
pub(super) const EVENTS_MAX: usize = 256;
/// The event that says that orders wait.
pub(super) const WAKE: u64 = u64::MAX;

/// What lies in the queue.
enum Slip<T> {
    Order(T),
    Beat,
}

/// The side of those who order. The thread runs until it is dropped.
pub(super) struct Orders<T> {
    /// Wait-free for the thread; those who order take turns. None only while this is dropped.
    slips: Mutex<Option<HeapProd<Slip<T>>>>,
    wake: Arc<EventFd>,
    /// Beats that the thread has given.
    beats: Arc<AtomicU64>,
}

/// The thread's side.
pub(super) struct Lookout<T> {
    /// Where its sockets are, and the bell of its orders.
    pub(super) epoll: Epoll,
    slips: HeapCons<Slip<T>>,
    wake: Arc<EventFd>,
    beats: Arc<AtomicU64>,
}

/// Both sides of a queue.
pub(super) fn queue<T>() -> Result<(Orders<T>, Lookout<T>), nix::Error> {
    let (producer, slips) = HeapRb::new(ORDERS_MAX).split();
    let wake = Arc::new(EventFd::from_flags(EfdFlags::EFD_CLOEXEC | EfdFlags::EFD_NONBLOCK)?);
    let epoll = Epoll::new(EpollCreateFlags::EPOLL_CLOEXEC)?;
    epoll.add(&*wake, EpollEvent::new(EpollFlags::EPOLLIN, WAKE))?;
    let beats = Arc::new(AtomicU64::new(0));
    let lookout = Lookout { epoll, slips, wake: Arc::clone(&wake), beats: Arc::clone(&beats) };
    Ok((Orders { slips: Mutex::new(Some(producer)), wake, beats }, lookout))
}

impl<T> Orders<T> {
    /// Orders something. Waits only while thousands of orders do.
    pub(super) fn order(&self, order: T) {
        let mut slips = self.slips.lock();
        let Some(slips) = slips.as_mut() else { return };
        let mut slip = Slip::Order(order);
        while let Err(back) = slips.try_push(slip) {
            // Thousands wait: the thread is busy with frames, and comes to them after its round.
            slip = back;
            thread::sleep(Duration::from_micros(100));
        }
        let _ = self.wake.write(1);
    }

    /// Asks the thread for a beat, which it gives when all orders before have been carried out. Never waits: false if orders pile up.
    pub(super) fn ask_beat(&self) -> bool {
        let asked = self.slips.lock().as_mut().is_some_and(|slips| slips.try_push(Slip::Beat).is_ok());
        let _ = self.wake.write(1);
        asked
    }

    /// How many beats the thread has given.
    pub(super) fn beats(&self) -> u64 {
        self.beats.load(Ordering::Relaxed)
    }
}

impl<T> Drop for Orders<T> {
    /// The thread sees that nobody can order any more, and ends.
    fn drop(&mut self) {
        *self.slips.lock() = None;
        let _ = self.wake.write(1);
    }
}

impl<T> Lookout<T> {
    /// Waits for sockets and orders.
    pub(super) fn wait<'e>(&self, events: &'e mut [EpollEvent], patience: EpollTimeout) -> &'e [EpollEvent] {
        match self.epoll.wait(events, patience) {
            Ok(ready) => &events[..ready],
            Err(nix::Error::EINTR) => &[],
            // Nothing that a thread does with it can make it fail.
            Err(error) => panic!("epoll_wait: {error}"),
        }
    }

    /// After [`WAKE`]: what is ordered from here on rings again.
    pub(super) fn hear(&self) {
        let _ = self.wake.read();
    }

    /// How many orders and beats wait. Whoever takes as many and then looks at the sockets again starves nobody, however fast more are ordered.
    pub(super) fn waiting(&self) -> usize {
        self.slips.occupied_len()
    }

    /// The next order, if one waits. Beats that stand before it are given.
    pub(super) fn next(&mut self) -> Option<T> {
        loop {
            match self.slips.try_pop()? {
                Slip::Order(order) => return Some(order),
                Slip::Beat => self.beats.fetch_add(1, Ordering::Relaxed),
            };
        }
    }

    /// Whether anybody can order anything yet.
    pub(super) fn is_held(&self) -> bool {
        self.slips.write_is_held()
    }
}
