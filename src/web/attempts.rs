//! How often somebody may try a password: few times for an account, more for an address, so that neither guessing nor locking others out pays.
//!
//! Belongs here: counting. Does not: whose account it is.

use std::{
    collections::HashMap,
    net::{IpAddr, Ipv6Addr},
    sync::Arc,
    time::{Duration, Instant},
};

use parking_lot::Mutex;
use retrocall_words::Clock;

/// Tries that an account has, and how long until it has another one.
const OF_ACCOUNT: (u32, Duration) = (10, Duration::from_secs(60));
/// The same for an address.
const OF_ADDRESS: (u32, Duration) = (30, Duration::from_secs(10));
/// Accounts and addresses that are remembered. Beyond, those are forgotten that have most tries left.
const REMEMBERED_MAX: usize = 20_000;

/// Whose tries are counted.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Who {
    Account(String),
    Address(IpAddr),
}

/// Tries that were used up, as a number that runs down with time.
#[derive(Debug, Clone, Copy)]
struct Used {
    tries: f64,
    at: Instant,
}

/// Counts tries.
pub(crate) struct Attempts {
    clock: Arc<dyn Clock>,
    used: Mutex<HashMap<Who, Used>>,
}

impl Attempts {
    pub(crate) fn new(clock: Arc<dyn Clock>) -> Attempts {
        Attempts { clock, used: Mutex::default() }
    }

    /// Takes a try of this account from this address.
    ///
    /// # Errors
    /// How long to wait until there is one.
    pub(crate) fn take(&self, account: &str, address: IpAddr) -> Result<(), Duration> {
        let mut used = self.used.lock();
        let now = self.clock.now();
        let both = [(Who::Account(account.to_owned()), OF_ACCOUNT), (Who::Address(network_of(address)), OF_ADDRESS)];
        // An address that has none left does not use up an account's.
        for (who, (most, every)) in both.iter().rev() {
            let tries = used.get(who).map_or(0.0, |used| used.left(*every, now));
            if tries > f64::from(most - 1) {
                return Err(every.mul_f64(tries - f64::from(most - 1)));
            }
        }
        for (who, (_, every)) in both {
            let tries = used.get(&who).map_or(0.0, |used| used.left(every, now));
            used.insert(who, Used { tries: tries + 1.0, at: now });
        }
        if used.len() > REMEMBERED_MAX {
            forget(&mut used, now);
        }
        Ok(())
    }

    /// The password was right: the account has all its tries again. The address has not, or one account of one's own would open all others.
    pub(crate) fn succeeded(&self, account: &str) {
        self.used.lock().remove(&Who::Account(account.to_owned()));
    }
}

impl Used {
    /// How many tries are still used up.
    fn left(self, every: Duration, now: Instant) -> f64 {
        let passed = now.saturating_duration_since(self.at);
        (self.tries - passed.as_secs_f64() / every.as_secs_f64()).max(0.0)
    }
}

fn forget(used: &mut HashMap<Who, Used>, now: Instant) {
    let every = |who: &Who| match who {
        Who::Account(_) => OF_ACCOUNT.1,
        Who::Address(_) => OF_ADDRESS.1,
    };
    used.retain(|who, used| used.left(every(who), now) > 0.0);
    if used.len() > REMEMBERED_MAX {
        let mut all: Vec<f64> = used.iter().map(|(who, used)| used.left(every(who), now)).collect();
        all.sort_by(f64::total_cmp);
        let middle = all[all.len() / 2];
        used.retain(|who, used| used.left(every(who), now) > middle);
    }
}

/// What one connection of a home or office has: of IPv6 a whole network.
fn network_of(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => {
            let [a, b, c, d, ..] = address.segments();
            Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0).into()
        }
        address => address,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use retrocall_words::TestClock;

    const HERE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(10, 0, 0, 1));

    fn elsewhere(number: u16) -> IpAddr {
        Ipv6Addr::new(0x2001, 0xdb8, 0, number, 1, 2, 3, 4).into()
    }

    #[test]
    fn ten_thousand_tries_get_ten_guesses_and_the_right_one_comes_in_when_the_wait_is_over() {
        let clock = Arc::new(TestClock::default());
        let attempts = Attempts::new(Arc::clone(&clock) as _);
        let let_in = (0..10_000).filter(|number| attempts.take("hanna", elsewhere(number % 1_000)).is_ok()).count();
        assert_eq!(let_in, 10);
        let wait = attempts.take("hanna", HERE).expect_err("none is left");
        assert!(wait <= Duration::from_secs(60), "{wait:?}");
        clock.pass(wait);
        assert_eq!(attempts.take("hanna", HERE), Ok(()));
        attempts.succeeded("hanna");
        assert!((0..10).all(|_| attempts.take("hanna", HERE).is_ok()));
    }

    #[test]
    fn an_address_that_tries_many_accounts_is_stopped_and_uses_up_nobody_elses_tries() {
        let attempts = Attempts::new(Arc::new(TestClock::default()));
        let let_in = (0..1_000).filter(|number| attempts.take(&format!("user-{number}"), HERE).is_ok()).count();
        assert_eq!(let_in, 30);
        assert!(attempts.take("user-999", elsewhere(1)).is_ok());
        let near = Ipv6Addr::new(0x2001, 0xdb8, 0, 1, 9, 9, 9, 9).into();
        let of_network = (0..100).filter(|number| attempts.take(&format!("other-{number}"), near).is_ok()).count();
        assert_eq!(of_network, 29, "a network of IPv6 is one address");
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let attempts = Attempts::new(Arc::new(TestClock::default()));
        for number in 0..3 * REMEMBERED_MAX {
            let address = IpAddr::V4(std::net::Ipv4Addr::from_bits(u32::try_from(number).expect("few")));
            let _ = attempts.take(&format!("user-{number}"), address);
        }
        assert!(attempts.used.lock().len() <= REMEMBERED_MAX + 2);
    }
}
