//! A bridge to the phone baresip: its events begin and end calls, and the sound devices give their audio.
//!
//! Belongs here: which call has the devices, and what is tried again. Does not: printing.

mod life;
mod netstring;
mod phone;

use std::{
    collections::BTreeMap,
    io,
    net::SocketAddr,
    path::PathBuf,
    thread,
    time::{Duration, Instant},
};

use crossbeam::channel::{Receiver, select, unbounded};
use tracing::{info, warn};

use super::{Devices, Session, SessionFacts};
use life::Step;
use phone::PhoneEvent;
use retrocall_words::{
    Ask, Begin, CallId, Clock as _, Customer, Direction, Facts, SystemClock, Verdict,
    audio::{Codec, Leg, Rate},
};

/// Period of sending on what the devices delivered.
const TURN: Duration = Duration::from_millis(10);
/// Pause before a device that does not open, or an engine that does not take a call, is tried again.
const RETRY: Duration = Duration::from_secs(1);

/// Connects a phone, two sound devices and the engine.
pub struct Bridge {
    /// The engine's socket.
    pub socket: PathBuf,
    /// The address of the phone's `ctrl_tcp`.
    pub phone: SocketAddr,
    /// The agent whose phone it is.
    pub agent: String,
    /// The agent's microphone.
    pub microphone: String,
    /// The speaker that plays the customer.
    pub speaker: String,
    /// Samples a second; none for the best rate that both devices support.
    pub rate: Option<Rate>,
}

/// A notice of the bridge.
#[derive(Debug)]
pub enum Notice {
    /// The phone is there.
    PhoneFound,
    /// The phone is gone, and is looked for.
    PhoneLost,
    /// A call is being captured.
    Begun {
        /// Its id.
        call: CallId,
    },
    /// A call is over.
    Ended(Box<SessionFacts>),
}

/// A call of the phone.
struct Talk {
    customer: Option<String>,
    direction: Direction,
    /// The time since which people talk; none while it rings.
    began: Option<Instant>,
    on_hold: bool,
    /// None while the engine, or a device, is not there.
    session: Option<Session>,
    retry_at: Instant,
    told_refused: bool,
}

/// The open devices.
struct OpenDevices {
    devices: Option<Devices>,
    retry_at: Instant,
    told: bool,
}

impl Bridge {
    /// Follows the phone until something comes on `stopped`, or until its other end is dropped. Calls that are on by then end.
    ///
    /// # Errors
    /// The system has no thread left.
    pub fn run(&self, stopped: &Receiver<()>, mut notice: impl FnMut(Notice)) -> io::Result<()> {
        let (tell, heard) = unbounded();
        let phone = self.phone;
        thread::Builder::new().name("phone".to_owned()).spawn(move || phone::follow(phone, &tell))?;
        let mut talks: BTreeMap<u32, Talk> = BTreeMap::new();
        let mut open = OpenDevices { devices: None, retry_at: SystemClock.now(), told: false };
        loop {
            // Without a call this thread sleeps until the phone says something.
            let wait = if talks.is_empty() { Duration::from_secs(3600) } else { TURN };
            select! {
                recv(stopped) -> _ => break,
                recv(heard) -> what => match what {
                    Ok(PhoneEvent::Phone(true)) => notice(Notice::PhoneFound),
                    Ok(PhoneEvent::Phone(false)) => notice(Notice::PhoneLost),
                    Ok(PhoneEvent::Call(step)) => {
                        // Audio from before the step belongs before it.
                        drain(&mut open, &mut talks);
                        take(step, &mut talks, &mut notice);
                    }
                    Err(_) => break,
                },
                default(wait) => {}
            }
            self.open_devices(&mut open, !talks.is_empty());
            drain(&mut open, &mut talks);
            for talk in talks.values_mut() {
                self.begin(talk, open.devices.as_ref(), &mut notice);
                if let Some(session) = &mut talk.session {
                    session.turn();
                }
            }
        }
        drain(&mut open, &mut talks);
        talks.into_values().for_each(|talk| finish(talk.session, &mut notice));
        Ok(())
    }

    /// Opens the devices when a call rings, and closes them after the last call. Their sound from before people talk is dropped.
    fn open_devices(&self, open: &mut OpenDevices, wanted: bool) {
        if !wanted {
            *open = OpenDevices { devices: None, retry_at: SystemClock.now(), told: false };
        } else if open.devices.is_none() && SystemClock.now() >= open.retry_at {
            match Devices::open(&self.microphone, &self.speaker, self.rate) {
                Ok(devices) => open.devices = Some(devices),
                Err(error) => {
                    open.retry_at = SystemClock.now() + RETRY;
                    if !std::mem::replace(&mut open.told, true) {
                        warn!("the call is not captured, because a device is missing; looking for it: {error}");
                    }
                }
            }
        }
    }

    /// Announces a call whose people talk, unless that is done.
    fn begin(&self, talk: &mut Talk, devices: Option<&Devices>, notice: &mut impl FnMut(Notice)) {
        let (Some(_), None, Some(devices)) = (talk.began, &talk.session, devices) else { return };
        if SystemClock.now() < talk.retry_at {
            return;
        }
        let begin = Begin {
            facts: Facts { direction: talk.direction, ..Facts::of(self.agent.clone()) },
            customer: talk.customer.clone().map(Customer::from),
            ..Begin::new(self.agent.clone(), devices.rate(), Codec::Pcm16)
        };
        match Session::begin(&self.socket, begin) {
            Ok(mut session) => {
                notice(Notice::Begun { call: session.call() });
                if talk.on_hold {
                    session.ask(Ask::Hold);
                }
                talk.session = Some(session);
            }
            Err(error) => {
                talk.retry_at = SystemClock.now() + RETRY;
                if !std::mem::replace(&mut talk.told_refused, true) {
                    warn!("the call is not captured; trying again until it ends: {error}");
                }
            }
        }
    }
}

/// Gives the audio to the call whose people talk. A call on hold gets it only if no other call talks; the engine then decides how much of it is
/// held. Otherwise the agent is not talking to that customer.
fn drain(open: &mut OpenDevices, talks: &mut BTreeMap<u32, Talk>) {
    let Some(devices) = &mut open.devices else { return };
    let anyone_talks = talks.values().any(|talk| talk.began.is_some() && !talk.on_hold);
    devices.drain(|leg, at, samples| {
        for talk in talks.values_mut().filter(|talk| !talk.on_hold || !anyone_talks) {
            if let Some(session) = &mut talk.session {
                session.take(leg, at, samples);
            }
        }
    });
}

/// Applies a step of the phone to its call.
fn take(step: Step, talks: &mut BTreeMap<u32, Talk>, notice: &mut impl FnMut(Notice)) {
    let mut control = |call: u32, ask: Ask| {
        let Some(talk) = talks.get_mut(&call) else { return };
        match ask {
            Ask::Hold => talk.on_hold = true,
            Ask::Resume => talk.on_hold = false,
            _ => {}
        }
        let verb = ask.verb().as_str();
        let answer = talk.session.as_mut().and_then(|session| session.ask(ask));
        if let Some(answer) = answer.filter(|answer| answer.answer == Verdict::Refused) {
            info!(verb, reason = ?answer.reason, "refused");
        }
    };
    match step {
        Step::Ring(call) => {
            talks.insert(call, talk(None, Direction::Inbound, None));
        }
        Step::Begin { call, customer, direction } => {
            talks.insert(call, talk(customer, direction, Some(SystemClock.now())));
        }
        Step::Hold(call) => control(call, Ask::Hold),
        Step::Resume(call) => control(call, Ask::Resume),
        Step::Dtmf(call, digit) => control(call, Ask::Dtmf { digit, leg: Some(Leg::Customer) }),
        Step::End(call) => {
            if let Some(talk) = talks.remove(&call) {
                finish(talk.session, notice);
            }
        }
    }
}

fn talk(customer: Option<String>, direction: Direction, began: Option<Instant>) -> Talk {
    Talk { customer, direction, began, on_hold: false, session: None, retry_at: SystemClock.now(), told_refused: false }
}

/// Hangs up, without waiting for the recording: the next call may ring.
fn finish(session: Option<Session>, notice: &mut impl FnMut(Notice)) {
    if let Some(session) = session {
        notice(Notice::Ended(Box::new(session.end(Duration::ZERO))));
    }
}
