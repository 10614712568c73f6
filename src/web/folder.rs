//! The folder for the authority: what somebody who asks how recordings are kept is given, in one file (D19, D20).
//!
//! Belongs here: which papers are in it. Does not: their words (`papers`), what existed (the desk's verbs).

use std::io::{Cursor, Write as _};

use axum::{body::Body, extract::State, response::Response};
use jiff::{Timestamp, tz::TimeZone};
use retrocall_papers::{Facts, Language, assessment, long_notice, record, staff, works_council};
use retrocall_records::{
    desk::{Disclosures as _, Inventory, Versions as _, WrittenVersion},
    ledger,
};
use sha2::{Digest as _, Sha256};
use zip::{CompressionMethod, DateTime, ZipWriter, result::ZipError, write::SimpleFileOptions};

use super::{
    answer::{Answer, Refusal},
    asked::Asked,
    copies,
    deciding::moment,
    facts::facts_at,
    pages::Shared,
};

/// A file of the folder: its name, and what it says.
type Paper = (String, String);

/// As things were at some time, or as they are.
pub(crate) async fn fetch(State(pages): State<Shared>, asked: Asked) -> Answer<Response> {
    let who = asked.who()?;
    let now = pages.clock.wall();
    let at = match asked.query.get("at") {
        Some(text) => moment(text, &pages.rules.calendar).ok_or(Refusal::Incomplete)?,
        None => now,
    };
    let zone = pages.zone().clone();
    let day = pages.rules.calendar.day_of(at);
    let shared = std::sync::Arc::clone(&pages);
    let folder = pages
        .ask(move |desk, now| -> Answer<Vec<u8>> {
            let inventory = desk.inventory(&who, at)?;
            let versions = desk.versions()?;
            let facts = facts_at(shared.paper_facts(), &versions, Some(day), now);
            let mut files = papers(&facts);
            files.extend(records(&inventory, &versions));
            for head in ledger::heads_at(shared.records()).map_err(|_| Refusal::Unreadable)? {
                files.push((format!("heads/{}.head", head.day), head.text));
            }
            zipped(files, now, &zone).map_err(|error| {
                tracing::warn!("the folder for the authority can't be made: {error}");
                Refusal::Busy
            })
        })
        .await?;
    Ok(copies::attached(Body::from(folder), "application/zip", &format!("retrocall-{day}.zip")))
}

/// The papers, in both languages.
fn papers(facts: &Facts) -> Vec<Paper> {
    let in_both = [(Language::En, "en"), (Language::Nl, "nl")].into_iter();
    in_both
        .flat_map(|(language, word)| {
            [
                ("article-30", record(facts, language).paper(facts)),
                ("assessment", assessment(facts, language)),
                ("notice-customers", long_notice(facts, language)),
                ("notice-staff", staff(facts, language)),
                ("works-council", works_council(facts, language)),
            ]
            .map(|(name, paper)| (format!("{name}-{word}.md"), paper.markdown()))
        })
        .collect()
}

/// What programs read.
fn records(inventory: &Inventory, versions: &[WrittenVersion]) -> [Paper; 2] {
    let numbered: Vec<_> =
        versions.iter().map(|written| serde_json::json!({ "version": written.number, "policy": written })).collect();
    [
        ("inventory.json".to_owned(), serde_json::to_string_pretty(inventory).unwrap_or_default()),
        ("policy-versions.json".to_owned(), serde_json::to_string_pretty(&numbered).unwrap_or_default()),
    ]
}

/// All of it in one file, with the hashes.
fn zipped(mut files: Vec<Paper>, now: Timestamp, zone: &TimeZone) -> Result<Vec<u8>, ZipError> {
    let sum = |text: &str| Sha256::digest(text).iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    let sums = files.iter().map(|(name, text)| format!("{}  {name}\n", sum(text))).collect();
    files.push((copies::SUMS.to_owned(), sums));
    let local = zone.to_datetime(now);
    let made = DateTime::from_date_and_time(
        local.year().unsigned_abs(),
        local.month().unsigned_abs(),
        local.day().unsigned_abs(),
        local.hour().unsigned_abs(),
        local.minute().unsigned_abs(),
        local.second().unsigned_abs(),
    );
    let options = SimpleFileOptions::default()
        .compression_method(CompressionMethod::Stored)
        .last_modified_time(made.unwrap_or_default())
        .unix_permissions(0o600);
    let mut folder = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, text) in files {
        folder.start_file(name, options)?;
        folder.write_all(text.as_bytes())?;
    }
    Ok(folder.finish()?.into_inner())
}
