//! Why a press was not done, besides what an engine refuses.

use axum::http::StatusCode;

use super::engine::NoEngine;

/// Why a press was not done, besides what an engine refuses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NotPressed {
    /// No engine answers.
    NoEngine,
    /// It was too old.
    Late,
    /// The home of the call's engine does not let a centre do that.
    Barred,
    /// It could not be brought to the call's site.
    Unreached,
    /// Two sites say that the agent talks there.
    TwoSites,
    /// Nobody knows whether it was done.
    Unknown,
}

impl NotPressed {
    /// The word for programs.
    pub(crate) fn word(self) -> &'static str {
        match self {
            NotPressed::NoEngine => "no-engine",
            NotPressed::Late => "late",
            NotPressed::Barred => "barred",
            NotPressed::Unreached => "unreached",
            NotPressed::TwoSites => "two-sites",
            NotPressed::Unknown => "unknown",
        }
    }

    /// The words for people.
    pub(crate) fn text(self) -> &'static str {
        match self {
            NotPressed::NoEngine => "live-no-engine",
            NotPressed::Late => "live-not-late",
            NotPressed::Barred => "live-not-barred",
            NotPressed::Unreached => "live-not-reached",
            NotPressed::TwoSites => "live-not-two-sites",
            NotPressed::Unknown => "live-not-known",
        }
    }

    pub(crate) fn status(self) -> StatusCode {
        match self {
            NotPressed::NoEngine | NotPressed::Unreached => StatusCode::SERVICE_UNAVAILABLE,
            NotPressed::Late | NotPressed::TwoSites => StatusCode::CONFLICT,
            NotPressed::Barred => StatusCode::FORBIDDEN,
            NotPressed::Unknown => StatusCode::GATEWAY_TIMEOUT,
        }
    }
}

impl From<NoEngine> for NotPressed {
    fn from(NoEngine: NoEngine) -> NotPressed {
        NotPressed::NoEngine
    }
}
