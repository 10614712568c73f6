//! `retrocall web`: the pages, in a process of their own.

use std::{net::SocketAddr, process, sync::Arc, thread, time::Duration};

use clap::Args;
use jiff::SignedDuration;
use nix::sys::signal::{SigSet, Signal};
use serde_json::json;
use tracing::{info, warn};

use super::{Context, Failure, output, paperwork::controller};
use retrocall_core::{barrier::Barrier, priority};
use retrocall_engine::{recordings_in, watch::supervisor};
use retrocall_records::desk::SessionLimits;
use retrocall_settings::{Settings, parse_web};
use retrocall_web::{Certificate, Listening, Rules, Setup};
use retrocall_words::SystemClock;

const EXAMPLES: &str = "Examples:
  retrocall web                            the pages at http://127.0.0.1:8080/, for this machine
  retrocall web --listen 127.0.0.1:0       at a free port, which it prints
  retrocall user password hanna            so that she can log in

Other machines reach it by TLS alone: name a certificate in [web] of retrocall.toml (docs/web.md).
Start the engine once before: the pages show its records, with it or without it. Ctrl-C, SIGTERM or
SIGHUP stop it.";

/// How often it is looked whether the catalog was replaced by a restore.
const LOOK_EVERY: Duration = Duration::from_secs(2);

/// The pages: what people at the desk see and decide in a browser
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct WebArgs {
    /// Where to listen [default: 127.0.0.1:8080]
    #[arg(long, value_name = "ADDR", value_parser = parse_web)]
    listen: Option<SocketAddr>,
}

pub(super) fn run(context: &Context, args: WebArgs) -> Result<(), Failure> {
    // Before there is any other thread.
    let stops: SigSet = [Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP].into_iter().collect();
    stops
        .thread_block()
        .map_err(|error| Failure::new(format!("signals can't be waited for ({error})"), "try again"))?;
    // Calls come first: whoever floods the pages takes no time from the engine that it wants. All threads have it from this one.
    priority::give_way();
    output::log("info");
    let setup = setup(context, args)?;
    let is_secure = setup.certificate.is_some();
    let listening = retrocall_web::listen(setup).map_err(Failure::whole)?;
    if listening.barrier < Barrier::Full {
        warn!(barrier = %listening.barrier, "this kernel does not keep the pages from all that is none of their business: SECURITY.md says what that means");
    }
    let url = listening.url(is_secure);
    info!(url, barrier = %listening.barrier, "ready");
    if context.json() {
        let ready = json!({
            "ready": true, "url": url, "address": listening.address, "pid": process::id(), "barrier": listening.barrier.to_string(),
        });
        output::say(&ready.to_string());
    } else {
        output::say(&format!("The pages are at {url}"));
    }
    supervisor::ready(&format!("the pages are at {url}"));
    end_when_replaced(&stops, listening)
}

fn setup(context: &Context, args: WebArgs) -> Result<Setup, Failure> {
    let settings = context.settings()?;
    let certificate = settings.web_certificate(context.home()).map_err(Failure::whole)?;
    let signed = |time: Duration| SignedDuration::try_from(time).unwrap_or(SignedDuration::MAX);
    Ok(Setup {
        home: context.home().to_owned(),
        database: settings.database.as_ref().map(|address| address.as_str().to_owned()),
        store: store_of(&settings)?,
        recordings: recordings_in(context.home()),
        socket: settings.socket_path(context.home()),
        rules: Rules {
            retention: settings.retention,
            practice: settings.practice(),
            sessions: SessionLimits { idle: signed(settings.web.idle), total: signed(settings.web.session) },
            country: settings.country,
            controller: controller(&settings.papers),
            calendar: settings.calendar,
        },
        address: args.listen.unwrap_or(settings.web.listen),
        certificate: certificate.map(|[chain, key]| Certificate { chain, key }),
        names: settings.web.names,
        clock: Arc::new(SystemClock),
    })
}

/// The store of a centre, which has its records on a server.
fn store_of(settings: &Settings) -> Result<Option<String>, Failure> {
    match (&settings.store, &settings.database) {
        (Some(_), None) => Err(Failure::new(
            "`store` is set and `database` is not: a centre has its records on a server",
            "name one in retrocall.toml: database = \"postgres://USER@HOST/DATABASE\"",
        )),
        (store, _) => Ok(store.as_ref().map(|store| store.as_str().to_owned())),
    }
}

/// Serves until a signal comes, or until the catalog is another one, which this process may not touch.
fn end_when_replaced(stops: &SigSet, listening: Listening) -> Result<(), Failure> {
    let (stop, stopped) = std::sync::mpsc::channel();
    let stops = *stops;
    thread::Builder::new()
        .name("signals".to_owned())
        .spawn(move || {
            let _ = stops.wait();
            let _ = stop.send(());
        })
        .map_err(|error| Failure::new(format!("can't start a thread ({error})"), "raise the limit on processes"))?;
    while stopped.recv_timeout(LOOK_EVERY).is_err() {
        // Who is frozen while they write the catalog keeps everybody else from that: the supervisor ends it.
        supervisor::alive();
        if listening.is_outdated() {
            listening.end();
            return Err(Failure::new("the catalog was replaced by another one", "start the pages again"));
        }
    }
    listening.end();
    Ok(())
}
