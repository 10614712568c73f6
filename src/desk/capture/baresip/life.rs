//! Turns baresip's messages into the steps of calls.
//!
//! Belongs here: events and lists of calls in, steps out. Does not: connections, the engine.
//!
//! Seen on the wire with baresip 1.0: `id` is the SIP Call-ID. Hold has no event, only the words `(on hold)` in the list of calls of the
//! phone that holds. A transfer closes the call, and another one begins for the person who is transferred.

use serde::Deserialize;

use retrocall_words::{AGENT_CHARS_MAX, Direction, name};

/// Calls at once at most: no person's phone has more.
const CALLS_MAX: usize = 32;

/// A message of baresip's `ctrl_tcp`: an event, or the response to a command.
#[derive(Deserialize, Default)]
#[serde(default)]
pub(super) struct PhoneMessage {
    event: bool,
    #[serde(rename = "type")]
    kind: String,
    direction: String,
    peeruri: String,
    id: String,
    param: String,
    response: bool,
    data: String,
    /// The token of the command.
    pub(super) token: String,
}

/// A step of a call, which is named by a number of ours.
#[derive(Clone, PartialEq)]
pub(super) enum Step {
    /// A call rings.
    Ring(u32),
    /// People talk.
    Begin {
        call: u32,
        /// The customer's number, as the phone has it.
        customer: Option<String>,
        direction: Direction,
    },
    /// The agent lets the customer wait.
    Hold(u32),
    Resume(u32),
    /// The customer pressed a key.
    Dtmf(u32, char),
    End(u32),
}

impl Step {
    /// Its name, without customer data.
    pub(super) fn name(&self) -> &'static str {
        match self {
            Step::Ring(_) => "ring",
            Step::Begin { .. } => "begin",
            Step::Hold(_) => "hold",
            Step::Resume(_) => "resume",
            Step::Dtmf(..) => "dtmf",
            Step::End(_) => "end",
        }
    }
}

/// The calls of one phone.
#[derive(Default)]
pub(super) struct Life {
    calls: Vec<Call>,
    last: u32,
}

struct Call {
    number: u32,
    /// The SIP Call-ID; none for a call that was there before us.
    id: Option<String>,
    peer: String,
    talking: bool,
    held: bool,
}

impl Life {
    /// Whether people talk; hold has to be asked for then.
    pub(super) fn anyone_talks(&self) -> bool {
        self.calls.iter().any(|call| call.talking)
    }

    /// Takes in a message, and skips what it does not know.
    pub(super) fn hear(&mut self, message: &PhoneMessage) -> Vec<Step> {
        match message.kind.as_str() {
            _ if !message.event => Vec::new(),
            "CALL_INCOMING" | "CALL_RINGING" | "CALL_PROGRESS" => self.ring(message),
            "CALL_ESTABLISHED" => self.begin(message),
            "CALL_DTMF_START" => self.dtmf(message),
            "CALL_CLOSED" => self.end(message),
            _ => Vec::new(),
        }
    }

    /// Whether this message can mean that a call was put on hold, or taken off it.
    pub(super) fn may_be_hold(message: &PhoneMessage) -> bool {
        message.event && matches!(message.kind.as_str(), "CALL_REMOTE_SDP" | "CALL_LOCAL_SDP")
    }

    /// Takes in the answer to `listcalls`. On a new connection (`anew`) it also tells which calls there are.
    pub(super) fn list(&mut self, message: &PhoneMessage, anew: bool) -> Vec<Step> {
        if !message.response {
            return Vec::new();
        }
        let listed: Vec<ListEntry> = message.data.lines().filter_map(listed).take(CALLS_MAX).collect();
        let mut steps = Vec::new();
        if anew {
            let (here, gone): (Vec<Call>, _) =
                self.calls.drain(..).partition(|call| listed.iter().any(|listed| listed.peer == call.peer));
            self.calls = here;
            steps.extend(gone.iter().map(|call| Step::End(call.number)));
        }
        let mut taken: Vec<u32> = Vec::new();
        for listed in listed.iter().filter(|listed| listed.talking) {
            let known = self.calls.iter().position(|call| call.peer == listed.peer && !taken.contains(&call.number));
            let index = match known {
                Some(index) => index,
                // A call that is only on the list was there before us.
                None if anew => match self.add(None, &listed.peer) {
                    Some(index) => index,
                    None => continue,
                },
                None => continue,
            };
            let call = &mut self.calls[index];
            taken.push(call.number);
            if !call.talking && anew {
                call.talking = true;
                // The list does not say who called whom.
                let customer = customer(&call.peer);
                steps.push(Step::Begin { call: call.number, customer, direction: Direction::Inbound });
            }
            if call.talking && call.held != listed.held {
                call.held = listed.held;
                steps.push(if listed.held { Step::Hold(call.number) } else { Step::Resume(call.number) });
            }
        }
        steps
    }

    /// The phone is gone, and all its calls with it.
    pub(super) fn gone(&mut self) -> Vec<Step> {
        self.calls.drain(..).map(|call| Step::End(call.number)).collect()
    }

    fn find(&self, message: &PhoneMessage) -> Option<usize> {
        let by_id = self.calls.iter().position(|call| call.id.as_ref() == Some(&message.id));
        by_id.or_else(|| self.calls.iter().position(|call| call.id.is_none() && call.peer == message.peeruri))
    }

    fn add(&mut self, id: Option<String>, peer: &str) -> Option<usize> {
        if self.calls.len() == CALLS_MAX {
            return None;
        }
        self.last += 1;
        self.calls.push(Call { number: self.last, id, peer: peer.to_owned(), talking: false, held: false });
        Some(self.calls.len() - 1)
    }

    fn ring(&mut self, message: &PhoneMessage) -> Vec<Step> {
        match self.find(message) {
            Some(_) => Vec::new(),
            None => {
                let added = self.add(Some(message.id.clone()), &message.peeruri);
                added.map(|index| Step::Ring(self.calls[index].number)).into_iter().collect()
            }
        }
    }

    fn begin(&mut self, message: &PhoneMessage) -> Vec<Step> {
        let index = self.find(message).or_else(|| self.add(Some(message.id.clone()), &message.peeruri));
        let Some(call) = index.map(|index| &mut self.calls[index]).filter(|call| !call.talking) else {
            return Vec::new();
        };
        call.talking = true;
        let direction = if message.direction == "outgoing" { Direction::Outbound } else { Direction::Inbound };
        vec![Step::Begin { call: call.number, customer: customer(&message.peeruri), direction }]
    }

    fn dtmf(&self, message: &PhoneMessage) -> Vec<Step> {
        let mut digits = message.param.chars().filter(|digit| matches!(digit, '0'..='9' | '*' | '#' | 'A'..='D'));
        let call = self.find(message).map(|index| &self.calls[index]).filter(|call| call.talking);
        match (call, digits.next()) {
            (Some(call), Some(digit)) => vec![Step::Dtmf(call.number, digit)],
            _ => Vec::new(),
        }
    }

    fn end(&mut self, message: &PhoneMessage) -> Vec<Step> {
        self.find(message).map(|index| Step::End(self.calls.remove(index).number)).into_iter().collect()
    }
}

/// A call on the list.
#[derive(Debug, PartialEq)]
struct ListEntry {
    peer: String,
    talking: bool,
    held: bool,
}

/// A line of `listcalls`, if it is one of a call: `> [line 1]  0:00:01  ESTABLISHED  (on hold)  sip:customer@host`.
fn listed(line: &str) -> Option<ListEntry> {
    let (_, rest) = line.split_once("[line ")?.1.split_once(']')?;
    let mut words = rest.split_whitespace();
    let (_duration, state) = (words.next()?, words.next()?);
    let peer = words.next_back()?.to_owned();
    Some(ListEntry { peer, talking: state == "ESTABLISHED", held: line.contains("(on hold)") })
}

/// The customer's number of a SIP address: what stands before the host, or all of it.
fn customer(peer: &str) -> Option<String> {
    let address = peer.split_once(':').map_or(peer, |(_, address)| address);
    let user = address.split_once('@').map_or(address, |(user, _)| user);
    let user: String = user.chars().take(AGENT_CHARS_MAX).collect();
    name(&user).ok()
}

#[cfg(test)]
mod tests;
