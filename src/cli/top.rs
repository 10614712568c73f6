//! `retrocall top`: the live calls in the terminal.
//!
//! Holds no audio, so there is nothing to wipe. Like the desk it never learns the draw: the engine does not tell it.

mod screen;

use std::{
    io::{self, IsTerminal},
    path::PathBuf,
    process, thread,
    time::Duration,
};

use clap::Args;
use nix::sys::signal::{SigSet, Signal};
use ratatui::{
    DefaultTerminal,
    crossterm::{
        cursor,
        event::{self, Event, KeyCode, KeyEvent, KeyEventKind, KeyModifiers},
        execute,
    },
};

use super::{Context, Failure, copy, mask, output, record, unmask};
use retrocall_client::client::{Client, ClientError};
use retrocall_words::{
    Answer, Ask, CallId, Clock as _, Event as EngineEvent, LiveCall, Reason, Refusal, Request, SystemClock, Target,
    Verdict,
};
use screen::{Memory, View};

const EXAMPLES: &str = "Examples:
  retrocall top
  retrocall --home /srv/desk top

Arrows (or j and k) choose a call, r records it, c keeps it for a copy that the customer wants,
m masks it or ends its mask, q quits.
An agent sees and controls their own calls; the engine's owner all. Nobody sees whether a call is in
the sample.";

/// How often to ask for the calls: often enough for a meter.
const LOOK: Duration = Duration::from_millis(250);
/// How long a person at a screen waits for an answer.
const ANSWER_MAX: Duration = Duration::from_secs(2);

/// The live calls on the screen, with keys to record or mask one
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct TopArgs {}

pub(super) fn run(context: &Context, _args: TopArgs) -> Result<(), Failure> {
    if context.json() {
        return Err(Failure::new("top draws on a terminal and has no JSON", "ask `retrocall calls --json`"));
    }
    if !(io::stdin().is_terminal() && io::stdout().is_terminal()) {
        return Err(Failure::new("top needs a terminal", "`retrocall calls` prints the same once"));
    }
    let desk = EngineLink {
        socket: context.settings()?.socket_path(context.home()),
        client: None,
        sees_status: true,
        news: None,
    };
    restore_when_ended_by_a_signal();
    let mut terminal = ratatui::try_init().map_err(no_terminal)?;
    let done = watch(context, &mut terminal, desk);
    drop(terminal);
    restore();
    done.map_err(no_terminal)
}

fn no_terminal(error: io::Error) -> Failure {
    Failure::new(format!("the terminal can't be drawn on ({error})"), "`retrocall calls` prints the same once")
}

fn restore() {
    ratatui::restore();
    let _ = execute!(io::stdout(), cursor::Show);
}

/// Restores the terminal when a signal ends the program: nobody else can use it in our state. `ratatui::init` does the same for panics.
fn restore_when_ended_by_a_signal() {
    let signals: SigSet = [Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP].into_iter().collect();
    if signals.thread_block().is_ok() {
        thread::spawn(move || {
            if let Ok(signal) = signals.wait() {
                restore();
                process::exit(128 + signal as i32);
            }
        });
    }
}

/// Draws and obeys keys until the user quits.
fn watch(context: &Context, terminal: &mut DefaultTerminal, mut desk: EngineLink) -> io::Result<()> {
    let mut view = View::default();
    loop {
        let next = SystemClock.now() + LOOK;
        match desk.look() {
            Ok((calls, memory)) => {
                view.see(calls, memory);
                view.word = desk.news.take().or(view.word.take());
            }
            Err(error) => view.see_nothing(context.client_failure(error).to_string()),
        }
        loop {
            terminal.draw(|frame| screen::draw(frame, &view))?;
            if !event::poll(SystemClock.until(next))? {
                break;
            }
            let Event::Key(key) = event::read()? else { continue };
            if key.kind == KeyEventKind::Press {
                match obey(context, key, &mut view, &mut desk) {
                    Next::Draw => {}
                    Next::Look => break,
                    Next::End => return Ok(()),
                }
            }
        }
    }
}

/// What follows a key.
enum Next {
    Draw,
    /// Something has changed: look before the next press, so that it meets the new state.
    Look,
    End,
}

/// Does what a key asks for.
fn obey(context: &Context, key: KeyEvent, view: &mut View, desk: &mut EngineLink) -> Next {
    let ctrl = key.modifiers.contains(KeyModifiers::CONTROL);
    match key.code {
        KeyCode::Char('q') | KeyCode::Esc => return Next::End,
        KeyCode::Char('c') if ctrl => return Next::End,
        KeyCode::Down | KeyCode::Char('j') => view.choose(1),
        KeyCode::Up | KeyCode::Char('k') => view.choose(-1),
        KeyCode::Char('r') => return press(context, view, desk, |_| Ask::Record),
        KeyCode::Char('c') => return press(context, view, desk, |_| Ask::Copy),
        KeyCode::Char('m') => {
            return press(context, view, desk, |call| if call.states.masked { Ask::Unmask } else { Ask::Mask });
        }
        _ => {}
    }
    Next::Draw
}

/// Presses a button of the chosen call, and shows the result.
fn press(context: &Context, view: &mut View, desk: &mut EngineLink, ask: impl Fn(&LiveCall) -> Ask) -> Next {
    let Some(call) = view.chosen() else { return Next::Draw };
    let (ask, whose) = (ask(call), format!("{}'s call", call.agent));
    view.word = Some(match desk.press(call.call, ask.clone()) {
        Ok(answer) if answer.answer == Verdict::Refused => Failure::refused(ask.verb().as_str(), &answer).to_string(),
        Ok(answer) => match ask {
            Ask::Record => record::sentence(&answer, &whose),
            Ask::Copy => copy::sentence(&answer, &whose),
            Ask::Mask => mask::sentence(&answer, &whose, "m"),
            _ => unmask::sentence(&answer, &whose),
        },
        Err(error) => context.client_failure(error).to_string(),
    });
    Next::Look
}

/// The connection to the engine: kept, and renewed when it breaks.
struct EngineLink {
    socket: PathBuf,
    client: Option<Client>,
    /// Whether the engine shows this user its status. To agents it does not.
    sees_status: bool,
    /// What the engine said last of calls that are kept.
    news: Option<String>,
}

/// What an event says of a call that is kept, if it does.
fn news(event: &EngineEvent) -> Option<String> {
    match event {
        EngineEvent::Recording { agent, reason, .. } => {
            let whose = agent.as_ref().map_or_else(|| "a call".to_owned(), |agent| format!("{agent}'s call"));
            let why = if *reason == Some(Reason::Copy) { "the customer wants a copy" } else { "record was pressed" };
            Some(format!("Kept from its first second, {whose}: {why}."))
        }
        EngineEvent::Kept { seconds, .. } => Some(format!("A call of {} is on disk.", output::length(*seconds))),
        _ => None,
    }
}

impl EngineLink {
    fn look(&mut self) -> Result<(Vec<LiveCall>, Option<Memory>), ClientError> {
        let calls = self.ask(Target::Own, Ask::Calls)?.calls.unwrap_or_default();
        if !self.sees_status {
            return Ok((calls, None));
        }
        let answer = self.ask(Target::Own, Ask::Status)?;
        self.sees_status = answer.reason != Some(Refusal::NotYours);
        let memory = answer.status.map(|status| Memory { held: status.held_bytes, left: status.free_bytes });
        Ok((calls, memory))
    }

    fn press(&mut self, call: CallId, ask: Ask) -> Result<Answer, ClientError> {
        let answer = self.ask(Target::Call(call), ask);
        // The answer says it.
        self.news = None;
        answer
    }

    fn ask(&mut self, target: Target, ask: Ask) -> Result<Answer, ClientError> {
        let mut client = match self.client.take() {
            Some(client) => client,
            None => {
                // Another engine may know us differently.
                self.sees_status = true;
                Client::connect_within(&self.socket, ANSWER_MAX)?
            }
        };
        let answer = client.ask_within(Request::new(target, ask), ANSWER_MAX)?;
        self.news = client.events().filter_map(|event| news(&event)).last().or(self.news.take());
        self.client = Some(client);
        Ok(answer)
    }
}
