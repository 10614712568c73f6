//! A home whose first day is over: some calls are in the sample, one was pressed, and everybody has a password.

use std::{
    fs,
    path::Path,
    sync::{Arc, LazyLock},
    thread,
    time::Duration,
};

use jiff::{SignedDuration, Timestamp};
use retrocall_papers::Controller;
use retrocall_records::desk::{
    Accounts as _, Desk as _, DeskRole, Filter, HomeDesk, Logins as _, Person, Queue as _, SessionLimits, User,
};
use retrocall_words::{
    Call, CallId, Clock as _, Country, Facts, Label, Practice, Reason, TestClock,
    audio::Rate,
    book::{
        CallBegun, CallEnded, Marks, Note, Number, OpenBook, Origins, Outcome, Part, Participant, RecordedCall,
        RecordingKept, RecordingState, day_of,
    },
    retention::{Calendar, Periods},
};
use tempfile::TempDir;

use crate::{
    pages::{Pages, Rules, Shared},
    password,
};

/// Everybody's.
pub const PASSWORD: &str = "a few words that fit";
/// Sampled calls, the first one pressed as well.
const SAMPLED: usize = 3;
/// Samples of each leg of a recording: a second.
const SAMPLES: usize = 8_000;
/// The engine's socket in a home.
pub const SOCKET: &str = "engine.sock";
/// Far longer than anything takes.
const LONG: Duration = Duration::from_secs(60);

/// Who there is, by role, and one agent who had no part in any call.
pub const PEOPLE: [(&str, Option<DeskRole>); 8] = [
    ("nobody", None),
    ("anna", Some(DeskRole::Agent)),
    ("carla", Some(DeskRole::Agent)),
    ("hanna", Some(DeskRole::Reviewer)),
    ("tom", Some(DeskRole::CaseHandler)),
    ("olga", Some(DeskRole::PrivacyOfficer)),
    ("ada", Some(DeskRole::Administrator)),
    ("cora", Some(DeskRole::Council)),
];

/// A home of a test's own.
pub struct Home {
    folder: TempDir,
    pub desk: HomeDesk,
    pub clock: Arc<TestClock>,
    pub pages: Shared,
}

/// The first morning after the day on which the calls were.
fn morning() -> Timestamp {
    "2026-11-30T08:00:00Z".parse().expect("a time")
}

/// A WAV file with a label that names the agent, as the engine's have one. Its samples count up.
fn write_wav(path: &Path) {
    let data: Vec<u8> = (0..SAMPLES).flat_map(|at| [(at % 256) as u8, 1, (at % 251) as u8, 2]).collect();
    let mut bytes = b"RIFF".to_vec();
    bytes.extend((data.len() as u32 + 54).to_le_bytes());
    bytes.extend(b"WAVEfmt \x10\0\0\0\x01\0\x02\0\x40\x1f\0\0\0\x7d\0\0\x04\0\x10\0LIST\x0a\0\0\0anna +3120data");
    bytes.extend((data.len() as u32).to_le_bytes());
    bytes.extend(data);
    fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
    fs::write(path, bytes).expect("a file");
}

fn call(id: CallId, began_at: Timestamp) -> Call {
    Call { id, facts: Facts::of("anna"), rate: Rate::new(8_000).expect("a rate"), began_at }
}

fn ended(call: CallId, at: Timestamp, reasons: &[Reason]) -> Note {
    Note::Ended(CallEnded {
        call,
        ended_at: Some(at + SignedDuration::from_secs(1)),
        seconds: Some(1.0),
        outcome: if reasons.is_empty() { Outcome::Discarded } else { Outcome::Kept },
        cut_off: false,
        reasons: reasons.to_vec(),
        private: false,
        objected: reasons == [Reason::OnDemand],
        origins: Origins::default(),
        mask_seconds: 0.0,
        gaps: 0,
        gap_seconds: 0.0,
        late_frames: 0,
        lost_frames: 0,
    })
}

fn kept(id: CallId, at: Timestamp, reasons: &[Reason], file: &str) -> Note {
    Note::Kept(Box::new(RecordingKept {
        of: RecordedCall {
            label: Label { call: call(id, at), reasons: reasons.to_vec(), place: None },
            customer: None,
        },
        seconds: 1.0,
        first_seconds: 0.0,
        parts: vec![Part { path: file.into(), bytes: SAMPLES as u64 * 4 + 62, seconds: 1.0 }],
        participants: vec![Participant { agent: "anna".into(), from_seconds: 0.0, to_seconds: 1.0 }],
        marks: Marks { record: vec![(0.5, "anna".into())], ..Marks::default() },
        has_keys: false,
        state: RecordingState::Complete,
        committed_at: at + SignedDuration::from_secs(2),
        ends_at: at + SignedDuration::from_secs(1),
    }))
}

/// Made once: every test gets a copy.
static TEMPLATE: LazyLock<TempDir> = LazyLock::new(|| {
    let home = TempDir::new().expect("a folder");
    let clock = Arc::new(TestClock::at("2026-11-28T12:00:00Z".parse().expect("a time")));
    let OpenBook { book, write, .. } =
        retrocall_records::open(home.path(), Arc::clone(&clock) as _, Country::default(), 1);
    let writes = thread::spawn(write);
    book.left_behind(Some(LONG)).expect("it opens");
    let (at, day) = (clock.wall(), day_of(clock.wall()));
    for number in 0..=SAMPLED {
        let reasons: &[Reason] = match number {
            0 => &[Reason::OnDemand],
            1 => &[Reason::OnDemand, Reason::Sample],
            _ => &[Reason::Sample],
        };
        let id = CallId::new();
        let file = format!("recordings/2026/11/28/{id}.wav");
        write_wav(&home.path().join(&file));
        let mut place = book.reserve(day);
        wait_until(|| {
            if place.sequence.is_none() {
                place = book.reserve(day);
            }
            place.sequence.is_some()
        });
        let Number { day, sequence } = place;
        book.note(Note::Begun(CallBegun { call: call(id, at), day, sequence, exempt: false }));
        book.note(ended(id, at, reasons));
        book.note(kept(id, at, reasons, &file));
    }
    clock.pass(Duration::from_secs(86_400));
    let desk = HomeDesk::of(home.path());
    let hanna = Person { roles: [DeskRole::Reviewer].into(), ..Person::owner("hanna") };
    // The first call of the next day ends this one; then its seed is published, and what was drawn can be heard.
    wait_until(|| {
        book.look();
        let id = CallId::new();
        let Number { day: of, sequence } = book.reserve(day_of(clock.wall()));
        book.note(Note::Begun(CallBegun { call: call(id, at), day: of, sequence, exempt: false }));
        book.note(ended(id, at, &[]));
        clock.pass(Duration::from_secs(11));
        desk.queue(&hanna, None, clock.wall()).is_ok_and(|queue| queue.waiting == SAMPLED as u64)
    });
    assert!(book.close(LONG), "{:?}", book.health());
    drop(book);
    writes.join().expect("it ends");
    let hash = password::hash(PASSWORD).expect("a hash");
    for (name, role) in PEOPLE {
        let Some(role) = role else { continue };
        let agent = (role == DeskRole::Agent).then(|| name.to_owned());
        let user = User { name: name.to_owned(), roles: [role].into(), agent, since: morning() };
        desk.add_user(&Person::owner("root"), &user).expect("added");
        desk.set_password(&Person::owner("root"), name, &hash, morning()).expect("set");
    }
    home
});

/// Waits for what tells nobody that it came.
pub fn wait_until(mut is_so: impl FnMut() -> bool) {
    let deadline = retrocall_words::SystemClock.now() + LONG;
    while !is_so() {
        assert!(retrocall_words::SystemClock.now() < deadline, "it never came");
        thread::sleep(Duration::from_millis(2));
    }
}

fn copy(from: &Path, to: &Path) {
    for entry in fs::read_dir(from).expect("a folder") {
        let entry = entry.expect("an entry");
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            fs::create_dir(&target).expect("a folder");
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), &target).expect("a copy");
        }
    }
}

/// What the desk goes by in tests.
pub fn rules() -> Rules {
    Rules {
        retention: Periods::default(),
        calendar: Calendar::default(),
        practice: Practice { one_in: 10, review_per_week: Some(1), ..Practice::default() },
        country: Country::default(),
        controller: Controller { name: Some("The desk".into()), ..Controller::default() },
        sessions: SessionLimits { idle: SignedDuration::from_mins(30), total: SignedDuration::from_hours(12) },
    }
}

impl Home {
    pub fn new() -> Home {
        let folder = TempDir::new().expect("a folder");
        copy(TEMPLATE.path(), folder.path());
        Home::of(folder)
    }

    fn of(folder: TempDir) -> Home {
        let clock = Arc::new(TestClock::at(morning()));
        let pages = Pages::new(
            (folder.path(), &folder.path().join(SOCKET), HomeDesk::of(folder.path()).kept_ready()),
            (None, None),
            rules(),
            Arc::clone(&clock) as _,
            false,
            Vec::new(),
        );
        Home { desk: HomeDesk::of(folder.path()), clock, pages: Arc::new(pages), folder }
    }

    /// The same once more, as it is now.
    pub fn copy(&self) -> Home {
        let folder = TempDir::new().expect("a folder");
        copy(self.path(), folder.path());
        Home::of(folder)
    }

    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    pub fn socket(&self) -> std::path::PathBuf {
        self.path().join(SOCKET)
    }

    pub fn owner() -> Person {
        Person::owner("root")
    }

    /// A recording with just these reasons.
    pub fn recording(&self, reasons: &[Reason]) -> String {
        let page = self.desk.list(&Home::owner(), &Filter::default(), None).expect("a list");
        let found = page.recordings.into_iter().find(|one| one.reasons == reasons);
        found.expect("there is one").id
    }

    /// One that was pressed, and not sampled.
    pub fn pressed(&self) -> String {
        self.recording(&[Reason::OnDemand])
    }

    /// One that was sampled, and not pressed.
    pub fn sampled(&self) -> String {
        self.recording(&[Reason::Sample])
    }
}
