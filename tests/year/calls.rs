//! The calls of the simulated desk, as the engine tells the records of them.

use std::{fs, path::PathBuf, time::Duration};

use jiff::{SignedDuration, Timestamp};
use rand::RngExt as _;
use retrocall_records::desk::{Desk as _, Filter, RecordingEntry};
use retrocall_words::{
    Call, CallId, Customer, Facts, Label, Reason,
    audio::Rate,
    book::{
        CallBegun, CallEnded, Marks, Note, Origins, Outcome, Part, Participant, RecordedCall, RecordingBegun,
        RecordingKept, RecordingState, day_of,
    },
};
use serde_json::json;

use crate::desk::{AGENTS, Desk, agent};

/// How many notes are handed in before the records are waited for: numbers are reserved ahead of need, but not for a whole day.
const AT_ONCE: u32 = 200;

/// What the desk knows of a kept call besides the records: what its file says, and who the customer is, which that does not say.
#[derive(Clone)]
pub struct Kept {
    pub label: Label,
    seconds: i64,
    participants: Vec<Participant>,
    pub customer: Option<u32>,
    /// As the telephone system spelled it.
    number: Option<Customer>,
}

/// How a list of events names a customer.
pub fn name_of(customer: u32) -> String {
    format!("customer-{customer}")
}

/// A recording of today.
#[derive(Clone)]
pub struct Today {
    pub recording: String,
    pub call: CallId,
    pub agent: String,
    pub is_pressed: bool,
}

impl Kept {
    pub fn ends_at(&self) -> Timestamp {
        self.label.call.began_at + SignedDuration::from_secs(self.seconds)
    }
}

impl Desk {
    /// Whoever calls: each customer some ten times a year.
    pub fn any_customer(&mut self) -> u32 {
        self.rng.random_range(0..self.calls * 20)
    }

    /// The number of a customer, in one of its spellings.
    pub fn number_of(&mut self, customer: u32) -> Customer {
        let number = 10_000_000 + customer;
        let spelled = match self.rng.random_range(0..4) {
            0 => format!("+316{number}"),
            1 => format!("00316{number}"),
            2 => format!("06-{number}"),
            _ => format!("06 {} {:04}", number / 10_000, number % 10_000),
        };
        Customer::from(spelled)
    }

    /// The calls of a day, told once they have ended: some are live when the engine is killed.
    pub fn calls_of_day(&mut self) {
        let calls = match (self.is_working_day(), self.calls) {
            (true, calls) => calls,
            // A few are on duty.
            (false, calls) => calls / 20,
        };
        let began = self.now();
        self.clock.pass(Duration::from_secs(9 * 3600));
        for number in 0..calls {
            let began_at = began + SignedDuration::from_secs(i64::from(number) * 8 * 3600 / i64::from(calls));
            self.call(began_at);
            if number % AT_ONCE == AT_ONCE - 1 {
                self.engine().flush();
            }
        }
        self.engine().flush();
        if let Some(centre) = &self.centre {
            centre.take_calls(&self.path(), began);
        }
        self.learn_ids(began);
        if let Some(centre) = &self.centre {
            for kept in self.today.iter().map(|one| &self.kept[&one.call]) {
                centre.join(kept.label.call.id, (kept.label.call.began_at, kept.ends_at()));
            }
        }
    }

    fn call(&mut self, began_at: Timestamp) {
        let mut who = self.rng.random_range(0..AGENTS);
        while self.agents_left.contains(&who) {
            who = self.rng.random_range(0..AGENTS);
        }
        // One in ten hides the number.
        let customer = (!self.chance(10)).then(|| self.any_customer());
        let spelled = customer.map(|customer| self.number_of(customer));
        let objects = spelled.as_ref().is_some_and(|number| self.engine().book.objects(number));
        let (seconds, id) = (self.rng.random_range(40..1_500), CallId::new());
        let call = Call { id, facts: Facts::of(agent(who)), rate: Rate::new(8_000).expect("a rate"), began_at };
        let number = self.engine().book.reserve(day_of(self.now()));
        let begun = CallBegun { call: call.clone(), day: number.day, sequence: number.sequence, exempt: false };
        self.engine().book.note(Note::Begun(begun));
        let is_drawn = number.sequence.is_some_and(|sequence| self.engine().draw.draw(number.day, sequence));
        let objected = self.chance(50) || objects;
        let is_private = !objected && self.chance(100);
        let is_pressed = !is_private && self.chance(30);
        // Requests by calls and remembered objections are the engine's, which writes to its home alone.
        let wants_copy = self.chance((self.calls / 4).max(80)) && !is_private && self.centre.is_none();
        let mut reasons = Vec::new();
        reasons.extend(is_pressed.then_some(Reason::OnDemand));
        reasons.extend(wants_copy.then_some(Reason::Copy));
        reasons.extend((is_drawn && !objected && !is_private).then_some(Reason::Sample));
        let is_kept = !reasons.is_empty();
        self.engine().book.note(Note::Ended(CallEnded {
            ended_at: Some(began_at + SignedDuration::from_secs(seconds)),
            seconds: Some(seconds as f64),
            cut_off: false,
            reasons: reasons.clone(),
            private: is_private,
            objected,
            origins: Origins::default(),
            ..CallEnded::unseen(id, if is_kept { Outcome::Kept } else { Outcome::Discarded })
        }));
        if is_kept {
            let mut participants =
                vec![Participant { agent: agent(who), from_seconds: 0.0, to_seconds: seconds as f64 }];
            if self.chance(10) {
                let other = Participant { agent: agent((who + 1) % AGENTS), ..participants[0].clone() };
                participants.push(Participant { from_seconds: 30.0, ..other });
            }
            let label = Label { call, reasons, place: None };
            self.say_kept(&Kept { label, seconds, participants, customer, number: spelled }, objects);
        }
    }

    /// A call is kept, of which the engine knew whether its customer objects.
    fn say_kept(&mut self, kept: &Kept, objects: bool) {
        let Label { call, reasons, .. } = &kept.label;
        let agents: Vec<&str> = kept.participants.iter().map(|one| one.agent.as_str()).collect();
        let reasons: Vec<&str> = reasons.iter().map(|reason| reason.as_str()).collect();
        let fields = json!({
            "call": call.id, "began": call.began_at.as_second(), "ended": kept.ends_at().as_second(), "agents": agents, "reasons": reasons,
            "customer": kept.customer.map(name_of), "objects": objects,
        });
        self.events.say(self.now(), "kept", fields);
        self.keep(kept.clone(), true);
    }

    /// A recording is durable: its file is there, and the records are told.
    pub fn keep(&mut self, kept: Kept, is_new: bool) {
        let call = kept.label.call.id;
        let (path, bytes) = (self.file_of(&kept), format!("audio of {call}"));
        if is_new {
            fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
            fs::write(&path, &bytes).expect("a file");
        }
        let ends_at = kept.ends_at();
        // What is registered from its file alone has no number.
        let of = RecordedCall { label: kept.label.clone(), customer: kept.number.clone().filter(|_| is_new) };
        if is_new {
            self.engine().book.note(Note::Selected(RecordingBegun { of: of.clone(), path: path.clone() }));
        }
        let agent = &kept.label.call.facts.agent;
        let record = kept.label.reasons.contains(&Reason::OnDemand).then(|| (12.0, agent.clone()));
        self.engine().book.note(Note::Kept(Box::new(RecordingKept {
            of,
            seconds: kept.seconds as f64,
            first_seconds: 0.0,
            parts: vec![Part { path, bytes: bytes.len() as u64, seconds: kept.seconds as f64 }],
            participants: kept.participants.clone(),
            marks: Marks { record: record.into_iter().collect(), ..Marks::default() },
            has_keys: is_new,
            state: RecordingState::Complete,
            ends_at,
            committed_at: ends_at,
        })));
        self.kept.insert(call, kept);
    }

    fn file_of(&self, kept: &Kept) -> PathBuf {
        let day = day_of(kept.label.call.began_at).strftime("%Y/%m/%d").to_string();
        self.path().join("recordings").join(day).join(format!("{}.wav", kept.label.call.id))
    }

    /// Reads the ids of the recordings whose calls began since.
    fn learn_ids(&mut self, since: Timestamp) {
        let filter = Filter { from: Some(since), ..Filter::default() };
        self.today.clear();
        for entry in self.list(&filter) {
            self.call_of.insert(entry.id.clone(), entry.call);
            let is_pressed = entry.reasons.contains(&Reason::OnDemand);
            self.today.push(Today { recording: entry.id, call: entry.call, agent: entry.agent, is_pressed });
        }
    }

    pub fn list(&self, filter: &Filter) -> Vec<RecordingEntry> {
        let (mut all, mut after) = (Vec::new(), None);
        loop {
            let page = self.verbs.list(&Desk::owner(), filter, after.as_ref()).expect("a list");
            all.extend(page.recordings);
            after = page.next;
            if after.is_none() {
                return all;
            }
        }
    }
}
