//! `retrocall recordings --mine`: what an agent sees of their own calls.

use jiff::{Timestamp, tz::TimeZone};
use serde::Serialize;

use crate::cli::{
    Context, Failure,
    actor::{Actor, failure},
    output,
};
use retrocall_records::{
    desk::{Heard, Mine, Outlook, Outlooks as _, OwnCalls as _, OwnRecording, ProposalEntry, Unusual, UnusualKind},
    policy::{NoticeKind, Why},
};

/// A recording, as `--json` prints it.
#[derive(Serialize)]
struct Told<'a> {
    #[serde(flatten)]
    own: &'a OwnRecording,
    /// Until when, if nothing happens; none while something holds it.
    until: Option<Timestamp>,
    /// What it waits for.
    why: Option<&'static str>,
    /// What is about to happen to it.
    warnings: &'a [NoticeKind],
    /// Of the agent, not of the recording: how many calls were heard.
    sample: Heard,
}

pub(super) fn run(context: &Context, actor: &Actor, agent: Option<String>) -> Result<(), Failure> {
    let at = actor.at_desk(context)?;
    let agent = at.who.agent.clone().or(agent).ok_or_else(|| {
        Failure::new(
            "whose recordings these are is not known",
            "name an agent's account with --as NAME, or the agent with --agent",
        )
    })?;
    let settings = context.settings()?;
    let calendar = &settings.calendar;
    let yesterday = calendar.day_of(at.now).yesterday().map_err(Failure::whole)?;
    let today = calendar.end_of(yesterday);
    let mine = at.desk.all_mine(&at.who, &agent, today, at.now).map_err(failure)?;
    let ids: Vec<String> = mine.recordings.iter().map(|own| own.recording.id.clone()).collect();
    let rules = (settings.retention, calendar);
    let outlooks = at.desk.outlooks(&at.who, &ids, rules, today, at.now).map_err(failure)?;
    let none = Outlook::default();
    let of = |own: &OwnRecording| outlooks.get(&own.recording.id).unwrap_or(&none);
    if context.json() {
        let told = |own| {
            let Outlook { until, why, warnings } = of(own);
            Told { own, until: *until, why: why.map(Why::sentence), warnings, sample: mine.heard }
        };
        let told: Vec<Told<'_>> = mine.recordings.iter().map(told).collect();
        output::say_json(&told);
        return Ok(());
    }
    for own in &mine.recordings {
        say(own, &agent, of(own), calendar.zone.rules());
    }
    if mine.recordings.is_empty() {
        output::say("Nothing is kept of your calls.");
    }
    say_figures(&mine);
    Ok(())
}

fn say(own: &OwnRecording, agent: &str, outlook: &Outlook, zone: &TimeZone) {
    let recording = &own.recording;
    let moment = |at: Timestamp| at.to_zoned_datetime(zone.clone()).strftime("%Y-%m-%d %H:%M").to_string();
    let length = recording.seconds.map_or(String::new(), |seconds| format!(", {}", output::length(seconds)));
    let purposes: Vec<&str> = recording.purposes.iter().map(|purpose| purpose.as_str()).collect();
    output::say(&format!("{}  a call of {}{length}: {}", recording.id, moment(recording.start), purposes.join(", ")));
    let until =
        outlook.until.map_or("as long as something holds it".to_owned(), |until| format!("until {}", moment(until)));
    output::say(&format!(
        "  kept {until}: {}",
        outlook.why.map_or("nothing is known from which its time could count", Why::sentence)
    ));
    if outlook.warnings.contains(&NoticeKind::EvaluationMissing) {
        output::say("  your evaluation is late: without it, the recording and its note go then");
    }
    if own.in_sample && own.uses.is_empty() {
        output::say("  in the coaching sample; nobody has listened");
    }
    own.asked.iter().for_each(|asked| say_asked(asked, agent));
    for used in &own.uses {
        output::say(&format!("  {}  {} ({}): {}", moment(used.at), used.by, used.kind.as_str(), used.why));
    }
    for note in &own.notes {
        output::say(&format!("  {}  note of {}: {}", moment(note.written_at), note.author, note.text));
        for reply in &note.replies {
            let decision = reply.decision.as_ref().map_or(String::new(), |decision| format!(" ({decision})"));
            let (kind, author) = (reply.kind.as_str(), &reply.author);
            output::say(&format!("  {}    {kind} of {author}: {}{decision}", moment(reply.written_at), reply.text));
        }
    }
}

/// A use that needs the agent's own yes.
fn say_asked(asked: &ProposalEntry, agent: &str) {
    let ProposalEntry { purpose, proposed_by, reason, .. } = asked;
    let state = match asked {
        _ if asked.refused_at.is_some() => "it was refused",
        _ if asked.approved_at.is_some() => "it was approved",
        _ if asked.has_yes_of(agent) => "you said yes, somebody else decides",
        _ if asked.judges() => "you pressed, so it needs your yes: answer on your page \"My calls\" (`retrocall web`)",
        _ => "it needs your yes: `retrocall training approve ID`, or on your page \"My calls\"",
    };
    output::say(&format!("  {proposed_by} asks to use it for {purpose} ({reason}): {state}"));
}

fn say_figures(mine: &Mine) {
    let Heard { heard, of, too_few } = mine.heard;
    let judge = if too_few { "; under five: too few to judge" } else { "" };
    output::say(&format!("{heard} heard of {of}{judge}."));
    for Unusual { kind, month, count, of, .. } in &mine.unusual {
        let what = match kind {
            UnusualKind::PrivateOrObjected => "private or objected to: more than 2 % and three times the median",
            UnusualKind::Pressed => "pressed: more than 10 %",
            UnusualKind::ReplayAfterOutcome | UnusualKind::HeardOften => continue,
        };
        output::say(&format!(
            "In {month} {count} of your {of} calls were {what}. The privacy officer sees it when the month is over."
        ));
    }
}
