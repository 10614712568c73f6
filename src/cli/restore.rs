//! `retrocall restore`: the catalog from a backup, without what was deleted since. The engine must not run.

use std::{collections::BTreeMap, path::PathBuf};

use clap::Args;

use super::{
    Context, Failure,
    context::user_name,
    output::{self, counted, counted_doing},
};
use retrocall_engine::Home;
use retrocall_ledger::DeedKind;
use retrocall_records::backup::{self, Beside, Restored};
use retrocall_words::{Clock as _, SystemClock};

const EXAMPLES: &str = "Examples:
  retrocall restore /media/safe/catalog-2026-11-28.sqlite
  retrocall restore catalog.sqlite --tombstones tombstones.jsonl --holds holds.jsonl

The only way back from a backup: whatever was deleted since it was made is gone in it too, and
what deeds kept or let go of since is so in it again, or held until an officer has looked at it.
The home's own tombstones.jsonl and holds.jsonl say so; name copies of them if it was lost.
Without both nothing is played or deleted until you restore once more with them: with an empty
file, if nothing was ever deleted, or kept. The catalog that was there is put aside, not deleted.";

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
    /// A copy of the home's holds.jsonl, which lay elsewhere
    #[arg(long, value_name = "FILE")]
    holds: Option<PathBuf>,
}

pub(super) fn run(context: &Context, args: RestoreArgs) -> Result<(), Failure> {
    // Held to the end: no engine starts meanwhile.
    let home = Home::take(context.home()).map_err(|error| {
        Failure::new(format!("the catalog can't be restored now: {error}"), "stop the engine first")
    })?;
    let beside = Beside { tombstones: args.tombstones.as_deref(), holds: args.holds.as_deref() };
    let restored = backup::restore(home.path(), &args.file, beside, &user_name(), SystemClock.wall());
    let restored = restored.map_err(Failure::whole)?;
    if context.json() {
        output::say_json(&restored);
    } else {
        say(context, &restored);
    }
    Ok(())
}

fn say(context: &Context, restored: &Restored) {
    let Restored { from, gone, held, redone, to_be_held, recordings, replaced, new_site, open, tombstones } = restored;
    output::say(&format!(
        "The catalog is restored from {}: {} kept.",
        from.display(),
        counted(*recordings, "recording")
    ));
    match gone.len() {
        0 => output::say(&format!("Nothing in it was deleted since, by {}.", counted(*tombstones, "tombstone"))),
        count => output::say(&format!("Deleted since, and gone again: {}.", counted(count as u64, "recording"))),
    }
    if !held.is_empty() {
        output::say(&format!(
            "It lacks what has kept {} since; held until an officer has looked: {}.",
            counted(held.len() as u64, "recording"),
            by_deed(held.iter().map(|held| held.deed))
        ));
        output::say(&format!("See `{}`.", context.typed("hold list")));
    }
    if !redone.is_empty() {
        let deeds = counted_doing(redone.len() as u64, "deed", ("are", "is"));
        output::say(&format!(
            "{deeds} done in it again, which it lacked: {}.",
            by_deed(redone.iter().map(|redone| redone.deed))
        ));
    }
    if *to_be_held > 0 {
        let deeds = counted_doing(*to_be_held, "deed", ("are", "is"));
        output::say(&format!(
            "{deeds} about recordings that it does not know: the engine registers those, and holds them."
        ));
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
            "Nobody knows what was deleted, or kept, since: nothing is played or deleted until you type `{}`.",
            context.typed("restore FILE --tombstones FILE --holds FILE")
        )),
    }
}

/// How many of each deed.
fn by_deed(deeds: impl Iterator<Item = DeedKind>) -> String {
    let mut counts = BTreeMap::new();
    deeds.for_each(|deed| *counts.entry(deed.as_str()).or_insert(0) += 1);
    counts.iter().map(|(deed, count)| format!("{deed} {count}")).collect::<Vec<_>>().join(", ")
}
