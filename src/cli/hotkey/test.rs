//! `retrocall hotkey --test`: checks whether a press would arrive, be answered, and be seen.

use std::time::Duration;

use super::afar;
use crate::cli::{Context, doctor::Check, output};
use retrocall_desk::hotkey::{Binding, HotkeyError, Link, Note, Notifier, await_key, take};
use retrocall_settings::Settings;
use retrocall_words::{Clock as _, SystemClock};

/// How long a press of our own may take.
const OWN_PRESS_MAX: Duration = Duration::from_secs(3);
/// How long a person has to press.
const PRESS_MAX: Duration = Duration::from_secs(30);

/// Checks everything that a press needs, from end to end. Nothing is recorded, masked or wiped.
pub(super) fn checks(context: &Context, settings: &Settings, centre: Option<&str>, bindings: &[Binding]) -> Vec<Check> {
    let mut checks: Vec<_> = bindings.iter().map(|binding| key(binding, true)).collect();
    checks.push(match centre {
        Some(centre) => at_centre(context, settings, centre),
        None => engine(context, settings),
    });
    checks.push(notification());
    checks
}

/// Checks whether a press of these keys arrives. Where no program can press keys, the person is asked to, if there is one.
pub(in crate::cli) fn key(binding: &Binding, ask_the_person: bool) -> Check {
    let name = binding.button.as_str();
    match arrives(binding, ask_the_person) {
        Ok(Some(took)) => {
            let ms = took.as_secs_f64() * 1e3;
            Check::ok(name, format!("{}: alive, a press arrived after {ms:.1} ms", binding.combo))
        }
        Ok(None) => Check::fail(
            name,
            format!("{}: no press arrived", binding.combo),
            "close menus and lock screens, which have the keyboard to themselves, and try again; or choose other keys",
        ),
        Err(HotkeyError::Held { combo, by_us: true }) => {
            Check::ok(name, format!("{combo}: a `retrocall hotkey` has it on this display; press it to see its answer"))
        }
        Err(error) => Check::fail(name, error.cause(), error.next_step()),
    }
}

fn arrives(binding: &Binding, ask_the_person: bool) -> Result<Option<Duration>, HotkeyError> {
    let mut keys = take(&[*binding])?;
    let began = SystemClock.now();
    if keys.press_yourself(binding.button)? {
        let came = await_key(&mut *keys, binding.button, OWN_PRESS_MAX)?;
        return Ok(came.then(|| SystemClock.since(began)));
    }
    if !ask_the_person {
        return Ok(None);
    }
    output::complain(&format!("press {} within {} s", binding.combo, PRESS_MAX.as_secs()));
    let came = await_key(&mut *keys, binding.button, PRESS_MAX)?;
    Ok(came.then(|| SystemClock.since(began)))
}

fn engine(context: &Context, settings: &Settings) -> Check {
    let mut link = Link::new(settings.socket_path(context.home()));
    match link.connect() {
        Ok(hello) => match &hello.agent {
            Some(agent) => Check::ok("engine", format!("it runs, and your calls are those of {agent}")),
            None => Check::ok("engine", "it runs, and you may press for every agent"),
        },
        Err(error) => Check::fail("engine", "a press would not be answered", context.client_failure(error).to_string()),
    }
}

fn at_centre(context: &Context, settings: &Settings, centre: &str) -> Check {
    let agent = afar::button(context, &settings.hotkey, centre).map_err(|failure| failure.to_string());
    match agent.and_then(|button| button.agent()) {
        Ok(agent) => Check::ok("centre", format!("it answers, and your calls are those of {agent}")),
        Err(why) => Check::fail("centre", "a press would not be answered", why),
    }
}

fn notification() -> Check {
    let note = Note {
        title: "retrocall hotkey",
        body: "This is where you will see the outcome of a press.",
        urgent: false,
        sound: None,
    };
    let shown = Notifier::new().map_err(|error| error.to_string()).and_then(|mut notifier| {
        let began = SystemClock.now();
        notifier.show(&note).map(|()| SystemClock.since(began)).map_err(|error| error.to_string())
    });
    match shown {
        Ok(took) => Check::ok("notification", format!("shown after {:.0} ms", took.as_secs_f64() * 1e3)),
        Err(error) => Check::warn(
            "notification",
            error,
            "install a notification service for this desktop; until then the outcome of a press is a line on standard error",
        ),
    }
}
