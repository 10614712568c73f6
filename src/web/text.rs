//! The words on the pages, in English and Dutch: messages by their keys, in files of their own.

use std::sync::LazyLock;

use fluent_bundle::{FluentArgs, FluentResource, FluentValue, concurrent::FluentBundle};
use retrocall_words::Word as _;

retrocall_words::words! {
    /// In which language a page is.
    pub enum Language {
        /// English.
        En = "en",
        /// Dutch.
        Nl = "nl",
    }
}

/// The files of a language.
const FILES: usize = 10;

impl Language {
    const fn sources(self) -> [&'static str; FILES] {
        match self {
            Language::En => [
                include_str!("texts/en/words.ftl"),
                include_str!("texts/en/frame.ftl"),
                include_str!("texts/en/next.ftl"),
                include_str!("texts/en/mine.ftl"),
                include_str!("texts/en/live.ftl"),
                include_str!("texts/en/cases.ftl"),
                include_str!("texts/en/decisions.ftl"),
                include_str!("texts/en/check.ftl"),
                include_str!("texts/en/requests.ftl"),
                include_str!("texts/en/holds.ftl"),
            ],
            Language::Nl => [
                include_str!("texts/nl/words.ftl"),
                include_str!("texts/nl/frame.ftl"),
                include_str!("texts/nl/next.ftl"),
                include_str!("texts/nl/mine.ftl"),
                include_str!("texts/nl/live.ftl"),
                include_str!("texts/nl/cases.ftl"),
                include_str!("texts/nl/decisions.ftl"),
                include_str!("texts/nl/check.ftl"),
                include_str!("texts/nl/requests.ftl"),
                include_str!("texts/nl/holds.ftl"),
            ],
        }
    }

    /// The same language, as papers have it.
    pub(crate) const fn of_papers(self) -> retrocall_papers::Language {
        match self {
            Language::En => retrocall_papers::Language::En,
            Language::Nl => retrocall_papers::Language::Nl,
        }
    }

    /// Its own name.
    pub(crate) const fn own_name(self) -> &'static str {
        match self {
            Language::En => "English",
            Language::Nl => "Nederlands",
        }
    }

    /// The first language of ours that a browser asks for (`Accept-Language`), by its order of preference.
    pub(crate) fn asked_for(header: &str) -> Language {
        let mut all: Vec<(f32, Language)> = Vec::new();
        for one in header.split(',') {
            let (tag, quality) = one.split_once(';').unwrap_or((one, ""));
            let quality = quality.trim().strip_prefix("q=").map_or(1.0, |quality| quality.parse().unwrap_or(0.0));
            let tag = tag.trim().split('-').next().unwrap_or_default().to_ascii_lowercase();
            all.extend(Language::read(&tag).map(|language| (quality, language)));
        }
        // Of two that are as welcome the first one named: the order of a sort that is stable.
        all.sort_by(|(one, _), (other, _)| other.total_cmp(one));
        all.first().filter(|(quality, _)| *quality > 0.0).map_or(Language::En, |(_, language)| *language)
    }

    /// The messages of this language.
    pub(crate) fn texts(self) -> &'static Texts {
        static ALL: LazyLock<[Texts; Language::ALL.len()]> = LazyLock::new(|| Language::ALL.map(Texts::of));
        &ALL[self as usize]
    }
}

/// The messages of a language.
pub(crate) struct Texts(FluentBundle<FluentResource>);

/// A value that is filled into a message.
pub(crate) type Value<'a> = (&'static str, FluentValue<'a>);

impl Texts {
    fn of(language: Language) -> Texts {
        // The tag of a language of ours is one, and a test reads all files.
        let tag = language.as_str().parse().unwrap_or_default();
        let mut bundle = FluentBundle::new_concurrent(vec![tag]);
        // Marks of direction around what is filled in would be in the way of whoever copies a text.
        bundle.set_use_isolating(false);
        for source in language.sources() {
            let resource = FluentResource::try_new(source.to_owned()).unwrap_or_else(|(readable, _)| readable);
            bundle.add_resource_overriding(resource);
        }
        Texts(bundle)
    }

    /// A message. One that is not there is its key, which a test looks for.
    pub(crate) fn say(&self, key: &str) -> String {
        self.fill(key, [])
    }

    /// A message with these values filled in.
    pub(crate) fn fill<'a, const N: usize>(&self, key: &str, values: [Value<'a>; N]) -> String {
        let values: FluentArgs<'a> = values.into_iter().collect();
        self.said(key, &values).unwrap_or_else(|_| key.to_owned())
    }

    /// The same, with what is wrong with it.
    pub(crate) fn said(&self, key: &str, values: &FluentArgs<'_>) -> Result<String, String> {
        let pattern = self.0.get_message(key).and_then(|message| message.value());
        let pattern = pattern.ok_or_else(|| format!("{key} is missing"))?;
        let mut errors = Vec::new();
        let text = self.0.format_pattern(pattern, Some(values), &mut errors).into_owned();
        match errors.first() {
            None => Ok(text),
            Some(error) => Err(format!("{key}: {error}")),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeSet, fs, path::Path};

    use super::*;

    fn keys(language: Language) -> BTreeSet<&'static str> {
        let lines = language.sources().into_iter().flat_map(str::lines);
        lines.filter_map(|line| line.split_once(" = ").or_else(|| line.split_once(" ="))).map(|(key, _)| key).collect()
    }

    /// The texts of these sources between double quotes that look like keys of messages.
    fn quoted(folder: &Path, found: &mut BTreeSet<String>) {
        for entry in fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                quoted(&path, found);
            } else if path.extension().is_some_and(|ending| ending == "rs") {
                let source = fs::read_to_string(&path).expect("a source");
                found.extend(source.split('"').map(str::to_owned));
            }
        }
    }

    #[test]
    fn both_languages_have_the_same_messages_and_each_is_used() {
        let (english, dutch) = (keys(Language::En), keys(Language::Nl));
        assert_eq!(english, dutch);
        assert!(english.len() > 50, "{}", english.len());
        let mut used = BTreeSet::new();
        quoted(Path::new(env!("CARGO_MANIFEST_DIR")), &mut used);
        // Some keys end in a word of the records, which is put behind them.
        let is_put_together = |key: &str, at: usize| {
            used.iter().any(|text| text.strip_prefix(&key[..=at]).is_some_and(|word| word.starts_with('{')))
        };
        let is_used = |key: &str| used.contains(key) || key.match_indices('-').any(|(at, _)| is_put_together(key, at));
        let unused: Vec<_> = english.iter().filter(|key| !is_used(key)).collect();
        assert!(unused.is_empty(), "{unused:?}");
    }

    #[test]
    fn every_message_is_whole_in_both_languages() {
        for language in Language::ALL {
            for source in language.sources() {
                assert!(FluentResource::try_new(source.to_owned()).is_ok(), "{language:?}");
            }
            for key in keys(language) {
                let said = language.texts().say(key);
                assert!(!said.trim().is_empty(), "{key}");
            }
        }
    }

    #[test]
    fn a_browser_gets_the_language_that_it_asks_for_first() {
        for (header, language) in [
            ("nl-NL,nl;q=0.9,en;q=0.8", Language::Nl),
            ("en-GB,en;q=0.9,nl;q=0.8", Language::En),
            ("fr, nl;q=0.5", Language::Nl),
            ("nl;q=0.1, en;q=0.2", Language::En),
            ("nl;q=0", Language::En),
            ("", Language::En),
            (";;;,q=,", Language::En),
        ] {
            assert_eq!(Language::asked_for(header), language, "{header}");
        }
    }
}
