//! The bytes before the samples of a file: RIFF, `fmt `, `LIST INFO`, and the head of `data`. Written once, and changed in place.
//!
//! They fill a page, so that the samples begin at one, with room for what happens later in the call. The page is synced with the first samples.
//! Recovery must know a page that never was: a sector that was never written holds zeros, so no sector of ours ends with one.
//!
//! Our own, because `hound` writes no `LIST` chunk.
//!
//! Belongs here: the layout. Does not: what the texts in it say (`label`, `marks`).

use std::{fmt, ops::Range};

use super::{
    label::Comment,
    marks::{Log, Mark},
};

/// How long the prefix is.
pub(super) const PREFIX_BYTES: usize = 4_096;
/// Bytes of one stereo sample.
pub const FRAME_BYTES: u64 = 4;
/// The most samples of each leg that one file takes: a WAV file counts its bytes in 32 bits. Over six hours at 48 kHz, 37 at 8 kHz. A longer
/// recording goes on in another file.
pub const PART_SAMPLES_MAX: u64 = (u32::MAX as u64 - PREFIX_BYTES as u64) / FRAME_BYTES;
/// Room for the comment, so that it can be written again in place. The longest one has some 300 bytes, and whatever the agent is called the
/// first sector ends in this room.
const COMMENT_BYTES: usize = 360;
/// What a disk writes as a whole, or tears.
const SECTOR_BYTES: usize = 512;
/// The name of the chunk with the samples, and its size.
const DATA_HEAD_BYTES: usize = 8;
/// The longest name of an agent: what the socket takes has at most as many bytes.
const AGENT_BYTES_MAX: usize = 4 * retrocall_words::AGENT_CHARS_MAX;

/// The first bytes of a recording, up to its first sample.
#[derive(Debug, Clone)]
pub(super) struct Prefix {
    bytes: Vec<u8>,
    /// The room of the comment, and that of the log.
    comment: Range<usize>,
    log: Range<usize>,
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
    /// The prefix of a file of a call that has no samples yet.
    pub(super) fn new(comment: &Comment) -> Prefix {
        let call = &comment.label.call;
        let rate = call.rate.hz();
        let mut bytes = Vec::with_capacity(PREFIX_BYTES);
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
        field(&mut bytes, b"INAM", &format!("call {}", call.id));
        field(&mut bytes, b"IART", agent(&call.facts.agent));
        field(&mut bytes, b"ICRD", &call.began_at.to_string());
        let comment_room = room(&mut bytes, b"ICMT", COMMENT_BYTES);
        // All that is left, but for the head of this field and the head of the samples.
        let left = PREFIX_BYTES - bytes.len() - 8 - DATA_HEAD_BYTES;
        let log = room(&mut bytes, b"ISBJ", left);
        let list_bytes = (bytes.len() - list) as u32;
        bytes[list - 4..list].copy_from_slice(&list_bytes.to_le_bytes());
        bytes.extend(b"data\0\0\0\0");
        let mut prefix = Prefix { bytes, comment: comment_room, log };
        prefix.set_frames(0);
        prefix.set_comment(comment);
        prefix
    }

    /// Whether a file that begins so, and is so long that all of `head` should be the prefix, was never synced as a whole: what a power cut kept
    /// from the disk are zeros, to the end of a sector.
    pub(super) fn was_never_synced(head: &[u8]) -> bool {
        let ends = (1..PREFIX_BYTES / SECTOR_BYTES).map(|sector| sector * SECTOR_BYTES - 1);
        // The last sector ends with a number. Before it stands a name.
        let mut ends = ends.chain([PREFIX_BYTES - DATA_HEAD_BYTES + 3]);
        let is_ours = head.iter().zip(b"RIFF").all(|(byte, ours)| byte == ours || *byte == 0);
        is_ours && (head.len() < PREFIX_BYTES || ends.any(|at| head.get(at).is_none_or(|byte| *byte == 0)))
    }

    /// Reads the prefix at the beginning of `head`, which may be any bytes, and the log in it.
    pub(super) fn parse(head: &[u8]) -> Result<(Prefix, Comment, Vec<Mark>), Damage> {
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
        let began_at = info.began_at.parse().map_err(|_| Damage::Foreign("no beginning"))?;
        let comment = Comment::from_text(info.comment, info.agent, began_at);
        let comment = comment.ok_or(Damage::Foreign("no facts of a call"))?;
        let rate = comment.label.call.rate;
        let format = format.and_then(|body| body.first_chunk::<16>()).ok_or(Damage::Foreign("no format"))?;
        if format[..4] != [1, 0, 2, 0] || format[4..8] != rate.hz().to_le_bytes() || format[12..] != [4, 0, 16, 0] {
            return Err(Damage::Foreign("not the format of its facts"));
        }
        let marks = Log::read(info.log, rate);
        let bytes = head[..chunks.at].to_vec();
        Ok((Prefix { bytes, comment: info.comment_room, log: info.log_room }, comment, marks))
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// How many stereo samples the sizes speak of.
    pub(super) fn frames(&self) -> u64 {
        let at = self.bytes.len() - 4;
        self.bytes[at..].first_chunk().map_or(0, |size| u64::from(u32::from_le_bytes(*size)) / FRAME_BYTES)
    }

    /// Makes the sizes speak of so many stereo samples, at most [`PART_SAMPLES_MAX`].
    pub(super) fn set_frames(&mut self, frames: u64) {
        let data = (frames.min(PART_SAMPLES_MAX) * FRAME_BYTES) as u32;
        let prefix = self.bytes.len();
        self.bytes[4..8].copy_from_slice(&(data + prefix as u32 - 8).to_le_bytes());
        self.bytes[prefix - 4..].copy_from_slice(&data.to_le_bytes());
    }

    /// Writes the comment again. False if it has no room (a file of another make).
    pub(super) fn set_comment(&mut self, comment: &Comment) -> bool {
        fill(&mut self.bytes[self.comment.clone()], &comment.to_text())
    }

    /// How long the text of the log can be.
    pub(super) fn log_bytes_max(&self) -> usize {
        self.log.len().saturating_sub(1)
    }

    /// Writes the log again. What does not fit is left as it was.
    pub(super) fn set_log(&mut self, log: &Log) {
        fill(&mut self.bytes[self.log.clone()], log.text());
    }
}

/// Puts a text into its room. The rest is blanks but for the zero that ends it. False if it is too long.
fn fill(room: &mut [u8], text: &str) -> bool {
    let Some((end, room)) = room.split_last_mut().filter(|(_, room)| text.len() <= room.len()) else { return false };
    room[..text.len()].copy_from_slice(text.as_bytes());
    room[text.len()..].fill(b' ');
    *end = 0;
    true
}

/// A name without what would end a field early, and not longer than a field should be.
fn agent(name: &str) -> &str {
    let name = name.split('\0').next().unwrap_or("");
    &name[..name.floor_char_boundary(AGENT_BYTES_MAX)]
}

/// Adds a field of `LIST INFO` that is written again later, and says where its text is.
fn room(bytes: &mut Vec<u8>, name: &[u8; 4], room_bytes: usize) -> Range<usize> {
    bytes.extend(name);
    bytes.extend((room_bytes as u32).to_le_bytes());
    let at = bytes.len();
    bytes.resize(at + room_bytes, b' ');
    fill(&mut bytes[at..], "");
    at..at + room_bytes
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
    comment_room: Range<usize>,
    log: &'a str,
    log_room: Range<usize>,
}

impl<'a> Info<'a> {
    /// Reads the fields between `at` and the end of `head`.
    fn read(&mut self, head: &'a [u8], at: usize) {
        for chunk in (Chunks { of: head, at }) {
            let Some(body) = chunk.body(head) else { return };
            let text = body.split(|byte| *byte == 0).next().unwrap_or(body);
            // A power cut may have left the text half written: its beginning counts.
            let text = std::str::from_utf8(text)
                .unwrap_or_else(|error| std::str::from_utf8(&text[..error.valid_up_to()]).unwrap_or(""));
            let room = chunk.at..chunk.at + chunk.bytes;
            match &chunk.name {
                b"IART" => self.agent = text,
                b"ICRD" => self.began_at = text,
                b"ICMT" => (self.comment, self.comment_room) = (text, room),
                b"ISBJ" => (self.log, self.log_room) = (text, room),
                _ => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::label::{Completeness, Proof};
    use retrocall_words::{Call, CallId, Facts, Label, Reason, audio::Rate};

    fn comment(agent: &str) -> Comment {
        let began_at = "2026-03-01T12:00:00.123456789Z".parse().expect("a time");
        let facts = Facts { agent: agent.to_owned(), ..Facts::example() };
        let call = Call { id: CallId::new(), facts, rate: Rate::new(48_000).expect("a rate"), began_at };
        Comment::new(Label { call, reasons: Reason::ALL.to_vec(), place: None }, 1, 77, 0)
    }

    /// The disk may have any sector of it, up to any byte, or not.
    #[test]
    fn a_prefix_of_which_the_disk_has_only_a_part_is_known_as_one_that_was_never_synced() {
        for name in ["", "anna", "🎧".repeat(retrocall_words::AGENT_CHARS_MAX).as_str()] {
            let whole = Prefix::new(&comment(name)).bytes().to_vec();
            for sector in 0..PREFIX_BYTES / SECTOR_BYTES {
                for kept in 0..SECTOR_BYTES {
                    let mut part = whole.clone();
                    part[sector * SECTOR_BYTES + kept..(sector + 1) * SECTOR_BYTES].fill(0);
                    assert!(Prefix::was_never_synced(&part) || part == whole, "{kept} bytes of sector {sector}");
                }
            }
            assert!(Prefix::was_never_synced(&whole[..PREFIX_BYTES - 8]));
        }
    }

    #[test]
    fn a_prefix_comes_back_as_it_was_whatever_the_agent_is_called() {
        let longest = "🎧".repeat(retrocall_words::AGENT_CHARS_MAX);
        for name in ["", "a", "bo", longest.as_str()] {
            let comment = comment(name);
            let (label, rate) = (comment.label.clone(), comment.label.call.rate);
            let mut prefix = Prefix::new(&comment);
            assert_eq!(prefix.bytes().len(), PREFIX_BYTES);
            assert!(!Prefix::was_never_synced(prefix.bytes()));
            let (state, proof, count) = (Completeness::Incomplete, Proof::Sum(u32::MAX), u64::MAX);
            let largest = Comment::new(label, u32::MAX, u64::MAX, u64::MAX / 2);
            let largest = Comment { state, proof, parts: u32::MAX, gaps: count, lost: count, ..largest };
            assert!(prefix.set_comment(&largest), "the longest comment has room");
            prefix.set_frames(PART_SAMPLES_MAX);
            assert_eq!(prefix.frames(), PART_SAMPLES_MAX);
            let mut log = Log::default();
            (0..1_000).for_each(|at| log.add(&Mark::Mask(at), rate, prefix.log_bytes_max()));
            prefix.set_log(&log);
            assert!(!Prefix::was_never_synced(prefix.bytes()));
            let (parsed, again, marks) = Prefix::parse(&[prefix.bytes(), &[1, 2, 3]].concat()).expect("a prefix");
            assert_eq!((parsed.bytes(), again), (prefix.bytes(), largest));
            assert!(marks.len() > 150 && marks[100] == Mark::Mask(100), "{}", marks.len());
            for length in 0..prefix.bytes().len() {
                assert_eq!(Prefix::parse(&prefix.bytes()[..length]).err(), Some(Damage::Short), "{length} bytes");
            }
        }
    }

    #[test]
    fn a_name_that_no_field_can_hold_is_cut_and_does_no_harm() {
        for name in ["x\0y".to_owned(), "ü".repeat(3_000)] {
            let prefix = Prefix::new(&comment(&name));
            assert_eq!(prefix.bytes().len(), PREFIX_BYTES);
            let (_, again, _) = Prefix::parse(prefix.bytes()).expect("a prefix");
            let agent = again.label.call.facts.agent;
            assert!(name.starts_with(&agent) && !agent.is_empty());
        }
    }

    #[test]
    fn a_file_of_another_make_is_told_apart() {
        let good = Prefix::new(&comment("anna")).bytes().to_vec();
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
