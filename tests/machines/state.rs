//! The state of the model: one recording of one site, the link beside its engine, a centre of two processes over one database, and a store.

/// A process of the centre.
pub type Who = usize;

/// The recording in the centre's database.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Row {
    None,
    /// It is being delivered to this process.
    Arriving {
        to: Who,
        /// The time that was given for it has not passed.
        is_live: bool,
    },
    Stored,
    Deleting,
    Gone,
}

/// The lease of the centre's clean-up: who has the last token has it until it expires.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Lease {
    pub token: u8,
    pub is_live: bool,
}

/// A hold, or an erasure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Order {
    NotYet,
    /// It lies in the store. Nobody was told that it is given.
    Noted,
    Given,
    /// Released, and what lies in the store still says that it is given.
    Ending,
    Over,
}

/// The centre's database: each change of it is one durable transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Database {
    pub row: Row,
    pub purpose: bool,
    pub hold: Order,
    pub erasure: Order,
    /// The site has confirmed the order of the erasure: nothing of before lies there.
    pub is_confirmed: bool,
    pub lease: Lease,
}

impl Database {
    pub fn is_due(&self) -> bool {
        let covers = self.purpose && self.erasure != Order::Given || self.hold == Order::Given;
        self.row == Row::Stored && !covers
    }
}

/// An object of the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Object {
    None,
    Damaged,
    Whole,
}

/// The store: what is there is there for good, whatever happens to the database.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Store {
    pub object: Object,
    pub has_stone: bool,
    pub hold: bool,
    pub erasure: bool,
}

/// The site: its home's disk, with what the link knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Site {
    pub has_file: bool,
    /// The centre has it, and has read it back.
    pub is_delivered: bool,
    /// It was told to deliver what is of before: because of a hold or a request for a copy, or of an erasure.
    pub knows_hold: bool,
    pub knows_erasure: bool,
    /// It asked for orders within a day.
    pub is_fresh: bool,
}

/// How far a delivery has come in a process of the centre.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Upload {
    None,
    Received,
    Begun,
    Put,
    Registered,
}

/// How far a clean-up has come in a process of the centre.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Sweep {
    Idle,
    Doomed,
    Begun,
    Buried,
    Removed,
}

/// A process of the centre.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Process {
    pub upload: Upload,
    pub sweep: Sweep,
    pub token: u8,
}

impl Process {
    pub const IDLE: Process = Process { upload: Upload::None, sweep: Sweep::Idle, token: 0 };
}

/// What the centre answers to a delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Answer {
    /// It has it: stored now, or already before.
    Has,
    Gone,
}

/// What the model remembers to judge by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Seen {
    /// The last good copy went while something covered it.
    pub was_lost: bool,
    /// A clean-up wrote whose lease was another's by then.
    pub stale_write: bool,
    /// A receipt was written.
    pub receipt: bool,
    /// The customer was told that all is erased.
    pub is_closed: bool,
    /// The desk's reason to keep it has ended.
    pub is_over: bool,
    /// Somebody was told that it is held.
    pub was_promised: bool,
    /// That was over a day ago.
    pub was_promised_long_ago: bool,
}

/// How often what happens from outside happens at most.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Limits {
    pub kills: u8,
    pub expiries: u8,
    pub restores: u8,
    pub damages: u8,
    /// Delivery states forgotten, homes restored.
    pub accidents: u8,
    pub offers: u8,
    pub tokens: u8,
    pub has_holds: bool,
    pub has_erasures: bool,
    /// Processes of the centre.
    pub processes: Who,
}

impl Limits {
    /// Deliveries and clean-ups at once, and a hold.
    pub const HOLDS: Limits = Limits { has_holds: true, has_erasures: false, ..Limits::ERASURES };
    /// The same, and an erasure.
    pub const ERASURES: Limits = Limits {
        kills: 1,
        expiries: 2,
        restores: 0,
        damages: 1,
        accidents: 1,
        offers: 2,
        tokens: 2,
        has_holds: false,
        has_erasures: true,
        processes: 2,
    };
    /// A database that is restored to what it was.
    pub const RESTORES: Limits = Limits {
        kills: 1,
        expiries: 0,
        restores: 1,
        damages: 0,
        accidents: 0,
        offers: 2,
        tokens: 2,
        has_holds: true,
        has_erasures: true,
        processes: 1,
    };
    /// The same, and a delivery whose time is over.
    pub const LATE: Limits = Limits { expiries: 1, has_holds: false, ..Limits::RESTORES };
}

/// All machines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Machines {
    pub site: Site,
    pub database: Database,
    pub store: Store,
    pub centre: [Process; 2],
    /// The answer on its way. It may be heard twice, or never.
    pub answer: Option<Answer>,
    /// The database was restored, and nobody has compared it with the store yet: nothing is played or deleted.
    pub is_closed: bool,
    pub backup: Option<Database>,
    pub seen: Seen,
    pub left: Limits,
}

impl Machines {
    /// A recording that was just kept at its site.
    pub fn new(limits: Limits) -> Machines {
        let lease = Lease { token: 0, is_live: false };
        Machines {
            site: Site { has_file: true, is_delivered: false, knows_hold: false, knows_erasure: false, is_fresh: true },
            database: Database {
                row: Row::None,
                purpose: true,
                hold: Order::NotYet,
                erasure: Order::NotYet,
                is_confirmed: false,
                lease,
            },
            store: Store { object: Object::None, has_stone: false, hold: false, erasure: false },
            centre: [Process::IDLE; 2],
            answer: None,
            is_closed: false,
            backup: None,
            seen: Seen::default(),
            left: limits,
        }
    }

    /// Takes the file of the home away.
    pub fn unlink(&mut self) {
        if self.site.has_file {
            self.site.has_file = false;
            // A site is bound by a hold once it has had a day to hear of it.
            let is_held = self.seen.was_promised_long_ago || self.seen.was_promised && self.site.knows_hold;
            self.judge(is_held);
        }
    }

    /// Takes the object out of the store.
    pub fn remove_object(&mut self) {
        if self.store.object == Object::Whole {
            self.store.object = Object::None;
            self.judge(self.seen.was_promised);
        }
        self.store.object = Object::None;
    }

    /// A good copy went: was it the last one, and wanted?
    fn judge(&mut self, is_held: bool) {
        let is_erased = self.database.erasure == Order::Given || self.store.erasure;
        let is_wanted = is_held || !self.seen.is_over && !is_erased;
        let has_copy = self.site.has_file || self.store.object == Object::Whole;
        self.seen.was_lost |= is_wanted && !has_copy;
    }
}
