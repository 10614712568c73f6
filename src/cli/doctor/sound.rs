//! Checks for sound devices: for `capture` and `bridge`, which not every desk uses.

use super::Check;
use retrocall_desk::capture::{Kind, devices};

pub(super) fn checks() -> Vec<Check> {
    let devices = devices();
    let count = |kind| devices.iter().filter(|info| info.kind == kind).count();
    let words = |count: usize, one: &str| format!("{count} {one}{}", if count == 1 { "" } else { "s" });
    let (microphones, speakers) = (count(Kind::Microphone), count(Kind::Speaker));
    vec![match (microphones, speakers) {
        (0, 0) => Check::ok("sound", "no sound devices here: only `retrocall capture` and `bridge` need them"),
        (0, _) => Check::ok("sound", "no microphone: `retrocall capture` and `bridge` need one, the engine does not"),
        (_, 0) => Check::ok(
            "sound",
            format!(
                "{}, and no speaker that can be listened to: for `retrocall capture` and `bridge` run PulseAudio or PipeWire",
                words(microphones, "device")
            ),
        ),
        _ => Check::ok(
            "sound",
            format!(
                "{} and {}: `retrocall devices` shows how loud each is",
                words(microphones, "microphone"),
                words(speakers, "speaker")
            ),
        ),
    }]
}
