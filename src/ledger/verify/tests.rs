//! What a works council would have seen: tampering, rigs, honest months.

mod author;
mod damage;
mod manual;
mod page;
mod python;
mod rigs;

use super::{Evidence, FindingKind, RowId, Verdict};
use crate::{chain::Chain, event::Previous, hash::Hash, names::Month};
use author::{Desk, Ledger, Rig, signer};

fn small() -> Ledger {
    Desk::new(Rig::None, 1).month(2, 12)
}

/// Every row of both segments.
fn places(ledger: &Ledger) -> Vec<(usize, usize)> {
    let segments = ledger.segments.iter().enumerate();
    segments.flat_map(|(segment, (_, rows))| (0..rows.len()).map(move |row| (segment, row))).collect()
}

/// What was found about a row of the ledger after something was done to it.
#[track_caller]
fn assert_found(ledger: &Ledger, (segment, row): (usize, usize), kinds: &[FindingKind]) {
    let report = ledger.verify(Evidence::default());
    let place = RowId { segment: ledger.segments[segment].0, row: row as u64 };
    let found = report.findings.iter().any(|finding| finding.place == Some(place) && kinds.contains(&finding.kind));
    assert!(found, "{kinds:?} at {place}: {:#?}", report.findings);
}

/// The same row, at another second.
fn altered(row: &str) -> String {
    let second = row.find("Z\",\"").expect("a time") - 5;
    let digit = if row.as_bytes()[second] == b'0' { "1" } else { "0" };
    format!("{}{digit}{}", &row[..second], &row[second + 1..])
}

#[test]
fn an_honest_ledger_is_sound_and_its_lottery_witnessed() {
    let report = small().verify(Evidence::default());
    assert!(report.is_sound(), "{report}");
    let notices: Vec<_> = report.findings.iter().map(|finding| finding.kind).collect();
    assert_eq!(notices, [FindingKind::NumbersSkipped], "the hole has a name");
    assert_eq!(report.months.len(), 1);
    assert_eq!(report.months[0].verdict, Verdict::Witnessed);
    assert!(report.segments.iter().all(|segment| segment.signed == segment.rows), "{report}");
    assert!(report.open_days.is_empty() && report.comparisons.len() > 10, "{report}");
    assert!(report.to_string().ends_with("Nothing is wrong."), "{report}");
}

#[test]
fn each_row_that_is_changed_is_named() {
    let ledger = small();
    for (segment, row) in places(&ledger) {
        let mut changed = ledger.clone();
        let rows = &mut changed.segments[segment].1;
        rows[row] = altered(&rows[row]);
        if row + 1 == rows.len() && segment == 1 {
            // The last row of all: no row follows, the head tells that one of those since the head before was changed.
            let report = changed.verify(Evidence::default());
            let found = report.findings.iter().find(|finding| finding.kind == FindingKind::NotAsSigned);
            let place = found.expect("a finding").place.expect("a row");
            assert!(place.segment == changed.segments[1].0 && place.row <= row as u64, "{report}");
        } else {
            assert_found(&changed, (segment, row), &[FindingKind::Changed]);
        }
    }
}

#[test]
fn each_row_whose_own_link_is_changed_is_named() {
    let ledger = small();
    for (segment, row) in places(&ledger).into_iter().filter(|(_, row)| *row > 0) {
        let mut changed = ledger.clone();
        let rows = &mut changed.segments[segment].1;
        let at = rows[row].find("\"prev\":\"").expect("a hash") + 8;
        rows[row].replace_range(at..at + 64, &Hash::of(b"other").to_string());
        let is_last = row + 1 == rows.len();
        // Of the last row nobody can tell whether it or the one before was changed.
        assert_found(&changed, (segment, if is_last { row - 1 } else { row }), &[FindingKind::Changed]);
    }
}

#[test]
fn each_row_that_is_removed_is_named() {
    let ledger = small();
    for (segment, row) in places(&ledger) {
        let mut changed = ledger.clone();
        changed.segments[segment].1.remove(row);
        let is_last = row == changed.segments[segment].1.len();
        let kind = if is_last { FindingKind::Cut } else { FindingKind::Removed };
        assert_found(&changed, (segment, row), &[kind]);
    }
}

#[test]
fn each_row_that_is_inserted_is_named() {
    let ledger = small();
    for (segment, row) in places(&ledger) {
        for (at, of) in [(row, row), (row + 1, row), (row, (row + 9).min(ledger.segments[segment].1.len() - 1))] {
            let mut changed = ledger.clone();
            let rows = &mut changed.segments[segment].1;
            rows.insert(at, altered(&rows[of]));
            assert_found(&changed, (segment, of), &[FindingKind::Inserted]);
            let rows = &mut changed.segments[segment].1;
            rows[at] = if at <= of { rows[of + 1].clone() } else { rows[of].clone() };
            assert_found(&changed, (segment, of), &[FindingKind::Inserted]);
        }
    }
}

#[test]
fn each_pair_of_rows_that_is_swapped_is_named() {
    let ledger = small();
    for (segment, row) in places(&ledger) {
        for other in [row + 1, row + 2, row + 9].into_iter().filter(|other| *other < ledger.segments[segment].1.len()) {
            let mut changed = ledger.clone();
            changed.segments[segment].1.swap(row, other);
            let report = changed.verify(Evidence::default());
            let month = changed.segments[segment].0;
            let named = |row: usize| {
                let place = Some(RowId { segment: month, row: row as u64 });
                report.findings.iter().any(|found| found.place == place && found.kind == FindingKind::Swapped)
            };
            assert!(named(row) || named(other), "{row} and {other}: {report}");
        }
    }
}

/// Changes a row, and computes all hashes after it again, as whoever knows the format can.
fn forged(ledger: &Ledger, segment: usize, row: usize) -> Ledger {
    let mut forged = ledger.clone();
    let rows = &mut forged.segments[segment].1;
    rows[row] = altered(&rows[row]);
    for next in row + 1..rows.len() {
        let hash = Hash::of_row(&rows[next - 1]).to_string();
        let at = rows[next].find("\"prev\":\"").expect("a hash") + 8;
        rows[next].replace_range(at..at + 64, &hash);
    }
    forged
}

#[test]
fn a_chain_that_was_computed_again_is_not_what_the_heads_were_signed_over() {
    let ledger = small();
    for row in (0..ledger.segments[1].1.len()).step_by(7) {
        let report = forged(&ledger, 1, row).verify(Evidence::default());
        let found: Vec<_> = report.findings.iter().filter(|finding| finding.kind == FindingKind::NotAsSigned).collect();
        let place = found.first().and_then(|finding| finding.place).unwrap_or_else(|| panic!("row {row}: {report}"));
        assert!(place.segment == ledger.segments[1].0 && place.row <= row as u64, "row {row}: {report}");
    }
}

#[test]
fn heads_signed_again_over_a_forged_chain_are_found_with_one_that_lay_elsewhere() {
    let ledger = small();
    let later = ledger.heads.last().expect("a head").1.clone();
    let mut all_forged = forged(&ledger, 1, 5);
    all_forged.heads.retain(|(day, _)| !day.starts_with("2026-12"));
    let blind = all_forged.verify(Evidence::default());
    assert!(blind.is_sound(), "without another head nobody can know: {blind}");
    assert!(!blind.tail.as_ref().expect("an end").is_from_outside);
    let report = all_forged.verify(Evidence { later: Some(later), ..Evidence::default() });
    assert!(report.findings.iter().any(|finding| finding.kind == FindingKind::NotAsSigned), "{report}");
}

#[test]
fn a_cut_tail_is_found_with_a_later_head_and_the_report_says_what_could_be_known() {
    let ledger = small();
    let later = ledger.heads.last().expect("a head").1.clone();
    let mut cut = ledger.clone();
    let rows = cut.segments[1].1.len();
    cut.segments[1].1.truncate(rows - 10);
    cut.heads.pop();
    let blind = cut.verify(Evidence::default());
    assert!(blind.is_sound(), "{blind}");
    assert!(blind.to_string().contains("only a head that lies elsewhere"), "{blind}");
    let report = cut.verify(Evidence { later: Some(later.clone()), ..Evidence::default() });
    let place = RowId { segment: cut.segments[1].0, row: rows as u64 - 10 };
    let found: Vec<_> = report.findings.iter().filter(|finding| finding.kind == FindingKind::Cut).collect();
    assert_eq!(found.iter().map(|finding| finding.place).collect::<Vec<_>>(), [Some(place)], "{report}");
    let whole = ledger.verify(Evidence { later: Some(later), ..Evidence::default() });
    assert!(whole.is_sound() && whole.tail.as_ref().is_some_and(|tail| tail.is_from_outside), "{whole}");
    assert!(whole.to_string().contains("If one of them were cut off, this would say so."), "{whole}");
    assert!(!whole.to_string().contains("beside the ledger"), "{whole}");
    let early = ledger.verify(Evidence { later: Some(ledger.heads[0].1.clone()), ..Evidence::default() }).to_string();
    assert!(
        early.contains("the head of 2026-11-28, which was handed in") && early.contains("beside the ledger"),
        "{early}"
    );
}

#[test]
fn a_segment_that_was_cut_off_whole_is_found_with_a_later_head() {
    let mut cut = small();
    let later = cut.heads.last().expect("a head").1.clone();
    cut.segments.pop();
    cut.heads.retain(|(day, _)| day.starts_with("2026-11"));
    let report = cut.verify(Evidence { later: Some(later), ..Evidence::default() });
    assert!(report.findings.iter().any(|finding| finding.kind == FindingKind::Cut), "{report}");
}

#[test]
fn the_rest_of_a_ledger_verifies_when_its_first_segment_has_expired() {
    let mut rest = small();
    rest.segments.remove(0);
    let report = rest.verify(Evidence::default());
    assert!(report.is_sound(), "{report}");
    assert_eq!(report.months[0].verdict, Verdict::Expired);
    // Its heads stay, and would show another past.
    let other = Previous { size: 5, ..past(&rest) };
    let (chain, row) =
        Chain::open("desk-1".parse().expect("a site"), rest.segments[0].0, Some(other), jiff::Timestamp::UNIX_EPOCH);
    drop(chain);
    rest.segments[0].1 = vec![row.text];
    assert!(!rest.verify(Evidence::default()).is_sound());
}

fn past(ledger: &Ledger) -> Previous {
    let row: serde_json::Value = serde_json::from_str(&ledger.segments[0].1[0]).expect("JSON");
    serde_json::from_value(row["previous"].clone()).expect("the segment before")
}

#[test]
fn a_segment_that_is_missing_between_two_is_named() {
    let mut ledger = small();
    let previous = Previous {
        segment: ledger.segments[1].0,
        size: ledger.segments[1].1.len() as u64,
        root: Hash::of(b"x"),
        last: Hash::of(b"x"),
    };
    let next: Month = "2027-01".parse().expect("a month");
    let at = "2027-01-01T00:00:00Z".parse().expect("a time");
    let (_, row) = Chain::open("desk-1".parse().expect("a site"), next, Some(previous), at);
    ledger.segments[1] = (next, vec![row.text]);
    let report = ledger.verify(Evidence::default());
    assert!(report.findings.iter().any(|finding| finding.kind == FindingKind::SegmentMissing), "{report}");
}

#[test]
fn a_head_of_another_key_counts_for_nothing_and_is_named() {
    let mut ledger = small();
    let other = crate::note::Signer::new(signer().verifier().name(), &[1; 32]).expect("a name");
    let text = ledger.heads[1].1.rsplit_once("\n\n").expect("a note").0.to_owned() + "\n";
    ledger.heads[1].1 = other.sign(&text);
    let report = ledger.verify(Evidence::default());
    let found = report.findings.iter().find(|finding| finding.kind == FindingKind::HeadUnreadable);
    assert_eq!(found.map(|finding| finding.detail.as_str()), Some(ledger.heads[1].0.as_str()), "{report}");
}

/// With `RETROCALL_CALLS` calls a day, few without it: `make ledger` has two million rows.
#[test]
fn a_month_on_the_disk_is_verified_whatever_its_size() {
    let calls = std::env::var("RETROCALL_CALLS").map_or(60, |text| text.parse().expect("a number of calls"));
    let ledger = Desk::new(Rig::None, 1).month(31, calls);
    let folder = tempfile::tempdir().expect("a folder");
    ledger.export(folder.path());
    let rows: usize = ledger.segments.iter().map(|(_, rows)| rows.len()).sum();
    let bytes: usize = ledger.segments.iter().flat_map(|(_, rows)| rows).map(String::len).sum();
    drop(ledger);
    let clock = retrocall_words::SystemClock;
    let begin = retrocall_words::Clock::now(&clock);
    let report = super::verify(folder.path(), Evidence::default()).expect("a ledger");
    let took = retrocall_words::Clock::since(&clock, begin);
    eprintln!("{rows} rows, {bytes} bytes, in {took:?}; {} comparisons", report.comparisons.len());
    assert!(report.is_sound(), "{report}");
}
