//! What a handler gives: a page, another place to go to, or why not.

use std::{sync::Arc, time::Duration};

use axum::{
    http::StatusCode,
    response::{IntoResponse, Redirect, Response},
};
use maud::Markup;
use retrocall_records::desk::{DeskRole, NotDone};
use retrocall_words::Refusal as Reason;

use super::{engine::NoEngine, not_pressed::NotPressed};

/// Why not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// Nobody is logged in.
    LogIn,
    /// One of these roles may.
    NotForYou(&'static [DeskRole]),
    /// There is no such page, or none that this person may know of.
    NoSuchPage,
    /// The form did not come from a page of ours, or from one that was open too long.
    OldPage,
    /// Nothing was chosen, or what was chosen is not there.
    Incomplete,
    /// A text is longer than this.
    TooLong(usize),
    /// Too many tries: so long to wait.
    TooMany(Duration),
    /// The sound is asked for before anybody has said that they listen.
    NotListening,
    /// The desk did not do it.
    NotDone(NotDone),
    /// A file can't be read.
    Unreadable,
    /// Too much is going on.
    Busy,
    /// No engine answers.
    NoEngine,
    /// The engine did not do it.
    Engine(Reason),
    /// A press was not done.
    NotPressed(NotPressed),
}

impl From<NotPressed> for Refusal {
    fn from(why: NotPressed) -> Refusal {
        if why == NotPressed::NoEngine { Refusal::NoEngine } else { Refusal::NotPressed(why) }
    }
}

impl From<NoEngine> for Refusal {
    fn from(NoEngine: NoEngine) -> Refusal {
        Refusal::NoEngine
    }
}

impl From<NotDone> for Refusal {
    fn from(why: NotDone) -> Refusal {
        match why {
            NotDone::Unknown => Refusal::NoSuchPage,
            NotDone::NotAllowed(roles) => Refusal::NotForYou(roles),
            why => Refusal::NotDone(why),
        }
    }
}

impl Refusal {
    pub(crate) fn status(&self) -> StatusCode {
        match self {
            Refusal::LogIn => StatusCode::UNAUTHORIZED,
            Refusal::NotForYou(_) | Refusal::OldPage | Refusal::NotListening => StatusCode::FORBIDDEN,
            Refusal::NoSuchPage | Refusal::NotDone(NotDone::Absent(_)) => StatusCode::NOT_FOUND,
            Refusal::Incomplete | Refusal::TooLong(_) => StatusCode::UNPROCESSABLE_ENTITY,
            Refusal::TooMany(_) => StatusCode::TOO_MANY_REQUESTS,
            Refusal::NotDone(NotDone::Catalog(_)) | Refusal::Unreadable | Refusal::Busy | Refusal::NoEngine => {
                StatusCode::SERVICE_UNAVAILABLE
            }
            Refusal::Engine(Reason::NoCall | Reason::UnknownCall) => StatusCode::NOT_FOUND,
            Refusal::Engine(Reason::NotYours | Reason::NoAccount) => StatusCode::FORBIDDEN,
            Refusal::Engine(_) => StatusCode::CONFLICT,
            Refusal::NotPressed(why) => why.status(),
            Refusal::NotDone(NotDone::TooLate) => StatusCode::GONE,
            Refusal::NotDone(_) => StatusCode::CONFLICT,
        }
    }
}

impl IntoResponse for Refusal {
    /// The guard makes a page of it, in the language of whoever asked.
    fn into_response(self) -> Response {
        let mut response = self.status().into_response();
        response.extensions_mut().insert(Arc::new(self));
        response
    }
}

/// What a handler gives.
pub(crate) type Answer<T = Response> = Result<T, Refusal>;

/// A page that was made.
pub(crate) fn shown(page: Markup) -> Answer {
    Ok(page.into_response())
}

/// What was sent is done: the browser goes on to another page, so that going back sends nothing twice.
pub(crate) fn on_to(place: &str) -> Answer {
    Ok(Redirect::to(place).into_response())
}
