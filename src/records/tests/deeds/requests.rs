//! Requests for a copy and for erasure, from their entry to their answer.

use super::*;
use crate::{
    desk::{
        CoveredState, Erasures as _, NewHold, Queue as _, RequestEntry, RequestKind, RequestOutcome, Requests as _,
        Subject, Waiting,
    },
    holds,
    policy::Policy,
    sweep::{Believe, HomeFiles, Report, Sweeper},
};
use jiff::civil::Date;
use retrocall_words::retention::{Calendar, Periods};

beside_each_home! {
    d16_a_request_finds_a_number_in_any_spelling_freezes_it_and_the_officer_confirms_each,
    d15_a_month_runs_from_receipt_and_is_extended_once_and_before_it_is_over,
    d14_a_copy_that_was_wanted_in_the_call_is_a_request_that_ends_when_it_is_answered,
    d17_an_erasure_deletes_what_no_case_and_no_hold_needs_and_its_receipt_names_what_it_can_not_reach,
    d17_an_erasure_that_somebody_else_enters_waits_for_the_officer_as_a_whole,
    d17_an_erasure_waits_as_long_as_the_closing_of_its_case_can_be_taken_back,
    d16_what_was_recovered_without_a_number_is_listed_in_every_answer_to_a_customer,
    d16_a_call_is_found_by_its_agent_and_about_when_it_was,
    d16_what_is_found_by_a_time_is_erased_one_by_one_once_it_is_said_how_identity_was_checked,
    d16_what_is_erased_and_frozen_can_still_be_excluded_from_a_request_for_copies,
}

const NUMBER: &str = "+31201234567";

fn asked(number: &str) -> Subject {
    Subject::of_customer(Customer::from(number), Country::default())
}

fn received() -> Date {
    day_of(hour(0))
}

/// A closed day whose recordings are of one customer, but for the last sampled one.
fn with_customers(sampled: usize) -> Closed {
    let closed = Closed::with(sampled);
    execute(&closed.home, "UPDATE recordings SET customer = '0201234567', customer_form = '+31201234567'");
    let other = closed.sampled.last().cloned().unwrap();
    outside(&closed.home, async |rows| {
        let update = "UPDATE recordings SET customer = '0109876543', customer_form = '+31109876543' WHERE id = $1";
        rows::query(update).bind(other).execute(rows).await.unwrap();
    });
    closed
}

impl Closed {
    fn request(&self, id: &str) -> RequestEntry {
        self.desk.request(&Person::owner("root"), id).unwrap()
    }

    fn state(&self, request: &str, recording: &str) -> CoveredState {
        self.request(request).recordings.iter().find(|one| one.recording == recording).unwrap().state
    }

    /// A sweep so many hours after the day.
    fn sweep(&self, hours: i64) -> Report {
        let now = hour(hours);
        let mut store = homes::store(self.home.path());
        store.follow(Periods::default(), &Calendar::default(), now).unwrap();
        let clock = TestClock::at(now);
        Sweeper::new("engine").run(&mut store, &HomeFiles::of(self.home.path()), &clock, Believe::Accepted).unwrap()
    }

    fn is_kept(&self, recording: &str) -> bool {
        outside(&self.home, async |rows| {
            let select = "SELECT life FROM recordings WHERE id = $1";
            let life: String = rows::query_scalar(select).bind(recording).fetch_one(rows).await.unwrap();
            life == "kept"
        })
    }
}

/// Long after everything that nobody asks for is gone.
const LATE: i64 = 24 * 300;

fn d16_a_request_finds_a_number_in_any_spelling_freezes_it_and_the_officer_confirms_each() {
    let closed = with_customers(3);
    let (desk, olga) = (&closed.desk, olga());
    // Anybody enters it, and does not learn what was found.
    let entered = desk.open_request(&anna(), &asked("020 123 4567"), received(), hour(0)).unwrap();
    assert_eq!(entered.candidates, None);
    let mine = desk.open_request(&olga, &asked("0031201234567"), received(), hour(0)).unwrap();
    assert_eq!(mine.candidates.as_ref().map(Vec::len), Some(3), "two sampled ones and the pressed one");
    let (request, other) = (entered.request.as_str(), closed.sampled.last().unwrap());
    assert!(!mine.candidates.unwrap().contains(other));
    desk.refuse(&olga, &mine.request, "the same twice", hour(1)).unwrap();

    // What nobody asks for goes; what is frozen stays, whatever its purposes say.
    assert_eq!(closed.sweep(LATE).gone, 1);
    assert!(!closed.is_kept(other) && closed.is_kept(&closed.pressed));

    let [theirs, others] = [&closed.pressed, &closed.sampled[0]];
    desk.confirm(&olga, request, theirs, "called back", hour(LATE + 2)).unwrap();
    desk.exclude(&olga, request, others, "another voice", hour(LATE + 2)).unwrap();
    assert_eq!(
        [closed.state(request, theirs), closed.state(request, others)],
        [CoveredState::Confirmed, CoveredState::Excluded]
    );
    let why = desk.answered(&olga, request, hour(LATE + 3)).unwrap_err().to_string();
    assert!(why.contains("waits to be decided"), "{why}");
    desk.exclude(&olga, request, &closed.sampled[1], "another voice", hour(LATE + 3)).unwrap();
    let copying = desk.exporting(&olga, request, "/media/letters/1", hour(LATE + 4)).unwrap();
    assert_eq!(copying.iter().map(|one| &one.of.recording).collect::<Vec<_>>(), [theirs]);
    let uses = desk.story(&olga, theirs).unwrap().uses;
    assert!(uses.iter().any(|one| one.kind == crate::desk::UseKind::Export && one.by == "olga"), "{uses:?}");
    assert_eq!(desk.answered(&olga, request, hour(LATE + 5)), Ok(RequestOutcome::Granted));
    assert!(matches!(desk.answered(&olga, request, hour(LATE + 5)), Err(NotDone::Conflict(_))));
    assert_eq!(closed.request(request).customer, None, "an answered request says no number");

    let report = closed.sweep(LATE + 6);
    assert_eq!(report.gone, 3, "{report:?}");
    assert_eq!(closed.found(), []);
}

fn d15_a_month_runs_from_receipt_and_is_extended_once_and_before_it_is_over() {
    let closed = with_customers(1);
    let (desk, olga) = (&closed.desk, olga());
    let then = received() - jiff::ToSpan::days(10);
    let late = desk.open_request(&olga, &asked(NUMBER), received() + jiff::ToSpan::days(2), hour(0));
    assert!(matches!(late, Err(NotDone::Conflict(_))), "received tomorrow");
    let entered = desk.open_request(&olga, &asked(NUMBER), then, hour(0)).unwrap();
    let month = then + jiff::ToSpan::months(1);
    assert_eq!(entered.due_on, month, "it counts from receipt, not from entry");
    let days_after =
        |day: Date| hour(0) + SignedDuration::from_hours(24 * i64::from((day - day_of(hour(0))).get_days()));
    let request = entered.request.as_str();
    let overdue = desk.extend(&olga, request, "forty recordings", days_after(month) + SignedDuration::from_hours(24));
    assert!(overdue.unwrap_err().to_string().contains("overdue"));
    desk.extend(&olga, request, "forty recordings", days_after(month)).unwrap();
    let found = closed.request(request);
    assert_eq!((found.due_on, found.extension.as_deref()), (then + jiff::ToSpan::months(3), Some("forty recordings")));
    let twice = desk.extend(&olga, request, "more", days_after(month));
    assert!(twice.unwrap_err().to_string().contains("extended before"));
}

fn d14_a_copy_that_was_wanted_in_the_call_is_a_request_that_ends_when_it_is_answered() {
    let home = TempDir::new().unwrap();
    let catalog = Catalog::start(home.path(), today(), Country::default(), limits());
    catalog.opened(LONG).unwrap();
    let calls = [true, false].map(|has_number| {
        let call = begin(&catalog);
        let Note::Ended(ended) = ended(call, Outcome::Kept) else { unreachable!("it has ended") };
        catalog.note(Note::Ended(CallEnded { reasons: vec![Reason::Copy], ..ended }));
        let customer = has_number.then(|| Customer::from("020 123 4567"));
        let of = RecordedCall { customer, ..recorded(call, &[Reason::Copy]) };
        // Written twice, as after an answer that was lost.
        for _ in 0..2 {
            catalog.note(Note::Kept(Box::new(RecordingKept { of: of.clone(), ..recording(call) })));
        }
        call
    });
    assert!(catalog.close(LONG));
    homes::settle(home.path());
    let (desk, olga) = (homes::desk(home.path()), olga());
    let requests = desk.all_requests(&olga).unwrap();
    assert_eq!(requests.len(), 2, "one for each call");
    for (request, has_number) in requests.iter().zip([true, false]) {
        assert_eq!((request.kind, request.entered_by.as_str()), (RequestKind::Access, "anna"));
        assert_eq!(request.by_number, has_number);
        assert_eq!(request.recordings.len(), 1);
        assert!(calls.contains(&request.recordings[0].call));
    }
    let late = at(0) + SignedDuration::from_hours(24 * 300);
    let sweep = || {
        let mut store = homes::store(home.path());
        store.follow(Periods::default(), &Calendar::default(), late).unwrap();
        let clock = TestClock::at(late);
        Sweeper::new("engine").run(&mut store, &HomeFiles::of(home.path()), &clock, Believe::Accepted).unwrap().gone
    };
    assert_eq!(sweep(), 0, "nobody has answered");
    let confirm = |request: &RequestEntry| {
        desk.confirm(&olga, &request.request, &request.recordings[0].recording, "asked in the call", late).unwrap();
    };
    let exclude = |request: &RequestEntry| {
        desk.exclude(&olga, &request.request, &request.recordings[0].recording, "another voice", late).unwrap();
    };
    confirm(&requests[0]);
    // The officer thinks again, twice.
    exclude(&requests[1]);
    confirm(&requests[1]);
    exclude(&requests[1]);
    assert_eq!(desk.answered(&olga, &requests[0].request, late), Ok(RequestOutcome::Granted));
    assert_eq!(desk.answered(&olga, &requests[1].request, late), Ok(RequestOutcome::NothingHeld));
    assert_eq!(sweep(), 2, "they served this alone");
}

#[test]
fn d15_a_copy_that_was_wanted_in_a_call_after_midnight_was_received_on_the_desks_day_not_on_the_one_of_utc() {
    let closed = Closed::with(1);
    let catalog = open(&closed.home);
    let call = begin(&catalog);
    catalog.note(ended(call, Outcome::Kept));
    // A quarter past midnight in the Netherlands.
    let ends_at: Timestamp = "2026-12-01T23:15:00Z".parse().unwrap();
    let of = recorded(call, &[Reason::Copy]);
    catalog.note(Note::Kept(Box::new(RecordingKept { of, ends_at, ..recording(call) })));
    assert!(catalog.close(LONG));
    let request = closed.desk.open_requests(&olga()).unwrap().remove(0);
    assert_eq!(
        (request.received_on.to_string().as_str(), request.due_on.to_string().as_str()),
        ("2026-12-02", "2027-01-02")
    );
    // What is entered by hand goes by the same day.
    let entered = closed.desk.open_request(&olga(), &Subject::Agent("anna".into()), request.received_on, ends_at);
    assert_eq!(entered.unwrap().due_on, request.due_on);
}

#[test]
fn d14_a_copy_that_was_wanted_in_the_call_freezes_what_is_kept_of_the_same_number() {
    let closed = with_customers(2);
    let catalog = open(&closed.home);
    let call = begin(&catalog);
    catalog.note(ended(call, Outcome::Kept));
    let of = RecordedCall { customer: Some(Customer::from("020-1234567")), ..recorded(call, &[Reason::Copy]) };
    catalog.note(Note::Kept(Box::new(RecordingKept { of, ..recording(call) })));
    assert!(catalog.close(LONG));
    let open = closed.desk.open_requests(&olga()).unwrap();
    assert_eq!(open.len(), 1);
    let covered: Vec<&String> = open[0].recordings.iter().map(|one| &one.recording).collect();
    assert!(covered.len() == 3 && [&closed.pressed, &closed.sampled[0]].iter().all(|id| covered.contains(id)));
}

#[test]
fn d16_a_recording_that_comes_while_a_request_is_open_joins_it_and_a_later_one_no_erasure() {
    let closed = with_customers(1);
    let (desk, olga) = (&closed.desk, olga());
    let access = desk.open_request(&olga, &asked(NUMBER), received(), hour(0)).unwrap().request;
    let early = desk.open_request(&olga, &Subject::Agent("anna".into()), received(), hour(0)).unwrap().request;
    let around = Subject::Around { agent: "anna".into(), at: hour(6) };
    let around = desk.open_request(&olga, &around, received(), hour(0)).unwrap().request;
    let erasure = desk.erase(&anna(), &asked(NUMBER), "by letter", None, received(), hour(0)).unwrap().request;
    let catalog = open(&closed.home);
    let call = begin(&catalog);
    catalog.note(ended(call, Outcome::Kept));
    let of = RecordedCall { customer: Some(Customer::from("020-1234567")), ..recorded(call, &[Reason::OnDemand]) };
    let later = Call { began_at: hour(5), ..call_of_anna(call) };
    let of = RecordedCall { label: Label { call: later, ..of.label }, ..of };
    catalog.note(Note::Kept(Box::new(RecordingKept { of, ends_at: hour(5), ..recording(call) })));
    assert!(catalog.close(LONG));
    let has = |request: &str| closed.request(request).recordings.iter().any(|one| one.call == call);
    assert_eq!([has(&access), has(&early), has(&around), has(&erasure)], [true, true, true, false]);
    // A restore that loses these requests does not let go of it.
    let mut lines = holds::load(closed.home.path()).unwrap();
    lines.retain(|line| line.call == call);
    assert_eq!(holds::keeping(&lines, &Policy::default(), hour(6)), 3);
}

fn d17_an_erasure_deletes_what_no_case_and_no_hold_needs_and_its_receipt_names_what_it_can_not_reach() {
    let closed = with_customers(4);
    let (desk, olga, owner) = (&closed.desk, olga(), Person::owner("root"));
    let both = closed.both();
    outside(&closed.home, async |rows| {
        // Whatever its place in the draw, it is theirs.
        let update = "UPDATE recordings SET customer = '0201234567', customer_form = '+31201234567' WHERE id = $1";
        rows::query(update).bind(&both).execute(rows).await.unwrap();
    });
    let case = desk.open_case(&owner, &both, hour(0)).unwrap();
    let alone: Vec<&String> = closed.sampled[..3].iter().filter(|id| **id != both).collect();
    let (held, plain) = (alone[0], alone[1]);
    let review_on = received() + jiff::ToSpan::days(90);
    let hold = NewHold { reason: "claim".into(), owner: "olga".into(), until: "paid".into(), review_on };
    let hold = desk.hold(&owner, held, &hold, hour(0)).unwrap();
    // A copy of the plain one has left the home.
    let access = desk.open_request(&olga, &asked(NUMBER), received(), hour(0)).unwrap();
    for recording in access.candidates.iter().flatten() {
        match recording == plain {
            true => desk.confirm(&olga, &access.request, recording, "called back", hour(0)).unwrap(),
            false => desk.exclude(&olga, &access.request, recording, "no", hour(0)).unwrap(),
        }
    }
    desk.exporting(&olga, &access.request, "/media/letters/1", hour(0)).unwrap();

    let waiting = || desk.queue(&olga, None, hour(1)).unwrap().waiting;
    let before = waiting();
    let how = Some("called back");
    let entered = desk.erase(&olga, &asked("+31 20 1234567"), "by letter", how, received(), hour(1)).unwrap();
    let request = entered.request.as_str();
    let checked = |recording: &str| {
        let found = closed.request(request).recordings;
        found.into_iter().find(|one| one.recording == recording).unwrap().identity
    };
    assert_eq!((checked(plain).as_deref(), checked(&both)), (how, None), "D16: nobody has checked it for what waits");
    let is_erased = |id: &&String| closed.state(request, id) == CoveredState::Confirmed;
    let erased = alone.iter().filter(|id| is_erased(id)).count() as u64;
    assert_eq!(waiting(), before - erased, "nobody is handed what is erased");
    let waits = |recording: &str| {
        let found = closed.request(request);
        found.recordings.into_iter().find(|one| one.recording == recording).unwrap().waits_for
    };
    assert_eq!(waits(&both), [Waiting::Officer]);
    assert_eq!(waits(held), [Waiting::Hold]);
    assert_eq!(waits(plain), [Waiting::Request], "a copy of it is asked for");
    assert_eq!(waits(&closed.pressed), []);
    closed.sweep(2);
    assert!(!closed.is_kept(&closed.pressed));
    assert!([&both, held, plain].iter().all(|id| closed.is_kept(id)));

    desk.answered(&olga, &access.request, hour(3)).unwrap();
    desk.release(&owner, &hold, "paid", hour(3)).unwrap();
    closed.sweep(4);
    assert!(!closed.is_kept(held) && !closed.is_kept(plain), "what held them is over");
    assert!(matches!(desk.answered(&olga, request, hour(4)), Err(NotDone::Conflict(_))));
    assert_eq!(desk.refuse_erasure(&olga, request, Some(&both), "a claim", hour(5)), Ok(1));
    assert!(matches!(desk.grant_erasure(&olga, request, None, None, hour(5)), Err(NotDone::Conflict(_))));
    assert_eq!(desk.answered(&olga, request, hour(6)), Ok(RequestOutcome::Granted));
    let found = closed.request(request);
    assert_eq!((found.ground.as_deref(), &found.customer), (Some("a claim"), &None));
    assert_eq!(closed.state(request, &both), CoveredState::Refused);
    assert!(closed.is_kept(&both), "for its case");
    desk.close_case(&owner, &case, "settled", None, hour(7)).unwrap();

    let receipts = desk.receipts(&olga, request).unwrap();
    let of_plain = receipts.iter().find(|receipt| receipt.recording == *plain).unwrap();
    assert_eq!(of_plain.exports.iter().map(|copy| copy.to.as_str()).collect::<Vec<_>>(), ["/media/letters/1"]);
    assert_eq!((of_plain.reason.as_str(), of_plain.overwritten_at), ("erased", None));
    assert!(receipts.iter().any(|receipt| receipt.recording == request), "the number in the request itself");
    assert_eq!(closed.found(), []);
}

fn d17_an_erasure_that_somebody_else_enters_waits_for_the_officer_as_a_whole() {
    let closed = with_customers(1);
    let (desk, olga) = (&closed.desk, olga());
    let entered =
        desk.erase(&anna(), &Subject::Recording(closed.pressed.clone()), "asks", None, received(), hour(0)).unwrap();
    assert_eq!(entered.candidates, None);
    assert_eq!(closed.sweep(LATE).gone, 1, "the other one: this one is frozen");
    let later = hour(LATE + 1);
    assert!(matches!(desk.grant_erasure(&tom(), &entered.request, None, None, later), Err(NotDone::NotAllowed(_))));
    assert_eq!(desk.grant_erasure(&olga, &entered.request, None, None, later), Ok(1));
    assert_eq!(closed.sweep(LATE + 2).gone, 1);
    let unknown = desk.erase(&anna(), &Subject::Recording("none".into()), "asks", None, received(), hour(LATE + 3));
    assert_eq!(unknown, Err(NotDone::Unknown));
}

fn d17_an_erasure_waits_as_long_as_the_closing_of_its_case_can_be_taken_back() {
    let closed = with_customers(1);
    let (desk, olga, owner) = (&closed.desk, olga(), Person::owner("root"));
    let pressed = Subject::Recording(closed.pressed.clone());
    let case = desk.open_case(&owner, &closed.pressed, hour(0)).unwrap();
    desk.close_case(&owner, &case, "settled", None, hour(1)).unwrap();
    for (hours, state) in [(72, CoveredState::Candidate), (73, CoveredState::Confirmed)] {
        let entered = desk.erase(&olga, &pressed, "by letter", None, received(), hour(hours)).unwrap();
        assert_eq!(closed.state(&entered.request, &closed.pressed), state, "{hours} hours");
    }
}

fn d16_what_was_recovered_without_a_number_is_listed_in_every_answer_to_a_customer() {
    let closed = with_customers(2);
    execute(&closed.home, "UPDATE recordings SET customer = NULL, customer_form = NULL WHERE reasons = 'on-demand'");
    let (desk, olga) = (&closed.desk, olga());
    let by_number = desk.open_request(&olga, &asked("+31207654321"), received(), hour(0)).unwrap().request;
    let by_agent = desk.open_request(&olga, &Subject::Agent("carla".into()), received(), hour(0)).unwrap().request;
    let unnumbered = |request: &str| closed.request(request).unnumbered.len();
    assert_eq!(unnumbered(&by_number), 0, "a caller who hides the number is not recovered");
    execute(&closed.home, "UPDATE recordings SET state = 'incomplete' WHERE customer IS NULL");
    assert_eq!([unnumbered(&by_number), unnumbered(&by_agent)], [1, 0]);
    assert_eq!(desk.answered(&olga, &by_number, hour(1)), Ok(RequestOutcome::NothingHeld));
    assert_eq!(unnumbered(&by_number), 1, "the letter can be written again");
}

fn d16_a_call_is_found_by_its_agent_and_about_when_it_was() {
    let closed = with_customers(1);
    let (desk, olga) = (&closed.desk, olga());
    let began: Timestamp = one::<String>(&closed.home, "SELECT MIN(began_at) FROM recordings").parse().unwrap();
    for (minutes, agent, found) in [(30, "anna", 2), (-59, "bert", 2), (90, "anna", 0), (30, "carla", 0)] {
        let at = began + SignedDuration::from_mins(minutes);
        let around = Subject::Around { agent: agent.into(), at };
        let entered = desk.open_request(&olga, &around, received(), hour(0)).unwrap();
        assert_eq!(entered.candidates.map(|all| all.len()), Some(found), "{minutes} minutes, {agent}");
    }
}

fn d16_what_is_found_by_a_time_is_erased_one_by_one_once_it_is_said_how_identity_was_checked() {
    let closed = with_customers(1);
    let (desk, olga) = (&closed.desk, olga());
    let began: Timestamp = one::<String>(&closed.home, "SELECT MIN(began_at) FROM recordings").parse().unwrap();
    let around = Subject::Around { agent: "anna".into(), at: began };
    let entered = desk.erase(&olga, &around, "by letter", Some("knew the day"), received(), hour(0)).unwrap();
    let (request, found) = (entered.request.as_str(), entered.candidates.unwrap());
    assert_eq!(found.len(), 2);
    assert!(found.iter().all(|id| closed.state(request, id) == CoveredState::Candidate), "one may be somebody else's");
    let grant = |recording: Option<&str>, identity: Option<&str>| {
        desk.grant_erasure(&olga, request, recording, identity, hour(1)).map_err(|why| why.to_string())
    };
    for refused in [grant(None, Some("called back")), grant(Some(&found[0]), None)] {
        assert!(refused.as_ref().is_err_and(|why| why.contains("no person")), "{refused:?}");
    }
    assert_eq!(grant(Some(&found[0]), Some("called back")), Ok(1));
    let identity =
        closed.request(request).recordings.into_iter().find(|one| one.recording == found[0]).unwrap().identity;
    assert_eq!(identity.as_deref(), Some("called back"));
    desk.exclude(&olga, request, &found[1], "another voice", hour(2)).unwrap();
    assert_eq!(desk.answered(&olga, request, hour(3)), Ok(RequestOutcome::Granted));
    assert_eq!(closed.found(), []);
}

fn d16_what_is_erased_and_frozen_can_still_be_excluded_from_a_request_for_copies() {
    let closed = with_customers(1);
    let (desk, olga) = (&closed.desk, olga());
    let copies = desk.open_request(&olga, &Subject::Agent("anna".into()), received(), hour(0)).unwrap().request;
    let erasure = desk.erase(&olga, &asked(NUMBER), "by letter", None, received(), hour(0)).unwrap().request;
    let recording = &closed.request(&erasure).recordings[0].recording;
    desk.confirm(&olga, &copies, recording, "her badge", hour(1)).unwrap();
    assert!(
        closed.request(&copies).recordings.iter().any(|one| one.recording == *recording && one.erased_at.is_some())
    );
    let late = desk.exclude(&olga, &erasure, recording, "another voice", hour(2));
    assert!(late.is_err_and(|why| why.to_string().contains("granted already")));
    desk.exclude(&olga, &copies, recording, "another voice", hour(2)).unwrap();
    assert_eq!(closed.state(&copies, recording), CoveredState::Excluded);
}
