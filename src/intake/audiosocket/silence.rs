//! The silence that is sent to a peer: 40 ms every 40 ms, in the kind that it speaks.
//!
//! Asterisk ends the call of a peer if nothing moves for two seconds. Two messages go in one write, because a write through TCP costs more than
//! all other work on a frame.

use std::os::fd::AsFd;

use nix::{errno::Errno, unistd::write};

use super::wire::Kind;

/// How many messages are sent with one write.
const MESSAGES: u32 = 2;

/// That many messages of 20 ms for each kind, made once.
pub(super) struct Silences(Vec<Vec<u8>>);

impl Silences {
    pub(super) fn new() -> Silences {
        Silences(Kind::ALL.iter().map(|kind| kind.silence().repeat(MESSAGES as usize)).collect())
    }
}

/// How far the silence for one peer has got.
#[derive(Debug)]
pub(super) struct Speaker {
    kind: Kind,
    /// How many messages are due and not sent yet.
    due: u32,
    /// How much of the last write the kernel did not take.
    unsent_bytes: usize,
}

impl Speaker {
    /// The silence for connection `number`: half of them have their turn while the others have none.
    pub(super) fn new(number: u64) -> Speaker {
        Speaker { kind: Kind::SLIN8, due: (number % u64::from(MESSAGES)) as u32, unsent_bytes: 0 }
    }

    /// The peer speaks this kind, and so that is what it takes.
    pub(super) fn speaks(&mut self, kind: Kind) {
        self.kind = if self.unsent_bytes == 0 { kind } else { self.kind };
    }

    /// `times` 20 ms have gone by: sends the silence that is due, if that is worth a write. A peer that does not read gets less.
    ///
    /// # Errors
    /// [`Reset`].
    pub(super) fn send(&mut self, peer: impl AsFd, silences: &Silences, times: u32) -> Result<(), Reset> {
        let messages = &silences.0[self.kind.index()];
        if self.unsent_bytes > 0 {
            // The kernel's buffer was full. What the peer has half of comes first.
            self.unsent_bytes -= write_some(&peer, &messages[messages.len() - self.unsent_bytes..])?;
        }
        self.due += times;
        while self.due >= MESSAGES {
            self.due -= MESSAGES;
            if self.unsent_bytes == 0 {
                let written = write_some(&peer, messages)?;
                // Of nothing, nothing is missing.
                self.unsent_bytes = if written == 0 { 0 } else { messages.len() - written };
            }
        }
        Ok(())
    }
}

/// The peer has torn the connection down, instead of closing it.
#[derive(Debug)]
pub(super) struct Reset;

fn write_some(peer: impl AsFd, bytes: &[u8]) -> Result<usize, Reset> {
    match write(peer, bytes) {
        Ok(written) => Ok(written),
        // Told only once, here or to whoever reads.
        Err(Errno::ECONNRESET | Errno::ETIMEDOUT | Errno::EHOSTUNREACH | Errno::ENETUNREACH) => Err(Reset),
        // The buffer is full; or the peer has closed, which whoever reads learns.
        Err(_) => Ok(0),
    }
}
