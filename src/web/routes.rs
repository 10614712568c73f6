//! The table of routes: method, place, who may reach it. There are no others.
//!
//! Which recordings somebody may reach is decided by the desk's verbs: what is not theirs does not exist for them.

use std::{net::IpAddr, sync::Arc};

use axum::{
    Router,
    extract::{Request, State},
    http::{HeaderName, HeaderValue, Method, StatusCode, header, uri::Authority},
    middleware::{self, Next},
    response::{IntoResponse as _, Response},
    routing::{MethodRouter, any, get, post, put},
};
use retrocall_records::desk::DeskRole;

use super::{
    api, api_officer, arriving,
    asked::Who,
    assets, audio, copies, folder,
    guard::guard,
    look::{
        board, cases, check, choosing, decisions, disclosing, holds, inventory, live, login, mine, next, purposes,
        recording, request, requests, settings, start, sweeping, teaching,
    },
    pages::{Pages, Shared},
    sites,
};

/// A route.
pub(crate) struct Route {
    /// For whoever walks the table: the handler knows it too.
    #[cfg_attr(not(test), expect(dead_code, reason = "the tests walk the table"))]
    pub method: Method,
    pub place: &'static str,
    pub who: Who,
    handler: fn() -> MethodRouter<Shared>,
}

/// Whoever listens to recordings: which ones, the desk decides.
const LISTENERS: Who =
    Who::Roles(&[DeskRole::Agent, DeskRole::Reviewer, DeskRole::CaseHandler, DeskRole::PrivacyOfficer]);
/// Whoever is shown recordings with the names of those who talk in them: a reviewer is not.
const BY_NAME: Who = Who::Roles(&[DeskRole::Agent, DeskRole::CaseHandler, DeskRole::PrivacyOfficer]);
const HANDLERS: Who = Who::Roles(&[DeskRole::CaseHandler]);
const FOLLOWERS: Who = Who::Roles(&[DeskRole::CaseHandler, DeskRole::PrivacyOfficer]);
/// Whoever proposes what two people decide, and sees it.
const ASKERS: Who = Who::Roles(&[DeskRole::Reviewer, DeskRole::CaseHandler, DeskRole::PrivacyOfficer]);
/// Whoever approves teaching material and names trainees: what else they may approve, the desk decides.
const NAMERS: Who = Who::Roles(&[DeskRole::Reviewer, DeskRole::PrivacyOfficer]);
const CHECKERS: Who = Who::Roles(&[DeskRole::Council, DeskRole::PrivacyOfficer]);
const OFFICERS: Who = Who::Roles(&[DeskRole::PrivacyOfficer]);
const AGENTS: Who = Who::Roles(&[DeskRole::Agent]);
const ADMINISTRATORS: Who = Who::Roles(&[DeskRole::Administrator]);
/// Whoever may have the engine delete now what is due: it looks itself whether they may.
const SWEEPERS: Who = Who::Roles(&[DeskRole::PrivacyOfficer, DeskRole::Administrator]);
const REVIEWERS: Who = Who::Roles(&[DeskRole::Reviewer]);

const fn shows(place: &'static str, who: Who, handler: fn() -> MethodRouter<Shared>) -> Route {
    Route { method: Method::GET, place, who, handler }
}

const fn does(place: &'static str, who: Who, handler: fn() -> MethodRouter<Shared>) -> Route {
    Route { method: Method::POST, place, who, handler }
}

/// All routes.
pub(crate) const ROUTES: [Route; 83] = [
    shows("/assets/{version}/{name}", Who::Anybody, || get(assets::show)),
    shows("/login", Who::Anybody, || get(login::show)),
    does("/login", Who::Anybody, || post(login::log_in)),
    does("/logout", Who::Anybody, || post(login::log_out)),
    does("/language", Who::Anybody, || post(settings::language)),
    shows("/", Who::LoggedIn, || get(start::show)),
    shows("/password", Who::LoggedIn, || get(settings::show)),
    does("/password", Who::LoggedIn, || post(settings::change)),
    shows("/next", REVIEWERS, || get(next::show)),
    does("/next", REVIEWERS, || post(next::hand_out)),
    does("/next/skip", REVIEWERS, || post(next::skip)),
    does("/next/outcome", REVIEWERS, || post(next::decide)),
    shows("/mine", AGENTS, || get(mine::show)),
    shows("/mine/live", AGENTS, || get(live::events)),
    does("/mine/live", AGENTS, || post(mine::press)),
    does("/mine/reply", AGENTS, || post(mine::reply)),
    does("/mine/private", AGENTS, || post(mine::private)),
    does("/mine/answer", AGENTS, || post(mine::answer)),
    shows("/cases", FOLLOWERS, || get(cases::show)),
    does("/cases", HANDLERS, || post(cases::open)),
    shows("/cases/choose", HANDLERS, || get(choosing::show)),
    does("/cases/attach", HANDLERS, || post(cases::attach)),
    does("/cases/dismiss", HANDLERS, || post(cases::dismiss)),
    does("/cases/needed", FOLLOWERS, || post(cases::needed)),
    does("/cases/close", FOLLOWERS, || post(cases::close)),
    does("/cases/reopen", HANDLERS, || post(cases::reopen)),
    shows("/requests", OFFICERS, || get(requests::show)),
    does("/requests", Who::LoggedIn, || post(requests::enter)),
    shows("/requests/new", Who::LoggedIn, || get(requests::entry)),
    shows("/requests/{id}", OFFICERS, || get(request::show)),
    does("/requests/{id}", OFFICERS, || post(request::decide)),
    shows("/requests/{id}/letter", OFFICERS, || get(request::letter)),
    shows("/requests/{id}/copies/{recording}", OFFICERS, || get(copies::fetch)),
    shows("/holds", OFFICERS, || get(holds::show)),
    does("/holds", OFFICERS, || post(holds::set)),
    does("/holds/release", OFFICERS, || post(holds::release)),
    shows("/inventory", OFFICERS, || get(inventory::show)),
    shows("/folder", OFFICERS, || get(folder::fetch)),
    shows("/decisions", ASKERS, || get(decisions::show)),
    does("/decisions/approve", NAMERS, || post(decisions::approve)),
    does("/decisions/refuse", NAMERS, || post(decisions::refuse)),
    does("/purposes", FOLLOWERS, || post(purposes::propose)),
    does("/purposes/end", OFFICERS, || post(purposes::end)),
    shows("/teaching", LISTENERS, || get(teaching::show)),
    does("/teaching", REVIEWERS, || post(teaching::propose)),
    does("/teaching/name", NAMERS, || post(teaching::name)),
    does("/teaching/withdraw", NAMERS, || post(teaching::withdraw)),
    shows("/check", CHECKERS, || get(check::show)),
    shows("/check/heads/{day}", CHECKERS, || get(check::head)),
    shows("/board", ADMINISTRATORS, || get(board::show)),
    shows("/board/events", ADMINISTRATORS, || get(board::events)),
    does("/sweep", SWEEPERS, || post(sweeping::now)),
    shows("/recordings/{id}", BY_NAME, || get(recording::show)),
    does("/recordings/{id}/disclose", OFFICERS, || post(disclosing::disclose)),
    shows("/recordings/{id}/disclosed", OFFICERS, || get(disclosing::fetch)),
    shows("/api/v1/openapi.json", Who::Anybody, || get(api::openapi)),
    shows("/api/v1/me", Who::LoggedIn, || get(api::me)),
    shows("/api/v1/queue", REVIEWERS, || get(api::queue)),
    does("/api/v1/next", REVIEWERS, || post(api::next)),
    shows("/api/v1/recordings", LISTENERS, || get(api::recordings)),
    shows("/api/v1/recordings/{id}", BY_NAME, || get(api::recording)),
    does("/api/v1/recordings/{id}/review", REVIEWERS, || post(api::review)),
    does("/api/v1/recordings/{id}/disclose", OFFICERS, || post(api_officer::disclose)),
    shows("/api/v1/holds", OFFICERS, || get(api_officer::holds)),
    does("/api/v1/holds", OFFICERS, || post(api_officer::hold)),
    does("/api/v1/holds/{id}/release", OFFICERS, || post(api_officer::release)),
    shows("/api/v1/inventory", OFFICERS, || get(api_officer::inventory)),
    shows("/api/v1/going", CHECKERS, || get(api_officer::going)),
    shows("/api/v1/mine", AGENTS, || get(api::mine)),
    shows("/api/v1/mine/live", AGENTS, || get(api::live)),
    does("/api/v1/mine/live", AGENTS, || post(api::press)),
    shows("/api/v1/board", ADMINISTRATORS, || get(api::board)),
    does("/api/v1/sweep", SWEEPERS, || post(api_officer::sweep)),
    shows("/api/v1/cases", FOLLOWERS, || get(api::cases)),
    does("/api/v1/cases", HANDLERS, || post(api::open_case)),
    does("/api/v1/cases/{id}/close", FOLLOWERS, || post(api::close_case)),
    shows("/api/v1/requests", OFFICERS, || get(api::requests)),
    does("/api/v1/requests", Who::LoggedIn, || post(api::enter_request)),
    shows("/api/v1/requests/{id}", OFFICERS, || get(api::request)),
    does("/api/v1/requests/{id}", OFFICERS, || post(api::decide)),
    does("/recordings/{id}/play", LISTENERS, || post(audio::play)),
    shows("/recordings/{id}/audio", LISTENERS, || get(audio::sound)),
    shows("/recordings/{id}/peaks", LISTENERS, || get(audio::picture)),
];

/// What a site asks of its centre: each request is signed (`sites::guard`), but that by which it joins.
pub(crate) struct SiteRoute {
    pub place: &'static str,
    handler: fn() -> MethodRouter<Shared>,
}

const fn of_site(place: &'static str, handler: fn() -> MethodRouter<Shared>) -> SiteRoute {
    SiteRoute { place, handler }
}

/// All routes of sites.
pub(crate) const SITE_ROUTES: [SiteRoute; 7] = [
    of_site("/link/v1/live", || get(sites::live)),
    of_site("/link/v1/news", || post(sites::news)),
    of_site("/link/v1/heads", || post(sites::heads)),
    of_site("/link/v1/ledger/{month}/{first}", || post(sites::piece)),
    of_site("/link/v1/recordings/{token}", || post(arriving::offer)),
    of_site("/link/v1/recordings/{token}/done", || post(arriving::done)),
    of_site("/link/v1/recordings/{token}/parts/{recording}/{file}/{part}", || put(arriving::part)),
];
/// By which a site joins. It is signed by the key of its ledger.
const JOIN: &str = "/link/v1/join";

/// Everything that is served, with its guards.
pub(crate) fn router(pages: &Shared) -> Router {
    let guarded = |handler: MethodRouter<Shared>, who| {
        handler.route_layer(middleware::from_fn_with_state((Arc::clone(pages), who), guard))
    };
    let mut router = Router::new();
    for Route { place, who, handler, .. } in &ROUTES {
        router = router.route(place, guarded(handler(), *who));
    }
    if pages.store.is_some() {
        let signed = |handler: MethodRouter<Shared>| {
            handler.route_layer(middleware::from_fn_with_state(Arc::clone(pages), sites::guard))
        };
        for SiteRoute { place, handler } in &SITE_ROUTES {
            router = router.route(place, signed(handler()));
        }
        router = router.route(JOIN, post(sites::join));
    }
    let nowhere = middleware::from_fn_with_state((Arc::clone(pages), Who::Anybody), guard);
    router
        .fallback_service(any(start::nowhere).layer(nowhere).with_state(Arc::clone(pages)))
        .layer(middleware::from_fn_with_state(Arc::clone(pages), around))
        .with_state(Arc::clone(pages))
}

/// What a page may do in a browser: nothing but what this server sends, and nothing that stands in the page itself.
const POLICY: &str = "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; media-src 'self'; connect-src 'self'; \
                      form-action 'self'; base-uri 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'";

/// On every answer, whatever it is.
const HEADERS: [(HeaderName, &str); 7] = [
    (header::CONTENT_SECURITY_POLICY, POLICY),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::X_FRAME_OPTIONS, "DENY"),
    (header::REFERRER_POLICY, "same-origin"),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    (
        HeaderName::from_static("permissions-policy"),
        "camera=(), microphone=(), geolocation=(), payment=(), usb=(), display-capture=()",
    ),
];

async fn around(State(pages): State<Shared>, request: Request, next: Next) -> Response {
    let mut response = match is_for_us(&pages, &request) {
        true => next.run(request).await,
        false => (StatusCode::MISDIRECTED_REQUEST, "There is no such server here.\n").into_response(),
    };
    let headers = response.headers_mut();
    for (name, value) in HEADERS {
        headers.insert(name, HeaderValue::from_static(value));
    }
    if !headers.contains_key(header::CACHE_CONTROL) {
        // What people see of others' calls stays in no cache.
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }
    if pages.is_secure {
        let year = HeaderValue::from_static("max-age=31536000");
        headers.insert(header::STRICT_TRANSPORT_SECURITY, year);
    }
    response
}

/// Whether a request names this server. A foreign page may have its own name resolved to this machine; but then the browser sends that page's name.
fn is_for_us(pages: &Pages, request: &Request) -> bool {
    let host = request.headers().get(header::HOST).and_then(|host| host.to_str().ok());
    let Some(host) = host.and_then(|host| host.parse::<Authority>().ok()) else { return false };
    let name = host.host().trim_start_matches('[').trim_end_matches(']');
    let is_ours = pages.names.iter().any(|ours| ours.eq_ignore_ascii_case(name));
    let is_here =
        name.eq_ignore_ascii_case("localhost") || name.parse::<IpAddr>().is_ok_and(|address| address.is_loopback());
    is_ours || if pages.is_secure { pages.names.is_empty() } else { is_here }
}
