//! The thread `home`: watches things that others could take away while the engine runs: its home, its locks, its sockets, its catalog, and the
//! memory that calls were promised.
//!
//! Belongs here: when to look, and reporting. Does not: mending; the owner of each does that.

use std::{convert::Infallible, io, mem, path::Path, sync::Arc, time::Duration};

use crossbeam::channel::{Receiver, RecvTimeoutError, Sender, bounded};
use tracing::{info, warn};

use super::socket::BoundSocket;
use retrocall_core::{
    barrier,
    heart::{self, Heart, Waits},
    memory::Headroom,
    priority,
};
use retrocall_engine::Engine;

/// How often it is looked.
const LOOK: Duration = Duration::from_secs(1);
/// Of these looks, one in so many is at the memory.
const MEMORY_LOOKS: u32 = 10;
/// How long the end waits for the thread, which may wait for a disk.
const END_WAIT: Duration = Duration::from_secs(1);

/// The thread's other side. Dropped, the thread ends, and the sockets go.
pub(super) struct Keeper {
    stop: Option<Sender<Infallible>>,
    ended: Receiver<Infallible>,
}

/// What the thread has.
struct KeeperThread {
    engine: Arc<Engine>,
    sockets: Vec<BoundSocket>,
    stop: Receiver<Infallible>,
    _ended: Sender<Infallible>,
    looks: u32,
    is_short: bool,
}

impl Keeper {
    /// Starts the thread. It can write in the home, and where the sockets are.
    ///
    /// # Errors
    /// The system has no thread left.
    pub(super) fn start(engine: Arc<Engine>, sockets: Vec<BoundSocket>) -> io::Result<Keeper> {
        let ((stop, stopped), (ending, ended)) = (bounded(0), bounded(0));
        let mut folders = vec![engine.home().path().to_owned()];
        folders.extend(sockets.iter().map(|socket| socket.folder().to_owned()));
        let first = move || {
            priority::give_way();
            barrier::write_only_below(&folders.iter().map(AsRef::as_ref).collect::<Vec<&Path>>());
        };
        let mut keeping = KeeperThread { engine, sockets, stop: stopped, _ended: ending, looks: 0, is_short: false };
        heart::spawn("home", Waits::Outside, first, move |heart| keeping.run(heart))?;
        Ok(Keeper { stop: Some(stop), ended })
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        self.stop = None;
        let _ = self.ended.recv_timeout(END_WAIT);
    }
}

impl KeeperThread {
    fn run(&mut self, heart: &Heart) {
        while self.stop.recv_timeout(LOOK) == Err(RecvTimeoutError::Timeout) {
            let _work = heart.work();
            self.look();
        }
        self.sockets.clear();
    }

    fn look(&mut self) {
        let home = self.engine.home();
        let mut trouble = home.look().err();
        for socket in &mut self.sockets {
            let found = socket.look().err();
            trouble = trouble.or(found);
        }
        home.set_trouble(trouble);
        self.engine.look_at_catalog();
        self.looks = self.looks.wrapping_add(1);
        if self.looks.is_multiple_of(MEMORY_LOOKS) {
            self.look_at_memory();
        }
    }

    /// What is not locked yet is only promised, and whoever starts beside us may take it.
    fn look_at_memory(&mut self) {
        let Some(room) = Headroom::look() else { return };
        let promised = self.engine.promised_bytes();
        let is_short = promised > room.bytes;
        match (mem::replace(&mut self.is_short, is_short), is_short) {
            (false, true) => warn!(
                "{} MiB more are promised to live calls, and {room}: {}, or the system ends this engine when they are needed",
                promised >> 20,
                room.how_to_raise()
            ),
            (true, false) => info!("the memory that is promised to live calls is to be had again"),
            _ => {}
        }
    }
}
