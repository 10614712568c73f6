//! Recordings that lie in a centre's store, and of which its database knows nothing: it comes from a backup, or a delivery was cut off at its last step.
//!
//! Belongs here: finding them, and registering what its site signed and what is there whole. Does not: what has a tombstone, what was promised (`promises`).
//!
//! Model of many machines: `Reconcile`, with the rule `AdoptsOrphans`. What happened to a recording at the centre since the backup is lost with the database;
//! what its site said of it is not.

use std::{
    collections::{BTreeMap, BTreeSet},
    io,
};

use jiff::Timestamp;
use serde::Deserialize;
use uuid::Uuid;

use super::{
    super::{Arrival, Deliveries as _, NotDone, Offered, Sites as _, Stored},
    HomeDesk,
};
use crate::{beside, parcel::Parcel, rows, site_key::is_parcel_signed_by, sweep::Objects};

const NO_STORE: NotDone = NotDone::Conflict("the centre's store does not answer: database and store can't be compared");

/// What a site said of a recording, as it lies in the store.
#[derive(Deserialize)]
struct Said {
    parcel: String,
    signature: String,
}

/// What became of recordings that the database did not know.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Adopted {
    /// They are the centre's again.
    pub recordings: usize,
    /// They are not: no enrolled site signed them, or something of them is missing.
    pub left: usize,
}

/// The places of what lies there of each recording, by its site and id.
type Places = BTreeMap<(String, String), Vec<String>>;

fn away(error: io::Error) -> NotDone {
    tracing::warn!("{error}");
    NO_STORE
}

impl HomeDesk {
    /// Takes in what lies in the store without a row and without a tombstone. To be asked before anybody is served, and before holds are taken up again.
    ///
    /// # Errors
    /// Why it can't be known.
    pub fn adopt(&self, now: Timestamp) -> Result<Adopted, NotDone> {
        let Some(store) = &self.store else { return Ok(Adopted::default()) };
        let buried: BTreeSet<String> = store.buried().map_err(away)?.into_iter().collect();
        let mut all = Places::new();
        for place in store.recordings().map_err(away)? {
            let names: Vec<&str> = place.split('/').collect();
            if let [.., site, _, recording, _] = names[..]
                && !buried.contains(recording)
            {
                all.entry((site.to_owned(), recording.to_owned())).or_default().push(place);
            }
        }
        let mut adopted = Adopted::default();
        self.keep_unknown(&mut all)?;
        for ((site, recording), places) in all {
            match self.adopt_one(&**store, (&site, &recording), &places, now)? {
                Some(true) => adopted.recordings += 1,
                Some(false) => adopted.left += 1,
                None => {}
            }
        }
        Ok(adopted)
    }

    /// Leaves those of which there is no row.
    fn keep_unknown(&self, all: &mut Places) -> Result<(), NotDone> {
        let known = self.ask(false, async |rows| {
            let mut known = BTreeSet::new();
            for (_, recording) in all.keys() {
                let select = rows::query_scalar::<i64>("SELECT COUNT(*) FROM recordings WHERE id = $1").bind(recording);
                if select.fetch_one(&mut *rows).await? > 0 {
                    known.insert(recording.clone());
                }
            }
            Ok(known)
        })?;
        all.retain(|(_, recording), _| !known.contains(recording));
        Ok(())
    }

    /// None: somebody delivers it at this moment, or has only begun to: what its site signed comes last.
    fn adopt_one(
        &self,
        store: &dyn Objects,
        (site, recording): (&str, &str),
        places: &[String],
        now: Timestamp,
    ) -> Result<Option<bool>, NotDone> {
        let is_signed = |place: &&String| place.rsplit('/').next().is_some_and(|name| name.starts_with("facts-"));
        let mut signed = places.iter().filter(is_signed).peekable();
        if signed.peek().is_none() {
            return Ok(None);
        }
        let Some(key) = self.key_of_site(site)? else { return Ok(Some(false)) };
        for place in signed {
            let Some(body) = store.read(place).map_err(away)? else { continue };
            let Ok(Said { parcel: text, signature }) = serde_json::from_slice(&body) else { continue };
            let Ok(parcel) = serde_json::from_str::<Parcel>(&text) else { continue };
            let is_its = is_parcel_signed_by(&key, &text, &signature) && parcel.flaw().is_none();
            if !is_its || (&*parcel.site, &*parcel.recording) != (site, recording) {
                continue;
            }
            let Some(objects) = whole(store, &parcel, places).map_err(away)? else { continue };
            let token = Uuid::now_v7().to_string();
            match self.offer(&parcel, &beside::digest(&body), &token, now)? {
                Offered::Begun(_) => {}
                Offered::Busy(_) | Offered::Already | Offered::Gone => return Ok(None),
                Offered::NotYours => return Ok(Some(false)),
            }
            return Ok(Some(self.register(&parcel, &token, &objects, now)? == Arrival::Stored));
        }
        Ok(Some(false))
    }
}

/// Its objects, read back. None: not all of them are there as they were.
fn whole(store: &dyn Objects, parcel: &Parcel, places: &[String]) -> io::Result<Option<Vec<Stored>>> {
    let mut all = Vec::new();
    for (file, part, facts) in parcel.parts() {
        let name = format!("/{file}.{part}-{}", facts.sha256);
        let Some(place) = places.iter().find(|place| place.ends_with(&name)) else { return Ok(None) };
        if store.sum(std::slice::from_ref(place))?.as_ref() != Some(&facts.sha256) {
            return Ok(None);
        }
        let (file, part, place, sha256) = (file as u64, part as u64, place.clone(), facts.sha256.clone());
        all.push(Stored { file, part, place, bytes: facts.bytes, sha256 });
    }
    Ok(Some(all))
}
