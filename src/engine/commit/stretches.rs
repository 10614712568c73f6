//! The planned writes: stretches of the timeline, in order, none touching another.

use std::{collections::VecDeque, ops::Range};

/// Stretches of the timeline to be written. The earliest comes first, so that a file never gets a hole.
#[derive(Debug, Default)]
pub(super) struct Stretches(VecDeque<Range<u64>>);

impl Stretches {
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Adds a stretch, and joins it with those that it overlaps or touches.
    pub(super) fn add(&mut self, mut more: Range<u64>) {
        if more.is_empty() {
            return;
        }
        self.0.retain(|one| {
            let apart = one.end < more.start || more.end < one.start;
            if !apart {
                more = one.start.min(more.start)..one.end.max(more.end);
            }
            apart
        });
        let at = self.0.partition_point(|one| one.end < more.start);
        self.0.insert(at, more);
    }

    /// The beginning of the first stretch, at most `samples_max` long.
    pub(super) fn first(&self, samples_max: usize) -> Option<Range<u64>> {
        self.0.front().map(|one| one.start..one.end.min(one.start + samples_max as u64))
    }

    /// Removes a stretch from [`Stretches::first`]: it is written.
    pub(super) fn written(&mut self, done: &Range<u64>) {
        if let Some(one) = self.0.front_mut() {
            one.start = done.end;
            if one.is_empty() {
                self.0.pop_front();
            }
        }
    }

    /// Whether something in `from..to` still waits.
    pub(super) fn touch(&self, from: u64, to: u64) -> bool {
        self.0.iter().any(|one| one.start < to && from < one.end)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stretches_that_meet_become_one_and_are_given_out_from_the_earliest() {
        let mut work = Stretches::default();
        work.add(100..200);
        work.add(10..20);
        work.add(20..20);
        work.add(300..310);
        assert_eq!(work.first(1_000), Some(10..20));
        work.add(20..30);
        work.add(150..300);
        assert_eq!(work.0, [10..30, 100..310]);
        assert!(work.touch(29, 50) && !work.touch(30, 100) && work.touch(0, 1_000));
        for expected in [10..22, 22..30, 100..112] {
            assert_eq!(work.first(12), Some(expected.clone()));
            work.written(&expected);
        }
        work.add(0..500);
        assert_eq!((work.0.len(), work.first(1_000)), (1, Some(0..500)));
    }
}
