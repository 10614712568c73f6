//! Sound devices as a call: what they deliver, put on one timeline, and sent to the engine as any softphone would.
//!
//! Belongs here: sound devices, the clocks of two of them, phones that tell of their calls. Does not: the engine, what is printed.

mod baresip;
mod clutch;
mod device;
mod ear;
mod feed;
mod meter;
mod session;
mod timeline;

use std::time::Instant;

pub use baresip::{Bridge, Notice};
pub use device::{DEFAULT, DeviceError, DeviceInfo, Kind, devices};
pub use meter::{Level, levels};
pub use session::{Session, SessionFacts};
pub use timeline::{LegFacts, Timeline};

use ear::Ear;
use retrocall_words::audio::{Leg, Rate};

/// The two devices of a desk, while they are listened to: dropped, they are closed.
pub struct Desk {
    ears: [Ear; 2],
    names: [String; 2],
    rate: Rate,
}

impl Desk {
    /// Opens a microphone and what a speaker plays, by names as [`devices`] lists them (or [`DEFAULT`]), at this rate or the best that
    /// both can do.
    ///
    /// # Errors
    /// [`DeviceError`] if one of them is not there, can't be opened, or can't do the rate.
    pub fn open(microphone: &str, speaker: &str, rate: Option<Rate>) -> Result<Desk, DeviceError> {
        let found = [device::find(microphone, Leg::Agent)?, device::find(speaker, Leg::Customer)?];
        let rate = rate.map_or_else(|| device::common_rate(&found), Ok)?;
        let names = found.each_ref().map(|device| device.name.clone());
        let [microphone, speaker] = found;
        let ears = [Ear::open(microphone, Leg::Agent, rate)?, Ear::open(speaker, Leg::Customer, rate)?];
        Ok(Desk { ears, names, rate })
    }

    /// What the devices are called, the microphone first.
    pub fn names(&self) -> &[String; 2] {
        &self.names
    }

    /// The rate at which they are listened to.
    pub fn rate(&self) -> Rate {
        self.rate
    }

    /// Gives what has come, delivery by delivery: whose leg, when, the samples. Does not wait.
    pub fn drain(&mut self, mut take: impl FnMut(Leg, Instant, &[i16])) {
        for leg in Leg::ALL {
            self.ears[leg.index()].drain(|at, samples| take(leg, at, samples));
        }
    }

    /// Samples of each leg that were lost because whoever drains had no turn; their places are gaps.
    pub fn lost_samples(&self) -> [u64; 2] {
        self.ears.each_ref().map(Ear::lost)
    }
}
