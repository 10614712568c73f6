//! Who is told what happens to a call.

use std::sync::{Arc, Weak};

use parking_lot::Mutex;

use retrocall_words::Event;

/// Somebody who is told of calls. Must not block.
pub trait Listener: Send + Sync {
    /// Something happened.
    fn tell(&self, event: &Event);

    /// Whether its connection is closed by now, and gives back what it carries as soon as all that came has been read.
    fn is_leaving(&self) -> bool {
        false
    }
}

/// Those who are told of one call: whoever began, attached or pressed record for it, while they are there.
#[derive(Default)]
pub(super) struct Listeners {
    known: Mutex<Vec<Weak<dyn Listener>>>,
    /// Those who are kept until all is told.
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

    /// The call is over: those who listen are kept until nothing more is to be told of it, that is, for as long as this lives. A client that
    /// has closed its side of the connection hears the rest.
    pub(super) fn keep(&self) {
        *self.kept.lock() = self.all();
    }

    fn all(&self) -> Vec<Arc<dyn Listener>> {
        self.known.lock().iter().filter_map(Weak::upgrade).collect()
    }
}
