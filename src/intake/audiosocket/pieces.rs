//! Samples of a leg that wait for their place: in pieces, one for each read, each with its time of arrival.
//!
//! Belongs here: what arrival times tell about the time of speaking. Does not: the samples themselves, their place (`timeline`).
//!
//! The rule. A sample was spoken before it arrived. So each piece gives a bound for the first waiting sample: the time of the piece less all
//! samples up to its end. The earliest of these bounds is the best that anybody can know. A stall makes the first pieces late, and the pieces that
//! catch up behind them tell by how much.

use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

/// Pieces that are told apart: over half a second of reads. After that the last one grows.
const PIECES_MAX: usize = 32;

/// What one read has brought.
#[derive(Debug, Clone, Copy)]
pub(super) struct Piece {
    /// When all of it had come.
    pub at: Instant,
    /// Bytes of the stream.
    pub bytes: usize,
    /// Bytes of samples among them.
    pub audio_bytes: u64,
}

/// How long so many bytes of audio last.
pub(super) fn duration(audio_bytes: u64, bytes_per_second: u64) -> Duration {
    Duration::from_nanos((u128::from(audio_bytes) * 1_000_000_000 / u128::from(bytes_per_second)) as u64)
}

/// The pieces that wait, in their order.
#[derive(Debug)]
pub(super) struct Pieces(VecDeque<Piece>);

impl Pieces {
    pub(super) fn new() -> Pieces {
        Pieces(VecDeque::with_capacity(PIECES_MAX))
    }

    pub(super) fn clear(&mut self) {
        self.0.clear();
    }

    /// Another piece has come. Allocates nothing.
    pub(super) fn push(&mut self, piece: Piece) {
        if self.0.len() < PIECES_MAX {
            return self.0.push_back(piece);
        }
        if let Some(last) = self.0.back_mut() {
            last.at = piece.at;
            last.bytes += piece.bytes;
            last.audio_bytes += piece.audio_bytes;
        }
    }

    /// The first piece that waits.
    pub(super) fn first(&self) -> Option<&Piece> {
        self.0.front()
    }

    /// The first piece has its place.
    pub(super) fn pop(&mut self) {
        self.0.pop_front();
    }

    /// Whether any samples wait.
    pub(super) fn has_audio(&self) -> bool {
        self.0.iter().any(|piece| piece.audio_bytes > 0)
    }

    /// When the first sample that waits was spoken, at the latest; none if no sample waits.
    pub(super) fn start(&self, bytes_per_second: u64) -> Option<Instant> {
        let mut audio_bytes = 0;
        let starts = self.0.iter().filter(|piece| piece.audio_bytes > 0).map(|piece| {
            audio_bytes += piece.audio_bytes;
            let spoken = duration(audio_bytes, bytes_per_second);
            piece.at.checked_sub(spoken).unwrap_or(piece.at)
        });
        starts.min()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use retrocall_words::{Clock as _, SystemClock};

    /// 20 ms of 8 kHz.
    const FRAME_BYTES: u64 = 320;

    fn have_come(begin: Instant, frames: &[(u64, u64)]) -> Pieces {
        let mut pieces = Pieces::new();
        for (ms, frames) in frames {
            let at = begin + Duration::from_millis(*ms);
            pieces.push(Piece { at, bytes: 7, audio_bytes: frames * FRAME_BYTES });
        }
        pieces
    }

    #[test]
    fn what_comes_later_tells_when_the_first_sample_was_spoken() {
        let begin = SystemClock.now();
        let start_ms = |frames: &[(u64, u64)]| {
            let start = have_come(begin, frames).start(16_000).expect("something waits");
            start.duration_since(begin).as_millis() as u64
        };
        assert_eq!(start_ms(&[(120, 1)]), 100);
        // On time, and with jitter: the frame that was least late.
        assert_eq!(start_ms(&[(120, 1), (140, 1), (160, 1)]), 100);
        assert_eq!(start_ms(&[(135, 1), (140, 1), (179, 1)]), 100);
        // The first one of a stall comes late and alone, the rest behind it.
        assert_eq!(start_ms(&[(1_000, 1), (1_001, 20), (1_020, 25)]), 100);
        // A pause behind it says nothing about it.
        assert_eq!(start_ms(&[(120, 1), (900, 1), (920, 1)]), 100);
        assert_eq!(start_ms(&[(0, 0), (120, 1)]), 100);
        assert!(have_come(begin, &[(0, 0)]).start(16_000).is_none());
    }

    #[test]
    fn pieces_beyond_the_most_are_told_together_and_none_of_their_bytes_is_lost() {
        let frames: Vec<(u64, u64)> = (1..=100).map(|frame| (frame * 20, 1)).collect();
        let begin = SystemClock.now();
        let mut pieces = have_come(begin, &frames);
        assert_eq!(pieces.start(16_000), Some(begin));
        let (mut bytes, mut audio_bytes, mut count) = (0, 0, 0);
        while let Some(piece) = pieces.first() {
            (bytes, audio_bytes, count) = (bytes + piece.bytes, audio_bytes + piece.audio_bytes, count + 1);
            pieces.pop();
        }
        assert_eq!((bytes, audio_bytes, count), (700, 100 * FRAME_BYTES, PIECES_MAX));
    }
}
