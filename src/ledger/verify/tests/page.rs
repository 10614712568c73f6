//! The page for the works council.

use super::{
    super::{Evidence, Finding, FindingKind, Report},
    author::{Desk, Rig},
};

fn month_with(rig: Rig) -> Report {
    Desk::new(rig, 7).month(22, 400).verify(Evidence::default())
}

/// The questions that something speaks against.
fn doubts(report: &Report) -> Vec<&'static str> {
    report.answers().into_iter().filter(|answer| !answer.is_good).map(|answer| answer.question).collect()
}

#[test]
fn an_honest_month_answers_all_five_questions_of_the_council_well() {
    let report = month_with(Rig::None);
    assert_eq!((doubts(&report), report.answers().len()), (vec![], 5));
    assert_eq!(report.days.len(), 22, "a day of the plot for each day with calls");
    let (calls, drawn): (u64, u64) = report.days.iter().fold((0, 0), |sum, day| (sum.0 + day.calls, sum.1 + day.drawn));
    let expected: f64 = report.days.iter().map(|day| day.expected).sum();
    let variance: f64 = report.days.iter().map(|day| day.variance).sum();
    assert_eq!(calls, 22 * 400);
    assert!((drawn as f64 - expected).abs() < 3.29 * variance.sqrt(), "{drawn} of {calls}, {expected} expected");
}

#[test]
fn who_was_drawn_too_often_stands_on_the_page_under_that_question() {
    let report = month_with(Rig::OneAgentMore);
    assert_eq!(doubts(&report), ["Was the lottery fair?", "Was anyone heard too often?"]);
}

#[test]
fn the_page_needs_nothing_from_elsewhere_and_shows_no_text_as_markup() {
    let mut report = Desk::new(Rig::None, 7).month(3, 40).verify(Evidence::default());
    let detail = "<script>name</script>".to_owned();
    report.findings.push(Finding { kind: FindingKind::HeadUnreadable, place: None, detail });
    let page = report.page();
    assert!(page.contains("&lt;script&gt;name&lt;/script&gt;"), "{page}");
    for foreign in ["<script", "http:", "https:", "src=", "@import", "url("] {
        assert!(!page.contains(foreign), "{foreign}: {page}");
    }
    assert!(
        page.contains("<svg") && page.contains("aria-label=\"Drawn calls beyond those expected: 120 calls"),
        "{page}"
    );
}
