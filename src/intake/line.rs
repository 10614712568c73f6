//! What carries a call's frames into its ring, whichever way they come; and the calls of a connection by their channels.

use std::{collections::VecDeque, time::Instant};

use super::shared::{Lie, SharedFrames};
use crate::{
    audio::{Codec, Leg, Rate, g711::Law},
    memory::{LockedBuffer, LockedSamples, wipe},
    protocol::{AudioHead, ErrorCode, FrameError},
    ring::LegWriter,
};

/// How many calls ahead of the one whose shared memory is looked at the next ones' frames are expected.
const CALLS_AHEAD: usize = 4;

/// What carries a call's frames from its connection into its ring.
pub struct Line {
    pub writers: Box<[LegWriter; 2]>,
    pub codec: Codec,
    pub rate: Rate,
    pub began: Instant,
    /// How far a position may be ahead, in samples.
    pub ahead: u64,
    /// Where frames come from besides the socket.
    pub shared: Option<Box<SharedFrames>>,
}

impl Line {
    /// A frame of this leg will come soon ([`LegWriter::expect_frame`]).
    pub fn expect_frame(&self, leg: Leg) {
        self.writers[leg.index()].expect_frame();
    }

    /// One frame into its ring. Returns how many samples passed through the buffer.
    pub fn frame(
        &mut self,
        leg: Leg,
        position: u64,
        bytes: &[u8],
        buffer: &mut LockedSamples,
        now: Instant,
    ) -> Result<usize, Fault> {
        let samples = AudioHead::samples(bytes, self.codec)?;
        #[cfg(feature = "planted-leaks")]
        crate::leaks::frame(bytes);
        let limit = self.limit(now);
        if position.saturating_add(samples as u64) > limit {
            return Err(Fault::Position { position, limit });
        }
        let writer = &mut self.writers[leg.index()];
        writer.note_arrival(now, position + samples as u64, self.rate);
        writer.provision(samples);
        match self.codec {
            Codec::Ulaw => writer.push_codes(position, Law::Mu, bytes),
            Codec::Alaw => writer.push_codes(position, Law::A, bytes),
            Codec::Pcm16 => {
                let buffer = &mut buffer[..samples];
                for (sample, two) in buffer.iter_mut().zip(bytes.chunks_exact(2)) {
                    *sample = i16::from_le_bytes([two[0], two[1]]);
                }
                writer.push(position, buffer);
                return Ok(samples);
            }
        }
        Ok(0)
    }

    /// Takes what waits in the shared memory, if there is one. A client that writes on meanwhile is come back to the next time.
    #[cfg_attr(rtsan, sanitize(realtime = "nonblocking"))]
    pub fn collect(
        &mut self,
        bytes: &mut LockedBuffer,
        samples: &mut LockedSamples,
        now: Instant,
    ) -> Result<(), Fault> {
        let Some(mut shared) = self.shared.take() else { return Ok(()) };
        let collected = self.collect_from(&mut shared, bytes, samples, now);
        self.shared = Some(shared);
        collected
    }

    fn collect_from(
        &mut self,
        shared: &mut SharedFrames,
        bytes: &mut LockedBuffer,
        samples: &mut LockedSamples,
        now: Instant,
    ) -> Result<(), Fault> {
        for leg in Leg::ALL {
            let mut longest = [0; 2];
            let mut waiting = shared.waiting(leg)?;
            if waiting == 0 {
                continue;
            }
            let mut collect = || -> Result<(), Fault> {
                while waiting > 0 {
                    let (position, length) = shared.take(leg, bytes)?;
                    longest[0] = longest[0].max(length);
                    longest[1] = longest[1].max(self.frame(leg, position, &bytes[..length], samples, now)?);
                    waiting -= 1;
                }
                Ok(())
            };
            let collected = collect();
            wipe(&mut bytes[..longest[0]]);
            wipe(&mut samples[..longest[1]]);
            collected?;
            shared.tell(leg);
        }
        Ok(())
    }

    /// The position that a frame may reach: some way ahead of the call's end, or of the time that has passed.
    fn limit(&self, now: Instant) -> u64 {
        let passed =
            now.saturating_duration_since(self.began).as_micros() as u64 * u64::from(self.rate.hz()) / 1_000_000;
        let end = self.writers[0].position().max(self.writers[1].position());
        end.max(passed) + self.ahead
    }
}

/// The calls of a connection by their channels. A channel is never given twice: a frame that comes after its call has ended is dropped, and
/// can't end up in another call.
#[derive(Default)]
pub struct Lines {
    first: u32,
    lines: VecDeque<Option<Box<Line>>>,
    /// How many of them share memory with the client.
    sharing: usize,
}

impl Lines {
    /// Whether there is no call, though there may have been some.
    pub fn is_empty(&self) -> bool {
        self.lines.is_empty()
    }

    /// Whether any of them shares memory with the client.
    pub fn share(&self) -> bool {
        self.sharing > 0
    }

    pub fn add(&mut self, channel: u32, line: Box<Line>) {
        debug_assert_eq!(channel as usize, self.first as usize + self.lines.len());
        self.sharing += usize::from(line.shared.is_some());
        self.lines.push_back(Some(line));
    }

    /// None for a channel that was never given; `Some(None)` for one whose call has ended.
    pub fn get(&mut self, channel: u32) -> Option<Option<&mut Line>> {
        match channel.checked_sub(self.first) {
            None => Some(None),
            Some(at) => self.lines.get_mut(at as usize).map(Option::as_deref_mut),
        }
    }

    /// Frames of this call come through shared memory from now on. Gives it back if the call has ended.
    pub fn add_shared(&mut self, channel: u32, shared: Box<SharedFrames>) -> Option<Box<SharedFrames>> {
        let Some(Some(line)) = self.get(channel) else { return Some(shared) };
        let before = line.shared.replace(shared);
        self.sharing += usize::from(before.is_none());
        before
    }

    pub fn remove(&mut self, channel: u32) -> Option<Box<Line>> {
        let line = self.lines.get_mut(channel.checked_sub(self.first)? as usize)?.take()?;
        while let Some(None) = self.lines.front() {
            self.lines.pop_front();
            self.first += 1;
        }
        self.sharing -= usize::from(line.shared.is_some());
        Some(line)
    }

    /// Takes what waits in the shared memory of every call. The first fault ends it.
    pub fn collect(
        &mut self,
        bytes: &mut LockedBuffer,
        samples: &mut LockedSamples,
        now: Instant,
    ) -> Result<(), Fault> {
        for at in 0..self.lines.len() {
            if let Some(Some(next)) = self.lines.get(at + CALLS_AHEAD) {
                Leg::ALL.iter().for_each(|leg| next.expect_frame(*leg));
            }
            if let Some(line) = &mut self.lines[at] {
                line.collect(bytes, samples, now)?;
            }
        }
        Ok(())
    }

    /// The same, but a fault of one call leaves the others what they have: for a connection that ends.
    pub fn collect_last(&mut self, bytes: &mut LockedBuffer, samples: &mut LockedSamples, now: Instant) {
        for line in self.lines.iter_mut().flatten() {
            let _ = line.collect(bytes, samples, now);
        }
    }

    pub fn into_all(self) -> Vec<(u32, Box<Line>)> {
        (self.first..).zip(self.lines).filter_map(|(channel, line)| Some((channel, line?))).collect()
    }
}

/// What a client did wrong. Its words are made off the path of frames: they allocate.
#[derive(Debug)]
pub enum Fault {
    /// This is no message, or none of its kind.
    Frame(FrameError),
    /// The connection has no such channel.
    Channel(u32),
    /// A frame is further ahead than it may be.
    Position { position: u64, limit: u64 },
    /// What it wrote into its shared memory can't be.
    Shared(Lie),
}

impl Fault {
    pub fn to_event(&self) -> (ErrorCode, String) {
        match self {
            Fault::Frame(error) => (error.code(), error.to_string()),
            Fault::Channel(channel) => {
                (ErrorCode::Channel, format!("channel {channel} was not given to this connection"))
            }
            Fault::Position { position, limit } => {
                (ErrorCode::Position, format!("position {position} is too far ahead: the limit is {limit} now"))
            }
            Fault::Shared(lie) => (ErrorCode::SharedMemory, lie.to_string()),
        }
    }
}

impl From<FrameError> for Fault {
    fn from(error: FrameError) -> Fault {
        Fault::Frame(error)
    }
}

impl From<Lie> for Fault {
    fn from(lie: Lie) -> Fault {
        Fault::Shared(lie)
    }
}
