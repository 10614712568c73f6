//! Writing and removing an object of a store that is a folder.
//!
//! Belongs here: these two steps. All else of such a store is `object_store`'s. Does not: buckets.
//!
//! `object_store` writes a file beside its place and gives it its name then. A kill between the two leaves that file: audio that no list shows and nobody
//! deletes. So an object is written in its place: a kill leaves a damaged one there, which a list shows, and which whoever reads it back removes.

use std::{
    fs::{self, DirBuilder, File, OpenOptions},
    io::{self, ErrorKind, Write as _},
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _},
    path::Path,
};

use super::Put;

/// Writes an object, durably, if none of this name is there.
pub(crate) fn put(root: &Path, object: &Path, bytes: &[u8]) -> io::Result<Put> {
    let above = object.parent().unwrap_or(root);
    DirBuilder::new().recursive(true).mode(0o700).create(above)?;
    let mut file = match OpenOptions::new().write(true).create_new(true).mode(0o600).open(object) {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::AlreadyExists => return Ok(Put::There),
        Err(error) => return Err(error),
    };
    if let Err(error) = file.write_all(bytes).and_then(|()| file.sync_all()) {
        // A full disk: what is there of it is of use to nobody.
        let _ = fs::remove_file(object);
        return Err(error);
    }
    // Its name, and those of folders that may be new.
    for folder in above.ancestors().take_while(|folder| folder.starts_with(root)) {
        File::open(folder)?.sync_all()?;
    }
    Ok(Put::New)
}

/// Removes an object, durably. False if none of this name was there.
pub(crate) fn remove(object: &Path) -> io::Result<bool> {
    let was_there = match fs::remove_file(object) {
        Ok(()) => true,
        Err(error) if error.kind() == ErrorKind::NotFound => false,
        Err(error) => return Err(error),
    };
    // Whether or not an earlier try came so far.
    match object.parent().map(File::open) {
        Some(Ok(above)) => above.sync_all()?,
        Some(Err(error)) if error.kind() != ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    Ok(was_there)
}
