//! A file of a recording that lies in a store, in parts, read as if it were one.

use std::{
    fmt,
    io::{self, ErrorKind},
    ops::Range,
};

use retrocall_file::samples::Source;
use tokio::runtime::Handle;

use super::{Store, StoreError};

/// The parts of a file, in their order. They are read on a thread that may wait.
pub struct Parts {
    store: Store,
    /// Where each lies, and how many bytes it has.
    parts: Vec<(String, u64)>,
    runtime: Handle,
}

impl fmt::Debug for Parts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Parts").field(&self.parts.len()).finish()
    }
}

impl Parts {
    /// Of this store. The runtime is the one whose sockets the store uses.
    pub fn new(store: Store, parts: Vec<(String, u64)>, runtime: Handle) -> Parts {
        Parts { store, parts, runtime }
    }

    fn read(&self, place: &str, range: Range<u64>, into: &mut [u8]) -> io::Result<()> {
        let found = self.runtime.block_on(self.store.read(place, range)).map_err(|error| match error {
            StoreError::Missing => ErrorKind::NotFound.into(),
            error => io::Error::other(error),
        })?;
        if found.len() != into.len() {
            return Err(ErrorKind::UnexpectedEof.into());
        }
        into.copy_from_slice(&found);
        Ok(())
    }
}

impl Source for Parts {
    fn bytes(&self) -> io::Result<u64> {
        Ok(self.parts.iter().map(|(_, bytes)| bytes).sum())
    }

    fn read_exact_at(&self, mut piece: &mut [u8], mut at: u64) -> io::Result<()> {
        for (place, bytes) in &self.parts {
            if piece.is_empty() {
                return Ok(());
            }
            if at >= *bytes {
                at -= bytes;
                continue;
            }
            let count = usize::try_from((bytes - at).min(piece.len() as u64)).map_err(io::Error::other)?;
            let (now, later) = piece.split_at_mut(count);
            self.read(place, at..at + count as u64, now)?;
            (piece, at) = (later, 0);
        }
        if piece.is_empty() { Ok(()) } else { Err(ErrorKind::UnexpectedEof.into()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Address;

    #[test]
    fn parts_are_read_as_one_file() {
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().expect("threads");
        let home = tempfile::tempdir().expect("a folder");
        let store = Store::open(&Address::Folder(home.path().join("store"))).expect("a store");
        for (place, bytes) in [("a", "0123"), ("b", "45"), ("c", "6789")] {
            runtime.block_on(store.put(place, bytes.into())).expect("written");
        }
        let parts = [("a", 4), ("b", 2), ("c", 4)].map(|(place, bytes)| (place.to_owned(), bytes));
        let parts = Parts::new(store, parts.into(), runtime.handle().clone());
        assert_eq!(parts.bytes().expect("known"), 10);
        for from in 0..10 {
            for to in from..=10 {
                let mut piece = vec![0; to - from];
                parts.read_exact_at(&mut piece, from as u64).expect("read");
                assert_eq!(piece, "0123456789".as_bytes()[from..to], "{from}..{to}");
            }
        }
        assert!(parts.read_exact_at(&mut [0; 2], 9).is_err());
    }
}
