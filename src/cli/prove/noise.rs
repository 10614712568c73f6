//! The desk of the proof: calls of noise, in every codec, with everything that can happen to a call.

use std::{
    io::{self, Write},
    ops::Range,
    os::unix::net::UnixStream,
    path::Path,
    thread,
    time::Duration,
};

use super::super::Failure;
use retrocall_client::{
    client::{Client, Cue, Player, Script},
    protocol::{AudioHead, audio_message, control_message},
};
use retrocall_proof::{Finder, Needles, Sound, files::SearchResult};
use retrocall_settings::SOCKET_FILE;
use retrocall_words::{
    Ask, Begin, CallId, Clock as _, Request, Status, SystemClock, Target, Verdict,
    audio::{Codec, Leg, Rate},
};

/// The length of a call, in seconds.
pub(super) const SECONDS: f64 = 4.0;
/// By now all calls are live, and all controls are done.
pub(super) const LIVE_AT: f64 = 3.8;
/// The last second before this is erased.
pub(super) const ERASE_AT: f64 = 3.0;
/// The length of a frame, in seconds.
const FRAME_SECONDS: f64 = 0.02;
/// Pause between frames: the engine faults in memory ahead of people who talk, not ahead of a flood.
const PACE: Duration = Duration::from_millis(3);
/// Limit for work that the engine does behind the calls.
const PATIENCE: Duration = Duration::from_secs(15);

/// A call, and its planned outcome.
pub(super) struct Call {
    pub agent: &'static str,
    pub sound: Sound,
    cues: Vec<Cue>,
    /// Seconds of which nothing may be left, though the call is kept.
    silent: Vec<Range<f64>>,
    pub is_kept: bool,
    /// Its connection breaks in the middle of a frame.
    is_lost: bool,
}

/// Every call of the desk. The noise comes from the seed.
pub(super) fn calls(seed: u64) -> Vec<Call> {
    use Ask::{EraseLast, Hold, Mask, Private, Record, Resume, Unmask};
    use Codec::{Alaw, Pcm16, Ulaw};
    let mut number = 0;
    let mut call = |agent, codec, hz, cues: &[(f64, Ask)], silent: &[Range<f64>]| {
        number += 1;
        let rate = Rate::new(hz).expect("a rate that calls have");
        // One is quiet, so that the packer has something to do.
        let bits = if hz == 48_000 { 12 } else { 16 };
        Call {
            agent,
            sound: Sound::noise(seed.wrapping_add(number), codec, rate, SECONDS, bits),
            cues: cues.iter().map(|(seconds, ask)| Cue { seconds: *seconds, ask: ask.clone() }).collect(),
            silent: silent.to_vec(),
            is_kept: cues.iter().any(|(_, ask)| *ask == Record),
            is_lost: false,
        }
    };
    let mut calls = vec![
        call("anna", Pcm16, 8_000, &[], &[]),
        call("bert", Ulaw, 8_000, &[], &[]),
        call("chloe", Alaw, 8_000, &[], &[]),
        call("daan", Pcm16, 16_000, &[(1.0, Mask), (2.0, Unmask)], &[]),
        call("emma", Pcm16, 48_000, &[], &[]),
        call("finn", Pcm16, 8_000, &[(2.0, Private)], &[]),
        call("gwen", Pcm16, 8_000, &[(0.5, Mask), (1.0, Unmask), (2.5, Record)], &[0.5..1.0]),
        call("hugo", Ulaw, 8_000, &[(0.5, Record), (ERASE_AT, EraseLast { seconds: 1.0 })], &[2.0..3.0]),
        call(
            "iris",
            Alaw,
            8_000,
            &[(1.0, Record), (1.5, Mask), (2.0, Unmask), (3.2, Hold), (3.6, Resume)],
            &[1.5..2.0, 3.2..3.6],
        ),
        call("jan", Pcm16, 8_000, &[], &[]),
    ];
    calls.last_mut().expect("there are some").is_lost = true;
    calls
}

/// One more unselected call, for an engine that fails while it holds it.
pub(super) fn last_call(seed: u64) -> Call {
    let rate = Rate::new(8_000).expect("a rate that calls have");
    Call {
        agent: "kim",
        sound: Sound::noise(seed.wrapping_add(1_000), Codec::Pcm16, rate, SECONDS, 16),
        cues: Vec::new(),
        silent: Vec::new(),
        is_kept: false,
        is_lost: false,
    }
}

impl Call {
    fn frame_samples(&self) -> usize {
        self.sound.rate.samples(FRAME_SECONDS) as usize
    }

    fn part(&self, seconds: Range<f64>) -> Sound {
        let at = |seconds: f64| self.sound.rate.samples(seconds) as usize;
        self.sound.part(at(seconds.start)..at(seconds.end))
    }

    /// The stretches of its recording, if there is one.
    fn kept_parts(&self) -> Vec<Sound> {
        if !self.is_kept {
            return Vec::new();
        }
        let mut from = 0.0;
        let mut parts = Vec::new();
        for silent in &self.silent {
            parts.push(self.part(from..silent.start));
            from = silent.end;
        }
        parts.push(self.part(from..SECONDS));
        parts
    }

    /// The stretches of which nothing may be left.
    fn wiped_parts(&self) -> Vec<Sound> {
        match self.is_kept {
            true => self.silent.iter().map(|silent| self.part(silent.clone())).collect(),
            false => vec![self.part(0.0..SECONDS)],
        }
    }

    fn forms(&self, parts: Vec<Sound>) -> Vec<Vec<u8>> {
        parts.iter().flat_map(|part| part.forms(self.frame_samples())).collect()
    }

    /// The same, in every form.
    pub(super) fn wiped_forms(&self) -> Vec<Vec<u8>> {
        self.forms(self.wiped_parts())
    }

    /// The sound that may only be in its recording, in every form.
    pub(super) fn kept_forms(&self) -> Vec<Vec<u8>> {
        self.forms(self.kept_parts())
    }

    /// The sound that its recording must have.
    pub(super) fn recorded_forms(&self) -> Vec<Vec<u8>> {
        self.kept_parts().iter().map(Sound::recorded).collect()
    }

    /// The sound of its recording in these seconds while none of it is erased.
    pub(super) fn recorded_form(&self, seconds: Range<f64>) -> Vec<u8> {
        self.part(seconds).recorded()
    }

    /// The sound in the arena while all calls are live.
    pub(super) fn live_forms(&self) -> Vec<Vec<u8>> {
        self.part(0.0..LIVE_AT).packed(self.frame_samples())
    }

    /// The sound that is wiped already while all calls are live: masked, held, erased, private.
    pub(super) fn silenced_forms(&self) -> Vec<Vec<u8>> {
        let mut silent = self.silent.clone();
        for (cue, next) in self.cues.iter().zip(self.cues.iter().skip(1)) {
            if cue.ask == Ask::Mask {
                silent.push(cue.seconds..next.seconds);
            }
        }
        if self.cues.iter().any(|cue| cue.ask == Ask::Private) {
            silent.push(0.0..LIVE_AT);
        }
        self.forms(silent.into_iter().map(|silent| self.part(silent)).collect())
    }
}

/// The calls while they are played.
pub(super) struct CallsInPlay {
    calls: Vec<(Client, Player)>,
    lost: Option<LostCall>,
    /// For the status of the engine.
    control: Client,
}

impl CallsInPlay {
    /// Begins all calls. `customer` is the number of every customer.
    pub(super) fn begin(home: &Path, calls: &[&Call], customer: &str) -> Result<CallsInPlay, Failure> {
        let socket = home.join(SOCKET_FILE);
        let connect = || Client::connect(&socket).map_err(Failure::whole);
        let mut playing = CallsInPlay { calls: Vec::new(), lost: None, control: connect()? };
        playing.control.keep_what_comes();
        for call in calls {
            if call.is_lost {
                playing.lost = Some(LostCall::begin(&socket, call).map_err(|error| lost_failed(&error))?);
                continue;
            }
            let mut client = connect()?;
            client.keep_what_comes();
            let script = Script {
                speed: 0.0,
                frame_ms: FRAME_SECONDS * 1e3,
                cues: call.cues.clone(),
                customer: Some(customer.to_owned()),
                ..Script::new(call.agent.to_owned())
            };
            let player = Player::begin(&mut client, call.sound.source(), script)?;
            playing.calls.push((client, player));
        }
        Ok(playing)
    }

    /// Plays every call up to this second: controls before it are done, those at it are not. By the return, the engine has taken all sent frames.
    pub(super) fn go_to(&mut self, calls: &[&Call], seconds: f64) -> Result<(), Failure> {
        let from = self.calls.first().map_or(0.0, |(_, player)| player.progress_seconds().0);
        let frames = ((seconds - from) / FRAME_SECONDS).round() as u32;
        for frame in 1..=frames {
            let until = from + f64::from(frame) * FRAME_SECONDS;
            for (client, player) in &mut self.calls {
                // Half a frame less: seconds are not exact, but frames are.
                while player.progress_seconds().0 < until - FRAME_SECONDS / 2.0 {
                    player.step(client)?;
                }
                client.flush().map_err(Failure::whole)?;
            }
            if let Some(lost) = &mut self.lost {
                let call = calls.iter().find(|call| call.is_lost).expect("it was begun");
                lost.send_until(call, until).map_err(|error| lost_failed(&error))?;
            }
            thread::sleep(PACE);
        }
        for (client, _) in &mut self.calls {
            client.ask(Request::new(Target::Own, Ask::Calls)).map_err(Failure::whole)?;
        }
        Ok(())
    }

    /// Breaks the connection of the lost call, in the middle of a frame.
    pub(super) fn lose(&mut self) {
        if let Some(lost) = self.lost.take() {
            lost.break_off();
        }
    }

    /// The call of this agent.
    pub(super) fn call_of(&self, calls: &[&Call], agent: &str) -> CallId {
        let place = calls.iter().filter(|call| !call.is_lost).position(|call| call.agent == agent);
        self.calls[place.expect("an agent of the desk")].1.call()
    }

    /// Hangs up all calls. Every control must have been done.
    pub(super) fn hang_up(&mut self) -> Result<(), Failure> {
        for (client, player) in &mut self.calls {
            while player.due().is_some() {
                player.step(client)?;
                for event in client.events() {
                    player.hear(&event);
                }
            }
            let played = player.played();
            let refused = played.cues.iter().find(|cue| cue.answer.answer == Verdict::Refused);
            if let Some(cue) = refused {
                return Err(Failure::refused(cue.ask.verb().as_str(), &cue.answer));
            }
            if let Some(text) = &played.memory_full {
                return Err(Failure::whole(format!("the private engine lost audio, so this proves nothing: {text}")));
            }
        }
        Ok(())
    }

    /// The engine's status.
    pub(super) fn status(&mut self) -> Result<Status, Failure> {
        let answer = self.control.ask(Request::new(Target::Own, Ask::Status)).map_err(Failure::whole)?;
        match &answer.status {
            Some(status) => Ok(status.clone()),
            None => Err(Failure::refused("status", &answer)),
        }
    }

    /// Waits until no call is live, no commit runs and no memory is held.
    pub(super) fn wait_for_rest(&mut self) -> Result<bool, Failure> {
        wait_for(|| {
            let status = self.status()?;
            Ok(status.calls == 0 && status.commits == 0 && status.held_bytes == 0)
        })
    }

    /// Searches every byte that the engine ever sent.
    pub(super) fn look_at_what_came(&self, needles: &Needles) -> SearchResult {
        let mut finder = Finder::new(needles);
        let clients = self.calls.iter().map(|(client, _)| client).chain([&self.control]);
        let (mut places, mut bytes) = (0, 0);
        for client in clients {
            finder.look_at(client.came());
            (places, bytes) = (places + 1, bytes + client.came().len() as u64);
        }
        SearchResult { places, bytes, found: finder.found() }
    }
}

/// Looks until it is so; false if that takes too long.
pub(super) fn wait_for(mut is_so: impl FnMut() -> Result<bool, Failure>) -> Result<bool, Failure> {
    let deadline = SystemClock.now() + PATIENCE;
    loop {
        if is_so()? {
            return Ok(true);
        }
        if SystemClock.now() > deadline {
            return Ok(false);
        }
        thread::sleep(Duration::from_millis(20));
    }
}

fn lost_failed(error: &io::Error) -> Failure {
    Failure::new(format!("the connection that was to break broke too early ({error})"), "try again")
}

/// A call whose connection breaks in the middle of a frame, so that the engine has half of one. Its channel is 0, the first of its connection.
struct LostCall {
    stream: UnixStream,
    sent_samples: usize,
    message: Vec<u8>,
}

impl LostCall {
    fn begin(socket: &Path, call: &Call) -> io::Result<LostCall> {
        let mut lost = LostCall { stream: UnixStream::connect(socket)?, sent_samples: 0, message: Vec::new() };
        let begin = Begin::new(call.agent, call.sound.rate, Codec::Pcm16);
        control_message(&Request::new(Target::Own, Ask::Begin(begin)).to_json(), &mut lost.message);
        lost.stream.write_all(&lost.message)?;
        Ok(lost)
    }

    fn send_until(&mut self, call: &Call, seconds: f64) -> io::Result<()> {
        let until = (call.sound.rate.samples(seconds) as usize).min(call.sound.samples());
        while self.sent_samples < until {
            let frame = self.sent_samples..until.min(self.sent_samples + call.frame_samples());
            self.message.clear();
            for leg in Leg::ALL {
                let head = AudioHead { channel: 0, position: frame.start as u64 };
                let samples = &call.sound.legs[leg.index()][frame.clone()];
                let bytes: Vec<u8> = samples.iter().flat_map(|sample| sample.to_le_bytes()).collect();
                audio_message(leg, head, &bytes, &mut self.message);
            }
            self.stream.write_all(&self.message)?;
            self.sent_samples = frame.end;
        }
        Ok(())
    }

    /// Sends half of the last frame again, late, and goes.
    fn break_off(mut self) {
        let half = self.message.len() / 4;
        let _ = self.stream.write_all(&self.message[..half]);
    }
}
