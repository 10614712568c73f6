//! The guess names wrong legs, and says nothing about right ones: speech, music, noise, silence, in every codec and frame.

use std::path::Path;

use super::*;
use retrocall_client::client::WavSource;
use retrocall_words::{Clock as _, SystemClock, audio::Leg};

/// Both legs of a fixture, as linear samples.
fn fixture(name: &str) -> (Rate, [Vec<i16>; 2]) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures").join(name);
    let mut source = WavSource::open(&path).expect("a fixture");
    let (rate, codec, mut legs) = (source.rate(), source.codec(), [vec![], vec![]]);
    let samples = source.samples().min(20 * u64::from(rate.hz()));
    source.read(samples as usize, &mut legs).expect("it can be read");
    let linear = |bytes: &Vec<u8>| match codec.law() {
        None => bytes.chunks_exact(2).map(|two| i16::from_le_bytes([two[0], two[1]])).collect(),
        Some(law) => bytes.iter().map(|code| law.linear(*code)).collect(),
    };
    (rate, legs.each_ref().map(linear))
}

fn nearest(law: Law, sample: i16) -> u8 {
    (0..=u8::MAX).min_by_key(|code| (i32::from(law.linear(*code)) - i32::from(sample)).abs()).expect("codes")
}

fn written(samples: &[i16], as_what: Writing) -> Vec<u8> {
    let codes = |law: Law| {
        let mut known = std::collections::HashMap::new();
        samples.iter().map(|sample| *known.entry(*sample).or_insert_with(|| nearest(law, *sample))).collect()
    };
    match as_what {
        Writing::Linear => samples.iter().flat_map(|sample| sample.to_le_bytes()).collect(),
        Writing::Swapped => samples.iter().flat_map(|sample| sample.to_be_bytes()).collect(),
        Writing::Ulaw => codes(Law::Mu),
        Writing::Alaw => codes(Law::A),
    }
}

/// Shows a frame if it is due, as a line does.
fn show(guess: &mut Guess, codec: Codec, rate: Rate, frame: &[u8], came: u64, now: Instant) -> Option<Finding> {
    if came < guess.due() { None } else { guess.frame(codec, rate, frame, came, now) }
}

/// What is found of these bytes, in frames of so many, that come when they are said.
fn found(codec: Codec, rate: Rate, bytes: &[u8], frame_bytes: usize) -> Option<Finding> {
    let (mut guess, began, mut came) = (Guess::default(), SystemClock.now(), 0);
    let found: Vec<_> = bytes
        .chunks(frame_bytes)
        .filter_map(|frame| {
            let now = began + Duration::from_micros(came * 1_000_000 / u64::from(rate.hz()));
            let found = show(&mut guess, codec, rate, frame, came, now);
            came += (frame.len() / codec.bytes_per_sample()) as u64;
            found
        })
        .collect();
    assert!(found.len() <= 1, "it is told once: {found:?}");
    found.first().copied()
}

#[test]
fn linear_samples_on_a_channel_for_codes_and_codes_on_one_for_linear_samples_are_noticed() {
    let mut noticed = 0;
    for name in ["talk-8k.wav", "desk-01.wav", "desk-05.wav", "ulaw-8k.wav"] {
        let (rate, legs) = fixture(name);
        for leg in Leg::ALL {
            let samples = &legs[leg.index()];
            for (codec, truth) in [
                (Codec::Ulaw, Writing::Linear),
                (Codec::Alaw, Writing::Linear),
                (Codec::Pcm16, Writing::Ulaw),
                (Codec::Pcm16, Writing::Swapped),
            ] {
                match found(codec, rate, &written(samples, truth), 320) {
                    Some(finding) => {
                        assert_eq!(finding, Finding::Codec(truth), "{name}, {leg:?}, {codec:?}");
                        noticed += 1;
                    }
                    None => eprintln!("{name}, {leg:?}: nothing is said of {truth:?} on {codec:?}"),
                }
            }
        }
    }
    assert!(noticed >= 24, "{noticed} of 32 are noticed");
}

#[test]
fn one_law_of_g711_under_the_name_of_the_other_is_noticed() {
    for name in ["talk-8k.wav", "desk-01.wav", "desk-05.wav", "ulaw-8k.wav", "alaw-8k.wav"] {
        let (rate, legs) = fixture(name);
        for leg in Leg::ALL {
            for (codec, truth) in [(Codec::Ulaw, Writing::Alaw), (Codec::Alaw, Writing::Ulaw)] {
                let found = found(codec, rate, &written(&legs[leg.index()], truth), 160);
                assert_eq!(found, Some(Finding::Codec(truth)), "{name}, {leg:?}, {codec:?}");
            }
        }
    }
}

#[test]
fn nothing_is_said_of_a_leg_that_is_right_whatever_it_holds_and_however_it_comes() {
    let rate = Rate::new(8_000).expect("a rate");
    let mut sounds: Vec<(String, Rate, Vec<i16>)> = Vec::new();
    for name in [
        "talk-8k.wav",
        "talk-16k.wav",
        "wide-48k.wav",
        "gaps-8k.wav",
        "one-sided-8k.wav",
        "alaw-8k.wav",
        "ulaw-8k.wav",
        "desk-02.wav",
        "desk-09.wav",
    ] {
        let (rate, legs) = fixture(name);
        legs.into_iter().for_each(|leg| sounds.push((name.to_owned(), rate, leg)));
    }
    let mut state = 1u64;
    let mut noise = |peak: i64| -> Vec<i16> {
        let mut next = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 33) as i64 % (2 * peak + 1) - peak
        };
        (0..80_000).map(|_| next() as i16).collect()
    };
    for peak in [1, 5, 100, 3_000, 32_767] {
        let noise = noise(peak);
        sounds.push((format!("noise of {peak}"), rate, noise));
    }
    sounds.push(("silence".to_owned(), rate, vec![0; 80_000]));
    for hz in [440.0, 1_000.0, 1_004.0, 2_000.0, 2_100.0, 4_000.0] {
        let tone = (0..80_000).map(|i| (8_000.0 * (f64::from(i) * hz * std::f64::consts::TAU / 8_000.0).sin()) as i16);
        sounds.push((format!("a tone of {hz} Hz"), rate, tone.collect()));
    }
    // Loud ones, and those near half the rate, which are jagged in their own codec.
    for (hz, peak) in [
        (803.7, 32_000.0),
        (1_503.7, 32_000.0),
        (2_003.0, 20_000.0),
        (2_503.7, 32_000.0),
        (2_667.0, 32_000.0),
        (3_103.7, 1_000.0),
        (3_453.7, 8_000.0),
        (3_753.7, 1_000.0),
        (3_953.7, 2_500.0),
        (3_990.0, 12_000.0),
        (3_999.0, 8_000.0),
        (3_999.0, 32_000.0),
    ] {
        let tone = (0..80_000).map(|i| (peak * (f64::from(i) * hz * std::f64::consts::TAU / 8_000.0).sin()) as i16);
        sounds.push((format!("a tone of {hz} Hz, as loud as {peak}"), rate, tone.collect()));
    }
    for (name, rate, samples) in &sounds {
        for codec in Codec::ALL {
            let bytes = written(samples, Writing::of(codec));
            let per_ms = rate.hz() as usize * codec.bytes_per_sample() / 1_000;
            for frame_bytes in [per_ms * 5 / 2, per_ms * 10, per_ms * 20, per_ms * 33, per_ms * 120] {
                assert_eq!(
                    found(codec, *rate, &bytes, frame_bytes),
                    None,
                    "{name}, {codec:?}, frames of {frame_bytes}"
                );
            }
        }
    }
}

#[test]
fn samples_that_come_at_the_pace_of_another_rate_are_noticed_and_nothing_else_is() {
    let rate = Rate::new(8_000).expect("a rate");
    let play = |hz: f64, jitter_ms: u64| {
        let (mut guess, began) = (Guess::default(), SystemClock.now());
        (1..6_000u64).find_map(|number| {
            let ms = number * 20 + number * 7 % (jitter_ms + 1);
            let came = (hz * number as f64 / 50.0) as u64;
            show(&mut guess, Codec::Pcm16, rate, &[0; 320], came, began + Duration::from_millis(ms))
        })
    };
    assert_eq!(play(16_000.0, 15), Some(Finding::Rate(16_000)));
    assert_eq!(play(48_000.0, 0), Some(Finding::Rate(48_000)));
    for hz in [8_000.0, 8_010.0, 7_960.0, 10_000.0, 40_000.0, 400_000.0] {
        assert_eq!(play(hz, 40), None, "{hz}");
    }
    // As fast as it goes.
    let (mut guess, now) = (Guess::default(), SystemClock.now());
    assert!((0..100_000).all(|number| guess.frame(Codec::Pcm16, rate, &[0; 320], number * 160, now).is_none()));
}

#[test]
fn of_thousands_of_calls_that_begin_at_once_a_few_are_looked_at_each_moment_and_all_in_the_end() {
    let (rate, began) = (Rate::new(8_000).expect("a rate"), SystemClock.now());
    let mut guesses: Vec<Guess> = (0..1_000).map(|_| Guess::default()).collect();
    let looked_at = |guesses: &[Guess]| guesses.iter().filter(|guess| guess.bytes > 0).count();
    for moment in 0..500 {
        let (now, before) = (began + LOOKING_SPAN * moment, looked_at(&guesses));
        for guess in guesses.iter_mut().filter(|guess| guess.bytes == 0) {
            show(guess, Codec::Ulaw, rate, &[0xff; 160], 800 * u64::from(moment), now);
        }
        assert!(looked_at(&guesses) - before <= FRAMES_LOOKED_AT_MAX as usize, "at moment {moment}");
    }
    assert_eq!(looked_at(&guesses), guesses.len());
}
