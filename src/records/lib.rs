//! The catalog: what is kept and why, and one row for every call. All SQL of the project is in this room.
//!
//! Belongs here: the schema, queries, and what happens when the file is locked, damaged or from a newer version. Does not: rules
//! (what is kept, for how long), audio.
//!
//! A thread named `catalog` owns the only connection that writes. Others hand it notes, which never waits for the disk; it writes
//! all that have come since it last looked in one transaction, in their order. While the file refuses, notes queue up in memory and
//! the file is tried again. Nothing is ever written over a file that is not a sound catalog of this version.
//!
//! Small files beside it do not depend on it: [`HOME_FILES`] lists them.
//!
//! `file` is the only place that knows of SQLite's file, and `rows` of the two databases: all else is plain SQL, which both understand.
#![forbid(unsafe_code)]

mod address;
pub mod backup;
mod beside;
mod claims;
mod council;
mod customer;
pub mod desk;
pub mod export;
mod file;
mod forms;
mod graves;
mod holds;
mod home_files;
pub mod ledger;
mod link_state;
mod lottery;
mod migrations;
mod milestone;
mod note;
mod numbers;
mod objections;
pub mod parcel;
mod policies;
pub mod policy;
mod purposes;
mod queue;
mod random;
mod read;
pub mod relay;
mod requests;
mod restoring;
mod rows;
mod server;
mod site;
pub mod site_key;
mod slots;
mod sqlstate;
mod steps;
pub mod sweep;
#[cfg(test)]
mod tests;
mod text;
mod trouble;
mod unwritten;
mod worker;
mod write;

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use jiff::civil::Date;

pub use address::Address;
pub use holds::{DoneAgain, HeldAgain};
pub use home_files::{HOME_FILES, HomeFile, files_in, home_file};
pub use link_state::{LinkState, link_state};
pub use policy::PurposeKind;
pub use purposes::{Life, Purpose, purposes};
pub use read::{CallRow, Recording, calls, damage, of_customer, recordings, skipped_numbers};
pub use server::Server;
pub use trouble::Trouble;

use desk::HomeDesk;
use queue::Queue;
use retrocall_words::{
    Clock, Country, Customer, Rights, SystemClock,
    book::{Book, BookHealth, LeftBehind, NOTES_MAX, Note, Number, OpenBook, day_of},
};
use worker::Worker;

/// How long the thread may take to put aside what is not written, once its time is over.
const PUTTING_ASIDE: Duration = Duration::from_secs(5);

/// What bounds the catalog's thread.
#[derive(Clone)]
struct Limits {
    /// Says when a time is over.
    clock: Arc<dyn Clock>,
    /// One call in so many is drawn.
    one_in: u32,
    /// How long after a refusal the file is tried again.
    retry: Duration,
    /// Notes that may wait in memory: of about 80,000 calls, some 100 MB. With half of it, those that wait go to a file.
    notes_max: usize,
    /// How large that file may become.
    unwritten_bytes_max: u64,
    /// For so long what belongs to a kept call waits in memory alone, which a kill would take along.
    aside_after: Duration,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            clock: Arc::new(SystemClock),
            one_in: 0,
            retry: Duration::from_secs(1),
            notes_max: NOTES_MAX,
            unwritten_bytes_max: unwritten::BYTES_MAX,
            aside_after: Duration::from_secs(5),
        }
    }
}

/// The file beside the catalog with notes that it had not taken.
pub fn unwritten_beside(home: &Path) -> PathBuf {
    unwritten::path(home)
}

/// The folder in a home that holds the peaks of recordings, which pages draw. They go before their recordings do.
pub fn peaks_in(home: &Path) -> PathBuf {
    home.join("peaks")
}

/// Where the peaks of a recording are, by its id, and where they are until they are whole.
pub fn peaks_paths(home: &Path, recording: &str) -> [PathBuf; 2] {
    ["", ".new"].map(|ending| peaks_in(home).join(format!("{recording}{ending}")))
}

/// Opens `catalog.sqlite` in the home folder, or makes it if there is none, on the day of this clock. Customers' numbers that are given without their
/// country are of `country`; one call in `one_in` is drawn, by seeds that the ledger promises.
///
/// Never fails and never waits: a file that refuses is tried again every second, [`Book::health`] says why and what to do, and notes wait
/// in memory. The work is for a thread of its own, which whoever makes it tells how to give way, and the kernel what to bar it from.
pub fn open(home: &Path, clock: Arc<dyn Clock>, country: Country, one_in: u32) -> OpenBook {
    let limits = Limits { clock, one_in, ..Limits::default() };
    let (catalog, mut worker) = Catalog::new(home, day_of(limits.clock.wall()), country, &limits);
    OpenBook { draw: Some(worker.drawer()), book: Arc::new(catalog), write: Box::new(move || worker.run()) }
}

/// The engine's hold on the catalog. A clone is another hold on the same one; when the last is dropped the thread writes what it
/// has, if it can, puts the rest aside, and ends.
#[derive(Clone)]
struct Catalog {
    queue: Arc<Queue>,
    /// The home folder.
    home: Arc<Path>,
    /// The country of customers' numbers without one.
    country: Country,
    /// None for a hold that keeps nothing alive.
    _last: Option<Arc<LastHold>>,
}

/// Ends the thread when nobody can hand it notes any more.
struct LastHold(Arc<Queue>);

impl Drop for LastHold {
    fn drop(&mut self) {
        self.0.let_go();
    }
}

impl Catalog {
    fn new(home: &Path, today: Date, country: Country, limits: &Limits) -> (Catalog, Worker) {
        let queue = Arc::new(Queue::new(limits.notes_max, Arc::clone(&limits.clock)));
        // An absolute path, for the process may change its folder and SQLite takes some relative names for addresses.
        let home = std::path::absolute(home).unwrap_or_else(|_| PathBuf::from(home));
        let folder = Arc::from(home.as_path());
        let worker = Worker::new(Arc::clone(&queue), home, today, country, limits);
        (Catalog { _last: Some(Arc::new(LastHold(Arc::clone(&queue)))), queue, home: folder, country }, worker)
    }
}

impl Book for Catalog {
    fn reserve(&self, today: Date) -> Number {
        self.queue.next_number(today)
    }

    fn form(&self, customer: &Customer) -> Option<Customer> {
        customer::in_one_form(customer, self.country)
    }

    fn objects(&self, customer: &Customer) -> bool {
        self.queue.objections.read().has(customer, self.country)
    }

    fn rights_of(&self, account: &str) -> Result<Option<Rights>, String> {
        HomeDesk::of(&self.home).rights_of(account).map_err(|why| why.to_string())
    }

    fn sweep(&self) {
        sweep::ask_now(&self.home);
    }

    fn note(&self, note: Note) {
        self.queue.note(note);
    }

    fn left_behind(&self, wait: Option<Duration>) -> Result<LeftBehind, String> {
        self.queue.left_behind(wait).map_err(|trouble| trouble.to_string())
    }

    fn health(&self) -> BookHealth {
        self.queue.health()
    }

    fn look(&self) {
        self.queue.look();
    }

    fn close(&self, wait: Duration) -> bool {
        self.queue.close(wait, PUTTING_ASIDE)
    }

    fn beside(&self) -> Arc<dyn Book> {
        let (queue, home) = (Arc::clone(&self.queue), Arc::clone(&self.home));
        Arc::new(Catalog { queue, home, country: self.country, _last: None })
    }
}
