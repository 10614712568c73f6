//! What the kernel lets this process touch: the recordings to read, the catalog and the peaks to write, the server of the records if they lie on one,
//! and nothing else.
//!
//! The seeds of the draw, the key that signs the ledger and the engine's memory are none of its business, whatever a request makes its code do.

use std::{fs::DirBuilder, io, os::unix::fs::DirBuilderExt as _, path::Path};

use retrocall_core::barrier::{self, Barrier};
use retrocall_records::{
    desk::{DeskFiles, HeldOpen, HomeDesk, NAMES, NotDone},
    peaks_in,
};
use retrocall_store::{Address as StoreAddress, Store};

/// Where a system keeps whom it believes on a network.
const CERTIFICATES: [&str; 4] =
    ["/etc/ssl", "/etc/pki", "/usr/share/ca-certificates", "/usr/local/share/ca-certificates"];

/// Bars the calling thread, and all that it starts from here on, from everything that the pages don't need. Returns how far the kernel does it, and
/// what keeps the catalog's files the same ones.
///
/// # Errors
/// Why the catalog can't be had: there is none, before an engine has made one.
pub(crate) fn confine(
    desk: &HomeDesk,
    home: &Path,
    recordings: &Path,
    store: Option<&Store>,
) -> Result<(Barrier, HeldOpen), NotDone> {
    // Its log and index are there while somebody has it open, and rules are about files that are there.
    let before = desk.hold_open()?;
    let peaks = peaks_in(home);
    match DirBuilder::new().mode(0o700).create(&peaks) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
            // Pictures are computed each time, then.
            tracing::warn!(path = %peaks.display(), "the folder of peaks can't be made: {error}");
        }
        _ => {}
    }
    let DeskFiles { written, read, port } = desk.files();
    let store = store.map(Store::address);
    let folder = store.and_then(StoreAddress::folder).map(|folder| &**folder);
    let writes: Vec<&Path> = written.iter().map(|file| &**file).chain([&*peaks]).chain(folder).collect();
    let store_port = store.and_then(StoreAddress::port);
    let by_name = NAMES.iter().chain(&CERTIFICATES).map(Path::new).filter(|_| store_port.is_some());
    let reads: Vec<&Path> = read.iter().map(|file| &**file).chain([recordings]).chain(by_name).collect();
    let ports: Vec<u16> = port.into_iter().chain(store_port).collect();
    let height = barrier::touch_only(&reads, &writes, &ports);
    // Another hold, whose thread is behind the barrier, before the first one goes.
    let held = desk.hold_open()?;
    drop(before);
    Ok((height, held))
}
