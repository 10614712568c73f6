//! `retrocall user`: accounts of people, and what is told of them to the officer. Needs no engine.

mod password;
mod unusual;

use std::collections::BTreeSet;

use clap::{Args, Subcommand};
use comfy_table::{Table, presets};
use serde_json::json;

use super::{
    Context, Failure,
    actor::{Actor, AtDesk, failure},
    output,
};
use retrocall_ledger::Month;
use retrocall_records::desk::{Accounts as _, DeskRole, Logins as _, UnusualDeeds as _, User};
use retrocall_words::{Word as _, name};

const EXAMPLES: &str = "Examples:
  retrocall user add hanna --role reviewer
  retrocall user add anna --role agent --agent anna
  retrocall user role tom --role case-handler --role reviewer
  retrocall user password hanna
  retrocall user remove tom
  retrocall user list --json
  retrocall user list --unusual --month 2026-11 --as olga

Roles: agent, reviewer, case-handler, privacy-officer, administrator, council. Commands act for a
user with `--as NAME`, and the ledger notes both. Whoever runs the engine needs no account.";

const LIST_EXAMPLES: &str = "Examples:
  retrocall user list
  retrocall user list --json
  retrocall user list --unusual
  retrocall user list --unusual --month 2026-11 --as olga --json

Unusual: listening again after the outcome; listening to one agent over three times as often as that
agent's share of the calls; over 2 % of an agent's calls private or objected to and three times the
median; over 10 % pressed. Agents see their own figures first: `retrocall recordings --mine`.";

/// Accounts of people: who they are, and what they may do
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct UserArgs {
    #[command(flatten)]
    actor: Actor,
    #[command(subcommand)]
    command: UserCommand,
}

#[derive(Subcommand)]
enum UserCommand {
    Add(AddArgs),
    List(ListArgs),
    Role(RoleArgs),
    Password(PasswordArgs),
    Remove(RemoveArgs),
}

/// Add an account
#[derive(Args)]
#[command(after_help = "Examples:
  retrocall user add hanna --role reviewer
  retrocall user add anna --role agent --agent anna")]
struct AddArgs {
    /// The name that they are known by
    #[arg(value_name = "NAME", value_parser = name)]
    name: String,
    /// What they are; can be given more than once
    #[arg(long, value_name = "ROLE", value_parser = role, required = true)]
    role: Vec<DeskRole>,
    /// The agent that they are
    #[arg(long, value_name = "AGENT", value_parser = name)]
    agent: Option<String>,
}

/// All accounts
#[derive(Args)]
#[command(after_help = LIST_EXAMPLES)]
struct ListArgs {
    /// Instead: who listened unusually, and which agents' figures were over their limits, for the privacy officer
    #[arg(long)]
    unusual: bool,
    /// In which month that is over [default: the last one]
    #[arg(long, value_name = "MONTH", value_parser = unusual::month, requires = "unusual")]
    month: Option<Month>,
}

/// Set what somebody is: these roles, and no others
#[derive(Args)]
#[command(after_help = "Examples:\n  retrocall user role tom --role case-handler --role reviewer")]
struct RoleArgs {
    /// The account
    #[arg(value_name = "NAME", value_parser = name)]
    name: String,
    /// What they are from now on; can be given more than once
    #[arg(long, value_name = "ROLE", value_parser = role, required = true)]
    role: Vec<DeskRole>,
}

/// Set the password by which somebody logs in to the pages
#[derive(Args)]
#[command(after_help = "Examples:
  retrocall user password hanna
  (echo \"$NEW\"; echo \"$NEW\") | retrocall user password hanna

It is asked for twice; where standard input is no terminal, it is read from there, on two lines.
Whoever is logged in by the last one is logged out. It has 12 characters or more.")]
struct PasswordArgs {
    /// The account
    #[arg(value_name = "NAME", value_parser = name)]
    name: String,
}

/// Remove an account: what they did stays written down
#[derive(Args)]
#[command(after_help = "Examples:\n  retrocall user remove tom")]
struct RemoveArgs {
    /// The account
    #[arg(value_name = "NAME", value_parser = name)]
    name: String,
}

pub(super) fn role(word: &str) -> Result<DeskRole, String> {
    let all = DeskRole::ALL.map(DeskRole::as_str).join(", ");
    DeskRole::read(word).ok_or_else(|| format!("one of {all}"))
}

pub(super) fn run(context: &Context, args: UserArgs) -> Result<(), Failure> {
    let AtDesk { desk, who, now } = args.actor.at_desk(context)?;
    let (name, sentence) = match args.command {
        UserCommand::List(ListArgs { unusual: true, month }) => {
            let month = month.unwrap_or_else(|| unusual::last_month(now));
            return unusual::say(context, &desk.unusual(&who, month, now).map_err(failure)?);
        }
        UserCommand::List(ListArgs { .. }) => return list(context, &desk.users(&who).map_err(failure)?),
        UserCommand::Add(AddArgs { name, role, agent }) => {
            let user = User { name, roles: role.into_iter().collect(), agent, since: now };
            desk.add_user(&who, &user).map_err(failure)?;
            if let Some(hash) = password::offered(&user.name)? {
                desk.set_password(&who, &user.name, &hash, now).map_err(failure)?;
            }
            (user.name, "has an account")
        }
        UserCommand::Role(RoleArgs { name, role }) => {
            let roles: BTreeSet<_> = role.into_iter().collect();
            desk.set_roles(&who, &name, &roles, now).map_err(failure)?;
            (name, "has these roles now, and no others")
        }
        UserCommand::Password(PasswordArgs { name }) => {
            let hash = password::asked(&name)?;
            desk.set_password(&who, &name, &hash, now).map_err(failure)?;
            (name, "has this password now, and is logged out everywhere")
        }
        UserCommand::Remove(RemoveArgs { name }) => {
            desk.remove_user(&who, &name, now).map_err(failure)?;
            (name, "has no account any more")
        }
    };
    if context.json() {
        output::say_json(&json!({ "user": name }));
    } else {
        output::say(&format!("{name} {sentence}."));
    }
    Ok(())
}

fn list(context: &Context, users: &[User]) -> Result<(), Failure> {
    if context.json() {
        output::say_json(&users);
    } else if users.is_empty() {
        output::say("There are no accounts: whoever runs the engine acts.");
    } else {
        let mut table = Table::new();
        table.load_style(presets::NOTHING);
        table.set_header(["name", "roles", "agent", "since"]);
        for User { name, roles, agent, since } in users {
            let roles: Vec<_> = roles.iter().map(|role| role.as_str()).collect();
            table.add_row([name.clone(), roles.join(", "), agent.clone().unwrap_or_default(), format!("{since:.0}")]);
        }
        output::say_table(&table);
    }
    Ok(())
}
