//! The picture of a recording: how loud each leg was, piece by piece. It shows who spoke when, and so it has the rights of its audio.
//!
//! Belongs here: the numbers, and their file. Does not: where the file lies, and who may have it.

use std::io;

use retrocall_core::memory::wipe;

use super::samples::{STEREO_BYTES, Samples};

/// The first bytes of the file.
const MAGIC: &[u8; 8] = b"rcpeaks1";
/// Pieces of a picture, at most: more than any screen has dots, and a two-hour call fits in 32 kB.
pub const PIECES_MAX: u64 = 8_000;
/// The shortest piece: 10 ms.
const PIECES_PER_SECOND_MAX: u64 = 100;
/// Bytes of a piece: the lowest and the highest sample of each leg, in 256ths.
pub const PIECE_BYTES: usize = 4;
/// Bytes of samples that are read at once.
const READ_BYTES: usize = 256 * 1024;

/// Samples on their way through memory.
struct Buffer(Vec<u8>);

impl Drop for Buffer {
    fn drop(&mut self) {
        wipe(&mut self.0);
    }
}

/// The picture of these files, one after the other: a head of 16 bytes (the name of the format, samples of a piece, samples of a second, both as
/// 32-bit numbers with their low byte first), then four bytes a piece.
///
/// # Errors
/// What the system says.
pub fn peaks(parts: &[Samples]) -> io::Result<Vec<u8>> {
    let samples: u64 = parts.iter().map(|part| part.bytes / STEREO_BYTES).sum();
    let rate = parts.first().map_or(1, |part| part.rate.max(1));
    let piece = samples.div_ceil(PIECES_MAX).max(u64::from(rate) / PIECES_PER_SECOND_MAX).max(1);
    let mut picture = MAGIC.to_vec();
    picture.extend(u32::try_from(piece).unwrap_or(u32::MAX).to_le_bytes());
    picture.extend(rate.to_le_bytes());
    let mut buffer = Buffer(vec![0; READ_BYTES]);
    let (mut count, mut ends) = (0, [[0i16; 2]; 2]);
    for part in parts {
        let mut at = 0;
        loop {
            let read = part.read(at, &mut buffer.0)?;
            if read == 0 {
                break;
            }
            at += read as u64;
            for stereo in buffer.0[..read].chunks_exact(STEREO_BYTES as usize) {
                for (leg, end) in ends.iter_mut().enumerate() {
                    let sample = i16::from_le_bytes([stereo[2 * leg], stereo[2 * leg + 1]]);
                    *end = [end[0].min(sample), end[1].max(sample)];
                }
                count += 1;
                if count == piece {
                    put(&mut picture, &ends);
                    (count, ends) = (0, [[0; 2]; 2]);
                }
            }
        }
    }
    if count > 0 {
        put(&mut picture, &ends);
    }
    Ok(picture)
}

fn put(picture: &mut Vec<u8>, ends: &[[i16; 2]; 2]) {
    picture.extend(ends.iter().flatten().map(|end| (end >> 8) as i8 as u8));
}

/// Whether a file is a whole picture of this format.
pub fn is_picture(bytes: &[u8]) -> bool {
    bytes.starts_with(MAGIC) && bytes.len() >= 16 && (bytes.len() - 16).is_multiple_of(PIECE_BYTES)
}

#[cfg(test)]
mod tests {
    use std::{fs, path::Path};

    use super::*;

    fn samples(folder: &Path, name: &str, stereo: &[[i16; 2]]) -> Samples {
        let path = folder.join(name);
        let mut bytes = b"RIFF\0\0\0\0WAVEfmt \x10\0\0\0\x01\0\x02\0\x40\x1f\0\0\0\x7d\0\0\x04\0\x10\0data".to_vec();
        bytes.extend((stereo.len() as u32 * 4).to_le_bytes());
        bytes.extend(stereo.iter().flatten().flat_map(|sample| sample.to_le_bytes()));
        fs::write(&path, bytes).expect("a file");
        Samples::of(&path).expect("samples")
    }

    #[test]
    fn a_picture_shows_each_leg_by_itself_over_all_parts() {
        let folder = tempfile::tempdir().expect("a folder");
        // 10 ms in two parts, in which the agent is loud, then 5 ms in which the customer is.
        let parts = [
            samples(folder.path(), "1", &[[0x4000, 0]; 30]),
            samples(folder.path(), "2", &[&[[-0x8000, 0]; 50][..], &[[0, -0x100]; 40]].concat()),
        ];
        let picture = peaks(&parts).expect("a picture");
        assert!(is_picture(&picture));
        assert_eq!(picture[8..16], [80, 0, 0, 0, 0x40, 0x1f, 0, 0]);
        let piece = |number: usize| picture[16 + 4 * number..][..4].iter().map(|byte| *byte as i8).collect::<Vec<_>>();
        assert_eq!([piece(0), piece(1)], [[-128, 64, 0, 0], [0, 0, -1, 0]].map(Vec::from));
        assert_eq!(picture.len(), 24);
    }

    #[test]
    fn a_long_call_has_no_more_pieces_than_a_screen_can_show_and_an_empty_one_has_none() {
        let folder = tempfile::tempdir().expect("a folder");
        let long = samples(folder.path(), "1", &vec![[1, 1]; 8_000 * 81]);
        let picture = peaks(&[long]).expect("a picture");
        assert!((picture.len() - 16) / PIECE_BYTES <= PIECES_MAX as usize && picture.len() > 16 + 7_000 * PIECE_BYTES);
        assert_eq!(peaks(&[]).expect("a picture").len(), 16);
        assert!(!is_picture(b"rcpeaks1") && !is_picture(&picture[..17]));
    }
}
