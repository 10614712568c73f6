//! Keys of the desktop that control the agent's call.
//!
//! Belongs here: taking keys from the desktop, what each asks the engine, what came of it, desktop notifications. Does not: words for
//! people, flags, which keys a desk wants (`settings`).

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

pub use companion::{Outcome, Told, accompany};
pub use error::HotkeyError;
pub use link::Link;
pub use notify::{Note, NoteError, Notifier};
pub use portal::{APP_ID, PortalKeys};
pub use x11::X11Keys;

use retrocall_settings::KeyCombo;
use retrocall_words::{Clock as _, SystemClock};

/// What a key is for.
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
    /// What they are for.
    pub button: Button,
    /// The keys.
    pub combo: KeyCombo,
}

/// What happened to a key.
#[derive(Debug)]
pub enum KeyEvent {
    /// It was pressed. A key that is held and repeats itself was pressed once.
    Down(Button),
    /// It was let go.
    Up(Button),
    /// It can't be had any more: the keyboard changed, and another program has it now.
    Lost(HotkeyError),
}

/// Keys of a desktop.
pub trait Keys {
    /// What happened next, if anything has.
    ///
    /// # Errors
    /// [`HotkeyError`] if no key will ever come again.
    fn next(&mut self) -> Result<Option<KeyEvent>, HotkeyError>;

    /// Readable when something may have happened.
    fn fd(&self) -> BorrowedFd<'_>;

    /// Which keys there are, as a person knows them: where the desktop lets people choose, not those that were asked for.
    fn names(&self) -> Vec<(Button, String)>;

    /// Presses and lets go of a key, as a person would. False where the desktop lets no program do so.
    ///
    /// # Errors
    /// [`HotkeyError`] if the desktop went away.
    fn press_yourself(&self, button: Button) -> Result<bool, HotkeyError>;
}

/// Takes keys from the desktop that this process belongs to. Under Wayland an X server would see no key while a Wayland window is in front:
/// there it is the portal.
///
/// # Errors
/// [`HotkeyError`] if it has none, or does not give these.
pub fn take(bindings: &[Binding]) -> Result<Box<dyn Keys>, HotkeyError> {
    match env::var_os("WAYLAND_DISPLAY").is_some_and(|name| !name.is_empty()) {
        true => Ok(Box::new(PortalKeys::ask_for(bindings)?)),
        false => Ok(Box::new(X11Keys::take(bindings)?)),
    }
}

/// Whether this button's key goes down within so much time. Other keys that come meanwhile are passed over.
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
        // Rounded up: a wait of nothing would spin.
        sleep(&[keys.fd()], PollTimeout::try_from(left + Duration::from_millis(1)).unwrap_or(PollTimeout::MAX))?;
    }
}

/// Sleeps until one of these can be read, or so much time is over.
fn sleep(fds: &[BorrowedFd<'_>], limit: PollTimeout) -> Result<(), HotkeyError> {
    let mut fds: Vec<_> = fds.iter().map(|fd| PollFd::new(fd.as_fd(), PollFlags::POLLIN)).collect();
    match poll(&mut fds, limit) {
        Ok(_) | Err(Errno::EINTR) => Ok(()),
        Err(errno) => Err(HotkeyError::Unable { what: format!("poll: {errno}") }),
    }
}
