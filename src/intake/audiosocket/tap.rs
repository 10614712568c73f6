//! One connection of AudioSocket, as the thread knows it: from bytes that came to frames of its leg.
//!
//! Belongs here: the path of a frame from a read buffer into a ring. It takes no lock, logs nothing and allocates nothing for a frame.
//! Does not: epoll, the clock, which call it is.
//!
//! What comes is looked through at once, for keys and for where messages end; samples are then either put into the ring, or wait in the
//! arena until it is known what they are (`pace`) and where they belong (`timeline`).

use std::{
    os::fd::OwnedFd,
    time::{Duration, Instant},
};

use nix::unistd::write;
use tokio::sync::mpsc::UnboundedSender;
use uuid::Uuid;

use super::{
    End, TapId, Told,
    pace::{Pace, Verdict},
    timeline::{Place, Timeline},
    wire::{Kind, Parser, Piece, REST_BYTES_MAX},
};
use crate::{
    audio::{FRAME_SAMPLES_MAX, Rate, g711::Law},
    memory::{Arena, LockedSamples, Need, Stash, wipe},
    ring::LegWriter,
};

/// What may wait of one leg. Over that it waits no longer.
pub(super) const WAITING_BYTES_MAX: usize = 64 * 1024;
/// Keys that are told of a leg within 20 ms; what is over that no finger can press, and is passed over.
const DIGITS_MAX: u8 = 32;
/// A leg that has been silent for so long says no more about its pace.
const PACE_WAIT: Duration = Duration::from_millis(200);

/// What a leg is given when its call is known.
pub(super) struct Given {
    pub writer: Box<LegWriter>,
    pub rate: Rate,
    /// When the call began: its timeline counts from here.
    pub began: Instant,
    /// What codes under the label of linear samples are.
    pub law: Option<Law>,
}

/// What is odd about a leg. It is told once, and never a reason to close.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Oddity {
    /// Audio came before the UUID: nobody knows whose it is.
    NoUuid,
    /// Audio of a rate that no call has.
    Rate(u32),
    /// Audio of another kind than the leg began with.
    OtherKind(u32),
    /// G.711 under the label of linear samples.
    Codes,
    /// The memory is full.
    Memory,
}

impl Oddity {
    const fn bit(self) -> u8 {
        match self {
            Oddity::NoUuid => 1,
            Oddity::Rate(_) => 2,
            Oddity::OtherKind(_) => 4,
            Oddity::Codes => 8,
            Oddity::Memory => 16,
        }
    }
}

/// What becomes of what comes.
enum State {
    /// No UUID has come yet.
    Fresh,
    /// No audio has come yet.
    Named(Uuid),
    /// Which call it is has been asked: nothing more is read until that is known.
    Asked,
    /// Its frames go into a ring.
    Carried(Box<Carried>),
    /// Nothing of it is held. It is read all the same.
    Deaf,
}

struct Carried {
    given: Given,
    timeline: Timeline,
    /// None while it is not known.
    format: Option<Format>,
}

/// What the samples are.
#[derive(Clone, Copy)]
enum Format {
    Linear,
    Codes(Law),
    /// Codes, and nobody has said of which law.
    Unknown,
}

impl Format {
    const fn bytes_per_sample(self) -> u64 {
        match self {
            Format::Linear => 2,
            Format::Codes(_) | Format::Unknown => 1,
        }
    }
}

/// One connection.
pub(super) struct Tap<'a> {
    pub fd: OwnedFd,
    id: TapId,
    told: UnboundedSender<Told>,
    state: State,
    kind: Option<Kind>,
    pace: Pace,
    /// Behind all that has been looked through.
    scout: Parser,
    /// Behind all that has been used.
    parser: Parser,
    /// What has been looked through and waits.
    stash: Stash<'a>,
    /// Bytes of samples among that.
    waiting_bytes: u64,
    /// What can't be looked through yet: the beginning of a message, half a sample.
    rest: [u8; REST_BYTES_MAX],
    rest_bytes: usize,
    /// When it connected: the pace counts from here.
    born: Instant,
    /// When something last came.
    heard_at: Instant,
    /// Nothing more comes: the peer has closed, or said so.
    end: Option<End>,
    odd: u8,
    digits_left: u8,
    /// The silence that is sent, and how much of the last message the kernel did not take.
    silence: Kind,
    unsent_bytes: usize,
}

impl<'a> Tap<'a> {
    pub(super) fn new(id: TapId, fd: OwnedFd, told: UnboundedSender<Told>, arena: &'a Arena, now: Instant) -> Tap<'a> {
        Tap {
            fd,
            id,
            told,
            state: State::Fresh,
            kind: None,
            pace: Pace::default(),
            scout: Parser::default(),
            parser: Parser::default(),
            stash: Stash::new(arena),
            waiting_bytes: 0,
            rest: [0; REST_BYTES_MAX],
            rest_bytes: 0,
            born: now,
            heard_at: now,
            end: None,
            odd: 0,
            digits_left: DIGITS_MAX,
            silence: Kind::SLIN8,
            unsent_bytes: 0,
        }
    }

    /// Whether nothing may be read because it is not known which call it is.
    pub(super) fn is_asked(&self) -> bool {
        matches!(self.state, State::Asked)
    }

    /// How it ended, if it has and everything before that is used.
    pub(super) fn is_over(&self) -> Option<End> {
        self.end.filter(|_| !self.is_asked())
    }

    /// Whether samples wait for time to go by.
    pub(super) fn waits(&self) -> bool {
        !self.stash.is_empty() && !self.is_asked()
    }

    /// How long nothing has come.
    pub(super) fn silent_for(&self, now: Instant) -> Duration {
        now.saturating_duration_since(self.heard_at)
    }

    /// The call is known, or nothing of this leg is to be held.
    pub(super) fn answer(&mut self, given: Option<Given>) {
        self.state = match given {
            Some(given) => {
                let timeline = Timeline::new(given.rate, given.writer.position());
                let format = (self.kind != Some(Kind::SLIN8)).then_some(Format::Linear);
                State::Carried(Box::new(Carried { given, timeline, format }))
            }
            None => State::Deaf,
        };
    }

    /// The end: gives the writer back.
    pub(super) fn into_writer(self) -> Option<Box<LegWriter>> {
        match self.state {
            State::Carried(carried) => Some(carried.given.writer),
            _ => None,
        }
    }

    /// What waits, at the beginning of a buffer: how much of it has been looked through, and how much there is.
    pub(super) fn take_waiting(&mut self, buffer: &mut [u8]) -> (usize, usize) {
        let looked = self.stash.take(buffer);
        let filled = looked + std::mem::take(&mut self.rest_bytes);
        buffer[looked..filled].copy_from_slice(&self.rest[..filled - looked]);
        wipe(&mut self.rest);
        (looked, filled)
    }

    /// Uses bytes, of which the first `looked` were looked through before. `came` says that some are new, `end` how it ends, if none will follow.
    pub(super) fn use_bytes(
        &mut self,
        bytes: &[u8],
        looked: usize,
        came: bool,
        end: Option<End>,
        samples: &mut LockedSamples,
        now: Instant,
    ) {
        if came {
            self.heard_at = now;
        }
        let looked = self.look_through(bytes, looked, came);
        self.end = self.end.or(end);
        let holds = match self.state {
            State::Asked => true,
            State::Carried(_) => !self.place(&bytes[..looked], samples, now),
            State::Fresh | State::Named(_) | State::Deaf => false,
        };
        if holds && self.stash.put(&bytes[..looked], Need::Selected) {
            // It is used later, from where the parser is.
        } else {
            if holds && looked > 0 {
                self.tell_odd(Oddity::Memory);
            }
            (self.parser, self.waiting_bytes) = (self.scout, 0);
        }
        let rest = &bytes[looked..];
        if self.end.is_none() {
            debug_assert!(rest.len() <= REST_BYTES_MAX);
            self.rest[..rest.len()].copy_from_slice(rest);
            self.rest_bytes = rest.len();
        }
    }

    /// Looks through what has not been looked through yet. Returns up to where.
    fn look_through(&mut self, bytes: &[u8], mut at: usize, came: bool) -> usize {
        let before = self.waiting_bytes;
        while self.end.is_none()
            && let Some((used, piece)) = self.scout.next(&bytes[at..])
        {
            match piece {
                Piece::Uuid(uuid) if matches!(self.state, State::Fresh) => self.state = State::Named(uuid),
                Piece::Digit(digit) => self.tell_digit(digit),
                Piece::Audio { kind, bytes } => self.message(kind, bytes),
                Piece::Samples { kind, bytes } if self.kind == Some(kind) => self.waiting_bytes += bytes.len() as u64,
                Piece::HangUp | Piece::Error => self.end = Some(End::HangUp),
                Piece::Uuid(_) | Piece::Samples { .. } | Piece::Skipped => {}
            }
            at += used;
        }
        if came {
            self.pace.arrival(self.heard_at.saturating_duration_since(self.born), self.waiting_bytes - before);
        }
        at
    }

    /// A message of audio begins.
    fn message(&mut self, kind: Kind, bytes: usize) {
        // Silence of the kind that the peer speaks: that one it takes.
        self.silence = if self.unsent_bytes == 0 { kind } else { self.silence };
        match self.state {
            State::Fresh => {
                self.tell_odd(Oddity::NoUuid);
                self.state = State::Deaf;
            }
            State::Named(uuid) => match kind.rate() {
                Some(rate) => {
                    let _ = self.told.send(Told::Audio { id: self.id, uuid, rate });
                    (self.state, self.kind) = (State::Asked, Some(kind));
                    self.pace.message(bytes);
                }
                None => self.tell_odd(Oddity::Rate(kind.hz())),
            },
            State::Asked | State::Carried(_) if self.kind != Some(kind) => {
                self.tell_odd(Oddity::OtherKind(kind.hz()));
            }
            State::Asked | State::Carried(_) => self.pace.message(bytes),
            State::Deaf => {}
        }
    }

    fn tell_digit(&mut self, digit: u8) {
        if self.digits_left > 0 && matches!(digit, b'0'..=b'9' | b'*' | b'#' | b'A'..=b'D' | b'a'..=b'd') {
            self.digits_left -= 1;
            let digit = char::from(digit.to_ascii_uppercase());
            let _ = self.told.send(Told::Digit { id: self.id, digit });
        }
    }

    fn tell_odd(&mut self, oddity: Oddity) {
        if self.odd & oddity.bit() == 0 {
            self.odd |= oddity.bit();
            let _ = self.told.send(Told::Odd { id: self.id, oddity });
        }
    }

    /// Puts what waits where it belongs. False if that can't be said yet.
    fn place(&mut self, bytes: &[u8], samples: &mut LockedSamples, now: Instant) -> bool {
        let State::Carried(carried) = &mut self.state else { return true };
        let must = self.end.is_some() || bytes.len() >= WAITING_BYTES_MAX;
        let format = match carried.format {
            Some(format) => format,
            None => {
                let silent = now.saturating_duration_since(self.heard_at) >= PACE_WAIT;
                let verdict = self.pace.verdict().or_else(|| (must || silent).then(|| self.pace.settle()));
                match (verdict, carried.given.law) {
                    (None, _) => return self.waiting_bytes == 0,
                    (Some(Verdict::Linear), _) => *carried.format.insert(Format::Linear),
                    (Some(Verdict::Codes), Some(law)) => *carried.format.insert(Format::Codes(law)),
                    (Some(Verdict::Codes), None) => *carried.format.insert(Format::Unknown),
                }
            }
        };
        let waiting = self.waiting_bytes / format.bytes_per_sample();
        if let Format::Unknown = format {
            self.tell_odd(Oddity::Codes);
            return true;
        }
        let since = |at: Instant| at.saturating_duration_since(carried.given.began);
        let (now, arrived) = (since(now), since(self.heard_at));
        let Place::At(position) = carried.timeline.place(now, arrived, waiting, must) else { return false };
        carried.given.writer.note_arrival(self.heard_at, position + waiting, carried.given.rate);
        let end = carried.push(&mut self.parser, self.kind, bytes, format, position, samples);
        carried.timeline.advance_to(end);
        true
    }

    /// Sends silence, `times` 20 ms of it, each of them with one write.
    pub(super) fn send_silence(&mut self, silences: &[Vec<u8>], times: u32) {
        self.digits_left = DIGITS_MAX;
        let message = &silences[self.silence.index()];
        if self.unsent_bytes > 0 {
            // The kernel's buffer was full: the peer does not read. What it has half of comes first.
            match write(&self.fd, &message[message.len() - self.unsent_bytes..]) {
                Ok(written) => self.unsent_bytes -= written,
                Err(_) => return,
            }
        }
        for _ in 0..times {
            if self.unsent_bytes > 0 {
                return;
            }
            match write(&self.fd, message) {
                Ok(written) => self.unsent_bytes = message.len() - written,
                // It is full, or the peer is gone: whoever reads learns that.
                Err(_) => return,
            }
        }
    }
}

impl Carried {
    /// Pushes all samples of these bytes, the first of them at `position`. Returns where the last one ends.
    fn push(
        &mut self,
        parser: &mut Parser,
        own: Option<Kind>,
        bytes: &[u8],
        format: Format,
        mut position: u64,
        buffer: &mut LockedSamples,
    ) -> u64 {
        let writer = &mut self.given.writer;
        let (mut at, mut longest) = (0, 0);
        while let Some((used, piece)) = parser.next(&bytes[at..]) {
            at += used;
            let Piece::Samples { kind, bytes } = piece else { continue };
            if own != Some(kind) {
                continue;
            }
            #[cfg(feature = "planted-leaks")]
            crate::leaks::frame(bytes);
            for run in bytes.chunks(FRAME_SAMPLES_MAX * format.bytes_per_sample() as usize) {
                // The odd last byte of a message is no sample.
                let samples = run.len() / format.bytes_per_sample() as usize;
                writer.provision(samples);
                match format {
                    Format::Codes(law) => writer.push_codes(position, law, run),
                    Format::Linear => {
                        for (sample, two) in buffer.iter_mut().zip(run.chunks_exact(2)) {
                            *sample = i16::from_le_bytes([two[0], two[1]]);
                        }
                        longest = longest.max(samples);
                        writer.push(position, &buffer[..samples]);
                    }
                    Format::Unknown => {}
                }
                position += samples as u64;
            }
        }
        wipe(&mut buffer[..longest]);
        position
    }
}
