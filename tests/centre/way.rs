//! A way between two machines that is bad: it cuts, delays, swallows answers, and says things again, at once or late.
//!
//! Belongs here: bytes. Does not: what they say, who goes that way.

use std::{
    io::{self, Read, Write},
    net::{Shutdown, TcpListener, TcpStream},
    os::unix::net::{UnixListener, UnixStream},
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    thread,
    time::Duration,
};

use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};

/// What is said again is remembered up to here.
const REMEMBERED_BYTES: usize = 512 * 1024;
const CHUNK_BYTES: usize = 16 * 1024;

/// What becomes of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    Straight,
    /// Both directions end after so many bytes of the asker.
    Cut(usize),
    /// Each piece of bytes comes so late.
    Late(Duration),
    /// The first answers come, and then one is lost, with the connection.
    Swallow(usize),
    /// All that was asked is asked once more afterwards, so much later, by nobody who listens.
    Again(Duration),
}

/// Either end of a connection.
enum End {
    Tcp(TcpStream),
    Unix(UnixStream),
}

impl End {
    fn other(&self) -> io::Result<End> {
        Ok(match self {
            End::Tcp(stream) => End::Tcp(stream.try_clone()?),
            End::Unix(stream) => End::Unix(stream.try_clone()?),
        })
    }

    /// Nothing more is asked.
    fn has_asked(&self) {
        let _ = match self {
            End::Tcp(stream) => stream.shutdown(Shutdown::Write),
            End::Unix(stream) => stream.shutdown(Shutdown::Write),
        };
    }

    fn shut(&self) {
        let _ = match self {
            End::Tcp(stream) => stream.shutdown(Shutdown::Both),
            End::Unix(stream) => stream.shutdown(Shutdown::Both),
        };
    }
}

impl Read for End {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        match self {
            End::Tcp(stream) => stream.read(bytes),
            End::Unix(stream) => stream.read(bytes),
        }
    }
}

impl Write for End {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            End::Tcp(stream) => stream.write(bytes),
            End::Unix(stream) => stream.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Where a way leads.
enum Target {
    /// One of these, by turns: what stands before several does that.
    Tcp(Vec<String>),
    Unix(PathBuf),
}

impl Target {
    fn connect(&self, turn: usize) -> io::Result<End> {
        match self {
            Target::Tcp(all) => TcpStream::connect(&all[turn % all.len()]).map(End::Tcp),
            Target::Unix(path) => UnixStream::connect(path).map(End::Unix),
        }
    }
}

struct Shared {
    target: Target,
    random: Mutex<StdRng>,
    is_bad: AtomicBool,
    turns: AtomicUsize,
    /// Connections that did not go straight.
    spoilt: AtomicUsize,
    /// What is open: it ends when the way becomes good, for what was begun on a bad one is none.
    open: Mutex<Vec<End>>,
}

/// A way. It is good until it is said to be bad.
#[derive(Clone)]
pub struct Way {
    /// Where it begins: an address, or the folder of a socket.
    pub address: String,
    shared: Arc<Shared>,
}

impl Way {
    /// To one of several addresses, by turns.
    pub fn to(targets: &[&str], seed: u64) -> Way {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("its address").to_string();
        let way = Way::new(address, Target::Tcp(targets.iter().map(|&target| target.to_owned()).collect()), seed);
        let shared = Arc::clone(&way.shared);
        thread::spawn(move || listener.incoming().flatten().for_each(|stream| carry(&shared, End::Tcp(stream))));
        way
    }

    /// To a server of PostgreSQL whose socket lies in a folder; it begins in another one.
    pub fn to_socket(server: &Path, begins: &Path, seed: u64) -> Way {
        const SOCKET: &str = ".s.PGSQL.5432";
        let listener = UnixListener::bind(begins.join(SOCKET)).expect("a socket");
        let way = Way::new(begins.display().to_string(), Target::Unix(server.join(SOCKET)), seed);
        let shared = Arc::clone(&way.shared);
        thread::spawn(move || listener.incoming().flatten().for_each(|stream| carry(&shared, End::Unix(stream))));
        way
    }

    fn new(address: String, target: Target, seed: u64) -> Way {
        let shared = Shared {
            target,
            random: Mutex::new(StdRng::seed_from_u64(seed)),
            is_bad: AtomicBool::new(false),
            turns: AtomicUsize::new(0),
            spoilt: AtomicUsize::new(0),
            open: Mutex::default(),
        };
        Way { address, shared: Arc::new(shared) }
    }

    /// From now on it is bad, or good.
    pub fn set_bad(&self, is_bad: bool) {
        self.shared.is_bad.store(is_bad, Ordering::Relaxed);
        let mut open = self.shared.open.lock().unwrap_or_else(PoisonError::into_inner);
        open.drain(..).for_each(|end| end.shut());
    }

    /// How many connections it has spoilt.
    pub fn spoilt(&self) -> usize {
        self.shared.spoilt.load(Ordering::Relaxed)
    }
}

impl Shared {
    fn fate(&self) -> Fate {
        if !self.is_bad.load(Ordering::Relaxed) {
            return Fate::Straight;
        }
        let mut random = self.random.lock().unwrap_or_else(PoisonError::into_inner);
        let fate = match random.random_range(0..6) {
            0 => Fate::Straight,
            1 => Fate::Cut(random.random_range(0..40_000)),
            2 => Fate::Late(Duration::from_millis(random.random_range(1..25))),
            3 | 4 => Fate::Swallow(random.random_range(0..12)),
            // Nothing between a process and its database says a request of HTTP once more.
            _ if matches!(self.target, Target::Unix(_)) => Fate::Swallow(0),
            _ => Fate::Again(Duration::from_millis(random.random_range(0..600))),
        };
        if fate != Fate::Straight {
            self.spoilt.fetch_add(1, Ordering::Relaxed);
        }
        fate
    }
}

/// Carries one connection, on threads of its own.
fn carry(shared: &Arc<Shared>, asker: End) {
    let shared = Arc::clone(shared);
    thread::spawn(move || {
        let fate = shared.fate();
        // Whoever is cut off, or finds nobody there, tries again.
        let _ = carry_as(&shared, asker, fate);
    });
}

fn carry_as(shared: &Arc<Shared>, mut asker: End, fate: Fate) -> io::Result<()> {
    let turn = shared.turns.fetch_add(1, Ordering::Relaxed);
    let mut server = shared.target.connect(turn).inspect_err(|_| asker.shut())?;
    {
        let mut open = shared.open.lock().unwrap_or_else(PoisonError::into_inner);
        open.extend([asker.other()?, server.other()?]);
    }
    let (mut to_asker, mut from_server) = (asker.other()?, server.other()?);
    let answers = thread::spawn(move || -> io::Result<()> {
        let mut bytes = vec![0; CHUNK_BYTES];
        for answer in 0usize.. {
            let count = from_server.read(&mut bytes)?;
            let is_lost = matches!(fate, Fate::Swallow(after) if answer >= after);
            if count == 0 || is_lost {
                break;
            }
            wait(fate);
            to_asker.write_all(&bytes[..count])?;
        }
        to_asker.shut();
        from_server.shut();
        Ok(())
    });
    let (mut bytes, mut asked, mut remembered) = (vec![0; CHUNK_BYTES], 0, Vec::new());
    while let Ok(count @ 1..) = asker.read(&mut bytes) {
        asked += count;
        if matches!(fate, Fate::Again(_)) && asked <= REMEMBERED_BYTES {
            remembered.extend_from_slice(&bytes[..count]);
        }
        wait(fate);
        if server.write_all(&bytes[..count]).is_err() || matches!(fate, Fate::Cut(after) if asked > after) {
            break;
        }
    }
    asker.shut();
    server.shut();
    let _ = answers.join();
    if let Fate::Again(later) = fate {
        thread::sleep(later);
        let mut server = shared.target.connect(turn + 1)?;
        server.write_all(&remembered)?;
        server.has_asked();
        // What it answers nobody hears.
        let _ = io::copy(&mut server, &mut io::sink());
    }
    Ok(())
}

fn wait(fate: Fate) {
    if let Fate::Late(late) = fate {
        thread::sleep(late);
    }
}
