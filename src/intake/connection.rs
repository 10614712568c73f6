//! The task of one connection: it takes control messages in order, and sends answers and events.

use std::{
    collections::{HashMap, HashSet},
    ops::ControlFlow,
    os::{fd::OwnedFd, unix::net::UnixStream},
    sync::Arc,
    time::Duration,
};

use tokio::{
    sync::{Notify, mpsc::UnboundedReceiver},
    time::{sleep, timeout},
};
use tracing::{debug, info, warn};

use super::acting::Acting;
use super::answering::{answer_after, log_refusal};
use super::ear::{Ear, Peer, deaf, is_deaf};
use super::outbox::{Outbox, WriteEnd};
use super::reader::{Allowance, ConnectionId, Finding, Inbound, Line, Lines, Reader, Report, SharedFrames};
use super::switchboard::Pairing;
use retrocall_client::protocol::{SharedLayout, VERSION};
use retrocall_core::heart;
use retrocall_engine::{ClosedBy, Engine, Handover, Listener, Reply, RequestKind, Why};
use retrocall_words::{
    Answer, Ask, CONTROL_BYTES_MAX, CallId, ErrorCode, Event, Expect, Principal, Refusal, Request, RequestError,
    Suspicion, Target, Verdict,
    audio::{Codec, Rate},
};

/// How long a frame is if a client does not say: as phones have it.
const FRAME_SECONDS: f64 = 0.02;
/// How long a client that sends nothing more may wait for what is due of its calls, besides the wait for a late press.
const HEARS_MAX: Duration = Duration::from_secs(60);
/// How long a connection that is closed may take to read the last it is told.
const FAREWELL_WAIT: Duration = Duration::from_secs(2);

/// A connection and its calls.
pub(super) struct Connection {
    id: ConnectionId,
    engine: Arc<Engine>,
    reader: Arc<Reader>,
    pairing: Option<Arc<Pairing>>,
    acting: Acting,
    outbox: Arc<Outbox>,
    /// The client's end.
    client: Arc<UnixStream>,
    /// The outbox again, as the engine knows it.
    listener: Arc<dyn Listener>,
    /// Told when the engine has nothing more to tell.
    unheard: Arc<Notify>,
    /// The calls that this connection carries, by channel.
    calls: HashMap<u32, CarriedCall>,
    next_channel: u32,
    allowance: Allowance,
}

/// What a connection knows of a call that it carries.
struct CarriedCall {
    call: CallId,
    codec: Codec,
    rate: Rate,
    /// Whether its frames can come through shared memory.
    shared: bool,
}

impl Connection {
    pub(super) fn new(
        id: ConnectionId,
        engine: Arc<Engine>,
        reader: Arc<Reader>,
        pairing: Option<Arc<Pairing>>,
        Peer { who, stream: client }: Peer,
        outbox: Arc<Outbox>,
        allowance: Allowance,
    ) -> Connection {
        let unheard = Arc::new(Notify::new());
        let listener: Arc<dyn Listener> = Arc::new(Ear::new(Arc::clone(&outbox), &client, Arc::clone(&unheard)));
        Connection {
            id,
            acting: Acting::of(who, &engine, &listener),
            engine,
            reader,
            pairing,
            outbox,
            client,
            listener,
            unheard,
            calls: HashMap::new(),
            next_channel: 0,
            allowance,
        }
    }

    /// Serves the connection to its end, and says what that was.
    pub(super) async fn serve(mut self, mut inbox: UnboundedReceiver<Inbound>, stream: UnixStream) -> ClosedBy {
        let who = self.acting.who().clone();
        let agent = who.agents.first().filter(|_| !who.is_owner()).cloned();
        self.outbox.tell(&Event::Hello {
            version: VERSION,
            engine: env!("CARGO_PKG_VERSION").to_owned(),
            agent,
            limits: self.engine.limits(),
        });
        // From here on it may hear other things: not before the greeting.
        self.acting.arrive();
        let mut writing = tokio::spawn(Arc::clone(&self.outbox).write_to(stream));
        let mut writes = true;
        let mut closed_by = ClosedBy::Client;
        loop {
            tokio::select! {
                inbound = inbox.recv() => match inbound {
                    Some(inbound) => if let ControlFlow::Break(fault) = self.take(inbound).await {
                        closed_by = fault.map_or(closed_by, ClosedBy::Fault);
                        break;
                    },
                    None => break,
                },
                // The client does not read, or is gone: the reader thread gives its calls back.
                written = &mut writing, if writes => {
                    writes = false;
                    if let Ok(WriteEnd::NotRead(limit)) = written {
                        closed_by = ClosedBy::NotReading;
                        if self.engine.is_news(who.id, "connect", Why::NotReading) {
                            let who = who.id;
                            warn!(connection = self.id, %who, "a connection is closed: the client does not read what it is sent ({limit})");
                        }
                    }
                    self.reader.close(self.id);
                }
            }
        }
        let Connection { acting, engine, outbox, client, listener, unheard, .. } = self;
        // Whoever has said its last word may still hear what is due of calls that have ended: for that the engine keeps the listener.
        drop((acting, listener));
        if writes && matches!(closed_by, ClosedBy::Client) && !is_deaf(&client) {
            tokio::select! {
                () = unheard.notified() => {}
                () = deaf(&client) => {}
                _ = &mut writing => writes = false,
                () = sleep(HEARS_MAX + engine.after_hangup()) => {}
            }
        }
        outbox.close();
        if writes && timeout(FAREWELL_WAIT, &mut writing).await.is_err() {
            writing.abort();
        }
        closed_by
    }

    /// Who asks.
    fn who(&self) -> &Principal {
        self.acting.who()
    }

    /// What the reading thread hands over. Breaks when the connection is gone, with its fault if it had one.
    async fn take(&mut self, inbound: Inbound) -> ControlFlow<Option<ErrorCode>> {
        match inbound {
            Inbound::Control(json) => {
                if heart::contain_async("a request", self.handle(&json)).await.is_none() {
                    let text = "the engine failed at this request, by a fault of its own: see its log".to_owned();
                    self.refuse(RequestError { id: None, text });
                }
                self.reader.go_on(self.id);
            }
            Inbound::TooLong(bytes) => {
                let text = format!("the message has {bytes} bytes: at most {CONTROL_BYTES_MAX} are read");
                self.refuse(RequestError { id: None, text });
                self.reader.go_on(self.id);
            }
            Inbound::Refused(report) => self.tell_refused(&report),
            Inbound::Suspect(call, leg, finding) => {
                let suspicion = match finding {
                    Finding::Codec(_) => Suspicion::Codec,
                    Finding::Rate(_) => Suspicion::Rate,
                };
                self.engine.suspect(call, leg, suspicion, finding.to_string());
            }
            Inbound::Released(mut line) => {
                line.last_reports(self.engine.clock().now()).for_each(|report| self.tell_refused(&report));
            }
            Inbound::Gone { fault, lines } => {
                let code = fault.as_ref().map(|(code, _)| *code);
                self.gone(fault, *lines);
                return ControlFlow::Break(code);
            }
        }
        ControlFlow::Continue(())
    }

    /// The end: calls that were not ended wait for another connection.
    fn gone(&mut self, fault: Option<(ErrorCode, String)>, mut lines: Lines) {
        let now = self.engine.clock().now();
        lines.last_strays(now).iter().for_each(|report| self.tell_refused(report));
        for mut line in lines.into_all() {
            line.last_reports(now).for_each(|report| self.tell_refused(&report));
            if let Some(carries) = self.calls.remove(&line.channel) {
                self.engine.connection_lost(carries.call, Box::new(line.writers));
            }
        }
        if let Some((error, text)) = fault {
            if self.engine.is_news(self.who().id, "connect", Why::Error(error)) {
                warn!(connection = self.id, who = %self.who().id, ?error, "a connection is closed: {text}");
            }
            self.outbox.tell(&Event::Error { error, text });
        }
        // Their first frame had not been let through yet.
        for (_, carries) in self.calls.drain() {
            let _ = self.engine.end(carries.call);
        }
        debug!(connection = self.id, "a connection ends");
    }

    /// Says that frames were dropped: to the client, and of the first ones in the log.
    fn tell_refused(&self, report: &Report) {
        let Report { call, frame, frames, is_first } = *report;
        let (error, position, expected) = (frame.error, frame.position, frame.expected);
        if is_first {
            let (call, leg, channel) = (call.map(|call| call.to_string()), frame.leg, frame.channel);
            warn!(
                call,
                ?leg,
                channel,
                position,
                expected,
                connection = self.id,
                who = %self.who().id,
                "a frame is dropped: {error}"
            );
        }
        if call.is_none() {
            self.engine.counters().strays(frames);
        }
        let go_on = expected.map_or(String::new(), |expected| format!("; position {expected} is expected next"));
        let text = match frames {
            1 => format!("a frame is dropped: {error}{go_on}"),
            more => format!("{more} frames are dropped; the last one: {error}{go_on}"),
        };
        let (channel, leg) = (frame.channel, frame.leg);
        self.outbox.tell(&Event::FramesRefused { call, channel, leg, error, frames, position, expected, text });
    }

    /// A request is wrong: it is refused, and everything else goes on.
    fn refuse(&self, RequestError { id, text }: RequestError) {
        let answer = Answer { id, ..Answer::malformed(text) };
        self.engine.counters().answered(RequestKind::Other, &answer);
        log_refusal(&self.engine, self.who().id, "request", &answer);
        self.outbox.answer(&answer);
    }

    /// Does what is asked, and answers.
    async fn handle(&mut self, json: &[u8]) {
        let is_first = self.acting.begins();
        let mut request = match Request::from_json(json) {
            Ok(request) => request,
            Err(error) => return self.refuse(error),
        };
        let (id, asked, verb) = (request.id, RequestKind::from(&request.ask), request.ask.verb().as_str());
        let refusals = request.ask.refusals();
        let left_out = std::mem::take(&mut request.left_out);
        let (controlled, descriptor) = match (self.acting.look_before(&request.ask).await, request.ask) {
            (Err(refusal), _) => (Answer::refused(refusal).into(), None),
            (Ok(()), Ask::As(name)) => (self.acting.narrow(name, is_first).await.into(), None),
            (Ok(()), Ask::Share { frame_samples, depth_ms }) => self.share(&request.target, frame_samples, depth_ms),
            (Ok(()), ask) => (self.ask(Request { ask, ..request }).await, None),
        };
        let Reply { mut answer, after } = controlled;
        let always = |reason| reason == Refusal::Malformed || self.acting.may_refuse_for(reason);
        let may_be = |reason| refusals.contains(&reason) || always(reason);
        debug_assert!(
            answer.reason.is_none_or(may_be),
            "the page does not say that `{verb}` is refused so: {answer:?}"
        );
        debug_assert!(
            after.is_none() || may_be(Refusal::Disk),
            "the page does not say that `{verb}` waits for the disk"
        );
        answer.id = id;
        answer.left_out.extend(left_out);
        if answer.answer == Verdict::Refused {
            answer.left_out.clear();
        } else if !answer.left_out.is_empty() {
            let (call, names) = (answer.call.map(|call| call.to_string()), answer.left_out.join(", "));
            info!(call, who = %self.who().id, names, "fields that can't be used are left out");
            answer.text = Some(format!("captured without what can't be used as it was given: {names}"));
        }
        self.engine.counters().answered(asked, &answer);
        log_refusal(&self.engine, self.who().id, verb, &answer);
        match after {
            None => self.outbox.answer_with(&answer, descriptor),
            Some(after) => {
                let place = self.outbox.place();
                let (engine, outbox) = (Arc::clone(&self.engine), Arc::clone(&self.outbox));
                // Kept as long as there is something to say.
                let listener = Arc::clone(&self.listener);
                let asked = (self.who().id, verb);
                tokio::spawn(async move {
                    answer_after(answer, after, engine, asked, outbox, place).await;
                    drop(listener);
                });
            }
        }
    }

    async fn ask(&mut self, request: Request) -> Reply {
        let target = match self.resolve(request.target) {
            Ok(target) => target,
            Err(refusal) => return Answer::refused(refusal).into(),
        };
        match request.ask {
            Ask::Begin(begin) => match self.engine.begin(self.who(), begin, &self.listener) {
                Ok(carried) => self.carry(carried).into(),
                Err(refusal) => Answer::refused(refusal).into(),
            },
            Ask::Expect(expect) => self.expect(expect).into(),
            Ask::Attach => match target {
                Target::Call(call) => match self.engine.attach(self.who(), call, &self.listener).await {
                    Ok(carried) => {
                        let (positions, announced) = (carried.positions(), carried.call.facts.clone().into());
                        let (rate, codec) = (carried.call.rate, carried.codec);
                        Answer {
                            positions: Some(positions),
                            announced: Some(announced),
                            rate: Some(rate),
                            codec: Some(codec),
                            ..self.carry(carried)
                        }
                        .into()
                    }
                    Err(refusal) => Answer::refused(refusal).into(),
                },
                _ => Answer::refused(Refusal::UnknownCall).into(),
            },
            Ask::End => self.end(&target).await.into(),
            Ask::Calls => {
                Answer { calls: Some(self.engine.calls(self.who())), ..Answer::new(Verdict::Accepted) }.into()
            }
            // How many commits are under way would tell the draw.
            Ask::Board if !self.who().may_see_board() => Answer::refused(Refusal::NotYours).into(),
            Ask::Board => Answer { board: Some(self.engine.board()), ..Answer::new(Verdict::Accepted) }.into(),
            Ask::Sweep if !self.who().may_sweep() => Answer::refused(Refusal::NotYours).into(),
            Ask::Sweep => {
                self.engine.sweep();
                Answer::new(Verdict::Accepted).into()
            }
            Ask::Status if !self.who().is_owner() => Answer::refused(Refusal::NotYours).into(),
            Ask::Status => Answer { status: Some(self.engine.status()), ..Answer::new(Verdict::Accepted) }.into(),
            ask => {
                let carries = |call| self.calls.values().any(|carries| carries.call == call);
                let given = (&ask, Duration::from_millis(request.ago_ms));
                self.engine.control_given(self.who(), &target, given, &self.listener, carries)
            }
        }
    }

    /// A call will come over AudioSocket. A PBX's calls are the owner's to announce: whoever else could would make another agent's call their own,
    /// by its UUIDs.
    fn expect(&self, expect: Expect) -> Answer {
        if !self.who().is_owner() {
            return Answer::refused(Refusal::NotYours);
        }
        let Some(pairing) = &self.pairing else {
            return Answer::malformed(
                "this engine does not take calls over AudioSocket: set `audiosocket` in retrocall.toml".to_owned(),
            );
        };
        match pairing.expect(expect, Arc::downgrade(&self.listener), self.engine.clock().now()) {
            true => Answer::new(Verdict::Accepted),
            false => Answer::refused(Refusal::TooManyCalls),
        }
    }

    /// A channel is a call of this connection. So is what names no call, if the connection carries just one and its user may act for that.
    fn resolve(&self, target: Target) -> Result<Target, Refusal> {
        match target {
            Target::Channel(channel) => {
                self.calls.get(&channel).map(|carries| Target::Call(carries.call)).ok_or(Refusal::UnknownCall)
            }
            Target::Own if self.calls.len() == 1 => {
                let only = self.calls.values().next().map(|carries| carries.call);
                Ok(only.filter(|call| self.engine.may_control(self.who(), *call)).map_or(Target::Own, Target::Call))
            }
            other => Ok(other),
        }
    }

    /// The frames of this call come over this connection from now on.
    fn carry(&mut self, carried: Handover) -> Answer {
        let Handover { call, codec, agent, began, writers, states, exempt, left_out } = carried;
        let channel = self.next_channel;
        self.next_channel += 1;
        let (id, rate) = (call.id, call.rate);
        let carries = CarriedCall { call: id, codec, rate, shared: false };
        self.calls.insert(channel, carries);
        let ahead = rate.samples(self.engine.limits().ahead_ms as f64 / 1_000.0);
        let line = Line::new(id, channel, *writers, (codec, rate), began, ahead);
        self.reader.carry(self.id, Box::new(line));
        let (call, agent, channel, states) = (Some(id), Some(agent), Some(channel), Some(states));
        let text = exempt
            .then(|| "the line is one that is never captured (never_capture): nothing of the call is held".to_owned());
        Answer { call, agent, channel, states, exempt, text, left_out, ..Answer::new(Verdict::Accepted) }
    }

    /// The channel of a call that only this connection may speak for.
    fn own(&self, target: &Target) -> Option<u32> {
        match target {
            Target::Channel(channel) => self.calls.contains_key(channel).then_some(*channel),
            Target::Call(call) => {
                self.calls.iter().find(|(_, carries)| carries.call == *call).map(|(channel, _)| *channel)
            }
            Target::Agent(agent) => {
                let carried: HashSet<CallId> = self.calls.values().map(|carries| carries.call).collect();
                let call = self.engine.of_agent_among(agent, |call| carried.contains(&call))?;
                self.own(&Target::Call(call))
            }
            Target::Own if self.calls.len() == 1 => self.calls.keys().next().copied(),
            Target::Own => None,
        }
    }

    /// Memory for the frames of a call that both ends write, and the descriptor that goes with the answer.
    fn share(
        &mut self,
        target: &Target,
        frame_samples: Option<usize>,
        depth_ms: Option<u32>,
    ) -> (Reply, Option<OwnedFd>) {
        let Some((channel, carries)) = self.own(target).and_then(|own| Some((own, self.calls.get_mut(&own)?))) else {
            return (Answer::refused(Refusal::UnknownCall).into(), None);
        };
        let call = Some(carries.call);
        if carries.shared {
            return (Answer { call, ..Answer::new(Verdict::Already) }.into(), None);
        }
        let frame_samples = frame_samples.unwrap_or(carries.rate.samples(FRAME_SECONDS) as usize);
        let layout = match depth_ms {
            Some(ms) => SharedLayout::deep(carries.codec, carries.rate, frame_samples, ms),
            None => SharedLayout::new(carries.codec, carries.rate, frame_samples),
        };
        match SharedFrames::make(layout, &self.allowance, self.engine.allow_unlocked()) {
            Ok((shared, descriptor)) => {
                carries.shared = true;
                let shared_bytes = Some(shared.bytes());
                self.reader.share(self.id, channel, Box::new(shared));
                let answer = Answer { call, shared_bytes, channel: Some(channel), ..Answer::new(Verdict::Accepted) };
                (answer.into(), Some(descriptor))
            }
            Err(why) => {
                let text = Some(why.to_string());
                (Answer { call, text, ..Answer::refused(Refusal::MemoryFull) }.into(), None)
            }
        }
    }

    async fn end(&mut self, target: &Target) -> Answer {
        let call = match (self.own(target), target) {
            (Some(channel), _) => {
                self.reader.release(self.id, channel);
                self.calls.remove(&channel).map(|carries| carries.call)
            }
            // A call that lost its connection is ended by whoever may take it over.
            (None, Target::Call(call)) => {
                self.engine.attach(self.who(), *call, &self.listener).await.ok().map(|carried| carried.call.id)
            }
            _ => None,
        };
        let Some(call) = call else { return Answer::refused(Refusal::UnknownCall) };
        match self.engine.end(call) {
            Ok((at, seconds)) => {
                let call = Some(call);
                Answer { call, at: Some(at), seconds: Some(seconds), ..Answer::new(Verdict::Accepted) }
            }
            Err(refusal) => Answer::refused(refusal),
        }
    }
}
