//! What is sent to a peer: 20 ms of silence every 20 ms, in the kind that it speaks.
//!
//! Silence, because Asterisk ends the call of a peer between which and it nothing moves for two seconds.

use std::os::fd::AsFd;

use nix::{errno::Errno, unistd::write};

use super::wire::Kind;

/// One message of 20 ms for each kind, made once.
pub(super) struct Silences(Vec<Vec<u8>>);

impl Silences {
    pub(super) fn new() -> Silences {
        Silences(Kind::ALL.iter().map(|kind| kind.silence()).collect())
    }
}

/// How far the silence for one peer has got.
#[derive(Debug)]
pub(super) struct Speaker {
    kind: Kind,
    /// How much of the last message the kernel did not take.
    unsent_bytes: usize,
}

impl Speaker {
    pub(super) fn new() -> Speaker {
        Speaker { kind: Kind::SLIN8, unsent_bytes: 0 }
    }

    /// The peer speaks this kind, and so that is what it takes.
    pub(super) fn speaks(&mut self, kind: Kind) {
        self.kind = if self.unsent_bytes == 0 { kind } else { self.kind };
    }

    /// Sends silence, `times` 20 ms of it, each of them with one write. A peer that does not read gets less.
    ///
    /// # Errors
    /// [`Torn`].
    pub(super) fn send(&mut self, peer: impl AsFd, silences: &Silences, times: u32) -> Result<(), Torn> {
        let message = &silences.0[self.kind.index()];
        if self.unsent_bytes > 0 {
            // The kernel's buffer was full. What the peer has half of comes first.
            self.unsent_bytes -= write_some(&peer, &message[message.len() - self.unsent_bytes..])?;
        }
        for _ in 0..times {
            if self.unsent_bytes > 0 {
                break;
            }
            let written = write_some(&peer, message)?;
            if written == 0 {
                break;
            }
            self.unsent_bytes = message.len() - written;
        }
        Ok(())
    }
}

/// The peer has torn the connection down, instead of closing it.
#[derive(Debug)]
pub(super) struct Torn;

fn write_some(peer: impl AsFd, bytes: &[u8]) -> Result<usize, Torn> {
    match write(peer, bytes) {
        Ok(written) => Ok(written),
        // Told only once, here or to whoever reads.
        Err(Errno::ECONNRESET | Errno::ETIMEDOUT | Errno::EHOSTUNREACH | Errno::ENETUNREACH) => Err(Torn),
        // The buffer is full; or the peer has closed, which whoever reads learns.
        Err(_) => Ok(0),
    }
}
