//! `retrocall prove`: a private engine, calls of noise that nobody has ever heard, and a search for that noise everywhere.

mod checks;
mod core;
mod disk;
mod looks;
mod noise;

use std::{
    fs,
    path::{Path, PathBuf},
    sync::Arc,
};

use clap::Args;
use jiff::Timestamp;
use rand::{RngExt, SeedableRng, rngs::StdRng};

use super::{
    Context, Failure,
    context::user_name,
    output::Progress,
    private_engine::{self, PrivateEngine},
};
use checks::{Check, Report, Run};
use noise::{Call, CallsInPlay};
use retrocall_proof::{Needles, inside::Asker, written::Watch};
use retrocall_settings::SETTINGS_FILE;
use retrocall_words::{Clock as _, Status, SystemClock};

const EXAMPLES: &str = "\
What it does:
  It starts a private engine in a temporary home and plays calls of random noise to it: PCM and both
  laws of G.711; some masked, on hold or erased in part, one private, one whose connection breaks,
  some recorded. Nobody has heard this noise before: 16 bytes of it can only come from these calls.
  The search finds any 31 bytes in a row, wherever they lie, as they are sent, held, packed and
  recorded.

Places that must be free of the noise:
  live-memory    all memory that the kernel lets a process read, while the calls are live
  live-silenced  the memory for calls, while they are live: masked, held, erased or private audio
  erase-disk     the unfinished recording of a call, after a second of it was erased
  memory         all memory that the kernel lets a process read, after hangup, seen by the engine
  memory-root    the same, and open files, seen from outside by root
  locked         the memory for calls and all audio buffers, byte by byte, seen by the engine: only
                 the engine itself can read it (memfd_secret)
  arena          every word of every segment that no call holds is zero
  buffers        every byte of every audio buffer is zero
  open-files     the engine's open files, including files without a name
  sockets        bytes that wait in the engine's sockets, and all that it ever sent
  core           the engine is made to fail while a call is live: it leaves no core
  restart        the memory of the next engine
  home, disk     all files under the home: in the system's cache, and again from the disk
  temp, shm      new files in the folders for temporary files, and in shared memory
  written        every file that the engine wrote anywhere, by the kernel's word; for root

Places where the search must find it, for a search that finds nothing anywhere proves nothing:
  live-call      a live call, in the memory for calls
  live-text      the customer's number of a live call, in the memory that the kernel lets it read
  recordings     the recorded calls in their files, except silenced parts; no other call is listed

The engine searches itself only because it was started for this. It reports only counts, on a pipe
to this command. No other engine can be asked.

Examples:
  retrocall prove                      half a minute at most
  sudo retrocall prove --strict        every check, including those for root
  retrocall prove --json               an array: the run, then an object for each check
  retrocall prove --seed 42            the same calls again

The exit code is 1 if a window is found where none may be, or if a check could not be done. A check
that this user may not do is marked \"not done\" (ok is null), and fails only with --strict. The
temporary home is removed, unless something failed: then it stays for you to look into.";

/// A private engine, calls of noise, and a search for that noise wherever it must not be
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct ProveArgs {
    /// Make the same calls again [default: new ones]
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
    /// Fail also for checks that this user may not do
    #[arg(long)]
    strict: bool,
    /// Run even if memory can't be locked: audio may then reach the swap, which is not searched
    #[arg(long)]
    allow_unlocked: bool,
    /// Plant a leak, to see it caught
    #[cfg(feature = "planted-leaks")]
    #[arg(long, value_name = "KIND", hide = true)]
    plant_leak: Vec<retrocall_core::leaks::Leak>,
}

/// Memory of the private engine: an ordinary user may lock it, and it is quick to search.
const MEMORY: &str = "4MiB";
/// The grace of a lost connection: nobody waits for one here.
const SETTINGS: &str = "grace = \"100ms\"\n";
/// The engine's working folder, where a core would land.
const WORKS_IN: &str = "works-in";

/// The calls, and the sounds to look for.
struct Plan {
    seed: u64,
    calls: Vec<Call>,
    last: Call,
    /// The number of every customer.
    customer: String,
    /// The sound of calls that are not kept and of silenced parts: must be nowhere.
    wiped: Arc<Needles>,
    /// The same, with the kept calls: these may only be in their files.
    all: Needles,
    salt: u64,
}

impl Plan {
    fn new(seed: u64) -> Plan {
        let mut random = StdRng::seed_from_u64(seed);
        let (salt, customer) = (random.random(), format!("+{:031}", random.random::<u128>() >> 32));
        let (calls, last) = (noise::calls(seed), noise::last_call(seed));
        let mut forms: Vec<Vec<u8>> = calls.iter().chain([&last]).flat_map(Call::wiped_forms).collect();
        let wiped = Arc::new(Needles::of(salt, &forms));
        forms.extend(calls.iter().flat_map(Call::kept_forms));
        Plan { seed, calls, last, customer, wiped, all: Needles::of(salt, &forms), salt }
    }

    fn needles(&self, forms: impl IntoIterator<Item = Vec<u8>>) -> Needles {
        Needles::of(self.salt, forms)
    }

    fn call(&self, agent: &str) -> &Call {
        self.calls.iter().find(|call| call.agent == agent).expect("an agent of the desk")
    }
}

/// A proof under way.
struct Proof {
    plan: Arc<Plan>,
    home: PathBuf,
    flags: Vec<String>,
    since: Timestamp,
    watch: Result<Watch, std::io::Error>,
    checks: Vec<Check>,
    progress: Progress,
    steps: usize,
}

pub(super) fn run(context: &Context, args: ProveArgs) -> Result<(), Failure> {
    let seed = args.seed.unwrap_or_else(|| u64::from(rand::random::<u32>()));
    let home = private_engine::temporary_home("prove")?;
    let report = prove(&home, seed, flags(&args));
    let report = report.map_err(|failure| Failure::new(failure, format!("seed {seed}, home {}", home.display())))?;
    if context.json() {
        report.say_json();
    } else {
        report.say();
    }
    let [failed, not_done] = report.not_ok();
    let look = format!("look into {}, and report it with the seed {seed}", home.display());
    match (failed.is_empty(), not_done.is_empty() || !args.strict) {
        (false, _) => Err(Failure::new(
            format!("{} of {} checks failed: {}", failed.len(), report.checks.len(), failed.join(", ")),
            look,
        )),
        (true, false) => {
            remove(&home);
            let run = "run it as root, or without --strict";
            Err(Failure::new(format!("{} checks were not done: {}", not_done.len(), not_done.join(", ")), run))
        }
        (true, true) => {
            remove(&home);
            Ok(())
        }
    }
}

/// Removes a folder. It holds only noise, and the proof does not depend on its removal.
fn remove(home: &Path) {
    let _ = fs::remove_dir_all(home);
}

fn flags(args: &ProveArgs) -> Vec<String> {
    let mut flags = private_engine::flags(0, args.allow_unlocked);
    flags.extend(["--memory", MEMORY].map(str::to_owned));
    #[cfg(feature = "planted-leaks")]
    for leak in &args.plant_leak {
        flags.extend(["--plant-leak".to_owned(), leak.to_string()]);
    }
    flags
}

fn prove(home: &Path, seed: u64, flags: Vec<String>) -> Result<Report, Failure> {
    let since = SystemClock.wall();
    let plan = Arc::new(Plan::new(seed));
    fs::write(home.join(SETTINGS_FILE), SETTINGS)
        .and_then(|()| fs::create_dir(home.join(WORKS_IN)))
        .map_err(|error| Failure::whole(format!("{} can't be written to ({error})", home.display())))?;
    let watch = Watch::start(Arc::clone(&plan.wiped));
    let progress = Progress::new("");
    let home = home.to_owned();
    let mut proof = Proof { plan, home, flags, since, watch, checks: Vec::new(), progress, steps: 0 };
    let status = proof.run_engines()?;
    proof.step("the files are searched");
    let mut run = proof.facts(&status);
    let Proof { plan, home, since, watch, mut checks, .. } = proof;
    checks.extend(disk::checks(&home, &plan, since));
    checks.push(disk::written(&home, watch));
    checks.push(disk::recordings(&home, &plan));
    run.at = SystemClock.wall().strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
    Ok(Report::new(run, checks))
}

impl Proof {
    fn step(&mut self, what: &'static str) {
        const STEPS: usize = 7;
        self.steps += 1;
        self.progress.step(self.steps, STEPS, what);
    }

    /// Runs an engine that carries calls, is searched, and fails; then another one. Returns the status of the first.
    fn run_engines(&mut self) -> Result<Status, Failure> {
        self.step("an engine starts");
        let plan = Arc::clone(&self.plan);
        let (engine, mut asker) = self.start()?;
        let calls: Vec<&Call> = plan.calls.iter().collect();
        self.step("calls are played");
        let mut playing = CallsInPlay::begin(&self.home, &calls, &plan.customer)?;
        let status = playing.status()?;
        playing.go_to(&calls, noise::ERASE_AT)?;
        let erased = disk::ErasedSecond::before(&self.home, &plan, playing.call_of(&calls, "hugo"))?;
        playing.go_to(&calls, noise::LIVE_AT)?;
        self.checks.push(erased.after());
        self.step("the live calls are looked for");
        self.checks.extend(looks::live(&mut asker, &plan)?);
        playing.lose();
        playing.hang_up()?;
        let rests = playing.wait_for_rest()?;
        self.step("the memory is looked at");
        self.checks.extend(looks::at_rest(&mut asker, &plan, &playing, rests)?);
        self.checks.push(looks::from_outside(engine.pid(), &plan));
        drop(playing);
        self.step("the engine fails, and another one starts");
        let mut last = CallsInPlay::begin(&self.home, &[&plan.last], &plan.customer)?;
        last.go_to(&[&plan.last], noise::LIVE_AT)?;
        self.checks.push(core::check(engine, &self.home.join(WORKS_IN), &plan));
        drop((last, asker));
        let (engine, mut asker) = self.start()?;
        self.checks.push(looks::after_restart(&mut asker, &plan)?);
        engine.stop()?;
        Ok(status)
    }

    fn start(&self) -> Result<(PrivateEngine, Asker), Failure> {
        // None of its writes may be missed, though its id is not known before it runs.
        let pause = self.watch.as_ref().ok().map(Watch::pause);
        PrivateEngine::start_asked(&self.home, &self.home.join(WORKS_IN), &self.flags, |pid| {
            if let Some(pause) = pause {
                pause.add(pid);
            }
        })
    }

    fn facts(&self, status: &Status) -> Run {
        let system = |name: &str| {
            fs::read_to_string(format!("/proc/sys/kernel/{name}"))
                .map_or("unknown".to_owned(), |text| text.trim().to_owned())
        };
        let calls = || self.plan.calls.iter().chain([&self.plan.last]);
        let bytes = |call: &Call| {
            let sample_bytes = if call.sound.codes.is_some() { 1 } else { 2 };
            (2 * sample_bytes * call.sound.samples()) as u64
        };
        Run {
            check: "run",
            at: String::new(),
            version: env!("CARGO_PKG_VERSION"),
            machine: system("hostname"),
            kernel: format!("{} {}", system("ostype"), system("osrelease")),
            user: user_name(),
            guarantee: status.level.clone(),
            memory: status.memory.clone(),
            write_barrier: status.write_barrier.clone(),
            seed: self.plan.seed,
            calls: calls().count(),
            kept: calls().filter(|call| call.is_kept).count(),
            audio_seconds: calls().map(|call| call.sound.rate.seconds(call.sound.samples() as u64)).sum(),
            audio_bytes: calls().map(bytes).sum(),
            looked_at_bytes: 0,
            found: 0,
            ok: None,
        }
    }
}
