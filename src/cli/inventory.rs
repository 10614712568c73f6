//! `retrocall inventory`: what existed at some time, for whoever has to tell of a breach. Needs no engine.

use clap::Args;
use comfy_table::{Table, presets};

use super::{
    Context, Failure,
    actor::{Actor, AtDesk, failure},
    output::{self, counted},
    subject,
};
use retrocall_records::desk::{Disclosures as _, Inventory};
use retrocall_words::Customer;

const EXAMPLES: &str = "Examples:
  retrocall inventory --at 2026-11-28T14:30 --as olga
  retrocall inventory --at 2026-11-28T13:30:00Z --json

It lists every recording that existed then, also what is gone since, and says of how many nobody can
tell any more whose they were. Only for the privacy officer: it has customers' numbers.";

/// What existed at some time, and whom it can no longer name
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct InventoryArgs {
    /// The time: as the desk's clock shows it, or in RFC 3339
    #[arg(long, value_name = "TIME")]
    at: String,
    #[command(flatten)]
    actor: Actor,
}

pub(super) fn run(context: &Context, args: InventoryArgs) -> Result<(), Failure> {
    let AtDesk { desk, who, .. } = args.actor.at_desk(context)?;
    let at = subject::time(context, &args.at)?;
    let inventory = desk.inventory(&who, at).map_err(failure)?;
    if context.json() {
        output::say_json(&inventory);
        return Ok(());
    }
    let Inventory { recordings, named, no_longer_named, never_named, backups, .. } = &inventory;
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    table.set_header(["recording", "start", "agent", "customer", "gone since"]);
    for one in recordings {
        table.add_row([
            one.recording.clone(),
            format!("{:.0}", one.start),
            one.agent.clone(),
            one.customer.as_ref().map(Customer::number).unwrap_or_default().to_owned(),
            one.gone_at.map(|at| format!("{at:.0}")).unwrap_or_default(),
        ]);
    }
    if !recordings.is_empty() {
        output::say_table(&table);
    }
    output::say(&format!(
        "{} existed at {at:.0}: {named} with a number, {no_longer_named} deleted since and no longer named, {never_named} without one.",
        counted(recordings.len() as u64, "recording")
    ));
    backups.iter().for_each(|path| output::say(&format!("A backup of then names them: {}", path.display())));
    Ok(())
}
