//! What is outside of the engine and may be slow, stuck, too small or taken away: the reader of its log, its memory, its home, its socket.

use std::{
    fs::{self, File},
    io::{self, BufRead, BufReader, Read},
    os::{
        fd::AsFd,
        unix::{fs::PermissionsExt, net::UnixListener, process::CommandExt},
    },
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use nix::{
    fcntl::{FcntlArg, fcntl},
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use retrocall::{client::Client, protocol::Ask};

use crate::{
    desk::{Desk, Home, Line, PROGRAM, Ran, Sound, wait_for},
    skip, status,
};

const FLAGS: [&str; 2] = ["--one-in", "0"];
/// The least that a pipe can be made to hold.
const PIPE_BYTES: i32 = 4_096;

/// A command that is refused: exit code 1, and one line that has all of these words.
#[track_caller]
fn is_refused(ran: &Ran, words: &[&str]) {
    let last = ran.stderr.lines().last().unwrap_or_default();
    assert_eq!(ran.code, 1, "{ran:?}");
    assert!(words.iter().all(|word| last.contains(word)), "{words:?} in {last}");
}

fn run_of(home: &Home, flags: &[&str]) -> Ran {
    home.run(&[&["run", "--allow-unlocked"], flags].concat())
}

#[test]
fn a_reader_of_the_log_that_has_stopped_reading_holds_up_no_press_no_recording_and_no_stop() {
    let (mut reader, writer) = io::pipe().expect("a pipe");
    fcntl(&writer, FcntlArg::F_SETPIPE_SZ(PIPE_BYTES)).expect("a small pipe");
    let home = Home::new();
    let mut command = home.command(&["run", "--json", "--allow-unlocked", "--memory", "4MiB", "--one-in", "0"]);
    let fd = writer.as_fd().try_clone_to_owned().expect("a copy");
    // Both are stuck: the log and what is said on standard output.
    let mut engine =
        command.env("RETROCALL_LOG", "debug").stdout(Stdio::piped()).stderr(fd).spawn().expect("an engine");
    drop(writer);
    let mut ready = String::new();
    BufReader::new(engine.stdout.take().expect("its output")).read_line(&mut ready).expect("a line");
    let socket = home.path().join("engine.sock");
    let sound = Sound::noise(8_000, 800, 1);
    let kept: Vec<PathBuf> = (0..40)
        .map(|_| {
            let mut line = Line::begin_on(Client::connect(&socket).expect("a connection"), "anna", 8_000);
            line.talk(&sound, 0, 800);
            line.accepted(Ask::Record);
            line.end_and_keep()
        })
        .collect();
    assert_eq!(kept.len(), 40);
    assert_eq!(status(&mut Client::connect(&socket).expect("a connection")).totals.recordings, 40);
    kill(Pid::from_raw(i32::try_from(engine.id()).expect("an id")), Signal::SIGTERM).expect("our child");
    let ended = wait_for("its end", || engine.try_wait().expect("our child"));
    assert_eq!(ended.code(), Some(0));
    // It holds the other end of the pipe.
    drop(command);
    let mut said = Vec::new();
    reader.read_to_end(&mut said).expect("what was in the pipe");
    assert!(said.len() >= PIPE_BYTES as usize / 2, "the pipe was never full: {} bytes", said.len());
}

#[test]
fn a_terminal_gets_colour_unless_whoever_sits_there_wants_none() {
    if !skip::is_installed("script") {
        return;
    }
    for (no_color, term, expected) in [("", "xterm", true), ("1", "xterm", false), ("", "dumb", false)] {
        // It ends by itself, for the socket that it is told to make can't be made.
        let home = Home::with_settings("socket = \"/proc/none\"\n");
        let home = home.path().display();
        let typed = format!("'{PROGRAM}' --home '{home}' run --memory 1MiB --allow-unlocked; true");
        let mut command = Command::new("script");
        command.args(["-qec", &typed, "/dev/null"]).env("NO_COLOR", no_color).env("TERM", term).stdin(Stdio::null());
        let ran = Ran::of(command);
        assert!(ran.stdout.contains("guarantees"), "{ran:?}");
        assert_eq!(ran.stdout.contains("\u{1b}["), expected, "NO_COLOR={no_color:?} TERM={term}: {}", ran.stdout);
    }
}

#[test]
fn while_an_engine_lives_no_second_one_starts_in_its_home_whatever_was_removed_there_and_it_is_made_again() {
    let desk = Desk::open(&FLAGS);
    let mut talk = Line::begin(&desk, "anna", 8_000);
    let sound = Sound::noise(8_000, 16_000, 2);
    talk.talk(&sound, 0, 8_000);
    talk.accepted(Ask::Record);
    for name in ["engine.lock", "engine.sock"] {
        fs::remove_file(desk.path().join(name)).expect("a cleaner may");
        is_refused(&run_of(&desk, &FLAGS), &["another engine runs in this home"]);
    }
    wait_for("the lock and the socket", || {
        ["engine.lock", "engine.sock"].iter().all(|name| desk.path().join(name).exists()).then_some(())
    });
    assert_eq!(fs::metadata(desk.socket()).expect("the socket").permissions().mode() & 0o777, 0o600);
    wait_for("somebody who listens", || Client::connect(desk.socket()).ok());
    talk.talk(&sound, 8_000, 16_000);
    Sound::of_recording(&talk.end_and_keep()).assert_is(&sound);
    assert_eq!(status(&mut desk.client()).home_trouble, None);
    assert_eq!(desk.run(&["check"]).code, 0);
    let home = desk.stop();
    assert!(!home.path().join("engine.sock").exists(), "the socket that was made again goes too");
}

#[test]
fn a_home_that_is_moved_away_is_told_and_all_is_well_when_it_is_back() {
    let desk = Desk::open(&FLAGS);
    let mut client = desk.client();
    let elsewhere = desk.beside("elsewhere");
    fs::rename(desk.path(), &elsewhere).expect("it is moved");
    let told = wait_for("the trouble", || status(&mut client).home_trouble);
    assert!(told.contains("was moved or removed") && told.contains("put it back"), "{told}");
    assert!(desk.log().contains("was moved or removed"));
    fs::rename(&elsewhere, desk.path()).expect("it is put back");
    wait_for("the end of the trouble", || status(&mut client).home_trouble.is_none().then_some(()));
    desk.stop();
}

#[test]
fn a_catalog_that_is_removed_while_nothing_happens_is_told_and_made_again_when_nothing_of_it_is_left() {
    let desk = Desk::open(&FLAGS);
    let mut line = Line::begin(&desk, "anna", 8_000);
    line.talk(&Sound::noise(8_000, 8_000, 3), 0, 8_000);
    line.accepted(Ask::Record);
    line.end_and_keep();
    wait_for("the row", || (desk.recordings().len() == 1).then_some(()));
    let mut client = desk.client();
    let catalog = desk.path().join("catalog.sqlite");
    fs::remove_file(&catalog).expect("a cleaner may");
    // Its log is left, and SQLite would throw that away.
    let told = wait_for("the trouble", || status(&mut client).catalog_trouble);
    assert!(told.contains("catalog.sqlite-wal"), "{told}");
    fs::remove_file(desk.path().join("catalog.sqlite-wal")).expect("somebody who does what it says");
    wait_for("the catalog", || catalog.exists().then_some(()));
    wait_for("the end of the trouble", || status(&mut client).catalog_trouble.is_none().then_some(()));
    desk.stop();
}

#[test]
fn a_socket_that_somebody_listens_at_is_never_taken_and_what_is_no_socket_is_never_removed() {
    let first = Desk::open(&FLAGS);
    let taken = format!("socket = {:?}\n", first.socket());
    is_refused(&run_of(&Home::with_settings(&taken), &FLAGS), &["can't make the socket", "listens there"]);
    assert_eq!(status(&mut first.client()).calls, 0, "the first one still has it");
    first.stop();

    let home = Home::with_settings("socket = \"catalog.sqlite\"\n");
    is_refused(&run_of(&home, &FLAGS), &["can't make the socket", "no socket"]);
    assert!(fs::metadata(home.path().join("catalog.sqlite")).expect("the catalog").len() > 0);

    // A dead one's is no obstacle.
    let home = Home::new();
    drop(UnixListener::bind(home.path().join("engine.sock")).expect("a socket"));
    home.start(&FLAGS).stop();
}

#[test]
fn a_home_whose_name_is_not_utf8_is_refused_by_every_command_with_one_clear_line() {
    use std::{ffi::OsStr, os::unix::ffi::OsStrExt};
    let folder = Home::new();
    let home = folder.beside("x").with_file_name(OsStr::from_bytes(b"caf\xe9"));
    fs::create_dir(&home).expect("a folder");
    for args in [&["run"][..], &["doctor"], &["recordings"], &["record", "--agent", "anna"]] {
        let mut command = Command::new(PROGRAM);
        command.arg("--home").arg(&home).args(args).stdin(Stdio::null());
        let ran = Ran::of(command);
        is_refused(&ran, &["is not UTF-8", "--home"]);
        assert_eq!(ran.stderr.lines().count(), 1, "{ran:?}");
    }
    assert_eq!(fs::read_dir(&home).expect("a folder").count(), 0, "nothing is made there");
}

#[test]
fn memory_that_the_machine_does_not_have_is_refused_and_what_it_has_is_said() {
    let meminfo = fs::read_to_string("/proc/meminfo").expect("meminfo");
    let kib: u64 = meminfo.split_whitespace().nth(1).and_then(|kib| kib.parse().ok()).expect("a number");
    let asked = format!("{}MiB", kib / 1024 * 8);
    is_refused(&run_of(&Home::new(), &["--memory", &asked]), &["MiB of memory: ", "can be had now", "--memory"]);
}

/// A control group with a limit on memory, if this machine lets us make one.
struct Group(PathBuf);

impl Group {
    fn of(mib: u64) -> Option<Group> {
        let first = Path::new("/sys/fs/cgroup/memory");
        let (root, limit) =
            if first.is_dir() { (first, "memory.limit_in_bytes") } else { (Path::new("/sys/fs/cgroup"), "memory.max") };
        let group = Group(root.join(format!("retrocall-test-{}", std::process::id())));
        let _ = fs::create_dir(&group.0);
        fs::write(group.0.join(limit), (mib << 20).to_string()).ok().map(|()| group)
    }

    /// A command that runs in the group.
    fn command(&self, args: &[&str], home: &Path) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", "echo $$ > \"$0\"/cgroup.procs && exec \"$@\""]).arg(&self.0);
        command.args([PROGRAM, "--home"]).arg(home).args(args).stdin(Stdio::null());
        command
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        let _ = fs::remove_dir(&self.0);
    }
}

#[test]
fn a_container_that_is_too_small_is_told_at_start_instead_of_losing_all_calls_later() {
    if !skip::is_root("a control group") {
        return;
    }
    let Some(group) = Group::of(96) else {
        return skip::skip("no control group can be made here, so no limit was met");
    };
    let home = Home::new();
    let run = ["run", "--memory", "256MiB"];
    is_refused(&Ran::of(group.command(&run, home.path())), &["256 MiB", "96 MiB", "cgroup", "MemoryMax="]);
    // Without a size it takes what the limit leaves, and says so.
    let log = home.beside("group.log");
    let mut command = group.command(&["run", "--json"], home.path());
    let mut engine = command
        .stdout(Stdio::piped())
        .stderr(File::create(&log).expect("a log"))
        .process_group(0)
        .spawn()
        .expect("an engine");
    let mut ready = String::new();
    BufReader::new(engine.stdout.take().expect("its output")).read_line(&mut ready).expect("a line");
    let ready: serde_json::Value = serde_json::from_str(&ready).expect("JSON");
    let bytes = ready["memory_bytes"].as_u64().expect("a number");
    let said = fs::read_to_string(&log).expect("a log");
    assert!((1 << 20..96 << 20).contains(&bytes) && said.contains("96 MiB"), "{bytes}: {said}");
    kill(Pid::from_raw(i32::try_from(engine.id()).expect("an id")), Signal::SIGTERM).expect("our child");
    assert_eq!(wait_for("its end", || engine.try_wait().expect("our child")).code(), Some(0));
    fs::write(home.path().join("retrocall.toml"), "memory = \"256MiB\"\n").expect("settings");
    let doctor = Ran::of(group.command(&["doctor"], home.path()));
    let line = doctor.stdout.lines().find(|line| line.contains(" room ")).expect("what doctor says of it");
    assert!(line.starts_with("FAIL") && line.contains("cgroup"), "{line}");
}

#[test]
fn what_is_locked_now_is_told_apart_from_what_is_promised() {
    let desk = Desk::open(&["--one-in", "0", "--memory", "64MiB"]);
    let now = status(&mut desk.client());
    if now.memory == "unlocked" {
        assert_eq!(now.locked_bytes, 0);
        return skip::skip("no memory can be locked here");
    }
    assert!(now.locked_bytes > 0 && now.locked_bytes < now.memory_bytes, "{now:?}");
    assert!(desk.log().contains("promised_mib=64") && desk.log().contains("locked_now_mib="), "{}", desk.log());
    desk.stop();
}
