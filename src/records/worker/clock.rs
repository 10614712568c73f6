//! The wall clock, as far as the records go by it: one that has jumped opens no day, no month and no period, and anchors nothing.

use retrocall_ledger::{ClockRefused, Moment};
use retrocall_words::book::{Note, Outcome};

use super::{
    super::{Trouble, ledger::Scribe},
    Worker,
};

impl Worker {
    /// Corrects, in notes that are to be written, when recordings end that were begun by a clock that is not believed: what is due counts from there.
    pub(super) fn go_by_believed_time(&mut self) {
        if !self.watch.is_well() {
            self.watch.look(&self.home);
        }
        let (now, is_refused) = (self.watch.now(), self.watch.refused().is_some());
        for note in &mut self.in_hand {
            match note {
                Note::Begun(call) if is_refused => drop(self.off_clock.insert(call.call.id)),
                Note::Ended(call) if call.outcome != Outcome::Kept => drop(self.off_clock.remove(&call.call)),
                Note::Kept(kept) if self.off_clock.remove(&kept.of.call().id) => kept.ends_at = now,
                Note::Begun(_) | Note::Ended(_) | Note::Kept(_) | Note::Selected(_) | Note::Skipped(_) => {}
            }
        }
    }

    /// Tells the ledger that the clock is not believed, once for each jump. False if there is nothing to tell.
    pub(super) async fn tell_clock(&mut self) -> Result<bool, Trouble> {
        let jump = self.watch.refused();
        if jump.is_none() || self.has_told_jump {
            self.has_told_jump &= jump.is_some();
            return Ok(false);
        }
        let (Some(jump), Some(connection), Some(author)) = (jump, &mut self.connection, &self.author) else {
            return Ok(false);
        };
        let mut scribe = Scribe::new(author, &self.lottery, self.told, self.watch.now());
        let refused = ClockRefused { wall: Moment::of(jump.shown), expected: Moment::of(jump.expected) };
        let told = async {
            let mut rows = connection.begin_writing().await?;
            scribe.clock_refused(&mut rows, refused).await?;
            let told = scribe.finish(&mut rows).await?;
            rows.commit().await?;
            Ok(told)
        };
        self.told = told.await.map_err(|error| Trouble::of(&self.path, &error))?;
        self.has_told_jump = true;
        Ok(true)
    }
}
