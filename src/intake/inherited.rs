//! Listening sockets from systemd, which keeps them open while no engine runs, so that no connection is ever refused (`LISTEN_FDS`,
//! sd_listen_fds(3)).
//!
//! Belongs here: taking them over, and finding the way in of each by its address. Does not: sockets that the engine makes itself.

use std::{
    fmt, fs, io,
    net::{SocketAddr, TcpListener},
    os::unix::net::UnixListener,
    path::{Path, PathBuf},
};

use listenfd::ListenFd;

use retrocall_settings::Settings;

/// What was handed over.
#[derive(Debug, Default)]
pub struct Inherited {
    /// For the local socket.
    pub(super) local: Option<UnixListener>,
    /// For AudioSocket.
    pub(super) audiosocket: Option<(SocketAddr, TcpListener)>,
    /// For AudioSocket on this machine alone.
    pub(super) audiosocket_unix: Option<UnixListener>,
}

/// Why a socket that was handed over can't be used.
#[derive(Debug)]
pub enum InheritedError {
    /// The system refuses what must be done with it.
    System(io::Error),
    /// It is no way in: its address, and where the local socket would be.
    Unknown(String, PathBuf),
    /// There is one of its kind already.
    Twice(String),
}

impl fmt::Display for InheritedError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            InheritedError::System(cause) => write!(
                f,
                "can't use a socket that was handed over (LISTEN_FDS): {cause}; each ListenStream= of a .socket unit must be a TCP port or \
                 a path, with Accept=no"
            ),
            InheritedError::Unknown(address, local) => write!(
                f,
                "a socket at {address} was handed over (LISTEN_FDS), and it is no way in: let its ListenStream= be {}, or name it in \
                 retrocall.toml (socket or audiosocket_socket)",
                local.display()
            ),
            InheritedError::Twice(address) => write!(
                f,
                "a socket at {address} was handed over (LISTEN_FDS) besides another one of its kind: leave one ListenStream= of the two"
            ),
        }
    }
}

impl std::error::Error for InheritedError {}

impl Inherited {
    /// Takes over what there is; usually nothing. To be called once, before there are other threads. An address of AudioSocket that was
    /// handed over is set in `settings`, for there it stands who may reach it.
    ///
    /// # Errors
    /// [`InheritedError`]: nothing that was handed over is ignored, or somebody would wait at it for ever.
    pub fn take(settings: &mut Settings, home: &Path) -> Result<Inherited, InheritedError> {
        let mut all = Inherited::default();
        let mut descriptors = ListenFd::from_env();
        for at in 0..descriptors.len() {
            if let Ok(Some(listener)) = descriptors.take_tcp_listener(at) {
                all.add_tcp(listener, settings)?;
            } else {
                let listener = descriptors.take_unix_listener(at).map_err(InheritedError::System)?;
                listener.map_or(Ok(()), |listener| all.add_unix(listener, settings, home))?;
            }
        }
        Ok(all)
    }

    fn add_tcp(&mut self, listener: TcpListener, settings: &mut Settings) -> Result<(), InheritedError> {
        listener.set_nonblocking(true).map_err(InheritedError::System)?;
        let address = listener.local_addr().map_err(InheritedError::System)?;
        settings.audiosocket = Some(address);
        match self.audiosocket.replace((address, listener)) {
            None => Ok(()),
            Some(_) => Err(InheritedError::Twice(address.to_string())),
        }
    }

    fn add_unix(&mut self, listener: UnixListener, settings: &Settings, home: &Path) -> Result<(), InheritedError> {
        listener.set_nonblocking(true).map_err(InheritedError::System)?;
        let address = listener.local_addr().map_err(InheritedError::System)?;
        let path = address.as_pathname().unwrap_or(Path::new("no path"));
        let local = settings.socket_path(home);
        let taps = settings.audiosocket_socket.as_ref().map(|path| home.join(path));
        let before = if is_same(path, &local) {
            self.local.replace(listener)
        } else if taps.is_some_and(|taps| is_same(path, &taps)) {
            self.audiosocket_unix.replace(listener)
        } else {
            return Err(InheritedError::Unknown(path.display().to_string(), local));
        };
        before.map_or(Ok(()), |_| Err(InheritedError::Twice(path.display().to_string())))
    }
}

/// Whether two paths lead to one file, whatever links are on the way.
fn is_same(one: &Path, other: &Path) -> bool {
    one == other || matches!((fs::canonicalize(one), fs::canonicalize(other)), (Ok(one), Ok(other)) if one == other)
}
