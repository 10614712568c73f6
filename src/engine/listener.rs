//! Who is told what happens to a call.

use std::sync::{Arc, Weak};

use parking_lot::Mutex;

use crate::protocol::Event;

/// Somebody who is told of calls. Must not block.
pub trait Listener: Send + Sync {
    /// Something happened.
    fn tell(&self, event: &Event);
}

/// Those who are told of one call: whoever began, attached or pressed record for it, while they are there.
#[derive(Default)]
pub(super) struct Listeners(Mutex<Vec<Weak<dyn Listener>>>);

impl Listeners {
    pub(super) fn add(&self, listener: &Arc<dyn Listener>) {
        let mut all = self.0.lock();
        all.retain(|known| known.strong_count() > 0);
        let new = Arc::downgrade(listener);
        if !all.iter().any(|known| Weak::ptr_eq(known, &new)) {
            all.push(new);
        }
    }

    pub(super) fn tell(&self, event: &Event) {
        let all: Vec<_> = self.0.lock().iter().filter_map(Weak::upgrade).collect();
        all.iter().for_each(|listener| listener.tell(event));
    }
}
