//! Where a centre has its records and recordings: the address of a database, which may have a password in it, and that of a store.

use std::fmt;

use serde::{Deserialize, Deserializer, de};

/// What an address of PostgreSQL begins with.
const BEGINNINGS: [&str; 2] = ["postgres://", "postgresql://"];

/// The address of a database on a server.
#[derive(Clone, PartialEq, Eq)]
pub struct DatabaseAddress(String);

impl DatabaseAddress {
    /// As it was written.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A password could be in it.
impl fmt::Debug for DatabaseAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DatabaseAddress")
    }
}

impl<'de> Deserialize<'de> for DatabaseAddress {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<DatabaseAddress, D::Error> {
        let text = String::deserialize(from)?;
        if !BEGINNINGS.iter().any(|beginning| text.starts_with(beginning)) {
            return Err(de::Error::custom("no address of PostgreSQL: write \"postgres://USER@HOST/DATABASE\""));
        }
        Ok(DatabaseAddress(text))
    }
}

/// What addresses of stores begin with.
const STORES: [&str; 2] = ["s3://", "file:///"];

/// The address of a store, in which a centre has the recordings of its sites.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoreAddress(String);

impl StoreAddress {
    /// As it was written.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl<'de> Deserialize<'de> for StoreAddress {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<StoreAddress, D::Error> {
        let text = String::deserialize(from)?;
        if !STORES.iter().any(|beginning| text.starts_with(beginning)) {
            return Err(de::Error::custom("no store: write \"s3://BUCKET/PREFIX\" or \"file:///FOLDER\""));
        }
        Ok(StoreAddress(text))
    }
}
