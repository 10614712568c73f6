//! A centre, as a link asks it: each request is signed, with a counter that is never used twice.
//!
//! Belongs here: one request and its answer. Does not: what is asked.

use std::{fmt, io, sync::Arc, time::Duration};

use bytes::Bytes;
use parking_lot::Mutex;
use reqwest::{Client, ClientBuilder, Method, RequestBuilder, Response, StatusCode, Upgraded, header};
use retrocall_records::site_key::{Asked, Shown, SiteKey};
use serde::{Deserialize, de::DeserializeOwned};
use sha2::{Digest as _, Sha256};
use tokio_rustls::rustls::crypto::ring;
use tokio_tungstenite::{
    WebSocketStream,
    tungstenite::{
        handshake::{client::generate_key, derive_accept_key},
        protocol::{Role, WebSocketConfig},
    },
};
use url::{Host, Url};

/// How long a request may take: 8 MiB over a slow line, and a store that thinks.
const REQUEST_TIME: Duration = Duration::from_secs(150);
const CONNECT_TIME: Duration = Duration::from_secs(10);
/// How long a centre may take to open a socket.
const OPEN_TIME: Duration = Duration::from_secs(15);
/// Bytes of an answer.
const ANSWER_BYTES_MAX: usize = 1 << 20;
/// A request that came twice, or late, is asked again with another counter.
const TRIES: usize = 3;
/// After so long it is asked again, if the centre does not say.
const RETRY_SECONDS: u64 = 5;

/// Why something was not answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Fault {
    /// The centre does not answer, or not now: after so many seconds it is asked again.
    Away { why: String, retry_seconds: u64 },
    /// The centre does not listen to this site at all.
    Shut(String),
    /// It refuses this one thing.
    Refused(String),
    /// This machine can't sign.
    Here(String),
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Fault::Away { why, .. } | Fault::Shut(why) | Fault::Refused(why) | Fault::Here(why) => f.write_str(why),
        }
    }
}

/// What a centre says when it refuses.
#[derive(Debug, Default, Deserialize)]
struct Said {
    #[serde(default)]
    refused: String,
    #[serde(default)]
    why: String,
}

/// A client for this address.
pub(crate) fn client(address: &str) -> Result<Client, String> {
    made(address, |builder| builder.timeout(REQUEST_TIME))
}

fn made(address: &str, set: impl FnOnce(ClientBuilder) -> ClientBuilder) -> Result<Client, String> {
    let url = Url::parse(address).map_err(|_| format!("{address} is no address: write https://HOST"))?;
    let is_here = match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    };
    match url.scheme() {
        "https" => {}
        "http" if is_here => {}
        _ => {
            return Err(format!(
                "{address} is not encrypted, and recordings would cross the network in the clear: name one with https"
            ));
        }
    }
    // One of this process: whoever was first.
    let _ = ring::default_provider().install_default();
    let client = set(Client::builder())
        .connect_timeout(CONNECT_TIME)
        .redirect(reqwest::redirect::Policy::none())
        .user_agent(concat!("retrocall/", env!("CARGO_PKG_VERSION")));
    client.build().map_err(|error| format!("no way to {address} ({error})"))
}

/// The SHA-256 of some bytes, in hexadecimal digits.
pub(crate) fn digest(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A socket to a centre, over which both say what they want.
pub(crate) type Socket = WebSocketStream<Upgraded>;

/// A centre, and the key by which it knows this site.
#[derive(Clone)]
pub(crate) struct Centre {
    client: Client,
    /// For what stays open: one version of HTTP alone can become another protocol.
    staying: Client,
    address: Arc<str>,
    key: Arc<Mutex<SiteKey>>,
}

impl Centre {
    pub(crate) fn new(key: SiteKey) -> Result<Centre, String> {
        let address: Arc<str> = key.centre.as_str().into();
        let staying = made(&address, ClientBuilder::http1_only)?;
        Ok(Centre { client: client(&address)?, staying, address, key: Arc::new(Mutex::new(key)) })
    }

    pub(crate) fn address(&self) -> &str {
        &self.address
    }

    /// The public half of the key of the site's ledger.
    pub(crate) fn ledger_key(&self) -> String {
        self.key.lock().ledger_key.clone()
    }

    /// What is said of a recording, with the site's signature.
    pub(crate) fn sign_parcel(&self, parcel: &str) -> String {
        self.key.lock().sign_parcel(parcel)
    }

    async fn signed(&self, method: &Method, path: &str, sha256: &str) -> Result<Shown, Fault> {
        let (key, method, path, sha256) = (Arc::clone(&self.key), method.clone(), path.to_owned(), sha256.to_owned());
        // The counter goes to the disk first.
        let sign = move || {
            let asked = Asked { method: method.as_str(), path: &path, body_sha256: &sha256 };
            key.lock().sign(&asked)
        };
        let signed = tokio::task::spawn_blocking(sign).await.map_err(io::Error::other).flatten();
        signed.map_err(|error| Fault::Here(format!("link.counter can't be written ({error})")))
    }

    /// Asks, and reads the answer.
    pub(crate) async fn ask<T: DeserializeOwned>(&self, method: Method, path: &str, body: Bytes) -> Result<T, Fault> {
        let sha256 = digest(&body);
        for _ in 1..TRIES {
            match self.ask_once(&method, path, body.clone(), &sha256).await {
                Err(None) => {}
                Err(Some(fault)) => return Err(fault),
                Ok(answer) => return read(&answer),
            }
        }
        let answer = self.ask_once(&method, path, body, &sha256).await;
        let repeated = || Fault::Away { why: "each request came late".to_owned(), retry_seconds: RETRY_SECONDS };
        read(&answer.map_err(|fault| fault.unwrap_or_else(repeated))?)
    }

    /// None: it came late, or twice.
    async fn ask_once(&self, method: &Method, path: &str, body: Bytes, sha256: &str) -> Result<Vec<u8>, Option<Fault>> {
        let request = self.request(&self.client, method, path, sha256).await?;
        let answer = request.header(header::CONTENT_LENGTH, body.len()).body(body).send().await.map_err(away)?;
        whole(answer).await
    }

    /// A signed request.
    async fn request(
        &self,
        client: &Client,
        method: &Method,
        path: &str,
        sha256: &str,
    ) -> Result<RequestBuilder, Fault> {
        let shown = self.signed(method, path, sha256).await?;
        Ok(client
            .request(method.clone(), format!("{}{path}", self.address))
            .header("retrocall-site", shown.site)
            .header("retrocall-counter", shown.counter)
            .header("retrocall-start", shown.start)
            .header("retrocall-signature", shown.signature)
            .header("retrocall-body", sha256))
    }

    /// Opens a socket there. It is signed as every other request is.
    pub(crate) async fn socket(&self, path: &str) -> Result<Socket, Fault> {
        let key = generate_key();
        let request = self.request(&self.staying, &Method::GET, path, &digest(b"")).await?;
        let request = request
            .header(header::CONNECTION, "upgrade")
            .header(header::UPGRADE, "websocket")
            .header(header::SEC_WEBSOCKET_VERSION, "13")
            .header(header::SEC_WEBSOCKET_KEY, &key);
        let late = |_| Fault::Away { why: "it does not answer".to_owned(), retry_seconds: RETRY_SECONDS };
        let answer = tokio::time::timeout(OPEN_TIME, request.send()).await.map_err(late)?.map_err(away)?;
        if answer.status() != StatusCode::SWITCHING_PROTOCOLS {
            let repeated = || Fault::Away { why: "the request came late".to_owned(), retry_seconds: RETRY_SECONDS };
            let refused = || Fault::Refused("the centre knows no button from afar".to_owned());
            return Err(whole(answer).await.map_or_else(|fault| fault.unwrap_or_else(repeated), |_| refused()));
        }
        if answer.headers().get(header::SEC_WEBSOCKET_ACCEPT).map(|accept| accept.as_bytes())
            != Some(derive_accept_key(key.as_bytes()).as_bytes())
        {
            return Err(Fault::Refused("the answer makes no sense: is it a centre?".to_owned()));
        }
        let upgraded = answer.upgrade().await.map_err(away)?;
        let limits =
            WebSocketConfig::default().max_message_size(Some(ANSWER_BYTES_MAX)).max_frame_size(Some(ANSWER_BYTES_MAX));
        Ok(WebSocketStream::from_raw_socket(upgraded, Role::Client, Some(limits)).await)
    }
}

fn away(error: reqwest::Error) -> Fault {
    // Its own words name the address; the cause is what helps.
    let mut why = error.to_string();
    let mut cause = std::error::Error::source(&error);
    while let Some(deeper) = cause {
        why = deeper.to_string();
        cause = deeper.source();
    }
    Fault::Away { why, retry_seconds: RETRY_SECONDS }
}

/// Reads an answer to its end. None: the request came late, or twice.
async fn whole(mut answer: Response) -> Result<Vec<u8>, Option<Fault>> {
    let (status, retry) = (answer.status(), answer.headers().get(header::RETRY_AFTER).cloned());
    let mut text = Vec::new();
    while let Some(some) = answer.chunk().await.map_err(away)? {
        if text.len() + some.len() > ANSWER_BYTES_MAX {
            return Err(Some(Fault::Refused("the answer has no end".to_owned())));
        }
        text.extend_from_slice(&some);
    }
    if status.is_success() {
        return Ok(text);
    }
    let said: Said = serde_json::from_slice(&text).unwrap_or_default();
    let retry = retry.and_then(|seconds| seconds.to_str().ok()?.parse().ok()).unwrap_or(RETRY_SECONDS);
    Err(refusal(status, said, retry))
}

/// What an answer means that is no success.
fn refusal(status: StatusCode, Said { refused, why }: Said, retry_seconds: u64) -> Option<Fault> {
    let why = if why.is_empty() { format!("the centre answers {status}") } else { why };
    Some(match (status, &*refused) {
        (StatusCode::CONFLICT, "repeated") => return None,
        (_, "unknown" | "withdrawn" | "quarantined") => Fault::Shut(why),
        (StatusCode::SERVICE_UNAVAILABLE | StatusCode::BAD_GATEWAY | StatusCode::GATEWAY_TIMEOUT, _) => {
            Fault::Away { why, retry_seconds }
        }
        _ => Fault::Refused(format!("{} ({why})", status.as_u16())),
    })
}

fn read<T: DeserializeOwned>(answer: &[u8]) -> Result<T, Fault> {
    serde_json::from_slice(answer).map_err(|_| Fault::Refused("the answer makes no sense: is it a centre?".to_owned()))
}
