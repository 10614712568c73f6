//! The client's end of a connection: whether it is still there, and whether messages still wait for it.
//!
//! Belongs here: looking at a socket, and waiting for its last messages. Does not: their words.

use std::{
    future::pending,
    io,
    os::{fd::AsFd, unix::net::UnixStream},
    sync::{Arc, Weak},
};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use tokio::{io::Interest, net, sync::Notify};

use super::outbox::Outbox;
use retrocall_engine::Listener;
use retrocall_words::{Event, Principal};

/// Whoever is at the other end of a connection.
pub(super) struct Peer {
    /// Which user that is.
    pub who: Principal,
    /// The socket: read by one thread, looked at by others.
    pub stream: Arc<UnixStream>,
}

/// What the engine knows of a connection: it tells it of calls. The engine keeps it for as long as it may have something to tell of a call that has
/// ended.
pub(super) struct Ear {
    outbox: Arc<Outbox>,
    /// Nobody's once the connection is closed here.
    stream: Weak<UnixStream>,
    unheard: Arc<Notify>,
}

impl Ear {
    /// The ear of this connection; `unheard` is told when nobody wants to tell it anything any more.
    pub(super) fn new(outbox: Arc<Outbox>, stream: &Arc<UnixStream>, unheard: Arc<Notify>) -> Ear {
        Ear { outbox, stream: Arc::downgrade(stream), unheard }
    }
}

impl Listener for Ear {
    fn tell(&self, event: &Event) {
        self.outbox.tell(event);
    }

    fn is_leaving(&self) -> bool {
        self.stream.upgrade().is_none_or(|stream| is_closed(&stream, POLLRDHUP))
    }
}

impl Drop for Ear {
    fn drop(&mut self) {
        self.unheard.notify_one();
    }
}

/// The client sends nothing more: it has closed its end, or one direction of it. `nix` has no name for it.
const POLLRDHUP: PollFlags = PollFlags::from_bits_retain(nix::libc::POLLRDHUP);

/// The client hears nothing more either.
pub(super) fn is_deaf(stream: &UnixStream) -> bool {
    is_closed(stream, PollFlags::POLLHUP)
}

/// A look that does not wait. What can't be looked at is gone.
fn is_closed(stream: &UnixStream, how: PollFlags) -> bool {
    let mut fds = [PollFd::new(stream.as_fd(), how)];
    poll(&mut fds, PollTimeout::ZERO).is_err() || fds[0].revents().is_none_or(|seen| seen.intersects(how))
}

/// Waits until the client hears nothing more, which may be never.
pub(super) async fn deaf(stream: &UnixStream) {
    // A descriptor of its own: that its peer has gone makes it writable, and whoever writes must not miss what is cleared here.
    let watched = stream.try_clone().and_then(net::UnixStream::from_std);
    let Ok(watched) = watched else { return pending().await };
    let look = || if is_deaf(stream) { Ok(()) } else { Err(io::ErrorKind::WouldBlock.into()) };
    let _ = watched.async_io(Interest::WRITABLE, look).await;
}

#[cfg(test)]
mod tests {
    use std::{net::Shutdown, time::Duration};

    use tokio::time::timeout;

    use super::*;
    use retrocall_engine::Quotas;
    use retrocall_settings::Settings;
    use retrocall_words::PrincipalId;

    fn pair() -> (UnixStream, Arc<UnixStream>) {
        let (client, server) = UnixStream::pair().expect("a pair of sockets");
        server.set_nonblocking(true).expect("a socket");
        (client, Arc::new(server))
    }

    #[test]
    fn a_client_that_has_closed_is_seen_to_leave_before_anybody_has_read_what_it_sent() {
        use std::io::Write;
        let (mut client, server) = pair();
        let quotas = Arc::new(Quotas::new(&Settings::default(), 9));
        let outbox = Arc::new(Outbox::new(quotas.account(PrincipalId::User(1), false)));
        let ear = Ear::new(outbox, &server, Arc::default());
        client.write_all(&[7; 1000]).expect("there is room");
        assert!(!ear.is_leaving() && !is_deaf(&server));
        client.shutdown(Shutdown::Write).expect("it was open");
        assert!(ear.is_leaving() && !is_deaf(&server));
        drop(client);
        assert!(ear.is_leaving() && is_deaf(&server));
        drop(server);
        assert!(ear.is_leaving(), "closed here");
    }

    #[tokio::test(flavor = "current_thread")]
    async fn whoever_waits_for_a_client_that_sends_nothing_more_wakes_up_when_it_hears_nothing_more_either() {
        let (client, server) = pair();
        client.shutdown(Shutdown::Write).expect("it was open");
        assert!(timeout(Duration::from_millis(50), deaf(&server)).await.is_err(), "it still hears");
        let waiting = deaf(&server);
        let closing = async move {
            tokio::task::yield_now().await;
            drop(client);
        };
        let both = async { tokio::join!(waiting, closing) };
        timeout(Duration::from_secs(60), both).await.expect("it is seen");
    }
}
