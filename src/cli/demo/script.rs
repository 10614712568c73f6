//! The demo's desk: its agents and calls. The sound is in the program, so that it runs anywhere.

use std::io::Cursor;

use retrocall_client::client::{Cue, Script, WavSource};
use retrocall_proof::Sound;
use retrocall_words::Ask;

/// A call of the desk.
pub(super) struct ScriptCall {
    pub(super) agent: &'static str,
    pub(super) file: &'static str,
    bytes: &'static [u8],
    /// When its agent presses record.
    pub(super) press_at: Option<f64>,
}

macro_rules! desk {
    ($($agent:literal $file:literal $press_at:expr;)*) => {
        vec![$(ScriptCall {
            agent: $agent,
            file: $file,
            bytes: include_bytes!(concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/", $file)),
            press_at: $press_at,
        }),*]
    };
}

/// Every call of the desk. `fixtures/README.md` says what each is for.
pub(super) fn calls() -> Vec<ScriptCall> {
    desk! {
        "anna" "talk-8k.wav" Some(30.0);
        "bert" "desk-01.wav" None;
        "chloe" "desk-02.wav" None;
        "daan" "desk-03.wav" None;
        "emma" "desk-04.wav" None;
        "finn" "desk-05.wav" None;
        "gwen" "desk-06.wav" None;
        "hugo" "desk-07.wav" None;
        "iris" "desk-08.wav" None;
        "jan" "desk-09.wav" None;
        "kim" "desk-10.wav" None;
        "lars" "desk-11.wav" None;
        "mila" "desk-12.wav" None;
        "noor" "alaw-8k.wav" None;
        "otto" "ulaw-8k.wav" None;
        "puck" "one-sided-8k.wav" None;
        "quinn" "gaps-8k.wav" None;
    }
}

impl ScriptCall {
    /// The call's sound, ready to be played.
    pub(super) fn source(&self) -> WavSource {
        WavSource::new(Cursor::new(self.bytes)).expect("the calls in the program are sound")
    }

    pub(super) fn script(&self, speed: f64) -> Script {
        let cues = self.press_at.map(|seconds| Cue { seconds, ask: Ask::Record });
        Script { speed, cues: cues.into_iter().collect(), ..Script::new(self.agent.to_owned()) }
    }

    pub(super) fn sound(&self) -> Sound {
        Sound::of(self.source()).expect("the calls in the program are sound")
    }
}
