//! `retrocall run`: the engine in the foreground.

use std::{io, net::SocketAddr, path::Path, process, sync::Arc, thread};

use clap::Args;
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use serde_json::json;
use tracing::{error, info, warn};

use super::{Context, Failure, output};
use retrocall_core::{
    barrier,
    heart::{self, Waits},
    memory::Arena,
};
use retrocall_engine::{Engine, recordings_in, watch::signals::Signals};
use retrocall_intake as intake;
use retrocall_proof::inside;
use retrocall_records::sweep::Hourly;
use retrocall_settings::{Settings, parse_audiosocket, parse_memory, parse_metrics};
use retrocall_words::SystemClock;

const EXAMPLES: &str = "Examples:
  retrocall run                        the engine, with the settings of retrocall.toml
  retrocall run --one-in 0             only recording on demand, no sample
  retrocall run --memory 1GiB          room for more calls
  retrocall run --metrics 127.0.0.1:9464
                                       figures for Prometheus at http://127.0.0.1:9464/metrics
  retrocall run --audiosocket 127.0.0.1:9092
                                       takes calls from Asterisk too: docs/asterisk.md
  retrocall --home /srv/desk run       another home folder

Settings: retrocall.toml in the home folder. Ctrl-C, SIGTERM or SIGHUP stop it, after selected calls are written. The same again, five seconds later, ends that wait.
The log goes to standard error; RETROCALL_LOG=debug says more. It never holds audio or a customer's number.";

/// The engine, in the foreground
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub struct RunArgs {
    /// Sample one call in N; 0: none [default: 10]
    #[arg(long, value_name = "N", value_parser = one_in)]
    pub one_in: Option<u32>,
    /// Memory for live calls, like 256MiB [default: 256MiB, or all that this user may lock]
    #[arg(long, value_name = "SIZE", value_parser = parse_memory)]
    pub memory: Option<u64>,
    /// Run even if memory can't be locked: audio may then reach the swap
    #[arg(long)]
    pub allow_unlocked: bool,
    /// Show figures for Prometheus at this loopback address [default: nowhere]
    #[arg(long, value_name = "ADDR", value_parser = parse_metrics)]
    pub metrics: Option<SocketAddr>,
    /// Take calls over AudioSocket at this loopback address [default: nowhere]
    #[arg(long, value_name = "ADDR", value_parser = parse_audiosocket)]
    pub audiosocket: Option<SocketAddr>,
    /// Report on this process's memory, on standard output, to the program that started it: only for `retrocall prove`
    #[arg(long, hide = true)]
    self_scan: bool,
    /// Leak on purpose
    #[cfg(feature = "planted-leaks")]
    #[arg(long, value_name = "KIND", hide = true)]
    plant_leak: Vec<retrocall_core::leaks::Leak>,
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
        settings.audiosocket = self.audiosocket.or(settings.audiosocket);
    }
}

/// Runs the engine until it is told to stop.
pub(super) fn run(context: &Context, args: RunArgs) -> Result<(), Failure> {
    let mut settings = context.settings()?;
    args.apply(&mut settings);
    let inherited = intake::Inherited::take(&mut settings, context.home()).map_err(Failure::whole)?;
    settings.check().map_err(Failure::whole)?;
    // Before there is any other thread.
    let signals = Signals::take().map_err(|error| {
        Failure::new(format!("signals can't be waited for ({error})"), "raise the limit on processes")
    })?;
    output::log("info");
    output::wait_for_nobody();
    #[cfg(feature = "planted-leaks")]
    retrocall_core::leaks::plant(&args.plant_leak, context.home());
    let open = |home: &Path, clock| retrocall_records::open(home, clock, settings.country, settings.one_in);
    let engine = Engine::start(context.home(), &settings, open).map_err(Failure::whole)?;
    let _hourly = sweep_hourly(context.home(), &settings)?;
    let status = engine.status();
    if args.self_scan {
        answer_whoever_started_us(engine.arena())?;
    }
    intake::serve(engine, &settings, inherited, signals, |intake::Ready { socket, metrics, audiosocket }| {
        // From here on this thread can make files only where the engine and its socket live: live audio passes through it when a control erases
        // some.
        barrier::write_only_below(&[context.home(), socket.parent().unwrap_or(socket)]);
        let shown = metrics.map(|address| format!("http://{address}/metrics"));
        let taps = audiosocket.map(|address| address.to_string());
        info!(socket = %socket.display(), one_in = settings.one_in, metrics = shown, audiosocket = taps, "ready");
        if context.json() {
            let ready = json!({
                "ready": true, "socket": socket, "pid": process::id(), "one_in": settings.one_in,
                "memory": status.memory, "memory_bytes": status.memory_bytes, "metrics": metrics, "audiosocket": audiosocket,
            });
            output::say(&ready.to_string());
        }
    })
    .map_err(Failure::whole)
}

/// The thread that deletes what is due.
fn sweep_hourly(home: &Path, settings: &Settings) -> Result<Hourly, Failure> {
    let (below, recordings) = (home.to_owned(), recordings_in(home));
    let barred = move || {
        barrier::write_only_below(&[&below, &recordings]);
    };
    let rules = (settings.retention, settings.calendar.clone(), settings.practice());
    let (hourly, mut work) = Hourly::new(home, rules, Arc::new(SystemClock));
    heart::spawn("sweep", Waits::Outside, barred, move |heart| work.run(|| heart.work()))
        .map_err(|error| Failure::new(format!("can't start a thread ({error})"), "raise the limit on processes"))?;
    Ok(hourly)
}

/// Starts a thread that searches this process on request from standard input. [`retrocall_proof::inside`] says why that is safe.
fn answer_whoever_started_us(arena: &Arc<Arena>) -> Result<(), Failure> {
    warn!(
        "this engine reports on its memory, as counts, to the program that started it (--self-scan): do not work with it"
    );
    let arena = Arc::clone(arena);
    let answer = move || {
        barrier::write_nowhere();
        if let Err(error) = inside::serve(&arena, io::stdin(), io::stdout()) {
            error!("this process can't be searched: {error}");
        }
    };
    let start = |name: &str, thread: Box<dyn FnOnce() + Send>| {
        thread::Builder::new()
            .name(name.to_owned())
            .spawn(thread)
            .map_err(|error| Failure::new(format!("can't start a thread ({error})"), "raise the limit on processes"))
    };
    let answering = start("self-scan", Box::new(answer))?;
    // A thread of its own: the barrier of the other one may keep it from sending signals.
    let stop = move || {
        let _ = answering.join();
        // Nobody holds the other end any more, so nobody else will stop this engine.
        let _ = kill(Pid::this(), Signal::SIGTERM);
    };
    start("self-scan-end", Box::new(stop)).map(drop)
}
