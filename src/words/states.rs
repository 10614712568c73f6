//! The states of a call, in the same words wherever they are told: live calls, answers, events, and the `begin` of a call that continues another.

use serde::{Deserialize, Serialize};

/// The states that were set for a call and hold now. The draw is not among them: nobody at the desk may know it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct CallStates {
    /// Whether record was pressed.
    pub recording: bool,
    /// Whether it is masked.
    pub masked: bool,
    /// Whether the customer is on hold.
    pub on_hold: bool,
    /// Whether it is private: nothing of it is held.
    pub private: bool,
    /// Whether the customer objects to training.
    pub objected: bool,
    /// Whether the customer wants a copy. Earlier versions did not know it.
    #[serde(default)]
    pub copy: bool,
}

impl CallStates {
    /// Each of them, with its name and whether it holds.
    pub const fn named(self) -> [(&'static str, bool); 6] {
        let CallStates { recording, masked, on_hold, private, objected, copy } = self;
        [
            ("recording", recording),
            ("masked", masked),
            ("on_hold", on_hold),
            ("private", private),
            ("objected", objected),
            ("copy", copy),
        ]
    }

    /// The states that hold in either.
    pub fn or(self, other: CallStates) -> CallStates {
        CallStates {
            recording: self.recording || other.recording,
            masked: self.masked || other.masked,
            on_hold: self.on_hold || other.on_hold,
            private: self.private || other.private,
            objected: self.objected || other.objected,
            copy: self.copy || other.copy,
        }
    }
}
