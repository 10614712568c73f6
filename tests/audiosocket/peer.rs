//! The other end of AudioSocket: what Asterisk does, byte for byte, and what it would do that we must never see.

use std::{
    io::{ErrorKind, Read, Write},
    net::{Shutdown, SocketAddr, TcpStream},
    os::{fd::OwnedFd, unix::net::UnixStream},
    path::Path,
};

use nix::{
    libc,
    sys::socket::{setsockopt, sockopt},
};

use crate::desk::{Desk, PATIENCE};

/// A message.
pub fn message(type_byte: u8, payload: &[u8]) -> Vec<u8> {
    [&[type_byte][..], &(payload.len() as u16).to_be_bytes(), payload].concat()
}

/// The first message.
pub fn uuid(text: &str) -> Vec<u8> {
    message(0x01, text.parse::<uuid::Uuid>().expect("a UUID").as_bytes())
}

/// A connection. Dropped, it hangs up: what it has not read by then would make that a reset.
pub struct Peer {
    stream: TcpStream,
    resets: bool,
}

impl Peer {
    /// Connects, and says nothing.
    pub fn bare(desk: &Desk) -> Peer {
        let address = desk.ready()["audiosocket"].as_str().expect("it listens");
        Peer::over_tcp(address.parse().expect("an address"))
    }

    fn over_tcp(address: SocketAddr) -> Peer {
        let stream = TcpStream::connect(address).expect("a connection");
        stream.set_nodelay(true).expect("an option");
        Peer::over(stream)
    }

    /// The same at an address where there may be no engine yet.
    pub fn connect_to(address: SocketAddr, id: &str) -> Peer {
        let mut peer = Peer::over_tcp(address);
        peer.say(&uuid(id));
        peer
    }

    fn over(stream: TcpStream) -> Peer {
        stream.set_read_timeout(Some(PATIENCE)).expect("a timeout");
        stream.set_write_timeout(Some(PATIENCE)).expect("a timeout");
        Peer { stream, resets: false }
    }

    /// Connects, and says which leg it is.
    pub fn connect(desk: &Desk, id: &str) -> Peer {
        let mut peer = Peer::bare(desk);
        peer.say(&uuid(id));
        peer
    }

    /// The same over a Unix socket.
    pub fn connect_unix(path: &Path, id: &str) -> Peer {
        let stream = UnixStream::connect(path).expect("a connection");
        // Reading, writing and closing are the same for both.
        let mut peer = Peer::over(TcpStream::from(OwnedFd::from(stream)));
        peer.say(&uuid(id));
        peer
    }

    /// Sends bytes, with one write.
    pub fn say(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).expect("it is read");
    }

    /// Sends samples at once, in frames of so many.
    pub fn speak(&mut self, type_byte: u8, samples: &[i16], frame: usize) {
        for samples in samples.chunks(frame) {
            self.say(&message(type_byte, &samples.iter().flat_map(|sample| sample.to_le_bytes()).collect::<Vec<_>>()));
        }
    }

    /// The next message; none at the end.
    fn hear(&mut self) -> Option<(u8, Vec<u8>)> {
        let mut head = [0; 3];
        match self.stream.read_exact(&mut head) {
            Ok(()) => {}
            Err(error) if matches!(error.kind(), ErrorKind::UnexpectedEof | ErrorKind::ConnectionReset) => return None,
            Err(error) => panic!("nothing comes: {error}"),
        }
        let mut payload = vec![7; usize::from(u16::from_be_bytes([head[1], head[2]]))];
        self.stream.read_exact(&mut payload).expect("a whole message");
        Some((head[0], payload))
    }

    /// So many messages are 20 ms of silence of this type each.
    #[track_caller]
    pub fn hears_silence(&mut self, type_byte: u8, messages: usize) {
        for _ in 0..messages {
            let (found, payload) = self.hear().expect("the engine does not close");
            assert_eq!(found, type_byte);
            assert_silent(found, &payload);
        }
    }

    /// Hears silence until it is of this type.
    #[track_caller]
    pub fn hears_silence_at_last(&mut self, type_byte: u8) {
        loop {
            let (found, payload) = self.hear().expect("the engine does not close");
            assert_silent(found, &payload);
            if found == type_byte {
                return;
            }
        }
    }

    /// Hears nothing but silence, and then the end.
    #[track_caller]
    pub fn hears_the_end(&mut self) {
        while let Some((found, payload)) = self.hear() {
            assert_silent(found, &payload);
        }
    }

    /// Sends no more, and reads on.
    pub fn shut_writing(&self) {
        self.stream.shutdown(Shutdown::Write).expect("it was open");
    }

    /// Tears the connection down.
    pub fn reset(mut self) {
        self.resets = true;
        setsockopt(&self.stream, sockopt::Linger, &libc::linger { l_onoff: 1, l_linger: 0 }).expect("an option");
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        if !self.resets {
            let _ = self.stream.shutdown(Shutdown::Write);
        }
    }
}

#[track_caller]
fn assert_silent(type_byte: u8, payload: &[u8]) {
    let rates = [8_000, 12_000, 16_000, 24_000, 32_000, 44_100, 48_000, 96_000, 192_000];
    let rate: usize = rates[usize::from(type_byte - 0x10)];
    assert!(
        payload.len() == rate / 50 * 2 && payload.iter().all(|byte| *byte == 0),
        "20 ms of silence of type {type_byte:#x}"
    );
}
