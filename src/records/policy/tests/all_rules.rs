//! What must be true of every rule, for all short courses of events.

use super::*;

/// Days on which something may happen: before and after the ends of the rules without events, and late.
const DAYS: [i64; 4] = [2, 13, 50, 130];
/// Days at which it is looked.
const LOOKS: [i64; 9] = [0, 2, 14, 15, 51, 92, 122, 190, 2_000];

/// The anchors that a kind heeds.
fn anchors(kind: PurposeKind) -> &'static [Anchor] {
    match kind {
        PurposeKind::Quality => &[
            Anchor::Opened,
            Anchor::NothingFound,
            Anchor::LearningMoment,
            Anchor::EvaluationHeld,
            Anchor::DisputeOpened,
            Anchor::DisputeSettled,
            Anchor::AgentLeft,
        ],
        PurposeKind::Incident => {
            &[Anchor::Dismissed, Anchor::CaseOpened, Anchor::CaseClosed, Anchor::CaseReopened, Anchor::StillNeeded]
        }
        PurposeKind::Request => &[Anchor::RequestReceived, Anchor::RequestExtended, Anchor::RequestAnswered],
        PurposeKind::Training => &[Anchor::Promoted, Anchor::Objected],
        PurposeKind::Other => &[Anchor::Decided, Anchor::Ended],
    }
}

/// Every course of up to three events, in the order of time.
fn courses(kind: PurposeKind) -> Vec<Vec<Event>> {
    let events: Vec<Event> =
        DAYS.iter().flat_map(|at| anchors(kind).iter().map(|anchor| event(*anchor, day(*at)))).collect();
    let mut courses = vec![Vec::new()];
    for length in 0..3 {
        let longer: Vec<Vec<Event>> = courses
            .iter()
            .filter(|course: &&Vec<Event>| course.len() == length)
            .flat_map(|course| events.iter().map(move |event| (course, event)))
            .filter(|(course, event)| course.last().is_none_or(|last| last.at <= event.at))
            .map(|(course, event)| [&course[..], std::slice::from_ref(event)].concat())
            .collect();
        courses.extend(longer);
    }
    courses
}

fn each(mut check: impl FnMut(PurposeKind, &Facts)) {
    let mut seen = 0;
    for kind in PurposeKind::ALL {
        for course in courses(kind) {
            check(kind, &facts_of(kind, &course));
            seen += 1;
        }
    }
    assert!(seen > 4_000, "{seen} courses");
}

/// Whether it has what its kind counts from, or what ends it at once.
fn is_anchored(facts: &Facts) -> bool {
    let purpose = &facts.purposes[0];
    let first: &[Anchor] = match purpose.kind {
        PurposeKind::Quality | PurposeKind::Incident => return true,
        PurposeKind::Request => &[Anchor::RequestReceived, Anchor::RequestAnswered],
        PurposeKind::Training => &[Anchor::Promoted, Anchor::Objected],
        PurposeKind::Other => &[Anchor::Decided, Anchor::Ended],
    };
    purpose.events.iter().any(|event| first.contains(&event.anchor))
}

/// How far it has come: nothing leads back.
fn rank(fate: &Fate) -> u8 {
    match fate {
        Fate::Kept { .. } | Fate::NoAnchor { .. } => 0,
        Fate::Restricted { .. } => 1,
        Fate::Due { .. } => 2,
    }
}

#[test]
fn time_alone_leads_from_kept_to_restricted_to_due_and_never_back_and_no_due_date_moves() {
    let policy = Policy::default();
    each(|_, facts| {
        let fates = LOOKS.map(|at| fate(facts, &policy, day(at)));
        assert!(fates.is_sorted_by_key(rank), "{facts:?}: {fates:?}");
        let end = |fate: &Fate| match fate {
            Fate::Kept { until, .. } | Fate::Restricted { until, .. } => *until,
            Fate::Due { since, .. } => Some(*since),
            Fate::NoAnchor { .. } => None,
        };
        assert!(fates.iter().all(|fate| end(fate) == end(&fates[0])), "{facts:?}: {fates:?}");
    });
}

#[test]
fn nothing_is_kept_for_ever_and_no_purpose_longer_than_its_ceiling() {
    let calendar = Calendar::default();
    each(|kind, facts| {
        if !is_anchored(facts) {
            return;
        }
        let (since, _) = due_of(facts, &Policy::default());
        let last = facts.purposes[0].events.last().map_or(day(0), |event| event.at);
        let most = match kind {
            PurposeKind::Quality => months(6),
            PurposeKind::Incident => calendar.days_after(last, 120),
            PurposeKind::Request => calendar.months_after(last, 4),
            PurposeKind::Training => calendar.months_after(last, 24),
            PurposeKind::Other => calendar.days_after(last, 90),
        };
        assert!(since <= most, "{facts:?}: {since}");
    });
}

#[test]
fn a_hold_a_request_and_an_order_always_win() {
    each(|_, facts| {
        for cover in Cover::ALL {
            let covered = Facts { covers: vec![cover], ..facts.clone() };
            for at in LOOKS {
                assert!(!fate(&covered, &Policy::default(), day(at)).is_due(), "{covered:?}");
            }
        }
    });
}

#[test]
fn what_happens_after_the_end_changes_nothing() {
    each(|kind, facts| {
        let Fate::Due { since, why } = fate(facts, &Policy::default(), Timestamp::MAX) else { return };
        for anchor in anchors(kind) {
            let mut later = facts.clone();
            later.purposes[0].events.push(event(*anchor, since));
            if later.purposes[0].events.is_sorted_by_key(|event| event.at) {
                assert_eq!(fate(&later, &Policy::default(), Timestamp::MAX), Fate::Due { since, why }, "{later:?}");
            }
        }
    });
}

#[test]
fn the_order_in_which_rows_are_read_changes_nothing() {
    each(|_, facts| {
        let events = &facts.purposes[0].events;
        // Of two at the same moment the one that was written down first came first.
        if events.windows(2).all(|two| two[0].at < two[1].at) {
            let mut turned = facts.clone();
            turned.purposes[0].events.reverse();
            assert_eq!(fate(&turned, &Policy::default(), day(60)), fate(facts, &Policy::default(), day(60)));
        }
    });
}

#[test]
fn a_recording_goes_with_the_last_of_its_purposes() {
    let policy = Policy::default();
    let quality = courses(PurposeKind::Quality);
    let incident = courses(PurposeKind::Incident);
    for (number, drawn) in quality.iter().enumerate() {
        let pressed = &incident[number * 7 % incident.len()];
        let (one, other) = (facts_of(PurposeKind::Quality, drawn), facts_of(PurposeKind::Incident, pressed));
        let both = Facts { purposes: [&one.purposes[..], &other.purposes].concat(), ..one.clone() };
        let last = due_of(&one, &policy).0.max(due_of(&other, &policy).0);
        assert_eq!(due_of(&both, &policy).0, last, "{both:?}");
    }
}

#[test]
fn without_an_anchor_nothing_is_ever_due_and_it_is_said_which_purpose_has_none() {
    let none = Facts { began_at: Some(day(0)), ended_at: Some(day(0)), ..Facts::default() };
    let looks = LOOKS.map(day).into_iter().chain([Timestamp::MIN, Timestamp::MAX]);
    for now in looks {
        assert_eq!(fate(&none, &Policy::default(), now), Fate::NoAnchor { purpose: None });
        for kind in PurposeKind::ALL {
            let facts = Facts { began_at: None, ended_at: None, ..facts_of(kind, &[]) };
            assert_eq!(fate(&facts, &Policy::default(), now), Fate::NoAnchor { purpose: Some(kind) });
            // Another purpose that is over does not make it due.
            let mut two = facts_of(PurposeKind::Quality, &[event(Anchor::NothingFound, day(1))]);
            two.purposes.push(Purpose { kind: PurposeKind::Training, events: Vec::new() });
            assert_eq!(fate(&two, &Policy::default(), now), Fate::NoAnchor { purpose: Some(PurposeKind::Training) });
        }
    }
}

#[test]
fn a_desk_in_another_zone_has_its_own_days() {
    let zone = |name: &str| Calendar { zone: name.parse().expect("a zone"), ..Calendar::default() };
    let of = |name: &str| due_of(&facts_of(PurposeKind::Incident, &[]), &Policy::of(Periods::default(), zone(name))).0;
    assert_eq!(of("Europe/Amsterdam"), "2026-12-03T23:00:00Z".parse().expect("a time"));
    assert_eq!(of("Pacific/Auckland"), "2026-12-03T11:00:00Z".parse().expect("a time"));
    assert_eq!(of("America/Los_Angeles"), "2026-12-04T08:00:00Z".parse().expect("a time"));
}

#[test]
fn a_rule_in_words_names_the_periods_that_hold() {
    let periods = Periods::default().with(Period::QualityUnheard, 9).expect("in range");
    let version = Version { from: Timestamp::MIN, periods, calendar: Calendar::default() };
    let texts = rules(&version);
    assert_eq!(texts.len(), PurposeKind::ALL.len());
    assert!(texts[0].ceiling.starts_with("9 days if nobody decides"), "{texts:?}");
    let change = Change { period: Period::QualityUnheard, before: 14, after: 9, binds_all: true };
    assert_eq!(changes(&Periods::default(), &periods), [change]);
    assert_eq!(changes(&periods, &Periods::default()), [Change { before: 9, after: 14, binds_all: false, ..change }]);
}
