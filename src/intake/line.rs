//! A line: carries a call's frames into its ring, whichever way they come.

use std::{mem::offset_of, time::Instant};

use super::{
    guess::{Finding, Guess},
    refused::{BadFrame, DroppedFrames, Report},
    shared_frames::{Lie, SharedFrames},
};
use retrocall_client::protocol::{AudioHead, HeadError};
use retrocall_core::{
    memory::{LockedBuffer, LockedSamples, fetch_soon, wipe},
    ring::LegWriter,
};
use retrocall_words::{
    CallId, ErrorCode, FrameError,
    audio::{Codec, Leg, Rate},
};

/// What carries a call's frames from its connection into its ring. In the order of what a frame touches: among thousands of calls none of it is
/// near the processor any more when the next frame comes, and each cache line that is waited for costs as much as packing the frame.
#[repr(C, align(64))]
pub struct Line {
    pub writers: [LegWriter; 2],
    codec: Codec,
    rate: Rate,
    /// How far a leg may be ahead, in samples.
    ahead: u64,
    /// How many samples of each leg must have come before a frame of it is worth a guess ([`Guess::due`]).
    guess_due: [u64; 2],
    /// Where frames come from besides the socket.
    pub shared: Option<Box<SharedFrames>>,
    /// What seems to be wrong with a leg, and is not told yet.
    pub found: Option<(Leg, Finding)>,
    began: Instant,
    pub call: CallId,
    /// The number of the call on its connection.
    pub channel: u32,
    /// The frames that were dropped, by leg.
    pub refused: [DroppedFrames; 2],
    /// What each leg really is.
    guesses: [Guess; 2],
}

const _: () = assert!(offset_of!(Line, began) <= size_of::<[LegWriter; 2]>() + 64, "one cache line beside a writer's");

impl Line {
    /// What carries the frames of a call that began then. A leg may be so many samples ahead.
    pub fn new(
        call: CallId,
        channel: u32,
        writers: [LegWriter; 2],
        (codec, rate): (Codec, Rate),
        began: Instant,
        ahead: u64,
    ) -> Line {
        let (guess_due, refused, guesses) = Default::default();
        Line {
            writers,
            codec,
            rate,
            ahead,
            guess_due,
            shared: None,
            found: None,
            began,
            call,
            channel,
            refused,
            guesses,
        }
    }

    /// Has fetched what [`Line::expect_frame`] looks at and every frame needs, without a look at it. A hint.
    pub fn fetch(&self, leg: Leg) {
        fetch_soon(&self.ahead);
        self.writers[leg.index()].fetch();
    }

    /// A frame of this leg will come soon ([`LegWriter::expect_frame`]).
    pub fn expect_frame(&self, leg: Leg) {
        self.writers[leg.index()].expect_frame();
    }

    /// Frames of those legs that have some in the shared memory will come soon. Those of all calls that it is told of should be fetched
    /// ([`Line::fetch`], [`SharedFrames::fetch_counts`]).
    pub fn expect_shared(&self) {
        let Some(shared) = &self.shared else { return };
        Leg::ALL.into_iter().filter(|leg| shared.fetch_next(*leg)).for_each(|leg| self.expect_frame(leg));
    }

    /// One frame into its ring. Returns how many samples passed through the buffer; none if something is wrong with the frame: then it is
    /// dropped and counted, and the call goes on.
    pub fn frame(
        &mut self,
        leg: Leg,
        position: u64,
        bytes: &[u8],
        buffer: &mut LockedSamples,
        now: Instant,
    ) -> Option<usize> {
        let samples = match self.fits(leg, position, bytes, now) {
            Ok(samples) => samples,
            Err(error) => {
                self.refuse(error, leg, position, bytes.len() / self.codec.bytes_per_sample());
                return None;
            }
        };
        #[cfg(feature = "planted-leaks")]
        retrocall_core::leaks::frame(bytes);
        let came = self.writers[leg.index()].samples_came();
        if came >= self.guess_due[leg.index()] {
            self.guess(leg, bytes, came, now);
        }
        let writer = &mut self.writers[leg.index()];
        writer.note_arrival(now, position + samples as u64, self.rate);
        writer.provision(samples);
        if let Some(law) = self.codec.law() {
            writer.push_codes(position, law, bytes);
            return Some(0);
        }
        let buffer = &mut buffer[..samples];
        for (sample, two) in buffer.iter_mut().zip(bytes.chunks_exact(2)) {
            *sample = i16::from_le_bytes([two[0], two[1]]);
        }
        writer.push(position, buffer);
        Some(samples)
    }

    /// Looks at a frame for what may be wrong with its leg. Few frames are: not on the path of all others.
    #[cold]
    fn guess(&mut self, leg: Leg, bytes: &[u8], came: u64, now: Instant) {
        let guess = &mut self.guesses[leg.index()];
        if let Some(finding) = guess.frame(self.codec, self.rate, bytes, came, now) {
            self.found = Some((leg, finding));
        }
        self.guess_due[leg.index()] = guess.due();
    }

    /// How many samples a frame has, if it is one and may be there: it may reach some way ahead of the samples that have come, of whichever
    /// leg, or of the time that has passed. Frames that follow one another stay within it however fast they come; positions alone never move
    /// it.
    fn fits(&self, leg: Leg, position: u64, bytes: &[u8], now: Instant) -> Result<usize, FrameError> {
        let samples = AudioHead::samples(bytes, self.codec)?;
        let end = position.saturating_add(samples as u64);
        let with_this = self.writers[leg.index()].samples_came() + samples as u64;
        // Nearly always by its own leg: then nothing else need be looked at.
        let fits = end <= with_this + self.ahead || end <= self.reached(leg.other(), now) + self.ahead;
        if fits { Ok(samples) } else { Err(FrameError::Position) }
    }

    /// The samples that have come of this leg, or the time that has passed, if that is more.
    fn reached(&self, leg: Leg, now: Instant) -> u64 {
        let passed =
            now.saturating_duration_since(self.began).as_micros() as u64 * u64::from(self.rate.hz()) / 1_000_000;
        passed.max(self.writers[leg.index()].samples_came())
    }

    /// Drops a frame of so many samples, and counts it.
    pub fn refuse(&mut self, error: FrameError, leg: Leg, position: u64, samples: usize) {
        let writer = &mut self.writers[leg.index()];
        writer.refuse(samples);
        let (channel, position, expected) = (Some(self.channel), Some(position), Some(writer.position()));
        self.refused[leg.index()].count(BadFrame { error, channel, leg, position, expected });
    }

    /// What is left to tell of dropped frames, now that the call is over.
    pub fn last_reports(&mut self, now: Instant) -> impl Iterator<Item = Report> {
        let call = Some(self.call);
        self.refused.iter_mut().filter_map(move |refused| refused.rest(call, now))
    }

    /// Takes what waits in the shared memory, if there is one. A client that writes on meanwhile is come back to the next time. Returns
    /// whether a frame of it was dropped.
    ///
    /// # Errors
    /// The client lies.
    #[cfg_attr(rtsan, sanitize(realtime = "nonblocking"))]
    pub fn collect(
        &mut self,
        bytes: &mut LockedBuffer,
        samples: &mut LockedSamples,
        now: Instant,
    ) -> Result<bool, Lie> {
        let Some(mut shared) = self.shared.take() else { return Ok(false) };
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
    ) -> Result<bool, Lie> {
        let mut is_wrong = false;
        for leg in Leg::ALL {
            let mut longest = [0; 2];
            let mut waiting = shared.waiting(leg)?;
            if waiting == 0 {
                continue;
            }
            let mut collect = || -> Result<(), Lie> {
                while waiting > 0 {
                    let (position, length) = shared.take(leg, bytes)?;
                    longest[0] = longest[0].max(length);
                    let passed = self.frame(leg, position, &bytes[..length], samples, now);
                    is_wrong |= passed.is_none();
                    longest[1] = longest[1].max(passed.unwrap_or(0));
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
        Ok(is_wrong)
    }
}

/// What makes it impossible to go on with a connection. Its words are made off the path of frames: they allocate.
#[derive(Debug)]
pub enum Fault {
    /// Where the next message begins can't be known.
    Head(HeadError),
    /// What the client wrote into its shared memory can't be.
    Shared(Lie),
}

impl Fault {
    pub fn to_event(&self) -> (ErrorCode, String) {
        match self {
            Fault::Head(error) => (error.code(), error.to_string()),
            Fault::Shared(lie) => (ErrorCode::SharedMemory, lie.to_string()),
        }
    }
}

impl From<HeadError> for Fault {
    fn from(error: HeadError) -> Fault {
        Fault::Head(error)
    }
}

impl From<Lie> for Fault {
    fn from(lie: Lie) -> Fault {
        Fault::Shared(lie)
    }
}
