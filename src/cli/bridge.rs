//! `retrocall bridge`: captures a softphone's calls. The softphone reports its calls, and the sound devices give their audio.

use std::net::SocketAddr;

use clap::{Args, ValueEnum};
use serde::Serialize;

use super::{
    Context, Failure,
    capture::{DeskArgs, LegReport, close_to_others, stop_signals},
    output,
};
use retrocall_desk::capture::{Bridge, Notice};
use retrocall_words::CallId;

const EXAMPLES: &str = "Examples:
  retrocall bridge baresip --agent anna
  retrocall bridge baresip --agent anna --microphone headset --speaker headset
  retrocall bridge baresip --phone 127.0.0.1:5555

baresip's config needs `module_app ctrl_tcp.so` and `ctrl_tcp_listen 127.0.0.1:4444`, which takes only one client: while the bridge runs nothing else may connect there. Ctrl-C or SIGTERM stops it.";

/// Capture the calls of a softphone: it reports its calls, the sound devices give the audio
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct BridgeArgs {
    /// Which softphone
    #[arg(value_name = "SOFTPHONE")]
    softphone: Softphone,
    /// Its address: baresip's `ctrl_tcp_listen`
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:4444")]
    phone: SocketAddr,
    #[command(flatten)]
    desk: DeskArgs,
}

#[derive(Clone, Copy, ValueEnum)]
enum Softphone {
    /// baresip 1.0, through its module ctrl_tcp
    Baresip,
}

/// The lines of `--json`.
#[derive(Serialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
enum Line {
    PhoneFound,
    PhoneLost,
    Begun {
        call: CallId,
    },
    Ended {
        call: CallId,
        /// The earlier part of the call, if the engine was restarted meanwhile.
        continues: Option<CallId>,
        seconds: f64,
        agent_leg: LegReport,
        customer_leg: LegReport,
        recording: bool,
    },
}

pub(super) fn run(context: &Context, args: BridgeArgs) -> Result<(), Failure> {
    let Softphone::Baresip = args.softphone;
    output::log("info,pulseaudio=off");
    output::wait_for_nobody();
    close_to_others();
    let stopped = stop_signals()?;
    let bridge = Bridge {
        socket: context.settings()?.socket_path(context.home()),
        phone: args.phone,
        agent: args.desk.agent(context)?,
        microphone: args.desk.microphone,
        speaker: args.desk.speaker,
        rate: args.desk.rate,
    };
    let done = bridge.run(&stopped, |notice| {
        if context.json() {
            output::say_json(&line(&notice));
        } else {
            output::say(&sentence(&bridge.agent, &notice));
        }
    });
    done.map_err(|error| Failure::new(format!("can't start a thread ({error})"), "raise the limit on processes"))
}

fn line(notice: &Notice) -> Line {
    match notice {
        Notice::PhoneFound => Line::PhoneFound,
        Notice::PhoneLost => Line::PhoneLost,
        Notice::Begun { call } => Line::Begun { call: *call },
        Notice::Ended(facts) => Line::Ended {
            call: facts.call,
            continues: facts.before.last().copied(),
            seconds: facts.seconds,
            agent_leg: LegReport::new(&facts.legs[0], facts.rate),
            customer_leg: LegReport::new(&facts.legs[1], facts.rate),
            recording: facts.recording,
        },
    }
}

fn sentence(agent: &str, notice: &Notice) -> String {
    match notice {
        Notice::PhoneFound => "The phone is there.".to_owned(),
        Notice::PhoneLost => "The phone is gone; looking for it.".to_owned(),
        Notice::Begun { call } => format!("Call {call} of {agent} is being captured."),
        Notice::Ended(facts) => {
            let recorded = if facts.recording { "; it was recorded" } else { "" };
            format!("Call {} of {agent} is over: {}{recorded}.", facts.call, output::length(facts.seconds))
        }
    }
}
