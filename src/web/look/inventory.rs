//! "What existed then": for whoever has to tell of a breach (D19), every recording that existed at some time, and whom it can no longer name; and the
//! way to the folder for the authority.

use axum::{extract::State, response::Response};
use maud::{Markup, html};
use retrocall_records::desk::{Disclosures as _, Inventory, InventoryEntry};
use retrocall_words::Customer;

use crate::{
    answer::{Answer, Refusal, shown},
    asked::Asked,
    deciding::moment,
    frame,
    pages::{Pages, Shared},
};

/// Recordings that are shown; the folder has all.
const SHOWN_MAX: usize = 500;

pub(crate) async fn show(State(pages): State<Shared>, asked: Asked) -> Answer<Response> {
    let at = match asked.query.get("at") {
        Some(text) => Some(moment(text, &pages.rules.calendar).ok_or(Refusal::Incomplete)?),
        None => None,
    };
    let who = asked.who()?;
    let inventory = match at {
        Some(at) => Some(pages.ask(move |desk, _| desk.inventory(&who, at)).await?),
        None => None,
    };
    let texts = asked.texts();
    let content = html! {
        h1 { (texts.say("inventory-title")) }
        p.hint { (texts.say("inventory-what")) }
        form.row.asking method="get" action="/inventory" {
            label { (texts.say("inventory-at"))
                input type="datetime-local" name="at" value=(typed(&pages, at)) required;
            }
            button.main type="submit" { (texts.say("inventory-show")) }
        }
        @if let Some(inventory) = &inventory { (found(&pages, &asked, inventory)) }
        section.call.own aria-labelledby="folder" {
            h2 id="folder" { (texts.say("folder-title")) }
            p { (texts.say("folder-what")) }
            p { a.button href=(format!("/folder?at={}", typed(&pages, at))) download { (texts.say("folder-fetch")) } }
        }
    };
    shown(frame::page(&asked, &texts.say("inventory-title"), content))
}

/// A time as such a field holds it: what was asked for, or now.
fn typed(pages: &Pages, at: Option<jiff::Timestamp>) -> String {
    let local = pages.zone().to_datetime(at.unwrap_or_else(|| pages.clock.wall()));
    local.strftime("%Y-%m-%dT%H:%M").to_string()
}

fn found(pages: &Pages, asked: &Asked, inventory: &Inventory) -> Markup {
    let texts = asked.texts();
    let Inventory { at, recordings, named, no_longer_named, never_named, backups } = inventory;
    let all = recordings.len() as u64;
    html! {
        section.call.own aria-labelledby="existed" {
            h2 id="existed" {
                (texts.fill("inventory-existed", [("count", all.into()), ("moment", frame::moment(asked, *at, pages.zone()).into())]))
            }
            p {
                (texts.fill("inventory-named", [
                    ("named", (*named).into()), ("gone", (*no_longer_named).into()), ("never", (*never_named).into()),
                ]))
            }
            @for path in backups { p.warning { (texts.fill("inventory-backup", [("path", path.display().to_string().into())])) } }
            @if !recordings.is_empty() {
                div.wide tabindex="0" role="region" aria-label=(texts.say("inventory-title")) {
                    table {
                        thead { tr {
                            @for column in ["inventory-call", "inventory-agent", "inventory-customer", "inventory-gone"] { th scope="col" { (texts.say(column)) } }
                        } }
                        tbody { @for one in recordings.iter().take(SHOWN_MAX) { (row(pages, asked, one)) } }
                    }
                }
            }
            @if recordings.len() > SHOWN_MAX { p.hint { (texts.fill("inventory-more", [("shown", (SHOWN_MAX as u64).into())])) } }
        }
    }
}

fn row(pages: &Pages, asked: &Asked, one: &InventoryEntry) -> Markup {
    let moment = |at| frame::moment(asked, at, pages.zone());
    html! {
        tr {
            td {
                @if one.gone_at.is_none() { a href=(format!("/recordings/{}", one.recording)) { (moment(one.start)) } } @else { (moment(one.start)) }
            }
            td { (one.agent) }
            td { (one.customer.as_ref().map(Customer::number).unwrap_or("–")) }
            td { @if let Some(at) = one.gone_at { (moment(at)) } }
        }
    }
}
