//! Who is connected, to be told of what concerns their agent, or everybody.
//!
//! Belongs here: connections by the agents that they are. Does not: who is told of a call (`listener`), how.

use std::{collections::HashMap, sync::Arc};

use parking_lot::Mutex;

use super::Listener;
use retrocall_words::{Event, Principal};

/// Those who are connected.
#[derive(Default)]
pub(super) struct Presence(Mutex<Connected>);

#[derive(Default)]
struct Connected {
    last: u64,
    all: HashMap<u64, (Vec<String>, Arc<dyn Listener>)>,
}

/// A connection, for as long as this lives.
pub struct Present {
    presence: Arc<Presence>,
    number: u64,
}

impl Presence {
    pub(super) fn arrive(self: &Arc<Self>, who: &Principal, listener: &Arc<dyn Listener>) -> Present {
        let mut connected = self.0.lock();
        connected.last += 1;
        let number = connected.last;
        connected.all.insert(number, (who.agents.clone(), Arc::clone(listener)));
        Present { presence: Arc::clone(self), number }
    }

    /// Tells everybody. Returns how many that are.
    pub(super) fn tell_all(&self, event: &Event) -> usize {
        self.tell(event, |_| true)
    }

    /// Tells those who are this agent. Returns how many that are.
    pub(super) fn tell_agent(&self, agent: &str, event: &Event) -> usize {
        self.tell(event, |agents| agents.iter().any(|own| own == agent))
    }

    fn tell(&self, event: &Event, is_meant: impl Fn(&[String]) -> bool) -> usize {
        let connected = self.0.lock();
        let meant = connected.all.values().filter(|(agents, _)| is_meant(agents));
        meant.map(|(_, listener)| listener.tell(event)).count()
    }
}

impl Drop for Present {
    fn drop(&mut self) {
        self.presence.0.lock().all.remove(&self.number);
    }
}
