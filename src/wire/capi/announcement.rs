//! Reads the options with which C announces a call.

use crate::{
    engine_link::{EngineLink, Room},
    text::{bytes, text},
    types::*,
};
use retrocall_words as words;
use retrocall_words::{
    Begin, CallStates, Customer, Direction, Facts, SHARED_DEPTH_MS_MAX, SHARED_DEPTH_MS_MIN,
    audio::{Codec, FRAME_SAMPLES_MAX, Rate},
};

/// An announcement.
pub struct Announcement {
    /// For the engine.
    pub begin: Begin,
    /// For its frames.
    pub room: Room,
    /// Options that can't be used: only agent, rate and codec can keep a call from being captured.
    pub left_out: Vec<String>,
}

impl Announcement {
    /// Reads these options.
    ///
    /// # Errors What is wrong with agent, rate or codec: without these no call is captured.
    pub fn of(options: &retrocall_options, link: &EngineLink) -> Result<Announcement, String> {
        let agent = match options.agent.is_null() {
            true => link.own_agent().ok_or("no agent is named, and this user may act for all of them: set `agent`")?,
            false => text(options.agent).ok_or("`agent` is not UTF-8")?,
        };
        let agent = words::name(&agent).map_err(|why| format!("`agent` {why}"))?;
        let rate =
            Rate::new(options.rate).ok_or_else(|| format!("`rate` must be {} to {} Hz", Rate::MIN_HZ, Rate::MAX_HZ))?;
        let codec = codec_of(options.codec).ok_or_else(|| {
            let names = Codec::ALL.map(|codec| format!("RETROCALL_{}", codec.as_str().to_uppercase()));
            format!("`codec` is one of {}", names.join(", "))
        })?;
        let (room, mut left_out) = room_of(options);
        let mut leave_out = |name: &str| left_out.push(name.to_owned());
        let is_said = |from| bytes(from).is_some_and(|bytes| !bytes.is_empty());
        let customer = text(options.customer).filter(|customer| !customer.is_empty());
        if customer.is_none() && is_said(options.customer) {
            leave_out("customer");
        }
        let continues = text(options.continues).and_then(|id| id.parse().ok());
        if continues.is_none() && is_said(options.continues) {
            leave_out("continues");
        }
        let direction = match options.direction {
            RETROCALL_INBOUND => Direction::Inbound,
            RETROCALL_OUTBOUND => Direction::Outbound,
            _ => {
                leave_out("direction");
                Direction::Inbound
            }
        };
        let informed = informed_of(options.informed).unwrap_or_else(|| {
            leave_out("informed");
            None
        });
        let states = CallStates {
            recording: options.recording != 0,
            masked: options.masked != 0,
            on_hold: options.on_hold != 0,
            private: options.private_ != 0,
            objected: options.objected != 0,
            copy: options.copy != 0,
        };
        let facts = Facts { direction, continues, informed, ..Facts::of(agent) };
        let begin = Begin { facts, customer: customer.map(Customer::from), rate, codec, states };
        Ok(Announcement { begin, room, left_out })
    }
}

/// The room asked for, and options that can't be used.
pub fn room_of(options: &retrocall_options) -> (Room, Vec<String>) {
    let (frame_samples, depth_ms) = (options.frame_samples as usize, options.depth_ms);
    let mut left_out = Vec::new();
    let mut used = |name: &str, is_said: bool, fits: bool| {
        if is_said && !fits {
            left_out.push(name.to_owned());
        }
        is_said && fits
    };
    let room = Room {
        frame_samples: used("frame_samples", frame_samples > 0, frame_samples <= FRAME_SAMPLES_MAX)
            .then_some(frame_samples),
        depth_ms: used("depth_ms", depth_ms > 0, (SHARED_DEPTH_MS_MIN..=SHARED_DEPTH_MS_MAX).contains(&depth_ms))
            .then_some(depth_ms),
    };
    (room, left_out)
}
