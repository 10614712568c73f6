//! `retrocall disclose`: a recording is given to somebody outside, by law. Needs no engine.

use clap::Args;
use serde_json::json;

use super::{
    Context, Failure,
    actor::{Actor, AtDesk, failure, recording_of, text},
    output,
};
use retrocall_records::{
    desk::{Disclosure, Disclosures as _},
    sweep::{Files as _, HomeFiles},
};

const EXAMPLES: &str = "Examples:
  retrocall disclose ID --to 'Police Amsterdam' --ground 'Article 126nd Sv' --reference PL1300-2026 --as olga
  cp \"$(retrocall disclose ID --to Police --ground 'Article 126nd Sv' --reference PL1300-2026)\" /media/police/

It notes to whom, on which ground and under which reference, and then prints the path of the file, or
of all its files: copy them. An erasure names the recipient afterwards. Only the privacy officer
discloses.";

/// Give a recording to somebody outside, by law: it is noted, and its path is printed
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct DiscloseArgs {
    /// The recording, or its call
    #[arg(value_name = "ID")]
    id: String,
    /// Who gets it
    #[arg(long, value_name = "WHOM", value_parser = text)]
    to: String,
    /// On which ground in law
    #[arg(long, value_name = "TEXT", value_parser = text)]
    ground: String,
    /// Their reference: of the order, or of the letter
    #[arg(long, value_name = "TEXT", value_parser = text)]
    reference: String,
    #[command(flatten)]
    actor: Actor,
}

pub(super) fn run(context: &Context, args: DiscloseArgs) -> Result<(), Failure> {
    let AtDesk { desk, who, now } = args.actor.at_desk(context)?;
    let id = recording_of(context, &args.id)?;
    let how = Disclosure { to: args.to, ground: args.ground, reference: args.reference };
    let files = desk.disclose(&who, &id, &how, now).map_err(failure)?;
    if context.json() {
        let sha256 = HomeFiles::of(context.home()).hash(&files).ok().flatten();
        output::say_json(&json!({ "recording": id, "path": files[0], "parts": files, "sha256": sha256 }));
    } else {
        files.iter().for_each(|file| output::say(&file.display().to_string()));
    }
    Ok(())
}
