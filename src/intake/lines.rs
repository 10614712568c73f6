//! The calls of a connection by channel, and the frames that belong to no call.
//!
//! A channel is never given twice: a frame that comes after its call has ended is dropped, and can't end up in another call. Calls that
//! have ended leave nothing behind, however many there were: a connection of a PBX lives for months.

use std::{collections::HashMap, time::Instant};

use super::{
    guess::Finding,
    line::Line,
    refused::{BadFrame, DroppedFrames, Report},
    shared_frames::{Lie, SharedFrames},
};
use retrocall_client::protocol::AudioHead;
use retrocall_core::memory::{LockedBuffer, LockedSamples};
use retrocall_words::{CallId, FrameError, audio::Leg};

/// Calls whose shared memory is expected to be looked at together: as many as the processor can fetch memory for at once.
const CALLS_AHEAD: usize = 8;
/// Channels with wrong frames that are remembered until they are told. Of more than these it is told when their next wrong frame comes.
const WRONG_MAX: usize = 16;

/// The calls of a connection. First what every read of it touches.
#[derive(Default)]
#[repr(C)]
pub struct Lines {
    /// Those that are live, by their channels.
    live: HashMap<u32, Box<Line>, foldhash::fast::RandomState>,
    /// Whether something is to be told: of a call that is in `wrong`, or of a stray.
    is_to_tell: bool,
    /// The channels of those that share memory with the client.
    sharing: Vec<u32>,
    /// The channel that is given next.
    next: u32,
    /// Frames for channels that were never given, or too short to name one.
    strays: DroppedFrames,
    /// Channels of which something may be to be told.
    wrong: [Option<u32>; WRONG_MAX],
}

impl Lines {
    /// How many are live.
    pub fn len(&self) -> usize {
        self.live.len()
    }

    /// Whether any of them shares memory with the client.
    pub fn share(&self) -> bool {
        !self.sharing.is_empty()
    }

    /// A call begins. Channels are given in order, from 0.
    pub fn add(&mut self, line: Box<Line>) {
        debug_assert_eq!(line.channel, self.next);
        self.next = line.channel + 1;
        if line.shared.is_some() {
            self.sharing.push(line.channel);
        }
        self.live.insert(line.channel, line);
    }

    /// The live call of this channel, to look at.
    pub fn at(&self, channel: u32) -> Option<&Line> {
        self.live.get(&channel).map(|line| &**line)
    }

    /// The live call of this channel.
    pub fn get(&mut self, channel: u32) -> Option<&mut Line> {
        self.live.get_mut(&channel).map(|line| &mut **line)
    }

    /// Frames of this call come through shared memory from now on. Gives it back if the call has ended.
    pub fn add_shared(&mut self, channel: u32, shared: Box<SharedFrames>) -> Option<Box<SharedFrames>> {
        let Some(line) = self.get(channel) else { return Some(shared) };
        let before = line.shared.replace(shared);
        if before.is_none() {
            self.sharing.push(channel);
        }
        before
    }

    /// A call has ended.
    pub fn remove(&mut self, channel: u32) -> Option<Box<Line>> {
        let line = self.live.remove(&channel)?;
        if line.shared.is_some() {
            self.sharing.retain(|known| *known != channel);
        }
        Some(line)
    }

    /// One frame, to wherever it belongs. Returns how many samples passed through the buffer.
    pub fn frame(&mut self, leg: Leg, payload: &[u8], buffer: &mut LockedSamples, now: Instant) -> usize {
        let Some((head, bytes)) = AudioHead::split(payload) else {
            let error = FrameError::Samples;
            self.strays.count(BadFrame { error, channel: None, leg, position: None, expected: None });
            self.is_to_tell = true;
            return 0;
        };
        let passed = match self.get(head.channel) {
            Some(line) => {
                let passed = line.frame(leg, head.position, bytes, buffer, now);
                if line.found.is_some() {
                    self.is_wrong(head.channel);
                }
                passed
            }
            None => return self.stray(leg, head),
        };
        passed.unwrap_or_else(|| self.is_wrong(head.channel))
    }

    /// A frame that is longer than any can be: it is passed over. `payload` is its beginning.
    pub fn frame_too_long(&mut self, leg: Leg, payload: &[u8]) {
        let Some((head, _)) = AudioHead::split(payload) else { return };
        match self.get(head.channel) {
            Some(line) => {
                line.refuse(FrameError::TooLong, leg, head.position, 0);
                self.is_wrong(head.channel);
            }
            None => drop(self.stray(leg, head)),
        }
    }

    /// A frame of no live call: nothing passes of it. If its call has ended, that is how things go.
    fn stray(&mut self, leg: Leg, head: AudioHead) -> usize {
        if head.channel >= self.next {
            let (channel, position) = (Some(head.channel), Some(head.position));
            self.strays.count(BadFrame { error: FrameError::Channel, channel, leg, position, expected: None });
            self.is_to_tell = true;
        }
        0
    }

    /// Something of this call is to be told: a frame of it was dropped, and then nothing passed of it.
    fn is_wrong(&mut self, channel: u32) -> usize {
        self.is_to_tell = true;
        if !self.wrong.contains(&Some(channel))
            && let Some(free) = self.wrong.iter_mut().find(|wrong| wrong.is_none())
        {
            *free = Some(channel);
        }
        0
    }

    /// What is to be told of frames that were dropped, and of legs that seem to be something else.
    pub fn reports(
        &mut self,
        now: Instant,
        mut tell: impl FnMut(Report),
        mut tell_found: impl FnMut(CallId, Leg, Finding),
    ) {
        if !self.is_to_tell {
            return;
        }
        self.strays.due(None, now).into_iter().for_each(&mut tell);
        self.is_to_tell = self.strays.are_untold();
        for wrong in std::mem::take(&mut self.wrong).into_iter().flatten() {
            if let Some(line) = self.get(wrong) {
                let call = Some(line.call);
                line.found.take().into_iter().for_each(|(leg, finding)| tell_found(line.call, leg, finding));
                line.refused.iter_mut().filter_map(|refused| refused.due(call, now)).for_each(&mut tell);
            }
        }
    }

    /// What is left to tell of frames that belonged to no call, at the end of the connection.
    pub fn last_strays(&mut self, now: Instant) -> Option<Report> {
        self.strays.rest(None, now)
    }

    /// Says to the next calls that share memory that it is looked at soon.
    fn expect_shared(&self, from: usize) {
        let mut lines = [None; CALLS_AHEAD];
        lines.iter_mut().zip(&self.sharing[from..]).for_each(|(line, channel)| *line = self.at(*channel));
        let lines = lines.iter().flatten();
        let shared = lines.clone().filter_map(|line| line.shared.as_deref());
        // What one step fetches of all of them says where that of the next one lies.
        lines.clone().for_each(|line| Leg::ALL.iter().for_each(|leg| line.fetch(*leg)));
        shared.clone().for_each(SharedFrames::fetch);
        shared.for_each(SharedFrames::fetch_counts);
        lines.for_each(|line| line.expect_shared());
    }

    /// Takes what waits in the shared memory of every call that has one. The first lie ends it.
    ///
    /// # Errors
    /// The lie.
    pub fn collect(&mut self, bytes: &mut LockedBuffer, samples: &mut LockedSamples, now: Instant) -> Result<(), Lie> {
        for at in 0..self.sharing.len() {
            if at % CALLS_AHEAD == 0 {
                self.expect_shared(at);
            }
            let channel = self.sharing[at];
            let Some(line) = self.get(channel) else { continue };
            if line.collect(bytes, samples, now)? || line.found.is_some() {
                self.is_wrong(channel);
            }
        }
        Ok(())
    }

    /// The same, but a lie of one call leaves the others what they have: for a connection that ends.
    pub fn collect_last(&mut self, bytes: &mut LockedBuffer, samples: &mut LockedSamples, now: Instant) {
        for line in self.live.values_mut() {
            let _ = line.collect(bytes, samples, now);
        }
    }

    /// The calls that are live.
    pub fn into_all(self) -> impl Iterator<Item = Box<Line>> {
        self.live.into_values()
    }
}
