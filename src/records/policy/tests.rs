//! Each rule of the desk by its number, and what must be true of all of them.

mod all_rules;

use jiff::{Timestamp, ToSpan, civil::Date};
use retrocall_words::retention::{Calendar, Period, Periods};

use super::*;

/// Everything happens in winter, at nine in Amsterdam, so that days are 24 hours: a Tuesday.
const CALL: &str = "2026-11-24T08:00:00Z";

fn day(number: i64) -> Timestamp {
    let call: Timestamp = CALL.parse().expect("a time");
    let zoned = call.to_zoned_datetime(jiff::tz::TimeZone::get("Europe/Amsterdam").expect("a zone"));
    zoned.checked_add(number.days()).expect("a time").timestamp()
}

fn date(text: &str) -> Date {
    text.parse().expect("a date")
}

fn event(anchor: Anchor, at: Timestamp) -> Event {
    Event { anchor, at, date: None }
}

fn facts_of(kind: PurposeKind, events: &[Event]) -> Facts {
    let purposes = vec![Purpose { kind, events: events.to_vec() }];
    Facts { began_at: Some(day(0)), ended_at: Some(day(0)), purposes, ..Facts::default() }
}

/// When a recording with this one purpose is due, and why.
#[track_caller]
fn due(kind: PurposeKind, events: &[Event]) -> (Timestamp, Why) {
    due_of(&facts_of(kind, events), &Policy::default())
}

#[track_caller]
fn due_of(facts: &Facts, policy: &Policy) -> (Timestamp, Why) {
    match fate(facts, policy, Timestamp::MAX) {
        Fate::Due { since, why } => {
            let before = fate(facts, policy, since.saturating_sub(SignedDuration::from_nanos(1)).expect("a time"));
            assert!(!before.is_due(), "{before:?}");
            assert!(fate(facts, policy, since).is_due());
            (since, why)
        }
        other => panic!("it is never due: {other:?}"),
    }
}

fn quality(events: &[(Anchor, i64)]) -> (Timestamp, Why) {
    due(PurposeKind::Quality, &events.iter().map(|(anchor, at)| event(*anchor, day(*at))).collect::<Vec<_>>())
}

fn incident(events: &[(Anchor, i64)]) -> (Timestamp, Why) {
    due(PurposeKind::Incident, &events.iter().map(|(anchor, at)| event(*anchor, day(*at))).collect::<Vec<_>>())
}

fn months(number: u16) -> Timestamp {
    Calendar::default().months_after(day(0), number)
}

#[test]
fn d1_what_lies_beyond_two_weeks_of_hearing_goes_unheard_with_the_highest_draw_first() {
    let waiting: Vec<(u32, u32)> = [50, 10, 40, 20, 30].map(|draw| (draw, draw)).into();
    assert_eq!(beyond_hearing(waiting.clone(), Some(2)), [50]);
    assert_eq!(beyond_hearing(waiting.clone(), Some(1)), [50, 40, 30]);
    assert_eq!(beyond_hearing(waiting.clone(), Some(3)), [0; 0]);
    assert_eq!(beyond_hearing(waiting.clone(), None), [0; 0]);
    assert_eq!(beyond_hearing(waiting, Some(usize::MAX)), [0; 0]);
    assert_eq!(quality(&[(Anchor::Unheard, 6)]), (day(6), Why::Unheard));
}

#[test]
fn d2_opened_but_undecided_is_gone_on_day_14() {
    assert_eq!(quality(&[]), (day(14), Why::AwaitsReview));
    assert_eq!(quality(&[(Anchor::Opened, 13)]), (day(14), Why::AwaitsReview));
}

#[test]
fn d2_nothing_to_discuss_goes_at_once() {
    assert_eq!(quality(&[(Anchor::Opened, 3), (Anchor::NothingFound, 3)]), (day(3), Why::NothingFound));
}

#[test]
fn d2_a_learning_moment_stays_until_14_days_after_the_next_evaluation() {
    let learned = [(Anchor::LearningMoment, 3)];
    assert_eq!(quality(&learned), (months(6), Why::AwaitsEvaluation));
    let held = [(Anchor::LearningMoment, 3), (Anchor::EvaluationHeld, 60)];
    assert_eq!(quality(&held), (day(74), Why::MayBeDisputed));
    // One that was held before the note is not the next one; a second one changes nothing.
    let before = [(Anchor::EvaluationHeld, 2), (Anchor::LearningMoment, 3)];
    assert_eq!(quality(&before), (months(6), Why::AwaitsEvaluation));
    let twice = [(Anchor::LearningMoment, 3), (Anchor::EvaluationHeld, 60), (Anchor::EvaluationHeld, 70)];
    assert_eq!(quality(&twice), (day(74), Why::MayBeDisputed));
}

#[test]
fn d2_a_dispute_extends_that_within_six_months_from_the_call() {
    let begun = [(Anchor::LearningMoment, 3), (Anchor::EvaluationHeld, 60), (Anchor::DisputeOpened, 73)];
    assert_eq!(quality(&begun), (months(6), Why::Disputed));
    let settled = |at| [&begun[..], &[(Anchor::DisputeSettled, at)]].concat();
    assert_eq!(quality(&settled(100)), (day(100), Why::MayBeDisputed));
    assert_eq!(quality(&settled(73)), (day(74), Why::MayBeDisputed));
    let too_late = [(Anchor::LearningMoment, 3), (Anchor::EvaluationHeld, 60), (Anchor::DisputeOpened, 74)];
    assert_eq!(quality(&too_late), (day(74), Why::MayBeDisputed));
    let late_evaluation = [(Anchor::LearningMoment, 3), (Anchor::EvaluationHeld, 175)];
    assert_eq!(quality(&late_evaluation), (months(6), Why::MayBeDisputed));
}

#[test]
fn d2_an_outcome_after_the_last_day_brings_nothing_back() {
    for anchor in [Anchor::LearningMoment, Anchor::DisputeOpened, Anchor::EvaluationHeld] {
        assert_eq!(quality(&[(anchor, 14)]), (day(14), Why::AwaitsReview), "{anchor:?}");
    }
}

#[test]
fn d3_an_evaluation_that_does_not_happen_is_warned_of_at_four_months_and_ends_at_six() {
    let facts = facts_of(PurposeKind::Quality, &[event(Anchor::LearningMoment, day(3))]);
    let warned = Notice { at: months(4), kind: NoticeKind::EvaluationMissing };
    assert_eq!(notices(&facts, &Policy::default(), day(10)), [warned]);
    assert_eq!(due_of(&facts, &Policy::default()), (months(6), Why::AwaitsEvaluation));
    assert_eq!(notices(&facts, &Policy::default(), months(6)), []);
}

#[test]
fn d3_an_agent_who_leaves_ends_quality_that_day_unless_a_request_or_a_dispute_is_open() {
    assert_eq!(quality(&[(Anchor::AgentLeft, 5)]), (day(5), Why::AgentLeft));
    assert_eq!(quality(&[(Anchor::LearningMoment, 3), (Anchor::AgentLeft, 50)]), (day(50), Why::AgentLeft));
    let disputed = [(Anchor::LearningMoment, 3), (Anchor::DisputeOpened, 40), (Anchor::AgentLeft, 50)];
    assert_eq!(quality(&disputed), (months(6), Why::Disputed));
    let settled = [&disputed[..], &[(Anchor::DisputeSettled, 70)]].concat();
    assert_eq!(quality(&settled), (day(70), Why::AgentLeft));
    let mut facts = facts_of(PurposeKind::Quality, &[event(Anchor::AgentLeft, day(5))]);
    facts.covers.push(Cover::Request);
    assert_eq!(fate(&facts, &Policy::default(), day(6)), Fate::Kept { until: None, why: Why::Frozen });
}

#[test]
fn d4_an_agents_objection_restricts_until_the_officer_decides_and_ends_nothing() {
    let mut facts = facts_of(PurposeKind::Quality, &[event(Anchor::LearningMoment, day(3))]);
    facts.restricted_since = Some(day(4));
    let restricted = Fate::Restricted { since: day(4), until: Some(months(6)), why: Why::AgentObjects };
    assert_eq!(fate(&facts, &Policy::default(), day(5)), restricted);
    assert!(fate(&facts, &Policy::default(), months(6)).is_due());
}

#[test]
fn d5_a_private_call_goes_at_once_but_stays_for_its_case() {
    assert_eq!(quality(&[(Anchor::PrivateCall, 2)]), (day(2), Why::PrivateCall));
    let mut facts = facts_of(PurposeKind::Quality, &[event(Anchor::PrivateCall, day(2))]);
    let pressed = Purpose { kind: PurposeKind::Incident, events: vec![event(Anchor::CaseOpened, day(1))] };
    facts.purposes.push(pressed);
    assert_eq!(fate(&facts, &Policy::default(), day(3)), Fate::Kept { until: Some(day(121)), why: Why::CaseOpen });
    let of_each = ends(&facts, &Policy::default(), day(3));
    assert_eq!(of_each[0], (PurposeKind::Quality, Some((day(2), Why::PrivateCall))));
    assert_eq!(of_each[1], (PurposeKind::Incident, Some((day(121), Why::CaseOpen))));
}

#[test]
fn d6_teaching_material_ends_at_its_review_and_after_two_years() {
    let promoted = |at, review| Event { anchor: Anchor::Promoted, at: day(at), date: review };
    let end_of = |day| Calendar::default().end_of(day);
    let review = date("2027-06-30");
    assert_eq!(due(PurposeKind::Training, &[promoted(20, Some(review))]), (end_of(review), Why::Teaching));
    let two_years = Calendar::default().months_after(day(20), 24);
    for review in [None, Some(date("2036-01-01"))] {
        assert_eq!(due(PurposeKind::Training, &[promoted(20, review)]), (two_years, Why::Teaching));
    }
    // A review that prolongs it does not make it older than that.
    let again = [promoted(20, Some(review)), promoted(200, Some(date("2029-12-31")))];
    assert_eq!(due(PurposeKind::Training, &again), (two_years, Why::Teaching));
}

#[test]
fn d7_a_customer_who_objects_ends_quality_and_training_at_once_and_no_incident() {
    assert_eq!(quality(&[(Anchor::LearningMoment, 3), (Anchor::Objected, 9)]), (day(9), Why::Objected));
    let promoted = [event(Anchor::Promoted, day(20)), event(Anchor::Objected, day(30))];
    assert_eq!(due(PurposeKind::Training, &promoted), (day(30), Why::Objected));
    assert_eq!(incident(&[(Anchor::CaseOpened, 1), (Anchor::Objected, 9)]), (day(121), Why::CaseOpen));
}

#[test]
fn d9_a_press_by_mistake_goes_when_it_is_dismissed() {
    assert_eq!(incident(&[(Anchor::Dismissed, 2)]), (day(2), Why::Dismissed));
    assert_eq!(incident(&[(Anchor::CaseOpened, 1), (Anchor::Dismissed, 5)]), (day(5), Why::Dismissed));
}

#[test]
fn d10_without_a_case_a_press_goes_after_seven_working_days_and_at_most_14_days() {
    // Tuesday 24 November: the seventh working day after it is Thursday 3 December.
    let end_of = |day| Calendar::default().end_of(date(day));
    assert_eq!(incident(&[]), (end_of("2026-12-03"), Why::AwaitsCase));
    let with_free_days = |days: &[&str]| {
        let calendar = Calendar { free_days: days.iter().map(|day| date(day)).collect(), ..Calendar::default() };
        due_of(&facts_of(PurposeKind::Incident, &[]), &Policy::of(Periods::default(), calendar))
    };
    assert_eq!(with_free_days(&["2026-11-26"]), (end_of("2026-12-04"), Why::AwaitsCase));
    let two_weeks: Vec<String> = (25..=30).map(|day| format!("2026-11-{day}")).collect();
    let two_weeks: Vec<&str> = two_weeks.iter().map(String::as_str).collect();
    assert_eq!(with_free_days(&two_weeks), (day(14), Why::AwaitsCase));
    // Too late for a case.
    assert_eq!(incident(&[(Anchor::CaseOpened, 11)]), (end_of("2026-12-03"), Why::AwaitsCase));
}

#[test]
fn d10_lead_and_deputy_are_warned_on_the_last_two_working_days() {
    let facts = facts_of(PurposeKind::Incident, &[]);
    let begins = |text: &str| Notice { at: text.parse().expect("a time"), kind: NoticeKind::CaseMissing };
    let warned = [begins("2026-12-01T23:00:00Z"), begins("2026-12-02T23:00:00Z")];
    assert_eq!(notices(&facts, &Policy::default(), day(1)), warned);
    let opened = facts_of(PurposeKind::Incident, &[event(Anchor::CaseOpened, day(1))]);
    let asked = Notice { at: day(1 + 90 - i64::from(ASKED_AHEAD_DAYS)), kind: NoticeKind::StillNeeded };
    assert_eq!(notices(&opened, &Policy::default(), day(1)), [asked]);
}

#[test]
fn d11_a_closed_case_takes_effect_after_72_hours_and_can_be_taken_back_until_then() {
    let closed = [(Anchor::CaseOpened, 1), (Anchor::CaseClosed, 40)];
    assert_eq!(incident(&closed), (day(43), Why::CaseClosed));
    let taken_back = |at| [&closed[..], &[(Anchor::CaseReopened, at)]].concat();
    assert_eq!(incident(&taken_back(42)), (day(42 + 120), Why::CaseOpen));
    assert_eq!(incident(&taken_back(43)), (day(43), Why::CaseClosed), "too late");
    let again = [&taken_back(42)[..], &[(Anchor::CaseClosed, 50)]].concat();
    assert_eq!(incident(&again), (day(53), Why::CaseClosed));
}

#[test]
fn d11_with_a_judgment_the_end_lies_past_the_term_of_appeal() {
    let closed = |judged: Option<Date>| {
        let closing = Event { anchor: Anchor::CaseClosed, at: day(40), date: judged };
        due(PurposeKind::Incident, &[event(Anchor::CaseOpened, day(1)), closing])
    };
    let end_of = |day| Calendar::default().end_of(date(day));
    assert_eq!(closed(Some(date("2026-12-15"))), (end_of("2027-03-15"), Why::MayBeAppealed));
    assert_eq!(closed(Some(date("2026-01-15"))), (day(43), Why::CaseClosed), "the term is over");
    // A slip of the pen keeps nothing for ten years: day 40 is 3 January.
    assert_eq!(closed(Some(date("2037-01-03"))), (end_of("2027-04-03"), Why::MayBeAppealed));
}

#[test]
fn d11_without_an_answer_a_case_is_restricted_after_90_days_and_gone_30_days_later_unless_on_hold() {
    let mut facts = facts_of(PurposeKind::Incident, &[event(Anchor::CaseOpened, day(1))]);
    let at = |facts: &Facts, now| fate(facts, &Policy::default(), now);
    assert_eq!(at(&facts, day(90)), Fate::Kept { until: Some(day(121)), why: Why::CaseOpen });
    let restricted = Fate::Restricted { since: day(91), until: Some(day(121)), why: Why::NotAnswered };
    assert_eq!(at(&facts, day(91)), restricted);
    assert_eq!(at(&facts, day(121)), Fate::Due { since: day(121), why: Why::CaseOpen });
    facts.covers.push(Cover::Hold);
    assert_eq!(at(&facts, day(121)), Fate::Restricted { since: day(91), until: None, why: Why::Hold });
    // Answered each time it is asked, it may stay for 400 days and more.
    let answers: Vec<(Anchor, i64)> =
        [(Anchor::CaseOpened, 1)].into_iter().chain((1..=5).map(|n| (Anchor::StillNeeded, n * 89))).collect();
    assert_eq!(incident(&answers), (day(5 * 89 + 120), Why::CaseOpen));
    assert_eq!(incident(&[(Anchor::CaseOpened, 1), (Anchor::StillNeeded, 121)]), (day(121), Why::CaseOpen), "too late");
}

#[test]
fn d14_a_copy_wanted_in_the_call_keeps_it_until_that_is_answered() {
    let end_of = |day| Calendar::default().end_of(date(day));
    let wanted = Purpose::of_call(PurposeKind::Request, day(0)).events;
    assert_eq!(due(PurposeKind::Request, &wanted), (end_of("2026-12-24"), Why::RequestOpen));
    let answered = [&wanted[..], &[event(Anchor::RequestAnswered, day(6))]].concat();
    assert_eq!(due(PurposeKind::Request, &answered), (day(6), Why::RequestAnswered));
}

#[test]
fn d15_a_month_runs_from_receipt_with_one_extension_of_two() {
    let end_of = |day| Calendar::default().end_of(date(day));
    let received = Event { anchor: Anchor::RequestReceived, at: day(70), date: Some(date("2027-01-31")) };
    assert_eq!(due(PurposeKind::Request, &[received]), (end_of("2027-02-28"), Why::RequestOpen));
    let extended = |at| [received, event(Anchor::RequestExtended, at), event(Anchor::RequestExtended, at)];
    assert_eq!(due(PurposeKind::Request, &extended(day(80))), (end_of("2027-04-30"), Why::RequestOpen));
    let too_late = end_of("2027-02-28");
    assert_eq!(due(PurposeKind::Request, &extended(too_late)), (too_late, Why::RequestOpen));
    // It is open until it is answered, however late that is: what it froze stays.
    let mut facts = facts_of(PurposeKind::Request, &[received]);
    facts.covers.push(Cover::Request);
    assert_eq!(fate(&facts, &Policy::default(), day(400)), Fate::Kept { until: None, why: Why::Frozen });
}

#[test]
fn d17_an_erasure_that_was_granted_ends_all_purposes_and_waits_for_a_hold() {
    let mut facts = facts_of(PurposeKind::Incident, &[event(Anchor::CaseOpened, day(1))]);
    facts.erased_at = Some(day(20));
    assert_eq!(due_of(&facts, &Policy::default()), (day(20), Why::Erased));
    facts.covers = vec![Cover::Order, Cover::Hold];
    assert_eq!(fate(&facts, &Policy::default(), day(30)), Fate::Kept { until: None, why: Why::Hold });
}

#[test]
fn d18_another_purpose_ends_at_its_review_within_90_days_or_with_its_event() {
    let decided = |at, review| Event { anchor: Anchor::Decided, at: day(at), date: review };
    let end_of = |day| Calendar::default().end_of(day);
    let review = date("2027-01-10");
    assert_eq!(due(PurposeKind::Other, &[decided(5, Some(review))]), (end_of(review), Why::Decided));
    assert_eq!(due(PurposeKind::Other, &[decided(5, Some(date("2030-01-01")))]), (day(95), Why::Decided));
    assert_eq!(due(PurposeKind::Other, &[decided(5, None), decided(60, None)]), (day(150), Why::Decided));
    let ended = [decided(5, None), event(Anchor::Ended, day(9))];
    assert_eq!(due(PurposeKind::Other, &ended), (day(9), Why::Ended));
}

#[test]
fn d20_a_longer_rule_binds_only_later_calls_and_a_shorter_one_binds_all_from_its_day_on() {
    let version = |from, days| Version {
        from,
        periods: Periods::default().with(Period::QualityUnheard, days).expect("in range"),
        calendar: Calendar::default(),
    };
    let drawn = facts_of(PurposeKind::Quality, &[]);
    let due = |versions: &[Version], facts: &Facts| due_of(facts, &Policy::new(versions.to_vec()));
    let longer = [version(day(-100), 7), version(day(2), 14)];
    assert_eq!(due(&longer, &drawn), (day(7), Why::AwaitsReview));
    let mut later = drawn.clone();
    (later.began_at, later.ended_at) = (Some(day(2)), Some(day(2)));
    assert_eq!(due(&longer, &later), (day(16), Why::AwaitsReview));
    assert_eq!(due(&[version(day(-100), 14), version(day(2), 7)], &drawn), (day(7), Why::AwaitsReview));
    // Its day is over when the shorter rule comes: it goes then, and not as if it had gone before.
    assert_eq!(due(&[version(day(-100), 14), version(day(10), 7)], &drawn), (day(10), Why::AwaitsReview));
    let shorter_for_a_while = [version(day(-100), 14), version(day(2), 7), version(day(3), 14)];
    assert_eq!(due(&shorter_for_a_while, &drawn), (day(7), Why::AwaitsReview), "what is short stays short");
    // What was decided in time by the rule of then was decided in time.
    let learned = facts_of(PurposeKind::Quality, &[event(Anchor::LearningMoment, day(9))]);
    let policy = [version(day(-100), 14), version(day(10), 7)];
    assert_eq!(due(&policy, &learned), (months(6), Why::AwaitsEvaluation));
}

/// Looks at one recording at every moment of twelve years and more, before and after, in summer and in winter.
#[track_caller]
fn assert_due_stays(kind: PurposeKind, events: &[Event], policy: &Policy) {
    const HOURS: i64 = 12 * 366 * 24;
    let facts = facts_of(kind, events);
    let (due, _) = due_of(&facts, policy);
    // Seven hours and some: every hour of the day, and both sides of every change of the clock.
    for hour in (-HOURS..HOURS).step_by(7) {
        let now = day(0) + SignedDuration::from_mins(60 * hour + 29);
        match fate(&facts, policy, now) {
            Fate::Due { since, .. } => assert!(since == due && now >= due, "{kind:?} at {now}: due since {since}"),
            Fate::Kept { until, .. } | Fate::Restricted { until, .. } => {
                assert!(until == Some(due) && now < due, "{kind:?} at {now}: kept until {until:?}, not {due}");
            }
            fate => panic!("{fate:?}"),
        }
    }
}

#[test]
fn whatever_the_clock_shows_in_whatever_season_no_due_date_moves_by_itself() {
    let at = |anchor, number| event(anchor, day(number));
    let dated = |anchor, number, on: &str| Event { anchor, at: day(number), date: Some(date(on)) };
    let (quality, incident, request) = (PurposeKind::Quality, PurposeKind::Incident, PurposeKind::Request);
    for zone in ["Europe/Amsterdam", "UTC", "America/New_York", "Pacific/Apia", "Australia/Lord_Howe"] {
        let calendar = Calendar { zone: zone.parse().expect("a zone"), ..Calendar::default() };
        let policy = Policy::of(Periods::default(), calendar);
        assert_due_stays(quality, &[], &policy);
        assert_due_stays(quality, &[at(Anchor::LearningMoment, 5)], &policy);
        assert_due_stays(quality, &[at(Anchor::LearningMoment, 5), at(Anchor::EvaluationHeld, 110)], &policy);
        assert_due_stays(incident, &[], &policy);
        assert_due_stays(incident, &[at(Anchor::CaseOpened, 3)], &policy);
        assert_due_stays(incident, &[at(Anchor::CaseOpened, 3), at(Anchor::CaseClosed, 120)], &policy);
        let judged = dated(Anchor::CaseClosed, 120, "2027-03-20");
        assert_due_stays(incident, &[at(Anchor::CaseOpened, 3), judged], &policy);
        assert_due_stays(request, &[dated(Anchor::RequestReceived, 4, "2026-11-27")], &policy);
        assert_due_stays(PurposeKind::Training, &[dated(Anchor::Promoted, 20, "2027-03-28")], &policy);
        assert_due_stays(PurposeKind::Other, &[dated(Anchor::Decided, 20, "2027-02-28")], &policy);
    }
}
