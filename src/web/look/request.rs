//! One request: what it covers, what is decided about each recording, and the letter that answers it. For the officer.

use std::collections::BTreeMap;

use axum::{
    extract::{Path as Place, State},
    http::{HeaderValue, header},
    response::{IntoResponse as _, Response},
};
use jiff::{Timestamp, civil::Date};
use maud::{Markup, html};
use retrocall_records::{
    Life,
    desk::{
        Covered, CoveredState, Erasures as _, MissingSite, OrderProgress, ReceiptEntry, RequestEntry, RequestKind,
        Requests as _, Unnumbered, UseKind,
    },
};
use retrocall_words::Word as _;

use super::requests::{term, title};
use crate::{
    answer::{Answer, Refusal, on_to, shown},
    asked::Asked,
    deciding::{Decision, Deed},
    frame,
    letter::letter_of,
    pages::{Pages, Shared},
    text::Language,
};

/// Characters of a text.
const TEXT_CHARS_MAX: usize = 4_000;

pub(crate) async fn show(State(pages): State<Shared>, asked: Asked, Place(id): Place<String>) -> Answer<Response> {
    let who = asked.who()?;
    let (request, receipts, now) = pages
        .ask(move |desk, now| -> Answer<(RequestEntry, Vec<ReceiptEntry>, Timestamp)> {
            let request = desk.request(&who, &id)?;
            let receipts = desk.receipts(&who, &id)?;
            Ok((request, receipts, now))
        })
        .await?;
    let (texts, today) = (asked.texts(), pages.rules.calendar.day_of(now));
    let of = Of { pages: &pages, asked: &asked, request: &request };
    let content = html! {
        article.call data-request=(request.request) {
            header {
                h1 { (title(&asked, &request)) }
                (term(&asked, &request, today))
                (of.facts())
            }
            section aria-labelledby="recordings" {
                h2 id="recordings" { (texts.say("request-recordings")) }
                @if request.recordings.is_empty() { p.hint { (texts.say("request-nothing")) } }
                @for one in &request.recordings { (of.covered(one)) }
            }
            @if !request.unnumbered.is_empty() { (of.unnumbered()) }
            @if let Some(order) = &request.order { (of.sites(order)) }
            @if request.kind == RequestKind::Erasure { (of.recipients()) }
            @if of.is_open() { (of.decisions()) }
            (of.letter(today))
            @if !receipts.is_empty() { (of.receipts(&receipts)) }
        }
        p { a.button href="/requests" { (texts.say("requests-back")) } }
    };
    shown(frame::page(&asked, &title(&asked, &request), content))
}

/// A request on its page.
struct Of<'a> {
    pages: &'a Pages,
    asked: &'a Asked,
    request: &'a RequestEntry,
}

impl Of<'_> {
    fn say(&self, key: &str) -> String {
        self.asked.texts().say(key)
    }

    fn moment(&self, at: Timestamp) -> String {
        frame::moment(self.asked, at, self.pages.zone())
    }

    /// When a call was, and how long, once it is over.
    fn call_of(&self, start: Timestamp, seconds: Option<f64>) -> String {
        let moment = self.moment(start);
        let Some(seconds) = seconds else { return moment };
        let values = [("moment", moment.into()), ("length", frame::length(seconds).into())];
        self.asked.texts().fill("mine-call-of", values)
    }

    fn is_open(&self) -> bool {
        self.request.outcome.is_none()
    }

    fn has(&self, state: CoveredState) -> bool {
        self.request.recordings.iter().any(|one| one.state == state)
    }

    fn facts(&self) -> Markup {
        let (texts, request) = (self.asked.texts(), self.request);
        let entered = self.moment(request.entered_at);
        html! {
            p.hint { (texts.fill("request-entered", [("by", (&*request.entered_by).into()), ("moment", entered.into())])) }
            @if let Some(around) = request.around {
                p { (texts.fill("request-around", [("moment", self.moment(around).into())])) }
            }
            @if let Some(reason) = &request.reason { p { (texts.fill("request-reason", [("reason", (&**reason).into())])) } }
            @if let Some(reason) = &request.extension { p { (texts.fill("request-extended", [("reason", (&**reason).into())])) } }
            @if let Some(ground) = &request.ground { p { (texts.fill("request-ground", [("ground", (&**ground).into())])) } }
        }
    }

    /// A recording that it covers, and what can be decided about it.
    fn covered(&self, one: &Covered) -> Markup {
        let texts = self.asked.texts();
        let is_there = !matches!(one.life, Life::Deleting | Life::Gone);
        html! {
            article.own.covered data-recording=(one.recording) {
                h3 { (self.call_of(one.start, one.seconds)) }
                p {
                    span.tag { (self.say(&format!("covered-{}", one.state.as_str()))) } " "
                    @for purpose in &one.purposes { span.tag { (frame::purpose(self.asked, *purpose)) } " " }
                    @if !is_there { (self.say("request-gone")) }
                }
                @if let Some(how) = &one.identity { p.hint { (texts.fill("request-identity-was", [("how", (&**how).into())])) } }
                @for waiting in &one.waits_for { p.warning { (self.say(&format!("waiting-{}", waiting.as_str()))) } }
                @for copy in &one.copies {
                    p.hint {
                        (texts.fill("request-copy", [
                            ("to", (&*copy.to).into()), ("moment", self.moment(copy.at).into()),
                            ("how", self.say(&format!("use-{}", copy.kind.as_str())).into()),
                        ]))
                    }
                }
                @if is_there {
                    div.row {
                        a.button href=(format!("/recordings/{}?case={}", one.recording, self.request.request)) { (self.say("recording-open")) }
                        @if self.may_be_fetched(one) { (self.fetch(one)) }
                    }
                }
                @if self.is_open() && is_there { (self.about(one)) }
            }
        }
    }

    fn about(&self, one: &Covered) -> Markup {
        let id = Some(&*one.recording);
        html! {
            @match (self.request.kind, one.state) {
                (RequestKind::Access, CoveredState::Candidate) => {
                    (self.form(Deed::Confirm, id, Some("request-identity")))
                    details { summary { (self.say("request-exclude")) } (self.form(Deed::Exclude, id, Some("request-why"))) }
                },
                (RequestKind::Access, CoveredState::Confirmed) => details {
                    summary { (self.say("request-exclude")) } (self.form(Deed::Exclude, id, Some("request-why")))
                },
                (RequestKind::Access, _) => details {
                    summary { (self.say("request-confirm-after-all")) } (self.form(Deed::Confirm, id, Some("request-identity")))
                },
                (RequestKind::Erasure, CoveredState::Candidate) => {
                    (self.form(Deed::Grant, id, Some("request-identity")))
                    details { summary { (self.say("request-keep")) } (self.form(Deed::Keep, id, Some("request-why-ground"))) }
                },
                (RequestKind::Erasure, _) => {},
            }
        }
    }

    /// A form that sends one decision; `label` is what its text says.
    fn form(&self, deed: Deed, recording: Option<&str>, label: Option<&str>) -> Markup {
        let word = deed.as_str();
        html! {
            form.fields data-deed=(word) method="post" action=(format!("/requests/{}", self.request.request)) {
                (frame::token(self.asked))
                input type="hidden" name="deed" value=(word);
                @if let Some(id) = recording { input type="hidden" name="recording" value=(id); }
                @if let Some(label) = label {
                    label { (self.say(label)) input type="text" name="text" maxlength=(TEXT_CHARS_MAX) required; }
                }
                button.danger[deed == Deed::Grant].main[deed == Deed::Confirm || deed == Deed::Answered] type="submit" {
                    (self.say(&format!("request-do-{word}")))
                }
            }
        }
    }

    /// Recordings without a number, which may be the customer's: every answer lists them.
    fn unnumbered(&self) -> Markup {
        html! {
            section aria-labelledby="unnumbered" {
                h2 id="unnumbered" { (self.say("request-unnumbered")) }
                p.hint { (self.say("request-unnumbered-why")) }
                @for Unnumbered { recording, start, seconds } in &self.request.unnumbered {
                    details data-recording=(recording) {
                        summary { (self.call_of(*start, *seconds)) }
                        div.row { a.button href=(format!("/recordings/{recording}?case={}", self.request.request)) { (self.say("recording-open")) } }
                        @if self.is_open() && self.request.kind == RequestKind::Access {
                            (self.form(Deed::Confirm, Some(recording), Some("request-identity")))
                        }
                    }
                }
            }
        }
    }

    /// At a centre: the sites that have not delivered what is of before, and why.
    fn sites(&self, order: &OrderProgress) -> Markup {
        let texts = self.asked.texts();
        let heard = |site: &MissingSite| match site.last_word {
            Some(at) => texts.fill("request-site-heard", [("moment", self.moment(at).into())]),
            None => self.say("request-site-never-heard"),
        };
        html! {
            @if !order.missing.is_empty() || !order.let_go.is_empty() {
                section aria-labelledby="sites" {
                    h2 id="sites" { (self.say("request-sites")) }
                    p.hint { (self.say(if order.given_at.is_some() { "request-sites-why" } else { "request-sites-not-told" })) }
                    @for site in &order.missing {
                        article.own data-site=(site.site) {
                            h3 { (site.site) }
                            p { span.tag { (self.say(&format!("site-{}", site.standing.as_str()))) } " " (heard(site)) }
                            @for one in &site.staying { p.hint { (one.recording) " · " (one.why) } }
                            @if self.is_open() {
                                details { summary { (self.say("request-let-go")) } (self.let_go(&site.site)) }
                            }
                        }
                    }
                    @for one in &order.let_go {
                        p data-let-go=(one.site) {
                            (texts.fill("request-site-let-go", [
                                ("site", (&*one.site).into()), ("by", (&*one.by).into()), ("moment", self.moment(one.at).into()),
                            ]))
                        }
                    }
                }
            }
        }
    }

    fn let_go(&self, site: &str) -> Markup {
        let word = Deed::LetGo.as_str();
        html! {
            form.fields data-deed=(word) method="post" action=(format!("/requests/{}", self.request.request)) {
                (frame::token(self.asked))
                input type="hidden" name="deed" value=(word);
                input type="hidden" name="site" value=(site);
                label { (self.say("request-let-go-why")) input type="text" name="text" maxlength=(TEXT_CHARS_MAX) required; }
                button.danger type="submit" { (self.say("request-do-let-go")) }
            }
        }
    }

    /// Who has had a copy of what is erased: each is to be told (D17).
    fn recipients(&self) -> Markup {
        let erased = self.request.recordings.iter().filter(|one| one.state == CoveredState::Confirmed);
        let copies: BTreeMap<&str, Timestamp> =
            erased.flat_map(|one| &one.copies).map(|copy| (&*copy.to, copy.at)).collect();
        html! {
            @if !copies.is_empty() {
                section aria-labelledby="recipients" {
                    h2 id="recipients" { (self.say("request-recipients")) }
                    p.hint { (self.say("request-recipients-why")) }
                    ul {
                        @for (to, at) in copies { li { (to) " · " (self.moment(at)) } }
                    }
                }
            }
        }
    }

    /// What can be decided about all of it.
    fn decisions(&self) -> Markup {
        let is_access = self.request.kind == RequestKind::Access;
        let waits = self.has(CoveredState::Candidate);
        html! {
            section aria-labelledby="decide" {
                h2 id="decide" { (self.say("request-decide")) }
                @if waits && !is_access {
                    (self.form(Deed::Grant, None, None))
                    details { summary { (self.say("request-keep")) } (self.form(Deed::Keep, None, Some("request-why-ground"))) }
                }
                @if is_access && self.has(CoveredState::Confirmed) {
                    p.hint { (self.say("request-export-what")) }
                    (self.form(Deed::Export, None, Some("request-export-to")))
                }
                @if self.request.extension.is_none() {
                    details { summary { (self.say("request-extend")) } (self.form(Deed::Extend, None, Some("request-extend-why"))) }
                }
                @if is_access {
                    details { summary { (self.say("request-refuse")) } (self.form(Deed::Refuse, None, Some("request-why-ground"))) }
                }
                @if waits {
                    p.hint { (self.say("request-decide-each")) }
                } @else if self.request.order.as_ref().is_some_and(|order| !order.missing.is_empty()) {
                    p.hint { (self.say("request-sites-first")) }
                } @else {
                    p.hint { (self.say("request-answered-what")) }
                    (self.form(Deed::Answered, None, None))
                }
            }
        }
    }

    fn letter(&self, today: Date) -> Markup {
        let language = self.asked.language.of_papers();
        html! {
            section aria-labelledby="letter" {
                h2 id="letter" { (self.say("request-letter")) }
                @match letter_of(self.request, today) {
                    Err(_) => p.hint { (self.say("request-no-letter")) },
                    Ok(letter) => {
                        @let paper = letter.paper(&self.pages.paper_facts(), language);
                        div.row {
                            @for language in Language::ALL {
                                a.button href=(format!("/requests/{}/letter?lang={}", self.request.request, language.as_str())) download=(format!("letter-{}.txt", language.as_str())) {
                                    (self.asked.texts().fill("request-letter-in", [("language", language.own_name().into())]))
                                }
                            }
                        }
                        pre.letter { (paper.markdown()) }
                    },
                }
            }
        }
    }

    fn receipts(&self, receipts: &[ReceiptEntry]) -> Markup {
        let texts = self.asked.texts();
        html! {
            section aria-labelledby="receipts" {
                h2 id="receipts" { (self.say("request-receipts")) }
                @for receipt in receipts {
                    p data-receipt=(receipt.recording) {
                        (texts.fill("request-out-of-reach", [("moment", self.moment(receipt.out_of_reach_at).into())])) " "
                        @match receipt.overwritten_at {
                            Some(at) => (texts.fill("request-overwritten", [("moment", self.moment(at).into())])),
                            None => (self.say("request-not-overwritten")),
                        }
                    }
                    @for copy in &receipt.exports { p.warning { (texts.fill("request-tell", [("to", (&*copy.to).into())])) } }
                    @for path in &receipt.backups { p.hint { (texts.fill("request-backup", [("path", path.display().to_string().into())])) } }
                }
            }
        }
    }

    /// Whether its files can be taken along: it is confirmed, and that it leaves the home is noted.
    fn may_be_fetched(&self, one: &Covered) -> bool {
        self.is_open() && may_be_fetched(self.request.kind, one)
    }

    fn fetch(&self, one: &Covered) -> Markup {
        html! {
            @let address = format!("/requests/{}/copies/{}", self.request.request, one.recording);
            a.button href=(address) download { (self.say("request-fetch")) }
            a.button href=(format!("{address}?part=sums")) download { (self.say("fetch-sums")) }
        }
    }
}

/// The same, of a request that is open.
pub(crate) fn may_be_fetched(kind: RequestKind, one: &Covered) -> bool {
    let is_noted = one.copies.iter().any(|copy| copy.kind == UseKind::Export);
    kind == RequestKind::Access && one.state == CoveredState::Confirmed && is_noted
}

/// The officer has decided.
pub(crate) async fn decide(State(pages): State<Shared>, asked: Asked, Place(id): Place<String>) -> Answer<Response> {
    let who = asked.who()?;
    let recording = asked.form.get("recording").map(str::to_owned);
    let site = asked.form.get("site").map(str::to_owned);
    let decision = Decision::read(asked.form.get("deed"), recording, asked.form.get("text"))?.about(site);
    let request = id.clone();
    pages.ask(move |desk, now| decision.carry_out(desk, &who, &request, now)).await?;
    on_to(&format!("/requests/{id}"))
}

/// The letter as a file.
pub(crate) async fn letter(State(pages): State<Shared>, asked: Asked, Place(id): Place<String>) -> Answer<Response> {
    let text = letter_text(&pages, &asked, id).await?;
    let mut response = text.into_response();
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    Ok(response)
}

/// The letter in the language that is asked for, or in that of whoever asks.
pub(crate) async fn letter_text(pages: &Shared, asked: &Asked, id: String) -> Answer<String> {
    let who = asked.who()?;
    let language = match asked.query.get("lang") {
        Some(word) => Language::read(word).ok_or(Refusal::NoSuchPage)?,
        None => asked.language,
    };
    let (request, now) = pages.ask(move |desk, now| desk.request(&who, &id).map(|found| (found, now))).await?;
    let letter = letter_of(&request, pages.rules.calendar.day_of(now)).map_err(|_| Refusal::Incomplete)?;
    Ok(letter.paper(&pages.paper_facts(), language.of_papers()).markdown())
}
