//! A private engine's report on its own memory, and the way to ask for it.
//!
//! Only the process itself can read `memfd_secret`, so only it can tell whether that is empty. This must not become a way to listen in. Three
//! things see to it:
//!
//! - an engine answers only if it was started to (`run --self-scan`, which only `retrocall prove` uses; no setting turns it on), and only on its
//!   own standard input, a pipe that only its parent holds. The local socket knows no such request;
//! - it is asked with hashes of 16 bytes, and answers with counts: no byte of memory, and no address, ever leaves;
//! - the asker salts the hashes, so that the question brings nothing of the sound into the process.
//!
//! A question is a line of JSON, followed by as many hashes as it says, eight bytes each; an answer is a line of JSON.

use std::{
    io::{self, BufRead, BufReader, Read, Write},
    process::{ChildStdin, ChildStdout},
    sync::Arc,
};

use serde::{Deserialize, Serialize};

use super::{
    files::SearchResult,
    needles::{Finder, NEEDLE_BYTES, Needles},
    process::{MemoryLook, OpenLook, Process},
};
use retrocall_core::memory::{Arena, LockedBuffer, Use, locked_ranges, look_at_locked};

/// How much is searched at once. It passes through locked memory: without `memfd_secret` it may be live audio.
const PIECE_BYTES: usize = 128 * 1024;
/// The most hashes of a question: far more than are ever asked.
const HASHES_MAX: usize = 1 << 24;
const LINE_BYTES_MAX: u64 = 4_096;

/// The first line of a question.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Question {
    salt: u64,
    hashes: usize,
}

/// A process's report on itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Look {
    /// All memory that the kernel lets the process read of itself, except the memory that audio passes through.
    pub memory: MemoryLook,
    /// The memory that audio passes through: arena and buffers, byte by byte.
    pub locked: SearchResult,
    /// Segments of the arena; none if they were in use all the while.
    pub arena: Option<SegmentsLook>,
    /// Buffers that audio passes through.
    pub buffers: BuffersLook,
    /// Open files, and the bytes that wait in sockets.
    pub open: OpenLook,
}

/// Segments of the arena.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct SegmentsLook {
    /// Held by a call.
    pub held: usize,
    /// Held by nobody: every word of these was checked.
    pub free: usize,
    /// The bytes of these.
    pub free_bytes: u64,
    /// The words of these that are neither zero nor a link.
    pub stained_words: usize,
}

/// Buffers that audio passes through.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct BuffersLook {
    /// How many.
    pub buffers: usize,
    /// Their bytes.
    pub bytes: u64,
    /// Bytes that are not zero.
    pub stained_bytes: u64,
}

/// Searches this process for `needles`.
///
/// # Errors The system's error, or there is no memory to search with.
pub fn look(arena: &Arena, needles: &Needles) -> io::Result<Look> {
    let mut scratch = LockedBuffer::new(PIECE_BYTES, true).map_err(io::Error::other)?;
    let (mut locked, mut buffers, mut finder) = (SearchResult::default(), BuffersLook::default(), Finder::new(needles));
    // Rounded up to whole words.
    look_at_locked(&mut scratch, NEEDLE_BYTES, |piece| {
        let fresh = &piece.bytes[piece.again..];
        locked.places += usize::from(piece.is_first);
        locked.bytes += fresh.len() as u64;
        finder.look_at(piece.bytes);
        if piece.what == Use::Buffer {
            buffers.buffers += usize::from(piece.is_first);
            buffers.bytes += fresh.len() as u64;
            buffers.stained_bytes += fresh.iter().filter(|byte| **byte != 0).count() as u64;
        }
    });
    locked.found = finder.found();
    let arena = arena.look().map(|look| SegmentsLook {
        held: look.held,
        free: look.free,
        free_bytes: (look.free * retrocall_core::memory::SEGMENT_BYTES) as u64,
        stained_words: look.stained_words,
    });
    let own = Process::own();
    let memory = own.look_at_memory(needles, &locked_ranges(), &mut scratch)?;
    let open = own.look_at_open(needles, &mut scratch)?;
    Ok(Look { memory, locked, arena, buffers, open })
}

/// Answers questions until their pipe closes.
///
/// # Errors The system's error, or a question that can't be read.
pub fn serve(arena: &Arc<Arena>, orders: impl Read, mut answers: impl Write) -> io::Result<()> {
    let mut orders = BufReader::new(orders);
    loop {
        let mut line = String::new();
        if orders.by_ref().take(LINE_BYTES_MAX).read_line(&mut line)? == 0 {
            return Ok(());
        }
        let order: Question = serde_json::from_str(&line)?;
        if order.hashes > HASHES_MAX {
            return Err(io::Error::other("too many hashes"));
        }
        let mut bytes = vec![0; order.hashes * 8];
        orders.read_exact(&mut bytes)?;
        let hashes = bytes.chunks_exact(8).map(|eight| u64::from_le_bytes(eight.try_into().expect("eight bytes")));
        let needles = Needles::new(order.salt, hashes.collect());
        let look = look(arena, &needles)?;
        serde_json::to_writer(&mut answers, &look)?;
        answers.write_all(b"\n")?;
        answers.flush()?;
    }
}

/// The asking end, in the parent of the engine.
pub struct Asker {
    orders: ChildStdin,
    answers: BufReader<ChildStdout>,
}

impl Asker {
    /// Asks over the pipes of an engine.
    pub fn new(orders: ChildStdin, answers: ChildStdout) -> Asker {
        Asker { orders, answers: BufReader::new(answers) }
    }

    /// Asks the engine to search itself.
    ///
    /// # Errors It is gone, or can't search itself: its log says why.
    pub fn look(&mut self, needles: &Needles) -> io::Result<Look> {
        let order = Question { salt: needles.salt(), hashes: needles.len() };
        let mut bytes = serde_json::to_vec(&order)?;
        bytes.push(b'\n');
        bytes.extend(needles.hashes().iter().flat_map(|hash| hash.to_le_bytes()));
        self.orders.write_all(&bytes)?;
        self.orders.flush()?;
        let mut line = String::new();
        if self.answers.read_line(&mut line)? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        Ok(serde_json::from_str(&line)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Sound;
    use retrocall_core::ring::Ring;
    use retrocall_words::audio::{Codec, Leg, Rate};

    #[test]
    fn a_call_in_the_arena_is_found_from_within_and_once_wiped_it_is_not() {
        let arena = Arc::new(Arena::new(1 << 20, true).expect("memory for a test"));
        while arena.fault_in_ahead() > 0 {}
        let (ring, mut writers) = Ring::new(Arc::clone(&arena));
        let rate = Rate::new(8_000).expect("a rate");
        let sound = Sound::noise(11, Codec::Pcm16, rate, 1.0, 16);
        let needles = Needles::of(5, sound.packed(160));
        for (leg, writer) in Leg::ALL.into_iter().zip(&mut writers) {
            for (at, frame) in sound.legs[leg.index()].chunks(160).enumerate() {
                writer.provision(160);
                writer.push(160 * at as u64, frame);
            }
        }
        let live = look(&arena, &needles).expect("it can look at itself");
        assert_eq!(live.locked.found, needles.len());
        assert!(live.arena.is_some_and(|arena| arena.held > 0 && arena.stained_words == 0), "{live:?}");
        drop(writers);
        ring.wipe();
        let after = look(&arena, &needles).expect("it can look at itself");
        assert_eq!(after.locked.found, 0);
        let bytes = arena.bytes() as u64;
        let all_free = SegmentsLook { held: 0, free: bytes as usize / 4_096, free_bytes: bytes, stained_words: 0 };
        assert_eq!(after.arena, Some(all_free));
    }

    #[test]
    fn orders_are_answered_one_by_one_until_their_end_and_nonsense_is_refused() {
        let arena = Arc::new(Arena::new(1 << 16, true).expect("memory for a test"));
        let needles = Needles::of(5, [b"nothing of this kind is anywhere"]);
        let mut orders = Vec::new();
        for _ in 0..2 {
            serde_json::to_writer(&mut orders, &Question { salt: 5, hashes: needles.len() }).expect("JSON");
            orders.push(b'\n');
            orders.extend(needles.hashes().iter().flat_map(|hash| hash.to_le_bytes()));
        }
        let mut answers = Vec::new();
        serve(&arena, &orders[..], &mut answers).expect("all are answered");
        let lines: Vec<Look> =
            answers.split(|byte| *byte == b'\n').filter_map(|line| serde_json::from_slice(line).ok()).collect();
        assert_eq!(lines.len(), 2);
        assert!(lines.iter().all(|look| look.memory.looked.bytes > 0));
        assert!(serve(&arena, &b"{\"salt\":1}\n"[..], &mut answers).is_err());
        assert!(serve(&arena, &b"{\"salt\":1,\"hashes\":99999999999}\n"[..], &mut answers).is_err());
        assert!(serve(&arena, &b"{\"salt\":1,\"hashes\":2}\nshort"[..], &mut answers).is_err());
    }
}
