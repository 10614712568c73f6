//! `retrocall recordings show`: all that is known of one recording.

use clap::Args;
use serde_json::json;

use crate::cli::{
    Context, Failure,
    actor::{Actor, failure, recording_of},
    output,
};
use retrocall_records::desk::{Desk as _, Note, Notes as _, Story};

const EXAMPLES: &str = "Examples:
  retrocall recordings show ID
  retrocall recordings show ID --as anna
  retrocall recordings show ID --json

ID is that of the recording, or of its call.";

/// All that is known of one: why it is kept, who listened, what was noted, what stops its deletion
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct ShowArgs {
    /// The recording, or its call
    #[arg(value_name = "ID")]
    id: String,
}

pub(super) fn run(context: &Context, args: &ShowArgs, actor: &Actor) -> Result<(), Failure> {
    let at = actor.at_desk(context)?;
    let id = recording_of(context, &args.id)?;
    let story = at.desk.story(&at.who, &id).map_err(failure)?;
    let notes = at.desk.notes(&at.who, &id).map_err(failure)?;
    if context.json() {
        let mut told = json!(story);
        told["notes"] = json!(notes);
        output::say_json(&told);
    } else {
        say(&story, &notes);
    }
    Ok(())
}

fn say(story: &Story, notes: &[Note]) {
    let recording = &story.recording;
    let words = |words: Vec<&str>| words.join(", ");
    let length = recording.seconds.map_or(String::new(), |seconds| format!(", {}", output::length(seconds)));
    output::say(&format!("{}: a call of {} at {:.0}{length}", recording.id, recording.agent, recording.start));
    output::say(&format!(
        "selected for: {}; kept for: {}; {}{}",
        words(recording.reasons.iter().map(|reason| reason.as_str()).collect()),
        words(recording.purposes.iter().map(|purpose| purpose.as_str()).collect()),
        recording.life.as_str(),
        if recording.held { ", on hold" } else { "" },
    ));
    for used in &story.uses {
        output::say(&format!("{:.0}  {} ({}): {}", used.at, used.by, used.kind.as_str(), used.why));
    }
    for note in notes {
        let place = note.at_seconds.map_or(String::new(), |seconds| format!(" at {}", output::length(seconds)));
        output::say(&format!("{:.0}  note of {}{place}: {}", note.written_at, note.author, note.text));
        for reply in &note.replies {
            let (kind, author) = (reply.kind.as_str(), &reply.author);
            let decision = reply.decision.as_ref().map_or(String::new(), |decision| format!(" ({decision})"));
            output::say(&format!("{:.0}    {kind} of {author}: {}{decision}", reply.written_at, reply.text));
        }
    }
    for held in &story.holds {
        let ended = held.released_at.map_or(String::new(), |at| format!(", released at {at:.0}"));
        output::say(&format!("{:.0}  hold of {} until: {}{ended}", held.set_at, held.owner, held.until));
    }
}
