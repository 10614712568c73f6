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
    measure::{self, RATE},
    screen::{Companion, Screen},
    server::Server,
};

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
    let heard_file = desk.beside("heard.raw");
    let witness = server.witness(&heard_file);
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
    drop(witness);
    let path = wait_for("the recording", || {
        // It is listed before it has its name.
        desk.recordings().first()?["path"].as_str().map(PathBuf::from).filter(|path| path.exists())
    });
    let kept = Sound::of_recording(&path);
    let heard = fs::read(&heard_file).expect("what the witness heard");
    // Each leg is its own speaker's speech, and where it was heard, at the start and at the end.
    assert_eq!(measure::judge([&agent, &customer], &kept.legs, &measure::legs_of(&heard)), Ok(()));
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
