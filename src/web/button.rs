//! The button, wherever the call is: at the engine beside, or, at a centre, at a site.
//!
//! Belongs here: asking for an agent's live calls, and pressing. Does not: words, what is shown (`look::live`), the way to sites (`afar`).

use std::{sync::Arc, time::Duration};

use retrocall_records::desk::Person;
use retrocall_words::{
    Answer as Told, Ask, CallId, LiveCall, Refusal as Reason, Target, Verdict,
    afar::{AfarCall, Came, Press, PressId},
};

use super::{
    afar::{Found, NoCall},
    engine::{InName, NoEngine},
    not_pressed::NotPressed,
    pages::Shared,
};

/// An agent's live call, and what can be pressed for it from here.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct OwnCall {
    pub call: AfarCall,
    /// None: everything.
    pub may: Option<Arc<[String]>>,
}

impl From<LiveCall> for OwnCall {
    fn from(live: LiveCall) -> OwnCall {
        OwnCall { call: live.into(), may: None }
    }
}

impl From<Found> for OwnCall {
    fn from(found: Found) -> OwnCall {
        OwnCall { call: found.call, may: Some(found.may) }
    }
}

/// Something that somebody presses.
#[derive(Debug, Clone)]
pub(crate) struct Pressing {
    /// The call that was shown. None: the agent's own.
    pub call: Option<CallId>,
    pub ask: Ask,
    pub press: PressId,
    /// How old it is.
    pub age: Duration,
}

/// The calls of whoever this connection acts for; none if they have nothing to do with calls.
pub(crate) fn calls_of(engine: &mut InName) -> Result<Vec<OwnCall>, NoEngine> {
    let calls = engine.ask(Target::Own, Ask::Calls)?.calls.unwrap_or_default();
    Ok(calls.into_iter().map(OwnCall::from).collect())
}

/// The live calls of whoever is logged in, on all sites. None: this is no centre.
pub(crate) fn calls_afar(pages: &Shared, who: &Person) -> Option<Vec<OwnCall>> {
    let afar = pages.afar.as_ref()?;
    let found = who.agent.as_ref().map(|agent| afar.calls(agent)).unwrap_or_default();
    Some(found.into_iter().map(OwnCall::from).collect())
}

/// The live calls of whoever is logged in.
///
/// # Errors
/// That no engine answers.
pub(crate) async fn calls(pages: &Shared, who: &Arc<Person>) -> Result<Vec<OwnCall>, NoEngine> {
    match calls_afar(pages, who) {
        Some(calls) => Ok(calls),
        None => {
            let who = Arc::clone(who);
            pages.ask_engine(move |engine| calls_of(&mut engine.in_name_of(&who.name)?)).await
        }
    }
}

/// Presses, and says what came of it, and how the calls are then.
pub(crate) async fn press(
    pages: &Shared,
    who: &Arc<Person>,
    pressing: Pressing,
) -> (Result<Told, NotPressed>, Result<Vec<OwnCall>, NoEngine>) {
    if pages.afar.is_some() {
        let ask = pressing.ask.clone();
        let told = press_afar(pages, who, pressing).await;
        let mut calls = calls_afar(pages, who).unwrap_or_default();
        // The site says so in a moment.
        if let Ok(Told { answer: Verdict::Accepted | Verdict::Already, call: Some(done), .. }) = &told
            && let Some(own) = calls.iter_mut().find(|own| own.call.call == *done)
        {
            own.call.states = ask.after(own.call.states);
        }
        return (told, Ok(calls));
    }
    let who = Arc::clone(who);
    let found = pages.ask_engine(move |engine| -> Result<_, NoEngine> {
        let mut engine = engine.in_name_of(&who.name)?;
        let told = engine.ask(pressing.call.map_or(Target::Own, Target::Call), pressing.ask)?;
        Ok((told, calls_of(&mut engine)?))
    });
    match found.await {
        Ok((told, calls)) => (Ok(told), Ok(calls)),
        Err(none) => (Err(none.into()), Err(none)),
    }
}

/// Presses for a call of a site.
async fn press_afar(pages: &Shared, who: &Person, pressing: Pressing) -> Result<Told, NotPressed> {
    let Pressing { call, ask, press, age } = pressing;
    let afar = pages.afar.as_ref().ok_or(NotPressed::NoEngine)?;
    // By their own account, for their own calls alone.
    let Some(agent) = who.agent.clone() else { return Ok(Told::refused(Reason::NoAccount)) };
    let found = match afar.meant(&agent, call) {
        Ok(found) => found,
        Err(NoCall::None) => return Ok(Told::refused(Reason::NoCall)),
        Err(NoCall::Unknown) => return Ok(Told::refused(Reason::UnknownCall)),
        Err(NoCall::NotYours) => return Ok(Told::refused(Reason::NotYours)),
        Err(NoCall::TwoSites) => return Err(NotPressed::TwoSites),
    };
    let press = Press { press, call: found.call.call, agent, by: who.name.clone(), does: ask.verb() };
    match afar.press(&found, press, age).await {
        Came::Answered { answer } => Ok(*answer),
        Came::Late => Err(NotPressed::Late),
        Came::Barred => Err(NotPressed::Barred),
        Came::NoEngine => Err(NotPressed::NoEngine),
        Came::Unreached => Err(NotPressed::Unreached),
        Came::Unknown => Err(NotPressed::Unknown),
    }
}
