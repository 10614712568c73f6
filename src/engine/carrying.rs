//! How a connection loses a call, and how another one takes it over.
//!
//! Belongs here: attach, and the grace of a call without a connection. Does not: sockets; how a call begins and ends.

use std::{sync::Arc, time::Duration};

use tokio::{pin, time::timeout};
use tracing::info;

use super::{
    Engine, Listener,
    life::Handover,
    registry::{Carrier, Entry},
};
use retrocall_core::ring::LegWriter;
use retrocall_words::{CallId, Principal, Refusal, audio::Leg};

/// How long a closed connection may take to give its call back: its last frames are still being read.
const GIVEN_BACK_MAX: Duration = Duration::from_secs(2);

/// Why a connection can't take over a call, now or at all.
enum TakeOverError {
    /// The call's connection is closed, but has not given the call back yet.
    NotYet,
    Refused(Refusal),
}

impl From<Refusal> for TakeOverError {
    fn from(refusal: Refusal) -> TakeOverError {
        TakeOverError::Refused(refusal)
    }
}

impl Engine {
    /// Hands a call that lost its connection to another one. If that connection is closed already, waits until it has given the call back.
    ///
    /// # Errors [`Refusal::Connected`] while the call's connection is alive; [`Refusal::NotYours`], [`Refusal::UnknownCall`], [`Refusal::Ended`].
    pub async fn attach(&self, who: &Principal, id: CallId, listener: &Arc<dyn Listener>) -> Result<Handover, Refusal> {
        let entry = self.registry.get(id)?;
        let given_back = async {
            loop {
                let changed = entry.link_changed.notified();
                pin!(changed);
                // Listen from here on, so that no change after the look below is missed.
                changed.as_mut().enable();
                match take_over(who, &entry, listener) {
                    Ok(carried) => return Ok(carried),
                    Err(TakeOverError::Refused(refusal)) => return Err(refusal),
                    Err(TakeOverError::NotYet) => changed.await,
                }
            }
        };
        timeout(GIVEN_BACK_MAX, given_back).await.unwrap_or(Err(Refusal::Connected))
    }

    /// A connection takes one leg of a call. The leg is new, or its last connection is gone.
    ///
    /// # Errors
    /// [`Refusal::Connected`] while another connection has the leg; [`Refusal::UnknownCall`], [`Refusal::Ended`].
    pub fn take_leg(&self, id: CallId, leg: Leg) -> Result<Box<LegWriter>, Refusal> {
        let entry = self.registry.get(id)?;
        let mut state = entry.state.lock();
        if state.pressable_until.is_some() {
            return Err(Refusal::Ended);
        }
        state.slots.take(leg).ok_or(Refusal::Connected)
    }

    /// Tells this listener of a call that others bring, as if it carried the call. It announced the call.
    pub fn listen_to(&self, id: CallId, listener: &Arc<dyn Listener>) {
        if let Ok(entry) = self.registry.get(id) {
            entry.listeners.add(listener);
            entry.state.lock().carrier.listener = Arc::downgrade(listener);
        }
    }

    /// The connection that carried a call is lost. The call waits for another one, for the grace time.
    pub fn connection_lost(&self, id: CallId, writers: Box<[LegWriter; 2]>) {
        let Ok(entry) = self.registry.get(id) else { return };
        info!(call = %id, grace_ms = self.grace.as_millis() as u64, "the connection of a call is lost");
        let lost_at = Some(self.clock.now());
        let mut state = entry.state.lock();
        for (leg, writer) in Leg::ALL.into_iter().zip(*writers) {
            state.slots.give_back(leg, Box::new(writer), lost_at);
        }
        entry.link_changed.notify_waiters();
        drop(state);
        self.look_after_soon();
    }

    /// The connection that brought a leg is lost. The leg waits for another one, for the grace time.
    pub fn leg_lost(&self, id: CallId, leg: Leg, writer: Box<LegWriter>) {
        let Ok(entry) = self.registry.get(id) else { return };
        info!(call = %id, ?leg, grace_ms = self.grace.as_millis() as u64, "the connection of a leg is lost");
        entry.state.lock().slots.give_back(leg, writer, Some(self.clock.now()));
        self.look_after_soon();
    }

    /// The connection that brought a leg announces its end. If nobody else brings anything, that is hangup, and this returns true.
    pub fn leg_ended(&self, id: CallId, leg: Leg, writer: Box<LegWriter>) -> bool {
        let Ok(entry) = self.registry.get(id) else { return true };
        let mut state = entry.state.lock();
        state.slots.give_back(leg, writer, None);
        let is_over = state.is_over(self.clock.now(), self.grace);
        drop(state);
        if is_over {
            // The engine may have ended the call before: it is over either way.
            let _ = self.end(id);
        }
        is_over
    }
}

fn take_over(who: &Principal, entry: &Entry, listener: &Arc<dyn Listener>) -> Result<Handover, TakeOverError> {
    let mut state = entry.state.lock();
    let call = state.call.as_ref().ok_or(Refusal::Ended)?;
    // The user who carried the call may go on doing so, although another agent talks by now.
    if !who.may_act_for(call.agent()) && state.carrier.who != who.id {
        return Err(Refusal::NotYours.into());
    }
    if state.pressable_until.is_some() {
        return Err(Refusal::Ended.into());
    }
    let writers = match state.slots.take_all() {
        Some(writers) => writers,
        None if state.carrier.is_leaving_to(listener) => return Err(TakeOverError::NotYet),
        None => return Err(Refusal::Connected.into()),
    };
    entry.listeners.add(listener);
    state.carrier = Carrier::new(who, listener);
    info!(call = %entry.id, "the call has a connection again");
    Ok(entry.handover(&state, writers, Vec::new()))
}
