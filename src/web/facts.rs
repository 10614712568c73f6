//! What papers are made of, for pages and for the command: what the desk does now, or did on a day.
//!
//! Belongs here: which version of the policy a paper goes by. Does not: words (`papers`), where the settings come from.

use jiff::{Timestamp, civil::Date};
use retrocall_papers::{Facts, InForce};
use retrocall_records::desk::WrittenVersion;

/// What the desk does by its settings, `live`, or what it did on a day that is over. A day before the first version has that one, as calls of then have.
pub fn facts_at(live: Facts, versions: &[WrittenVersion], day: Option<Date>, now: Timestamp) -> Facts {
    let is_over = |day: &Date| *day < live.calendar.day_of(now);
    let Some(day) = day.filter(is_over) else { return by_settings(live, versions.last()) };
    let over = live.calendar.end_of(day);
    let held = versions.iter().rfind(|written| written.version.from < over).or(versions.first());
    let Some(held) = held else { return by_settings(live, None) };
    Facts {
        periods: held.version.periods,
        calendar: held.version.calendar.clone(),
        practice: held.practice.clone().unwrap_or_else(|| live.practice.clone()),
        in_force: in_force(held),
        ..live
    }
}

fn in_force(written: &WrittenVersion) -> InForce {
    InForce { version: written.number, since: Some(written.version.calendar.day_of(written.version.from)) }
}

/// The settings are in force if the last version that was taken up says the same.
fn by_settings(live: Facts, last: Option<&WrittenVersion>) -> Facts {
    let says_so = |written: &&WrittenVersion| {
        let WrittenVersion { version, practice, .. } = written;
        (version.periods, &version.calendar) == (live.periods, &live.calendar)
            && practice.as_ref().is_none_or(|practice| *practice == live.practice)
    };
    let in_force = match last.filter(says_so) {
        Some(written) => in_force(written),
        None => InForce { version: last.map_or(0, |last| last.number) + 1, since: None },
    };
    Facts { in_force, ..live }
}
