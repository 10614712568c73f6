//! Why keys can't be had, and what to do instead.

use std::fmt;

use retrocall_settings::KeyCombo;

/// Why keys can't be had.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HotkeyError {
    /// There is no desktop to take keys from.
    NoDisplay {
        /// What the system said.
        cause: String,
    },
    /// Another program has grabbed these keys.
    Held {
        /// Which.
        combo: KeyCombo,
        /// Whether it is a `retrocall hotkey`.
        by_us: bool,
    },
    /// This keyboard does not have one of the keys.
    NoKey {
        /// Of which keys.
        combo: KeyCombo,
        /// The one it does not have.
        missing: &'static str,
    },
    /// The desktop lacks something.
    Unable {
        /// What it lacks.
        what: String,
    },
    /// The desktop went away.
    Gone {
        /// What the system said.
        cause: String,
    },
}

/// The way that always works: every desktop, keypad and stream deck can run a command.
const BIND_A_COMMAND: &str = "let the desktop, keypad or stream deck run `retrocall record` instead (docs/hotkey.md)";
const OTHER_KEYS: &str = "choose other keys, in [hotkey] in retrocall.toml or with a flag";

impl HotkeyError {
    /// Why, in words.
    pub fn cause(&self) -> String {
        match self {
            HotkeyError::NoDisplay { cause } => format!("there is no display to take keys from ({cause})"),
            HotkeyError::Held { combo, by_us: true } => {
                format!("another `retrocall hotkey` has {combo} on this display")
            }
            HotkeyError::Held { combo, by_us: false } => format!("another program has {combo}"),
            HotkeyError::NoKey { combo, missing } => {
                format!("this keyboard has no key `{missing}`, so that {combo} can't be pressed")
            }
            HotkeyError::Unable { what } => format!("the desktop can't give keys ({what})"),
            HotkeyError::Gone { cause } => format!("the display is gone ({cause})"),
        }
    }

    /// What to do about it.
    pub fn next_step(&self) -> String {
        match self {
            HotkeyError::NoDisplay { .. } => {
                format!(
                    "connect to the display first, by running it in the agent's desktop session, or {BIND_A_COMMAND}"
                )
            }
            HotkeyError::Held { by_us: true, .. } => "end one of them, one is enough".to_owned(),
            HotkeyError::Held { by_us: false, .. } => format!("{OTHER_KEYS}, or {BIND_A_COMMAND}"),
            HotkeyError::NoKey { .. } => OTHER_KEYS.to_owned(),
            HotkeyError::Unable { .. } => BIND_A_COMMAND.to_owned(),
            HotkeyError::Gone { .. } => "start `retrocall hotkey` again when it is back".to_owned(),
        }
    }
}

impl fmt::Display for HotkeyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.cause(), self.next_step())
    }
}

impl std::error::Error for HotkeyError {}
