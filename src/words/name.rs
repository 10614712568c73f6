//! Names and other text from outside that people get to see.
//!
//! Belongs here: which names are valid, and how text is shown. Does not: whose name it is, tables, logs.
//!
//! Two names that look alike must be one name, or one agent's press could be taken for another's. So a name is kept in Unicode's form NFC, and
//! invisible characters are refused. Letters of two alphabets that look alike (a Latin and a Cyrillic `a`) are not told apart.

use std::{borrow::Cow, fmt};

use icu_normalizer::ComposingNormalizerBorrowed;
use icu_properties::{
    CodePointMapData, CodePointSetData,
    props::{DefaultIgnorableCodePoint, GeneralCategory, GeneralCategoryGroup},
};

/// The longest name of an agent, and the longest number of a customer, in characters.
pub const AGENT_CHARS_MAX: usize = 64;
/// The most accents on one letter, by Unicode's advice (UTS 39, 5.4). More of them cover the lines above and below.
const ACCENTS_MAX: usize = 4;
/// Characters that are symbols by their category, but look like nothing or like one another: the blank of Braille, the object replacement, the
/// replacement of unreadable text.
const EMPTY_SYMBOLS: [char; 3] = ['\u{2800}', '\u{fffc}', '\u{fffd}'];

/// Why a text is no name. The words continue "the name …", and never quote it: it could be a customer's number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NameError {
    /// It is empty, or too long.
    Length,
    /// This character is invisible, or moves the text around it.
    Unseen(char),
    /// A blank at its begin or end, two in a row, or another blank than the space bar's.
    Blanks,
    /// An accent without a letter, or too many on one letter to be told apart.
    Accents,
}

impl fmt::Display for NameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            NameError::Length => write!(f, "must have 1 to {AGENT_CHARS_MAX} characters"),
            NameError::Unseen(c) => {
                write!(f, "must not hold U+{:04X}: it can't be seen, or moves the text around it", u32::from(*c))
            }
            NameError::Blanks => {
                f.write_str("must not begin or end with a blank, nor hold two in a row or any other than U+0020")
            }
            NameError::Accents => {
                f.write_str("must not hold an accent without a letter, twice, or more than four on one")
            }
        }
    }
}

impl std::error::Error for NameError {}

/// Reads a name in its one form (NFC), which is the same for all spellings of it.
///
/// # Errors [`NameError`] if people could not tell it from another name by looking at it.
///
/// ```
/// use retrocall_words::{NameError, name};
///
/// assert_eq!(name("Zoe\u{301} de Vries"), name("Zo\u{e9} de Vries"));
/// assert_eq!(name("an\u{200b}na"), Err(NameError::Unseen('\u{200b}')));
/// ```
pub fn name(text: &str) -> Result<String, NameError> {
    // Checked before normalising, which takes time for long texts and shortens no name to less than a third.
    if text.chars().nth(3 * AGENT_CHARS_MAX).is_some() {
        return Err(NameError::Length);
    }
    let name = ComposingNormalizerBorrowed::new_nfc().normalize(text);
    if !(1..=AGENT_CHARS_MAX).contains(&name.chars().count()) {
        return Err(NameError::Length);
    }
    let category = CodePointMapData::<GeneralCategory>::new();
    // As if a blank stood before and behind it.
    let (mut before, mut accents) = (' ', 0);
    for c in name.chars() {
        let of = category.get(c);
        if GeneralCategoryGroup::SpaceSeparator.contains(of) {
            if c != ' ' || before == ' ' {
                return Err(NameError::Blanks);
            }
        } else if is_unseen(c) {
            return Err(NameError::Unseen(c));
        }
        accents = if GeneralCategoryGroup::Mark.contains(of) { accents + 1 } else { 0 };
        if accents > 0 && (before == ' ' || before == c || accents > ACCENTS_MAX) {
            return Err(NameError::Accents);
        }
        before = c;
    }
    if before == ' ' { Err(NameError::Blanks) } else { Ok(name.into_owned()) }
}

/// Text from outside, safe in one line of a table, a log or a notification: characters that are invisible or move the text around them are shown
/// by their number, as `\u{202e}`.
///
/// ```
/// assert_eq!(retrocall_words::shown("\u{202e}anna"), "\\u{202e}anna");
/// ```
pub fn shown(text: &str) -> Cow<'_, str> {
    escaped(text, "", |c, shown| shown.extend(c.escape_unicode()))
}

/// The same for whole lines. Keeps their ends, and the colours of a log, if it has any.
pub fn shown_lines(lines: &str, has_colors: bool) -> Cow<'_, str> {
    escaped(lines, if has_colors { "\n\u{1b}" } else { "\n" }, |c, shown| shown.extend(c.escape_unicode()))
}

/// JSON whose strings hold text from outside, safe to print: the same value, with invisible characters escaped.
pub fn shown_json(json: &str) -> Cow<'_, str> {
    escaped(json, "", |c, shown| {
        for unit in c.encode_utf16(&mut [0; 2]) {
            shown.push_str(&format!("\\u{unit:04x}"));
        }
    })
}

/// Escapes the invisible characters of a text, except those `left` as they are.
fn escaped<'t>(text: &'t str, left: &str, escape: impl Fn(char, &mut String)) -> Cow<'t, str> {
    let is_unseen = |c: char| is_unseen(c) && !left.contains(c);
    if !text.chars().any(is_unseen) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(2 * text.len());
    for c in text.chars() {
        if is_unseen(c) { escape(c, &mut shown) } else { shown.push(c) }
    }
    Cow::Owned(shown)
}

/// Whether a character is invisible or has no known look: controls, formats (they reorder, join and part), characters without a meaning yet or
/// with a private one, other line ends, and those that Unicode says to ignore (tags, variation selectors, fillers).
fn is_unseen(c: char) -> bool {
    const IGNORED: icu_properties::CodePointSetDataBorrowed<'static> =
        CodePointSetData::new::<DefaultIgnorableCodePoint>();
    if (' '..='~').contains(&c) {
        return false;
    }
    let of = CodePointMapData::<GeneralCategory>::new().get(c);
    GeneralCategoryGroup::Other.contains(of)
        || matches!(of, GeneralCategory::LineSeparator | GeneralCategory::ParagraphSeparator)
        || IGNORED.contains(c)
        || EMPTY_SYMBOLS.contains(&c)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_people_are_taken_and_have_one_form() {
        for plain in [
            "anna",
            "J. Jansen-O'Neill",
            "Zoé de Vries",
            "Łukasz",
            "Øyvind",
            "山田 太郎",
            "Анна",
            "נועה",
            "अनीता",
            "desk 7",
            "🎧",
        ] {
            assert_eq!(name(plain), Ok(plain.to_owned()), "{plain}");
            assert_eq!(shown(plain), plain);
        }
        assert_eq!(name("Zoe\u{301}"), Ok("Zoé".to_owned()));
        // Letters that Unicode has twice.
        assert_eq!(name("\u{212b}sa"), name("\u{c5}sa"));
        assert_eq!(name(&"e\u{301}".repeat(AGENT_CHARS_MAX)), Ok("é".repeat(AGENT_CHARS_MAX)));
    }

    #[test]
    fn a_name_that_looks_like_another_or_like_nothing_is_refused() {
        let unseen = [
            '\u{202e}',
            '\u{2066}',
            '\u{200b}',
            '\u{200d}',
            '\u{2028}',
            '\u{feff}',
            '\u{7}',
            '\n',
            '\u{1b}',
            '\u{9b}',
            '\u{ad}',
            '\u{34f}',
            '\u{115f}',
            '\u{3164}',
            '\u{180e}',
            '\u{fe0f}',
            '\u{e0061}',
            '\u{e0100}',
            '\u{e000}',
            '\u{378}',
            '\u{2800}',
            '\u{fffd}',
        ];
        for c in unseen {
            for text in [format!("an{c}na"), format!("{c}anna"), format!("anna{c}"), c.to_string()] {
                assert_eq!(name(&text), Err(NameError::Unseen(c)), "U+{:04X}", u32::from(c));
                assert!(!shown(&text).contains(c));
                let json = serde_json::to_string(&text).expect("JSON");
                assert!(!shown_json(&json).contains(c));
                assert_eq!(serde_json::from_str::<String>(&shown_json(&json)).expect("JSON"), text);
            }
        }
        for blanks in [" ", "  ", " anna", "anna ", "an  na", "\u{a0}", "an\u{a0}na", "an\u{3000}na", "an\u{2003}na"] {
            assert_eq!(name(blanks), Err(NameError::Blanks), "{blanks:?}");
        }
        for accents in ["\u{301}anna", "an \u{301}na", "q\u{301}\u{301}", "q\u{300}\u{301}\u{302}\u{303}\u{304}"] {
            assert_eq!(name(accents), Err(NameError::Accents), "{accents:?}");
        }
        for length in ["".to_owned(), "a".repeat(AGENT_CHARS_MAX + 1), "e\u{301}".repeat(10_000)] {
            assert_eq!(name(&length), Err(NameError::Length));
        }
    }

    #[test]
    fn nothing_that_moves_text_is_printed_whatever_is_said() {
        assert_eq!(shown("a\u{1b}[2Jb\r\n"), "a\\u{1b}[2Jb\\u{d}\\u{a}");
        assert_eq!(shown_lines("a\u{1b}[2J\u{200b}\nb\n", false), "a\\u{1b}[2J\\u{200b}\nb\n");
        assert_eq!(shown_lines("\u{1b}[32mINFO\u{1b}[0m \u{202e}\n", true), "\u{1b}[32mINFO\u{1b}[0m \\u{202e}\n");
        assert_eq!(shown_json("\"\u{e0061}\""), "\"\\udb40\\udc61\"");
        assert!(matches!(shown("plain: é, 山, 🎧"), Cow::Borrowed(_)));
    }
}
