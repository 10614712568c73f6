//! The moments of a call: what happened, and when.

use std::sync::Arc;

use crate::commit;
use retrocall_core::memory::wipe;
use retrocall_file::Mark;
use retrocall_words::{Refusal, audio::Rate};

/// How many keys a call can have, and how many presses and transfers. More are refused.
const MARKS_MAX: usize = 1_000;

/// The moments of a call, as positions in samples.
#[derive(Default)]
pub struct Marks {
    /// The marks for its recording: a commit reads them while the call goes on.
    shared: Arc<commit::Marks>,
    /// How many presses, and how many transfers.
    noted: [usize; 2],
    /// Keys of the phone, as ASCII, ordered by position. Wiped like audio: people type card numbers.
    digits: Vec<(u64, u8)>,
}

impl Marks {
    /// The marks of a call that begins.
    pub(super) fn of(agent: &str) -> Marks {
        let marks = Marks::default();
        marks.add(Mark::Agent(0, agent.to_owned()));
        marks
    }

    /// The marks for its recording.
    pub fn shared(&self) -> &Arc<commit::Marks> {
        &self.shared
    }

    pub(super) fn add(&self, mark: Mark) {
        self.shared.add(mark);
    }

    /// Notes a press by this agent: the first one, or a bookmark.
    ///
    /// # Errors [`Refusal::TooManyMarks`], as for every mark: a mark that is answered as done is there.
    pub(super) fn press(&mut self, at: u64, agent: &str) -> Result<(), Refusal> {
        room(&mut self.noted[0])?;
        self.add(Mark::Record(at, agent.to_owned()));
        Ok(())
    }

    /// Notes that the call has another agent from here on.
    pub(super) fn transfer(&mut self, at: u64, to: &str) -> Result<(), Refusal> {
        room(&mut self.noted[1])?;
        self.add(Mark::Agent(at, to.to_owned()));
        Ok(())
    }

    /// Notes a key.
    ///
    /// # Errors [`Refusal::TooManyMarks`]: a mark that is answered as done is there.
    pub(super) fn digit(&mut self, at: u64, digit: char) -> Result<(), Refusal> {
        if self.digits.len() >= MARKS_MAX {
            return Err(Refusal::TooManyMarks);
        }
        if self.digits.capacity() == 0 {
            // A growing vector would leave its old memory unwiped.
            self.digits.reserve_exact(MARKS_MAX);
        }
        // Ordered by position: a key from another connection may be ahead of a later one from the call's own.
        self.digits.insert(self.digits.partition_point(|(before, _)| *before <= at), (at, digit as u8));
        Ok(())
    }

    /// Ends the call here. Keys noted by its clock may lie a little behind: the last frames never came.
    pub(super) fn keep_within(&mut self, end: u64) {
        self.digits.iter_mut().for_each(|(at, _)| *at = end.min(*at));
    }

    pub(super) fn forget_digits_from(&mut self, from: u64) {
        let kept = self.digits.partition_point(|(at, _)| *at < from);
        wipe(&mut self.digits[kept..]);
        self.digits.truncate(kept);
    }

    /// The keys of the phone, with their times in seconds.
    pub fn digits(&self, rate: Rate) -> Vec<(f64, char)> {
        self.digits.iter().map(|(at, digit)| (rate.seconds(*at), char::from(*digit))).collect()
    }
}

fn room(noted: &mut usize) -> Result<(), Refusal> {
    *noted += 1;
    if *noted <= MARKS_MAX { Ok(()) } else { Err(Refusal::TooManyMarks) }
}

impl Drop for Marks {
    fn drop(&mut self) {
        self.forget_digits_from(0);
    }
}
