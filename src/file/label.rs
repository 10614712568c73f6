//! The facts that a recording states of itself, as text: enough to know what it is if the catalog is lost.
//!
//! Belongs here: the facts and their text. Does not: where the text stands in the file (`prefix`).

use jiff::Timestamp;

use retrocall_words::{Call, Direction, Facts, Informed, Label, Place, Reason, Word, audio::Rate, words};

words! {
    /// How much of what came of a call a file holds.
    pub enum Completeness {
        /// Its call is live, or was when the engine died.
        Running = "running",
        /// It holds all that came of the call.
        Complete = "complete",
        /// Something that came is missing: the end, or what the marks say.
        Incomplete = "incomplete",
    }
}

/// The evidence that an unpublished file which says that it is complete has all its samples, though a power cut may have come before they were synced.
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

/// A file's comment: the facts of its recording that have no field of their own, and how far the file is.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Comment {
    /// What the recording is. Its agent and when it began stand in other fields.
    pub label: Label,
    /// How long the file is; not a number if that can't be read.
    pub seconds: f64,
    pub state: Completeness,
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
    /// Of part `part` of a recording, which begins at position `first`, has so many stereo samples, and is being written.
    pub(super) fn new(label: Label, part: u32, first: u64, frames: u64) -> Comment {
        let seconds = label.call.rate.seconds(frames);
        let (state, proof) = (Completeness::Running, Proof::None);
        Comment { label, seconds, state, proof, first, part, parts: 0, gaps: 0, lost: 0 }
    }

    /// The facts as `key=value; `, the changing ones last: what stands before them has the same bytes at the same place in every version
    /// of the file, so a power cut in the middle of a change can't garble it.
    pub(super) fn to_text(&self) -> String {
        let Label { call: Call { id, facts, rate, .. }, reasons, place } = &self.label;
        let continues = facts.continues.map(|before| format!("continues={before}; ")).unwrap_or_default();
        let place = place.map(|place| format!("place={place}; ")).unwrap_or_default();
        let informed = facts.informed.map(|informed| format!("informed={}; ", informed.as_str())).unwrap_or_default();
        let reasons = reasons.iter().map(|reason| reason.as_str()).collect::<Vec<_>>().join("+");
        format!(
            "call={id}; direction={}; rate={}; part={}; first={}; {continues}{informed}{place}reasons={reasons}; seconds={:.3}; gaps={}; lost={}; \
             parts={}; sum={}; state={}",
            facts.direction.as_str(),
            rate.hz(),
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

    /// Reads what [`Comment::to_text`] wrote, with what stands in other fields. Facts that a later version may add are passed over. None if one is missing or is not
    /// what it should be.
    ///
    /// A power cut while the changing facts were written again may have left some of the new bytes and some of the old ones. Reasons are
    /// only ever added, so those that can be read are true; how far the recording came can't be read then, and so it is not whole.
    pub(super) fn from_text(text: &str, agent: &str, began_at: Timestamp) -> Option<Comment> {
        let fact = |key: &str| {
            text.split(';')
                .find_map(|fact| fact.trim().split_once('=').filter(|(name, _)| *name == key).map(|(_, value)| value))
        };
        let reasons: Vec<Reason> = fact("reasons")?.split('+').map_while(Reason::read).collect();
        // No recording is without one: what ends before it was never synced.
        if reasons.is_empty() {
            return None;
        }
        let count = |key| fact(key).and_then(|count| count.parse().ok()).unwrap_or(0);
        let facts = Facts {
            direction: Direction::read(fact("direction")?)?,
            continues: fact("continues").and_then(|before| before.parse().ok()),
            informed: fact("informed").and_then(Informed::read),
            ..Facts::of(agent)
        };
        let rate = Rate::new(fact("rate")?.parse().ok()?)?;
        Some(Comment {
            label: Label {
                call: Call { id: fact("call")?.parse().ok()?, facts, rate, began_at },
                reasons,
                place: fact("place").and_then(Place::read),
            },
            first: fact("first")?.parse().ok()?,
            part: fact("part").map_or(Some(1), |part| part.parse().ok().filter(|part| *part > 0))?,
            parts: fact("parts").and_then(|parts| parts.parse().ok()).unwrap_or(0),
            gaps: count("gaps"),
            lost: count("lost"),
            proof: fact("sum").map_or(Proof::None, Proof::from_text),
            seconds: fact("seconds").and_then(|seconds| seconds.parse().ok()).unwrap_or(f64::NAN),
            state: fact("state").and_then(Completeness::read).unwrap_or(Completeness::Running),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use retrocall_words::CallId;

    fn label(reasons: &[Reason]) -> Label {
        let facts = Facts::example();
        let rate = Rate::new(48_000).expect("a rate");
        let call = Call { id: CallId::new(), facts, rate, began_at: Timestamp::UNIX_EPOCH };
        let place = Some(Place { day: jiff::civil::date(2026, 11, 28), sequence: 1_024 });
        Label { call, reasons: reasons.to_vec(), place }
    }

    fn read(text: &str) -> Option<Comment> {
        Comment::from_text(text, "anna", Timestamp::UNIX_EPOCH)
    }

    fn comment() -> Comment {
        Comment {
            label: label(&Reason::ALL),
            seconds: 1234.5,
            state: Completeness::Incomplete,
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
        assert_eq!(read(&text), Some(comment.clone()));
        assert_eq!(read(&format!("later=fact; {text}; and more")), Some(comment.clone()));
        let none = Comment { label: label(&[]), ..comment };
        assert_eq!(read(&none.to_text()), None, "nothing is kept without a reason");
        for length in 0..text.find("; reasons=on-demand").expect("a fact") + "; reasons=on-demand".len() {
            assert_eq!(read(&text[..length]), None, "{}", &text[..length]);
        }
        assert_eq!(read(&text.replace("rate=48000", "rate=1")), None);
        assert_eq!(read(&text.replace("on-demand", "whim")), None);
    }

    #[test]
    fn every_direction_reason_and_state_comes_back_from_the_file() {
        for direction in Direction::ALL {
            for reason in Reason::ALL {
                for state in Completeness::ALL {
                    let mut comment = Comment { label: label(&[reason]), state, ..comment() };
                    comment.label.call.facts.direction = direction;
                    assert_eq!(read(&comment.to_text()), Some(comment));
                }
            }
        }
    }

    /// A power cut can leave any beginning, or any end, of the new text on disk.
    #[test]
    fn a_comment_that_a_power_cut_left_half_changed_still_says_whose_recording_it_is_and_never_that_it_is_whole() {
        let padded = |comment: &Comment| {
            let mut text = comment.to_text();
            text.extend(std::iter::repeat_n(' ', 360 - text.len()));
            text
        };
        let (state, proof) = (Completeness::Running, Proof::None);
        let label = label(&[Reason::OnDemand]);
        let old = Comment { label: label.clone(), seconds: 9.875, state, proof, parts: 0, ..comment() };
        for (reasons, seconds, parts, proof, state) in [
            (vec![Reason::OnDemand], 10.0, 0, Proof::None, Completeness::Running),
            (vec![Reason::OnDemand, Reason::Sample], 10.0, 0, Proof::None, Completeness::Running),
            (vec![Reason::OnDemand, Reason::Sample], 9.875, 12, Proof::Sum(0x1234_5678), Completeness::Complete),
            (vec![Reason::OnDemand], 9.875, 4, Proof::Sum(0xdead_beef), Completeness::Complete),
            (vec![Reason::OnDemand], 0.0, 0, Proof::SyncedBefore, Completeness::Running),
            (vec![Reason::OnDemand], 0.0, 1, Proof::None, Completeness::Incomplete),
        ] {
            let label = Label { reasons, ..label.clone() };
            let new = Comment { label, seconds, parts, proof, state, ..old.clone() };
            let versions = [padded(&old), padded(&new)];
            for at in 0..360 {
                for [before, after] in [[0, 1], [1, 0]] {
                    let torn = format!("{}{}", &versions[before][..at], &versions[after][at..]);
                    let read = read(&torn).unwrap_or_else(|| panic!("{torn}"));
                    assert_eq!(
                        (&read.label.call, read.first, read.part),
                        (&old.label.call, old.first, old.part),
                        "{torn}"
                    );
                    assert!([&old, &new].iter().any(|of| read.label.reasons == of.label.reasons), "{torn}");
                    let is_proved = read.state == Completeness::Complete && read.proof != Proof::None;
                    assert!(!is_proved || (new.state, new.proof) == (read.state, read.proof), "{torn}");
                }
            }
        }
    }
}
