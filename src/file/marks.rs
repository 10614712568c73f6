//! What happened at which moment of a call, as its recording states it: a log in the file, as text.
//!
//! Each event adds an entry behind the others, and entries never change. So a power cut takes the end of the log at most.
//!
//! Belongs here: marks and their text. Does not: who makes them.

use std::{fmt::Write, ops::Range};

use retrocall_words::{
    Word,
    audio::{Leg, Rate},
};

/// What a log that is full ends with.
const MORE: &str = "more; ";

/// Something that happened, at a position in samples or over a stretch of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Mark {
    /// From here on this agent talks for the desk.
    Agent(u64, String),
    /// This agent pressed record.
    Record(u64, String),
    /// From here on it is masked.
    Mask(u64),
    /// Up to here it was masked.
    Unmask(u64),
    /// From here on it is on hold.
    Hold(u64),
    /// Up to here it was on hold.
    Resume(u64),
    /// It was erased.
    Erased(Range<u64>),
    /// Nothing came for this leg.
    Gap(Leg, Range<u64>),
    /// What came for this leg was lost: memory was full, or it could not be where it said, or it was too old.
    Lost(Leg, Range<u64>),
}

impl Mark {
    /// The positions it is about.
    pub fn span(&self) -> Range<u64> {
        match self {
            Mark::Agent(at, _) | Mark::Record(at, _) => *at..*at,
            Mark::Mask(at) | Mark::Unmask(at) | Mark::Hold(at) | Mark::Resume(at) => *at..*at,
            Mark::Erased(span) | Mark::Gap(_, span) | Mark::Lost(_, span) => span.clone(),
        }
    }

    /// As an entry of the log.
    fn to_text(&self, rate: Rate) -> String {
        let Range { start, end } = self.span();
        let mut text = seconds(start, rate);
        let (what, of) = match self {
            Mark::Agent(_, agent) => ("agent", Some(encoded(agent))),
            Mark::Record(_, agent) => ("record", Some(encoded(agent))),
            Mark::Mask(_) => ("mask", None),
            Mark::Unmask(_) => ("unmask", None),
            Mark::Hold(_) => ("hold", None),
            Mark::Resume(_) => ("resume", None),
            Mark::Erased(_) => ("erased", None),
            Mark::Gap(leg, _) => ("gap", Some(leg.as_str().to_owned())),
            Mark::Lost(leg, _) => ("lost", Some(leg.as_str().to_owned())),
        };
        if matches!(self, Mark::Erased(_) | Mark::Gap(..) | Mark::Lost(..)) {
            text = format!("{text}-{}", seconds(end, rate));
        }
        match of {
            Some(of) => format!("{text} {what}={of}"),
            None => format!("{text} {what}"),
        }
    }

    /// Reads what [`Mark::to_text`] wrote.
    fn from_text(entry: &str, rate: Rate) -> Option<Mark> {
        let (when, what) = entry.split_once(' ')?;
        let (what, of) = what.split_once('=').map_or((what, None), |(what, of)| (what, Some(of)));
        let leg = || of.and_then(Leg::read);
        match (when.split_once('-'), what) {
            (Some((from, to)), "erased" | "gap" | "lost") => {
                let span = position(from, rate)?..position(to, rate)?;
                Some(match what {
                    "erased" => Mark::Erased(span),
                    "gap" => Mark::Gap(leg()?, span),
                    _ => Mark::Lost(leg()?, span),
                })
            }
            (Some(_), _) => None,
            (None, _) => {
                let at = position(when, rate)?;
                Some(match what {
                    "agent" => Mark::Agent(at, decoded(of?)),
                    "record" => Mark::Record(at, decoded(of?)),
                    "mask" => Mark::Mask(at),
                    "unmask" => Mark::Unmask(at),
                    "hold" => Mark::Hold(at),
                    "resume" => Mark::Resume(at),
                    _ => return None,
                })
            }
        }
    }
}

/// Seconds, to the microsecond: as exact as a sample.
fn seconds(samples: u64, rate: Rate) -> String {
    let text = format!("{:.6}", rate.seconds(samples));
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

fn position(seconds: &str, rate: Rate) -> Option<u64> {
    let seconds: f64 = seconds.parse().ok()?;
    (0.0..1e9).contains(&seconds).then(|| (seconds * f64::from(rate.hz())).round() as u64)
}

/// A name without what ends an entry or a field.
fn encoded(name: &str) -> String {
    let mut text = String::with_capacity(name.len());
    for c in name.chars() {
        match c {
            '%' | ';' | '=' | '\0'..='\x1f' | '\x7f' => drop(write!(text, "%{:02X}", u32::from(c))),
            c => text.push(c),
        }
    }
    text
}

fn decoded(text: &str) -> String {
    let mut name = String::with_capacity(text.len());
    let mut pieces = text.split('%');
    name.push_str(pieces.next().unwrap_or(""));
    for piece in pieces {
        let byte = piece.get(..2).and_then(|hex| u8::from_str_radix(hex, 16).ok()).filter(u8::is_ascii);
        match byte {
            Some(byte) => {
                name.push(char::from(byte));
                name.push_str(&piece[2..]);
            }
            None => name.push_str(piece),
        }
    }
    name
}

/// The log of one file, within a room that is fixed.
#[derive(Debug, Default)]
pub(super) struct Log {
    text: String,
    is_full: bool,
}

impl Log {
    pub(super) fn text(&self) -> &str {
        &self.text
    }

    /// Adds an entry, or, once, that there is more to tell than there is room for.
    pub(super) fn add(&mut self, mark: &Mark, rate: Rate, room_bytes: usize) {
        if self.is_full {
            return;
        }
        let entry = mark.to_text(rate);
        self.is_full = self.text.len() + entry.len() + 2 + MORE.len() > room_bytes;
        if self.is_full {
            self.text.push_str(MORE);
        } else {
            self.text.push_str(&entry);
            self.text.push_str("; ");
        }
    }

    /// Reads the marks of a log. It passes over entries of a later version, and over one that a power cut left half written.
    pub(super) fn read(text: &str, rate: Rate) -> Vec<Mark> {
        let entries = text.split_inclusive(';').filter_map(|entry| entry.strip_suffix(';'));
        entries.filter_map(|entry| Mark::from_text(entry.trim(), rate)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rate() -> Rate {
        Rate::new(48_000).expect("a rate")
    }

    #[test]
    fn a_log_comes_back_as_it_was_whatever_agents_are_called() {
        let marks = [
            Mark::Agent(0, "anna; 5 mask=%3B".to_owned()),
            Mark::Record(1, "Zoë\n".to_owned()),
            Mark::Mask(48_001),
            Mark::Unmask(96_000),
            Mark::Hold(96_001),
            Mark::Resume(1 << 40),
            Mark::Erased(7..8),
            Mark::Gap(Leg::Customer, 0..960),
            Mark::Lost(Leg::Agent, 960..1_920),
        ];
        let mut log = Log::default();
        marks.iter().for_each(|mark| log.add(mark, rate(), 1_000));
        assert!(log.text().starts_with("0 agent=anna%3B 5 mask%3D%253B; 0.000021 record=Zoë%0A; 1.000021 mask; "));
        assert!(log.text().ends_with("0-0.02 gap=customer; 0.02-0.04 lost=agent; "), "{}", log.text());
        assert_eq!(Log::read(log.text(), rate()), marks);
        // Whatever a power cut left of the end.
        for length in (0..log.text().len()).filter(|at| log.text().is_char_boundary(*at)) {
            let read = Log::read(&log.text()[..length], rate());
            assert_eq!(read, marks[..read.len()]);
        }
    }

    #[test]
    fn a_log_that_is_full_says_so_and_never_outgrows_its_room() {
        let mut log = Log::default();
        for at in 0..100 {
            log.add(&Mark::Mask(at * 48_000), rate(), 64);
            assert!(log.text().len() <= 64);
        }
        assert!(log.text().ends_with("mask; more; "), "{}", log.text());
        assert!(Log::read(log.text(), rate()).len() > 3);
    }
}
