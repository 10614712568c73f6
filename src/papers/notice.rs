//! The notice for customers: what is read aloud before the call, and the page that it names (article 13 GDPR).

use std::fmt;

use crate::{
    facts::Facts,
    paper::{Paper, Writer},
    text::Language,
};

/// How long the spoken notice may take, read aloud. Nobody listens longer.
pub const SPOKEN_SECONDS_MAX: f64 = 20.0;
/// How fast somebody reads who wants to be understood on a telephone.
const WORDS_PER_SECOND: f64 = 2.5;
const CHARACTERS_PER_SECOND: f64 = 15.0;

/// Why there is no spoken notice.
#[derive(Debug, Clone, PartialEq)]
pub enum SpokenError {
    /// It would name a key that does nothing.
    NoKey,
    /// It is too long, so many seconds.
    TooLong(f64),
}

impl fmt::Display for SpokenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SpokenError::NoKey => f.write_str(
                "the spoken notice says \"press 3\", and no key is wired: set `object_keys = \"3\"` in retrocall.toml, and let the PBX report \
                 the digits of the customer's leg",
            ),
            SpokenError::TooLong(seconds) => write!(
                f,
                "the spoken notice takes {seconds:.0} seconds, and nobody listens longer than {SPOKEN_SECONDS_MAX:.0}: name a shorter `page` \
                 in [papers] of retrocall.toml"
            ),
        }
    }
}

impl std::error::Error for SpokenError {}

/// How long a text takes, read aloud.
pub fn reading_seconds(text: &str) -> f64 {
    let words = text.split_whitespace().count() as f64 / WORDS_PER_SECOND;
    words.max(text.chars().count() as f64 / CHARACTERS_PER_SECOND)
}

/// What is read aloud before the call.
///
/// # Errors
/// [`SpokenError`]: it would not be true, or too long.
pub fn spoken(facts: &Facts, language: Language) -> Result<String, SpokenError> {
    let practice = &facts.practice;
    let names_a_key = practice.one_in > 0 || practice.objection_covers_record;
    if names_a_key && practice.object_keys.is_none() {
        return Err(SpokenError::NoKey);
    }
    let writer = Writer::new(facts, language);
    let keys = ["spoken-sample", "spoken-incident", "spoken-page"];
    let said: Vec<String> =
        keys.into_iter().skip(usize::from(practice.one_in == 0)).map(|key| writer.say(key)).collect();
    let said = said.join(" ");
    match reading_seconds(&said) {
        seconds if seconds > SPOKEN_SECONDS_MAX => Err(SpokenError::TooLong(seconds)),
        _ => Ok(said),
    }
}

/// The page: what is kept and why, by which criteria it goes (article 13(2)(a)), and the rights.
pub fn long_notice(facts: &Facts, language: Language) -> Paper {
    let writer = Writer::new(facts, language);
    let parts = vec![
        writer.part(None, &["notice-who"]),
        writer.part(Some("notice-memory-heading"), &["notice-memory", "notice-memory-record"]),
        writer.part(
            Some("notice-why-heading"),
            &["notice-sample", "notice-incident", "notice-request", "notice-training", "notice-other", "notice-hold"],
        ),
        writer.part(Some("notice-object-heading"), &["notice-object"]),
        writer.part(Some("notice-who-listens-heading"), &["notice-who-listens", "notice-erasure"]),
        writer.part(Some("notice-rights-heading"), &["notice-rights", "notice-complaint"]),
    ];
    writer.paper("notice-title", parts)
}

/// Both: the page, with what is read aloud as its first part.
///
/// # Errors
/// [`SpokenError`], as [`spoken`].
pub fn notice(facts: &Facts, language: Language) -> Result<Paper, SpokenError> {
    let said = spoken(facts, language)?;
    let mut paper = long_notice(facts, language);
    let heading = Some(Writer::new(facts, language).say("notice-spoken"));
    paper.parts.insert(0, crate::Part { heading, text: vec![said] });
    Ok(paper)
}
