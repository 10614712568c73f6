//! How a message is framed: eight bytes of head, then its payload.
//!
//! | offset | bytes | field |
//! |---|---|---|
//! | 0 | 2 | `RC` |
//! | 2 | 1 | version of the protocol: 1 |
//! | 3 | 1 | kind: 1 control, 2 audio of the agent, 3 audio of the customer |
//! | 4 | 4 | bytes of the payload, little-endian |
//!
//! An audio payload begins with the channel (4 bytes) and the position of its first sample (8 bytes), both little-endian.

use std::fmt;

use super::ErrorCode;
use crate::audio::{Codec, FRAME_SAMPLES_MAX, Leg};

/// The version that this crate speaks.
pub const VERSION: u8 = 1;
/// Bytes of the head of a message.
pub const HEAD_BYTES: usize = 8;
/// Bytes between the head of an audio message and its first sample.
pub const AUDIO_HEAD_BYTES: usize = 12;
/// The longest control message that the engine takes.
pub const CONTROL_BYTES_MAX: usize = 16 * 1024;
/// The longest message that the engine sends: a list of many thousands of live calls.
pub const EVENT_BYTES_MAX: usize = 16 * 1024 * 1024;
/// The longest payload of an audio message: 120 ms at 48 kHz, linear.
const AUDIO_BYTES_MAX: usize = AUDIO_HEAD_BYTES + 2 * FRAME_SAMPLES_MAX;

const MAGIC: [u8; 2] = *b"RC";

/// What a message is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// JSON: requests one way, answers and events the other.
    Control,
    /// Samples of a leg.
    Audio(Leg),
}

/// The head of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Head {
    /// What the message is.
    pub kind: Kind,
    /// Bytes that follow the head.
    pub payload_bytes: usize,
}

/// Why bytes are no message. Whoever sends such bytes is told so, and disconnected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FrameError {
    /// It does not begin with `RC`.
    Magic,
    /// A version that is not spoken here.
    Version(u8),
    /// A kind that version 1 does not have.
    Kind(u8),
    /// A payload over the limit of its kind.
    TooLong {
        /// Bytes it claims to have.
        bytes: usize,
        /// Bytes it may have.
        limit: usize,
    },
    /// An audio payload without a whole number of samples, or without any.
    Samples {
        /// Bytes behind the channel and the position.
        bytes: usize,
    },
    /// More samples than 120 ms at 48 kHz.
    TooManySamples {
        /// Samples it has.
        samples: usize,
    },
}

impl FrameError {
    /// The word for it in an `error` event.
    pub const fn code(self) -> ErrorCode {
        match self {
            FrameError::Magic => ErrorCode::NotRetrocall,
            FrameError::Version(_) => ErrorCode::Version,
            FrameError::Kind(_) => ErrorCode::Kind,
            FrameError::TooLong { .. } | FrameError::TooManySamples { .. } => ErrorCode::TooLong,
            FrameError::Samples { .. } => ErrorCode::Samples,
        }
    }
}

impl fmt::Display for FrameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            FrameError::Magic => write!(f, "a message begins with the bytes 52 43 (RC): is this a retrocall client?"),
            FrameError::Version(version) => {
                write!(f, "version {version} is not spoken here: this engine speaks version {VERSION}")
            }
            FrameError::Kind(kind) => write!(f, "kind {kind} is none of 1 (control), 2 (agent), 3 (customer)"),
            FrameError::TooLong { bytes, limit } => {
                write!(f, "a payload of {bytes} bytes is over the limit of {limit}")
            }
            FrameError::Samples { bytes } => {
                write!(f, "{bytes} bytes of audio are not a whole number of samples, or none at all")
            }
            FrameError::TooManySamples { samples } => {
                write!(f, "a frame of {samples} samples is over the limit of {FRAME_SAMPLES_MAX}")
            }
        }
    }
}

impl std::error::Error for FrameError {}

impl Head {
    /// The head in the first bytes of a message that a client sent.
    ///
    /// # Errors
    /// [`FrameError`] for anything that is not the head of a message within the limits.
    pub fn parse(bytes: [u8; HEAD_BYTES]) -> Result<Head, FrameError> {
        Head::parse_within(bytes, CONTROL_BYTES_MAX)
    }

    /// As [`Head::parse`], for what the engine sends: it may be longer.
    ///
    /// # Errors
    /// As [`Head::parse`].
    pub fn parse_from_engine(bytes: [u8; HEAD_BYTES]) -> Result<Head, FrameError> {
        Head::parse_within(bytes, EVENT_BYTES_MAX)
    }

    fn parse_within(bytes: [u8; HEAD_BYTES], control_bytes_max: usize) -> Result<Head, FrameError> {
        let [m0, m1, version, kind, length @ ..] = bytes;
        if [m0, m1] != MAGIC {
            return Err(FrameError::Magic);
        }
        if version != VERSION {
            return Err(FrameError::Version(version));
        }
        let (kind, limit) = match kind {
            1 => (Kind::Control, control_bytes_max),
            2 => (Kind::Audio(Leg::Agent), AUDIO_BYTES_MAX),
            3 => (Kind::Audio(Leg::Customer), AUDIO_BYTES_MAX),
            other => return Err(FrameError::Kind(other)),
        };
        let payload_bytes = u32::from_le_bytes(length) as usize;
        if payload_bytes > limit {
            return Err(FrameError::TooLong { bytes: payload_bytes, limit });
        }
        if matches!(kind, Kind::Audio(_)) && payload_bytes <= AUDIO_HEAD_BYTES {
            return Err(FrameError::Samples { bytes: payload_bytes.saturating_sub(AUDIO_HEAD_BYTES) });
        }
        Ok(Head { kind, payload_bytes })
    }

    fn to_bytes(self) -> [u8; HEAD_BYTES] {
        let kind = match self.kind {
            Kind::Control => 1,
            Kind::Audio(Leg::Agent) => 2,
            Kind::Audio(Leg::Customer) => 3,
        };
        let [l0, l1, l2, l3] = (self.payload_bytes as u32).to_le_bytes();
        [MAGIC[0], MAGIC[1], VERSION, kind, l0, l1, l2, l3]
    }
}

/// What stands before the samples of an audio message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AudioHead {
    /// The call, by the number that `begin` or `attach` gave it on this connection.
    pub channel: u32,
    /// The position of the first sample, counted from the begin of the call.
    pub position: u64,
}

impl AudioHead {
    /// Splits an audio payload into its head and its samples' bytes; None if it is too short.
    pub fn split(payload: &[u8]) -> Option<(AudioHead, &[u8])> {
        let (channel, rest) = payload.split_first_chunk()?;
        let (position, samples) = rest.split_first_chunk()?;
        let head = AudioHead { channel: u32::from_le_bytes(*channel), position: u64::from_le_bytes(*position) };
        Some((head, samples))
    }

    /// How many samples of `codec` these bytes are.
    ///
    /// # Errors
    /// [`FrameError`] if it is not a whole number within the limit.
    pub fn samples(bytes: &[u8], codec: Codec) -> Result<usize, FrameError> {
        let samples = bytes.len() / codec.bytes_per_sample();
        match samples {
            _ if samples * codec.bytes_per_sample() != bytes.len() => Err(FrameError::Samples { bytes: bytes.len() }),
            0 => Err(FrameError::Samples { bytes: bytes.len() }),
            _ if samples > FRAME_SAMPLES_MAX => Err(FrameError::TooManySamples { samples }),
            _ => Ok(samples),
        }
    }
}

/// Appends a control message to `to`.
pub fn control_message(json: &[u8], to: &mut Vec<u8>) {
    to.extend_from_slice(&Head { kind: Kind::Control, payload_bytes: json.len() }.to_bytes());
    to.extend_from_slice(json);
}

/// Appends an audio message to `to`; `samples` are the bytes of the call's codec.
pub fn audio_message(leg: Leg, head: AudioHead, samples: &[u8], to: &mut Vec<u8>) {
    let payload_bytes = AUDIO_HEAD_BYTES + samples.len();
    to.extend_from_slice(&Head { kind: Kind::Audio(leg), payload_bytes }.to_bytes());
    to.extend_from_slice(&head.channel.to_le_bytes());
    to.extend_from_slice(&head.position.to_le_bytes());
    to.extend_from_slice(samples);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head(bytes: &[u8]) -> Result<Head, FrameError> {
        Head::parse(bytes[..HEAD_BYTES].try_into().expect("eight bytes"))
    }

    #[test]
    fn an_audio_message_is_these_bytes() {
        let mut bytes = Vec::new();
        audio_message(Leg::Customer, AudioHead { channel: 1, position: 160 }, &[0x34, 0x12], &mut bytes);
        assert_eq!(bytes, b"RC\x01\x03\x0e\0\0\0\x01\0\0\0\xa0\0\0\0\0\0\0\0\x34\x12");
        let head = head(&bytes).expect("a head");
        assert_eq!(head, Head { kind: Kind::Audio(Leg::Customer), payload_bytes: 14 });
        let (audio, samples) = AudioHead::split(&bytes[HEAD_BYTES..]).expect("an audio head");
        assert_eq!((audio.channel, audio.position, samples), (1, 160, &[0x34, 0x12][..]));
    }

    #[test]
    fn what_is_no_message_is_refused_by_name() {
        assert_eq!(head(b"GET / HT"), Err(FrameError::Magic));
        assert_eq!(head(b"RC\x02\x01\0\0\0\0"), Err(FrameError::Version(2)));
        assert_eq!(head(b"RC\x01\x09\0\0\0\0"), Err(FrameError::Kind(9)));
        assert_eq!(head(b"RC\x01\x01\xff\xff\xff\xff").map_err(FrameError::code), Err(ErrorCode::TooLong));
        assert_eq!(head(b"RC\x01\x02\x0c\0\0\0"), Err(FrameError::Samples { bytes: 0 }));
        assert_eq!(AudioHead::samples(&[0; 3], Codec::Pcm16), Err(FrameError::Samples { bytes: 3 }));
        assert_eq!(AudioHead::samples(&[0; 6_000], Codec::Ulaw), Err(FrameError::TooManySamples { samples: 6_000 }));
        assert_eq!(AudioHead::samples(&[0; 320], Codec::Pcm16), Ok(160));
    }
}
