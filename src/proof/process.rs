//! The places of a running process: its readable memory, and its open files and sockets.
//!
//! The same search runs from within, by the process itself, and from outside, by whoever the kernel lets.

use std::{
    fs::{self, File},
    io::{self, IoSliceMut},
    ops::Range,
    os::{fd::RawFd, unix::fs::FileExt},
    path::{Path, PathBuf},
};

use nix::{
    errno::Errno,
    sys::{
        socket::{MsgFlags, recv},
        uio::{RemoteIoVec, process_vm_readv},
    },
    unistd::Pid,
};
use serde::{Deserialize, Serialize};

use super::{
    files::{SearchResult, look_at_file},
    needles::{Finder, NEEDLE_BYTES, Needles},
};
use retrocall_core::memory::wipe;

/// The most descriptors that are searched: an engine has some dozens.
const DESCRIPTORS_MAX: usize = 100_000;
/// Mappings of the kernel's own in every process, which nobody can read: clocks and counters.
const KERNEL_OWN: [&str; 3] = ["[vvar", "[vsyscall", "[uprobes"];
/// The kernel's name for memory that only the process itself can read.
const SECRET: &str = "/secretmem";

/// The result of a search of memory.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct MemoryLook {
    /// How much was read, and found in it.
    pub looked: SearchResult,
    /// Bytes that nobody can read from outside (`memfd_secret`). They have to be searched from within.
    pub secret_bytes: u64,
    /// Other mappings that could not be read, by name: with any, the search is not complete.
    pub unread: Vec<String>,
    /// The mappings in which something was found.
    pub found_in: Vec<String>,
}

/// The result of a search of open files and sockets.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct OpenLook {
    /// Open files, including those without a name.
    pub files: SearchResult,
    /// Sockets, with the bytes that wait in them.
    pub sockets: SearchResult,
    /// Open files that could not be read.
    pub unread: Vec<String>,
    /// Files in which something was found.
    pub found_in: Vec<String>,
}

/// One line of `/proc/PID/maps`.
#[derive(Debug, PartialEq, Eq)]
struct Mapping {
    range: Range<usize>,
    is_readable: bool,
    name: String,
}

impl Mapping {
    /// Reads fields separated by blanks: range, permissions, offset, device, inode, and a name that may have blanks itself (proc_pid_maps(5)).
    fn parse(line: &str) -> Option<Mapping> {
        let mut fields = line.splitn(6, ' ');
        let (from, to) = fields.next()?.split_once('-')?;
        let range = usize::from_str_radix(from, 16).ok()?..usize::from_str_radix(to, 16).ok()?;
        let is_readable = fields.next()?.starts_with('r');
        let name = fields.nth(3).unwrap_or_default().trim();
        let name = if name.is_empty() { "(anonymous)" } else { name };
        Some(Mapping { range, is_readable, name: name.to_owned() })
    }
}

/// The way to read memory.
enum Reader {
    /// Our own: a process may always read itself.
    Own,
    /// Another's, through its `mem` file: for root, or whoever may trace it.
    Other(File),
}

impl Reader {
    fn read_at(&self, address: usize, to: &mut [u8]) -> io::Result<usize> {
        match self {
            Reader::Own => {
                let from = [RemoteIoVec { base: address, len: to.len() }];
                Ok(process_vm_readv(Pid::this(), &mut [IoSliceMut::new(to)], &from)?)
            }
            Reader::Other(file) => file.read_at(to, address as u64),
        }
    }
}

/// A process to search.
pub struct Process {
    folder: PathBuf,
    reader: Reader,
}

impl Process {
    /// This process.
    pub fn own() -> Process {
        Process { folder: PathBuf::from("/proc/self"), reader: Reader::Own }
    }

    /// Another process.
    ///
    /// # Errors
    /// The system's error; [`io::ErrorKind::PermissionDenied`] if it is closed to this user.
    pub fn other(pid: u32) -> io::Result<Process> {
        let folder = PathBuf::from(format!("/proc/{pid}"));
        let reader = Reader::Other(File::open(folder.join("mem"))?);
        Ok(Process { folder, reader })
    }

    /// Searches everything readable, except the ranges `without`.
    ///
    /// # Errors
    /// The list of mappings can't be read.
    pub fn look_at_memory(
        &self,
        needles: &Needles,
        without: &[Range<usize>],
        scratch: &mut [u8],
    ) -> io::Result<MemoryLook> {
        let maps = fs::read_to_string(self.folder.join("maps"))?;
        let (mut look, mut finder) = (MemoryLook::default(), Finder::new(needles));
        for mapping in maps.lines().filter_map(Mapping::parse).filter(|mapping| mapping.is_readable) {
            if mapping.name.starts_with(SECRET) {
                look.secret_bytes += mapping.range.len() as u64;
                continue;
            }
            if KERNEL_OWN.iter().any(|name| mapping.name.starts_with(name)) {
                continue;
            }
            look.looked.places += 1;
            for range in minus(mapping.range.clone(), without) {
                let (read, found) = self.look_at_range(range.clone(), &mut finder, scratch);
                look.looked.bytes += read as u64;
                if found {
                    look.found_in.push(mapping.name.clone());
                }
                if read < range.len() {
                    look.unread.push(mapping.name.clone());
                }
            }
        }
        look.looked.found = finder.found();
        look.found_in.dedup();
        look.unread.dedup();
        Ok(look)
    }

    /// Returns how many bytes were read from the beginning of the range, and whether something was found there.
    fn look_at_range(&self, range: Range<usize>, finder: &mut Finder<'_>, scratch: &mut [u8]) -> (usize, bool) {
        let (mut at, mut found, mut again) = (range.start, false, 0);
        while at < range.end {
            let wanted = (range.end - at).min(scratch.len() - again);
            let Ok(read @ 1..) = self.reader.read_at(at, &mut scratch[again..again + wanted]) else { break };
            found |= finder.look_at(&scratch[..again + read]) > 0;
            at += read;
            // A needle may lie across two pieces.
            let end = again + read;
            again = end.min(NEEDLE_BYTES - 1);
            scratch.copy_within(end - again..end, 0);
        }
        wipe(scratch);
        (at - range.start, found)
    }

    /// Searches every open file, whether it still has a name or not, and, from within, the bytes that wait in sockets.
    ///
    /// # Errors
    /// The list of descriptors can't be read.
    pub fn look_at_open(&self, needles: &Needles, scratch: &mut [u8]) -> io::Result<OpenLook> {
        let mut look = OpenLook::default();
        let (mut in_files, mut in_sockets) = (Finder::new(needles), Finder::new(needles));
        for entry in fs::read_dir(self.folder.join("fd"))?.take(DESCRIPTORS_MAX) {
            let path = entry?.path();
            // It was closed meanwhile, like the descriptor that lists the others.
            let Ok(target) = fs::read_link(&path) else { continue };
            if target.to_string_lossy().starts_with("socket:") {
                if let (Reader::Own, Some(fd)) = (&self.reader, number(&path)) {
                    look.sockets.places += 1;
                    look.sockets.bytes += peek(fd, &mut in_sockets, scratch) as u64;
                }
                continue;
            }
            // Pipes and devices hold nothing, or reading would take it away.
            if !fs::metadata(&path).is_ok_and(|metadata| metadata.is_file()) {
                continue;
            }
            look.files.places += 1;
            match File::open(&path).and_then(|file| look_at_file(file, &mut in_files, scratch)) {
                Ok((bytes, here)) => {
                    look.files.bytes += bytes;
                    if here > 0 {
                        look.found_in.push(target.display().to_string());
                    }
                }
                Err(_) => look.unread.push(target.display().to_string()),
            }
        }
        (look.files.found, look.sockets.found) = (in_files.found(), in_sockets.found());
        Ok(look)
    }
}

fn number(path: &Path) -> Option<RawFd> {
    path.file_name()?.to_str()?.parse().ok()
}

/// Searches the bytes that wait in a socket, and leaves them there. Returns how many.
fn peek(fd: RawFd, finder: &mut Finder<'_>, scratch: &mut [u8]) -> usize {
    let waiting = loop {
        match recv(fd, scratch, MsgFlags::MSG_PEEK | MsgFlags::MSG_DONTWAIT) {
            Ok(waiting) => break waiting,
            Err(Errno::EINTR) => {}
            // It listens, or is empty, or is gone.
            Err(_) => break 0,
        }
    };
    finder.look_at(&scratch[..waiting]);
    wipe(&mut scratch[..waiting]);
    waiting
}

/// The rest of a range.
fn minus(range: Range<usize>, without: &[Range<usize>]) -> Vec<Range<usize>> {
    let mut left = vec![range];
    for hole in without {
        left = left
            .into_iter()
            .flat_map(|range| {
                let before = range.start..range.end.min(hole.start);
                let behind = range.start.max(hole.end)..range.end;
                [before, behind].into_iter().filter(|part| part.start < part.end)
            })
            .collect();
    }
    left
}

#[cfg(test)]
mod tests {
    use std::{
        io::{Read, Seek, SeekFrom, Write},
        os::unix::net::UnixStream,
    };

    use super::*;

    /// A text that is different for each test: they run at once, in one process, and search all of it. Neighbouring bytes are as far apart as in
    /// no other text.
    fn text(seed: u8) -> Vec<u8> {
        (0..64u8).map(|i| i.wrapping_mul(2 * seed + 1).wrapping_add(seed) ^ 0x5a).collect()
    }

    #[test]
    fn a_line_of_maps_is_read_with_and_without_a_name_and_with_blanks_in_it() {
        let line = "7f1c2a400000-7f1c2a600000 rw-s 00000000 00:0e 1042                       /secretmem (deleted)";
        let mapping = Mapping::parse(line).expect("a mapping");
        assert_eq!((mapping.range.len(), mapping.is_readable), (2 << 20, true));
        assert_eq!(mapping.name, "/secretmem (deleted)");
        let guard = Mapping::parse("7ffd000-7ffe000 ---p 00000000 00:00 0 ").expect("a mapping");
        assert_eq!((guard.is_readable, guard.name.as_str()), (false, "(anonymous)"));
        assert_eq!(Mapping::parse("nonsense"), None);
    }

    #[test]
    fn a_hole_in_a_range_is_left_out() {
        assert_eq!(minus(0..10, &[2..4, 3..6, 20..30]), [0..2, 6..10]);
        assert!(minus(5..10, &[0..7, 7..20]).is_empty());
        assert_eq!(minus(5..10, &[3..5, 10..12]).first(), Some(&(5..10)));
    }

    #[test]
    fn a_copy_on_the_heap_of_this_process_is_found_and_one_that_was_wiped_is_not() {
        let mut copy = text(1);
        let needles = Needles::of(9, [&copy]);
        let mut scratch = vec![0; 64 * 1024];
        let range = |bytes: &[u8]| bytes.as_ptr() as usize..bytes.as_ptr() as usize + bytes.len();
        // The searched bytes pass through the scratch, where finding them counts for nothing, unlike in an engine's process.
        let (own, passage) = (range(&copy), range(&scratch));
        let look = Process::own().look_at_memory(&needles, std::slice::from_ref(&passage), &mut scratch).expect("maps");
        assert!(look.looked.found >= 3 && look.looked.bytes > 1 << 20, "{look:?}");
        assert!(!look.found_in.is_empty());
        // (This does not ask what could not be read: other tests of this process map and unmap meanwhile.) The text lies only in that copy:
        // nothing is found if the copy is left out, or once it is wiped.
        let without = Process::own().look_at_memory(&needles, &[own, passage.clone()], &mut scratch).expect("maps");
        wipe(&mut copy);
        let wiped = Process::own().look_at_memory(&needles, &[passage], &mut scratch).expect("maps");
        assert_eq!((without.looked.found, wiped.looked.found), (0, 0), "{without:?} {wiped:?}");
    }

    #[test]
    fn an_open_file_without_a_name_and_what_waits_in_a_socket_are_found() {
        let sounds = [text(40), text(42)];
        let needles = sounds.each_ref().map(|sound| Needles::of(9, [sound]));
        let mut nameless = tempfile::tempfile().expect("a file");
        nameless.write_all(&sounds[0]).expect("it can be written");
        nameless.seek(SeekFrom::Start(0)).expect("it can be read");
        let (mut near, mut far) = UnixStream::pair().expect("sockets");
        near.write_all(&sounds[1]).expect("it can be sent");
        let mut scratch = vec![0; 64 * 1024];
        let [in_file, in_socket] =
            needles.each_ref().map(|needles| Process::own().look_at_open(needles, &mut scratch).expect("descriptors"));
        assert_eq!((in_file.files.found, in_file.sockets.found), (4, 0), "{in_file:?}");
        assert!(in_file.found_in.iter().any(|name| name.ends_with("(deleted)")), "{in_file:?}");
        assert_eq!((in_socket.files.found, in_socket.sockets.found), (0, 4), "{in_socket:?}");
        // The search left it there.
        let mut got = vec![0; 64];
        far.read_exact(&mut got).expect("it still waits");
        assert_eq!(got, sounds[1]);
    }
}
