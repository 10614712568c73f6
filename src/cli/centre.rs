//! `retrocall centre`: the sites of a centre, at the centre.

use clap::{Args, Subcommand};
use comfy_table::{Table, presets};
use serde_json::json;

use super::{
    Context, Failure,
    actor::{Actor, failure, text},
    output,
};
use rand::{TryRng as _, rngs::SysRng};
use retrocall_records::desk::{Orders as _, SiteEntry, Sites as _};

const EXAMPLES: &str = "Examples:
  retrocall centre code                a code by which one site can join within ten minutes
  retrocall centre engines             the sites, with their last word and what waits there
  retrocall centre withdraw SITE       it may nothing from now on
  retrocall centre let-go SITE --request REQUEST --reason 'Its disk was destroyed' --as olga

At a centre: its retrocall.toml has `database` and `store`. docs/many-machines.md has the whole way.";

/// Letters and digits that nobody takes for others: 32 of them.
const LETTERS: &[u8; 32] = b"ABCDEFGHJKLMNPQRSTUVWXYZ23456789";
/// Groups of a code, and letters of each: 100 bits.
const GROUPS: usize = 5;
const GROUP_LETTERS: usize = 4;

/// The sites of a centre
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct CentreArgs {
    #[command(flatten)]
    actor: Actor,
    #[command(subcommand)]
    command: CentreCommand,
}

#[derive(Subcommand)]
enum CentreCommand {
    Code(CodeArgs),
    Engines(EnginesArgs),
    Withdraw(WithdrawArgs),
    LetGo(LetGoArgs),
}

/// Make a code by which one site can join, and show it this once
#[derive(Args)]
#[command(after_help = "Examples:\n  retrocall centre code\n  retrocall centre code --json")]
struct CodeArgs {}

/// All sites: how they stand, their version, their last word, what waits there, standing orders open
#[derive(Args)]
#[command(after_help = "Examples:\n  retrocall centre engines\n  retrocall centre engines --json")]
struct EnginesArgs {}

/// Withdraw a site: from now on it may nothing. What it delivered stays
#[derive(Args)]
#[command(after_help = "Examples:\n  retrocall centre withdraw SITE")]
struct WithdrawArgs {
    /// The site's id, as `centre engines` shows it
    #[arg(value_name = "SITE")]
    site: String,
}

/// Answer a request without waiting for a site: it is lost, or stays away. The privacy officer decides that
#[derive(Args)]
#[command(after_help = "Examples:
  retrocall centre let-go SITE --request REQUEST --reason 'Its disk was destroyed' --as olga

A request waits until each site has delivered what is of before it, and said so. What of it still
lies at a site that is let go of, the answer does not cover: the customer may have to be told.")]
struct LetGoArgs {
    /// The site's id, as `centre engines` shows it
    #[arg(value_name = "SITE")]
    site: String,
    /// The request that does not wait for it
    #[arg(long, value_name = "REQUEST")]
    request: String,
    /// Why: the control log keeps that it was said
    #[arg(long, value_name = "TEXT", value_parser = text)]
    reason: String,
}

pub(super) fn run(context: &Context, args: CentreArgs) -> Result<(), Failure> {
    if context.settings()?.database.is_none() {
        return Err(Failure::new(
            "this is no centre: its settings name no database",
            "set `database` and `store` in retrocall.toml (docs/many-machines.md)",
        ));
    }
    let at = args.actor.at_desk(context)?;
    match args.command {
        CentreCommand::Code(CodeArgs {}) => {
            let code = code()?;
            at.desk.new_code(&at.who, &code, at.now).map_err(failure)?;
            if context.json() {
                output::say_json(&json!({ "code": code }));
            } else {
                output::say(&code);
                output::say("It is good once, for ten minutes: `retrocall join URL --code CODE` beside an engine.");
            }
        }
        CentreCommand::Engines(EnginesArgs {}) => {
            let sites = at.desk.sites(&at.who).map_err(failure)?;
            if context.json() {
                output::say_json(&sites);
            } else if sites.is_empty() {
                output::say("There are no sites.");
            } else {
                output::say_table(&table(sites));
            }
        }
        CentreCommand::Withdraw(WithdrawArgs { site }) => {
            at.desk.withdraw(&at.who, &site, at.now).map_err(failure)?;
            if context.json() {
                output::say_json(&json!({ "site": site }));
            } else {
                output::say("The site may nothing from now on. What it delivered stays.");
            }
        }
        CentreCommand::LetGo(LetGoArgs { site, request, reason }) => {
            at.desk.let_go(&at.who, &request, &site, &reason, at.now).map_err(failure)?;
            if context.json() {
                output::say_json(&json!({ "request": request, "site": site }));
            } else {
                output::say(&format!("Request {request} does not wait for this site any more."));
            }
        }
    }
    Ok(())
}

fn table(sites: Vec<SiteEntry>) -> Table {
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    table.set_header(["site", "stands", "version", "last word", "kept", "waiting", "refused", "orders"]);
    for site in sites {
        table.add_row([
            site.site,
            site.standing.as_str().to_owned(),
            site.version.unwrap_or_default(),
            site.last_word.map(|at| format!("{at:.0}")).unwrap_or_default(),
            site.kept.to_string(),
            site.backlog.to_string(),
            site.refused.to_string(),
            site.orders.to_string(),
        ]);
    }
    table
}

/// A new code.
fn code() -> Result<String, Failure> {
    let mut bytes = [0; GROUPS * GROUP_LETTERS];
    SysRng
        .try_fill_bytes(&mut bytes)
        .map_err(|error| Failure::new(format!("there are no random bytes ({error})"), "try again"))?;
    let letters: Vec<char> = bytes.iter().map(|byte| char::from(LETTERS[usize::from(byte % 32)])).collect();
    let groups: Vec<String> = letters.chunks(GROUP_LETTERS).map(|group| group.iter().collect()).collect();
    Ok(groups.join("-"))
}
