//! Writes a request, as our own clients do.
//!
//! Belongs here: from a request to JSON. Does not: reading one (`fields`).

use serde_json::{Map, Value, json};

use super::{Ask, Begin, Customer, Expect, InNameOf, Request, Target};

/// The JSON object of a request. Unknown facts, and states that do not hold, are left out.
pub(super) fn object_of(request: &Request) -> Map<String, Value> {
    let target = match &request.target {
        Target::Channel(channel) => json!({"channel": channel}),
        Target::Call(call) => json!({"call": call}),
        Target::Agent(agent) => json!({"agent": agent}),
        Target::Own => Value::Null,
    };
    let number = |customer: &Option<Customer>| json!({"customer": customer.as_ref().map(Customer::number)});
    let more = match &request.ask {
        Ask::Begin(Begin { facts, customer, rate, codec, states }) => {
            vec![json!(facts), number(customer), json!({"rate": rate, "codec": codec}), json!(states)]
        }
        Ask::Expect(Expect { facts, customer, legs: [agent_leg, customer_leg], states }) => {
            let legs = json!({"agent_leg": agent_leg, "customer_leg": customer_leg});
            vec![json!(facts), number(customer), legs, json!(states)]
        }
        Ask::Share { frame_samples, depth_ms } => vec![json!({"frame_samples": frame_samples, "depth_ms": depth_ms})],
        Ask::EraseLast { seconds } => vec![json!({"seconds": seconds})],
        Ask::As(InNameOf::User(user)) => vec![json!({"user": user})],
        Ask::As(InNameOf::Agent(agent)) => vec![json!({"agent": agent})],
        Ask::Transfer { to } => vec![json!({"to": to})],
        Ask::Dtmf { digit, leg } => vec![json!({"digit": digit, "leg": leg})],
        _ => Vec::new(),
    };
    let ago = (request.ago_ms > 0).then_some(request.ago_ms);
    let parts = [json!({"id": request.id, "do": request.ask.verb(), "ago_ms": ago}), target].into_iter().chain(more);
    let fields = parts.flat_map(|part| match part {
        Value::Object(fields) => fields,
        _ => Map::new(),
    });
    fields.filter(|(_, value)| !matches!(value, Value::Null | Value::Bool(false))).collect()
}
