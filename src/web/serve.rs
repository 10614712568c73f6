//! Takes connections, and hands each request to the pages: within limits, so that nobody who stalls or floods keeps others out.
//!
//! Belongs here: sockets, TLS, time limits of connections. Does not: what is answered.

use std::{
    collections::HashMap,
    fs, io,
    net::{IpAddr, SocketAddr},
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use axum::{Router, body::Body, http::Request};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use parking_lot::Mutex;
use retrocall_core::barrier::Barrier;
use retrocall_records::{
    Address, Server as Database,
    desk::{HeldOpen, HomeDesk, NotDone},
    ledger::open_ledger,
    relay::{Heard, Relay},
    sweep::{CentreHourly, CentreSweep},
};
use retrocall_store::{Address as StoreAddress, Store};
use retrocall_words::Clock;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, TcpStream},
    runtime::Runtime,
    sync::{OwnedSemaphorePermit, Semaphore},
    time,
};
use tokio_rustls::{
    TlsAcceptor,
    rustls::{
        ServerConfig,
        pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _},
    },
};
use tower::ServiceExt as _;

use super::{
    afar::Afar,
    cleaning,
    guard::From,
    pages::{Pages, Rules},
    routes, secret, touch,
};

/// Connections at once: others wait in the system's queue.
const CONNECTIONS_MAX: usize = 512;
/// Connections at once from one other machine.
const CONNECTIONS_OF_ONE_MAX: usize = 64;
/// How long the head of a request, or the beginning of TLS, may take to come. An idle connection is closed then too.
const HEAD_TIME: Duration = Duration::from_secs(15);
const HEAD_BYTES_MAX: usize = 32 * 1024;
const HEADERS_MAX: usize = 64;
/// Threads that answer. What waits for the catalog has others.
const THREADS: usize = 2;
/// How long answers that are under way have when the server ends.
const LAST_ANSWERS: Duration = Duration::from_secs(2);

/// The files of a TLS certificate, in PEM.
#[derive(Debug, Clone)]
pub struct Certificate {
    /// The certificate, with those between it and one that browsers know.
    pub chain: PathBuf,
    /// Its key.
    pub key: PathBuf,
}

/// How the pages are served.
pub struct Setup {
    /// The home folder.
    pub home: PathBuf,
    /// The address of the server on which the records lie. None: in the home folder.
    pub database: Option<String>,
    /// The store in which the recordings of sites lie. None: this is no centre.
    pub store: Option<String>,
    /// Where the recordings are.
    pub recordings: PathBuf,
    /// The engine's socket.
    pub socket: PathBuf,
    /// What the desk goes by.
    pub rules: Rules,
    /// Where to listen.
    pub address: SocketAddr,
    /// With TLS. Without, only this machine's own addresses are listened on.
    pub certificate: Option<Certificate>,
    /// By which names browsers come, besides those of this machine.
    pub names: Vec<String>,
    /// The clock.
    pub clock: Arc<dyn Clock>,
}

/// A server that listens.
pub struct Listening {
    /// The address, with the system's choice of port if none was named.
    pub address: SocketAddr,
    /// How far the kernel keeps this process from what is none of its business.
    pub barrier: Barrier,
    held: HeldOpen,
    /// The clean-up of a centre.
    _hourly: Option<CentreHourly>,
    /// Ends with it.
    _runtime: Runtime,
}

impl Listening {
    /// The address as a browser types it.
    pub fn url(&self, setup_is_secure: bool) -> String {
        format!("{}://{}/", if setup_is_secure { "https" } else { "http" }, self.address)
    }

    /// Whether the catalog is another one by now: then the server has to be started again.
    pub fn is_outdated(&self) -> bool {
        self.held.was_replaced()
    }

    /// Ends the server. Answers under way have a moment.
    pub fn end(self) {
        self._runtime.shutdown_timeout(LAST_ANSWERS);
    }
}

/// Listens, bars the calling thread from all that the pages don't need, and serves them on threads of its own.
///
/// # Errors
/// Why it can't, and what to do, in words.
pub fn listen(setup: Setup) -> Result<Listening, String> {
    let Setup { home, database, store, recordings, socket, rules, address, certificate, names, clock } = setup;
    if certificate.is_none() && !address.ip().is_loopback() {
        return Err(format!(
            "{address} can be reached from other machines, and passwords and recordings would cross the network in the clear: name a certificate \
             in [web] of retrocall.toml (certificate and key), or listen on a loopback address, like 127.0.0.1:{}",
            address.port()
        ));
    }
    let tls = certificate.as_ref().map(acceptor).transpose()?;
    let listener = std::net::TcpListener::bind(address)
        .map_err(|error| format!("can't listen on {address} ({error}): name another address with --listen"))?;
    let failed = |error: io::Error| format!("can't listen on {address} ({error})");
    listener.set_nonblocking(true).map_err(failed)?;
    let address = listener.local_addr().map_err(failed)?;
    let desk = desk(&home, database.as_deref())?;
    let sweeps = (rules.retention, rules.calendar.clone(), rules.practice.clone());
    let store = store.as_deref().map(opened).transpose()?;
    let (barrier, held) = touch::confine(&desk, &home, &recordings, store.as_ref()).map_err(|why| match why {
        NotDone::Unknown => "there is no catalog yet: start the engine once, then the pages".to_owned(),
        why => why.to_string(),
    })?;
    let no_threads = |error: io::Error| format!("can't start threads ({error}): raise the limit on processes");
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(THREADS)
        .thread_name("web")
        .enable_all()
        .build()
        .map_err(no_threads)?;
    let (hourly, desk) = match (desk.address().clone(), &store) {
        (Address::Server(server), Some(store)) => {
            let objects = cleaning::objects_of(store.clone(), runtime.handle().clone());
            let sweep = CentreSweep::new((server, &home), Arc::clone(&objects), sweeps, Arc::clone(&clock));
            let desk = desk.with_store(objects);
            // What is held or asked for is, before anything is cleaned up.
            cleaning::take_up(&desk, clock.wall())?;
            (Some(cleaning::begin(sweep, &home)?), desk)
        }
        _ => (None, desk),
    };
    let (listener, afar) = {
        let _inside = runtime.enter();
        let afar = store.as_ref().map(|_| afar_of(&desk, &clock)).transpose()?;
        (TcpListener::from_std(listener).map_err(failed)?, afar)
    };
    let pages = Arc::new(Pages::new((&home, &socket, desk), (store, afar), rules, clock, tls.is_some(), names));
    let server = Arc::new(Server { router: routes::router(&pages), tls, of_one: Mutex::default() });
    runtime.spawn(serve(listener, server));
    Ok(Listening { address, barrier, held, _hourly: hourly, _runtime: runtime })
}

/// The desk of the records: of the home, or of a server, which gets its tables if it has none. A few connections are kept ready for those who ask.
fn desk(home: &Path, database: Option<&str>) -> Result<HomeDesk, String> {
    let Some(database) = database else { return Ok(HomeDesk::of(home).kept_ready()) };
    let server = Database::at(database).map_err(|trouble| trouble.to_string())?;
    server.prepare().map_err(|trouble| trouble.to_string())?;
    open_ledger(home, &server).map_err(|trouble| trouble.to_string())?;
    Ok(HomeDesk::at(Address::Server(server)).kept_ready())
}

/// The button from afar of a centre.
fn afar_of(desk: &HomeDesk, clock: &Arc<dyn Clock>) -> Result<Arc<Afar>, String> {
    let process = secret::new().map_err(|error| format!("the system gives no random numbers ({error})"))?;
    let relay = |hear: Box<dyn Fn(Heard) + Send + Sync>| match desk.address() {
        Address::Server(server) => Relay::begin(server, hear).map(Some),
        // A home has no other processes.
        Address::Home { .. } => Ok(None),
    };
    let afar = Afar::begin(&process, desk.clone(), Arc::clone(clock), relay);
    afar.map_err(|error| format!("can't start threads ({error}): raise the limit on processes"))
}

/// The store of a centre.
fn opened(address: &str) -> Result<Store, String> {
    let address: StoreAddress = address.parse().map_err(|error| format!("store: {error}"))?;
    Store::open(&address)
}

/// TLS with these files.
fn acceptor(Certificate { chain, key }: &Certificate) -> Result<TlsAcceptor, String> {
    let read = |path: &Path| {
        fs::read(path).map_err(|error| format!("the certificate's file {} can't be read ({error})", path.display()))
    };
    let certificates: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&read(chain)?).collect();
    let certificates = certificates.ok().filter(|all| !all.is_empty());
    let certificates = certificates.ok_or_else(|| {
        format!("{} has no certificate in PEM: it begins with `-----BEGIN CERTIFICATE-----`", chain.display())
    })?;
    let text = read(key)?;
    let private = PrivateKeyDer::from_pem_slice(&text).map_err(|_| match is_sealed(&text) {
        true => format!(
            "the key {} is sealed with a password, which nobody is there to type: take that off with `openssl pkey -in SEALED -out KEY`, and let \
             the key be read by the pages' user alone",
            key.display()
        ),
        false => format!("{} has no private key in PEM: it begins with `-----BEGIN PRIVATE KEY-----`", key.display()),
    })?;
    let config = ServerConfig::builder().with_no_client_auth().with_single_cert(certificates, private);
    let mut config = config.map_err(|error| format!("the certificate and the key in [web] don't fit ({error})"))?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(TlsAcceptor::from(Arc::new(config)))
}

/// Whether a key's file holds one that is encrypted: such keys say so in their first lines.
fn is_sealed(pem: &[u8]) -> bool {
    pem.windows(9).any(|bytes| bytes == b"ENCRYPTED")
}

/// What all connections share.
struct Server {
    router: Router,
    tls: Option<TlsAcceptor>,
    /// Open connections by address, of other machines.
    of_one: Mutex<HashMap<IpAddr, usize>>,
}

async fn serve(listener: TcpListener, server: Arc<Server>) {
    let free = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    loop {
        let Ok(place) = Arc::clone(&free).acquire_owned().await else { return };
        match listener.accept().await {
            Ok((stream, from)) => {
                if let Some(seat) = Seat::take(&server, from.ip(), place) {
                    tokio::spawn(connection(Arc::clone(&server), stream, from.ip(), seat));
                }
            }
            Err(error) => {
                tracing::warn!("can't accept a connection: {error}; trying again");
                time::sleep(Duration::from_millis(200)).await;
            }
        }
    }
}

/// A place for a connection, given back when it ends.
struct Seat {
    server: Arc<Server>,
    address: IpAddr,
    _place: OwnedSemaphorePermit,
}

impl Seat {
    /// None if that machine has enough.
    fn take(server: &Arc<Server>, address: IpAddr, place: OwnedSemaphorePermit) -> Option<Seat> {
        let mut of_one = server.of_one.lock();
        let taken = of_one.entry(address).or_default();
        if *taken >= CONNECTIONS_OF_ONE_MAX && !address.is_loopback() {
            return None;
        }
        *taken += 1;
        Some(Seat { server: Arc::clone(server), address, _place: place })
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut of_one = self.server.of_one.lock();
        if let Some(taken) = of_one.get_mut(&self.address) {
            *taken -= 1;
            if *taken == 0 {
                of_one.remove(&self.address);
            }
        }
    }
}

async fn connection(server: Arc<Server>, stream: TcpStream, from: IpAddr, seat: Seat) {
    // Answers are small, and somebody waits for them.
    let _ = stream.set_nodelay(true);
    match &server.tls {
        None => answer(&server.router, stream, from).await,
        Some(tls) => {
            // Whoever speaks no TLS, or none in time, is none of ours.
            if let Ok(Ok(stream)) = time::timeout(HEAD_TIME, tls.accept(stream)).await {
                answer(&server.router, stream, from).await;
            }
        }
    }
    drop(seat);
}

async fn answer(router: &Router, stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static, from: IpAddr) {
    let service = service_fn(move |mut request: Request<Incoming>| {
        request.extensions_mut().insert(From(from));
        router.clone().oneshot(request.map(Body::new))
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIME)
        .max_buf_size(HEAD_BYTES_MAX)
        .max_headers(HEADERS_MAX)
        .serve_connection(TokioIo::new(stream), service)
        // A site's socket goes on from here by itself, and has a place of its own.
        .with_upgrades();
    // However it ends: each request was answered for itself.
    let _ = connection.await;
}
