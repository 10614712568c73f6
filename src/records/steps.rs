//! The next step after a refusal by the system, or by SQLite, which does not pass on the system's error.

use std::{
    fs::OpenOptions,
    io::{self, ErrorKind},
    os::unix::fs::OpenOptionsExt,
    path::Path,
};

use nix::{
    errno::Errno,
    fcntl::OFlag,
    unistd::{AccessFlags, access},
};

// Primary result codes of SQLite (sqlite.org/rescode.html).
const PERM: i32 = 3;
const NOMEM: i32 = 7;
const READONLY: i32 = 8;
const IOERR: i32 = 10;
const CANTOPEN: i32 = 14;
const NOLFS: i32 = 22;

/// The step to take when the system refuses an operation on the file at `path`.
pub(super) fn of_system(path: &Path, error: &io::Error) -> String {
    let folder = path.parent().unwrap_or(path).display();
    let step = match error.raw_os_error().map(Errno::from_raw) {
        Some(Errno::EMFILE) => "raise the limit on open files (LimitNOFILE= in the systemd unit, or `ulimit -n`)",
        Some(Errno::ENFILE) => "raise the limit on open files of this machine (`sysctl fs.file-max`)",
        Some(Errno::EFBIG) => "raise the limit on the size of a file (LimitFSIZE= in the systemd unit, or `ulimit -f`)",
        Some(Errno::EAGAIN) => {
            "raise the limit on threads of this user (TasksMax= in the systemd unit, or `ulimit -u`)"
        }
        Some(Errno::ENOMEM) => "make memory free on this machine",
        Some(Errno::ENAMETOOLONG) => "name a home with a shorter path (--home)",
        Some(Errno::ELOOP) => return format!("put what the link {} leads to in its place", path.display()),
        Some(Errno::EPERM) => {
            return format!(
                "the file system forbids it whoever asks: look for attributes (`lsattr`) of {} and its folder, and for what confines retrocall",
                path.display()
            );
        }
        Some(Errno::ESTALE) => return format!("mount the disk that holds {folder} again"),
        _ => return of_kind(path, error.kind()),
    };
    step.to_owned()
}

fn of_kind(path: &Path, kind: ErrorKind) -> String {
    let (folder, path) = (path.parent().unwrap_or(path).display(), path.display());
    match kind {
        ErrorKind::StorageFull => format!("make room on the disk that holds {folder}"),
        ErrorKind::QuotaExceeded => format!("make room, or raise this user's quota, on the disk that holds {folder}"),
        ErrorKind::ReadOnlyFilesystem => format!("mount the disk that holds {folder} writable again"),
        ErrorKind::PermissionDenied => {
            format!("let the user that runs retrocall read and write {path} and in its folder")
        }
        ErrorKind::NotFound => format!("see that the folder {folder} is there"),
        ErrorKind::NotADirectory => format!("move away what stands in the place of the folder {folder}"),
        ErrorKind::IsADirectory => format!("move the folder {path} away"),
        ErrorKind::InvalidInput | ErrorKind::InvalidData | ErrorKind::AlreadyExists => format!("move {path} away"),
        _ => format!("check the disk that holds {folder}; the kernel's log (`dmesg`) says more"),
    }
}

/// The cause and the step to take when SQLite answers with this code for the file at `path`; `said` is SQLite's name for it.
pub(super) fn of_sqlite(path: &Path, code: i32, said: &str) -> (String, String) {
    let folder = path.parent().unwrap_or(path).display();
    let asks_the_system = matches!(code, READONLY | CANTOPEN | IOERR | PERM);
    if let Some(error) = asks_the_system.then(|| refusal(path)).flatten() {
        return (error.to_string(), of_system(path, &error));
    }
    let step = match code {
        NOMEM => "make memory free on this machine".to_owned(),
        NOLFS => format!("use a file system for {folder} that takes longer files"),
        PERM | READONLY | CANTOPEN => {
            format!(
                "let the user that runs retrocall read and write {}, the files beside it and their folder",
                path.display()
            )
        }
        IOERR => format!(
            "check the disk that holds {folder} (`dmesg` says more), and this user's quota and limit on the size of a file (`ulimit -f`)"
        ),
        _ => "it is tried again; if it stays, report it: this is a defect of retrocall".to_owned(),
    };
    (said.to_owned(), step)
}

/// The system's error for opening the file to write, or for making one beside it, as SQLite does. `None` if both work.
fn refusal(path: &Path) -> Option<io::Error> {
    let mut options = OpenOptions::new();
    // Never opens a pipe: that would make the thread wait.
    options.read(true).write(true).custom_flags(OFlag::O_NONBLOCK.bits());
    let opened = options.open(path).and_then(|file| file.metadata());
    let beside =
        || access(path.parent().unwrap_or(path), AccessFlags::W_OK | AccessFlags::X_OK).map_err(io::Error::from);
    match opened {
        Ok(found) if found.is_dir() => Some(ErrorKind::IsADirectory.into()),
        Ok(_) => beside().err(),
        Err(error) => Some(error),
    }
}

/// What a server's refusal means, by its code (SQLSTATE), and what to do.
pub(super) fn of_server(code: &str) -> (String, String) {
    let (cause, step) = match (code.get(..2).unwrap_or_default(), code) {
        (_, "53100") => ("the server's disk is full", "make room there, then do it again"),
        (_, "53300") => ("the server takes no more connections", "raise its `max_connections`, then do it again"),
        (_, "55P03") => ("somebody locks its rows", "end whoever `pg_locks` shows, then do it again"),
        (_, "57P03") => ("the server is starting or stopping", "do it again once it runs"),
        ("28" | "3D", _) => {
            ("it does not let this user in", "make the database and the user, and let them in by `pg_hba.conf`")
        }
        ("42", _) => (
            "its tables are not retrocall's, or closed to this user",
            "make this user their owner, or use another database",
        ),
        ("08" | "53" | "57" | "58", _) => ("the server can't do it now", "see its log, then do it again"),
        ("XX", _) => ("the server found damage in it", "see its log, and restore a backup of the server"),
        _ => ("the server refused a statement", "report it: this is a defect of retrocall"),
    };
    (format!("{cause} (SQLSTATE {code})"), step.to_owned())
}

/// What it means that a server is not reached, or no longer, and what to do.
pub(super) fn of_way_to_server(error: &io::Error) -> (String, String) {
    let step = "see whether the server runs, and whether anything stands between; it is tried again";
    (format!("the server does not answer ({error})"), step.to_owned())
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn what_is_no_fault_of_the_folder_is_not_blamed_on_it() {
        let path = Path::new("/desk/catalog.sqlite");
        for (errno, step) in [
            (Errno::EMFILE, "raise the limit on open files (LimitNOFILE="),
            (Errno::ENFILE, "raise the limit on open files of this machine"),
            (Errno::EFBIG, "raise the limit on the size of a file"),
            (Errno::EAGAIN, "raise the limit on threads"),
            (Errno::ENOMEM, "make memory free"),
            (Errno::ENAMETOOLONG, "shorter path"),
            (Errno::ELOOP, "leads to in its place"),
            (Errno::EPERM, "lsattr"),
            (Errno::EROFS, "mount the disk that holds /desk writable again"),
            (Errno::ENOSPC, "make room on the disk that holds /desk"),
            (Errno::EDQUOT, "raise this user's quota"),
            (Errno::EACCES, "let the user that runs retrocall read and write"),
            (Errno::ENOENT, "see that the folder /desk is there"),
            (Errno::ENOTDIR, "move away what stands in the place of the folder /desk"),
            (Errno::EISDIR, "move the folder /desk/catalog.sqlite away"),
            (Errno::EIO, "check the disk that holds /desk; the kernel's log"),
        ] {
            let text = of_system(path, &errno.into());
            assert!(text.contains(step), "{errno}: {text}");
        }
    }

    #[test]
    fn a_server_that_is_not_reached_is_not_blamed_on_a_disk() {
        let server = Path::new("postgres://db/retrocall");
        let trouble = crate::Trouble::of(server, &sqlx::Error::Io(Errno::EPIPE.into())).to_string();
        assert!(trouble.contains("see whether the server runs") && !trouble.contains("disk"), "{trouble}");
    }

    #[test]
    fn what_sqlite_does_not_say_the_system_is_asked_for() {
        let home = tempfile::tempdir().expect("a folder");
        let path = home.path().join("catalog.sqlite");
        let (cause, step) = of_sqlite(&path.join("in"), CANTOPEN, "unable to open database file");
        assert!(cause.starts_with("No such file") && step.starts_with("see that the folder"), "{cause}; {step}");
        fs::create_dir(&path).expect("a folder in the way");
        let (cause, step) = of_sqlite(&path, CANTOPEN, "unable to open database file");
        assert!(cause.contains("directory") && step.starts_with("move the folder"), "{cause}; {step}");
        fs::remove_dir(&path).expect("it is empty");
        fs::write(&path, "").expect("a file");
        let (cause, step) = of_sqlite(&path, IOERR, "disk I/O error");
        assert!(cause == "disk I/O error" && step.contains("quota"), "{cause}; {step}");
        let (_, step) = of_sqlite(&path, NOMEM, "out of memory");
        assert_eq!(step, "make memory free on this machine");
        let (_, step) = of_sqlite(&path, 21, "bad parameter or other API misuse");
        assert!(step.contains("report it"), "{step}");
    }
}
