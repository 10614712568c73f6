//! Calls of ours over the socket. Every request must be accepted, or nothing can be measured.

use super::{Trouble, sounds::FRAME_SAMPLES};
use retrocall_client::client::{Client, ClientError, SharedLeg};
use retrocall_words::{
    Answer, Ask, Begin, Request, Status, Target, Verdict,
    audio::{Codec, Rate},
};

impl From<ClientError> for Trouble {
    fn from(error: ClientError) -> Trouble {
        Trouble::new(error)
    }
}

/// Sends a request that must be accepted.
pub(super) fn ask(client: &mut Client, target: Target, ask: Ask) -> Result<Answer, Trouble> {
    let answer = client.ask(Request::new(target, ask))?;
    match answer.answer {
        Verdict::Refused => Err(Trouble::new(answer.text.unwrap_or_else(|| "the engine refused".to_owned()))),
        _ => Ok(answer),
    }
}

/// Begins a call of 8 kHz. Returns its channel.
pub(super) fn begin(client: &mut Client, agent: &str) -> Result<u32, Trouble> {
    let begin = Begin::new(agent, Rate::new(8_000).expect("a rate"), Codec::Pcm16);
    let answer = ask(client, Target::Own, Ask::Begin(begin))?;
    answer.channel.ok_or_else(|| Trouble::new("the engine gave no channel"))
}

/// Gets memory for the frames of a call: its legs, agent first.
pub(super) fn share(client: &mut Client, channel: u32) -> Result<[SharedLeg; 2], Trouble> {
    client
        .share(channel, Some(FRAME_SAMPLES), None)?
        .map_err(|answer| Trouble::new(answer.text.unwrap_or_else(|| "the engine shares no memory".to_owned())))
}

/// The engine's status.
pub(super) fn status(client: &mut Client) -> Result<Status, Trouble> {
    ask(client, Target::Own, Ask::Status)?.status.ok_or_else(|| Trouble::new("the engine gave no status"))
}
