//! A look at every byte of memory that audio passes through, from within: what `retrocall prove` asks a private engine for.
//!
//! `memfd_secret` is out of reach of the kernel's own ways to read memory, so that nobody but the process itself can show that it
//! holds nothing any more. Whoever looks gets copies, piece by piece, in a buffer that is locked and wiped like the rest.
#![allow(unsafe_code)]

use std::ops::Range;

use parking_lot::Mutex;

use super::{LockedBuffer, wipe};

/// What a mapping is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Use {
    /// The segments of an arena.
    Segments,
    /// A buffer that audio passes through.
    Buffer,
}

/// A mapping that is there now: whoever holds the lock of [`MAPS`] keeps it from going.
struct Known {
    start: usize,
    bytes: usize,
    what: Use,
}

static MAPS: Mutex<Vec<Known>> = Mutex::new(Vec::new());

/// A mapping has been made.
pub(super) fn made(start: usize, bytes: usize, what: Use) {
    MAPS.lock().push(Known { start, bytes, what });
}

/// A mapping is about to go: returns when nobody looks at it.
pub(super) fn goes(start: usize) {
    MAPS.lock().retain(|known| known.start != start);
}

/// A piece of memory, copied.
pub struct Piece<'a> {
    /// What it is a piece of.
    pub what: Use,
    /// Whether a mapping begins with it.
    pub is_first: bool,
    /// The bytes.
    pub bytes: &'a [u8],
    /// How many of them, at the beginning, are the end of the piece before: so that what lies across two pieces is seen.
    pub again: usize,
}

/// Copies all mappings of this process that hold audio, but for `scratch` itself, piece by piece into `scratch`, which is wiped at the
/// end. Pieces of a mapping overlap by `overlap` bytes, a multiple of 8.
///
/// It is for a process at rest: whoever writes meanwhile makes the copy a mixture, as a debugger would see it.
pub fn look_at_locked(scratch: &mut LockedBuffer, overlap: usize, mut each: impl FnMut(Piece<'_>)) {
    debug_assert!(overlap.is_multiple_of(8) && overlap < scratch.len());
    let own = scratch.as_ptr() as usize;
    for known in MAPS.lock().iter().filter(|known| known.start != own) {
        let mut from = 0;
        while from < known.bytes {
            let again = from.min(overlap);
            let to = known.bytes.min(from - again + scratch.len());
            let bytes = &mut scratch[..to - from + again];
            for (eight, at) in bytes.chunks_exact_mut(8).zip((from - again..to).step_by(8)) {
                // SAFETY: the mapping is whole pages and stays while its entry is there, which the lock sees to; `at` is within it and a
                // multiple of 8, so the word is aligned; any bytes are a number. It may change under our eyes: the read is volatile, no
                // reference is formed, and a word that is half old and half new only makes a count wrong.
                let word = unsafe { ((known.start + at) as *const u64).read_volatile() };
                eight.copy_from_slice(&word.to_ne_bytes());
            }
            each(Piece { what: known.what, is_first: from == 0, bytes, again });
            from = to;
        }
    }
    wipe(scratch);
}

/// Where those mappings lie, so that a look by other means leaves them out.
pub fn locked_ranges() -> Vec<Range<usize>> {
    MAPS.lock().iter().map(|known| known.start..known.start + known.bytes).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_of_a_mapping_is_looked_at_also_across_two_pieces_and_none_once_it_has_gone() {
        let mut scratch = LockedBuffer::new(4_096, true).expect("memory for a test");
        let mut held = LockedBuffer::new(3 * 4_096, true).expect("memory for a test");
        for (at, byte) in held.iter_mut().enumerate() {
            *byte = (at % 251) as u8;
        }
        // Across the place where the first piece ends.
        held[4_090..4_106].copy_from_slice(b"sixteen-byte-one");
        let range = held.as_ptr() as usize..held.as_ptr() as usize + held.len();
        assert!(locked_ranges().contains(&range));
        let (mut seen, mut whole) = (0, 0);
        // Other tests have mappings as well: ours is known by what it holds.
        look_at_locked(&mut scratch, 16, |piece| {
            let mark = piece.bytes.windows(16).filter(|window| window == b"sixteen-byte-one").count();
            seen += mark;
            if mark > 0 || piece.bytes[piece.again..].iter().zip(&held[..]).all(|(one, other)| one == other) {
                assert_eq!(piece.what, Use::Buffer);
                whole += piece.bytes.len() - piece.again;
            }
        });
        assert!(seen >= 1, "what lies across two pieces is in one of them");
        assert!(whole >= 4_096);
        assert!(scratch.iter().all(|byte| *byte == 0), "the copy is wiped");
        drop(held);
        assert!(!locked_ranges().contains(&range));
    }
}
