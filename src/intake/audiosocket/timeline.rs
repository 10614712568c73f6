//! Where on the call's timeline the samples of a leg belong: AudioSocket has no timestamps, so when they arrive says it.
//!
//! Belongs here: the rule, as a function of times that are given to it. Does not: clocks, sockets, samples.
//!
//! The rule. Samples that have come were spoken by then: together they end at the moment at which the last of them came.
//!
//! - If that places them no more than [`JITTER`] behind where the leg ended, they follow it without a gap. Early ones always do:
//!   nothing is dropped because it came early.
//! - If it places them later, something is missing, or the network had stalled and the rest is on its way. That can't be known yet:
//!   they wait for [`WAIT`]. If meanwhile the leg catches up, because more samples came than time went by, it was a stall: they follow
//!   without a gap once the lag is within the jitter. Else what is missing is one gap, as long as the lag is then.
//!
//! So a burst after a stall neither opens a gap nor runs ahead, a pause (DTMF, suppressed silence, hold) is as long as it was, and the
//! leg's error stays within the jitter unless its clock is fast; that is put right by the next pause.

use std::time::Duration;

use crate::audio::Rate;

/// How much later than expected samples may come and still follow without a gap.
const JITTER: Duration = Duration::from_millis(40);
/// How long samples wait for others to say whether it was a stall.
const WAIT: Duration = Duration::from_millis(60);
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

/// The timeline of one leg.
#[derive(Debug)]
pub(super) struct Timeline {
    rate: Rate,
    /// Where the leg ends.
    next: u64,
    /// Since when samples wait, and how far behind the leg was then.
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

    /// How far behind the leg is if `samples`, the last of which came at `arrived`, follow it.
    fn lag(&self, arrived: Duration, samples: u64) -> u64 {
        self.samples(arrived).saturating_sub(self.next + samples)
    }

    /// Where `samples` that wait belong. All times count from the begin of the call. `last` says that nothing more comes.
    pub(super) fn place(&mut self, now: Duration, arrived: Duration, samples: u64, last: bool) -> Place {
        let lag = self.lag(arrived, samples);
        if lag <= self.samples(JITTER) {
            self.waiting = None;
            return Place::At(self.next);
        }
        match self.waiting {
            _ if last => {}
            None => {
                self.waiting = Some((now, lag));
                return Place::Wait;
            }
            Some((since, _)) if now.saturating_sub(since) < WAIT => return Place::Wait,
            Some((_, before)) if before.saturating_sub(lag) >= self.samples(CATCHING_UP) => {
                self.waiting = Some((now, lag));
                return Place::Wait;
            }
            Some(_) => {}
        }
        self.waiting = None;
        Place::At(self.next + lag)
    }

    /// The leg ends here now.
    pub(super) fn advance_to(&mut self, next: u64) {
        self.next = next;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A leg at 8 kHz in a time of its own, which is looked at whenever something comes, and every 20 ms.
    struct Sim {
        timeline: Timeline,
        now_ms: u64,
        arrived_ms: u64,
        waiting: u64,
        /// Where frames went: position and samples. What follows without a gap is one stretch.
        stretches: Vec<(u64, u64)>,
    }

    impl Sim {
        fn new() -> Sim {
            let timeline = Timeline::new(Rate::new(8_000).expect("a rate"), 0);
            Sim { timeline, now_ms: 0, arrived_ms: 0, waiting: 0, stretches: vec![] }
        }

        fn look(&mut self, last: bool) {
            let ms = Duration::from_millis;
            if self.waiting == 0 {
                return;
            }
            let place = self.timeline.place(ms(self.now_ms), ms(self.arrived_ms), self.waiting, last);
            let Place::At(position) = place else { return };
            match self.stretches.last_mut() {
                Some((from, samples)) if *from + *samples == position => *samples += self.waiting,
                Some((from, samples)) => {
                    assert!(position > *from + *samples, "nothing goes back");
                    self.stretches.push((position, self.waiting));
                }
                None => self.stretches.push((position, self.waiting)),
            }
            self.timeline.advance_to(position + self.waiting);
            self.waiting = 0;
        }

        fn pass_until(&mut self, ms: u64) {
            while self.now_ms / 20 < ms / 20 {
                self.now_ms = (self.now_ms / 20 + 1) * 20;
                self.look(false);
            }
            self.now_ms = ms;
        }

        /// A frame of 20 ms comes.
        fn frame_at(&mut self, ms: u64) {
            self.pass_until(ms);
            (self.arrived_ms, self.waiting) = (ms, self.waiting + 160);
            self.look(false);
        }

        fn end(mut self) -> Vec<(u64, u64)> {
            self.pass_until(self.now_ms + 200);
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
        assert_eq!(sim.end(), [(1_200, 8_000)]);
    }

    #[test]
    fn a_clock_that_is_slow_costs_a_gap_now_and_then_and_one_that_is_fast_is_put_right_by_a_pause() {
        let mut slow = Sim::new();
        // 1,000 ppm: 20.02 ms a frame, for ten minutes.
        (1..=30_000u64).for_each(|frame| slow.frame_at(frame * 20_020 / 1_000));
        let stretches = slow.end();
        let (from, samples) = stretches[stretches.len() - 1];
        assert!((5..=15).contains(&stretches.len()), "{stretches:?}");
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
        assert_eq!(sim.waiting, 160);
        sim.look(true);
        assert_eq!(sim.stretches, [(0, 800), (980 * 8, 160)]);
    }
}
