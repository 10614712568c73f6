//! The process that plays the calls, and what it says of them: one line of JSON for each thing, with the time.

use std::{
    io::{self, Write},
    path::Path,
    sync::atomic::{AtomicUsize, Ordering},
    thread,
    time::{Duration, Instant},
};

use retrocall::{
    audio::{Codec, Leg, Rate},
    client::{Client, ClientError},
    protocol::{Ask, Begin, CallId, Event, Request, Target, Verdict},
    words::{Clock as _, SystemClock},
};
use serde::{Deserialize, Serialize};

use crate::{
    now,
    plan::{Act, Plan},
};

pub const SOCKET: &str = "RETROCALL_TORTURE_SOCKET";
pub const SEED: &str = "RETROCALL_TORTURE_SEED";
pub const ROUND: &str = "RETROCALL_TORTURE_ROUND";
/// Live calls, on so many connections.
pub const CALLS: usize = 50;
const CONNECTIONS: usize = 10;
const FRAME: Duration = Duration::from_millis(20);
/// A call that has been going on for a while is sent so many times as fast as it is said: no softphone sends all at once.
const CATCHES_UP: u64 = 4;
/// How far a call is, is said every so many frames.
const SAID_EVERY: u64 = 5;

/// Something that happened to a call.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Heard {
    /// All calls are live.
    Up,
    Begun {
        number: u64,
        call: CallId,
    },
    /// Both legs are sent up to here, and the kernel has it all.
    Sent {
        call: CallId,
        upto: u64,
    },
    /// Record is asked for, and accepted.
    Pressing {
        call: CallId,
    },
    Pressed {
        call: CallId,
    },
    Erasing {
        call: CallId,
        from: u64,
        to: u64,
    },
    Erased {
        call: CallId,
        from: u64,
        to: u64,
    },
    Masked {
        call: CallId,
        from: u64,
    },
    Unmasked {
        call: CallId,
        to: u64,
    },
    Private {
        call: CallId,
    },
    Ending {
        call: CallId,
    },
    Ended {
        call: CallId,
        end: u64,
    },
    Kept {
        call: CallId,
    },
}

/// The same, with the time.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Line {
    pub at: Duration,
    pub heard: Heard,
}

fn say(heard: Heard) {
    let line = serde_json::to_string(&Line { at: now(), heard }).expect("JSON");
    // The test is gone: so are we.
    if writeln!(io::stdout().lock(), "{line}").is_err() {
        std::process::exit(0);
    }
}

/// Plays calls until the engine is gone.
pub fn play(socket: &Path, seed: u64, round: u64) {
    let begun = AtomicUsize::new(0);
    thread::scope(|scope| {
        for connection in 0..CONNECTIONS {
            let begun = &begun;
            scope.spawn(move || {
                let first = (round * 1_000 + connection as u64) * 1_000;
                match Desk::connect(socket, seed, first, begun).and_then(|mut desk| desk.play()) {
                    Ok(()) => unreachable!("it plays until the engine is gone"),
                    Err(ClientError::Closed | ClientError::Broken { .. } | ClientError::NoEngine { .. }) => {}
                    Err(other) => panic!("connection {connection}: {other}"),
                }
            });
        }
    });
}

/// One connection and its calls.
struct Desk<'a> {
    client: Client,
    seed: u64,
    next: u64,
    begun: &'a AtomicUsize,
    calls: Vec<Live>,
}

struct Live {
    plan: Plan,
    call: CallId,
    channel: u32,
    began: Instant,
    sent: u64,
    /// Acts that are done.
    done: usize,
    frames: u64,
}

impl Desk<'_> {
    fn connect<'a>(socket: &Path, seed: u64, next: u64, begun: &'a AtomicUsize) -> Result<Desk<'a>, ClientError> {
        Ok(Desk { client: Client::connect(socket)?, seed, next, begun, calls: Vec::new() })
    }

    fn play(&mut self) -> Result<(), ClientError> {
        for _ in 0..CALLS / CONNECTIONS {
            let live = self.begin()?;
            self.calls.push(live);
            if self.begun.fetch_add(1, Ordering::SeqCst) + 1 == CALLS {
                say(Heard::Up);
            }
        }
        let mut due = SystemClock.now();
        loop {
            for at in 0..self.calls.len() {
                self.calls[at].talk(&mut self.client)?;
            }
            self.client.flush()?;
            for at in 0..self.calls.len() {
                self.calls[at].say_how_far();
                if self.calls[at].act(&mut self.client)? {
                    self.calls[at] = self.begin()?;
                }
            }
            for event in self.client.events() {
                if let Event::Kept { call, .. } = event {
                    say(Heard::Kept { call });
                }
            }
            due = (due + FRAME).max(SystemClock.now());
            self.client.rest(due)?;
        }
    }

    fn begin(&mut self) -> Result<Live, ClientError> {
        let plan = Plan::of(self.seed, self.next);
        self.next += 1;
        let begin = Begin {
            customer: Some(format!("+31 {}", plan.number).into()),
            ..Begin::new(plan.agent.clone(), Rate::new(plan.rate).expect("a rate"), Codec::Pcm16)
        };
        let answer = self.client.ask(Request::new(Target::Own, Ask::Begin(begin)))?;
        assert_eq!(answer.answer, Verdict::Accepted, "{answer:?}");
        let (call, channel) = (answer.call.expect("an id"), answer.channel.expect("a channel"));
        say(Heard::Begun { number: plan.number, call });
        Ok(Live { plan, call, channel, began: SystemClock.now(), sent: 0, done: 0, frames: 0 })
    }
}

impl Live {
    /// Sends what has been said since.
    fn talk(&mut self, client: &mut Client) -> Result<(), ClientError> {
        let frame = u64::from(self.plan.rate) / 50;
        let said = (SystemClock.since(self.began).as_millis() / FRAME.as_millis()) as u64 * frame;
        let upto = (self.plan.backlog + said).min(CATCHES_UP * said);
        let mut bytes = Vec::with_capacity(2 * frame as usize);
        while self.sent < upto {
            for leg in Leg::ALL {
                bytes.clear();
                bytes.extend((self.sent..self.sent + frame).flat_map(|at| self.plan.sample(leg, at).to_le_bytes()));
                client.send_audio(leg, self.channel, self.sent, &bytes)?;
            }
            self.sent += frame;
        }
        Ok(())
    }

    fn say_how_far(&mut self) {
        self.frames += 1;
        if self.frames % SAID_EVERY == 1 {
            say(Heard::Sent { call: self.call, upto: self.sent });
        }
    }

    /// Does what is due. Whether the call has ended with it.
    fn act(&mut self, client: &mut Client) -> Result<bool, ClientError> {
        let Some((at, act)) = self.plan.acts.get(self.done).copied() else { return Ok(false) };
        if SystemClock.since(self.began) < at {
            return Ok(false);
        }
        self.done += 1;
        let call = self.call;
        let (from, to) = match act {
            Act::EraseLast(tenths) => (self.sent.saturating_sub(u64::from(tenths * self.plan.rate / 10)), self.sent),
            _ => (self.sent, self.sent),
        };
        let ask = match act {
            Act::Record => {
                say(Heard::Pressing { call });
                Ask::Record
            }
            Act::EraseLast(tenths) => {
                say(Heard::Erasing { call, from, to });
                Ask::EraseLast { seconds: f64::from(tenths) / 10.0 }
            }
            Act::Mask => Ask::Mask,
            Act::Unmask => Ask::Unmask,
            Act::Private => Ask::Private,
            Act::End => {
                say(Heard::Ending { call });
                Ask::End
            }
        };
        let answer = client.ask(Request::new(Target::Channel(self.channel), ask))?;
        if answer.answer != Verdict::Accepted {
            // A disk that is too slow for an erase says so, and the memory is silent all the same.
            assert!(matches!(act, Act::EraseLast(_)), "{act:?}: {answer:?}");
            return Ok(false);
        }
        let at = answer.at.expect("a position");
        // A private call does not grow any more.
        let is_private = self.plan.acts.iter().any(|(_, act)| *act == Act::Private);
        assert!(at == from || is_private, "{act:?} was asked at {from} and has its effect at {at}");
        say(match act {
            Act::Record => Heard::Pressed { call },
            Act::EraseLast(_) => Heard::Erased { call, from, to },
            Act::Mask => Heard::Masked { call, from },
            Act::Unmask => Heard::Unmasked { call, to },
            Act::Private => Heard::Private { call },
            Act::End => Heard::Ended { call, end: at },
        });
        Ok(act == Act::End)
    }
}
