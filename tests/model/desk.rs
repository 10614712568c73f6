//! The state of the model: one recording, its row, its file, whoever sweeps, and what lies outside the home.

/// Where the recording is in its life, as its row says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Life {
    Kept,
    Deleting,
    Gone,
}

/// A hold, or a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Cover {
    NotYet,
    InForce,
    Over,
}

/// The lease of the sweep: who has the last token has it until it expires.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Lease {
    pub token: u8,
    pub is_live: bool,
}

/// The catalog: each change of it is one durable transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Catalog {
    pub life: Life,
    /// Whether its purpose is in force. Once it is over it does not come back.
    pub purpose: bool,
    pub hold: Cover,
    pub request: Cover,
    pub has_stone: bool,
    pub lease: Lease,
}

impl Catalog {
    /// Whether anything says that the recording is to exist.
    pub fn covers(&self) -> bool {
        self.life != Life::Gone && (self.purpose || self.hold == Cover::InForce || self.request == Cover::InForce)
    }

    pub fn is_due(&self) -> bool {
        self.life == Life::Kept && !self.covers()
    }

    /// Its row ends: all that belonged to it goes.
    pub fn end(&mut self) {
        (self.life, self.has_stone) = (Life::Gone, true);
        (self.purpose, self.hold, self.request) = (false, Cover::Over, Cover::Over);
    }

    /// Its deletion had begun, and is to be finished.
    pub fn go_on_deleting(&mut self) {
        self.life = Life::Deleting;
        (self.purpose, self.hold, self.request) = (false, Cover::Over, Cover::Over);
    }
}

/// The home's folder on the disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Disk {
    /// The file has its name.
    pub is_named: bool,
    /// It has it also after a power cut.
    pub is_on_platter: bool,
    /// The tombstone lies in its file, durably.
    pub has_stone: bool,
    /// There is a file of deeds that keep something.
    pub has_holds: bool,
    /// What it says of the hold, durably.
    pub hold: Cover,
}

/// How far a sweep has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Step {
    Idle,
    /// It has the lease, and has found the recording due.
    Doomed,
    /// Its deletion has begun, by this sweep or by one before it.
    Removing,
    /// The file is unlinked.
    Unlinked,
    /// The folder is synced, and nothing is there.
    Verified,
    /// The tombstone lies in its file.
    Buried,
    /// The tombstone lies in the catalog.
    Noted,
    /// The receipt is written: nothing is left to be done.
    Leased,
    /// The receipt is written, by a sweep that buries last: a broken rule.
    Early,
}

/// Whoever sweeps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Sweeper {
    pub step: Step,
    pub token: u8,
    /// The catalog that it has open was replaced: what it writes goes nowhere.
    pub is_stale: bool,
}

impl Sweeper {
    pub const IDLE: Sweeper = Sweeper { step: Step::Idle, token: 0, is_stale: false };
}

/// How far a restore has come, in the process that does it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Restoring {
    /// The copy is reconciled with the tombstones.
    Reconciled { copy: Catalog, is_known: bool, with_copy: bool },
    /// Tombstones and holds lie in the home's files.
    Buried { copy: Catalog, is_known: bool },
    /// The copy is the catalog.
    Replaced { is_known: bool },
}

/// What the model remembers to judge by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Seen {
    /// The file was unlinked while something covered it.
    pub was_lost: bool,
    /// A sweep wrote whose token was not the last one, or had expired.
    pub stale_write: bool,
    /// A receipt was written.
    pub receipt: bool,
    /// Somebody was told that a hold is set, and has not released it.
    pub was_promised: bool,
    /// Somebody put the file back, and nobody has looked for such files since.
    pub was_put_back: bool,
    /// Somebody put an older catalog there, and no engine has started since.
    pub was_copied: bool,
    /// The catalog, or the home, was lost: what it knew nobody knows.
    pub disaster: bool,
}

/// How often what happens from outside happens at most.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Limits {
    /// Kills, and power cuts.
    pub cuts: u8,
    /// Leases that expire while their holder is at work.
    pub expiries: u8,
    pub restores: u8,
    /// The catalog lost or copied, the home lost, the file put back.
    pub accidents: u8,
    /// Tokens that are given out.
    pub tokens: u8,
    pub has_requests: bool,
}

impl Limits {
    /// Two sweeps, and people at the desk.
    pub const SWEEPS: Limits =
        Limits { cuts: 2, expiries: 2, restores: 0, accidents: 1, tokens: 4, has_requests: true };
    /// A backup, and the ways back from it.
    pub const RESTORES: Limits =
        Limits { cuts: 2, expiries: 0, restores: 2, accidents: 2, tokens: 2, has_requests: false };
}

/// The desk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Desk {
    pub has_catalog: bool,
    pub catalog: Catalog,
    pub disk: Disk,
    /// The engine runs.
    pub is_up: bool,
    /// The engine's, and a command's beside it.
    pub sweepers: [Sweeper; 2],
    /// The file that says that a restore has begun.
    pub is_marked: bool,
    pub restoring: Option<Restoring>,
    /// Nothing is played or deleted.
    pub is_closed: bool,
    pub backup: Option<Catalog>,
    /// What the copies of both files outside the home have.
    pub has_stone_outside: bool,
    pub hold_outside: Cover,
    pub seen: Seen,
    pub left: Limits,
}

impl Desk {
    /// A recording that is kept, beside an engine.
    pub fn new(limits: Limits) -> Desk {
        let lease = Lease { token: 0, is_live: false };
        let (hold, request) = (Cover::NotYet, Cover::NotYet);
        Desk {
            has_catalog: true,
            catalog: Catalog { life: Life::Kept, purpose: true, hold, request, has_stone: false, lease },
            disk: Disk { is_named: true, is_on_platter: true, has_stone: false, has_holds: true, hold: Cover::NotYet },
            is_up: true,
            sweepers: [Sweeper::IDLE; 2],
            is_marked: false,
            restoring: None,
            is_closed: false,
            backup: None,
            has_stone_outside: false,
            hold_outside: Cover::NotYet,
            seen: Seen::default(),
            left: limits,
        }
    }

    /// Whether anybody can play what the catalog calls alive.
    pub fn is_open(&self) -> bool {
        self.has_catalog && !self.is_marked && self.restoring.is_none() && !self.is_closed && !self.seen.was_copied
    }

    /// Takes the file's name away, whoever does it.
    pub fn unlink(&mut self) {
        if self.disk.is_named {
            self.seen.was_lost |= self.seen.was_promised || self.has_catalog && self.catalog.covers();
            self.disk.is_named = false;
        }
    }
}
