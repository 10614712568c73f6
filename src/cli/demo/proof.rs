//! The search for sound in files: every window of 64 samples of a call, in every form in which it was ever sent or kept.

use std::collections::HashMap;

use super::desk::Sound;

/// Samples of a window.
pub(super) const WINDOW_SAMPLES: usize = 64;
/// Bytes that are looked up; what follows them is compared.
const KEY_BYTES: usize = 16;
/// A first look that most places in a file don't pass: one bit for each value of a hash of the key.
const FILTER_BITS: u32 = 20;

/// The windows of some calls.
#[derive(Default)]
pub(super) struct Windows {
    windows: Vec<Vec<u8>>,
    by_key: HashMap<u128, Vec<usize>>,
    filter: Vec<u64>,
    silent: usize,
}

impl Windows {
    /// Adds every window of a call: each leg as PCM16, both interleaved as a recording has them, and G.711 as its codes.
    pub(super) fn add(&mut self, sound: &Sound) {
        let mono = sound.legs.iter().map(|leg| bytes_of(leg));
        for leg in mono {
            self.add_form(&leg, 2);
        }
        self.add_recording(sound);
        if let Some(codes) = &sound.codes {
            for leg in codes {
                self.add_form(leg, 1);
            }
            let both: Vec<u8> =
                codes[0].iter().zip(&codes[1]).flat_map(|(agent, customer)| [*agent, *customer]).collect();
            self.add_form(&both, 2);
        }
    }

    /// Adds the windows of a call as a recording has them, and in no other form.
    pub(super) fn add_recording(&mut self, sound: &Sound) {
        self.add_form(&bytes_of(&sound.interleaved()), 4);
    }

    /// How many windows there are to be found.
    pub(super) fn len(&self) -> usize {
        self.windows.len()
    }

    /// How many are not searched for, because they are the same sample all through: such windows are in any file.
    pub(super) fn silent(&self) -> usize {
        self.silent
    }

    fn add_form(&mut self, bytes: &[u8], step_bytes: usize) {
        if self.filter.is_empty() {
            self.filter = vec![0; 1 << (FILTER_BITS - 6)];
        }
        for window in bytes.chunks_exact(WINDOW_SAMPLES * step_bytes) {
            if window.chunks_exact(step_bytes).all(|step| step == &window[..step_bytes]) {
                self.silent += 1;
                continue;
            }
            let key = key(window).expect("a window is longer than its key");
            let bit = hash(key);
            self.filter[bit >> 6] |= 1 << (bit & 63);
            self.by_key.entry(key).or_default().push(self.windows.len());
            self.windows.push(window.to_vec());
        }
    }

    /// Marks in `found` every window that is anywhere in `bytes`, at whatever place it begins.
    pub(super) fn find_in(&self, bytes: &[u8], found: &mut [bool]) {
        for place in 0..bytes.len() {
            let rest = &bytes[place..];
            let Some(key) = key(rest) else { return };
            let bit = hash(key);
            if self.filter.get(bit >> 6).is_none_or(|word| word & (1 << (bit & 63)) == 0) {
                continue;
            }
            for window in self.by_key.get(&key).into_iter().flatten() {
                found[*window] |= rest.starts_with(&self.windows[*window]);
            }
        }
    }
}

/// Samples as they stand in a file.
pub(super) fn bytes_of(samples: &[i16]) -> Vec<u8> {
    samples.iter().flat_map(|sample| sample.to_le_bytes()).collect()
}

fn key(bytes: &[u8]) -> Option<u128> {
    bytes.first_chunk::<KEY_BYTES>().map(|key| u128::from_le_bytes(*key))
}

fn hash(key: u128) -> usize {
    let folded = (key as u64) ^ ((key >> 64) as u64).rotate_left(29);
    (folded.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> (64 - FILTER_BITS)) as usize
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audio::Rate;

    fn sound(seed: i16, samples: i16) -> Sound {
        let leg = |step: i16| (0..samples).map(|n| n.wrapping_mul(step).wrapping_add(seed)).collect();
        Sound { rate: Rate::new(8_000).expect("a rate"), legs: [leg(7), leg(-311)], codes: None }
    }

    fn found(windows: &Windows, bytes: &[u8]) -> usize {
        let mut found = vec![false; windows.len()];
        windows.find_in(bytes, &mut found);
        found.into_iter().filter(|found| *found).count()
    }

    #[test]
    fn one_window_left_in_a_file_is_found_wherever_it_begins() {
        let mut windows = Windows::default();
        let sound = sound(3, 640);
        windows.add(&sound);
        // 10 windows in each of three forms.
        assert_eq!((windows.len(), windows.silent()), (30, 0));
        let mono = bytes_of(&sound.legs[1]);
        for place in [0, 1, 17] {
            let mut file = vec![0xaa; place];
            file.extend_from_slice(&mono[128..256]);
            file.extend_from_slice(&[0xbb; 5]);
            assert_eq!(found(&windows, &file), 1, "at {place}");
        }
        assert_eq!(found(&windows, &mono[129..]), 8);
        assert_eq!(found(&windows, &bytes_of(&sound.interleaved())), 10);
        // One bit differs in a window, or its last byte is missing: it is not the same sound.
        let mut other = mono[128..256].to_vec();
        other[100] ^= 1;
        assert_eq!(found(&windows, &other), 0);
        assert_eq!(found(&windows, &mono[..127]), 0);
        assert_eq!(found(&windows, &[]), 0);
    }

    #[test]
    fn silence_is_not_searched_for_and_codes_are() {
        let mut windows = Windows::default();
        let quiet = Sound {
            legs: [vec![8; 128], vec![8; 128]],
            codes: Some([(0..128).collect(), vec![5; 128]]),
            ..sound(0, 1)
        };
        windows.add(&quiet);
        // The customer's codes are silent as well; the agent's, alone and interleaved, are not.
        assert_eq!((windows.len(), windows.silent()), (4, 8));
        assert_eq!(found(&windows, &(0..128).collect::<Vec<u8>>()), 2);
    }
}
