//! Messages by their keys, in a language.

use fluent_bundle::{FluentArgs, FluentBundle, FluentResource};

retrocall_words::words! {
    /// In which language a paper is.
    pub enum Language {
        /// English.
        En = "en",
        /// Dutch.
        Nl = "nl",
    }
}

/// The files of a language.
const FILES: usize = 5;

impl Language {
    pub(crate) fn sources(self) -> [&'static str; FILES] {
        match self {
            Language::En => [
                include_str!("texts/en/words.ftl"),
                include_str!("texts/en/notice.ftl"),
                include_str!("texts/en/records.ftl"),
                include_str!("texts/en/desk.ftl"),
                include_str!("texts/en/letters.ftl"),
            ],
            Language::Nl => [
                include_str!("texts/nl/words.ftl"),
                include_str!("texts/nl/notice.ftl"),
                include_str!("texts/nl/records.ftl"),
                include_str!("texts/nl/desk.ftl"),
                include_str!("texts/nl/letters.ftl"),
            ],
        }
    }
}

/// The messages of a language.
pub(crate) struct Texts(FluentBundle<FluentResource>);

impl Texts {
    pub(crate) fn of(language: Language) -> Texts {
        // The tag of a language of ours is one, and a test reads all files.
        let tag = language.as_str().parse().unwrap_or_default();
        let mut bundle = FluentBundle::new(vec![tag]);
        // Marks of direction around what is filled in would be in the way of whoever compares or copies a paper.
        bundle.set_use_isolating(false);
        for source in language.sources() {
            let resource = FluentResource::try_new(source.to_owned()).unwrap_or_else(|(readable, _)| readable);
            bundle.add_resource_overriding(resource);
        }
        Texts(bundle)
    }

    /// A message with these values filled in. One that is not there is its key, which a test looks for.
    pub(crate) fn say(&self, key: &str, values: &FluentArgs<'_>) -> String {
        self.said(key, values).unwrap_or_else(|_| key.to_owned())
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
