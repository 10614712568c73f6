//! Two real softphones talk; one is bridged, its devices are captured, and a late press keeps the whole call.

use std::{
    fs,
    io::{BufRead, BufReader, Read, Write},
    net::{TcpListener, TcpStream, UdpSocket},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::mpsc,
    thread,
};

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use retrocall::audio::Leg;
use serde_json::{Value, json};

use crate::{
    desk::{Desk, PATIENCE, Sound, fixture, wait_for},
    have,
    screen::{Companion, Screen},
    server::Server,
};

const RATE: usize = 8_000;
/// How much later than in its file something may be heard: phones ring, and buffer.
const LATER_MAX: usize = 6 * RATE;

/// A baresip, until it is dropped.
struct Phone {
    process: Child,
    sip: u16,
    control: u16,
}

/// Two ports next to each other that nobody has, for SIP and, one on, SIP over TLS.
fn sip_port() -> u16 {
    (0..1_000)
        .find_map(|_| {
            let port = UdpSocket::bind("127.0.0.1:0").ok()?.local_addr().ok()?.port();
            let next = port.checked_add(1)?;
            TcpListener::bind(("127.0.0.1", port)).ok()?;
            TcpListener::bind(("127.0.0.1", next)).ok().map(|_| port)
        })
        .expect("ports")
}

impl Phone {
    /// A phone of `user`, with these lines for its audio.
    fn start(server: &Server, folder: &Path, user: &str, audio: &str) -> Phone {
        let (sip, control) =
            (sip_port(), TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("it").port());
        Phone::start_at(server, folder, user, audio, sip, control)
    }

    fn start_at(server: &Server, folder: &Path, user: &str, audio: &str, sip: u16, control: u16) -> Phone {
        fs::create_dir_all(folder).expect("a folder");
        let modules: String = ["stdio", "g711", "aufile", "alsa"].map(|name| format!("module {name}.so\n")).concat();
        let config = format!(
            "net_interface 127.0.0.1\nsip_listen 127.0.0.1:{sip}\n{audio}audio_alert alsa,null\nmodule_path {MODULES}\n{modules}\
             module_tmp uuid.so\nmodule_tmp account.so\nmodule_app menu.so\nmodule_app ctrl_tcp.so\n\
             ctrl_tcp_listen 127.0.0.1:{control}\nrtp_timeout 3\n"
        );
        fs::write(folder.join("config"), config).expect("its config");
        fs::write(folder.join("accounts"), format!("<sip:{user}@127.0.0.1:{sip}>;regint=0\n")).expect("its account");
        let log = fs::File::create(folder.join("log")).expect("a log");
        let mut command = server.command("baresip", &["-f", folder.to_str().expect("UTF-8")]);
        let errors = log.try_clone().expect("the same log");
        let process = command.stdin(Stdio::piped()).stdout(log).stderr(errors).spawn().expect("a phone");
        let phone = Phone { process, sip, control };
        wait_for("the phone", || {
            fs::read_to_string(folder.join("log")).ok()?.contains("baresip is ready").then_some(())
        });
        phone
    }
}

const MODULES: &str = "/usr/lib/baresip/modules";

impl Drop for Phone {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// The one control connection of a phone that the bridge does not have.
struct Control(TcpStream);

impl Control {
    fn of(phone: &Phone) -> Control {
        let stream = TcpStream::connect(("127.0.0.1", phone.control)).expect("ctrl_tcp");
        stream.set_read_timeout(Some(PATIENCE)).expect("a timeout");
        Control(stream)
    }

    fn command(&mut self, command: &str, params: &str) {
        let message = json!({"command": command, "params": params, "token": "test"}).to_string();
        self.0.write_all(format!("{}:{message},", message.len()).as_bytes()).expect("it takes commands");
    }

    /// Waits for an event of this type.
    fn event(&mut self, kind: &str) {
        let mut reader = BufReader::with_capacity(1, &self.0);
        loop {
            let mut length = Vec::new();
            reader.read_until(b':', &mut length).expect("a length");
            let length: usize = String::from_utf8_lossy(&length).trim_end_matches(':').parse().expect("a number");
            let mut message = vec![0; length + 1];
            reader.read_exact(&mut message).expect("a message");
            let told: Value = serde_json::from_slice(&message[..length]).expect("JSON");
            if told["type"] == kind {
                return;
            }
        }
    }
}

/// `retrocall bridge`, and what it tells.
struct Bridge {
    process: Child,
    lines: mpsc::Receiver<Value>,
}

impl Bridge {
    fn start(desk: &Desk, server: &Server, control: u16) -> Bridge {
        let phone = format!("127.0.0.1:{control}");
        let mut command = desk.command(&[
            "bridge",
            "baresip",
            "--phone",
            &phone,
            "--agent",
            "anna",
            "--microphone",
            "mic.monitor",
            "--speaker",
            "speaker",
            "--rate",
            "8000",
            "--json",
        ]);
        server.surround(&mut command);
        let log = fs::File::create(desk.beside("bridge.log")).expect("a log");
        let mut process = command.stdout(Stdio::piped()).stderr(log).spawn().expect("the bridge");
        let stdout = process.stdout.take().expect("its output");
        let (told, lines) = mpsc::channel();
        thread::spawn(move || {
            let lines = BufReader::new(stdout).lines().map_while(Result::ok);
            lines.map(|line| serde_json::from_str(&line).expect("JSON")).try_for_each(|line| told.send(line))
        });
        Bridge { process, lines }
    }

    /// Waits for the next of these.
    fn told(&self, event: &str) -> Value {
        loop {
            let line = self.lines.recv_timeout(PATIENCE).unwrap_or_else(|_| panic!("the bridge did not tell {event}"));
            if line["event"] == event {
                return line;
            }
        }
    }

    fn stop(mut self) {
        kill(Pid::from_raw(self.process.id() as i32), Signal::SIGTERM).expect("it runs");
        assert!(self.process.wait().expect("it ends").success(), "the bridge ends in peace");
    }
}

impl Drop for Bridge {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// A leg of a fixture as a file of its own, and its samples.
fn speech(desk: &Desk, leg: Leg) -> (PathBuf, Vec<i16>) {
    let call = Sound::of_call(&fixture("talk-8k.wav"));
    let samples = call.legs[leg.index()].clone();
    let path = desk.beside(["agent.wav", "customer.wav"][leg.index()]);
    let spec = hound::WavSpec {
        channels: 1,
        sample_rate: RATE as u32,
        bits_per_sample: 16,
        sample_format: hound::SampleFormat::Int,
    };
    let mut wav = hound::WavWriter::create(&path, spec).expect("a file");
    samples.iter().for_each(|sample| wav.write_sample(*sample).expect("a sample"));
    wav.finalize().expect("a file");
    (path, samples)
}

/// How alike two stretches are: 1 for the same, 0 for nothing in common.
fn correlation(a: &[i16], b: &[i16]) -> f64 {
    let sum = |x: &[i16], y: &[i16]| x.iter().zip(y).map(|(x, y)| f64::from(*x) * f64::from(*y)).sum::<f64>();
    sum(a, b) / (sum(a, a) * sum(b, b)).sqrt().max(1.0)
}

/// Where in `heard` a stretch is, from a place on, and how alike it is there.
fn find(heard: &[i16], stretch: &[i16], from: usize) -> (usize, f64) {
    let best = |heard: &[i16], stretch: &[i16], places: std::ops::Range<usize>| {
        let end = places.end.min(heard.len().saturating_sub(stretch.len()));
        let places =
            (places.start..end).map(|place| (place, correlation(&heard[place..place + stretch.len()], stretch)));
        places.max_by(|a, b| a.1.total_cmp(&b.1)).unwrap_or((0, 0.0))
    };
    // First roughly, on every fourth sample, then on each.
    let thin = |samples: &[i16]| samples.iter().step_by(4).copied().collect::<Vec<_>>();
    let (rough, _) = best(&thin(heard), &thin(stretch), from / 4..(from + LATER_MAX) / 4);
    best(heard, stretch, (4 * rough).saturating_sub(8)..4 * rough + 8)
}

/// A bit of what somebody said, and where it is in the recording and in what the witness heard.
#[derive(Debug)]
struct Found {
    alike: f64,
    /// How alike it is where the witness heard it: what is torn there, the machine tore before anybody heard it.
    heard: f64,
    other: f64,
    /// How much later than the source each has it, in samples.
    kept_later: i64,
    heard_later: i64,
}

/// The bit of a source that came through best, of those between two seconds: the machine may have torn some before anybody heard them.
fn best_bit(source: &[i16], [kept, other, heard]: [&[i16]; 3], seconds: std::ops::Range<usize>) -> Found {
    let loudness =
        |place: &usize| source[*place..place + RATE].iter().map(|sample| f64::from(*sample).powi(2)).sum::<f64>();
    let mut places: Vec<usize> = (seconds.start * RATE..seconds.end * RATE).step_by(RATE / 2).collect();
    places.sort_by(|a, b| loudness(b).total_cmp(&loudness(a)));
    let found = places.into_iter().take(6).map(|place| {
        let bit = &source[place..place + RATE];
        let [(kept_at, alike), (_, other), (heard_at, heard)] =
            [kept, other, heard].map(|leg| find(leg, bit, place.saturating_sub(RATE)));
        let [kept_later, heard_later] = [kept_at, heard_at].map(|at| at as i64 - place as i64);
        (heard, Found { alike, heard, other, kept_later, heard_later })
    });
    found.max_by(|a, b| a.0.total_cmp(&b.0)).expect("places").1
}

#[test]
fn a_late_press_in_a_call_of_two_real_phones_keeps_each_speaker_on_their_own_leg_from_start_to_end() {
    if !have(&["pulseaudio", "pactl", "parec", "baresip", "Xvfb", "xdotool"]) {
        return;
    }
    let desk = Desk::open(&["--one-in", "0"]);
    let screen = Screen::start().expect("it is there");
    let mut companion = Companion::start(&desk, &screen, &["--agent", "anna"]);
    let server = Server::start(&desk);
    let [(agent_file, agent), (customer_file, customer)] = Leg::ALL.map(|leg| speech(&desk, leg));
    // The agent's phone hears the microphone and plays to the speaker; the customer's says what is in a file.
    let anna = Phone::start(
        &server,
        &desk.beside("anna"),
        "anna",
        "audio_source alsa,mic_monitor\naudio_player alsa,speaker\n",
    );
    let source = format!("audio_source aufile,{}\naudio_player alsa,null\n", customer_file.display());
    let caller = Phone::start(&server, &desk.beside("caller"), "31205550123", &source);
    let bridge = Bridge::start(&desk, &server, anna.control);
    bridge.told("phone-found");
    // The bridge has the only control connection of the agent's phone: what the agent does is done on the keyboard.
    let mut control = Control::of(&caller);
    let heard_files = ["mic.raw", "speaker.raw"].map(|name| desk.beside(name));
    let witnesses =
        [("mic.monitor", 0), ("speaker.monitor", 1)].map(|(name, leg)| server.witness(name, &heard_files[leg]));
    control.command("dial", &format!("sip:anna@127.0.0.1:{}", anna.sip));
    control.event("CALL_RINGING");
    press(&anna, b"a");
    control.event("CALL_ESTABLISHED");
    let begun = bridge.told("begun");
    server.play("mic", &agent_file);
    let seconds = || desk.json(&["calls"])[0]["seconds"].as_f64();
    wait_for("22 s of the call", || seconds().filter(|seconds| *seconds > 22.0));
    let finger = Command::new("xdotool").env("DISPLAY", &screen.name).args(["key", "ctrl+alt+r"]).status();
    assert!(finger.is_ok_and(|status| status.success()), "the key was pressed");
    let pressed = companion.next();
    assert_eq!((&pressed["answer"], &pressed["call"]), (&"accepted".into(), &begun["call"]), "{pressed}");
    // On hold, which this phone tells nobody: the bridge finds it by asking.
    let on_hold = || desk.json(&["calls"])[0]["on_hold"].as_bool();
    press(&anna, b"x");
    wait_for("the hold", || on_hold().filter(|held| *held));
    let held_at = seconds().expect("a call");
    wait_for("2 s on hold", || seconds().filter(|seconds| *seconds > held_at + 2.0));
    press(&anna, b"X");
    wait_for("the end of the hold", || on_hold().filter(|held| !*held));
    let resumed_at = seconds().expect("a call");
    wait_for("1 s more", || seconds().filter(|seconds| *seconds > resumed_at + 1.0));
    control.command("hangup", "");
    let ended = bridge.told("ended");
    assert_eq!((&ended["call"], &ended["recording"]), (&begun["call"], &true.into()), "{ended}");
    drop(witnesses);
    let path = wait_for("the recording", || {
        // It is listed before it has its name.
        desk.recordings().first()?["path"].as_str().map(PathBuf::from).filter(|path| path.exists())
    });
    let kept = Sound::of_recording(&path);
    // Each leg is its own speaker's speech, and stays where the server played it, at the start and at the end: the witness heard the same.
    for (leg, source) in [(Leg::Agent, &agent), (Leg::Customer, &customer)] {
        let bytes = fs::read(&heard_files[leg.index()]).expect("what the witness heard");
        let heard: Vec<i16> = bytes.chunks_exact(2).map(|pair| i16::from_le_bytes([pair[0], pair[1]])).collect();
        let legs = [&kept.legs[leg.index()][..], &kept.legs[1 - leg.index()], &heard];
        let found = [1..10, 12..20].map(|seconds| best_bit(source, legs, seconds));
        eprintln!("{leg:?}: {found:?}");
        for bit in &found {
            assert!(bit.alike > bit.heard.min(0.95) - 0.05, "{leg:?}: only {:.2} like what was said", bit.alike);
            assert!(bit.other < 0.5, "{leg:?}: it is on the other leg too: {:.2}", bit.other);
        }
        assert!(found.iter().any(|bit| bit.alike > 0.9), "{leg:?}: nothing came through whole");
        let [start, end] = found.map(|bit| bit.kept_later - bit.heard_later);
        let apart_ms = (start - end).abs() as f64 / RATE as f64 * 1e3;
        assert!(apart_ms < 20.0, "{leg:?}: the end is {apart_ms:.1} ms from where the start says that it should be");
    }
    // Nothing is held while the customer waits.
    let held = held_at as usize * RATE + RATE / 2..held_at as usize * RATE + 3 * RATE / 2;
    for leg in &kept.legs {
        assert!(leg[held.clone()].iter().all(|sample| *sample == 0), "something is there of the time on hold");
    }
    bridge.stop();
    desk.stop();
}

/// Presses a key on a phone's own keyboard: `a` answers, `x` is hold, `X` is its end.
fn press(phone: &Phone, key: &[u8]) {
    phone.process.stdin.as_ref().expect("its keyboard").write_all(key).expect("a key");
}
