//! Accepts connections of AudioSocket: how many, and what happens to those beyond.
//!
//! Belongs here: accepting, shares of descriptors, words about them. Does not: the bytes of connections.
//!
//! Anybody who reaches the port can connect, and each connection takes a descriptor. So at most half of the descriptors that were left at the
//! start are for these connections; the other half is for clients of the local socket and for recordings. The port itself refuses nobody
//! (`docs/asterisk.md` says what that would do to a PBX): without room a connection waits a moment in the kernel until one that has not named its
//! leg goes, and is then closed.

use std::{
    fs, io,
    os::fd::OwnedFd,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use nix::sys::{
    resource::{Resource, getrlimit},
    socket::{setsockopt, sockopt::TcpUserTimeout},
};
use tokio::net::TcpListener;
use tracing::warn;

use super::{Seldom, Shared};
use crate::socket::Doorway;
use retrocall_engine::{Engine, Mishap};
use retrocall_settings::Settings;

/// How long what is sent to a peer may stay unacknowledged before the peer is taken for vanished.
const VANISHED: Duration = Duration::from_secs(30);
/// The most connections that may not have said yet which leg they are,
const UNNAMED_MAX: usize = 64;
/// and no more than this part of all.
const UNNAMED_PART: usize = 4;
/// How long whoever comes when there is no room waits for some, and how often we look.
const ROOM_WAIT: Duration = Duration::from_secs(1);
const LOOK: Duration = Duration::from_millis(10);
/// How long we wait after a connection could not be accepted.
const AFTER_TROUBLE: Duration = Duration::from_millis(200);

/// How many connections there may be.
#[derive(Debug, Clone, Copy)]
pub(super) struct Room {
    connections_max: usize,
    /// Of these, those that have not said which leg they are.
    pub unnamed_max: usize,
}

impl Room {
    /// By the settings, and by the descriptors that this process has left now.
    pub(super) fn look(settings: &Settings) -> Room {
        let limit = getrlimit(Resource::RLIMIT_NOFILE).map_or(u64::MAX, |(soft, _)| soft);
        let open = fs::read_dir("/proc/self/fd").map_or(0, Iterator::count);
        Room::of(settings.connections_max, usize::try_from(limit).unwrap_or(usize::MAX).saturating_sub(open))
    }

    fn of(connections_max: usize, descriptors_left: usize) -> Room {
        let connections_max = connections_max.min(descriptors_left / 2).max(1);
        Room { connections_max, unnamed_max: UNNAMED_MAX.min(connections_max / UNNAMED_PART).max(1) }
    }
}

/// The listening sockets.
pub(super) struct Door {
    engine: Arc<Engine>,
    shared: Arc<Shared>,
    tcp: Option<TcpListener>,
    unix: Option<Doorway>,
    room: Room,
    /// The number of the next connection.
    next: AtomicU64,
}

impl Door {
    pub(super) fn new(
        engine: Arc<Engine>,
        shared: Arc<Shared>,
        room: Room,
        tcp: Option<TcpListener>,
        unix: Option<Doorway>,
    ) -> Door {
        Door { engine, shared, tcp, unix, room, next: AtomicU64::new(0) }
    }

    /// Accepts for as long as it is polled.
    pub(super) async fn accept(&mut self) {
        let (mut refused, mut failed) = (Seldom::default(), Seldom::default());
        loop {
            self.wait_for_room().await;
            let accepted = tokio::select! {
                accepted = accept_tcp(self.tcp.as_ref()) => accepted,
                accepted = accept_unix(self.unix.as_mut()) => accepted,
            };
            let fd = match accepted {
                Ok(fd) => fd,
                Err(error) => {
                    self.engine.counters().mishap(Mishap::Connection);
                    if let Some(times) = failed.happens(self.engine.clock().now()) {
                        warn!(
                            times,
                            "can't accept connections for AudioSocket: {error}; trying again (is the limit on open files too low?)"
                        );
                    }
                    tokio::time::sleep(AFTER_TROUBLE).await;
                    continue;
                }
            };
            if self.has_room() {
                self.shared.open.fetch_add(1, Ordering::Relaxed);
                self.engine.counters().connection_opened();
                self.shared.taps.adopt(self.next.fetch_add(1, Ordering::Relaxed), fd);
            } else {
                self.engine.counters().connection_refused();
                if let Some(times) = refused.happens(self.engine.clock().now()) {
                    let limit = self.room.connections_max;
                    warn!(
                        limit,
                        times,
                        "connections for AudioSocket are refused: raise connections_max or, under systemd, LimitNOFILE"
                    );
                }
            }
        }
    }

    fn has_room(&self) -> bool {
        self.shared.open.load(Ordering::Relaxed) < self.room.connections_max
    }

    /// Those who don't say which leg they are go soon, and make room for a PBX that comes now.
    async fn wait_for_room(&self) {
        let until = self.engine.clock().now() + ROOM_WAIT;
        while !self.has_room() && self.engine.clock().now() < until {
            tokio::time::sleep(LOOK).await;
        }
    }
}

async fn accept_tcp(listener: Option<&TcpListener>) -> io::Result<OwnedFd> {
    let Some(listener) = listener else { return std::future::pending().await };
    let (stream, _) = listener.accept().await?;
    // Each message of silence leaves when it is written, and a peer whose machine is gone is noticed by what it does not acknowledge.
    // A peer that has ended by now can refuse both: then it is read to its end all the same.
    let _ = stream.set_nodelay(true);
    let _ = setsockopt(&stream, TcpUserTimeout, &(VANISHED.as_millis() as u32));
    Ok(stream.into_std()?.into())
}

async fn accept_unix(doorway: Option<&mut Doorway>) -> io::Result<OwnedFd> {
    let Some(doorway) = doorway else { return std::future::pending().await };
    Ok(doorway.accept().await?.into_std()?.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_of_the_descriptors_is_left_for_others_and_few_connections_may_be_unnamed() {
        let room = |connections_max, left| {
            let room = Room::of(connections_max, left);
            (room.connections_max, room.unnamed_max)
        };
        assert_eq!(room(8_192, 1_000_000), (8_192, 64));
        assert_eq!(room(8_192, 40), (20, 5));
        assert_eq!(room(8_192, 0), (1, 1));
        assert_eq!(room(2, 1_000), (2, 1));
    }
}
