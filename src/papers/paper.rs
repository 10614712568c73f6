//! What a paper is: a title, and parts with their headings. It is written as Markdown, which is text that anybody can read.

use fluent_bundle::{FluentArgs, FluentValue};
use serde::Serialize;

use crate::{
    facts::{Facts, values},
    text::{Language, Texts},
};

/// A part of a paper.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Part {
    /// Its heading; none for what stands under the title.
    pub heading: Option<String>,
    /// Its paragraphs.
    pub text: Vec<String>,
}

/// A paper.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Paper {
    /// In which language.
    pub language: Language,
    /// What it is called.
    pub title: String,
    /// Its parts, in their order.
    pub parts: Vec<Part>,
}

impl Paper {
    /// As Markdown.
    pub fn markdown(&self) -> String {
        let mut text = format!("# {}\n", self.title);
        for Part { heading, text: paragraphs } in &self.parts {
            if let Some(heading) = heading {
                text.push_str(&format!("\n## {heading}\n"));
            }
            for paragraph in paragraphs {
                text.push_str(&format!("\n{paragraph}\n"));
            }
        }
        text
    }
}

/// Writes messages of one language, filled with what a desk does.
pub(crate) struct Writer {
    pub language: Language,
    texts: Texts,
    values: FluentArgs<'static>,
}

impl Writer {
    pub(crate) fn new(facts: &Facts, language: Language) -> Writer {
        let texts = Texts::of(language);
        let values = values(facts, language, &texts);
        Writer { language, texts, values }
    }

    /// A message.
    pub(crate) fn say(&self, key: &str) -> String {
        self.texts.say(key, &self.values)
    }

    /// A value that is text, as it is.
    pub(crate) fn value(&self, name: &str) -> String {
        match self.values.get(name) {
            Some(FluentValue::String(text)) => text.to_string(),
            _ => String::new(),
        }
    }

    /// A message, with values of its own.
    pub(crate) fn say_with(&self, key: &str, own: &[(&'static str, String)]) -> String {
        let mut values = self.copied();
        own.iter().for_each(|(name, value)| values.set(*name, value.clone()));
        self.texts.say(key, &values)
    }

    /// A message with one number of its own.
    pub(crate) fn count(&self, key: &str, name: &'static str, count: u64) -> String {
        let mut values = self.copied();
        values.set(name, count);
        self.texts.say(key, &values)
    }

    fn copied(&self) -> FluentArgs<'_> {
        self.values.iter().map(|(name, value)| (name, value.clone())).collect()
    }

    pub(crate) fn part(&self, heading: Option<&str>, keys: &[&str]) -> Part {
        Part { heading: heading.map(|key| self.say(key)), text: keys.iter().map(|key| self.say(key)).collect() }
    }

    pub(crate) fn paper(&self, title: &str, parts: Vec<Part>) -> Paper {
        Paper { language: self.language, title: self.say(title), parts }
    }

    /// The line that says which version of the policy it is.
    pub(crate) fn version(&self, facts: &Facts) -> String {
        self.say(if facts.in_force.since.is_some() { "version" } else { "version-next" })
    }
}
