//! The pages as a process, and people who ask them over connections that stay open.

use std::{
    fs,
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::TcpStream,
    path::Path,
    process::{Child, Command, Stdio},
    time::Duration,
};

use serde_json::Value;

use super::{cluster::Cluster, fill};

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

/// The processor time that the pages have taken, and what the server of their records has for those who are connected to it.
pub fn worked(pages: &Pages, server: Option<&Cluster>) -> Duration {
    let postmaster = server.map(|server| {
        let said = fs::read_to_string(server.folder().join("data/postmaster.pid")).expect("the server runs");
        said.lines().next().and_then(|pid| pid.parse().ok()).expect("its id")
    });
    let processes = fs::read_dir("/proc").expect("/proc").flatten();
    let ticks = processes.filter_map(|process| {
        // Behind the name, which may have anything in it: state, parent, then eleven more before the ticks of 10 ms.
        let stat = fs::read_to_string(process.path().join("stat")).ok()?;
        let rest: Vec<&str> = stat.rsplit_once(')')?.1.split_ascii_whitespace().collect();
        let (id, parent): (u32, u32) = (process.file_name().to_str()?.parse().ok()?, rest[1].parse().ok()?);
        let is_ours = id == pages.process.id() || postmaster == Some(parent);
        is_ours.then(|| rest[11].parse::<u32>().ok()?.checked_add(rest[12].parse().ok()?))?
    });
    Duration::from_millis(10) * ticks.sum::<u32>()
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
