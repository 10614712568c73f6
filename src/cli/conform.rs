//! `retrocall conform`: plays the engine to a client, or a client to an engine, and reports what the other does wrong.

use std::{path::PathBuf, time::Duration};

use clap::Args;

use super::{Context, Failure, output};
use retrocall_proof::conform::{Finding, Scene, Stage, Verdict, try_engine};

const EXAMPLES: &str = "Examples:
  retrocall conform -- python3 examples/softphone.py {} fixtures/desk-01.wav --record-at 2
                                       runs the client once for each scene; {} is the socket
  retrocall conform --socket /tmp/engine.sock
                                       waits for a client that you start: once for each scene
  retrocall conform --scene gone --scene fault -- ./softphone --engine {}
                                       only what happens when the connection is lost
  retrocall conform --client           tries the engine of this home with short calls of an agent
                                       called `conform`; one of them is recorded

A played engine keeps nothing. It checks the rules of docs/protocol.md. Calls should last some
seconds, send both legs, and press record and the client's other buttons. The exit code is 1 if
anything is wrong.";

/// Check a client of the local socket by playing the engine, or an engine by playing a client
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct ConformArgs {
    /// Check an engine instead: by default the one of this home
    #[arg(long, conflicts_with_all = ["scene", "command", "limit"])]
    client: bool,
    /// The socket: a new one for a played engine, or that of the checked engine
    #[arg(long, value_name = "PATH")]
    socket: Option<PathBuf>,
    /// Play only this scene; can be given more than once
    #[arg(long, value_name = "NAME", value_parser = scene)]
    scene: Vec<Scene>,
    /// Limit for a scene, in seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 120, value_parser = clap::value_parser!(u64).range(1..=86_400))]
    limit: u64,
    /// The client to run, once for each scene; {} stands for the socket
    #[arg(last = true, value_name = "COMMAND")]
    command: Vec<String>,
}

fn scene(name: &str) -> Result<Scene, String> {
    let names = || Scene::ALL.map(Scene::name).join(", ");
    Scene::ALL.into_iter().find(|scene| scene.name() == name).ok_or_else(|| format!("one of {}", names()))
}

pub(super) fn run(context: &Context, args: ConformArgs) -> Result<(), Failure> {
    let findings = match args.client {
        true => {
            // Connects only for the error if there is no engine.
            let socket = match args.socket {
                Some(socket) => socket,
                None => {
                    context.connect().and(context.settings()).map(|settings| settings.socket_path(context.home()))?
                }
            };
            let findings = try_engine(&socket);
            findings.iter().for_each(|finding| tell(context, finding));
            findings
        }
        false => play(context, &args)?,
    };
    if context.json() {
        output::say_json(&findings);
    }
    match findings.iter().filter(|finding| finding.verdict == Verdict::Wrong).count() {
        0 => Ok(()),
        1 => Err(Failure::new("1 thing is wrong", "docs/protocol.md says how it should be")),
        more => Err(Failure::new(format!("{more} things are wrong"), "docs/protocol.md says how it should be")),
    }
}

fn play(context: &Context, args: &ConformArgs) -> Result<Vec<Finding>, Failure> {
    let folder =
        tempfile::tempdir().map_err(|error| Failure::new(format!("no temporary folder ({error})"), "set TMPDIR"))?;
    let socket = args.socket.clone().unwrap_or_else(|| folder.path().join("engine.sock"));
    let mut stage = Stage::set(&socket).map_err(Failure::whole)?;
    let scenes = if args.scene.is_empty() { Scene::ALL.to_vec() } else { args.scene.clone() };
    let mut findings = Vec::new();
    for scene in &scenes {
        if args.command.is_empty() && !context.json() {
            output::say(&format!("Connect to {} now: an engine that {}", stage.path().display(), scene.about()));
        }
        let found = stage.play(*scene, &args.command, Duration::from_secs(args.limit)).map_err(Failure::whole)?;
        found.iter().for_each(|finding| tell(context, finding));
        findings.extend(found);
    }
    if scenes.len() == Scene::ALL.len()
        && let Some(never) = stage.never_asked()
    {
        tell(context, &never);
        findings.push(never);
    }
    Ok(findings)
}

/// Prints a line for people, as soon as it is known.
fn tell(context: &Context, finding: &Finding) {
    if context.json() {
        return;
    }
    let verdict = match finding.verdict {
        Verdict::Right => "right ",
        Verdict::Wrong => "WRONG ",
        Verdict::Advice => "advice",
        Verdict::Unseen => "unseen",
    };
    let scene = Scene::ALL.into_iter().find(|scene| scene.name() == finding.scene);
    let what =
        scene.map_or(finding.scene.to_owned(), |scene| format!("{} (an engine that {})", finding.scene, scene.about()));
    let colon = if finding.text.is_empty() { "" } else { ": " };
    output::say(&format!("{verdict}  {what}{colon}{}", finding.text));
}
