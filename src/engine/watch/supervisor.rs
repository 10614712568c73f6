//! Tells systemd how the engine is: `sd_notify(3)`. Does nothing if systemd did not start it.

use std::time::Duration;

use sd_notify::NotifyState;
use tracing::warn;

/// Clients can connect.
pub fn ready(status: &str) {
    say(&[NotifyState::Ready, NotifyState::Status(status)]);
}

/// The engine has been asked to stop.
pub fn stopping() {
    say(&[NotifyState::Stopping, NotifyState::Status("stopping: selected calls are being written")]);
}

/// All is well.
pub fn alive() {
    say(&[NotifyState::Watchdog]);
}

/// How long the supervisor waits for the next [`alive`] before it kills this process. None if it does not watch.
pub fn patience() -> Option<Duration> {
    sd_notify::watchdog_enabled()
}

fn say(what: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(what) {
        warn!("can't tell the supervisor (NOTIFY_SOCKET): {error}");
    }
}
