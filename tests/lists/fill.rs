//! Records of any size: what a desk has after two months, through the engine's own book; what people decided since is written beside it.

use std::{collections::BTreeSet, path::Path, sync::Arc, thread, time::Duration};

use jiff::{SignedDuration, Timestamp, ToSpan as _};
use retrocall_records::{
    desk::{Accounts as _, DeskRole, HomeDesk, Logins as _, NewToken, Person, User},
    open,
};
use retrocall_words::{
    Call, CallId, Clock, Country, Facts, Label, Reason, SystemClock, TestClock,
    audio::Rate,
    book::{
        Book, CallBegun, CallEnded, Marks, Note, Outcome, Part, Participant, RecordedCall, RecordingKept,
        RecordingState, day_of,
    },
};
use tempfile::TempDir;

/// Agents of the desk.
pub const AGENTS: u64 = 50;
/// Days over which the calls are spread, up to yesterday.
const DAYS: u64 = 60;
/// Of so many calls one is kept no longer, or never was.
const NOT_KEPT_ONE_IN: u64 = 2;
const LONG: Duration = Duration::from_secs(60);

/// What the lists must have, as one asks who knows none of retrocall's questions.
pub const MINE: &str = "SELECT DISTINCT id FROM recordings JOIN participants ON participants.recording = recordings.id
                        WHERE participants.agent = 'agent-07'";
pub const CASES: &str = "SELECT id FROM cases";
pub const REQUESTS: &str = "SELECT id FROM requests";

/// What people decided since: cases, requests, who listened, notes, proposals.
const DECIDED: [&str; 11] = [
    "INSERT INTO cases (id, opened_by, opened_at, needed_at, closed_by, closed_at, outcome)
     SELECT id, 'tom', ends_at, ends_at, CASE WHEN rowid % 4 <> 0 THEN 'tom' END, CASE WHEN rowid % 4 <> 0 THEN ends_at END,
            CASE WHEN rowid % 4 <> 0 THEN 'Settled' END
     FROM recordings WHERE reasons = 'on-demand' AND rowid % 7 = 0",
    "INSERT INTO case_recordings (case_id, recording, attached_by, attached_at) SELECT id, id, 'tom', opened_at FROM cases",
    "INSERT INTO purposes (recording, purpose, about, basis) SELECT id, 'incident', id, 'performance of the contract' FROM cases",
    "INSERT INTO anchors (recording, purpose, about, place, anchor, at) SELECT id, 'incident', id, 1, 'case-opened', opened_at FROM cases",
    "INSERT INTO anchors (recording, purpose, about, place, anchor, at)
     SELECT id, 'incident', id, 2, 'case-closed', closed_at FROM cases WHERE closed_at IS NOT NULL",
    "INSERT INTO requests (id, kind, customer, received_on, entered_by, entered_at, outcome, answered_by, answered_at)
     SELECT id, CASE WHEN rowid % 3 = 0 THEN 'erasure' ELSE 'access' END, CASE WHEN rowid % 10 = 0 THEN '+31201234567' ELSE '' END,
            substr(began_at, 1, 10), 'olga', ends_at, CASE WHEN rowid % 10 <> 0 THEN 'granted' END, CASE WHEN rowid % 10 <> 0 THEN 'olga' END,
            CASE WHEN rowid % 10 <> 0 THEN ends_at END
     FROM recordings WHERE rowid % 61 = 0",
    "INSERT INTO request_recordings (request, recording, state)
     SELECT requests.id, other.id, CASE WHEN answered_at IS NULL THEN 'candidate' ELSE 'confirmed' END
     FROM requests JOIN recordings AS asked ON asked.id = requests.id
     JOIN recordings AS other ON other.rowid BETWEEN asked.rowid AND asked.rowid + 2",
    "INSERT INTO uses (id, recording, by_whom, kind, why, at)
     SELECT 'u-' || id, id, 'hanna', 'play', 'to listen', ends_at FROM recordings WHERE rowid % 2 = 0",
    "INSERT INTO notes (id, recording, purpose, author, text, written_at)
     SELECT 'n-' || id, id, 'quality', 'hanna', 'Asks twice, and listens', ends_at FROM recordings WHERE reasons = 'sample' AND rowid % 3 = 0",
    "INSERT INTO proposals (id, recording, purpose, reason, basis, review_on, proposed_by, proposed_at, refused_at)
     SELECT 'p-' || id, id, 'insurance-claim', 'Claim 4711', 'legitimate interest', '2099-01-01', 'tom', ends_at,
            CASE WHEN rowid % 20 <> 0 THEN ends_at END
     FROM recordings WHERE reasons = 'on-demand' AND rowid % 31 = 0",
    "INSERT INTO holds (id, recording, reason, owner, until_event, review_on, set_by, set_at)
     SELECT 'h-' || id, id, 'Claim 4711', 'olga', 'The court has judged', '2099-01-01', 'olga', ends_at FROM recordings WHERE rowid % 997 = 0",
];

pub fn agent(number: u64) -> String {
    format!("agent-{number:02}")
}

/// What a browser of theirs holds.
pub fn secret(name: &str) -> String {
    let text: String = name.bytes().map(|byte| format!("{byte:02x}")).collect();
    format!("{text:0<64}")
}

/// What a program of theirs shows.
pub fn token(name: &str) -> String {
    secret(name).replace("00", "ff")
}

/// A home with so many recordings.
pub struct Filled {
    home: TempDir,
    pub recordings: u64,
    now: Timestamp,
}

impl Filled {
    pub fn with(recordings: u64) -> Filled {
        let filled = Filled { home: TempDir::new().expect("a folder"), recordings, now: SystemClock.wall() };
        filled.calls();
        filled.accounts();
        for sql in DECIDED {
            filled.execute(sql);
        }
        filled
    }

    pub fn home(&self) -> &Path {
        self.home.path()
    }

    /// A time in the middle of all.
    pub fn middle(&self) -> Timestamp {
        self.now - SignedDuration::from_hours(12 * DAYS as i64)
    }

    /// A day by which requests in the middle of all were to be answered.
    pub fn middle_day(&self) -> jiff::civil::Date {
        day_of(self.middle()).saturating_add(1.month())
    }

    fn calls(&self) {
        let first = self.now - SignedDuration::from_hours(24 * (DAYS as i64 + 1));
        let clock = Arc::new(TestClock::at(first));
        let opened = open(self.home(), Arc::clone(&clock) as Arc<dyn Clock>, Country::default(), 0);
        let write = opened.write;
        let thread = thread::spawn(write);
        opened.book.left_behind(Some(LONG)).expect("the records open");
        let a_day = (self.recordings * NOT_KEPT_ONE_IN).div_ceil(DAYS);
        let mut kept = 0;
        for day in 0..DAYS {
            for number in 0..a_day {
                let at = clock.wall() + SignedDuration::from_millis((number * 20_000_000 / a_day) as i64);
                let is_kept = number % NOT_KEPT_ONE_IN == 0 && kept < self.recordings;
                call(&*opened.book, day * a_day + number, at, is_kept.then_some(kept));
                kept += u64::from(is_kept);
                if number % 500 == 0 {
                    flush(&*opened.book);
                }
            }
            flush(&*opened.book);
            clock.pass(Duration::from_secs(86_400));
            opened.book.look();
        }
        assert_eq!(kept, self.recordings);
        drop(opened.book);
        thread.join().expect("it ends");
    }

    fn accounts(&self) {
        let (desk, owner) = (HomeDesk::of(self.home()).kept_ready(), Person::owner("root"));
        let people = [
            ("tom", DeskRole::CaseHandler),
            ("olga", DeskRole::PrivacyOfficer),
            ("hanna", DeskRole::Reviewer),
            ("cora", DeskRole::Council),
        ];
        let people = people.map(|(name, role)| (name.to_owned(), role, None)).into_iter();
        let agents = (0..AGENTS).map(|number| (agent(number), DeskRole::Agent, Some(agent(number))));
        for (name, role, agent) in people.chain(agents) {
            let user = User { name: name.clone(), roles: [role].into(), agent, since: self.now };
            desk.add_user(&owner, &user).expect("an account");
            // No password has it: sessions are begun as a right one begins them.
            desk.set_password(&owner, &name, "no hash", self.now).expect("a password");
            assert!(desk.log_in(&name, "no hash", &secret(&name), self.now).expect("a session"));
            let new = NewToken { name: name.clone(), role, secret: token(&name) };
            desk.add_token(&owner, &new, self.now).expect("a token");
        }
    }

    fn catalog(&self) -> rusqlite::Connection {
        rusqlite::Connection::open(self.home().join("catalog.sqlite")).expect("a catalog")
    }

    fn execute(&self, sql: &'static str) {
        self.catalog().execute_batch(sql).expect(sql);
    }

    /// What one question gives.
    pub fn ids(&self, sql: &'static str) -> BTreeSet<String> {
        let catalog = self.catalog();
        let mut select = catalog.prepare(sql).expect("a question");
        let found = select.query_map([], |row| row.get(0)).expect("an answer");
        found.collect::<Result<_, _>>().expect("an answer")
    }
}

fn flush(book: &dyn Book) {
    while book.health().notes_waiting > 0 {
        assert_eq!(book.health().trouble, None);
        thread::sleep(Duration::from_micros(200));
    }
}

/// The notes of one call. Of what is kept two in five were pressed, and one in eleven was transferred.
fn call(book: &dyn Book, number: u64, began_at: Timestamp, kept: Option<u64>) {
    let whose = kept.map_or(number, |kept| kept / 3);
    let (id, agents) = (CallId::new(), [agent(whose % AGENTS), agent((whose + 1) % AGENTS)]);
    let call = Call { id, facts: Facts::of(agents[0].clone()), rate: Rate::new(8_000).expect("a rate"), began_at };
    let place = book.reserve(day_of(began_at));
    book.note(Note::Begun(CallBegun { call: call.clone(), day: place.day, sequence: place.sequence, exempt: false }));
    let reasons = match kept {
        None => Vec::new(),
        Some(number) if number % 5 < 2 => vec![Reason::OnDemand],
        Some(_) => vec![Reason::Sample],
    };
    let ends_at = began_at + SignedDuration::from_secs(90);
    book.note(Note::Ended(CallEnded {
        ended_at: Some(ends_at),
        seconds: Some(90.0),
        cut_off: false,
        reasons: reasons.clone(),
        ..CallEnded::unseen(id, if kept.is_some() { Outcome::Kept } else { Outcome::Discarded })
    }));
    let Some(kept) = kept else { return };
    let part =
        |agent: &String, from_seconds, to_seconds| Participant { agent: agent.clone(), from_seconds, to_seconds };
    let participants = match kept % 11 {
        0 => vec![part(&agents[0], 0.0, 30.0), part(&agents[1], 30.0, 90.0)],
        _ => vec![part(&agents[0], 0.0, 90.0)],
    };
    let path = format!("recordings/{}/{id}.wav", day_of(began_at).strftime("%Y/%m/%d")).into();
    book.note(Note::Kept(Box::new(RecordingKept {
        of: RecordedCall { label: Label { call, reasons, place: None }, customer: None },
        seconds: 90.0,
        first_seconds: 0.0,
        parts: vec![Part { path, bytes: 10, seconds: 90.0 }],
        participants,
        marks: Marks::default(),
        has_keys: true,
        state: RecordingState::Complete,
        ends_at,
        committed_at: ends_at,
    })));
}
