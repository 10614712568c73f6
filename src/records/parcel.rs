//! What a site says of a recording that it delivers: all that its catalog knows, and which bytes its files have.
//!
//! Belongs here: the words that pass between a link and its centre, and what the centre takes for true of them. Does not: how they travel, where they end.

use jiff::{Timestamp, civil::Date};
use retrocall_words::{CallId, Direction, Word, book::Marks, name};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{PurposeKind, policy::Anchor, text};

/// Bytes of a part of a file, at most: one part is in memory at a time, here and there.
pub const PART_BYTES_MAX: u64 = 8 << 20;
/// More than a recording of the longest call has: 24 hours at 48 kHz are 16 GB.
const PARTS_MAX: usize = 4_096;
const FILES_MAX: usize = 64;
const ROWS_MAX: usize = 4_096;

/// A part of a file: up to [`PART_BYTES_MAX`] bytes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PartFacts {
    /// How many bytes.
    pub bytes: u64,
    /// Their SHA-256, in hexadecimal digits.
    pub sha256: String,
}

/// A file of a recording.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FileFacts {
    /// How long what it holds is.
    pub seconds: f64,
    /// Its bytes, in their order.
    pub parts: Vec<PartFacts>,
}

/// Somebody who talked for the desk.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ParcelAgent {
    /// Who.
    pub agent: String,
    /// From when in the call
    pub from_seconds: f64,
    /// until when.
    pub to_seconds: f64,
}

/// Why it exists.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ParcelPurpose {
    /// A word of [`PurposeKind`].
    pub purpose: String,
    /// The lawful basis.
    pub basis: String,
    /// What happened to it: the anchor's word, when, and the day that it names.
    pub anchors: Vec<(String, String, Option<String>)>,
}

/// The call, as the site's ledger counts it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ParcelCall {
    /// Its id.
    pub call: CallId,
    /// The day whose numbers it belongs to, and its number.
    pub day: String,
    /// None: only its recording is known.
    pub sequence: Option<i64>,
    /// When it ended.
    pub ended_at: Option<String>,
    /// How long it was.
    pub seconds: Option<f64>,
    /// Whether it was private,
    pub private: bool,
    /// whether the customer objected,
    pub objected: bool,
    /// and what was missing or late.
    pub gaps: i64,
    /// In seconds.
    pub gap_seconds: f64,
    /// Frames that came late or twice.
    pub late_frames: i64,
    /// Frames that were lost.
    pub lost_frames: i64,
    /// The call that this one continues.
    pub continues: Option<String>,
    /// Whether nobody hung up.
    pub cut_off: bool,
    /// How the customer was informed.
    pub informed: Option<String>,
    /// In which period of the draw it is.
    pub period: Option<i64>,
}

/// A recording that is delivered.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Parcel {
    /// Whose it is.
    pub site: String,
    /// Its id.
    pub recording: String,
    /// Its call.
    pub call: ParcelCall,
    /// Whose call it was when it began.
    pub agent: String,
    /// The customer's number, as it was given and in its one form, with the rule of that.
    pub customer: Option<String>,
    /// None without a number that can be made sense of.
    pub customer_form: Option<String>,
    /// By which rule.
    pub customer_rule: String,
    /// Who called whom.
    pub direction: String,
    /// When the call began.
    pub began_at: String,
    /// When what is recorded ends.
    pub ends_at: String,
    /// How long it is.
    pub seconds: Option<f64>,
    /// How much of the call was dropped before it.
    pub first_seconds: f64,
    /// Samples a second.
    pub rate: i64,
    /// Why it was selected, joined by commas.
    pub reasons: String,
    /// Bookmarks and all else that happened in it.
    pub marks: String,
    /// complete or incomplete.
    pub state: String,
    /// When it was whole.
    pub committed_at: Option<String>,
    /// The recording of the call that was cut off and went on as this one.
    pub continues: Option<String>,
    /// Its draw, in hexadecimal digits.
    pub draw: Option<String>,
    /// Who talked for the desk.
    pub agents: Vec<ParcelAgent>,
    /// Why it exists.
    pub purposes: Vec<ParcelPurpose>,
    /// Its files.
    pub files: Vec<FileFacts>,
}

fn is_time(text: &str) -> bool {
    text::parse::<Timestamp>(text).is_some()
}

fn is_hex(text: &str, digits: usize) -> bool {
    text.len() == digits && text.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte))
}

fn is_finite(number: f64) -> bool {
    number.is_finite() && number >= 0.0
}

impl Parcel {
    /// All parts with their places, both from 1.
    pub fn parts(&self) -> impl Iterator<Item = (usize, usize, &PartFacts)> {
        self.files
            .iter()
            .enumerate()
            .flat_map(|(file, facts)| facts.parts.iter().enumerate().map(move |(part, one)| (file + 1, part + 1, one)))
    }

    /// Its bytes in all.
    pub fn bytes(&self) -> u64 {
        self.parts().map(|(.., part)| part.bytes).sum()
    }

    /// What in it is not as an engine writes it: the name of the field, never what it holds.
    pub fn flaw(&self) -> Option<&'static str> {
        let call = &self.call;
        let fields: [(&'static str, bool); 20] = [
            ("recording", Uuid::parse_str(&self.recording).is_ok_and(|id| id.to_string() == self.recording)),
            ("agent", name(&self.agent).is_ok_and(|same| same == self.agent)),
            ("customer", self.customer.as_ref().is_none_or(|number| number.len() <= 256)),
            ("customer_form", self.customer_form.as_ref().is_none_or(|number| number.len() <= 64)),
            ("customer_rule", self.customer_rule.len() <= 64),
            ("direction", Direction::read(&self.direction).is_some()),
            ("began_at", is_time(&self.began_at)),
            ("ends_at", is_time(&self.ends_at)),
            ("committed_at", self.committed_at.as_deref().is_none_or(is_time)),
            ("seconds", self.seconds.is_none_or(is_finite) && is_finite(self.first_seconds)),
            ("rate", (1..=384_000).contains(&self.rate)),
            ("reasons", text::read_reasons(&self.reasons).is_some_and(|reasons| !reasons.is_empty())),
            ("marks", serde_json::from_str::<Marks>(&self.marks).is_ok()),
            ("state", ["complete", "incomplete"].contains(&&*self.state)),
            ("continues", self.continues.as_ref().is_none_or(|id| id.len() <= 64)),
            ("draw", self.draw.as_ref().is_none_or(|draw| is_hex(draw, draw.len()) && draw.len() <= 64)),
            ("call", text::parse::<Date>(&call.day).is_some() && call.ended_at.as_deref().is_none_or(is_time)),
            ("agents", self.agents.len() <= ROWS_MAX && self.agents.iter().all(is_agent)),
            ("purposes", self.purposes.len() <= ROWS_MAX && self.purposes.iter().all(is_purpose)),
            ("files", self.has_files()),
        ];
        fields.into_iter().find(|(_, is_well)| !is_well).map(|(name, _)| name)
    }

    fn has_files(&self) -> bool {
        let is_file = |file: &FileFacts| is_finite(file.seconds) && !file.parts.is_empty();
        let is_part = |(.., part): (usize, usize, &PartFacts)| {
            (1..=PART_BYTES_MAX).contains(&part.bytes) && is_hex(&part.sha256, 64)
        };
        (1..=FILES_MAX).contains(&self.files.len())
            && self.files.iter().all(is_file)
            && self.parts().count() <= PARTS_MAX
            && self.parts().all(is_part)
    }
}

fn is_agent(one: &ParcelAgent) -> bool {
    name(&one.agent).is_ok_and(|same| same == one.agent) && is_finite(one.from_seconds) && is_finite(one.to_seconds)
}

fn is_purpose(one: &ParcelPurpose) -> bool {
    let is_anchor = |(anchor, at, day): &(String, String, Option<String>)| {
        Anchor::read(anchor).is_some()
            && is_time(at)
            && day.as_deref().is_none_or(|day| text::parse::<Date>(day).is_some())
    };
    PurposeKind::read(&one.purpose).is_some() && one.basis.len() <= 400 && one.anchors.iter().all(is_anchor)
}
