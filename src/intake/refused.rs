//! Frames that are dropped because they are faulty: counted on the reading thread, reported by another one.
//!
//! Belongs here: what to remember of them, and when to report. Does not: words, the log, events (`connection`).

use std::time::{Duration, Instant};

use retrocall_words::{CallId, FrameError, audio::Leg};

/// While frames go on being wrong it is told so often.
pub const TOLD_EVERY: Duration = Duration::from_secs(5);

/// What is wrong with a frame, and where it was to go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BadFrame {
    /// What is wrong.
    pub error: FrameError,
    /// The channel that it names; none if it is too short to name one.
    pub channel: Option<u32>,
    /// Whose it is.
    pub leg: Leg,
    /// Where it says that it begins.
    pub position: Option<u64>,
    /// Where its leg ends, which is where the next frame is expected.
    pub expected: Option<u64>,
}

/// What is to be told of dropped frames.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Report {
    /// The call they were for, if it is one.
    pub call: Option<CallId>,
    /// The last of them.
    pub frame: BadFrame,
    /// How many were dropped since the last report.
    pub frames: u64,
    /// Whether it is the first report.
    pub is_first: bool,
}

/// The dropped frames of one leg, or those that belong to no call of the connection.
#[derive(Debug, Default)]
pub struct DroppedFrames {
    /// The last one.
    last: Option<BadFrame>,
    /// Those that are not told yet.
    untold: u64,
    told_at: Option<Instant>,
}

impl DroppedFrames {
    /// A frame is dropped. Wait-free.
    pub fn count(&mut self, frame: BadFrame) {
        self.last = Some(frame);
        self.untold += 1;
    }

    /// Whether there are some that are not told yet.
    pub fn are_untold(&self) -> bool {
        self.untold > 0
    }

    /// What is to be told now: at once of the first frame, and every few seconds of those since.
    pub fn due(&mut self, call: Option<CallId>, now: Instant) -> Option<Report> {
        match self.told_at {
            Some(told_at) if now.saturating_duration_since(told_at) < TOLD_EVERY => None,
            _ => self.rest(call, now),
        }
    }

    /// What is left to tell, whenever it was last told: for a call that is over.
    pub fn rest(&mut self, call: Option<CallId>, now: Instant) -> Option<Report> {
        let frames = std::mem::take(&mut self.untold);
        let frame = self.last.filter(|_| frames > 0)?;
        let is_first = self.told_at.replace(now).is_none();
        Some(Report { call, frame, frames, is_first })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use retrocall_words::{Clock as _, SystemClock};

    #[test]
    fn dropped_frames_are_told_at_once_then_every_few_seconds_and_none_twice() {
        let (mut refused, now) = (DroppedFrames::default(), SystemClock.now());
        let frame = |position| BadFrame {
            error: FrameError::Position,
            channel: Some(1),
            leg: Leg::Agent,
            position: Some(position),
            expected: Some(160),
        };
        assert_eq!(refused.due(None, now), None);
        refused.count(frame(1));
        let first = refused.due(None, now).expect("it is told at once");
        assert_eq!((first.frames, first.is_first, first.frame), (1, true, frame(1)));
        for number in 2..=100 {
            refused.count(frame(number));
            assert_eq!(refused.due(None, now + TOLD_EVERY / 2), None);
        }
        let second = refused.due(None, now + TOLD_EVERY).expect("it goes on");
        assert_eq!((second.frames, second.is_first, second.frame), (99, false, frame(100)));
        assert_eq!(refused.due(None, now + 9 * TOLD_EVERY), None);
        refused.count(frame(101));
        assert_eq!(refused.rest(None, now + TOLD_EVERY).map(|rest| rest.frames), Some(1));
        assert_eq!(refused.rest(None, now + TOLD_EVERY), None);
    }
}
