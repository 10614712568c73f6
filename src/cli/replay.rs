//! `retrocall replay`: acts as a softphone, with one call from a stereo WAV file.

use std::{path::PathBuf, time::Duration};

use clap::Args;
use serde::Serialize;

use super::{
    Context, Failure,
    failure::reason_of,
    output::{self, Progress},
};
use retrocall_client::client::{Client, Cue, CueOutcome, PlayReport, Player, Script, WavSource};
use retrocall_words::{Ask, CallId, EndedBy, Verdict, name};

const EXAMPLES: &str = "Examples:
  retrocall replay call.wav                          in real time, as the agent of your name
  retrocall replay call.wav --record-at 22           presses record at second 22: all is kept
  retrocall replay call.wav --agent anna --speed 0   as fast as possible
  retrocall replay call.wav --mask 12.5..20 --object --json

The file is stereo: agent left, customer right; PCM16 or G.711 (sent as its codes), 8 to 48 kHz.";

/// How long the disk may take for a recording after the call.
pub(super) const KEPT_MAX: Duration = Duration::from_secs(30);

/// How long to look for an engine that is gone: it may be restarted.
pub(super) const PATIENCE: Duration = Duration::from_secs(30);

/// Act as a softphone: one call from a stereo WAV file
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct ReplayArgs {
    /// The stereo WAV file: agent left, customer right
    #[arg(value_name = "FILE.wav")]
    file: PathBuf,
    /// Times as fast as people talk; 0: as fast as possible
    #[arg(long, value_name = "X", default_value = "1", value_parser = speed, allow_hyphen_values = true)]
    speed: f64,
    /// The agent [default: your own name at the desk]
    #[arg(long, value_name = "NAME", value_parser = name)]
    agent: Option<String>,
    /// The customer's number
    #[arg(long, value_name = "NUMBER")]
    customer: Option<String>,
    /// Press record at this second
    #[arg(long, value_name = "SECONDS", value_parser = second, allow_hyphen_values = true)]
    record_at: Option<f64>,
    /// Mask from second A to second B; can be given more than once
    #[arg(long, value_name = "A..B", value_parser = stretch, allow_hyphen_values = true)]
    mask: Vec<Stretch>,
    /// The customer objects to training
    #[arg(long)]
    object: bool,
    /// Make the call private at this second
    #[arg(long, value_name = "SECONDS", value_parser = second, allow_hyphen_values = true)]
    private_at: Option<f64>,
    /// Put the customer on hold from second A to second B; can be given more than once
    #[arg(long, value_name = "A..B", value_parser = stretch, allow_hyphen_values = true)]
    hold: Vec<Stretch>,
    /// Length of a frame in milliseconds, 2.5 to 120
    #[arg(long, value_name = "MS", default_value = "20", value_parser = frame_ms, allow_hyphen_values = true)]
    frame_ms: f64,
}

/// A stretch of a call, in seconds.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Stretch {
    from: f64,
    to: f64,
}

pub(super) fn number(text: &str, fits: impl Fn(f64) -> bool, what: &str) -> Result<f64, String> {
    text.parse().ok().filter(|number: &f64| number.is_finite() && fits(*number)).ok_or_else(|| what.to_owned())
}

pub(super) fn speed(text: &str) -> Result<f64, String> {
    number(text, |x| x == 0.0 || (0.01..=1e6).contains(&x), "0 for as fast as it goes, or 0.01 to 1000000")
}

pub(super) fn second(text: &str) -> Result<f64, String> {
    number(text, |x| x >= 0.0, "a number of seconds, 0 or more")
}

fn frame_ms(text: &str) -> Result<f64, String> {
    number(text, |x| (2.5..=120.0).contains(&x), "2.5 to 120")
}

fn stretch(text: &str) -> Result<Stretch, String> {
    let wrong = || "two seconds, the first before the second, like 12.5..20".to_owned();
    let (from, to) = text.split_once("..").ok_or_else(wrong)?;
    let stretch = Stretch { from: second(from).map_err(|_| wrong())?, to: second(to).map_err(|_| wrong())? };
    if stretch.from < stretch.to { Ok(stretch) } else { Err(wrong()) }
}

/// Joins stretches that overlap or touch: a call has one mask, which the end of the first stretch would end.
fn joined(stretches: &[Stretch]) -> Vec<Stretch> {
    let mut stretches = stretches.to_vec();
    stretches.sort_by(|a, b| a.from.total_cmp(&b.from));
    stretches.dedup_by(|next, before| {
        let joined = next.from <= before.to;
        if joined {
            before.to = before.to.max(next.to);
        }
        joined
    });
    stretches
}

/// The facts of `--json` at the end.
#[derive(Serialize, Default)]
pub(super) struct Facts {
    call: Option<CallId>,
    /// The earlier part of the call, if the engine was restarted meanwhile.
    continues: Option<CallId>,
    agent: String,
    record: Option<Verdict>,
    private: Option<Verdict>,
    object: Option<Verdict>,
    mask: Option<Verdict>,
    hold: Option<Verdict>,
    frames: u64,
    seconds: f64,
    path: Option<PathBuf>,
    /// The problem, in words.
    pub(super) reason: Option<String>,
}

impl Facts {
    /// For a call that did not begin.
    pub(super) fn nothing(agent: String) -> Facts {
        Facts { agent, ..Facts::default() }
    }

    pub(super) fn new(agent: String, played: &PlayReport) -> Facts {
        // A second press does no harm: the call is being kept.
        let verdict = |verb| {
            played.verdict(verb).map(|verdict| match verdict {
                Verdict::Refused => Verdict::Refused,
                Verdict::Accepted | Verdict::Already => Verdict::Accepted,
            })
        };
        Facts {
            call: Some(played.call),
            continues: played.before.last().copied(),
            agent,
            record: verdict("record"),
            private: verdict("private"),
            object: verdict("object"),
            mask: verdict("mask"),
            hold: verdict("hold"),
            frames: played.frames,
            seconds: played.seconds,
            path: played.kept.clone(),
            reason: None,
        }
    }
}

/// The cues of the flags. At the same second, earlier ones here come first.
fn cues(args: &ReplayArgs) -> Vec<Cue> {
    let mut cues = Vec::new();
    let mut add = |seconds, ask| cues.push(Cue { seconds, ask });
    if args.object {
        add(0.0, Ask::Object);
    }
    for stretch in joined(&args.mask) {
        add(stretch.from, Ask::Mask);
        add(stretch.to, Ask::Unmask);
    }
    for stretch in joined(&args.hold) {
        add(stretch.from, Ask::Hold);
        add(stretch.to, Ask::Resume);
    }
    if let Some(seconds) = args.record_at {
        add(seconds, Ask::Record);
    }
    if let Some(seconds) = args.private_at {
        add(seconds, Ask::Private);
    }
    cues
}

pub(super) fn run(context: &Context, args: ReplayArgs) -> Result<(), Failure> {
    let source = WavSource::open(&args.file).map_err(|error| Failure::file(&args.file, &error))?;
    let settings = context.settings()?;
    let mut client = context.connect()?;
    let agent = context.agent(args.agent.as_ref(), client.hello())?;
    let script = Script {
        customer: args.customer.clone(),
        speed: args.speed,
        frame_ms: args.frame_ms,
        cues: cues(&args),
        patience: PATIENCE,
        ..Script::new(agent.clone())
    };
    if source.missing_seconds() > 0.0 {
        output::complain(&format!(
            "{} is cut short: {} of what its header promises are missing; the rest is played",
            args.file.display(),
            output::length(source.missing_seconds())
        ));
    }
    let (played, failure) = play(context, &mut client, source, script, KEPT_MAX + settings.after_hangup);
    let facts = match &played {
        Some(played) => {
            if !context.json() {
                tell(&agent, played);
            }
            Facts::new(agent, played)
        }
        None => Facts::nothing(agent),
    };
    if context.json() {
        output::say_json(&Facts { reason: failure.as_ref().map(ToString::to_string), ..facts });
    }
    failure.map_or(Ok(()), Err)
}

/// Plays the call. Returns what was played, if the call began at all, and the problem, if any.
fn play(
    context: &Context,
    client: &mut Client,
    source: WavSource,
    script: Script,
    kept_max: Duration,
) -> (Option<PlayReport>, Option<Failure>) {
    let mut progress = Progress::new(format!("{} talks", script.agent));
    let mut player = match Player::begin(client, source, script) {
        Ok(player) => player,
        Err(error) => return (None, Some(error.into())),
    };
    let done = player.play(client, |player| progress.set(player.progress_seconds()));
    drop(progress);
    let mut played = player.into_played();
    if let Err(error) = done {
        return (Some(played), Some(error.into()));
    }
    let failure = wait_kept(context, client, &mut played, kept_max);
    (Some(played), failure)
}

/// Waits for the recording of a call that is over, if record was pressed. Returns the problem, if any.
pub(super) fn wait_kept(
    context: &Context,
    client: &mut Client,
    played: &mut PlayReport,
    kept_max: Duration,
) -> Option<Failure> {
    if matches!(played.verdict("record"), Some(Verdict::Accepted | Verdict::Already))
        && let Err(error) = played.wait_kept(client, kept_max)
    {
        return Some(context.client_failure(error));
    }
    failure_of(played)
}

/// Prints what happened, in sentences.
pub(super) fn tell(agent: &str, played: &PlayReport) {
    for outcome in &played.cues {
        output::say(&sentence(outcome));
    }
    let length = output::length(played.seconds);
    output::say(&format!("Call {} of {agent} is over: {length} in {} frames.", played.call, played.frames));
    if let Some(odd) = &played.odd {
        output::complain(&format!("the engine says of this call: {odd}"));
    }
    for before in &played.before {
        output::say(&format!("It continues call {before}, which was cut off."));
    }
    for path in played.kept_before.iter().chain(&played.kept) {
        output::say(&format!("Kept: {}", path.display()));
    }
}

fn sentence(outcome: &CueOutcome) -> String {
    let at = match outcome.late {
        true => "At the end, because the call was over earlier".to_owned(),
        false => format!("At {:.1} s", outcome.seconds),
    };
    let verb = outcome.ask.verb().as_str();
    let answer = &outcome.answer;
    match answer.answer {
        Verdict::Accepted => format!("{at}: {verb}, accepted."),
        Verdict::Already => format!("{at}: {verb}, already so."),
        Verdict::Refused => format!("{at}: {verb}, refused: {}.", reason_of(answer)),
    }
}

/// The first thing that did not go as asked.
fn failure_of(played: &PlayReport) -> Option<Failure> {
    if let Some(refused) = played.cues.iter().find(|outcome| outcome.answer.answer == Verdict::Refused) {
        return Some(Failure::refused(refused.ask.verb().as_str(), &refused.answer));
    }
    if let Some(by) = played.ended_by {
        return Some(match by {
            EndedBy::Stopping => Failure::new("the engine stopped during the call", "play it again when it runs again"),
            EndedBy::ConnectionLost => {
                Failure::new("the engine lost the connection and ended the call", "see its log, and play it again")
            }
        });
    }
    if let Some(text) = &played.memory_full {
        return Some(Failure::whole(format!("samples of the call were lost: {text}")));
    }
    let asked = played.verdict("record").is_some();
    match (&played.kept, &played.disk_trouble) {
        (None, Some(disk)) if asked => Some(Failure::whole(format!("the recording is not on the disk yet: {disk}"))),
        (None, None) if asked => Some(Failure::new(
            "the engine has not reported the recording as durable yet",
            "see its log and `retrocall recordings`",
        )),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::fake::{Fake, Reply, hello, yes};
    use retrocall_words::{Answer, Event, Refusal};

    #[derive(Parser)]
    struct Typed {
        #[command(flatten)]
        replay: ReplayArgs,
    }

    /// Plays half a second of near silence to an engine that does `reply`. Returns the facts of `--json`, and the failure.
    fn replay(
        flags: &[&str],
        reply: impl Fn(&Ask, Answer, CallId) -> Reply + Send + Sync + 'static,
    ) -> (serde_json::Value, Option<String>) {
        let fake = Fake::start(vec![hello()], move |request, call| reply(&request.ask, yes(request, call), call));
        let file = fake.socket.with_extension("wav");
        let spec = hound::WavSpec {
            channels: 2,
            sample_rate: 8_000,
            bits_per_sample: 16,
            sample_format: hound::SampleFormat::Int,
        };
        let mut writer = hound::WavWriter::create(&file, spec).expect("a file");
        (0..8_000).for_each(|_| writer.write_sample(1i16).expect("a sample"));
        writer.finalize().expect("a file");
        let args =
            Typed::parse_from([&["replay", "--speed", "0", file.to_str().expect("a path")], flags].concat()).replay;
        let context = Context::new(Some(fake.socket.parent().expect("a home").to_owned()), true).expect("a context");
        let mut client = context.connect().expect("a connection");
        let script = Script { speed: args.speed, cues: cues(&args), ..Script::new("anna".into()) };
        let source = WavSource::open(&args.file).expect("a source");
        let (played, failure) = play(&context, &mut client, source, script, Duration::from_millis(50));
        let facts = played.map_or(Facts::default(), |played| Facts::new("anna".into(), &played));
        (serde_json::to_value(facts).expect("JSON"), failure.map(|failure| failure.to_string()))
    }

    #[test]
    fn a_late_press_gives_the_path_of_the_file() {
        let (facts, failure) = replay(&["--record-at", "0.3", "--object"], |ask, answer, call| match ask {
            Ask::End => {
                let kept = Event::Kept { call, path: "/desk/a.wav".into(), parts: vec![], seconds: 0.5 };
                Reply { after: vec![kept], ..answer.into() }
            }
            _ => answer.into(),
        });
        assert_eq!(failure, None);
        assert_eq!(
            (&facts["record"], &facts["object"], &facts["private"]),
            (&"accepted".into(), &"accepted".into(), &().into())
        );
        assert_eq!(
            (&facts["path"], &facts["frames"], &facts["seconds"]),
            (&"/desk/a.wav".into(), &50.into(), &0.5.into())
        );
        assert!(facts["call"].is_string());
    }

    #[test]
    fn a_refused_press_is_a_failure_and_the_call_is_played_to_its_end() {
        let (facts, failure) = replay(&["--private-at", "0", "--record-at", "0.3"], |ask, answer, _| match ask {
            Ask::Record => Answer::refused(Refusal::Private).into(),
            _ => answer.into(),
        });
        let failure = failure.expect("it was refused");
        assert!(failure.contains("record was refused: the call is private"), "{failure}");
        assert_eq!((&facts["record"], &facts["private"]), (&"refused".into(), &"accepted".into()));
        assert_eq!((&facts["seconds"], &facts["path"]), (&0.5.into(), &().into()));
    }

    #[test]
    fn a_disk_in_trouble_is_named_instead_of_waiting_for_ever() {
        let (facts, failure) = replay(&["--record-at", "0"], |ask, answer, call| match ask {
            Ask::Record => {
                let trouble = Event::DiskTrouble { call, text: "no space left; free some".into() };
                Reply { after: vec![trouble], ..answer.into() }
            }
            _ => answer.into(),
        });
        assert!(failure.expect("it is not durable").contains("not on the disk yet: no space left; free some"));
        assert_eq!((&facts["record"], &facts["path"]), (&"accepted".into(), &().into()));
    }

    #[test]
    fn stretches_are_two_seconds_in_order() {
        assert_eq!(stretch("0..2.5"), Ok(Stretch { from: 0.0, to: 2.5 }));
        assert_eq!(stretch("3..99999"), Ok(Stretch { from: 3.0, to: 99_999.0 }));
        for wrong in ["", "..", "1..", "..1", "1-2", "2..1", "1..1", "-1..2", "nan..2", "1..inf", "1..2..3"] {
            assert!(stretch(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn speeds_and_frames_stay_within_what_can_be_played() {
        assert!(speed("0").is_ok() && speed("2.5").is_ok());
        assert!(speed("-1").is_err() && speed("nan").is_err() && speed("inf").is_err());
        assert!(frame_ms("2.5").is_ok() && frame_ms("120").is_ok());
        assert!(frame_ms("2.4").is_err() && frame_ms("121").is_err());
    }
}
