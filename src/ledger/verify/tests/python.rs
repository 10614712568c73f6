//! The verifier in Python comes to the same answers, from the manual alone.

use std::{ffi::OsStr, fs, path::Path, process::Command};

use super::{
    super::{CallList, Evidence, Report, verify},
    altered,
    author::{Desk, Ledger, Rig},
    forged,
};

/// In CI nobody reads what was skipped: there it fails.
fn skip() {
    assert!(std::env::var_os("CI").is_none(), "python3 is not installed");
    eprintln!("SKIPPED: python3 is not installed");
}

fn python(folder: &Path, more: &[&OsStr]) -> Option<(Vec<String>, bool)> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/verify_ledger.py");
    let run = Command::new("python3").arg(script).arg(folder).args(more).output();
    let Ok(output) = run else {
        skip();
        return None;
    };
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(errors.is_empty(), "{errors}");
    let text = String::from_utf8(output.stdout).expect("text");
    Some((text.lines().map(str::to_owned).collect(), output.status.success()))
}

#[track_caller]
fn assert_same(what: &str, ledger: &Ledger, later: Option<&str>) -> Report {
    let folder = tempfile::tempdir().expect("a folder");
    ledger.export(folder.path());
    let file = later.map(|note| {
        let path = folder.path().join("later.txt");
        fs::write(&path, note).expect("a file");
        path
    });
    let evidence = Evidence { later: later.map(str::to_owned), ..Evidence::default() };
    let report = verify(folder.path(), evidence).expect("a ledger");
    if let Some((lines, is_sound)) =
        python(folder.path(), &file.iter().map(|path| path.as_os_str()).collect::<Vec<_>>())
    {
        assert_eq!(report.lines(), lines, "{what}");
        assert_eq!(report.is_sound(), is_sound, "{what}");
    }
    report
}

#[test]
fn python_finds_the_same_in_a_ledger_that_was_tampered_with() {
    let ledger = Desk::new(Rig::None, 1).month(2, 25);
    let later = ledger.heads.last().expect("a head").1.clone();
    assert!(assert_same("honest", &ledger, Some(&later)).is_sound());
    let with = |change: &dyn Fn(&mut Vec<String>)| {
        let mut changed = ledger.clone();
        change(&mut changed.segments[1].1);
        changed
    };
    let end = ledger.segments[1].1.len();
    let cases: [(&str, Ledger); 12] = [
        ("changed", with(&|rows| rows[20] = altered(&rows[20]))),
        ("last changed", with(&|rows| rows[end - 1] = altered(&rows[end - 1]))),
        ("removed", with(&|rows| drop(rows.remove(20)))),
        ("three removed", with(&|rows| drop(rows.drain(20..23)))),
        ("inserted", with(&|rows| rows.insert(20, altered(&rows[20])))),
        ("inserted from elsewhere", with(&|rows| rows.insert(20, rows[40].clone()))),
        ("neighbours swapped", with(&|rows| rows.swap(20, 21))),
        ("swapped", with(&|rows| rows.swap(20, 31))),
        ("cut", with(&|rows| rows.truncate(end - 10))),
        ("unreadable", with(&|rows| rows[20] = rows[20].replace(':', ": "))),
        ("forged", forged(&ledger, 1, 20)),
        ("first segment expired", {
            let mut rest = ledger.clone();
            rest.segments.remove(0);
            rest
        }),
    ];
    for (what, changed) in cases {
        assert_same(what, &changed, None);
        assert_same(what, &changed, Some(&later));
    }
}

#[test]
fn python_finds_the_same_calls_that_only_the_pbx_or_only_the_ledger_has() {
    let ledger = Desk::new(Rig::None, 3).month(2, 25);
    let began = ledger.segments.iter().flat_map(|(_, rows)| rows).filter_map(|row| {
        let row: serde_json::Value = serde_json::from_str(row).ok()?;
        (row["kind"] == "call-began")
            .then(|| (row["at"].as_str().map(str::to_owned), row["call"].as_str().map(str::to_owned)))
    });
    let began: Vec<(String, String)> = began.filter_map(|(at, call)| Some((at?, call?))).collect();
    // By the id or by the time; one is left out, and one is invented.
    let line = |(number, (at, call)): (usize, &(String, String))| match number {
        7 => String::new(),
        number if number % 2 == 0 => format!("{at},{call}\n"),
        _ => format!("\"{at}\",\n"),
    };
    let list = began.iter().enumerate().map(line).collect::<String>();
    for (heading, more) in [("began,call\n", ""), ("Began,Call\n", "\n2026-11-30T03:03:03+01:00,\n")] {
        let folder = tempfile::tempdir().expect("a folder");
        ledger.export(folder.path());
        let (path, text) = (folder.path().join("pbx.csv"), format!("{heading}{list}{more}"));
        fs::write(&path, &text).expect("a file");
        let evidence = Evidence { calls: Some(CallList::read(&text).expect("a list")), ..Evidence::default() };
        let report = verify(folder.path(), evidence).expect("a ledger");
        let Some((lines, _)) = python(folder.path(), &["--calls".as_ref(), path.as_os_str()]) else { return };
        assert_eq!(report.lines(), lines);
        assert!(lines.iter().any(|line| line.starts_with("finding not-in-list ")), "{lines:?}");
        assert_eq!(lines.iter().any(|line| line.starts_with("finding not-in-ledger Line ")), !more.is_empty());
    }
}

#[test]
fn python_finds_the_same_rigs_of_the_draw() {
    let rigs = [
        ("N", Rig::OtherN, 5, 40),
        ("private", Rig::PrivateDrawn, 10, 400),
        ("dummies", Rig::Dummies, 22, 200),
        ("skipped", Rig::Skip, 22, 200),
        ("out of order", Rig::OutOfOrder, 3, 60),
        ("seed", Rig::OtherSeed, 2, 20),
        ("no number", Rig::NoNumber, 2, 20),
        ("heard early", Rig::HeardEarly, 4, 60),
        ("adopted", Rig::Adopted, 3, 40),
    ];
    for (what, rig, days, calls) in rigs {
        assert_same(what, &Desk::new(rig, 7).month(days, calls), None);
    }
}

/// The draw as docs/ledger.md has it in words, by somebody who reads nothing else.
const DRAW: &str = r#"
import hashlib, hmac, json, sys
for vector in json.load(open(sys.argv[1])):
    seed = bytes.fromhex(vector["seed"])
    assert hashlib.sha256(b"retrocall seed v1\n" + seed).hexdigest() == vector["commitment"], vector
    key = hmac.digest(seed, (vector["council"] or "retrocall draw v1: no number").encode(), "sha256")
    site = hashlib.sha256(vector["site"].encode()).digest()
    text = (1).to_bytes(4, "big") + site + vector["period"].to_bytes(8, "big") + vector["number"].to_bytes(8, "big")
    draw = hmac.digest(key, text, "sha256")[:8]
    assert draw.hex() == vector["draw"], vector
    for one_in, drawn in vector["drawn"].items():
        assert (int(one_in) > 0 and int.from_bytes(draw, "big") * int(one_in) < 2**64) == drawn, vector
"#;

#[test]
fn python_draws_the_same_from_the_published_test_vectors() {
    let vectors = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/ledger/draw.json");
    match Command::new("python3").args(["-c", DRAW]).arg(vectors).output() {
        Ok(output) => assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr)),
        Err(_) => skip(),
    }
}
