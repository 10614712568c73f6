//! The common part of the commands that control a live call: finding the call, and telling the result.

use clap::Args;

use super::{Context, Failure, output};
use retrocall_words::{Answer, Ask, CallId, Request, Target, Verdict, name};

/// The call to control.
#[derive(Args)]
pub(super) struct CallArgs {
    /// The live call of this agent
    #[arg(long, value_name = "NAME", value_parser = name, conflicts_with = "call")]
    agent: Option<String>,
    /// The call with this id [without --agent and --call: your own live call]
    #[arg(long, value_name = "ID", value_parser = call_id)]
    call: Option<CallId>,
}

fn call_id(text: &str) -> Result<CallId, String> {
    text.parse().map_err(|_| "an id as `retrocall calls` shows it".to_owned())
}

impl CallArgs {
    fn target(self) -> Target {
        match (self.agent, self.call) {
            (Some(agent), _) => Target::Agent(agent),
            (None, Some(call)) => Target::Call(call),
            (None, None) => Target::Own,
        }
    }
}

/// Asks the engine, and prints the result; `sentence` puts success in words.
pub(super) fn ask(
    context: &Context,
    call: CallArgs,
    ask: Ask,
    sentence: impl Fn(&Answer, &str) -> String,
) -> Result<(), Failure> {
    let verb = ask.verb().as_str();
    let mut client = context.connect()?;
    let answer = client.ask(Request::new(call.target(), ask)).map_err(|error| context.client_failure(error))?;
    // The request's number means nothing to the person who typed the command.
    let answer = Answer { id: None, ..answer };
    if context.json() {
        output::say_json(&answer);
    }
    if answer.answer == Verdict::Refused {
        return Err(Failure::refused(verb, &answer));
    }
    if !context.json() {
        let whose = match &answer.agent {
            Some(agent) => format!("{agent}'s call"),
            None => "the call".to_owned(),
        };
        let mut line = sentence(&answer, &whose);
        if let Some(text) = &answer.text {
            line = format!("{line} {}", as_sentence(text));
        }
        output::say(&line);
    }
    Ok(())
}

/// The length of the call, for the end of a sentence; empty if the engine did not tell.
pub(super) fn so_far(answer: &Answer) -> String {
    answer.seconds.map_or(String::new(), |seconds| format!(": {} so far", output::length(seconds)))
}

/// A text of the engine, as a sentence of its own.
fn as_sentence(text: &str) -> String {
    let mut chars = text.trim_end_matches('.').chars();
    chars.next().map_or(String::new(), |first| format!("{}{}.", first.to_uppercase(), chars.as_str()))
}
