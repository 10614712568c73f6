//! What the engine does beside each sweep: it writes down what the desk does, lets go of what nobody can hear, and says once a day in the log what is
//! about to happen.
//!
//! Belongs here: when, and what the log says. Does not: the verbs (`desk`), whose moment has come (`warnings`).

use jiff::{Timestamp, civil::Date};
use retrocall_words::{
    Practice,
    retention::{Calendar, Periods},
};
use tracing::{info, warn};

use super::{home::HomeStore, warnings::warnings};
use crate::{
    Trouble,
    desk::{HomeDesk, NotDone, Queue as _, Restricting as _, Versions as _},
};

/// Warnings that the log names in a day; the others are counted.
const NAMED_MAX: usize = 100;

/// What is done before and after a sweep.
#[derive(Debug, Default)]
pub(super) struct Daily {
    /// The day on which it told last.
    told_on: Option<Date>,
}

impl Daily {
    /// Before a sweep, once the policy's periods are written down.
    pub(super) fn before_sweep(desk: &HomeDesk, practice: &Practice, now: Timestamp) -> Result<(), Trouble> {
        let trouble = |why: NotDone| match why {
            NotDone::Catalog(trouble) => Err(trouble),
            // There is no ledger yet, and nothing to write.
            _ => Ok(()),
        };
        desk.take_up(practice, now).or_else(trouble)?;
        match desk.restrict_unanswered(now) {
            Ok(restricted) if !restricted.is_empty() => {
                warn!(
                    restricted = restricted.len(),
                    "nobody has said that their cases are still needed: these recordings are the privacy officer's alone now"
                )
            }
            Ok(_) => {}
            Err(why) => trouble(why)?,
        }
        match desk.let_go(practice.review_per_week, now) {
            Ok(gone) if !gone.is_empty() => {
                info!(gone = gone.len(), "more calls were drawn than can be heard: these go unheard")
            }
            Ok(_) => {}
            Err(why) => trouble(why)?,
        }
        Ok(())
    }

    /// Once a day: what is about to happen, and to what.
    pub(super) fn tell(
        &mut self,
        open: impl FnOnce() -> Result<Option<HomeStore>, Trouble>,
        (periods, calendar): (&Periods, &Calendar),
        now: Timestamp,
    ) -> Result<(), Trouble> {
        let today = calendar.day_of(now);
        if self.told_on == Some(today) {
            return Ok(());
        }
        let Some(mut store) = open()? else { return Ok(()) };
        store.consider(*periods, calendar, now)?;
        let all = warnings(&mut store, now)?;
        for warning in all.iter().take(NAMED_MAX) {
            let until = warning.until.map(|until| until.to_string()).unwrap_or_default();
            let sentence = warning.kind.sentence();
            warn!(recording = warning.recording, kind = warning.kind.as_str(), until, "{sentence}");
        }
        if all.len() > NAMED_MAX {
            warn!(
                more = all.len() - NAMED_MAX,
                "more recordings wait for somebody: `retrocall case list`, `retrocall review next`"
            );
        }
        self.told_on = Some(today);
        Ok(())
    }
}
