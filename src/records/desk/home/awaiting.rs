//! Presses that await a case, on the catalog of a home.

use std::thread;

use jiff::{SignedDuration, Timestamp};
use retrocall_words::retention::{Calendar, Periods};

use super::{
    super::{
        DeskRole, NotDone, Person,
        awaiting::{Awaiting, AwaitingPress},
    },
    HomeDesk, one,
};
use crate::{
    Trouble,
    sweep::{AwaitingCase, HomeStore, awaiting_case},
};

const ROLES: &[DeskRole] = &[DeskRole::CaseHandler, DeskRole::PrivacyOfficer];

impl Awaiting for HomeDesk {
    fn awaiting(
        &self,
        who: &Person,
        (periods, calendar): (Periods, &Calendar),
        now: Timestamp,
    ) -> Result<Vec<AwaitingPress>, NotDone> {
        if !ROLES.iter().any(|role| who.is(*role)) {
            return Err(NotDone::NotAllowed(ROLES));
        }
        let Some(home) = self.address.home() else { return Ok(Vec::new()) };
        let look = || -> Result<Vec<AwaitingCase>, Trouble> {
            let Some(mut store) = HomeStore::open_to_read(home)? else { return Ok(Vec::new()) };
            store.consider(periods, calendar, now)?;
            awaiting_case(&mut store, now)
        };
        // It has a runtime of its own, and whoever asks may be inside another one.
        let found = thread::scope(|scope| scope.spawn(look).join());
        let found = found.unwrap_or_else(|panic| std::panic::resume_unwind(panic))?;
        if found.is_empty() {
            return Ok(Vec::new());
        }
        self.ask(false, async |rows| {
            let mut all = Vec::new();
            for AwaitingCase { recording, until, warned } in &found {
                if let Some(recording) = one(rows, who, recording).await? {
                    let (until, warned) = (*until, *warned);
                    let last = until.saturating_sub(SignedDuration::from_nanos(1)).unwrap_or(until);
                    all.push(AwaitingPress { recording, until, last_day: calendar.day_of(last), warned });
                }
            }
            Ok(all)
        })
    }
}
