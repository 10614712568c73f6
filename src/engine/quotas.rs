//! Quotas: how much one user of the machine may take, and all users together.
//!
//! Belongs here: counts of connections, live calls, begins a second and waiting bytes, and their limits. Does not: who somebody is, what follows
//! from a refusal.
//!
//! Each user has a quota. All users together may take everything but a reserve, so that the engine's owner, who carries the calls of a whole desk,
//! always finds room. Only the totals bind the owner and AudioSocket: a PBX that announces thousands of calls again after a restart is no flood.

use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    time::Instant,
};

use parking_lot::Mutex;

use retrocall_settings::Settings;
use retrocall_words::{ErrorCode, Principal, PrincipalId, Refusal};

/// The limits that a desk has set.
#[derive(Debug, Clone, Copy)]
struct Limits {
    connections: Share,
    calls: Share,
    queued_bytes: Share,
    begins_per_second: f64,
}

/// The limits of one resource.
#[derive(Debug, Clone, Copy)]
struct Share {
    /// For everybody together, the owner included.
    total: usize,
    /// For all users together.
    users: usize,
    /// For one user.
    user: usize,
}

impl Share {
    fn new(total: usize, user: usize, reserve_percent: usize) -> Share {
        let users = total - (total * reserve_percent).div_ceil(100);
        Share { total, users, user: user.min(users) }
    }
}

/// How much of one resource is taken.
#[derive(Debug, Default)]
struct Gauge {
    total: AtomicUsize,
    users: AtomicUsize,
}

/// Whose limit is reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Overdraft {
    /// The user's own limit.
    User,
    /// The limit of everybody together.
    Total,
}

/// Takes some of a count, within its limit.
fn take(count: &AtomicUsize, some: usize, max: usize) -> bool {
    let more = |now: usize| now.checked_add(some).filter(|now| *now <= max);
    count.fetch_update(Relaxed, Relaxed, more).is_ok()
}

impl Gauge {
    /// Takes some of the shared amount, for a user or the owner.
    fn take(&self, some: usize, share: &Share, is_users: bool) -> Result<(), Overdraft> {
        if is_users && !take(&self.users, some, share.users) {
            return Err(Overdraft::Total);
        }
        if !take(&self.total, some, share.total) {
            self.users.fetch_sub(if is_users { some } else { 0 }, Relaxed);
            return Err(Overdraft::Total);
        }
        Ok(())
    }

    /// Takes some of the shared amount and of the user's own; without one, for the owner.
    fn take_with(&self, own: Option<&AtomicUsize>, some: usize, shared: usize, share: &Share) -> Result<(), Overdraft> {
        if own.is_some_and(|own| !take(own, some, share.user)) {
            return Err(Overdraft::User);
        }
        let taken = self.take(shared, share, own.is_some());
        if let (Err(_), Some(own)) = (taken, own) {
            own.fetch_sub(some, Relaxed);
        }
        taken
    }

    fn give_back(&self, own: Option<&AtomicUsize>, some: usize, shared: usize) {
        self.total.fetch_sub(shared, Relaxed);
        if let Some(own) = own {
            own.fetch_sub(some, Relaxed);
            self.users.fetch_sub(shared, Relaxed);
        }
    }
}

/// How much one user has taken.
#[derive(Debug, Default)]
struct Usage {
    connections: AtomicUsize,
    calls: AtomicUsize,
    queued_bytes: AtomicUsize,
    /// The begins that are left for now; none: as many as may be live.
    begins: Mutex<Option<Begins>>,
}

/// A token bucket of begins, which fills up again.
#[derive(Debug, Clone, Copy)]
struct Begins {
    left: f64,
    at: Instant,
}

/// All counts and all limits.
#[derive(Debug)]
pub struct Quotas {
    limits: Limits,
    connections: Gauge,
    calls: Gauge,
    queued_bytes: Gauge,
    users: Mutex<HashMap<PrincipalId, Arc<Usage>>>,
}

/// One user's access to the quotas.
#[derive(Debug, Clone)]
pub struct Account {
    quotas: Arc<Quotas>,
    /// None for the owner and AudioSocket.
    user: Option<Arc<Usage>>,
}

/// Counts a connection or a live call while it lives.
#[derive(Debug)]
pub struct Ticket {
    account: Account,
    is_call: bool,
}

impl Quotas {
    /// Starts with nothing taken. Connections are limited to `connections_max`, whatever the settings say.
    pub fn new(settings: &Settings, connections_max: usize) -> Quotas {
        let share = |total, user| Share::new(total, user, settings.owner_reserve_percent);
        let limits = Limits {
            connections: share(connections_max, settings.connections_per_user),
            calls: share(settings.calls_max, settings.calls_per_user),
            queued_bytes: share(settings.queued_max, settings.queued_per_user),
            begins_per_second: settings.begins_per_second as f64,
        };
        let [connections, calls, queued_bytes] = Default::default();
        Quotas { limits, connections, calls, queued_bytes, users: Mutex::default() }
    }

    /// The account of this user.
    pub fn account(self: &Arc<Self>, id: PrincipalId, is_owner: bool) -> Account {
        let user = (!is_owner).then(|| Arc::clone(self.users.lock().entry(id).or_default()));
        Account { quotas: Arc::clone(self), user }
    }

    /// The account of this principal.
    pub fn account_of(self: &Arc<Self>, principal: &Principal) -> Account {
        self.account(principal.id, principal.is_owner())
    }

    /// Forgets the users who have taken nothing for a while.
    pub(super) fn forget_the_absent(&self, now: Instant) {
        let limits = &self.limits;
        self.users.lock().retain(|_, user| Arc::strong_count(user) > 1 || !user.is_as_new(limits, now));
    }
}

impl Usage {
    /// Takes the right to begin or to offer one call.
    fn take_begin(&self, limits: &Limits, now: Instant) -> bool {
        let mut begins = self.begins.lock();
        let left = self.left(*begins, limits, now);
        *begins = Some(Begins { left: if left >= 1.0 { left - 1.0 } else { left }, at: now });
        left >= 1.0
    }

    fn left(&self, begins: Option<Begins>, limits: &Limits, now: Instant) -> f64 {
        // A softphone may announce all its calls at once, for example after a restart.
        let most = limits.calls.user as f64;
        begins.map_or(most, |Begins { left, at }| {
            most.min(left + now.saturating_duration_since(at).as_secs_f64() * limits.begins_per_second)
        })
    }

    fn is_as_new(&self, limits: &Limits, now: Instant) -> bool {
        let begins = *self.begins.lock();
        self.left(begins, limits, now) >= limits.calls.user as f64
    }
}

impl Account {
    /// Counts one more connection.
    ///
    /// # Errors The error that closes the connection, and its words.
    pub fn connect(&self) -> Result<Ticket, (ErrorCode, String)> {
        let own = self.user.as_ref().map(|user| &user.connections);
        let limit = &self.quotas.limits.connections;
        match self.quotas.connections.take_with(own, 1, 1, limit) {
            Ok(()) => Ok(Ticket { account: self.clone(), is_call: false }),
            Err(Overdraft::User) => Err((
                ErrorCode::ConnectionsPerUser,
                format!(
                    "{} connections of yours are open: that is the limit for one user (connections_per_user)",
                    limit.user
                ),
            )),
            Err(Overdraft::Total) => Err((
                ErrorCode::TooManyConnections,
                format!(
                    "{} connections are open: that is the limit (connections_max)",
                    if own.is_some() { limit.users } else { limit.total }
                ),
            )),
        }
    }

    /// Counts one more live call.
    ///
    /// # Errors
    /// [`Refusal::CallsPerUser`], [`Refusal::TooManyCalls`], [`Refusal::BeginsPerSecond`].
    pub(super) fn begin(&self, now: Instant) -> Result<Ticket, Refusal> {
        let own = self.user.as_ref().map(|user| &user.calls);
        self.quotas.calls.take_with(own, 1, 1, &self.quotas.limits.calls).map_err(|full| match full {
            Overdraft::User => Refusal::CallsPerUser,
            Overdraft::Total => Refusal::TooManyCalls,
        })?;
        let call = Ticket { account: self.clone(), is_call: true };
        self.pace(now).map(|()| call)
    }

    /// Counts an act that others hear of or that is written down. It may happen as often as a begin.
    ///
    /// # Errors
    /// [`Refusal::BeginsPerSecond`].
    pub(super) fn pace(&self, now: Instant) -> Result<(), Refusal> {
        match &self.user {
            Some(user) if !user.take_begin(&self.quotas.limits, now) => Err(Refusal::BeginsPerSecond),
            _ => Ok(()),
        }
    }

    /// Counts bytes that wait to be read; `shared` of them count for everybody together.
    ///
    /// # Errors [`Overdraft`]: there is no room for them.
    pub fn queue(&self, bytes: usize, shared: usize) -> Result<(), Overdraft> {
        let own = self.user.as_ref().map(|user| &user.queued_bytes);
        self.quotas.queued_bytes.take_with(own, bytes, shared, &self.quotas.limits.queued_bytes)
    }

    /// Uncounts bytes that were read.
    pub fn queued_no_more(&self, bytes: usize, shared: usize) {
        self.quotas.queued_bytes.give_back(self.user.as_ref().map(|user| &user.queued_bytes), bytes, shared);
    }

    /// Whether the account is the owner's, or AudioSocket's.
    pub fn is_owners(&self) -> bool {
        self.user.is_none()
    }
}

impl Ticket {
    /// The account that it counts for.
    pub fn account(&self) -> &Account {
        &self.account
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        let Account { quotas, user } = &self.account;
        if self.is_call {
            quotas.calls.give_back(user.as_ref().map(|user| &user.calls), 1, 1);
        } else {
            quotas.connections.give_back(user.as_ref().map(|user| &user.connections), 1, 1);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use retrocall_words::{Clock as _, TestClock, book::NOTES_MAX};

    fn quotas(settings: Settings) -> Arc<Quotas> {
        let connections_max = settings.connections_max;
        Arc::new(Quotas::new(&settings, connections_max))
    }

    fn user(quotas: &Arc<Quotas>, uid: u32) -> Account {
        quotas.account(PrincipalId::User(uid), false)
    }

    #[test]
    fn one_user_takes_its_own_all_users_leave_the_reserve_and_the_owner_gets_to_the_end() {
        let quotas = quotas(Settings { connections_max: 10, connections_per_user: 6, ..Settings::default() });
        let connect = |account: &Account| account.connect().map_err(|(error, _)| error);
        let mut held: Vec<Ticket> = (0..6).map(|_| connect(&user(&quotas, 1)).expect("its own")).collect();
        assert_eq!(connect(&user(&quotas, 1)).err(), Some(ErrorCode::ConnectionsPerUser));
        held.extend((0..3).map(|_| connect(&user(&quotas, 2)).expect("its own")));
        assert_eq!(connect(&user(&quotas, 2)).err(), Some(ErrorCode::TooManyConnections), "a tenth is the owner's");
        let owner = quotas.account_of(&Principal::owner(0, "root".into()));
        let last = connect(&owner).expect("the reserve");
        assert_eq!(connect(&owner).err(), Some(ErrorCode::TooManyConnections));
        drop(last);
        held.clear();
        // A refused request has taken nothing.
        held.extend((0..10).map(|_| connect(&owner).expect("all of it")));
        assert_eq!(connect(&user(&quotas, 1)).err(), Some(ErrorCode::TooManyConnections));
        held.pop();
        held.push(connect(&user(&quotas, 1)).expect("there is room again"));
    }

    #[test]
    fn a_small_total_has_a_reserve_too_and_without_one_there_is_none() {
        for (total, percent, users) in [(5, 10, 4), (1, 10, 0), (5, 0, 5), (10, 90, 1), (20_000, 10, 18_000)] {
            assert_eq!(Share::new(total, 64, percent).users, users, "{total}");
        }
    }

    #[test]
    fn calls_begun_and_ended_without_a_pause_are_refused_and_come_back_with_time() {
        let quotas = quotas(Settings { calls_per_user: 4, begins_per_second: 2, ..Settings::default() });
        let now = TestClock::default().now();
        let begin = |uid, now| user(&quotas, uid).begin(now).map(drop);
        for _ in 0..4 {
            assert_eq!(begin(1, now), Ok(()));
        }
        assert_eq!(begin(1, now), Err(Refusal::BeginsPerSecond));
        assert_eq!(begin(2, now), Ok(()), "another user has its own");
        assert_eq!(begin(1, now + Duration::from_millis(499)), Err(Refusal::BeginsPerSecond));
        assert_eq!(begin(1, now + Duration::from_millis(500)), Ok(()));
        assert_eq!(begin(1, now + Duration::from_millis(500)), Err(Refusal::BeginsPerSecond));
        let later = |hours: u64| now + Duration::from_secs(3_600 * hours);
        assert_eq!((0..9).filter(|_| begin(1, later(1)).is_ok()).count(), 4, "never more at once than may be live");
        // Over any connection: it is not forgotten while there is something to remember.
        quotas.forget_the_absent(later(1));
        assert_eq!(begin(1, later(1)), Err(Refusal::BeginsPerSecond));
        quotas.forget_the_absent(later(2));
        assert!(quotas.users.lock().is_empty());
        let pbx = quotas.account_of(&Principal::audiosocket());
        assert!((0..10_000).all(|_| pbx.begin(now).is_ok()));
    }

    #[test]
    fn what_counts_for_all_together_is_given_back_whoever_had_it() {
        let quotas = quotas(Settings { queued_max: 1_000, queued_per_user: 800, ..Settings::default() });
        let (anna, bert) = (user(&quotas, 1), user(&quotas, 2));
        assert_eq!(anna.queue(801, 0), Err(Overdraft::User));
        assert_eq!(anna.queue(800, 700), Ok(()));
        assert_eq!(bert.queue(300, 201), Err(Overdraft::Total), "users together have 900");
        assert_eq!(bert.queue(800, 200), Ok(()));
        anna.queued_no_more(800, 700);
        bert.queued_no_more(800, 200);
        for count in [&quotas.queued_bytes.total, &quotas.queued_bytes.users] {
            assert_eq!(count.load(Relaxed), 0);
        }
    }

    #[test]
    fn a_user_who_does_nothing_but_begin_and_end_calls_does_not_fill_the_catalogs_queue_in_a_working_day() {
        // Notes of one call: begun, selected by a press, ended, kept.
        const NOTES_PER_CALL: usize = 4;
        let Settings { begins_per_second, calls_per_user, .. } = Settings::default();
        let day_s = 8 * 3_600;
        assert!(NOTES_PER_CALL * (calls_per_user + begins_per_second * day_s) < NOTES_MAX, "while it can't be written");
    }
}
