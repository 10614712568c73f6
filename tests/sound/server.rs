//! A sound server of the test's own, with a microphone and a speaker that are nothing but memory.

use std::{
    fs,
    path::PathBuf,
    process::{Child, Command, Stdio},
};

use crate::desk::{Desk, wait_for};

/// What plays both sinks, one on each side.
const BOTH: &str = "both";

/// PulseAudio, until it is dropped.
pub struct Server {
    process: Option<Child>,
    folder: PathBuf,
}

impl Server {
    /// Two sinks, `mic` and `speaker`; what is played into `mic` is what the agent says. Both are sides of one sink that plays into
    /// nothing: whoever hears that one hears how far apart they truly are, on one clock.
    pub fn start(desk: &Desk) -> Server {
        let folder = desk.beside("sound");
        fs::create_dir_all(folder.join("pulse")).expect("a folder");
        // ALSA's way to the server, for programs that speak ALSA.
        let alsa = ["mic.monitor", "speaker"]
            .map(|device| format!("pcm.{} {{ type pulse device \"{device}\" }}\n", device.replace('.', "_")))
            .concat();
        fs::write(folder.join(".asoundrc"), alsa).expect("settings of ALSA");
        let mut server = Server { process: None, folder };
        server.again();
        server
    }

    /// Starts it again, with the same devices, in the same place.
    pub fn again(&mut self) {
        self.kill();
        let socket = self.folder.join("pulse/native");
        let _ = fs::remove_file(&socket);
        let mut command = Command::new("pulseaudio");
        command.args(["-n", "--daemonize=no", "--exit-idle-time=-1", "--use-pid-file=no", "--log-target=stderr"]);
        command.arg("-L").arg(format!("module-native-protocol-unix auth-anonymous=1 socket={}", socket.display()));
        // Without `norewinds`, and the latency below, most of what is played is damaged in the monitor.
        command.arg("-L").arg(format!("module-null-sink sink_name={BOTH} norewinds=1 rate=16000 channels=2"));
        for (sink, side) in [("mic", "left"), ("speaker", "right")] {
            let map = format!("channels=1 channel_map=mono master_channel_map=front-{side} remix=no");
            command.arg("-L").arg(format!("module-remap-sink sink_name={sink} master={BOTH} {map}"));
        }
        let log = fs::File::create(self.folder.join("log")).expect("a log");
        command.env("HOME", &self.folder).env("XDG_RUNTIME_DIR", &self.folder).env_remove("PULSE_SERVER");
        let process = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log).spawn().expect("a sound server");
        self.process = Some(process);
        wait_for("the sound server", || {
            let info = self.command("pactl", &["list", "short", "sources"]).output().expect("pactl");
            let listed = String::from_utf8_lossy(&info.stdout).into_owned();
            (listed.contains("mic.monitor") && listed.contains("speaker.monitor")).then_some(())
        });
    }

    /// Kills it, and with it all devices.
    pub fn kill(&mut self) {
        if let Some(mut process) = self.process.take() {
            let _ = process.kill();
            let _ = process.wait();
        }
    }

    /// A program that hears and plays through this server, and no other.
    pub fn command(&self, program: &str, args: &[&str]) -> Command {
        let mut command = Command::new(program);
        command.args(args);
        self.surround(&mut command);
        command
    }

    /// The same for a command that is there.
    pub fn surround(&self, command: &mut Command) {
        let server = format!("unix:{}", self.folder.join("pulse/native").display());
        command.env("HOME", &self.folder).env("XDG_RUNTIME_DIR", &self.folder).env("PULSE_SERVER", server);
    }

    /// Has the server play a file into a sink, by itself, to its end: no program whose lateness could tear what is heard.
    pub fn play(&self, sink: &str, file: &std::path::Path) {
        let file = file.to_str().expect("a path in UTF-8");
        for args in [&["upload-sample", file, "speech"], &["play-sample", "speech", sink]] {
            assert!(self.command("pactl", args).status().expect("pactl").success(), "pactl {args:?}");
        }
    }

    /// A witness of both devices at once: all that is played is written into a file by the server's own recorder, the microphone left
    /// and the speaker right, until it is dropped.
    pub fn witness(&self, file: &std::path::Path) -> Witness {
        let device = format!("--device={BOTH}.monitor");
        let args = [&device, "--rate=8000", "--channels=2", "--format=s16le", "--latency-msec=100"];
        let heard = fs::File::create(file).expect("a file");
        let mut command = self.command("parec", &args);
        Witness(command.stdin(Stdio::null()).stdout(heard).spawn().expect("parec"))
    }
}

/// A recorder that is stopped when this is dropped.
pub struct Witness(Child);

impl Drop for Witness {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
    }
}
