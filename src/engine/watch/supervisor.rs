//! What systemd is told, if it is systemd that started us: `sd_notify(3)`. Otherwise nothing of this does anything.

use std::time::Duration;

use sd_notify::NotifyState;
use tracing::warn;

/// Clients can connect.
pub fn ready(status: &str) {
    say(&[NotifyState::Ready, NotifyState::Status(status)]);
}

/// It has been asked to stop.
pub fn stopping() {
    say(&[NotifyState::Stopping, NotifyState::Status("stopping: selected calls are being written")]);
}

/// All is well.
pub fn alive() {
    say(&[NotifyState::Watchdog]);
}

/// How long the supervisor waits for the next [`alive`] before it kills this process. None if it does not wait at all.
pub fn patience() -> Option<Duration> {
    sd_notify::watchdog_enabled()
}

fn say(what: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(what) {
        warn!("can't tell the supervisor (NOTIFY_SOCKET): {error}");
    }
}
