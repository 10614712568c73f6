//! What a recording says of itself, in words: enough to know what it is if the catalog is lost.

use jiff::Timestamp;

use crate::{
    audio::Rate,
    protocol::{CallId, Direction, Reason},
};

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
    /// Why the call was selected.
    pub reasons: Vec<Reason>,
}

/// How far a recording came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    /// Its call is live, or was when the engine died.
    Running,
    /// It holds the whole call.
    Complete,
    /// The end is missing.
    Incomplete,
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
    pub reasons: Vec<Reason>,
    /// How long the file is.
    pub seconds: f64,
    pub state: State,
    /// The call's position at which the file begins: more than 0 if the oldest audio was lost.
    pub first: u64,
}

impl Comment {
    /// The facts as `key=value; `, the changing ones last.
    pub(super) fn to_text(&self) -> String {
        let direction =
            DIRECTIONS.iter().find(|(direction, _)| *direction == self.direction).map_or("", |(_, word)| word);
        let reasons = self.reasons.iter().map(|reason| reason.as_str()).collect::<Vec<_>>().join("+");
        format!(
            "call={}; direction={direction}; rate={}; reasons={reasons}; first={}; seconds={:.3}; state={}",
            self.call,
            self.rate.hz(),
            self.first,
            self.seconds,
            self.state.as_str()
        )
    }

    /// Reads what [`Comment::to_text`] wrote. Facts that a later version may add are passed over. None if one is missing or is not
    /// what it should be.
    pub(super) fn from_text(text: &str) -> Option<Comment> {
        let fact = |key: &str| {
            text.split(';')
                .find_map(|fact| fact.trim().split_once('=').filter(|(name, _)| *name == key).map(|(_, value)| value))
        };
        let reasons = fact("reasons")?.split('+').filter(|word| !word.is_empty());
        Some(Comment {
            call: fact("call")?.parse().ok()?,
            direction: DIRECTIONS.iter().find(|(_, word)| Some(*word) == fact("direction"))?.0,
            rate: Rate::new(fact("rate")?.parse().ok()?)?,
            reasons: reasons.map(reason).collect::<Option<_>>()?,
            first: fact("first")?.parse().ok()?,
            seconds: fact("seconds")?.parse().ok().filter(|seconds: &f64| seconds.is_finite())?,
            state: State::ALL.into_iter().find(|state| Some(state.as_str()) == fact("state"))?,
        })
    }
}

fn reason(word: &str) -> Option<Reason> {
    [Reason::OnDemand, Reason::Sample].into_iter().find(|reason| reason.as_str() == word)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_comment_comes_back_as_it_was_and_half_a_one_is_refused() {
        let comment = Comment {
            call: CallId::new(),
            direction: Direction::Outbound,
            rate: Rate::new(48_000).expect("a rate"),
            reasons: vec![Reason::OnDemand, Reason::Sample],
            seconds: 1234.5,
            state: State::Incomplete,
            first: u64::MAX,
        };
        let text = comment.to_text();
        assert_eq!(Comment::from_text(&text), Some(comment.clone()));
        assert_eq!(Comment::from_text(&format!("later=fact; {text}; and more")), Some(comment.clone()));
        let none = Comment { reasons: vec![], ..comment };
        assert_eq!(Comment::from_text(&none.to_text()), Some(none));
        let state = text.rfind("; state").expect("a fact");
        for length in (0..state + "; state=".len()).filter(|length| text.is_char_boundary(*length)) {
            assert_eq!(Comment::from_text(&text[..length]), None, "{}", &text[..length]);
        }
        assert_eq!(Comment::from_text(&text.replace("rate=48000", "rate=1")), None);
        assert_eq!(Comment::from_text(&text.replace("sample", "whim")), None);
    }
}
