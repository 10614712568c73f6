//! What all pages share: the desk whose verbs they call, its rules, the clock, and what is remembered of browsers.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use jiff::{Timestamp, tz::TimeZone};
use retrocall_ledger::Report;
use retrocall_papers::{Controller, Facts, InForce};
use retrocall_records::{
    Address,
    desk::{Going, HomeDesk, SessionLimits, SoundFile},
};
use retrocall_store::{Parts, Store};
use retrocall_words::{
    Clock, Country, Practice,
    retention::{Calendar, Periods},
};
use tokio::{runtime::Handle, sync::Semaphore, task};

use retrocall_file::samples::{OnDisk, Source};

use super::{afar::Afar, answer::Refusal, attempts::Attempts, engine::Engine, lately::Lately, plays::Plays};

/// Requests of sites whose bodies are in memory at once: of 8 MiB each.
const BODIES_AT_ONCE: usize = 8;
/// Passwords that are hashed at once: each takes 19 MiB and a processor for a while.
const HASHED_AT_ONCE: usize = 2;

/// What the desk goes by.
#[derive(Debug, Clone)]
pub struct Rules {
    /// How long what is kept.
    pub retention: Periods,
    /// By which days that counts, and in which zone times are shown.
    pub calendar: Calendar,
    /// What the desk does beside that.
    pub practice: Practice,
    /// The country of customers' numbers that name none.
    pub country: Country,
    /// Who answers for the recordings, as letters say it.
    pub controller: Controller,
    /// How long somebody stays logged in.
    pub sessions: SessionLimits,
}

/// What all pages share.
pub(crate) struct Pages {
    home: PathBuf,
    desk: HomeDesk,
    engine: Engine,
    pub clock: Arc<dyn Clock>,
    pub rules: Rules,
    /// Whether browsers come by TLS alone.
    pub is_secure: bool,
    /// By which names they may come. Empty: by TLS by any, else by those of this machine.
    pub names: Vec<String>,
    pub attempts: Attempts,
    pub plays: Plays,
    /// The ledger, verified. None: there was none.
    pub verified: Lately<Option<Arc<Report>>>,
    /// How many recordings go when.
    pub going: Lately<Arc<[Going]>>,
    /// A place for each password that is hashed.
    pub hashing: Semaphore,
    /// Where the recordings of sites lie. None: this is no centre.
    pub store: Option<Store>,
    /// A place for each request of a site whose body is in memory.
    pub bodies: Semaphore,
    /// The button from afar. None: this is no centre.
    pub afar: Option<Arc<Afar>>,
}

/// The pages, as handlers have them.
pub(crate) type Shared = Arc<Pages>;

impl Pages {
    pub(crate) fn new(
        (home, socket, desk): (&Path, &Path, HomeDesk),
        (store, afar): (Option<Store>, Option<Arc<Afar>>),
        rules: Rules,
        clock: Arc<dyn Clock>,
        is_secure: bool,
        names: Vec<String>,
    ) -> Pages {
        Pages {
            home: home.to_owned(),
            desk,
            engine: Engine::at(socket),
            attempts: Attempts::new(Arc::clone(&clock)),
            plays: Plays::new(Arc::clone(&clock)),
            verified: Lately::default(),
            going: Lately::default(),
            clock,
            rules,
            is_secure,
            names,
            hashing: Semaphore::new(HASHED_AT_ONCE),
            store,
            bodies: Semaphore::new(BODIES_AT_ONCE),
            afar,
        }
    }

    /// What papers are made of, as the settings are.
    pub(crate) fn paper_facts(&self) -> Facts {
        let Rules { retention, calendar, practice, controller, .. } = self.rules.clone();
        let in_force = InForce { version: 0, since: None };
        Facts { periods: retention, calendar, practice, controller, in_force }
    }

    /// The home folder.
    pub(crate) fn home(&self) -> &Path {
        &self.home
    }

    /// A file of a recording, to be read on a thread that may wait.
    pub(crate) fn source(&self, file: &SoundFile) -> Result<Arc<dyn Source>, Refusal> {
        match (file, &self.store) {
            (SoundFile::OnDisk(path), _) => Ok(Arc::new(OnDisk(path.clone()))),
            (SoundFile::InStore(parts), Some(store)) => {
                Ok(Arc::new(Parts::new(store.clone(), parts.clone(), Handle::current())))
            }
            // The settings of this process name no store.
            (SoundFile::InStore(_), None) => Err(Refusal::Unreadable),
        }
    }

    /// Where the records are.
    pub(crate) fn records(&self) -> &Address {
        self.desk.address()
    }

    /// The zone of the desk.
    pub(crate) fn zone(&self) -> &TimeZone {
        self.rules.calendar.zone.rules()
    }

    /// Asks the desk now, on a thread on which it may wait. What was begun is done, whether or not somebody still waits for the answer.
    pub(crate) async fn ask<T: Send + 'static>(
        self: &Arc<Self>,
        ask: impl FnOnce(&HomeDesk, Timestamp) -> T + Send + 'static,
    ) -> T {
        let pages = Arc::clone(self);
        waiting(move || ask(&pages.desk, pages.clock.wall())).await
    }

    /// Asks the engine, on a thread on which it may wait.
    pub(crate) async fn ask_engine<T: Send + 'static>(
        self: &Arc<Self>,
        ask: impl FnOnce(&Engine) -> T + Send + 'static,
    ) -> T {
        let pages = Arc::clone(self);
        waiting(move || ask(&pages.engine)).await
    }
}

/// Does what may wait, on a thread for that.
async fn waiting<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    task::spawn_blocking(work).await.unwrap_or_else(|failed| match failed.try_into_panic() {
        Ok(panic) => std::panic::resume_unwind(panic),
        Err(_) => unreachable!("what waits on a thread of its own is never cancelled"),
    })
}
