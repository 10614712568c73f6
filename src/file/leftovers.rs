//! The files that earlier tries of a commit left on the disk. After a failed sync the files are written again from their beginning. If the system
//! lets a file grow farther than before, or not so far, the new files begin elsewhere, and may be fewer.
//!
//! Belongs here: which files there are, and how they end. Does not: what is written to a file that is used again.

use std::{
    io::{self, ErrorKind, SeekFrom},
    path::Path,
};

use super::{
    disk::{Disk, DiskFile},
    paths::Paths,
    trouble::Refusal,
};

/// Zeros that are written at once.
const ZEROS: [u8; 16 << 10] = [0; 16 << 10];

/// The files that a commit ever made, by the position of the first sample of each.
#[derive(Debug, Default)]
pub struct Leftovers(Vec<u64>);

impl Leftovers {
    /// Whether there is a file for this part, from 1, that began elsewhere: what it holds would count as this one's.
    pub fn differs(&self, number: u32, base: u64) -> bool {
        self.0.get(number as usize - 1).is_some_and(|before| *before != base)
    }

    /// The file of this part holds nothing but what begins at this position.
    pub fn note(&mut self, number: u32, base: u64) {
        match self.0.get_mut(number as usize - 1) {
            Some(before) => *before = base,
            None => self.0.push(base),
        }
    }

    /// Whether there are files beyond so many parts.
    pub fn are_beyond(&self, parts: usize) -> bool {
        self.0.len() > parts
    }

    /// Overwrites and removes the files beyond so many parts. Their folder is still to be synced.
    ///
    /// # Errors
    /// What the disk refuses.
    pub fn remove_beyond(&mut self, parts: usize, disk: &dyn Disk, paths: &Paths) -> Result<(), Refusal> {
        while self.are_beyond(parts) {
            let path = paths.unfinished(self.0.len() as u32);
            remove(disk, &path).map_err(|error| Refusal::new("remove", &path, error))?;
            self.0.pop();
        }
        Ok(())
    }
}

fn remove(disk: &dyn Disk, path: &Path) -> io::Result<()> {
    let mut file = match disk.open_existing(path) {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
    };
    wipe_from(&mut *file, 0)?;
    drop(file);
    disk.remove(path)
}

/// Overwrites what a file holds from a byte on, durably, and cuts it there.
pub(super) fn wipe_from(file: &mut dyn DiskFile, from: u64) -> io::Result<()> {
    let mut left = file.length()?.saturating_sub(from);
    if left == 0 {
        return Ok(());
    }
    file.seek(SeekFrom::Start(from))?;
    while left > 0 {
        let count = left.min(ZEROS.len() as u64);
        match file.write_all(&ZEROS[..count as usize]) {
            // It was made when files could grow farther: then it can only be cut.
            Err(error) if error.kind() == ErrorKind::FileTooLarge => break,
            written => written?,
        }
        left -= count;
    }
    file.sync_data()?;
    file.set_len(from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_could_not_be_overwritten_is_still_known_at_the_next_try() {
        let mut left = Leftovers::default();
        assert!(!left.differs(1, 0), "there is no file");
        left.note(1, 0);
        left.note(2, 10_000);
        assert!(!left.differs(1, 0) && left.differs(2, 15_000));
        assert!(left.differs(2, 15_000), "as long as nobody says that it is overwritten");
        left.note(2, 15_000);
        assert!(!left.differs(2, 15_000) && left.are_beyond(1) && !left.are_beyond(2));
    }
}
