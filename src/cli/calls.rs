//! `retrocall calls`: the live calls.

use clap::Args;
use comfy_table::{CellAlignment, Table, presets};
use jiff::tz::TimeZone;

use super::{Context, Failure, output};
use retrocall_words::{Ask, CallStates, LiveCall, LiveLeg, LiveState, Request, Suspicion, Target, Verdict, shown};

const EXAMPLES: &str = "Examples:
  retrocall calls
  retrocall calls --json

An agent sees their own calls; the engine's owner sees all. Nobody sees whether a call is in the sample.";

/// The length of a level bar, from -60 to 0 dBFS.
const MARKS: usize = 10;

/// The live calls: agent, length, levels, memory, gaps
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct CallsArgs {}

pub(super) fn run(context: &Context, _args: CallsArgs) -> Result<(), Failure> {
    let mut client = context.connect()?;
    let answer = client.ask(Request::new(Target::Own, Ask::Calls)).map_err(|error| context.client_failure(error))?;
    if answer.answer == Verdict::Refused {
        return Err(Failure::refused("calls", &answer));
    }
    let calls = answer.calls.unwrap_or_default();
    if context.json() {
        output::say_json(&calls);
    } else if calls.is_empty() {
        output::say("No live calls.");
    } else {
        output::say_table(&table(&calls, &TimeZone::system()));
    }
    Ok(())
}

fn table(calls: &[LiveCall], zone: &TimeZone) -> Table {
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    table.set_header(["agent", "since", "length", "agent level", "customer level", "held", "gaps", "state", "call"]);
    for call in calls {
        table.add_row([
            shown(&call.agent).into_owned(),
            call.began.to_zoned_datetime(zone.clone()).strftime("%H:%M:%S%:z").to_string(),
            output::length(call.seconds),
            level(&call.agent_leg),
            level(&call.customer_leg),
            call.held_bytes.map_or_else(|| "-".to_owned(), |bytes| output::size(bytes as u64)),
            gaps(call),
            state(call),
            call.call.to_string(),
        ]);
    }
    for column in [2, 5] {
        table.column_mut(column).expect("it was just made").set_cell_alignment(CellAlignment::Right);
    }
    table
}

/// A bar of the level, and the level. A leg that never spoke has none.
pub(super) fn level(leg: &LiveLeg) -> String {
    if leg.frames == 0 {
        return "no audio yet".to_owned();
    }
    let full = (((leg.level_dbfs + 60.0) / 60.0).clamp(0.0, 1.0) * MARKS as f32).round() as usize;
    format!("{}{} {:>3.0} dB", "▮".repeat(full), "▯".repeat(MARKS - full), leg.level_dbfs)
}

pub(super) fn gaps(call: &LiveCall) -> String {
    let legs = [call.agent_leg, call.customer_leg];
    let gaps: u64 = legs.iter().map(|leg| leg.gaps).sum();
    let seconds: f64 = legs.iter().map(|leg| leg.gap_seconds).sum();
    let lost: u64 = legs.iter().map(|leg| leg.lost_frames).sum();
    let refused: u64 = legs.iter().map(|leg| leg.refused_frames).sum();
    let mut words = if gaps == 0 { "none".to_owned() } else { format!("{gaps} ({})", output::length(seconds)) };
    if lost > 0 {
        words += &format!(", {lost} frames lost: memory full");
    }
    let suspects = legs.iter().zip(["agent", "customer"]).filter_map(|(leg, name)| Some((name, leg.suspect?)));
    for (name, suspect) in suspects {
        let what = match suspect {
            Suspicion::Codec => "codec",
            Suspicion::Rate => "rate",
        };
        words += &format!(", the {name}'s {what} looks wrong: see the log");
    }
    if refused > 0 {
        words += &format!(", {refused} frames refused: see the log");
    }
    words
}

pub(super) fn state(call: &LiveCall) -> String {
    let mut marks = Vec::new();
    match call.state {
        LiveState::Live => {}
        LiveState::Disconnected => marks.push("connection lost"),
        LiveState::Ended => marks.push("ended"),
    }
    let CallStates { recording, masked, on_hold, private, objected, copy } = call.states;
    let flags = [
        (call.exempt, "never captured"),
        (recording, "recording"),
        (copy, "copy"),
        (masked, "masked"),
        (on_hold, "on hold"),
        (private, "private"),
        (objected, "objected"),
    ];
    marks.extend(flags.into_iter().filter(|(on, _)| *on).map(|(_, mark)| mark));
    if marks.is_empty() { "live".to_owned() } else { marks.join(", ") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use retrocall_words::{CallId, Direction, audio::Codec};

    #[test]
    fn a_table_of_live_calls_shows_what_an_administrator_looks_for() {
        let leg = LiveLeg {
            level_dbfs: -30.0,
            frames: 5,
            gaps: 1,
            gap_seconds: 0.5,
            late_frames: 0,
            lost_frames: 0,
            refused_frames: 0,
            suspect: None,
        };
        let call = LiveCall {
            call: CallId::new(),
            agent: "anna".into(),
            direction: Direction::Inbound,
            rate: 8_000,
            codec: Codec::Pcm16,
            began: "2026-11-24T10:00:05Z".parse().expect("a time"),
            seconds: 75.0,
            state: LiveState::Live,
            states: CallStates { recording: true, masked: true, ..CallStates::default() },
            exempt: false,
            held_bytes: Some(300_000),
            agent_leg: leg,
            customer_leg: LiveLeg { frames: 0, gaps: 0, gap_seconds: 0.0, lost_frames: 2, refused_frames: 3, ..leg },
        };
        let text = table(std::slice::from_ref(&call), &TimeZone::UTC).to_string();
        for part in [
            "anna",
            "10:00:05+00:00",
            "75 s",
            "▮▮▮▮▮▯▯▯▯▯ -30 dB",
            "no audio yet",
            "292 KiB",
            "1 (0.5 s), 2 frames lost: memory full, 3 frames refused: see the log",
            "recording, masked",
            &call.call.to_string(),
        ] {
            assert!(text.contains(part), "{part} is missing in\n{text}");
        }
    }
}
