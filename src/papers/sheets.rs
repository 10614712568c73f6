//! What those get who judge and those who are recorded at work: facts for the impact assessment, the works council's sheet, the notice for staff.

use crate::{
    facts::{ACTIVITIES, Facts},
    paper::{Paper, Part, Writer},
    text::Language,
};

/// Every activity with its purpose, basis and rule, a paragraph each.
fn rows(writer: &Writer) -> Vec<String> {
    let row = |name: &str| {
        let of = |message: &str| writer.say(&format!("{message}-{name}"));
        let own = [
            ("name", of("name")),
            ("purpose", of("purpose")),
            ("basis", of("basis")),
            ("rule", of("rule")),
            ("ceiling", of("ceiling")),
        ];
        writer.say_with("assessment-row", &own)
    };
    ACTIVITIES.map(row).into()
}

/// The facts for the impact assessment (article 35 GDPR).
pub fn assessment(facts: &Facts, language: Language) -> Paper {
    let writer = Writer::new(facts, language);
    let limits = [
        "assessment-less-disk",
        "assessment-less-mask",
        "assessment-less-object",
        "assessment-less-days",
        "assessment-less-hold",
        "assessment-less-warned",
    ];
    let mut limits = writer.part(Some("assessment-less-heading"), &limits);
    limits.text.extend(
        ["security-memory", "security-files", "security-roles", "security-deletion"].map(|key| writer.say(key)),
    );
    let risks = ["assessment-risk-root", "assessment-risk-voice", "assessment-risk-disk", "assessment-risk-export"];
    let parts = vec![
        Part {
            heading: None,
            text: vec![writer.say("assessment-intro"), writer.say("record-controller"), writer.version(facts)],
        },
        writer.part(Some("assessment-what-heading"), &["assessment-all", "assessment-late", "assessment-review"]),
        Part { heading: Some(writer.say("assessment-why-heading")), text: rows(&writer) },
        limits,
        writer.part(Some("assessment-risk-heading"), &risks),
    ];
    writer.paper("assessment-title", parts)
}

/// The sheet for the works council.
pub fn works_council(facts: &Facts, language: Language) -> Paper {
    let writer = Writer::new(facts, language);
    let agents = ["council-agents-press", "council-agents-see", "council-agents-evaluation", "council-agents-report"];
    let root = ["council-root-steer", "council-root-memory", "council-root-clock", "council-root-log"];
    let erasure = ["council-erasure-disk", "council-erasure-copies", "council-erasure-backups", "council-erasure-ears"];
    let parts = vec![
        Part { heading: None, text: vec![writer.version(facts)] },
        writer.part(
            Some("council-sample-heading"),
            &["council-sample", "council-number", "council-order", "council-limit"],
        ),
        writer.part(Some("council-check-heading"), &["council-check"]),
        writer.part(Some("council-agents-heading"), &agents),
        Part { heading: Some(writer.say("council-rules-heading")), text: rows(&writer) },
        writer.part(Some("council-root-heading"), &root),
        writer.part(Some("council-erasure-heading"), &erasure),
    ];
    writer.paper("council-title", parts)
}

/// The notice for staff.
pub fn staff(facts: &Facts, language: Language) -> Paper {
    let writer = Writer::new(facts, language);
    let lines = [
        "staff-memory",
        "staff-sample",
        "staff-see",
        "staff-quality",
        "staff-press",
        "staff-press-mistake",
        "staff-copy",
        "staff-mask",
        "staff-noted",
        "staff-rates",
        "staff-left",
    ];
    writer.paper("staff-title", vec![writer.part(None, &lines)])
}
