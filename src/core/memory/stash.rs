//! Bytes that wait in the arena: the first part of a message whose end has not come.
//!
//! Belongs here: putting bytes away and taking them out. Does not: what a message is.

use super::{
    Arena, Need, SEGMENT_WORDS, SegmentId,
    sync::{AtomicU64, Ordering},
};

/// Link to the next segment. Word 0 is the arena's.
const NEXT: usize = 1;
/// The first word of bytes.
const BYTES: usize = 2;
/// Bytes of one segment.
const SEGMENT_STASH_BYTES: usize = (SEGMENT_WORDS - BYTES) * 8;

/// Some bytes in segments of the arena. They are wiped when they are taken out, or dropped.
///
/// ```
/// # use retrocall_core::memory::{Arena, MapError, Need, Stash};
/// let arena = Arena::new(1 << 20, true)?;
/// let mut stash = Stash::new(&arena);
/// assert!(stash.put(b"half a mess", Need::Message));
/// assert_eq!((stash.len(), arena.held_bytes()), (11, 4096));
///
/// let mut message = [0; 32];
/// assert_eq!(stash.take(&mut message), 11);
/// assert_eq!((&message[..11], arena.held_bytes()), (&b"half a mess"[..], 0));
/// # Ok::<(), MapError>(())
/// ```
pub struct Stash<'a> {
    arena: &'a Arena,
    /// The first segment. Each links to the next; the stash owns them all.
    head: Option<SegmentId>,
    /// As many as the segments hold: 0 without any.
    bytes: usize,
}

impl<'a> Stash<'a> {
    /// Makes an empty stash, which takes no memory.
    pub fn new(arena: &'a Arena) -> Stash<'a> {
        Stash { arena, head: None, bytes: 0 }
    }

    /// Bytes that wait.
    pub fn len(&self) -> usize {
        self.bytes
    }

    /// Whether no bytes wait.
    pub fn is_empty(&self) -> bool {
        self.bytes == 0
    }

    /// Puts bytes away. The stash must be empty. False if the arena has no memory for this need: then the stash stays empty.
    #[must_use]
    pub fn put(&mut self, bytes: &[u8], need: Need) -> bool {
        debug_assert!(self.is_empty() && self.head.is_none());
        // From the last piece to the first, so that each can link to the one behind it.
        for piece in bytes.chunks(SEGMENT_STASH_BYTES).rev() {
            let Some(segment) = self.arena.take(need) else {
                self.clear();
                return false;
            };
            let words = self.arena.words(segment);
            words[NEXT].store(SegmentId::to_link(self.head), Ordering::Relaxed);
            for (word, eight) in words[BYTES..].iter().zip(piece.chunks(8)) {
                let mut padded = [0; 8];
                padded[..eight.len()].copy_from_slice(eight);
                word.store(u64::from_ne_bytes(padded), Ordering::Relaxed);
            }
            self.head = Some(segment);
        }
        self.bytes = bytes.len();
        true
    }

    /// Takes all bytes out, into the beginning of `to`, which has room for them. Returns how many.
    pub fn take(&mut self, to: &mut [u8]) -> usize {
        let mut next = self.head;
        for piece in to[..self.bytes].chunks_mut(SEGMENT_STASH_BYTES) {
            let Some(segment) = next else { break };
            let words = self.arena.words(segment);
            for (eight, word) in piece.chunks_mut(8).zip(&words[BYTES..]) {
                eight.copy_from_slice(&word.load(Ordering::Relaxed).to_ne_bytes()[..eight.len()]);
            }
            next = link(&words[NEXT]);
        }
        let bytes = self.bytes;
        self.clear();
        bytes
    }

    /// Wipes the bytes and gives back their segments.
    pub fn clear(&mut self) {
        self.bytes = 0;
        while let Some(segment) = self.head {
            self.head = link(&self.arena.words(segment)[NEXT]);
            self.arena.give_back(segment);
        }
    }
}

fn link(word: &AtomicU64) -> Option<SegmentId> {
    SegmentId::from_link(word.load(Ordering::Relaxed))
}

impl Drop for Stash<'_> {
    fn drop(&mut self) {
        self.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_come_back_and_their_memory_is_free_again() {
        let arena = Arena::new(64 * 4096, true).expect("memory for a test");
        while arena.fault_in_ahead() > 0 {}
        let bytes: Vec<u8> = (0..20_001u32).map(|i| (i * 7) as u8).collect();
        let mut stash = Stash::new(&arena);
        for length in [0, 1, 7, 8, SEGMENT_STASH_BYTES, SEGMENT_STASH_BYTES + 1, 20_001] {
            assert!(stash.put(&bytes[..length], Need::Selected));
            assert_eq!(arena.held_bytes(), 4096 * length.div_ceil(SEGMENT_STASH_BYTES));
            let mut out = vec![0xff; length + 3];
            assert_eq!(stash.take(&mut out), length);
            assert_eq!(out[..length], bytes[..length]);
            assert_eq!((arena.held_bytes(), stash.len()), (0, 0));
        }
    }

    #[test]
    fn a_full_arena_takes_nothing_and_keeps_nothing() {
        let arena = Arena::new(4 * 4096, true).expect("memory for a test");
        while arena.fault_in_ahead() > 0 {}
        assert!(!Stash::new(&arena).put(&[1; 17_000], Need::Selected));
        assert_eq!(arena.held_bytes(), 0);
        let mut dropped = Stash::new(&arena);
        assert!(dropped.put(&[1; 4_000], Need::Selected));
        drop(dropped);
        assert_eq!(arena.held_bytes(), 0);
    }
}
