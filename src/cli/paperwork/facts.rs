//! The facts of a desk that its papers are made of: its settings, or the version of its policy that held on some day.

use jiff::civil::Date;

use crate::cli::{Context, Failure, actor::failure};
use retrocall_papers::{Controller, Facts, InForce};
use retrocall_records::desk::{HomeDesk, Versions as _, WrittenVersion};
use retrocall_settings::{PaperSettings, Settings};
use retrocall_words::{Clock as _, SystemClock};

/// What the desk does now, or did on a day. A day before the first version has that one, as calls of then have.
pub(super) fn of(context: &Context, day: Option<Date>) -> Result<Facts, Failure> {
    let settings = context.settings()?;
    let versions = HomeDesk::of(context.home()).versions().map_err(failure)?;
    let now = live(&settings, versions.last());
    let Some(day) = day.filter(|day| *day < settings.calendar.day_of(SystemClock.wall())) else { return Ok(now) };
    let over = settings.calendar.end_of(day);
    let held = versions.iter().rfind(|written| written.version.from < over);
    let Some(held) = held.or(versions.first()) else { return Ok(now) };
    Ok(Facts {
        periods: held.version.periods,
        calendar: held.version.calendar.clone(),
        practice: held.practice.clone().unwrap_or_else(|| now.practice.clone()),
        in_force: in_force(held),
        ..now
    })
}

fn in_force(written: &WrittenVersion) -> InForce {
    InForce { version: written.number, since: Some(written.version.calendar.day_of(written.version.from)) }
}

/// The settings as they are. They are in force if the last version that was taken up says the same.
fn live(settings: &Settings, last: Option<&WrittenVersion>) -> Facts {
    let practice = settings.practice();
    let says_so = |written: &&WrittenVersion| {
        let WrittenVersion { version, practice: written, .. } = written;
        (version.periods, &version.calendar) == (settings.retention, &settings.calendar)
            && written.as_ref().is_none_or(|written| *written == practice)
    };
    Facts {
        periods: settings.retention,
        calendar: settings.calendar.clone(),
        in_force: match last.filter(says_so) {
            Some(written) => in_force(written),
            None => InForce { version: last.map_or(0, |last| last.number) + 1, since: None },
        },
        practice,
        controller: controller(&settings.papers),
    }
}

/// Who answers for the recordings.
pub(in crate::cli) fn controller(papers: &PaperSettings) -> Controller {
    Controller {
        name: papers.controller.clone(),
        contact: papers.contact.clone(),
        officer: papers.officer.clone(),
        page: papers.page.clone(),
    }
}
