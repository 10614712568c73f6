//! What customers may ask for, typed as the desk types it: a copy and an erasure, each from its entry to its letter.

mod desk;

use std::{env, fs, os::unix::fs::MetadataExt, path::PathBuf, process::Stdio, thread, time::Duration};

use desk::{Desk, Home, Ran, Sound, fixture, wait_for};
use jiff::{ToSpan, tz::TimeZone};
use retrocall::words::{Clock as _, SystemClock, book::Outcome};
use serde_json::{Value, json};

const NUMBER: &str = "0201234567";

/// A home with a recording of this customer and one of another, both pressed; the engine has stopped. Their ids and files.
fn with_two_customers() -> (Home, [(String, PathBuf); 2]) {
    let desk = Desk::open(&["--one-in", "0"]);
    let talk = fixture("talk-8k.wav");
    for (agent, number) in [("anna", "+31 20 123 4567"), ("bert", "0109876543")] {
        let told = desk.replay(&talk, &["--record-at", "1", "--agent", agent, "--customer", number]);
        assert_eq!(told["record"], "accepted", "{told}");
    }
    let is_there = |one: &Value| one["path"].is_string() && one["id"].is_string();
    let both = || desk.recordings().iter().filter(|one| is_there(one)).count() == 2;
    wait_for("both recordings", || Some(()).filter(|()| both()));
    let home = desk.stop();
    let found = ["anna", "bert"].map(|agent| {
        let listed = home.recordings();
        let one = listed.iter().find(|one| one["agent"] == agent).expect("it is listed");
        let text = |field: &str| one[field].as_str().expect("a text").to_owned();
        (text("id"), PathBuf::from(text("path")))
    });
    (home, found)
}

/// A command that is refused, with exit code 1 and one line that says why and what to do.
#[track_caller]
fn refused(home: &Home, args: &[&str], why: &str) {
    let Ran { code, stderr, .. } = home.run(args);
    assert!(code == 1 && stderr.contains(why) && stderr.lines().count() == 1, "{code}: {stderr}");
}

fn id(told: &Value, field: &str) -> String {
    told[field].as_str().unwrap_or_else(|| panic!("{told}")).to_owned()
}

fn letter(home: &Home, request: &str) -> String {
    let ran = home.run(&["paperwork", "letter", request]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    ran.stdout
}

#[test]
fn d15_d16_a_request_for_a_copy_from_its_entry_to_the_letter() {
    let (home, [(annas, file), (berts, _)]) = with_two_customers();
    home.json(&["user", "add", "tom", "--role", "case-handler"]);
    home.json(&["user", "add", "olga", "--role", "privacy-officer"]);
    let entered = home.json(&["access", "open", "--customer", NUMBER, "--as", "tom"]);
    assert_eq!(entered["candidates"], Value::Null, "whoever enters it does not learn what is kept");
    let request = id(&entered, "request");
    refused(&home, &["access", "list", "--as", "tom"], "needs the role privacy-officer");
    let listed = home.json(&["access", "list", "--as", "olga"]);
    let covered = &listed[0]["recordings"];
    assert_eq!((&covered[0]["recording"], &covered[0]["state"]), (&json!(annas), &json!("candidate")));
    assert_eq!(covered.as_array().map(Vec::len), Some(1), "{covered}");
    assert_eq!(home.json(&["access", "list", "--due"]), json!([]));
    refused(&home, &["paperwork", "letter", &request], "waits to be decided");
    refused(&home, &["access", "export", &request, "--to", "/none/x"], "waits to be decided");

    let confirm = ["access", "confirm", &request, "--recording", &annas, "--identity", "Called back", "--as", "olga"];
    home.json(&confirm);
    let folder = home.beside("answer");
    let to = folder.to_str().expect("a path");
    let exported = home.json(&["access", "export", &request, "--to", to, "--as", "olga"]);
    let name = id(&exported["recordings"][0]["files"][0], "file");
    assert_eq!(fs::read(folder.join(&name)).expect("audio"), fs::read(&file).expect("audio"));
    assert_eq!(fs::metadata(&folder).expect("a folder").mode() & 0o777, 0o700);
    let sums = fs::read_to_string(folder.join("SHA256SUMS")).expect("hashes");
    assert_eq!(sums.lines().count(), 3, "{sums}");
    let text = fs::read_to_string(folder.join("letter.txt")).expect("a letter");
    assert!(text.contains("With this letter you receive a copy of the recording"), "{text}");
    assert_eq!(text.trim_end(), letter(&home, &request).trim_end());
    refused(&home, &["access", "export", &request, "--to", to], "is there already");

    let story = home.json(&["recordings", "show", &annas]);
    assert_eq!((&story["uses"][0]["kind"], &story["uses"][0]["by"]), (&json!("export"), &json!("olga")));
    refused(&home, &["access", "extend", &request, "--reason", "x", "--as", "tom"], "needs the role");
    home.json(&["access", "extend", &request, "--reason", "Much to look through"]);
    assert!(letter(&home, &request).contains("The answer took longer: Much to look through"));
    assert_eq!(home.json(&["access", "answered", &request])["outcome"], "granted");
    refused(&home, &["access", "answered", &request], "answered before");

    let none = id(&home.json(&["access", "open", "--customer", "0301112223", "--received", "2026-01-02"]), "request");
    assert_eq!(id(&home.json(&["access", "list", "--due"])[0], "request"), none, "overdue");
    assert!(letter(&home, &none).contains("hold none"));
    assert_eq!(home.json(&["access", "answered", &none])["outcome"], "nothing-held");
    let third = id(&home.json(&["access", "open", "--agent", "bert"]), "request");
    home.json(&["access", "exclude", &third, "--recording", &berts, "--why", "Another bert"]);
    home.json(&["access", "refuse", &third, "--ground", "Article 12(5)(b)"]);
    assert!(letter(&home, &third).contains("Article 12(5)(b)"));
    refused(
        &home,
        &["access", "confirm", "none", "--recording", &annas, "--identity", "x"],
        "there is no such request",
    );
    assert_eq!(home.json(&["ledger", "verify"])["sound"], true);
}

#[test]
fn d17_an_erasure_from_its_entry_to_the_letter_and_no_byte_of_the_number_is_left() {
    let (home, [(annas, file), (berts, kept)]) = with_two_customers();
    let backup = home.beside("catalog.backup");
    home.json(&["backup", backup.to_str().expect("a path")]);
    let how = ["--identity", "Called back on the number"];
    let erased = home.json(&[&["erase", "--customer", NUMBER, "--reason", "Asked by letter"][..], &how].concat());
    let request = id(&erased, "request");
    assert_eq!((&erased["erased"], &erased["waiting"]), (&json!([annas]), &json!([])));
    let receipt = &erased["receipts"][0];
    assert!(receipt["out_of_reach_at"].is_string() && receipt["overwritten_at"].is_string(), "{erased}");
    assert_eq!(receipt["backups"], json!([backup]));
    assert!(!file.exists() && kept.exists());
    let listed = home.json(&["access", "list"]);
    assert_eq!(listed[0]["recordings"][0]["identity"], how[1], "D16: {listed}");
    assert!(letter(&home, &request).contains("This recording is erased"));
    assert_eq!(home.json(&["access", "answered", &request])["outcome"], "granted");
    home.json(&["sweep"]);
    for file in home.files() {
        let bytes = fs::read(&file).expect("a file");
        let has = |digits: &[u8]| bytes.windows(digits.len()).any(|some| some == digits);
        assert!(!has(b"201234567") && !has(b"20 123 4567"), "the number is in {}", file.display());
    }
    let receipts = home.json(&["erase", "receipt", &request]);
    assert_eq!(receipts.as_array().map(Vec::len), Some(2), "the recording's, and that of the number: {receipts}");

    // One in a case waits for the officer.
    home.json(&["case", "open", "--recording", &berts]);
    home.json(&["user", "add", "tom", "--role", "case-handler"]);
    let asked = home.json(&["erase", "--recording", &berts, "--reason", "Asked by telephone"]);
    assert_eq!(asked["waiting"], json!([[berts, ["officer"]]]));
    let request = id(&asked, "request");
    refused(&home, &["erase", "grant", &request, "--as", "tom"], "needs the role privacy-officer");
    refused(&home, &["access", "refuse", &request, "--ground", "x"], "`retrocall erase refuse`");
    home.json(&["erase", "refuse", &request, "--ground", "Article 17(3)(e)"]);
    assert!(letter(&home, &request).contains("Article 17(3)(e)"));
    assert_eq!(home.json(&["access", "answered", &request])["outcome"], "refused");
    assert!(kept.exists());
    let again = id(&home.json(&["erase", "--recording", &berts, "--reason", "Again", "--as", "tom"]), "request");
    assert_eq!(home.json(&["erase", "grant", &again])["erased"], json!([berts]));
    assert!(!kept.exists(), "the officer decides over the case");
    home.check();
    assert_eq!(home.json(&["ledger", "verify"])["sound"], true);
}

#[test]
fn d7_an_objection_without_a_call_is_heeded_by_the_engine_that_runs_until_it_is_withdrawn() {
    let desk = Desk::open(&["--one-in", "1"]);
    let talk = fixture("talk-8k.wav");
    let is_drawn = |number: &str| {
        let told = desk.replay(&talk, &["--agent", "anna", "--customer", number]);
        let call = told["call"].clone();
        let rows = desk.ledger(|rows| rows.iter().any(|row| json!(row.call) == call && row.end.is_some()));
        let row = rows.iter().find(|row| json!(row.call) == call).expect("its row");
        (row.outcome == Outcome::Kept, row.objected)
    };
    assert_eq!(is_drawn("+31 20 123 4567"), (true, false));
    let told = desk.json(&["object", "--customer", NUMBER]);
    assert_eq!((&told["objects"], &told["recordings"]), (&json!(true), &json!(1)), "the one that is kept");
    wait_for("the engine to heed it", || Some(()).filter(|()| is_drawn("0031201234567") == (false, true)));
    assert_eq!(is_drawn("0109876543"), (true, false), "somebody else");
    refused(&desk, &["object", "--customer", "0301112223", "--withdraw"], "no objection");
    desk.json(&["object", "--customer", NUMBER, "--withdraw"]);
    wait_for("the engine to forget it", || Some(()).filter(|()| is_drawn(NUMBER) == (true, false)));
    let home = desk.stop();
    assert_eq!(home.json(&["ledger", "verify"])["sound"], true);
    assert_eq!(home.run(&["object", "--customer", NUMBER, "--agent", "anna"]).code, 2);
}

#[test]
fn d18_d19_a_disclosure_an_inventory_and_another_purpose_as_they_are_typed() {
    let (home, [(annas, file), _]) = with_two_customers();
    home.json(&["user", "add", "tom", "--role", "case-handler"]);
    let how = ["--to", "Police", "--ground", "Article 126nd Sv", "--reference", "PL1300"];
    refused(&home, &[&["disclose", &annas, "--as", "tom"][..], &how].concat(), "needs the role privacy-officer");
    let told = home.json(&[&["disclose", &annas][..], &how].concat());
    assert_eq!((&told["path"], told["sha256"].as_str().map(str::len)), (&json!(file), Some(64)));
    let before = home.json(&["inventory", "--at", "2026-01-01T00:00"]);
    assert_eq!(before["recordings"], json!([]));
    let now = home.json(&["inventory", "--at", "2999-01-01T00:00:00Z"]);
    assert_eq!((&now["named"], &now["no_longer_named"], &now["never_named"]), (&json!(2), &json!(0), &json!(0)));
    assert_eq!(home.run(&["inventory", "--at", "yesterday"]).code, 1);

    let review = (TimeZone::UTC.to_datetime(SystemClock.wall()).date() + 60.days()).to_string();
    let add = ["purpose", "add", "--recording", &annas, "--purpose", "insurance-claim", "--reason", "Claim 4711"];
    let rest = ["--basis", "legitimate interest", "--until", "Decided", "--review", &review, "--as", "tom"];
    let proposal = id(&home.json(&[&add[..], &rest].concat()), "proposal");
    let whole = ["--compatibility", "The same matter", "--informed", "2026-01-02"];
    home.json(&["user", "add", "olga", "--role", "privacy-officer"]);
    for officer in [&[][..], &["--as", "olga"]] {
        let approve = [&["purpose", "approve", &proposal][..], &whole, officer].concat();
        refused(&home, &approve, "the second one decides on the page \"Decisions\"");
    }
    let mut judged = add;
    judged[5] = "evaluation";
    let judged = id(&home.json(&[&judged[..], &rest].concat()), "proposal");
    home.json(&["user", "add", "anna", "--role", "agent", "--agent", "anna"]);
    // D8: the owner is not the agent, for whom else they act.
    for answer in [&["purpose", "approve", &judged][..], &["purpose", "refuse", &judged, "--why", "No"]] {
        refused(&home, &[answer, &["--as", "anna"]].concat(), "in their own session");
    }
    refused(&home, &["purpose", "approve", &judged, "--as", "olga"], "on the page \"My calls\"");
    let told = home.run(&["recordings", "--mine", "--as", "anna"]).stdout;
    assert!(told.contains("tom asks to use it for evaluation"), "{told}");
    home.json(&["purpose", "refuse", &judged, "--why", "No"]);
    assert_eq!(home.json(&["purpose", "list"])[0]["proposed_by"], "tom");
    home.json(&["purpose", "refuse", &proposal, "--why", "The letter is enough"]);
    refused(&home, &["purpose", "refuse", &proposal, "--why", "Again"], "decided before");
    refused(&home, &["training", "approve", &annas], "decided before");

    // Who has a copy by law is told of the erasure.
    let erased = home.json(&["erase", "--recording", &annas, "--reason", "Asked by letter"]);
    assert_eq!(erased["recipients"][0]["to"], "Police");
    assert_eq!(erased["receipts"][0]["exports"][0]["kind"], "disclose");
    assert!(letter(&home, &id(&erased, "request")).contains("are told of the erasure: Police"));
    let now = home.json(&["inventory", "--at", "2999-01-01T00:00:00Z"]);
    assert_eq!(now["named"], 1, "it is gone by then");
}

#[test]
fn d6_teaching_material_is_silent_where_names_are_and_needs_its_agents_yes() {
    let desk = Desk::open(&["--one-in", "1"]);
    let told = desk.replay(&fixture("talk-8k.wav"), &["--agent", "anna"]);
    assert!(told["call"].is_string(), "{told}");
    let is_there = |one: &Value| one["path"].is_string() && one["id"].is_string();
    wait_for("the recording", || Some(()).filter(|()| desk.recordings().iter().any(is_there)));
    let home = desk.stop();
    // Agents see their sampled calls from the next morning on.
    home.execute("UPDATE ledger_periods SET published_at = '2026-11-28T09:00:00.000000Z'");
    let annas = home.recording_of("anna");
    let path = PathBuf::from(home.recordings()[0]["path"].as_str().expect("a file"));
    home.json(&["user", "add", "anna", "--role", "agent", "--agent", "anna"]);
    home.json(&["user", "add", "hanna", "--role", "reviewer"]);
    home.json(&["review", &annas, "--learning-moment", "Calm", "--as", "hanna"]);
    refused(&home, &["silence", &annas, "0.5..1"], "only teaching material");
    home.json(&["review", &annas, "--promote-to-training", "Calms an angry caller", "--as", "hanna"]);
    refused(&home, &["training", "approve", &annas], "its agent says yes first");
    // The next morning: the day's seed is published, and its agent sees the sample.
    home.execute("UPDATE ledger_periods SET published_at = '2026-11-28T09:00:00.000000Z'");
    home.json(&["training", "approve", &annas, "--as", "anna"]);
    refused(&home, &["training", "approve", &annas], "two people decide");
    refused(&home, &["training", "trainee", &annas, "--user", "anna"], "no teaching material yet");
    assert_eq!(home.json(&["training", "list"]), json!([]));
    assert_eq!(home.run(&["silence", &annas, "2..1"]).code, 2);

    let before = Sound::of_recording(&path);
    home.json(&["silence", &annas, "0.5..1", "--as", "hanna"]);
    let after = Sound::of_recording(&path);
    for (before, after) in before.legs.iter().zip(&after.legs) {
        assert!(after[4_000..8_000].iter().all(|sample| *sample == 0));
        assert_eq!((&before[..4_000], &before[8_000..]), (&after[..4_000], &after[8_000..]), "the rest stays");
    }
    let masks = home.recordings()[0]["masks"].clone();
    assert_eq!((&masks[0]["from_seconds"], &masks[0]["to_seconds"]), (&json!(0.5), &json!(1.0)), "{masks}");
    home.check();
    let hold = ["hold", "set", "--recording", &annas, "--reason", "Claim", "--until", "Paid", "--owner", "olga"];
    home.json(&hold);
    refused(&home, &["silence", &annas, "1..2"], "kept for something else too");
    home.json(&["training", "refuse", &annas, "--why", "Rather not", "--as", "anna"]);
    assert_eq!(home.json(&["ledger", "verify"])["sound"], true);
}

/// Kills of each kind, here; `make kills` has a hundred (`RETROCALL_KILLS`).
const KILLS: u32 = 3;
/// A command is killed up to so long after it began, a step later each time.
const LONGEST: Duration = Duration::from_millis(150);

/// Waits that cover all steps of a command.
fn waits() -> impl Iterator<Item = Duration> {
    let kills = env::var("RETROCALL_KILLS").ok().and_then(|text| text.parse().ok()).unwrap_or(KILLS);
    (0..kills).map(move |kill| LONGEST * kill / kills)
}

fn kill_after(home: &Home, args: &[&str], wait: Duration) {
    let mut command = home.command(args);
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("a command");
    thread::sleep(wait);
    let _ = child.kill();
    child.wait().expect("our child");
}

#[test]
fn an_export_that_is_killed_leaves_a_whole_folder_or_none_and_the_next_one_succeeds() {
    let (home, [(annas, file), _]) = with_two_customers();
    let request = id(&home.json(&["access", "open", "--customer", NUMBER]), "request");
    home.json(&["access", "confirm", &request, "--recording", &annas, "--identity", "Called back"]);
    for (number, wait) in waits().enumerate() {
        let folder = home.beside(&format!("answer-{number}"));
        let to = folder.to_str().expect("a path");
        let export = ["access", "export", &request, "--to", to];
        kill_after(&home, &export, wait);
        if !folder.exists() {
            home.json(&export);
        }
        let names = fs::read_dir(&folder).expect("a folder").count();
        assert_eq!(names, 4, "after {wait:?}");
        let audio = folder.join(file.file_name().expect("a name"));
        assert_eq!(fs::read(audio).expect("audio"), fs::read(&file).expect("audio"), "after {wait:?}");
        assert!(!home.beside(&format!(".answer-{number}.unfinished")).exists(), "after {wait:?}");
    }
    home.check();
}

#[test]
fn an_erasure_that_is_killed_was_never_asked_for_or_is_finished_by_the_next_sweep() {
    for wait in waits() {
        let (home, [(annas, file), (_, kept)]) = with_two_customers();
        kill_after(&home, &["erase", "--customer", NUMBER, "--reason", "Asked by letter"], wait);
        // Whoever was killed has the lease for ten minutes.
        home.execute("UPDATE leases SET expires_at = '2026-01-01T00:00:00.000000Z'");
        if home.json(&["access", "list"]) == json!([]) {
            assert!(file.exists(), "after {wait:?}");
            home.json(&["erase", "--customer", NUMBER, "--reason", "Asked by letter"]);
        }
        home.json(&["sweep"]);
        assert!(!file.exists() && kept.exists(), "after {wait:?}");
        let request = id(&home.json(&["access", "list"])[0], "request");
        let receipts = home.json(&["erase", "receipt", &request]);
        assert_eq!((&receipts[0]["recording"], &receipts[0]["reason"]), (&json!(annas), &json!("erased")));
        home.check();
    }
}
