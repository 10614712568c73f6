//! The pages as a process, and people who ask them over connections that stay open.

use std::{
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::TcpStream,
    path::Path,
    process::{Child, Command, Stdio},
};

use serde_json::Value;

use super::fill;

/// `retrocall web`. It ends with the test.
pub struct Pages {
    process: Child,
    address: String,
}

impl Pages {
    pub fn start(home: &Path) -> Pages {
        let mut command = Command::new(env!("CARGO_BIN_EXE_retrocall"));
        command.args(["web", "--listen", "127.0.0.1:0", "--json", "--home"]).arg(home);
        let mut process = command.stdout(Stdio::piped()).spawn().expect("the pages");
        let mut line = String::new();
        BufReader::new(process.stdout.take().expect("its output")).read_line(&mut line).expect("a line");
        let ready: Value = serde_json::from_str(&line).expect("the pages are ready");
        Pages { process, address: ready["address"].as_str().expect("an address").to_owned() }
    }
}

impl Drop for Pages {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Somebody's connection, with the cookie of their session and a program's token.
pub struct Connection {
    stream: BufReader<TcpStream>,
    head: String,
}

impl Connection {
    /// Of this person.
    pub fn open(pages: &Pages, name: &str) -> Connection {
        let stream = TcpStream::connect(&pages.address).expect("they listen");
        stream.set_nodelay(true).expect("a socket");
        let (cookie, token) = (fill::secret(name), fill::token(name));
        let head = format!("Host: localhost\r\nCookie: retrocall={cookie}\r\nAuthorization: Bearer {token}\r\n\r\n");
        Connection { stream: BufReader::new(stream), head }
    }

    /// The status, and what comes.
    pub fn get(&mut self, place: &str) -> (u16, String) {
        let request = format!("GET {place} HTTP/1.1\r\n{}", self.head);
        self.stream.get_mut().write_all(request.as_bytes()).expect("sent");
        let (mut status, mut length) = (0, 0);
        loop {
            let mut line = String::new();
            self.stream.read_line(&mut line).expect("an answer");
            let line = line.trim_end().to_ascii_lowercase();
            if let Some(rest) = line.strip_prefix("http/1.1 ") {
                status = rest[..3].parse().expect("a status");
            } else if let Some(rest) = line.strip_prefix("content-length: ") {
                length = rest.parse().expect("a length");
            } else if line.is_empty() {
                break;
            }
        }
        let mut body = vec![0; length];
        self.stream.read_exact(&mut body).expect("all of it");
        (status, String::from_utf8(body).expect("text"))
    }
}
