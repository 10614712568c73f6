//! Places the samples of a leg on the call's timeline. AudioSocket has no timestamps, so the time of arrival decides.
//!
//! Belongs here: the rule, as a function of given times. Does not: clocks, sockets, samples, the time of speaking (`pieces`).
//!
//! The rule. A piece belongs where it was spoken, as far as later pieces tell.
//!
//! - A piece that is at most [`JITTER`] behind the end of the leg follows without a gap. An early piece always does: nothing is dropped for being
//!   early.
//! - If it is later, samples are missing, or the network has stalled and the rest is on its way. That can't be known yet: the piece waits for
//!   [`WAIT`]. If the leg catches up meanwhile, because more samples came than time went by, it was a stall: the piece follows without a gap once
//!   the lag is within the jitter. Otherwise there is one gap, as long as the lag is then.
//!
//! So a burst after a stall neither opens a gap nor runs ahead, a pause (DTMF, suppressed silence, hold) is as long as it was, and the leg's error
//! stays within the jitter unless its clock is fast; then the next pause corrects it.

use std::time::Duration;

use retrocall_words::audio::Rate;

/// How much later than expected samples may come and still follow without a gap. What is read every 20 ms is known to 20 ms: together no more
/// than 40 ms.
const JITTER: Duration = Duration::from_millis(20);
/// How long samples wait for others to say whether it was a stall.
const WAIT: Duration = Duration::from_millis(100);
/// A leg that makes up for so much during a wait is catching up.
const CATCHING_UP: Duration = Duration::from_millis(20);

/// Where samples go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// The first of them belongs here.
    At(u64),
    /// It can't be said yet: ask again when more has come, or some time has passed.
    Wait,
}

/// The timeline of one leg. All times count from the begin of the call.
#[derive(Debug)]
pub(super) struct Timeline {
    rate: Rate,
    /// Where the leg ends.
    next: u64,
    /// Since when the first piece that waits is waited for, and how far behind it was then.
    waiting: Option<(Duration, u64)>,
}

impl Timeline {
    /// Of a leg that goes on at this position.
    pub(super) fn new(rate: Rate, next: u64) -> Timeline {
        Timeline { rate, next, waiting: None }
    }

    fn samples(&self, time: Duration) -> u64 {
        (time.as_micros() * u128::from(self.rate.hz()) / 1_000_000) as u64
    }

    /// Where a piece belongs whose first sample was spoken at `start`, and all of which had come at `came`. `last` says that nothing more
    /// comes.
    pub(super) fn place(&mut self, now: Duration, came: Duration, start: Duration, last: bool) -> Place {
        let lag = self.samples(start).saturating_sub(self.next);
        if lag > self.samples(JITTER) && !last {
            let (since, before) = *self.waiting.get_or_insert((came, lag));
            if now.saturating_sub(since) < WAIT {
                return Place::Wait;
            }
            if before.saturating_sub(lag) >= self.samples(CATCHING_UP) {
                self.waiting = Some((now, lag));
                return Place::Wait;
            }
        }
        self.waiting = None;
        Place::At(if lag > self.samples(JITTER) { self.next + lag } else { self.next })
    }

    /// The leg ends here now.
    pub(super) fn advance_to(&mut self, next: u64) {
        self.next = next;
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;
    use crate::audiosocket::pieces::{Piece, Pieces};
    use retrocall_words::{Clock as _, SystemClock};

    /// A leg at 8 kHz that is read every 20 ms, in a time of its own. Position 0 is at 0 ms.
    struct Sim {
        timeline: Timeline,
        pieces: Pieces,
        begin: Instant,
        now_ms: u64,
        unread_frames: u64,
        /// Where samples went: first position and number, what follows without a gap together.
        stretches: Vec<(u64, u64)>,
    }

    impl Sim {
        fn new() -> Sim {
            let timeline = Timeline::new(Rate::new(8_000).expect("a rate"), 0);
            let (pieces, begin) = (Pieces::new(), SystemClock.now());
            Sim { timeline, pieces, begin, now_ms: 0, unread_frames: 0, stretches: vec![] }
        }

        fn place(&mut self, last: bool) {
            let now = Duration::from_millis(self.now_ms);
            while let Some(piece) = self.pieces.first() {
                let start = self.pieces.start(16_000).expect("a piece has samples");
                let [came, start] = [piece.at, start].map(|at| at.saturating_duration_since(self.begin));
                let samples = piece.audio_bytes / 2;
                let Place::At(position) = self.timeline.place(now, came, start, last) else { return };
                self.pieces.pop();
                match self.stretches.last_mut() {
                    Some((from, before)) if *from + *before == position => *before += samples,
                    Some((from, before)) => {
                        assert!(position > *from + *before, "nothing goes back");
                        self.stretches.push((position, samples));
                    }
                    None => self.stretches.push((position, samples)),
                }
                self.timeline.advance_to(position + samples);
            }
        }

        /// What the thread does every 20 ms.
        fn tick(&mut self) {
            self.now_ms = (self.now_ms / 20 + 1) * 20;
            let frames = std::mem::take(&mut self.unread_frames);
            if frames > 0 {
                let at = self.begin + Duration::from_millis(self.now_ms);
                self.pieces.push(Piece { at, bytes: 0, audio_bytes: frames * 320 });
            }
            self.place(false);
        }

        /// A frame of 20 ms comes.
        fn frame_at(&mut self, ms: u64) {
            while self.now_ms + 20 < ms {
                self.tick();
            }
            self.unread_frames += 1;
        }

        fn end(mut self) -> Vec<(u64, u64)> {
            let end_ms = self.now_ms + 300;
            while self.now_ms < end_ms {
                self.tick();
            }
            self.stretches
        }
    }

    #[test]
    fn frames_that_come_on_time_or_with_a_little_jitter_follow_without_a_gap() {
        let mut sim = Sim::new();
        for frame in 0..500u64 {
            sim.frame_at(20 + frame * 20 + [0, 7, 39, 18, 25, 3][frame as usize % 6]);
        }
        assert_eq!(sim.end(), [(0, 80_000)]);
    }

    #[test]
    fn a_burst_after_a_stall_opens_no_gap_and_does_not_run_ahead() {
        for stall_frames in [3, 25, 500] {
            let mut sim = Sim::new();
            (1..=50).for_each(|frame| sim.frame_at(frame * 20));
            let back_ms = 1_000 + stall_frames * 20;
            // One by one, but all in the same moment; the last of them is on time.
            (0..stall_frames).for_each(|_| sim.frame_at(back_ms));
            (1..=50).for_each(|frame| sim.frame_at(back_ms + frame * 20));
            assert_eq!(sim.end(), [(0, (100 + stall_frames) * 160)], "{stall_frames}");
        }
    }

    #[test]
    fn a_burst_that_comes_at_twice_the_pace_opens_no_gap_and_does_not_run_ahead() {
        let mut sim = Sim::new();
        (1..=50).for_each(|frame| sim.frame_at(frame * 20));
        // A second of stall, made up for within the next.
        (1..=100).for_each(|frame| sim.frame_at(2_000 + frame * 10));
        (1..=50).for_each(|frame| sim.frame_at(3_000 + frame * 20));
        assert_eq!(sim.end(), [(0, 200 * 160)]);
    }

    #[test]
    fn a_pause_is_one_gap_exactly_as_long_as_it_was() {
        for pause_ms in [60, 100, 1_000, 3_600_000] {
            let mut sim = Sim::new();
            (1..=50).for_each(|frame| sim.frame_at(frame * 20));
            (1..=50).for_each(|frame| sim.frame_at(1_000 + pause_ms + frame * 20));
            let second = 8_000 + pause_ms * 8;
            assert_eq!(sim.end(), [(0, 8_000), (second, 8_000)], "{pause_ms}");
        }
    }

    #[test]
    fn a_stall_in_which_frames_were_lost_is_one_gap_as_long_as_what_was_lost() {
        let mut sim = Sim::new();
        (1..=50).for_each(|frame| sim.frame_at(frame * 20));
        // Of 50 frames the last 20 come.
        (0..20).for_each(|_| sim.frame_at(2_000));
        (1..=50).for_each(|frame| sim.frame_at(2_000 + frame * 20));
        assert_eq!(sim.end(), [(0, 8_000), (8_000 + 30 * 160, 70 * 160)]);
    }

    #[test]
    fn a_leg_that_joins_late_begins_where_it_joined() {
        let mut sim = Sim::new();
        (1..=50).for_each(|frame| sim.frame_at(150 + frame * 20));
        // Its frames come between two reads: it is known to that.
        assert_eq!(sim.end(), [(1_280, 8_000)]);
    }

    #[test]
    fn a_clock_that_is_slow_costs_a_gap_now_and_then_and_one_that_is_fast_is_put_right_by_a_pause() {
        let mut slow = Sim::new();
        // 1,000 ppm: 20.02 ms a frame, for ten minutes.
        (1..=30_000u64).for_each(|frame| slow.frame_at(frame * 20_020 / 1_000));
        let stretches = slow.end();
        let (from, samples) = stretches[stretches.len() - 1];
        assert!((10..=40).contains(&stretches.len()), "{stretches:?}");
        assert!(600_600u64.abs_diff((from + samples) / 8) <= 60, "{stretches:?}");
        let mut fast = Sim::new();
        (1..=30_000u64).for_each(|frame| fast.frame_at(frame * 19_980 / 1_000));
        fast.frame_at(601_400);
        assert_eq!(fast.end(), [(0, 30_000 * 160), ((601_400 - 20) * 8, 160)]);
    }

    #[test]
    fn what_waits_at_the_end_of_a_leg_is_placed_at_once() {
        let mut sim = Sim::new();
        (1..=5).for_each(|frame| sim.frame_at(frame * 20));
        sim.frame_at(1_000);
        sim.tick();
        assert!(sim.pieces.has_audio(), "it waits for others");
        sim.place(true);
        assert_eq!(sim.stretches, [(0, 800), (980 * 8, 160)]);
    }

    #[test]
    fn frames_before_a_pause_stay_where_they_were_spoken_though_all_wait_together() {
        let mut sim = Sim::new();
        // Three frames, a pause that is shorter than anybody waits, three more: of a leg that joins a call.
        for ms in [1_020, 1_040, 1_060, 1_140, 1_160, 1_180] {
            sim.frame_at(ms);
        }
        assert_eq!(sim.end(), [(8_000, 480), (8_960, 480)]);
    }
}
