//! `retrocall devices`: the sound devices for `capture` and `bridge`, and how loud each is now.

use std::time::Duration;

use clap::Args;
use comfy_table::{CellAlignment, Table, presets};
use serde::Serialize;

use super::{Context, Failure, output, replay::number};
use retrocall_desk::capture::{DeviceInfo, Kind, Loudness, devices, levels};

const EXAMPLES: &str = "Examples:
  retrocall devices                speak, and see which microphone hears you
  retrocall devices --listen 5     play something, and see which speaker plays it
  retrocall devices --listen 0     only list them: open none
  retrocall devices --json

Microphones are for `--microphone`, speakers (what they play) for `--speaker` of `capture` and `bridge`.";

/// The length of a level bar, from -60 to 0 dBFS.
const MARKS: usize = 20;

/// The sound devices that can be captured, each with its level
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct DevicesArgs {
    /// How long to listen to all of them at once; 0: not at all
    #[arg(long, value_name = "SECONDS", default_value = "1", value_parser = listen, allow_hyphen_values = true)]
    listen: f64,
}

fn listen(text: &str) -> Result<f64, String> {
    number(text, |x| (0.0..=60.0).contains(&x), "0 to 60 seconds")
}

/// A device in `--json`.
#[derive(Serialize)]
struct Row {
    #[serde(flatten)]
    info: DeviceInfo,
    level_dbfs: Option<f32>,
}

pub(super) fn run(context: &Context, args: DevicesArgs) -> Result<(), Failure> {
    let devices = devices();
    let listened = args.listen > 0.0;
    let levels = match listened {
        true => levels(&devices, Duration::from_secs_f64(args.listen)),
        false => vec![Loudness::Nothing; devices.len()],
    };
    // A device that does not open can't be used, like most of ALSA's list.
    let usable = devices.into_iter().zip(levels).filter(|(_, level)| !matches!(level, Loudness::Closed(_)));
    let rows: Vec<Row> = usable
        .map(|(info, level)| {
            let level_dbfs = if let Loudness::Peak(dbfs) = level { Some(dbfs) } else { None };
            Row { info, level_dbfs }
        })
        .collect();
    if context.json() {
        output::say_json(&rows);
    } else if rows.is_empty() {
        output::say(
            "No sound device can be captured. Is a sound server running, and is this user in the group `audio`?",
        );
    } else {
        output::say_table(&table(&rows, listened));
    }
    Ok(())
}

fn table(rows: &[Row], listened: bool) -> Table {
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    table.set_header(["hears", "device", "level", "", "what the system calls it"]);
    for row in rows {
        let (bar, level) = match row.level_dbfs {
            Some(dbfs) => (bar(dbfs), format!("{dbfs:.0} dB")),
            None if listened => (String::new(), "silent".to_owned()),
            None => (String::new(), String::new()),
        };
        let kind = match row.info.kind {
            Kind::Microphone => "microphone",
            Kind::Speaker => "speaker",
        };
        let default = if row.info.default { " (default)" } else { "" };
        table.add_row([format!("{kind}{default}"), row.info.device.clone(), bar, level, row.info.text.clone()]);
    }
    table.column_mut(3).expect("it was just made").set_cell_alignment(CellAlignment::Right);
    table
}

fn bar(dbfs: f32) -> String {
    let full = (((dbfs + 60.0) / 60.0).clamp(0.0, 1.0) * MARKS as f32).round() as usize;
    format!("{}{}", "▮".repeat(full), "▯".repeat(MARKS - full))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_of_devices_shows_which_one_hears_you() {
        let row = |device: &str, kind, default, level_dbfs| Row {
            info: DeviceInfo { device: device.into(), kind, default, text: "A name".into() },
            level_dbfs,
        };
        let rows = [
            row("pulseaudio:headset", Kind::Microphone, true, Some(-30.0)),
            row("pulseaudio:dock.monitor", Kind::Speaker, false, None),
        ];
        let text = table(&rows, true).to_string();
        for part in [
            "microphone (default)",
            "pulseaudio:headset",
            "▮▮▮▮▮▮▮▮▮▮▯▯▯▯▯▯▯▯▯▯",
            "-30 dB",
            "speaker ",
            "silent",
            "A name",
        ] {
            assert!(text.contains(part), "{part} is missing in\n{text}");
        }
    }
}
