//! Papers, typed as they are typed: each follows the settings, the version of the policy of a day, and what was published.

mod desk;

use desk::{Home, Ran};
use serde_json::Value;

const WIRED: &str = "object_keys = \"3\"\n[papers]\ncontroller = \"Example Ltd\"\ncontact = \"desk@example.com\"\n";

fn set(home: &Home, settings: &str) {
    std::fs::write(home.path().join("retrocall.toml"), settings).expect("a file");
}

fn printed(home: &Home, args: &[&str]) -> String {
    let Ran { code, stdout, stderr, .. } = home.run(&[&["paperwork"], args].concat());
    assert_eq!(code, 0, "{args:?}: {stderr}");
    stdout
}

#[test]
fn every_paper_is_printed_in_both_languages_and_as_json() {
    let home = Home::with_settings(WIRED);
    for (paper, english, dutch) in [
        (&["notice"][..], "held in the memory", "in het geheugen"),
        (&["notice", "--spoken"], "press 3", "toets 3"),
        (&["article-30"], "Record of processing", "Register van verwerkingsactiviteiten"),
        (&["assessment"], "impact assessment", "effectbeoordeling"),
        (&["works-council"], "What root can do", "Wat root kan"),
        (&["staff"], "who hears it", "wie het hoort"),
    ] {
        let said = printed(&home, paper);
        assert!(said.contains(english), "{paper:?}: {said}");
        let said = printed(&home, &[paper, &["--lang", "nl"]].concat());
        assert!(said.contains(dutch), "{paper:?}: {said}");
        assert!(home.json(&[&["paperwork"], paper].concat()).is_object());
    }
    let record = home.json(&["paperwork", "article-30"]);
    assert_eq!(
        (&record["controller"], record["activities"].as_array().map(Vec::len)),
        (&"Example Ltd".into(), Some(7))
    );
    let notice = home.json(&["paperwork", "notice"]);
    assert!(notice["seconds"].as_f64().is_some_and(|seconds| seconds > 5.0 && seconds <= 20.0), "{notice}");
}

#[test]
fn the_spoken_notice_is_refused_while_its_key_is_not_wired_and_the_page_is_not() {
    let home = Home::new();
    for args in [&["notice"][..], &["notice", "--spoken"]] {
        let Ran { code, stdout, stderr, .. } = home.run(&[&["paperwork"], args].concat());
        assert_eq!((code, stdout.as_str(), stderr.lines().count()), (1, "", 1), "{stderr}");
        assert!(stderr.contains("object_keys"), "{stderr}");
    }
    assert!(printed(&home, &["notice", "--long"]).contains("Tell the agent"));
}

#[test]
fn d20_a_period_that_changes_changes_the_paper_and_a_paper_of_a_day_has_the_version_of_that_day() {
    let desk = desk::Desk::open_with(WIRED, &["--one-in", "1"]);
    let home = desk.stop();
    let before = printed(&home, &["works-council"]);
    assert!(before.contains("14 days if nobody decides") && before.contains("version 1"), "{before}");
    home.json(&["sweep"]);
    home.execute("UPDATE policies SET since = '2026-01-10T00:00:00.000000Z', text = json_set(text, '$.from', '2026-01-10T00:00:00Z')");
    set(&home, &format!("{WIRED}[retention]\nquality_unheard_days = 9\n"));
    let now = printed(&home, &["works-council"]);
    assert!(now.contains("9 days if nobody decides") && !now.contains("14 days if nobody decides"), "{now}");
    assert!(now.contains("not in force yet") && now.contains("version 2"), "{now}");
    let then = printed(&home, &["works-council", "--at", "2026-02-01"]);
    assert!(
        then.contains("14 days if nobody decides") && then.contains("Version 1") && then.contains("2026-01-10"),
        "{then}"
    );
    assert_eq!(home.run(&["paperwork", "staff", "--at", "yesterday"]).code, 2);
}

#[test]
fn a_text_that_was_published_is_compared_line_by_line() {
    let home = Home::with_settings(WIRED);
    let file = home.path().join("published.md");
    std::fs::write(&file, printed(&home, &["staff"]).replace('\n', "  \n\n")).expect("a file");
    let file = file.to_str().expect("a path");
    assert!(printed(&home, &["staff", "--check", file]).contains("says what the policy says"));
    set(&home, &format!("one_in = 7\n{WIRED}"));
    let Ran { code, stdout, stderr, .. } = home.run(&["paperwork", "staff", "--check", file]);
    assert_eq!(code, 1, "{stdout}");
    assert!(stdout.contains("- One call in 10") && stdout.contains("+ One call in 7"), "{stdout}");
    assert!(stderr.contains("differs from the policy in 2 lines"), "{stderr}");
    let told: Value =
        serde_json::from_str(&home.run(&["paperwork", "staff", "--check", file, "--json"]).stdout).expect("JSON");
    assert_eq!((&told["same"], told["lines"].as_array().map(Vec::len)), (&false.into(), Some(2)));
}
