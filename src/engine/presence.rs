//! The open connections, which hear of events for their agent or for everybody.
//!
//! Belongs here: connections by agent. Does not: the listeners of a call (`listener`), how they are told.

use std::{collections::HashMap, sync::Arc};

use parking_lot::Mutex;

use super::Listener;
use retrocall_words::{Event, Principal};

/// The open connections.
#[derive(Default)]
pub(super) struct Presence(Mutex<Connections>);

#[derive(Default)]
struct Connections {
    last: u64,
    all: HashMap<u64, (Vec<String>, Arc<dyn Listener>)>,
}

/// Keeps a connection registered while this lives.
pub struct PresenceGuard {
    presence: Arc<Presence>,
    number: u64,
}

impl Presence {
    pub(super) fn arrive(self: &Arc<Self>, who: &Principal, listener: &Arc<dyn Listener>) -> PresenceGuard {
        let mut connected = self.0.lock();
        connected.last += 1;
        let number = connected.last;
        connected.all.insert(number, (who.agents.clone(), Arc::clone(listener)));
        PresenceGuard { presence: Arc::clone(self), number }
    }

    /// Tells everybody. Returns how many.
    pub(super) fn tell_all(&self, event: &Event) -> usize {
        self.tell(event, |_| true)
    }

    /// Tells the connections of this agent. Returns how many.
    pub(super) fn tell_agent(&self, agent: &str, event: &Event) -> usize {
        self.tell(event, |agents| agents.iter().any(|own| own == agent))
    }

    fn tell(&self, event: &Event, is_meant: impl Fn(&[String]) -> bool) -> usize {
        let connected = self.0.lock();
        let meant = connected.all.values().filter(|(agents, _)| is_meant(agents));
        meant.map(|(_, listener)| listener.tell(event)).count()
    }
}

impl Drop for PresenceGuard {
    fn drop(&mut self) {
        self.presence.0.lock().all.remove(&self.number);
    }
}
