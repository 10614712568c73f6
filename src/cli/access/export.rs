//! `retrocall access export`: the folder that answers a request.

use std::path::PathBuf;

use clap::Args;
use serde_json::json;

use crate::cli::{
    Context, Failure,
    actor::{AtDesk, failure},
    output::{self, counted},
    paperwork::{self, language},
};
use retrocall_papers::Language;
use retrocall_records::{
    desk::Requests as _,
    export::{self, RealOutlet},
};

/// The letter's name in the folder.
const LETTER: &str = "letter.txt";

/// Write the confirmed recordings into a new folder, with what is known of them and the letter
#[derive(Args)]
#[command(after_help = "Examples:
  retrocall access export REQUEST --to /media/letters/4711
  retrocall access export REQUEST --to /media/letters/4711 --lang nl --json

The folder is for you alone (mode 0700), and appears once it is whole. It must not be there. Each
copy is noted first: the agents see it, and an erasure names it. SHA256SUMS has the hashes.")]
pub(in crate::cli) struct ExportArgs {
    /// The request
    #[arg(value_name = "REQUEST")]
    request: String,
    /// The folder to make
    #[arg(long, value_name = "DIR")]
    to: PathBuf,
    /// The letter's language: en or nl
    #[arg(long = "lang", value_name = "LANGUAGE", default_value = "en", value_parser = language)]
    language: Language,
}

pub(in crate::cli) fn run(context: &Context, at: &AtDesk, args: &ExportArgs) -> Result<(), Failure> {
    let to = std::path::absolute(&args.to)
        .map_err(|error| Failure::new(format!("--to {} ({error})", args.to.display()), "name a folder"))?;
    let request = at.desk.request(&at.who, &args.request).map_err(failure)?;
    let letter = paperwork::letter(context, &request, args.language, None)?;
    export::is_free(&to).map_err(Failure::whole)?;
    let place = to.display().to_string();
    let copying = at.desk.exporting(&at.who, &args.request, &place, at.now).map_err(failure)?;
    let text = format!("{}\n", letter.trim_end());
    let made = export::export(&RealOutlet, &request, &copying, (LETTER, &text), &to, at.now).map_err(Failure::whole)?;
    if context.json() {
        let mut told = serde_json::to_value(&made).unwrap_or_default();
        told["folder"] = json!(to);
        output::say_json(&told);
    } else {
        let recordings = counted(made.recordings.len() as u64, "recording");
        output::say(&format!("{} has {recordings}, what is known of them, and the letter.", to.display()));
    }
    Ok(())
}
