//! The samples of a published recording, without what stands before them: the label names people, and goes to nobody who only listens.
//!
//! Belongs here: where the samples of a file are, and reading a piece of them while the sweep can't take it. Does not: who may.
//!
//! No lock is held between two pieces: whoever stops reading holds nobody up, and a recording that was deleted meanwhile is not read to its end.

use std::{
    fmt,
    fs::{File, OpenOptions},
    io::{self, ErrorKind},
    os::unix::fs::{FileExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
    sync::Arc,
};

use nix::fcntl::{Flock, FlockArg, OFlag};
use retrocall_words::audio::wipe;

/// Bytes of a stereo sample: both legs, 16 bits each.
pub const STEREO_BYTES: u64 = 4;
/// Bytes of the head that stands for the label.
pub const HEAD_BYTES: u64 = 44;
/// More chunks in front of the samples than any file of ours has.
const CHUNKS_MAX: usize = 32;

/// Bytes that are read at once while it is looked where the samples begin.
const LOOK_BYTES: usize = 4 * 1024;

/// A published file, wherever it lies.
pub trait Source: fmt::Debug + Send + Sync {
    /// How many bytes it has.
    ///
    /// # Errors
    /// What the system says; [`ErrorKind::NotFound`] also while it is being removed.
    fn bytes(&self) -> io::Result<u64>;

    /// Reads bytes from a place on.
    ///
    /// # Errors
    /// As [`Source::bytes`]; also if it has not so many.
    fn read_exact_at(&self, piece: &mut [u8], at: u64) -> io::Result<()>;
}

/// A file of this machine. Each look at it has a lock of its own, which the sweep waits for.
#[derive(Debug, Clone)]
pub struct OnDisk(pub PathBuf);

impl Source for OnDisk {
    fn bytes(&self) -> io::Result<u64> {
        Ok(open_shared(&self.0)?.metadata()?.len())
    }

    fn read_exact_at(&self, piece: &mut [u8], at: u64) -> io::Result<()> {
        open_shared(&self.0)?.read_exact_at(piece, at)
    }
}

/// The beginning of a file, as far as it was looked at.
struct Look<'s> {
    source: &'s dyn Source,
    length: u64,
    /// What was read last, and from where.
    window: Vec<u8>,
    from: u64,
}

impl Look<'_> {
    fn bytes<const N: usize>(&mut self, at: u64) -> io::Result<[u8; N]> {
        let end = at + N as u64;
        if end > self.length {
            return Err(ErrorKind::UnexpectedEof.into());
        }
        if at < self.from || end > self.from + self.window.len() as u64 {
            let count = usize::try_from(self.length - at).unwrap_or(LOOK_BYTES).min(LOOK_BYTES);
            (self.window, self.from) = (vec![0; count], at);
            self.source.read_exact_at(&mut self.window, at)?;
        }
        let start = usize::try_from(at - self.from).map_err(io::Error::other)?;
        self.window[start..start + N].try_into().map_err(io::Error::other)
    }
}

impl Drop for Look<'_> {
    /// Behind the label there may be samples.
    fn drop(&mut self) {
        wipe(&mut self.window);
    }
}

/// The samples of a file.
#[derive(Debug, Clone)]
pub struct Samples {
    source: Arc<dyn Source>,
    /// Where they begin in the file.
    offset: u64,
    /// How many bytes of them there are.
    pub bytes: u64,
    /// A second has so many of each leg.
    pub rate: u32,
}

/// Opens a file to read while the sweep must not remove it: both take locks.
fn open_shared(path: &Path) -> io::Result<Flock<File>> {
    let file = OpenOptions::new().read(true).custom_flags((OFlag::O_NOFOLLOW | OFlag::O_NONBLOCK).bits()).open(path)?;
    Flock::lock(file, FlockArg::LockSharedNonblock).map_err(|(_, error)| match error {
        // It is being removed now.
        nix::errno::Errno::EWOULDBLOCK => ErrorKind::NotFound.into(),
        error => error.into(),
    })
}

impl Samples {
    /// Those of a published file, PCM16 with two channels.
    ///
    /// # Errors
    /// What the system says; [`ErrorKind::NotFound`] also while it is being removed; [`ErrorKind::InvalidData`] for any other kind of file.
    pub fn of(path: &Path) -> io::Result<Samples> {
        Samples::in_source(Arc::new(OnDisk(path.to_owned())))
    }

    /// The same, wherever it lies.
    ///
    /// # Errors
    /// As [`Samples::of`].
    pub fn in_source(source: Arc<dyn Source>) -> io::Result<Samples> {
        let length = source.bytes()?;
        let mut look = Look { source: &*source, length, window: Vec::new(), from: 0 };
        let head: [u8; 12] = look.bytes(0)?;
        let other = || io::Error::new(ErrorKind::InvalidData, "it is no recording of ours");
        if &head[..4] != b"RIFF" || &head[8..] != b"WAVE" {
            return Err(other());
        }
        let (mut at, mut rate) = (12, None);
        for _ in 0..CHUNKS_MAX {
            let chunk: [u8; 8] = look.bytes(at)?;
            let size = u64::from(u32::from_le_bytes([chunk[4], chunk[5], chunk[6], chunk[7]]));
            at += 8;
            match &chunk[..4] {
                b"fmt " => {
                    let format: [u8; 16] = look.bytes(at)?;
                    let number = |from: usize| u16::from_le_bytes([format[from], format[from + 1]]);
                    if (number(0), number(2), number(14)) != (1, 2, 16) {
                        return Err(other());
                    }
                    rate = Some(u32::from_le_bytes([format[4], format[5], format[6], format[7]]));
                }
                b"data" => {
                    let rate = rate.filter(|rate| *rate > 0).ok_or_else(other)?;
                    // A file that was cut off is as long as it is.
                    let bytes = size.min(length.saturating_sub(at)) / STEREO_BYTES * STEREO_BYTES;
                    drop(look);
                    return Ok(Samples { source, offset: at, bytes, rate });
                }
                _ => {}
            }
            // Chunks begin at even places.
            at += size + size % 2;
        }
        Err(other())
    }

    /// Reads a piece of them, from this byte on. Less than asked for at their end.
    ///
    /// # Errors
    /// What the system says; [`ErrorKind::NotFound`] if the file is gone.
    pub fn read(&self, from: u64, piece: &mut [u8]) -> io::Result<usize> {
        let left = usize::try_from(self.bytes.saturating_sub(from)).unwrap_or(usize::MAX);
        let wanted = left.min(piece.len());
        self.source.read_exact_at(&mut piece[..wanted], self.offset + from)?;
        Ok(wanted)
    }

    /// The head of a WAV file that has these samples and nothing else.
    pub fn head(&self) -> [u8; HEAD_BYTES as usize] {
        let mut head = [0; HEAD_BYTES as usize];
        let size = |bytes: u64| u32::try_from(bytes).unwrap_or(u32::MAX).to_le_bytes();
        let fields: [(usize, &[u8]); 11] = [
            (0, b"RIFF"),
            (4, &size(self.bytes + HEAD_BYTES - 8)),
            (8, b"WAVEfmt "),
            (16, &16u32.to_le_bytes()),
            (20, &1u16.to_le_bytes()),
            (22, &2u16.to_le_bytes()),
            (24, &self.rate.to_le_bytes()),
            (28, &self.rate.saturating_mul(STEREO_BYTES as u32).to_le_bytes()),
            (32, &[STEREO_BYTES as u8, 0, 16, 0]),
            (36, b"data"),
            (40, &size(self.bytes)),
        ];
        for (at, bytes) in fields {
            head[at..at + bytes.len()].copy_from_slice(bytes);
        }
        head
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    /// A file with a label that names somebody, between format and samples.
    fn labelled(folder: &Path, samples: &[i16]) -> PathBuf {
        let source = Arc::new(OnDisk(PathBuf::new()));
        let whole = Samples { source, offset: 0, bytes: samples.len() as u64 * 2, rate: 8_000 };
        let head = whole.head();
        let mut bytes = head[..36].to_vec();
        bytes.extend(b"LIST\x05\0\0\0anna!\0");
        bytes.extend(&head[36..]);
        bytes.extend(samples.iter().flat_map(|sample| sample.to_le_bytes()));
        let path = folder.join("call.wav");
        fs::write(&path, bytes).expect("a file");
        path
    }

    #[test]
    fn the_samples_are_handed_on_and_the_label_is_not() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = labelled(folder.path(), &[1, -1, 2, -2, 3, -3]);
        let samples = Samples::of(&path).expect("samples");
        assert_eq!((samples.bytes, samples.rate), (12, 8_000));
        let mut piece = [0; 8];
        assert_eq!(samples.read(8, &mut piece).expect("read"), 4);
        assert_eq!(piece[..4], [3, 0, 253, 255]);
        assert_eq!(samples.read(12, &mut piece).expect("read"), 0);
        let mut alone = samples.head().to_vec();
        let mut all = [0; 12];
        samples.read(0, &mut all).expect("read");
        alone.extend(all);
        assert!(!alone.windows(4).any(|four| four == b"anna"));
        let found: Vec<i16> = hound(&alone);
        assert_eq!(found, [1, -1, 2, -2, 3, -3]);
    }

    /// Reads a WAV file of 44 bytes of head as a stranger would.
    fn hound(bytes: &[u8]) -> Vec<i16> {
        let (head, data) = bytes.split_at(44);
        assert_eq!(u32::from_le_bytes(head[40..44].try_into().expect("four")) as usize, data.len());
        assert_eq!(u32::from_le_bytes(head[4..8].try_into().expect("four")) as usize, bytes.len() - 8);
        data.chunks(2).map(|two| i16::from_le_bytes([two[0], two[1]])).collect()
    }

    #[test]
    fn a_file_that_is_being_removed_or_is_gone_is_not_read_on_and_a_reader_between_two_pieces_holds_nobody_up() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = labelled(folder.path(), &[1, -1]);
        let samples = Samples::of(&path).expect("samples");
        let sweep = Flock::lock(File::open(&path).expect("a file"), FlockArg::LockExclusiveNonblock).expect("no lock");
        let gone = |error: io::Error| error.kind() == ErrorKind::NotFound;
        assert!(samples.read(0, &mut [0; 4]).is_err_and(gone));
        assert!(Samples::of(&path).is_err_and(gone));
        fs::remove_file(&path).expect("removed");
        drop(sweep);
        assert!(samples.read(0, &mut [0; 4]).is_err_and(gone));
    }

    #[test]
    fn other_files_are_refused() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("other");
        for bytes in [&b"RIFF\0\0\0\0WAVEdata\0\0\0\0"[..], b"RIFF\0\0\0\0WAVE", b"", &[0; 100]] {
            fs::write(&path, bytes).expect("a file");
            assert!(Samples::of(&path).is_err(), "{bytes:?}");
        }
        std::os::unix::fs::symlink(&path, folder.path().join("link")).expect("a link");
        assert!(Samples::of(&folder.path().join("link")).is_err());
    }
}
