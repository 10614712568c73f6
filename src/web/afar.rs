//! The button from afar: presses at a centre, for calls on whatever site.
//!
//! Belongs here: the sites that have a socket to this process, what the processes of a centre tell each other, and a press on its way. Does not: who may
//! press (the pages), what a press does (the engine of the call).
//!
//! A site has one socket, to whichever process the balancer chose. What its calls are, that process tells the others, and they hand it the presses for
//! them, through the database that all of them share: no process needs an address that others reach, and a site needs to know of one address alone. A
//! press is never kept: whoever has it hands it on at once, or says that it is late, or that nobody knows.

mod live_calls;
mod socket;

use std::{
    collections::HashMap,
    sync::{
        Arc, Weak,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use parking_lot::Mutex;
use retrocall_records::{
    desk::{HomeDesk, Sites as _, Standing},
    relay::{Heard, NOTICE_BYTES_MAX, Relay},
};
use retrocall_words::{
    Beginning, CallId, Clock,
    afar::{AfarCall, CallNews, Came, CentreSays, Handed, PRESS_TIME, Press, micros, shows},
};
use serde::{Deserialize, Serialize};
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot},
    time::{sleep, timeout},
};

pub(crate) use live_calls::{Found, NoCall};
use live_calls::{LiveCalls, ProcessId};
pub(crate) use socket::{MESSAGE_BYTES_MAX, serve};

/// Sites that have a socket to one process.
const SOCKETS_MAX: usize = 16_384;
/// How often a process says that it lives, and after what time without that it is taken for gone.
const ALIVE_EVERY: Duration = Duration::from_secs(5);
const ALIVE_MAX: Duration = Duration::from_secs(20);
/// Notices that wait to be read.
const HEARD_MAX: usize = 16_384;
/// Of one notice: calls, each of at most half a KiB, and ids of calls.
const CALLS_AT_ONCE: usize = 10;
const OVER_AT_ONCE: usize = 100;
/// Answers whose words are longer are told without them.
const CAME_BYTES_MAX: usize = NOTICE_BYTES_MAX - 200;

/// What processes tell each other.
#[derive(Serialize, Deserialize)]
#[serde(tag = "say", rename_all = "kebab-case")]
enum Notice {
    /// It is new, or has missed something: all others say again what they know.
    Hello { process: ProcessId },
    /// It lives.
    Alive { process: ProcessId },
    /// How the calls of a site are whose socket it has.
    Calls { process: ProcessId, site: Arc<str>, news: CallNews },
    /// It has a site's socket no longer.
    Left { process: ProcessId, site: Arc<str> },
    /// A press for a call of a site whose socket another one has.
    Press { from: ProcessId, to: ProcessId, site: Arc<str>, handed: Box<Handed> },
    /// What came of it.
    Came { to: ProcessId, ask: u64, came: Came },
}

/// What the clock of one process showed when it answered: by it that process knows how long a press was on its way that was sent with the answer in hand.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct At {
    process: ProcessId,
    us: u64,
}

/// A socket of a site.
struct Open {
    number: u64,
    to_site: mpsc::Sender<CentreSays>,
}

/// Whoever waits for what comes of a press.
struct Waiting {
    /// The site that alone can say it; none: a process says it for its site.
    site: Option<Arc<str>>,
    tell: oneshot::Sender<Came>,
}

/// The button from afar, in one process of a centre.
pub(crate) struct Afar {
    process: ProcessId,
    desk: HomeDesk,
    clock: Arc<dyn Clock>,
    began: Beginning,
    live: Mutex<LiveCalls>,
    open: Mutex<HashMap<Arc<str>, Open>>,
    waiting: Mutex<HashMap<u64, Waiting>>,
    /// When other processes were last heard of.
    others: Mutex<HashMap<ProcessId, Instant>>,
    last: AtomicU64,
    /// None: there are no other processes.
    relay: Option<Relay>,
    places: Arc<Semaphore>,
}

impl Afar {
    /// Begins, inside the runtime that serves. `relay` is how it hears other processes.
    ///
    /// # Errors
    /// Why there is no way to other processes.
    pub(crate) fn begin(
        process: &str,
        desk: HomeDesk,
        clock: Arc<dyn Clock>,
        relay: impl FnOnce(Box<dyn Fn(Heard) + Send + Sync>) -> std::io::Result<Option<Relay>>,
    ) -> std::io::Result<Arc<Afar>> {
        let (hears, mut heard) = mpsc::channel(HEARD_MAX);
        let has_missed = Arc::new(AtomicBool::new(false));
        let missed = Arc::clone(&has_missed);
        let relay = relay(Box::new(move |one| {
            if hears.try_send(one).is_err() {
                missed.store(true, Ordering::SeqCst);
            }
        }))?;
        let afar = Arc::new(Afar {
            process: process.into(),
            desk,
            began: Beginning::now(&*clock),
            clock,
            live: Mutex::default(),
            open: Mutex::default(),
            waiting: Mutex::default(),
            others: Mutex::default(),
            last: AtomicU64::new(0),
            relay,
            places: Arc::new(Semaphore::new(SOCKETS_MAX)),
        });
        let hearing = Arc::downgrade(&afar);
        tokio::spawn(async move {
            while let Some(heard) = heard.recv().await {
                let Some(afar) = hearing.upgrade() else { return };
                afar.hear(heard);
                if has_missed.swap(false, Ordering::SeqCst) {
                    // Whatever it was: all say again what they know.
                    afar.hear(Heard::Joined);
                }
            }
        });
        tokio::spawn(live_on(Arc::downgrade(&afar)));
        Ok(afar)
    }

    /// What its clock shows.
    fn shows(&self) -> u64 {
        shows(&self.began, &*self.clock)
    }

    /// What its clock shows now, for whoever is answered.
    pub(crate) fn at(&self) -> At {
        At { process: Arc::clone(&self.process), us: self.shows() }
    }

    /// How long a press was on its way at most that was sent so long after this answer was heard. None: another process gave it.
    pub(crate) fn since_answered(&self, seen: &At, since: Duration) -> Option<Duration> {
        let gone = Duration::from_micros(self.shows().saturating_sub(seen.us));
        (seen.process == self.process).then(|| gone.saturating_sub(since))
    }

    /// A place for a socket. None: there are too many.
    pub(crate) fn place(&self) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.places).try_acquire_owned().ok()
    }

    fn number(&self) -> u64 {
        self.last.fetch_add(1, Ordering::Relaxed)
    }

    /// The calls of an agent, in the order in which a press means them.
    pub(crate) fn calls(&self, agent: &str) -> Vec<Found> {
        self.live.lock().of_agent(agent)
    }

    /// The call that an agent's press means.
    ///
    /// # Errors
    /// Why there is none.
    pub(crate) fn meant(&self, agent: &str, call: Option<CallId>) -> Result<Found, NoCall> {
        self.live.lock().meant(agent, call)
    }

    /// Brings a press that is so old to the site of its call, and says what came of it.
    pub(crate) async fn press(&self, found: &Found, press: Press, age: Duration) -> Came {
        if age >= PRESS_TIME {
            return Came::Late;
        }
        if found.process == self.process {
            return self.to_site(&found.site, press, age).await;
        }
        let (ask, waits) = self.waits(None);
        let handed = Box::new(Handed { ask, press, age_us: micros(age), sent_us: 0 });
        let (from, to, site) = (Arc::clone(&self.process), Arc::clone(&found.process), Arc::clone(&found.site));
        if !self.say(&Notice::Press { from, to, site, handed }, true) {
            self.waiting.lock().remove(&ask);
            return Came::Unreached;
        }
        self.await_it(ask, waits, age).await
    }

    /// Hands a press to a site whose socket is here.
    async fn to_site(&self, site: &Arc<str>, press: Press, age: Duration) -> Came {
        let began = self.clock.now();
        // Whatever its socket says: a site that was withdrawn a moment ago gets nothing.
        match self.may(site).await {
            Some(true) => {}
            Some(false) => {
                self.shut(site);
                return Came::Unreached;
            }
            None => return Came::Unreached,
        }
        let age = age + self.clock.since(began);
        let (ask, waits) = self.waits(Some(Arc::clone(site)));
        let handed = Handed { ask, press, age_us: micros(age), sent_us: self.shows() };
        let to_site = self.open.lock().get(site).map(|open| open.to_site.clone());
        let sent = to_site.is_some_and(|to_site| to_site.try_send(CentreSays::Press(Box::new(handed))).is_ok());
        if !sent {
            self.waiting.lock().remove(&ask);
            return Came::Unreached;
        }
        self.await_it(ask, waits, age).await
    }

    fn waits(&self, site: Option<Arc<str>>) -> (u64, oneshot::Receiver<Came>) {
        let ((tell, waits), ask) = (oneshot::channel(), self.number());
        self.waiting.lock().insert(ask, Waiting { site, tell });
        (ask, waits)
    }

    /// Model: `AnswerArrives`, `NoAnswer`. Whoever pressed waits no longer than anybody could carry it out.
    async fn await_it(&self, ask: u64, waits: oneshot::Receiver<Came>, age: Duration) -> Came {
        let came = timeout(PRESS_TIME.saturating_sub(age), waits).await;
        self.waiting.lock().remove(&ask);
        // Model: `NoAnswerIsUnknown`: its time is over, or the socket is gone.
        came.ok().and_then(Result::ok).unwrap_or(Came::Unknown)
    }

    /// Whether a site may have a socket. None: the records don't say it now.
    async fn may(&self, site: &Arc<str>) -> Option<bool> {
        let (desk, site) = (self.desk.clone(), Arc::clone(site));
        let standing = tokio::task::spawn_blocking(move || desk.standing(&site)).await;
        standing.ok()?.ok().map(|standing| standing == Some(Standing::Enrolled))
    }

    /// A site has opened a socket. One that it had before is closed.
    fn opened(&self, site: &Arc<str>, to_site: mpsc::Sender<CentreSays>) -> u64 {
        let number = self.number();
        self.open.lock().insert(Arc::clone(site), Open { number, to_site });
        number
    }

    fn has_open(&self, site: &Arc<str>, number: u64) -> bool {
        self.open.lock().get(site).is_some_and(|open| open.number == number)
    }

    /// A socket of a site is closed: what came of presses over it nobody will say.
    fn closed(&self, site: &Arc<str>, number: u64) {
        let is_last = self.has_open(site, number);
        if is_last {
            self.open.lock().remove(site);
            self.live.lock().left(&self.process, site);
            let (process, site) = (Arc::clone(&self.process), Arc::clone(site));
            self.say(&Notice::Left { process, site }, false);
        }
        self.waiting.lock().retain(|_, waiting| !is_last || waiting.site.as_ref() != Some(site));
    }

    /// Closes the socket of a site, if it has one here.
    fn shut(&self, site: &Arc<str>) {
        let number = self.open.lock().get(site).map(|open| open.number);
        if let Some(number) = number {
            self.closed(site, number);
        }
    }

    /// A site says how its calls are.
    fn heard_calls(&self, site: &Arc<str>, number: u64, news: CallNews) {
        if self.has_open(site, number) {
            self.live.lock().take(&self.process, site, news.clone());
            self.tell_calls(site, news);
        }
    }

    /// A site says what came of a press: of one that it was asked.
    fn came(&self, site: &Arc<str>, ask: u64, came: Came) {
        let mut waiting = self.waiting.lock();
        if waiting.get(&ask).is_some_and(|waiting| waiting.site.as_ref() == Some(site))
            && let Some(Waiting { tell, .. }) = waiting.remove(&ask)
        {
            let _ = tell.send(came);
        }
    }

    /// Tells the other processes, in notices that fit.
    fn tell_calls(&self, site: &Arc<str>, news: CallNews) {
        let CallNews { mut is_all, may, now, over } = news;
        let mut tell = |now: &[AfarCall], over: &[CallId]| {
            let is_all = std::mem::replace(&mut is_all, false);
            let news = CallNews { is_all, may: may.clone(), now: now.to_vec(), over: over.to_vec() };
            let (process, site) = (Arc::clone(&self.process), Arc::clone(site));
            self.say(&Notice::Calls { process, site, news }, false);
        };
        if now.is_empty() && over.is_empty() {
            tell(&[], &[]);
        }
        now.chunks(CALLS_AT_ONCE).for_each(|now| tell(now, &[]));
        over.chunks(OVER_AT_ONCE).for_each(|over| tell(&[], over));
    }

    fn say(&self, notice: &Notice, is_timed: bool) -> bool {
        let Some(relay) = &self.relay else { return false };
        let Ok(text) = serde_json::to_string(notice) else { return false };
        text.len() <= NOTICE_BYTES_MAX && relay.say(text, is_timed)
    }

    fn say_all(&self) {
        let said = self.live.lock().said_by(&self.process);
        said.into_iter().for_each(|(site, news)| self.tell_calls(&site, news));
    }

    fn hear(self: &Arc<Self>, heard: Heard) {
        match heard {
            Heard::Joined => {
                self.say(&Notice::Hello { process: Arc::clone(&self.process) }, false);
                self.say_all();
            }
            Heard::Site(site) => self.shut(&site.into()),
            Heard::Said { text, way } => {
                // One of a later version says what nobody understands.
                if let Ok(notice) = serde_json::from_str(&text) {
                    self.hear_notice(notice, way);
                }
            }
        }
    }

    fn hear_notice(self: &Arc<Self>, notice: Notice, way: Option<Duration>) {
        match notice {
            Notice::Hello { process } if process != self.process => {
                self.lives(&process);
                self.say_all();
            }
            Notice::Alive { process } if process != self.process => self.lives(&process),
            Notice::Calls { process, site, news } if process != self.process => {
                self.lives(&process);
                if news.is_all {
                    // A site has one socket: this one is older, and nobody has noticed yet that it is gone.
                    self.shut(&site);
                }
                self.live.lock().take(&process, &site, news);
            }
            Notice::Left { process, site } if process != self.process => self.live.lock().left(&process, &site),
            Notice::Press { from, to, site, handed } if to == self.process => {
                tokio::spawn(hand_on(Arc::clone(self), from, site, *handed, way));
            }
            Notice::Came { to, ask, came } if to == self.process => {
                let waiting = self.waiting.lock().remove(&ask).filter(|waiting| waiting.site.is_none());
                waiting.into_iter().for_each(|waiting| drop(waiting.tell.send(came.clone())));
            }
            // One's own, and what others tell each other.
            _ => {}
        }
    }

    fn lives(&self, process: &ProcessId) {
        self.others.lock().insert(Arc::clone(process), self.clock.now());
    }

    fn forget_the_gone(&self) {
        let mut others = self.others.lock();
        let is_gone = |heard_at: &Instant| self.clock.since(*heard_at) > ALIVE_MAX;
        let gone: Vec<_> =
            others.iter().filter(|(_, at)| is_gone(at)).map(|(process, _)| Arc::clone(process)).collect();
        for process in gone {
            others.remove(&process);
            self.live.lock().gone(&process);
        }
    }
}

/// A press that another process has handed on, for a site whose socket is here.
async fn hand_on(afar: Arc<Afar>, from: ProcessId, site: Arc<str>, handed: Handed, way: Option<Duration>) {
    let Handed { ask, press, age_us, .. } = handed;
    // Model: `Expires`. Nobody knows how old a press is whose way was not measured.
    let age = way.map_or(PRESS_TIME, |way| Duration::from_micros(age_us).saturating_add(way));
    let came = match age >= PRESS_TIME {
        true => Came::Late,
        false => afar.to_site(&site, press, age).await,
    };
    let short = |came: &Came| serde_json::to_string(came).is_ok_and(|text| text.len() <= CAME_BYTES_MAX);
    let came = match came {
        Came::Answered { mut answer } if !short(&Came::Answered { answer: answer.clone() }) => {
            answer.text = None;
            Came::Answered { answer }
        }
        came => came,
    };
    afar.say(&Notice::Came { to: from, ask, came }, false);
}

/// Says from time to time that this process lives, and forgets those that don't.
async fn live_on(afar: Weak<Afar>) {
    loop {
        sleep(ALIVE_EVERY).await;
        let Some(afar) = afar.upgrade() else { return };
        afar.say(&Notice::Alive { process: Arc::clone(&afar.process) }, false);
        afar.forget_the_gone();
    }
}
