//! `retrocall pipe`: one call from raw samples on standard input.

use std::{
    fs::File,
    io::{self, IsTerminal, Read},
    os::fd::AsFd,
};

use clap::{Args, ValueEnum};

use super::{
    Context, Failure, output,
    replay::{self, Facts, KEPT_MAX, PATIENCE},
};
use retrocall_client::client::{Call, Client, ClientError, CueOutcome, PlayError, PlayReport, Return};
use retrocall_core::memory::wipe;
use retrocall_words::{
    Ask, Begin, Customer,
    audio::{Codec, Leg, Rate},
    name,
};

const EXAMPLES: &str = "Examples:
  arecord -t raw -f S16_LE -r 8000 -c 2 | retrocall pipe --agent anna
                                       left is the agent, right the customer
  sox call.wav -t raw - | retrocall pipe --rate 16000 --record-at 22
                                       presses record at second 22: all is kept
  my-hook | retrocall pipe --format ulaw --channels 1 --leg agent
                                       G.711 of one side alone

The call begins with its first sample and ends with its input. Samples are counted, not timed:
what was not piped is not in the call, so a hook that pauses has to pipe silence. The button works
as for every call. An engine that is gone is waited for, half a minute at most.";

/// The largest read: as much as a pipe holds.
const READ_BYTES_MAX: usize = 64 * 1024;
/// How many bytes show the kind of a file.
const HEAD_BYTES: usize = 12;

/// One call from raw samples on standard input
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct PipeArgs {
    /// The format of a sample
    #[arg(long, value_enum, default_value_t = Format::S16le)]
    format: Format,
    /// Samples a second, 8000 to 48000
    #[arg(long, value_name = "HZ", default_value = "8000", value_parser = rate)]
    rate: Rate,
    /// 2: agent and customer by turns, sample by sample; 1: one leg alone
    #[arg(long, value_name = "N", default_value_t = 2, value_parser = clap::value_parser!(u8).range(1..=2))]
    channels: u8,
    /// With one channel: whose samples these are
    #[arg(long, value_enum, default_value_t = Side::Customer)]
    leg: Side,
    /// The agent [default: your own name at the desk]
    #[arg(long, value_name = "NAME", value_parser = name)]
    agent: Option<String>,
    /// The customer's number
    #[arg(long, value_name = "NUMBER")]
    customer: Option<String>,
    /// Press record at this second
    #[arg(long, value_name = "SECONDS", value_parser = replay::second, allow_hyphen_values = true)]
    record_at: Option<f64>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// Linear, 16 bits, signed, little-endian
    S16le,
    /// G.711 µ-law, 8 bits
    Ulaw,
    /// G.711 A-law, 8 bits
    Alaw,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Side {
    /// The desk's side
    Agent,
    /// The customer's side
    Customer,
}

fn rate(text: &str) -> Result<Rate, String> {
    text.parse().ok().and_then(Rate::new).ok_or_else(|| format!("{} to {}", Rate::MIN_HZ, Rate::MAX_HZ))
}

impl Format {
    const fn of(codec: Codec) -> Format {
        match codec {
            Codec::Pcm16 => Format::S16le,
            Codec::Ulaw => Format::Ulaw,
            Codec::Alaw => Format::Alaw,
        }
    }
}

impl PipeArgs {
    fn codec(&self) -> Codec {
        let is_it = |codec: &Codec| Format::of(*codec) == self.format;
        Codec::ALL.into_iter().find(is_it).expect("a format for each codec, and no other")
    }

    /// The legs that come, in their order.
    fn legs(&self) -> &'static [Leg] {
        match (self.channels, self.leg) {
            (1, Side::Agent) => &[Leg::Agent],
            (1, Side::Customer) => &[Leg::Customer],
            _ => &Leg::ALL,
        }
    }
}

pub(super) fn run(context: &Context, args: PipeArgs) -> Result<(), Failure> {
    if io::stdin().is_terminal() {
        return Err(Failure::new(
            "standard input is a terminal",
            "pipe raw samples into it, see `retrocall pipe --help`",
        ));
    }
    let settings = context.settings()?;
    let mut client = context.connect()?;
    let agent = context.agent(args.agent.as_ref(), client.hello())?;
    // The file itself: Rust's own standard input would keep audio in a buffer of its own.
    let input = io::stdin().as_fd().try_clone_to_owned();
    let input = input.map_err(|error| Failure::new(format!("no standard input ({error})"), "pipe samples into it"))?;
    let (played, mut failure) = match converse(&mut client, &args, &agent, File::from(input)) {
        Ok((played, failure)) => (Some(played), failure),
        Err(failure) => (None, Some(failure)),
    };
    let played = played.map(|mut played| {
        if failure.is_none() {
            failure = replay::wait_kept(context, &mut client, &mut played, KEPT_MAX + settings.after_hangup);
        }
        played
    });
    if let (false, Some(played)) = (context.json(), &played) {
        replay::tell(&agent, played);
    }
    if context.json() {
        let mut facts = played.map_or(Facts::nothing(agent.clone()), |played| Facts::new(agent, &played));
        facts.reason = failure.as_ref().map(ToString::to_string);
        output::say_json(&facts);
    }
    failure.map_or(Ok(()), Err)
}

/// The whole call: the part that was played, and the error that ended it.
///
/// # Errors There was no call.
fn converse(
    client: &mut Client,
    args: &PipeArgs,
    agent: &str,
    mut input: File,
) -> Result<(PlayReport, Option<Failure>), Failure> {
    // Before the call begins: wrong input must leave no call behind.
    let first = beginning(&mut input)?;
    let mut talk = Talk::begin(client, args, agent.to_owned())?;
    let failure = talk.until_the_end(client, first, input).err();
    Ok((talk.played, failure))
}

/// Reads the first bytes of the input.
///
/// # Errors There are none, or they belong to a file that holds more than samples.
fn beginning(input: &mut impl Read) -> Result<Vec<u8>, Failure> {
    let mut first = Vec::with_capacity(HEAD_BYTES);
    let read = input.take(HEAD_BYTES as u64).read_to_end(&mut first);
    if let Some(kind) = file_kind(&first) {
        return Err(Failure::new(
            format!(
                "this is {kind}, and not raw samples: its header would become samples, at a rate that may not be its own"
            ),
            "play a WAV file with `retrocall replay FILE`, or make raw samples of it: `sox FILE -t raw - | retrocall pipe …`",
        ));
    }
    match read {
        Err(error) if first.is_empty() => {
            Err(Failure::new(format!("standard input broke ({error})"), "pipe raw samples into it"))
        }
        _ if first.is_empty() => Err(Failure::new("nothing came on standard input", "pipe raw samples into it")),
        _ => Ok(first),
    }
}

/// The kind of sound file that begins with these bytes, if any.
fn file_kind(first: &[u8]) -> Option<&'static str> {
    let (name, form) = (first.get(..4)?, first.get(8..12).unwrap_or_default());
    Some(match name {
        b"RIFF" | b"RIFX" | b"RF64" if form == b"WAVE" => "a WAV file",
        b"FORM" if form.starts_with(b"AIF") => "an AIFF file",
        b".snd" => "an AU file",
        b"caff" => "a CAF file",
        b"fLaC" => "a FLAC file",
        b"OggS" => "an Ogg file",
        [b'I', b'D', b'3', ..] => "an MP3 file",
        _ => return None,
    })
}

/// A call whose samples come from standard input.
struct Talk {
    legs: &'static [Leg],
    codec: Codec,
    rate: Rate,
    call: Call,
    /// How many samples had come when the call began: more than 0 for a call that continues another.
    base: u64,
    /// The sample at which to press record.
    record_at: Option<u64>,
    played: PlayReport,
}

impl Talk {
    fn begin(client: &mut Client, args: &PipeArgs, agent: String) -> Result<Talk, PlayError> {
        let customer = args.customer.clone().map(Customer::from);
        let begin = Begin { customer, ..Begin::new(agent, args.rate, args.codec()) };
        let call = Call::begin(client, begin)?;
        let record_at = args.record_at.map(|seconds| args.rate.samples(seconds));
        let (legs, codec, rate) = (args.legs(), args.codec(), args.rate);
        Ok(Talk { legs, codec, rate, played: PlayReport::begun(call.id()), call, base: 0, record_at })
    }

    /// Bytes of one sample of all legs that come.
    fn group_bytes(&self) -> usize {
        self.legs.len() * self.codec.bytes_per_sample()
    }

    /// Sends the input until it ends, presses record in time, and hangs up.
    fn until_the_end(&mut self, client: &mut Client, mut first: Vec<u8>, mut input: impl Read) -> Result<(), Failure> {
        let (mut bytes, mut filled) = (vec![0; READ_BYTES_MAX], first.len());
        bytes[..filled].copy_from_slice(&first);
        wipe(&mut first);
        let read = loop {
            match input.read(&mut bytes[filled..]) {
                Ok(0) => break Ok(()),
                Ok(read) => filled += read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => break Err(error),
            }
            let whole = filled - filled % self.group_bytes();
            let sent = self.send_whatever_happens(client, &bytes[..whole]);
            bytes.copy_within(whole..filled, 0);
            wipe(&mut bytes[filled - whole..filled]);
            filled -= whole;
            sent?;
        };
        self.hang_up(client)?;
        read.map_err(|error| {
            Failure::new(format!("standard input broke ({error})"), "what came before it was the call")
        })?;
        if filled > 0 {
            output::complain(&format!(
                "the input ended within a sample: {filled} bytes are left over; are --format and --channels right?"
            ));
        }
        match self.played.samples {
            0 => Err(Failure::new("not a whole sample came on standard input", "pipe raw samples into it")),
            _ => Ok(()),
        }
    }

    fn hang_up(&mut self, client: &mut Client) -> Result<(), Failure> {
        if self.record_at.is_some() {
            self.press(client, true).map_err(Failure::whole)?;
        }
        self.call.ask(client, Ask::End).map_err(Failure::whole)?;
        Ok(())
    }

    /// Sends whole samples. If the engine is lost, waits for it and sends them to the next one; the sender of the pipe waits too.
    fn send_whatever_happens(&mut self, client: &mut Client, bytes: &[u8]) -> Result<(), Failure> {
        let begin = self.played.samples;
        loop {
            let sent = self.send(client, &bytes[(self.played.samples - begin) as usize * self.group_bytes()..]);
            client.events().for_each(|event| {
                self.call.hear(&event);
                self.played.hear(&event);
            });
            match sent {
                Ok(()) if self.played.ended_by.is_none() => return Ok(()),
                Ok(()) => self.find_engine(client, ClientError::Closed, begin)?,
                Err(error) => self.find_engine(client, error, begin)?,
            }
        }
    }

    /// Waits for the engine, and goes on with its next sample, but with none before `oldest`: those are gone.
    fn find_engine(&mut self, client: &mut Client, why: ClientError, oldest: u64) -> Result<(), Failure> {
        let Talk { call, played, .. } = self;
        match call.find_engine(client, PATIENCE, |event| played.hear(event)) {
            Ok(Return::Attached { positions }) => {
                let has = self.legs.iter().map(|leg| positions[leg.index()]).min().unwrap_or_default();
                self.played.samples = (self.base + has).clamp(oldest, self.played.samples);
            }
            Ok(Return::Continued) => {
                self.played.go_on_as(self.call.id());
                (self.played.samples, self.base) = (oldest, oldest);
            }
            Err(PlayError::Client(_)) => return Err(Failure::whole(why)),
            Err(error) => return Err(error.into()),
        }
        Ok(())
    }

    /// Sends whole samples of all legs, in frames of 20 ms.
    fn send(&mut self, client: &mut Client, mut bytes: &[u8]) -> Result<(), ClientError> {
        let mut frame = Vec::new();
        while !bytes.is_empty() {
            let at = self.played.samples;
            if self.record_at.is_some_and(|cue| cue <= at) {
                self.press(client, false)?;
            }
            let until_cue = self.record_at.map_or(u64::MAX, |cue| cue - at);
            let samples =
                (u64::from(self.rate.hz()) / 50).min(until_cue).min((bytes.len() / self.group_bytes()) as u64);
            let (these, rest) = bytes.split_at(samples as usize * self.group_bytes());
            for (place, leg) in self.legs.iter().enumerate() {
                let of_leg = these.chunks_exact(self.codec.bytes_per_sample()).skip(place).step_by(self.legs.len());
                frame.clear();
                frame.extend(of_leg.flatten());
                client.send_audio(*leg, self.call.channel(), at - self.base, &frame)?;
                self.played.frames += 1;
            }
            self.played.samples += samples;
            self.played.seconds = self.rate.seconds(self.played.samples);
            bytes = rest;
        }
        wipe(&mut frame);
        client.flush()
    }

    fn press(&mut self, client: &mut Client, late: bool) -> Result<(), ClientError> {
        let answer = self.call.ask(client, Ask::Record)?;
        self.record_at = None;
        let (at, seconds) = (self.played.samples, self.played.seconds);
        self.played.cues.push(CueOutcome { ask: Ask::Record, at, seconds, late, answer });
        Ok(())
    }
}
