//! Sound devices: lists them, finds one by its name, opens it.
//!
//! Belongs here: all use of `cpal`. Does not: placing the samples.
//!
//! A sound server (PulseAudio, or PipeWire in its place) comes first: with it programs share a microphone, and each speaker has a monitor.
//! Without a server, ALSA is used.

use std::{fmt, time::Duration};

use cpal::{
    BufferSize, FromSample, HostId, SampleFormat, SizedSample, StreamConfig, SupportedBufferSize,
    SupportedStreamConfigRange,
    traits::{DeviceTrait, HostTrait, StreamTrait},
};
use serde::Serialize;

use super::feed::FeedIn;
use retrocall_words::audio::{Leg, Rate};

/// The hosts, best first.
const HOSTS: [HostId; 2] = [HostId::PulseAudio, HostId::Alsa];
/// The name of the system's own choice.
pub const DEFAULT: &str = "default";
/// Rates of calls, best first. Speech has little above 8 kHz; a device without 16 kHz has 48 or 44.1.
const RATES_HZ: [u32; 6] = [16_000, 8_000, 48_000, 44_100, 32_000, 24_000];
/// How PulseAudio names the monitor of a speaker.
const MONITOR: &str = ".monitor";
/// ALSA's converters, which are no devices.
const ALSA_NO_DEVICES: [&str; 13] = [
    "null",
    "lavrate",
    "samplerate",
    "speexrate",
    "speex",
    "upmix",
    "vdownmix",
    "jack",
    "oss",
    "pulse",
    "usbstream",
    "pipewire",
    "a52",
];
/// Period of a sound server's deliveries. It is short because a control cuts at what has arrived.
const HASTE_PER_SECOND: u32 = 100;
/// Limit for a sound server to open a stream.
const OPEN_MAX: Duration = Duration::from_secs(3);

/// The source that a device captures.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// A person: the agent's leg.
    Microphone,
    /// What a speaker plays: the customer's leg.
    Speaker,
}

/// A device that can be captured.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DeviceInfo {
    /// Its name for `--microphone` or `--speaker`.
    pub device: String,
    /// Its source. ALSA does not tell, and says microphone.
    pub kind: Kind,
    /// Whether the system chooses it for this kind.
    pub default: bool,
    /// The system's description.
    pub text: String,
}

/// Why a device can't be captured.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DeviceError {
    /// No device has this name.
    Unknown {
        /// The name.
        device: String,
    },
    /// Nothing here lets a program hear the speaker.
    NoMonitor,
    /// It can't be opened.
    Closed {
        /// The name.
        device: String,
        /// What the system said.
        cause: String,
    },
    /// It does not support what a call needs.
    Unfit {
        /// The name.
        device: String,
        /// What it can't do.
        what: String,
    },
}

impl fmt::Display for DeviceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            DeviceError::Unknown { device } => {
                write!(f, "there is no sound device {device}: `retrocall devices` lists them")
            }
            DeviceError::NoMonitor => f.write_str(
                "without a sound server nobody can hear what the speaker plays: run PulseAudio or PipeWire, or name a \
                 loopback device with --speaker",
            ),
            DeviceError::Closed { device, cause } => {
                write!(
                    f,
                    "{device} can't be opened ({cause}): is another program using it? `retrocall devices` shows what works"
                )
            }
            DeviceError::Unfit { device, what } => {
                write!(f, "{device} {what}: name another one, or one that converts, like `alsa:plughw:…`")
            }
        }
    }
}

impl std::error::Error for DeviceError {}

/// A device that was found by its name.
pub(super) struct Device {
    pub(super) name: String,
    host: HostId,
    device: cpal::Device,
}

/// A device that is being captured, until it is dropped.
pub(super) struct OpenDevice {
    #[expect(dead_code, reason = "it is kept, not used")]
    streams: Vec<cpal::Stream>,
}

/// A problem of a device while it is captured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Trouble {
    /// It lost some periods, and goes on.
    Overrun,
    /// It is gone.
    Gone,
}

/// Lists the devices that seem fit for capture, without opening any.
pub fn devices() -> Vec<DeviceInfo> {
    let mut found: Vec<DeviceInfo> = Vec::new();
    for host in HOSTS.into_iter().filter_map(|id| cpal::host_from_id(id).ok()) {
        // The first host's choice is what `default` means; another host's is that one's by another name.
        let first = found.is_empty();
        let defaults = [default_of(&host, Leg::Agent), default_of(&host, Leg::Customer)];
        for device in host.devices().into_iter().flatten().filter(DeviceTrait::supports_input) {
            let Ok(id) = device.id() else { continue };
            let plain = id.id().split(':').next().unwrap_or_default();
            if host.id() == HostId::Alsa && (ALSA_NO_DEVICES.contains(&plain) || plain == DEFAULT && !first) {
                continue;
            }
            let kind = if id.id().ends_with(MONITOR) { Kind::Speaker } else { Kind::Microphone };
            let default = first && defaults.iter().flatten().any(|name| name == id.id());
            let text = device.description().map_or(String::new(), |words| words.name().replace('\n', ", "));
            found.push(DeviceInfo { device: id.to_string(), kind, default, text });
        }
    }
    found
}

/// The name of the host's own choice for a leg.
fn default_of(host: &cpal::Host, leg: Leg) -> Option<String> {
    match (leg, host.id()) {
        (Leg::Agent, _) => Some(host.default_input_device()?.id().ok()?.id().to_owned()),
        (Leg::Customer, HostId::PulseAudio) => Some(host.default_output_device()?.id().ok()?.id().to_owned() + MONITOR),
        (Leg::Customer, _) => None,
    }
}

/// Finds the device that a name means for a leg: `default`, a name that [`devices`] lists, with or without its host, or the name of a speaker,
/// which means its monitor.
pub(super) fn find(name: &str, leg: Leg) -> Result<Device, DeviceError> {
    let (hosts, wanted) = match name.split_once(':').and_then(|(host, rest)| Some((host.parse().ok()?, rest))) {
        Some((host, rest)) => (vec![host], rest),
        None => (HOSTS.to_vec(), name),
    };
    let mut no_monitor = false;
    for host in hosts.into_iter().filter_map(|id| cpal::host_from_id(id).ok()) {
        let wanted = match (wanted, default_of(&host, leg)) {
            (DEFAULT, Some(choice)) => choice,
            (DEFAULT, None) => {
                no_monitor |= leg == Leg::Customer;
                continue;
            }
            (wanted, _) => wanted.to_owned(),
        };
        let names = [wanted.clone(), wanted + MONITOR];
        let devices: Vec<_> = host.devices().into_iter().flatten().filter(DeviceTrait::supports_input).collect();
        for name in names {
            let is_it = |device: &&cpal::Device| device.id().is_ok_and(|id| id.id() == name);
            if let Some(device) = devices.iter().find(is_it) {
                return Ok(Device { name: format!("{}:{name}", host.id()), host: host.id(), device: device.clone() });
            }
        }
    }
    if no_monitor { Err(DeviceError::NoMonitor) } else { Err(DeviceError::Unknown { device: name.to_owned() }) }
}

/// The best rate that all of these devices support.
pub(super) fn common_rate(devices: &[Device]) -> Result<Rate, DeviceError> {
    let mut abilities = Vec::new();
    for device in devices {
        abilities.push(device.abilities()?);
    }
    let able = |hz: &u32| abilities.iter().all(|ranges| ranges.iter().any(|range| range.contains_rate(*hz)));
    let hz = RATES_HZ.into_iter().find(able).ok_or_else(|| DeviceError::Unfit {
        device: devices.iter().map(|device| device.name.as_str()).collect::<Vec<_>>().join(" and "),
        what: "have no rate in common".to_owned(),
    })?;
    Ok(Rate::new(hz).expect("each of these is a rate of a call"))
}

impl Device {
    /// Its configurations whose format we can read.
    fn abilities(&self) -> Result<Vec<SupportedStreamConfigRange>, DeviceError> {
        let ranges = self.device.supported_input_configs().map_err(|error| self.closed(&error))?;
        Ok(ranges.filter(|range| format_rank(range.sample_format()).is_some()).collect())
    }

    /// Starts capturing: samples go to `feed`, problems to `trouble`. `trouble` is called where audio is carried, and must not wait.
    pub(super) fn open(
        &self,
        rate: Rate,
        feed: FeedIn,
        trouble: impl FnMut(Trouble) + Send + 'static,
    ) -> Result<OpenDevice, DeviceError> {
        let mut abilities = self.abilities()?;
        abilities.retain(|range| range.contains_rate(rate.hz()));
        let best = abilities.iter().min_by_key(|range| (range.channels(), format_rank(range.sample_format())));
        let best = best.ok_or_else(|| DeviceError::Unfit {
            device: self.name.clone(),
            what: format!("can't do {} Hz with 16 or 32 bits", rate.hz()),
        })?;
        let config = |buffer_size| StreamConfig { channels: best.channels(), sample_rate: rate.hz(), buffer_size };
        let mut streams = Vec::new();
        if self.host == HostId::PulseAudio {
            // cpal makes the server's queue for a stream as short as the periods that it asks for, and whatever finds no room there is lost
            // without a word: with 10 ms, at every hiccup of the machine. So this stream asks for long periods, and gets a long queue; and a
            // second one, which nobody listens to, asks for short ones: the device then delivers as often as the more hasty of both wants.
            let nothing = |_: &[i16], _: &cpal::InputCallbackInfo| ();
            let haste = config(BufferSize::Fixed(rate.hz() / HASTE_PER_SECOND));
            let hasty = self.device.build_input_stream(haste, nothing, |_| (), Some(OPEN_MAX));
            streams.push(hasty.map_err(|error| self.closed(&error))?);
        }
        let config = config(self.buffer_size(rate, best.buffer_size()));
        let stream = match best.sample_format() {
            SampleFormat::F32 => self.stream::<f32>(config, feed, trouble),
            SampleFormat::I32 => self.stream::<i32>(config, feed, trouble),
            _ => self.stream::<i16>(config, feed, trouble),
        };
        streams.push(stream.map_err(|error| self.closed(&error))?);
        for stream in &streams {
            stream.play().map_err(|error| self.closed(&error))?;
        }
        Ok(OpenDevice { streams })
    }

    /// Samples that the device delivers at once, at most.
    fn buffer_size(&self, rate: Rate, can: &SupportedBufferSize) -> BufferSize {
        let frames = match self.host {
            HostId::PulseAudio => rate.hz(),
            // ALSA's buffer is two of these: what a control cuts is what has arrived, and what the machine is late for is lost.
            _ => rate.hz() / 50,
        };
        match can {
            SupportedBufferSize::Range { min, max } if !(*min..=*max).contains(&frames) => BufferSize::Default,
            _ => BufferSize::Fixed(frames),
        }
    }

    fn stream<T: SizedSample>(
        &self,
        config: StreamConfig,
        mut feed: FeedIn,
        mut trouble: impl FnMut(Trouble) + Send + 'static,
    ) -> Result<cpal::Stream, cpal::Error>
    where
        i16: FromSample<T>,
    {
        let channels = usize::from(config.channels);
        let carry =
            move |samples: &[T], _: &cpal::InputCallbackInfo| feed.deliver(samples, channels, i16::from_sample_);
        let hear = move |error: cpal::Error| match error.kind() {
            cpal::ErrorKind::Xrun => trouble(Trouble::Overrun),
            // The stream goes on.
            cpal::ErrorKind::DeviceChanged | cpal::ErrorKind::RealtimeDenied => {}
            _ => trouble(Trouble::Gone),
        };
        self.device.build_input_stream(config, carry, hear, Some(OPEN_MAX))
    }

    fn closed(&self, error: &cpal::Error) -> DeviceError {
        DeviceError::Closed { device: self.name.clone(), cause: error.to_string().replace('\n', " ") }
    }
}

/// The formats that we read, best first: PCM16 needs no conversion.
fn format_rank(format: SampleFormat) -> Option<usize> {
    [SampleFormat::I16, SampleFormat::I32, SampleFormat::F32].iter().position(|known| *known == format)
}
