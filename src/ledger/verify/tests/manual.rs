//! What the manual shows is what the code writes.

use std::{fs, path::Path};

use super::{
    super::{Evidence, verify},
    author::{Desk, Rig},
};
use crate::hash::Hash;

fn root() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))
}

/// `RETROCALL_WRITE_EXAMPLE=1` writes it anew.
#[test]
fn the_example_is_what_the_code_writes_and_the_manual_shows_lines_of_it() {
    let ledger = Desk::new(Rig::None, 3).month(1, 6);
    let folder = root().join("fixtures/ledger/example");
    if std::env::var_os("RETROCALL_WRITE_EXAMPLE").is_some() {
        ledger.export(&folder);
    }
    let text = |path: &Path| fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    for (segment, rows) in &ledger.segments {
        assert_eq!(text(&folder.join(format!("segments/{segment}.jsonl"))), rows.join("\n") + "\n");
    }
    for (day, head) in &ledger.heads {
        assert_eq!(text(&folder.join(format!("heads/{day}.txt"))), *head);
    }
    let report = verify(&folder, Evidence::default()).expect("a ledger");
    assert!(report.is_sound() && report.months.len() == 1, "{report}");
    let manual = text(&root().join("docs/ledger.md"));
    let rows = &ledger.segments[0].1;
    let head = &ledger.heads.last().expect("a head").1;
    for shown in [&rows[0], &rows[1], &Hash::of_row(&rows[0]).to_string(), head] {
        assert!(manual.contains(shown.trim_end()), "docs/ledger.md lacks {shown}");
    }
}

#[test]
fn the_manual_has_every_word_of_a_finding_and_of_a_kind() {
    let manual = fs::read_to_string(root().join("docs/ledger.md")).expect("text");
    let kinds = crate::event::Kind::ALL.map(crate::event::Kind::as_str);
    let findings = super::FindingKind::ALL.map(super::FindingKind::as_str);
    let verdicts = super::Verdict::ALL.map(super::Verdict::as_str);
    for word in kinds.into_iter().chain(findings).chain(verdicts) {
        assert!(manual.contains(&format!("`{word}`")), "docs/ledger.md lacks `{word}`");
    }
}
