//! `retrocall token`: what programs show to the API. Needs no engine.

use clap::{Args, Subcommand};
use comfy_table::{Table, presets};
use serde_json::json;

use super::{
    Context, Failure,
    actor::{Actor, failure},
    output,
    user::role,
};
use retrocall_records::desk::{DeskRole, Logins as _, NewToken};
use retrocall_web as web;
use retrocall_words::name;

const EXAMPLES: &str = "Examples:
  retrocall token add --user hanna --role reviewer
  retrocall token list
  retrocall token revoke ID

A token belongs to a person, and does no more than one role of theirs. It is shown once: the catalog
keeps its hash alone. It goes with the account, and does nothing once the role is taken.";

/// Tokens: what programs show to the API
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct TokenArgs {
    #[command(flatten)]
    actor: Actor,
    #[command(subcommand)]
    command: TokenCommand,
}

#[derive(Subcommand)]
enum TokenCommand {
    Add(AddArgs),
    List(ListArgs),
    Revoke(RevokeArgs),
}

/// Make a token, and show it this once
#[derive(Args)]
#[command(after_help = "Examples:
  retrocall token add --user hanna --role reviewer
  retrocall token add --user hanna --role reviewer --json")]
struct AddArgs {
    /// Whose it is
    #[arg(long, value_name = "NAME", value_parser = name)]
    user: String,
    /// What it may do: a role of theirs
    #[arg(long, value_name = "ROLE", value_parser = role)]
    role: DeskRole,
}

/// All tokens
#[derive(Args)]
#[command(after_help = "Examples:\n  retrocall token list\n  retrocall token list --json")]
struct ListArgs {}

/// Revoke a token: from now on it opens nothing
#[derive(Args)]
#[command(after_help = "Examples:\n  retrocall token revoke ID")]
struct RevokeArgs {
    /// The token's id, as `token list` shows it
    #[arg(value_name = "ID")]
    id: String,
}

pub(super) fn run(context: &Context, args: TokenArgs) -> Result<(), Failure> {
    let at = args.actor.at_desk(context)?;
    match args.command {
        TokenCommand::Add(AddArgs { user, role }) => {
            let secret = web::new_secret()
                .map_err(|error| Failure::new(format!("there are no random bytes ({error})"), "try again"))?;
            let token = NewToken { name: user, role, secret };
            let id = at.desk.add_token(&at.who, &token, at.now).map_err(failure)?;
            if context.json() {
                output::say_json(&json!({ "id": id, "token": token.secret }));
            } else {
                output::say(&token.secret);
                output::say(&format!(
                    "It is shown this once. Revoke it with `{}`.",
                    context.typed(&format!("token revoke {id}"))
                ));
            }
        }
        TokenCommand::List(ListArgs {}) => {
            let tokens = at.desk.tokens(&at.who).map_err(failure)?;
            if context.json() {
                output::say_json(&tokens);
            } else if tokens.is_empty() {
                output::say("There are no tokens.");
            } else {
                let mut table = Table::new();
                table.load_style(presets::NOTHING);
                table.set_header(["id", "user", "role", "since"]);
                for token in tokens {
                    table.add_row([
                        token.id,
                        token.user,
                        token.role.as_str().to_owned(),
                        format!("{:.0}", token.since),
                    ]);
                }
                output::say_table(&table);
            }
        }
        TokenCommand::Revoke(RevokeArgs { id }) => {
            at.desk.revoke_token(&at.who, &id, at.now).map_err(failure)?;
            if context.json() {
                output::say_json(&json!({ "id": id }));
            } else {
                output::say("The token is revoked.");
            }
        }
    }
    Ok(())
}
