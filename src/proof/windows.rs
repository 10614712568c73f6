//! Windows: stretches of real sound, searched in every form in which it was sent or kept, and compared byte by byte.
//!
//! Speech repeats itself in short pieces, so these windows are longer than needles. Each is looked up by the first needle in it.

use super::{
    needles::{NEEDLE_BYTES, Needles},
    sound::{Sound, bytes_of, interleaved},
};

/// Samples of a window.
pub const WINDOW_SAMPLES: usize = 64;
/// The windows are compared byte by byte, so any salt will do.
const SALT: u64 = 0x9e37_79b9_7f4a_7c15;

/// The windows of some calls.
#[derive(Default)]
pub struct Windows {
    windows: Vec<Vec<u8>>,
    silent: usize,
}

impl Windows {
    /// Adds every window of a call: each leg as PCM16, both interleaved as a recording has them, and G.711 as its codes.
    pub fn add(&mut self, sound: &Sound) {
        for leg in &sound.legs {
            self.add_form(&bytes_of(leg), 2);
        }
        self.add_recording(sound);
        if let Some((_, codes)) = &sound.codes {
            for leg in codes {
                self.add_form(leg, 1);
            }
            self.add_form(&interleaved(codes), 2);
        }
    }

    /// Adds the windows of a call only in the form of a recording.
    pub fn add_recording(&mut self, sound: &Sound) {
        self.add_form(&bytes_of(&sound.interleaved()), 4);
    }

    /// How many windows there are to find.
    pub fn len(&self) -> usize {
        self.windows.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.windows.is_empty()
    }

    /// How many windows are not searched because they are one repeated sample: such windows are in any file.
    pub fn silent(&self) -> usize {
        self.silent
    }

    fn add_form(&mut self, bytes: &[u8], step_bytes: usize) {
        for window in bytes.chunks_exact(WINDOW_SAMPLES * step_bytes) {
            if window.chunks_exact(step_bytes).all(|step| step == &window[..step_bytes]) {
                self.silent += 1;
            } else {
                self.windows.push(window.to_vec());
            }
        }
    }

    /// Prepares the search.
    pub fn search(&self) -> Search<'_> {
        let keys: Vec<(usize, &[u8; NEEDLE_BYTES])> = self.windows.iter().map(|window| key(window)).collect();
        let needles = Needles::new(SALT, keys.iter().map(|(_, key)| Needles::hash_of(SALT, key)).collect());
        let mut by_needle = vec![Vec::new(); needles.len()];
        for (window, (at, key)) in keys.iter().enumerate() {
            by_needle[needles.number_of(key).expect("it is one of them")].push((window, *at));
        }
        Search { windows: &self.windows, needles, by_needle }
    }
}

/// The first piece of a window that is a needle, because it is not one repeated byte. There is one: the window is not silent.
fn key(window: &[u8]) -> (usize, &[u8; NEEDLE_BYTES]) {
    let says_something = |piece: &&[u8]| piece.iter().any(|byte| *byte != piece[0]);
    let at = window.windows(NEEDLE_BYTES).position(|piece| says_something(&piece)).unwrap_or(0);
    (at, window[at..].first_chunk().expect("a window is longer than a needle"))
}

/// The search for windows.
pub struct Search<'a> {
    windows: &'a [Vec<u8>],
    needles: Needles,
    /// The windows that have each needle as their key, and the key's place in them.
    by_needle: Vec<Vec<(usize, usize)>>,
}

impl Search<'_> {
    /// Marks in `found` every window that is in `bytes`, wherever it begins.
    pub fn find_in(&self, bytes: &[u8], found: &mut [bool]) {
        self.needles.find_in(bytes, |place, needle| {
            for (window, at) in &self.by_needle[needle] {
                let begin = place.checked_sub(*at);
                found[*window] |= begin.is_some_and(|begin| bytes[begin..].starts_with(&self.windows[*window]));
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use retrocall_words::audio::{Rate, g711::Law};

    fn sound(seed: i16, samples: i16) -> Sound {
        let leg = |step: i16| (0..samples).map(|n| n.wrapping_mul(step).wrapping_add(seed)).collect();
        Sound { rate: Rate::new(8_000).expect("a rate"), legs: [leg(7), leg(-311)], codes: None }
    }

    fn found(windows: &Windows, bytes: &[u8]) -> usize {
        let mut found = vec![false; windows.len()];
        windows.search().find_in(bytes, &mut found);
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
        // One bit of a window differs, or its last byte is missing: it is not the same sound.
        let mut other = mono[128..256].to_vec();
        other[100] ^= 1;
        assert_eq!(found(&windows, &other), 0);
        assert_eq!(found(&windows, &mono[..127]), 0);
        assert_eq!(found(&windows, &[]), 0);
    }

    #[test]
    fn a_window_that_begins_with_silence_is_found_behind_more_silence() {
        let mut windows = Windows::default();
        let mut samples = vec![0; 64];
        samples[40..].fill(9);
        windows.add(&Sound { legs: [samples.clone(), vec![0; 64]], ..sound(0, 1) });
        let mut file = vec![0; 100];
        file.extend(bytes_of(&samples));
        assert_eq!((windows.len(), found(&windows, &file)), (2, 1));
    }

    #[test]
    fn silence_is_not_searched_for_and_codes_are() {
        let mut windows = Windows::default();
        let quiet = Sound {
            legs: [vec![8; 128], vec![8; 128]],
            codes: Some((Law::A, [(0..128).collect(), vec![5; 128]])),
            ..sound(0, 1)
        };
        windows.add(&quiet);
        // The customer's codes are silent as well; the agent's, alone and interleaved, are not.
        assert_eq!((windows.len(), windows.silent()), (4, 8));
        assert_eq!(found(&windows, &(0..128).collect::<Vec<u8>>()), 2);
    }
}
