//! Checks whether an engine runs, and its state.

use std::{fs, os::unix::fs::MetadataExt, os::unix::fs::PermissionsExt, path::Path};

use nix::unistd::{Gid, Group};

use super::{super::Context, Check};
use retrocall_client::client::{Client, ClientError};
use retrocall_settings::Settings;
use retrocall_words::{Ask, Request, Status, Target};

pub(super) fn checks(context: &Context, settings: &Settings) -> Vec<Check> {
    let socket = settings.socket_path(context.home());
    let asked = Client::connect(&socket).and_then(|mut client| client.ask(Request::new(Target::Own, Ask::Status)));
    match asked {
        Ok(answer) => {
            let mut checks = answer.status.map_or(Vec::new(), |status| status_checks(&status));
            checks.push(socket_check(&socket, settings.socket_group.as_deref()));
            checks
        }
        Err(ClientError::NoEngine { .. }) => {
            vec![Check::warn("engine", "no engine runs", format!("start it with `{}`", context.typed("run")))]
        }
        Err(error) => vec![Check::fail("engine", error.to_string(), "see the engine's log")],
    }
}

fn status_checks(status: &Status) -> Vec<Check> {
    let mut checks = Vec::new();
    let text = format!("retrocall {} runs: {} live calls, {}", status.engine, status.calls, status.memory);
    checks.push(match status.memory.as_str() {
        "unlocked" => Check::warn(
            "engine",
            format!("{text}: live audio may reach the swap"),
            "let this user lock memory, and run it without --allow-unlocked",
        ),
        _ => Check::ok("engine", text),
    });
    for (check, trouble) in [("engine disk", &status.disk_trouble), ("catalog", &status.catalog_trouble)] {
        if let Some(trouble) = trouble {
            checks.push(Check::fail(check, trouble.clone(), "selected calls stay in memory meanwhile: act soon"));
        }
    }
    if let Some(trouble) = &status.home_trouble {
        checks.push(Check::fail("home", trouble.clone(), "see the engine's log"));
    }
    if let Some(trouble) = &status.thread_trouble {
        checks.push(Check::fail("engine", trouble.clone(), "please report what its log says"));
    }
    checks
}

/// Checks mode and group of the socket: exactly as the settings ask.
fn socket_check(socket: &Path, group: Option<&str>) -> Check {
    let Ok(metadata) = fs::metadata(socket) else {
        return Check::warn("socket", format!("{} can't be read", socket.display()), "check its permissions");
    };
    let mode = metadata.permissions().mode() & 0o777;
    let owner = Group::from_gid(Gid::from_raw(metadata.gid())).ok().flatten().map(|group| group.name);
    let text = format!("{} has mode {mode:04o}", socket.display());
    const RESTART: &str = "start the engine again: it sets both as retrocall.toml says";
    match group {
        None if mode & 0o077 == 0 => Check::ok("socket", format!("{text}: yours alone")),
        None => Check::warn("socket", format!("{text}: others can use it"), RESTART),
        Some(group) if owner.as_deref() == Some(group) && mode & 0o007 == 0 => {
            Check::ok("socket", format!("{text}, for the group {group}"))
        }
        Some(group) => Check::warn("socket", format!("{text}, and not for the group {group} alone"), RESTART),
    }
}

#[cfg(test)]
mod tests {
    use super::{super::State, *};
    use crate::fake::{Fake, hello, yes};

    #[test]
    fn an_engine_in_trouble_fails_the_check_and_one_that_is_not_there_is_told_how_to_start() {
        let fake = Fake::start(vec![hello()], |request, call| {
            let mut answer = yes(request, call);
            answer.status = Some(Status {
                engine: "0.1.0".into(),
                memory: "unlocked".into(),
                calls: 3,
                disk_trouble: Some("no space left".into()),
                ..Status::default()
            });
            answer.into()
        });
        let home = fake.socket.parent().expect("a home").to_owned();
        let context = Context::new(Some(home.clone()), false).expect("a context");
        let states: Vec<_> = checks(&context, &Settings::default()).iter().map(|c| (c.check, c.state)).collect();
        // The fake engine makes its socket with the system's default mode: open to others.
        assert_eq!(states, [("engine", State::Warn), ("engine disk", State::Fail), ("socket", State::Warn)]);

        let settings = Settings { socket: Some("none.sock".into()), ..Settings::default() };
        let none = checks(&context, &settings);
        assert_eq!((none.len(), none[0].state), (1, State::Warn));
        assert!(none[0].todo.as_ref().expect("what to do").contains("run"));
    }
}
