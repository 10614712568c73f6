//! `retrocall note`: an agent answers a note, or objects to it; the officer decides. Needs no engine.

use clap::{ArgGroup, Args};
use serde_json::json;

use super::{
    Context, Failure,
    actor::{Actor, failure, recording_of, text},
    output,
};
use retrocall_records::desk::{Decision, Notes as _, ReplyKind};

const EXAMPLES: &str = "Examples:
  retrocall note ID --reply 'The line was bad' --as anna
  retrocall note ID --object 'That was not my call' --as anna
  retrocall note ID --uphold 'It was a colleague' --as olga
  retrocall note ID --reject 'It is her voice' --as olga

ID is that of the note (`retrocall recordings show`), or of its recording: then the last note is
meant. An objection makes the recording the privacy officer's alone until it is decided.";

/// Answer a note, or object to it; decide about an objection
#[derive(Args)]
#[command(after_help = EXAMPLES)]
#[command(group = ArgGroup::new("answer").required(true))]
pub(super) struct NoteArgs {
    /// The note, its recording or its call
    #[arg(value_name = "ID")]
    id: String,
    /// Reply to it
    #[arg(long, value_name = "TEXT", value_parser = text, group = "answer")]
    reply: Option<String>,
    /// Object to it
    #[arg(long, value_name = "REASON", value_parser = text, group = "answer")]
    object: Option<String>,
    /// The agent is right: the note is struck out
    #[arg(long, value_name = "REASON", value_parser = text, group = "answer")]
    uphold: Option<String>,
    /// The note stays as it is
    #[arg(long, value_name = "REASON", value_parser = text, group = "answer")]
    reject: Option<String>,
    #[command(flatten)]
    actor: Actor,
}

pub(super) fn run(context: &Context, args: NoteArgs) -> Result<(), Failure> {
    let at = args.actor.at_desk(context)?;
    let id = recording_of(context, &args.id)?;
    let (done, what, sentence) = match (args.reply, args.object, args.uphold, args.reject) {
        (Some(words), ..) => (
            at.desk.reply(&at.who, &id, ReplyKind::Reply, &words, at.now),
            "replied",
            "The reply stands beside the note.",
        ),
        (_, Some(words), ..) => (
            at.desk.reply(&at.who, &id, ReplyKind::Objection, &words, at.now),
            "objected",
            "The objection is entered: until the privacy officer decides, nobody else can use the recording.",
        ),
        (_, _, Some(words), _) => (
            at.desk.decide(&at.who, &id, Decision::Upheld, &words, at.now),
            "upheld",
            "The note is struck out, and the recording is no longer kept for it.",
        ),
        (.., words) => (
            at.desk.decide(&at.who, &id, Decision::Rejected, &words.unwrap_or_default(), at.now),
            "rejected",
            "The note stays as it is.",
        ),
    };
    done.map_err(failure)?;
    if context.json() {
        output::say_json(&json!({ "note": args.id, "done": what }));
    } else {
        output::say(sentence);
    }
    Ok(())
}
