//! What the commands of the desk's people have in common: for whom they act, and which recording is meant.

use clap::Args;
use jiff::{Timestamp, civil::Date};

use super::{Context, Failure, context::user_name};
use retrocall_records as catalog;
use retrocall_records::{
    Address, Server,
    desk::{Accounts as _, HomeDesk, NotDone, Person},
    ledger::open_ledger,
};
use retrocall_web::objects_alone;
use retrocall_words::{Clock as _, SystemClock, name};

/// Characters of a reason, note or reply, at most.
const TEXT_CHARS_MAX: usize = 4_000;

/// For whom a command acts.
#[derive(Args)]
pub(super) struct Actor {
    /// Act for this user, with their rights; the ledger notes both of you [default: you, the owner]
    #[arg(long = "as", value_name = "NAME", value_parser = name, global = true, display_order = 899)]
    user: Option<String>,
}

/// The desk, and who acts there now.
pub(super) struct AtDesk {
    pub desk: HomeDesk,
    pub who: Person,
    pub now: Timestamp,
}

impl Actor {
    /// Whether somebody is named: otherwise the owner acts.
    pub(super) fn is_somebody(&self) -> bool {
        self.user.is_some()
    }

    /// The desk of the home folder, for the owner or the user for whom they act.
    pub(super) fn at_desk(&self, context: &Context) -> Result<AtDesk, Failure> {
        // A missing folder is more often a slip of the pen than a desk that has not begun.
        if !context.home().is_dir() {
            return Err(Failure::new(
                format!("there is no home folder {}", context.home().display()),
                format!("name the engine's with --home, or start one with `{}`", context.typed("run")),
            ));
        }
        let (desk, owner) = (desk_of(context)?, user_name());
        let who = match &self.user {
            Some(user) => desk.acting_for(&owner, user).map_err(failure)?,
            None => Person::owner(owner),
        };
        Ok(AtDesk { desk, who, now: SystemClock.wall() })
    }
}

/// The desk of the home folder, or the one on the server that its settings name, as the pages have it.
fn desk_of(context: &Context) -> Result<HomeDesk, Failure> {
    let settings = context.settings()?;
    let Some(database) = &settings.database else { return Ok(HomeDesk::of(context.home())) };
    let server = Server::at(database.as_str()).map_err(Failure::whole)?;
    server.prepare().map_err(Failure::whole)?;
    open_ledger(context.home(), &server).map_err(Failure::whole)?;
    let desk = HomeDesk::at(Address::Server(server));
    match &settings.store {
        Some(store) => Ok(desk.with_store(objects_alone(store.as_str()).map_err(Failure::whole)?)),
        None => Ok(desk),
    }
}

/// Why the desk did not do it, with the next step.
pub(super) fn failure(why: NotDone) -> Failure {
    Failure::whole(why)
}

/// The recording that is meant: by its id, or by its call's.
pub(super) fn recording_of(context: &Context, id: &str) -> Result<String, Failure> {
    let recordings = catalog::recordings(context.home()).map_err(Failure::whole)?;
    let of_call = recordings.into_iter().find(|recording| recording.call.to_string() == id);
    // What is not listed is for the desk to answer: it says the same of what is not there and of what is not for this person.
    Ok(of_call.and_then(|recording| recording.id).unwrap_or_else(|| id.to_owned()))
}

/// Something in somebody's own words.
pub(super) fn text(text: &str) -> Result<String, String> {
    let text = text.trim();
    match text.chars().count() {
        0 => Err("it must say something".to_owned()),
        1..=TEXT_CHARS_MAX => Ok(text.to_owned()),
        _ => Err(format!("it has more than {TEXT_CHARS_MAX} characters")),
    }
}

/// A day.
pub(super) fn day(text: &str) -> Result<Date, String> {
    text.parse().map_err(|_| "a day such as 2026-12-31".to_owned())
}
