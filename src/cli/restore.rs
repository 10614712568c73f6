//! `retrocall restore`: the catalog from a backup, without what was deleted since. The engine must not run.

use std::path::PathBuf;

use clap::Args;

use super::{
    Context, Failure,
    context::user_name,
    output::{self, counted},
};
use retrocall_engine::Home;
use retrocall_records::backup::{self, Restored};
use retrocall_words::{Clock as _, SystemClock};

const EXAMPLES: &str = "Examples:
  retrocall restore /media/safe/catalog-2026-11-28.sqlite --tombstones /media/safe/tombstones.jsonl
  retrocall restore /media/safe/catalog-2026-11-28.sqlite

The only way back from a backup: whatever was deleted since it was made is gone in it too. The
tombstones of the home count, if it has any; name a copy of them if it was lost. Without any of
them nothing is played or deleted until you restore once more with --tombstones: with an empty
file, if nothing was ever deleted. The catalog that was there is put aside, not deleted.";

/// Put a backup in the catalog's place, without what was deleted since
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct RestoreArgs {
    /// A file that `retrocall backup` made
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// A copy of the home's tombstones.jsonl, which lay elsewhere
    #[arg(long, value_name = "FILE")]
    tombstones: Option<PathBuf>,
}

pub(super) fn run(context: &Context, args: RestoreArgs) -> Result<(), Failure> {
    // Held to the end: no engine starts meanwhile.
    let home = Home::take(context.home()).map_err(|error| {
        Failure::new(format!("the catalog can't be restored now: {error}"), "stop the engine first")
    })?;
    let tombstones = args.tombstones.as_deref();
    let restored = backup::restore(home.path(), &args.file, tombstones, &user_name(), SystemClock.wall());
    let restored = restored.map_err(Failure::whole)?;
    if context.json() {
        output::say_json(&restored);
    } else {
        say(context, &restored);
    }
    Ok(())
}

fn say(context: &Context, restored: &Restored) {
    let Restored { from, gone, recordings, replaced, new_site, open, tombstones } = restored;
    output::say(&format!(
        "The catalog is restored from {}: {} kept.",
        from.display(),
        counted(*recordings, "recording")
    ));
    match gone.len() {
        0 => output::say(&format!("Nothing in it was deleted since, by {}.", counted(*tombstones, "tombstone"))),
        count => output::say(&format!("Deleted since, and gone again: {}.", counted(count as u64, "recording"))),
    }
    if let Some(replaced) = replaced {
        output::say(&format!(
            "The catalog before is {}: it holds customers' numbers, so delete it once nobody needs it.",
            replaced.display()
        ));
    }
    if *new_site {
        output::say(
            "Its ledger had come further, as a signed head shows: it goes on as a new site, which the ledger says, once the engine has started; \
             nothing is played or deleted before.",
        );
    }
    match open {
        true => output::say(&format!("Next: `{}`, which writes it in the ledger.", context.typed("run"))),
        false => output::say(&format!(
            "Nobody knows what was deleted since: nothing is played or deleted until you type `{}`.",
            context.typed("restore FILE --tombstones FILE")
        )),
    }
}
