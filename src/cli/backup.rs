//! `retrocall backup`: the catalog as it is now, in a file. Needs no engine, and works beside one.

use std::path::PathBuf;

use clap::Args;

use super::{
    Context, Failure,
    actor::{Actor, AtDesk, failure},
    output::{self, counted},
};
use retrocall_records::backup;

const EXAMPLES: &str = "Examples:
  retrocall backup /media/safe/catalog-2026-11-28.sqlite
  retrocall backup /media/safe/catalog-2026-11-28.sqlite --json

The catalog says why each recording exists and when it goes; customers' numbers are in it. The
recordings themselves are not: copy the folder `recordings` by other means, and more often than both
`tombstones.jsonl`, which says what was deleted, and `holds.jsonl`, which says what deeds keep.
`retrocall restore` is the way back.
Not in it are the draw's seeds and the ledger's key: they are in no backup.";

/// Write the catalog into a file, while it is in use
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct BackupArgs {
    /// The file, which must not be there yet
    #[arg(value_name = "FILE")]
    file: PathBuf,
    #[command(flatten)]
    actor: Actor,
}

pub(super) fn run(context: &Context, args: BackupArgs) -> Result<(), Failure> {
    let AtDesk { desk, who, now } = args.actor.at_desk(context)?;
    desk.may_back_up(&who).map_err(failure)?;
    let made = backup::backup(context.home(), &args.file, now).map_err(Failure::whole)?;
    desk.backed_up(&who, now).map_err(failure)?;
    if context.json() {
        output::say_json(&made);
        return Ok(());
    }
    output::say(&format!(
        "{} has the catalog: {} kept, {}. Recordings are not in it.",
        made.backup.display(),
        counted(made.recordings, "recording"),
        counted(made.calls, "call")
    ));
    output::say(&format!(
        "Customers' numbers are: keep it as safe as the home. What is deleted from now on stays in it, and it will not know what is held \
         from now on: keep copies of tombstones.jsonl and holds.jsonl in {} too.",
        context.home().display()
    ));
    Ok(())
}
