//! A stereo WAV file as a source of audio: PCM16, and G.711 as its codes.
//!
//! A small RIFF reader of our own: `hound` refuses G.711, and PCM16 goes to the wire as the bytes of the file. It survives any bytes, and
//! reads the audio while it is played, so an hour takes no more memory than a second.

use std::{
    fmt,
    fs::File,
    io::{self, BufReader, Read, Seek, SeekFrom},
    path::Path,
};

use retrocall_words::audio::{Codec, Rate};

/// How many chunks may stand before the audio.
const CHUNKS_MAX: usize = 4096;
/// The longest `fmt ` chunk that is read: that of WAVE_FORMAT_EXTENSIBLE.
const FMT_BYTES_MAX: u64 = 40;

const TAG_PCM: u16 = 1;
const TAG_ALAW: u16 = 6;
const TAG_ULAW: u16 = 7;
const TAG_EXTENSIBLE: u16 = 0xfffe;
/// The part of a sub-format that says "the first two bytes are a format tag" (KSDATAFORMAT_SUBTYPE_*).
const TAG_GUID: [u8; 14] = *b"\x00\x00\x00\x00\x10\x00\x80\x00\x00\xaa\x00\x38\x9b\x71";

/// Why a file can't be played.
#[derive(Debug)]
pub enum WavError {
    /// It can't be opened or read.
    Io(io::Error),
    /// It is no RIFF WAVE file, or its header is damaged.
    NotWave(&'static str),
    /// It does not have two channels.
    Channels(u16),
    /// Its samples are neither PCM16 nor G.711.
    Format {
        /// The format tag.
        tag: u16,
        /// Bits of a sample.
        bits: u16,
    },
    /// No call has its rate.
    Rate(u32),
    /// There is no audio in it.
    Empty,
}

impl fmt::Display for WavError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            WavError::Io(cause) => write!(f, "can't be read ({cause}): check its path and permissions"),
            WavError::NotWave(what) => write!(f, "is not a WAV file ({what}): convert it, for example with ffmpeg"),
            WavError::Channels(1) => f.write_str(
                "is mono, and a call has two legs: make a stereo file, agent left and customer right \
                 (`sox -M agent.wav customer.wav call.wav`)",
            ),
            WavError::Channels(channels) => {
                write!(
                    f,
                    "has {channels} channels, and a call has two legs: keep two of them, agent left, customer right"
                )
            }
            WavError::Format { tag, bits } => write!(
                f,
                "has samples of a kind that calls don't have (format tag {tag}, {bits} bits): convert it to PCM16 \
                 (`ffmpeg -i IN -c:a pcm_s16le OUT.wav`)"
            ),
            WavError::Rate(hz) => write!(
                f,
                "has {hz} samples a second, and a call has {} to {}: resample it (`ffmpeg -i IN -ar 8000 OUT.wav`)",
                Rate::MIN_HZ,
                Rate::MAX_HZ
            ),
            WavError::Empty => f.write_str("has no audio in it: nothing to play"),
        }
    }
}

impl std::error::Error for WavError {}

impl From<io::Error> for WavError {
    fn from(cause: io::Error) -> Self {
        match cause.kind() {
            io::ErrorKind::UnexpectedEof => WavError::NotWave("it ends within its header"),
            _ => WavError::Io(cause),
        }
    }
}

trait Bytes: Read + Seek + Send {}
impl<T: Read + Seek + Send> Bytes for T {}

/// A stereo WAV file that is read while it is played.
pub struct WavSource {
    bytes: Box<dyn Bytes>,
    /// Where its audio begins.
    start: u64,
    rate: Rate,
    codec: Codec,
    samples: u64,
    samples_left: u64,
    /// Samples that the header promises and the file lacks.
    missing: u64,
    scratch: Vec<u8>,
}

impl fmt::Debug for WavSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WavSource").field("rate", &self.rate).field("samples", &self.samples).finish_non_exhaustive()
    }
}

/// What a `fmt ` chunk says.
struct Format {
    rate: Rate,
    codec: Codec,
}

impl WavSource {
    /// Opens a file.
    ///
    /// # Errors
    /// [`WavError`] for whatever is not a stereo WAV file of PCM16 or G.711 at 8 to 48 kHz, with audio in it.
    pub fn open(path: &Path) -> Result<WavSource, WavError> {
        let file = File::open(path)?;
        if file.metadata()?.is_dir() {
            return Err(WavError::Io(io::ErrorKind::IsADirectory.into()));
        }
        WavSource::new(BufReader::with_capacity(64 * 1024, file))
    }

    /// Reads a file's header from anything that can seek.
    ///
    /// # Errors
    /// As [`WavSource::open`].
    pub fn new(mut bytes: impl Read + Seek + Send + 'static) -> Result<WavSource, WavError> {
        let (format, promised_bytes) = find_audio(&mut bytes)?;
        let start = bytes.stream_position()?;
        let end = bytes.seek(SeekFrom::End(0))?;
        bytes.seek(SeekFrom::Start(start))?;
        let both_bytes = 2 * format.codec.bytes_per_sample() as u64;
        let samples = promised_bytes.min(end.saturating_sub(start)) / both_bytes;
        if samples == 0 {
            return Err(WavError::Empty);
        }
        Ok(WavSource {
            bytes: Box::new(bytes),
            start,
            rate: format.rate,
            codec: format.codec,
            samples,
            samples_left: samples,
            missing: promised_bytes / both_bytes - samples,
            scratch: Vec::new(),
        })
    }

    /// Samples a second.
    pub fn rate(&self) -> Rate {
        self.rate
    }

    /// How the samples travel.
    pub fn codec(&self) -> Codec {
        self.codec
    }

    /// Samples of each leg.
    pub fn samples(&self) -> u64 {
        self.samples
    }

    /// How long it is.
    pub fn seconds(&self) -> f64 {
        self.rate.seconds(self.samples)
    }

    /// Seconds that the header promises and the file lacks.
    pub fn missing_seconds(&self) -> f64 {
        self.rate.seconds(self.missing)
    }

    /// Continues at this sample, or at the end if there are not that many.
    ///
    /// # Errors
    /// [`WavError::Io`] if the file can't be read any more.
    pub fn seek(&mut self, sample: u64) -> Result<(), WavError> {
        let sample = sample.min(self.samples);
        let both_bytes = 2 * self.codec.bytes_per_sample() as u64;
        self.bytes.seek(SeekFrom::Start(self.start + sample * both_bytes)).map_err(WavError::Io)?;
        self.samples_left = self.samples - sample;
        Ok(())
    }

    /// Reads up to `samples` of both legs into `legs`, agent first, as bytes of the codec. Returns how many there were: 0 at the end.
    ///
    /// # Errors
    /// [`WavError::Io`] if the file can't be read any more.
    pub fn read(&mut self, samples: usize, legs: &mut [Vec<u8>; 2]) -> Result<usize, WavError> {
        let samples = self.samples_left.min(samples as u64) as usize;
        let width = self.codec.bytes_per_sample();
        self.scratch.resize(samples * 2 * width, 0);
        self.bytes.read_exact(&mut self.scratch).map_err(WavError::Io)?;
        self.samples_left -= samples as u64;
        for (index, leg) in legs.iter_mut().enumerate() {
            leg.clear();
            for both in self.scratch.chunks_exact(2 * width) {
                leg.extend_from_slice(&both[index * width..][..width]);
            }
        }
        Ok(samples)
    }
}

/// Seeks to the audio. Returns its format and the bytes that the header promises.
fn find_audio(bytes: &mut (impl Read + Seek)) -> Result<(Format, u64), WavError> {
    let mut head = [0; 12];
    bytes.read_exact(&mut head)?;
    if head[..4] != *b"RIFF" || head[8..] != *b"WAVE" {
        return Err(WavError::NotWave("it does not begin with RIFF and WAVE"));
    }
    let mut format = None;
    for _ in 0..CHUNKS_MAX {
        let mut head = [0; 8];
        bytes.read_exact(&mut head).map_err(|cause| match cause.kind() {
            io::ErrorKind::UnexpectedEof => WavError::NotWave("it has no audio chunk"),
            _ => WavError::Io(cause),
        })?;
        let [.., l0, l1, l2, l3] = head;
        let chunk_bytes = u64::from(u32::from_le_bytes([l0, l1, l2, l3]));
        match &head[..4] {
            b"data" => {
                let format = format.ok_or(WavError::NotWave("its audio comes before its format"))?;
                return Ok((format, chunk_bytes));
            }
            b"fmt " => {
                let mut fmt = [0; FMT_BYTES_MAX as usize];
                let known = chunk_bytes.min(FMT_BYTES_MAX);
                bytes.read_exact(&mut fmt[..known as usize])?;
                format = Some(parse_format(&fmt[..known as usize])?);
                skip(bytes, chunk_bytes - known + chunk_bytes % 2)?;
            }
            // Chunks begin at even offsets.
            _ => skip(bytes, chunk_bytes + chunk_bytes % 2)?,
        }
    }
    Err(WavError::NotWave("too much stands before its audio"))
}

fn skip(bytes: &mut impl Seek, count: u64) -> io::Result<()> {
    // At most 4 GiB and a little: it fits.
    bytes.seek(SeekFrom::Current(count as i64)).map(|_| ())
}

fn parse_format(fmt: &[u8]) -> Result<Format, WavError> {
    let short = || WavError::NotWave("its format chunk is too short");
    let word = |at: usize| {
        let bytes = fmt.get(at..at + 2).ok_or_else(short)?;
        Ok::<u16, WavError>(u16::from_le_bytes([bytes[0], bytes[1]]))
    };
    let (channels, bits, both_bytes) = (word(2)?, word(14)?, word(12)?);
    let hz = u32::from(word(4)?) | u32::from(word(6)?) << 16;
    let tag = match word(0)? {
        TAG_EXTENSIBLE if fmt.get(26..40) == Some(&TAG_GUID) => word(24)?,
        tag => tag,
    };
    let codec = match (tag, bits) {
        (TAG_PCM, 16) => Codec::Pcm16,
        (TAG_ALAW, 8) => Codec::Alaw,
        (TAG_ULAW, 8) => Codec::Ulaw,
        (tag, bits) => return Err(WavError::Format { tag, bits }),
    };
    if channels != 2 {
        return Err(WavError::Channels(channels));
    }
    if usize::from(both_bytes) != 2 * codec.bytes_per_sample() {
        return Err(WavError::NotWave("its format chunk contradicts itself"));
    }
    Ok(Format { rate: Rate::new(hz).ok_or(WavError::Rate(hz))?, codec })
}

#[cfg(test)]
mod tests;
