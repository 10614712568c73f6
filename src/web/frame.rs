//! What every page has around it: head, way around, who is logged in, language.

use jiff::{Timestamp, tz::TimeZone};
use maud::{DOCTYPE, Markup, html};
use retrocall_records::{
    PurposeKind,
    desk::{DeskRole, Onward, Outlook, UseEntry},
};

use super::{asked::Asked, assets, audio::PLAIN_REASON, text::Language};

/// Whoever enters a request, and does not answer it: the officer has that on their own page.
const ENTERING: &[DeskRole] =
    &[DeskRole::Agent, DeskRole::Reviewer, DeskRole::CaseHandler, DeskRole::Administrator, DeskRole::Council];

/// The pages that people go to, and for whom each is.
const WAYS: [(&str, &str, &[DeskRole]); 11] = [
    ("/next", "way-next", &[DeskRole::Reviewer]),
    ("/mine", "way-mine", &[DeskRole::Agent]),
    ("/cases", "way-cases", &[DeskRole::CaseHandler, DeskRole::PrivacyOfficer]),
    ("/requests", "way-requests", &[DeskRole::PrivacyOfficer]),
    ("/holds", "way-holds", &[DeskRole::PrivacyOfficer]),
    ("/inventory", "way-inventory", &[DeskRole::PrivacyOfficer]),
    ("/decisions", "way-decisions", &[DeskRole::Reviewer, DeskRole::CaseHandler, DeskRole::PrivacyOfficer]),
    (
        "/teaching",
        "way-teaching",
        &[DeskRole::Agent, DeskRole::Reviewer, DeskRole::CaseHandler, DeskRole::PrivacyOfficer],
    ),
    ("/check", "way-check", &[DeskRole::Council, DeskRole::PrivacyOfficer]),
    ("/board", "way-board", &[DeskRole::Administrator]),
    ("/requests/new", "way-enter", ENTERING),
];

/// Where somebody begins: the first page that is for them.
pub(crate) fn start_of(asked: &Asked) -> Option<&'static str> {
    WAYS.iter().find(|(_, _, roles)| asked.is_one_of(roles)).map(|(place, ..)| *place)
}

/// The ways on from a part of a list: to its beginning, if this is not that, and to the next part, if there is one.
pub(crate) fn ways_on(asked: &Asked, (here, name): (&str, &str), next: Option<&Onward>) -> Markup {
    let texts = asked.texts();
    html! {
        @if next.is_some() || asked.query.get(name).is_some() {
            nav.row aria-label=(texts.say("list-ways")) {
                @if asked.query.get(name).is_some() { a.button href=(here) { (texts.say("list-first")) } }
                @if let Some(next) = next { a.button rel="next" href=(format!("{here}?{name}={next}")) { (texts.say("list-next")) } }
            }
        }
    }
}

/// A whole page.
pub(crate) fn page(asked: &Asked, title: &str, content: Markup) -> Markup {
    html! {
        (DOCTYPE)
        html lang=(asked.language.as_str()) {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { (title) " · retrocall" }
                link rel="stylesheet" href=(assets::place("style.css"));
                link rel="icon" href=(assets::place("icon.svg")) type="image/svg+xml";
                script type="module" src=(assets::place("page.js")) {}
            }
            body {
                a.skip href="#content" { (asked.texts().say("skip-to-content")) }
                (top(asked))
                main id="content" tabindex="-1" { (content) }
            }
        }
    }
}

fn top(asked: &Asked) -> Markup {
    let texts = asked.texts();
    html! {
        header.top {
            a.brand href="/" { "retrocall" }
            @if let Some(person) = &asked.person {
                nav aria-label=(texts.say("ways")) {
                    @for (place, key, roles) in WAYS {
                        @if asked.is_one_of(roles) {
                            a href=(place) aria-current=[asked.path.starts_with(place).then_some("page")] { (texts.say(key)) }
                        }
                    }
                }
                span.spread {}
                (languages(asked))
                a.person href="/password" title=(texts.say("own-password")) { (person.name) }
                form method="post" action="/logout" {
                    (token(asked))
                    button.quiet type="submit" { (texts.say("log-out")) }
                }
            } @else {
                span.spread {}
                (languages(asked))
            }
        }
    }
}

fn languages(asked: &Asked) -> Markup {
    html! {
        form.languages method="post" action="/language" {
            (token(asked))
            input type="hidden" name="to" value=(asked.path);
            @for language in Language::ALL {
                @if language != asked.language {
                    button.quiet type="submit" name="language" value=(language.as_str()) lang=(language.as_str()) {
                        (language.own_name())
                    }
                }
            }
        }
    }
}

/// What a form brings back, so that it came from a page of ours.
pub(crate) fn token(asked: &Asked) -> Markup {
    html! { input type="hidden" name="form" value=(asked.form_token()); }
}

/// Roles in words.
pub(crate) fn roles(asked: &Asked, roles: &[DeskRole]) -> String {
    let all: Vec<String> = roles.iter().map(|role| asked.texts().say(&format!("role-{}", role.as_str()))).collect();
    all.join(", ")
}

/// Why something is kept, in the word of the desk's table.
pub(crate) fn purpose(asked: &Asked, purpose: PurposeKind) -> String {
    asked.texts().say(&format!("purpose-{}", purpose.as_str()))
}

/// Until when a recording is kept, and what it waits for.
pub(crate) fn until(asked: &Asked, outlook: &Outlook, zone: &TimeZone) -> String {
    let texts = asked.texts();
    let why = outlook.why.map(|why| texts.say(&format!("why-{}", why.as_str())));
    let until = match outlook.until {
        Some(until) => texts.fill("mine-until", [("moment", moment(asked, until, zone).into())]),
        None => texts.say("mine-held"),
    };
    why.map_or(until.clone(), |why| format!("{until} {why}"))
}

/// When somebody used a recording, who, and how; why, if a reason was given.
pub(crate) fn used(asked: &Asked, used: &UseEntry, zone: &TimeZone) -> String {
    let how = asked.texts().say(&format!("use-{}", used.kind.as_str()));
    let line = format!("{} · {} · {how}", moment(asked, used.at, zone), used.by);
    if used.why == PLAIN_REASON { line } else { format!("{line}: {}", used.why) }
}

/// A day and a time in the desk's zone, in words.
pub(crate) fn moment(asked: &Asked, at: Timestamp, zone: &TimeZone) -> String {
    let local = zone.to_datetime(at);
    format!("{} {:02}:{:02}", day(asked, local.date()), local.hour(), local.minute())
}

/// A day in words.
pub(crate) fn day(asked: &Asked, day: jiff::civil::Date) -> String {
    let month = asked.texts().say(&format!("month-{}", day.month()));
    format!("{} {month} {}", day.day(), day.year())
}

/// A length in minutes and seconds.
pub(crate) fn length(seconds: f64) -> String {
    let whole = seconds.max(0.0).round() as u64;
    match whole / 3_600 {
        0 => format!("{}:{:02}", whole / 60, whole % 60),
        hours => format!("{hours}:{:02}:{:02}", whole / 60 % 60, whole % 60),
    }
}
