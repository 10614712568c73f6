//! What a thread sleeps on that hears the engine: the connection, and a bell for what another thread has heard meanwhile.
//!
//! It is one descriptor (an epoll), the same for as long as the connection's handle lives, also over a lost connection: `retrocall_fd`.

use std::{
    io,
    os::fd::{AsFd, AsRawFd, BorrowedFd, RawFd},
    time::Duration,
};

use nix::{
    errno::Errno,
    poll::{PollFd, PollFlags, ppoll},
    sys::{
        epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags},
        eventfd::{EfdFlags, EventFd},
        time::TimeSpec,
    },
};

/// A bell, and the connection beside it.
pub struct Bell {
    both: Epoll,
    bell: EventFd,
}

impl Bell {
    /// A bell alone.
    ///
    /// # Errors
    /// The system's error: it has no more descriptors.
    pub fn new() -> io::Result<Bell> {
        let both = Epoll::new(EpollCreateFlags::EPOLL_CLOEXEC)?;
        let bell = EventFd::from_flags(EfdFlags::EFD_CLOEXEC | EfdFlags::EFD_NONBLOCK)?;
        both.add(&bell, readable())?;
        Ok(Bell { both, bell })
    }

    /// From now on what comes over this connection wakes whoever sleeps.
    ///
    /// # Errors
    /// The system's error.
    pub fn watch(&self, connection: BorrowedFd<'_>) -> io::Result<()> {
        Ok(self.both.add(connection, readable())?)
    }

    /// This connection wakes nobody any more. Closing it is not enough: a child process may have it too.
    pub fn forget(&self, connection: BorrowedFd<'_>) {
        let _ = self.both.delete(connection);
    }

    /// Wakes whoever sleeps, or will, until [`Bell::clear`].
    pub fn ring(&self) {
        // It fails only if it was rung 2^64 - 1 times.
        let _ = self.bell.write(1);
    }

    /// It was heard.
    pub fn clear(&self) {
        // It fails only if it was not rung.
        let _ = self.bell.read();
    }

    /// Sleeps until it rings, or something comes over the connection, or the time is over.
    pub fn sleep(&self, time: Duration) {
        let mut fds = [PollFd::new(self.both.0.as_fd(), PollFlags::POLLIN)];
        match ppoll(&mut fds, Some(TimeSpec::from_duration(time)), None) {
            Ok(_) | Err(Errno::EINTR) => {}
            // There is no memory for it: whoever sleeps looks again.
            Err(_) => std::thread::yield_now(),
        }
    }

    /// The descriptor.
    pub fn descriptor(&self) -> RawFd {
        self.both.0.as_raw_fd()
    }
}

fn readable() -> EpollEvent {
    EpollEvent::new(EpollFlags::EPOLLIN, 0)
}
