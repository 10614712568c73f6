//! The upkeep of live calls: grace times, late presses, calls that are too long, memory that runs short.

use std::{cmp::Reverse, sync::Arc, time::Instant};

use tracing::{info, warn};

use super::{
    Engine,
    counters::Mishap,
    registry::{Entry, State},
};
use retrocall_core::heart;
use retrocall_words::{EndedBy, Event, audio::Leg};

/// A call that must shrink gives up this share of its audio at once.
const DROPPED_PART: u64 = 8;

impl Engine {
    /// One round of upkeep: a few times a second while there are calls.
    pub fn look_after(&self) {
        let now = self.clock.now();
        for entry in self.registry.next_round() {
            // A bug that strikes one call costs no other call its turn.
            heart::contain("looking after a call", || self.look_after_one(&entry, now));
        }
        if self.is_short() {
            self.make_room();
        }
    }

    /// Whether memory is short although all that waits to be wiped has been.
    pub(super) fn is_short(&self) -> bool {
        self.wiper.help(|| self.arena.is_short());
        self.arena.is_short()
    }

    fn look_after_one(&self, entry: &Entry, now: Instant) {
        let mut state = entry.state.lock();
        if state.call.is_none() {
            return;
        }
        if state.is_over(now, self.grace) {
            return match state.pressable_until {
                None => self.hang_up(entry, &mut state, Some(EndedBy::ConnectionLost)),
                Some(_) => self.settle(entry, &mut state),
            };
        }
        self.tell_of_lost_frames(entry, &mut state);
        self.keep_to_the_longest(entry, &mut state);
    }

    /// Drops the oldest audio of an unselected call that is over the limit.
    fn keep_to_the_longest(&self, entry: &Entry, state: &mut State) {
        let longest = entry.call.rate.samples(self.max_call.as_secs_f64());
        let end = entry.ring.end();
        let selected = state.call.as_ref().is_none_or(|call| call.is_selected());
        if end <= longest || selected {
            return;
        }
        entry.ring.drop_before(end - longest);
        if !std::mem::replace(&mut state.told_too_long, true) {
            let hours = self.max_call.as_secs_f64() / 3_600.0;
            info!(call = %entry.id, hours, "a call is longer than max_call: from now on it loses its oldest audio");
        }
    }

    fn tell_of_lost_frames(&self, entry: &Entry, state: &mut State) {
        let lost: u64 = Leg::ALL.map(|leg| entry.ring.counts(leg).lost_frames).iter().sum();
        if lost > state.lost_frames_told {
            let first = state.lost_frames_told == 0;
            state.lost_frames_told = lost;
            if first {
                let text =
                    "the memory for live calls is full, and frames of this call were lost: raise --memory".to_owned();
                warn!(call = %entry.id, "{text}");
                self.counters.mishap(Mishap::Memory);
                entry.listeners.tell(&Event::MemoryFull { call: entry.id, text });
            }
        }
    }

    /// Memory is short: drops the oldest audio of the largest unselected calls, until no selected call can starve.
    fn make_room(&self) {
        let mut calls: Vec<(usize, Arc<Entry>)> =
            self.registry.all().into_iter().map(|entry| (entry.ring.held_bytes(), entry)).collect();
        calls.sort_by_key(|(held, _)| Reverse(*held));
        for (held, entry) in calls {
            if !self.arena.is_short() || held == 0 {
                return;
            }
            // The lock is held until the audio has gone: a press in between would find part of its call missing.
            let state = entry.state.lock();
            if state.call.as_ref().is_some_and(|call| !call.is_selected()) {
                let (start, end) = (entry.ring.start(), entry.ring.end());
                entry.ring.drop_before(start + (end - start) / DROPPED_PART);
                warn!(call = %entry.id, "memory is short: a call loses its oldest audio; raise --memory");
            }
        }
    }
}
