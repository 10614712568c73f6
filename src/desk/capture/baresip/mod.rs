//! A bridge to baresip, a phone that nobody here wrote: its events are the calls' life, the sound devices their audio.
//!
//! Belongs here: which call has the devices when, what is tried again. Does not: what is printed.

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

use super::{Desk, Session, SessionFacts};
use life::Step;
use phone::Heard;
use retrocall_words::{
    Ask, Begin, CallId, Clock as _, Customer, Direction, Facts, SystemClock, Verdict,
    audio::{Codec, Rate},
};

/// How often what the devices delivered is sent on.
const TURN: Duration = Duration::from_millis(10);
/// How often devices that don't open, or an engine that does not take a call, are tried again.
const RETRY: Duration = Duration::from_secs(1);

/// Between a phone, two sound devices and the engine.
pub struct Bridge {
    /// The engine's socket.
    pub socket: PathBuf,
    /// Where the phone's `ctrl_tcp` listens.
    pub phone: SocketAddr,
    /// Whose phone it is.
    pub agent: String,
    /// The device that hears the agent.
    pub microphone: String,
    /// The speaker that the customer is heard from.
    pub speaker: String,
    /// Samples a second; none: the best that both devices can do.
    pub rate: Option<Rate>,
}

/// What a bridge has to tell.
#[derive(Debug)]
pub enum Notice {
    /// The phone is there.
    PhoneFound,
    /// It is not, and is looked for.
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
    /// Since people talk; none while it rings.
    began: Option<Instant>,
    on_hold: bool,
    /// None while the engine, or a device, is not there.
    session: Option<Session>,
    retry_at: Instant,
    told_refused: bool,
}

/// What the bridge has open.
struct Open {
    desk: Option<Desk>,
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
        let mut open = Open { desk: None, retry_at: SystemClock.now(), told: false };
        loop {
            // Without a call this thread sleeps until the phone says something.
            let wait = if talks.is_empty() { Duration::from_secs(3600) } else { TURN };
            select! {
                recv(stopped) -> _ => break,
                recv(heard) -> what => match what {
                    Ok(Heard::Phone(true)) => notice(Notice::PhoneFound),
                    Ok(Heard::Phone(false)) => notice(Notice::PhoneLost),
                    Ok(Heard::Call(step)) => {
                        // What was said before the step counts as said before it.
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
                self.begin(talk, open.desk.as_ref(), &mut notice);
                if let Some(session) = &mut talk.session {
                    session.turn();
                }
            }
        }
        drain(&mut open, &mut talks);
        talks.into_values().for_each(|talk| finish(talk.session, &mut notice));
        Ok(())
    }

    /// Devices are open while there is a call, from its ringing on, and never else: what they hear before people talk goes nowhere.
    fn open_devices(&self, open: &mut Open, wanted: bool) {
        if !wanted {
            *open = Open { desk: None, retry_at: SystemClock.now(), told: false };
        } else if open.desk.is_none() && SystemClock.now() >= open.retry_at {
            match Desk::open(&self.microphone, &self.speaker, self.rate) {
                Ok(desk) => open.desk = Some(desk),
                Err(error) => {
                    open.retry_at = SystemClock.now() + RETRY;
                    if !std::mem::replace(&mut open.told, true) {
                        warn!("the call is not captured, for a device is missing; it is looked for: {error}");
                    }
                }
            }
        }
    }

    /// Announces a call whose people talk, if that has not been done.
    fn begin(&self, talk: &mut Talk, desk: Option<&Desk>, notice: &mut impl FnMut(Notice)) {
        let (Some(_), None, Some(desk)) = (talk.began, &talk.session, desk) else { return };
        if SystemClock.now() < talk.retry_at {
            return;
        }
        let begin = Begin {
            facts: Facts { direction: talk.direction, ..Facts::of(self.agent.clone()) },
            customer: talk.customer.clone().map(Customer::from),
            ..Begin::new(self.agent.clone(), desk.rate(), Codec::Pcm16)
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
                    warn!("the call is not captured; that is tried again until it ends: {error}");
                }
            }
        }
    }
}

/// Gives what the devices heard to the call whose people talk. One that is on hold gets it only if no other call talks: then the engine
/// decides what of it is held, and else what the agent says is not for it.
fn drain(open: &mut Open, talks: &mut BTreeMap<u32, Talk>) {
    let Some(desk) = &mut open.desk else { return };
    let anyone_talks = talks.values().any(|talk| talk.began.is_some() && !talk.on_hold);
    desk.drain(|leg, at, samples| {
        for talk in talks.values_mut().filter(|talk| !talk.on_hold || !anyone_talks) {
            if let Some(session) = &mut talk.session {
                session.take(leg, at, samples);
            }
        }
    });
}

/// Does with a call what the phone did.
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
        Step::Dtmf(call, digit) => control(call, Ask::Dtmf { digit }),
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

/// Hangs up. Nobody waits for the recording here: the next call may ring.
fn finish(session: Option<Session>, notice: &mut impl FnMut(Notice)) {
    if let Some(session) = session {
        notice(Notice::Ended(Box::new(session.end(Duration::ZERO))));
    }
}
