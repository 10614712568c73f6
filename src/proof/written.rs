//! Reports every file that a process writes, by the kernel's word: fanotify(7). For root.
//!
//! The kernel reports a file when its writer closes it, with a descriptor to read it by, even if it has lost its name by then.

use std::{
    collections::HashSet,
    fs::{self, File},
    io,
    os::fd::{AsFd, AsRawFd, BorrowedFd},
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
};

use nix::{
    errno::Errno,
    poll::{PollFd, PollFlags, PollTimeout, poll},
    sys::fanotify::{EventFFlags, Fanotify, InitFlags, MarkFlags, MaskFlags},
};
use parking_lot::{Mutex, MutexGuard};

use super::{
    files::look_at_file,
    needles::{Finder, Needles},
};

/// File systems that hold no written files (filesystems(5), and the kernel's own).
const NOT_FOR_FILES: [&str; 16] = [
    "autofs",
    "binfmt_misc",
    "bpf",
    "cgroup",
    "cgroup2",
    "configfs",
    "debugfs",
    "devpts",
    "efivarfs",
    "fusectl",
    "mqueue",
    "nsfs",
    "proc",
    "pstore",
    "sysfs",
    "tracefs",
];
/// How long to wait for a file between looks whether to stop.
const LOOK_MS: u16 = 50;
/// How much of a file is read at once.
const PIECE_BYTES: usize = 256 * 1024;

/// A file that was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WrittenFile {
    /// Its name; the kernel adds ` (deleted)` if it had lost its name.
    pub path: PathBuf,
    /// Its length when it was closed.
    pub bytes: u64,
    /// How many needles were found in it; none if it could not be read.
    pub found: Option<usize>,
}

/// Watches the files that some processes write.
pub struct Watch {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<io::Result<Vec<WrittenFile>>>>,
    unwatched: Vec<PathBuf>,
    windows: usize,
}

struct Shared {
    /// The watched processes. While this is locked, no file is reported.
    pids: Mutex<HashSet<u32>>,
    stop: AtomicBool,
}

/// While this lives, no file is lost and none is reported: for starting a process whose id is not known yet.
pub struct Pause<'a>(MutexGuard<'a, HashSet<u32>>);

impl Pause<'_> {
    /// Watches this process too, and goes on watching.
    pub fn add(mut self, pid: u32) {
        self.0.insert(pid);
    }
}

impl Watch {
    /// Watches every file system that can hold files, and searches the written files for `needles`.
    ///
    /// # Errors The system's error: [`io::ErrorKind::PermissionDenied`] for anybody but root.
    pub fn start(needles: Arc<Needles>) -> io::Result<Watch> {
        let flags = InitFlags::FAN_CLASS_NOTIF
            | InitFlags::FAN_CLOEXEC
            | InitFlags::FAN_NONBLOCK
            | InitFlags::FAN_UNLIMITED_QUEUE
            | InitFlags::FAN_UNLIMITED_MARKS;
        let fanotify =
            Fanotify::init(flags, EventFFlags::O_RDONLY | EventFFlags::O_CLOEXEC | EventFFlags::O_LARGEFILE)?;
        let (mut unwatched, windows) = (Vec::new(), needles.len());
        for folder in mounts()? {
            if let Err(error) = mark(&fanotify, &folder)
                && error != Errno::ENOENT
            {
                unwatched.push(folder);
            }
        }
        let shared = Arc::new(Shared { pids: Mutex::default(), stop: AtomicBool::new(false) });
        let thread = thread::Builder::new().name("watch".to_owned()).spawn({
            let shared = Arc::clone(&shared);
            move || watch(&fanotify, &shared, &needles)
        })?;
        Ok(Watch { shared, thread: Some(thread), unwatched, windows })
    }

    /// Reports nothing until the process being started is known.
    pub fn pause(&self) -> Pause<'_> {
        Pause(self.shared.pids.lock())
    }

    /// How many windows it looks for.
    pub fn windows(&self) -> usize {
        self.windows
    }

    /// Mounted folders that can't be watched.
    pub fn unwatched(&self) -> &[PathBuf] {
        &self.unwatched
    }

    /// The written files so far, in the order in which they were closed.
    ///
    /// # Errors
    /// The system's error: then some may be missing.
    pub fn finish(mut self) -> io::Result<Vec<WrittenFile>> {
        self.shared.stop.store(true, Ordering::Release);
        let thread = self.thread.take().expect("it is finished once");
        thread.join().unwrap_or_else(|_| Err(io::Error::other("the watching thread ended early")))
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.shared.stop.store(true, Ordering::Release);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn watch(fanotify: &Fanotify, shared: &Shared, needles: &Needles) -> io::Result<Vec<WrittenFile>> {
    let mut written = Vec::new();
    let mut scratch = vec![0; PIECE_BYTES];
    loop {
        // Read before the queue: files written before the stop are in the queue.
        let is_last = shared.stop.load(Ordering::Acquire);
        poll(
            &mut [PollFd::new(fanotify.as_fd(), PollFlags::POLLIN)],
            PollTimeout::from(if is_last { 0 } else { LOOK_MS }),
        )
        .or_else(|errno| if errno == Errno::EINTR { Ok(0) } else { Err(errno) })?;
        let pids = shared.pids.lock();
        loop {
            let events = match fanotify.read_events() {
                Ok(events) if events.is_empty() => break,
                Ok(events) => events,
                Err(Errno::EAGAIN) => break,
                Err(Errno::EINTR) => continue,
                Err(error) => return Err(error.into()),
            };
            for event in events {
                if event.mask().contains(MaskFlags::FAN_Q_OVERFLOW) {
                    return Err(io::Error::other("more files were written than the kernel kept count of"));
                }
                if let Some(fd) = event.fd().filter(|_| u32::try_from(event.pid()).is_ok_and(|pid| pids.contains(&pid)))
                {
                    written.push(look(fd, needles, &mut scratch)?);
                }
            }
        }
        drop(pids);
        if is_last {
            return Ok(written);
        }
    }
}

fn look(fd: BorrowedFd<'_>, needles: &Needles, scratch: &mut [u8]) -> io::Result<WrittenFile> {
    let path = fs::read_link(format!("/proc/self/fd/{}", fd.as_raw_fd()))?;
    let mut finder = Finder::new(needles);
    let looked = look_at_file(File::from(fd.try_clone_to_owned()?), &mut finder, scratch);
    let (bytes, found) = looked.map_or((0, None), |(bytes, _)| (bytes, Some(finder.found())));
    Ok(WrittenFile { path, bytes, found })
}

/// Watches a whole file system if the kernel can, otherwise this mount.
fn mark(fanotify: &Fanotify, folder: &Path) -> Result<(), Errno> {
    let here = nix::fcntl::AT_FDCWD;
    let mark = |flag| fanotify.mark(MarkFlags::FAN_MARK_ADD | flag, MaskFlags::FAN_CLOSE_WRITE, here, Some(folder));
    mark(MarkFlags::FAN_MARK_FILESYSTEM).or_else(|_| mark(MarkFlags::FAN_MARK_MOUNT))
}

/// The mounted file systems that can be written to (proc_pid_mountinfo(5)).
fn mounts() -> io::Result<Vec<PathBuf>> {
    let table = fs::read_to_string("/proc/self/mountinfo")?;
    Ok(table.lines().filter_map(writable_mount).collect())
}

fn writable_mount(line: &str) -> Option<PathBuf> {
    let (before, behind) = line.split_once(" - ")?;
    let mut before = before.split(' ').skip(4);
    let (folder, options) = (before.next()?, before.next()?);
    let kind = behind.split(' ').next()?;
    let is_writable = options.split(',').any(|option| option == "rw");
    // Blanks and the like are written as three octal digits.
    let folder = folder.replace("\\040", " ").replace("\\011", "\t").replace("\\134", "\\");
    (is_writable && !NOT_FOR_FILES.contains(&kind)).then(|| PathBuf::from(folder))
}

#[cfg(test)]
mod tests {
    use std::process;

    use super::*;

    #[test]
    fn a_mount_is_read_as_the_kernel_writes_it() {
        let line = "36 35 98:0 /mnt1 /mnt/my\\040disk rw,noatime master:1 - ext3 /dev/root rw,errors=continue";
        assert_eq!(writable_mount(line), Some(PathBuf::from("/mnt/my disk")));
        assert_eq!(writable_mount("36 35 0:5 / /x ro - tmpfs none rw"), None);
        assert_eq!(writable_mount("36 35 0:5 / /proc rw - proc proc rw"), None);
    }

    #[test]
    fn a_file_that_is_written_and_deleted_at_once_is_read_all_the_same() {
        let needles = Arc::new(Needles::of(1, [b"this text is what is looked for."]));
        let watch = match Watch::start(Arc::clone(&needles)) {
            Ok(watch) => watch,
            Err(error) => return crate::skip::skip(&format!("only root may watch ({error})")),
        };
        watch.pause().add(process::id());
        let folder = tempfile::tempdir().expect("a folder");
        for name in ["kept", "gone"] {
            fs::write(folder.path().join(name), b"this text is what is looked for.").expect("a file");
        }
        fs::remove_file(folder.path().join("gone")).expect("it is there");
        let written = watch.finish().expect("nothing was missed");
        // Other tests of this process write as well.
        let ours = written.iter().filter(|written| written.path.starts_with(folder.path()));
        let found: Vec<_> = ours.map(|written| (written.bytes, written.found)).collect();
        assert_eq!(found, [(32, Some(2)); 2], "{written:?}");
    }
}
