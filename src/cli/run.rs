//! `retrocall run`: the engine in the foreground.

use std::{
    io::{self, IsTerminal},
    net::SocketAddr,
    process,
};

use clap::Args;
use serde_json::json;
use tracing::info;
use tracing_subscriber::EnvFilter;

use super::{Context, Failure};
use crate::{
    barrier,
    engine::Engine,
    intake,
    settings::{Settings, parse_memory, parse_metrics},
};

/// What is logged, as `info` or `retrocall=debug`. Never audio, never a customer's number.
const LOG_FILTER: &str = "RETROCALL_LOG";

const EXAMPLES: &str = "Examples:
  retrocall run                        the engine, with the settings of retrocall.toml
  retrocall run --one-in 0             recording on demand alone, no sample
  retrocall run --memory 1GiB          room for more calls
  retrocall run --metrics 127.0.0.1:9464
                                       figures for Prometheus at http://127.0.0.1:9464/metrics
  retrocall --home /srv/desk run       another home folder

Settings: retrocall.toml in the home folder. Stop it with Ctrl-C or SIGTERM: selected calls are written first.
Log: on standard error; RETROCALL_LOG=debug says more. Never audio, never a customer's number.";

/// The engine, in the foreground
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub struct RunArgs {
    /// Sample one call in N; 0: none [default: 10]
    #[arg(long, value_name = "N", value_parser = one_in)]
    pub one_in: Option<u32>,
    /// Memory for live calls, like 256MiB [default: 256MiB, or what this user may lock]
    #[arg(long, value_name = "SIZE", value_parser = parse_memory)]
    pub memory: Option<u64>,
    /// Run even if memory can't be locked: audio may then reach the swap
    #[arg(long)]
    pub allow_unlocked: bool,
    /// Show figures for Prometheus at this loopback address [default: nowhere]
    #[arg(long, value_name = "ADDR", value_parser = parse_metrics)]
    pub metrics: Option<SocketAddr>,
}

fn one_in(text: &str) -> Result<u32, String> {
    text.parse().map_err(|_| "a whole number, 0 or more".to_owned())
}

impl RunArgs {
    /// Flags override the file.
    pub fn apply(&self, settings: &mut Settings) {
        settings.one_in = self.one_in.unwrap_or(settings.one_in);
        settings.memory = self.memory.or(settings.memory);
        settings.allow_unlocked |= self.allow_unlocked;
        settings.metrics = self.metrics.or(settings.metrics);
    }
}

/// Runs the engine until it is told to stop.
pub(super) fn run(context: &Context, args: RunArgs) -> Result<(), Failure> {
    let mut settings = context.settings()?;
    args.apply(&mut settings);
    let filter = EnvFilter::try_from_env(LOG_FILTER).unwrap_or_else(|_| EnvFilter::new("info"));
    tracing_subscriber::fmt()
        .with_writer(io::stderr)
        .with_ansi(io::stderr().is_terminal())
        .with_env_filter(filter)
        .with_target(false)
        .init();
    let engine = Engine::start(context.home(), &settings).map_err(Failure::whole)?;
    let status = engine.status();
    intake::serve(engine, &settings, |intake::Ready { socket, metrics }| {
        // From here on this thread makes no file anywhere but where the engine lives and where its socket has to go in the end: live audio passes
        // through its hands when some of it is erased.
        barrier::write_only_below(&[context.home(), socket.parent().unwrap_or(socket)]);
        let shown = metrics.map(|address| format!("http://{address}/metrics"));
        info!(socket = %socket.display(), one_in = settings.one_in, metrics = shown, "ready");
        if context.json() {
            let ready = json!({
                "ready": true, "socket": socket, "pid": process::id(), "one_in": settings.one_in,
                "memory": status.memory, "memory_bytes": status.memory_bytes, "metrics": metrics,
            });
            println!("{ready}");
        }
    })
    .map_err(Failure::whole)
}
