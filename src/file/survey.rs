//! What lies in the folder of all recordings, by its names.
//!
//! Belongs here: which name stands for what. Does not: what is in the files.

use std::{
    io::ErrorKind,
    path::{Path, PathBuf},
};

use super::{
    disk::{Disk, Entry},
    paths::{UNFINISHED, read_name},
    trouble,
};
use retrocall_words::CallId;

/// Digits in the names of the folders between `recordings` and a file: year, month, day.
const FOLDER_DIGITS: [usize; 3] = [4, 2, 2];

/// Something in the folder of all recordings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Item {
    /// Named as a recording, or a part of one.
    Recording {
        /// Where it is.
        path: PathBuf,
        /// Whose it is, by its name.
        call: CallId,
        /// Which part it is, from 1.
        part: u32,
    },
    /// Named as one that is not published yet.
    Unfinished {
        /// Where it is.
        path: PathBuf,
        /// Whose it is, by its name.
        call: CallId,
        /// Which part it is, from 1.
        part: u32,
    },
    /// Nothing that retrocall puts there.
    Foreign {
        /// Where it is.
        path: PathBuf,
    },
    /// A folder that can't be looked into.
    Unreadable {
        /// The folder.
        path: PathBuf,
        /// Why, and what to do.
        text: String,
    },
}

/// Everything in the folder `recordings`, in the order of the names. Without a folder there is nothing.
pub fn survey(disk: &dyn Disk, recordings: &Path) -> Vec<Item> {
    let mut items = Vec::new();
    let recordings = std::path::absolute(recordings).unwrap_or_else(|_| recordings.to_owned());
    walk(disk, &recordings, &FOLDER_DIGITS, &mut items);
    items
}

fn walk(disk: &dyn Disk, folder: &Path, below: &[usize], items: &mut Vec<Item>) {
    let entries = match disk.list(folder) {
        Ok(entries) => entries,
        // Nothing was ever recorded.
        Err(error) if error.kind() == ErrorKind::NotFound => return,
        Err(error) => {
            let text = trouble::words("look into", &folder.join("."), &error);
            return items.push(Item::Unreadable { path: folder.to_owned(), text });
        }
    };
    for entry in entries {
        match below.split_first() {
            Some((digits, below)) if entry.is_folder && is_number(&entry.path, *digits) => {
                walk(disk, &entry.path, below, items);
            }
            Some(_) => items.push(Item::Foreign { path: entry.path }),
            None => items.push(item(entry)),
        }
    }
}

fn is_number(folder: &Path, digits: usize) -> bool {
    let name = folder.file_name().and_then(|name| name.to_str()).unwrap_or("");
    name.len() == digits && name.bytes().all(|byte| byte.is_ascii_digit())
}

/// What a name in the folder of a day stands for.
fn item(Entry { path, is_folder }: Entry) -> Item {
    let name = path.file_name().and_then(|name| name.to_str()).filter(|_| !is_folder).unwrap_or("");
    match (read_name(name), name.strip_suffix(UNFINISHED).and_then(read_name)) {
        (Some((call, part)), _) => Item::Recording { path, call, part },
        (None, Some((call, part))) => Item::Unfinished { path, call, part },
        (None, None) => Item::Foreign { path },
    }
}
