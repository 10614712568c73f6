//! Letters that answer a request.

use jiff::{Timestamp, civil::Date};

use crate::{
    facts::{Facts, day},
    paper::{Paper, Part, Writer},
    text::Language,
};

retrocall_words::words! {
    /// What a letter says.
    pub enum LetterKind {
        /// Here is a copy.
        Copy = "copy",
        /// There is nothing.
        NothingHeld = "nothing-held",
        /// It is refused, on a ground.
        Refused = "refused",
        /// It is erased.
        Erased = "erased",
    }
}

/// A recording that a letter is about.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct LetterRecording {
    /// When the call began.
    pub start: Timestamp,
    /// How long it is.
    pub seconds: Option<f64>,
    /// What it was kept for, by the purposes' words.
    pub purposes: Vec<String>,
}

/// What a letter needs to know of a request.
#[derive(Debug, Clone, PartialEq)]
pub struct Letter {
    /// What it says.
    pub kind: LetterKind,
    /// The request's id.
    pub reference: String,
    /// When it was received.
    pub received_on: Date,
    /// By when it is to be answered.
    pub due_on: Date,
    /// The day of the letter.
    pub written_on: Date,
    /// Why the answer took longer, if it did.
    pub extension: Option<String>,
    /// On which ground it was refused.
    pub ground: Option<String>,
    /// What is sent, or erased.
    pub recordings: Vec<LetterRecording>,
    /// Of an erasure: what is refused, on the ground above.
    pub refused: Vec<LetterRecording>,
    /// Of an erasure: what is granted, and waits until nothing holds it back.
    pub deferred: Vec<LetterRecording>,
    /// What was recovered without a number: every answer lists it.
    pub unnumbered: Vec<LetterRecording>,
    /// Who has a copy.
    pub recipients: Vec<String>,
}

impl Letter {
    /// The letter.
    pub fn paper(&self, facts: &Facts, language: Language) -> Paper {
        let writer = Writer::new(facts, language);
        let lines = |recordings: &[LetterRecording]| -> String {
            recordings.iter().map(|one| format!("- {}", line(&writer, facts, one))).collect::<Vec<_>>().join("\n")
        };
        let mut text = vec![day(self.written_on, language), writer.say("letter-opening")];
        text.push(writer.say_with("letter-received", &[("received", day(self.received_on, language))]));
        let ground = [("ground", self.ground.clone().unwrap_or_default())];
        match self.kind {
            LetterKind::Copy => text.push(writer.count("letter-copy", "count", self.recordings.len() as u64)),
            LetterKind::NothingHeld => text.push(writer.say("letter-nothing-held")),
            LetterKind::Refused => text.push(writer.say_with("letter-refused", &ground)),
            LetterKind::Erased => text.push(writer.count("letter-erased", "count", self.recordings.len() as u64)),
        }
        if matches!(self.kind, LetterKind::Copy | LetterKind::Erased) && !self.recordings.is_empty() {
            text.push(lines(&self.recordings));
        }
        match self.kind {
            LetterKind::Copy => text.extend(["letter-copies", "letter-how-long"].map(|key| writer.say(key))),
            LetterKind::Erased => text.push(writer.say("letter-promise")),
            LetterKind::NothingHeld | LetterKind::Refused => {}
        }
        if !self.deferred.is_empty() {
            text.push(writer.count("letter-deferred", "count", self.deferred.len() as u64));
            text.push(lines(&self.deferred));
        }
        if !self.refused.is_empty() {
            text.push(writer.say_with("letter-not-erased", &ground));
            text.push(lines(&self.refused));
        }
        if !self.recipients.is_empty() {
            let own = [("recipients", self.recipients.join(", "))];
            let erased = self.kind == LetterKind::Erased;
            text.push(writer.say_with(if erased { "letter-recipients-told" } else { "letter-recipients" }, &own));
        }
        if !self.unnumbered.is_empty() {
            text.push(writer.count("letter-unnumbered", "count", self.unnumbered.len() as u64));
            text.push(lines(&self.unnumbered));
        }
        if let Some(reason) = &self.extension {
            text.push(writer.say_with("letter-extension", &[("reason", reason.clone())]));
        }
        text.push(writer.say_with("letter-term", &[("due", day(self.due_on, language))]));
        text.push(writer.say("letter-rights"));
        text.extend(["letter-closing", "letter-sender", "letter-contact"].map(|key| writer.say(key)));
        let subject = format!("letter-subject-{}", self.kind.as_str());
        let title = writer.say_with(&subject, &[("reference", self.reference.clone())]);
        Paper { language, title, parts: vec![Part { heading: None, text }] }
    }
}

/// A recording as a letter names it.
fn line(writer: &Writer, facts: &Facts, one: &LetterRecording) -> String {
    let format = match writer.language {
        Language::En => "%Y-%m-%d %H:%M",
        Language::Nl => "%d-%m-%Y %H:%M",
    };
    let start = one.start.to_zoned_datetime(facts.calendar.zone.rules().clone()).strftime(format).to_string();
    let names: Vec<String> = one.purposes.iter().map(|purpose| writer.say(&format!("name-{purpose}"))).collect();
    let own = [
        ("start", start),
        ("has_length", if one.seconds.is_some() { "yes" } else { "no" }.to_owned()),
        ("length", writer.count("seconds", "n", one.seconds.unwrap_or_default().round() as u64)),
        ("kept_for", if names.is_empty() { "none".to_owned() } else { names.join(", ") }),
    ];
    writer.say_with("letter-line", &own)
}
