//! The memory of a call, and how its size and price compare to a packer for files.

use std::{
    fs,
    path::Path,
    process::{Command, Stdio},
    sync::Arc,
    time::Duration,
};

use nix::sys::{
    resource::{UsageWho, getrusage},
    time::TimeValLike,
};

use super::{
    Bench, Figure, Latencies, Trouble,
    machine::thread_cpu,
    sounds::{FIXTURES, Kind, of_kind, sound},
};
use crate::Sound;
use retrocall_core::{
    memory::Arena,
    ring::{LegWriter, Ring},
};
use retrocall_words::audio::Leg;

/// The length of a call of many turns: partly filled segments weigh nothing in it.
const LONG_SECONDS: f64 = 600.0;

/// The cost of a call.
pub(super) struct CallCost {
    pub ring: Arc<Ring>,
    /// Its size as PCM16, both legs.
    pub pcm_bytes: u64,
    /// This thread's processor time.
    pub spent: Duration,
}

impl CallCost {
    /// The held memory, in percent of PCM16.
    fn percent(&self) -> f64 {
        100.0 * self.ring.held_bytes() as f64 / self.pcm_bytes as f64
    }
}

/// Holds a call in which these sounds follow each other until it is `seconds` long; each sound once, if that is 0.
pub(super) fn hold(arena: &Arc<Arena>, sounds: &[Sound], seconds: f64) -> Result<CallCost, Trouble> {
    let (ring, mut writers) = Ring::new(Arc::clone(arena));
    ring.set_selected(true);
    let began = thread_cpu();
    let mut at = 0;
    for sound in sounds.iter().cycle() {
        let (frame, samples) = (sound.rate.samples(0.02) as usize, sound.samples());
        for from in (0..samples).step_by(frame) {
            let to = samples.min(from + frame);
            for (leg, writer) in Leg::ALL.into_iter().zip(&mut writers) {
                push(writer, sound, leg, from..to);
            }
        }
        at += samples as u64;
        if seconds == 0.0 || sound.rate.seconds(at) >= seconds {
            break;
        }
    }
    let spent = thread_cpu() - began;
    if Leg::ALL.iter().any(|leg| ring.counts(*leg).lost_frames > 0) {
        return Err(Trouble::new("the memory for it ran out: free some"));
    }
    Ok(CallCost { ring, pcm_bytes: 4 * at, spent })
}

fn push(writer: &mut LegWriter, sound: &Sound, leg: Leg, part: std::ops::Range<usize>) {
    writer.provision(part.len());
    let at = writer.position();
    match &sound.codes {
        Some((law, codes)) => writer.push_codes(at, *law, &codes[leg.index()][part]),
        None => writer.push(at, &sound.legs[leg.index()][part]),
    }
}

/// Every kind of speech in a long call, and every fixture alone.
pub(super) fn held(bench: &mut Bench<'_>) -> Result<(), Trouble> {
    let arena = bench.arena(64 << 20)?;
    for (kind, name, goal) in [
        (Kind::Noisy, "noise", 60.0),
        (Kind::Clean, "clean", 35.0),
        (Kind::G711, "from-g711", 35.0),
        (Kind::Codes, "g711", 35.0),
    ] {
        let held = hold(&arena, &of_kind(kind), LONG_SECONDS)?;
        bench.figure(
            Figure::new(format!("held/{name}"), held.percent(), "% of PCM16")
                .at_most(goal)
                .note(format!("8 kHz, a call of {:.0} minutes from fixtures", LONG_SECONDS / 60.0)),
        );
    }
    for (_, name, bytes) in FIXTURES {
        let sound = sound(bytes);
        let held = hold(&arena, std::slice::from_ref(&sound), 0.0)?;
        let (hz, seconds) = (sound.rate.hz(), sound.rate.seconds(sound.samples() as u64));
        bench.figure(Figure::new(format!("held/file/{name}"), held.percent(), "% of PCM16").note(format!(
            "{seconds:.1} s at {hz} Hz: {:.0} bytes a second, whole segments of both legs",
            held.ring.held_bytes() as f64 / seconds
        )));
    }
    Ok(())
}

/// The standard call beside `flac -0`: size, and processor time.
pub(super) fn flac(bench: &mut Bench<'_>) -> Result<(), Trouble> {
    let version = Command::new("flac").arg("--version").stderr(Stdio::null()).output();
    let Ok(version) = version.map(|out| String::from_utf8_lossy(&out.stdout).trim().to_owned()) else {
        bench.figure(Figure::new("flac/size", 0.0, "").note("SKIPPED: flac is not installed (`apt-get install flac`)"));
        return Ok(());
    };
    let arena = bench.arena(64 << 20)?;
    let folder = tempfile::tempdir().map_err(Trouble::new)?;
    let (wav, packed) = (folder.path().join("call.wav"), folder.path().join("call.flac"));
    let sounds = of_kind(Kind::Noisy);
    let samples = write_wav(&wav, &sounds, LONG_SECONDS).map_err(Trouble::new)?;
    let (mut ours, mut theirs, mut held_bytes) = (Latencies::now_and_then(), Latencies::now_and_then(), 0);
    for _ in 0..bench.pick(5, 15) {
        let held = hold(&arena, &sounds, LONG_SECONDS)?;
        held_bytes = held.ring.held_bytes();
        ours.add(held.spent.as_nanos() as u64);
        theirs.add(pack(&wav, &packed).map_err(Trouble::new)?.as_nanos() as u64);
    }
    let flac_bytes = fs::metadata(&packed).map_err(Trouble::new)?.len();
    let speed = |latencies: &Latencies| 4.0 * samples as f64 / latencies.seen_within(0.5) * 1e3;
    bench.figure(Figure::new("flac/size", held_bytes as f64 / flac_bytes as f64, "x of flac -0").at_most(1.2).note(
        format!(
            "{version}; {:.0} minutes with line noise: held {held_bytes} bytes, flac {flac_bytes}, PCM16 {}",
            LONG_SECONDS / 60.0,
            4 * samples
        ),
    ));
    bench.figure(Figure::new("flac/speed", speed(&ours) / speed(&theirs), "x of flac -0").at_least(8.0).note(format!(
        "PCM16 into the ring: {:.0} MB/s; flac -0 from and to the page cache: {:.0} MB/s; both by processor time",
        speed(&ours),
        speed(&theirs)
    )));
    Ok(())
}

/// Writes these sounds to a WAV file. Returns the samples of each leg.
fn write_wav(path: &Path, sounds: &[Sound], seconds: f64) -> Result<u64, hound::Error> {
    let rate = sounds[0].rate;
    let spec = hound::WavSpec {
        channels: 2,
        sample_rate: rate.hz(),
        bits_per_sample: 16,
        sample_format: hound::SampleFormat::Int,
    };
    let mut writer = hound::WavWriter::create(path, spec)?;
    let mut samples = 0;
    for sound in sounds.iter().cycle() {
        sound.interleaved().into_iter().try_for_each(|sample| writer.write_sample(sample))?;
        samples += sound.samples() as u64;
        if rate.seconds(samples) >= seconds {
            break;
        }
    }
    writer.finalize()?;
    Ok(samples)
}

/// The processor time of `flac -0` for a file.
fn pack(wav: &Path, packed: &Path) -> std::io::Result<Duration> {
    let spent = || -> std::io::Result<Duration> {
        let usage = getrusage(UsageWho::RUSAGE_CHILDREN)?;
        let micros = usage.user_time().num_microseconds() + usage.system_time().num_microseconds();
        Ok(Duration::from_micros(micros as u64))
    };
    let before = spent()?;
    let status = Command::new("flac").args(["-0", "-s", "-f", "-o"]).arg(packed).arg(wav).status()?;
    if !status.success() {
        return Err(std::io::Error::other(format!("flac ended with {status}")));
    }
    Ok(spent()? - before)
}
