//! Leaks that tests plant, to see `retrocall prove` catch each of them. They exist only with the feature `planted-leaks`, which is off by default and
//! which no release build compiles with.
//!
//! Belongs here: the leaks, and what each does with a frame. Does not: anything that a program for people needs.

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
    /// A frame in a file that has lost its name and stays open.
    NamelessFile,
    /// A frame in a file that is written, closed and deleted at once.
    GoneFile,
    /// A frame in a socket that nobody reads.
    Socket,
    /// A frame on the heap.
    Heap,
    /// A frame on the heap of the next engine of this home.
    Restart,
    /// Segments that are given back without being wiped.
    Segment,
    /// A buffer of a socket that is not wiped.
    Buffer,
    /// An erase that changes nothing.
    Erase,
    /// A process that may dump core.
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

/// The leaks of this process.
struct Plantation {
    leaks: Vec<Leak>,
    /// To a thread without a barrier: threads that carry audio can't write files. It says when it is done with the frame.
    frames: Sender<(Vec<u8>, Sender<()>)>,
}

static PLANTATION: OnceLock<Plantation> = OnceLock::new();
static FRAMES: AtomicUsize = AtomicUsize::new(0);
/// The frame that leaks. Every call has begun by then.
const LEAKING_FRAME: usize = 50;

/// Plants leaks in this process, whose home is `home`.
pub fn plant(leaks: &[Leak], home: &Path) {
    if leaks.is_empty() {
        return;
    }
    let (frames, leaking) = channel::<(Vec<u8>, Sender<()>)>();
    let plantation = PLANTATION.get_or_init(|| Plantation { leaks: leaks.to_vec(), frames });
    let home = home.to_owned();
    if let Ok(frame) = fs::read(home.join(Leak::Restart.to_string())) {
        fs::remove_file(home.join(Leak::Restart.to_string())).expect("it was just there");
        frame.leak();
    }
    thread::spawn(move || {
        let (mut open, mut sockets) = (Vec::new(), Vec::new());
        for (mut frame, done) in leaking {
            open.extend(plantation.leaks.iter().map(|leak| leak_file(*leak, &home, &frame)));
            if is(Leak::Socket) {
                let (mut near, far) = UnixStream::pair().expect("a leak needs sockets");
                near.write_all(&frame).expect("a leak needs sockets");
                sockets.extend([near, far]);
            }
            // Or it would be a leak on the heap.
            crate::memory::wipe(&mut frame);
            let _ = done.send(());
        }
    });
}

/// Opens this process to core dumps as far as it may, if that leak is planted. Returns whether it is.
pub fn opens_to_cores() -> bool {
    if is(Leak::Core) {
        let (_, hard) = resource::getrlimit(resource::Resource::RLIMIT_CORE).expect("a process may ask");
        resource::setrlimit(resource::Resource::RLIMIT_CORE, hard, hard).expect("up to there it may be raised");
    }
    is(Leak::Core)
}

/// Whether this leak is planted.
pub fn is(leak: Leak) -> bool {
    PLANTATION.get().is_some_and(|plantation| plantation.leaks.contains(&leak))
}

/// Lets a frame leak if its turn has come.
pub fn frame(bytes: &[u8]) {
    let Some(plantation) = PLANTATION.get() else { return };
    if FRAMES.fetch_add(1, Ordering::Relaxed) != LEAKING_FRAME {
        return;
    }
    if is(Leak::Heap) {
        bytes.to_vec().leak();
    }
    // Whoever looks for leaks finds this one alone, and not the way to it.
    let (done, wait) = channel();
    plantation.frames.send((bytes.to_vec(), done)).expect("the thread waits for it");
    let _ = wait.recv();
}

/// Leaks into a file, if that is how it leaks. Returns a file that must stay open.
fn leak_file(leak: Leak, home: &Path, frame: &[u8]) -> Option<File> {
    // Named after the home, so that the test finds it to clean up.
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
