//! A look at every byte of memory that audio passes through, from within the process: `retrocall prove` asks a private engine for it.
//!
//! Belongs here: copying that memory piece by piece. Does not: what is searched for.
//!
//! `memfd_secret` is out of reach of the kernel's own ways to read memory, so that only the process itself can show that it holds nothing any more.
//! Each piece is copied into a buffer that is locked and wiped like the rest.
#![allow(unsafe_code)]

use super::{
    LockedBuffer,
    registry::{self, Use},
    wipe,
};

/// A copied piece of memory.
pub struct Piece<'a> {
    /// The use of the mapping.
    pub what: Use,
    /// Whether the mapping begins with this piece.
    pub is_first: bool,
    /// The bytes.
    pub bytes: &'a [u8],
    /// How many bytes, at the beginning, are the end of the piece before: a pattern across two pieces is seen whole.
    pub again: usize,
}

/// Copies all mappings of this process that hold audio, except `scratch`, piece by piece into `scratch`, and wipes it at the end. Pieces of a mapping
/// overlap by `overlap` bytes, a multiple of 8.
///
/// It is for a process at rest: a thread that writes meanwhile makes the copy a mixture, as a debugger would see it.
///
/// ```
/// # use retrocall_core::memory::{LockedBuffer, MapError, look_at_locked};
/// let mut scratch = LockedBuffer::new(4096, true)?;
/// let mut buffer = LockedBuffer::new(4096, true)?;
/// buffer[100..108].copy_from_slice(b"audio...");
/// let mut is_there = false;
/// look_at_locked(&mut scratch, 8, |piece| is_there |= piece.bytes.windows(8).any(|eight| eight == b"audio..."));
/// assert!(is_there);
/// # Ok::<(), MapError>(())
/// ```
pub fn look_at_locked(scratch: &mut LockedBuffer, overlap: usize, mut each: impl FnMut(Piece<'_>)) {
    debug_assert!(overlap.is_multiple_of(8) && overlap < scratch.len());
    let own = scratch.as_ptr() as usize;
    for entry in registry::entries().iter().filter(|entry| entry.start != own) {
        let mut from = 0;
        while from < entry.bytes {
            let again = from.min(overlap);
            let to = entry.bytes.min(from - again + scratch.len());
            let bytes = &mut scratch[..to - from + again];
            for (eight, at) in bytes.chunks_exact_mut(8).zip((from - again..to).step_by(8)) {
                // SAFETY: the mapping is whole pages and stays for as long as the registry's lock is held; `at` is within it and a multiple of 8,
                // so the word is aligned; any bytes are a number. The word may change meanwhile: the read is volatile, no reference is formed, and
                // a word that is half old and half new only makes a count wrong.
                let word = unsafe { ((entry.start + at) as *const u64).read_volatile() };
                eight.copy_from_slice(&word.to_ne_bytes());
            }
            each(Piece { what: entry.what, is_first: from == 0, bytes, again });
            from = to;
        }
    }
    wipe(scratch);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::memory::locked_ranges;

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
