//! The clean-up of a centre, in the process of its pages: a thread that asks the store.
//!
//! Belongs here: how a sweep's questions get to the store. Does not: what is deleted, and in which steps (`retrocall_records::sweep`).

use std::{io, panic, path::Path, sync::Arc, thread};

use bytes::Bytes;
use jiff::Timestamp;
use retrocall_records::{
    desk::{Adopted, HomeDesk, NotDone, Orders as _},
    sweep::{CentreHourly, CentreSweep, Objects, Tombstone},
};
use retrocall_store::{
    Address as StoreAddress, Put, SITES, Store, StoreError, TOMBSTONES, recording_folder, tombstone_place,
};
use tokio::runtime::{Handle, Runtime};

/// More than a tombstone has, an order, or what a site says of a recording.
const SMALL_BYTES_MAX: u64 = 8 << 20;

/// A store, for threads that may wait.
struct Waiting {
    store: Store,
    /// Whose sockets the store uses.
    runtime: Handle,
    /// The same, if it is nobody else's.
    _own: Option<Runtime>,
}

/// The store at an address, for a clean-up. Its sockets are those of this runtime.
///
/// # Errors
/// Why it can't be used, in words.
pub fn objects_at(address: &str, runtime: Handle) -> Result<Arc<dyn Objects>, String> {
    let address: StoreAddress = address.parse().map_err(|error| format!("store: {error}"))?;
    Ok(objects_of(Store::open(&address)?, runtime))
}

pub(crate) fn objects_of(store: Store, runtime: Handle) -> Arc<dyn Objects> {
    Arc::new(Waiting { store, runtime, _own: None })
}

/// The store at an address, for a command. Not for a thread that is inside a runtime.
///
/// # Errors
/// Why it can't be used, in words.
pub fn objects_alone(address: &str) -> Result<Arc<dyn Objects>, String> {
    let address: StoreAddress = address.parse().map_err(|error| format!("store: {error}"))?;
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
    let runtime = runtime.map_err(|error| format!("can't start threads ({error}): raise the limit on processes"))?;
    Ok(Arc::new(Waiting { store: Store::open(&address)?, runtime: runtime.handle().clone(), _own: Some(runtime) }))
}

impl Waiting {
    fn ask<T>(&self, asked: impl Future<Output = Result<T, StoreError>>) -> io::Result<T> {
        self.runtime.block_on(asked).map_err(io::Error::other)
    }
}

impl Objects for Waiting {
    fn sum(&self, places: &[String]) -> io::Result<Option<String>> {
        Ok(self.ask(self.store.sum_of(places))?.map(|(_, sha256)| sha256))
    }

    fn below(&self, folder: &str) -> io::Result<Vec<String>> {
        self.ask(self.store.below(folder))
    }

    fn is_there(&self, place: &str) -> io::Result<bool> {
        Ok(self.ask(self.store.bytes(place))?.is_some())
    }

    fn remove(&self, place: &str) -> io::Result<bool> {
        let was_there = self.is_there(place)?;
        self.ask(self.store.remove(place))?;
        Ok(was_there)
    }

    fn of_recording(&self, site: &str, recording: &str) -> io::Result<Vec<String>> {
        self.below(&recording_folder(site, recording))
    }

    fn put(&self, place: &str, bytes: &[u8]) -> io::Result<bool> {
        Ok(self.ask(self.store.put(place, Bytes::copy_from_slice(bytes)))? == Put::New)
    }

    fn read(&self, place: &str) -> io::Result<Option<Vec<u8>>> {
        match self.runtime.block_on(self.store.read(place, 0..SMALL_BYTES_MAX)) {
            Ok(bytes) => Ok(Some(bytes.to_vec())),
            Err(StoreError::Missing) => Ok(None),
            Err(error) => Err(io::Error::other(error)),
        }
    }

    fn recordings(&self) -> io::Result<Vec<String>> {
        let is_one = |place: &String| place.rsplit('/').nth(2) == Some("recordings");
        Ok(self.ask(self.store.below(SITES))?.into_iter().filter(is_one).collect())
    }

    fn bury(&self, tombstone: &Tombstone) -> io::Result<()> {
        let place = tombstone_place(&tombstone.recording);
        let text = Bytes::from(serde_json::to_vec(tombstone)?);
        if self.ask(self.store.put(&place, text.clone()))? == Put::New {
            return Ok(());
        }
        let found = self.ask(self.store.read(&place, 0..SMALL_BYTES_MAX))?;
        if serde_json::from_slice::<Tombstone>(&found).is_ok_and(|found| found.recording == tombstone.recording) {
            return Ok(());
        }
        // Somebody was killed while they wrote it.
        self.ask(self.store.remove(&place))?;
        self.ask(self.store.put(&place, text)).map(drop)
    }

    fn buried(&self) -> io::Result<Vec<String>> {
        let places = self.ask(self.store.below(TOMBSTONES))?;
        let name = |place: &String| Some(place.strip_suffix(".json")?.rsplit('/').next()?.to_owned());
        Ok(places.iter().filter_map(name).collect())
    }
}

/// Takes up again what the store knows to be there, asked for or held, and a database that comes from a backup does not.
///
/// # Errors
/// Why it can't be known, in words.
pub(crate) fn take_up(desk: &HomeDesk, now: Timestamp) -> Result<(), String> {
    // On a thread of its own: whoever starts the pages may be inside a runtime. Recordings come first: a hold is about one.
    let work = || -> Result<u64, NotDone> {
        let adopted = desk.adopt(now)?;
        if adopted != Adopted::default() {
            let Adopted { recordings, left } = adopted;
            tracing::warn!(
                recordings,
                left,
                "recordings lay in the store and the database did not know them: it comes from a backup, or they were just delivered; those that an \
                 enrolled site signed, and that are whole, are the centre's again"
            );
        }
        desk.take_up_orders(now)
    };
    let taken = thread::scope(|scope| scope.spawn(work).join());
    match taken.unwrap_or_else(|panic| panic::resume_unwind(panic)) {
        Ok(0) => Ok(()),
        Ok(taken) => {
            tracing::warn!(
                taken,
                "the database lacked requests, holds and orders: it comes from a backup; they are taken up again"
            );
            Ok(())
        }
        Err(why) => Err(format!("database and store of the centre can't be compared: {why}")),
    }
}

/// Begins the hourly clean-up, on a thread that is barred from what this one is barred from. It ends when what is returned is dropped.
///
/// Before that, and so before anybody is served: what the store knows to be deleted is not kept by a database that comes from a backup.
///
/// # Errors
/// Why it can't begin, in words.
pub(crate) fn begin(sweep: CentreSweep, home: &Path) -> Result<CentreHourly, String> {
    // On a thread of its own: whoever starts the pages may be inside a runtime.
    let again = thread::scope(|scope| scope.spawn(|| sweep.bury_again()).join());
    let again = again.unwrap_or_else(|panic| panic::resume_unwind(panic));
    match again.map_err(|why| format!("database and store of the centre can't be compared: {why}"))? {
        0 => {}
        risen => tracing::warn!(
            risen,
            "the database keeps recordings that were deleted: it comes from a backup; they are deleted again"
        ),
    }
    let (hourly, mut work) = CentreHourly::new(sweep);
    let home = home.to_owned();
    let work = move || {
        while panic::catch_unwind(panic::AssertUnwindSafe(&mut work)).is_err() {
            // What it had begun the next turn finishes.
            tracing::error!(home = %home.display(), "the clean-up has failed in an unforeseen way, and goes on in an hour");
        }
    };
    let no_thread = |error: io::Error| format!("can't start a thread ({error}): raise the limit on processes");
    thread::Builder::new().name("sweep".to_owned()).spawn(work).map_err(no_thread)?;
    Ok(hourly)
}
