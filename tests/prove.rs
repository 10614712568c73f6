//! The proof, as a privacy officer runs it; and leaks that are planted, to see each of them caught.
//!
//! The leaks need `cargo test --features planted-leaks --test prove`: a program that can be made to leak is never built otherwise.

mod skip;

use std::{
    fs,
    io::Write,
    os::unix::process::CommandExt,
    process::{Command, Output, Stdio},
};

use retrocall::words::{Clock as _, SystemClock};
use serde_json::Value;

const PROGRAM: &str = env!("CARGO_BIN_EXE_retrocall");

/// A run of `retrocall prove`, in a folder for temporary files of its own.
struct Proof {
    output: Output,
    folder: tempfile::TempDir,
}

impl Proof {
    fn run(flags: &[&str]) -> Proof {
        Proof::run_as(flags, |_| {})
    }

    fn run_as(flags: &[&str], change: impl FnOnce(&mut Command)) -> Proof {
        let folder = tempfile::tempdir().expect("a folder");
        let mut command = Command::new(PROGRAM);
        command.args(["prove", "--json", "--allow-unlocked"]).args(flags).env("TMPDIR", folder.path());
        change(&mut command);
        Proof { output: command.output().expect("the program runs"), folder }
    }

    fn said(&self) -> String {
        String::from_utf8_lossy(&self.output.stderr).into_owned()
    }

    /// The run, and its checks.
    fn rows(&self) -> (Value, Vec<Value>) {
        let rows: Value = serde_json::from_slice(&self.output.stdout).unwrap_or_else(|_| panic!("{}", self.said()));
        let mut rows = rows.as_array().expect("an array").clone();
        (rows.remove(0), rows)
    }

    /// The names of the checks with this result.
    fn names(&self, ok: Value) -> Vec<String> {
        let (_, checks) = self.rows();
        let names = checks.iter().filter(|check| check["ok"] == ok).map(|check| check["check"].to_string());
        names.map(|name| name.trim_matches('"').to_owned()).collect()
    }
}

/// What only root may look at.
const FOR_ROOT: [&str; 2] = ["memory-root", "written"];

#[test]
fn an_engine_that_keeps_its_word_passes_and_leaves_nothing_behind() {
    let proof = Proof::run(&["--seed", "42"]);
    assert_eq!(proof.output.status.code(), Some(0), "{}", proof.said());
    let (run, checks) = proof.rows();
    assert_eq!(
        (&run["check"], &run["seed"], &run["ok"], &run["found"]),
        (&"run".into(), &42.into(), &true.into(), &0.into())
    );
    for fact in ["at", "version", "machine", "kernel", "guarantee", "memory", "write_barrier"] {
        assert!(run[fact].as_str().is_some_and(|text| !text.is_empty()), "{fact} in {run}");
    }
    assert!(checks.len() >= 20, "{checks:?}");
    for check in &checks {
        assert_eq!(check["found"], check["expected"], "{check}");
        let may_be_empty =
            check["ok"].is_null() || ["core", "shm", "temp"].contains(&check["check"].as_str().expect("a name"));
        assert!(may_be_empty || check["looked_at_bytes"].as_u64() > Some(0), "{check}");
    }
    // A search that finds nothing where there is something would prove nothing.
    let sane = checks.iter().filter(|check| check["expected"].as_u64() > Some(0) && check["ok"] == true);
    assert_eq!(sane.count(), 3, "{checks:?}");
    assert!(proof.names(Value::Null).iter().all(|name| FOR_ROOT.contains(&name.as_str())), "{checks:?}");
    assert_eq!(fs::read_dir(proof.folder.path()).expect("a folder").count(), 0, "the home is removed");
}

/// The user whom no file belongs to: may look at nothing but what is theirs.
const NOBODY: u32 = 65_534;

#[test]
fn an_ordinary_user_is_told_what_was_not_done_and_strict_fails_for_it() {
    if !skip::is_root("becoming another user") {
        return;
    }
    // Nobody may not be let into the folder that the program was built in.
    let place = tempfile::tempdir().expect("a folder");
    let open = |path: &std::path::Path| {
        fs::set_permissions(path, std::os::unix::fs::PermissionsExt::from_mode(0o777)).expect("it is ours");
    };
    let program = place.path().join("retrocall");
    fs::copy(PROGRAM, &program).expect("a copy");
    [place.path(), &program].into_iter().for_each(open);
    let prove = |flags: &[&str]| {
        let mut command = Command::new(&program);
        command.args(["prove", "--allow-unlocked"]).args(flags).env("TMPDIR", place.path()).current_dir(place.path());
        command.uid(NOBODY).gid(NOBODY).output().expect("the program runs")
    };
    let out = prove(&[]);
    let said = String::from_utf8_lossy(&out.stdout);
    assert_eq!(out.status.code(), Some(0), "{said}{}", String::from_utf8_lossy(&out.stderr));
    for name in FOR_ROOT {
        assert!(said.lines().any(|line| line.trim_start().starts_with(name) && line.ends_with("not done")), "{said}");
    }
    let out = prove(&["--strict"]);
    let complaint = String::from_utf8_lossy(&out.stderr);
    assert_eq!(out.status.code(), Some(1));
    assert!(complaint.contains("not done: memory-root, written"), "{complaint}");
}

#[test]
fn an_engine_that_was_not_started_to_tells_nobody_what_is_in_its_memory() {
    let home = tempfile::tempdir().expect("a folder");
    let mut command = Command::new(PROGRAM);
    command.arg("--home").arg(home.path()).args(["run", "--one-in", "0", "--allow-unlocked", "--memory", "4MiB"]);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut engine = command.spawn().expect("the program runs");
    let mut orders = engine.stdin.take().expect("a pipe");
    // It reads nothing: so much fits into the pipe.
    orders.write_all(b"{\"salt\":1,\"hashes\":1}\n12345678").expect("a pipe");
    let socket = home.path().join("engine.sock");
    let deadline = SystemClock.now() + std::time::Duration::from_secs(60);
    let mut client = loop {
        match retrocall::client::Client::connect(&socket) {
            Ok(client) => break client,
            Err(error) => assert!(SystemClock.now() < deadline, "{error}"),
        }
        std::thread::sleep(std::time::Duration::from_millis(20));
    };
    let ask = |ask| retrocall::protocol::Request::new(retrocall::protocol::Target::Own, ask);
    client.ask(ask(retrocall::protocol::Ask::Status)).expect("it answers what it may");
    drop(client);
    let pid = nix::unistd::Pid::from_raw(i32::try_from(engine.id()).expect("an id"));
    nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGTERM).expect("it is ours");
    let out = engine.wait_with_output().expect("it is ours");
    assert!(out.status.success());
    assert_eq!(String::from_utf8_lossy(&out.stdout), "");
}

#[cfg(not(feature = "planted-leaks"))]
#[test]
fn a_program_for_people_can_not_be_made_to_leak() {
    for command in ["run", "prove"] {
        let out = Command::new(PROGRAM).args([command, "--plant-leak", "heap"]).output().expect("the program runs");
        assert_eq!(out.status.code(), Some(2));
        assert!(String::from_utf8_lossy(&out.stderr).contains("unexpected argument '--plant-leak'"));
    }
    let program = fs::read(PROGRAM).expect("the program");
    let word = b"plant-leak";
    assert!(!program.windows(word.len()).any(|bytes| bytes == word), "the switch is in the program");
}

#[cfg(feature = "planted-leaks")]
mod leaks {
    use std::{collections::BTreeSet, path::Path};

    use super::*;

    /// Runs the proof with these leaks: these checks have to fail, and no others.
    fn caught_by(leaks: &[&str], expected: &[&str]) -> Vec<Value> {
        let flags: Vec<&str> = leaks.iter().flat_map(|leak| ["--plant-leak", *leak]).collect();
        let proof = Proof::run(&flags);
        assert_eq!(proof.output.status.code(), Some(1), "{}", proof.said());
        let not_done = proof.names(Value::Null);
        let expected = expected.iter().map(|name| (*name).to_owned()).filter(|name| !not_done.contains(name));
        let failed: BTreeSet<String> = proof.names(false.into()).into_iter().collect();
        assert_eq!(failed, expected.collect(), "{}", proof.said());
        // The home stays to be looked into, and what is said names it.
        let mut homes = fs::read_dir(proof.folder.path()).expect("a folder").map(|entry| entry.expect("a name").path());
        let home = homes.find(|path| path.is_dir()).expect("the home stays");
        assert!(proof.said().contains(&home.display().to_string()), "{}", proof.said());
        let _ = fs::remove_file(Path::new("/dev/shm").join(home.file_name().expect("a name")));
        proof.rows().1
    }

    #[test]
    fn a_frame_in_a_file_or_a_socket_is_found_wherever_it_is() {
        caught_by(
            &["home-file", "temp-file", "shared-file", "nameless-file", "gone-file", "socket"],
            &["home", "disk", "temp", "shm", "open-files", "memory-root", "written", "sockets"],
        );
    }

    #[test]
    fn a_frame_that_is_deleted_at_once_is_found_by_the_kernels_word_alone() {
        if skip::is_root("the kernel's word on every file that is written") {
            caught_by(&["gone-file"], &["written"]);
        }
    }

    #[test]
    fn a_frame_on_the_heap_is_found_from_within_and_from_outside() {
        caught_by(&["heap"], &["live-memory", "memory", "memory-root"]);
    }

    #[test]
    fn a_frame_that_outlives_its_engine_is_found_in_the_next_one() {
        caught_by(&["restart"], &["restart", "written"]);
    }

    #[test]
    fn a_segment_that_is_not_wiped_is_found() {
        caught_by(&["segment"], &["live-silenced", "locked", "arena"]);
    }

    #[test]
    fn a_read_buffer_that_is_not_wiped_is_found() {
        caught_by(&["buffer"], &["locked", "buffers"]);
    }

    #[test]
    fn an_erase_that_changes_nothing_is_found_in_memory_and_on_the_disk() {
        caught_by(&["erase"], &["live-silenced", "erase-disk", "home", "disk", "written"]);
    }

    #[test]
    fn a_core_is_found() {
        let (_, hard) = nix::sys::resource::getrlimit(nix::sys::resource::Resource::RLIMIT_CORE).expect("limits");
        let pattern = fs::read_to_string("/proc/sys/kernel/core_pattern").unwrap_or_default();
        // What collects the cores of the whole machine is not to be bothered by a test.
        if hard == 0 || pattern.trim().is_empty() || pattern.starts_with(['|', '/']) {
            return skip::skip("no core would land in a folder of the test's");
        }
        let checks = caught_by(&["core"], &["core"]);
        // Locked memory is left out of it, and what a thread had in its registers is wiped.
        let core = checks.iter().find(|check| check["check"] == "core").expect("a check");
        assert_eq!((&core["places"], &core["found"]), (&1.into(), &0.into()), "{core}");
    }
}
