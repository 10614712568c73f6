//! `retrocall demo`: a private engine, a desk full of calls at once, and a proof that nothing else reached the disk.

mod findings;
mod page;
mod script;

use std::{
    io::{self, IsTerminal as _},
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
        mpsc,
    },
    thread,
    time::Duration,
};

use clap::Args;

use super::{
    Context, Failure,
    output::{self, Progress},
    private_engine::{self, PrivateEngine},
    replay::speed,
};
use findings::Findings;
use retrocall_client::client::{Client, PlayError, PlayReport, Player};
use retrocall_settings::SOCKET_FILE;
use script::ScriptCall;

const EXAMPLES: &str = "Examples:
  retrocall demo                       half a minute
  retrocall demo --speed 0             a few seconds
  retrocall demo --json

It makes a new home in the system's folder for temporary files, leaves it for you to listen to, and touches no other.
On a terminal it ends with the address of a page on which its recordings wait; Ctrl-C ends that.";

/// One call in this many is sampled.
const ONE_IN: u32 = 4;
/// Calls begin one after the other, with this pause at speed 1.
const APART: Duration = Duration::from_millis(300);

/// A private engine and a desk full of calls: see which are kept, and that nothing else is
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct DemoArgs {
    /// Times as fast as people talk; 0: as fast as possible
    #[arg(long, value_name = "X", default_value = "2", value_parser = speed, allow_hyphen_values = true)]
    speed: f64,
    /// Run even if memory can't be locked: audio may then reach the swap
    #[arg(long)]
    allow_unlocked: bool,
}

pub(super) fn run(context: &Context, args: DemoArgs) -> Result<(), Failure> {
    let desk = script::calls();
    // Printed before there is an engine to be stopped: if the reader is gone, the program ends here.
    if !context.json() {
        output::say(&format!(
            "{} calls at once, one in {ONE_IN} of them sampled, one recorded by a late press …",
            desk.len()
        ));
    }
    let home = private_engine::temporary_home("demo")?;
    let flags = private_engine::flags(ONE_IN, args.allow_unlocked);
    let engine = PrivateEngine::start(&home, &flags).inspect_err(|_| {
        // Nothing in it is worth a look: the failure has the log's last words.
        let _ = std::fs::remove_dir_all(&home);
    })?;
    let played = play(&home, &desk, args.speed)?;
    // A stop finishes every commit, so nothing is left to wait for.
    let engine_wrote_bytes = engine.stop()?;
    let findings = Findings::gather(&home, &desk, &played, engine_wrote_bytes)?;
    if context.json() {
        output::say_json(&findings);
    } else {
        findings.tell();
    }
    if let Some(failure) = findings.failure() {
        return Err(failure);
    }
    let pressed = desk.iter().find(|call| call.press_at.is_some());
    match pressed.filter(|_| !context.json() && io::stdin().is_terminal() && io::stdout().is_terminal()) {
        Some(call) => page::serve(&home, call.agent).map(|never| match never {}),
        None => Ok(()),
    }
}

/// Plays all calls at once, each on a connection of its own.
fn play(home: &Path, desk: &[ScriptCall], speed: f64) -> Result<Vec<PlayReport>, Failure> {
    let of: f64 = desk.iter().map(|call| call.source().seconds()).sum();
    let done_ms: Vec<AtomicU64> = desk.iter().map(|_| AtomicU64::new(0)).collect();
    let done_ms = Arc::new(done_ms);
    let mut progress = Progress::new(format!("{} agents talk", desk.len()));
    let results: Vec<Result<PlayReport, PlayError>> = thread::scope(|scope| {
        let (finished, all_finished) = mpsc::channel::<()>();
        let threads: Vec<_> = desk
            .iter()
            .enumerate()
            .map(|(place, call)| {
                let (done_ms, finished) = (Arc::clone(&done_ms), finished.clone());
                scope.spawn(move || {
                    // Dropped when this call is over. When all are, the channel is closed.
                    let _finished = finished;
                    if speed > 0.0 {
                        thread::sleep(APART.div_f64(speed) * place as u32);
                    }
                    play_one(&home.join(SOCKET_FILE), call, speed, &done_ms[place])
                })
            })
            .collect();
        drop(finished);
        while let Err(mpsc::RecvTimeoutError::Timeout) = all_finished.recv_timeout(Duration::from_millis(100)) {
            progress.set((done_ms.iter().map(|ms| ms.load(Ordering::Relaxed) as f64 / 1e3).sum(), of));
        }
        threads.into_iter().map(|thread| thread.join().expect("a player does not panic")).collect()
    });
    drop(progress);
    let log = home.join(private_engine::LOG_FILE);
    let one_failed = |(call, result): (&ScriptCall, Result<PlayReport, PlayError>)| {
        let failed = |why: String| {
            Failure::new(format!("{}'s call failed: {why}", call.agent), format!("see {}", log.display()))
        };
        let played = result.map_err(|error| failed(error.to_string()))?;
        match (&played.ended_by, &played.memory_full) {
            (Some(_), _) => Err(failed("the engine ended it".to_owned())),
            (_, Some(text)) => Err(failed(text.clone())),
            _ => Ok(played),
        }
    };
    desk.iter().zip(results).map(one_failed).collect()
}

fn play_one(socket: &Path, call: &ScriptCall, speed: f64, done_ms: &AtomicU64) -> Result<PlayReport, PlayError> {
    let mut client = Client::connect(socket)?;
    let mut player = Player::begin(&mut client, call.source(), call.script(speed))?;
    player.play(&mut client, |player| {
        done_ms.store((player.progress_seconds().0 * 1e3) as u64, Ordering::Relaxed);
    })?;
    Ok(player.into_played())
}
