//! A call on the client's side: its channel, its states, and how it goes on after a lost connection or a restart of the engine.
//!
//! Belongs here: begin, attach, and begin again. Does not: audio, when to try again.

use std::{thread, time::Duration};

use super::{Client, ClientError, PlayError};
use retrocall_words::{
    Answer, Ask, Begin, CallId, CallStates, Clock as _, EndedBy, Event, Refusal, Request, SystemClock, Target, Verdict,
};

/// Pause between two tries to reach an engine that is gone.
const RETRY: Duration = Duration::from_millis(200);

/// A call of ours.
#[derive(Debug, Clone)]
pub struct Call {
    /// Its announcement.
    begin: Begin,
    id: CallId,
    channel: u32,
    /// The agent who talks now.
    agent: String,
    states: CallStates,
    /// What ended it, unless we hung up.
    ended_by: Option<EndedBy>,
    /// The calls that it goes on with, the first one first.
    before: Vec<CallId>,
    /// Fields of its announcement that could not be used.
    left_out: Vec<String>,
    /// It is on a line that is never captured.
    exempt: bool,
}

/// How a call goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Return {
    /// It is the same call.
    Attached {
        /// Where its legs go on, agent first, in samples.
        positions: [u64; 2],
    },
    /// The rest of it is another call, whose position 0 is now.
    Continued,
}

impl Call {
    /// Announces it.
    ///
    /// # Errors
    /// [`PlayError`] if the engine refuses it or the connection is gone.
    pub fn begin(client: &mut Client, begin: Begin) -> Result<Call, PlayError> {
        let AnnouncedCall { id, channel, states, left_out, exempt } = announce(client, begin.clone())?;
        let (agent, before) = (begin.facts.agent.clone(), Vec::new());
        Ok(Call { agent, begin, id, channel, states, ended_by: None, before, left_out, exempt })
    }

    /// Takes over a call that lost its connection, by its id alone. Returns where its legs go on, agent first, in samples. The engine does not
    /// tell the customer's number, so if the engine restarts, the rest of the call has none.
    ///
    /// # Errors
    /// [`PlayError`] if the engine refuses it or the connection is gone.
    pub fn attach(client: &mut Client, id: CallId) -> Result<(Call, [u64; 2]), PlayError> {
        let answer = client.ask(Request::new(Target::Call(id), Ask::Attach))?;
        if answer.answer != Verdict::Accepted {
            return Err(PlayError::Refused(Box::new(answer)));
        }
        let Answer { call, agent: Some(agent), channel: Some(channel), positions: Some(positions), .. } = answer else {
            return Err(not_said("whose call it is, and where it goes on"));
        };
        let (Some(rate), Some(codec)) = (answer.rate, answer.codec) else {
            return Err(not_said("the rate and the codec of the call"));
        };
        let (id, states) = (call.unwrap_or(id), answer.states.unwrap_or_default());
        let mut begin = Begin::new(agent.clone(), rate, codec);
        if let Some(announced) = answer.announced {
            begin.facts = announced.of_agent(agent.clone());
        }
        let (before, left_out, exempt) = (Vec::new(), Vec::new(), answer.exempt);
        Ok((Call { agent, begin, id, channel, states, ended_by: None, before, left_out, exempt }, positions))
    }

    /// Its id.
    pub fn id(&self) -> CallId {
        self.id
    }

    /// What it was announced with.
    pub fn announced(&self) -> &Begin {
        &self.begin
    }

    /// Fields of its announcement that could not be used.
    pub fn left_out(&self) -> &[String] {
        &self.left_out
    }

    /// Its number on the connection.
    pub fn channel(&self) -> u32 {
        self.channel
    }

    /// Its states.
    pub fn states(&self) -> CallStates {
        self.states
    }

    /// Whether it is on a line that is never captured: nothing of it is held.
    pub fn is_exempt(&self) -> bool {
        self.exempt
    }

    /// What ended it, if it was not our hangup.
    pub fn ended_by(&self) -> Option<EndedBy> {
        self.ended_by
    }

    /// The calls that it goes on with, the first one first.
    pub fn before(&self) -> &[CallId] {
        &self.before
    }

    /// Takes in an event, unless it is about another call.
    pub fn hear(&mut self, event: &Event) {
        match event {
            Event::State { call, agent, states } if *call == self.id => {
                self.agent.clone_from(agent);
                self.states = *states;
            }
            Event::Ended { call, by } if *call == self.id => self.ended_by = Some(*by),
            _ => {}
        }
    }

    /// Asks something about it.
    ///
    /// # Errors
    /// As [`Client::ask`].
    pub fn ask(&self, client: &mut Client, ask: Ask) -> Result<Answer, ClientError> {
        client.ask(Request::new(Target::Channel(self.channel), ask))
    }

    /// Looks for an engine that is gone, for `patience` at most, and goes on with the call. `heard` gets the events that come meanwhile.
    ///
    /// # Errors
    /// The error of the last try.
    pub fn find_engine(
        &mut self,
        client: &mut Client,
        patience: Duration,
        mut heard: impl FnMut(&Event),
    ) -> Result<Return, PlayError> {
        let deadline = SystemClock.now() + patience;
        // An engine that stops says what it kept, and closes.
        while self.ended_by == Some(EndedBy::Stopping) {
            let left = SystemClock.until(deadline);
            let Ok(Some(event)) = client.next_event(left) else { break };
            heard(&event);
        }
        loop {
            match client.reconnect().map_err(PlayError::from).and_then(|()| self.return_over(client)) {
                Err(_) if SystemClock.now() + RETRY < deadline => thread::sleep(RETRY),
                done => return done,
            }
        }
    }

    /// Goes on with the call over another connection. If the engine does not have it any more, the rest becomes another call with the same
    /// states.
    ///
    /// # Errors
    /// [`PlayError`]: it can be tried again.
    pub fn return_over(&mut self, client: &mut Client) -> Result<Return, PlayError> {
        let answer = client.ask(Request::new(Target::Call(self.id), Ask::Attach))?;
        match (answer.channel, answer.positions, answer.reason) {
            (Some(channel), Some(positions), _) => {
                self.channel = channel;
                self.agent = answer.agent.unwrap_or(std::mem::take(&mut self.agent));
                self.states = answer.states.unwrap_or(self.states);
                Ok(Return::Attached { positions })
            }
            (.., Some(Refusal::UnknownCall | Refusal::Ended)) => {
                self.begin_again(client)?;
                Ok(Return::Continued)
            }
            _ => Err(PlayError::Refused(Box::new(answer))),
        }
    }

    fn begin_again(&mut self, client: &mut Client) -> Result<(), PlayError> {
        let mut begin = Begin { states: self.states, ..self.begin.clone() };
        begin.facts.continues = Some(self.id);
        let mut as_theirs = begin.clone();
        as_theirs.facts.agent.clone_from(&self.agent);
        let AnnouncedCall { id, channel, states, left_out, exempt } = match announce(client, as_theirs) {
            // It had been transferred, and the engine no longer knows that: offer it again.
            Err(PlayError::Refused(answer))
                if answer.reason == Some(Refusal::NotYours) && self.agent != self.begin.facts.agent =>
            {
                let begun = announce(client, begin)?;
                let to = std::mem::replace(&mut self.agent, self.begin.facts.agent.clone());
                client.ask(Request::new(Target::Channel(begun.channel), Ask::Transfer { to }))?;
                begun
            }
            begun => begun?,
        };
        self.before.push(std::mem::replace(&mut self.id, id));
        (self.channel, self.states, self.left_out, self.ended_by) = (channel, states, left_out, None);
        self.exempt = exempt;
        Ok(())
    }
}

/// A call that the engine has taken.
struct AnnouncedCall {
    id: CallId,
    channel: u32,
    states: CallStates,
    left_out: Vec<String>,
    exempt: bool,
}

fn announce(client: &mut Client, begin: Begin) -> Result<AnnouncedCall, PlayError> {
    let said = begin.states;
    let answer = client.ask(Request::new(Target::Own, Ask::Begin(begin)))?;
    match (answer.answer, answer.call, answer.channel) {
        (Verdict::Accepted, Some(id), Some(channel)) => {
            let (states, left_out) = (answer.states.unwrap_or(said), answer.left_out);
            Ok(AnnouncedCall { id, channel, states, left_out, exempt: answer.exempt })
        }
        _ => Err(PlayError::Refused(Box::new(answer))),
    }
}

fn not_said(what: &str) -> PlayError {
    ClientError::NotAnEngine { what: format!("its answer to `attach` does not say {what}") }.into()
}
