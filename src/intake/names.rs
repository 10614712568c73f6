//! Names of users, from the system's user database, which may be a directory service far away, slow or stuck.
//!
//! Threads of their own ask it, and only the connection that wants to know waits. A user who can't be looked up is refused, and is nobody's agent.
//!
//! Belongs here: looking up, and remembering. Does not: which agent a user is, who needs no name.

use std::{
    collections::HashMap,
    fmt, io,
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use nix::unistd::{Gid, Group, Uid, User};
use parking_lot::Mutex;
use tokio::{sync::Notify, time::timeout};

use retrocall_core::{barrier, heart};
use retrocall_words::Clock;

/// How long a connection waits for its user's name.
pub(super) const WAIT: Duration = Duration::from_secs(10);
/// Users that are looked up at once. Where the service is stuck, so many threads are.
const AT_ONCE: usize = 4;
/// How long a name holds before it is asked for again, and how long a refusal.
const NAME_HOLDS: Duration = Duration::from_secs(600);
const REFUSAL_HOLDS: Duration = Duration::from_secs(5);
/// Users that are remembered.
const KNOWN_MAX: usize = 10_000;

/// Why a user has no name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Unknown {
    /// The database does not know the user.
    NoSuchUser,
    /// The database can't be asked, as the system says.
    Refused(String),
    /// It does not answer.
    Late,
}

impl fmt::Display for Unknown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Unknown::NoSuchUser => f.write_str("the system's user database does not know that number"),
            Unknown::Refused(cause) => write!(f, "the system's user database can't be asked ({cause})"),
            Unknown::Late => f.write_str("the system's user database does not answer"),
        }
    }
}

type LookUp = dyn Fn(Uid) -> Result<String, Unknown> + Send + Sync;

/// The users that have been looked up.
#[derive(Clone)]
pub(super) struct Names(Arc<Shared>);

struct Shared {
    look_up: Box<LookUp>,
    clock: Arc<dyn Clock>,
    users: Mutex<Users>,
    /// Some look-up has ended.
    ended: Notify,
}

#[derive(Default)]
struct Users {
    known: HashMap<Uid, CachedName>,
    /// Those who are being looked up.
    asked: Vec<Uid>,
}

struct CachedName {
    name: Result<String, Unknown>,
    /// When it is asked for again.
    until: Instant,
}

impl CachedName {
    fn holds(&self, now: Instant) -> bool {
        now < self.until
    }
}

impl Names {
    /// By the system's database.
    pub(super) fn of_the_system(clock: Arc<dyn Clock>) -> Names {
        Names::by(clock, |uid| match User::from_uid(uid) {
            Ok(Some(user)) => Ok(user.name),
            Ok(None) => Err(Unknown::NoSuchUser),
            Err(error) => Err(Unknown::Refused(error.to_string())),
        })
    }

    fn by(clock: Arc<dyn Clock>, look_up: impl Fn(Uid) -> Result<String, Unknown> + Send + Sync + 'static) -> Names {
        let look_up = Box::new(look_up);
        Names(Arc::new(Shared { look_up, clock, users: Mutex::default(), ended: Notify::new() }))
    }

    /// The name of a user as far as it is known, without waiting. Who is not known is looked up meanwhile.
    pub(super) fn known(&self, uid: Uid) -> Option<String> {
        let users = self.0.users.lock();
        let known = users.known.get(&uid);
        let name = known.and_then(|known| known.name.clone().ok());
        if !known.is_some_and(|known| known.holds(self.0.clock.now())) {
            drop(users);
            self.ask(uid);
        }
        name
    }

    /// The name of a user. Waits until it is known, for no longer than `wait`.
    ///
    /// # Errors
    /// [`Unknown`].
    pub(super) async fn of(&self, uid: Uid, wait: Duration) -> Result<String, Unknown> {
        let waited = timeout(wait, async {
            loop {
                // Before the look: who ends between the look and the wait is heard.
                let ended = self.0.ended.notified();
                if let Some(known) = self.0.users.lock().known.get(&uid).filter(|known| known.holds(self.0.clock.now()))
                {
                    return known.name.clone();
                }
                self.ask(uid);
                ended.await;
            }
        });
        let late = |_| self.stale(uid).ok_or(Unknown::Late);
        waited.await.unwrap_or_else(late)
    }

    /// A name that held once, while the database does not answer.
    fn stale(&self, uid: Uid) -> Option<String> {
        self.0.users.lock().known.get(&uid)?.name.clone().ok()
    }

    /// Has a user looked up, if that is not being done and there is a thread for it. If there is none, whoever waits asks again when one ends.
    fn ask(&self, uid: Uid) {
        let mut users = self.0.users.lock();
        if users.asked.contains(&uid) || users.asked.len() >= AT_ONCE {
            return;
        }
        users.asked.push(uid);
        drop(users);
        let shared = Arc::clone(&self.0);
        let look_up = move || {
            barrier::write_nowhere();
            let name = heart::contain("looking up a user", || (shared.look_up)(uid));
            shared.learn(uid, name.unwrap_or_else(|| Err(Unknown::Refused("it failed".to_owned()))));
        };
        if let Err(error) = thread::Builder::new().name("names".to_owned()).spawn(look_up) {
            self.0.learn(uid, Err(Unknown::Refused(error.to_string())));
        }
    }
}

impl Shared {
    fn learn(&self, uid: Uid, name: Result<String, Unknown>) {
        let now = self.clock.now();
        let mut users = self.users.lock();
        users.asked.retain(|asked| *asked != uid);
        if users.known.len() >= KNOWN_MAX {
            users.known.retain(|_, known| known.holds(now));
        }
        let until = now + if name.is_ok() { NAME_HOLDS } else { REFUSAL_HOLDS };
        match users.known.get_mut(&uid) {
            // A database that fails does not make anybody a stranger who was known.
            Some(known) if known.name.is_ok() && matches!(name, Err(Unknown::Refused(_))) => known.until = until,
            _ => drop(users.known.insert(uid, CachedName { name, until })),
        }
        drop(users);
        self.ended.notify_waiters();
    }
}

/// The number of a group. Waits for the database, for no longer than [`WAIT`].
///
/// # Errors
/// There is no such group, or nobody who knows it.
pub(super) async fn group(name: &str) -> io::Result<Gid> {
    let error = |text: &str| io::Error::new(io::ErrorKind::NotFound, format!("{text} {name} (socket_group)"));
    let (told, answer) = tokio::sync::oneshot::channel();
    let owned = name.to_owned();
    thread::Builder::new().name("names".to_owned()).spawn(move || told.send(Group::from_name(&owned)))?;
    match timeout(WAIT, answer).await {
        Ok(Ok(found)) => Ok(found?.ok_or_else(|| error("no group is called"))?.gid),
        _ => Err(error("the system's user database does not answer who the group is that is called")),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use parking_lot::Condvar;

    use super::*;
    use retrocall_words::SystemClock;

    const LONG: Duration = Duration::from_secs(60);
    const SHORT: Duration = Duration::from_millis(30);

    fn run<T>(test: impl Future<Output = T>) -> T {
        tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime").block_on(test)
    }

    fn uid(number: u32) -> Uid {
        Uid::from_raw(number)
    }

    #[test]
    fn a_user_is_looked_up_once_however_many_connections_come_and_a_stranger_is_named() {
        let asked = Arc::new(AtomicU32::new(0));
        let names = Names::by(Arc::new(SystemClock), {
            let asked = Arc::clone(&asked);
            move |uid| {
                asked.fetch_add(1, Ordering::Relaxed);
                if uid.as_raw() == 7 { Err(Unknown::NoSuchUser) } else { Ok(format!("user-{uid}")) }
            }
        });
        run(async {
            let both = tokio::join!(names.of(uid(1), LONG), names.of(uid(1), LONG));
            assert_eq!(both, (Ok("user-1".to_owned()), Ok("user-1".to_owned())));
            assert_eq!(names.known(uid(1)), Some("user-1".to_owned()));
            assert_eq!(asked.load(Ordering::Relaxed), 1);
            assert_eq!(names.of(uid(7), LONG).await, Err(Unknown::NoSuchUser));
            assert_eq!(names.known(uid(7)), None);
        });
    }

    #[test]
    fn a_database_that_is_stuck_holds_up_only_who_asks_it_and_no_name_is_made_up() {
        let stuck = Arc::new((Mutex::new(true), Condvar::new()));
        let names = Names::by(Arc::new(SystemClock), {
            let stuck = Arc::clone(&stuck);
            move |uid| {
                let mut is_stuck = stuck.0.lock();
                // Users below 100 are known without the service.
                while *is_stuck && uid.as_raw() >= 100 {
                    stuck.1.wait(&mut is_stuck);
                }
                Ok(format!("user-{uid}"))
            }
        });
        run(async {
            let late = (100..100 + AT_ONCE as u32).map(|number| names.of(uid(number), SHORT));
            for late in futures_util::future::join_all(late).await {
                assert_eq!(late, Err(Unknown::Late));
            }
            // All threads are stuck: nobody else gets one, and nobody waits for ever.
            assert_eq!(names.of(uid(1), SHORT).await, Err(Unknown::Late));
            let waiting = names.of(uid(1), LONG);
            *stuck.0.lock() = false;
            stuck.1.notify_all();
            assert_eq!(waiting.await, Ok("user-1".to_owned()));
            assert_eq!(names.of(uid(100), LONG).await, Ok("user-100".to_owned()));
        });
    }

    #[test]
    fn a_database_that_fails_makes_nobody_a_stranger_who_was_known() {
        let fails = Arc::new(AtomicU32::new(0));
        let names = Names::by(Arc::new(SystemClock), {
            let fails = Arc::clone(&fails);
            move |_| match fails.load(Ordering::Relaxed) {
                0 => Ok("anna".to_owned()),
                1 => Err(Unknown::Refused("no route".to_owned())),
                _ => panic!("a planted panic"),
            }
        });
        run(async {
            for how in 0..3 {
                fails.store(how, Ordering::Relaxed);
                if let Some(known) = names.0.users.lock().known.get_mut(&uid(1)) {
                    known.until = SystemClock.now();
                }
                assert_eq!(names.of(uid(1), LONG).await, Ok("anna".to_owned()));
            }
            assert!(matches!(names.of(uid(2), LONG).await, Err(Unknown::Refused(_))));
        });
    }
}
