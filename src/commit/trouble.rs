//! What the disk says, in words for people, and what to do about it.

use std::{
    io::{self, ErrorKind},
    path::Path,
};

/// Something that the disk refused.
#[derive(Debug)]
pub(super) struct Refusal {
    /// The words, with the next step. They stay the same while the trouble stays the same.
    pub text: String,
    /// Whether what was written before still counts. Not after a failed sync; but a disk that is full took nothing and lost nothing.
    pub keeps: bool,
}

impl Refusal {
    /// The disk refused to do `what` with `path`; nothing that was written to the file counts any more.
    pub(super) fn new(what: &str, path: &Path, error: &io::Error) -> Refusal {
        Refusal { text: words(what, path, error), keeps: false }
    }

    /// The disk refused to take more: what it took before stays.
    pub(super) fn of_write(path: &Path, error: &io::Error) -> Refusal {
        let keeps = matches!(error.kind(), ErrorKind::StorageFull | ErrorKind::QuotaExceeded);
        Refusal { keeps, ..Refusal::new("write", path, error) }
    }

    /// Something has the recording's name.
    pub(super) fn of_name(path: &Path) -> Refusal {
        Refusal { text: format!("{} is already there and is not replaced; move it away", path.display()), keeps: true }
    }
}

/// A sentence: what could not be done, why, and the next step.
pub(super) fn words(what: &str, path: &Path, error: &io::Error) -> String {
    let folder = path.parent().unwrap_or(path).display();
    let step = match error.kind() {
        ErrorKind::StorageFull => format!("make room on the disk that holds {folder}"),
        ErrorKind::QuotaExceeded => format!("make room, or raise this user's quota, on the disk that holds {folder}"),
        ErrorKind::ReadOnlyFilesystem => format!("mount the disk that holds {folder} writable again"),
        ErrorKind::PermissionDenied => format!("let the user that runs retrocall write to {folder}"),
        ErrorKind::NotFound => format!("{folder} is made again at the next try; leave it in its place"),
        ErrorKind::NotADirectory => format!("move away what stands in the place of {folder}"),
        ErrorKind::AlreadyExists => format!("move {} away", path.display()),
        _ => format!("check the disk that holds {folder}"),
    };
    format!("can't {what} {}: {error}; {step}", path.display())
}
