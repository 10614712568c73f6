//! Measures how loud devices are now, so that a person can see which is the right one.
//!
//! Belongs here: listening for a moment, to many devices at once. Does not: bars, tables.

use std::{sync::mpsc, thread, time::Duration};

use super::{
    DeviceInfo,
    device::{common_rate, find},
    ear::Ear,
};
use retrocall_words::audio::{Leg, dbfs};
use retrocall_words::{Clock as _, SystemClock};

/// Limit for a device to open and close, besides the time of listening.
const PATIENCE: Duration = Duration::from_secs(4);
/// Pause between two looks.
const LOOK: Duration = Duration::from_millis(20);

/// The result for one device.
#[derive(Debug, Clone, PartialEq)]
pub enum Loudness {
    /// Its peak in dBFS: 0 is full scale, -96 silence.
    Peak(f32),
    /// It opens, and delivers nothing.
    Nothing,
    /// It does not open, for this reason.
    Closed(String),
}

/// Listens to all devices at once, for so long. Returns the result of each, in their order.
pub fn levels(devices: &[DeviceInfo], listen: Duration) -> Vec<Loudness> {
    let (tell, told) = mpsc::channel();
    for (number, info) in devices.iter().enumerate() {
        let (name, tell) = (info.device.clone(), tell.clone());
        // A thread each, because some drivers open slowly or never.
        let started = thread::Builder::new().name("meter".to_owned()).spawn(move || {
            let _ = tell.send((number, level(&name, listen)));
        });
        drop(started);
    }
    drop(tell);
    let mut levels = vec![Loudness::Closed("it does not answer".to_owned()); devices.len()];
    let deadline = SystemClock.now() + listen + PATIENCE;
    while let Ok((number, level)) = told.recv_timeout(SystemClock.until(deadline)) {
        levels[number] = level;
    }
    levels
}

fn level(name: &str, listen: Duration) -> Loudness {
    // A full name means the same device for either leg.
    let opened = find(name, Leg::Agent).and_then(|device| {
        let found = [device];
        let rate = common_rate(&found)?;
        let [device] = found;
        Ear::open(device, Leg::Agent, rate)
    });
    let mut ear = match opened {
        Ok(ear) => ear,
        Err(error) => return Loudness::Closed(error.to_string()),
    };
    let (mut peak, mut came) = (0, false);
    let until = SystemClock.now() + listen;
    while SystemClock.now() < until {
        thread::sleep(LOOK);
        ear.drain(|_, samples| {
            came = true;
            peak = samples.iter().map(|sample| sample.unsigned_abs()).max().unwrap_or(0).max(peak);
        });
    }
    if came { Loudness::Peak(dbfs(peak)) } else { Loudness::Nothing }
}
