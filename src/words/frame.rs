//! Limits of the local socket, and why a frame is dropped.

use std::fmt;

use crate::audio::FRAME_SAMPLES_MAX;

/// The longest control message that the engine takes.
pub const CONTROL_BYTES_MAX: usize = 16 * 1024;
/// The smallest depth: a frame of 120 ms always fits.
pub const SHARED_DEPTH_MS_MIN: u32 = 120;
/// The largest depth: a client that needs more has lost the engine.
pub const SHARED_DEPTH_MS_MAX: u32 = 10_000;

crate::words! {
    /// Why a frame is dropped. Its call and its connection go on.
    pub enum FrameError {
        /// Its channel was never given to the connection.
        Channel = "channel",
        /// Its bytes are not a whole number of samples, or none.
        Samples = "samples",
        /// It has more samples than a frame may have.
        TooLong = "too-long",
        /// It is too far ahead of its call.
        Position = "position",
    }
}

impl fmt::Display for FrameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            FrameError::Channel => f.write_str("its channel was not given to this connection"),
            FrameError::Samples => f.write_str("it is not a whole number of samples, or none at all"),
            FrameError::TooLong => write!(f, "it has more than {FRAME_SAMPLES_MAX} samples"),
            FrameError::Position => f.write_str("its position is too far ahead of the call"),
        }
    }
}
