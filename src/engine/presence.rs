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
    all: HashMap<u64, Connected>,
    /// The numbers of each agent's connections: a press looks only at these, however many others there are.
    of_agents: HashMap<String, Vec<u64>>,
}

struct Connected {
    agents: Vec<String>,
    listener: Arc<dyn Listener>,
}

impl Connections {
    fn of_agent(&self, agent: &str) -> impl Iterator<Item = &Arc<dyn Listener>> {
        let numbers = self.of_agents.get(agent).map(Vec::as_slice).unwrap_or_default();
        numbers.iter().filter_map(|number| self.all.get(number)).map(|connected| &connected.listener)
    }
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
        for agent in &who.agents {
            connected.of_agents.entry(agent.clone()).or_default().push(number);
        }
        connected.all.insert(number, Connected { agents: who.agents.clone(), listener: Arc::clone(listener) });
        PresenceGuard { presence: Arc::clone(self), number }
    }

    /// Tells everybody. Returns how many.
    pub(super) fn tell_all(&self, event: &Event) -> usize {
        self.0.lock().all.values().map(|connected| connected.listener.tell(event)).count()
    }

    /// Tells the connections of this agent. Returns how many.
    pub(super) fn tell_agent(&self, agent: &str, event: &Event) -> usize {
        self.0.lock().of_agent(agent).map(|listener| listener.tell(event)).count()
    }

    /// The connections of this agent.
    pub(super) fn of_agent(&self, agent: &str) -> Vec<Arc<dyn Listener>> {
        self.0.lock().of_agent(agent).cloned().collect()
    }
}

impl Drop for PresenceGuard {
    fn drop(&mut self) {
        let mut connected = self.presence.0.lock();
        let Some(gone) = connected.all.remove(&self.number) else { return };
        for agent in gone.agents {
            if let Some(numbers) = connected.of_agents.get_mut(&agent) {
                numbers.retain(|number| *number != self.number);
                if numbers.is_empty() {
                    connected.of_agents.remove(&agent);
                }
            }
        }
    }
}
