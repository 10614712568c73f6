//! The ledgers of all sites, verified from what lies in a centre's store alone.
//!
//! Belongs here: which objects make up a ledger. Does not: what must hold of one (`retrocall_ledger`), how it came there (`sites`).
//!
//! A piece of rows may have come twice, with another end: the centre's database was restored, or an answer was lost. Rows that are there once more,
//! letter by letter, are left out; any other stays, and the chain shows which one is wrong.

use std::collections::{BTreeMap, BTreeSet};

use retrocall_ledger::{Evidence, Month, Report, Verification, Verifier, site_of_itself};
use retrocall_store::{Address as StoreAddress, SITES, Store, StoreError, ledger_folder};
use serde::Serialize;
use sha2::{Digest as _, Sha256};

/// More than a key, a head or a piece has.
const OBJECT_BYTES_MAX: u64 = 64 << 20;

/// The ledger of a site, as the store has it.
#[derive(Debug, Serialize)]
pub struct SiteLedger {
    /// Its site.
    pub site: String,
    /// What was found. None: no key of this site lies beside the rows, so that nothing can be said of them.
    pub report: Option<Report>,
}

impl SiteLedger {
    /// Whether all of it holds.
    pub fn is_sound(&self) -> bool {
        self.report.as_ref().is_some_and(Report::is_sound)
    }
}

/// Rows that came together, by their numbers.
struct Piece {
    first: u64,
    end: u64,
    place: String,
}

/// The objects of a ledger.
#[derive(Default)]
struct Objects {
    keys: Vec<String>,
    heads: Vec<(String, String)>,
    pieces: BTreeMap<Month, Vec<Piece>>,
}

impl Objects {
    /// A name that no centre gives is passed over.
    fn add(&mut self, folder: &str, place: &str) -> Option<()> {
        let (kind, name) = place.strip_prefix(folder)?.strip_prefix('/')?.split_once('/')?;
        match kind {
            "keys" => self.keys.push(place.to_owned()),
            "heads" => self.heads.push((name.get(..10)?.to_owned(), place.to_owned())),
            month => {
                let mut numbers = name.split('-').map(str::parse);
                let (Some(Ok(first)), Some(Ok(end))) = (numbers.next(), numbers.next()) else { return None };
                let piece = Piece { first, end, place: place.to_owned() };
                self.pieces.entry(month.parse().ok()?).or_default().push(piece);
            }
        }
        Some(())
    }
}

/// Verifies the ledger of each site that has anything in the store at this address; `told` hears of each as soon as that is done.
///
/// # Errors
/// Why the store can't be used or read, in words.
pub async fn verify_ledgers(address: &str, mut told: impl FnMut(&SiteLedger)) -> Result<Vec<SiteLedger>, String> {
    let address: StoreAddress = address.parse().map_err(|error| format!("store: {error}"))?;
    let store = Store::open(&address)?;
    let words = |error: StoreError| error.to_string();
    let mut all = Vec::new();
    let sites: BTreeSet<String> = store.folders(SITES).await.map_err(words)?.into_iter().collect();
    for site in sites {
        let ledger = SiteLedger { report: verify(&store, &site).await.map_err(words)?, site };
        told(&ledger);
        all.push(ledger);
    }
    Ok(all)
}

async fn text(store: &Store, place: &str) -> Result<String, StoreError> {
    let bytes = store.read(place, 0..OBJECT_BYTES_MAX).await?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

async fn verify(store: &Store, site: &str) -> Result<Option<Report>, StoreError> {
    let (folder, mut objects) = (ledger_folder(site), Objects::default());
    for place in store.below(&folder).await? {
        objects.add(&folder, &place);
    }
    let mut key = None;
    for place in &objects.keys {
        let found: Option<Verifier> = text(store, place).await?.parse().ok();
        let is_its = |key: &Verifier| site_of_itself(key).is_some_and(|of| of.as_str() == site);
        key = key.or(found.filter(is_its));
    }
    let Some(key) = key else { return Ok(None) };
    let mut evidence = Evidence::default();
    for (day, place) in &objects.heads {
        evidence.heads.push((day.clone(), text(store, place).await?));
    }
    let Ok(mut verification) = Verification::new(&key, evidence) else { return Ok(None) };
    for (month, mut pieces) in objects.pieces {
        pieces.sort_by_key(|piece| (piece.first, piece.end));
        rows(store, month, &pieces, &mut verification).await?;
    }
    Ok(Some(verification.finish()))
}

/// The rows of a month, in the order of their numbers.
async fn rows(
    store: &Store,
    month: Month,
    pieces: &[Piece],
    verification: &mut Verification,
) -> Result<(), StoreError> {
    // What was read, by its numbers, as far back as a piece to come may reach.
    let mut read = BTreeMap::<u64, [u8; 32]>::new();
    for (place, piece) in pieces.iter().enumerate() {
        let text = text(store, &piece.place).await?;
        for (number, row) in (piece.first..).zip(text.lines()) {
            let hash: [u8; 32] = Sha256::digest(row).into();
            if read.insert(number, hash) != Some(hash) {
                verification.row(month, row);
            }
        }
        let next = pieces.get(place + 1).map_or(u64::MAX, |next| next.first);
        read = read.split_off(&next);
    }
    Ok(())
}
