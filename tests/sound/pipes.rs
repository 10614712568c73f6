//! Devices without a sound server: ALSA's own plugin reads a named pipe as a microphone, at the pace of whoever writes.

use std::{
    fs,
    io::Write,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{Arc, Barrier},
    thread::{self, JoinHandle},
    time::Duration,
};

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use retrocall::{
    audio::Leg,
    protocol::{Ask, Request, Target},
    words::{Clock as _, SystemClock},
};
use serde_json::Value;

use crate::desk::{Desk, Ran, Sound, wait_for};

const RATE: u32 = 8_000;
/// What is written at once: 20 ms, the period that the program asks ALSA for. Of half a period the plugin makes a whole one.
const BLOCK: usize = 160;

/// A folder with an `.asoundrc` that names two pipes as devices.
struct Pipes {
    folder: PathBuf,
}

impl Pipes {
    fn lay(desk: &Desk) -> Pipes {
        let folder = desk.beside("alsa");
        fs::create_dir(&folder).expect("a folder");
        let mut asoundrc = String::new();
        for name in ["mic", "speaker"] {
            let pipe = folder.join(name);
            nix::unistd::mkfifo(&pipe, nix::sys::stat::Mode::S_IRWXU).expect("a pipe");
            asoundrc += &format!(
                "pcm.{name} {{ type file slave.pcm \"null\" file \"/dev/null\" infile \"{}\" format \"raw\"\n\
                 hint {{ show on description \"a pipe\" }} }}\n",
                pipe.display()
            );
        }
        fs::write(folder.join(".asoundrc"), asoundrc).expect("settings of ALSA");
        Pipes { folder }
    }

    fn pipe(&self, leg: Leg) -> PathBuf {
        self.folder.join(["mic", "speaker"][leg.index()])
    }

    /// The program, in a place where these pipes are all the sound there is.
    fn command(&self, desk: &Desk, args: &[&str]) -> Command {
        let mut command = desk.command(args);
        command.env("HOME", &self.folder).env("XDG_RUNTIME_DIR", &self.folder).env_remove("PULSE_SERVER");
        command
    }
}

/// Writes samples into a pipe at their pace, from a moment on that is the same for all. Gives the pipe back open: a device that is silent,
/// not one that has ended.
fn write_paced(
    pipe: PathBuf,
    samples: Vec<i16>,
    start: Arc<Barrier>,
    left_out: std::ops::Range<usize>,
) -> JoinHandle<fs::File> {
    thread::spawn(move || {
        // Waits for a reader.
        let mut file = fs::File::options().write(true).open(pipe).expect("the pipe");
        start.wait();
        let began = SystemClock.now();
        for (number, block) in samples.chunks(BLOCK).enumerate() {
            thread::sleep(SystemClock.until(began + Duration::from_millis(20 * number as u64)));
            if !left_out.contains(&number) {
                let bytes: Vec<u8> = block.iter().flat_map(|sample| sample.to_le_bytes()).collect();
                file.write_all(&bytes).expect("somebody reads");
            }
        }
        file
    })
}

struct Capture(Child);

impl Capture {
    fn start(mut command: Command) -> Capture {
        Capture(command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the program starts"))
    }

    /// Asks it to end, and reads its last line.
    fn end(self) -> Value {
        kill(Pid::from_raw(self.0.id() as i32), Signal::SIGTERM).expect("it runs");
        let output = self.0.wait_with_output().expect("it ends");
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("UTF-8");
        let ran =
            Ran { code: output.status.code().unwrap_or(-1), stdout: text(output.stdout), stderr: text(output.stderr) };
        assert_eq!(ran.code, 0, "{}", ran.stderr);
        ran.json()
    }
}

/// How much of the call each leg has by now, in samples.
fn frames_of(desk: &Desk) -> Option<[u64; 2]> {
    let answer = desk.client().ask(Request::new(Target::Own, Ask::Calls)).expect("an answer");
    let calls = answer.calls?;
    let call = calls.first()?;
    Some([call.agent_leg.frames, call.customer_leg.frames])
}

/// Where the first samples of `sound` that `leg` has come from, and where they are: (place in the leg, place in the sound).
fn found(leg: &[i16], sound: &[i16]) -> (usize, usize) {
    let place = leg.iter().position(|sample| *sample != 0).expect("it spoke");
    let first = &leg[place..place + 24];
    let of = sound.windows(24).position(|window| window == first).expect("what it said is what was written");
    (place, of)
}

#[test]
fn a_call_from_two_devices_on_the_computers_clock_is_kept_bit_for_bit_with_a_gap_where_periods_were_lost() {
    let desk = Desk::open(&["--one-in", "0"]);
    let pipes = Pipes::lay(&desk);
    let sound = Sound::noise(RATE, RATE as usize * 6, 11);
    let start = Arc::new(Barrier::new(2));
    // The microphone is away for 600 ms, after 3 s.
    let lost = [150..180, 0..0];
    let writers = Leg::ALL.map(|leg| {
        let samples = sound.legs[leg.index()].clone();
        write_paced(pipes.pipe(leg), samples, Arc::clone(&start), lost[leg.index()].clone())
    });
    let args =
        ["capture", "--agent", "anna", "--microphone", "alsa:mic", "--speaker", "speaker", "--rate", "8000", "--json"];
    let capture = Capture::start(pipes.command(&desk, &args));
    // The button is pressed late: after 4 s of 6.
    wait_for("4 s of the call", || frames_of(&desk).filter(|frames| frames[1] >= 200));
    assert_eq!(desk.json(&["record", "--agent", "anna"])["answer"], "accepted");
    let open: Vec<_> = writers.into_iter().map(|writer| writer.join().expect("it wrote all")).collect();
    // What was written is read when nothing more comes for a while; of the last half second nothing is asked.
    let (mut before, mut same) = (None, 0);
    wait_for("all that was written to be read", || {
        let now = frames_of(&desk);
        same = if now == before { same + 1 } else { 0 };
        before = now;
        (same > 40).then_some(())
    });
    let told = capture.end();
    drop(open);
    assert_eq!((&told["recording"], &told["rate"]), (&true.into(), &RATE.into()), "{told}");
    assert_eq!((&told["agent_leg"]["gaps"], &told["customer_leg"]["gaps"]), (&1.into(), &0.into()), "{told}");
    let kept = Sound::of_recording(Path::new(told["path"].as_str().expect("a recording")));
    let places = Leg::ALL.map(|leg| {
        let (leg_kept, written) = (&kept.legs[leg.index()], &sound.legs[leg.index()]);
        let (place, of) = found(leg_kept, written);
        assert!(of < RATE as usize, "the first second is there, not only what follows {of} samples");
        let gap = lost[leg.index()].start * BLOCK..lost[leg.index()].end * BLOCK;
        // A gap may be off by the jitter of the machine, what is around it by nothing.
        let before = &written[of..gap.start.max(of)];
        assert!(leg_kept[place..].starts_with(before), "{leg:?}: not bit for bit before the gap");
        let after =
            place + before.len() + leg_kept[place + before.len()..].iter().take_while(|sample| **sample == 0).count();
        let missing = after - place - before.len();
        assert!(
            missing.abs_diff(gap.len()) < RATE as usize / 50,
            "{leg:?}: a gap of {missing} samples for {}",
            gap.len()
        );
        let rest = &written[gap.end.max(of)..written.len() - RATE as usize / 2];
        assert!(leg_kept[after..].starts_with(rest), "{leg:?}: not bit for bit after the gap");
        place as i64 - of as i64
    });
    assert!((places[0] - places[1]).unsigned_abs() < u64::from(RATE / 50), "the legs are apart: {places:?}");
    desk.stop();
}
