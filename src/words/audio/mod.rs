//! The words of audio: legs, rates, codecs, G.711, levels, and wiping.
//!
//! Belongs here: the words of sound and pure functions on samples. Does not: memory, files, sockets.

pub mod g711;
mod level;
mod wipe;

pub use level::dbfs;
pub use wipe::wipe;

use g711::Law;
use serde::{Deserialize, Serialize};

/// Samples of the longest frame: 120 ms at 48 kHz.
pub const FRAME_SAMPLES_MAX: usize = 5_760;

crate::words! {
    /// One side of a call. The agent is the left channel of a recording, the customer the right one.
    pub enum Leg {
        /// The agent: left channel.
        Agent = "agent",
        /// The customer: right channel.
        Customer = "customer",
    }
}

impl Leg {
    /// The channel of this leg in a recording: 0 is left, 1 is right.
    pub const fn index(self) -> usize {
        self as usize
    }

    /// The other side.
    pub const fn other(self) -> Leg {
        match self {
            Leg::Agent => Leg::Customer,
            Leg::Customer => Leg::Agent,
        }
    }
}

crate::words! {
    /// How the samples of a call travel and are held.
    pub enum Codec {
        /// Linear PCM, 16 bits, little-endian.
        Pcm16 = "pcm16",
        /// G.711 µ-law, one byte a sample (ITU-T G.711).
        Ulaw = "ulaw",
        /// G.711 A-law, one byte a sample (ITU-T G.711).
        Alaw = "alaw",
    }
}

impl Codec {
    /// The law of its codes, each a byte; none if its samples are linear.
    pub const fn law(self) -> Option<Law> {
        match self {
            Codec::Pcm16 => None,
            Codec::Ulaw => Some(Law::Mu),
            Codec::Alaw => Some(Law::A),
        }
    }

    /// Bytes of one sample on the wire.
    pub const fn bytes_per_sample(self) -> usize {
        if self.law().is_some() { 1 } else { 2 }
    }
}

/// Samples a second of a call, both legs: 8,000 to 48,000 Hz.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct Rate(u32);

impl Rate {
    /// The lowest rate that is taken.
    pub const MIN_HZ: u32 = 8_000;
    /// The highest rate that is taken.
    pub const MAX_HZ: u32 = 48_000;

    /// A rate in hertz, if a call can have it.
    pub const fn new(hz: u32) -> Option<Rate> {
        if hz >= Self::MIN_HZ && hz <= Self::MAX_HZ { Some(Rate(hz)) } else { None }
    }

    /// Hertz.
    pub const fn hz(self) -> u32 {
        self.0
    }

    /// How many samples last `seconds`, rounded to the nearest; 0 for a negative number or none.
    pub fn samples(self, seconds: f64) -> u64 {
        (seconds * f64::from(self.0)).round().max(0.0) as u64
    }

    /// How long `samples` last.
    pub fn seconds(self, samples: u64) -> f64 {
        samples as f64 / f64::from(self.0)
    }
}

impl<'de> Deserialize<'de> for Rate {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let hz = u32::deserialize(from)?;
        Rate::new(hz).ok_or_else(|| {
            // Without the value, which may be anything where it was read, for example a phone number.
            serde::de::Error::custom(format!("rate is not within {} to {} Hz", Self::MIN_HZ, Self::MAX_HZ))
        })
    }
}
