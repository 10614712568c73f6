//! Keys of the desktop that control the agent's call.
//!
//! Belongs here: taking keys from the desktop, asking the engine, outcomes, desktop notifications. Does not: words for people, flags,
//! which keys a desk wants (`settings`).

mod companion;
mod error;
mod keyboard;
mod link;
mod notify;
mod portal;
mod x11;

use std::{
    env,
    os::fd::{AsFd, BorrowedFd},
    time::Duration,
};

use nix::{
    errno::Errno,
    poll::{PollFd, PollFlags, PollTimeout, poll},
};

pub use companion::{Press, Report, accompany};
pub use error::HotkeyError;
pub use link::{Exchange, Link, Recorder, Unanswered};
pub use notify::{Note, NoteError, Notifier};
pub use portal::{APP_ID, PortalKeys};
pub use x11::X11Keys;

use retrocall_settings::KeyCombo;
use retrocall_words::{Clock as _, SystemClock};

/// The purpose of a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Button {
    /// Keeps the whole call.
    Record,
    /// Silence for as long as it is held.
    Mask,
    /// Not this call.
    Private,
}

impl Button {
    /// All of them, in their order.
    pub const ALL: [Button; 3] = [Button::Record, Button::Mask, Button::Private];

    /// The word for it in settings, flags and JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Button::Record => "record",
            Button::Mask => "mask",
            Button::Private => "private",
        }
    }
}

/// The keys of a button.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Binding {
    /// Their purpose.
    pub button: Button,
    /// The keys.
    pub combo: KeyCombo,
}

/// An event of a key.
#[derive(Debug)]
pub enum KeyEvent {
    /// It was pressed. A key that repeats while it is held counts once.
    Down(Button),
    /// It was released.
    Up(Button),
    /// It is lost: the keyboard changed, and another program has it now.
    Lost(HotkeyError),
}

/// Keys of a desktop.
pub trait Keys {
    /// The next event, if there is one.
    ///
    /// # Errors
    /// [`HotkeyError`] if no key will ever come again.
    fn next(&mut self) -> Result<Option<KeyEvent>, HotkeyError>;

    /// Readable when something may have happened.
    fn fd(&self) -> BorrowedFd<'_>;

    /// The keys, as a person knows them. Where the desktop lets people choose, these are not the ones that were asked for.
    fn names(&self) -> Vec<(Button, String)>;

    /// Presses and releases a key, as a person would. False if the desktop lets no program do so.
    ///
    /// # Errors
    /// [`HotkeyError`] if the desktop went away.
    fn press_yourself(&self, button: Button) -> Result<bool, HotkeyError>;
}

/// Takes keys from the desktop of this process. Under Wayland that is the portal, because an X server sees no key while a Wayland window is
/// in front.
///
/// # Errors
/// [`HotkeyError`] if it has none, or does not give these.
pub fn take(bindings: &[Binding]) -> Result<Box<dyn Keys>, HotkeyError> {
    match env::var_os("WAYLAND_DISPLAY").is_some_and(|name| !name.is_empty()) {
        true => Ok(Box::new(PortalKeys::ask_for(bindings)?)),
        false => Ok(Box::new(X11Keys::take(bindings)?)),
    }
}

/// Waits for this button's key, at most for `limit`, and ignores others. Returns whether it was pressed.
///
/// # Errors
/// [`HotkeyError`] if no key will ever come.
pub fn await_key(keys: &mut dyn Keys, button: Button, limit: Duration) -> Result<bool, HotkeyError> {
    let deadline = SystemClock.now() + limit;
    loop {
        while let Some(event) = keys.next()? {
            match event {
                KeyEvent::Down(down) if down == button => return Ok(true),
                KeyEvent::Lost(error) => return Err(error),
                _ => {}
            }
        }
        let left = SystemClock.until(deadline);
        if left.is_zero() {
            return Ok(false);
        }
        // Rounded up: a wait of zero would spin.
        sleep(&[keys.fd()], PollTimeout::try_from(left + Duration::from_millis(1)).unwrap_or(PollTimeout::MAX))?;
    }
}

/// Sleeps until one of these can be read, or the time is over.
fn sleep(fds: &[BorrowedFd<'_>], limit: PollTimeout) -> Result<(), HotkeyError> {
    let mut fds: Vec<_> = fds.iter().map(|fd| PollFd::new(fd.as_fd(), PollFlags::POLLIN)).collect();
    match poll(&mut fds, limit) {
        Ok(_) | Err(Errno::EINTR) => Ok(()),
        Err(errno) => Err(HotkeyError::Unable { what: format!("poll: {errno}") }),
    }
}
