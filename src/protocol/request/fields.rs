//! The one JSON object that every request is: which fields it has, and which of them a request needs and may have.
//!
//! Belongs here: from fields to a request and back. Does not: text, its errors.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{Ask, Begin, CallId, CallStates, Direction, Expect, Request, Target};
use crate::{
    audio::{Codec, FRAME_SAMPLES_MAX, Rate},
    protocol,
};

/// The longest stretch that `erase-last` takes: a day.
const ERASE_SECONDS_MAX: f64 = 86_400.0;

/// The JSON object of a request: every field that some request has.
#[derive(Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Fields {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) id: Option<u64>,
    r#do: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    channel: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    call: Option<CallId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    agent: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    customer: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    direction: Option<Direction>,
    #[serde(skip_serializing_if = "Option::is_none")]
    rate: Option<Rate>,
    #[serde(skip_serializing_if = "Option::is_none")]
    codec: Option<Codec>,
    #[serde(skip_serializing_if = "Option::is_none")]
    frame_samples: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    seconds: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    to: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    digit: Option<char>,
    #[serde(skip_serializing_if = "Option::is_none")]
    agent_leg: Option<Uuid>,
    #[serde(skip_serializing_if = "Option::is_none")]
    customer_leg: Option<Uuid>,
    #[serde(skip_serializing_if = "Option::is_none")]
    continues: Option<CallId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    recording: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    masked: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    on_hold: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    private: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    objected: Option<bool>,
}

impl Fields {
    /// Those of a request.
    pub(super) fn of(request: &Request) -> Fields {
        let mut fields = Fields { id: request.id, r#do: request.ask.verb().to_owned(), ..Fields::default() };
        match &request.target {
            Target::Channel(channel) => fields.channel = Some(*channel),
            Target::Call(call) => fields.call = Some(*call),
            Target::Agent(agent) => fields.agent = Some(agent.clone()),
            Target::Own => {}
        }
        match &request.ask {
            Ask::Begin(begin) => {
                fields.agent = Some(begin.agent.clone());
                fields.customer = begin.customer.clone();
                (fields.direction, fields.rate, fields.codec) =
                    (Some(begin.direction), Some(begin.rate), Some(begin.codec));
                fields.go_on(begin.continues, begin.states);
            }
            Ask::Share { frame_samples } => fields.frame_samples = *frame_samples,
            Ask::Expect(expect) => {
                fields.agent = Some(expect.agent.clone());
                fields.customer = expect.customer.clone();
                fields.direction = Some(expect.direction);
                [fields.agent_leg, fields.customer_leg] = expect.legs.map(Some);
                fields.go_on(expect.continues, expect.states);
            }
            Ask::EraseLast { seconds } => fields.seconds = Some(*seconds),
            Ask::Transfer { to } => fields.to = Some(to.clone()),
            Ask::Dtmf { digit } => fields.digit = Some(*digit),
            _ => {}
        }
        fields
    }

    /// What a call that goes on has from the one before. What does not hold need not be said.
    fn go_on(&mut self, continues: Option<CallId>, states: CallStates) {
        let said = |state: bool| state.then_some(true);
        self.continues = continues;
        (self.recording, self.masked, self.on_hold) =
            (said(states.recording), said(states.masked), said(states.on_hold));
        (self.private, self.objected) = (said(states.private), said(states.objected));
    }

    fn take_states(&mut self) -> CallStates {
        let take = |state: &mut Option<bool>| state.take().unwrap_or_default();
        CallStates {
            recording: take(&mut self.recording),
            masked: take(&mut self.masked),
            on_hold: take(&mut self.on_hold),
            private: take(&mut self.private),
            objected: take(&mut self.objected),
        }
    }

    /// The first field that is still here: the request does not have it.
    fn left(&self) -> Option<&'static str> {
        let fields = [
            ("channel", self.channel.is_some()),
            ("call", self.call.is_some()),
            ("agent", self.agent.is_some()),
            ("customer", self.customer.is_some()),
            ("direction", self.direction.is_some()),
            ("rate", self.rate.is_some()),
            ("codec", self.codec.is_some()),
            ("frame_samples", self.frame_samples.is_some()),
            ("seconds", self.seconds.is_some()),
            ("to", self.to.is_some()),
            ("digit", self.digit.is_some()),
            ("agent_leg", self.agent_leg.is_some()),
            ("customer_leg", self.customer_leg.is_some()),
            ("continues", self.continues.is_some()),
            ("recording", self.recording.is_some()),
            ("masked", self.masked.is_some()),
            ("on_hold", self.on_hold.is_some()),
            ("private", self.private.is_some()),
            ("objected", self.objected.is_some()),
        ];
        fields.into_iter().find(|(_, left)| *left).map(|(name, _)| name)
    }

    /// The request that they are, or what is wrong with them.
    pub(super) fn into_request(mut self) -> Result<Request, String> {
        let verb = std::mem::take(&mut self.r#do);
        let ask = self.take_ask(&verb)?;
        let target = match (self.channel.take(), self.call.take(), self.agent.take()) {
            (None, None, None) => Target::Own,
            (Some(channel), None, None) => Target::Channel(channel),
            (None, Some(call), None) => Target::Call(call),
            (None, None, Some(agent)) => Target::Agent(name(agent, "agent")?),
            _ => return Err("more than one of `channel`, `call` and `agent`".to_owned()),
        };
        if matches!(ask, Ask::Begin(_) | Ask::Expect(_) | Ask::Calls | Ask::Status) && target != Target::Own {
            return Err(format!("`{verb}` means no call that is there: leave out `channel`, `call` and `agent`"));
        }
        match self.left() {
            Some(field) => Err(format!("`{verb}` has no field `{field}`")),
            None => Ok(Request { id: self.id, target, ask }),
        }
    }

    fn take_expect(&mut self) -> Result<Expect, String> {
        let needs = |field: &str| format!("`expect` needs the field `{field}`");
        let agent = self.agent.take().ok_or_else(|| needs("agent"))?;
        let legs = [
            self.agent_leg.take().ok_or_else(|| needs("agent_leg"))?,
            self.customer_leg.take().ok_or_else(|| needs("customer_leg"))?,
        ];
        if legs[0] == legs[1] {
            return Err("`agent_leg` and `customer_leg` are the same: each leg has a UUID of its own".to_owned());
        }
        Ok(Expect {
            agent: name(agent, "agent")?,
            customer: self.customer.take().map(|number| name(number, "customer")).transpose()?,
            direction: self.direction.take().unwrap_or_default(),
            legs,
            continues: self.continues.take(),
            states: self.take_states(),
        })
    }

    fn take_ask(&mut self, verb: &str) -> Result<Ask, String> {
        let needs = |field: &str| format!("`{verb}` needs the field `{field}`");
        Ok(match verb {
            "begin" => Ask::Begin(Begin {
                agent: name(self.agent.take().ok_or_else(|| needs("agent"))?, "agent")?,
                customer: self.customer.take().map(|number| name(number, "customer")).transpose()?,
                direction: self.direction.take().unwrap_or_default(),
                rate: self.rate.take().ok_or_else(|| needs("rate"))?,
                codec: self.codec.take().ok_or_else(|| needs("codec"))?,
                continues: self.continues.take(),
                states: self.take_states(),
            }),
            "expect" => Ask::Expect(self.take_expect()?),
            "attach" if self.call.is_none() => return Err(needs("call")),
            "attach" => Ask::Attach,
            "share" => {
                let frame_samples = self.frame_samples.take();
                if frame_samples.is_some_and(|samples| samples == 0 || samples > FRAME_SAMPLES_MAX) {
                    return Err(format!("`frame_samples` must be 1 to {FRAME_SAMPLES_MAX}"));
                }
                Ask::Share { frame_samples }
            }
            "end" => Ask::End,
            "record" => Ask::Record,
            "mask" => Ask::Mask,
            "unmask" => Ask::Unmask,
            "erase-last" => {
                let seconds = self.seconds.take().ok_or_else(|| needs("seconds"))?;
                if !(seconds > 0.0 && seconds <= ERASE_SECONDS_MAX) {
                    return Err("`seconds` must be over 0 and at most a day".to_owned());
                }
                Ask::EraseLast { seconds }
            }
            "hold" => Ask::Hold,
            "resume" => Ask::Resume,
            "private" => Ask::Private,
            "object" => Ask::Object,
            "transfer" => Ask::Transfer { to: name(self.to.take().ok_or_else(|| needs("to"))?, "to")? },
            "dtmf" => {
                let digit = self.digit.take().ok_or_else(|| needs("digit"))?;
                if !matches!(digit, '0'..='9' | '*' | '#' | 'A'..='D') {
                    return Err("`digit` must be one of 0-9, *, #, A-D".to_owned());
                }
                Ask::Dtmf { digit }
            }
            "calls" => Ask::Calls,
            "status" => Ask::Status,
            _ => return Err("`do` names nothing that can be asked for".to_owned()),
        })
    }
}

/// A name, in its one form.
fn name(text: String, field: &str) -> Result<String, String> {
    protocol::name(&text).map_err(|why| format!("`{field}` {why}"))
}
