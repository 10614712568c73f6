//! How a message is framed: eight bytes of head, then its payload.
//!
//! | offset | bytes | field |
//! |---|---|---|
//! | 0 | 2 | `RC` |
//! | 2 | 1 | version of the protocol: 1 |
//! | 3 | 1 | kind: 1 control, 2 audio of the agent, 3 audio of the customer |
//! | 4 | 4 | bytes of the payload, little-endian |
//!
//! Belongs here: heads, limits, writing messages. Does not: JSON, sockets.
//!
//! An audio payload begins with the channel (4 bytes) and the position of its first sample (8 bytes), both little-endian.

use std::fmt;

use retrocall_words::audio::{Codec, FRAME_SAMPLES_MAX, Leg};
use retrocall_words::{CONTROL_BYTES_MAX, ErrorCode, FrameError};

/// The version that this crate speaks.
pub const VERSION: u8 = 1;
/// Bytes of the head of a message.
pub const HEAD_BYTES: usize = 8;
/// Bytes between the head of an audio message and its first sample.
pub const AUDIO_HEAD_BYTES: usize = 12;
/// The longest message that the engine sends: a list of many thousands of live calls.
pub const EVENT_BYTES_MAX: usize = 16 * 1024 * 1024;
/// The longest payload of an audio message: 120 ms at 48 kHz, linear.
const AUDIO_BYTES_MAX: usize = AUDIO_HEAD_BYTES + 2 * FRAME_SAMPLES_MAX;
/// The engine skips a payload over the limit of its kind, up to this length. A longer one can only be a mistake.
pub const PASSED_OVER_BYTES_MAX: usize = 1024 * 1024;

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

/// Why bytes are no message. The next message can't be found after such bytes, so the engine says so and disconnects.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HeadError {
    /// It does not begin with `RC`.
    Magic,
    /// Another version of the protocol.
    Version(u8),
    /// A kind that version 1 does not have.
    Kind(u8),
    /// A payload that is longer than any that would be skipped.
    TooLong {
        /// Bytes it claims to have.
        bytes: usize,
        /// Bytes that would be skipped.
        limit: usize,
    },
}

impl HeadError {
    /// The word for it in an `error` event.
    pub const fn code(self) -> ErrorCode {
        match self {
            HeadError::Magic => ErrorCode::NotRetrocall,
            HeadError::Version(_) => ErrorCode::Version,
            HeadError::Kind(_) => ErrorCode::Kind,
            HeadError::TooLong { .. } => ErrorCode::TooLong,
        }
    }
}

impl fmt::Display for HeadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            HeadError::Magic => write!(f, "a message begins with the bytes 52 43 (RC): is this a retrocall client?"),
            HeadError::Version(version) => {
                write!(f, "version {version} is not spoken here: this engine speaks version {VERSION}")
            }
            HeadError::Kind(kind) => write!(f, "kind {kind} is none of 1 (control), 2 (agent), 3 (customer)"),
            HeadError::TooLong { bytes, limit } => {
                write!(f, "a payload of {bytes} bytes is over the limit of {limit}")
            }
        }
    }
}

impl std::error::Error for HeadError {}

impl Head {
    /// The head in the first bytes of a message that a client sent. Its payload may be over the limit of its kind
    /// ([`Head::is_too_long`]): it is passed over.
    ///
    /// # Errors
    /// [`HeadError`] for anything that is not the head of a message.
    pub fn parse(bytes: [u8; HEAD_BYTES]) -> Result<Head, HeadError> {
        Head::parse_within(bytes, PASSED_OVER_BYTES_MAX)
    }

    /// As [`Head::parse`], for what the engine sends: it may be longer.
    ///
    /// # Errors
    /// As [`Head::parse`].
    pub fn parse_from_engine(bytes: [u8; HEAD_BYTES]) -> Result<Head, HeadError> {
        Head::parse_within(bytes, EVENT_BYTES_MAX)
    }

    fn parse_within(bytes: [u8; HEAD_BYTES], limit: usize) -> Result<Head, HeadError> {
        let [m0, m1, version, kind, length @ ..] = bytes;
        if [m0, m1] != MAGIC {
            return Err(HeadError::Magic);
        }
        if version != VERSION {
            return Err(HeadError::Version(version));
        }
        let kind = match kind {
            1 => Kind::Control,
            2 => Kind::Audio(Leg::Agent),
            3 => Kind::Audio(Leg::Customer),
            other => return Err(HeadError::Kind(other)),
        };
        let payload_bytes = u32::from_le_bytes(length) as usize;
        if payload_bytes > limit {
            return Err(HeadError::TooLong { bytes: payload_bytes, limit });
        }
        Ok(Head { kind, payload_bytes })
    }

    /// Whether the payload is over what a client may send of its kind.
    pub const fn is_too_long(&self) -> bool {
        self.payload_bytes
            > match self.kind {
                Kind::Control => CONTROL_BYTES_MAX,
                Kind::Audio(_) => AUDIO_BYTES_MAX,
            }
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
            _ if samples * codec.bytes_per_sample() != bytes.len() => Err(FrameError::Samples),
            0 => Err(FrameError::Samples),
            _ if samples > FRAME_SAMPLES_MAX => Err(FrameError::TooLong),
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

    fn head(bytes: &[u8]) -> Result<Head, HeadError> {
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
        assert_eq!(head(b"GET / HT"), Err(HeadError::Magic));
        assert_eq!(head(b"RC\x02\x01\0\0\0\0"), Err(HeadError::Version(2)));
        assert_eq!(head(b"RC\x01\x09\0\0\0\0"), Err(HeadError::Kind(9)));
        assert_eq!(head(b"RC\x01\x01\xff\xff\xff\xff").map_err(HeadError::code), Err(ErrorCode::TooLong));
        assert_eq!(head(b"RC\x01\x02\x01\0\x10\0").map_err(HeadError::code), Err(ErrorCode::TooLong));
    }

    #[test]
    fn a_message_whose_length_can_be_meant_has_a_head_whatever_is_in_it() {
        for (bytes, is_too_long) in [
            (b"RC\x01\x01\0\x40\0\0", false),
            (b"RC\x01\x01\x01\x40\0\0", true),
            (b"RC\x01\x03\0\0\0\0", false),
            (b"RC\x01\x02\x0c\x2d\0\0", false),
            (b"RC\x01\x02\x0d\x2d\0\0", true),
            (b"RC\x01\x02\0\0\x10\0", true),
        ] {
            assert_eq!(head(bytes).map(|head| head.is_too_long()), Ok(is_too_long), "{bytes:?}");
        }
        assert_eq!(AudioHead::samples(&[0; 3], Codec::Pcm16), Err(FrameError::Samples));
        assert_eq!(AudioHead::samples(&[], Codec::Ulaw), Err(FrameError::Samples));
        assert_eq!(AudioHead::samples(&[0; 6_000], Codec::Ulaw), Err(FrameError::TooLong));
        assert_eq!(AudioHead::samples(&[0; 320], Codec::Pcm16), Ok(160));
    }
}
