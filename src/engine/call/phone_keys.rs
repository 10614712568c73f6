//! Keys of the phone that do something, pressed one after the other on one leg.
//!
//! Belongs here: whether a sequence is complete. Does not: what it does, keys as marks of a recording.
//!
//! Only how far the sequence has come is remembered, never the keys themselves: people type card numbers.

use std::time::{Duration, Instant};

use retrocall_settings::{PHONE_KEYS_MAX, PhoneKeys};

/// Keys further apart than this do not belong together.
const APART_MAX: Duration = Duration::from_secs(3);

/// How far a sequence has come.
#[derive(Debug, Default)]
pub(super) struct Sequence {
    /// How many of its keys were pressed last, in their order.
    pressed: usize,
    last: Option<Instant>,
}

impl Sequence {
    /// A key was pressed. Returns whether that completes the sequence; then it begins again.
    pub(super) fn press(&mut self, keys: PhoneKeys, key: char, now: Instant) -> bool {
        let keys = keys.as_bytes();
        let is_late = self.last.is_some_and(|last| now.saturating_duration_since(last) > APART_MAX);
        let before = if is_late { 0 } else { self.pressed.min(keys.len() - 1) };
        // What was pressed is the beginning of the sequence, and this key. The longest end of it that begins the sequence counts.
        let mut pressed = [0; PHONE_KEYS_MAX];
        pressed[..before].copy_from_slice(&keys[..before]);
        pressed[before] = u8::try_from(key).unwrap_or(0);
        let pressed = &pressed[..=before];
        self.pressed = (1..=pressed.len()).rev().find(|count| pressed.ends_with(&keys[..*count])).unwrap_or(0);
        self.last = Some(now);
        let is_complete = self.pressed == keys.len();
        if is_complete {
            self.forget();
        }
        is_complete
    }

    /// Begins again: the keys before are not to be known.
    pub(super) fn forget(&mut self) {
        *self = Sequence::default();
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;
    use retrocall_words::{Clock as _, SystemClock};

    fn completed(keys: &str, pressed: &str) -> Vec<usize> {
        let (mut sequence, now) = (Sequence::default(), SystemClock.now());
        let keys = keys.parse().expect("keys");
        (1..).zip(pressed.chars()).filter_map(|(at, key)| sequence.press(keys, key, now).then_some(at)).collect()
    }

    #[test]
    fn keys_count_when_they_are_pressed_one_after_the_other_whatever_came_before() {
        assert_eq!(completed("3", "1233"), [3, 4]);
        assert_eq!(completed("*7", "7*7"), [3]);
        assert_eq!(completed("*7", "**7*17"), [3]);
        assert_eq!(completed("1121", "11121121"), [5]);
        assert_eq!(completed("12345678", "12345671234567812345678"), [15, 23]);
        assert_eq!(completed("*7", ""), Vec::<usize>::new());
    }

    #[test]
    fn a_key_long_after_the_one_before_begins_anew() {
        let (mut sequence, now) = (Sequence::default(), SystemClock.now());
        let keys = "*7".parse().expect("keys");
        assert!(!sequence.press(keys, '*', now));
        assert!(!sequence.press(keys, '7', now + APART_MAX + Duration::from_millis(1)));
        assert!(!sequence.press(keys, '*', now + 2 * APART_MAX));
        assert!(sequence.press(keys, '7', now + 3 * APART_MAX));
        assert!(!sequence.press(keys, '*', now + 3 * APART_MAX));
        sequence.forget();
        assert!(!sequence.press(keys, '7', now + 3 * APART_MAX));
    }
}
