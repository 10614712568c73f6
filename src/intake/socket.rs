//! A Unix socket at a path: closed to others from its first moment, taken from no live process, and removed at the end.
//!
//! Belongs here: making it, the group that may use it, checking that it is still there. Does not: who connects.

use std::{
    fs::{self, Metadata, Permissions},
    io,
    os::{
        fd::AsRawFd,
        unix::{
            fs::{FileTypeExt, MetadataExt, PermissionsExt, lchown},
            net,
        },
    },
    path::{Path, PathBuf},
    process, thread,
    time::Duration,
};

use nix::{
    errno::Errno,
    sys::{
        socket::{AddressFamily, Backlog, SockFlag, SockType, UnixAddr, bind, connect, listen, socket},
        stat::{Mode, fchmod},
    },
    unistd::Gid,
};
use tokio::{
    net::{UnixListener, UnixStream},
    sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel},
};
use tracing::warn;

/// Connections that the system lets wait while others are accepted.
const BACKLOG: i32 = 1_024;
/// How often a socket that nobody listens at is looked at before it is removed, and how long after the look before: somebody may be about to
/// listen there.
const LOOKS: u32 = 3;
const PAUSE: Duration = Duration::from_millis(20);
/// How often a place that was cleared may be filled again by somebody else.
const TRIES: u32 = 3;

/// Where a socket is to be, and who may use it besides the engine's owner.
#[derive(Debug, Clone)]
pub(super) struct Address {
    path: PathBuf,
    home: PathBuf,
    group: Option<Gid>,
}

/// A socket at its place.
pub(super) struct BoundSocket {
    place: Address,
    /// Which file it is. Its number is nobody else's while the listener is there.
    identity: (u64, u64),
    /// The engine has made it. Somebody else's (systemd's) is not ours to make again, or to remove.
    is_ours: bool,
    /// Where listeners go that had to be made again.
    again: UnboundedSender<net::UnixListener>,
}

/// Where connections come in, also if the socket had to be made again meanwhile.
pub(super) struct Doorway {
    listener: UnixListener,
    again: UnboundedReceiver<net::UnixListener>,
}

impl Doorway {
    /// The next connection.
    ///
    /// # Errors
    /// What the system says; another one can come all the same.
    pub(super) async fn accept(&mut self) -> io::Result<UnixStream> {
        loop {
            tokio::select! {
                accepted = self.listener.accept() => return accepted.map(|(stream, _)| stream),
                Some(listener) = self.again.recv() => self.listener = UnixListener::from_std(listener)?,
            }
        }
    }
}

impl Address {
    pub(super) fn new(path: &Path, home: &Path, group: Option<Gid>) -> Address {
        Address { path: path.to_owned(), home: home.to_owned(), group }
    }

    /// The socket at this place: one that somebody else holds for us, or a new one.
    ///
    /// # Errors
    /// As [`Address::take`].
    pub(super) fn open(&self, inherited: Option<net::UnixListener>) -> io::Result<(Doorway, BoundSocket)> {
        let is_ours = inherited.is_none();
        let listener = match inherited {
            // Whose it is and who may connect, its .socket unit says.
            Some(listener) => {
                self.let_pass()?;
                listener
            }
            None => self.take()?,
        };
        let (to, again) = unbounded_channel();
        let identity = identity(&fs::symlink_metadata(&self.path)?);
        let kept = BoundSocket { place: self.clone(), identity, is_ours, again: to };
        Ok((Doorway { listener: UnixListener::from_std(listener)?, again }, kept))
    }

    /// Makes the socket and listens at it, non-blocking. A dead engine's is removed; whatever else lies there is left as it is.
    ///
    /// # Errors
    /// [`io::ErrorKind::AddrInUse`] if somebody listens there, [`io::ErrorKind::AlreadyExists`] if it is no socket, or what the system says.
    fn take(&self) -> io::Result<net::UnixListener> {
        let flags = SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK;
        let descriptor = socket(AddressFamily::Unix, SockType::Stream, flags, None)?;
        // Linux gives the name in the file system the mode of the socket. A mode that is set afterwards leaves a moment for strangers.
        fchmod(&descriptor, Mode::from_bits_truncate(0o600))?;
        let address = UnixAddr::new(&self.path)?;
        let mut tries = 1;
        loop {
            match bind(descriptor.as_raw_fd(), &address) {
                Ok(()) => break,
                Err(Errno::EADDRINUSE) if tries <= TRIES => clear(&self.path)?,
                Err(error) => return Err(error.into()),
            }
            tries += 1;
        }
        listen(&descriptor, Backlog::new(BACKLOG)?)?;
        self.open_to_the_group()?;
        Ok(net::UnixListener::from(descriptor))
    }

    /// Lets the group use the socket, and pass through the home folder to it. Another folder is not ours to open.
    fn open_to_the_group(&self) -> io::Result<()> {
        let Some(group) = self.group else { return Ok(()) };
        lchown(&self.path, None, Some(group.as_raw()))?;
        fs::set_permissions(&self.path, Permissions::from_mode(0o660))?;
        self.let_pass()
    }

    /// Lets the group pass through the home folder, if the socket lies there.
    fn let_pass(&self) -> io::Result<()> {
        let Some(group) = self.group.filter(|_| self.path.parent() == Some(&self.home)) else { return Ok(()) };
        lchown(&self.home, None, Some(group.as_raw()))?;
        fs::set_permissions(&self.home, Permissions::from_mode(0o710))
    }
}

impl BoundSocket {
    /// Sees to it that the socket is at its place, and makes it again if it is not.
    ///
    /// # Errors
    /// What is in the way, in words for people.
    pub(super) fn look(&mut self) -> Result<(), String> {
        if self.is_there() {
            return Ok(());
        }
        let path = self.place.path.display();
        if !self.is_ours {
            return Err(format!("the socket {path} was removed while the engine runs: start its .socket unit again"));
        }
        let made = self.place.take().and_then(|listener| Ok((listener, fs::symlink_metadata(&self.place.path)?)));
        let (listener, metadata) = made.map_err(|error| {
            format!("the socket {path} was removed while the engine runs, and can't be made again: {error}")
        })?;
        self.identity = identity(&metadata);
        warn!("the socket {path} was removed while the engine runs: it is made again");
        let _ = self.again.send(listener);
        Ok(())
    }

    fn is_there(&self) -> bool {
        fs::symlink_metadata(&self.place.path).is_ok_and(|found| identity(&found) == self.identity)
    }

    /// The folder that it lies in.
    pub(super) fn folder(&self) -> &Path {
        self.place.path.parent().unwrap_or(&self.place.path)
    }
}

/// It goes with its engine, if it is still the one that lies there.
impl Drop for BoundSocket {
    fn drop(&mut self) {
        if self.is_ours && self.is_there() {
            let _ = fs::remove_file(&self.place.path);
        }
    }
}

fn identity(metadata: &Metadata) -> (u64, u64) {
    (metadata.dev(), metadata.ino())
}

/// A dead socket's number may be given to the next file at once: when it was made tells them apart.
fn dead_identity(metadata: &Metadata) -> (u64, u64, i64, i64) {
    (metadata.dev(), metadata.ino(), metadata.mtime(), metadata.mtime_nsec())
}

/// Removes a socket at which nobody listens.
///
/// # Errors
/// As [`Address::take`].
fn clear(path: &Path) -> io::Result<()> {
    let found = match fs::symlink_metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        found => found?,
    };
    if !found.file_type().is_socket() {
        let text = "what lies there is no socket: move it away";
        return Err(io::Error::new(io::ErrorKind::AlreadyExists, text));
    }
    for look in 0..LOOKS {
        if look > 0 {
            thread::sleep(PAUSE);
        }
        if is_listened_at(path)? {
            return Err(io::Error::new(io::ErrorKind::AddrInUse, "another engine, or another program, listens there"));
        }
    }
    // Moved away first: it is ours to remove only if it is the one that was asked.
    let aside = path.with_extension(format!("{}.dead", process::id()));
    match fs::rename(path, &aside) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        moved => moved?,
    }
    if dead_identity(&fs::symlink_metadata(&aside)?) != dead_identity(&found) {
        // Made by somebody in this moment: it is put back, unless there is a newer one still.
        fs::hard_link(&aside, path)?;
    }
    fs::remove_file(&aside)
}

/// Whether somebody listens at a socket.
///
/// # Errors
/// It can't be known: the system does not let us ask.
fn is_listened_at(path: &Path) -> io::Result<bool> {
    // Non-blocking: a listener that has no time would keep us waiting.
    let flags = SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK;
    let descriptor = socket(AddressFamily::Unix, SockType::Stream, flags, None)?;
    match connect(descriptor.as_raw_fd(), &UnixAddr::new(path)?) {
        // A full queue, or a socket of another kind, has an owner too.
        Ok(()) | Err(Errno::EAGAIN | Errno::EINPROGRESS | Errno::EPROTOTYPE) => Ok(true),
        Err(Errno::ECONNREFUSED | Errno::ENOENT) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::net::{UnixDatagram, UnixListener, UnixStream};

    use super::*;

    fn place() -> (tempfile::TempDir, Address) {
        let folder = tempfile::tempdir().expect("a folder");
        let place = Address::new(&folder.path().join("engine.sock"), folder.path(), None);
        (folder, place)
    }

    fn kept(place: &Address) -> BoundSocket {
        let identity = identity(&fs::symlink_metadata(&place.path).expect("a socket"));
        BoundSocket { place: place.clone(), identity, is_ours: true, again: unbounded_channel().0 }
    }

    fn refused(place: &Address) -> io::ErrorKind {
        place.take().expect_err("it is refused").kind()
    }

    #[test]
    fn a_dead_engines_socket_is_replaced_and_a_living_ones_is_left() {
        let (folder, place) = place();
        drop(UnixListener::bind(&place.path).expect("a socket that nobody listens at any more"));
        let _listener = place.take().expect("the place is free");
        assert_eq!(fs::metadata(&place.path).expect("a socket").permissions().mode() & 0o777, 0o600);
        assert_eq!(refused(&place), io::ErrorKind::AddrInUse);
        UnixStream::connect(&place.path).expect("the first one still listens");
        drop(kept(&place));
        let left = fs::read_dir(folder.path()).expect("a folder").count();
        assert_eq!(left, 0, "it goes with its engine, and leaves nothing");
    }

    #[test]
    fn what_is_no_socket_or_somebody_elses_is_never_removed() {
        let (_folder, place) = place();
        fs::write(&place.path, "a catalog").expect("a file");
        assert_eq!(refused(&place), io::ErrorKind::AlreadyExists);
        assert_eq!(fs::read(&place.path).expect("the file"), b"a catalog");
        fs::remove_file(&place.path).expect("it is ours");
        let _other = UnixDatagram::bind(&place.path).expect("a socket of another kind");
        assert_eq!(refused(&place), io::ErrorKind::AddrInUse);
        assert!(place.path.exists());
    }

    #[test]
    fn a_listener_that_has_no_time_is_alive() {
        let (_folder, place) = place();
        let listener = place.take().expect("the place is free");
        listen(&listener, Backlog::new(0).expect("a number")).expect("a short queue");
        for _ in 0..16 {
            assert!(is_listened_at(&place.path).expect("it can be asked"));
        }
    }

    #[test]
    fn a_socket_that_was_removed_is_made_again_and_another_ones_is_left() {
        let (_folder, place) = place();
        let _old = place.take().expect("the place is free");
        let mut kept = kept(&place);
        let (to, mut again) = unbounded_channel();
        kept.again = to;
        assert_eq!(kept.look(), Ok(()));
        assert!(again.try_recv().is_err(), "all is well");
        fs::remove_file(&place.path).expect("a cleaner may");
        assert_eq!(kept.look(), Ok(()));
        let listener = again.try_recv().expect("a new listener");
        let _client = UnixStream::connect(&place.path).expect("somebody listens");
        listener.accept().expect("the new one");
        // Somebody else has taken the place.
        fs::remove_file(&place.path).expect("it is removed");
        let _other = UnixListener::bind(&place.path).expect("another one's");
        assert!(kept.look().is_err_and(|text| text.contains("listens there")));
        drop(kept);
        assert!(place.path.exists(), "what is not ours stays");
    }
}
