//! Detects G.711 codes that are labelled as 8 kHz linear samples: Asterisk's channel driver can send them so.
//!
//! Belongs here: telling the two apart by the pace of bytes. Does not: which law it is; nobody can hear that before it is decoded, so a setting
//! says it.
//!
//! A second of linear samples is 16,000 bytes, one of G.711 is 8,000. The size of a message alone does not tell: 160 bytes are 20 ms of
//! the one and 10 ms of the other. It decides only where the pace does not.

use std::time::Duration;

/// Arrivals after which the pace is known: a third of a second of frames of 20 ms.
const ARRIVALS: u32 = 16;
/// Fewer are better than the size alone.
const ARRIVALS_MIN: u32 = 4;
/// G.711 brings 8 bytes in a millisecond, linear samples 16. Below this it is the one,
const CODES_BYTES_PER_MS: u64 = 10;
/// from here on the other; what is between may be either, after a bad stall.
const LINEAR_BYTES_PER_MS: u64 = 13;
/// Above this it does not come as it is spoken.
const REAL_TIME_BYTES_PER_MS: u64 = 24;
/// Messages of up to this size are G.711 where there is no pace: linear ones have 320 bytes and more.
const CODES_BYTES_MAX: u64 = 240;
/// A longer time without anything is a pause, and says nothing about the pace.
const PAUSE_MIN: Duration = Duration::from_millis(45);

/// What comes so soon behind a pause may be what had stalled.
const BURST_MAX: Duration = Duration::from_millis(5);

/// What it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// What its label says.
    Linear,
    /// Codes of G.711.
    Codes,
}

/// What has been seen of a leg.
#[derive(Debug, Default)]
pub(super) struct Pace {
    messages: u64,
    message_bytes: u64,
    last: Option<Duration>,
    paused: bool,
    arrivals: u32,
    bytes: u64,
    time: Duration,
}

impl Pace {
    /// A message of this size begins.
    pub(super) fn message(&mut self, bytes: usize) {
        self.messages += 1;
        self.message_bytes += bytes as u64;
    }

    /// So many bytes of audio have come together, at a time that counts from anywhere.
    pub(super) fn arrival(&mut self, at: Duration, bytes: u64) {
        if bytes == 0 {
            return;
        }
        let Some(last) = self.last.replace(at) else { return };
        let between = at.saturating_sub(last);
        // Half as long again as what came would last, if it were G.711.
        if between > PAUSE_MIN.max(Duration::from_millis(self.mean_bytes() * 3 / 16)) {
            self.paused = true;
            return;
        }
        if self.paused && between < BURST_MAX {
            return;
        }
        self.paused = false;
        self.arrivals += 1;
        self.bytes += bytes;
        self.time += between;
    }

    fn mean_bytes(&self) -> u64 {
        self.message_bytes / self.messages.max(1)
    }

    /// What it is, if that is known.
    pub(super) fn verdict(&self) -> Option<Verdict> {
        (self.arrivals >= ARRIVALS).then(|| self.settle())
    }

    /// What it is, as far as it can be known.
    pub(super) fn settle(&self) -> Verdict {
        let bytes_per_ms = self.bytes * 1_000 / (self.time.as_micros() as u64).max(1);
        let codes = match bytes_per_ms {
            0..CODES_BYTES_PER_MS if self.arrivals >= ARRIVALS_MIN => true,
            LINEAR_BYTES_PER_MS..=REAL_TIME_BYTES_PER_MS if self.arrivals >= ARRIVALS_MIN => false,
            _ => self.mean_bytes() <= CODES_BYTES_MAX,
        };
        if codes { Verdict::Codes } else { Verdict::Linear }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Messages of `bytes` at these times, in ms.
    fn pace(bytes: usize, times_ms: impl IntoIterator<Item = u64>) -> Pace {
        let mut pace = Pace::default();
        for ms in times_ms {
            pace.message(bytes);
            pace.arrival(Duration::from_millis(ms), bytes as u64);
        }
        pace
    }

    fn every(ms: u64) -> impl Iterator<Item = u64> {
        (0..17).map(move |frame| frame * ms)
    }

    #[test]
    fn codes_that_are_labelled_linear_are_noticed_whatever_the_length_of_a_frame() {
        for ms in [10, 20, 30, 40, 60] {
            let (codes, linear) = (8 * ms as usize, 16 * ms as usize);
            assert_eq!(pace(codes, every(ms)).verdict(), Some(Verdict::Codes), "{ms} ms");
            assert_eq!(pace(linear, every(ms)).verdict(), Some(Verdict::Linear), "{ms} ms");
        }
    }

    #[test]
    fn jitter_a_stall_and_a_pause_change_nothing() {
        for (bytes, verdict) in [(160, Verdict::Codes), (320, Verdict::Linear)] {
            let jitter = (0..24).map(|frame| frame * 20 + frame % 2 * 15);
            assert_eq!(pace(bytes, jitter).verdict(), Some(verdict));
            // Five frames stall, and come within the same millisecond.
            let stall = (0..24).map(|frame| if (5..10).contains(&frame) { 200 } else { frame * 20 });
            assert_eq!(pace(bytes, stall).verdict(), Some(verdict));
            let pause = (0..24).map(|frame| if frame < 9 { frame * 20 } else { frame * 20 + 700 });
            assert_eq!(pace(bytes, pause).verdict(), Some(verdict));
        }
    }

    #[test]
    fn where_there_is_no_pace_the_size_decides() {
        assert_eq!(pace(160, [0]).verdict(), None);
        assert_eq!(pace(160, [0]).settle(), Verdict::Codes);
        assert_eq!(pace(320, [0]).settle(), Verdict::Linear);
        // All at once, as no phone sends it.
        assert_eq!(pace(160, every(0)).verdict(), Some(Verdict::Codes));
        assert_eq!(pace(320, every(0)).verdict(), Some(Verdict::Linear));
    }
}
