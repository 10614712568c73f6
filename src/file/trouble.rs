//! Refusals of the disk: what still counts after one, and words for people with the next step.

use std::{
    fmt,
    io::{self, ErrorKind},
    path::{Path, PathBuf},
};

use nix::errno::Errno;

use super::disk::DanglingLink;

/// Something that the disk refused, in words with the next step. They stay the same while the trouble stays the same.
#[derive(Debug)]
pub enum Refusal {
    /// The disk has no room for more. What it took before stays.
    NoRoom(Failure),
    /// A name can't be changed. The file is synced, and stays as it is.
    NoName(Failure),
    /// Something else has the recording's name.
    NameTaken(PathBuf),
    /// Something failed, and nothing that was written to the files counts any more.
    Failed(Failure),
}

/// What could not be done.
#[derive(Debug)]
pub struct Failure {
    deed: &'static str,
    path: PathBuf,
    error: io::Error,
}

impl Failure {
    fn new(deed: &'static str, path: &Path, error: io::Error) -> Failure {
        Failure { deed, path: path.to_owned(), error }
    }
}

impl Refusal {
    /// The disk refused to do `deed` with `path`.
    pub(super) fn new(deed: &'static str, path: &Path, error: io::Error) -> Refusal {
        Refusal::Failed(Failure::new(deed, path, error))
    }

    /// The disk refused to write to `path`.
    pub(super) fn of_write(path: &Path, error: io::Error) -> Refusal {
        let is_full = matches!(error.kind(), ErrorKind::StorageFull | ErrorKind::QuotaExceeded);
        let failure = Failure::new("write", path, error);
        if is_full { Refusal::NoRoom(failure) } else { Refusal::Failed(failure) }
    }

    /// The disk refused to do `deed` with the name of the file at `path`, which is synced.
    pub(super) fn of_name(deed: &'static str, path: &Path, error: io::Error) -> Refusal {
        let is_gone = error.kind() == ErrorKind::NotFound;
        let failure = Failure::new(deed, path, error);
        if is_gone { Refusal::Failed(failure) } else { Refusal::NoName(failure) }
    }

    /// Whether what the files hold still counts, so that the next try goes on from there.
    pub fn keeps_files(&self) -> bool {
        match self {
            Refusal::NoRoom(_) | Refusal::NoName(_) | Refusal::NameTaken(_) => true,
            Refusal::Failed(_) => false,
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Refusal::NoRoom(failure) | Refusal::NoName(failure) | Refusal::Failed(failure) => failure.fmt(f),
            Refusal::NameTaken(path) => {
                write!(f, "{} is already there and is not replaced; move it away", path.display())
            }
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&words(self.deed, &self.path, &self.error))
    }
}

/// A sentence: what could not be done, why, and the next step.
pub(super) fn words(what: &str, path: &Path, error: &io::Error) -> String {
    format!("can't {what} {}: {error}; {}", path.display(), next_step(path, error))
}

/// What to do about it. The system's own number says more than Rust's kind: many numbers have none.
fn next_step(path: &Path, error: &io::Error) -> String {
    let folder = path.parent().unwrap_or(path).display();
    if let Some(DanglingLink { link, target }) = error.get_ref().and_then(|cause| cause.downcast_ref()) {
        let (link, target) = (link.display(), target.display());
        // The kernel bars a running engine from what was not there when it started.
        return format!("remove the link {link}, or make {target} and start the engine again");
    }
    match error.raw_os_error().map(Errno::from_raw) {
        Some(Errno::EMFILE) => {
            "raise the limit on open files (LimitNOFILE= in the systemd unit, or `ulimit -n`)".to_owned()
        }
        Some(Errno::ENFILE) => "raise the limit on open files of this machine (`sysctl fs.file-max`)".to_owned(),
        Some(Errno::EFBIG) => format!(
            "raise the limit on the size of a file (LimitFSIZE= in the systemd unit, or `ulimit -f`), or use a file system for {folder} \
             that takes longer files"
        ),
        Some(Errno::ENAMETOOLONG) => "name a home with a shorter path (--home)".to_owned(),
        Some(Errno::ELOOP) => format!("put what the link {} leads to in its place", path.display()),
        Some(Errno::ENOMEM) => "make memory free on this machine".to_owned(),
        Some(Errno::EPERM) => format!(
            "the file system forbids it whoever asks: look for attributes of {folder} (`lsattr -d`), and for what confines retrocall"
        ),
        Some(Errno::ESTALE) => format!("mount the disk that holds {folder} again"),
        Some(Errno::EINVAL | Errno::ENOSYS | Errno::EOPNOTSUPP) => {
            format!("the file system that holds {folder} can't do this: use another one")
        }
        _ => step_by_kind(path, error.kind()),
    }
}

fn step_by_kind(path: &Path, kind: ErrorKind) -> String {
    let folder = path.parent().unwrap_or(path).display();
    match kind {
        ErrorKind::StorageFull => {
            format!("make room on the disk that holds {folder} (`df` and `df -i` say what there is)")
        }
        ErrorKind::QuotaExceeded => format!("make room, or raise this user's quota, on the disk that holds {folder}"),
        ErrorKind::ReadOnlyFilesystem => format!("mount the disk that holds {folder} writable again"),
        ErrorKind::PermissionDenied => format!("let the user that runs retrocall write to {folder}"),
        ErrorKind::NotFound => format!("{folder} is made again at the next try; leave it in its place"),
        ErrorKind::NotADirectory => format!("move away what stands in the place of {folder}"),
        ErrorKind::AlreadyExists | ErrorKind::IsADirectory | ErrorKind::InvalidInput => {
            format!("move {} away", path.display())
        }
        _ => format!("check the disk that holds {folder}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_fault_of_the_disk_is_not_blamed_on_it() {
        for (errno, step) in [
            (Errno::EMFILE, "raise the limit on open files (LimitNOFILE="),
            (Errno::ENFILE, "raise the limit on open files of this machine"),
            (Errno::EFBIG, "raise the limit on the size of a file"),
            (Errno::ENAMETOOLONG, "shorter path"),
            (Errno::ELOOP, "leads to in its place"),
            (Errno::ENOMEM, "make memory free"),
            (Errno::EPERM, "lsattr"),
            (Errno::EACCES, "let the user that runs retrocall write to /desk/recordings"),
            (Errno::EOPNOTSUPP, "use another one"),
            (Errno::ENOTDIR, "move away what stands in the place of /desk/recordings"),
            (Errno::EISDIR, "move /desk/recordings/a.wav away"),
        ] {
            let text = words("open", Path::new("/desk/recordings/a.wav"), &errno.into());
            assert!(text.contains(step) && !text.contains("check the disk"), "{text}");
        }
        let text = words("write", Path::new("/desk/recordings/a.wav"), &Errno::EIO.into());
        assert!(text.ends_with("check the disk that holds /desk/recordings"), "{text}");
    }
}
