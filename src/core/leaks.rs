//! Leaks that tests plant, to see `retrocall prove` catch each of them. In no build but one with the feature `planted-leaks`, which is
//! never on by default and which no release build compiles with.
//!
//! Belongs here: which leak is planted, and what it does with a frame. Does not: anything that a program for people needs.

use std::{
    env, fmt,
    fs::{self, File},
    io::Write,
    os::unix::net::UnixStream,
    path::Path,
    str::FromStr,
    sync::{
        OnceLock,
        atomic::{AtomicUsize, Ordering},
        mpsc::{Sender, channel},
    },
    thread,
};

use nix::sys::resource;

/// A way to leak.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Leak {
    /// A frame in a file under the home.
    HomeFile,
    /// A frame in the folder for temporary files.
    TempFile,
    /// A frame in shared memory.
    SharedFile,
    /// A frame in a file that has no name any more, and stays open.
    NamelessFile,
    /// A frame in a file that is written, closed and deleted at once.
    GoneFile,
    /// A frame in a socket that nobody reads.
    Socket,
    /// A frame on the heap.
    Heap,
    /// A frame that the next engine of this home has on its heap.
    Restart,
    /// Segments are given back as they are.
    Segment,
    /// The buffer that a socket is read into is left as it is.
    Buffer,
    /// An erase that changes nothing.
    Erase,
    /// The process may dump core.
    Core,
}

const NAMES: [(Leak, &str); 12] = [
    (Leak::HomeFile, "home-file"),
    (Leak::TempFile, "temp-file"),
    (Leak::SharedFile, "shared-file"),
    (Leak::NamelessFile, "nameless-file"),
    (Leak::GoneFile, "gone-file"),
    (Leak::Socket, "socket"),
    (Leak::Heap, "heap"),
    (Leak::Restart, "restart"),
    (Leak::Segment, "segment"),
    (Leak::Buffer, "buffer"),
    (Leak::Erase, "erase"),
    (Leak::Core, "core"),
];

impl fmt::Display for Leak {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(NAMES.iter().find(|(leak, _)| leak == self).map_or("", |(_, name)| name))
    }
}

impl FromStr for Leak {
    type Err = String;

    fn from_str(text: &str) -> Result<Leak, String> {
        let known = || NAMES.map(|(_, name)| name).join(", ");
        NAMES.iter().find(|(_, name)| *name == text).map(|(leak, _)| *leak).ok_or_else(|| format!("one of {}", known()))
    }
}

struct Planted {
    leaks: Vec<Leak>,
    /// To a thread that no barrier holds, for those that carry audio can't write files.
    frames: Sender<Vec<u8>>,
}

static PLANTED: OnceLock<Planted> = OnceLock::new();
static FRAMES: AtomicUsize = AtomicUsize::new(0);
/// Which frame leaks: not the first one, for by then every call has begun.
const LEAKING_FRAME: usize = 50;

/// Plants leaks in this process, whose home is `home`.
pub fn plant(leaks: &[Leak], home: &Path) {
    if leaks.is_empty() {
        return;
    }
    let (frames, leaking) = channel::<Vec<u8>>();
    let planted = PLANTED.get_or_init(|| Planted { leaks: leaks.to_vec(), frames });
    let home = home.to_owned();
    if let Ok(frame) = fs::read(home.join(Leak::Restart.to_string())) {
        fs::remove_file(home.join(Leak::Restart.to_string())).expect("it was just there");
        frame.leak();
    }
    thread::spawn(move || {
        let (mut open, mut sockets) = (Vec::new(), Vec::new());
        for mut frame in leaking {
            open.extend(planted.leaks.iter().map(|leak| leak_file(*leak, &home, &frame)));
            if is(Leak::Socket) {
                let (mut near, far) = UnixStream::pair().expect("a leak needs sockets");
                near.write_all(&frame).expect("a leak needs sockets");
                sockets.extend([near, far]);
            }
            // This is not the leak on the heap.
            crate::memory::wipe(&mut frame);
        }
    });
}

/// Whether this process leaves itself open to cores, as far as it may.
pub fn opens_to_cores() -> bool {
    if is(Leak::Core) {
        let (_, hard) = resource::getrlimit(resource::Resource::RLIMIT_CORE).expect("a process may ask");
        resource::setrlimit(resource::Resource::RLIMIT_CORE, hard, hard).expect("up to there it may be raised");
    }
    is(Leak::Core)
}

/// Whether this leak is planted.
pub fn is(leak: Leak) -> bool {
    PLANTED.get().is_some_and(|planted| planted.leaks.contains(&leak))
}

/// A frame passes by.
pub fn frame(bytes: &[u8]) {
    let Some(planted) = PLANTED.get() else { return };
    if FRAMES.fetch_add(1, Ordering::Relaxed) != LEAKING_FRAME {
        return;
    }
    if is(Leak::Heap) {
        bytes.to_vec().leak();
    }
    planted.frames.send(bytes.to_vec()).expect("the thread waits for it");
}

/// Leaks into a file, if that is how it leaks. What it gives must stay open.
fn leak_file(leak: Leak, home: &Path, frame: &[u8]) -> Option<File> {
    // Named after the home, so that whoever cleans up finds it.
    let name = home.file_name().unwrap_or_default();
    let path = match leak {
        Leak::HomeFile | Leak::NamelessFile | Leak::GoneFile | Leak::Restart => home.join(leak.to_string()),
        Leak::TempFile => env::temp_dir().join(format!("{leak}-{}", name.display())),
        Leak::SharedFile => Path::new("/dev/shm").join(name),
        Leak::Socket | Leak::Heap | Leak::Segment | Leak::Buffer | Leak::Erase | Leak::Core => return None,
    };
    let mut file = File::create(&path).expect("a leak needs a file");
    file.write_all(frame).expect("a leak needs a file");
    if matches!(leak, Leak::NamelessFile | Leak::GoneFile) {
        fs::remove_file(&path).expect("it was just made");
    }
    (leak == Leak::NamelessFile).then_some(file)
}
