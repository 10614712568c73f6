//! The part of a recording before its samples: RIFF, `fmt `, `LIST INFO`, and the head of `data`. Written once, and changed in place.
//!
//! Ours, because `hound` writes no `LIST` chunk.

use std::fmt;

use super::label::{Comment, Label, State};

/// The longest prefix that is looked for in a file: ours has some 600 bytes.
pub(super) const PREFIX_BYTES_MAX: usize = 4_096;
/// Bytes of one stereo sample.
pub(super) const FRAME_BYTES: u64 = 4;
/// Room for the comment, so that it can be written again in place. The longest one has some 240 bytes.
const COMMENT_BYTES: usize = 256;
/// The longest name of an agent: what the socket takes has at most as many bytes.
const AGENT_BYTES_MAX: usize = 4 * crate::protocol::AGENT_CHARS_MAX;

/// The first bytes of a recording, up to its first sample.
#[derive(Debug, Clone)]
pub(super) struct Prefix {
    bytes: Vec<u8>,
    /// Where the comment is, and how much room it has.
    comment_at: usize,
    comment_bytes: usize,
}

/// Why bytes are not the beginning of a recording.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Damage {
    /// They end before the audio would begin.
    Short,
    /// They are not of a WAV file as retrocall writes it.
    Foreign(&'static str),
}

impl fmt::Display for Damage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Damage::Short => f.write_str("it ends before its audio begins"),
            Damage::Foreign(what) => write!(f, "its beginning is not that of a recording ({what})"),
        }
    }
}

impl Prefix {
    /// The prefix of a recording that has no samples yet and begins at the call's position `first`.
    pub(super) fn new(label: &Label, first: u64) -> Prefix {
        let rate = label.rate.hz();
        let mut bytes = Vec::with_capacity(1_024);
        bytes.extend(b"RIFF\0\0\0\0WAVEfmt ");
        bytes.extend(16u32.to_le_bytes());
        // Linear PCM, two channels.
        bytes.extend([1, 0, 2, 0]);
        bytes.extend(rate.to_le_bytes());
        bytes.extend((rate * FRAME_BYTES as u32).to_le_bytes());
        bytes.extend([FRAME_BYTES as u8, 0, 16, 0]);
        bytes.extend(b"LIST\0\0\0\0INFO");
        let list = bytes.len() - 4;
        field(&mut bytes, b"ISFT", concat!("retrocall ", env!("CARGO_PKG_VERSION")));
        field(&mut bytes, b"INAM", &format!("call {}", label.call));
        field(&mut bytes, b"IART", agent(&label.agent));
        field(&mut bytes, b"ICRD", &label.began_at.to_string());
        bytes.extend(b"ICMT");
        bytes.extend((COMMENT_BYTES as u32).to_le_bytes());
        let comment_at = bytes.len();
        bytes.resize(comment_at + COMMENT_BYTES, 0);
        let list_bytes = (bytes.len() - list) as u32;
        bytes[list - 4..list].copy_from_slice(&list_bytes.to_le_bytes());
        bytes.extend(b"data\0\0\0\0");
        let mut prefix = Prefix { bytes, comment_at, comment_bytes: COMMENT_BYTES };
        prefix.set_frames(0);
        prefix.set_comment(&label.comment(first, 0, State::Running));
        prefix
    }

    /// Reads the prefix at the beginning of `head`, which may be any bytes.
    pub(super) fn parse(head: &[u8]) -> Result<(Prefix, Label, Comment), Damage> {
        let mut info = Info::default();
        let mut format = None;
        let mut chunks = Chunks { of: head, at: 12 };
        match head {
            [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'A', b'V', b'E', ..] => {}
            _ if head.len() < 12 => return Err(Damage::Short),
            _ => return Err(Damage::Foreign("no RIFF WAVE")),
        }
        loop {
            let chunk = chunks.next().ok_or(Damage::Short)?;
            if chunk.name == *b"data" {
                break;
            }
            let body = chunk.body(head).ok_or(Damage::Short)?;
            match &chunk.name {
                b"fmt " => format = Some(body),
                b"LIST" if body.starts_with(b"INFO") => info.read(&head[..chunk.at + chunk.bytes], chunk.at + 4),
                _ => {}
            }
        }
        let comment = Comment::from_text(info.comment).ok_or(Damage::Foreign("no facts of a call"))?;
        let rate = comment.rate.hz();
        let format = format.and_then(|body| body.first_chunk::<16>()).ok_or(Damage::Foreign("no format"))?;
        if format[..4] != [1, 0, 2, 0] || format[4..8] != rate.to_le_bytes() || format[12..] != [4, 0, 16, 0] {
            return Err(Damage::Foreign("not the format of its facts"));
        }
        let label = Label {
            call: comment.call,
            agent: info.agent.to_owned(),
            direction: comment.direction,
            rate: comment.rate,
            began_at: info.began_at.parse().map_err(|_| Damage::Foreign("no beginning"))?,
            continues: comment.continues,
            reasons: comment.reasons.clone(),
        };
        let bytes = head[..chunks.at].to_vec();
        Ok((Prefix { bytes, comment_at: info.comment_at, comment_bytes: info.comment_bytes }, label, comment))
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// How many stereo samples the sizes speak of.
    pub(super) fn frames(&self) -> u64 {
        let at = self.bytes.len() - 4;
        self.bytes[at..].first_chunk().map_or(0, |size| u64::from(u32::from_le_bytes(*size)) / FRAME_BYTES)
    }

    /// Makes the sizes speak of so many stereo samples, at most [`super::SAMPLES_MAX`].
    pub(super) fn set_frames(&mut self, frames: u64) {
        let data = (frames.min(super::SAMPLES_MAX) * FRAME_BYTES) as u32;
        let prefix = self.bytes.len();
        self.bytes[4..8].copy_from_slice(&(data + prefix as u32 - 8).to_le_bytes());
        self.bytes[prefix - 4..].copy_from_slice(&data.to_le_bytes());
    }

    /// Writes the comment again. False if it has no room (a file of another make).
    pub(super) fn set_comment(&mut self, comment: &Comment) -> bool {
        let text = comment.to_text();
        let room = &mut self.bytes[self.comment_at..self.comment_at + self.comment_bytes];
        // One zero must end it.
        if text.len() >= room.len() {
            return false;
        }
        room.fill(0);
        room[..text.len()].copy_from_slice(text.as_bytes());
        true
    }
}

impl Label {
    /// The comment of a file of this call that begins at position `first` and has so many stereo samples.
    pub(super) fn comment(&self, first: u64, frames: u64, state: State) -> Comment {
        let reasons = self.reasons.clone();
        let seconds = self.rate.seconds(frames);
        let (call, direction, rate, continues) = (self.call, self.direction, self.rate, self.continues);
        Comment { call, direction, rate, continues, reasons, seconds, state, first }
    }
}

/// A name without what would end a field early, and not longer than a field should be.
fn agent(name: &str) -> &str {
    let name = name.split('\0').next().unwrap_or("");
    &name[..name.floor_char_boundary(AGENT_BYTES_MAX)]
}

/// Adds a field of `LIST INFO`: text that a zero ends, of an even length.
fn field(bytes: &mut Vec<u8>, name: &[u8; 4], text: &str) {
    let length = (text.len() + 1).next_multiple_of(2);
    bytes.extend(name);
    bytes.extend((length as u32).to_le_bytes());
    bytes.extend(text.as_bytes());
    bytes.resize(bytes.len() + length - text.len(), 0);
}

/// A chunk: its name, where its body begins, how long it says that is.
struct Chunk {
    name: [u8; 4],
    at: usize,
    bytes: usize,
}

impl Chunk {
    fn body<'a>(&self, of: &'a [u8]) -> Option<&'a [u8]> {
        of.get(self.at..self.at.checked_add(self.bytes)?)
    }
}

/// Walks over chunks that lie one behind the other. Every one takes at least the 8 bytes of its head, so the walk ends.
struct Chunks<'a> {
    of: &'a [u8],
    /// Where the next chunk begins; behind `data`, where its body begins.
    at: usize,
}

impl Iterator for Chunks<'_> {
    type Item = Chunk;

    fn next(&mut self) -> Option<Chunk> {
        let head = self.of.get(self.at..)?.first_chunk::<8>()?;
        let [a, b, c, d, size @ ..] = *head;
        let (name, bytes, at) = ([a, b, c, d], u32::from_le_bytes(size) as usize, self.at + 8);
        self.at = if name == *b"data" { at } else { at.checked_add(bytes)?.checked_add(bytes % 2)? };
        Some(Chunk { name, at, bytes })
    }
}

/// The fields of `LIST INFO` that are read again.
#[derive(Default)]
struct Info<'a> {
    agent: &'a str,
    began_at: &'a str,
    comment: &'a str,
    comment_at: usize,
    comment_bytes: usize,
}

impl<'a> Info<'a> {
    /// Reads the fields between `at` and the end of `head`.
    fn read(&mut self, head: &'a [u8], at: usize) {
        for chunk in (Chunks { of: head, at }) {
            let Some(body) = chunk.body(head) else { return };
            let text =
                body.split(|byte| *byte == 0).next().and_then(|text| std::str::from_utf8(text).ok()).unwrap_or("");
            match &chunk.name {
                b"IART" => self.agent = text,
                b"ICRD" => self.began_at = text,
                b"ICMT" => (self.comment, self.comment_at, self.comment_bytes) = (text, chunk.at, chunk.bytes),
                _ => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        audio::Rate,
        commit::SAMPLES_MAX,
        protocol::{CallId, Direction, Reason},
    };

    fn label(agent: &str) -> Label {
        Label {
            call: CallId::new(),
            agent: agent.to_owned(),
            direction: Direction::Inbound,
            rate: Rate::new(48_000).expect("a rate"),
            began_at: "2026-03-01T12:00:00.123456789Z".parse().expect("a time"),
            continues: Some(CallId::new()),
            reasons: vec![Reason::OnDemand, Reason::Sample],
        }
    }

    #[test]
    fn a_prefix_comes_back_as_it_was_whatever_the_agent_is_called() {
        let longest = "🎧".repeat(crate::protocol::AGENT_CHARS_MAX);
        for name in ["", "a", "bo", longest.as_str()] {
            let label = label(name);
            let mut prefix = Prefix::new(&label, 77);
            assert_eq!(prefix.bytes().len() % 2, 0);
            let largest = label.comment(u64::MAX, u64::MAX / 2, State::Incomplete);
            assert!(prefix.set_comment(&largest), "the longest comment has room");
            prefix.set_frames(SAMPLES_MAX);
            assert_eq!(prefix.frames(), SAMPLES_MAX);
            let (parsed, again, comment) = Prefix::parse(&[prefix.bytes(), &[1, 2, 3]].concat()).expect("a prefix");
            assert_eq!((parsed.bytes(), again), (prefix.bytes(), label));
            assert_eq!((comment.first, comment.state), (u64::MAX, State::Incomplete));
            for length in 0..prefix.bytes().len() {
                assert_eq!(Prefix::parse(&prefix.bytes()[..length]).err(), Some(Damage::Short), "{length} bytes");
            }
        }
    }

    #[test]
    fn a_name_that_no_field_can_hold_is_cut_and_does_no_harm() {
        for name in ["x\0y".to_owned(), "ü".repeat(3_000)] {
            let prefix = Prefix::new(&label(&name), 0);
            assert!(prefix.bytes().len() < PREFIX_BYTES_MAX);
            let (_, again, _) = Prefix::parse(prefix.bytes()).expect("a prefix");
            assert!(name.starts_with(&again.agent) && !again.agent.is_empty());
        }
    }

    #[test]
    fn a_file_of_another_make_is_told_apart() {
        let good = Prefix::new(&label("anna"), 0).bytes().to_vec();
        let at = |what: &[u8]| good.windows(what.len()).position(|window| window == what).expect("it is there");
        for (at, byte) in [
            (0, b'L'),
            (8, b'A'),
            (20, 3),
            (22, 1),
            (24, 9),
            (34, 8),
            (at(b"ICRD") + 8, b'x'),
            (at(b"direction="), b'x'),
        ] {
            let mut other = good.clone();
            other[at] = byte;
            assert!(matches!(Prefix::parse(&other), Err(Damage::Foreign(_))), "byte {at}");
        }
        assert!(matches!(Prefix::parse(b"RIFF\x04\0\0\0WAVEdata\0\0\0\0"), Err(Damage::Foreign(_))));
        assert!(matches!(Prefix::parse(b"not a WAV file at all"), Err(Damage::Foreign(_))));
    }
}
