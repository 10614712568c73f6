//! The traces that a frame would leave in memory on its way into a ring if nobody wiped them: for those who look for them.
//!
//! Belongs here: the forms of a frame. Does not: the search.

use super::packing::{self, BLOCK_SAMPLES_MAX, BLOCK_WORDS_MAX, Header, Kind, Payload, Residuals, block_samples};
use crate::memory::sync::{AtomicU64, Ordering};
use retrocall_words::audio::g711::Law;

/// The forms of a frame between its samples and its segment, as bytes of this machine's memory.
///
/// ```
/// use retrocall_core::ring::Traces;
///
/// let mut traces = Traces::default();
/// traces.add_linear(&[100, 300, 200, -100, -300, 0, 50, 7]);
/// assert_eq!((traces.ranks.len(), traces.residuals.len()), (0, 16));
/// // Eight samples of ten bits.
/// assert_eq!(traces.packed.len(), 16);
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Traces {
    /// Ranks of G.711 codes; nothing for linear samples.
    pub ranks: Vec<u8>,
    /// The residuals of the predictor, one 16-bit word a sample.
    pub residuals: Vec<u8>,
    /// Each block as it lies in a segment behind its header.
    pub packed: Vec<u8>,
}

impl Traces {
    /// Adds the traces of a frame of linear samples that come from no G.711 codes.
    pub fn add_linear(&mut self, samples: &[i16]) {
        for block in samples.chunks(block_samples(samples.len())) {
            self.add(Kind::Linear, block);
        }
    }

    /// Adds the traces of a frame of G.711 codes.
    pub fn add_codes(&mut self, law: Law, codes: &[u8]) {
        let ranks: Vec<i16> = codes.iter().map(|code| law.rank(*code).into()).collect();
        self.ranks.extend(ranks.iter().flat_map(|rank| rank.to_ne_bytes()));
        for block in ranks.chunks(block_samples(ranks.len())) {
            self.add(Kind::Ranks(law), block);
        }
    }

    fn add(&mut self, kind: Kind, samples: &[i16]) {
        let block = packing::choose(kind, samples, &packing::measure(samples));
        let words: [_; BLOCK_WORDS_MAX] = std::array::from_fn(|_| AtomicU64::new(0));
        let payload = &words[..Header::Block(block).payload_words()];
        packing::pack(&block, samples, Payload(payload));
        let mut residuals: Residuals = [0; BLOCK_SAMPLES_MAX];
        packing::unpack(&block, Payload(payload), &mut residuals);
        self.residuals.extend(residuals[..samples.len()].iter().flat_map(|residual| residual.to_ne_bytes()));
        self.packed.extend(payload.iter().flat_map(|word| word.load(Ordering::Relaxed).to_ne_bytes()));
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::{
        memory::{Arena, LockedBuffer, look_at_locked},
        ring::Ring,
    };

    /// If the writer packed in another form one day, a search for the old form would find nothing and call it clean.
    #[test]
    fn the_packed_form_is_what_a_writer_leaves_in_the_arena() {
        let arena = Arc::new(Arena::new(1 << 20, true).expect("memory for a test"));
        while arena.fault_in_ahead() > 0 {}
        let (_ring, [mut agent, mut customer]) = Ring::new(Arc::clone(&arena));
        let noise = |i: u32| (i.wrapping_mul(2_654_435_761) >> 13) as i16;
        let samples: Vec<i16> = (1..=960).map(|i| noise(i) >> 3).collect();
        let codes: Vec<u8> = (1..=160).map(|i| noise(i + 7_000) as u8).collect();
        let mut traces = Traces::default();
        traces.add_linear(&samples);
        traces.add_codes(Law::A, &codes);
        agent.provision(960);
        agent.push(0, &samples);
        customer.provision(160);
        customer.push_codes(0, Law::A, &codes);
        let words: Vec<&[u8]> = traces.packed.chunks_exact(8).collect();
        assert!(words.len() > 200);
        let mut found = vec![false; words.len()];
        let mut scratch = LockedBuffer::new(8_192, true).expect("memory for a test");
        look_at_locked(&mut scratch, 16, |piece| {
            for window in piece.bytes.chunks_exact(8) {
                for (found, word) in found.iter_mut().zip(&words) {
                    *found |= window == *word;
                }
            }
        });
        assert!(found.iter().all(|found| *found));
    }
}
