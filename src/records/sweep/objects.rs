//! What clean-ups and orders need of a store.
//!
//! Belongs here: the trait. Does not: which store, what is deleted, what is ordered.

use std::io;

use super::Tombstone;

/// A store, as it is asked. What has returned is durable.
pub trait Objects: Send + Sync {
    /// The SHA-256 of these objects, one after the other. None if one of them is not there.
    ///
    /// # Errors
    /// What the store says.
    fn sum(&self, places: &[String]) -> io::Result<Option<String>>;

    /// The places of all objects below a folder.
    ///
    /// # Errors
    /// What the store says.
    fn below(&self, folder: &str) -> io::Result<Vec<String>>;

    /// Whether an object is there.
    ///
    /// # Errors
    /// What the store says.
    fn is_there(&self, place: &str) -> io::Result<bool>;

    /// Removes an object. False if it was not there.
    ///
    /// # Errors
    /// What the store says.
    fn remove(&self, place: &str) -> io::Result<bool>;

    /// The places of all that lies there of a site's recording.
    ///
    /// # Errors
    /// What the store says.
    fn of_recording(&self, site: &str, recording: &str) -> io::Result<Vec<String>>;

    /// The places of all that lies there of recordings: `…/SITE/…/RECORDING/NAME`.
    ///
    /// # Errors
    /// What the store says.
    fn recordings(&self) -> io::Result<Vec<String>>;

    /// Writes an object that is not there. False if one of this name is.
    ///
    /// # Errors
    /// What the store says.
    fn put(&self, place: &str, bytes: &[u8]) -> io::Result<bool>;

    /// What is in a small object. None if it is not there.
    ///
    /// # Errors
    /// What the store says.
    fn read(&self, place: &str) -> io::Result<Option<Vec<u8>>>;

    /// Puts a tombstone beside all recordings. One that is there whole stays as it is.
    ///
    /// # Errors
    /// What the store says.
    fn bury(&self, tombstone: &Tombstone) -> io::Result<()>;

    /// The recordings that have a tombstone there.
    ///
    /// # Errors
    /// What the store says.
    fn buried(&self) -> io::Result<Vec<String>>;
}
