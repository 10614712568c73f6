//! Exports that are cut off at each of their steps.

use std::{
    cell::RefCell,
    collections::BTreeMap,
    os::unix::fs::MetadataExt,
    panic::{self, AssertUnwindSafe},
};

use super::*;
use crate::{
    Life, PurposeKind,
    desk::{Covered, CoveredState, RequestKind, RequestLine},
};
use retrocall_words::{CallId, Direction};

/// The end of a process, at some step.
struct Cut;

/// The disk of this machine, cut off before one of its steps.
#[derive(Default)]
struct CutOutlet {
    /// Before which step, from 1 on; 0: never.
    at: usize,
    steps: RefCell<Vec<String>>,
}

impl CutOutlet {
    fn step(&self, what: &str) {
        self.steps.borrow_mut().push(what.to_owned());
        if self.steps.borrow().len() == self.at {
            panic::panic_any(Cut);
        }
    }
}

impl Outlet for CutOutlet {
    fn make_folder(&self, folder: &Path) -> io::Result<()> {
        self.step("make");
        RealOutlet.make_folder(folder)
    }

    fn copy(&self, from: &Path, to: &Path) -> io::Result<String> {
        self.step("copy");
        // Half of it is there when the process ends.
        if self.steps.borrow().len() + 1 == self.at {
            fs::write(to, "half")?;
            self.step("copying");
        }
        RealOutlet.copy(from, to)
    }

    fn write(&self, to: &Path, text: &[u8]) -> io::Result<()> {
        self.step("write");
        RealOutlet.write(to, text)
    }

    fn sync_folder(&self, folder: &Path) -> io::Result<()> {
        self.step("sync");
        RealOutlet.sync_folder(folder)
    }

    fn publish(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.step("publish");
        RealOutlet.publish(from, to)
    }

    fn remove_unfinished(&self, folder: &Path) -> io::Result<()> {
        self.step("remove");
        RealOutlet.remove_unfinished(folder)
    }
}

fn scene(home: &Path) -> (RequestEntry, Vec<Copying>) {
    let at: Timestamp = "2026-11-28T09:00:00Z".parse().expect("a time");
    let of = |recording: &str| Covered {
        recording: recording.to_owned(),
        call: CallId::new(),
        start: at,
        seconds: Some(61.0),
        direction: Direction::Inbound,
        purposes: vec![PurposeKind::Incident],
        life: Life::Kept,
        state: CoveredState::Confirmed,
        identity: Some("called back".to_owned()),
        erased_at: None,
        waits_for: Vec::new(),
        copies: Vec::new(),
    };
    let copying = |recording: &str, names: &[&str]| {
        let files: Vec<PathBuf> = names.iter().map(|name| home.join(name)).collect();
        files.iter().for_each(|file| fs::write(file, format!("audio of {}", file.display())).expect("a file"));
        Copying { of: of(recording), files }
    };
    let copying = vec![copying("one", &["one.wav"]), copying("two", &["two.wav", "two-2.wav"])];
    let line = RequestLine {
        request: "request".to_owned(),
        kind: RequestKind::Access,
        customer: Some("+31201234567".into()),
        by_number: true,
        agent: None,
        around: None,
        reason: None,
        received_on: "2026-11-28".parse().expect("a day"),
        due_on: "2026-12-28".parse().expect("a day"),
        entered_by: "anna".to_owned(),
        entered_at: at,
        extension: None,
        outcome: None,
        ground: None,
        answered_at: None,
        waiting: 0,
        confirmed: 2,
    };
    let request = RequestEntry { line, recordings: Vec::new(), unnumbered: Vec::new(), order: None };
    (request, copying)
}

/// Every file of a folder, with what it holds.
fn contents(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let entries = fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path());
    entries
        .map(|path| (path.file_name().expect("a name").to_string_lossy().into(), fs::read(path).expect("a file")))
        .collect()
}

fn exported(outlet: &dyn Outlet, home: &Path, to: &Path) -> Result<Exported, ExportError> {
    let (request, copying) = scene(home);
    export(outlet, &request, &copying, ("request.txt", "Dear Sir or Madam"), to, Timestamp::UNIX_EPOCH)
}

#[test]
fn d16_the_folder_of_a_request_has_the_audio_the_facts_and_their_hashes_for_this_user_alone() {
    let home = tempfile::tempdir().expect("a folder");
    let to = home.path().join("answer");
    let outlet = CutOutlet::default();
    let facts = exported(&outlet, home.path(), &to).expect("exported");
    let found = contents(&to);
    let names: Vec<&str> = found.keys().map(String::as_str).collect();
    assert_eq!(names, [SUMS, "one.wav", FACTS, "request.txt", "two-2.wav", "two.wav"]);
    assert_eq!(found["two.wav"], format!("audio of {}", home.path().join("two.wav").display()).into_bytes());
    for line in String::from_utf8(found[SUMS].clone()).expect("text").lines() {
        let (sum, name) = line.split_once("  ").expect("as sha256sum has it");
        assert_eq!(sum, beside::digest(&found[name]), "{name}");
    }
    assert_eq!(facts.recordings[1].files.len(), 2);
    let json: serde_json::Value = serde_json::from_slice(&found[FACTS]).expect("JSON");
    assert_eq!(json["recordings"][0]["purposes"][0]["basis"], "performance of the contract");
    assert!(!String::from_utf8_lossy(&found[FACTS]).contains("201234567"), "a number in the facts");
    let mode = |path: &Path| fs::metadata(path).expect("it is there").mode() & 0o777;
    assert_eq!((mode(&to), mode(&to.join("one.wav")), mode(&to.join(FACTS))), (0o700, 0o600, 0o600));
    // Nothing has its name before all of it is synced.
    assert_eq!(
        outlet.steps.borrow().join(" "),
        "make copy copy copy write write write sync publish sync",
        "the steps, in their order"
    );

    let again = exported(&RealOutlet, home.path(), &to).expect_err("it is there");
    assert!(again.to_string().contains("is there already"), "{again}");
    assert_eq!(contents(&to), found);
}

#[test]
fn an_export_that_is_killed_at_any_step_is_there_whole_or_not_at_all_and_the_next_one_succeeds() {
    let mut cuts = 0;
    for step in 1.. {
        let home = tempfile::tempdir().expect("a folder");
        let to = home.path().join("answer");
        let outlet = CutOutlet { at: step, ..CutOutlet::default() };
        match panic::catch_unwind(AssertUnwindSafe(|| exported(&outlet, home.path(), &to))) {
            Ok(done) => {
                done.expect("exported");
                break;
            }
            Err(end) => assert!(end.is::<Cut>(), "it failed instead, at step {step}"),
        }
        cuts += 1;
        if to.exists() {
            assert_eq!(contents(&to).len(), 6, "whole, at step {step}");
            continue;
        }
        exported(&RealOutlet, home.path(), &to).unwrap_or_else(|error| panic!("step {step}: {error}"));
        assert_eq!(contents(&to).len(), 6, "at step {step}");
        let left = fs::read_dir(home.path()).expect("a folder").count();
        assert_eq!(left, 4, "three files and one folder, at step {step}");
    }
    assert!(cuts >= 10, "{cuts} cuts");
}

#[test]
fn an_export_that_fails_leaves_nothing_and_one_that_held_its_name_is_made_again() {
    let home = tempfile::tempdir().expect("a folder");
    let to = home.path().join("answer");
    let (request, mut copying) = scene(home.path());
    copying[1].files.push(home.path().join("missing.wav"));
    let text = ("request.txt", "");
    let failed = export(&RealOutlet, &request, &copying, text, &to, Timestamp::UNIX_EPOCH).expect_err("one is missing");
    assert!(failed.path.ends_with("missing.wav"), "{failed}");
    assert!(!to.exists() && !unfinished(&to).exists());
    // As a cut leaves it where a folder can't be renamed at once.
    fs::create_dir(&to).expect("a folder");
    fs::create_dir(unfinished(&to)).expect("a folder");
    exported(&RealOutlet, home.path(), &to).expect("exported");
    assert_eq!(contents(&to).len(), 6);
    let nowhere = home.path().join("none/answer");
    assert!(exported(&RealOutlet, home.path(), &nowhere).is_err());
}
