//! Refusals in the log: the first of a kind gets a line; those that follow are counted and logged together.
//!
//! Belongs here: which refusal is news. Does not: the words of its line, counts for the metrics (`counters`), the rules.
//!
//! User, request and reason make a kind; the connection does not count. Otherwise a user who connects anew for each request would still fill the
//! log.

use std::{
    collections::HashMap,
    time::{Duration, Instant},
};

use parking_lot::Mutex;
use tracing::info;

use retrocall_words::{ErrorCode, PrincipalId, Refusal};

/// How long repeats are counted before they are logged. Then the next one is news again.
const COUNTED_FOR: Duration = Duration::from_secs(60);
/// How many kinds are kept apart: more than a desk has at once. Only the metrics count those beyond.
const KINDS_MAX: usize = 10_000;

/// Why something was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Why {
    /// A request was refused, and the connection goes on.
    Refusal(Refusal),
    /// A connection was closed for an error.
    Error(ErrorCode),
    /// A connection was closed because its client did not read.
    NotReading,
}

impl Why {
    fn word(self) -> &'static str {
        match self {
            Why::Refusal(refusal) => refusal.as_str(),
            Why::Error(error) => error.as_str(),
            Why::NotReading => "not-reading",
        }
    }
}

type Kind = (PrincipalId, &'static str, Why);

/// The repeats of one kind.
#[derive(Debug, Clone, Copy)]
struct Repeats {
    since: Instant,
    more: u64,
}

/// The recent refusals.
#[derive(Debug, Default)]
pub struct Refusals(Mutex<HashMap<Kind, Repeats>>);

impl Refusals {
    /// Whether to log a refusal: it is the first of its kind. A repeat is counted.
    pub(super) fn is_news(&self, who: PrincipalId, ask: &'static str, why: Why, now: Instant) -> bool {
        let mut kinds = self.0.lock();
        if let Some(counted) = kinds.get_mut(&(who, ask, why)) {
            counted.more += 1;
            return false;
        }
        let is_room = kinds.len() < KINDS_MAX;
        if is_room {
            kinds.insert((who, ask, why), Repeats { since: now, more: 0 });
        }
        is_room
    }

    /// Logs repeats that were counted for long enough.
    pub(super) fn tell_counted(&self, now: Instant) {
        self.tell(|counted| now.saturating_duration_since(counted.since) >= COUNTED_FOR);
    }

    /// Logs all repeats: the engine stops.
    pub(super) fn tell_all(&self) {
        self.tell(|_| true);
    }

    fn tell(&self, is_due: impl Fn(&Repeats) -> bool) {
        let due: Vec<(Kind, Repeats)> = self.0.lock().extract_if(|_, counted| is_due(counted)).collect();
        for ((who, ask, why), Repeats { more, .. }) in due {
            if more > 0 {
                info!(%who, ask, reason = why.word(), more, "refused so many more times since the last line about it");
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use retrocall_words::{Clock as _, TestClock};

    #[test]
    fn thousands_of_refusals_of_a_kind_are_one_line_and_a_count() {
        let (refusals, now) = (Refusals::default(), TestClock::default().now());
        let (anna, bert) = (PrincipalId::User(1), PrincipalId::User(2));
        let why = Why::Refusal(Refusal::NotYours);
        let mut told = 0;
        for at_ms in 0..5_000 {
            told += usize::from(refusals.is_news(anna, "record", why, now + Duration::from_millis(at_ms)));
        }
        assert_eq!(told, 1);
        // Another request, another reason and another user are news.
        for (who, ask, why) in [
            (anna, "mask", why),
            (anna, "record", Why::Refusal(Refusal::NoCall)),
            (bert, "record", why),
            (bert, "connect", Why::NotReading),
        ] {
            assert!(refusals.is_news(who, ask, why, now + Duration::from_secs(5)));
        }
        refusals.tell_counted(now + Duration::from_secs(59));
        assert!(!refusals.is_news(anna, "record", why, now + Duration::from_secs(59)));
        refusals.tell_counted(now + COUNTED_FOR);
        assert!(refusals.is_news(anna, "record", why, now + COUNTED_FOR));
        assert!(!refusals.is_news(bert, "record", why, now + COUNTED_FOR));
    }

    #[test]
    fn the_kinds_that_are_kept_apart_have_a_limit() {
        let (refusals, now) = (Refusals::default(), TestClock::default().now());
        let news = |uid| refusals.is_news(PrincipalId::User(uid), "record", Why::NotReading, now);
        assert!((0..KINDS_MAX as u32).all(news));
        assert!(!news(KINDS_MAX as u32));
    }
}
