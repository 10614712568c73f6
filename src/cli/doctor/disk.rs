//! Checks that recordings can be written, durably, and read by nobody else.

use std::{
    fs, io,
    os::unix::fs::{MetadataExt, PermissionsExt},
    path::{Path, PathBuf},
    time::Duration,
};

use nix::{
    sys::statvfs::statvfs,
    unistd::{AccessFlags, Uid, access},
};

use super::{
    super::{Context, output},
    Check,
};
use retrocall_file::{self as file, Probe, Warning};
use retrocall_settings::Settings;

/// Less free space than this is soon gone.
const FREE_BYTES_WARN: u64 = 1 << 30;
/// Less than this does not hold one long call.
const FREE_BYTES_FAIL: u64 = 128 << 20;
/// An hour of PCM16, stereo, at 8 kHz.
const BYTES_AN_HOUR: u64 = 3600 * 8000 * 4;
/// On a disk that syncs more slowly, `erase-last` and the news of a kept call are slow.
const SYNC_WARN: Duration = Duration::from_millis(250);
/// How many names are checked: more would take long, and where one is wrong many are.
const NAMES_MAX: usize = 100_000;

pub(super) fn checks(context: &Context, settings: &Settings) -> Vec<Check> {
    let home = context.home();
    if !home.is_dir() {
        let start = context.typed("run");
        return vec![match home.exists() {
            true => Check::fail("home", format!("{} is not a folder", home.display()), "name another one with --home"),
            false if !can_be_made(home) => Check::fail(
                "home",
                format!("there is no {}, and you may not make it", home.display()),
                "name a folder that you may write with --home",
            ),
            false => Check::warn("home", format!("there is no {} yet", home.display()), format!("`{start}` makes it")),
        }];
    }
    let recordings = home.join("recordings");
    let written_to = if recordings.is_dir() { recordings.clone() } else { home.to_owned() };
    let mut checks = vec![home_check(home, settings.socket_group.is_some()), modes_check(&recordings)];
    checks.extend(write_checks(&recordings));
    checks.push(free_check(&written_to));
    checks
}

/// Whether the nearest existing folder above can take new ones.
fn can_be_made(home: &Path) -> bool {
    home.ancestors()
        .find(|above| above.exists())
        .is_some_and(|above| access(above, AccessFlags::W_OK | AccessFlags::X_OK).is_ok())
}

/// Checks that the home folder is the owner's alone. Where a group may use the socket, that group may pass through.
fn home_check(home: &Path, group_passes: bool) -> Check {
    let metadata = match fs::metadata(home) {
        Ok(metadata) => metadata,
        Err(error) => {
            let text = format!("{} can't be read ({error})", home.display());
            return Check::fail("home", text, "run this as the user who runs the engine");
        }
    };
    if metadata.permissions().mode() & 0o1000 != 0 {
        let text = format!("{} is a folder that all users share", home.display());
        return Check::fail("home", text, "name a folder of the engine's own with --home");
    }
    let mode = metadata.permissions().mode() & 0o777;
    let open_to_others = mode & if group_passes { 0o067 } else { 0o077 };
    match (metadata.uid() == Uid::effective().as_raw(), open_to_others) {
        (false, _) => Check::warn(
            "home",
            format!("{} belongs to user {}", home.display(), metadata.uid()),
            "run this as the user who runs the engine",
        ),
        (true, 0) => Check::ok("home", format!("{} is yours alone (mode {mode:04o})", home.display())),
        (true, _) => Check::warn(
            "home",
            format!("{} is open to others (mode {mode:04o})", home.display()),
            format!("chmod {} {}", if group_passes { "0710" } else { "0700" }, home.display()),
        ),
    }
}

/// Checks modes: folders 0700, files 0600.
fn modes_check(recordings: &Path) -> Check {
    let (mut looked_at, mut open, mut folders) = (0, Vec::new(), vec![recordings.to_owned()]);
    while let Some(folder) = folders.pop() {
        let entries = match fs::read_dir(&folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            Err(error) => {
                let text = format!("{} can't be listed ({error})", folder.display());
                return Check::fail("recordings", text, "run this as the user who runs the engine");
            }
        };
        if mode(&folder).is_some_and(|mode| mode & 0o077 != 0) {
            open.push(folder.clone());
        }
        for entry in entries.flatten() {
            looked_at += 1;
            match entry.file_type() {
                Ok(kind) if kind.is_dir() => folders.push(entry.path()),
                _ if mode(&entry.path()).is_some_and(|mode| mode & 0o077 != 0) => open.push(entry.path()),
                _ => {}
            }
        }
        if looked_at > NAMES_MAX {
            break;
        }
    }
    match open.first() {
        None if looked_at == 0 => Check::ok("recordings", "nothing is kept yet"),
        None => Check::ok("recordings", format!("{looked_at} files and folders, all of them closed to others")),
        Some(first) => Check::warn(
            "recordings",
            format!("{} of {looked_at} files and folders are open to others: {}", open.len(), first.display()),
            format!("chmod -R u=rwX,go= {}", recordings.display()),
        ),
    }
}

fn mode(path: &PathBuf) -> Option<u32> {
    fs::symlink_metadata(path).ok().map(|metadata| metadata.permissions().mode())
}

/// Does each step of a commit once.
fn write_checks(recordings: &Path) -> Vec<Check> {
    let was_there = fs::symlink_metadata(recordings).is_ok();
    let probe = file::probe(recordings);
    if !was_there {
        // Only if nothing else is in it by now.
        let _ = fs::remove_dir(recordings);
    }
    let Probe { sync, warnings } = match probe {
        Ok(probe) => probe,
        Err(text) => {
            return vec![Check::fail("disk", text, "run this as the user who runs the engine, if that is another")];
        }
    };
    let (folder, took_ms) = (recordings.display(), sync.as_millis());
    let mut checks = vec![match sync < SYNC_WARN {
        true => Check::ok("disk", format!("{folder} takes what a recording needs, and syncs it in {took_ms} ms")),
        false => Check::warn(
            "disk",
            format!("{folder} takes {took_ms} ms to sync"),
            "calls are not affected, but kept ones are durable later: use a faster disk",
        ),
    }];
    checks.extend(warnings.into_iter().map(|Warning { text, todo }| Check::warn("disk", text, todo)));
    checks
}

fn free_check(folder: &Path) -> Check {
    let free = match statvfs(folder) {
        Ok(stat) => stat.blocks_available() * stat.fragment_size(),
        Err(error) => {
            return Check::warn("space", format!("the free space can't be told ({error})"), "look with `df`");
        }
    };
    let text = format!("{} free: {} hours of recordings at 8 kHz", output::size(free), free / BYTES_AN_HOUR);
    match free {
        _ if free < FREE_BYTES_FAIL => Check::fail("space", text, "make room: nothing can be kept"),
        _ if free < FREE_BYTES_WARN => Check::warn("space", text, "make room soon"),
        _ => Check::ok("space", text),
    }
}

#[cfg(test)]
mod tests {
    use std::fs::Permissions;

    use super::{super::State, *};

    fn home() -> tempfile::TempDir {
        let home = tempfile::tempdir().expect("a folder");
        fs::set_permissions(home.path(), Permissions::from_mode(0o700)).expect("a mode");
        home
    }

    #[test]
    fn what_others_could_read_is_named_with_the_command_that_closes_it() {
        let home = home();
        assert_eq!(home_check(home.path(), false).state, State::Ok);
        fs::set_permissions(home.path(), Permissions::from_mode(0o710)).expect("a mode");
        assert_eq!(home_check(home.path(), true).state, State::Ok);
        let check = home_check(home.path(), false);
        assert_eq!(check.state, State::Warn);
        assert!(check.todo.expect("something to do").starts_with("chmod 0700 "));

        let day = home.path().join("recordings/2026");
        fs::create_dir_all(&day).expect("folders");
        fs::set_permissions(home.path().join("recordings"), Permissions::from_mode(0o700)).expect("a mode");
        fs::set_permissions(&day, Permissions::from_mode(0o700)).expect("a mode");
        let file = day.join("a.wav");
        fs::write(&file, "x").expect("a file");
        fs::set_permissions(&file, Permissions::from_mode(0o600)).expect("a mode");
        assert_eq!(modes_check(&home.path().join("recordings")).state, State::Ok);
        fs::set_permissions(&file, Permissions::from_mode(0o644)).expect("a mode");
        let check = modes_check(&home.path().join("recordings"));
        assert_eq!(check.state, State::Warn);
        assert!(check.text.contains("1 of 2") && check.text.contains("a.wav"), "{}", check.text);
    }

    #[test]
    fn the_check_of_the_disk_leaves_nothing_behind() {
        let home = home();
        let recordings = home.path().join("recordings");
        assert!(write_checks(&recordings).iter().all(|check| check.state != State::Fail));
        assert_eq!(fs::read_dir(home.path()).expect("a list").count(), 0);
        std::os::unix::fs::symlink("/nowhere/disk", &recordings).expect("a link");
        let checks = write_checks(&recordings);
        assert_eq!((checks.len(), checks[0].state), (1, State::Fail));
        assert!(checks[0].text.contains("make /nowhere/disk and start the engine again"), "{}", checks[0].text);
    }
}
