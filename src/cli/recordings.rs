//! `retrocall recordings`: lists the recordings. Needs no engine.

mod mine;
mod show;

use std::{
    collections::HashMap,
    path::{Path, PathBuf},
};

use clap::{Args, Subcommand};
use comfy_table::{CellAlignment, Table, presets};
use jiff::{Timestamp, tz::TimeZone};

use super::{
    Context, Failure,
    actor::{Actor, failure},
    output::{self, counted_doing},
};
use retrocall_engine as engine;
use retrocall_engine::recordings_in;
use retrocall_file::{self as file, Item, RealDisk, Summary};
use retrocall_records as catalog;
use retrocall_records::{
    Recording, Trouble,
    desk::{Desk as _, Filter},
    policy::{self, Fate},
    sweep::{HomeStore, Judgement},
};
use retrocall_words as words;
use retrocall_words::{Call, Clock, Customer, SystemClock, book::RecordingState, shown};

const EXAMPLES: &str = "Examples:
  retrocall recordings
  retrocall recordings --json
  retrocall recordings --agent anna
  retrocall recordings --customer 0201234567
  retrocall recordings --mine --as anna
  retrocall recordings show ID
  retrocall --home /srv/desk recordings

A customer is found by any spelling of the number: 0201234567 (a number of the `country` in
retrocall.toml), +31 20 1234567, 0031201234567, sip:+31201234567@host.";

/// The recordings: call, agent, start, length, reasons, until when, file
#[derive(Args)]
#[command(after_help = EXAMPLES, args_conflicts_with_subcommands = true)]
pub(super) struct RecordingsArgs {
    /// Only recordings in which this agent took part
    #[arg(long, value_name = "AGENT")]
    agent: Option<String>,
    /// Only recordings of the customer with this number, in any spelling
    #[arg(long, value_name = "NUMBER")]
    customer: Option<String>,
    /// An agent's own: what is in the sample, until when, who listened and why, the notes
    #[arg(long, conflicts_with = "customer")]
    mine: bool,
    #[command(flatten)]
    actor: Actor,
    #[command(subcommand)]
    command: Option<RecordingsCommand>,
}

#[derive(Subcommand)]
enum RecordingsCommand {
    Show(show::ShowArgs),
}

pub(super) fn run(context: &Context, args: RecordingsArgs) -> Result<(), Failure> {
    // A missing folder is more often a slip of the pen than a desk that has not begun.
    if !context.home().is_dir() {
        return Err(Failure::new(
            format!("there is no home folder {}", context.home().display()),
            format!("name the engine's with --home, or start one with `{}`", context.typed("run")),
        ));
    }
    if let Some(RecordingsCommand::Show(show)) = &args.command {
        return show::run(context, show, &args.actor);
    }
    if args.mine {
        return mine::run(context, &args.actor, args.agent);
    }
    let mut recordings = kept(context.home()).map_err(Failure::whole)?;
    if args.actor.is_somebody() {
        keep_visible(context, &args.actor, &mut recordings)?;
    }
    judge(context, &mut recordings)?;
    if let Some(agent) = &args.agent {
        recordings.retain(|recording| agents(recording).any(|one| one == agent));
    }
    if let Some(customer) = args.customer {
        keep_those_of(context, customer, &mut recordings)?;
    }
    if context.json() {
        output::say_json(&recordings);
    } else if recordings.is_empty() {
        output::say("Nothing is kept.");
    } else {
        output::say_table(&table(&recordings, &TimeZone::system()));
    }
    Ok(())
}

/// Sets until when each is kept: by the policy as it is, and by all that has happened to the purposes that are listed. One that the catalog does
/// not know yet has what follows from its reasons.
fn judge(context: &Context, recordings: &mut [Recording]) -> Result<(), Failure> {
    let (settings, now) = (context.settings()?, SystemClock.wall());
    let Some(mut store) = HomeStore::open_to_read(context.home()).map_err(Failure::whole)? else { return Ok(()) };
    store.consider(settings.retention, &settings.calendar, now).map_err(Failure::whole)?;
    let policy = store.policy().clone();
    let listed: HashMap<_, _> = recordings.iter().filter_map(|one| Some((one.id.clone()?, &one.purposes))).collect();
    let mut due = HashMap::new();
    let look = |Judgement { id, mut facts, mut fate }: Judgement| {
        let Some(purposes) = listed.get(&id) else { return };
        let all = facts.purposes.len();
        facts.purposes.retain(|purpose| purposes.contains(&purpose.kind));
        // An agent who is not told yet that a call was drawn can't see it by its date either.
        if facts.purposes.len() < all {
            fate = policy::fate(&facts, &policy, now);
        }
        let until = match fate {
            Fate::Kept { until, .. } | Fate::Restricted { until, .. } => until,
            Fate::Due { since, .. } => Some(since),
            Fate::NoAnchor { .. } => None,
        };
        due.insert(id, until);
    };
    store.each_kept(now, look).map_err(Failure::whole)?;
    for recording in recordings {
        if let Some(until) = recording.id.as_ref().and_then(|id| due.remove(id)) {
            recording.due = until;
        }
    }
    Ok(())
}

/// Keeps only the recordings that somebody may see, with what is told them of each. What the catalog does not know yet, the owner alone sees.
fn keep_visible(context: &Context, actor: &Actor, recordings: &mut Vec<Recording>) -> Result<(), Failure> {
    let at = actor.at_desk(context)?;
    let mut visible = HashMap::new();
    let mut after = None;
    loop {
        let page = at.desk.list(&at.who, &Filter::default(), after.as_ref()).map_err(failure)?;
        visible.extend(page.recordings.into_iter().map(|entry| (entry.id.clone(), entry)));
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    recordings.retain_mut(|recording| {
        let Some(entry) = recording.id.as_ref().and_then(|id| visible.remove(id)) else { return false };
        (recording.reasons, recording.purposes) = (entry.reasons, entry.purposes);
        true
    });
    Ok(())
}

/// Keeps only the recordings of a customer. Those that the catalog does not know yet can't be matched: no file has the number.
fn keep_those_of(context: &Context, customer: String, recordings: &mut Vec<Recording>) -> Result<(), Failure> {
    let customer = Customer::from(words::name(&customer).map_err(|why| {
        Failure::new(
            format!("the customer's number {why}"),
            "write it as it was given with the call, or as it is dialled",
        )
    })?);
    let of_customer =
        catalog::of_customer(context.home(), &customer, context.settings()?.country).map_err(Failure::whole)?;
    let unknown = recordings.iter().filter(|recording| recording.id.is_none()).count();
    if unknown > 0 {
        output::complain(&format!(
            "{} not in the catalog yet, and may be this customer's too: ask again when `{}` shows no catalog trouble",
            counted_doing(unknown as u64, "recording", ("are", "is")),
            context.typed("status")
        ));
    }
    recordings.retain(|recording| of_customer.contains(&recording.call));
    Ok(())
}

/// The recordings in the catalog, and those that are only on disk so far: the catalog is written later and may be out of reach, but a client may
/// know of them already.
fn kept(home: &Path) -> Result<Vec<Recording>, Trouble> {
    let mut rows = catalog::recordings(home)?;
    let places: HashMap<_, _> = rows.iter().enumerate().map(|(at, row)| (row.call, at)).collect();
    for item in file::survey(&RealDisk, &recordings_in(home)) {
        let Item::Recording { path, call, part: 1 } = item else { continue };
        let row = places.get(&call).copied();
        if row.is_some_and(|at| rows[at].state != RecordingState::Committing) {
            continue;
        }
        let Some(look) = file::look_at(&path).ok().filter(|look| look.label.call.id == call) else { continue };
        let id = row.and_then(|at| rows[at].id.clone());
        let of_file = of_file(id, path, look);
        match row {
            Some(at) => rows[at] = of_file,
            None => rows.push(of_file),
        }
    }
    rows.sort_by(|one, other| (one.start, &one.id).cmp(&(other.start, &other.id)));
    Ok(rows)
}

/// A recording from its file, as it will be registered.
fn of_file(id: Option<String>, path: PathBuf, look: Summary) -> Recording {
    let Summary { label, first, samples, .. } = &look;
    let Call { facts, rate, began_at, .. } = &label.call;
    let (rate, end) = (*rate, first + samples);
    let purposes = catalog::purposes(&label.reasons, label.end(*first, *samples));
    let marks = engine::of_catalog(&look.marks, Vec::new(), end, rate);
    // The catalog keeps times in microseconds.
    let in_row = |at: Timestamp| Timestamp::from_microsecond(at.as_microsecond()).unwrap_or(at);
    Recording {
        id,
        call: label.call.id,
        agent: facts.agent.clone(),
        agents: engine::participants(&look.marks, &facts.agent, end, rate),
        pressed_by: marks.record.into_iter().next().map(|(_, agent)| agent),
        start: in_row(*began_at),
        seconds: Some(rate.seconds(*samples)),
        rate: rate.hz().into(),
        path: Some(path),
        gaps: marks.gaps,
        masks: marks.masks,
        lost: marks.lost,
        reasons: label.reasons.clone(),
        due: purposes.iter().filter_map(|purpose| purpose.due_at).max().map(in_row),
        purposes: purposes.into_iter().map(|purpose| purpose.purpose).collect(),
        state: if look.incomplete { RecordingState::Incomplete } else { RecordingState::Complete },
        bytes: Some(look.bytes),
        continues: facts.continues,
        parts: look.parts,
    }
}

fn table(recordings: &[Recording], zone: &TimeZone) -> Table {
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    table.set_header(["start", "agent", "length", "reason", "purpose", "due", "state", "file"]);
    for recording in recordings {
        table.add_row([
            moment(recording.start, zone, "%Y-%m-%d %H:%M:%S%:z"),
            agents(recording).map(|agent| shown(agent)).collect::<Vec<_>>().join(", "),
            recording.seconds.map_or(String::new(), output::length),
            listed(recording.reasons.iter().map(|reason| reason.as_str())),
            listed(recording.purposes.iter().map(|purpose| purpose.as_str())),
            recording.due.map_or("an event".to_owned(), |due| moment(due, zone, "%Y-%m-%d %H:%M%:z")),
            match recording.state {
                RecordingState::Committing => "being written".to_owned(),
                RecordingState::Complete => "complete".to_owned(),
                RecordingState::Incomplete => "incomplete".to_owned(),
            },
            recording.path.as_ref().map_or(String::new(), |path| match recording.parts.len() {
                0 | 1 => path.display().to_string(),
                parts => format!("{} and {} more", path.display(), parts - 1),
            }),
        ]);
    }
    table.column_mut(2).expect("it was just made").set_cell_alignment(CellAlignment::Right);
    table
}

/// The agents who took part, each once. While it is being written, the agent who began it.
fn agents(recording: &Recording) -> impl Iterator<Item = &String> {
    let mut all = vec![&recording.agent];
    for one in &recording.agents {
        if !all.contains(&&one.agent) {
            all.push(&one.agent);
        }
    }
    all.into_iter()
}

fn moment(at: Timestamp, zone: &TimeZone, format: &str) -> String {
    at.to_zoned_datetime(zone.clone()).strftime(format).to_string()
}

fn listed<'a>(words: impl Iterator<Item = &'a str>) -> String {
    words.collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use retrocall_records::PurposeKind;
    use retrocall_words::book::Participant;
    use retrocall_words::{CallId, Reason};

    #[test]
    fn a_recording_is_listed_with_why_it_is_kept_and_until_when() {
        let recording = Recording {
            id: Some("r".into()),
            call: CallId::new(),
            agent: "anna".into(),
            agents: ["anna", "bert", "anna"]
                .map(|agent| Participant { agent: agent.into(), from_seconds: 0.0, to_seconds: 1.0 })
                .into(),
            pressed_by: Some("bert".into()),
            start: "2026-11-24T10:00:05Z".parse().expect("a time"),
            seconds: Some(45.0),
            rate: 8_000,
            path: Some("/desk/recordings/a.wav".into()),
            parts: vec!["/desk/recordings/a.wav".into(), "/desk/recordings/a-2.wav".into()],
            gaps: vec![],
            masks: vec![],
            lost: vec![],
            reasons: vec![Reason::OnDemand, Reason::Sample],
            purposes: vec![PurposeKind::Incident, PurposeKind::Quality],
            due: Some("2026-12-01T10:00:00Z".parse().expect("a time")),
            state: RecordingState::Complete,
            bytes: Some(720_044),
            continues: None,
        };
        let waiting = Recording { due: None, state: RecordingState::Committing, seconds: None, ..recording.clone() };
        let text = table(&[recording, waiting], &TimeZone::UTC).to_string();
        for part in [
            "2026-11-24 10:00:05+00:00",
            "45 s",
            "on-demand, sample",
            "incident, quality",
            "2026-12-01 10:00+00:00",
            "an event",
            "being written",
            "anna, bert ",
            "/desk/recordings/a.wav and 1 more",
        ] {
            assert!(text.contains(part), "{part} is missing in\n{text}");
        }
    }
}
