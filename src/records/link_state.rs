//! How a link is doing, for `retrocall status`: a small file in the home.
//!
//! Belongs here: that file. Does not: who reads it, how many recordings wait (the catalog knows).

use std::{
    fs::{self, OpenOptions},
    io::{self, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::Path,
};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// How a link is doing.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LinkState {
    /// Its centre.
    pub centre: String,
    /// When the centre answered last.
    pub last_answer: Option<Timestamp>,
    /// Since when it does not; none while it does.
    pub waits_since: Option<Timestamp>,
    /// Why.
    pub why: Option<String>,
}

/// How the link of a home is doing. None if none ever ran there.
pub fn link_state(home: &Path) -> Option<LinkState> {
    serde_json::from_slice(&fs::read(home.join("link.state")).ok()?).ok()
}

impl LinkState {
    /// Writes it down. It is only told: what a power cut takes is written again.
    ///
    /// # Errors
    /// What the system says.
    pub fn write(&self, home: &Path) -> io::Result<()> {
        let new = home.join("link.state.new");
        let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&new)?;
        file.write_all(&serde_json::to_vec(self)?)?;
        fs::rename(new, home.join("link.state"))
    }
}
