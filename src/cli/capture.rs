//! `retrocall capture`: one call from sound devices, the microphone and what the speaker plays.

use std::{path::PathBuf, thread, time::Duration};

use clap::Args;
use crossbeam::channel::{Receiver, RecvTimeoutError, bounded};
use nix::sys::prctl;
use serde::Serialize;

use super::{
    Context, Failure, output,
    replay::{KEPT_MAX, number},
};
use retrocall_desk::capture::{DEFAULT, Desk, DeviceError, LegFacts, Session, SessionFacts};
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
  retrocall devices                    which names there are, and which of them hears you

The call begins now and ends with Ctrl-C, SIGTERM or --seconds. The button is `retrocall record`, as for any call.";

/// How often what the devices delivered is sent on. What a control cuts is what was sent.
pub(super) const TURN: Duration = Duration::from_millis(10);

/// Capture one call from sound devices: the microphone, and what the speaker plays
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
    /// End the call after so many seconds [default: at Ctrl-C or SIGTERM]
    #[arg(long, value_name = "SECONDS", value_parser = seconds, allow_hyphen_values = true)]
    seconds: Option<f64>,
}

/// Whose devices, and which.
#[derive(Args)]
pub(super) struct DeskArgs {
    /// The agent [default: your own name at the desk]
    #[arg(long, value_name = "NAME", value_parser = name)]
    agent: Option<String>,
    /// The device that hears the agent: see `retrocall devices`
    #[arg(long, value_name = "DEVICE", default_value = DEFAULT)]
    pub(super) microphone: String,
    /// The speaker that the customer is heard from, or its monitor or loopback
    #[arg(long, value_name = "DEVICE", default_value = DEFAULT)]
    pub(super) speaker: String,
    /// Samples a second, 8000 to 48000 [default: 16000, or what both devices can do]
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
    /// The agent whose call it is.
    pub(super) fn agent(&self, context: &Context) -> Result<String, Failure> {
        match &self.agent {
            Some(agent) => Ok(agent.clone()),
            None => context.agent(None, context.connect()?.hello()),
        }
    }
}

/// From now on, for this thread and those that it starts, what asks to stop (a closed terminal too) is no end but a word on this channel.
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

/// Audio passes through this process: its memory is for nobody else of this user, and is in no core.
pub(super) fn close_to_others() {
    // Refused, nothing is worse than for any program with a microphone.
    let _ = prctl::set_dumpable(false);
}

/// What `--json` prints at the end.
#[derive(Serialize)]
struct Facts {
    call: CallId,
    /// The call before, if the engine was restarted meanwhile.
    continues: Option<CallId>,
    agent: String,
    seconds: f64,
    rate: u32,
    microphone: String,
    speaker: String,
    agent_leg: LegFactsShown,
    customer_leg: LegFactsShown,
    recording: bool,
    path: Option<PathBuf>,
}

/// A leg, as `--json` prints it.
#[derive(Serialize)]
pub(super) struct LegFactsShown {
    seconds: f64,
    gaps: u64,
    gap_seconds: f64,
    drift_ppm: f64,
}

impl LegFactsShown {
    pub(super) fn new(facts: &LegFacts, rate: Rate) -> LegFactsShown {
        LegFactsShown {
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
    // Before a microphone is opened: without an engine there is nothing to open it for.
    drop(context.connect()?);
    let agent = args.desk.agent(context)?;
    let mut desk = open(&args.desk)?;
    let begin = Begin {
        facts: words::Facts {
            direction: if args.outbound { Direction::Outbound } else { Direction::Inbound },
            ..words::Facts::of(agent.clone())
        },
        customer: args.customer.map(Customer::from),
        ..Begin::new(agent.clone(), desk.rate(), Codec::Pcm16)
    };
    let socket = context.settings()?.socket_path(context.home());
    let mut session = Session::begin(&socket, begin)?;
    let [microphone, speaker] = desk.names().clone();
    if !context.json() {
        let until = if args.seconds.is_some() { "" } else { "; Ctrl-C ends it" };
        output::say(&format!(
            "Call {} of {agent}: {microphone} and {speaker}, {} Hz{until}.",
            session.call(),
            desk.rate().hz()
        ));
    }
    let end = args.seconds.map(|seconds| SystemClock.now() + Duration::from_secs_f64(seconds));
    while end.is_none_or(|end| SystemClock.now() < end) {
        match stopped.recv_timeout(TURN) {
            Err(RecvTimeoutError::Timeout) => {}
            Ok(()) | Err(RecvTimeoutError::Disconnected) => break,
        }
        desk.drain(|leg, at, samples| session.take(leg, at, samples));
        session.turn();
    }
    desk.drain(|leg, at, samples| session.take(leg, at, samples));
    let (lost, rate) = (desk.lost_samples(), desk.rate());
    drop(desk);
    let facts = session.end(KEPT_MAX);
    for leg in Leg::ALL.into_iter().filter(|leg| lost[leg.index()] > 0) {
        let seconds = output::length(rate.seconds(lost[leg.index()]));
        output::complain(&format!(
            "{seconds} of the {leg:?} were lost, for this program had no turn: is the machine overloaded?"
        ));
    }
    tell(context, agent, [microphone, speaker], &facts);
    match (facts.connected, facts.recording, &facts.kept) {
        (false, ..) => Err(Failure::new(
            "no engine was there when the call ended: what was said since it went is not captured",
            "see its log",
        )),
        (_, true, None) => Err(Failure::new(
            "the engine has not reported the recording as durable yet",
            "see its log and `retrocall recordings`",
        )),
        _ => Ok(()),
    }
}

fn open(args: &DeskArgs) -> Result<Desk, Failure> {
    Desk::open(&args.microphone, &args.speaker, args.rate).map_err(|error: DeviceError| Failure::whole(error))
}

fn tell(context: &Context, agent: String, [microphone, speaker]: [String; 2], facts: &SessionFacts) {
    let [agent_leg, customer_leg] = facts.legs.each_ref().map(|leg| LegFactsShown::new(leg, facts.rate));
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
    let gaps = |leg: &LegFactsShown| match leg.gaps {
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
        output::say(&format!("It goes on with call {before}, which was cut off."));
    }
    if let Some(path) = &facts.kept {
        output::say(&format!("Kept: {}", path.display()));
    }
}
