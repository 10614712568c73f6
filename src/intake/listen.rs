//! The local socket: who may connect, and who it is that does.

use std::{
    fs::{self, Permissions},
    io,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use nix::unistd::{Group, Uid, User, chown};
use parking_lot::Mutex;
use tokio::{
    net::{UnixListener, UnixStream},
    sync::mpsc::unbounded_channel,
};
use tracing::{debug, error, warn};

use super::{
    audiosocket::Pairing,
    connection::Connection,
    outbox::Outbox,
    reader::{Allowance, Reader},
};
use crate::{
    engine::{Engine, Listener, Mishap, Who},
    protocol::{ErrorCode, Event},
    settings::Settings,
};

/// Connections that the system lets wait while others are accepted.
const BACKLOG: i32 = 1_024;

/// The socket, and what is needed to serve those who connect.
pub(super) struct Door {
    listener: UnixListener,
    /// To be removed when the engine is gone, if the engine made it.
    own_path: Option<PathBuf>,
    engine: Arc<Engine>,
    readers: Vec<Arc<Reader>>,
    /// Where calls over AudioSocket are announced, if they are taken.
    pairing: Option<Arc<Pairing>>,
    settings: Settings,
    open: Arc<AtomicUsize>,
    /// All calls together share no more memory with their clients than they have for themselves.
    allowance: Allowance,
    /// Those who are connected, to be told when the engine stops.
    outboxes: Mutex<Vec<std::sync::Weak<Outbox>>>,
}

/// The local socket: the one that was inherited, or a new one.
///
/// # Errors
/// The system's error.
pub(super) fn local(
    inherited: Option<std::os::unix::net::UnixListener>,
    path: &Path,
    home: &Path,
    group: Option<&str>,
) -> io::Result<UnixListener> {
    match inherited {
        // Whose it is and who may connect, its .socket unit says.
        Some(listener) => {
            group.map_or(Ok(()), |name| let_pass(&group_of(name)?, path, home))?;
            UnixListener::from_std(listener)
        }
        None => bind(path, home, group),
    }
}

/// Makes the socket: closed to others by mode, open to a group if one is named.
///
/// # Errors
/// The system's error.
pub(super) fn bind(path: &Path, home: &Path, group: Option<&str>) -> io::Result<UnixListener> {
    // The home is ours alone (its lock is held), so that a socket that lies here is a dead engine's.
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let socket = std::os::unix::net::UnixListener::bind(path)?;
    let mode = if group.is_some() { 0o660 } else { 0o600 };
    if let Some(name) = group {
        let group = group_of(name)?;
        chown(path, None, Some(group.gid))?;
        let_pass(&group, path, home)?;
    }
    fs::set_permissions(path, Permissions::from_mode(mode))?;
    socket.set_nonblocking(true)?;
    nix::sys::socket::listen(&socket, nix::sys::socket::Backlog::new(BACKLOG)?)?;
    UnixListener::from_std(socket)
}

fn group_of(name: &str) -> io::Result<Group> {
    let none = || io::Error::new(io::ErrorKind::NotFound, format!("no group is called {name} (socket_group)"));
    Group::from_name(name)?.ok_or_else(none)
}

/// The group passes through the home folder to the socket, and can't list it. Another folder is not ours to open.
fn let_pass(group: &Group, path: &Path, home: &Path) -> io::Result<()> {
    if path.parent() == Some(home) {
        chown(home, None, Some(group.gid))?;
        fs::set_permissions(home, Permissions::from_mode(0o710))?;
    }
    Ok(())
}

impl Door {
    pub(super) fn new(
        listener: UnixListener,
        own_path: Option<PathBuf>,
        engine: Arc<Engine>,
        readers: Vec<Arc<Reader>>,
        pairing: Option<Arc<Pairing>>,
        settings: &Settings,
    ) -> Door {
        let (open, outboxes) = (Arc::default(), Mutex::default());
        let allowance = Allowance::new(engine.arena().bytes());
        Door { listener, own_path, engine, readers, pairing, settings: settings.clone(), open, allowance, outboxes }
    }

    /// Accepts until the engine stops.
    pub(super) async fn accept(&self) {
        for id in 0.. {
            let stream = loop {
                match self.listener.accept().await {
                    Ok((stream, _)) => break stream,
                    Err(error) => {
                        self.engine.counters().mishap(Mishap::Connection);
                        error!(
                            "can't accept a connection: {error}; trying again (is the limit on open files too low?)"
                        );
                        tokio::time::sleep(Duration::from_millis(200)).await;
                    }
                }
            };
            if let Err(error) = self.welcome(id, stream) {
                self.engine.counters().mishap(Mishap::Connection);
                warn!(connection = id, "a connection can't be served: {error}");
            }
        }
    }

    fn welcome(&self, id: u64, stream: UnixStream) -> io::Result<()> {
        let uid = Uid::from_raw(stream.peer_cred()?.uid());
        let outbox = Arc::new(Outbox::default());
        let limit = self.settings.connections_max;
        if self.open.load(Ordering::Relaxed) >= limit {
            warn!(limit, "a connection is refused (connections_max)");
            self.engine.counters().connection_refused();
            let text = format!("{limit} connections are open: that is the limit (connections_max)");
            outbox.tell(&Event::Error { error: ErrorCode::TooManyConnections, text });
            outbox.close();
            tokio::spawn(outbox.write_to(stream));
            return Ok(());
        }
        let who = self.who(uid)?;
        debug!(connection = id, agent = who.agent, owner = who.owner, "a connection");
        // One descriptor is read by the thread that carries audio, the other written by the task here.
        let stream = stream.into_std()?;
        let reading = stream.try_clone()?;
        let stream = UnixStream::from_std(stream)?;
        let reader = &self.readers[id as usize % self.readers.len()];
        let (sender, inbox) = unbounded_channel();
        let connection = Connection::new(
            id,
            Arc::clone(&self.engine),
            Arc::clone(reader),
            self.pairing.clone(),
            who,
            Arc::clone(&outbox),
            self.allowance.clone(),
        );
        let mut outboxes = self.outboxes.lock();
        outboxes.retain(|outbox| outbox.strong_count() > 0);
        outboxes.push(Arc::downgrade(&outbox));
        drop(outboxes);
        self.open.fetch_add(1, Ordering::Relaxed);
        reader.adopt(id, reading, sender);
        self.engine.counters().connection_opened();
        let (open, engine) = (Arc::clone(&self.open), Arc::clone(&self.engine));
        tokio::spawn(async move {
            engine.counters().connection_closed(connection.serve(inbox, stream).await);
            open.fetch_sub(1, Ordering::Relaxed);
        });
        Ok(())
    }

    /// Who a user is: the owner of the engine and root may act for all agents, everybody else for one.
    ///
    /// # Errors
    /// The user's name could be taken for another one.
    fn who(&self, uid: Uid) -> io::Result<Who> {
        let name = User::from_uid(uid).ok().flatten().map_or_else(|| format!("uid-{uid}"), |user| user.name);
        let agent = self.settings.agent_of(&name).map_err(|why| {
            io::Error::other(format!("the name of user {uid} {why}; [users] in retrocall.toml can't name it either"))
        })?;
        Ok(Who { agent, owner: uid.is_root() || uid == Uid::effective() })
    }

    /// Tells everybody something.
    pub(super) fn tell_all(&self, event: &Event) {
        self.outboxes.lock().iter().filter_map(std::sync::Weak::upgrade).for_each(|outbox| outbox.tell(event));
    }
}

impl Drop for Door {
    fn drop(&mut self) {
        if let Some(path) = &self.own_path {
            let _ = fs::remove_file(path);
        }
    }
}
