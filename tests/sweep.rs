//! Recordings whose time is over, on a real desk: what `sweep` deletes, what `check` says of it, and that no engine brings anything back.

mod desk;

use std::{fs, path::PathBuf};

use desk::{Desk, Home, Line, wait_for};
use serde_json::{Value, json};

/// A desk that kept two pressed calls. Stopped.
fn kept_two() -> (Home, Vec<PathBuf>) {
    let desk = Desk::open(&["--one-in", "0"]);
    let paths = ["anna", "bert"].map(|agent| Line::play(&desk, agent, true).expect("a recording")).into();
    (desk.stop(), paths)
}

/// Long ago: its time is over.
const ANNAS_IS_OLD: &str = "UPDATE recordings SET ends_at = '2026-01-05T09:00:00.000000Z' WHERE agent = 'anna'";

/// What the ledger says was done, by people and by the rules.
fn entries(home: &Home) -> Vec<String> {
    let folder = home.beside("ledger");
    let ran = home.run(&["ledger", "export", folder.to_str().expect("a path")]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let segments = fs::read_dir(folder.join("segments")).expect("segments");
    let mut paths: Vec<PathBuf> = segments.map(|entry| entry.expect("an entry").path()).collect();
    paths.sort();
    let rows = paths.iter().map(|path| fs::read_to_string(path).expect("rows")).collect::<String>();
    let rows = rows.lines().map(|row| serde_json::from_str::<Value>(row).expect("a row"));
    rows.filter_map(|row| Some(row["deed"].as_str()?.to_owned())).collect()
}

#[test]
fn a_recording_whose_time_is_over_goes_and_no_engine_brings_it_back() {
    let (home, paths) = kept_two();
    assert_eq!(home.json(&["sweep", "--dry-run"]), json!({"due": [], "no_anchor": [], "stays": []}));
    assert_eq!(home.json(&["sweep"])["gone"], 0);
    home.execute(ANNAS_IS_OLD);
    let would = home.json(&["sweep", "--dry-run"]);
    assert_eq!((&would["due"][0]["why"], &would["due"][0]["files"]), (&json!("awaits-case"), &json!([paths[0]])));
    assert!(paths[0].exists(), "it only says what would go");

    let backup = fs::read(&paths[0]).expect("a file");
    let report = home.json(&["sweep"]);
    assert_eq!((&report["gone"], &report["failed"], &report["absent"]), (&json!(1), &json!([]), &json!([])));
    assert!(!paths[0].exists() && paths[1].exists());
    assert_eq!(home.recordings().len(), 1);
    home.check();
    assert_eq!(home.json(&["ledger", "verify"])["sound"], true);
    assert_eq!(entries(&home), ["policy-changed", "deleting", "deleted", "overwritten"]);
    assert_eq!((&report["overwritten"], &report["not_overwritten"]), (&json!(1), &Value::Null));
    let stones = fs::read_to_string(home.path().join("tombstones.jsonl")).expect("tombstones");
    assert_eq!(stones.lines().count(), 1);

    let home = home.start(&["--one-in", "0"]).stop();
    assert_eq!(home.recordings().len(), 1);
    home.check();
    // From a backup of the folder.
    fs::write(&paths[0], backup).expect("a file");
    let ran = home.run(&["check"]);
    assert!(ran.code == 1 && ran.stdout.contains("was deleted, and the file is there again"), "{}", ran.stdout);
    // The engine does not register it, and deletes it again.
    let desk = home.start(&["--one-in", "0"]);
    wait_for("the file's end", || (!paths[0].exists()).then_some(()));
    let home = desk.stop();
    assert_eq!(home.recordings().len(), 1);
    home.check();
    assert_eq!(entries(&home).last().map(String::as_str), Some("deleted"));
}

#[test]
fn a_deletion_that_was_cut_off_is_no_fault_and_is_finished_by_the_next_sweep() {
    let (home, paths) = kept_two();
    home.execute(ANNAS_IS_OLD);
    home.execute(
        "UPDATE recordings SET life = 'deleting', life_at = '2026-11-28T01:00:00.000000Z', life_token = 1 WHERE agent = 'anna'",
    );
    let dying = |home: &Home| home.check()["dying"][0]["found"].clone();
    assert_eq!(dying(&home), "begun");
    // An engine that starts meanwhile registers nothing of it.
    let home = home.start(&["--one-in", "0"]).stop();
    fs::remove_file(&paths[0]).expect("it is there");
    assert_eq!(dying(&home), "removed");
    let ran = home.run(&["check"]);
    assert!(ran.stdout.contains("is being deleted (removed)"), "{}", ran.stdout);
    let report = home.json(&["sweep"]);
    assert_eq!((&report["gone"], &report["finished"]), (&json!(1), &json!(1)));
    assert_eq!(home.check()["dying"], json!([]));
}

#[test]
fn after_a_jump_of_the_clock_nothing_goes_until_somebody_says_that_it_is_right() {
    let (home, paths) = kept_two();
    home.execute(ANNAS_IS_OLD);
    fs::write(home.path().join("last-sweep"), "2038-01-19T03:14:07Z\n").expect("a file");
    let ran = home.run(&["sweep"]);
    assert_eq!(ran.code, 1);
    assert!(
        ran.stderr.contains("the clock has jumped back") && ran.stderr.contains("--accept-clock"),
        "{}",
        ran.stderr
    );
    assert!(paths[0].exists());
    let ran = home.run(&["sweep", "--accept-clock"]);
    assert!(ran.code == 0 && ran.stdout.contains("1 recording is gone."), "{}{}", ran.stdout, ran.stderr);
    assert!(!paths[0].exists());
    let text = "SELECT COUNT(*) || '' FROM ledger_rows WHERE text LIKE '%\"kind\":\"clock-accepted\"%'";
    assert_eq!(home.one(text), "1", "who accepted it is in the ledger");
}

#[test]
fn a_change_of_the_policy_is_told_before_it_is_made() {
    let home = Home::with_settings("[retention]\nquality_unheard_days = 9\n");
    let new = home.beside("new.toml");
    fs::write(&new, "[retention]\nquality_unheard_days = 12\ncase_closed_hours = 48\n").expect("a file");
    let new = new.to_str().expect("UTF-8");
    let difference = home.json(&["policy", "diff", new]);
    let change = |period, before, after, binds_all| json!({"period": period, "before": before, "after": after, "binds_all": binds_all});
    let expected = [change("quality_unheard_days", 9, 12, false), change("case_closed_hours", 72, 48, true)];
    assert_eq!(difference["changes"], json!(expected));
    let shown = home.json(&["policy", "show"]);
    assert_eq!(
        (&shown["retention"]["quality_unheard_days"], &shown["rules"][0]["purpose"]),
        (&json!(9), &json!("quality"))
    );
    assert!(home.run(&["policy", "show"]).stdout.contains("9 days if nobody decides"));
}
