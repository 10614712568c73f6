//! The desktop's notifications (Desktop Notifications Specification 1.2), over D-Bus.
//!
//! Belongs here: showing a notification. Does not: its words, when it is shown.

use std::{collections::HashMap, fmt, time::Duration};

use ashpd::zbus::{self, Connection, zvariant::Value};
use tokio::{
    runtime::{Builder, Runtime},
    time::{error::Elapsed, timeout},
};

use retrocall_words::shown;

/// Limit for the desktop to accept a notification. A slower one is still starting its service, or has none.
const SHOW_MAX: Duration = Duration::from_secs(1);
/// How long a notification stays, in milliseconds.
const STAYS_MS: i32 = 6_000;
const SERVICE: &str = "org.freedesktop.Notifications";
const PATH: &str = "/org/freedesktop/Notifications";

/// A notification.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Note<'a> {
    /// A few words.
    pub title: &'a str,
    /// A sentence.
    pub body: &'a str,
    /// Whether it is shown even to somebody who does not want to be disturbed.
    pub urgent: bool,
    /// A sound, by its name in the XDG Sound Naming Specification; none for silence.
    pub sound: Option<&'a str>,
}

/// Why a notification was not shown.
#[derive(Debug)]
pub enum NoteError {
    /// The desktop has no service for it, or it refuses.
    Bus(Box<zbus::Error>),
    /// The service takes too long.
    Late,
}

impl fmt::Display for NoteError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            NoteError::Bus(error) => write!(f, "no desktop notifications here ({error})"),
            NoteError::Late => write!(f, "the desktop's notifications don't answer"),
        }
    }
}

impl std::error::Error for NoteError {}

impl From<zbus::Error> for NoteError {
    fn from(error: zbus::Error) -> Self {
        NoteError::Bus(Box::new(error))
    }
}

impl From<Elapsed> for NoteError {
    fn from(_: Elapsed) -> Self {
        NoteError::Late
    }
}

/// The desktop's notifications. Blocks while it shows one, at most a second; sleeps otherwise.
pub struct Notifier {
    runtime: Runtime,
    bus: Option<Connection>,
    /// The last notification. The next replaces it, so that ten presses don't fill the screen.
    last: u32,
}

impl Notifier {
    /// Notifications of the desktop that this process belongs to.
    ///
    /// # Errors
    /// What the system says if it gives no runtime.
    pub fn new() -> std::io::Result<Notifier> {
        Ok(Notifier { runtime: Builder::new_current_thread().enable_all().build()?, bus: None, last: 0 })
    }

    /// Connects, so that the first notification need not.
    ///
    /// # Errors
    /// [`NoteError`] if this process belongs to no desktop.
    pub fn connect(&mut self) -> Result<(), NoteError> {
        let Notifier { runtime, bus, .. } = self;
        runtime.block_on(async { timeout(SHOW_MAX, connected(bus)).await? }).map(|_| ())
    }

    /// Shows a notification.
    ///
    /// # Errors
    /// [`NoteError`] if nobody shows it.
    pub fn show(&mut self, note: &Note<'_>) -> Result<(), NoteError> {
        let Notifier { runtime, bus, last } = self;
        let shown = runtime.block_on(async { timeout(SHOW_MAX, show(bus, *last, note)).await? });
        match &shown {
            Ok(id) => *last = *id,
            // The next notification gets a new connection to the bus.
            Err(_) => *bus = None,
        }
        shown.map(|_| ())
    }
}

async fn connected(bus: &mut Option<Connection>) -> Result<&Connection, NoteError> {
    let connection = match bus.take() {
        Some(connection) => connection,
        None => Connection::session().await?,
    };
    Ok(bus.insert(connection))
}

async fn show(bus: &mut Option<Connection>, last: u32, note: &Note<'_>) -> Result<u32, NoteError> {
    let urgency: u8 = if note.urgent { 2 } else { 1 };
    let sound = note.sound.map_or(("suppress-sound", Value::from(true)), |name| ("sound-name", Value::from(name)));
    let hints = HashMap::from([("urgency", Value::from(urgency)), sound]);
    let (title, body) = (plain(note.title), plain(note.body));
    let no_actions: [&str; 0] = [];
    let arguments = ("retrocall", last, "", title.as_str(), body.as_str(), &no_actions[..], hints, STAYS_MS);
    let bus = connected(bus).await?;
    let reply = bus.call_method(Some(SERVICE), PATH, Some(SERVICE), "Notify", &arguments).await?;
    Ok(reply.body().deserialize()?)
}

/// Replaces characters that some services take for markup, or that move the text around.
fn plain(text: &str) -> String {
    shown(text).replace('<', "‹").replace('>', "›").replace('&', "+")
}
