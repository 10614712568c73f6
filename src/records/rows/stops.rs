//! Places at which a test holds a session: before statements of a transaction that others could come between.

use std::{
    cell::{Cell, RefCell},
    sync::Arc,
};

/// Who holds sessions.
pub(crate) trait Stops: Send + Sync {
    /// A session is open; this is the server's number of it.
    fn opened(&self, pid: i32);
    /// A session is about to do this: it goes on when this returns.
    fn before(&self, statement: &str);
}

thread_local! {
    static STOPS: RefCell<Option<Arc<dyn Stops>>> = const { RefCell::new(None) };
    /// A transaction has begun, and has seen nothing yet.
    static IS_NEW: Cell<bool> = const { Cell::new(false) };
}

/// From now on the sessions of this thread are held by this.
pub(crate) fn hold(stops: Option<Arc<dyn Stops>>, pid: i32) {
    if let Some(stops) = &stops {
        stops.opened(pid);
    }
    STOPS.set(stops);
}

/// A transaction begins.
pub(super) fn begun() {
    IS_NEW.set(true);
}

/// A statement is about to be done. Where a transaction looks first, what it changes, and its end are places to be held at; of the rows that it
/// adds to the ledger, which no other can be about, only the end of the chain.
pub(super) fn before(statement: &str) {
    let changes = ["INSERT", "UPDATE", "DELETE", "COMMIT"].iter().any(|word| statement.trim_start().starts_with(word));
    let is_own = ["INTO ledger_salts", "INTO ledger_rows"].iter().any(|table| statement.contains(table));
    if IS_NEW.replace(false) || changes && !is_own {
        let stops = STOPS.with_borrow(Clone::clone);
        if let Some(stops) = stops {
            stops.before(statement);
        }
    }
}
