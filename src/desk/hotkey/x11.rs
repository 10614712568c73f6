//! Keys from an X11 server: a grab that waits for its key. No thread, no timer.
//!
//! While a grabbed key is held, the server gives the whole keyboard to the program with the grab. An agent who holds the mask key types a card
//! number meanwhile, so we give the keyboard back at once. After that the server does not tell us that the key was released, so we listen to
//! the key releases of all devices (XInput 2, raw events) while it is held, and no longer.

use std::{
    collections::VecDeque,
    os::fd::{AsFd, BorrowedFd},
};

use x11rb::{
    connection::Connection,
    errors::{ConnectionError, ReplyError},
    protocol::{
        ErrorKind, Event,
        xinput::{self, ConnectionExt as _, Device, EventMask, XIEventMask},
        xproto::{
            ConnectionExt as _, CreateWindowAux, GrabMode, KEY_PRESS_EVENT, KEY_RELEASE_EVENT, Keycode, ModMask,
            Timestamp, Window, WindowClass,
        },
        xtest::ConnectionExt as _,
    },
    rust_connection::RustConnection,
};

use super::{
    Binding, Button, HotkeyError, KeyEvent, Keys,
    keyboard::{Chord, Keyboard, MODIFIERS, subsets},
};

/// The owner of this selection is a `retrocall hotkey` (ICCCM, section 4.3: manager selections).
const OURS: &[u8] = b"_RETROCALL_HOTKEY";
/// The first version of XInput that sends raw events even while somebody has grabbed the keyboard.
const XINPUT: (u16, u16) = (2, 1);

/// Grabbed keys of an X11 server, until this is dropped.
pub struct X11Keys {
    display: RustConnection,
    roots: Vec<Window>,
    bindings: Vec<Binding>,
    chords: Vec<(Button, Chord)>,
    locks: u16,
    /// The window that owns the selection; none until then.
    us: Window,
    held: Vec<HeldKey>,
    /// Events that were not taken yet.
    waiting: VecDeque<KeyEvent>,
}

/// A key that is held.
struct HeldKey {
    button: Button,
    code: Keycode,
    /// When the server said that it was released. A press at the same time means that the key repeats, and was not.
    let_go: Option<Timestamp>,
}

impl X11Keys {
    /// Connects to the display that `DISPLAY` names, and takes these keys from it.
    ///
    /// # Errors
    /// [`HotkeyError`] if there is no display, if another program has one of the keys, or if the keyboard does not have it.
    pub fn take(bindings: &[Binding]) -> Result<X11Keys, HotkeyError> {
        let (display, _) = connect()?;
        let roots = display.setup().roots.iter().map(|screen| screen.root).collect();
        let mut keys = X11Keys {
            display,
            roots,
            bindings: bindings.to_vec(),
            chords: Vec::new(),
            locks: 0,
            us: x11rb::NONE,
            held: Vec::new(),
            waiting: VecDeque::new(),
        };
        let version = keys.display.xinput_xi_query_version(XINPUT.0, XINPUT.1).map_err(gone)?.reply();
        if version.is_err() {
            return Err(HotkeyError::Unable { what: "its X server has no XInput 2.1".to_owned() });
        }
        let keyboard = Keyboard::read(&keys.display).map_err(broke)?;
        keys.locks = keyboard.locks();
        bindings.iter().try_for_each(|binding| keys.grab_binding(&keyboard, binding))?;
        keys.say_that_it_is_us().map_err(broke)?;
        Ok(keys)
    }

    /// Grabs the keys of a binding that this keyboard has.
    fn grab_binding(&mut self, keyboard: &Keyboard, binding: &Binding) -> Result<(), HotkeyError> {
        let chords = keyboard.chords(&binding.combo);
        for chord in chords.map_err(|missing| HotkeyError::NoKey { combo: binding.combo, missing })? {
            self.chords.push((binding.button, chord));
            self.grab(chord, binding)?;
        }
        Ok(())
    }

    fn grab(&self, chord: Chord, binding: &Binding) -> Result<(), HotkeyError> {
        let asked = self.roots.iter().flat_map(|root| subsets(self.locks).map(move |locks| (*root, locks)));
        let asked = asked.map(|(root, locks)| {
            let held = ModMask::from(chord.held | locks);
            self.display.grab_key(false, root, held, chord.code, GrabMode::ASYNC, GrabMode::ASYNC)
        });
        // Ask for all before waiting for the first answer.
        let asked = asked.collect::<Result<Vec<_>, _>>().map_err(gone)?;
        for one in asked {
            one.check().map_err(|error| match error {
                ReplyError::X11Error(error) if error.error_kind == ErrorKind::Access => {
                    HotkeyError::Held { combo: binding.combo, by_us: self.is_another_of_us() }
                }
                other => broke(other),
            })?;
        }
        Ok(())
    }

    /// Releases all grabs that are or may be ours.
    fn ungrab_all(&mut self) -> Result<(), ConnectionError> {
        for (_, chord) in std::mem::take(&mut self.chords) {
            for root in &self.roots {
                for locks in subsets(self.locks) {
                    self.display.ungrab_key(chord.code, *root, ModMask::from(chord.held | locks))?;
                }
            }
        }
        Ok(())
    }

    /// Takes the selection, so that others see a `retrocall hotkey` on this display.
    fn say_that_it_is_us(&mut self) -> Result<(), ReplyError> {
        if self.is_another_of_us() {
            // With other keys. It was here before, and will be when a self-test is over.
            return Ok(());
        }
        self.us = self.display.generate_id().map_err(|_| ConnectionError::UnknownError)?;
        let (class, aux) = (WindowClass::INPUT_ONLY, CreateWindowAux::new());
        self.display.create_window(0, self.us, self.roots[0], 0, 0, 1, 1, 0, class, 0, &aux)?;
        self.display.set_selection_owner(self.us, self.ours()?, x11rb::CURRENT_TIME)?.check()
    }

    fn ours(&self) -> Result<u32, ReplyError> {
        Ok(self.display.intern_atom(false, OURS)?.reply()?.atom)
    }

    fn is_another_of_us(&self) -> bool {
        let owner = self.ours().and_then(|name| self.display.get_selection_owner(name)?.reply());
        owner.is_ok_and(|reply| ![x11rb::NONE, self.us].contains(&reply.owner))
    }

    /// The keyboard or its layout changed: other keys may be meant now.
    fn follow_keyboard(&mut self) -> Result<(), HotkeyError> {
        let keyboard = Keyboard::read(&self.display).map_err(broke)?;
        let now = self.bindings.iter().flat_map(|binding| {
            let chords = keyboard.chords(&binding.combo).unwrap_or_default();
            chords.into_iter().map(|chord| (binding.button, chord))
        });
        // Most changes don't concern our keys.
        if keyboard.locks() == self.locks && now.eq(self.chords.iter().copied()) {
            return Ok(());
        }
        self.ungrab_all().map_err(gone)?;
        self.locks = keyboard.locks();
        for binding in self.bindings.clone() {
            match self.grab_binding(&keyboard, &binding) {
                Ok(()) => {}
                Err(gone @ HotkeyError::Gone { .. }) => return Err(gone),
                Err(lost) => self.waiting.push_back(KeyEvent::Lost(lost)),
            }
        }
        Ok(())
    }

    fn pressed(&mut self, code: Keycode, state: u16, time: Timestamp) -> Result<(), HotkeyError> {
        self.display.ungrab_keyboard(x11rb::CURRENT_TIME).map_err(gone)?;
        self.display.flush().map_err(gone)?;
        if let Some(at) = self.held.iter().position(|held| held.code == code) {
            if self.held[at].let_go.is_none_or(|let_go| let_go == time) {
                self.held[at].let_go = None;
                return Ok(());
            }
            let held = self.held.remove(at);
            self.waiting.push_back(KeyEvent::Up(held.button));
        }
        let chord = Chord { code, held: state & MODIFIERS & !self.locks };
        let Some(button) = self.chords.iter().find(|(_, known)| *known == chord).map(|(button, _)| *button) else {
            return Ok(());
        };
        self.held.push(HeldKey { button, code, let_go: None });
        self.waiting.push_back(KeyEvent::Down(button));
        self.hear_releases(true)?;
        // It may have been released before we listened.
        if self.is_down(code)? { Ok(()) } else { self.let_go(code) }
    }

    /// The server says that a key was released. It says so only while we have the keyboard, and then raw events don't say it. A key that
    /// repeats is released and pressed at the same time, and is down.
    fn released(&mut self, code: Keycode, time: Timestamp) -> Result<(), HotkeyError> {
        let Some(at) = self.held.iter().position(|held| held.code == code) else { return Ok(()) };
        if self.is_down(code)? {
            self.held[at].let_go = Some(time);
            return Ok(());
        }
        self.let_go(code)
    }

    fn is_down(&self, code: Keycode) -> Result<bool, HotkeyError> {
        let down = self.display.query_keymap().map_err(gone)?.reply().map_err(broke)?.keys;
        Ok(down[usize::from(code / 8)] & (1 << (code % 8)) != 0)
    }

    fn let_go(&mut self, code: Keycode) -> Result<(), HotkeyError> {
        if let Some(at) = self.held.iter().position(|held| held.code == code) {
            let held = self.held.remove(at);
            self.waiting.push_back(KeyEvent::Up(held.button));
            if self.held.is_empty() {
                self.hear_releases(false)?;
            }
        }
        Ok(())
    }

    /// Starts or stops listening to the key releases of all devices.
    fn hear_releases(&self, listen: bool) -> Result<(), HotkeyError> {
        let mask = if listen { XIEventMask::RAW_KEY_RELEASE } else { XIEventMask::default() };
        let masks = [EventMask { deviceid: Device::ALL_MASTER.into(), mask: vec![mask] }];
        for root in &self.roots {
            self.display.xinput_xi_select_events(*root, &masks).map_err(gone)?;
        }
        self.display.flush().map_err(gone)
    }

    fn take_in(&mut self, event: &Event) -> Result<(), HotkeyError> {
        match event {
            Event::KeyPress(key) => self.pressed(key.detail, u16::from(key.state), key.time),
            Event::KeyRelease(key) => self.released(key.detail, key.time),
            Event::XinputRawKeyRelease(xinput::RawKeyReleaseEvent { detail, .. }) => {
                Keycode::try_from(*detail).map_or(Ok(()), |code| self.let_go(code))
            }
            Event::MappingNotify(_) => self.follow_keyboard(),
            _ => Ok(()),
        }
    }
}

impl Keys for X11Keys {
    fn next(&mut self) -> Result<Option<KeyEvent>, HotkeyError> {
        while self.waiting.is_empty() {
            match self.display.poll_for_event().map_err(gone)? {
                Some(event) => self.take_in(&event)?,
                None => break,
            }
        }
        Ok(self.waiting.pop_front())
    }

    fn fd(&self) -> BorrowedFd<'_> {
        self.display.stream().as_fd()
    }

    fn names(&self) -> Vec<(Button, String)> {
        self.bindings.iter().map(|binding| (binding.button, binding.combo.to_string())).collect()
    }

    fn press_yourself(&self, button: Button) -> Result<bool, HotkeyError> {
        let Some((_, chord)) = self.chords.iter().find(|(known, _)| *known == button) else { return Ok(false) };
        // A finger is nobody's client: what it presses must come to us through the server.
        let (finger, screen) = connect()?;
        let Ok(_) = finger.xtest_get_version(2, 2).map_err(gone)?.reply() else { return Ok(false) };
        let root = finger.setup().roots[screen].root;
        let codes = Keyboard::read(&finger).map_err(broke)?.fingers(*chord);
        let downs = codes.iter().map(|code| (KEY_PRESS_EVENT, *code));
        let ups = codes.iter().rev().map(|code| (KEY_RELEASE_EVENT, *code));
        for (kind, code) in downs.chain(ups) {
            finger.xtest_fake_input(kind, code, x11rb::CURRENT_TIME, root, 0, 0, 0).map_err(gone)?;
        }
        // Its answer comes when all of that has been done.
        finger.get_input_focus().map_err(gone)?.reply().map_err(broke)?;
        Ok(true)
    }
}

fn connect() -> Result<(RustConnection, usize), HotkeyError> {
    x11rb::connect(None).map_err(|error| HotkeyError::NoDisplay { cause: error.to_string() })
}

fn gone(error: ConnectionError) -> HotkeyError {
    HotkeyError::Gone { cause: error.to_string() }
}

fn broke(error: ReplyError) -> HotkeyError {
    match error {
        ReplyError::ConnectionError(error) => gone(error),
        // It refuses what every server does.
        ReplyError::X11Error(error) => {
            HotkeyError::Unable { what: format!("its X server said {:?}", error.error_kind) }
        }
    }
}
