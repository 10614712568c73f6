//! The first page: where somebody's work is.

use axum::response::Response;

use crate::{
    answer::{Answer, Refusal, on_to},
    asked::Asked,
    frame,
};

pub(crate) async fn show(asked: Asked) -> Answer<Response> {
    // Whoever has a role has a page; without one nothing is left but one's own password.
    on_to(frame::start_of(&asked).unwrap_or("/password"))
}

/// For every other place.
pub(crate) async fn nowhere() -> Refusal {
    Refusal::NoSuchPage
}
