//! One connection of AudioSocket, as the thread sees it: from its bytes to frames of its leg.
//!
//! Belongs here: the path of a frame from a read buffer into a ring. It takes no lock, logs nothing and allocates nothing for a frame.
//! Does not: sockets' events, the clock, which call it is.
//!
//! Arriving bytes are searched at once for keys and the ends of messages. Then samples go into the ring, or wait in the arena until their kind
//! (`pace`), the begin of their call (`origin`) and their place (`timeline`) are known.

use std::{
    os::fd::OwnedFd,
    time::{Duration, Instant},
};

use tokio::sync::mpsc::UnboundedSender;
use uuid::Uuid;

use super::{
    Report, TapId,
    pace::{Pace, Verdict},
    pieces::{Piece, Pieces},
    silence::{Silences, Speaker},
    timeline::{Place, Timeline},
    wire::{Kind, Parser, Piece as Part, REST_BYTES_MAX},
};
use crate::switchboard::{End, Loan};
use retrocall_core::memory::{Arena, LockedSamples, Need, Stash, wipe};
use retrocall_words::audio::{FRAME_SAMPLES_MAX, Rate, g711::Law};

/// What may wait of one leg at the highest rate. Over that it waits no longer, and nothing more is read meanwhile.
pub(super) const WAITING_BYTES_MAX: usize = WAITING_SECONDS_MAX * 2 * Rate::MAX_HZ as usize;
const WAITING_SECONDS_MAX: usize = 4;
/// Keys that are told of a leg within 20 ms; what is over that no finger can press, and is passed over.
const DIGITS_MAX: u8 = 32;
/// A leg that has been silent for so long says no more about its pace.
const PACE_WAIT: Duration = Duration::from_millis(200);
/// And one that has come for so long has said all.
const PACE_WAIT_MAX: Duration = Duration::from_millis(600);

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
    /// Which call it is has been asked: what comes waits until that is known.
    Asked,
    /// Its frames go into a ring.
    Held(Box<Track>),
    /// Nothing of it is held. It is read all the same.
    Deaf,
}

/// A leg that is held.
struct Track {
    loan: Loan,
    /// The law of codes that are labelled as linear samples.
    law: Option<Law>,
    /// When its call began, once that is settled.
    origin: Option<Instant>,
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

/// What one look at a connection has brought.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Catch {
    /// Whether anything has come.
    pub came: bool,
    /// Bytes that have come and are not read yet.
    pub unread_bytes: u64,
    /// How the connection ended, if it has.
    pub end: Option<End>,
}

/// One connection.
pub(super) struct Tap<'a> {
    pub id: TapId,
    pub fd: OwnedFd,
    reports: UnboundedSender<Report>,
    state: State,
    kind: Option<Kind>,
    pace: Pace,
    /// Behind all that has been looked through.
    scout: Parser,
    /// Behind all that has been used.
    parser: Parser,
    /// What has been looked through and waits, and in what pieces it came.
    stash: Stash<'a>,
    pieces: Pieces,
    /// What can't be looked through yet: the beginning of a message, half a sample.
    rest: [u8; REST_BYTES_MAX],
    rest_bytes: usize,
    /// When it connected: the pace counts from here.
    born: Instant,
    /// When its first audio came.
    spoke_at: Option<Instant>,
    /// When something last came.
    heard_at: Instant,
    /// Nothing more comes: the peer has closed, or said so; or nobody waits for it any longer.
    end: Option<End>,
    /// The peer has torn the connection down, which was seen when silence was sent: reads tell only once.
    torn: bool,
    odd: u8,
    digits_left: u8,
    speaker: Speaker,
}

impl<'a> Tap<'a> {
    pub(super) fn new(
        id: TapId,
        fd: OwnedFd,
        reports: UnboundedSender<Report>,
        arena: &'a Arena,
        now: Instant,
    ) -> Tap<'a> {
        Tap {
            id,
            fd,
            reports,
            state: State::Fresh,
            kind: None,
            pace: Pace::default(),
            scout: Parser::default(),
            parser: Parser::default(),
            stash: Stash::new(arena),
            pieces: Pieces::new(),
            rest: [0; REST_BYTES_MAX],
            rest_bytes: 0,
            born: now,
            spoke_at: None,
            heard_at: now,
            end: None,
            torn: false,
            odd: 0,
            digits_left: DIGITS_MAX,
            speaker: Speaker::new(id),
        }
    }

    /// Whether it is still to say which leg it is.
    pub(super) fn is_unnamed(&self) -> bool {
        matches!(self.state, State::Fresh)
    }

    /// Whether more is to be read of it.
    pub(super) fn takes_more(&self) -> bool {
        self.end.is_none() && self.stash.len() < self.waiting_bytes_max()
    }

    /// Whether its end has come, and everything before it has its place.
    pub(super) fn is_over(&self) -> bool {
        self.end.is_some() && self.stash.is_empty() && !self.is_asked()
    }

    /// Whether it waits to be told which call it is.
    pub(super) fn is_asked(&self) -> bool {
        matches!(self.state, State::Asked)
    }

    /// Nobody waits for anything more of it.
    pub(super) fn end(&mut self, end: End) {
        self.end.get_or_insert(end);
    }

    /// When something last came.
    pub(super) fn heard_at(&self) -> Instant {
        self.heard_at
    }

    /// When it connected.
    pub(super) fn born(&self) -> Instant {
        self.born
    }

    fn waiting_bytes_max(&self) -> usize {
        self.kind.map_or(WAITING_BYTES_MAX, |kind| WAITING_SECONDS_MAX * 2 * kind.hz() as usize)
    }

    /// The call is known, or nothing of this leg is to be held. Codes that are labelled as linear samples have this `law`, if any come.
    pub(super) fn answer(&mut self, loan: Option<Loan>, law: Option<Law>) {
        self.state = match loan {
            Some(loan) => {
                let timeline = Timeline::new(loan.rate, loan.writer.position());
                let format = (self.kind != Some(Kind::SLIN8)).then_some(Format::Linear);
                State::Held(Box::new(Track { loan, law, origin: None, timeline, format }))
            }
            None => State::Deaf,
        };
    }

    /// Gives the writer back, if it has one, and says so. Nothing more is held of the leg.
    pub(super) fn give_back(&mut self, end: End) {
        if let State::Held(track) = std::mem::replace(&mut self.state, State::Deaf) {
            let _ = self.reports.send(Report::Back { id: self.id, writer: track.loan.writer, end });
        }
    }

    /// `times` 20 ms have gone by: sends the silence that is due.
    pub(super) fn send_silence(&mut self, silences: &Silences, times: u32) {
        self.torn |= self.speaker.send(&self.fd, silences, times).is_err();
    }

    /// How it has ended.
    pub(super) fn ended(&self) -> End {
        if self.torn { End::Lost } else { self.end.unwrap_or(End::HangUp) }
    }

    /// What waits, at the beginning of a buffer: how much of it has been looked through, and how much there is.
    pub(super) fn take_waiting(&mut self, buffer: &mut [u8]) -> (usize, usize) {
        let looked = self.stash.take(buffer);
        let filled = looked + std::mem::take(&mut self.rest_bytes);
        buffer[looked..filled].copy_from_slice(&self.rest[..filled - looked]);
        wipe(&mut self.rest);
        (looked, filled)
    }

    /// Uses bytes, of which the first `looked` were looked through before.
    pub(super) fn use_bytes(
        &mut self,
        bytes: &[u8],
        looked: usize,
        catch: Catch,
        samples: &mut LockedSamples,
        now: Instant,
    ) {
        self.digits_left = DIGITS_MAX;
        let before = looked;
        let (looked, audio_bytes) = if catch.came { self.look_through(bytes, looked, now) } else { (looked, 0) };
        self.end = self.end.or(catch.end);
        if looked > before {
            let unread = catch.unread_bytes * 1_000 / self.bytes_per_second();
            let at = now.checked_sub(Duration::from_millis(unread)).unwrap_or(now);
            self.pieces.push(Piece { at, bytes: looked - before, audio_bytes });
        }
        let used = match self.state {
            State::Asked => 0,
            State::Held(_) => self.place(&bytes[..looked], samples, now),
            State::Fresh | State::Named(_) | State::Deaf => looked,
        };
        if used == looked || !self.stash.put(&bytes[used..looked], Need::Selected) {
            if used < looked {
                self.tell_odd(Oddity::Memory);
            }
            self.parser = self.scout;
            self.pieces.clear();
        }
        let rest = &bytes[looked..];
        if self.end.is_none() {
            debug_assert!(rest.len() <= REST_BYTES_MAX);
            self.rest[..rest.len()].copy_from_slice(rest);
            self.rest_bytes = rest.len();
        }
    }

    /// Bytes of a second, if it is what it says.
    fn bytes_per_second(&self) -> u64 {
        2 * u64::from(self.kind.unwrap_or(Kind::SLIN8).hz())
    }

    /// Looks through what has not been looked through yet. Returns up to where, and how many bytes of samples are there.
    fn look_through(&mut self, bytes: &[u8], mut at: usize, now: Instant) -> (usize, u64) {
        self.heard_at = now;
        let mut audio_bytes = 0;
        while self.end.is_none()
            && let Some((used, part)) = self.scout.next(&bytes[at..])
        {
            match part {
                Part::Uuid(uuid) if matches!(self.state, State::Fresh) => self.state = State::Named(uuid),
                Part::Digit(digit) => self.tell_digit(digit),
                Part::Audio { kind, bytes } => self.message(kind, bytes),
                Part::Samples { kind, bytes } if self.kind == Some(kind) => audio_bytes += bytes.len() as u64,
                Part::HangUp | Part::Error => self.end = Some(End::HangUp),
                Part::Uuid(_) | Part::Samples { .. } | Part::Skipped => {}
            }
            at += used;
        }
        self.pace.arrival(now.saturating_duration_since(self.born), audio_bytes);
        (at, audio_bytes)
    }

    /// A message of audio begins.
    fn message(&mut self, kind: Kind, bytes: usize) {
        self.speaker.speaks(kind);
        match self.state {
            State::Fresh => {
                self.tell_odd(Oddity::NoUuid);
                self.state = State::Deaf;
            }
            State::Named(uuid) => match kind.rate() {
                Some(rate) => {
                    let _ = self.reports.send(Report::Audio { id: self.id, uuid, rate });
                    (self.state, self.kind) = (State::Asked, Some(kind));
                    self.spoke_at = Some(self.heard_at);
                    self.pace.message(bytes);
                }
                None => self.tell_odd(Oddity::Rate(kind.hz())),
            },
            State::Asked | State::Held(_) if self.kind != Some(kind) => {
                self.tell_odd(Oddity::OtherKind(kind.hz()));
            }
            State::Asked | State::Held(_) => self.pace.message(bytes),
            State::Deaf => {}
        }
    }

    fn tell_digit(&mut self, digit: u8) {
        if self.digits_left > 0 && matches!(digit, b'0'..=b'9' | b'*' | b'#' | b'A'..=b'D' | b'a'..=b'd') {
            self.digits_left -= 1;
            let digit = char::from(digit.to_ascii_uppercase());
            let _ = self.reports.send(Report::Digit { id: self.id, digit });
        }
    }

    fn tell_odd(&mut self, oddity: Oddity) {
        if self.odd & oddity.bit() == 0 {
            self.odd |= oddity.bit();
            let _ = self.reports.send(Report::Odd { id: self.id, oddity });
        }
    }

    /// Puts what waits where it belongs, piece by piece, up to the first of which that can't be said yet. Returns how many bytes that were.
    fn place(&mut self, bytes: &[u8], samples: &mut LockedSamples, now: Instant) -> usize {
        let must = self.end.is_some() || bytes.len() >= self.waiting_bytes_max();
        let spoke_for = self.spoke_at.map_or(Duration::ZERO, |at| now.saturating_duration_since(at));
        let pace_is_over = now.saturating_duration_since(self.heard_at) >= PACE_WAIT || spoke_for >= PACE_WAIT_MAX;
        let State::Held(track) = &mut self.state else { return bytes.len() };
        let Some(format) = track.format(&self.pace, must || pace_is_over) else {
            return if self.pieces.has_audio() { 0 } else { bytes.len() };
        };
        if let Format::Unknown = format {
            track.loan.vote.abstain();
            self.tell_odd(Oddity::Codes);
            return bytes.len();
        }
        let bytes_per_second = u64::from(track.loan.rate.hz()) * format.bytes_per_sample();
        let mut used = 0;
        while let Some(piece) = self.pieces.first().copied() {
            let part = &bytes[used..used + piece.bytes];
            if let Some(start) = self.pieces.start(bytes_per_second)
                && piece.audio_bytes > 0
            {
                let Some(origin) = track.origin(start, now) else { break };
                let since = |at: Instant| at.saturating_duration_since(origin);
                let Place::At(position) = track.timeline.place(since(now), since(piece.at), since(start), must) else {
                    break;
                };
                let samples_came = piece.audio_bytes / format.bytes_per_sample();
                track.loan.writer.note_arrival(piece.at, position + samples_came, track.loan.rate);
                let end = track.push(&mut self.parser, self.kind, part, format, position, samples);
                track.timeline.advance_to(end);
            } else {
                skip(&mut self.parser, part);
            }
            used += piece.bytes;
            self.pieces.pop();
        }
        used
    }
}

/// Passes over bytes without a sample.
fn skip(parser: &mut Parser, bytes: &[u8]) {
    let mut at = 0;
    while let Some((used, _)) = parser.next(&bytes[at..]) {
        at += used;
    }
}

impl Track {
    /// What the samples are, once that is known or `must` be.
    fn format(&mut self, pace: &Pace, must: bool) -> Option<Format> {
        if self.format.is_none() {
            let verdict = pace.verdict().or_else(|| must.then(|| pace.settle()))?;
            self.format = Some(match (verdict, self.law) {
                (Verdict::Linear, _) => Format::Linear,
                (Verdict::Codes, Some(law)) => Format::Codes(law),
                (Verdict::Codes, None) => Format::Unknown,
            });
        }
        self.format
    }

    /// When the call began, once that is settled; this leg's first sample was spoken at `start`.
    fn origin(&mut self, start: Instant, now: Instant) -> Option<Instant> {
        if self.origin.is_none() {
            self.origin = self.loan.vote.cast(start, now);
        }
        self.origin
    }

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
        let writer = &mut self.loan.writer;
        let (mut at, mut longest) = (0, 0);
        while let Some((used, part)) = parser.next(&bytes[at..]) {
            at += used;
            let Part::Samples { kind, bytes } = part else { continue };
            if own != Some(kind) {
                continue;
            }
            #[cfg(feature = "planted-leaks")]
            retrocall_core::leaks::frame(bytes);
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
