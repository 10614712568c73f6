//! What the engine tells, as values: an event that is new does not compile here until it is listed.

use retrocall::{
    audio::{Codec, FRAME_SAMPLES_MAX, Leg, Rate},
    protocol::{
        CONTROL_BYTES_MAX, CallId, CallStates, Direction, EndedBy, ErrorCode, Event, FrameError, Limits, LiveCall,
        LiveLeg, LiveState, Origin, Reason, Suspicion, VERSION,
    },
};
use uuid::Uuid;

/// All values of an enum. A variant that is missing from the list does not compile.
macro_rules! every {
    ($type:ident: $($variant:ident $(($inner:expr))? $({ $($field:ident: $value:expr),* })?),* $(,)?) => {{
        let all = vec![$($type::$variant $(($inner))? $({ $($field: $value),* })?),*];
        for one in &all {
            match one {
                $($type::$variant { .. } => {})*
            }
        }
        all
    }};
}

pub fn limits() -> Limits {
    Limits {
        control_bytes: CONTROL_BYTES_MAX,
        frame_samples: FRAME_SAMPLES_MAX,
        rate_hz: [Rate::MIN_HZ, Rate::MAX_HZ],
        grace_ms: 5_000,
        ahead_ms: 60_000,
        calls: 20_000,
    }
}

pub fn events() -> Vec<Event> {
    let (call, text) = (CallId::new(), String::new);
    every!(Event:
        Hello { version: VERSION, engine: text(), agent: Some(text()), limits: limits() },
        Begun { call: call, agent: text(), agent_leg: Uuid::nil(), customer_leg: Uuid::nil() },
        Offered { call: call, agent: text(), to: text() },
        Recording { call: call, agent: Some(text()), reason: Some(Reason::Copy), origin: Some(Origin::CustomerKey) },
        State { call: call, agent: text(), states: CallStates::default() },
        Kept { call: call, path: "/".into(), parts: vec!["/".into()], seconds: 1.0 },
        DiskTrouble { call: call, text: text() },
        DiskWell { call: call },
        MemoryFull { call: call, text: text() },
        FramesRefused { call: Some(call), channel: Some(0), leg: Leg::Agent, error: FrameError::Position, frames: 1, position: Some(0),
            expected: Some(0), text: text() },
        Suspect { call: call, leg: Leg::Agent, suspect: Suspicion::Rate, text: text() },
        Ended { call: call, by: EndedBy::Stopping },
        Stopping,
        Error { error: ErrorCode::Kind, text: text() })
}

pub fn live_call() -> LiveCall {
    let leg = LiveLeg {
        level_dbfs: 0.0,
        frames: 0,
        gaps: 0,
        gap_seconds: 0.0,
        late_frames: 0,
        lost_frames: 0,
        refused_frames: 0,
        suspect: Some(Suspicion::Codec),
    };
    LiveCall {
        call: CallId::new(),
        agent: "anna".into(),
        direction: Direction::Inbound,
        rate: 8_000,
        codec: Codec::Pcm16,
        began: "2026-11-24T10:15:00Z".parse().expect("a time"),
        seconds: 0.0,
        state: LiveState::Live,
        states: CallStates::default(),
        exempt: true,
        held_bytes: Some(0),
        agent_leg: leg,
        customer_leg: leg,
    }
}
