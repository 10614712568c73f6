//! How long a link waits before it tries again.

use std::time::Duration;

use jiff::Timestamp;

/// Between three quarters of a time and all of it: not all sites at once, when their centre comes back.
pub(crate) fn jittered(time: Duration, now: Timestamp) -> Duration {
    let part = u32::from((now.subsec_nanosecond() / 1_000).unsigned_abs() as u8);
    time * 3 / 4 + time / 4 * part / 255
}
