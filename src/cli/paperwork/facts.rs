//! The facts of a desk that its papers are made of: its settings, or the version of its policy that held on some day.

use jiff::civil::Date;

use crate::cli::{Context, Failure, actor::failure};
use retrocall_papers::{Controller, Facts, InForce};
use retrocall_records::desk::{HomeDesk, Versions as _};
use retrocall_settings::PaperSettings;
use retrocall_words::{Clock as _, SystemClock};

/// What the desk does now, or did on a day.
pub(super) fn of(context: &Context, day: Option<Date>) -> Result<Facts, Failure> {
    let settings = context.settings()?;
    let versions = HomeDesk::of(context.home()).versions().map_err(failure)?;
    let live = Facts {
        periods: settings.retention,
        practice: settings.practice(),
        controller: controller(&settings.papers),
        calendar: settings.calendar,
        in_force: InForce { version: 0, since: None },
    };
    Ok(retrocall_web::facts_at(live, &versions, day, SystemClock.wall()))
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
