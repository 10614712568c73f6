//! A call that goes on where one before it was cut off: what held of that one holds of this one.
//!
//! Belongs here: which states are in force from the first sample on. Does not: how a call begins.

use std::time::Instant;

use tracing::info;

use super::{
    Engine,
    registry::{Entry, State},
};
use crate::{
    call::Moment,
    protocol::{CallStates, Event, Refusal},
};

impl Engine {
    /// Puts in force, at the begin of a call, what is said to have held before it. Returns the names of states that can't be: of two that
    /// exclude each other the one counts by which nothing is held.
    pub(super) fn put_in_force(&self, entry: &Entry, state: &mut State, states: CallStates) -> Vec<String> {
        let mut left_out = Vec::new();
        let Some(call) = state.call.as_mut() else { return left_out };
        let mut put = |asked: bool, name: &str, put: &mut dyn FnMut() -> Result<(), Refusal>| {
            if asked && put().is_err() {
                left_out.push(name.to_owned());
            }
        };
        put(states.private, "private", &mut || call.private().map(drop));
        put(states.masked, "masked", &mut || call.mask(Moment::InOrder).map(drop));
        put(states.on_hold, "on_hold", &mut || call.hold(Moment::InOrder).map(drop));
        // Before the objection: a press that was accepted is not undone by one that came later.
        put(states.recording, "recording", &mut || {
            let (_, commit) = self.record(entry, call, None, Moment::InOrder)?;
            state.pressed = Some(Instant::now());
            state.commit = commit;
            Ok(())
        });
        put(states.objected, "objected", &mut || {
            call.object();
            Ok(())
        });
        if states != CallStates::default() {
            info!(call = %entry.id, ?states, ?left_out, "a call begins with what held before");
        }
        left_out
    }
}

impl State {
    /// Tells whoever carries the call what holds of it now.
    pub(super) fn tell_states(&self, entry: &Entry) {
        if let (Some(call), Some(carrier)) = (&self.call, self.carrier.listener.upgrade()) {
            let (call, agent, states) = (entry.id, call.agent().to_owned(), call.states());
            carrier.tell(&Event::State { call, agent, states });
        }
    }
}
