//! What a frame would leave in memory on its way into a ring if nobody wiped it: for whoever looks for it there.

use super::{
    block::{self, BLOCK_SAMPLES_MAX, BLOCK_WORDS_MAX, Header, Kind, Residuals},
    kernels,
    lanes::{LANES, Payload},
};
use crate::memory::sync::{AtomicU64, Ordering};
use retrocall_words::audio::g711::Law;

/// The forms that a frame takes between its samples and its segment, as bytes of this machine's memory.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Traces {
    /// Ranks of G.711 codes; nothing for linear samples.
    pub ranks: Vec<u8>,
    /// What the predictor left, one 16-bit word a sample.
    pub residuals: Vec<u8>,
    /// Each block as it lies in a segment behind its header.
    pub packed: Vec<u8>,
}

/// Samples of one block of a frame, or of a part of one: as even as can be, in whole rows.
pub(super) fn block_samples(part_samples: usize) -> usize {
    if part_samples <= BLOCK_SAMPLES_MAX {
        // The usual frame, spared a division.
        return part_samples.next_multiple_of(LANES).max(1);
    }
    let blocks = part_samples.div_ceil(BLOCK_SAMPLES_MAX);
    part_samples.div_ceil(blocks).next_multiple_of(LANES).clamp(1, BLOCK_SAMPLES_MAX)
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
        let packed = block::choose(kind, samples, &kernels::measure(samples));
        let words: [_; BLOCK_WORDS_MAX] = std::array::from_fn(|_| AtomicU64::new(0));
        let payload = &words[..Header::Packed(packed).payload_words()];
        block::pack(&packed, samples, Payload(payload));
        let mut residuals: Residuals = [0; BLOCK_SAMPLES_MAX];
        block::unpack(&packed, &Payload(payload), &mut residuals);
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

    /// If the writer packs otherwise one day, whoever looks for the old form would find nothing and call it clean.
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
