//! What a bucket does with what is deleted in it: one that keeps versions, or locks objects, keeps what a receipt says is gone.
//!
//! Belongs here: the two questions, which `object_store` does not know; it signs them. Does not: what follows from the answers.

use std::env;

use bytes::Bytes;
use object_store::{
    aws::{AmazonS3, AwsAuthorizer},
    client::{HttpRequest, HttpRequestBody},
};

use super::{REQUEST_TIME, StoreError, address::endpoint};

/// Without a word of the environment.
const REGION: &str = "us-east-1";
/// Bytes of an answer that are looked at: it has a few hundred.
const ANSWER_BYTES_MAX: usize = 64 * 1024;

/// What a bucket keeps of what was deleted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Keeping {
    /// Earlier versions of objects, or those of a time when it kept them.
    pub versions: bool,
    /// Whatever somebody locked, until a day.
    pub locks: bool,
}

/// Asks a bucket.
pub(crate) async fn keeping(s3: &AmazonS3, bucket: &str) -> Result<Keeping, StoreError> {
    let versioning = ask(s3, bucket, "versioning").await?.unwrap_or_default();
    let locks = ask(s3, bucket, "object-lock").await?.unwrap_or_default();
    Ok(Keeping {
        versions: ["Enabled", "Suspended"].iter().any(|word| versioning.contains(&format!("<Status>{word}</Status>"))),
        locks: locks.contains("<ObjectLockEnabled>Enabled</ObjectLockEnabled>"),
    })
}

/// One question about a bucket. None: there is no such thing.
async fn ask(s3: &AmazonS3, bucket: &str, what: &str) -> Result<Option<String>, StoreError> {
    let region = ["AWS_REGION", "AWS_DEFAULT_REGION"].iter().find_map(|name| env::var(name).ok());
    let region = region.unwrap_or_else(|| REGION.to_owned());
    let base = endpoint().map_or_else(|| format!("https://s3.{region}.amazonaws.com"), |url| url.to_string());
    let url = format!("{}/{bucket}?{what}=", base.trim_end_matches('/'));
    let away = |error: &dyn std::fmt::Display| StoreError::Away(error.to_string());
    let credential = s3.credentials().get_credential().await?;
    let mut request = HttpRequest::new(HttpRequestBody::empty());
    *request.uri_mut() = url.parse().map_err(|_| away(&"its address makes no sense"))?;
    AwsAuthorizer::new(&credential, "s3", &region).try_authorize(&mut request, None)?;
    let headers = request.headers().clone();
    let client = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).timeout(REQUEST_TIME);
    let client = client.build().map_err(|error| away(&error))?;
    let answer = client.get(&url).headers(headers).send().await.map_err(|error| away(&error))?;
    match answer.status().as_u16() {
        200 => {}
        404 if what == "object-lock" => return Ok(None),
        403 => {
            return Err(StoreError::Forbidden(format!("it does not say whether it keeps what is deleted (?{what})")));
        }
        status => return Err(StoreError::Away(format!("it answers {status} to ?{what}"))),
    }
    let text: Bytes = answer.bytes().await.map_err(|error| away(&error))?;
    let text = text.slice(..text.len().min(ANSWER_BYTES_MAX));
    Ok(Some(String::from_utf8_lossy(&text).into_owned()))
}
