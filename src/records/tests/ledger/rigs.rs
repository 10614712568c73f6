//! Rigs of the draw, each done to an engine's own records, and rows that somebody changes in the catalog: what `ledger verify` says then.

use super::*;

/// How a rigged engine steers.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Rig {
    None,
    /// Half of the drawn calls are made private.
    PrivateDrawn,
    /// The draw is at 1 in 5, and the ledger says 1 in 10.
    OtherN,
    /// Of two numbers one agent gets the one that is drawn.
    OneAgentMore,
    /// A number that would be drawn goes to a dummy while one agent calls.
    Dummies,
}

/// The agent who is spared, or drawn more often.
const CHOSEN: &str = "bert";
const CALLS: usize = 1_500;

impl Desk {
    /// The next number. A day's are reserved ahead of need, but not all of them.
    fn number(&self) -> Number {
        let mut number = self.catalog.reserve(self.today());
        while number.sequence.is_none() {
            wait_until(|| self.catalog.queue.reservation().is_none());
            number = self.catalog.reserve(self.today());
        }
        number
    }

    fn is_drawn(&self, Number { day, sequence }: Number) -> bool {
        sequence.is_some_and(|sequence| self.draw.draw(day, sequence))
    }

    /// A call with this number, whole.
    fn whole_call(&self, number: Number, agent: &str, (is_sampled, is_private): (bool, bool), seconds: f64) {
        let (id, Number { day, sequence }) = (CallId::new(), number);
        let call = Call { facts: Facts::of(agent), ..call_of_anna(id) };
        self.catalog.note(Note::Begun(CallBegun { call: call.clone(), day, sequence, exempt: false }));
        let reasons = if is_sampled { vec![Reason::Sample] } else { Vec::new() };
        let outcome = if is_sampled { Outcome::Kept } else { Outcome::Discarded };
        let Note::Ended(ended) = ended(id, outcome) else { panic!("it ends") };
        let private = is_private;
        self.catalog.note(Note::Ended(CallEnded {
            reasons: reasons.clone(),
            private,
            objected: false,
            seconds: Some(seconds),
            ..ended
        }));
        if is_sampled {
            let of = RecordedCall { label: Label { call, reasons, place: None }, customer: None };
            self.catalog.note(Note::Kept(Box::new(RecordingKept { of, ..recording(id) })));
        }
    }

    fn rigged_call(&self, rig: Rig, turn: usize) {
        let agent = ["anna", CHOSEN, "carl", "dora"][turn % 4];
        let mut number = self.number();
        match rig {
            Rig::Dummies if agent == CHOSEN && self.is_drawn(number) => {
                self.whole_call(number, "anna", (true, false), 2.0);
                number = self.number();
            }
            Rig::OneAgentMore if agent == CHOSEN => {
                let other = self.number();
                let (own, others) = if self.is_drawn(other) { (other, number) } else { (number, other) };
                self.whole_call(others, "anna", (self.is_drawn(others), false), 60.0);
                number = own;
            }
            _ => {}
        }
        let is_drawn = self.is_drawn(number);
        let is_private = rig == Rig::PrivateDrawn && is_drawn && turn.is_multiple_of(2) || turn % 97 == 1;
        let is_more = rig == Rig::OtherN && turn % 11 == 3;
        self.whole_call(number, agent, ((is_drawn || is_more) && !is_private, is_private), 60.0 + (turn % 50) as f64);
    }
}

/// What the verifier says of a day of an engine that steers.
fn day_with(rig: Rig) -> Report {
    let home = TempDir::new().unwrap();
    let desk = Desk::open(home.path(), 10);
    // One in five instead of one in ten shows in few calls only now and then: with so many once in 100,000 days it does not.
    let calls = if rig == Rig::OneAgentMore { 2 * CALLS } else { CALLS };
    for turn in 0..calls {
        desk.rigged_call(rig, turn);
    }
    assert!(desk.catalog.flushed(LONG));
    desk.next_day();
    desk.head_of(home.path(), SATURDAY);
    desk.close();
    report(home.path())
}

#[track_caller]
fn assert_steered(rig: Rig, subject: &str) {
    let report = day_with(rig);
    let found = report.findings.iter();
    let mut steered = found.filter(|found| found.kind == FindingKind::Steered && found.detail.contains(subject));
    assert!(steered.next().is_some(), "{report}");
}

#[test]
fn an_honest_day_in_the_store_is_not_called_steered() {
    let report = day_with(Rig::None);
    assert!(report.is_sound(), "{report}");
}

#[test]
fn drawn_calls_that_an_engine_makes_private_are_found() {
    assert_steered(Rig::PrivateDrawn, "private");
}

#[test]
fn an_agent_whom_an_engine_draws_at_one_in_five_is_found() {
    assert_steered(Rig::OneAgentMore, "agent");
}

#[test]
fn an_agent_whom_an_engine_spares_with_dummies_is_found() {
    assert_steered(Rig::Dummies, "agent");
}

#[test]
fn calls_that_an_engine_samples_beyond_its_n_are_found() {
    let report = day_with(Rig::OtherN);
    assert!(report.findings.iter().any(|found| found.kind == FindingKind::SampledUndrawn), "{report}");
}

#[test]
fn seeds_that_are_promised_again_after_the_councils_number_witness_nothing() {
    let home = TempDir::new().unwrap();
    let clock = Arc::new(TestClock::at("2026-11-28T12:00:00Z".parse().unwrap()));
    let desk = Desk::open_at(home.path(), 2, Arc::clone(&clock));
    desk.call();
    desk.next_day();
    desk.head_of(home.path(), SATURDAY);
    enter_number(home.path(), "2026-12".parse().unwrap(), &"403718294650".parse().unwrap()).unwrap();
    desk.next_day();
    desk.wait_for(|| count(&home, "number-entered") == 1);
    desk.close();
    // Whoever knows the number now takes the promised seeds away, and has others made until they suit.
    fs::remove_file(home.path().join("draw")).unwrap();
    let desk = Desk::open_at(home.path(), 2, clock);
    desk.next_day();
    desk.calls(20);
    desk.next_day();
    desk.wait_for(|| count(&home, "seed-published") > 1);
    desk.close();
    let report = report(home.path());
    let december = report.months.iter().find(|month| month.month.to_string() == "2026-12");
    assert!(!report.is_sound() || december.is_none_or(|month| month.verdict != Verdict::Witnessed), "{report}");
}

#[test]
fn whatever_is_done_to_a_row_in_the_store_its_segment_and_the_row_are_named() {
    let tamperings = [
        (
            "UPDATE ledger_rows SET text = replace(text, 'inbound', 'outbound') WHERE row = 5",
            &[FindingKind::Changed][..],
        ),
        ("DELETE FROM ledger_rows WHERE row = 5", &[FindingKind::Removed][..]),
        (
            "UPDATE ledger_rows SET row = -row - 1 WHERE row > 5;
             INSERT INTO ledger_rows SELECT segment, 6, text, hash FROM ledger_rows WHERE row = 5;
             UPDATE ledger_rows SET row = -row WHERE row < 0",
            &[FindingKind::Inserted],
        ),
        (
            "UPDATE ledger_rows SET text = (SELECT other.text FROM ledger_rows AS other
                 WHERE other.segment = ledger_rows.segment AND other.row = 11 - ledger_rows.row) WHERE row IN (5, 6)",
            // Of two neighbours each can be called the one that was moved.
            &[FindingKind::Swapped, FindingKind::Removed],
        ),
    ];
    for (sql, kinds) in tamperings {
        let home = TempDir::new().unwrap();
        let desk = Desk::open(home.path(), 2);
        desk.calls(10);
        assert!(desk.catalog.flushed(LONG));
        desk.close();
        assert!(report(home.path()).is_sound());
        execute(&home, sql);
        let report = report(home.path());
        let named = report.findings.iter().filter(|found| kinds.contains(&found.kind));
        let rows: Vec<_> = named.filter_map(|found| found.place).collect();
        let is_there =
            |place: &retrocall_ledger::RowId| place.segment.to_string() == "2026-11" && (5..=6).contains(&place.row);
        assert!(rows.iter().any(is_there), "{kinds:?}: {report}");
        assert!(report.to_string().contains("segment 2026-11, row "), "{report}");
    }
}
