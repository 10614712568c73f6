//! `retrocall doctor`: checks the engine's needs, and tells the next step for each problem.

mod centre;
mod disk;
mod engine;
mod hotkey;
mod memory;
mod sound;

use clap::Args;
use serde::Serialize;

use super::{Context, Failure, output};
use retrocall_settings::Settings;

const EXAMPLES: &str = "Examples:
  retrocall doctor
  retrocall --home /srv/desk doctor --json

Run it as the user who runs the engine. The exit code is 1 if something has to be done before the engine can work.";

/// Check memory, disk, permissions, settings, sound, the engine and the hotkey; tell the next step for each problem
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct DoctorArgs {}

/// The result of a check.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum State {
    Ok,
    /// It works, and could be better.
    Warn,
    /// It does not work.
    Fail,
}

/// One check.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct Check {
    check: &'static str,
    state: State,
    text: String,
    todo: Option<String>,
}

impl Check {
    pub(super) fn ok(check: &'static str, text: impl Into<String>) -> Check {
        Check { check, state: State::Ok, text: text.into(), todo: None }
    }

    pub(super) fn warn(check: &'static str, text: impl Into<String>, todo: impl Into<String>) -> Check {
        Check { check, state: State::Warn, text: text.into(), todo: Some(todo.into()) }
    }

    pub(super) fn fail(check: &'static str, text: impl Into<String>, todo: impl Into<String>) -> Check {
        Check { state: State::Fail, ..Check::warn(check, text, todo) }
    }
}

pub(super) fn run(context: &Context, _args: DoctorArgs) -> Result<(), Failure> {
    report(context, &checks(context))
}

/// Prints the results. An error if one of them is a failure.
pub(super) fn report(context: &Context, checks: &[Check]) -> Result<(), Failure> {
    if context.json() {
        output::say_json(&checks);
    } else {
        for check in checks {
            output::say(&line(check));
        }
    }
    match checks.iter().filter(|check| check.state == State::Fail).count() {
        0 => Ok(()),
        failed => Err(Failure::new(
            format!("{failed} of {} checks failed", checks.len()),
            "do the step behind each →, and run it again",
        )),
    }
}

fn checks(context: &Context) -> Vec<Check> {
    let mut checks = Vec::new();
    let settings = match Settings::load(context.home()) {
        Ok(settings) => {
            checks.push(Check::ok("settings", "retrocall.toml is valid, or not there: then all defaults hold"));
            settings
        }
        Err(error) => {
            checks.push(Check::fail("settings", error.to_string(), "correct that line"));
            Settings::default()
        }
    };
    checks.extend(memory::checks(&settings));
    checks.extend(disk::checks(context, &settings));
    checks.extend(sound::checks());
    checks.extend(engine::checks(context, &settings));
    checks.extend(hotkey::checks(&settings));
    checks.push(after_hangup(&settings));
    checks.extend(centre::checks(&settings));
    checks
}

/// Angry customers hang up first: a desk that gives no time for a late press loses the calls that it wants most.
fn after_hangup(settings: &Settings) -> Check {
    match settings.after_hangup.as_secs_f64() {
        0.0 => Check::warn(
            "hangup",
            "after hangup nobody can press record any more, and angry customers hang up first",
            "set after_hangup = \"15s\" in retrocall.toml: every call is held for so long after its end, and the notice to customers says so",
        ),
        seconds => Check::ok("hangup", format!("record can be pressed for {seconds} s after hangup")),
    }
}

fn line(check: &Check) -> String {
    let state = match check.state {
        State::Ok => "ok  ",
        State::Warn => "warn",
        State::Fail => "FAIL",
    };
    match &check.todo {
        Some(todo) => format!("{state}  {:<11}{}\n      {:<11}→ {todo}", check.check, check.text, ""),
        None => format!("{state}  {:<11}{}", check.check, check.text),
    }
}
