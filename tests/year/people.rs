//! What the desk's people do: reviews, notes, evaluations, cases, holds, changes of the policy. What they did, and whether it was done, goes into
//! the list of events.

use std::collections::{BTreeSet, HashMap};

use jiff::{Timestamp, ToSpan as _, civil::Date};
use rand::RngExt as _;
use retrocall_records::desk::{
    Cases as _, Decision, Desk as _, DeskRole, NewHold, NotDone, Notes as _, Person, ReplyKind, ReviewOutcome,
    Reviews as _, SkipReason,
};
use retrocall_words::{CallId, book::day_of, retention::Period};
use serde_json::{Value, json};

use crate::{
    calls::Today,
    customers::Customers,
    desk::{Desk, agent},
};

/// A case, as its handler has it on a list.
struct Case {
    id: String,
    /// The day on which it is closed. None: never.
    closes_on: Option<u32>,
    /// Whether somebody says every 80 days that it is needed.
    is_needed: bool,
    last_needed: u32,
    /// The day on which its closing is taken back.
    reopens_on: Option<u32>,
}

/// A hold, and the day on which it is released. None: never.
struct Hold {
    id: String,
    released_on: Option<u32>,
}

/// An objection to a note, and the day on which the officer decides.
struct Objection {
    recording: String,
    call: CallId,
    decided_on: Option<u32>,
}

/// The people of the desk, with what each has on a list.
pub struct People {
    reviews_a_day: usize,
    presses: Vec<(Today, u32)>,
    cases: Vec<Case>,
    holds: Vec<Hold>,
    objections: Vec<Objection>,
    /// Recordings with a note: recording, call, agent, the day on which the agent reads it.
    noted: Vec<(String, CallId, String, u32)>,
    /// Recordings of the last weeks, gone or not.
    seen: Vec<Today>,
    customers: Customers,
}

pub fn person(name: &str, role: DeskRole) -> Person {
    Person { name: name.into(), on_behalf_of: None, roles: [role].into(), agent: None }
}

pub fn agent_of(name: &str) -> Person {
    Person { agent: Some(name.into()), ..person(name, DeskRole::Agent) }
}

pub fn officer() -> Person {
    person("olga", DeskRole::PrivacyOfficer)
}

/// Whether it was done. Only a fault of the records is none of the answers that people get.
pub fn is_done<T>(done: &Result<T, NotDone>) -> bool {
    if let Err(NotDone::Catalog(trouble)) = done {
        panic!("{trouble}");
    }
    done.is_ok()
}

impl People {
    pub fn new(calls: u32) -> People {
        People {
            reviews_a_day: (calls as usize / 200).max(1),
            presses: Vec::new(),
            cases: Vec::new(),
            holds: Vec::new(),
            objections: Vec::new(),
            noted: Vec::new(),
            seen: Vec::new(),
            customers: Customers::default(),
        }
    }

    /// What they do on a day.
    pub fn work(&mut self, desk: &mut Desk, day: u32) {
        self.look_up(&std::mem::take(&mut desk.renamed));
        let today = desk.today.clone();
        self.seen.extend(today.iter().cloned());
        let old = self.seen.len().saturating_sub(2_000);
        self.seen.drain(..old);
        for press in today.into_iter().filter(|one| one.is_pressed) {
            let later = day + desk.rng.random_range(0..12);
            self.presses.push((press, later));
        }
        change_policy(desk, day);
        if desk.is_working_day() {
            // In August nobody reviews for three weeks.
            if !(300..321).contains(&day) {
                self.review(desk);
            }
            self.read_notes(desk, day);
            self.evaluate(desk, day);
            self.follow_presses(desk, day);
            self.follow_cases(desk, day);
            self.hold(desk, day);
            self.customers.work(desk, &self.seen, day);
            agents_leave(desk, day);
        }
        self.decide(desk, day);
    }

    /// A reviewer hears what comes next, and now and then one out of turn.
    fn review(&mut self, desk: &mut Desk) {
        let hanna = person("hanna", DeskRole::Reviewer);
        for _ in 0..self.reviews_a_day {
            let skip = desk.chance(10).then_some(SkipReason::TooClose);
            let now = desk.moment();
            let Some(turn) = desk.verbs.next(&hanna, skip, now).expect("a turn") else { break };
            // One is left undecided for the day: it comes again.
            if desk.chance(12) {
                break;
            }
            self.outcome(desk, &hanna, &turn.recording);
        }
        if desk.chance(8)
            && let Some(one) = self.anything(desk)
        {
            self.outcome(desk, &hanna, &one.recording);
        }
        if desk.chance(15)
            && let Some(one) = self.anything(desk)
        {
            let now = desk.moment();
            let done = desk.verbs.review(&agent_of(&one.agent), &one.recording, &ReviewOutcome::PrivateCall, now);
            say_of(desk, now, "private-call", one.call, is_done(&done));
        }
    }

    /// Recordings whose ids are others since a restore.
    fn look_up(&mut self, renamed: &HashMap<String, String>) {
        let objections = self.objections.iter_mut().map(|one| &mut one.recording);
        let noted = self.noted.iter_mut().map(|one| &mut one.0);
        let presses = self.presses.iter_mut().map(|one| &mut one.0.recording);
        let seen = self.seen.iter_mut().map(|one| &mut one.recording);
        for id in objections.chain(noted).chain(presses).chain(seen) {
            if let Some(new) = renamed.get(id) {
                id.clone_from(new);
            }
        }
    }

    fn anything(&self, desk: &mut Desk) -> Option<Today> {
        let place = desk.rng.random_range(0..self.seen.len().max(1));
        self.seen.get(place).cloned()
    }

    fn outcome(&mut self, desk: &mut Desk, who: &Person, recording: &str) {
        let Some(call) = desk.call_of.get(recording).copied() else { return };
        let (outcome, event) = match desk.rng.random_range(0..10) {
            0..5 => (ReviewOutcome::NoFinding, "no-finding"),
            5..9 => {
                (ReviewOutcome::LearningMoment { note: "listens well".into(), at_seconds: None }, "learning-moment")
            }
            _ => (ReviewOutcome::PrivateCall, "private-call"),
        };
        let now = desk.moment();
        let done = desk.verbs.review(who, recording, &outcome, now);
        say_of(desk, now, event, call, is_done(&done));
        if let (Ok(reviewed), "learning-moment") = (done, event) {
            let read_on = desk.rng.random_range(1..20);
            self.noted.push((recording.to_owned(), call, reviewed.agent, read_on));
        }
    }

    /// Agents read what was noted about them, and some object.
    fn read_notes(&mut self, desk: &mut Desk, day: u32) {
        for noted in &mut self.noted {
            noted.3 -= 1;
        }
        let (read, wait) = std::mem::take(&mut self.noted).into_iter().partition(|noted| noted.3 == 0);
        self.noted = wait;
        let read: Vec<(String, CallId, String, u32)> = read;
        for (recording, call, agent, _) in read {
            if !desk.chance(3) {
                continue;
            }
            let now = desk.moment();
            let done = desk.verbs.reply(&agent_of(&agent), &recording, ReplyKind::Objection, "it was not so", now);
            say_of(desk, now, "note-objected", call, is_done(&done));
            let later = day + desk.rng.random_range(1..60);
            let decided_on = (!desk.chance(5)).then_some(later);
            self.objections.push(Objection { recording, call, decided_on });
        }
    }

    /// The officer decides about objections; about some nobody ever does.
    fn decide(&mut self, desk: &mut Desk, day: u32) {
        let olga = officer();
        let due: Vec<Objection> = take(&mut self.objections, |one| one.decided_on == Some(day));
        for Objection { recording, call, .. } in due {
            let upheld = desk.chance(2);
            let decision = if upheld { Decision::Upheld } else { Decision::Rejected };
            let now = desk.moment();
            let done = is_done(&desk.verbs.decide(&olga, &recording, decision, "heard it", now));
            let fields = json!({ "call": call, "done": done, "upheld": upheld });
            desk.events.say(now, "objection-decided", fields);
        }
    }

    /// Each agent's evaluation, once a quarter; one in five is never held.
    fn evaluate(&mut self, desk: &mut Desk, day: u32) {
        for number in (0..50).filter(|number| (day + number * 7).is_multiple_of(91)) {
            if desk.agents_left.contains(&number) || desk.chance(5) {
                continue;
            }
            let now = desk.moment();
            desk.verbs.evaluated(&person("hanna", DeskRole::Reviewer), &agent(number), now).expect("it is noted");
            desk.events.say(now, "evaluation-held", json!({ "agent": agent(number) }));
        }
    }

    /// Presses get a case, or are dismissed, or are forgotten; some too late.
    fn follow_presses(&mut self, desk: &mut Desk, day: u32) {
        let tom = person("tom", DeskRole::CaseHandler);
        for (press, _) in take(&mut self.presses, |press| press.1 <= day) {
            let (recording, call) = (press.recording.as_str(), press.call);
            let now = desk.moment();
            match desk.rng.random_range(0..10) {
                0..4 => self.open_case(desk, &tom, (recording, call), day),
                4 => self.open_case(desk, &agent_of(&press.agent), (recording, call), day),
                5 => {
                    let done = is_done(&desk.verbs.dismiss(&tom, recording, "by mistake", now));
                    say_of(desk, now, "dismissed", call, done);
                }
                6 => {
                    let Some(case) = self.cases.last() else { continue };
                    let done = is_done(&desk.verbs.attach(&tom, &case.id, recording, now));
                    let fields = json!({ "case": case.id, "call": call, "done": done, "deed": "case-attached" });
                    desk.events.say(now, "case-opened", fields);
                }
                _ => {}
            }
        }
    }

    fn open_case(&mut self, desk: &mut Desk, who: &Person, (recording, call): (&str, CallId), day: u32) {
        let now = desk.moment();
        let done = desk.verbs.open_case(who, recording, now);
        let fields = json!({ "case": done.as_ref().ok(), "call": call, "done": is_done(&done) });
        desk.events.say(now, "case-opened", fields);
        let Ok(id) = done else { return };
        let closes_on = match desk.rng.random_range(0..10) {
            0..6 => Some(day + desk.rng.random_range(1..60)),
            6..8 => Some(day + desk.rng.random_range(60..300)),
            8 => Some(day + 400),
            _ => None,
        };
        let is_needed = !desk.chance(4);
        self.cases.push(Case { id, closes_on, is_needed, last_needed: day, reopens_on: None });
    }

    fn follow_cases(&mut self, desk: &mut Desk, day: u32) {
        let tom = person("tom", DeskRole::CaseHandler);
        for case in &mut self.cases {
            if case.is_needed && day - case.last_needed >= 80 {
                case.last_needed = day;
                let now = desk.moment();
                let done = is_done(&desk.verbs.still_needed(&tom, &case.id, now));
                say_of_case(desk, now, "still-needed", &case.id, done, json!(null));
            }
            if case.reopens_on.is_some_and(|then| then <= day) {
                case.reopens_on = None;
                let now = desk.moment();
                let done = is_done(&desk.verbs.reopen_case(&tom, &case.id, now));
                say_of_case(desk, now, "case-reopened", &case.id, done, json!(null));
                case.closes_on = Some(day + desk.rng.random_range(1..30));
            }
            if case.closes_on.is_some_and(|then| then <= day) {
                let now = desk.moment();
                let judged = judgment(desk, now);
                let done = is_done(&desk.verbs.close_case(&tom, &case.id, "settled", judged, now));
                say_of_case(desk, now, "case-closed", &case.id, done, json!(judged));
                case.closes_on = None;
                // Some in time, some too late.
                case.reopens_on = desk.chance(4).then(|| day + desk.rng.random_range(1..6));
            }
        }
        self.cases.retain(|case| case.closes_on.is_some() || case.reopens_on.is_some() || case.is_needed);
    }

    /// Holds are set on anything, also on what is about to go, or is gone; they last for days or months.
    fn hold(&mut self, desk: &mut Desk, day: u32) {
        let olga = officer();
        // What a restore has put on hold is looked at, some of it late.
        for id in std::mem::take(&mut desk.held_again) {
            let later = day + desk.rng.random_range(1..25);
            self.holds.push(Hold { id, released_on: Some(later) });
        }
        for hold in take(&mut self.holds, |hold| hold.released_on.is_some_and(|then| then <= day)) {
            let now = desk.moment();
            let done = is_done(&desk.verbs.release(&olga, &hold.id, "it is over", now));
            desk.events.say(now, "hold-released", json!({ "hold": hold.id, "done": done }));
        }
        if !desk.chance(2) {
            return;
        }
        let Some(one) = self.anything(desk) else { return };
        let now = desk.moment();
        let review_on: Date = day_of(now).saturating_add(90.days());
        let new = NewHold { reason: "a claim".into(), owner: "olga".into(), until: "it is settled".into(), review_on };
        let done = desk.verbs.hold(&olga, &one.recording, &new, now);
        let fields = json!({ "hold": done.as_ref().ok(), "call": one.call, "done": is_done(&done) });
        desk.events.say(now, "hold-set", fields);
        if let Ok(id) = done {
            let later = day + desk.rng.random_range(1..120);
            let released_on = (!desk.chance(6)).then_some(later);
            self.holds.push(Hold { id, released_on });
        }
    }
}

/// Takes out of a list what fits.
fn take<T>(list: &mut Vec<T>, fits: impl Fn(&T) -> bool) -> Vec<T> {
    let (taken, left) = std::mem::take(list).into_iter().partition(|one| fits(one));
    *list = left;
    taken
}

fn say_of(desk: &mut Desk, at: Timestamp, event: &str, call: CallId, done: bool) {
    desk.events.say(at, event, json!({ "call": call, "done": done }));
}

fn say_of_case(desk: &mut Desk, at: Timestamp, event: &str, case: &str, done: bool, judged: Value) {
    desk.events.say(at, event, json!({ "case": case, "done": done, "judged": judged }));
}

/// One closing in five follows a judgment of the last weeks.
fn judgment(desk: &mut Desk, now: Timestamp) -> Option<Date> {
    let days = i64::from(desk.rng.random_range(0..40));
    desk.chance(5).then(|| day_of(now).saturating_sub(days.days()))
}

/// Every three months the desk keeps something for shorter, and later for longer again.
fn change_policy(desk: &mut Desk, day: u32) {
    for (on, period, length) in [
        (20, Period::QualityUnheard, 10),
        (45, Period::CaseClosed, 48),
        (60, Period::QualityUnheard, 14),
        (75, Period::IncidentWorking, 5),
        (100, Period::QualityDispute, 7),
        (150, Period::QualityMax, 4),
        (200, Period::IncidentWorking, 7),
        (230, Period::StillNeeded, 60),
        (260, Period::QualityMax, 6),
        (300, Period::CaseClosed, 72),
    ] {
        if day == on {
            desk.change_period(period, length);
        }
    }
}

/// Some agents leave; their recordings serve no evaluation any more.
fn agents_leave(desk: &mut Desk, day: u32) {
    let leaving: BTreeSet<u32> = [(31, 7), (88, 8), (122, 9), (205, 33), (290, 41)]
        .into_iter()
        .filter(|(on, who)| day >= *on && !desk.agents_left.contains(who))
        .map(|(_, who)| who)
        .collect();
    for who in leaving {
        let now = desk.moment();
        desk.verbs.agent_left(&person("hanna", DeskRole::Reviewer), &agent(who), now).expect("it is noted");
        desk.events.say(now, "agent-left", json!({ "agent": agent(who) }));
        desk.agents_left.insert(who);
    }
}
