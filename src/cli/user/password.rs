//! Asking for a password: twice, and without showing it.

use std::{
    io::{self, BufRead as _, IsTerminal as _, Write as _},
    os::fd::AsFd as _,
};

use nix::sys::termios::{LocalFlags, SetArg, Termios, tcgetattr, tcsetattr};

use crate::cli::Failure;
use retrocall_web::hash;

/// Bytes of a line: longer is no password.
const LINE_BYTES_MAX: usize = 4_096;

/// A terminal that does not show what is typed, until this is dropped.
struct Hidden(Termios);

impl Hidden {
    fn new() -> Option<Hidden> {
        let shown = tcgetattr(io::stdin().as_fd()).ok()?;
        let mut hidden = shown.clone();
        hidden.local_flags.remove(LocalFlags::ECHO);
        tcsetattr(io::stdin().as_fd(), SetArg::TCSAFLUSH, &hidden).ok()?;
        Some(Hidden(shown))
    }
}

impl Drop for Hidden {
    fn drop(&mut self) {
        let _ = tcsetattr(io::stdin().as_fd(), SetArg::TCSAFLUSH, &self.0);
    }
}

/// The hash of a password that is asked for.
pub(super) fn asked(name: &str) -> Result<String, Failure> {
    match twice(name, "")? {
        Some(hash) => Ok(hash),
        None => Err(Failure::new(
            "no password was given",
            "type it twice, or give it twice on standard input, on two lines",
        )),
    }
}

/// The same for a new account, where somebody sits at a terminal: they may leave it for later.
pub(super) fn offered(name: &str) -> Result<Option<String>, Failure> {
    if io::stdin().is_terminal() { twice(name, ", empty for none yet") } else { Ok(None) }
}

fn twice(name: &str, hint: &str) -> Result<Option<String>, Failure> {
    let _hidden = io::stdin().is_terminal().then(Hidden::new).flatten();
    let first = line(&format!("Password of {name} for the pages{hint}: "))?;
    if first.is_empty() {
        return Ok(None);
    }
    if line("The same again: ")? != first {
        return Err(Failure::new("the password was not given the same twice", "do it once more"));
    }
    hash(&first).map(Some).map_err(|why| Failure::new("the password can't be taken", why))
}

fn line(prompt: &str) -> Result<String, Failure> {
    let is_terminal = io::stdin().is_terminal();
    if is_terminal {
        let _ = write!(io::stderr(), "{prompt}").and_then(|()| io::stderr().flush());
    }
    let mut line = String::new();
    let read = io::Read::take(io::stdin().lock(), LINE_BYTES_MAX as u64).read_line(&mut line);
    if is_terminal {
        let _ = writeln!(io::stderr());
    }
    read.map_err(|error| Failure::new(format!("the password can't be read ({error})"), "give it as text, in UTF-8"))?;
    Ok(line.trim_end_matches(['\r', '\n']).to_owned())
}
