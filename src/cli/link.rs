//! `retrocall link`: delivers to the centre, beside an engine.

use std::{process, sync::Arc, time::Duration};

use clap::Args;
use nix::sys::signal::{SigSet, Signal};
use serde_json::json;
use tracing::info;

use super::{Context, Failure, output};
use retrocall_core::priority;
use retrocall_engine::watch::supervisor;
use retrocall_link::{EngineBeside, Link, Pace};
use retrocall_settings::parse_duration;
use retrocall_words::SystemClock;

const EXAMPLES: &str = "Examples:
  retrocall link                       delivers what this engine keeps, as it is kept
  retrocall link --again 30s           what the centre refused is offered again after half a minute

The home joins a centre first: `retrocall join URL --code CODE`. With the centre away everything
stays here and goes later; `retrocall status` says since when. What agents press at the centre it
carries to the engine, as far as [centre] in retrocall.toml lets it. Ctrl-C, SIGTERM or SIGHUP stop it.";

/// Deliver recordings and the ledger to the centre that this home has joined, and carry presses from there
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct LinkArgs {
    /// How long a recording that the centre refused waits before it is offered again
    #[arg(long, value_name = "DURATION", default_value = "5m", value_parser = parse_duration)]
    again: Duration,
}

pub(super) fn run(context: &Context, args: LinkArgs) -> Result<(), Failure> {
    // Before there is any other thread.
    let stops: SigSet = [Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP].into_iter().collect();
    stops
        .thread_block()
        .map_err(|error| Failure::new(format!("signals can't be waited for ({error})"), "try again"))?;
    // Calls come first.
    priority::give_way();
    output::log("info");
    // What is recorded may change until the agent can no longer press for it.
    let settings = context.settings()?;
    let settled = settings.after_hangup;
    let pace = Pace { settled, ..Pace::offering_again(args.again) };
    let link = Link::of(context.home(), Arc::new(SystemClock), pace).map_err(Failure::whole)?;
    let (centre, site) = (link.centre().to_owned(), link.site().to_owned());
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .thread_name("link")
        .enable_all()
        .build()
        .map_err(|error| Failure::new(format!("can't start threads ({error})"), "raise the limit on processes"))?;
    info!(centre, site, "delivering");
    if context.json() {
        let ready = json!({ "ready": true, "centre": centre, "site": site, "pid": process::id() });
        output::say(&ready.to_string());
    } else {
        output::say(&format!("Delivering to {centre}"));
    }
    supervisor::ready(&format!("delivering to {centre}"));
    let beside = Arc::new(EngineBeside::at(&settings.socket_path(context.home())));
    runtime.spawn(link.live(beside, settings.centre.may).run());
    runtime.spawn(link.run());
    let _ = stops.wait();
    // What is under way goes on with the next start.
    runtime.shutdown_timeout(Duration::from_secs(2));
    Ok(())
}
