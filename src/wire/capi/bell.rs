//! Wakes a thread that waits for the engine: when the connection has something, or when another thread has heard something meanwhile.
//!
//! It is one descriptor (an epoll), the same for the life of the connection's handle, also over lost connections: `retrocall_fd`.

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

/// A bell, beside the connection.
pub struct Bell {
    both: Epoll,
    bell: EventFd,
}

impl Bell {
    /// A bell without a connection.
    ///
    /// # Errors The system's error: it has no more descriptors.
    pub fn new() -> io::Result<Bell> {
        let both = Epoll::new(EpollCreateFlags::EPOLL_CLOEXEC)?;
        let bell = EventFd::from_flags(EfdFlags::EFD_CLOEXEC | EfdFlags::EFD_NONBLOCK)?;
        both.add(&bell, readable())?;
        Ok(Bell { both, bell })
    }

    /// From now on, messages of this connection wake the sleeper.
    ///
    /// # Errors
    /// The system's error.
    pub fn watch(&self, connection: BorrowedFd<'_>) -> io::Result<()> {
        Ok(self.both.add(connection, readable())?)
    }

    /// From now on, this connection wakes nobody. Closing it is not enough: a child process may have it too.
    pub fn forget(&self, connection: BorrowedFd<'_>) {
        let _ = self.both.delete(connection);
    }

    /// Wakes the thread that sleeps or will sleep, until [`Bell::clear`].
    pub fn ring(&self) {
        // Fails only after 2^64 - 1 rings.
        let _ = self.bell.write(1);
    }

    /// The ring was heard.
    pub fn clear(&self) {
        // Fails only if it was not rung.
        let _ = self.bell.read();
    }

    /// Sleeps until the bell rings, the connection has something, or the time is over.
    pub fn sleep(&self, time: Duration) {
        let mut fds = [PollFd::new(self.both.0.as_fd(), PollFlags::POLLIN)];
        match ppoll(&mut fds, Some(TimeSpec::from_duration(time)), None) {
            Ok(_) | Err(Errno::EINTR) => {}
            // There is no memory for it: the sleeper looks again.
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
