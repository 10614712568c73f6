//! `retrocall ledger`: the chained record of calls and deeds, its heads, and whether all of it holds. Needs no engine, and works beside one.

use std::{
    fs,
    path::{Path, PathBuf},
};

use clap::{Args, Subcommand};
use serde_json::json;

use super::{
    Context, Failure,
    output::{self, counted},
};
use retrocall_ledger::{CallList, Evidence, Report};
use retrocall_records::{
    Address, Server,
    ledger::{self, LedgerError},
};
use retrocall_web::{SiteLedger, verify_ledgers};

const EXAMPLES: &str = "Examples:
  retrocall ledger verify
  retrocall ledger verify --head 2026-11-30.txt --calls pbx.csv
  retrocall ledger export /media/council/ledger
  retrocall ledger verify /media/council/ledger
  retrocall ledger heads

docs/ledger.md says what stands in it, and is enough to write another verifier from.";

const VERIFY_EXAMPLES: &str = "Examples:
  retrocall ledger verify
  retrocall ledger verify --head 2026-11-30.txt
  retrocall ledger verify /media/council/ledger --calls pbx.csv --json
  retrocall ledger verify --page council.html
  retrocall --home /srv/centre ledger verify --all

A head that lay elsewhere (printed, mailed, with the works council) is the only witness against
whoever can write the home: hand in the latest one. The list of calls is CSV with a column `began`
(RFC 3339) and, if the PBX knows the engine's ids, one named `call`. With --all the ledger of every
site that delivers to this centre is read from its store alone, and nothing else is asked. The exit
code is 1 if anything is wrong.";

const EXPORT_EXAMPLES: &str = "Examples:
  retrocall ledger export /media/council/ledger

Rows name agents by pseudonyms, and customers not at all. What an earlier export left there is
replaced.";

const HEADS_EXAMPLES: &str = "Examples:
  retrocall ledger heads
  retrocall ledger heads --last > 2026-11-30.txt
  retrocall ledger heads --json

A head says how many rows there were at a day's end, and is signed. Hand it to somebody who can't
write the home: with it they can show later that no row was changed or cut off.";

/// The control log: every call, kept or not, and every deed, chained and signed
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct LedgerArgs {
    #[command(subcommand)]
    command: LedgerCommand,
}

#[derive(Subcommand)]
enum LedgerCommand {
    Verify(VerifyArgs),
    Export(ExportArgs),
    Heads(HeadsArgs),
}

/// Recompute everything: rows, heads, draws, and whether drawn calls were treated like all others
#[derive(Args)]
#[command(after_help = VERIFY_EXAMPLES)]
struct VerifyArgs {
    /// An exported ledger [default: the one of the home folder]
    #[arg(value_name = "DIR")]
    folder: Option<PathBuf>,
    /// A signed head that lay elsewhere
    #[arg(long, value_name = "FILE")]
    head: Option<PathBuf>,
    /// The PBX's own list of calls
    #[arg(long, value_name = "FILE.csv")]
    calls: Option<PathBuf>,
    /// At a centre: the ledgers of all its sites, from the store
    #[arg(long, conflicts_with_all = ["folder", "head", "calls", "page"])]
    all: bool,
    /// Write the outcome as a page too, with a plot of the lottery, to read in a browser or to print
    #[arg(long, value_name = "FILE.html")]
    page: Option<PathBuf>,
}

/// Write rows, heads and the public key into a folder, for a verifier on another machine
#[derive(Args)]
#[command(after_help = EXPORT_EXAMPLES)]
struct ExportArgs {
    /// The folder; it is made if it is not there
    #[arg(value_name = "DIR")]
    folder: PathBuf,
}

/// The signed heads, one for each day
#[derive(Args)]
#[command(after_help = HEADS_EXAMPLES)]
struct HeadsArgs {
    /// Only the last one, as it was signed
    #[arg(long)]
    last: bool,
}

pub(super) fn run(context: &Context, args: LedgerArgs) -> Result<(), Failure> {
    match args.command {
        LedgerCommand::Verify(args) => verify(context, &args),
        LedgerCommand::Export(args) => export(context, &args),
        LedgerCommand::Heads(args) => heads(context, &args),
    }
}

fn verify(context: &Context, args: &VerifyArgs) -> Result<(), Failure> {
    if args.all {
        return verify_all(context);
    }
    let later = args.head.as_deref().map(|path| text_of(path, "a head")).transpose()?;
    let calls = args.calls.as_deref().map(list_of_calls).transpose()?;
    let evidence = Evidence { heads: Vec::new(), later, calls };
    let report = match &args.folder {
        Some(folder) => retrocall_ledger::verify(folder, evidence).map_err(|error| {
            Failure::new(error, "name a folder that `retrocall ledger export` wrote, and a head that belongs to it")
        })?,
        None => ledger::verify_at(&address(context)?, evidence).map_err(failure)?,
    };
    if let Some(path) = &args.page {
        fs::write(path, report.page()).map_err(|error| {
            Failure::new(format!("{} can't be written: {error}", path.display()), "name a file in a folder of yours")
        })?;
    }
    say(context, &report);
    if report.is_sound() {
        return Ok(());
    }
    Err(Failure::new(
        "the ledger does not hold",
        "keep a copy of it (`retrocall ledger export`) and of all heads, and find out who could write the home",
    ))
}

/// The ledgers of all sites of a centre.
fn verify_all(context: &Context) -> Result<(), Failure> {
    let settings = context.settings()?;
    let address = settings.store.as_ref().ok_or_else(|| {
        Failure::new("this home has no store", "name the home of a centre with --home, or leave --all out")
    })?;
    let told = |ledger: &SiteLedger| match &ledger.report {
        _ if context.json() => {}
        Some(report) => output::say(&format!("{report}\n")),
        None => output::say(&format!("Site {}: there are rows, and no key to verify them by.\n", ledger.site)),
    };
    let runtime = tokio::runtime::Runtime::new().map_err(Failure::whole)?;
    let all = runtime.block_on(verify_ledgers(address.as_str(), told));
    let all = all.map_err(|why| Failure::new(why, "ask again when the store answers: `retrocall doctor`"))?;
    let wrong = all.iter().filter(|one| !one.is_sound()).count();
    if context.json() {
        output::say_json(&json!({ "sound": wrong == 0, "sites": all }));
    }
    match wrong {
        0 => Ok(()),
        wrong => Err(Failure::new(
            format!("{} of {} do not hold", wrong, counted(all.len() as u64, "ledger")),
            "compare them with their sites' own (`retrocall ledger export` there), and find out who could write the store",
        )),
    }
}

fn say(context: &Context, report: &Report) {
    if context.json() {
        output::say_json(&json!({ "sound": report.is_sound(), "report": report }));
    } else {
        output::say(&report.to_string());
    }
}

fn export(context: &Context, args: &ExportArgs) -> Result<(), Failure> {
    let exported = ledger::export(&address(context)?, &args.folder).map_err(failure)?;
    if context.json() {
        output::say_json(&exported);
        return Ok(());
    }
    let (rows, heads, folder) = (exported.rows, exported.heads.len(), exported.folder.display());
    let (rows, heads) = (counted(rows, "row"), counted(heads as u64, "head"));
    output::say(&format!("{rows} and {heads} of site {} are in {folder}.", exported.site));
    output::say(&format!("Verify them on any machine: retrocall ledger verify {folder}"));
    Ok(())
}

fn heads(context: &Context, args: &HeadsArgs) -> Result<(), Failure> {
    let mut heads = ledger::heads_at(&address(context)?).map_err(failure)?;
    if args.last {
        heads = heads.pop().into_iter().collect();
    }
    match heads.as_slice() {
        heads if context.json() => output::say_json(&heads),
        [] => output::say("No day has been sealed yet: a head is signed when the day after it has begun."),
        // As it was signed, so that it can be kept as a file.
        [head] if args.last => output::say(head.text.trim_end_matches('\n')),
        heads => {
            for head in heads {
                output::say(&format!(
                    "{}  segment {}, {}, sealed at {}",
                    head.day,
                    head.segment,
                    counted(head.rows, "row"),
                    head.sealed_at
                ));
            }
        }
    }
    Ok(())
}

/// Where the ledger lies: that of an engine in its home, a centre's own on its server.
fn address(context: &Context) -> Result<Address, Failure> {
    // A folder that does not exist is a slip of the pen more often than a desk that has not begun.
    if !context.home().is_dir() {
        return Err(Failure::new(
            format!("there is no home folder {}", context.home().display()),
            format!("name the engine's with --home, or start one with `{}`", context.typed("run")),
        ));
    }
    match context.settings()?.database {
        Some(database) => Ok(Address::Server(Server::at(database.as_str()).map_err(Failure::whole)?)),
        None => Ok(Address::of(context.home())),
    }
}

fn failure(error: LedgerError) -> Failure {
    match error {
        LedgerError::None => Failure::new(error, "start the engine once with `retrocall run`"),
        other => Failure::whole(other),
    }
}

fn text_of(path: &Path, what: &str) -> Result<String, Failure> {
    fs::read_to_string(path)
        .map_err(|error| Failure::new(format!("{} can't be read: {error}", path.display()), format!("name {what}")))
}

fn list_of_calls(path: &Path) -> Result<CallList, Failure> {
    let text = text_of(path, "a list of calls")?;
    CallList::read(&text).map_err(|error| {
        Failure::new(
            format!("{} is {error}", path.display()),
            "its first line names the columns; `began` has times such as 2026-11-28T09:30:00Z",
        )
    })
}
