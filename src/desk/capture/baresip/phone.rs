//! The connection to baresip's `ctrl_tcp`: keeps it up, and asks for what has no event.
//!
//! Belongs here: connecting again and again, reading, asking for the list of calls. Does not: telling the engine.
//!
//! `ctrl_tcp` has one client. A second one that connects throws out the first, and neither is told. The only sign of a rival is to be thrown
//! out again right after coming back. Then we say so and wait, so that two bridges don't throw each other out for ever.

use std::{
    io::{self, ErrorKind, Read, Write},
    net::{SocketAddr, TcpStream},
    thread,
    time::Duration,
};

use crossbeam::channel::Sender;
use tracing::{debug, warn};

use super::{
    life::{Life, PhoneMessage, Step},
    netstring::{Netstrings, netstring},
};
use retrocall_words::{Clock as _, SystemClock};

/// Period of asking for the list of calls while people talk: only the list shows hold.
const POLL: Duration = Duration::from_millis(200);
/// Pause between two looks for a phone that is gone.
const RETRY: Duration = Duration::from_millis(500);
/// How long a rival keeps the connection.
const RETRY_TAKEN: Duration = Duration::from_secs(5);
/// Being thrown out again within this time means a rival.
const RIVAL_MAX: Duration = Duration::from_secs(10);
/// Limit for the phone to accept us, or to take a command.
const CONNECT_MAX: Duration = Duration::from_secs(2);
/// The token of the first list of a connection, and of those after it.
const ANEW: &str = "retrocall-anew";
const AGAIN: &str = "retrocall-again";

/// A message of the connection.
#[derive(Clone, PartialEq)]
pub(super) enum PhoneEvent {
    /// The phone is there (true) or gone.
    Phone(bool),
    Call(Step),
}

/// Reports what the phone at `address` does, until nobody listens any more.
pub(super) fn follow(address: SocketAddr, tell: &Sender<PhoneEvent>) {
    let mut life = Life::default();
    let (mut told_missing, mut was_away) = (false, true);
    loop {
        let wait = match TcpStream::connect_timeout(&address, CONNECT_MAX) {
            Ok(stream) => {
                let came_back_at_once = !std::mem::replace(&mut was_away, false);
                told_missing = false;
                let since = SystemClock.now();
                if tell.send(PhoneEvent::Phone(true)).is_err() {
                    return;
                }
                let Some(why) = converse(&stream, &mut life, tell) else { return };
                if tell.send(PhoneEvent::Phone(false)).is_err() {
                    return;
                }
                let closed = why.kind() == ErrorKind::UnexpectedEof;
                if closed && came_back_at_once && SystemClock.since(since) < RIVAL_MAX {
                    warn!(
                        "baresip closed the connection again, and was never away: ctrl_tcp has room for one client, and another program \
                         (a second bridge?) wants it too; stop that one. Trying again in {} s",
                        RETRY_TAKEN.as_secs()
                    );
                    RETRY_TAKEN
                } else {
                    warn!("the connection to baresip is lost ({why}); looking for it");
                    RETRY
                }
            }
            Err(error) => {
                was_away = true;
                // The phone has ended, and its calls with it.
                if !tell_all(life.gone(), tell) {
                    return;
                }
                if !std::mem::replace(&mut told_missing, true) {
                    warn!(
                        "no baresip at {address} ({error}): does its config have `module_app ctrl_tcp.so` and `ctrl_tcp_listen {address}`? \
                         Looking for it"
                    );
                }
                RETRY
            }
        };
        thread::sleep(wait);
    }
}

/// Speaks with the phone until the connection ends. Returns why it ended; none if nobody listens any more.
fn converse(stream: &TcpStream, life: &mut Life, tell: &Sender<PhoneEvent>) -> Option<io::Error> {
    let mut came = Netstrings::default();
    let mut bytes = [0; 4096];
    let mut poll_at = SystemClock.now();
    if let Err(error) = stream.set_write_timeout(Some(CONNECT_MAX)).and_then(|()| ask_for_list(stream, ANEW)) {
        return Some(error);
    }
    loop {
        let talks = life.anyone_talks();
        if talks && SystemClock.now() >= poll_at {
            if let Err(error) = ask_for_list(stream, AGAIN) {
                return Some(error);
            }
            poll_at = SystemClock.now() + POLL;
        }
        // While nobody talks there is nothing to ask: sleep until the phone says something.
        let wait = talks.then(|| SystemClock.until(poll_at).max(Duration::from_millis(1)));
        if let Err(error) = stream.set_read_timeout(wait) {
            return Some(error);
        }
        let mut reader = stream;
        match reader.read(&mut bytes) {
            Ok(0) => return Some(ErrorKind::UnexpectedEof.into()),
            Ok(count) => came.push(&bytes[..count]),
            Err(error)
                if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut | ErrorKind::Interrupted) => {}
            Err(error) => return Some(error),
        }
        loop {
            let message = match came.next() {
                Ok(Some(message)) => message,
                Ok(None) => break,
                Err(error) => return Some(io::Error::new(ErrorKind::InvalidData, error.to_string())),
            };
            // Skip JSON that is no message of baresip.
            let Ok(told) = serde_json::from_slice::<PhoneMessage>(&message) else { continue };
            let steps = match told.token.as_str() {
                ANEW => life.list(&told, true),
                AGAIN => life.list(&told, false),
                _ => life.hear(&told),
            };
            if Life::may_be_hold(&told) {
                poll_at = SystemClock.now();
            }
            if !tell_all(steps, tell) {
                return None;
            }
        }
    }
}

/// False if nobody listens any more.
fn tell_all(steps: Vec<Step>, tell: &Sender<PhoneEvent>) -> bool {
    steps.into_iter().all(|step| {
        debug!(step = step.name(), "a step of the phone");
        tell.send(PhoneEvent::Call(step)).is_ok()
    })
}

fn ask_for_list(mut stream: &TcpStream, token: &str) -> io::Result<()> {
    stream.write_all(&netstring(&format!(r#"{{"command":"listcalls","token":"{token}"}}"#)))
}

#[cfg(test)]
mod tests;
