//! Refusals in the log: the first of a kind gets a line, those that follow are counted and told together.
//!
//! Belongs here: which refusal is news. Does not: the words of its line, counts for the metrics (`counters`), who is refused what.
//!
//! A kind is who asked, for what, and why it was refused. It does not matter over how many connections: whoever connects anew for each request
//! would fill the log all the same.

use std::{
    collections::HashMap,
    time::{Duration, Instant},
};

use parking_lot::Mutex;
use tracing::info;

use retrocall_words::{ErrorCode, PrincipalId, Refusal};

/// How long those that follow the first are counted before they are told, and the next one is news again.
const COUNTED_FOR: Duration = Duration::from_secs(60);
/// Kinds that are kept apart. More at once than a desk has; those beyond are counted by the metrics alone.
const KINDS_MAX: usize = 10_000;

/// Why something was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Why {
    /// A request, and the connection goes on.
    Refusal(Refusal),
    /// A connection, which is closed.
    Error(ErrorCode),
    /// A connection that is not read.
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

/// Those that followed a first one.
#[derive(Debug, Clone, Copy)]
struct Counted {
    since: Instant,
    more: u64,
}

/// What was refused lately.
#[derive(Debug, Default)]
pub struct Refusals(Mutex<HashMap<Kind, Counted>>);

impl Refusals {
    /// Whether a refusal is to be logged: it is the first of its kind. Else it is counted.
    pub(super) fn is_news(&self, who: PrincipalId, ask: &'static str, why: Why, now: Instant) -> bool {
        let mut kinds = self.0.lock();
        if let Some(counted) = kinds.get_mut(&(who, ask, why)) {
            counted.more += 1;
            return false;
        }
        let is_room = kinds.len() < KINDS_MAX;
        if is_room {
            kinds.insert((who, ask, why), Counted { since: now, more: 0 });
        }
        is_room
    }

    /// Logs what was counted for long enough.
    pub(super) fn tell_counted(&self, now: Instant) {
        self.tell(|counted| now.saturating_duration_since(counted.since) >= COUNTED_FOR);
    }

    /// Logs all that was counted: the engine stops.
    pub(super) fn tell_all(&self) {
        self.tell(|_| true);
    }

    fn tell(&self, is_due: impl Fn(&Counted) -> bool) {
        let due: Vec<(Kind, Counted)> = self.0.lock().extract_if(|_, counted| is_due(counted)).collect();
        for ((who, ask, why), Counted { more, .. }) in due {
            if more > 0 {
                info!(%who, ask, reason = why.word(), more, "refused as often again since the line that says so");
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
        // Another verb, another reason and another user are news.
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
