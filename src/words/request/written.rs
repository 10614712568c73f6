//! A request as our own clients write it.
//!
//! Belongs here: from a request to JSON. Does not: reading one (`fields`).

use serde::Serialize;
use uuid::Uuid;

use super::{Ask, CallId, CallStates, Customer, Facts, Request, Target};
use crate::{
    Direction,
    audio::{Codec, Rate},
};

/// The JSON object of a request, as our own clients write it: every field that some request has.
#[derive(Default, Serialize)]
pub(super) struct Written<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<u64>,
    r#do: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    channel: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    call: Option<CallId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    agent: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    customer: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    direction: Option<Direction>,
    #[serde(skip_serializing_if = "Option::is_none")]
    rate: Option<Rate>,
    #[serde(skip_serializing_if = "Option::is_none")]
    codec: Option<Codec>,
    #[serde(skip_serializing_if = "Option::is_none")]
    frame_samples: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    depth_ms: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    seconds: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    to: Option<&'a str>,
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

impl<'a> Written<'a> {
    /// The fields of a request.
    pub(super) fn of(request: &'a Request) -> Written<'a> {
        let mut fields = Written { id: request.id, r#do: request.ask.verb().as_str(), ..Written::default() };
        match &request.target {
            Target::Channel(channel) => fields.channel = Some(*channel),
            Target::Call(call) => fields.call = Some(*call),
            Target::Agent(agent) => fields.agent = Some(agent),
            Target::Own => {}
        }
        match &request.ask {
            Ask::Begin(begin) => {
                (fields.rate, fields.codec) = (Some(begin.rate), Some(begin.codec));
                fields.announce(&begin.facts, begin.customer.as_ref(), begin.states);
            }
            Ask::Share { frame_samples, depth_ms } => {
                (fields.frame_samples, fields.depth_ms) = (*frame_samples, *depth_ms);
            }
            Ask::Expect(expect) => {
                [fields.agent_leg, fields.customer_leg] = expect.legs.map(Some);
                fields.announce(&expect.facts, expect.customer.as_ref(), expect.states);
            }
            Ask::EraseLast { seconds } => fields.seconds = Some(*seconds),
            Ask::Transfer { to } => fields.to = Some(to),
            Ask::Dtmf { digit } => fields.digit = Some(*digit),
            _ => {}
        }
        fields
    }

    /// What is said of a call. Of the states what does not hold need not be said.
    fn announce(&mut self, facts: &'a Facts, customer: Option<&'a Customer>, states: CallStates) {
        (self.agent, self.customer) = (Some(facts.agent.as_str()), customer.map(Customer::number));
        (self.direction, self.continues) = (Some(facts.direction), facts.continues);
        let said = |state: bool| state.then_some(true);
        (self.recording, self.masked, self.on_hold) =
            (said(states.recording), said(states.masked), said(states.on_hold));
        (self.private, self.objected) = (said(states.private), said(states.objected));
    }
}
