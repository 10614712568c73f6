//! `retrocall paperwork`: papers from the live policy. Needs no engine.

mod facts;
mod letter;

use std::{
    fs,
    path::{Path, PathBuf},
};

use clap::{Args, Subcommand};
use jiff::civil::Date;
use serde::Serialize;
use serde_json::json;
use similar::{ChangeTag, TextDiff};

use super::{
    Context, Failure,
    actor::{Actor, AtDesk, day, failure},
    output::{self, counted},
};
use retrocall_papers::{
    Facts, Language, Paper, Part, assessment, long_notice, notice, reading_seconds, record, spoken, staff,
    works_council,
};
use retrocall_records::desk::{RequestEntry, Requests as _};
use retrocall_words::Word as _;

pub(super) use facts::controller;

const EXAMPLES: &str = "Examples:
  retrocall paperwork notice                        for customers: read aloud, and the page
  retrocall paperwork notice --long --lang nl > opnames.md
  retrocall paperwork article-30 --json
  retrocall paperwork assessment
  retrocall paperwork works-council --at 2026-11-01
  retrocall paperwork staff --check published.md
  retrocall paperwork letter REQUEST --lang nl

Every figure comes from retrocall.toml: what changes there changes the papers. --check says in which
lines a published text differs from what the policy would say now, with exit code 1. Names and
addresses are set in [papers].";

/// Papers from the live policy: notices, records and letters, in English and Dutch
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct PaperworkArgs {
    /// The language: en or nl
    #[arg(long = "lang", value_name = "LANGUAGE", default_value = "en", value_parser = language, global = true)]
    language: Language,
    /// By the policy of this day [default: as it is now]
    #[arg(long, value_name = "DATE", value_parser = day, global = true)]
    at: Option<Date>,
    /// Compare a text that was published: say which lines differ
    #[arg(long, value_name = "FILE", global = true)]
    check: Option<PathBuf>,
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand)]
enum What {
    Notice(NoticeArgs),
    /// The record of processing activities (article 30 GDPR)
    #[command(
        name = "article-30",
        after_help = "Examples:\n  retrocall paperwork article-30\n  retrocall paperwork article-30 --json --lang nl"
    )]
    Article30,
    /// The facts for the impact assessment (article 35 GDPR)
    #[command(
        after_help = "Examples:\n  retrocall paperwork assessment\n  retrocall paperwork assessment --at 2026-11-01"
    )]
    Assessment,
    /// The sheet for the works council, with what root can do and what erasure can't promise
    #[command(after_help = "Examples:\n  retrocall paperwork works-council --lang nl")]
    WorksCouncil,
    /// The notice for agents
    #[command(after_help = "Examples:\n  retrocall paperwork staff\n  retrocall paperwork staff --check published.md")]
    Staff,
    Letter(LetterArgs),
}

/// The letter that answers a request: a copy, nothing held, a refusal, an erasure
#[derive(Args)]
#[command(after_help = "Examples:
  retrocall paperwork letter REQUEST
  retrocall paperwork letter REQUEST --lang nl --at 2026-12-01 --as olga

It says what was decided: decide first, with `retrocall access` or `retrocall erase`. --at is the day
of the letter.")]
struct LetterArgs {
    /// The request
    #[arg(value_name = "REQUEST")]
    request: String,
    #[command(flatten)]
    actor: Actor,
}

/// The notice for customers: what is read aloud, and the page that it names
#[derive(Args)]
#[command(after_help = "Examples:
  retrocall paperwork notice
  retrocall paperwork notice --spoken --lang nl
  retrocall paperwork notice --long --check published.md

What is read aloud takes 20 seconds at most. It is refused while its key is not wired: set
`object_keys` in retrocall.toml.")]
struct NoticeArgs {
    /// Only what is read aloud
    #[arg(long, conflicts_with = "long")]
    spoken: bool,
    /// Only the page
    #[arg(long)]
    long: bool,
}

pub(super) fn language(word: &str) -> Result<Language, String> {
    Language::read(word).ok_or_else(|| "en or nl".to_owned())
}

pub(super) fn run(context: &Context, args: PaperworkArgs) -> Result<(), Failure> {
    let facts = facts::of(context, args.at)?;
    let language = args.language;
    let (name, paper) = match &args.what {
        What::Notice(notice) => ("notice", notice_paper(&facts, language, notice)?),
        What::Article30 => {
            let record = record(&facts, language);
            if context.json() && args.check.is_none() {
                output::say_json(&record);
                return Ok(());
            }
            ("article-30", record.paper(&facts))
        }
        What::Assessment => ("assessment", assessment(&facts, language)),
        What::WorksCouncil => ("works-council", works_council(&facts, language)),
        What::Staff => ("staff", staff(&facts, language)),
        What::Letter(LetterArgs { request, actor }) => {
            let AtDesk { desk, who, .. } = actor.at_desk(context)?;
            let request = desk.request(&who, request).map_err(failure)?;
            ("letter", letter::paper(context, &request, language, args.at)?)
        }
    };
    match &args.check {
        Some(file) => check(context, name, &paper, file),
        None => {
            say(context, name, &paper, &facts);
            Ok(())
        }
    }
}

/// The letter that answers a request, as text.
pub(super) fn letter(
    context: &Context,
    request: &RequestEntry,
    language: Language,
    at: Option<Date>,
) -> Result<String, Failure> {
    Ok(text_of(&letter::paper(context, request, language, at)?))
}

fn notice_paper(facts: &Facts, language: Language, args: &NoticeArgs) -> Result<Paper, Failure> {
    let refused = |error| Failure::new(error, "or print the page alone with --long");
    if args.long {
        return Ok(long_notice(facts, language));
    }
    if !args.spoken {
        return notice(facts, language).map_err(refused);
    }
    let said = spoken(facts, language).map_err(refused)?;
    Ok(Paper { language, title: String::new(), parts: vec![Part { heading: None, text: vec![said] }] })
}

/// A paper as text. What is read aloud has no title.
fn text_of(paper: &Paper) -> String {
    let text = paper.markdown();
    let text = if paper.title.is_empty() { text.trim_start_matches(['#', ' ', '\n']) } else { text.as_str() };
    text.trim_end().to_owned()
}

fn say(context: &Context, name: &str, paper: &Paper, facts: &Facts) {
    if !context.json() {
        output::say(&text_of(paper));
        return;
    }
    let mut told = json!({ "paper": name, "policy": facts.in_force, "text": text_of(paper) });
    for (key, value) in
        [("language", json!(paper.language)), ("title", json!(paper.title)), ("parts", json!(paper.parts))]
    {
        told[key] = value;
    }
    if name == "notice" {
        let said = spoken(facts, paper.language).ok();
        told["seconds"] = json!(said.as_deref().map(reading_seconds));
        told["spoken"] = json!(said);
    }
    output::say_json(&told);
}

/// A line that only one of the two texts has.
#[derive(Serialize)]
struct DifferentLine {
    /// In the published text.
    published: Option<String>,
    /// In what the policy would say.
    policy: Option<String>,
}

/// Compares a published text with the paper: blank lines and blanks at the ends of lines don't count.
fn check(context: &Context, name: &str, paper: &Paper, file: &Path) -> Result<(), Failure> {
    let published = fs::read_to_string(file)
        .map_err(|error| Failure::new(format!("{} ({error})", file.display()), "name the text as it was published"))?;
    let (published, policy) = (plain(&published), plain(&text_of(paper)));
    let mut lines = Vec::new();
    for change in TextDiff::from_lines(published.as_str(), policy.as_str()).iter_all_changes() {
        let line = Some(change.value().trim_end().to_owned());
        match change.tag() {
            ChangeTag::Equal => {}
            ChangeTag::Delete => lines.push(DifferentLine { published: line, policy: None }),
            ChangeTag::Insert => lines.push(DifferentLine { published: None, policy: line }),
        }
    }
    if context.json() {
        output::say_json(&json!({ "paper": name, "same": lines.is_empty(), "lines": lines }));
    } else if lines.is_empty() {
        output::say("It says what the policy says.");
    } else {
        for DifferentLine { published, policy } in &lines {
            published.iter().for_each(|line| output::say(&format!("- {line}")));
            policy.iter().for_each(|line| output::say(&format!("+ {line}")));
        }
    }
    match lines.len() {
        0 => Ok(()),
        number => Err(Failure::new(
            format!("{} differs from the policy in {}", file.display(), counted(number as u64, "line")),
            format!(
                "publish what `{}` says",
                context.typed(&format!("paperwork {name} --lang {}", paper.language.as_str()))
            ),
        )),
    }
}

/// The lines of a text that say something, each ended.
fn plain(text: &str) -> String {
    let lines = text.lines().map(str::trim_end).filter(|line| !line.is_empty());
    lines.map(|line| format!("{line}\n")).collect()
}
