//! `retrocall training`: teaching material. Needs no engine.

use clap::{Args, Subcommand};
use comfy_table::{Table, presets};
use serde_json::json;

use super::{
    Context, Failure,
    actor::{Actor, failure, recording_of, text},
    output,
    purpose::sentence_of,
    silence::{self, Silence},
};
use retrocall_records::desk::{Completion, Material, Proposals as _, Teaching as _};
use retrocall_words::name;

const EXAMPLES: &str = "Examples:
  retrocall review ID --promote-to-training 'Calms an angry caller'
  retrocall training approve ID --as anna          her yes, as the agent of the call
  retrocall play ID --as henk                      a second listener
  retrocall training approve ID --as henk
  retrocall training refuse ID --why 'I would rather not' --as anna
  retrocall training silence ID 12.5..15           a name is said there
  retrocall training trainee ID --user tim         tim may hear it
  retrocall training trainee ID --user tim --withdraw
  retrocall training list

A learning moment becomes teaching material when its agent says yes, and a second listener does. ID
is that of the proposal, of the recording, or of its call. The agent's no is enough. The second
listener is somebody else than who proposed it. The owner of the home is one person, whoever they act
for: what they proposed, another approves on the page \"Decisions\" (`retrocall web`).

It is played by its trainees: on their page \"Teaching material\", or with `retrocall play`. Each
play is noted. They learn nothing else of the call, and no verb of theirs copies it.";

/// Teaching material: its agent and a second listener approve it
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct TrainingArgs {
    #[command(flatten)]
    actor: Actor,
    #[command(subcommand)]
    command: TrainingCommand,
}

#[derive(Subcommand)]
enum TrainingCommand {
    Approve(ApproveArgs),
    Refuse(RefuseArgs),
    Silence(Silence),
    Trainee(TraineeArgs),
    List(ListArgs),
}

/// Say yes: the agent of the call first, then a second listener
#[derive(Args)]
#[command(
    after_help = "Examples:\n  retrocall training approve ID --as anna\n  retrocall training approve ID --as henk"
)]
struct ApproveArgs {
    /// The proposal, the recording, or its call
    #[arg(value_name = "ID")]
    id: String,
}

/// Say no
#[derive(Args)]
#[command(after_help = "Examples:\n  retrocall training refuse ID --why 'I would rather not' --as anna")]
struct RefuseArgs {
    /// The proposal, the recording, or its call
    #[arg(value_name = "ID")]
    id: String,
    /// Why
    #[arg(long, value_name = "TEXT", value_parser = text)]
    why: String,
}

/// Name somebody who may hear approved teaching material
#[derive(Args)]
#[command(after_help = "Examples:
  retrocall training trainee ID --user tim
  retrocall training trainee ID --user tim --withdraw --as hanna

For a reviewer, and the privacy officer. A trainee has an account, and hears what they are named for.")]
struct TraineeArgs {
    /// The recording, or its call
    #[arg(value_name = "ID")]
    id: String,
    /// The account of the trainee
    #[arg(long = "user", value_name = "NAME", value_parser = name)]
    trainee: String,
    /// They may hear it no longer
    #[arg(long)]
    withdraw: bool,
}

/// The teaching material that you may hear; all of it, with its trainees, for those who name them
#[derive(Args)]
#[command(after_help = "Examples:\n  retrocall training list --as tim\n  retrocall training list --json")]
struct ListArgs {}

fn list(context: &Context, material: &[Material]) {
    if context.json() {
        output::say_json(&material);
    } else if material.is_empty() {
        output::say("There is no teaching material.");
    } else {
        let mut table = Table::new();
        table.load_style(presets::NOTHING);
        table.set_header(["recording", "length", "what for", "looked at again", "trainees"]);
        for Material { recording, seconds, reason, review_on, trainees } in material {
            let length = seconds.map(output::length).unwrap_or_default();
            table.add_row([recording, &length, reason, &review_on.to_string(), &trainees.join(", ")]);
        }
        output::say_table(&table);
    }
}

pub(super) fn run(context: &Context, args: TrainingArgs) -> Result<(), Failure> {
    let at_desk = args.actor.at_desk(context)?;
    let (desk, who, now) = (&at_desk.desk, &at_desk.who, at_desk.now);
    let sentence = match args.command {
        TrainingCommand::Approve(ApproveArgs { id }) => {
            let id = recording_of(context, &id)?;
            sentence_of(desk.approve(who, &id, &Completion::default(), now).map_err(failure)?)
        }
        TrainingCommand::Refuse(RefuseArgs { id, why }) => {
            let id = recording_of(context, &id)?;
            desk.refuse_proposal(who, &id, &why, now).map_err(failure)?;
            "is refused"
        }
        TrainingCommand::Silence(what) => return silence::silence(context, &at_desk, &what),
        TrainingCommand::Trainee(TraineeArgs { id, trainee: user, withdraw }) => {
            let recording = recording_of(context, &id)?;
            let (done, sentence) = match withdraw {
                false => (desk.name_trainee(who, &recording, &user, now), "may hear it"),
                true => (desk.withdraw_trainee(who, &recording, &user, now), "may hear it no longer"),
            };
            done.map_err(failure)?;
            match context.json() {
                true => output::say_json(&json!({ "recording": recording, "user": user, "named": !withdraw })),
                false => output::say(&format!("{user} {sentence}.")),
            }
            return Ok(());
        }
        TrainingCommand::List(ListArgs {}) => {
            list(context, &desk.material(who, now).map_err(failure)?);
            return Ok(());
        }
    };
    if context.json() {
        output::say_json(&json!({ "done": sentence }));
    } else {
        output::say(&format!("The proposal {sentence}."));
    }
    Ok(())
}
