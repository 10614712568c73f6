//! The record of processing activities (article 30 GDPR).

use serde::Serialize;

use crate::{
    facts::{ACTIVITIES, Facts, InForce},
    paper::{Paper, Part, Writer},
    text::Language,
};

/// What is processed for one purpose.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Activity {
    /// What it is called.
    pub name: String,
    /// What for.
    pub purpose: String,
    /// By which right.
    pub basis: String,
    /// Whose data.
    pub subjects: String,
    /// Which data.
    pub data: String,
    /// Who gets them.
    pub recipients: String,
    /// Where they go outside the Union.
    pub transfers: String,
    /// What ends it.
    pub retention: String,
    /// When it ends at the latest.
    pub ceiling: String,
}

/// The record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Record {
    /// In which language.
    pub language: Language,
    /// Who answers for it.
    pub controller: String,
    /// How to reach them.
    pub contact: String,
    /// How to reach the privacy officer.
    pub officer: String,
    /// Which version of the policy it follows.
    pub policy: InForce,
    /// What is processed.
    pub activities: Vec<Activity>,
    /// By which measures it is protected.
    pub security: Vec<String>,
}

/// The record of a desk.
pub fn record(facts: &Facts, language: Language) -> Record {
    let writer = Writer::new(facts, language);
    let activity = |name: &str| {
        let of = |message: &str| writer.say(&format!("{message}-{name}"));
        let (subjects, data) = match name {
            "live" => ("subjects", "data-live"),
            "ledger" => ("subjects-ledger", "data-ledger"),
            _ => ("subjects", "data-recording"),
        };
        Activity {
            name: of("name"),
            purpose: of("purpose"),
            basis: of("basis"),
            subjects: writer.say(subjects),
            data: writer.say(data),
            recipients: of("access"),
            transfers: writer.say("transfers"),
            retention: of("rule"),
            ceiling: of("ceiling"),
        }
    };
    let measures = ["security-memory", "security-files", "security-roles", "security-deletion"];
    Record {
        language,
        controller: writer.value("controller"),
        contact: writer.value("contact"),
        officer: writer.value("officer"),
        policy: facts.in_force,
        activities: ACTIVITIES.map(activity).into(),
        security: measures.map(|key| writer.say(key)).into(),
    }
}

impl Record {
    /// As a paper.
    pub fn paper(&self, facts: &Facts) -> Paper {
        let writer = Writer::new(facts, self.language);
        let first = Part { heading: None, text: vec![writer.say("record-controller"), writer.version(facts)] };
        let activities = self.activities.iter().map(|activity| {
            let lines = [
                ("record-purpose", &activity.purpose),
                ("record-basis", &activity.basis),
                ("record-subjects", &activity.subjects),
                ("record-data", &activity.data),
                ("record-recipients", &activity.recipients),
                ("record-transfers", &activity.transfers),
                ("record-retention", &activity.retention),
                ("record-ceiling", &activity.ceiling),
            ];
            let lines: Vec<String> =
                lines.map(|(key, said)| format!("- **{}**: {}", writer.say(key), said.trim_end_matches('.'))).into();
            Part { heading: Some(activity.name.clone()), text: vec![lines.join("\n")] }
        });
        let security = Part { heading: Some(writer.say("record-security-heading")), text: self.security.clone() };
        let parts = [first].into_iter().chain(activities).chain([security]).collect();
        writer.paper("record-title", parts)
    }
}
