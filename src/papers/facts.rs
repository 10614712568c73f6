//! The facts that papers are made of, and the values that messages are filled with.

use fluent_bundle::FluentArgs;
use jiff::civil::Date;
use retrocall_words::{
    Practice,
    retention::{Calendar, Period, Periods},
};
use serde::Serialize;

use crate::text::{Language, Texts};

/// Who answers for the recordings, as the settings say it. What they don't say, a paper says is missing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Controller {
    /// The name of the controller.
    pub name: Option<String>,
    /// How to reach them.
    pub contact: Option<String>,
    /// How to reach the privacy officer.
    pub officer: Option<String>,
    /// Where the long notice is published.
    pub page: Option<String>,
}

/// Which version of the policy it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct InForce {
    /// Its number.
    pub version: u64,
    /// Since when it is in force. None: it is not, until an engine has taken it up.
    pub since: Option<Date>,
}

/// What a desk does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Facts {
    /// How long what is kept.
    pub periods: Periods,
    /// By which days that counts.
    pub calendar: Calendar,
    /// What else the papers say.
    pub practice: Practice,
    /// Who answers for it.
    pub controller: Controller,
    /// Which version of the policy it is.
    pub in_force: InForce,
}

/// The purposes and the other activities, by the ends of their messages' keys.
pub(crate) const ACTIVITIES: [&str; 7] = ["live", "quality", "incident", "request", "training", "other", "ledger"];

/// The messages of an activity that other messages quote.
pub(crate) const QUOTED: [&str; 4] = ["basis", "rule", "ceiling", "access"];

/// The message that writes a length in this unit.
fn unit_of(period: Period) -> &'static str {
    let name = period.as_str();
    match () {
        () if name.ends_with("working_days") => "working-days",
        () if name.ends_with("_days") => "days",
        () if name.ends_with("_months") => "months",
        () => "hours",
    }
}

/// All values that messages are filled with.
pub(crate) fn values(facts: &Facts, language: Language, texts: &Texts) -> FluentArgs<'static> {
    let length = |unit: &str, n: u64| {
        let mut values = FluentArgs::new();
        values.set("n", n);
        texts.say(unit, &values)
    };
    let Facts { practice, controller, calendar, .. } = facts;
    let mut values = FluentArgs::new();
    for period in Period::ALL {
        values.set(period.as_str(), length(unit_of(period), facts.periods.get(period).into()));
    }
    let yes = |is_so: bool| if is_so { "yes" } else { "no" };
    values.set("one_in", practice.one_in);
    values.set("sampled", yes(practice.one_in > 0));
    values.set("after_hangup", length("seconds", practice.after_hangup_s));
    values.set("after_hangup_set", yes(practice.after_hangup_s > 0));
    values.set("covers", yes(practice.objection_covers_record));
    values.set("keep_agent", yes(practice.keep_agent_on_hold));
    values.set("wired", yes(practice.object_keys.is_some()));
    values.set("object_key", practice.object_keys.clone().unwrap_or_default());
    values.set("review_set", yes(practice.review_per_week.is_some()));
    values.set("review_per_week", practice.review_per_week.unwrap_or_default() as u64);
    values.set("zone", calendar.zone.name().to_owned());
    values.set("free_days", calendar.free_days.len() as u64);
    values.set("version", facts.in_force.version);
    values.set("since", facts.in_force.since.map(|day| self::day(day, language)).unwrap_or_default());
    let said = [("controller", &controller.name), ("contact", &controller.contact), ("officer", &controller.officer)];
    for (name, said) in said {
        let missing = || {
            let mut of = FluentArgs::new();
            of.set("name", name);
            texts.say("missing", &of)
        };
        values.set(name, said.clone().unwrap_or_else(missing));
    }
    values.set("page", controller.page.clone().unwrap_or_else(|| texts.say("default-page", &FluentArgs::new())));
    // What quotes a rule has it as it is said here.
    for message in QUOTED {
        for activity in ACTIVITIES {
            let said = texts.say(&format!("{message}-{activity}"), &values);
            values.set(format!("{message}_{activity}"), said);
        }
    }
    values
}

/// A day as people of this language write it.
pub(crate) fn day(day: Date, language: Language) -> String {
    match language {
        Language::En => day.to_string(),
        Language::Nl => day.strftime("%d-%m-%Y").to_string(),
    }
}
