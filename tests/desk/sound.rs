//! What calls sound like: of files, of recordings, made up; and how to find some of it again in any bytes.

use std::{collections::HashSet, path::Path};

use retrocall::{audio::Leg, client::WavSource};

/// Both legs of a call as samples, agent first, and their rate.
#[derive(Clone, PartialEq)]
pub struct Sound {
    pub rate: u32,
    pub legs: [Vec<i16>; 2],
}

impl Sound {
    /// A recording, as `hound` reads it: stereo PCM16 or a failed test.
    pub fn of_recording(path: &Path) -> Sound {
        let wav = hound::WavReader::open(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let spec = wav.spec();
        assert_eq!((spec.channels, spec.bits_per_sample), (2, 16), "{}", path.display());
        assert_eq!(spec.sample_format, hound::SampleFormat::Int, "{}", path.display());
        let samples: Vec<i16> = wav.into_samples().map(|sample| sample.expect("a sample")).collect();
        let leg = |leg: usize| samples.iter().skip(leg).step_by(2).copied().collect();
        Sound { rate: spec.sample_rate, legs: [leg(0), leg(1)] }
    }

    /// What a call's file must sound like when it is kept: PCM16 as it is, G.711 expanded.
    pub fn of_call(path: &Path) -> Sound {
        let mut source = WavSource::open(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let mut bytes = [Vec::new(), Vec::new()];
        let count = usize::try_from(source.samples()).expect("a short file");
        assert_eq!(source.read(count, &mut bytes).expect("samples"), count);
        let expand = |bytes: &Vec<u8>| match source.codec().law() {
            None => bytes.chunks_exact(2).map(|pair| i16::from_le_bytes([pair[0], pair[1]])).collect(),
            Some(law) => bytes.iter().map(|code| law.linear(*code)).collect(),
        };
        Sound { rate: source.rate().hz(), legs: [expand(&bytes[0]), expand(&bytes[1])] }
    }

    /// Two legs of noise that has each of its samples nowhere else: what of it is found was put there.
    pub fn noise(rate: u32, samples: usize, seed: u64) -> Sound {
        let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
        let mut next = move || {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            // Never 0, so that silence is always something that was done to it.
            (state >> 48) as i16 | 1
        };
        let mut leg = || (0..samples).map(|_| next()).collect();
        Sound { rate, legs: [leg(), leg()] }
    }

    /// Samples of a leg; both are as long.
    pub fn len(&self) -> usize {
        self.legs[0].len()
    }

    /// The same with a stretch of both legs silent.
    pub fn silent(mut self, from: usize, to: usize) -> Sound {
        for leg in &mut self.legs {
            leg[from..to].fill(0);
        }
        self
    }

    /// The same where a leg of `other` is silent from `from` on, up to at most `to`: a silence that was ended from elsewhere goes on for as long
    /// as frames may have been on their way.
    pub fn silent_as(mut self, other: &Sound, from: usize, to: usize) -> Sound {
        for (leg, other) in self.legs.iter_mut().zip(&other.legs) {
            let (to, end) = (to.min(leg.len()), other.len());
            let silent = other[from.min(end)..to.min(end)].iter().take_while(|sample| **sample == 0).count();
            leg[from..from + silent].fill(0);
        }
        self
    }

    /// Writes it as a stereo PCM16 file.
    pub fn save(&self, path: &Path) {
        let spec = hound::WavSpec {
            channels: 2,
            sample_rate: self.rate,
            bits_per_sample: 16,
            sample_format: hound::SampleFormat::Int,
        };
        let mut wav = hound::WavWriter::create(path, spec).expect("a file");
        for (agent, customer) in self.legs[0].iter().zip(&self.legs[1]) {
            wav.write_sample(*agent).expect("a sample");
            wav.write_sample(*customer).expect("a sample");
        }
        wav.finalize().expect("a file");
    }

    /// Fails with the first sample that is not as it should be: thousands of numbers tell nobody anything.
    #[track_caller]
    pub fn assert_is(&self, expected: &Sound) {
        assert_eq!(self.rate, expected.rate, "the rate");
        for leg in Leg::ALL {
            let (got, want) = (&self.legs[leg.index()], &expected.legs[leg.index()]);
            assert_eq!(got.len(), want.len(), "samples of the {leg:?}");
            let wrong = got.iter().zip(want).position(|(got, want)| got != want);
            if let Some(at) = wrong {
                let count = got.iter().zip(want).filter(|(got, want)| got != want).count();
                panic!("{leg:?}: {count} samples are wrong, first sample {at}: {} for {}", got[at], want[at]);
            }
        }
    }
}

/// Whether these samples are in some bytes, one after the other: alone, or as one channel of two.
pub fn bytes_hold(bytes: &[u8], samples: &[i16]) -> bool {
    let [first, rest @ ..] = samples else { return false };
    let first = first.to_le_bytes();
    let at = |at: usize| bytes.get(at..at + 2);
    (0..bytes.len().saturating_sub(1)).filter(|start| bytes[*start..*start + 2] == first).any(|start| {
        [2, 4].into_iter().any(|step| {
            rest.iter().zip(1..).all(|(sample, number)| at(start + number * step) == Some(&sample.to_le_bytes()[..]))
        })
    })
}

/// What a stretch of a call would leave: every two stereo samples, and every four of one leg, as bytes.
pub struct Traces(HashSet<u64>);

impl Traces {
    pub fn of(sound: &Sound, from: usize, to: usize) -> Traces {
        let [agent, customer] = [&sound.legs[0][from..to], &sound.legs[1][from..to]];
        let stereo: Vec<i16> = agent.iter().zip(customer).flat_map(|(agent, customer)| [*agent, *customer]).collect();
        let word = |four: &[i16]| four.iter().rev().fold(0, |word, sample| word << 16 | u64::from(*sample as u16));
        let mut words: HashSet<u64> = stereo.windows(4).step_by(2).map(word).collect();
        words.extend([agent, customer].into_iter().flat_map(|leg| leg.windows(4)).map(word));
        Traces(words)
    }

    /// Whether any of it is anywhere in these bytes.
    pub fn are_in(&self, bytes: &[u8]) -> bool {
        bytes.windows(8).any(|eight| self.0.contains(&u64::from_le_bytes(eight.try_into().expect("eight bytes"))))
    }
}
