//! Presses that go to a centre: where the token is, and the centre in the place of an engine.

use std::{
    env, fs,
    os::{fd::BorrowedFd, unix::fs::PermissionsExt as _},
};

use crate::cli::{Context, Failure};
use retrocall_desk::hotkey::{Exchange, Recorder, Unanswered};
use retrocall_link::{AgentsButton, NotPressed};
use retrocall_settings::{HotkeySettings, TOKEN_FILE};
use retrocall_words::{Ask, Event, Target};

/// What may hold the token instead of a file.
const TOKEN: &str = "RETROCALL_TOKEN";

/// The button at this centre, with the token of the agent's account there.
pub(super) fn button(context: &Context, settings: &HotkeySettings, centre: &str) -> Result<AgentsButton, Failure> {
    AgentsButton::at(centre, &token(context, settings)?).map_err(Failure::whole)
}

fn token(context: &Context, settings: &HotkeySettings) -> Result<String, Failure> {
    if let Some(token) = env::var(TOKEN).ok().filter(|token| !token.trim().is_empty()) {
        return Ok(token.trim().to_owned());
    }
    let path = context.home().join(settings.token.clone().unwrap_or_else(|| TOKEN_FILE.into()));
    let unread = |error: std::io::Error| {
        Failure::new(
            format!("the token for the centre can't be read from {} ({error})", path.display()),
            format!(
                "make one at the centre with `retrocall token add --role agent`, and put it there, or into {TOKEN}"
            ),
        )
    };
    let mode = fs::metadata(&path).map_err(unread)?.permissions().mode();
    if mode & 0o077 != 0 {
        let step = format!("take that away: `chmod 600 {}`", path.display());
        return Err(Failure::new(format!("others can read the token in {}", path.display()), step));
    }
    Ok(fs::read_to_string(&path).map_err(unread)?.trim().to_owned())
}

/// A centre, asked as an engine is.
pub(super) struct AtCentre(pub AgentsButton);

impl Recorder for AtCentre {
    fn ask(&mut self, target: &Target, ask: &Ask) -> Exchange {
        let call = match target {
            Target::Call(call) => Some(*call),
            // An account is one agent.
            _ => None,
        };
        let came = self.0.press(call, ask.verb()).map_err(|why| match why {
            NotPressed::NotDone(why) => Unanswered::NotDone(why),
            NotPressed::Unknown => Unanswered::Unknown,
        });
        Exchange { came, twice: false }
    }

    fn fd(&self) -> Option<BorrowedFd<'_>> {
        None
    }

    fn events(&mut self) -> Vec<Event> {
        Vec::new()
    }
}
