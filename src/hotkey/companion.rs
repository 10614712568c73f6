//! The agent's companion: waits for keys, asks the engine, and tells what came of it.
//!
//! Belongs here: which key asks what, for which call. Does not: where keys come from, words.

use std::{
    convert::Infallible,
    time::{Duration, Instant},
};

use nix::poll::PollTimeout;

use super::{Button, HotkeyError, KeyEvent, Keys, Link, sleep};
use crate::{
    client::ClientError,
    protocol::{Answer, Ask, Event, Refusal, Target, Verdict},
};

/// What there is to tell.
#[derive(Debug)]
pub enum Told {
    /// What came of a key.
    Pressed(Outcome),
    /// What the engine says unasked of a call for which record was pressed here.
    Event(Event),
    /// A key can't be had any more.
    Lost(HotkeyError),
}

/// What came of a key.
#[derive(Debug)]
pub struct Outcome {
    /// The key.
    pub button: Button,
    /// What was asked.
    pub ask: Ask,
    /// The engine's answer, or why there is none.
    pub came: Result<Answer, ClientError>,
    /// The call was masked by somebody else, and stays so when the key is let go.
    pub stays_masked: bool,
    /// From the key to the answer.
    pub took: Duration,
}

/// Waits for keys, asks the engine about the call of `target`, and tells. Ends with the keys alone. While nothing happens it sleeps.
///
/// # Errors
/// [`HotkeyError`] if no key will ever come again.
pub fn accompany(
    keys: &mut dyn Keys,
    link: &mut Link,
    target: &Target,
    mut tell: impl FnMut(Told),
) -> Result<Infallible, HotkeyError> {
    let mut companion = Companion { target, masked: None };
    loop {
        while let Some(event) = keys.next()? {
            let began = Instant::now();
            match event {
                KeyEvent::Down(button) => tell(Told::Pressed(companion.down(link, button, began))),
                KeyEvent::Up(button) => {
                    companion.up(link, button, began).into_iter().for_each(|outcome| tell(Told::Pressed(outcome)));
                }
                KeyEvent::Lost(error) => tell(Told::Lost(error)),
            }
        }
        link.events().into_iter().for_each(|event| tell(Told::Event(event)));
        let fds: Vec<_> = [Some(keys.fd()), link.fd()].into_iter().flatten().collect();
        sleep(&fds, PollTimeout::NONE)?;
    }
}

struct Companion<'a> {
    target: &'a Target,
    /// The call that the mask key has masked, until the engine says that it is not any more.
    masked: Option<Target>,
}

impl Companion<'_> {
    fn down(&mut self, link: &mut Link, button: Button, began: Instant) -> Outcome {
        let ask = match button {
            Button::Record => Ask::Record,
            Button::Mask => Ask::Mask,
            Button::Private => Ask::Private,
        };
        let asked = link.ask(self.target, &ask);
        let mut stays_masked = false;
        if button == Button::Mask {
            let before = self.masked.take();
            match &asked.came {
                Ok(answer) if answer.answer != Verdict::Refused => {
                    let call = answer.call.map_or_else(|| self.target.clone(), Target::Call);
                    // It may be our own mask: asked for twice, or not ended because the engine did not answer.
                    let ours = answer.answer == Verdict::Accepted || asked.twice || before.as_ref() == Some(&call);
                    stays_masked = !ours;
                    self.masked = ours.then_some(call);
                }
                Ok(_) => {}
                // It may be masked now: the key that is let go says that it must not be.
                Err(ClientError::NoEngine { .. }) => {}
                Err(_) => self.masked = Some(self.target.clone()),
            }
        }
        Outcome { button, ask, came: asked.came, stays_masked, took: began.elapsed() }
    }

    fn up(&mut self, link: &mut Link, button: Button, began: Instant) -> Option<Outcome> {
        if button != Button::Mask {
            return None;
        }
        let call = self.masked.clone()?;
        let came = link.ask(&call, &Ask::Unmask).came;
        if let Ok(answer) = &came {
            self.masked = None;
            // The call ended under the key: there is nothing left to unmask.
            if matches!(answer.reason, Some(Refusal::Ended | Refusal::UnknownCall | Refusal::NoCall)) {
                return None;
            }
        }
        Some(Outcome { button, ask: Ask::Unmask, came, stays_masked: false, took: began.elapsed() })
    }
}
