//! Reads published recordings back: what they say of themselves.
//!
//! Belongs here: what a whole recording is, from its files. Does not: files that are not published (`recover`), the bytes of a file (`prefix`).

use std::{
    fs::{File, OpenOptions},
    io::{self, Read as _},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

use nix::fcntl::OFlag;

use super::{
    contents::Contents,
    disk::{Disk, DiskFile},
    durable::Durable,
    label::Completeness,
    marks::Mark,
    paths::{Paths, name},
    prefix::{PREFIX_BYTES, Prefix},
    trouble,
};
use retrocall_words::Label;

/// Reads what a published recording says of itself, with all its parts, and makes it durable: for one that the catalog does not know. `path` is
/// that of its first part.
///
/// # Errors
/// Why it does not say what it is, and what to do.
pub fn read_recording(disk: &dyn Disk, path: &Path) -> Result<(Durable, Label), String> {
    let mut parts = read_parts(path, &|path| disk.open_existing(path))?;
    for (path, _, file) in &mut parts {
        file.sync_data().map_err(|error| trouble::words("sync", path, &error))?;
    }
    // Whoever renamed them may have been killed before it could sync the names.
    sync_folder_of(disk, path)?;
    let is_incomplete = parts.iter().any(|(_, contents, _)| contents.comment.state == Completeness::Incomplete);
    let parts = parts.into_iter().map(|(path, contents, _)| (path, contents));
    Durable::of(parts, is_incomplete).ok_or_else(|| format!("{} has no parts", path.display()))
}

/// What a published recording says of itself, all its parts together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Summary {
    /// Whose it is and why it is kept.
    pub label: Label,
    /// The call's position of the first sample.
    pub first: u64,
    /// Samples of each leg.
    pub samples: u64,
    /// How long its files are together.
    pub bytes: u64,
    /// Whether it says that something is missing.
    pub incomplete: bool,
    /// Its files.
    pub parts: Vec<PathBuf>,
    /// What happened when.
    pub marks: Vec<Mark>,
}

/// Reads what a published recording says of itself, and changes nothing. `path` is that of its first part.
///
/// # Errors
/// What is wrong with it, and what to do.
pub fn look_at(path: &Path) -> Result<Summary, String> {
    let parts = read_parts(path, &|path| Ok(Box::new(open_to_read(path)?)))?;
    let is_incomplete = parts.iter().any(|(_, contents, _)| contents.comment.state == Completeness::Incomplete);
    let whole = Durable::of(parts.into_iter().map(|(path, contents, _)| (path, contents)), is_incomplete);
    let (durable, label) = whole.ok_or_else(|| format!("{} has no parts", path.display()))?;
    Ok(Summary {
        label,
        first: durable.first,
        samples: durable.samples(),
        bytes: durable.bytes(),
        incomplete: durable.incomplete,
        parts: durable.parts.into_iter().map(|part| part.path).collect(),
        marks: durable.marks,
    })
}

type OpenFile<'a> = &'a dyn Fn(&Path) -> io::Result<Box<dyn DiskFile>>;
/// A part: where it is, what it holds, and the open file.
type OpenPart = (PathBuf, Contents, Box<dyn DiskFile>);

fn read_parts(path: &Path, open: OpenFile<'_>) -> Result<Vec<OpenPart>, String> {
    let mut all: Vec<OpenPart> = Vec::new();
    loop {
        let number = all.len() as u32 + 1;
        let call = all.first().map(|(_, first, _)| first.comment.label.call.id);
        let path = call.map_or(path.to_owned(), |call| path.with_file_name(name(call, number)));
        let mut file = open(&path).map_err(|error| trouble::words("open", &path, &error))?;
        let contents = Contents::read(&mut *file, &path).map_err(|unread| unread.words(&path))?;
        contents.expect_published(&path)?;
        if contents.comment.part != number || call.is_some_and(|call| call != contents.comment.label.call.id) {
            return Err(misnamed(&path, &contents));
        }
        let is_last = number >= contents.comment.parts;
        all.push((path, contents, file));
        if is_last {
            return Ok(all);
        }
    }
}

fn open_to_read(path: &Path) -> io::Result<File> {
    OpenOptions::new().read(true).custom_flags((OFlag::O_NOFOLLOW | OFlag::O_NONBLOCK).bits()).open(path)
}

/// Reads the label of a recording's file, published or not, and changes nothing. None if there is no such file, or if it does not say what it is.
pub fn label_of(path: &Path) -> Option<Label> {
    let mut file = open_to_read(path).ok()?;
    let mut head = vec![0; PREFIX_BYTES];
    file.read_exact(&mut head).ok()?;
    Prefix::parse(&head).ok().map(|(_, comment, _)| comment.label)
}

/// What a file of a recording says of itself, for whoever compares.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Description {
    /// Whose it is and why it is kept.
    pub label: Label,
    /// Samples of each leg.
    pub samples: u64,
    /// The call's position of the first one.
    pub first: u64,
    /// How long the file is.
    pub bytes: u64,
    /// Whether it says that something is missing.
    pub incomplete: bool,
    /// Which part it is, and of how many.
    pub part: u32,
    /// How many parts it says there are.
    pub parts: u32,
    /// Where it belongs, from the folder of all recordings on.
    pub place: PathBuf,
}

/// Reads what a published file says of itself, and changes nothing.
///
/// # Errors
/// What is wrong with it, and what to do.
pub fn inspect(path: &Path) -> Result<Description, String> {
    let mut file = open_to_read(path).map_err(|error| trouble::words("open", path, &error))?;
    let contents = Contents::read(&mut file, path).map_err(|unread| unread.words(path))?;
    contents.expect_published(path)?;
    let part = contents.comment.part;
    Ok(Description {
        place: Paths::of(Path::new(""), contents.comment.label.call.id, contents.comment.label.call.began_at).wav(part),
        samples: contents.frames,
        first: contents.comment.first,
        bytes: contents.length(),
        incomplete: contents.comment.state == Completeness::Incomplete,
        part,
        parts: contents.comment.parts.max(1),
        label: contents.comment.label,
    })
}

/// A file that says it is another one.
pub(super) fn misnamed(path: &Path, contents: &Contents) -> String {
    let (call, part) = (contents.comment.label.call.id, contents.comment.part);
    format!("{} says it is of call {call}, part {part}; name it {}", path.display(), name(call, part))
}

/// Makes the name of a file durable.
pub(super) fn sync_folder_of(disk: &dyn Disk, path: &Path) -> Result<(), String> {
    let folder = path.parent().unwrap_or(path);
    disk.sync_dir(folder).map_err(|error| trouble::words("sync the folder of", path, &error))
}
