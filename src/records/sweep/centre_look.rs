//! What `check` has to know of a centre: whether what it calls kept lies in its store, and which deletions have begun.
//!
//! Belongs here: that look, and what follows from it after a restore of the database: what has a tombstone goes again. Does not: whose content is damaged (a delivery reads everything back), printing.

use std::collections::BTreeSet;

use jiff::Timestamp;
use retrocall_ledger::DeedKind;

use super::{CutOff, Deed, Dying, HomeStore, LEASE, Objects, Stopped, cut_off, home::entry, store::Store as _};
use crate::{rows, text};

/// Deletions that are looked at one after the other.
const PAGE: usize = 256;

/// What is found at a centre.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CentreLook {
    /// How many recordings are kept.
    pub recordings: usize,
    /// In how many objects.
    pub objects: usize,
    /// Recordings that are kept, and an object of each that is not in the store.
    pub missing: Vec<(String, String)>,
    /// Recordings that are kept, and have a tombstone in the store: the database comes from a backup.
    pub risen: Vec<String>,
    /// Deletions that have begun: the next clean-up ends them.
    pub dying: Vec<Dying>,
}

/// Model: `Reconcile`, with the rule `RestoreBuries`. What has a tombstone in the store and is kept by these records comes from a backup of them: its
/// deletion goes on. Returns how many there were.
pub(super) fn bury_again(
    store: &mut HomeStore,
    objects: &dyn Objects,
    (holder, now): (&str, Timestamp),
) -> Result<usize, Stopped> {
    let buried = objects.buried().map_err(|error| Stopped::Home(error.to_string()))?;
    let buried: BTreeSet<String> = buried.into_iter().collect();
    let mut risen = Vec::new();
    store.each_kept(now, |judged| risen.extend(Some(judged.id).filter(|id| buried.contains(id))))?;
    if risen.is_empty() {
        return Ok(0);
    }
    let until = now.saturating_add(LEASE).unwrap_or(Timestamp::MAX);
    let token = store.lease(holder, now, until)?.ok_or(Stopped::Elsewhere)?;
    let deeds = store.each_with_lease(&risen, (token, now), async |rows, reading, _, id| {
        let update = rows::query(
            "UPDATE recordings SET life = 'deleting', life_at = $2, life_token = $3 WHERE id = $1 AND life IN ('kept', 'restricted')",
        );
        let update = update.bind(id).bind(text::time(now)).bind(token).execute(rows).await;
        let is_done = update.map_err(|error| reading.refused(&error))?.rows_affected() > 0;
        Ok((Deed::Done, is_done.then(|| entry(DeedKind::Deleting, id))))
    })?;
    store.release(token, now)?;
    if deeds.contains(&Deed::LeaseLost) { Err(Stopped::Elsewhere) } else { Ok(risen.len()) }
}

/// Looks at all recordings of these records.
pub(super) fn look(store: &mut HomeStore, objects: &dyn Objects, now: Timestamp) -> Result<CentreLook, Stopped> {
    let failed = |error: std::io::Error| Stopped::Home(error.to_string());
    let buried: BTreeSet<String> = objects.buried().map_err(failed)?.into_iter().collect();
    let mut kept = Vec::new();
    store.each_kept(now, |judged| kept.push(judged.id))?;
    let mut found = CentreLook { recordings: kept.len(), ..CentreLook::default() };
    for id in kept {
        let [_, places] = store.files(&id)?;
        for place in places.iter().filter_map(|place| place.to_str()) {
            found.objects += 1;
            if !objects.is_there(place).map_err(failed)? {
                found.missing.push((id.clone(), place.to_owned()));
            }
        }
        if buried.contains(&id) {
            found.risen.push(id);
        }
    }
    let mut after: Option<String> = None;
    loop {
        let page = store.unfinished(after.as_deref(), PAGE)?;
        let Some(last) = page.last() else { return Ok(found) };
        after = Some(last.id.clone());
        for doomed in page {
            let mut there = BTreeSet::new();
            for file in &doomed.files {
                if objects.is_there(file.to_str().unwrap_or_default()).map_err(failed)? {
                    there.insert(file.clone());
                }
            }
            let is_buried = buried.contains(&doomed.id);
            let found_it = cut_off(&doomed, |file| there.contains(file), is_buried);
            // Here it is buried first.
            let found_it = if is_buried && found_it == CutOff::Begun { CutOff::Removing } else { found_it };
            found.dying.push(Dying { call: doomed.call, found: found_it });
        }
    }
}
