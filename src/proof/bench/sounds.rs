//! The sound of the measured calls: the fixtures, which are in the program so that it can measure anywhere.

use std::io::Cursor;

use crate::Sound;
use retrocall_client::client::WavSource;

/// Samples of a frame: 20 ms at 8 kHz.
pub const FRAME_SAMPLES: usize = 160;

/// A frame of one leg: 20 ms at 8 kHz.
#[derive(Clone, Copy)]
pub struct Frame<'a> {
    /// Its samples.
    pub samples: &'a [i16; FRAME_SAMPLES],
    /// The same as bytes, for those who write bytes.
    pub bytes: &'a [u8; 2 * FRAME_SAMPLES],
}

/// The kind of a fixture, as a packer sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// 8 kHz with line noise.
    Noisy,
    /// 8 kHz with digital silence between turns.
    Clean,
    /// PCM16 that had been G.711.
    G711,
    /// G.711 as its codes.
    Codes,
    /// More samples a second.
    Wide,
    /// Made for something else.
    Special,
}

macro_rules! fixtures {
    ($($kind:ident $name:literal;)*) => {
        /// Every fixture: its kind, its name, its bytes. `fixtures/README.md` says what each is for.
        pub(super) const FIXTURES: &[(Kind, &str, &[u8])] = &[$((
            Kind::$kind,
            $name,
            include_bytes!(concat!(env!("CARGO_MANIFEST_DIR"), "/../../fixtures/", $name, ".wav")),
        )),*];
    };
}

fixtures! {
    Noisy "talk-8k";
    Noisy "desk-01";
    Clean "desk-02";
    Noisy "desk-03";
    Clean "desk-04";
    Noisy "desk-05";
    Noisy "desk-06";
    Clean "desk-07";
    Noisy "desk-08";
    Noisy "desk-09";
    Clean "desk-10";
    G711 "desk-11";
    G711 "desk-12";
    Codes "alaw-8k";
    Codes "ulaw-8k";
    Special "one-sided-8k";
    Special "gaps-8k";
    Wide "talk-16k";
    Wide "wide-48k";
}

/// The sound of a fixture.
pub(super) fn sound(bytes: &'static [u8]) -> Sound {
    let source = WavSource::new(Cursor::new(bytes)).expect("the calls in the program are sound");
    Sound::of(source).expect("the calls in the program are sound")
}

/// The standard call, with line noise, as frames of both legs.
pub(super) struct Talk {
    legs: [Vec<i16>; 2],
    bytes: [Vec<u8>; 2],
}

impl Talk {
    pub(super) fn new() -> Talk {
        let legs = sound(FIXTURES[0].2).legs;
        let bytes = legs.each_ref().map(|leg| leg.iter().flat_map(|sample| sample.to_ne_bytes()).collect());
        Talk { legs, bytes }
    }

    /// The frames of a leg.
    pub(super) fn frames(&self) -> usize {
        self.legs[0].len() / FRAME_SAMPLES
    }

    /// The frame number `number` of leg number `leg`: legs take turns being agents and customers, and each is somewhere else in the call.
    pub(super) fn frame(&self, leg: usize, number: usize) -> Frame<'_> {
        let at = (leg / 2 * 37 + number) % self.frames();
        let side = leg % 2;
        let (samples, _) = self.legs[side][at * FRAME_SAMPLES..].split_first_chunk().expect("whole frames");
        let (bytes, _) = self.bytes[side][at * 2 * FRAME_SAMPLES..].split_first_chunk().expect("whole frames");
        Frame { samples, bytes }
    }
}

/// All fixtures of a kind.
pub(super) fn of_kind(kind: Kind) -> Vec<Sound> {
    FIXTURES.iter().filter(|(of, ..)| *of == kind).map(|(_, _, bytes)| sound(bytes)).collect()
}
