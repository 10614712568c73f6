//! A book in memory, for tests of the engine.

use std::{sync::Arc, time::Duration};

use jiff::civil::Date;
use parking_lot::Mutex;

use retrocall_words::{
    CallId, Customer,
    book::{Book, BookHealth, LeftBehind, Note, Number, OpenBook},
};

/// A book whose clones share their pages.
#[derive(Clone, Default)]
pub(crate) struct MemoryBook(Arc<Mutex<Pages>>);

#[derive(Default)]
struct Pages {
    last_number: u64,
    notes: Vec<Note>,
    /// The numbers of customers who object.
    objecting: Vec<String>,
}

impl MemoryBook {
    /// Opens the book; it has nothing to write.
    pub(crate) fn open(&self) -> OpenBook {
        OpenBook { draw: None, book: Arc::new(self.clone()), write: Box::new(|| ()) }
    }

    /// A customer objects from now on.
    pub(crate) fn object(&self, number: &str) {
        self.0.lock().objecting.push(number.to_owned());
    }

    /// What was handed in, in its order.
    pub(crate) fn notes(&self) -> Vec<Note> {
        self.0.lock().notes.clone()
    }

    /// Whether the recording of this call is kept.
    pub(crate) fn has_kept(&self, call: CallId) -> bool {
        self.0.lock().notes.iter().any(|note| matches!(note, Note::Kept(kept) if kept.of.call().id == call))
    }
}

impl Book for MemoryBook {
    fn reserve(&self, today: Date) -> Number {
        let mut pages = self.0.lock();
        pages.last_number += 1;
        Number { day: today, sequence: Some(pages.last_number) }
    }

    fn form(&self, customer: &Customer) -> Option<Customer> {
        let digits: String = customer.number().chars().filter(|c| !matches!(c, ' ' | '-')).collect();
        (digits.len() >= 7 && digits.bytes().all(|byte| byte.is_ascii_digit())).then(|| Customer::from(digits))
    }

    fn objects(&self, customer: &Customer) -> bool {
        self.0.lock().objecting.iter().any(|number| number == customer.number())
    }

    fn note(&self, note: Note) {
        self.0.lock().notes.push(note);
    }

    fn left_behind(&self, _: Option<Duration>) -> Result<LeftBehind, String> {
        Ok(LeftBehind::default())
    }

    fn health(&self) -> BookHealth {
        BookHealth::default()
    }

    fn look(&self) {}

    fn close(&self, _: Duration) -> bool {
        true
    }

    fn beside(&self) -> Arc<dyn Book> {
        Arc::new(self.clone())
    }
}
