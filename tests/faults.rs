//! What is left when an engine is killed, stopped, or loses its disk or its catalog in the middle of calls: the real program, real
//! signals, a real small file system, a really locked database.

mod desk;
mod rig;

use std::{
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use nix::sys::signal::Signal;
use rand::{RngExt, rngs::StdRng};
use retrocall::{
    audio::{FRAME_SAMPLES_MAX, Leg},
    catalog::Outcome,
    client::{Client, ClientError},
    protocol::{Ask, CallId, EndedBy, Event, Reason, Refusal, Request, Status, Target, Verdict},
};
use serde_json::Value;
use sqlx::{
    Connection, SqliteConnection,
    sqlite::{SqliteConnectOptions, SqliteLockingMode},
};

use desk::{Desk, Home, Line, PATIENCE, Sound, wait_for};
use rig::{RealTime, SmallDisk, Traces, head_of};

const TICK: Duration = Duration::from_millis(20);

/// The row of a call in `retrocall recordings --json`.
fn row(home: &Home, call: CallId) -> Option<Value> {
    home.recordings().into_iter().find(|row| row["call"] == call.to_string())
}

/// The row of a call once it says that state.
fn row_when(home: &Home, call: CallId, state: &str) -> Value {
    wait_for("the recording's row", || row(home, call).filter(|row| row["state"] == state))
}

fn path_in(row: &Value) -> PathBuf {
    row["path"].as_str().expect("a path").into()
}

fn status(client: &mut Client) -> Status {
    let answer = client.ask(Request::new(Target::Own, Ask::Status)).expect("an answer");
    answer.status.unwrap_or_else(|| panic!("{:?}", answer.text))
}

/// Waits for an event of a connection.
#[track_caller]
fn hear(client: &mut Client, what: &str, is_it: impl Fn(&Event) -> bool) -> Event {
    wait_for(what, || client.next_event(PATIENCE).expect("a connection").filter(|event| is_it(event)))
}

/// A call of noise, and how far it was spoken.
struct Talk {
    line: Line,
    sound: Sound,
    spoken: usize,
}

impl Talk {
    fn begin(desk: &Desk, agent: &str, rate: u32, seconds: usize, seed: u64) -> Talk {
        let sound = Sound::noise(rate, seconds * rate as usize, seed);
        Talk { line: Line::begin(desk, agent, rate), sound, spoken: 0 }
    }

    /// Speaks so much, as fast as it goes.
    fn speak(&mut self, seconds: f64) {
        let to = self.spoken + (seconds * f64::from(self.sound.rate)) as usize;
        self.line.talk(&self.sound, self.spoken, to);
        self.spoken = to;
    }

    fn has_said(&self) -> Sound {
        head_of(&self.sound, self.spoken)
    }

    fn call(&self) -> CallId {
        self.line.call
    }
}

#[test]
fn a_killed_engine_has_every_pressed_call_up_to_a_second_before_and_nothing_of_the_others() {
    let (seed, mut random) = rig::random("killed");
    let mut home = Home::new();
    // A drawn call is written at hangup and no sooner: killed before that, it is as lost as the others.
    for (round, one_in) in ["0", "1"].into_iter().enumerate() {
        home = kill_and_recover(home, one_in, seed.wrapping_add(100 * round as u64), &mut random);
    }
    // Once told, once recovered: the next start finds nothing.
    let told = home.log().len();
    let log = home.start(&["--one-in", "0"]).stop().log();
    assert!(!log[told..].contains("was live when") && !log[told..].contains("was being recorded"), "{}", &log[told..]);
}

fn kill_and_recover(home: Home, one_in: &str, seed: u64, random: &mut StdRng) -> Home {
    let desk = home.start(&["--one-in", one_in, "--memory", "16MiB"]);
    let kill_at = random.random_range(2.2..3.2);
    let rates = [8_000, 48_000, 16_000, 8_000, 8_000, 8_000, 16_000];
    // Four are pressed more than a second before the kill, one in the last moment, two never.
    let presses: Vec<f64> = (0..rates.len())
        .map(|call| match call {
            0..4 => random.random_range(0.0..kill_at - 1.0),
            4 => kill_at,
            _ => f64::INFINITY,
        })
        .collect();
    let mut calls: Vec<Talk> = (0..rates.len())
        .map(|call| Talk::begin(&desk, &format!("agent-{call}"), rates[call], 4, seed + call as u64))
        .collect();
    let mut pressed = vec![false; calls.len()];
    let clock = RealTime::begin();
    for tick in 1.. {
        let now = f64::from(tick) * TICK.as_secs_f64();
        clock.wait_until(TICK * tick);
        for (number, talk) in calls.iter_mut().enumerate() {
            talk.speak(TICK.as_secs_f64());
            if presses[number] <= now && !pressed[number] {
                pressed[number] = true;
                talk.line.accepted(Ask::Record);
            }
        }
        if now >= kill_at {
            break;
        }
    }
    let home = desk.kill();
    let told = home.log().len();
    let desk = home.start(&["--one-in", one_in]);
    let log = desk.log()[told..].to_owned();
    let said_of = |talk: &Talk, words: &str| {
        log.lines().any(|line| line.contains(&talk.call().to_string()) && line.contains(words))
    };
    for talk in &calls[..4] {
        assert!(said_of(talk, "was being recorded when the engine stopped"), "{log}");
        is_recovered(&desk, talk);
    }
    match row(&desk, calls[4].call()) {
        // As much as the last moment gave, which may be nothing.
        Some(_) => {
            is_recovered_from_its_begin(&desk, &calls[4]);
        }
        None => assert!(said_of(&calls[4], "was live when the engine stopped"), "{log}"),
    }
    for talk in &calls[5..] {
        assert!(said_of(talk, "was live when the engine stopped: nothing of it had reached the disk"), "{log}");
        assert_eq!(row(&desk, talk.call()), None);
    }
    Traces::of(&[&calls[5].sound, &calls[6].sound]).assert_nowhere(&desk);
    let unfinished = desk.audio_files().into_iter().find(|file| file.extension().is_none_or(|kind| kind != "wav"));
    assert_eq!(unfinished, None);
    let lost = |call: CallId| calls[5..].iter().any(|talk| talk.call() == call);
    let is_lost = |outcome: Outcome| outcome == Outcome::Lost;
    desk.ledger(|rows| rows.iter().filter(|row| lost(row.call) && is_lost(row.outcome)).count() == 2);
    desk.stop()
}

/// A call that was pressed more than a second before the kill: all is there up to a second before.
fn is_recovered(desk: &Desk, talk: &Talk) {
    let samples = is_recovered_from_its_begin(desk, talk);
    let due = talk.spoken - talk.sound.rate as usize;
    assert!(samples >= due, "{samples} samples of {} were recovered, and {due} were due", talk.spoken);
}

/// As much as is there is right, and says what it is. Returns how much that is.
fn is_recovered_from_its_begin(desk: &Desk, talk: &Talk) -> usize {
    let row = row_when(desk, talk.call(), "incomplete");
    assert_eq!(row["reasons"], serde_json::json!(["on-demand"]));
    let path = path_in(&row);
    let recording = Sound::of_recording(&path);
    let samples = recording.len();
    assert!(samples <= talk.spoken);
    assert_eq!(row["seconds"].as_f64(), Some(samples as f64 / f64::from(recording.rate)));
    // The kill may come between the two legs of the last frame.
    let whole = samples.saturating_sub((recording.rate / 50) as usize);
    head_of(&recording, whole).assert_is(&head_of(&talk.sound, whole));
    for leg in Leg::ALL {
        let (got, said) = (&recording.legs[leg.index()][whole..], &talk.sound.legs[leg.index()][whole..samples]);
        assert!(got == said || got.iter().all(|sample| *sample == 0), "the last frame of the {leg:?}");
    }
    let bytes = fs::read(&path).expect("a recording");
    let info = String::from_utf8_lossy(&bytes[..FRAME_SAMPLES_MAX.min(bytes.len())]);
    assert!(info.contains(&format!("call={}", talk.call())) && info.contains("state=incomplete"), "{info}");
    samples
}

#[test]
fn an_engine_that_is_asked_to_stop_completes_the_selected_calls_and_leaves_nothing_of_the_others() {
    let (seed, _) = rig::random("stopped");
    let desk = Desk::open(&["--one-in", "1", "--memory", "16MiB"]);
    let mut calls: Vec<Talk> = (0..4).map(|call| Talk::begin(&desk, "anna", 8_000, 20, seed + call)).collect();
    for talk in &mut calls {
        talk.speak(2.0);
    }
    let [pressed, sampled, objected, private] = &mut calls[..] else { panic!("four calls") };
    pressed.line.accepted(Ask::Record);
    // A drawn call that may not be sampled is one that was not selected.
    objected.line.accepted(Ask::Object);
    private.line.accepted(Ask::Private);
    let before = pressed.spoken;
    for talk in [&mut *sampled, objected, private] {
        talk.speak(1.0);
        // Its answer says that all before it was taken.
        talk.line.accepted(Ask::Transfer { to: "bert".into() });
    }
    desk.signal(Signal::SIGTERM);
    // One goes on talking until it hears that it is over.
    let mut heard = Vec::new();
    while !heard.iter().any(|event| matches!(event, Event::Ended { .. })) && pressed.spoken < pressed.sound.len() - 160
    {
        pressed.speak(0.02);
        heard.extend(pressed.line.client.next_event(TICK).expect("a connection"));
    }
    for (number, talk) in calls.iter_mut().enumerate() {
        let mut heard = if number == 0 { heard.split_off(0) } else { Vec::new() };
        let end = loop {
            match talk.line.client.next_event(PATIENCE) {
                Ok(Some(event)) => heard.push(event),
                Ok(None) => panic!("the engine neither says anything nor closes"),
                Err(end) => break end,
            }
        };
        assert!(matches!(end, ClientError::Closed), "{end}");
        let call = talk.call();
        let stopping = heard.iter().position(|event| *event == Event::Stopping).expect("`stopping`");
        let ended = heard.iter().position(|event| *event == Event::Ended { call, by: EndedBy::Stopping });
        assert!(ended.expect("`ended`") > stopping, "{heard:?}");
        let kept = heard.iter().any(|event| matches!(event, Event::Kept { .. }));
        assert_eq!(kept, number == 0, "only who pressed hears of a recording: {heard:?}");
    }
    let (status, home) = desk.wait();
    assert_eq!(status.code(), Some(0), "{}", home.log());
    let [pressed, sampled, objected, private] = &calls[..] else { panic!("four calls") };
    let recording = Sound::of_recording(&path_in(&row_when(&home, pressed.call(), "complete")));
    assert!((before..=pressed.spoken).contains(&recording.len()), "{} of {}", recording.len(), pressed.spoken);
    recording.assert_is(&head_of(&pressed.sound, recording.len()));
    let row = row_when(&home, sampled.call(), "complete");
    assert_eq!(row["reasons"], serde_json::json!(["sample"]));
    Sound::of_recording(&path_in(&row)).assert_is(&sampled.has_said());
    assert_eq!(home.audio_files().len(), 2);
    Traces::of(&[&objected.sound, &private.sound]).assert_nowhere(&home);
    let outcomes = home.ledger(|rows| rows.len() == 4).iter().map(|row| row.outcome).collect::<Vec<_>>();
    assert_eq!(outcomes.iter().filter(|outcome| **outcome == Outcome::Discarded).count(), 2, "{outcomes:?}");
    assert_eq!(outcomes.iter().filter(|outcome| **outcome == Outcome::Kept).count(), 2, "{outcomes:?}");
}

/// The text of an event of trouble for this call.
fn trouble(talk: &mut Talk) -> String {
    let call = talk.call();
    let is_trouble = |event: &Event| matches!(event, Event::DiskTrouble { call: of, .. } if *of == call);
    match hear(&mut talk.line.client, "disk-trouble", is_trouble) {
        Event::DiskTrouble { text, .. } => text,
        _ => unreachable!("it was just looked at"),
    }
}

fn well(talk: &mut Talk) {
    let call = talk.call();
    hear(&mut talk.line.client, "disk-well", |event| *event == Event::DiskWell { call });
}

#[test]
fn a_full_disk_keeps_pressed_calls_in_memory_and_completes_them_when_there_is_room() {
    if !rig::is_root("a small file system (mount)") {
        return;
    }
    let (seed, _) = rig::random("disk full");
    let desk = Desk::open(&["--one-in", "0", "--memory", "16MiB"]);
    let disk = SmallDisk::over(&desk.path().join("recordings"), 4_096);
    disk.fill_but(100);
    let [mut first, mut second, mut other] = [1, 2, 3].map(|call| Talk::begin(&desk, "anna", 8_000, 20, seed + call));
    first.speak(10.0);
    other.speak(1.0);
    let pressed = first.line.accepted(Ask::Record);
    assert_eq!(
        (pressed.at, pressed.seconds),
        (Some(80_000), Some(10.0)),
        "a press is for the whole call, disk or no disk"
    );
    let text = trouble(&mut first);
    assert!(text.contains("make room"), "{text}");
    // Whoever presses now is told at once.
    second.speak(2.0);
    let text = second.line.accepted(Ask::Record).text.expect("words about the disk");
    assert!(text.contains("kept in memory") && text.contains("make room"), "{text}");
    trouble(&mut second);
    // Everybody goes on as if nothing were.
    for talk in [&mut first, &mut second, &mut other] {
        talk.speak(3.0);
    }
    for view in desk.json(&["calls"]).as_array().expect("a list") {
        for leg in ["agent_leg", "customer_leg"] {
            assert_eq!((&view[leg]["lost_frames"], &view[leg]["gaps"]), (&0.into(), &0.into()), "{view}");
        }
    }
    first.line.end();
    other.line.end();
    let now = status(&mut desk.client());
    assert_eq!((now.calls, now.commits), (1, 1), "an ended call waits for its disk");
    assert!(now.disk_trouble.is_some_and(|text| text.contains("make room")));
    assert!(first.line.client.events().all(|event| !matches!(event, Event::Kept { .. })), "kept on a full disk");
    disk.make_room();
    well(&mut first);
    Sound::of_recording(&first.line.kept()).assert_is(&first.has_said());
    well(&mut second);
    second.speak(1.0);
    Sound::of_recording(&second.line.end_and_keep()).assert_is(&second.has_said());
    let now = status(&mut desk.client());
    assert_eq!((now.commits, now.disk_trouble), (0, None));
    for talk in [&first, &second] {
        row_when(&desk, talk.call(), "complete");
    }
    Traces::of(&[&other.sound]).assert_nowhere(&desk);
    drop(disk);
}

#[test]
fn an_engine_that_is_asked_to_stop_waits_for_a_full_disk_and_takes_no_new_calls_meanwhile() {
    if !rig::is_root("a small file system (mount)") {
        return;
    }
    let (seed, _) = rig::random("stopped on a full disk");
    let desk = Desk::open(&["--one-in", "0", "--memory", "16MiB"]);
    let disk = SmallDisk::over(&desk.path().join("recordings"), 2_048);
    disk.fill_but(0);
    let mut talk = Talk::begin(&desk, "anna", 16_000, 5, seed);
    talk.speak(5.0);
    talk.line.accepted(Ask::Record);
    trouble(&mut talk);
    let mut late = rig::Raw::connect(desk.socket());
    desk.signal(Signal::SIGTERM);
    late.event("stopping");
    let answer = late.ask(&serde_json::json!({"do": "begin", "agent": "bert", "rate": 8000, "codec": "pcm16"}));
    assert_eq!(answer["reason"], "stopping", "{answer}");
    disk.make_room();
    Sound::of_recording(&talk.line.kept()).assert_is(&talk.has_said());
    let (status, home) = desk.wait();
    assert_eq!(status.code(), Some(0), "{}", home.log());
    row_when(&home, talk.call(), "complete");
    drop(disk);
}

#[test]
fn a_disk_that_is_mounted_read_only_takes_the_recording_when_it_can_be_written_again() {
    if !rig::is_root("a file system to mount read-only") {
        return;
    }
    let (seed, _) = rig::random("read-only");
    let desk = Desk::open(&["--one-in", "0", "--memory", "16MiB"]);
    let disk = SmallDisk::over(&desk.path().join("recordings"), 4_096);
    disk.remount("ro");
    let mut talk = Talk::begin(&desk, "anna", 8_000, 20, seed);
    talk.speak(5.0);
    talk.line.accepted(Ask::Record);
    let text = trouble(&mut talk);
    assert!(text.contains("writable"), "{text}");
    talk.speak(5.0);
    let again = talk.line.ask(Ask::Record);
    assert_eq!(again.answer, Verdict::Already);
    assert!(again.text.is_some_and(|text| text.contains("kept in memory")));
    disk.remount("rw");
    well(&mut talk);
    talk.speak(5.0);
    Sound::of_recording(&talk.line.end_and_keep()).assert_is(&talk.has_said());
    drop(disk);
}

#[test]
fn a_recordings_folder_that_is_removed_during_a_pressed_call_is_made_again_with_all_of_the_call() {
    let (seed, _) = rig::random("folder removed");
    let desk = Desk::open(&["--one-in", "0", "--memory", "16MiB"]);
    let mut talk = Talk::begin(&desk, "anna", 8_000, 20, seed);
    talk.speak(5.0);
    talk.line.accepted(Ask::Record);
    let recordings = desk.path().join("recordings");
    wait_for("the unfinished file", || desk.audio_files().pop());
    fs::remove_dir_all(&recordings).expect("a folder to remove");
    talk.speak(5.0);
    let text = trouble(&mut talk);
    assert!(text.contains("made again"), "{text}");
    well(&mut talk);
    talk.speak(1.0);
    let path = talk.line.end_and_keep();
    Sound::of_recording(&path).assert_is(&talk.has_said());
    assert_eq!(desk.audio_files(), [path]);
    row_when(&desk, talk.call(), "complete");
}

/// Another program's hold on a catalog: nobody else can write it.
struct Lock {
    runtime: tokio::runtime::Runtime,
    connection: SqliteConnection,
}

impl Lock {
    /// Takes it as far as `mode` goes: SQLite locks readers out too, but only of a file that nobody has open.
    fn take(home: &Path, mode: SqliteLockingMode) -> Lock {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        let path = home.join("catalog.sqlite");
        let connection = runtime.block_on(async {
            let options = SqliteConnectOptions::new().filename(path).busy_timeout(PATIENCE).locking_mode(mode);
            let mut connection = SqliteConnection::connect_with(&options).await.expect("a database");
            sqlx::query("BEGIN EXCLUSIVE").execute(&mut connection).await.expect("the lock");
            connection
        });
        Lock { runtime, connection }
    }

    fn release(self) {
        self.runtime.block_on(self.connection.close()).expect("the lock is given back");
    }
}

/// Records a call from begin to end.
fn record(desk: &Desk, seed: u64) -> Talk {
    let mut talk = Talk::begin(desk, "anna", 8_000, 2, seed);
    talk.speak(1.0);
    talk.line.accepted(Ask::Record);
    talk.speak(1.0);
    Sound::of_recording(&talk.line.end_and_keep()).assert_is(&talk.has_said());
    talk
}

#[test]
fn while_another_program_locks_the_catalog_calls_are_recorded_on_demand_and_registered_later() {
    let (seed, _) = rig::random("catalog locked");
    // It is made by a first run.
    let home = Desk::open(&[]).stop();
    let (lock, told) = (Lock::take(home.path(), SqliteLockingMode::Exclusive), home.log().len());
    let desk = home.start(&["--one-in", "1"]);
    let log = desk.log()[told..].to_owned();
    assert!(log.contains("the catalog is out of reach") && log.contains("catalog.sqlite"), "{log}");
    let pressed = record(&desk, seed);
    let mut not_drawn = Talk::begin(&desk, "bert", 8_000, 2, seed + 1);
    not_drawn.speak(2.0);
    not_drawn.line.end();
    assert!(status(&mut desk.client()).catalog_trouble.is_some());
    lock.release();
    let row = row_when(&desk, pressed.call(), "complete");
    assert_eq!(row["reasons"], serde_json::json!(["on-demand"]), "a call without a number is not drawn");
    wait_for("the end of the trouble", || status(&mut desk.client()).catalog_trouble.is_none().then_some(()));
    let rows = desk.ledger(|rows| rows.len() == 2 && rows.iter().all(|row| row.outcome != Outcome::Live));
    assert_eq!(rows.iter().filter_map(|row| row.sequence).collect::<Vec<_>>(), [1, 2], "no gap in the day");
    Traces::of(&[&not_drawn.sound]).assert_nowhere(&desk);
    // And the same while it runs; from now on calls are drawn again.
    let lock = Lock::take(desk.path(), SqliteLockingMode::Normal);
    let pressed = record(&desk, seed + 2);
    lock.release();
    let row = row_when(&desk, pressed.call(), "complete");
    assert_eq!(row["reasons"], serde_json::json!(["on-demand", "sample"]));
    desk.stop();
}

#[test]
fn a_recording_that_an_engine_could_not_register_before_it_ended_is_registered_by_the_next_one() {
    let (seed, _) = rig::random("never registered");
    let desk = Desk::open(&["--one-in", "0"]);
    let lock = Lock::take(desk.path(), SqliteLockingMode::Normal);
    let killed = record(&desk, seed);
    // Killed after the recording was told as kept, and before the catalog could be.
    let home = desk.kill();
    let desk = home.start(&["--one-in", "0"]);
    let stopped = record(&desk, seed + 1);
    // Asked to stop it waits for the catalog; asked a second time it does not.
    desk.signal(Signal::SIGTERM);
    wait_for("the engine's stop", || desk.log().contains("asked to stop (SIGTERM)").then_some(()));
    desk.signal(Signal::SIGTERM);
    let (status, home) = desk.wait();
    assert_eq!(status.code(), Some(1), "{}", home.log());
    lock.release();
    let desk = home.start(&["--one-in", "0"]);
    for talk in [&killed, &stopped] {
        let row = row_when(&desk, talk.call(), "complete");
        assert_eq!(row["reasons"], serde_json::json!(["on-demand"]));
        assert_eq!(row["purposes"], serde_json::json!(["incident"]), "without a purpose nothing would ever delete it");
        Sound::of_recording(&path_in(&row)).assert_is(&talk.has_said());
        let kept = |row: &retrocall::catalog::CallRow| row.call == talk.call() && row.outcome == Outcome::Kept;
        let rows = desk.ledger(|rows| rows.iter().any(kept));
        assert!(rows.iter().filter(|row| kept(row)).all(|row| row.reasons == [Reason::OnDemand]));
    }
    assert!(!desk.log().contains("nothing of it is left"), "{}", desk.log());
    assert_eq!(desk.audio_files().len(), 2);
    desk.stop();
}

#[test]
fn a_catalog_that_was_replaced_by_garbage_is_left_as_it_is_and_calls_are_registered_when_it_is_back() {
    let (seed, _) = rig::random("garbage for a catalog");
    let desk = Desk::open(&["--one-in", "0"]);
    let before = record(&desk, seed);
    row_when(&desk, before.call(), "complete");
    let home = desk.stop();
    let (catalog, aside) = (home.path().join("catalog.sqlite"), home.beside("catalog.good"));
    fs::copy(&catalog, &aside).expect("a copy");
    let garbage: Vec<u8> = (0..20_000u32).map(|byte| (byte * 7 + byte / 256) as u8).collect();
    fs::write(&catalog, &garbage).expect("garbage");
    let told = home.log().len();
    let desk = home.start(&["--one-in", "0"]);
    let log = desk.log()[told..].to_owned();
    assert!(log.contains("the catalog is out of reach") && log.contains("catalog.sqlite"), "{log}");
    let while_broken = record(&desk, seed + 1);
    let mut refused = desk.client();
    assert!(status(&mut refused).catalog_trouble.is_some());
    let listed = desk.run(&["recordings"]);
    assert_eq!(listed.code, 1, "a damaged catalog is not an empty one: {listed:?}");
    assert_eq!(listed.stderr.trim_end().lines().count(), 1, "{}", listed.stderr);
    assert_eq!(fs::read(&catalog).expect("the garbage"), garbage, "what is there is not written over");
    // The administrator puts the good one back, while the engine runs.
    fs::rename(&aside, &catalog).expect("the good one is put back");
    row_when(&desk, while_broken.call(), "complete");
    row_when(&desk, before.call(), "complete");
    let unknown = refused.ask(Request::new(Target::Call(before.call()), Ask::Record)).expect("an answer");
    assert_eq!(unknown.reason, Some(Refusal::UnknownCall));
    desk.stop();
}
