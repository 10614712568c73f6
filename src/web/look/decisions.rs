//! "Decisions": what two people decide (D6, D18). One has proposed it; somebody else approves or refuses it here, in their own session: no token of a
//! program, and no owner who acts for both, is a second person.

use axum::{extract::State, response::Response};
use jiff::civil::Date;
use maud::{Markup, html};
use retrocall_records::desk::{Completion, DeskRole, Listening as _, ProposalEntry, Proposals as _, Sound};

use super::{player, purposes};
use crate::{
    answer::{Answer, Refusal, on_to, shown},
    asked::Asked,
    frame,
    pages::{Pages, Shared},
};

/// Characters of a text.
const TEXT_CHARS_MAX: usize = 4_000;
const HERE: &str = "/decisions";

/// A proposal, and its sound if it is for a second listener.
type Seen = (ProposalEntry, Option<Sound>);

pub(crate) async fn show(State(pages): State<Shared>, asked: Asked) -> Answer<Response> {
    let who = asked.who()?;
    let ends = asked.is_one_of(&[DeskRole::PrivacyOfficer]);
    let (open, in_force) = pages
        .ask(move |desk, now| -> Answer<(Vec<Seen>, Vec<ProposalEntry>)> {
            let open = desk.open_proposals(&who)?.into_iter();
            let with_sound = |entry: ProposalEntry| {
                let sound = is_teaching(&entry).then(|| desk.sound(&who, &entry.recording, now).ok());
                (entry, sound.flatten())
            };
            let in_force = if ends { desk.purposes_in_force(&who)? } else { Vec::new() };
            Ok((open.map(with_sound).collect(), in_force))
        })
        .await?;
    let texts = asked.texts();
    let content = html! {
        h1 { (texts.say("decisions-title")) }
        p.hint { (texts.say("decisions-two")) }
        @if open.is_empty() { p.notice { (texts.say("decisions-none")) } }
        @for (proposal, sound) in &open { (one(&pages, &asked, proposal, sound.as_ref())) }
        (purposes::in_force(&asked, &in_force))
    };
    shown(frame::page(&asked, &texts.say("decisions-title"), content))
}

fn is_teaching(proposal: &ProposalEntry) -> bool {
    proposal.purpose == "training"
}

fn one(pages: &Pages, asked: &Asked, proposal: &ProposalEntry, sound: Option<&Sound>) -> Markup {
    let texts = asked.texts();
    let title = if is_teaching(proposal) { texts.say("purpose-training") } else { proposal.purpose.clone() };
    let by_name = asked.is_one_of(&[DeskRole::CaseHandler, DeskRole::PrivacyOfficer]);
    let proposed = [
        ("by", (&*proposal.proposed_by).into()),
        ("moment", frame::moment(asked, proposal.proposed_at, pages.zone()).into()),
    ];
    html! {
        article.call.own id=(format!("p{}", proposal.proposal)) {
            header { h2 { (title) } p { (texts.fill("decisions-proposed", proposed)) " " (proposal.reason) } }
            (facts(asked, proposal))
            @if by_name {
                a.button href=(format!("/recordings/{}", proposal.recording)) { (texts.say("recording-open")) }
            } @else if let Some(sound) = sound {
                (player::show(pages, asked, &proposal.recording, sound, HERE, Some(&proposal.proposal)))
            }
            (deciding(asked, proposal))
        }
    }
}

/// What the decision rests on.
fn facts(asked: &Asked, proposal: &ProposalEntry) -> Markup {
    let texts = asked.texts();
    html! {
        dl {
            dt { (texts.say("decisions-basis")) } dd { (proposal.basis) }
            @if let Some(until) = &proposal.until { dt { (texts.say("decisions-until")) } dd { (until) } }
            dt { (texts.say("decisions-review")) } dd { (frame::day(asked, proposal.review_on)) }
            @if !proposal.agreed_by.is_empty() { dt { (texts.say("decisions-agreed")) } dd { (proposal.agreed_by.join(", ")) } }
            @if !proposal.awaits.is_empty() { dt { (texts.say("decisions-awaits")) } dd { (proposal.awaits.join(", ")) } }
        }
    }
}

/// The two buttons, for whoever may decide; else what it waits for.
fn deciding(asked: &Asked, proposal: &ProposalEntry) -> Markup {
    let texts = asked.texts();
    let is_own = asked.person.as_ref().is_some_and(|person| person.name == proposal.proposed_by);
    let decides: &[DeskRole] = match is_teaching(proposal) {
        true => &[DeskRole::Reviewer, DeskRole::PrivacyOfficer],
        false => &[DeskRole::PrivacyOfficer],
    };
    let may_refuse = asked.is_one_of(&[DeskRole::Reviewer, DeskRole::PrivacyOfficer]);
    html! {
        @if is_own {
            p.hint { (texts.say("decisions-own")) }
        } @else if !proposal.awaits.is_empty() {
            p.hint { (texts.say("decisions-pressers-first")) }
        } @else if is_teaching(proposal) && proposal.agreed_by.is_empty() {
            p.hint { (texts.say("decisions-agent-first")) }
        } @else if asked.is_one_of(decides) {
            form.fields method="post" action="/decisions/approve" {
                (frame::token(asked))
                input type="hidden" name="proposal" value=(proposal.proposal);
                @if !is_teaching(proposal) {
                    label { (texts.say("decisions-compatible"))
                        textarea name="compatibility" rows="2" maxlength=(TEXT_CHARS_MAX) required { (proposal.compatibility.as_deref().unwrap_or_default()) }
                    }
                    label { (texts.say("decisions-informed"))
                        input type="date" name="informed" value=[proposal.informed_on.map(|day| day.to_string())] required;
                    }
                } @else {
                    p.hint { (texts.say("decisions-listen-first")) }
                }
                button.main type="submit" { (texts.say("decisions-approve")) }
            }
        }
        @if may_refuse {
            details {
                summary { (texts.say("decisions-refuse")) }
                form.fields method="post" action="/decisions/refuse" {
                    (frame::token(asked))
                    input type="hidden" name="proposal" value=(proposal.proposal);
                    label { (texts.say("decisions-why")) input type="text" name="why" maxlength=(TEXT_CHARS_MAX) required; }
                    button.danger type="submit" { (texts.say("decisions-refuse-do")) }
                }
            }
        }
    }
}

pub(crate) async fn approve(State(pages): State<Shared>, asked: Asked) -> Answer<Response> {
    let who = asked.who()?;
    let proposal = asked.form.get("proposal").ok_or(Refusal::Incomplete)?.to_owned();
    let informed_on =
        asked.form.get("informed").map(str::parse::<Date>).transpose().map_err(|_| Refusal::Incomplete)?;
    let completion = Completion { compatibility: asked.form.text("compatibility", TEXT_CHARS_MAX)?, informed_on };
    pages.ask(move |desk, now| desk.approve(&who, &proposal, &completion, now)).await?;
    on_to(HERE)
}

pub(crate) async fn refuse(State(pages): State<Shared>, asked: Asked) -> Answer<Response> {
    let who = asked.who()?;
    let proposal = asked.form.get("proposal").ok_or(Refusal::Incomplete)?.to_owned();
    let why = asked.form.text("why", TEXT_CHARS_MAX)?.ok_or(Refusal::Incomplete)?;
    pages.ask(move |desk, now| desk.refuse_proposal(&who, &proposal, &why, now)).await?;
    on_to(HERE)
}
