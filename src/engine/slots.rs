//! The slots of a call's legs. A slot holds its leg's writer while no connection does, and has a grace of its own.
//!
//! Belongs here: which leg has a connection, which waits for one, and since when. Does not: connections, what ends a call.

use std::time::{Duration, Instant};

use retrocall_core::ring::LegWriter;
use retrocall_words::audio::Leg;

/// One leg's slot.
enum Slot {
    /// A connection has the writer.
    Taken,
    /// No connection has the writer: none came yet, the last one ended the leg, or it was lost at `lost_at`.
    Free { writer: Box<LegWriter>, lost_at: Option<Instant> },
}

impl Slot {
    fn lost_at(&self) -> Option<Instant> {
        match self {
            Slot::Taken => None,
            Slot::Free { lost_at, .. } => *lost_at,
        }
    }
}

/// The slots of both legs, agent first. Times are those of the engine's clock.
pub(super) struct Slots([Slot; 2]);

impl Slots {
    /// Both slots, free.
    pub(super) fn new(writers: [LegWriter; 2]) -> Slots {
        Slots(writers.map(|writer| Slot::Free { writer: Box::new(writer), lost_at: None }))
    }

    /// Takes a leg for a connection. None if another one has it.
    pub(super) fn take(&mut self, leg: Leg) -> Option<Box<LegWriter>> {
        match std::mem::replace(&mut self.0[leg.index()], Slot::Taken) {
            Slot::Taken => None,
            Slot::Free { writer, .. } => Some(writer),
        }
    }

    /// Takes both legs for a connection. None if another one has either.
    pub(super) fn take_all(&mut self) -> Option<Box<[LegWriter; 2]>> {
        if self.any_taken() {
            return None;
        }
        let [agent, customer] = Leg::ALL.map(|leg| self.take(leg));
        Some(Box::new([*agent?, *customer?]))
    }

    /// Gives a leg back: its connection was lost at this time or, without one, has ended the leg.
    pub(super) fn give_back(&mut self, leg: Leg, writer: Box<LegWriter>, lost_at: Option<Instant>) {
        self.0[leg.index()] = Slot::Free { writer, lost_at };
    }

    fn any_taken(&self) -> bool {
        self.0.iter().any(|slot| matches!(slot, Slot::Taken))
    }

    /// Whether the call has no connection because that of a leg was lost.
    pub(super) fn are_lost(&self) -> bool {
        !self.any_taken() && self.0.iter().any(|slot| slot.lost_at().is_some())
    }

    /// Whether nothing more comes: no leg has a connection, and no lost one has grace left.
    pub(super) fn are_over(&self, now: Instant, grace: Duration) -> bool {
        let has_grace =
            |slot: &Slot| slot.lost_at().is_some_and(|lost_at| now.saturating_duration_since(lost_at) < grace);
        !self.any_taken() && !self.0.iter().any(has_grace)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use retrocall_core::{memory::Arena, ring::Ring};
    use retrocall_words::{Clock as _, TestClock};

    const GRACE: Duration = Duration::from_secs(5);

    /// A time so many seconds after the begin, by a clock that nobody moves.
    fn at(seconds: u64) -> Instant {
        TestClock::default().now() + Duration::from_secs(seconds)
    }

    fn slots() -> Slots {
        let (_, writers) = Ring::new(Arc::new(Arena::new(1 << 16, true).expect("memory for a test")));
        Slots::new(writers)
    }

    #[test]
    fn each_leg_has_its_own_grace_and_the_call_is_over_when_none_has_any_left() {
        let mut slots = slots();
        let agent = slots.take(Leg::Agent).expect("it is free");
        assert!(slots.take(Leg::Agent).is_none(), "one connection has a leg");
        let customer = slots.take(Leg::Customer).expect("it is free");
        slots.give_back(Leg::Agent, agent, Some(at(1)));
        assert!(!slots.are_over(at(9), GRACE) && !slots.are_lost(), "the other leg is there");
        slots.give_back(Leg::Customer, customer, Some(at(8)));
        assert!(!slots.are_over(at(12), GRACE) && slots.are_lost());
        assert!(slots.are_over(at(13), GRACE));
        // Each connection that comes back goes on with the call, however often.
        let agent = slots.take(Leg::Agent).expect("it is free again");
        assert!(!slots.are_over(at(99), GRACE) && !slots.are_lost());
        slots.give_back(Leg::Agent, agent, None);
        assert!(slots.are_over(at(13), GRACE) && !slots.are_over(at(12), GRACE));
    }

    #[test]
    fn legs_that_were_ended_have_no_grace_and_one_connection_takes_all_or_none() {
        let mut slots = slots();
        let [agent, customer] = *slots.take_all().expect("both are free");
        assert!(slots.take_all().is_none());
        slots.give_back(Leg::Agent, Box::new(agent), None);
        assert!(slots.take_all().is_none(), "half a call is nobody's");
        assert!(slots.take(Leg::Agent).is_some());
        let mut slots = slots;
        slots.give_back(Leg::Customer, Box::new(customer), None);
        assert!(!slots.are_over(at(1), GRACE));
    }
}
