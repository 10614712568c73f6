//! The live call on "My calls": a large button that keeps it whole, and what else an agent can ask for, answered in words.
//!
//! Belongs here: what is shown of a live call, and what can be pressed. Does not: rights (the engine's), the draw (nobody is told).

use axum::{extract::State, response::Response};
use maud::{Markup, html};
use retrocall_words::{
    Answer as Told, Ask, CallId, LiveState, Refusal as Reason, Verb, Verdict, Word as _,
    afar::{CallNews, afar},
};
use serde::Serialize;

use crate::{
    answer::{Answer, Refusal},
    asked::Asked,
    assets,
    button::{self, OwnCall},
    engine::{InName, NoEngine},
    frame,
    not_pressed::NotPressed,
    pages::{Pages, Shared},
    stream,
};

/// Where it is pressed, and where the page hears how things are.
const HERE: &str = "/mine/live";

/// What an agent can ask for here, in the order of the buttons. The first is the large one.
const BUTTONS: [Verb; 5] = [Verb::Record, Verb::Mask, Verb::Copy, Verb::Object, Verb::Private];

/// What a page shows of an agent's live calls.
#[derive(Clone, PartialEq, Serialize)]
pub(super) struct View {
    /// What is said if there is none.
    none: Option<String>,
    /// The one that a press means comes first.
    calls: Vec<Card>,
}

/// A live call on the page.
#[derive(Clone, PartialEq, Serialize)]
struct Card {
    call: CallId,
    title: String,
    states: Vec<String>,
    buttons: Vec<Button>,
}

/// Something to press.
#[derive(Clone, PartialEq, Serialize)]
struct Button {
    #[serde(rename = "do")]
    does: &'static str,
    text: String,
    /// How it looks: large, or as what holds now.
    class: Option<&'static str>,
    /// Whether nothing can be pressed for it any more.
    is_off: bool,
}

/// What an agent is told of a press.
#[derive(Serialize)]
pub(super) struct Said {
    pub said: String,
    /// More, in the engine's words.
    pub more: Option<String>,
    pub is_done: bool,
    pub view: View,
}

/// How things are now.
pub(super) async fn view(pages: &Shared, asked: &Asked) -> Answer<View> {
    let who = asked.who()?;
    Ok(view_of(pages, asked, button::calls(pages, &who).await))
}

fn view_of(pages: &Pages, asked: &Asked, found: Result<Vec<OwnCall>, NoEngine>) -> View {
    let texts = asked.texts();
    let Ok(mut calls) = found else { return View { none: Some(texts.say("live-no-engine")), calls: Vec::new() } };
    // As a press means them.
    calls.sort_by_key(|own| own.call.rank());
    let none = calls.is_empty().then(|| texts.say("live-none"));
    View { none, calls: calls.iter().map(|own| card(pages, asked, own)).collect() }
}

fn card(pages: &Pages, asked: &Asked, OwnCall { call, may }: &OwnCall) -> Card {
    let (texts, states) = (asked.texts(), call.states);
    let began = pages.zone().to_datetime(call.began);
    let since = format!("{:02}:{:02}", began.hour(), began.minute());
    let is_held = !(states.private || call.exempt);
    let is_kept = states.recording || states.copy;
    let has_ended = call.state == LiveState::Ended;
    let said = [
        ("live-is-ended", has_ended),
        ("live-is-disconnected", call.state == LiveState::Disconnected),
        ("live-is-exempt", call.exempt),
        ("live-is-private", states.private && !call.exempt),
        ("live-is-kept", is_kept),
        ("live-is-copy", states.copy),
        ("live-is-masked", states.masked),
        ("live-is-on-hold", states.on_hold),
        ("live-is-objected", states.objected),
    ];
    let button = |verb: Verb| {
        let (does, key, is_on, is_off) = match verb {
            Verb::Record if states.recording => (verb, "live-mark", true, false),
            Verb::Record => (verb, "live-record", false, !is_held),
            Verb::Mask if states.masked => (Verb::Unmask, "live-unmask", true, has_ended),
            Verb::Mask => (verb, "live-mask", false, has_ended || !is_held),
            Verb::Copy => (verb, "live-copy", states.copy, states.copy || !is_held),
            Verb::Object => (verb, "live-object", states.objected, states.objected),
            _ => (Verb::Private, "live-private", states.private, states.private || is_kept || call.exempt),
        };
        let class = match verb {
            Verb::Record => Some("main large"),
            _ => is_on.then_some("on"),
        };
        let is_barred = may.as_ref().is_some_and(|may| !CallNews::lets(may, does));
        Button { does: does.as_str(), text: texts.say(key), class, is_off: is_off || is_barred }
    };
    Card {
        call: call.call,
        title: texts.fill("live-call-since", [("time", since.into())]),
        states: said.into_iter().filter(|(_, is_so)| *is_so).map(|(key, _)| texts.say(key)).collect(),
        buttons: BUTTONS.map(button).into(),
    }
}

/// The section of the page, with what was just said of a press.
pub(super) fn section(asked: &Asked, view: &View, said: Option<&str>) -> Markup {
    let texts = asked.texts();
    html! {
        script type="module" src=(assets::place("live.js")) {}
        section.call.live id="live" aria-labelledby="live-title" data-live=(HERE) data-lost=(texts.say("live-lost")) data-late=(texts.say("live-late")) {
            h2 id="live-title" { (texts.say("live-title")) }
            p.said id="live-said" role="status" { @if let Some(said) = said { (said) } }
            div id="live-calls" data-form=(asked.form_token()) {
                @if let Some(none) = &view.none { p.hint { (none) } }
                @for card in &view.calls { (one(asked, card)) }
            }
            @if view.calls.is_empty() {
                // Without a script the page does not hear of a call that begins: the button means whatever call there is then.
                noscript {
                    form method="post" action=(HERE) {
                        (frame::token(asked))
                        button.main.large type="submit" name="do" value=(Verb::Record.as_str()) { (texts.say("live-record")) }
                    }
                }
            }
        }
    }
}

fn one(asked: &Asked, card: &Card) -> Markup {
    html! {
        article.live-call data-call=(card.call) {
            h3 { (card.title) }
            ul.states { @for state in &card.states { li { (state) } } }
            form.presses method="post" action=(HERE) {
                (frame::token(asked))
                input type="hidden" name="call" value=(card.call);
                @for button in &card.buttons {
                    button type="submit" name="do" value=(button.does) class=[button.class] disabled[button.is_off] { (button.text) }
                }
            }
        }
    }
}

/// What can be pressed here, and nothing else.
pub(crate) fn ask_of(word: &str) -> Option<Ask> {
    afar(Verb::read(word)?)
}

/// The call that is meant: the one that the page showed. None: the agent's own.
pub(crate) fn call_of(call: Option<&str>) -> Answer<Option<CallId>> {
    call.map(|call| call.parse().map_err(|_| Refusal::Incomplete)).transpose()
}

/// What is said of a press: the engine's answer in words, and how things are then.
pub(super) fn said(
    pages: &Pages,
    asked: &Asked,
    verb: Verb,
    told: &Result<Told, NotPressed>,
    calls: Result<Vec<OwnCall>, NoEngine>,
) -> Said {
    let (texts, view) = (asked.texts(), view_of(pages, asked, calls));
    let told = match told {
        Ok(told) => told,
        Err(why) => return Said { said: texts.say(why.text()), more: None, is_done: false, view },
    };
    let said = match told.answer {
        Verdict::Accepted if verb == Verb::Record => {
            let so_far = frame::length(told.seconds.unwrap_or_default());
            texts.fill("live-done-record", [("length", so_far.into())])
        }
        Verdict::Accepted => texts.say(&format!("live-done-{verb}")),
        Verdict::Already if verb == Verb::Record => texts.say("live-again-record"),
        Verdict::Already => texts.say("live-again"),
        Verdict::Refused => refused(asked, told.reason),
    };
    let is_done = told.answer != Verdict::Refused;
    // What the engine adds to what it did: that some of the call is gone, or that the disk has to take it yet.
    Said { said, more: told.text.clone().filter(|_| is_done), is_done, view }
}

/// Why nothing was done, and what to do.
fn refused(asked: &Asked, reason: Option<Reason>) -> String {
    let key = match reason {
        Some(Reason::NoCall) => "live-not-no-call",
        Some(Reason::UnknownCall | Reason::Ended) => "live-not-ended",
        Some(Reason::NotYours) => "live-not-yours",
        Some(Reason::Private) => "live-not-private",
        Some(Reason::Exempt) => "live-not-exempt",
        Some(Reason::Objected) => "live-not-objected",
        Some(Reason::Recording) => "live-not-recording",
        Some(Reason::Disk) => "live-not-disk",
        Some(Reason::NoAccount) => "live-not-account",
        _ => "live-not",
    };
    asked.texts().say(key)
}

/// Tells the page how things are, whenever that changes.
pub(crate) async fn events(State(pages): State<Shared>, asked: Asked) -> Answer<Response> {
    let who = asked.who()?;
    let (of, seen) = (asked.clone(), std::sync::Arc::clone(&pages));
    let mut engine: Option<InName> = None;
    stream::changes(&pages, &asked, move |link| {
        if let Some(calls) = button::calls_afar(&seen, &who) {
            return serde_json::to_string(&view_of(&seen, &of, Ok(calls))).unwrap_or_default();
        }
        let found = match engine.take() {
            Some(open) => Ok(open),
            None => link.in_name_of(&who.name),
        };
        let found = found.and_then(|mut open| {
            let calls = button::calls_of(&mut open)?;
            // The next look has the same connection, as long as it answers.
            engine = Some(open);
            Ok(calls)
        });
        serde_json::to_string(&view_of(&seen, &of, found)).unwrap_or_default()
    })
}
