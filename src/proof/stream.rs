//! Searches a stream in pieces, without a seam.

use std::io::{self, Read};

use super::needles::{Finder, NEEDLE_BYTES};
use retrocall_core::memory::wipe;

/// Reads a stream to its end, in pieces of the size of `scratch`, which overlap so that needles across two of them are seen. Returns how many
/// bytes there were, and how often something was found. Leaves nothing in `scratch`, which must be longer than two needles.
pub(super) fn look_at_stream(
    mut from: impl Read,
    finder: &mut Finder<'_>,
    scratch: &mut [u8],
) -> io::Result<(u64, usize)> {
    let (mut again, mut bytes, mut found) = (0, 0, 0);
    let result = loop {
        let read = match from.read(&mut scratch[again..]) {
            Ok(0) => break Ok((bytes, found)),
            Ok(read) => read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => break Err(error),
        };
        bytes += read as u64;
        let end = again + read;
        found += finder.look_at(&scratch[..end]);
        again = end.min(NEEDLE_BYTES - 1);
        scratch.copy_within(end - again..end, 0);
    };
    wipe(scratch);
    result
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Needles;

    fn text(seed: u8) -> Vec<u8> {
        (0..64u8).map(|i| i.wrapping_mul(2 * seed + 1).wrapping_add(seed) ^ 0x5a).collect()
    }

    #[test]
    fn what_lies_across_two_pieces_of_a_stream_is_found() {
        let sound = text(7);
        let needles = Needles::of(3, [&sound]);
        for place in 0..70 {
            let mut stream = vec![0; place];
            stream.extend_from_slice(&sound);
            let mut finder = Finder::new(&needles);
            let (bytes, _) = look_at_stream(&stream[..], &mut finder, &mut [0; 40]).expect("it can be read");
            assert_eq!((bytes, finder.found()), (place as u64 + 64, 4), "at {place}");
        }
    }
}
