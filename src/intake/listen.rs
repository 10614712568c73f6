//! The local socket: who may connect, and who it is that does.

use std::{
    fs::{self, Permissions},
    io::{self, Write},
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use nix::unistd::{Group, Uid, User, chown};
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
    engine::{Engine, Mishap, Why},
    protocol::{ErrorCode, Event, Principal, PrincipalId, control_message},
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
    /// All calls together share no more memory with their clients than they have for themselves.
    allowance: Allowance,
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
        let allowance = Allowance::new(engine.arena().bytes());
        Door { listener, own_path, engine, readers, pairing, settings: settings.clone(), allowance }
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
            // Whoever connects without end does not keep this thread from those who are here.
            tokio::task::yield_now().await;
        }
    }

    fn welcome(&self, id: u64, stream: UnixStream) -> io::Result<()> {
        let uid = Uid::from_raw(stream.peer_cred()?.uid());
        let is_owner = uid.is_root() || uid == Uid::effective();
        let account = self.engine.quotas().account(PrincipalId::User(uid.as_raw()), is_owner);
        // Before anything that costs more than this.
        let seat = match account.connect() {
            Ok(seat) => seat,
            Err((error, text)) => return self.turn_away(stream, uid, error, text),
        };
        let who = self.who(uid, is_owner)?;
        debug!(connection = id, who = %who.id, agents = ?who.agents, owner = is_owner, "a connection");
        let outbox = Arc::new(Outbox::new(account));
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
        reader.adopt(id, reading, sender);
        self.engine.counters().connection_opened();
        let engine = Arc::clone(&self.engine);
        tokio::spawn(async move {
            engine.counters().connection_closed(connection.serve(inbox, stream).await);
            drop(seat);
        });
        Ok(())
    }

    /// One connection too many: it is told so and closed, with as little work as that takes.
    fn turn_away(&self, stream: UnixStream, uid: Uid, error: ErrorCode, text: String) -> io::Result<()> {
        self.engine.counters().connection_refused();
        if self.engine.is_news(PrincipalId::User(uid.as_raw()), "connect", Why::Error(error)) {
            warn!(%uid, "a connection is refused: {text}");
        }
        let json = serde_json::to_vec(&Event::Error { error, text }).expect("an event is JSON");
        let mut message = Vec::new();
        control_message(&json, &mut message);
        // Its buffer is empty: all of it fits, or nobody is there.
        let _ = stream.into_std()?.write(&message);
        Ok(())
    }

    /// Who a user is: the owner of the engine and root may act for all agents, everybody else for one.
    ///
    /// # Errors
    /// The user's name could be taken for another one.
    fn who(&self, uid: Uid, is_owner: bool) -> io::Result<Principal> {
        let name = User::from_uid(uid).ok().flatten().map_or_else(|| format!("uid-{uid}"), |user| user.name);
        let agent = self.settings.agent_of(&name).map_err(|why| {
            io::Error::other(format!("the name of user {uid} {why}; [users] in retrocall.toml can't name it either"))
        })?;
        let principal = if is_owner { Principal::owner } else { Principal::agent };
        Ok(principal(uid.as_raw(), agent))
    }
}

impl Drop for Door {
    fn drop(&mut self) {
        if let Some(path) = &self.own_path {
            let _ = fs::remove_file(path);
        }
    }
}
