//! Known sound: the samples of a call, and every form that they take on their way.

use std::{io::Cursor, ops::Range};

use rand::{Rng, RngExt, SeedableRng, rngs::StdRng};

use retrocall_client::client::{WavError, WavSource};
use retrocall_core::ring::Traces;
use retrocall_words::audio::{Codec, Leg, Rate, g711::Law};

/// The samples of a call.
pub struct Sound {
    /// Samples a second.
    pub rate: Rate,
    /// Samples of each leg, agent first.
    pub legs: [Vec<i16>; 2],
    /// The codes they were sent as, if it was G.711.
    pub codes: Option<(Law, [Vec<u8>; 2])>,
}

impl Sound {
    /// All samples of a source.
    ///
    /// # Errors
    /// [`WavError`] if it can't be read.
    pub fn of(mut source: WavSource) -> Result<Sound, WavError> {
        let (rate, codec) = (source.rate(), source.codec());
        let mut bytes = [Vec::new(), Vec::new()];
        let samples = usize::try_from(source.samples()).unwrap_or(usize::MAX);
        source.read(samples, &mut bytes)?;
        Ok(match codec.law() {
            Some(law) => Sound::of_codes(rate, law, bytes),
            None => {
                let linear = |two: &[u8]| i16::from_le_bytes([two[0], two[1]]);
                Sound { rate, legs: bytes.each_ref().map(|leg| leg.chunks_exact(2).map(linear).collect()), codes: None }
            }
        })
    }

    /// Noise that nobody has ever heard, or will again without the seed: `bits` loud, different on each leg.
    pub fn noise(seed: u64, codec: Codec, rate: Rate, seconds: f64, bits: u32) -> Sound {
        let mut random = StdRng::seed_from_u64(seed);
        let samples = rate.samples(seconds) as usize;
        match codec.law() {
            Some(law) => {
                let codes = Leg::ALL.map(|_| {
                    let mut codes = vec![0; samples];
                    random.fill_bytes(&mut codes);
                    codes
                });
                Sound::of_codes(rate, law, codes)
            }
            None => {
                let quiet = 16 - bits.clamp(1, 16);
                let legs = Leg::ALL.map(|_| (0..samples).map(|_| random.random::<i16>() >> quiet).collect());
                Sound { rate, legs, codes: None }
            }
        }
    }

    fn of_codes(rate: Rate, law: Law, codes: [Vec<u8>; 2]) -> Sound {
        let legs = codes.each_ref().map(|leg| leg.iter().map(|code| law.linear(*code)).collect());
        Sound { rate, legs, codes: Some((law, codes)) }
    }

    /// The samples of each leg.
    pub fn samples(&self) -> usize {
        self.legs[0].len()
    }

    /// Both legs interleaved, as in a recording.
    pub fn interleaved(&self) -> Vec<i16> {
        self.legs[0].iter().zip(&self.legs[1]).flat_map(|(agent, customer)| [*agent, *customer]).collect()
    }

    /// A stretch of it, in samples.
    pub fn part(&self, part: Range<usize>) -> Sound {
        Sound {
            rate: self.rate,
            legs: self.legs.each_ref().map(|leg| leg[part.clone()].to_vec()),
            codes: self
                .codes
                .as_ref()
                .map(|(law, codes)| (*law, codes.each_ref().map(|leg| leg[part.clone()].to_vec()))),
        }
    }

    /// Its bytes in a recording.
    pub fn recorded(&self) -> Vec<u8> {
        bytes_of(&self.interleaved())
    }

    /// Its forms in a ring's segments, if it came in frames of `frame_samples`.
    pub fn packed(&self, frame_samples: usize) -> Vec<Vec<u8>> {
        self.traces(frame_samples).map(|traces| traces.packed).into()
    }

    /// Every form that it takes between the socket and the file: sent, held, on the way to being packed, recorded.
    pub fn forms(&self, frame_samples: usize) -> Vec<Vec<u8>> {
        let mut forms: Vec<Vec<u8>> = self.legs.iter().map(|leg| bytes_of(leg)).collect();
        forms.push(self.recorded());
        if let Some((_, codes)) = &self.codes {
            forms.extend(codes.iter().cloned());
            forms.push(interleaved(codes));
        }
        for Traces { ranks, residuals, packed } in self.traces(frame_samples) {
            forms.extend([ranks, residuals, packed]);
        }
        forms
    }

    fn traces(&self, frame_samples: usize) -> [Traces; 2] {
        Leg::ALL.map(|leg| {
            let mut traces = Traces::default();
            match &self.codes {
                Some((law, codes)) => {
                    codes[leg.index()].chunks(frame_samples).for_each(|frame| traces.add_codes(*law, frame));
                }
                None => self.legs[leg.index()].chunks(frame_samples).for_each(|frame| traces.add_linear(frame)),
            }
            traces
        })
    }

    /// A WAV file of it in memory, ready to be played.
    pub fn source(&self) -> WavSource {
        let (tag, audio) = match &self.codes {
            None => (1u16, self.recorded()),
            Some((law, codes)) => (if *law == Law::A { 6 } else { 7 }, interleaved(codes)),
        };
        let both_bytes: u16 = if self.codes.is_some() { 2 } else { 4 };
        let mut file = Vec::with_capacity(44 + audio.len());
        let chunk = |file: &mut Vec<u8>, name: &[u8; 4], bytes: usize| {
            file.extend_from_slice(name);
            file.extend_from_slice(&(bytes as u32).to_le_bytes());
        };
        chunk(&mut file, b"RIFF", 36 + audio.len());
        file.extend_from_slice(b"WAVE");
        chunk(&mut file, b"fmt ", 16);
        for word in [tag, 2] {
            file.extend_from_slice(&word.to_le_bytes());
        }
        for word in [self.rate.hz(), self.rate.hz() * u32::from(both_bytes)] {
            file.extend_from_slice(&word.to_le_bytes());
        }
        for word in [both_bytes, both_bytes * 4] {
            file.extend_from_slice(&word.to_le_bytes());
        }
        chunk(&mut file, b"data", audio.len());
        file.extend_from_slice(&audio);
        WavSource::new(Cursor::new(file)).expect("a file that was just made is sound")
    }
}

/// The bytes of samples in a file.
pub fn bytes_of(samples: &[i16]) -> Vec<u8> {
    samples.iter().flat_map(|sample| sample.to_le_bytes()).collect()
}

/// The bytes of both legs by turns.
pub(super) fn interleaved([agent, customer]: &[Vec<u8>; 2]) -> Vec<u8> {
    agent.iter().zip(customer).flat_map(|(agent, customer)| [*agent, *customer]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn noise_is_the_same_for_the_same_seed_and_comes_back_from_its_file() {
        let rate = Rate::new(16_000).expect("a rate");
        for codec in Codec::ALL {
            let [one, again, other] = [3, 3, 4].map(|seed| Sound::noise(seed, codec, rate, 0.1, 16));
            assert_eq!((one.legs == again.legs, one.legs == other.legs), (true, false));
            assert_ne!(one.legs[0], one.legs[1]);
            let source = one.source();
            assert_eq!((source.codec().law(), source.rate(), source.samples()), (codec.law(), rate, 1_600));
            let back = Sound::of(source).expect("it can be read");
            assert_eq!((&back.legs, back.codes.is_some()), (&one.legs, codec.law().is_some()));
            assert_eq!(one.part(160..320).legs[1], one.legs[1][160..320]);
        }
        assert!(
            Sound::noise(3, Codec::Pcm16, rate, 1.0, 12).legs[0].iter().all(|sample| sample.unsigned_abs() <= 2_048)
        );
    }
}
