//! What a recording says of itself, in words: enough to know what it is if the catalog is lost.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use retrocall_words::{CallId, Direction, Reason, audio::Rate};

/// What a recording says of itself. Never the customer's number: a file travels further than a catalog.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Label {
    /// The call.
    pub call: CallId,
    /// Who talked for the desk.
    pub agent: String,
    /// Who called whom.
    pub direction: Direction,
    /// Samples a second.
    pub rate: Rate,
    /// When the call began, by the wall clock.
    pub began_at: Timestamp,
    /// The call before, if this one goes on where that one was cut off.
    pub continues: Option<CallId>,
    /// Why the call was selected.
    pub reasons: Vec<Reason>,
}

impl Label {
    /// When what is recorded ends: `samples` from the call's position `first` on.
    pub fn end(&self, first: u64, samples: u64) -> Timestamp {
        let long = Duration::try_from_secs_f64(self.rate.seconds(first.saturating_add(samples))).ok();
        let long = long.and_then(|long| SignedDuration::try_from(long).ok());
        long.and_then(|long| self.began_at.checked_add(long).ok()).unwrap_or(Timestamp::MAX)
    }
}

/// How far a recording came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// Its call is live, or was when the engine died.
    Running,
    /// It holds all that came of the call.
    Complete,
    /// Something that came is missing: the end, or what the marks say.
    Incomplete,
}

/// What shows that an unpublished file that says it is complete has all its samples, though a power cut may have come before they were synced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Proof {
    /// Nothing does.
    None,
    /// They were synced before it said so.
    SyncedBefore,
    /// The CRC-32 of their bytes.
    Sum(u32),
}

/// All as long, so that a power cut in the middle of a change leaves no other one.
const NO_PROOF: &str = "--------";
const SYNCED_BEFORE: &str = "unneeded";

impl Proof {
    fn to_text(self) -> String {
        match self {
            Proof::None => NO_PROOF.to_owned(),
            Proof::SyncedBefore => SYNCED_BEFORE.to_owned(),
            Proof::Sum(sum) => format!("{sum:08x}"),
        }
    }

    fn from_text(text: &str) -> Proof {
        match text {
            SYNCED_BEFORE => Proof::SyncedBefore,
            _ if text.len() == 8 => u32::from_str_radix(text, 16).map_or(Proof::None, Proof::Sum),
            _ => Proof::None,
        }
    }
}

impl State {
    const ALL: [State; 3] = [State::Running, State::Complete, State::Incomplete];

    fn as_str(self) -> &'static str {
        match self {
            State::Running => "running",
            State::Complete => "complete",
            State::Incomplete => "incomplete",
        }
    }
}

const DIRECTIONS: [(Direction, &str); 2] = [(Direction::Inbound, "inbound"), (Direction::Outbound, "outbound")];

/// The facts in a file's comment: what is not in a field of its own.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Comment {
    pub call: CallId,
    pub direction: Direction,
    pub rate: Rate,
    pub continues: Option<CallId>,
    pub reasons: Vec<Reason>,
    /// How long the file is; not a number if that can't be read.
    pub seconds: f64,
    pub state: State,
    /// Why that can be believed.
    pub proof: Proof,
    /// The call's position at which the file begins: in a first part more than 0 if the oldest audio was lost.
    pub first: u64,
    /// Which part of the recording it is, from 1.
    pub part: u32,
    /// How many parts there are; 0 while that is not known.
    pub parts: u32,
    /// Gaps of the call so far, and frames of it that were lost.
    pub gaps: u64,
    pub lost: u64,
}

impl Comment {
    /// The facts as `key=value; `, the changing ones last: what stands before them has the same bytes at the same place in every version
    /// of the file, so a power cut in the middle of a change can't garble it.
    pub(super) fn to_text(&self) -> String {
        let direction =
            DIRECTIONS.iter().find(|(direction, _)| *direction == self.direction).map_or("", |(_, word)| word);
        let continues = self.continues.map(|before| format!("continues={before}; ")).unwrap_or_default();
        let reasons = self.reasons.iter().map(|reason| reason.as_str()).collect::<Vec<_>>().join("+");
        format!(
            "call={}; direction={direction}; rate={}; part={}; first={}; {continues}reasons={reasons}; seconds={:.3}; gaps={}; lost={}; \
             parts={}; sum={}; state={}",
            self.call,
            self.rate.hz(),
            self.part,
            self.first,
            self.seconds,
            self.gaps,
            self.lost,
            self.parts,
            self.proof.to_text(),
            self.state.as_str()
        )
    }

    /// Reads what [`Comment::to_text`] wrote. Facts that a later version may add are passed over. None if one is missing or is not
    /// what it should be.
    ///
    /// A power cut while the changing facts were written again may have left some of the new bytes and some of the old ones. Reasons are
    /// only ever added, so those that can be read are true; how far the recording came can't be read then, and so it is not whole.
    pub(super) fn from_text(text: &str) -> Option<Comment> {
        let fact = |key: &str| {
            text.split(';')
                .find_map(|fact| fact.trim().split_once('=').filter(|(name, _)| *name == key).map(|(_, value)| value))
        };
        let reasons: Vec<Reason> = fact("reasons")?.split('+').map_while(reason).collect();
        // No recording is without one: what ends before it was never synced.
        if reasons.is_empty() {
            return None;
        }
        let count = |key| fact(key).and_then(|count| count.parse().ok()).unwrap_or(0);
        Some(Comment {
            call: fact("call")?.parse().ok()?,
            direction: DIRECTIONS.iter().find(|(_, word)| Some(*word) == fact("direction"))?.0,
            rate: Rate::new(fact("rate")?.parse().ok()?)?,
            first: fact("first")?.parse().ok()?,
            continues: fact("continues").and_then(|before| before.parse().ok()),
            part: fact("part").map_or(Some(1), |part| part.parse().ok().filter(|part| *part > 0))?,
            parts: fact("parts").and_then(|parts| parts.parse().ok()).unwrap_or(0),
            gaps: count("gaps"),
            lost: count("lost"),
            proof: fact("sum").map_or(Proof::None, Proof::from_text),
            reasons,
            seconds: fact("seconds").and_then(|seconds| seconds.parse().ok()).unwrap_or(f64::NAN),
            state: State::ALL.into_iter().find(|state| Some(state.as_str()) == fact("state")).unwrap_or(State::Running),
        })
    }
}

fn reason(word: &str) -> Option<Reason> {
    [Reason::OnDemand, Reason::Sample].into_iter().find(|reason| reason.as_str() == word)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn comment() -> Comment {
        Comment {
            call: CallId::new(),
            direction: Direction::Outbound,
            rate: Rate::new(48_000).expect("a rate"),
            continues: Some(CallId::new()),
            reasons: vec![Reason::OnDemand, Reason::Sample],
            seconds: 1234.5,
            state: State::Incomplete,
            proof: Proof::Sum(0xdead_beef),
            first: u64::MAX,
            part: 3,
            parts: 4,
            gaps: 17,
            lost: 1_244,
        }
    }

    #[test]
    fn a_comment_comes_back_as_it_was_and_one_of_another_make_is_refused() {
        let comment = comment();
        let text = comment.to_text();
        assert_eq!(Comment::from_text(&text), Some(comment.clone()));
        assert_eq!(Comment::from_text(&format!("later=fact; {text}; and more")), Some(comment.clone()));
        let none = Comment { reasons: vec![], ..comment };
        assert_eq!(Comment::from_text(&none.to_text()), None, "nothing is kept without a reason");
        for length in 0..text.find("; reasons=on-demand").expect("a fact") + "; reasons=on-demand".len() {
            assert_eq!(Comment::from_text(&text[..length]), None, "{}", &text[..length]);
        }
        assert_eq!(Comment::from_text(&text.replace("rate=48000", "rate=1")), None);
        assert_eq!(Comment::from_text(&text.replace("on-demand", "whim")), None);
    }

    /// A power cut can leave any beginning, or any end, of the new text on disk.
    #[test]
    fn a_comment_that_a_power_cut_left_half_changed_still_says_whose_recording_it_is_and_never_that_it_is_whole() {
        let padded = |comment: &Comment| {
            let mut text = comment.to_text();
            text.extend(std::iter::repeat_n(' ', 360 - text.len()));
            text
        };
        let (reasons, state, proof) = (vec![Reason::OnDemand], State::Running, Proof::None);
        let old = Comment { reasons, seconds: 9.875, state, proof, parts: 0, ..comment() };
        for (reasons, seconds, parts, proof, state) in [
            (vec![Reason::OnDemand], 10.0, 0, Proof::None, State::Running),
            (vec![Reason::OnDemand, Reason::Sample], 10.0, 0, Proof::None, State::Running),
            (vec![Reason::OnDemand, Reason::Sample], 9.875, 12, Proof::Sum(0x1234_5678), State::Complete),
            (vec![Reason::OnDemand], 9.875, 4, Proof::Sum(0xdead_beef), State::Complete),
            (vec![Reason::OnDemand], 0.0, 0, Proof::SyncedBefore, State::Running),
            (vec![Reason::OnDemand], 0.0, 1, Proof::None, State::Incomplete),
        ] {
            let new = Comment { reasons, seconds, parts, proof, state, ..old.clone() };
            let versions = [padded(&old), padded(&new)];
            for at in 0..360 {
                for [before, after] in [[0, 1], [1, 0]] {
                    let torn = format!("{}{}", &versions[before][..at], &versions[after][at..]);
                    let read = Comment::from_text(&torn).unwrap_or_else(|| panic!("{torn}"));
                    let (facts, expected) = (
                        (read.call, read.direction, read.rate, read.first, read.part, read.continues),
                        (old.call, old.direction, old.rate, old.first, old.part, old.continues),
                    );
                    assert_eq!(facts, expected, "{torn}");
                    assert!(read.reasons == old.reasons || read.reasons == new.reasons, "{torn}");
                    let is_proved = read.state == State::Complete && read.proof != Proof::None;
                    assert!(!is_proved || (new.state, new.proof) == (read.state, read.proof), "{torn}");
                }
            }
        }
    }
}
