//! `retrocall play`: listening to a recording, which is noted before its path is told. Needs no engine.

use clap::Args;
use serde_json::json;

use super::{
    Context, Failure,
    actor::{Actor, failure, recording_of, text},
    output,
};
use retrocall_records as catalog;
use retrocall_records::desk::{Desk as _, Use, UseKind};

const EXAMPLES: &str = "Examples:
  retrocall play ID
  retrocall play ID --as hanna
  retrocall play ID --for CASE --why 'Prepares the talk'
  mpv \"$(retrocall play ID)\"

It prints the path of the file, or of all its files in their order. Who listened, when and why is
noted first: the agent sees it. ID is that of the recording, or of its call.";

/// Listen to a recording: it is noted, and its path is printed
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct PlayArgs {
    /// The recording, or its call
    #[arg(value_name = "ID")]
    id: String,
    /// Why
    #[arg(long, value_name = "TEXT", value_parser = text, default_value = "to listen")]
    why: String,
    /// The review, case or request by right of which you listen
    #[arg(long = "for", value_name = "ID")]
    by_right_of: Option<String>,
    #[command(flatten)]
    actor: Actor,
}

pub(super) fn run(context: &Context, args: PlayArgs) -> Result<(), Failure> {
    let at = args.actor.at_desk(context)?;
    let id = recording_of(context, &args.id)?;
    let how = Use { kind: UseKind::Play, why: args.why, of: args.by_right_of };
    at.desk.used(&at.who, &id, &how, at.now).map_err(failure)?;
    let recordings = catalog::recordings(context.home()).map_err(Failure::whole)?;
    let found = recordings.into_iter().find(|recording| recording.id.as_ref() == Some(&id));
    let parts = match found {
        Some(found) if !found.parts.is_empty() => found.parts,
        Some(found) => found.path.into_iter().collect(),
        None => Vec::new(),
    };
    if parts.is_empty() {
        return Err(Failure::new("the recording is still being written", "play it when its call has ended"));
    }
    if context.json() {
        output::say_json(&json!({ "recording": id, "path": parts[0], "parts": parts }));
    } else {
        parts.iter().for_each(|part| output::say(&part.display().to_string()));
    }
    Ok(())
}
