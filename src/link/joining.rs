//! How a site joins a centre.

use std::{fmt, path::Path};

use reqwest::StatusCode;
use retrocall_records::site_key::SiteKey;
use serde::Deserialize;

use super::centre::client;

/// Why a site did not join: in words, with what to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotJoined(String);

impl fmt::Display for NotJoined {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for NotJoined {}

#[derive(Deserialize)]
struct Answer {
    #[serde(default)]
    site: String,
    #[serde(default)]
    why: String,
}

/// Enrols the site of a home with a centre, by a code that an administrator made there. Returns the site's id.
///
/// # Errors
/// Why it did not join.
pub fn join(home: &Path, centre: &str, code: &str) -> Result<String, NotJoined> {
    let client = client(centre).map_err(NotJoined)?;
    let (key, joining) = SiteKey::joining(home, centre, code).map_err(|why| NotJoined(why.to_string()))?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| NotJoined(format!("can't start a thread ({error}): try again")))?;
    let body = serde_json::to_vec(&joining).map_err(|error| NotJoined(error.to_string()))?;
    let asked = runtime.block_on(async {
        let answer = client.post(format!("{}/link/v1/join", key.centre)).body(body).send().await?;
        Ok::<_, reqwest::Error>((answer.status(), answer.bytes().await?))
    });
    let (status, answer) =
        asked.map_err(|error| NotJoined(format!("{centre} does not answer ({error}): is the centre running?")))?;
    let answer: Option<Answer> = serde_json::from_slice(&answer).ok();
    match answer {
        Some(answer) if status == StatusCode::OK && answer.site == key.site => {
            key.keep(home).map_err(|error| NotJoined(format!("link.key can't be written ({error}): join again")))?;
            Ok(key.site)
        }
        Some(answer) if !answer.why.is_empty() => Err(NotJoined(answer.why)),
        _ => Err(NotJoined(format!("{centre} answers {status}, as no centre does: name one, with database and store"))),
    }
}
