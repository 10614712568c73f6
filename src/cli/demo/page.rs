//! After the demo, where somebody watches: the pages, with what it kept waiting on them.

use std::{
    convert::Infallible, env, fmt::Display, io, os::unix::process::CommandExt as _, path::Path, process::Command,
};

use super::super::{Failure, output};
use retrocall_records::desk::{Accounts as _, DeskRole, HomeDesk, Logins as _, Person, User};
use retrocall_web::{hash, new_secret};
use retrocall_words::{Clock as _, SystemClock};

/// Characters of the password, of a secret's hexadecimal digits.
const PASSWORD_CHARS: usize = 12;
/// Who listens, and who handles what was pressed; the agent who pressed comes beside them.
const PEOPLE: [(&str, DeskRole); 2] = [("tom", DeskRole::CaseHandler), ("hanna", DeskRole::Reviewer)];

/// Becomes the process of the pages for this home, which people leave with Ctrl-C. `agent` pressed record.
pub(super) fn serve(home: &Path, agent: &str) -> Result<Infallible, Failure> {
    let failed = |why: &dyn Display| {
        Failure::new(format!("the pages can't be shown ({why})"), format!("see the recordings in {}", home.display()))
    };
    let password: String = new_secret().map_err(|why| failed(&why))?.chars().take(PASSWORD_CHARS).collect();
    let hash = hash(&password).map_err(|why| failed(&why))?;
    let (desk, owner, since) = (HomeDesk::of(home), Person::owner("demo"), SystemClock.wall());
    for (name, role) in PEOPLE.into_iter().chain([(agent, DeskRole::Agent)]) {
        let is_agent = role == DeskRole::Agent;
        let user =
            User { name: name.to_owned(), roles: [role].into(), agent: is_agent.then(|| name.to_owned()), since };
        desk.add_user(&owner, &user).map_err(|why| failed(&why))?;
        desk.set_password(&owner, name, &hash, since).map_err(|why| failed(&why))?;
    }
    output::say(&format!(
        "\nThe recordings wait on a page of this machine. Log in as tom (team lead: the pressed call awaits a case), {agent} (the agent who\n\
         pressed) or hanna (reviewer: the sampled calls join her queue when the day is over), each with the password {password}. Ctrl-C ends it."
    ));
    let program = env::current_exe().map_err(|why| failed(&why))?;
    let mut pages = Command::new(program);
    pages.arg("--home").arg(home).args(["web", "--listen", "127.0.0.1:0"]).env(output::LOG_FILTER, "error");
    let why: io::Error = pages.exec();
    Err(failed(&why))
}
