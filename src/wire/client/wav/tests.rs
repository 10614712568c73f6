//! WAV files, right and damaged, as the client reads them.

use std::io::Cursor;

use proptest::prelude::*;

use super::*;

/// A WAV file with a `LIST` chunk of odd length before its audio, as some recorders write.
fn wav(tag: u16, channels: u16, hz: u32, bits: u16, data: &[u8]) -> Vec<u8> {
    let mut fmt = Vec::new();
    let block = channels * bits / 8;
    for word in [tag, channels] {
        fmt.extend_from_slice(&word.to_le_bytes());
    }
    fmt.extend_from_slice(&hz.to_le_bytes());
    fmt.extend_from_slice(&(hz * u32::from(block)).to_le_bytes());
    for word in [block, bits, 0] {
        fmt.extend_from_slice(&word.to_le_bytes());
    }
    let mut body = b"WAVE".to_vec();
    for (name, chunk) in [(b"fmt ", &fmt[..]), (b"LIST", b"odd"), (b"data", data)] {
        body.extend_from_slice(name);
        body.extend_from_slice(&(chunk.len() as u32).to_le_bytes());
        body.extend_from_slice(chunk);
        body.resize(body.len().next_multiple_of(2), 0);
    }
    [b"RIFF".as_slice(), &(body.len() as u32).to_le_bytes(), &body].concat()
}

fn refused(bytes: Vec<u8>) -> String {
    WavSource::new(Cursor::new(bytes)).expect_err("it is refused").to_string()
}

fn all(source: &mut WavSource, frame_samples: usize) -> [Vec<u8>; 2] {
    let (mut out, mut legs) = ([Vec::new(), Vec::new()], [Vec::new(), Vec::new()]);
    while source.read(frame_samples, &mut legs).expect("it can be read") > 0 {
        out[0].extend_from_slice(&legs[0]);
        out[1].extend_from_slice(&legs[1]);
    }
    out
}

#[test]
fn pcm16_comes_out_as_another_reader_reads_it() {
    let mut bytes = Cursor::new(Vec::new());
    let spec = hound::WavSpec {
        channels: 2,
        sample_rate: 16_000,
        bits_per_sample: 16,
        sample_format: hound::SampleFormat::Int,
    };
    let mut writer = hound::WavWriter::new(&mut bytes, spec).expect("a writer");
    let samples: Vec<i16> = (0..2_002).map(|n| (n * 1_237) as i16).collect();
    samples.iter().for_each(|sample| writer.write_sample(*sample).expect("a sample"));
    writer.finalize().expect("a file");
    let mut source = WavSource::new(Cursor::new(bytes.into_inner())).expect("a source");
    assert_eq!((source.rate().hz(), source.codec(), source.samples()), (16_000, Codec::Pcm16, 1_001));
    let legs = all(&mut source, 160);
    for (index, leg) in legs.iter().enumerate() {
        let expected: Vec<u8> = samples.iter().skip(index).step_by(2).flat_map(|s| s.to_le_bytes()).collect();
        assert!(*leg == expected, "leg {index} differs");
    }
}

#[test]
fn g711_comes_out_as_its_codes() {
    for (tag, codec) in [(6, Codec::Alaw), (7, Codec::Ulaw)] {
        let mut source = WavSource::new(Cursor::new(wav(tag, 2, 8_000, 8, &[1, 2, 3, 4, 5, 6]))).expect("a source");
        assert_eq!((source.codec(), source.samples()), (codec, 3));
        assert_eq!(all(&mut source, 2), [vec![1, 3, 5], vec![2, 4, 6]]);
    }
}

#[test]
fn a_file_cut_short_is_played_as_far_as_it_goes() {
    let mut bytes = wav(1, 2, 8_000, 16, &[7; 400]);
    bytes.truncate(bytes.len() - 201);
    let mut source = WavSource::new(Cursor::new(bytes)).expect("a source");
    assert_eq!((source.samples(), source.missing_seconds()), (49, 51.0 / 8_000.0));
    assert_eq!(all(&mut source, 20)[1].len(), 98);
}

#[test]
fn what_no_call_can_be_made_of_is_refused_with_a_next_step() {
    assert!(refused(wav(1, 1, 8_000, 16, &[0; 8])).contains("mono"));
    assert!(refused(wav(7, 1, 8_000, 8, &[0; 8])).contains("sox -M"));
    assert!(refused(wav(1, 6, 8_000, 16, &[0; 12])).contains("6 channels"));
    assert!(refused(wav(1, 2, 8_000, 24, &[0; 12])).contains("pcm_s16le"));
    assert!(refused(wav(3, 2, 8_000, 32, &[0; 8])).contains("format tag 3"));
    assert!(refused(wav(1, 2, 96_000, 16, &[0; 8])).contains("96000"));
    assert!(refused(wav(1, 2, 8_000, 16, &[])).contains("no audio"));
    assert!(refused(wav(1, 2, 8_000, 16, &[0; 3])).contains("no audio"));
    assert!(refused(b"FORM\0\0\0\0AIFF".to_vec()).contains("not a WAV"));
    assert!(refused(Vec::new()).contains("not a WAV"));
}

#[test]
fn a_missing_file_and_a_folder_are_named_as_such() {
    let folder = tempfile::tempdir().expect("a folder");
    let open = |path: &Path| WavSource::open(path).expect_err("it can't be opened").to_string();
    assert!(open(&folder.path().join("none.wav")).contains("No such file"));
    assert!(open(folder.path()).contains("directory"));
}

proptest! {
    /// Real headers with a few bytes changed get further than noise does.
    #[test]
    fn no_bytes_make_it_panic_or_hang(
        noise in proptest::collection::vec(any::<u8>(), 0..200),
        changes in proptest::collection::vec((0usize..80, any::<u8>()), 0..6),
        cut in 0usize..120,
    ) {
        let mut damaged = wav(1, 2, 8_000, 16, &[0; 64]);
        for (at, byte) in changes {
            damaged[at] = byte;
        }
        damaged.truncate(cut);
        for bytes in [noise, damaged] {
            let length = bytes.len();
            if let Ok(mut source) = WavSource::new(Cursor::new(bytes)) {
                let legs = all(&mut source, 7);
                prop_assert_eq!(legs[0].len(), legs[1].len());
                prop_assert!(legs[0].len() + legs[1].len() <= length);
            }
        }
    }
}
