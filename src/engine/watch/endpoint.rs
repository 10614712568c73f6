//! Serves the page of figures, on loopback alone, to anybody on this machine.
//!
//! It answers one request a connection, few connections at once, each for a short time. A client that floods it or stalls loses the page: the
//! thread that answers (the control thread) has other things to do.

use std::{
    io,
    net::{IpAddr, SocketAddr},
    sync::Arc,
    time::{Duration, Instant},
};

use axum::{
    Router,
    extract::State,
    http::{HeaderMap, StatusCode, header, uri::Authority},
    response::{IntoResponse, Response},
    routing::get,
};
use hyper::server::conn::http1;
use hyper_util::{rt::TokioIo, service::TowerToHyperService};
use parking_lot::Mutex;
use tokio::{net::TcpListener, sync::Semaphore, time};
use tracing::warn;

use super::figures;
use retrocall_words::{Clock, Status};

/// Connections that are answered at once. Others wait in the system's queue.
const CONNECTIONS_MAX: usize = 8;
/// How long a connection may take in all.
const CONNECTION_TIME: Duration = Duration::from_secs(5);
/// The longest head of a request: scrapers send a few hundred bytes.
const HEAD_BYTES_MAX: usize = 8 * 1024;
const HEADERS_MAX: usize = 32;
/// Requests within this time get the same page: a look at all live calls is not free.
const PAGE_AGE_MAX: Duration = Duration::from_millis(100);

const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// The listening address of the figures.
pub struct Endpoint {
    listener: TcpListener,
    address: SocketAddr,
}

/// Makes the page, and keeps the last one.
struct Source {
    status: Box<dyn Fn() -> Status + Send + Sync>,
    clock: Arc<dyn Clock>,
    last: Mutex<Option<(Instant, Arc<str>)>>,
}

impl Source {
    fn page(&self) -> Arc<str> {
        let mut last = self.last.lock();
        if let Some((at, page)) = &*last
            && self.clock.since(*at) < PAGE_AGE_MAX
        {
            return Arc::clone(page);
        }
        let page: Arc<str> = figures(&(self.status)()).into();
        *last = Some((self.clock.now(), Arc::clone(&page)));
        page
    }
}

impl Endpoint {
    /// Binds an address.
    ///
    /// # Errors [`io::ErrorKind::InvalidInput`] for an address that other machines can reach, or the system's error.
    pub async fn bind(address: SocketAddr) -> io::Result<Endpoint> {
        if !address.ip().is_loopback() {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "it is not a loopback address"));
        }
        let listener = TcpListener::bind(address).await?;
        let address = listener.local_addr()?;
        Ok(Endpoint { listener, address })
    }

    /// The address, with the system's choice of port if none was named.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Answers requests. `clock` decides whether a page is new enough. Never returns.
    pub async fn serve(self, clock: Arc<dyn Clock>, status: impl Fn() -> Status + Send + Sync + 'static) {
        let source = Arc::new(Source { status: Box::new(status), clock, last: Mutex::default() });
        let router = Router::new().route("/metrics", get(answer)).fallback(elsewhere).with_state(source);
        let free = Arc::new(Semaphore::new(CONNECTIONS_MAX));
        loop {
            let place = Arc::clone(&free).acquire_owned().await.expect("it is never closed");
            let stream = match self.listener.accept().await {
                Ok((stream, _)) => stream,
                Err(error) => {
                    warn!("can't accept a connection for the metrics: {error}; trying again");
                    time::sleep(Duration::from_millis(200)).await;
                    continue;
                }
            };
            let connection = http1::Builder::new()
                .keep_alive(false)
                .max_buf_size(HEAD_BYTES_MAX)
                .max_headers(HEADERS_MAX)
                .serve_connection(TokioIo::new(stream), TowerToHyperService::new(router.clone()));
            tokio::spawn(async move {
                // However it ends, it was only a look.
                let _ = time::timeout(CONNECTION_TIME, connection).await;
                drop(place);
            });
        }
    }
}

async fn answer(State(source): State<Arc<Source>>, headers: HeaderMap) -> Response {
    if !is_for_us(&headers) {
        return (StatusCode::MISDIRECTED_REQUEST, "The metrics are for this machine alone.\n").into_response();
    }
    ([(header::CONTENT_TYPE, CONTENT_TYPE)], source.page().to_string()).into_response()
}

async fn elsewhere() -> Response {
    (StatusCode::NOT_FOUND, "The metrics are at /metrics.\n").into_response()
}

/// Whether a request names this machine as its host. A foreign page may have its own name resolved to loopback, so that a browser on this machine
/// asks and hands it the answer; but then the browser sends that page's name.
fn is_for_us(headers: &HeaderMap) -> bool {
    let Some(host) = headers.get(header::HOST) else { return true };
    let host = host.to_str().ok().and_then(|host| host.parse::<Authority>().ok());
    host.is_some_and(|host| {
        let name = host.host().trim_start_matches('[').trim_end_matches(']');
        name.eq_ignore_ascii_case("localhost") || name.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
    })
}

#[cfg(test)]
mod tests {
    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt},
        net::TcpStream,
    };

    use super::*;
    use retrocall_words::SystemClock;

    async fn ask(address: SocketAddr, request: &str) -> String {
        let mut stream = TcpStream::connect(address).await.expect("it listens");
        stream.write_all(request.as_bytes()).await.expect("sent");
        let mut answer = String::new();
        // A client that is cut off in the middle of a request may find the connection reset.
        let _ = stream.read_to_string(&mut answer).await;
        answer
    }

    fn served(test: impl AsyncFnOnce(SocketAddr)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(async {
            let endpoint = Endpoint::bind("127.0.0.1:0".parse().expect("an address")).await.expect("a port");
            let address = endpoint.address();
            tokio::spawn(endpoint.serve(Arc::new(SystemClock), || Status { calls: 7, ..Status::default() }));
            test(address).await;
        });
    }

    #[test]
    fn the_page_is_there_for_this_machine_and_for_nobody_who_comes_by_another_name() {
        served(async |address| {
            for host in ["127.0.0.1:9464", "LocalHost", "[::1]:9464"] {
                let answer = ask(address, &format!("GET /metrics HTTP/1.1\r\nHost: {host}\r\n\r\n")).await;
                assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
                assert!(answer.contains("\r\ncontent-type: text/plain; version=0.0.4; charset=utf-8\r\n"), "{answer}");
                assert!(answer.contains("\nretrocall_calls_live 7\n"), "{answer}");
            }
            assert!(ask(address, "GET /metrics HTTP/1.0\r\n\r\n").await.starts_with("HTTP/1.0 200"));
            for host in ["retrocall.example", "10.0.0.1", "localhost.example:9464", ""] {
                let answer = ask(address, &format!("GET /metrics HTTP/1.1\r\nHost: {host}\r\n\r\n")).await;
                assert!(answer.starts_with("HTTP/1.1 421") && !answer.contains("retrocall_"), "{host}: {answer}");
            }
            assert!(ask(address, "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n").await.contains("are at /metrics"));
            assert!(
                ask(address, "POST /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n").await.starts_with("HTTP/1.1 405")
            );
        });
    }

    #[test]
    fn garbage_and_endless_heads_are_cut_off_and_the_next_one_is_answered() {
        served(async |address| {
            let endless = format!("GET /metrics HTTP/1.1\r\nA: {}", "a".repeat(64 * 1024));
            let many = format!("GET /metrics HTTP/1.1\r\n{}\r\n", "a: b\r\n".repeat(100));
            for request in ["\0\u{1}\u{2}nothing\r\n\r\n", &endless, &many] {
                assert!(!ask(address, request).await.contains("retrocall_calls_live"));
            }
            assert!(ask(address, "GET /metrics HTTP/1.1\r\n\r\n").await.contains("retrocall_calls_live"));
        });
    }

    #[test]
    fn an_address_that_others_can_reach_is_refused() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        for address in ["0.0.0.0:0", "[::]:0", "192.0.2.1:0"] {
            let refused = runtime.block_on(Endpoint::bind(address.parse().expect("an address"))).err();
            assert_eq!(refused.map(|error| error.kind()), Some(io::ErrorKind::InvalidInput), "{address}");
        }
    }
}
