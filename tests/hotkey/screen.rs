//! A display of our own, without a screen, and fingers on its keyboard.
//!
//! Belongs here: Xvfb, presses through its XTEST extension, the companion as a child process. Does not: what must be true of it.

use std::{
    io::{BufRead, BufReader},
    os::fd::AsFd,
    process::{Child, ChildStderr, ChildStdout, Command, Stdio},
    sync::mpsc::{Receiver, channel},
    thread,
    time::Duration,
};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use serde_json::Value;
use x11rb::{
    connection::Connection,
    protocol::{
        Event,
        xproto::{
            ConnectionExt as _, CreateWindowAux, EventMask, InputFocus, KEY_PRESS_EVENT, KEY_RELEASE_EVENT, Keycode,
            MOTION_NOTIFY_EVENT, MapState, Window, WindowClass,
        },
        xtest::ConnectionExt as _,
    },
    rust_connection::RustConnection,
};

use crate::desk::{Home, PATIENCE, wait_for};

/// Keysyms (X11's `keysymdef.h`).
pub const CTRL: u32 = 0xffe3;
pub const ALT: u32 = 0xffe9;
pub const NUM_LOCK: u32 = 0xff7f;
pub const CAPS_LOCK: u32 = 0xffe5;
pub const F9: u32 = 0xffc6;
pub const R: u32 = 'r' as u32;
/// The keys that record unless others are set.
pub const RECORD: [u32; 3] = [CTRL, ALT, R];

/// A display. Dropped, it is killed.
pub struct Screen {
    server: Child,
    pub name: String,
}

impl Screen {
    /// None, and it says so, where there is no Xvfb.
    pub fn start() -> Option<Screen> {
        let mut command = Command::new("Xvfb");
        // It chooses a number that is free, and says which once it listens. A display that nobody uses any more stays as it is.
        command.args(["-displayfd", "1", "-screen", "0", "320x240x24", "-nolisten", "tcp", "-noreset"]);
        let Ok(mut server) = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn() else {
            crate::skip::skip("a hotkey needs Xvfb: `make setup` installs it");
            return None;
        };
        let mut number = String::new();
        BufReader::new(server.stdout.take().expect("a pipe")).read_line(&mut number).expect("it can be read");
        assert!(!number.is_empty(), "Xvfb did not start");
        Some(Screen { server, name: format!(":{}", number.trim()) })
    }

    /// Hands on its keyboard.
    pub fn fingers(&self) -> Fingers {
        let (display, screen) = x11rb::connect(Some(&self.name)).expect("a display");
        let root = display.setup().roots[screen].root;
        display.xtest_get_version(2, 2).expect("a request").reply().expect("XTEST");
        Fingers { display, root }
    }

    /// The display goes away.
    pub fn kill(&mut self) {
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        self.kill();
    }
}

pub struct Fingers {
    pub display: RustConnection,
    pub root: Window,
}

impl Fingers {
    /// The key that this is on.
    pub fn code(&self, keysym: u32) -> Keycode {
        let (first, last) = (self.display.setup().min_keycode, self.display.setup().max_keycode);
        let mapping = self.display.get_keyboard_mapping(first, last - first + 1).expect("a request");
        let mapping = mapping.reply().expect("a keyboard");
        let columns = usize::from(mapping.keysyms_per_keycode);
        let at = mapping.keysyms.chunks(columns).position(|keysyms| keysyms.first() == Some(&keysym));
        first + u8::try_from(at.expect("the keyboard has this key")).expect("a key code")
    }

    fn move_key(&self, kind: u8, code: Keycode) {
        self.display.xtest_fake_input(kind, code, x11rb::CURRENT_TIME, self.root, 0, 0, 0).expect("a request");
    }

    /// Has the server do nothing more for these fingers until its own clock is so much further.
    pub fn wait_by_the_server(&self, millis: u32) {
        // It moves the pointer then, by nothing.
        let relative = 1;
        let root = x11rb::NONE;
        self.display.xtest_fake_input(MOTION_NOTIFY_EVENT, relative, millis, root, 0, 0, 0).expect("a request");
    }

    pub fn down(&self, keysym: u32) {
        self.move_key(KEY_PRESS_EVENT, self.code(keysym));
        self.display.flush().expect("a display");
    }

    pub fn up(&self, keysym: u32) {
        self.move_key(KEY_RELEASE_EVENT, self.code(keysym));
        self.display.flush().expect("a display");
    }

    /// Presses keys together, as fast as can be, and lets go of them. Done when this returns: a server does nothing more for whoever
    /// has hung up.
    pub fn press(&self, keysyms: &[u32]) {
        let codes: Vec<_> = keysyms.iter().map(|keysym| self.code(*keysym)).collect();
        self.press_codes(&codes);
        self.display.get_input_focus().expect("a request").reply().expect("a display");
    }

    /// The same, by the numbers of the keys, and done soon.
    pub fn press_codes(&self, codes: &[Keycode]) {
        codes.iter().for_each(|code| self.move_key(KEY_PRESS_EVENT, *code));
        codes.iter().rev().for_each(|code| self.move_key(KEY_RELEASE_EVENT, *code));
        self.display.flush().expect("a display");
    }

    /// A window that is typed into from now on.
    pub fn focused_window(&self) {
        let window = self.display.generate_id().expect("an id");
        let aux = CreateWindowAux::new().event_mask(EventMask::KEY_PRESS | EventMask::KEY_RELEASE).override_redirect(1);
        self.display
            .create_window(0, window, self.root, 0, 0, 9, 9, 0, WindowClass::INPUT_OUTPUT, 0, &aux)
            .expect("a request");
        self.display.map_window(window).expect("a request").check().expect("a window");
        wait_for("the window", || {
            let attributes = self.display.get_window_attributes(window).expect("a request").reply().expect("a window");
            (attributes.map_state == MapState::VIEWABLE).then_some(())
        });
        self.display.set_input_focus(InputFocus::PARENT, window, x11rb::CURRENT_TIME).expect("a request");
        self.display.flush().expect("a display");
    }

    /// The next key that is typed into the focused window.
    #[track_caller]
    pub fn typed(&self) -> Keycode {
        self.typed_within(PATIENCE).expect("no key reached the window")
    }

    /// The same, if one comes within so much time after the last that came.
    pub fn typed_within(&self, limit: Duration) -> Option<Keycode> {
        loop {
            if let Some(event) = self.display.poll_for_event().expect("a display") {
                if let Event::KeyPress(key) = event {
                    return Some(key.detail);
                }
                continue;
            }
            let mut fds = [PollFd::new(self.display.stream().as_fd(), PollFlags::POLLIN)];
            if poll(&mut fds, PollTimeout::try_from(limit).expect("a time")).expect("poll(2)") == 0 {
                return None;
            }
        }
    }
}

/// `retrocall hotkey` on a display. Dropped, it is killed.
pub struct Companion {
    child: Child,
    facts: Receiver<Value>,
    words: Receiver<String>,
}

fn lines<T: Send + 'static>(
    from: impl std::io::Read + Send + 'static,
    read: impl Fn(String) -> T + Send + 'static,
) -> Receiver<T> {
    let (to, lines) = channel();
    thread::spawn(move || BufReader::new(from).lines().map_while(Result::ok).try_for_each(|line| to.send(read(line))));
    lines
}

impl Companion {
    /// The command, with these flags, on a display and without any other desktop around it.
    pub fn command(home: &Home, display: &str, flags: &[&str]) -> Command {
        let mut command = home.command(&[&["hotkey"], flags].concat());
        for other in ["WAYLAND_DISPLAY", "DBUS_SESSION_BUS_ADDRESS", "XDG_RUNTIME_DIR"] {
            command.env_remove(other);
        }
        command.env("DISPLAY", display);
        command
    }

    /// Starts it with `--json`, and waits until it has its keys.
    pub fn start(home: &Home, screen: &Screen, flags: &[&str]) -> Companion {
        let mut companion = Companion::run(Companion::command(home, &screen.name, &[flags, &["--json"]].concat()));
        assert_eq!(companion.next()["ready"], true);
        companion
    }

    /// Starts a command that is one.
    pub fn run(mut command: Command) -> Companion {
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the program starts");
        let stdout: ChildStdout = child.stdout.take().expect("a pipe");
        let stderr: ChildStderr = child.stderr.take().expect("a pipe");
        let facts = lines(stdout, |line| serde_json::from_str(&line).unwrap_or(Value::String(line)));
        Companion { child, facts, words: lines(stderr, |line| line) }
    }

    /// The next fact that it prints.
    #[track_caller]
    pub fn next(&mut self) -> Value {
        match self.facts.recv_timeout(PATIENCE) {
            Ok(fact) => fact,
            Err(_) => panic!("the companion says nothing: {:?}", self.words.try_iter().collect::<Vec<_>>()),
        }
    }

    /// The next fact, if it comes at once.
    pub fn next_soon(&mut self) -> Option<Value> {
        self.facts.recv_timeout(Duration::from_millis(50)).ok()
    }

    /// Whether it has said anything that was not taken.
    pub fn has_more(&self) -> bool {
        self.facts.recv_timeout(Duration::ZERO).is_ok()
    }

    /// Waits for a line with these words on its standard error.
    #[track_caller]
    pub fn says(&mut self, words: &str) {
        let mut said = Vec::new();
        while let Ok(line) = self.words.recv_timeout(PATIENCE) {
            if line.contains(words) {
                return;
            }
            said.push(line);
        }
        panic!("it does not say `{words}`, but {said:?}");
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Waits for its end: the exit code.
    pub fn ended(&mut self) -> Option<i32> {
        wait_for("its end", || self.child.try_wait().expect("it is ours")).code()
    }
}

impl Drop for Companion {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
