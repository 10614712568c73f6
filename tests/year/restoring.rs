//! Backups of the desk's records, and restores: what the engine registers after one, and what is on hold then.

use std::{
    collections::{BTreeSet, HashMap},
    fs,
    path::Path,
};

use jiff::Timestamp;
use retrocall_records::{
    backup,
    desk::{Desk as _, Filter, HoldEntry, HomeDesk},
    sweep::is_open,
};
use retrocall_words::CallId;
use serde_json::json;

use crate::{
    calls::Kept,
    desk::{Desk, Engine},
    disk::files,
};

impl Desk {
    pub fn back_up(&mut self) {
        let (number, now) = (self.backups.len(), self.moment());
        let path = self.folder.0.path().join(format!("backup-{number}.sqlite"));
        backup::backup(&self.path(), &path, now).expect("a backup");
        self.events.say(now, "backed-up", json!({ "backup": number }));
        // The last one is what is restored.
        self.backups.last().map(fs::remove_file).transpose().expect("removed");
        self.backups.push(path);
    }

    /// The last backup is put back, and the engine registers the files of which that knows nothing.
    pub fn restore(&mut self) {
        let Some(from) = self.backups.last().cloned() else { return };
        let (known_holds, nothing) = (self.holds_of(&from), self.folder.0.path().join("no-tombstones"));
        fs::write(&nothing, "").expect("a file");
        self.engine.take().expect("an engine").stop();
        let now = self.moment();
        let beside = backup::Beside { tombstones: Some(&nothing), holds: None };
        let restored = backup::restore(&self.path(), &from, beside, "root", now).expect("restored");
        assert!(restored.open, "{restored:?}");
        fs::remove_file(restored.replaced.expect("it was put aside")).expect("removed");
        self.engine = Some(Engine::start(&self.path(), &self.clock));
        self.opened();
        assert_eq!(is_open(&self.path()), Ok(()));
        let known: BTreeSet<CallId> = self.list(&Filter::default()).iter().map(|entry| entry.call).collect();
        let there = files(&self.path().join("recordings"));
        let unknown: Vec<Kept> = there
            .iter()
            .map(|name| name.parse::<CallId>().expect("a call's file"))
            .filter(|call| !known.contains(call))
            .map(|call| self.kept[&call].clone())
            .collect();
        for kept in unknown {
            self.keep(kept, false);
        }
        self.engine().flush();
        let before: HashMap<CallId, String> = self.call_of.iter().map(|(id, call)| (*call, id.clone())).collect();
        for entry in self.list(&Filter::default()) {
            if let Some(old) = before.get(&entry.call).filter(|old| **old != entry.id) {
                self.renamed.insert(old.clone(), entry.id.clone());
            }
            self.call_of.insert(entry.id, entry.call);
        }
        self.say_restored(now, &known_holds);
    }

    /// What the restore, and the engine after it, have put on hold, because a deed has kept it since the backup.
    fn say_restored(&mut self, now: Timestamp, before: &BTreeSet<String>) {
        let mut held = Vec::new();
        for hold in self.holds().into_iter().filter(|hold| !before.contains(&hold.hold)) {
            let deed = hold.reason.rsplit(": ").next().unwrap_or_default();
            held.push(json!({ "hold": hold.hold, "call": self.call_of[&hold.recording], "deed": deed }));
            self.held_again.push(hold.hold);
        }
        let opened = self.new_requests();
        let fields = json!({ "backup": self.backups.len() - 1, "held": held, "opened": opened });
        self.events.say(now, "restored", fields);
    }

    fn holds(&self) -> Vec<HoldEntry> {
        self.verbs.holds(&Desk::owner()).expect("holds")
    }

    /// The holds in force of a backup.
    fn holds_of(&self, backup: &Path) -> BTreeSet<String> {
        let look = tempfile::tempdir_in(self.folder.0.path()).expect("a folder");
        fs::copy(backup, look.path().join("catalog.sqlite")).expect("copied");
        let holds = HomeDesk::of(look.path()).holds(&Desk::owner()).expect("holds");
        holds.into_iter().map(|hold| hold.hold).collect()
    }
}
