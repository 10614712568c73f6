//! Styles, scripts and the icon: within the program, so that nothing comes from anywhere else.

use std::sync::LazyLock;

use axum::{
    extract::Path,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse as _, Response},
};
use sha2::{Digest as _, Sha256};

/// Name, kind, content.
const FILES: [(&str, &str, &str); 6] = [
    ("style.css", "text/css; charset=utf-8", include_str!("assets/style.css")),
    ("page.js", "text/javascript; charset=utf-8", include_str!("assets/page.js")),
    ("player.js", "text/javascript; charset=utf-8", include_str!("assets/player.js")),
    ("live.js", "text/javascript; charset=utf-8", include_str!("assets/live.js")),
    ("board.js", "text/javascript; charset=utf-8", include_str!("assets/board.js")),
    ("icon.svg", "image/svg+xml", include_str!("assets/icon.svg")),
];

/// A browser keeps them; another program's have another place.
static VERSION: LazyLock<String> = LazyLock::new(|| {
    let mut sum = Sha256::new();
    FILES.iter().for_each(|(_, _, content)| sum.update(content));
    sum.finalize().iter().take(6).map(|byte| format!("{byte:02x}")).collect()
});

/// Where a file is.
pub(crate) fn place(name: &str) -> String {
    format!("/assets/{}/{name}", *VERSION)
}

pub(crate) async fn show(Path((version, name)): Path<(String, String)>) -> Response {
    let Some((_, kind, content)) = FILES.iter().find(|(file, ..)| *file == name) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    // One of another version is only seen while the program is replaced.
    let keep = if version == *VERSION { "public, max-age=31536000, immutable" } else { "no-store" };
    let mut response = (*content).into_response();
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static(keep));
    response
}
