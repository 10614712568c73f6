//! The lines of which nothing is ever held: the works council's, the confidential adviser's, internal ones.
//!
//! Belongs here: which calls are on them. Does not: which spellings are one number (the records know), what follows for the call.

use std::collections::HashSet;

use retrocall_words::{Customer, book::Book};

/// Lines that are never captured, by numbers and by names.
pub(super) struct NeverCaptured {
    /// As they are written in the settings, which is how names are told.
    given: HashSet<String>,
    /// The one form of each number among them.
    forms: HashSet<String>,
}

impl NeverCaptured {
    /// The lines of the settings. The book knows their one form; where there are none it is not asked.
    pub(super) fn new(lines: &[String], book: &dyn Book) -> NeverCaptured {
        let form = |line: &String| book.form(&Customer::from(line.as_str())).map(|form| form.number().to_owned());
        NeverCaptured { given: lines.iter().cloned().collect(), forms: lines.iter().filter_map(form).collect() }
    }

    /// Whether this agent's line is one of them.
    pub(super) fn has_agent(&self, agent: &str) -> bool {
        self.given.contains(agent)
    }

    /// Whether this customer's line is one of them, in whatever spelling.
    pub(super) fn has_customer(&self, customer: &Customer, book: &dyn Book) -> bool {
        let is_of_form = || book.form(customer).is_some_and(|form| self.forms.contains(form.number()));
        self.given.contains(customer.number()) || !self.forms.is_empty() && is_of_form()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::memory_book::MemoryBook;

    #[test]
    fn a_line_is_known_by_its_number_in_any_spelling_and_by_its_name_as_it_is_given() {
        let book = MemoryBook::default();
        let lines = ["020 555 0199", "204", "works-council"].map(str::to_owned);
        let never = NeverCaptured::new(&lines, &book);
        for number in ["020 555 0199", "0205550199", "020-5550199", "204", "works-council"] {
            assert!(never.has_customer(&number.into(), &book), "{number}");
        }
        for number in ["0205550198", "2040", "20", "Works-council", "sip:204@pbx"] {
            assert!(!never.has_customer(&number.into(), &book), "{number}");
        }
        assert!(never.has_agent("works-council") && !never.has_agent("anna"));
        let none = NeverCaptured::new(&[], &book);
        assert!(!none.has_customer(&"204".into(), &book) && !none.has_agent("204"));
    }
}
