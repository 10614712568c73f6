//! Marks of a call on their way to its file: from controls, and from reading the ring.

use std::collections::BTreeMap;

use parking_lot::Mutex;

use retrocall_core::ring::Hole;
use retrocall_file::Mark;
use retrocall_words::audio::Leg;

/// How many marks of a call are remembered. Those beyond are counted.
const MARKS_MAX: usize = 10_000;

/// The marks from the controls of a call, for the commit that follows it.
#[derive(Debug, Default)]
pub struct Marks(Mutex<Vec<Mark>>);

impl Marks {
    /// Adds a mark.
    pub fn add(&self, mark: Mark) {
        let mut marks = self.0.lock();
        if marks.len() < MARKS_MAX {
            marks.push(mark);
        }
    }

    /// The marks after the first `seen`.
    pub(super) fn since(&self, seen: usize) -> Vec<Mark> {
        self.0.lock().get(seen..).unwrap_or_default().to_vec()
    }
}

/// The gaps that a commit found while reading the ring. Each is kept once, however often and in whatever pieces it is read.
#[derive(Default)]
pub(super) struct Findings {
    /// Stretches that may go on, by leg and by whether they were lost: the end of each by its begin.
    open: BTreeMap<(usize, bool), BTreeMap<u64, u64>>,
    /// The same, of stretches that are marks already.
    told: BTreeMap<(usize, bool), BTreeMap<u64, u64>>,
    count: usize,
}

impl Findings {
    pub(super) fn add(&mut self, leg: Leg, Hole { from, to, is_lost }: Hole) {
        let key = (leg.index(), is_lost);
        let is_told = |told: &BTreeMap<u64, u64>| told.range(..=from).next_back().is_some_and(|(_, end)| *end > from);
        if self.count >= MARKS_MAX || self.told.get(&key).is_some_and(is_told) {
            return;
        }
        let open = self.open.entry(key).or_default();
        let (mut from, mut to) = (from, to);
        // A stretch that touches it becomes one with it.
        while let Some((&start, &end)) = open.range(..=to).next_back().filter(|(_, end)| **end >= from) {
            open.remove(&start);
            (from, to) = (from.min(start), to.max(end));
        }
        open.insert(from, to);
    }

    /// Turns the stretches that end before `settled` into ordered marks. The ring is still to be read from there on.
    pub(super) fn settle(&mut self, settled: u64) -> Vec<Mark> {
        let mut marks = Vec::new();
        for (key, open) in &mut self.open {
            let (leg, is_lost) = (Leg::ALL[key.0], key.1);
            open.retain(|from, to| {
                let goes_on = *to >= settled;
                if !goes_on && self.count < MARKS_MAX {
                    self.count += 1;
                    self.told.entry(*key).or_default().insert(*from, *to);
                    marks.push(if is_lost { Mark::Lost(leg, *from..*to) } else { Mark::Gap(leg, *from..*to) });
                }
                goes_on
            });
        }
        marks.sort_by_key(|mark| mark.span().start);
        marks
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gap_is_told_once_however_it_is_read() {
        let mut found = Findings::default();
        let missing = |from, to| Hole { from, to, is_lost: false };
        found.add(Leg::Agent, missing(100, 200));
        found.add(Leg::Agent, missing(200, 300));
        found.add(Leg::Customer, missing(50, 60));
        found.add(Leg::Agent, Hole { from: 10, to: 20, is_lost: true });
        // More of it may follow.
        assert_eq!(found.settle(300), [Mark::Lost(Leg::Agent, 10..20), Mark::Gap(Leg::Customer, 50..60)]);
        assert_eq!(found.settle(301), [Mark::Gap(Leg::Agent, 100..300)]);
        // An erasure reads it again, from its middle.
        found.add(Leg::Agent, missing(150, 300));
        found.add(Leg::Agent, missing(400, 500));
        assert_eq!(found.settle(u64::MAX), [Mark::Gap(Leg::Agent, 400..500)]);
    }
}
