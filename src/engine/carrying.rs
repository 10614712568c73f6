//! Which connection carries a call: how it is lost, and how another one takes over.
//!
//! Belongs here: attach, and the grace of a call without a connection. Does not: sockets; how a call begins and ends.

use std::{sync::Arc, time::Duration};

use tokio::{pin, time::timeout};
use tracing::info;

use super::{
    Engine, Listener,
    life::Carried,
    registry::{Carrier, Entry},
};
use retrocall_core::ring::LegWriter;
use retrocall_words::{CallId, Principal, Refusal, audio::Leg};

/// How long a connection that is closed by now may take to give its call back: its last frames are still being read.
const GIVEN_BACK_MAX: Duration = Duration::from_secs(2);

/// Why a call can't be taken over, now or at all.
enum NotTaken {
    /// Its connection is closed, and has not given it back yet.
    NotYet,
    Refused(Refusal),
}

impl From<Refusal> for NotTaken {
    fn from(refusal: Refusal) -> NotTaken {
        NotTaken::Refused(refusal)
    }
}

impl Engine {
    /// Another connection takes over a call that lost its own. Waits for a connection that is closed by now to give the call back.
    ///
    /// # Errors
    /// [`Refusal::Connected`] while it has one that is alive; [`Refusal::NotYours`], [`Refusal::UnknownCall`], [`Refusal::Ended`].
    pub async fn attach(&self, who: &Principal, id: CallId, listener: &Arc<dyn Listener>) -> Result<Carried, Refusal> {
        let entry = self.registry.get(id)?;
        let given_back = async {
            loop {
                let changed = entry.link_changed.notified();
                pin!(changed);
                // From here on, so that what changes after the look below is not missed.
                changed.as_mut().enable();
                match take_over(who, &entry, listener) {
                    Ok(carried) => return Ok(carried),
                    Err(NotTaken::Refused(refusal)) => return Err(refusal),
                    Err(NotTaken::NotYet) => changed.await,
                }
            }
        };
        timeout(GIVEN_BACK_MAX, given_back).await.unwrap_or(Err(Refusal::Connected))
    }

    /// A connection takes one leg of a call: it is the leg's first one, or its last one is gone.
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

    /// Whoever announced a call that others bring is told of it, as if it carried the call.
    pub fn listen_to(&self, id: CallId, listener: &Arc<dyn Listener>) {
        if let Ok(entry) = self.registry.get(id) {
            entry.listeners.add(listener);
            entry.state.lock().carrier.listener = Arc::downgrade(listener);
        }
    }

    /// The connection that carried a call is lost: the call waits for another one, for the grace time.
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

    /// The connection that brought a leg is lost: the leg waits for another one, for the grace time.
    pub fn leg_lost(&self, id: CallId, leg: Leg, writer: Box<LegWriter>) {
        let Ok(entry) = self.registry.get(id) else { return };
        info!(call = %id, ?leg, grace_ms = self.grace.as_millis() as u64, "the connection of a leg is lost");
        entry.state.lock().slots.give_back(leg, writer, Some(self.clock.now()));
        self.look_after_soon();
    }

    /// The connection that brought a leg says that no more comes. That is hangup if nobody else brings anything: true then.
    pub fn leg_ended(&self, id: CallId, leg: Leg, writer: Box<LegWriter>) -> bool {
        let Ok(entry) = self.registry.get(id) else { return true };
        let mut state = entry.state.lock();
        state.slots.give_back(leg, writer, None);
        let is_over = state.is_over(self.clock.now(), self.grace);
        drop(state);
        if is_over {
            // Refused if the engine has ended it before: then it is over all the same.
            let _ = self.end(id);
        }
        is_over
    }
}

fn take_over(who: &Principal, entry: &Entry, listener: &Arc<dyn Listener>) -> Result<Carried, NotTaken> {
    let mut state = entry.state.lock();
    let call = state.call.as_ref().ok_or(Refusal::Ended)?;
    // Whoever carried it may go on doing so, although somebody else talks by now.
    if !who.may_act_for(call.agent()) && state.carrier.who != who.id {
        return Err(Refusal::NotYours.into());
    }
    if state.pressable_until.is_some() {
        return Err(Refusal::Ended.into());
    }
    let writers = match state.slots.take_all() {
        Some(writers) => writers,
        None if state.carrier.is_leaving_to(listener) => return Err(NotTaken::NotYet),
        None => return Err(Refusal::Connected.into()),
    };
    entry.listeners.add(listener);
    state.carrier = Carrier::new(who, listener);
    info!(call = %entry.id, "the call has a connection again");
    Ok(entry.carried(&state, writers, Vec::new()))
}
