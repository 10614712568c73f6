//! Gives a file its published name without ever replacing anything, by whatever way there is.
//!
//! The ways, the best first: `renameat2` with `RENAME_NOREPLACE`; a second name, after which the first one goes; an empty file that is made under
//! the new name, exclusively, and that the rename then replaces. If they are cut off between their steps, the last two leave a file with both names,
//! or an empty file that has the name. The next try goes on from there.
//!
//! Belongs here: the ways, and when to take another one. Does not: which file gets which name.

use std::{
    fs::{self, OpenOptions},
    io::{self, ErrorKind},
    os::unix::fs::{MetadataExt, OpenOptionsExt},
    path::Path,
};

use nix::errno::Errno;

use super::folder_sync::{cant, sync_folder};

/// How a file gets a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    /// In one step.
    AtOnce,
    /// It has both names for a moment.
    SecondName,
    /// An empty file has the name for a moment.
    ReservedName,
}

const WAYS: [Way; 3] = [Way::AtOnce, Way::SecondName, Way::ReservedName];

/// Gives the file `from` the name `to`.
///
/// # Errors
/// [`ErrorKind::AlreadyExists`] if something else has the name, or what else the system says.
pub(super) fn noreplace(from: &Path, to: &Path) -> io::Result<()> {
    by_some_way(from, to).map(drop)
}

/// The same, and says by which way.
pub(super) fn by_some_way(from: &Path, to: &Path) -> io::Result<Way> {
    by(&WAYS, Way::go, from, to)
}

/// Tries ways, of which there is at least one, until one works. If none does, the last says why.
fn by(ways: &[Way], go: impl Fn(Way, &Path, &Path) -> io::Result<()>, from: &Path, to: &Path) -> io::Result<Way> {
    let mut result = Err(Errno::ENOSYS.into());
    for way in ways {
        result = match go(*way, from, to) {
            Err(error) if error.kind() == ErrorKind::AlreadyExists => match is_same_file(from, to) {
                Ok(true) => fs::remove_file(from).map(|()| *way),
                _ if is_reserved(to) => over_reserved_name(from, to).map(|()| *way),
                _ => Err(error),
            },
            result => result.map(|()| *way),
        };
        if !result.as_ref().is_err_and(is_for_another_way) {
            break;
        }
    }
    result
}

impl Way {
    /// It fails if something has the name.
    fn go(self, from: &Path, to: &Path) -> io::Result<()> {
        match self {
            Way::AtOnce => at_once(from, to),
            Way::SecondName => by_second_name(from, to),
            Way::ReservedName => over_reserved_name(from, to),
        }
    }
}

/// Whether another way may do what the system refused.
fn is_for_another_way(error: &io::Error) -> bool {
    cant(error)
        || matches!(
            error.raw_os_error().map(Errno::from_raw),
            Some(Errno::EPERM | Errno::EACCES | Errno::EMLINK | Errno::EXDEV)
        )
}

#[cfg(target_env = "gnu")]
fn at_once(from: &Path, to: &Path) -> io::Result<()> {
    use nix::fcntl::{AT_FDCWD, RenameFlags, renameat2};
    Ok(renameat2(AT_FDCWD, from, AT_FDCWD, to, RenameFlags::RENAME_NOREPLACE)?)
}

#[cfg(not(target_env = "gnu"))]
fn at_once(_from: &Path, _to: &Path) -> io::Result<()> {
    Err(Errno::ENOSYS.into())
}

fn by_second_name(from: &Path, to: &Path) -> io::Result<()> {
    fs::hard_link(from, to)?;
    // Else a power cut could take the new name and not bring back the old one.
    sync_folder(to.parent().unwrap_or(to))?;
    fs::remove_file(from)
}

fn over_reserved_name(from: &Path, to: &Path) -> io::Result<()> {
    match OpenOptions::new().write(true).create_new(true).mode(0o600).open(to) {
        // A try that was cut off left it: nothing else here makes a file under its published name.
        Err(error) if error.kind() == ErrorKind::AlreadyExists && is_reserved(to) => {}
        result => drop(result?),
    }
    fs::rename(from, to).inspect_err(|_| {
        if is_reserved(to) {
            // It stays if it must; the next try takes it for what it is.
            let _ = fs::remove_file(to);
        }
    })
}

/// Whether a file is there that only reserves its name.
fn is_reserved(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok_and(|found| found.is_file() && found.len() == 0)
}

/// Whether two names are names of one file.
pub(super) fn is_same_file(one: &Path, other: &Path) -> io::Result<bool> {
    let (one, other) = (fs::symlink_metadata(one)?, fs::symlink_metadata(other)?);
    Ok((one.dev(), one.ino()) == (other.dev(), other.ino()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        let entries = fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry"));
        let mut names: Vec<String> = entries.map(|entry| entry.file_name().into_string().expect("text")).collect();
        names.sort();
        names
    }

    #[test]
    fn by_every_way_a_file_gets_its_name_and_replaces_nothing() {
        for first in 0..WAYS.len() {
            let home = tempfile::tempdir().expect("a folder");
            let [part, wav] = ["part", "wav"].map(|name| home.path().join(name));
            fs::write(&part, "new").expect("a file");
            fs::write(&wav, "precious").expect("a file");
            let refused = by(&WAYS[first..], Way::go, &part, &wav).expect_err("it is there");
            assert_eq!(refused.kind(), ErrorKind::AlreadyExists, "way {first}");
            assert_eq!(fs::read_to_string(&wav).expect("a file"), "precious", "way {first}");
            fs::remove_file(&wav).expect("removed");
            by(&WAYS[first..], Way::go, &part, &wav).expect("it is free");
            assert_eq!(
                (names(home.path()), fs::read_to_string(&wav).expect("a file")),
                (vec!["wav".to_owned()], "new".to_owned())
            );
            let gone = by(&WAYS[first..], Way::go, &part, &wav.with_extension("other")).expect_err("it is not there");
            assert_eq!((gone.kind(), names(home.path())), (ErrorKind::NotFound, vec!["wav".to_owned()]), "way {first}");
        }
    }

    #[test]
    fn where_one_way_is_not_to_be_had_the_next_is_taken() {
        let go = |way, from: &Path, to: &Path| match way {
            Way::AtOnce => Err(Errno::EINVAL.into()),
            Way::SecondName => Err(Errno::EPERM.into()),
            Way::ReservedName => over_reserved_name(from, to),
        };
        let home = tempfile::tempdir().expect("a folder");
        let [part, wav] = ["part", "wav"].map(|name| home.path().join(name));
        fs::write(&part, "new").expect("a file");
        assert_eq!(by(&WAYS, go, &part, &wav).expect("the third way"), Way::ReservedName);
        assert_eq!(names(home.path()), ["wav"]);
        let refused = by(&WAYS[..2], go, &wav, &part).expect_err("there is none");
        assert_eq!(refused.kind(), ErrorKind::PermissionDenied, "the last one says why");
    }

    #[test]
    fn a_rename_that_was_cut_off_between_its_steps_is_finished_by_the_next_try() {
        for first in 0..WAYS.len() {
            let home = tempfile::tempdir().expect("a folder");
            let [part, wav] = ["part", "wav"].map(|name| home.path().join(name));
            fs::write(&part, "new").expect("a file");
            fs::hard_link(&part, &wav).expect("a second name");
            by(&WAYS[first..], Way::go, &part, &wav).expect("the first name goes");
            assert_eq!(
                (names(home.path()), fs::read_to_string(&wav).expect("a file")),
                (vec!["wav".to_owned()], "new".to_owned())
            );
        }
        let home = tempfile::tempdir().expect("a folder");
        let [part, wav] = ["part", "wav"].map(|name| home.path().join(name));
        fs::write(&part, "new").expect("a file");
        fs::write(&wav, "").expect("a file");
        by(&WAYS[2..], Way::go, &part, &wav).expect("the empty one held the name");
        assert_eq!(
            (names(home.path()), fs::read_to_string(&wav).expect("a file")),
            (vec!["wav".to_owned()], "new".to_owned())
        );
    }
}
