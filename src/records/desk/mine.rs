//! What an agent sees of their own calls (D4), and what is told of their figures (D13).

use serde::Serialize;

use super::{NotDone, Note, Onward, Person, ProposalEntry, RecordingEntry, UseEntry};
use jiff::Timestamp;

/// Fewer calls than these, heard of one agent, tell nothing about them.
pub const HEARD_MIN: u64 = 5;

/// A recording of an agent's own.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct OwnRecording {
    /// The recording. Whether a call is in the sample is told from the next morning on.
    #[serde(flatten)]
    pub recording: RecordingEntry,
    /// Whether it is in the sample, as far as that is told.
    pub in_sample: bool,
    /// Who listened, when and why.
    pub uses: Vec<UseEntry>,
    /// What was noted, and answered.
    pub notes: Vec<Note>,
    /// Uses that need this agent's own yes, answered or not: as teaching material (D6), to judge by what they pressed for (D8).
    pub asked: Vec<ProposalEntry>,
}

/// How many of an agent's calls were heard, since their last evaluation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Heard {
    /// How many.
    pub heard: u64,
    /// Of how many calls.
    pub of: u64,
    /// Whether that is too few to judge by.
    pub too_few: bool,
}

/// What is known of an agent.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Mine {
    /// The agent.
    pub agent: String,
    /// What is kept: of a part the newest first, of all the oldest.
    pub recordings: Vec<OwnRecording>,
    /// Where the list goes on, to older ones; none if this was the last part.
    pub next: Option<Onward>,
    /// How many calls were heard.
    pub heard: Heard,
    /// Figures of this month and the one before that are over their limits: the agent is told first.
    pub unusual: Vec<super::Unusual>,
}

/// The verb of an agent who looks at their own calls.
pub trait OwnCalls {
    /// What is known of an agent: for that agent, and for the privacy officer; of the recordings a part, from behind `after` on, the newest first.
    /// `today` is when the desk's day began.
    ///
    /// # Errors
    /// Why it can't be had.
    fn mine(
        &self,
        who: &Person,
        agent: &str,
        after: Option<&Onward>,
        today: Timestamp,
        now: Timestamp,
    ) -> Result<Mine, NotDone>;

    /// The same with all recordings, the oldest first.
    ///
    /// # Errors
    /// Why it can't be had.
    fn all_mine(&self, who: &Person, agent: &str, today: Timestamp, now: Timestamp) -> Result<Mine, NotDone> {
        let mut mine = self.mine(who, agent, None, today, now)?;
        while let Some(after) = mine.next.take() {
            let more = self.mine(who, agent, Some(&after), today, now)?;
            mine.recordings.extend(more.recordings);
            mine.next = more.next;
        }
        mine.recordings.reverse();
        Ok(mine)
    }
}
