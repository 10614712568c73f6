//! "Add it to a case": the open cases that a press may belong to, by who had the call, who opened the case, and when.

use axum::{extract::State, response::Response};
use jiff::civil::Date;
use maud::{Markup, html};
use retrocall_records::desk::{Case, CaseSearch, Cases as _, Desk as _, Story};

use crate::{
    answer::{Answer, Refusal, shown},
    asked::Asked,
    frame,
    pages::{Pages, Shared},
};

/// Characters of what is searched for.
const TEXT_CHARS_MAX: usize = 200;
pub(super) const HERE: &str = "/cases/choose";

pub(crate) async fn show(State(pages): State<Shared>, asked: Asked) -> Answer<Response> {
    let who = asked.who()?;
    let recording = asked.query.get("recording").ok_or(Refusal::Incomplete)?.to_owned();
    let of = asked.query.text("of", TEXT_CHARS_MAX)?;
    let on = asked.query.get("on").map(str::parse::<Date>).transpose().map_err(|_| Refusal::Incomplete)?;
    let calendar = &pages.rules.calendar;
    let from = on.map(|on| calendar.end_of(on.yesterday().unwrap_or(on)));
    let search = CaseSearch { of: of.clone(), from, before: on.map(|on| calendar.end_of(on)) };
    let (story, found) = pages
        .ask(move |desk, _| -> Answer<(Story, Vec<Case>)> {
            Ok((desk.story(&who, &recording)?, desk.find_cases(&who, &search)?))
        })
        .await?;
    let texts = asked.texts();
    let recording = &story.recording;
    let press = [
        ("agent", (&*recording.agent).into()),
        ("moment", frame::moment(&asked, recording.start, pages.zone()).into()),
    ];
    let content = html! {
        h1 { (texts.say("choosing-title")) }
        p { a href=(format!("/recordings/{}", recording.id)) { (texts.fill("cases-press-of", press)) } }
        form.row.asking method="get" action=(HERE) {
            input type="hidden" name="recording" value=(recording.id);
            label { (texts.say("choosing-of")) input type="search" name="of" maxlength=(TEXT_CHARS_MAX) value=(of.unwrap_or_default()); }
            label { (texts.say("choosing-on")) input type="date" name="on" value=[on.map(|on| on.to_string())]; }
            button type="submit" { (texts.say("choosing-search")) }
        }
        @if found.is_empty() { p.notice { (texts.say("choosing-none")) } }
        @for case in &found { (one(&pages, &asked, case, &recording.id)) }
    };
    shown(frame::page(&asked, &texts.say("choosing-title"), content))
}

fn one(pages: &Pages, asked: &Asked, case: &Case, recording: &str) -> Markup {
    let texts = asked.texts();
    html! {
        article.call.own {
            header { h2 { (name_of(pages, asked, case)) } }
            div.row {
                form method="post" action="/cases/attach" {
                    (frame::token(asked))
                    input type="hidden" name="recording" value=(recording);
                    input type="hidden" name="case" value=(case.case);
                    button.main type="submit" { (texts.say("cases-attach-do")) }
                }
                @for (place, recording) in case.recordings.iter().enumerate() {
                    a.button href=(format!("/recordings/{recording}?case={}", case.case)) {
                        (texts.fill("cases-recording", [("number", (place as u64 + 1).into())]))
                    }
                }
            }
        }
    }
}

/// By what people tell one case from another: nobody but its people writes its name.
pub(super) fn name_of(pages: &Pages, asked: &Asked, case: &Case) -> String {
    let opened = frame::moment(asked, case.opened_at, pages.zone());
    asked.texts().fill("cases-case-of", [("moment", opened.into()), ("by", (&*case.opened_by).into())])
}
