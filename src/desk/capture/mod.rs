//! Captures sound devices as a call: places what they deliver on one timeline, and sends it to the engine as a softphone does.
//!
//! Belongs here: sound devices, the drift of their clocks, phones that report their calls. Does not: the engine, printing.

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
pub use meter::{Loudness, levels};
pub use session::{Session, SessionFacts};
pub use timeline::{LegFacts, Timeline};

use ear::Ear;
use retrocall_words::audio::{Leg, Rate};

/// The two open devices of a desk. They close when it is dropped.
pub struct Devices {
    ears: [Ear; 2],
    names: [String; 2],
    rate: Rate,
}

impl Devices {
    /// Opens a microphone, and the monitor of a speaker, by the names that [`devices`] lists (or [`DEFAULT`]), at this rate or the best that
    /// both support.
    ///
    /// # Errors
    /// [`DeviceError`] if one of them is missing, can't be opened, or does not support the rate.
    pub fn open(microphone: &str, speaker: &str, rate: Option<Rate>) -> Result<Devices, DeviceError> {
        let found = [device::find(microphone, Leg::Agent)?, device::find(speaker, Leg::Customer)?];
        let rate = rate.map_or_else(|| device::common_rate(&found), Ok)?;
        let names = found.each_ref().map(|device| device.name.clone());
        let [microphone, speaker] = found;
        let ears = [Ear::open(microphone, Leg::Agent, rate)?, Ear::open(speaker, Leg::Customer, rate)?];
        Ok(Devices { ears, names, rate })
    }

    /// The names of the devices, microphone first.
    pub fn names(&self) -> &[String; 2] {
        &self.names
    }

    /// The rate at which they deliver.
    pub fn rate(&self) -> Rate {
        self.rate
    }

    /// Passes on each delivery that has come: its leg, its time, its samples. Does not wait.
    pub fn drain(&mut self, mut take: impl FnMut(Leg, Instant, &[i16])) {
        for leg in Leg::ALL {
            self.ears[leg.index()].drain(|at, samples| take(leg, at, samples));
        }
    }

    /// Samples of each leg that were lost because nobody drained in time. They leave gaps.
    pub fn lost_samples(&self) -> [u64; 2] {
        self.ears.each_ref().map(Ear::lost)
    }
}
