//! Needles: windows of 16 bytes, known only by a salted hash.
//!
//! A search of a process from within must not bring its own target in, or it would find that. So it gets hashes, which tell nothing of the sound.

/// Bytes of a window.
pub const NEEDLE_BYTES: usize = 16;

/// Bits of the filter for each needle: only one in this many other places has to be looked up.
const FILTER_BITS_PER_NEEDLE: usize = 32;
/// The smallest and the largest filter, as powers of two.
const FILTER_BITS_LOG2: [u32; 2] = [10, 26];

/// A set of windows to find.
pub struct Needles {
    salt: u64,
    /// Sorted, each once.
    hashes: Vec<u64>,
    /// One bit for each value of the hash's highest bits: a first test that most places fail.
    filter: Vec<u64>,
    shift: u32,
}

impl Needles {
    /// Needles by their hashes, which were made with `salt`.
    pub fn new(salt: u64, mut hashes: Vec<u64>) -> Needles {
        hashes.sort_unstable();
        hashes.dedup();
        let [least, most] = FILTER_BITS_LOG2;
        let bits_log2 = (hashes.len() * FILTER_BITS_PER_NEEDLE).next_power_of_two().trailing_zeros().clamp(least, most);
        let mut needles = Needles { salt, hashes, filter: vec![0; 1 << (bits_log2 - 6)], shift: 64 - bits_log2 };
        for hash in &needles.hashes {
            let bit = (hash >> needles.shift) as usize;
            needles.filter[bit >> 6] |= 1 << (bit & 63);
        }
        needles
    }

    /// The consecutive windows of each of these forms. Leaves out windows of one repeated byte, which prove nothing, and a shorter rest.
    pub fn of<F: AsRef<[u8]>>(salt: u64, forms: impl IntoIterator<Item = F>) -> Needles {
        let mut hashes = Vec::new();
        for form in forms {
            let windows = form.as_ref().chunks_exact(NEEDLE_BYTES).filter(|window| !says_nothing(window));
            hashes.extend(windows.map(|window| hash(salt, word(window))));
        }
        Needles::new(salt, hashes)
    }

    /// The hash of a window.
    pub fn hash_of(salt: u64, window: &[u8; NEEDLE_BYTES]) -> u64 {
        hash(salt, u128::from_le_bytes(*window))
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.hashes.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.hashes.is_empty()
    }

    /// The salt of the hashes.
    pub fn salt(&self) -> u64 {
        self.salt
    }

    /// The hashes, sorted.
    pub fn hashes(&self) -> &[u64] {
        &self.hashes
    }

    /// The number of the needle that equals `window`, if any.
    pub fn number_of(&self, window: &[u8; NEEDLE_BYTES]) -> Option<usize> {
        self.look_up(u128::from_le_bytes(*window))
    }

    fn look_up(&self, window: u128) -> Option<usize> {
        let hash = hash(self.salt, window);
        let bit = (hash >> self.shift) as usize;
        if self.filter[bit >> 6] & (1 << (bit & 63)) == 0 {
            return None;
        }
        self.hashes.binary_search(&hash).ok()
    }

    /// Calls `each` with the place and the number of every needle in `bytes`, wherever it begins.
    pub fn find_in(&self, bytes: &[u8], mut each: impl FnMut(usize, usize)) {
        let mut place = 0;
        while let Some(window) = bytes.get(place..).and_then(|rest| rest.first_chunk::<NEEDLE_BYTES>()) {
            let window = u128::from_le_bytes(*window);
            // Most memory is zeros: skips eight places at once if all their windows are.
            if window == 0
                && bytes.get(place + NEEDLE_BYTES..).and_then(|rest| rest.first_chunk::<8>()) == Some(&[0; 8])
            {
                place += 8;
                continue;
            }
            if let Some(needle) = self.look_up(window) {
                each(place, needle);
            }
            place += 1;
        }
    }
}

/// A search for needles that remembers which it found.
pub struct Finder<'a> {
    needles: &'a Needles,
    seen: Vec<bool>,
    found: usize,
}

impl<'a> Finder<'a> {
    /// A search that has found nothing yet.
    pub fn new(needles: &'a Needles) -> Finder<'a> {
        Finder { needles, seen: vec![false; needles.len()], found: 0 }
    }

    /// Searches some bytes. Returns how many needles are in there, including those found before.
    pub fn look_at(&mut self, bytes: &[u8]) -> usize {
        let mut here = 0;
        self.needles.find_in(bytes, |_, needle| {
            here += 1;
            self.found += usize::from(!std::mem::replace(&mut self.seen[needle], true));
        });
        here
    }

    /// How many different needles were found.
    pub fn found(&self) -> usize {
        self.found
    }
}

fn says_nothing(window: &[u8]) -> bool {
    window.iter().all(|byte| *byte == window[0])
}

fn word(window: &[u8]) -> u128 {
    u128::from_le_bytes(window.try_into().expect("a window is this long"))
}

/// Hashes both halves: each is hidden by its own salt, multiplied and folded (the mixing step of wyhash).
fn hash(salt: u64, window: u128) -> u64 {
    let (low, high) = (window as u64, (window >> 64) as u64);
    let product = u128::from(low ^ salt) * u128::from(high ^ salt.rotate_left(32) ^ 0x9e37_79b9_7f4a_7c15);
    let folded = (product as u64) ^ ((product >> 64) as u64);
    folded.wrapping_mul(0xd6e8_feb8_6659_fd93) ^ (folded >> 32)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn noise(bytes: usize, seed: u64) -> Vec<u8> {
        let mut state = seed;
        (0..bytes)
            .map(|_| {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                (state >> 56) as u8
            })
            .collect()
    }

    fn found(needles: &Needles, bytes: &[u8]) -> usize {
        let mut finder = Finder::new(needles);
        finder.look_at(bytes);
        finder.found()
    }

    #[test]
    fn a_piece_of_31_bytes_is_found_wherever_it_was_cut_and_wherever_it_lies() {
        let sound = noise(4_096, 1);
        let needles = Needles::of(0x1234_5678_9abc_def0, [&sound]);
        assert_eq!(needles.len(), 256);
        for cut in 0..64 {
            for place in [0, 1, 7, 8, 24, 1_000] {
                let mut haystack = vec![0; place];
                haystack.extend_from_slice(&sound[cut..cut + 31]);
                haystack.extend_from_slice(&[0; 100]);
                assert!(found(&needles, &haystack) >= 1, "cut at {cut}, at {place}");
            }
        }
        assert_eq!(found(&needles, &sound), 256);
    }

    #[test]
    fn other_noise_and_a_window_with_one_bit_changed_are_not_found() {
        let sound = noise(1 << 20, 1);
        let needles = Needles::of(7, [&sound]);
        assert_eq!(found(&needles, &noise(4 << 20, 2)), 0);
        for bit in 0..128 {
            let mut window = sound[..16].to_vec();
            window[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(found(&needles, &window), 0, "bit {bit}");
        }
        assert_eq!(found(&needles, &sound[..15]), 0);
    }

    #[test]
    fn windows_that_begin_or_end_with_zeros_are_found_among_zeros() {
        let mut begins = [0; 16];
        begins[15] = 9;
        let mut ends = [0; 16];
        ends[0] = 9;
        let needles = Needles::of(7, [begins, ends, [0; 16], [5; 16]]);
        assert_eq!(needles.len(), 2, "what is the same all through is left out");
        for zeros in 0..40 {
            let mut haystack = vec![0; zeros];
            haystack.push(9);
            haystack.extend(vec![0; 40 - zeros]);
            let expected = usize::from(zeros >= 15) + usize::from(40 - zeros >= 15);
            assert_eq!(found(&needles, &haystack), expected, "{zeros}");
        }
    }
}
