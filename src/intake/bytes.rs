//! A connection, as its reading thread sees it: whole messages out of its bytes, and the lines for its frames.
//!
//! Belongs here: where messages begin and end, halves of messages that wait for the rest. Does not: sockets, the order of reading.

use std::{os::unix::net::UnixStream, sync::Arc, time::Instant};

use tokio::sync::mpsc::UnboundedSender;

use super::{CONTROL_READ_BYTES, Inbound, Lines};
use retrocall_client::protocol::{AUDIO_HEAD_BYTES, AudioHead, HEAD_BYTES, Head, HeadError, Kind};
use retrocall_core::memory::{LockedSamples, Stash, wipe};
use retrocall_words::audio::Leg;

/// Frames of one read whose calls are told of them together: as many as the processor can fetch memory for at once.
const FRAMES_AHEAD: usize = 16;

/// One connection, as the thread knows it. In the order of what every read touches: it is two cache lines, of thousands of connections too.
#[repr(C, align(64))]
pub(super) struct Connection<'a> {
    /// Others look at it; only here is it read.
    pub(super) stream: Arc<UnixStream>,
    /// What was read and could not be used yet.
    pub(super) stash: Stash<'a>,
    /// What one read may bring: much only where frames come.
    pub(super) read_bytes: usize,
    /// Bytes of a message that are passed over, because it is too long.
    pub(super) skip_bytes: usize,
    /// Whether a control message has to take effect before more is read.
    pub(super) paused: bool,
    pub(super) lines: Lines,
    pub(super) inbox: UnboundedSender<Inbound>,
}

/// What stops the reading of a connection's bytes.
pub(super) enum Stop {
    /// The next message is not whole yet.
    More,
    /// A control message, which lies in this range of the bytes.
    Control(std::ops::Range<usize>),
    /// The head of a control message of so many bytes, which is too long: they are passed over.
    TooLong(usize),
    /// Where the next message begins can't be known.
    Fault(HeadError),
}

impl<'a> Connection<'a> {
    /// A connection of which nothing is read yet.
    pub(super) fn new(stream: Arc<UnixStream>, inbox: UnboundedSender<Inbound>, stash: Stash<'a>) -> Connection<'a> {
        let (read_bytes, lines) = (CONTROL_READ_BYTES, Lines::default());
        Connection { stream, stash, read_bytes, skip_bytes: 0, paused: true, lines, inbox }
    }

    /// Tells what is to be told of frames that were dropped. Off the path of frames: it may allocate.
    pub(super) fn tell_refused(&mut self, now: Instant) {
        let Connection { lines, inbox, .. } = self;
        let found = |call, leg, finding| drop(inbox.send(Inbound::Suspect(call, leg, finding)));
        lines.reports(now, |report| drop(inbox.send(Inbound::Refused(report))), found);
    }

    /// Uses whole messages from the beginning of `bytes`, up to the first that is none of audio. Returns how many bytes were used.
    #[cfg_attr(rtsan, sanitize(realtime = "nonblocking"))]
    pub(super) fn use_bytes(&mut self, bytes: &[u8], samples: &mut LockedSamples, now: Instant) -> (usize, Stop) {
        let mut used = 0;
        let mut longest = 0;
        let mut expected = 0;
        let stop = loop {
            let skipped = self.skip_bytes.min(bytes.len() - used);
            (self.skip_bytes, used) = (self.skip_bytes - skipped, used + skipped);
            if expected == 0 {
                expected = self.expect_frames(&bytes[used..]).max(1);
            }
            expected -= 1;
            let Some((head, rest)) = bytes[used..].split_first_chunk::<HEAD_BYTES>() else { break Stop::More };
            let head = match Head::parse(*head) {
                Ok(head) => head,
                Err(error) => break Stop::Fault(error),
            };
            // Of what is too long no more is waited for than what says whose it is.
            let wanted = if head.is_too_long() { AUDIO_HEAD_BYTES } else { head.payload_bytes };
            let Some(payload) = rest.get(..wanted) else { break Stop::More };
            used += HEAD_BYTES;
            match head.kind {
                _ if head.is_too_long() => {
                    self.skip_bytes = head.payload_bytes;
                    match head.kind {
                        Kind::Control => break Stop::TooLong(head.payload_bytes),
                        Kind::Audio(leg) => self.lines.frame_too_long(leg, payload),
                    }
                }
                Kind::Control => break Stop::Control(used..used + head.payload_bytes),
                Kind::Audio(leg) => {
                    longest = longest.max(self.lines.frame(leg, payload, samples, now));
                    used += head.payload_bytes;
                }
            }
        };
        wipe(&mut samples[..longest]);
        (used, stop)
    }

    /// Says to the next calls that have frames in these bytes that one will come, if there are several. Returns for how many.
    fn expect_frames(&self, mut bytes: &[u8]) -> usize {
        let mut expected = [None; FRAMES_AHEAD];
        let mut count = 0;
        while count < FRAMES_AHEAD
            && let Some((leg, channel, rest)) = next_frame(bytes)
        {
            expected[count] = self.lines.at(channel).map(|line| (line, leg));
            bytes = rest;
            count += 1;
        }
        if count > 1 {
            let expected = expected.iter().flatten();
            // First of all what says where the rest lies: they are fetched together, and not one after the other.
            expected.clone().for_each(|(line, leg)| line.fetch(*leg));
            expected.for_each(|(line, leg)| line.expect_frame(*leg));
        }
        count
    }
}

/// The frame that these bytes begin with: its leg, its channel, and what lies behind it. None if they begin with none; that is another's matter.
fn next_frame(bytes: &[u8]) -> Option<(Leg, u32, &[u8])> {
    let (head, rest) = bytes.split_first_chunk::<HEAD_BYTES>()?;
    let Ok(Head { kind: Kind::Audio(leg), payload_bytes }) = Head::parse(*head) else { return None };
    let (payload, rest) = rest.split_at_checked(payload_bytes)?;
    let (head, _) = AudioHead::split(payload)?;
    Some((leg, head.channel, rest))
}
