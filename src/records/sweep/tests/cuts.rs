//! A store and a disk that can be cut off at any step, and looked at afterwards.

use std::{
    collections::{BTreeMap, BTreeSet},
    io, panic,
    path::{Path, PathBuf},
    sync::Arc,
    time::Instant,
};

use jiff::Timestamp;
use parking_lot::Mutex;
use retrocall_words::{CallId, Clock, TestClock};

use super::super::{CutOff, Deed, Doomed, Files, Receipt, Removed, Store, Token, Tombstone, cut_off};
use crate::{
    Trouble,
    policy::{Anchor, Cover, Event, Facts, Fate, Policy, Purpose, PurposeKind, fate},
};

/// What ends a run in its middle.
pub struct Cut;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Life {
    Kept,
    Deleting,
    Gone,
}

pub struct Row {
    pub doomed: Doomed,
    pub facts: Facts,
    pub life: Life,
    pub is_buried: bool,
    pub receipts: Vec<Receipt>,
}

/// What happens in the middle of a run, before a step.
type Hook = Box<dyn FnOnce(&Desk) + Send>;

#[derive(Default)]
pub struct World {
    pub rows: BTreeMap<String, Row>,
    pub lease: Option<(String, Token, Timestamp)>,
    pub files: BTreeSet<PathBuf>,
    /// What a power cut leaves of them.
    durable_files: BTreeSet<PathBuf>,
    pub stones: Vec<Tombstone>,
    durable_stones: usize,
    last_sweep: Option<Timestamp>,
    pub in_use: BTreeSet<PathBuf>,
    /// Folders that can't be synced.
    pub unsyncable: BTreeSet<PathBuf>,
    pub stones_refused: bool,
    step: usize,
    cut_at: Option<usize>,
    hook: Option<(usize, Hook)>,
}

/// The world, as a store and as a disk.
#[derive(Clone)]
pub struct Desk {
    pub world: Arc<Mutex<World>>,
    pub clock: Arc<TestClock>,
}

impl Desk {
    pub fn at(now: &str) -> Desk {
        let clock = Arc::new(TestClock::at(now.parse().expect("a time")));
        Desk { world: Arc::default(), clock }
    }

    /// A recording of a call that ended so many days ago, with what it has happened to it.
    pub fn keep(&self, id: &str, days_ago: i64, events: &[Event]) {
        let ended = self.clock.wall() - jiff::SignedDuration::from_hours(24 * days_ago);
        let quality = Purpose { kind: PurposeKind::Quality, events: events.to_vec() };
        let facts = Facts { began_at: Some(ended), ended_at: Some(ended), purposes: vec![quality], ..Facts::default() };
        let path = |name: &str| PathBuf::from(format!("/desk/{name}"));
        let doomed = Doomed {
            id: id.to_owned(),
            call: CallId::new(),
            why: crate::policy::Why::AwaitsReview,
            since: ended,
            peaks: vec![path(&format!("peaks/{id}"))],
            files: vec![path(&format!("day/{id}.wav")), path(&format!("day/{id}-2.wav"))],
            sha256: None,
        };
        let mut world = self.world.lock();
        world.files.extend(doomed.peaks.iter().chain(&doomed.files).cloned());
        world.durable_files = world.files.clone();
        let row = Row { doomed, facts, life: Life::Kept, is_buried: false, receipts: Vec::new() };
        world.rows.insert(id.to_owned(), row);
    }

    /// A hold, or whatever else covers a recording. Refused once its deletion has begun.
    pub fn cover(&self, id: &str, cover: Cover) -> bool {
        let mut world = self.world.lock();
        let row = world.rows.get_mut(id).expect("a row");
        let is_taken = row.life == Life::Kept;
        if is_taken {
            row.facts.covers.push(cover);
        }
        is_taken
    }

    pub fn release(&self, id: &str) {
        self.world.lock().rows.get_mut(id).expect("a row").facts.covers.clear();
    }

    pub fn cut_at(&self, step: Option<usize>) {
        let mut world = self.world.lock();
        (world.step, world.cut_at) = (0, step);
    }

    pub fn before(&self, step: usize, hook: impl FnOnce(&Desk) + Send + 'static) {
        let mut world = self.world.lock();
        world.step = 0;
        world.hook = Some((step, Box::new(hook)));
    }

    /// Whether nothing came between, because the run had fewer steps.
    pub fn is_hook_left(&self) -> bool {
        self.world.lock().hook.take().is_some()
    }

    /// The power fails: what was not synced is as it was, or not.
    pub fn lose_power(&self) {
        let mut world = self.world.lock();
        world.files = world.durable_files.clone();
        let durable = world.durable_stones;
        world.stones.truncate(durable);
    }

    /// One step: before it, something else may happen, or the end.
    fn step(&self) {
        let hook = {
            let mut world = self.world.lock();
            world.step += 1;
            if world.cut_at == Some(world.step) {
                drop(world);
                panic::resume_unwind(Box::new(Cut));
            }
            let step = world.step;
            world.hook.take_if(|(at, _)| *at == step)
        };
        if let Some((_, hook)) = hook {
            hook(self);
        }
    }

    /// What `check` would say of each recording whose deletion was cut off.
    pub fn cut_offs(&self) -> Vec<CutOff> {
        let world = self.world.lock();
        let deleting = world.rows.values().filter(|row| row.life == Life::Deleting);
        let of = |row: &Row| {
            let is_buried = world.stones.iter().any(|stone| stone.recording == row.doomed.id);
            cut_off(&row.doomed, |file| world.files.contains(file), is_buried)
        };
        deleting.map(of).collect()
    }

    /// What must be true whenever anybody looks.
    pub fn look(&self) {
        let world = self.world.lock();
        for (id, row) in &world.rows {
            let names = || row.doomed.peaks.iter().chain(&row.doomed.files);
            match row.life {
                Life::Kept => {
                    assert!(names().all(|file| world.files.contains(file)), "{id} is kept, and a file is gone")
                }
                Life::Deleting => {}
                Life::Gone => {
                    assert!(!names().any(|file| world.files.contains(file)), "{id} is gone, and a file is there");
                    assert!(row.is_buried && row.receipts.len() == 1, "{id}: {:?}", row.receipts);
                    assert!(world.stones.iter().any(|stone| stone.recording == *id), "{id} has no tombstone");
                }
            }
            if !row.facts.covers.is_empty() {
                assert_eq!(row.life, Life::Kept, "{id} is covered");
            }
        }
    }

    pub fn lives(&self) -> Vec<Life> {
        self.world.lock().rows.values().map(|row| row.life).collect()
    }
}

impl World {
    fn has_lease(&self, token: Token, now: Timestamp) -> bool {
        self.lease.as_ref().is_some_and(|(_, held, until)| *held == token && now < *until)
    }
}

impl Desk {
    /// A transaction for each: it may be cut off, and lose its lease, between any two.
    fn each<I>(
        &self,
        items: &[I],
        (token, now): (Token, Timestamp),
        step: impl Fn(&mut World, &I) -> Deed,
    ) -> Result<Vec<Deed>, Trouble> {
        let one = |item| {
            self.step();
            let mut world = self.world.lock();
            if world.has_lease(token, now) { step(&mut world, item) } else { Deed::LeaseLost }
        };
        Ok(items.iter().map(one).collect())
    }
}

impl Store for Desk {
    fn lease(&mut self, holder: &str, now: Timestamp, until: Timestamp) -> Result<Option<Token>, Trouble> {
        self.step();
        let mut world = self.world.lock();
        let token = match &world.lease {
            Some((held_by, token, _)) if held_by == holder => *token,
            Some((_, _, expires)) if now < *expires && *expires <= until => return Ok(None),
            Some((_, token, _)) => token + 1,
            None => 1,
        };
        world.lease = Some((holder.to_owned(), token, until));
        Ok(Some(token))
    }

    fn release(&mut self, token: Token, now: Timestamp) -> Result<(), Trouble> {
        self.step();
        if let Some((_, held, until)) = &mut self.world.lock().lease
            && *held == token
        {
            *until = now;
        }
        Ok(())
    }

    fn due(&mut self, now: Timestamp, after: Option<&str>, limit: usize) -> Result<Vec<Doomed>, Trouble> {
        self.step();
        let world = self.world.lock();
        let behind = world.rows.values().filter(|row| after.is_none_or(|after| row.doomed.id.as_str() > after));
        let is_due = |row: &&Row| row.life == Life::Kept && fate(&row.facts, &Policy::default(), now).is_due();
        Ok(behind.filter(is_due).take(limit).map(|row| row.doomed.clone()).collect())
    }

    fn unfinished(&mut self, after: Option<&str>, limit: usize) -> Result<Vec<Doomed>, Trouble> {
        self.step();
        let world = self.world.lock();
        let behind = world.rows.values().filter(|row| after.is_none_or(|after| row.doomed.id.as_str() > after));
        Ok(behind.filter(|row| row.life == Life::Deleting).take(limit).map(|row| row.doomed.clone()).collect())
    }

    fn deleting(&mut self, doomed: &[Doomed], token: Token, now: Timestamp) -> Result<Vec<Deed>, Trouble> {
        self.each(doomed, (token, now), |world, doomed| {
            let row = world.rows.get_mut(&doomed.id).expect("a row");
            match (row.life, fate(&row.facts, &Policy::default(), now)) {
                (Life::Kept, Fate::Due { .. }) => {
                    row.life = Life::Deleting;
                    row.doomed.sha256.clone_from(&doomed.sha256);
                    Deed::Done
                }
                _ => Deed::NotNow,
            }
        })
    }

    fn buried(&mut self, tombstones: &[Tombstone], token: Token, now: Timestamp) -> Result<Vec<Deed>, Trouble> {
        self.each(tombstones, (token, now), |world, tombstone| {
            world.rows.get_mut(&tombstone.recording).expect("a row").is_buried = true;
            Deed::Done
        })
    }

    fn gone(&mut self, receipts: &[(String, Receipt)], token: Token, now: Timestamp) -> Result<Vec<Deed>, Trouble> {
        self.each(receipts, (token, now), |world, (id, receipt)| {
            let row = world.rows.get_mut(id).expect("a row");
            if row.life == Life::Deleting {
                row.life = Life::Gone;
                row.receipts.push(*receipt);
            }
            Deed::Done
        })
    }
}

impl Files for Desk {
    fn hash(&self, files: &[PathBuf]) -> io::Result<Option<String>> {
        self.step();
        let world = self.world.lock();
        Ok(files.iter().all(|file| world.files.contains(file)).then(|| format!("hash of {}", files[0].display())))
    }

    fn remove(&self, file: &Path, _deadline: Instant) -> io::Result<Removed> {
        self.step();
        let mut world = self.world.lock();
        if world.in_use.contains(file) {
            return Ok(Removed::InUse);
        }
        Ok(if world.files.remove(file) { Removed::Now } else { Removed::Before })
    }

    fn sync_folder(&self, folder: &Path) -> io::Result<()> {
        self.step();
        let mut world = self.world.lock();
        if world.unsyncable.contains(folder) {
            return Err(io::ErrorKind::Other.into());
        }
        let gone: Vec<PathBuf> = world
            .durable_files
            .iter()
            .filter(|file| file.parent() == Some(folder) && !world.files.contains(*file))
            .cloned()
            .collect();
        gone.iter().for_each(|file| {
            world.durable_files.remove(file);
        });
        Ok(())
    }

    fn is_there(&self, file: &Path) -> io::Result<bool> {
        self.step();
        Ok(self.world.lock().files.contains(file))
    }

    fn bury(&self, tombstones: &[Tombstone]) -> io::Result<()> {
        self.step();
        if self.world.lock().stones_refused {
            return Err(io::ErrorKind::StorageFull.into());
        }
        self.world.lock().stones.extend(tombstones.iter().cloned());
        // Written, and not synced yet.
        self.step();
        let mut world = self.world.lock();
        world.durable_stones = world.stones.len();
        Ok(())
    }

    fn last_sweep(&self) -> io::Result<Option<Timestamp>> {
        Ok(self.world.lock().last_sweep)
    }

    fn note_sweep(&self, at: Timestamp) -> io::Result<()> {
        self.step();
        self.world.lock().last_sweep = Some(at);
        Ok(())
    }
}

/// Something that happened to a sample today.
pub fn today(desk: &Desk, anchor: Anchor) -> Event {
    Event { anchor, at: desk.clock.wall(), date: None }
}
