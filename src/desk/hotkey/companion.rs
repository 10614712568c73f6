//! The agent's companion: waits for keys, asks the engine, and reports the outcome.
//!
//! Belongs here: which key asks what, for which call. Does not: where keys come from, words.

use std::{
    convert::Infallible,
    time::{Duration, Instant},
};

use nix::poll::PollTimeout;

use super::{Button, HotkeyError, KeyEvent, Keys, Recorder, Unanswered, sleep};
use retrocall_words::{Answer, Ask, CallId, Clock as _, Event, Reason, Refusal, SystemClock, Target, Verdict};

/// A report of the companion.
#[derive(Debug)]
pub enum Report {
    /// A key was pressed or released, and the engine was asked.
    Pressed(Box<Press>),
    /// An event about a call that is kept, or that concerns the agent.
    Event(Event),
    /// A key is lost.
    Lost(HotkeyError),
}

/// A press of a key, and its answer.
#[derive(Debug)]
pub struct Press {
    /// The key.
    pub button: Button,
    /// What was asked.
    pub ask: Ask,
    /// The engine's answer, or why there is none.
    pub came: Result<Answer, Unanswered>,
    /// Somebody else had masked the call: releasing the key does not unmask it.
    pub stays_masked: bool,
    /// Time from the key to the answer.
    pub took: Duration,
}

/// Waits for keys, asks the engine about the call of `target`, and reports. Ends only when the keys do. Sleeps while nothing happens.
///
/// # Errors
/// [`HotkeyError`] if no key will ever come again.
pub fn accompany(
    keys: &mut dyn Keys,
    link: &mut dyn Recorder,
    target: &Target,
    mut tell: impl FnMut(Report),
) -> Result<Infallible, HotkeyError> {
    let mut companion = Companion { target, masked: None, recorded: None };
    loop {
        while let Some(event) = keys.next()? {
            let began = SystemClock.now();
            match event {
                KeyEvent::Down(button) => tell(Report::Pressed(companion.down(link, button, began).into())),
                KeyEvent::Up(button) => {
                    let press = companion.up(link, button, began);
                    press.into_iter().for_each(|press| tell(Report::Pressed(press.into())));
                }
                KeyEvent::Lost(error) => tell(Report::Lost(error)),
            }
        }
        let events = link.events();
        events.into_iter().filter(|event| !companion.knows(event)).for_each(|event| tell(Report::Event(event)));
        let fds: Vec<_> = [Some(keys.fd()), link.fd()].into_iter().flatten().collect();
        sleep(&fds, PollTimeout::NONE)?;
    }
}

struct Companion<'a> {
    target: &'a Target,
    /// The call that the mask key has masked, until the engine says that the mask is over.
    masked: Option<Target>,
    /// The call for which record was pressed here last.
    recorded: Option<CallId>,
}

impl Companion<'_> {
    /// Whether an event only says what the agent was told as the answer to a press.
    fn knows(&self, event: &Event) -> bool {
        match event {
            Event::Recording { call, reason, .. } => {
                self.recorded == Some(*call) && reason.is_none_or(|reason| reason == Reason::OnDemand)
            }
            Event::Kept { call, .. } => self.recorded == Some(*call),
            _ => false,
        }
    }

    fn down(&mut self, link: &mut dyn Recorder, button: Button, began: Instant) -> Press {
        let ask = match button {
            Button::Record => Ask::Record,
            Button::Mask => Ask::Mask,
            Button::Private => Ask::Private,
        };
        let asked = link.ask(self.target, &ask);
        if let (Button::Record, Ok(answer)) = (button, &asked.came)
            && answer.answer != Verdict::Refused
        {
            self.recorded = answer.call;
        }
        let mut stays_masked = false;
        if button == Button::Mask {
            let before = self.masked.take();
            match &asked.came {
                Ok(answer) if answer.answer != Verdict::Refused => {
                    let call = answer.call.map_or_else(|| self.target.clone(), Target::Call);
                    // It may be our own mask: asked for twice, or left because the engine did not answer.
                    let ours = answer.answer == Verdict::Accepted || asked.twice || before.as_ref() == Some(&call);
                    stays_masked = !ours;
                    self.masked = ours.then_some(call);
                }
                Ok(_) => {}
                // It may be masked now: releasing the key must unmask it.
                Err(error) if error.is_not_done() => {}
                Err(_) => self.masked = Some(self.target.clone()),
            }
        }
        Press { button, ask, came: asked.came, stays_masked, took: SystemClock.since(began) }
    }

    fn up(&mut self, link: &mut dyn Recorder, button: Button, began: Instant) -> Option<Press> {
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
        Some(Press { button, ask: Ask::Unmask, came, stays_masked: false, took: SystemClock.since(began) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fake::{Fake, Seen, hello, yes};
    use crate::hotkey::Link;
    use retrocall_words::{Origin, Request};

    /// A fake engine that expects questions about `call`, and answers `mask` and `unmask` as told.
    fn engine(call: CallId, mask: Verdict, unmask: fn() -> Answer) -> Fake {
        Fake::start(vec![hello()], move |request, _| match request.ask {
            Ask::Mask => Answer { answer: mask, ..yes(request, call) }.into(),
            Ask::Unmask => Answer { call: Some(call), ..unmask() }.into(),
            _ => yes(request, call).into(),
        })
    }

    fn asked(engine: &Fake) -> Vec<(Target, Ask)> {
        let requests = engine.seen().into_iter().map(|seen| match seen {
            Seen::Asked(Request { target, ask, .. }) => (target, ask),
            Seen::Audio { .. } => panic!("a hotkey sends no audio"),
        });
        requests.collect()
    }

    #[test]
    fn a_mask_of_ours_that_was_not_ended_in_time_is_ended_by_the_next_press() {
        let call = CallId::new();
        let engine = engine(call, Verdict::Already, || Answer::new(Verdict::Accepted));
        let (mut link, target) = (Link::new(engine.socket.clone()), Target::Agent("anna".into()));
        let mut companion = Companion { target: &target, masked: Some(Target::Call(call)), recorded: None };
        assert!(!companion.down(&mut link, Button::Mask, SystemClock.now()).stays_masked);
        assert!(companion.up(&mut link, Button::Mask, SystemClock.now()).is_some());
        assert_eq!(asked(&engine), [(target.clone(), Ask::Mask), (Target::Call(call), Ask::Unmask)]);
        assert_eq!(companion.masked, None);
    }

    #[test]
    fn a_call_that_somebody_else_asked_to_keep_is_told_and_the_own_press_is_not_told_twice() {
        let call = CallId::new();
        let engine = engine(call, Verdict::Accepted, || Answer::new(Verdict::Accepted));
        let (mut link, target) = (Link::new(engine.socket.clone()), Target::Own);
        let mut companion = Companion { target: &target, masked: None, recorded: None };
        let recording = |call, reason| {
            let (reason, origin) = (Some(reason), Some(Origin::CustomerKey));
            Event::Recording { call, agent: None, reason, origin }
        };
        let kept = |call| Event::Kept { call, path: "/a.wav".into(), parts: vec![], seconds: 1.0 };
        assert!(!companion.knows(&recording(call, Reason::OnDemand)) && !companion.knows(&kept(call)));
        companion.down(&mut link, Button::Record, SystemClock.now());
        assert!(companion.knows(&recording(call, Reason::OnDemand)) && companion.knows(&kept(call)));
        assert!(!companion.knows(&recording(call, Reason::Copy)));
        assert!(
            !companion.knows(&recording(CallId::new(), Reason::OnDemand)) && !companion.knows(&kept(CallId::new()))
        );
    }

    #[test]
    fn a_call_that_ended_under_the_mask_key_needs_no_word_when_it_is_let_go() {
        let call = CallId::new();
        let engine = engine(call, Verdict::Accepted, || Answer::refused(Refusal::UnknownCall));
        let (mut link, target) = (Link::new(engine.socket.clone()), Target::Own);
        let mut companion = Companion { target: &target, masked: None, recorded: None };
        assert!(companion.down(&mut link, Button::Mask, SystemClock.now()).came.is_ok());
        assert!(companion.up(&mut link, Button::Mask, SystemClock.now()).is_none());
        // Nothing is masked any more: the next release asks for nothing.
        assert!(companion.up(&mut link, Button::Mask, SystemClock.now()).is_none());
        assert_eq!(asked(&engine).len(), 2);
    }
}
