//! Keys from a Wayland desktop: its portal for global shortcuts (`org.freedesktop.portal.GlobalShortcuts`).
//!
//! On Wayland no program can take a key: it asks, and the person chooses. A thread of its own speaks D-Bus with the portal. It sleeps until a
//! key is pressed, and reports it as one byte over a pair of sockets.

use std::{
    io::{self, Read, Write},
    os::{
        fd::{AsFd, BorrowedFd},
        unix::net::UnixStream,
    },
    sync::mpsc::{SyncSender, sync_channel},
    thread,
};

use ashpd::{
    AppID,
    desktop::{
        CreateSessionOptions,
        global_shortcuts::{BindShortcutsOptions, GlobalShortcuts, NewShortcut},
    },
    zbus,
};
use futures_util::{StreamExt, pin_mut};
use tokio::runtime::Builder;

use super::{Binding, Button, HotkeyError, KeyEvent, Keys};
use retrocall_settings::KeyCombo;

/// The name under which the desktop remembers the chosen keys. A desktop file of this name announces it.
pub const APP_ID: &str = "nl.retrocall.Hotkey";
/// The bit of a byte that says that the key was released.
const UP: u8 = 0x80;

/// Keys of the desktop's portal, until this is dropped.
pub struct PortalKeys {
    events: UnixStream,
    names: Vec<(Button, String)>,
}

/// The keys that the person chose, or why there are none.
type Bound = Result<Vec<(Button, String)>, HotkeyError>;

impl PortalKeys {
    /// Asks the desktop for these keys, and waits while it asks the person.
    ///
    /// # Errors
    /// [`HotkeyError`] if the desktop has no such portal, or the person wants to give no key.
    pub fn ask_for(bindings: &[Binding]) -> Result<PortalKeys, HotkeyError> {
        let unable = |error: io::Error| HotkeyError::Unable { what: error.to_string() };
        let (events, pressed) = UnixStream::pair().map_err(unable)?;
        events.set_nonblocking(true).map_err(unable)?;
        let (bound, names) = sync_channel(1);
        let bindings = bindings.to_vec();
        let runtime = Builder::new_current_thread().enable_all().build().map_err(unable)?;
        let listen = move || runtime.block_on(listen(&bindings, &bound, pressed));
        thread::Builder::new().name("portal".into()).spawn(listen).map_err(unable)?;
        let names = names.recv().unwrap_or_else(|_| Err(HotkeyError::Gone { cause: "the portal's thread".into() }))?;
        Ok(PortalKeys { events, names })
    }
}

impl Keys for PortalKeys {
    fn next(&mut self) -> Result<Option<KeyEvent>, HotkeyError> {
        let mut byte = [0];
        match self.events.read(&mut byte) {
            Ok(0) => Err(HotkeyError::Gone { cause: "its portal ended the session".to_owned() }),
            Ok(_) => {
                let button = Button::ALL[usize::from(byte[0] & !UP)];
                Ok(Some(if byte[0] & UP == 0 { KeyEvent::Down(button) } else { KeyEvent::Up(button) }))
            }
            Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted) => Ok(None),
            Err(error) => Err(HotkeyError::Gone { cause: error.to_string() }),
        }
    }

    fn fd(&self) -> BorrowedFd<'_> {
        self.events.as_fd()
    }

    fn names(&self) -> Vec<(Button, String)> {
        self.names.clone()
    }

    fn press_yourself(&self, _: Button) -> Result<bool, HotkeyError> {
        Ok(false)
    }
}

/// Asks for the keys, reports which there are, and passes on their events until the session ends.
async fn listen(bindings: &[Binding], bound: &SyncSender<Bound>, mut pressed: UnixStream) {
    let ended = match passed_on(bindings, bound, &mut pressed).await {
        Ok(()) => return,
        Err(error) => error,
    };
    // If the keys were reported already nobody listens here any more: the closed socket reports the end.
    let _ = bound.send(Err(HotkeyError::Unable { what: ended.to_string() }));
}

async fn passed_on(
    bindings: &[Binding],
    bound: &SyncSender<Bound>,
    pressed: &mut UnixStream,
) -> Result<(), ashpd::Error> {
    let bus = zbus::Connection::session().await?;
    if let Ok(app) = APP_ID.parse::<AppID>() {
        // Portals before 1.20 can't be told, and take the name from how we were started.
        let _ = ashpd::register_host_app_with_connection(bus.clone(), app).await;
    }
    let portal = GlobalShortcuts::with_connection(bus).await?;
    let session = portal.create_session(CreateSessionOptions::default()).await?;
    let (downs, ups) = (portal.receive_activated().await?, portal.receive_deactivated().await?);
    let closed = session.receive_closed().await?;
    let wanted: Vec<_> = bindings.iter().map(shortcut).collect();
    let given = portal.bind_shortcuts(&session, &wanted, None, BindShortcutsOptions::default()).await?.response()?;
    let names: Vec<_> = given
        .shortcuts()
        .iter()
        .filter_map(|given| Some((button(given.id())?, given.trigger_description().to_owned())))
        .collect();
    let missing = bindings.iter().find(|binding| !names.iter().any(|(button, _)| *button == binding.button));
    if let Some(missing) = missing {
        let what = format!("no key was chosen for {}", missing.button.as_str());
        let _ = bound.send(Err(HotkeyError::Unable { what }));
        return Ok(());
    }
    let _ = bound.send(Ok(names));
    pin_mut!(downs, ups, closed);
    loop {
        let (id, up) = tokio::select! {
            Some(down) = downs.next() => (down.shortcut_id().to_owned(), 0),
            Some(up) = ups.next() => (up.shortcut_id().to_owned(), UP),
            // Closed by the desktop; or the bus itself is gone.
            _ = closed.next() => return Ok(()),
        };
        let Some(at) = Button::ALL.iter().position(|button| button.as_str() == id) else { continue };
        if pressed.write_all(&[at as u8 | up]).is_err() {
            return Ok(());
        }
    }
}

fn button(id: &str) -> Option<Button> {
    Button::ALL.into_iter().find(|button| button.as_str() == id)
}

fn shortcut(binding: &Binding) -> NewShortcut {
    let description = match binding.button {
        Button::Record => "Keep this call, from its first second",
        Button::Mask => "Silence this call while the key is held",
        Button::Private => "Make this call private: wipe what is held of it",
    };
    NewShortcut::new(binding.button.as_str(), description).preferred_trigger(trigger(&binding.combo).as_str())
}

/// Keys as the XDG shortcuts specification writes them: `CTRL+ALT+r`.
fn trigger(combo: &KeyCombo) -> String {
    let held = [(combo.ctrl, "CTRL"), (combo.alt, "ALT"), (combo.shift, "SHIFT"), (combo.logo, "LOGO")];
    let held = held.into_iter().filter(|(held, _)| *held).map(|(_, name)| name);
    held.chain([combo.key.xkb_name]).collect::<Vec<_>>().join("+")
}

#[cfg(test)]
mod tests {
    use super::*;
    use retrocall_settings::parse_keys;

    #[test]
    fn keys_are_asked_for_in_the_words_of_the_portal() {
        for (typed, asked) in [("ctrl+alt+r", "CTRL+ALT+r"), ("super+shift+pageup", "SHIFT+LOGO+Prior"), ("f9", "F9")] {
            assert_eq!(trigger(&parse_keys(typed).expect("keys")), asked);
        }
    }
}
