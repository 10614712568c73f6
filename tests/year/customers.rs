//! What customers ask for: copies, erasures, objections without a call. Anybody enters a request; the officer decides in time, late, or never.

use jiff::{SignedDuration, Timestamp, ToSpan as _, civil::Date};
use rand::RngExt as _;
use retrocall_records::desk::{
    CoveredState, Customers as _, Erasures as _, Person, RequestEntry, RequestKind, Requests as _, Subject,
};
use retrocall_words::{CallId, Country};
use serde_json::{Map, Value, json};

use crate::{
    calls::{Today, name_of},
    desk::Desk,
    people::{agent_of, is_done, officer, person},
};

/// A request on the officer's list, and the day of the next step.
struct Open {
    id: String,
    kind: RequestKind,
    next_on: u32,
}

/// Whose calls a request is about, as the list of events says it.
struct Asked {
    of: Subject,
    said: Value,
}

/// Those who ask, and the officer's list.
#[derive(Default)]
pub struct Customers {
    open: Vec<Open>,
    objecting: Vec<u32>,
}

impl Customers {
    /// What comes in on a working day, and what the officer does.
    pub fn work(&mut self, desk: &mut Desk, seen: &[Today], day: u32) {
        for request in std::mem::take(&mut desk.opened_by_calls) {
            self.follow(desk, request, RequestKind::Access, day);
        }
        for _ in 0..(desk.calls / 400).max(1) {
            if desk.chance(2) {
                self.ask_for_copy(desk, seen, day);
            }
            if desk.chance(3) {
                self.ask_for_erasure(desk, seen, day);
            }
            if desk.chance(4) && desk.centre.is_none() {
                self.object(desk, seen);
            }
        }
        for open in std::mem::take(&mut self.open) {
            match open.next_on <= day {
                true => self.step(desk, &open, seen, day),
                false => self.open.push(open),
            }
        }
        if day.is_multiple_of(7) {
            say_all(desk);
        }
    }

    /// One request in twelve is forgotten.
    fn follow(&mut self, desk: &mut Desk, id: String, kind: RequestKind, day: u32) {
        let next_on = day + desk.rng.random_range(1..20);
        if !desk.chance(12) {
            self.open.push(Open { id, kind, next_on });
        }
    }

    fn ask_for_copy(&mut self, desk: &mut Desk, seen: &[Today], day: u32) {
        let Some(asked) = about(desk, seen, false) else { return };
        let (who, received, now) = (anybody(desk), received(desk), desk.moment());
        let entered = desk.verbs.open_request(&who, &asked.of, received, now);
        is_done(&entered);
        let id = entered.ok().map(|entered| entered.request);
        say_opened(desk, now, ("access", &who), (id.as_deref(), asked.said, received));
        if let Some(id) = id {
            self.follow(desk, id, RequestKind::Access, day);
        }
    }

    fn ask_for_erasure(&mut self, desk: &mut Desk, seen: &[Today], day: u32) {
        let Some(asked) = about(desk, seen, true) else { return };
        // Of a recording that others may not know of they can't ask anything.
        let is_of_one = matches!(asked.of, Subject::Recording(_));
        let who = if is_of_one { officer() } else { anybody(desk) };
        let (received, now) = (received(desk), desk.moment());
        let entered = desk.verbs.erase(&who, &asked.of, "asks by letter", Some("called back"), received, now);
        is_done(&entered);
        let id = entered.ok().map(|entered| entered.request);
        say_opened(desk, now, ("erasure", &who), (id.as_deref(), asked.said, received));
        if let Some(id) = id {
            self.follow(desk, id, RequestKind::Erasure, day);
        }
    }

    /// A customer objects, or one of those who did no longer does.
    fn object(&mut self, desk: &mut Desk, seen: &[Today]) {
        let customer = customer_of(desk, seen).unwrap_or_else(|| desk.any_customer());
        let (who, number, now) = (anybody(desk), desk.number_of(customer), desk.moment());
        let done = desk.verbs.customer_objects(&who, &number, Country::default(), now);
        let fields = json!({ "customer": name_of(customer), "done": is_done(&done) });
        desk.events.say(now, "customer-objected", fields);
        self.objecting.push(customer);
        if desk.chance(3) {
            let place = desk.rng.random_range(0..self.objecting.len());
            // Now and then one who never objected, or has withdrawn already.
            let customer = if desk.chance(6) { customer + 1 } else { self.objecting[place] };
            let (number, now) = (desk.number_of(customer), desk.moment());
            let done = desk.verbs.customer_withdraws(&officer(), &number, Country::default(), now);
            let fields = json!({ "customer": name_of(customer), "done": is_done(&done) });
            desk.events.say(now, "objection-withdrawn", fields);
        }
    }

    /// What the officer does about a request on one day.
    fn step(&mut self, desk: &mut Desk, open: &Open, seen: &[Today], day: u32) {
        // A restore may have lost it.
        let found = desk.verbs.request(&officer(), &open.id).ok();
        match (open.kind, &found) {
            (RequestKind::Access, Some(found)) => decide_copies(desk, found, seen),
            (RequestKind::Erasure, Some(found)) => decide_erasures(desk, found),
            _ => {}
        }
        let is_over = match (open.kind, desk.rng.random_range(0..8)) {
            (RequestKind::Access, 0) => {
                let now = desk.moment();
                let done = is_done(&desk.verbs.refuse(&officer(), &open.id, "excessive", now));
                desk.events.say(now, "request-refused", json!({ "request": open.id, "done": done }));
                done
            }
            (_, 1..6) => answer(desk, &open.id),
            _ => false,
        };
        if found.is_some() && !is_over {
            self.follow(desk, open.id.clone(), open.kind, day);
        }
    }
}

/// Any of the desk's people.
fn anybody(desk: &mut Desk) -> Person {
    match desk.rng.random_range(0..4) {
        0 | 1 => officer(),
        2 => agent_of("agent-01"),
        _ => person("tom", retrocall_records::desk::DeskRole::CaseHandler),
    }
}

/// Requests come by letter: they were received some days ago; one in twenty is dated tomorrow.
fn received(desk: &mut Desk) -> Date {
    let today = desk.settings.1.day_of(desk.now());
    match desk.chance(20) {
        true => today.saturating_add(1.day()),
        false => today.saturating_sub(i64::from(desk.rng.random_range(0..12)).days()),
    }
}

fn any_of(desk: &mut Desk, seen: &[Today]) -> Option<Today> {
    let place = desk.rng.random_range(0..seen.len().max(1));
    seen.get(place).cloned()
}

/// The customer of a recording of the last weeks, if the number is known.
fn customer_of(desk: &mut Desk, seen: &[Today]) -> Option<u32> {
    let one = any_of(desk, seen)?;
    desk.kept.get(&one.call)?.customer
}

/// By number, mostly; by agent and time; an erasure also of one recording.
fn about(desk: &mut Desk, seen: &[Today], is_erasure: bool) -> Option<Asked> {
    let one = any_of(desk, seen)?;
    match desk.rng.random_range(0..10) {
        0 if desk.chance(3) => {
            Some(Asked { of: Subject::Agent(one.agent.clone()), said: json!({ "agent": one.agent }) })
        }
        1 | 2 => {
            let began = desk.kept.get(&one.call)?.label.call.began_at;
            let at = began + SignedDuration::from_mins(desk.rng.random_range(-70..70));
            // Seconds alone: the list of events has no finer times.
            let at = Timestamp::from_second(at.as_second()).expect("a time");
            let said = json!({ "agent": one.agent, "around": at.as_second() });
            Some(Asked { of: Subject::Around { agent: one.agent, at }, said })
        }
        3..5 if is_erasure => Some(Asked { of: Subject::Recording(one.recording), said: json!({ "call": one.call }) }),
        _ => {
            let customer = customer_of(desk, seen).unwrap_or_else(|| desk.any_customer());
            let of = Subject::of_customer(desk.number_of(customer), Country::default());
            Some(Asked { of, said: json!({ "customer": name_of(customer) }) })
        }
    }
}

fn decide_copies(desk: &mut Desk, request: &RequestEntry, seen: &[Today]) {
    for one in &request.recordings {
        let choice = match one.state {
            CoveredState::Candidate => desk.rng.random_range(0..10),
            // Somebody changes their mind.
            _ => desk.rng.random_range(0..60),
        };
        match choice {
            0..5 => confirm(desk, &request.request, &one.recording, one.call),
            5..8 => exclude(desk, &request.request, &one.recording, one.call),
            _ => {}
        }
    }
    // One that the search did not find is added.
    if desk.chance(8)
        && let Some(one) = any_of(desk, seen)
    {
        confirm(desk, &request.request, &one.recording, one.call);
    }
    if desk.chance(4) {
        let now = desk.moment();
        let done = is_done(&desk.verbs.extend(&officer(), &request.request, "much to look through", now));
        desk.events.say(now, "request-extended", json!({ "request": request.request, "done": done }));
    }
    if desk.chance(2) {
        let now = desk.moment();
        let done = desk.verbs.exporting(&officer(), &request.request, "/media/letters", now);
        let calls: Vec<CallId> = done.iter().flatten().map(|one| one.of.call).collect();
        let fields = json!({ "request": request.request, "done": is_done(&done), "calls": calls });
        desk.events.say(now, "request-exported", fields);
    }
}

fn confirm(desk: &mut Desk, request: &str, recording: &str, call: CallId) {
    let now = desk.moment();
    let done = is_done(&desk.verbs.confirm(&officer(), request, recording, "called back", now));
    desk.events.say(now, "request-confirmed", json!({ "request": request, "call": call, "done": done }));
}

fn exclude(desk: &mut Desk, request: &str, recording: &str, call: CallId) {
    let now = desk.moment();
    let done = is_done(&desk.verbs.exclude(&officer(), request, recording, "another voice", now));
    desk.events.say(now, "request-excluded", json!({ "request": request, "call": call, "done": done }));
}

fn decide_erasures(desk: &mut Desk, request: &RequestEntry) {
    let candidate = request.recordings.iter().find(|one| one.state == CoveredState::Candidate);
    if candidate.is_none() && !desk.chance(8) {
        return;
    }
    let one = candidate.map(|one| (one.recording.as_str(), one.call));
    let all = desk.chance(3);
    let (recording, call) = (one.filter(|_| !all).map(|one| one.0), one.filter(|_| !all).map(|one| one.1));
    match desk.rng.random_range(0..10) {
        0..4 => {
            let now = desk.moment();
            let done =
                is_done(&desk.verbs.grant_erasure(&officer(), &request.request, recording, Some("called back"), now));
            let fields = json!({ "request": request.request, "call": call, "done": done });
            desk.events.say(now, "erasure-granted", fields);
        }
        4..7 => {
            let now = desk.moment();
            let done = is_done(&desk.verbs.refuse_erasure(&officer(), &request.request, recording, "a claim", now));
            let fields = json!({ "request": request.request, "call": call, "done": done });
            desk.events.say(now, "erasure-refused", fields);
        }
        7 => {
            let any = desk.rng.random_range(0..request.recordings.len().max(1));
            if let Some(one) = request.recordings.get(any) {
                exclude(desk, &request.request, &one.recording, one.call);
            }
        }
        _ => {}
    }
}

/// Answers a request. Whether that could be done.
fn answer(desk: &mut Desk, request: &str) -> bool {
    let unnumbered: Vec<CallId> = match desk.verbs.request(&officer(), request) {
        Ok(found) => found.unnumbered.iter().map(|one| desk.call_of[&one.recording]).collect(),
        Err(_) => Vec::new(),
    };
    let now = desk.moment();
    let done = desk.verbs.answered(&officer(), request, now);
    let outcome = done.as_ref().ok().map(|outcome| outcome.as_str());
    let fields = json!({ "request": request, "done": is_done(&done), "outcome": outcome, "unnumbered": unnumbered });
    desk.events.say(now, "request-answered", fields);
    done.is_ok()
}

/// What was decided about each recording of a request.
pub fn states(request: &RequestEntry) -> Value {
    let of = |one: &retrocall_records::desk::Covered| (one.call.to_string(), json!(one.state.as_str()));
    Value::Object(request.recordings.iter().map(of).collect())
}

fn say_opened(
    desk: &mut Desk,
    at: Timestamp,
    (kind, who): (&str, &Person),
    (id, of, received): (Option<&str>, Value, Date),
) {
    let found = id.map(|id| desk.verbs.request(&officer(), id).expect("it was entered"));
    let by = if *who == officer() { "officer" } else { "other" };
    let fields = json!({
        "request": id, "kind": kind, "of": of, "received": received, "by": by, "done": id.is_some(),
        "recordings": found.as_ref().map(states),
    });
    desk.events.say(at, "request-opened", fields);
    desk.said_requests.extend(id.map(str::to_owned));
}

/// All that is open, as the officer has it on a list.
fn say_all(desk: &mut Desk) {
    let open = desk.verbs.open_requests(&officer()).expect("a list");
    let listed: Map<String, Value> = open.iter().map(|request| (request.request.clone(), states(request))).collect();
    desk.events.say(desk.now(), "requests-listed", json!({ "requests": listed }));
}
