//! `retrocall hotkey`: the agent's companion. Keys of the desktop control the agent's live call.

mod afar;
mod tell;
pub(super) mod test;
mod words;

use clap::Args;
use serde::Serialize;

use super::{Context, Failure, doctor, output};
use afar::AtCentre;
use retrocall_desk::hotkey::{Binding, Button, HotkeyError, Link, Recorder, accompany, take};
use retrocall_settings::{HotkeySettings, KeyCombo, parse_keys};
use retrocall_words::{Target, name};
use tell::Teller;

const EXAMPLES: &str = "Examples:
  retrocall hotkey                     ctrl+alt+r keeps your own live call, from its first second
  retrocall hotkey --record pause      another key
  retrocall hotkey --mask f9           also silences the call while f9 is held
  retrocall hotkey --agent anna        anna's live call
  retrocall hotkey --centre https://calls.example    your call on whatever engine has it
  retrocall hotkey --test              whether a press would arrive, be answered and be seen

At a centre it shows the token in hotkey.token, or in the environment's RETROCALL_TOKEN.
Settings: [hotkey] in retrocall.toml. Keys: ctrl, alt, shift, super, and one of a to z, 0 to 9, f1
to f24, pause, space and others, with + between them. Ctrl-C ends it.
Any desktop, keypad or stream deck can run `retrocall record` instead: docs/hotkey.md.";

/// Keys of the desktop that record, mask or make private your live call
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct HotkeyArgs {
    /// The agent whose live call they control [default: your own]
    #[arg(long, value_name = "NAME", value_parser = name)]
    agent: Option<String>,
    /// A centre that brings presses to the engine that has the call [default: the engine beside]
    #[arg(long, value_name = "URL")]
    centre: Option<String>,
    /// Keys that keep the whole call [default: ctrl+alt+r]
    #[arg(long, value_name = "KEYS", value_parser = parse_keys)]
    record: Option<KeyCombo>,
    /// Keys that silence the call while they are held [default: none]
    #[arg(long, value_name = "KEYS", value_parser = parse_keys)]
    mask: Option<KeyCombo>,
    /// Keys that wipe the call and hold nothing more of it [default: none]
    #[arg(long, value_name = "KEYS", value_parser = parse_keys)]
    private: Option<KeyCombo>,
    /// Make presses heard as well as seen
    #[arg(long)]
    sound: bool,
    /// Press each key once, through the desktop, and tell whether the press arrives; nothing is recorded
    #[arg(long)]
    test: bool,
}

/// The first line of `--json`, once the keys are taken.
#[derive(Serialize)]
struct Ready<'a> {
    ready: bool,
    /// The keys of each button.
    keys: Vec<Key<'a>>,
    /// Whether an engine runs.
    engine: bool,
}

#[derive(Serialize)]
struct Key<'a> {
    key: &'static str,
    keys: &'a str,
}

pub(super) fn run(context: &Context, args: HotkeyArgs) -> Result<(), Failure> {
    let settings = context.settings()?;
    let bindings = bindings(&args, &settings.hotkey)?;
    let centre = args.centre.as_deref().or(settings.hotkey.centre.as_deref());
    if centre.is_some() && args.agent.is_some() {
        return Err(Failure::new(
            "at a centre the token says whose calls they are",
            "leave out --agent, or use a token of that agent's account",
        ));
    }
    if args.test {
        return doctor::report(context, &test::checks(context, &settings, centre, &bindings));
    }
    output::wait_for_nobody();
    // Before the keys are taken: without a token there is nothing to press for.
    let button = centre.map(|centre| afar::button(context, &settings.hotkey, centre)).transpose()?;
    let mut keys = take(&bindings)?;
    let mut link: Box<dyn Recorder> = match button {
        Some(button) => {
            let agent = button.agent();
            say_ready(context, &keys.names(), agent.is_ok());
            if let Err(why) = agent {
                output::complain(&format!("{why}; a press tries again"));
            }
            Box::new(AtCentre(button))
        }
        None => {
            let mut link = Link::new(settings.socket_path(context.home()));
            let engine = link.connect().map(|_| ());
            say_ready(context, &keys.names(), engine.is_ok());
            if let Err(error) = engine {
                output::complain(&format!("{}; a press finds it when it runs", context.client_failure(error)));
            }
            Box::new(link)
        }
    };
    let target = args.agent.map_or(Target::Own, Target::Agent);
    let teller = Teller::start(context.json(), args.sound || settings.hotkey.sound);
    let Err(ended) = accompany(&mut *keys, &mut *link, &target, |told| teller.tell(told));
    Err(ended.into())
}

/// The keys of each button: flags before settings.
fn bindings(args: &HotkeyArgs, settings: &HotkeySettings) -> Result<Vec<Binding>, Failure> {
    let combos = [
        (Button::Record, args.record.or(settings.record)),
        (Button::Mask, args.mask.or(settings.mask)),
        (Button::Private, args.private.or(settings.private)),
    ];
    let mut bindings: Vec<Binding> = Vec::new();
    for (button, combo) in combos {
        let Some(combo) = combo else { continue };
        if let Some(other) = bindings.iter().find(|binding| binding.combo == combo) {
            let (one, two) = (other.button.as_str(), button.as_str());
            return Err(Failure::new(format!("{one} and {two} both have {combo}"), "give one of them other keys"));
        }
        bindings.push(Binding { button, combo });
    }
    match bindings.is_empty() {
        true => Err(Failure::new("no key is set", "set `record` in [hotkey] in retrocall.toml, or give --record KEYS")),
        false => Ok(bindings),
    }
}

fn say_ready(context: &Context, names: &[(Button, String)], engine: bool) {
    if context.json() {
        let keys = names.iter().map(|(button, keys)| Key { key: button.as_str(), keys }).collect();
        output::say_json(&Ready { ready: true, keys, engine });
        return;
    }
    for (button, keys) in names {
        output::say(&match button {
            Button::Record => format!("{keys} keeps your call, from its first second."),
            Button::Mask => format!("{keys} silences it while you hold it."),
            Button::Private => format!("{keys} makes it private: its audio is wiped."),
        });
    }
}

impl From<HotkeyError> for Failure {
    fn from(error: HotkeyError) -> Self {
        Failure::whole(error)
    }
}
