//! What a desk has to say of its recordings, to whom: the notice for customers, the record of processing activities, the facts for the impact
//! assessment, the sheet for the works council, the notice for staff, letters. English and Dutch.
//!
//! Belongs here: the texts (Fluent files in `texts`), and which of them make a paper. Does not: where the facts come from; they are handed in. Every
//! figure in a paper is one of these facts, so that no paper says anything but what is done.
//!
//! To add a language: its folder in `texts`, a line in `text.rs`. To add a paper: its messages in each language, and a function that names them.
#![forbid(unsafe_code)]

mod facts;
mod letter;
mod notice;
mod paper;
mod record;
mod sheets;
#[cfg(test)]
mod tests;
mod text;

pub use facts::{Controller, Facts, InForce};
pub use letter::{Letter, LetterKind, LetterRecording};
pub use notice::{SPOKEN_SECONDS_MAX, SpokenError, long_notice, notice, reading_seconds, spoken};
pub use paper::{Paper, Part};
pub use record::{Activity, Record, record};
pub use sheets::{assessment, staff, works_council};
pub use text::Language;
