//! Where a centre's recordings lie: objects in a bucket (S3), or in a folder.
//!
//! Belongs here: the address of a store, writing an object that is not there, reading it back, reading a part of it. Does not: which objects there are
//! (the records know), who may read them, when one is deleted.
//!
//! An object is never written over: its name ends with the SHA-256 of what is in it. What passes through memory here is wiped when it is done with;
//! the buffers of TLS and HTTP are their libraries' own.
#![forbid(unsafe_code)]

mod address;
mod bucket;
mod folder;
mod objects;
mod sources;

use std::{fmt, time::Duration};

pub use address::{Address, AddressError};
pub use bucket::Keeping;
pub use objects::{Store, digest};
pub use sources::Parts;

/// How long one request to the store may take, with all its repetitions: less than a delivery has from its last word on.
const REQUEST_TIME: Duration = Duration::from_secs(45);

/// What became of an object that was to be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Put {
    /// It was written.
    New,
    /// One of this name is there: nothing was written.
    There,
}

/// What all of a site's recording lies below.
pub fn recording_folder(site: &str, recording: &str) -> String {
    format!("{SITES}/{site}/recordings/{recording}")
}

/// Where the parts of a recording lie, and what is said of it. Both numbers count from 1.
pub fn part_place(site: &str, recording: &str, (file, part): (u64, u64), sha256: &str) -> String {
    format!("{}/{file}.{part}-{sha256}", recording_folder(site, recording))
}

/// Where what a site said of a recording lies, with its signature.
pub fn facts_place(site: &str, recording: &str, sha256: &str) -> String {
    format!("{}/facts-{sha256}.json", recording_folder(site, recording))
}

/// What the tombstones lie below.
pub const TOMBSTONES: &str = "tombstones";

/// Where the tombstone of a recording lies. It stays when all else of it goes, and says so to a database that comes from a backup.
pub fn tombstone_place(recording: &str) -> String {
    format!("{TOMBSTONES}/{recording}.json")
}

/// What all objects of sites lie below.
pub const SITES: &str = "sites";

/// What a site's ledger lies below.
pub fn ledger_folder(site: &str) -> String {
    format!("{SITES}/{site}/ledger")
}

/// Where the public key of a site's ledger lies.
pub fn ledger_key_place(site: &str, sha256: &str) -> String {
    format!("{}/keys/{sha256}.pub", ledger_folder(site))
}

/// Where the signed head of a day of a site's ledger lies.
pub fn ledger_head_place(site: &str, day: &str, sha256: &str) -> String {
    format!("{}/heads/{day}-{sha256}.txt", ledger_folder(site))
}

/// Where rows of a site's ledger lie: from the first row on, up to the one behind the last.
pub fn ledger_place(site: &str, month: &str, (first, end): (u64, u64), sha256: &str) -> String {
    format!("{}/{month}/{first:08}-{end:08}-{sha256}.rows", ledger_folder(site))
}

/// Why something was not done. Never what is in an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StoreError {
    /// There is no such object.
    Missing,
    /// The store does not let us: in words.
    Forbidden(String),
    /// It does not answer, or not now: in words.
    Away(String),
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            StoreError::Missing => f.write_str("there is no such object in the store"),
            StoreError::Forbidden(why) => write!(f, "the store refuses that ({why})"),
            StoreError::Away(why) => write!(f, "the store does not answer ({why})"),
        }
    }
}

impl std::error::Error for StoreError {}

impl From<object_store::Error> for StoreError {
    fn from(error: object_store::Error) -> StoreError {
        use object_store::Error;
        // Their words name the object and what the store said, on one line.
        let words = |error: &Error| error.to_string().split_whitespace().take(60).collect::<Vec<_>>().join(" ");
        match &error {
            Error::NotFound { .. } => StoreError::Missing,
            Error::PermissionDenied { .. } | Error::Unauthenticated { .. } => StoreError::Forbidden(words(&error)),
            _ => StoreError::Away(words(&error)),
        }
    }
}
