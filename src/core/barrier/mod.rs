//! The kernel's barrier around a thread, which holds whatever the code does: Landlock (landlock(7)).
//!
//! Belongs here: raising a barrier for the calling thread, and its height. Does not: which thread needs which barrier.
//!
//! A barrier holds for the thread that raises it and for those that it starts, and is never lowered. A thread may still read, and write to what is
//! open already: a socket, the log.

use std::{fmt, path::Path, thread};

use landlock::{
    ABI, Access, AccessFs, AccessNet, BitFlags, CompatLevel, Compatible, NetPort, PathBeneath, PathFd, Ruleset,
    RulesetAttr, RulesetCreatedAttr, RulesetError, RulesetStatus, Scope,
};

/// The newest rights that are asked for. An older kernel knows fewer.
const NEWEST: ABI = ABI::V6;

/// The height of a barrier.
///
/// ```
/// use retrocall_core::barrier::{self, Barrier};
///
/// if barrier::probe() < Barrier::Full {
///     eprintln!("this kernel lets a thread do more than it should");
/// }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Barrier {
    /// The kernel has no Landlock or refuses it: nothing is forbidden.
    None,
    /// An older kernel: it forbids creating files and opening them for writing, but does not know some finer right.
    Partial,
    /// The kernel enforces everything that is asked for.
    Full,
}

impl fmt::Display for Barrier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Barrier::None => "none",
            Barrier::Partial => "partial",
            Barrier::Full => "full",
        })
    }
}

/// Bars the calling thread from creating, changing or removing any file, except below `folders`, and from the network and other processes. Folders
/// that don't exist are left out.
///
/// ```
/// use std::{fs, thread};
/// use retrocall_core::barrier::{self, Barrier};
///
/// let home = tempfile::tempdir()?;
/// let (inside, outside) = (home.path().join("recordings"), home.path().join("log"));
/// fs::create_dir(&inside)?;
/// let may_write = |path| fs::write(path, "").is_ok();
/// thread::scope(|scope| {
///     scope.spawn(|| {
///         let height = barrier::write_only_below(&[&inside]);
///         assert!(may_write(inside.join("file")));
///         assert!(height == Barrier::None || !may_write(outside.clone()));
///     });
/// });
/// # Ok::<(), std::io::Error>(())
/// ```
pub fn write_only_below(folders: &[&Path]) -> Barrier {
    raise(folders).unwrap_or(Barrier::None)
}

/// Bars the calling thread from creating, changing or removing any file at all, and from the network and other processes: for threads that carry live
/// audio.
pub fn write_nowhere() -> Barrier {
    write_only_below(&[])
}

/// Bars the calling thread, and all that it starts, from every file but these, from the network and from other processes: a program of its own that
/// serves what strangers send. Below `read` it may read, below `write` read, change, make and remove; a file may stand for itself. Nothing is executed.
/// What does not exist is left out, and what takes its name later is barred. Of the network it may connect to this port, if one is named.
///
/// ```
/// use std::{fs, thread};
/// use retrocall_core::barrier::{self, Barrier};
///
/// let home = tempfile::tempdir()?;
/// let [seeds, catalog] = ["seeds", "catalog"].map(|name| home.path().join(name));
/// fs::write(&seeds, "secret")?;
/// fs::write(&catalog, "")?;
/// thread::spawn(move || {
///     let height = barrier::touch_only(&[], &[&catalog], &[]);
///     assert!(fs::write(&catalog, "row").is_ok());
///     assert!(height == Barrier::None || fs::read(&seeds).is_err());
/// });
/// # Ok::<(), std::io::Error>(())
/// ```
pub fn touch_only(read: &[&Path], write: &[&Path], ports: &[u16]) -> Barrier {
    confine(read, write, ports).unwrap_or(Barrier::None)
}

fn confine(read: &[&Path], write: &[&Path], ports: &[u16]) -> Result<Barrier, RulesetError> {
    let all = AccessFs::from_all(NEWEST);
    let mut ruleset = everything_else(all)?.create()?;
    let reading = AccessFs::ReadFile | AccessFs::ReadDir;
    let rights =
        read.iter().map(|path| (path, reading)).chain(write.iter().map(|path| (path, all & !AccessFs::Execute)));
    for (path, rights) in rights {
        // A file has no names to make or remove.
        let rights = if path.is_dir() { rights } else { rights & AccessFs::from_file(NEWEST) };
        if let Ok(path) = PathFd::new(path) {
            ruleset = ruleset.add_rule(PathBeneath::new(path, rights))?;
        }
    }
    for port in ports {
        ruleset = ruleset.add_rule(NetPort::new(*port, AccessNet::ConnectTcp))?;
    }
    Ok(height(ruleset.restrict_self()?.ruleset))
}

/// These rights on files, all on the network, and what goes beyond this process: barred but for the rules that follow.
fn everything_else(files: BitFlags<AccessFs>) -> Result<Ruleset, RulesetError> {
    Ruleset::default()
        .set_compatibility(CompatLevel::BestEffort)
        .handle_access(files)?
        .handle_access(AccessNet::from_all(NEWEST))?
        .scope(Scope::from_all(NEWEST))
}

fn height(status: RulesetStatus) -> Barrier {
    match status {
        RulesetStatus::FullyEnforced => Barrier::Full,
        RulesetStatus::PartiallyEnforced => Barrier::Partial,
        _ => Barrier::None,
    }
}

fn raise(folders: &[&Path]) -> Result<Barrier, RulesetError> {
    let write = AccessFs::from_write(NEWEST);
    let mut ruleset = everything_else(write)?.create()?;
    for folder in folders {
        if let Ok(folder) = PathFd::new(folder) {
            ruleset = ruleset.add_rule(PathBeneath::new(folder, write))?;
        }
    }
    Ok(height(ruleset.restrict_self()?.ruleset))
}

/// The height of a barrier on this system, found out on a thread that ends with it.
pub fn probe() -> Barrier {
    thread::Builder::new()
        .name("barrier".to_owned())
        .spawn(write_nowhere)
        .ok()
        .and_then(|probe| probe.join().ok())
        .unwrap_or(Barrier::None)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn a_thread_behind_the_barrier_writes_only_where_it_may() {
        if probe() == Barrier::None {
            return crate::skip::skip("this kernel has no Landlock");
        }
        let (home, elsewhere) = (tempfile::tempdir().expect("a folder"), tempfile::tempdir().expect("a folder"));
        let known = elsewhere.path().join("known");
        fs::write(&known, "before").expect("not barred yet");
        thread::scope(|scope| {
            scope.spawn(|| {
                write_only_below(&[home.path()]);
                fs::write(home.path().join("a"), "x").expect("the home is allowed");
                fs::rename(home.path().join("a"), home.path().join("b")).expect("the home is allowed");
                assert!(fs::write(elsewhere.path().join("a"), "x").is_err());
                assert!(fs::write(&known, "after").is_err());
                assert!(fs::remove_file(&known).is_err());
                assert_eq!(fs::read_to_string(&known).expect("reading is allowed"), "before");
                // A thread that it starts is barred as well.
                let child = thread::spawn({
                    let path = elsewhere.path().join("b");
                    move || fs::write(path, "x").is_err()
                });
                assert!(child.join().expect("it ends"));
            });
            scope.spawn(|| {
                write_nowhere();
                assert!(fs::write(home.path().join("c"), "x").is_err());
                assert!(fs::create_dir(home.path().join("d")).is_err());
                assert!(std::net::TcpListener::bind("127.0.0.1:0").is_err() || probe() == Barrier::Partial);
            });
        });
        // A program that is confined reads less than everything, too.
        thread::scope(|scope| {
            scope.spawn(|| {
                let [seen, gone] = ["b", "gone"].map(|name| home.path().join(name));
                let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("not barred yet");
                let other = std::net::TcpListener::bind("127.0.0.1:0").expect("not barred yet");
                let address = listener.local_addr().expect("an address");
                let height = touch_only(&[&seen], &[elsewhere.path()], &[address.port()]);
                std::net::TcpStream::connect(address).expect("that port alone");
                let barred = std::net::TcpStream::connect(other.local_addr().expect("an address"));
                assert!(barred.is_err() || height < Barrier::Full);
                assert_eq!(fs::read_to_string(&seen).expect("it may"), "x");
                assert!(fs::write(&seen, "y").is_err());
                assert!(fs::remove_file(&seen).is_err());
                assert!(fs::write(&gone, "x").is_err());
                assert!(fs::read_dir(home.path()).is_err());
                fs::write(elsewhere.path().join("c"), "x").expect("it may");
                fs::remove_file(elsewhere.path().join("c")).expect("it may");
                assert!(std::process::Command::new("/bin/true").status().is_err());
            });
        });
        // The others are as free as before.
        fs::write(elsewhere.path().join("a"), "x").expect("this thread is not barred");
    }
}
