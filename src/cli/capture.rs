//! `retrocall capture`: one call from sound devices, the microphone and the speaker.

use std::{path::PathBuf, thread, time::Duration};

use clap::Args;
use crossbeam::channel::{Receiver, RecvTimeoutError, bounded};
use nix::sys::prctl;
use serde::Serialize;

use super::{
    Context, Failure, output,
    replay::{KEPT_MAX, number},
};
use retrocall_desk::capture::{DEFAULT, DeviceError, Devices, LegFacts, Session, SessionFacts};
use retrocall_engine::watch::signals::wishes;
use retrocall_words::{
    self as words, Begin, CallId, Clock as _, Customer, Direction, SystemClock,
    audio::{Codec, Leg, Rate},
    name,
};

const EXAMPLES: &str = "Examples:
  retrocall capture                    the system's own microphone and speaker, until Ctrl-C
  retrocall capture --agent anna --microphone headset --speaker headset
  retrocall capture --customer '+31 20 555 0123' --outbound --seconds 600
  retrocall devices                    the names of devices, and which hears you

The call begins now and ends with Ctrl-C, SIGTERM or --seconds. `retrocall record` keeps it, as any call.";

/// How often the devices' audio is sent on. A control cuts at what was sent.
pub(super) const TURN: Duration = Duration::from_millis(10);

/// Capture one call from sound devices: the microphone and the speaker
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct CaptureArgs {
    #[command(flatten)]
    desk: DeskArgs,
    /// The customer's number
    #[arg(long, value_name = "NUMBER")]
    customer: Option<String>,
    /// The agent called the customer
    #[arg(long)]
    outbound: bool,
    /// End the call after this many seconds [default: at Ctrl-C or SIGTERM]
    #[arg(long, value_name = "SECONDS", value_parser = seconds, allow_hyphen_values = true)]
    seconds: Option<f64>,
}

/// The agent and the devices of a desk.
#[derive(Args)]
pub(super) struct DeskArgs {
    /// The agent [default: your own name at the desk]
    #[arg(long, value_name = "NAME", value_parser = name)]
    agent: Option<String>,
    /// The device that hears the agent: see `retrocall devices`
    #[arg(long, value_name = "DEVICE", default_value = DEFAULT)]
    pub(super) microphone: String,
    /// The speaker that plays the customer, or its monitor or loopback
    #[arg(long, value_name = "DEVICE", default_value = DEFAULT)]
    pub(super) speaker: String,
    /// Samples a second, 8000 to 48000 [default: 16000, or what both devices support]
    #[arg(long, value_name = "HZ", value_parser = rate)]
    pub(super) rate: Option<Rate>,
}

fn seconds(text: &str) -> Result<f64, String> {
    number(text, |x| x > 0.0 && x <= 86_400.0, "a number of seconds over 0, at most a day")
}

fn rate(text: &str) -> Result<Rate, String> {
    text.parse().ok().and_then(Rate::new).ok_or_else(|| "8000 to 48000".to_owned())
}

impl DeskArgs {
    /// The agent of the call.
    pub(super) fn agent(&self, context: &Context) -> Result<String, Failure> {
        match &self.agent {
            Some(agent) => Ok(agent.clone()),
            None => context.agent(None, context.connect()?.hello()),
        }
    }
}

/// From now on, for this thread and those that it starts, signals to stop (also a closed terminal) come over this channel.
pub(super) fn stop_signals() -> Result<Receiver<()>, Failure> {
    let failed = |what: String| Failure::new(what, "see the limits of this user");
    let signals = wishes();
    signals.thread_block().map_err(|error| failed(format!("signals can't be waited for ({error})")))?;
    let (stop, stopped) = bounded(2);
    let wait = move || {
        while signals.wait().is_ok() {
            let _ = stop.try_send(());
        }
    };
    let thread = thread::Builder::new().name("signals".to_owned()).spawn(wait);
    thread.map_err(|error| failed(format!("can't start a thread ({error})")))?;
    Ok(stopped)
}

/// Audio passes through this process: closes its memory to the user's other processes, and keeps it out of cores.
pub(super) fn close_to_others() {
    // If the system refuses, this is no worse than any program with a microphone.
    let _ = prctl::set_dumpable(false);
}

/// The facts of `--json` at the end.
#[derive(Serialize)]
struct Facts {
    call: CallId,
    /// The earlier part of the call, if the engine was restarted meanwhile.
    continues: Option<CallId>,
    agent: String,
    seconds: f64,
    rate: u32,
    microphone: String,
    speaker: String,
    agent_leg: LegReport,
    customer_leg: LegReport,
    recording: bool,
    path: Option<PathBuf>,
}

/// A leg in `--json`.
#[derive(Serialize)]
pub(super) struct LegReport {
    seconds: f64,
    gaps: u64,
    gap_seconds: f64,
    drift_ppm: f64,
}

impl LegReport {
    pub(super) fn new(facts: &LegFacts, rate: Rate) -> LegReport {
        LegReport {
            seconds: rate.seconds(facts.samples),
            gaps: facts.gaps,
            gap_seconds: rate.seconds(facts.gap_samples),
            drift_ppm: (facts.drift_ppm * 10.0).round() / 10.0,
        }
    }
}

pub(super) fn run(context: &Context, args: CaptureArgs) -> Result<(), Failure> {
    output::log("warn,pulseaudio=off");
    output::wait_for_nobody();
    close_to_others();
    let stopped = stop_signals()?;
    // Before a microphone is opened: without an engine there is no need.
    drop(context.connect()?);
    let agent = args.desk.agent(context)?;
    let mut devices = open(&args.desk)?;
    let begin = Begin {
        facts: words::Facts {
            direction: if args.outbound { Direction::Outbound } else { Direction::Inbound },
            ..words::Facts::of(agent.clone())
        },
        customer: args.customer.map(Customer::from),
        ..Begin::new(agent.clone(), devices.rate(), Codec::Pcm16)
    };
    let socket = context.settings()?.socket_path(context.home());
    let mut session = Session::begin(&socket, begin)?;
    let [microphone, speaker] = devices.names().clone();
    if !context.json() {
        let until = if args.seconds.is_some() { "" } else { "; Ctrl-C ends it" };
        output::say(&format!(
            "Call {} of {agent}: {microphone} and {speaker}, {} Hz{until}.",
            session.call(),
            devices.rate().hz()
        ));
    }
    let end = args.seconds.map(|seconds| SystemClock.now() + Duration::from_secs_f64(seconds));
    while end.is_none_or(|end| SystemClock.now() < end) {
        match stopped.recv_timeout(TURN) {
            Err(RecvTimeoutError::Timeout) => {}
            Ok(()) | Err(RecvTimeoutError::Disconnected) => break,
        }
        devices.drain(|leg, at, samples| session.take(leg, at, samples));
        session.turn();
    }
    devices.drain(|leg, at, samples| session.take(leg, at, samples));
    let (lost, rate) = (devices.lost_samples(), devices.rate());
    drop(devices);
    let facts = session.end(KEPT_MAX);
    for leg in Leg::ALL.into_iter().filter(|leg| lost[leg.index()] > 0) {
        let seconds = output::length(rate.seconds(lost[leg.index()]));
        output::complain(&format!(
            "{seconds} of the {leg:?} were lost, because this program got no turn: is the machine overloaded?"
        ));
    }
    tell(context, agent, [microphone, speaker], &facts);
    match (facts.connected, facts.recording, &facts.kept) {
        (false, ..) => Err(Failure::new(
            "no engine was there when the call ended: the last part of the call is not captured",
            "see its log",
        )),
        (_, true, None) => Err(Failure::new(
            "the engine has not reported the recording as durable yet",
            "see its log and `retrocall recordings`",
        )),
        _ => Ok(()),
    }
}

fn open(args: &DeskArgs) -> Result<Devices, Failure> {
    Devices::open(&args.microphone, &args.speaker, args.rate).map_err(|error: DeviceError| Failure::whole(error))
}

fn tell(context: &Context, agent: String, [microphone, speaker]: [String; 2], facts: &SessionFacts) {
    let [agent_leg, customer_leg] = facts.legs.each_ref().map(|leg| LegReport::new(leg, facts.rate));
    if context.json() {
        return output::say_json(&Facts {
            call: facts.call,
            continues: facts.before.last().copied(),
            agent,
            seconds: facts.seconds,
            rate: facts.rate.hz(),
            microphone,
            speaker,
            agent_leg,
            customer_leg,
            recording: facts.recording,
            path: facts.kept.clone(),
        });
    }
    let gaps = |leg: &LegReport| match leg.gaps {
        0 => "no gaps".to_owned(),
        gaps => format!("{gaps} gaps ({})", output::length(leg.gap_seconds)),
    };
    output::say(&format!(
        "Call {} of {agent} is over: {}; the agent's leg has {}, the customer's {}.",
        facts.call,
        output::length(facts.seconds),
        gaps(&agent_leg),
        gaps(&customer_leg)
    ));
    for before in &facts.before {
        output::say(&format!("It continues call {before}, which was cut off."));
    }
    if let Some(path) = &facts.kept {
        output::say(&format!("Kept: {}", path.display()));
    }
}
