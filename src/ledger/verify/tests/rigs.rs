//! Rigs of the draw, each as whoever runs the engine could do it, and months in which nobody does.

use super::{
    super::{
        CallList, Evidence, FindingKind, Report, Verdict,
        comparisons::{Drawn, Tally},
    },
    author::{AGENTS, Desk, ONE_IN, Random, Rig},
};
use crate::names::PseudonymKey;

fn month_with(rig: Rig) -> Report {
    Desk::new(rig, 7).month(22, 400).verify(Evidence::default())
}

#[track_caller]
fn assert_steered(report: &Report, subject: &str) {
    let found =
        report.findings.iter().any(|found| found.kind == FindingKind::Steered && found.detail.contains(subject));
    assert!(found, "{subject}: {:#?}", report.comparisons.iter().take(5).collect::<Vec<_>>());
}

#[track_caller]
fn assert_found(report: &Report, kind: FindingKind) {
    assert!(report.findings.iter().any(|finding| finding.kind == kind), "{kind:?}: {report}");
}

#[test]
fn an_honest_month_of_a_desk_is_not_called_steered() {
    let report = month_with(Rig::None);
    assert!(report.is_sound(), "{report}");
}

#[test]
fn another_n_than_the_one_that_was_promised_is_found() {
    assert_found(&month_with(Rig::OtherN), FindingKind::SampledUndrawn);
}

#[test]
fn drawn_calls_that_are_made_private_are_found() {
    assert_steered(&month_with(Rig::PrivateDrawn), "private");
}

#[test]
fn dummies_that_take_the_drawn_numbers_are_found_by_the_agent_they_spare() {
    assert_steered(&month_with(Rig::Dummies), "agent");
}

#[test]
fn one_agent_who_is_drawn_at_one_in_five_is_found() {
    assert_steered(&month_with(Rig::OneAgentMore), "agent");
}

#[test]
fn numbers_that_are_skipped_because_they_would_be_drawn_are_found() {
    let report = month_with(Rig::Skip);
    assert_steered(&report, "skipped");
    assert_steered(&report, "agent");
}

#[test]
fn a_call_that_is_heard_before_its_turn_is_found() {
    assert_found(&Desk::new(Rig::OutOfOrder, 7).month(2, 100).verify(Evidence::default()), FindingKind::OutOfTurn);
}

#[test]
fn a_call_that_was_heard_on_its_own_day_and_stays_is_in_nobodys_way_in_the_queue() {
    let report = Desk::new(Rig::HeardEarly, 7).month(6, 100).verify(Evidence::default());
    assert!(report.is_sound(), "{report}");
    assert_found(&report, FindingKind::HeardOutOfTurn);
}

#[test]
fn a_sampled_call_that_is_known_from_its_recording_alone_is_something_to_look_at() {
    let report = Desk::new(Rig::Adopted, 7).month(3, 60).verify(Evidence::default());
    assert!(report.is_sound(), "{report}");
    assert_found(&report, FindingKind::SampledUnproved);
}

#[test]
fn a_seed_that_was_ground_after_the_councils_number_is_found() {
    assert_found(&Desk::new(Rig::OtherSeed, 7).month(2, 30).verify(Evidence::default()), FindingKind::SeedNotPromised);
    // All seeds ground, and the whole ledger written and signed again: only a head that was handed out shows other promises.
    let honest = Desk::new(Rig::None, 7).month(2, 30);
    let ground = Desk::new(Rig::None, 8).month(2, 30);
    assert!(ground.verify(Evidence::default()).is_sound());
    let later = Some(honest.heads[0].1.clone());
    assert_found(&ground.verify(Evidence { later, ..Evidence::default() }), FindingKind::SeedNotPromised);
}

#[test]
fn without_the_councils_number_a_month_is_unwitnessed_and_the_report_says_what_that_means() {
    let report = Desk::new(Rig::NoNumber, 7).month(2, 30).verify(Evidence::default());
    assert!(report.is_sound(), "{report}");
    assert_eq!(report.months[0].verdict, Verdict::NoNumber);
    assert!(report.to_string().contains("could choose seeds that suit"), "{report}");
}

#[test]
fn without_a_head_between_promise_and_number_a_month_is_unwitnessed() {
    let mut ledger = Desk::new(Rig::None, 7).month(2, 30);
    // The heads of November, of which the second covers the number too.
    ledger.heads.remove(0);
    let report = ledger.verify(Evidence::default());
    assert_eq!(report.months[0].verdict, Verdict::NoHead, "{report}");
}

#[test]
fn a_dummy_that_the_pbx_does_not_list_and_a_call_that_only_the_pbx_lists_are_named() {
    let ledger = Desk::new(Rig::None, 7).month(2, 30);
    let began = |row: &String| {
        let row: serde_json::Value = serde_json::from_str(row).expect("JSON");
        (row["kind"] == "call-began").then(|| (row["at"].as_str().expect("a time").to_owned(), row["row"].as_u64()))
    };
    let calls: Vec<_> = ledger.segments[1].1.iter().filter_map(began).collect();
    assert_eq!(calls.len(), 60);
    let list = |leave_out: usize, more: &str| {
        let kept = calls.iter().enumerate().filter(|(index, _)| *index != leave_out);
        let lines: String = kept.map(|(_, (at, _))| format!("ext-12;{at}\n")).collect();
        CallList::read(&format!("extension;began\n{lines}{more}")).expect("a list")
    };
    let verify = |calls| ledger.verify(Evidence { calls: Some(calls), ..Evidence::default() });
    let report = verify(list(usize::MAX, ""));
    assert!(report.is_sound(), "{report}");
    // Calls follow each other every few seconds here, so that a neighbour may be taken for the one that is missing.
    let report = verify(list(40, ""));
    assert_eq!(report.findings.iter().filter(|found| found.kind == FindingKind::NotInList).count(), 1, "{report}");
    let report = verify(list(usize::MAX, "ext-12;2026-12-01T12:00:00Z\n"));
    let found = report.findings.iter().find(|found| found.kind == FindingKind::NotInLedger).expect("a finding");
    assert_eq!(found.detail, "Line 62 of the list.");
    assert!(CallList::read("when\n2026-12-01T12:00:00Z\n").is_err());
    assert!(CallList::read("began\nyesterday\n").is_err());
}

#[test]
fn a_thousand_honest_months_raise_an_alarm_less_than_once_in_a_hundred() {
    const MONTHS: u64 = 1_000;
    const CALLS: u64 = 8_800;
    let segment = "2026-12".parse().expect("a month");
    let day = jiff::civil::date(2026, 12, 1);
    let mut random = Random(2026);
    let agents: Vec<_> =
        (0..AGENTS).map(|agent| PseudonymKey::from_bytes([1; 32]).pseudonym(&agent.to_string())).collect();
    let alarms = (0..MONTHS).filter(|_| {
        let mut tally = Tally::default();
        for _ in 0..CALLS {
            let is_drawn = random.below(u64::from(ONE_IN)) == 0;
            tally.call(&Drawn {
                segment,
                day,
                one_in: ONE_IN,
                is_drawn,
                agent: agents[random.below(AGENTS) as usize],
                is_private: random.percent(2),
                is_objected: random.percent(5),
                is_left_out: random.percent(3),
                // A crash loses live calls that are not drawn, and keeps what was written of those that are.
                is_lost: !is_drawn && random.percent(1),
                seconds: Some(random.below(600) as u32),
            });
        }
        let drawn = (0..64).filter(|_| random.below(u64::from(ONE_IN)) == 0).count() as u64;
        tally.skipped(ONE_IN, 64, drawn);
        tally.compare().iter().any(|comparison| comparison.is_steered)
    });
    let alarms = alarms.count();
    assert!(alarms < 10, "{alarms} of {MONTHS}");
}
