//! A session bus of our own, and on it what a desktop has there: notifications, and the portal for global shortcuts.
//!
//! Belongs here: dbus-daemon, both services as their specifications have them, and what they saw. Does not: what must be true of it.

use std::{
    collections::HashMap,
    fs,
    io::{BufRead, BufReader},
    process::{Child, Command, Stdio},
    sync::mpsc::{Receiver, Sender, channel},
    thread,
};

use ashpd::zbus::{
    self, Connection,
    connection::Builder,
    fdo, interface,
    message::Header,
    zvariant::{ObjectPath, OwnedObjectPath, OwnedValue, Value},
};
use tempfile::TempDir;
use tokio::{
    runtime,
    sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel},
};

use crate::desk::PATIENCE;

const DESKTOP: &str = "/org/freedesktop/portal/desktop";
const SHORTCUTS: &str = "org.freedesktop.portal.GlobalShortcuts";
/// A bus that starts no services of the machine's.
const CONFIG: &str = r#"<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig><type>session</type><listen>unix:dir=FOLDER</listen><auth>EXTERNAL</auth>
<policy context="default"><allow send_destination="*" eavesdrop="true"/><allow eavesdrop="true"/><allow own="*"/></policy>
</busconfig>
"#;

/// What a desktop was asked to show.
#[derive(Debug)]
pub struct Shown {
    pub replaces: u32,
    pub title: String,
    pub body: String,
    pub urgency: Option<u8>,
    pub sound: Option<String>,
}

/// How the desktop behaves.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Desktop {
    /// It has both services.
    Whole,
    /// Its notifications never answer.
    Stuck,
    /// Whoever is asked for keys gives none.
    Unwilling,
}

/// A bus with a desktop on it. Dropped, it is killed.
pub struct Bus {
    daemon: Child,
    pub address: String,
    shown: Receiver<Shown>,
    /// Which key, and whether it goes down; none: the portal ends the session.
    keys: UnboundedSender<Option<(&'static str, bool)>>,
    _folder: TempDir,
}

impl Bus {
    /// None, and it says so, where there is no dbus-daemon.
    pub fn start(desktop: Desktop) -> Option<Bus> {
        let folder = TempDir::with_prefix("bus-").expect("a folder");
        let config = folder.path().join("bus.conf");
        fs::write(&config, CONFIG.replace("FOLDER", &folder.path().display().to_string())).expect("a file");
        let mut command = Command::new("dbus-daemon");
        command.arg("--config-file").arg(&config).args(["--nofork", "--nopidfile", "--print-address=1"]);
        let Ok(mut daemon) = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn() else {
            crate::skip::skip("a desktop's bus needs dbus-daemon: `make setup` installs it");
            return None;
        };
        let mut address = String::new();
        BufReader::new(daemon.stdout.take().expect("a pipe")).read_line(&mut address).expect("it can be read");
        let address = address.trim().to_owned();
        assert!(!address.is_empty(), "the bus did not start");
        let ((to, shown), (keys, pressed), (up, ready)) = (channel(), unbounded_channel(), channel());
        let at = address.clone();
        thread::spawn(move || serve(&at, desktop, to, pressed, &up));
        ready.recv_timeout(PATIENCE).expect("the services are there");
        Some(Bus { daemon, address, shown, keys, _folder: folder })
    }

    /// The next notification.
    #[track_caller]
    pub fn next(&self) -> Shown {
        self.shown.recv_timeout(PATIENCE).expect("a notification")
    }

    /// A key of the portal's goes down, or is let go.
    pub fn key(&self, id: &'static str, down: bool) {
        self.keys.send(Some((id, down))).expect("the portal is there");
    }

    /// The portal ends the session.
    pub fn close(&self) {
        self.keys.send(None).expect("the portal is there");
    }
}

impl Drop for Bus {
    fn drop(&mut self) {
        let _ = self.daemon.kill();
        let _ = self.daemon.wait();
    }
}

fn serve(
    address: &str,
    desktop: Desktop,
    shown: Sender<Shown>,
    mut keys: UnboundedReceiver<Option<(&'static str, bool)>>,
    up: &Sender<()>,
) {
    let runtime = runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let notifications = Notifications { shown, last: 0, stuck: desktop == Desktop::Stuck };
        let portal = Shortcuts { unwilling: desktop == Desktop::Unwilling };
        let bus = Builder::address(address)
            .expect("an address")
            .serve_at("/org/freedesktop/Notifications", notifications)
            .and_then(|builder| builder.serve_at(DESKTOP, portal))
            .and_then(|builder| builder.name("org.freedesktop.Notifications"))
            .and_then(|builder| builder.name("org.freedesktop.portal.Desktop"))
            .expect("the names are well-formed");
        let bus = bus.build().await.expect("a connection");
        up.send(()).expect("the test waits");
        let no_options: HashMap<&str, Value<'_>> = HashMap::new();
        while let Some(key) = keys.recv().await {
            // Everybody hears it: there is one listener on this bus.
            let path = ObjectPath::try_from("/nobody").expect("a path");
            let sent = match key {
                Some((id, down)) => {
                    let signal = if down { "Activated" } else { "Deactivated" };
                    bus.emit_signal(None::<&str>, DESKTOP, SHORTCUTS, signal, &(path, id, 0_u64, &no_options)).await
                }
                None => {
                    let session = SESSION.lock().expect("nobody panicked with it").clone().expect("a session");
                    let portal = "org.freedesktop.portal.Session";
                    bus.emit_signal(None::<&str>, session, portal, "Closed", &(&no_options,)).await
                }
            };
            sent.expect("the bus is there");
        }
    });
}

/// The session that was made last, in whichever test: only one of them ends its session.
static SESSION: std::sync::Mutex<Option<OwnedObjectPath>> = std::sync::Mutex::new(None);

struct Notifications {
    shown: Sender<Shown>,
    last: u32,
    stuck: bool,
}

#[interface(name = "org.freedesktop.Notifications", crate = "ashpd::zbus")]
impl Notifications {
    #[allow(clippy::too_many_arguments)]
    async fn notify(
        &mut self,
        _program: String,
        replaces: u32,
        _icon: String,
        title: String,
        body: String,
        _actions: Vec<String>,
        hints: HashMap<String, OwnedValue>,
        _stays_ms: i32,
    ) -> u32 {
        let urgency = hints.get("urgency").and_then(|value| u8::try_from(value).ok());
        let sound = hints.get("sound-name").and_then(|value| <&str>::try_from(value).ok()).map(str::to_owned);
        let _ = self.shown.send(Shown { replaces, title, body, urgency, sound });
        if self.stuck {
            std::future::pending::<()>().await;
        }
        self.last = if replaces == 0 { self.last + 1 } else { replaces };
        self.last
    }
}

struct Shortcuts {
    unwilling: bool,
}

/// `Response` of `org.freedesktop.portal.Request`, which the portal sends for each request, at the path that both ends agree on.
async fn respond(
    bus: &Connection,
    header: &Header<'_>,
    options: &HashMap<String, OwnedValue>,
    code: u32,
    results: HashMap<&str, Value<'_>>,
) -> fdo::Result<OwnedObjectPath> {
    let request = path("request", "handle_token", header, options);
    let portal = "org.freedesktop.portal.Request";
    bus.emit_signal(header.sender().cloned(), &request, portal, "Response", &(code, results)).await?;
    Ok(request)
}

fn path(kind: &str, token: &str, header: &Header<'_>, options: &HashMap<String, OwnedValue>) -> OwnedObjectPath {
    let sender = header.sender().expect("the bus names it").trim_start_matches(':').replace('.', "_");
    let token = <&str>::try_from(&options[token]).expect("a text").to_owned();
    ObjectPath::try_from(format!("{DESKTOP}/{kind}/{sender}/{token}")).expect("a path").into()
}

#[interface(name = "org.freedesktop.portal.GlobalShortcuts", crate = "ashpd::zbus")]
impl Shortcuts {
    #[zbus(property)]
    fn version(&self) -> u32 {
        1
    }

    async fn create_session(
        &self,
        options: HashMap<String, OwnedValue>,
        #[zbus(header)] header: Header<'_>,
        #[zbus(connection)] bus: &Connection,
    ) -> fdo::Result<OwnedObjectPath> {
        let session = path("session", "session_handle_token", &header, &options);
        let results = HashMap::from([("session_handle", Value::from(session.as_str()))]);
        let answered = respond(bus, &header, &options, 0, results).await;
        *SESSION.lock().expect("nobody panicked with it") = Some(session);
        answered
    }

    async fn bind_shortcuts(
        &self,
        _session: OwnedObjectPath,
        shortcuts: Vec<(String, HashMap<String, OwnedValue>)>,
        _window: String,
        options: HashMap<String, OwnedValue>,
        #[zbus(header)] header: Header<'_>,
        #[zbus(connection)] bus: &Connection,
    ) -> fdo::Result<OwnedObjectPath> {
        // As desktops do: the person sees what was asked for, and may take it.
        let given: Vec<(String, HashMap<&str, Value<'_>>)> = shortcuts
            .iter()
            .map(|(id, facts)| {
                let keys = <&str>::try_from(&facts["preferred_trigger"]).expect("a text");
                let words = <&str>::try_from(&facts["description"]).expect("a text");
                let facts = [("trigger_description", format!("Press {keys}")), ("description", words.to_owned())];
                (id.clone(), facts.map(|(key, value)| (key, Value::from(value))).into_iter().collect())
            })
            .collect();
        match self.unwilling {
            true => respond(bus, &header, &options, 1, HashMap::new()).await,
            false => respond(bus, &header, &options, 0, HashMap::from([("shortcuts", Value::from(given))])).await,
        }
    }
}
