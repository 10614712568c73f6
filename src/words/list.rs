//! Closed lists of words: each is defined once, and is the same in JSON, files, columns and figures.

/// A word of a closed list.
pub trait Word: Copy + PartialEq + Sized + 'static {
    /// The whole list, in order.
    const WORDS: &'static [Self];

    /// The word in JSON, files, columns and figures.
    fn word(self) -> &'static str;

    /// Reads a word; none if it belongs to another list, or to a later version.
    fn read(word: &str) -> Option<Self> {
        Self::WORDS.iter().copied().find(|known| known.word() == word)
    }
}

/// Whether no two words are the same.
#[doc(hidden)]
pub const fn all_differ(words: &[&str]) -> bool {
    let mut at = 0;
    while at < words.len() {
        let mut before = 0;
        while before < at {
            if are_same(words[before].as_bytes(), words[at].as_bytes()) {
                return false;
            }
            before += 1;
        }
        at += 1;
    }
    true
}

const fn are_same(one: &[u8], other: &[u8]) -> bool {
    let mut at = 0;
    while at < one.len() && at < other.len() && one[at] == other[at] {
        at += 1;
    }
    at == one.len() && at == other.len()
}

/// Defines a closed list of words: an enum, `ALL` in order, the text of each word, and both ways through JSON. Add a word here; places that treat
/// each word by itself do not compile without it.
///
/// ```
/// retrocall_words::words! {
///     /// A colour.
///     pub enum Colour {
///         /// As grass.
///         Green = "green",
///         /// As nothing.
///         NotGreen = "not-green",
///     }
/// }
/// use retrocall_words::Word;
/// assert_eq!(Colour::ALL.map(Colour::as_str), ["green", "not-green"]);
/// assert_eq!(Colour::read("not-green"), Some(Colour::NotGreen));
/// assert_eq!(Colour::read("blue"), None);
/// ```
#[macro_export]
macro_rules! words {
    ($(#[$meta:meta])* pub enum $name:ident { $($(#[$about:meta])* $variant:ident = $word:literal),+ $(,)? }) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $name {
            $($(#[$about])* $variant),+
        }

        impl $name {
            /// All of them, in order.
            pub const ALL: [$name; [$($word),+].len()] = [$($name::$variant),+];

            /// The word in JSON, files, columns and figures.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $($name::$variant => $word),+
                }
            }
        }

        const _: () = assert!($crate::all_differ(&[$($word),+]), "two have one word");

        impl $crate::Word for $name {
            const WORDS: &'static [$name] = &$name::ALL;

            fn word(self) -> &'static str {
                self.as_str()
            }
        }

        impl $crate::serde::Serialize for $name {
            fn serialize<S: $crate::serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
                to.serialize_str(self.as_str())
            }
        }

        impl<'de> $crate::serde::Deserialize<'de> for $name {
            fn deserialize<D: $crate::serde::Deserializer<'de>>(from: D) -> Result<$name, D::Error> {
                let word = <::std::borrow::Cow<'de, str> as $crate::serde::Deserialize>::deserialize(from)?;
                // Without the unknown word, which may be anything where it was read, for example a phone number.
                let unknown = || <D::Error as $crate::serde::de::Error>::custom(concat!("not a word for ", stringify!($name)));
                <$name as $crate::Word>::read(&word).ok_or_else(unknown)
            }
        }
    };
}

#[cfg(test)]
mod tests {
    use std::fmt::Debug;

    use serde::{Serialize, de::DeserializeOwned};

    use super::Word;
    use crate::{
        Direction, EndedBy, ErrorCode, FrameError, Informed, LiveState, Origin, Reason, Refusal, Suspicion, Verb,
        Verdict,
        audio::{Codec, Leg},
        book::{Outcome, RecordingState, SilenceKind},
    };

    fn come_back<W: Word + Debug + Serialize + DeserializeOwned>() {
        for known in W::WORDS {
            let json = serde_json::to_string(known).expect("JSON");
            assert_eq!(json, format!("\"{}\"", known.word()));
            assert_eq!(serde_json::from_str::<W>(&json).ok(), Some(*known));
            assert_eq!(W::read(known.word()), Some(*known));
        }
    }

    #[test]
    fn every_word_comes_back_from_its_json() {
        come_back::<Codec>();
        come_back::<Direction>();
        come_back::<EndedBy>();
        come_back::<ErrorCode>();
        come_back::<FrameError>();
        come_back::<Informed>();
        come_back::<Leg>();
        come_back::<LiveState>();
        come_back::<Origin>();
        come_back::<Outcome>();
        come_back::<Reason>();
        come_back::<RecordingState>();
        come_back::<Refusal>();
        come_back::<SilenceKind>();
        come_back::<Suspicion>();
        come_back::<Verb>();
        come_back::<Verdict>();
    }

    #[test]
    fn two_of_one_word_are_found() {
        assert!(super::all_differ(&["a", "ab", "b", ""]) && !super::all_differ(&["a", "b", "a"]));
    }

    #[test]
    fn a_word_that_is_none_is_not_quoted() {
        let refused = serde_json::from_str::<Codec>("\"+31201234567\"").expect_err("no codec");
        assert!(!refused.to_string().contains("+31"), "{refused}");
    }
}
