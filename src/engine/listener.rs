//! Listeners: who is told what happens to a call.

use std::sync::{Arc, Weak};

use parking_lot::Mutex;

use retrocall_words::Event;

/// Is told of calls. Must not block.
pub trait Listener: Send + Sync {
    /// Something happened.
    fn tell(&self, event: &Event);

    /// Whether its connection is closed, and will give its calls back once all received frames are read.
    fn is_leaving(&self) -> bool {
        false
    }
}

/// The listeners of one call: those who began it, attached to it or pressed record, while they are connected.
#[derive(Default)]
pub(super) struct Listeners {
    known: Mutex<Vec<Weak<dyn Listener>>>,
    /// Listeners that are kept alive until they have heard everything.
    kept: Mutex<Vec<Arc<dyn Listener>>>,
}

impl Listeners {
    pub(super) fn add(&self, listener: &Arc<dyn Listener>) {
        let mut all = self.known.lock();
        all.retain(|known| known.strong_count() > 0);
        let new = Arc::downgrade(listener);
        if !all.iter().any(|known| Weak::ptr_eq(known, &new)) {
            all.push(new);
        }
    }

    pub(super) fn tell(&self, event: &Event) {
        self.all().iter().for_each(|listener| listener.tell(event));
    }

    /// Keeps the listeners of an ended call alive while this lives, so that they hear the rest. A client may have closed its side of the
    /// connection.
    pub(super) fn keep(&self) {
        *self.kept.lock() = self.all();
    }

    fn all(&self) -> Vec<Arc<dyn Listener>> {
        self.known.lock().iter().filter_map(Weak::upgrade).collect()
    }
}
