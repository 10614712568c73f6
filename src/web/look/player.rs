//! The player: both legs one above the other, once somebody has said that they listen.

use std::collections::BTreeMap;

use maud::{Markup, html};
use retrocall_records::desk::Sound;

use crate::{asked::Asked, assets, frame, pages::Pages};

/// The player of a recording on the page `place`; `of` is the review or case by right of which somebody listens.
pub(crate) fn show(
    pages: &Pages,
    asked: &Asked,
    recording: &str,
    sound: &Sound,
    place: &str,
    of: Option<&str>,
) -> Markup {
    let texts = asked.texts();
    if !pages.plays.goes_on(asked.browser(), recording) {
        return html! {
            form.listen method="post" action=(format!("/recordings/{recording}/play")) {
                (frame::token(asked))
                input type="hidden" name="to" value=(place);
                @if let Some(of) = of { input type="hidden" name="of" value=(of); }
                button.main type="submit" autofocus { (texts.say("player-listen")) }
                span.hint { (texts.say("player-noted")) }
            }
        };
    }
    html! {
        script type="module" src=(assets::place("player.js")) {}
        section.player data-recording=(recording) data-sound=(facts(sound)) data-texts=(words(asked)) aria-label=(texts.say("player")) {
            @for number in 1..=sound.parts.len() {
                @let address = if number == 1 { String::new() } else { format!("?part={number}") };
                audio controls controlslist="nodownload" preload="metadata" src=(format!("/recordings/{recording}/audio{address}")) {}
            }
        }
    }
}

/// What the script draws.
fn facts(sound: &Sound) -> String {
    serde_json::to_string(sound).unwrap_or_default()
}

/// The words of the script, by its own names for them.
fn words(asked: &Asked) -> String {
    const NAMES: [&str; 22] = [
        "play",
        "pause",
        "back",
        "forward",
        "speed",
        "point",
        "skip-silence",
        "mute-agent",
        "mute-customer",
        "place",
        "agent",
        "customer",
        "note-place",
        "keys",
        "press",
        "mask",
        "hold",
        "erased",
        "gap",
        "failed",
        "listen",
        "noted",
    ];
    let all: BTreeMap<_, _> = NAMES.iter().map(|name| (name, asked.texts().say(&format!("player-{name}")))).collect();
    serde_json::to_string(&all).unwrap_or_default()
}
