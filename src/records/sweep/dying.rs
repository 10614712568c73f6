//! What `check` has to know of deletions: which have begun, how far they have come, and which recordings are gone.

use std::{path::Path, thread};

use serde::Serialize;

use super::{CutOff, HomeFiles, cut_off, home::HomeStore, store::Store};
use crate::{Life, Trouble};
use retrocall_words::CallId;

/// Deletions that are looked at one after the other.
const PAGE: usize = 256;

/// A recording whose deletion has begun.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Dying {
    /// Its call.
    pub call: CallId,
    /// How far its deletion has come: the next sweep goes on from there.
    pub found: CutOff,
}

/// Deletions of a home.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Deletions {
    /// Those that have begun.
    pub begun: Vec<Dying>,
    /// The calls whose recordings are gone.
    pub gone: Vec<CallId>,
    /// Those whose recordings lie at the centre.
    pub delivered: Vec<CallId>,
}

/// The deletions of a home, as they are found. Needs no engine, and changes nothing; without a catalog there are none.
///
/// # Errors
/// Why the catalog can't be had.
pub fn deletions(home: &Path) -> Result<Deletions, Trouble> {
    // On a thread of its own: whoever asks may be inside a runtime.
    let looked = thread::scope(|scope| scope.spawn(|| look(home)).join());
    looked.unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}

fn look(home: &Path) -> Result<Deletions, Trouble> {
    let Some(mut store) = HomeStore::open_to_read(home)? else { return Ok(Deletions::default()) };
    let mut begun = Vec::new();
    let mut after: Option<String> = None;
    // Only where one has begun its tombstone is looked for.
    let mut stones = None;
    loop {
        let page = store.unfinished(after.as_deref(), PAGE)?;
        let Some(last) = page.last() else { break };
        after = Some(last.id.clone());
        for doomed in page {
            let stones = stones.get_or_insert_with(|| HomeFiles::of(home).tombstones().unwrap_or_default());
            let is_buried = stones.iter().any(|stone| stone.recording == doomed.id);
            let is_there = |file: &Path| file.symlink_metadata().is_ok();
            begun.push(Dying { call: doomed.call, found: cut_off(&doomed, is_there, is_buried) });
        }
    }
    Ok(Deletions { begun, gone: store.calls_of(Life::Gone)?, delivered: store.calls_of(Life::Delivered)? })
}
