//! A centre with its database, store and pages, and the links of engines that deliver there: processes, as they run on machines of their own.
//!
//! Belongs here: starting and killing them, asking the centre as a browser or program does. Does not: what must be true.

use std::{
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::TcpStream,
    path::PathBuf,
    process::{Child, Command, Stdio},
    sync::OnceLock,
};

use serde_json::Value;

use crate::{
    cluster::Cluster,
    desk::{Home, wait_for},
    process::{Pages, account},
};

pub fn cluster() -> &'static Cluster {
    static CLUSTER: OnceLock<Cluster> = OnceLock::new();
    CLUSTER.get_or_init(|| Cluster::start(|_| {}))
}

/// A centre. It ends with the test.
pub struct Centre {
    pub home: Home,
    pub pages: Pages,
    /// The folder of its store; a bucket has none.
    pub store: PathBuf,
    /// The address of its database.
    pub database: String,
}

impl Centre {
    /// With a store in a folder.
    pub fn start() -> Centre {
        Centre::start_with(None, |_| {})
    }

    /// With a store at this address, and what its processes need of the environment.
    pub fn start_with(store: Option<&str>, set: impl FnOnce(&mut Command)) -> Centre {
        let home = Home::new();
        let database = cluster().url(&cluster().new_database("retrocall"));
        let folder = home.beside("store");
        let store = store.map_or_else(|| format!("file://{}", folder.display()), str::to_owned);
        let settings = format!("database = \"{database}\"\nstore = \"{store}\"\n");
        std::fs::write(home.path().join("retrocall.toml"), settings).expect("settings");
        for (name, role) in [("olga", "privacy-officer"), ("ada", "administrator")] {
            account(&home, name, role);
        }
        let pages = Pages::start_with(&home, set);
        Centre { home, pages, store: folder, database }
    }

    /// Where sites find it.
    pub fn url(&self) -> String {
        format!("http://{}", self.pages.address)
    }

    /// A code by which a site joins.
    pub fn code(&self) -> String {
        self.home.json(&["centre", "code"])["code"].as_str().expect("a code").to_owned()
    }

    /// Makes a home one of its sites. Returns the site's id.
    pub fn join(&self, home: &Home) -> String {
        let joined = home.json(&["join", &self.url(), "--code", &self.code()]);
        joined["site"].as_str().expect("a site").to_owned()
    }

    /// What it says of its sites.
    pub fn sites(&self) -> Vec<Value> {
        self.home.json(&["centre", "engines"]).as_array().expect("a list").clone()
    }

    /// What its database says.
    pub fn ask(&self, sql: &str) -> String {
        crate::sql::one(&self.database, sql)
    }

    /// Changes rows of its database, as time or another process could.
    pub fn execute(&self, sql: &str) {
        crate::cluster::execute(&self.database, sql);
    }

    /// Its process is killed, and another one serves at the same address, with what it needs of the environment.
    pub fn kill_and_start_again(&mut self, set: impl Fn(&mut Command)) {
        kill_and_start_again(&self.home, &mut self.pages, set);
    }

    /// The recordings that it keeps, as a program of the officer's is told.
    pub fn recordings(&self) -> Vec<Value> {
        let token = self.home.json(&["token", "add", "--user", "olga", "--role", "privacy-officer"]);
        let token = token["token"].as_str().expect("a token");
        let answer =
            bytes(&self.pages, &format!("GET /api/v1/recordings HTTP/1.1\r\nAuthorization: Bearer {token}\r\n"));
        let told: Value = serde_json::from_slice(&answer.body).expect("JSON");
        told["recordings"].as_array().expect("a list").clone()
    }

    /// Those of recordings: parts, and what sites said of them.
    pub fn recording_objects(&self) -> Vec<PathBuf> {
        self.objects()
            .into_iter()
            .filter(|object| object.components().any(|one| one.as_os_str() == "recordings"))
            .collect()
    }

    /// All files of the store.
    pub fn objects(&self) -> Vec<PathBuf> {
        let mut all = Vec::new();
        let mut folders = vec![self.store.clone()];
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
                match entry.path() {
                    path if path.is_dir() => folders.push(path),
                    path => all.push(path),
                }
            }
        }
        all.sort();
        all
    }
}

/// As a supervisor does: until it starts.
pub fn kill_and_start_again(home: &Home, pages: &mut Pages, set: impl Fn(&mut Command)) {
    pages.kill();
    *pages = wait_for("the pages to start", || Pages::try_at(home, &pages.address, &set));
}

/// An answer, byte by byte.
pub struct Answer {
    pub head: String,
    pub body: Vec<u8>,
}

/// Asks the pages with a head of one's own: its last lines are added.
pub fn bytes(pages: &Pages, head: &str) -> Answer {
    let mut stream = TcpStream::connect(&pages.address).expect("they listen");
    write!(stream, "{head}Host: localhost\r\nConnection: close\r\n\r\n").expect("sent");
    let mut all = Vec::new();
    stream.read_to_end(&mut all).expect("an answer");
    let split = all.windows(4).position(|four| four == b"\r\n\r\n").expect("a head");
    let head = String::from_utf8(all[..split].to_vec()).expect("a head");
    let mut body = all[split + 4..].to_vec();
    if head.to_ascii_lowercase().contains("transfer-encoding: chunked") {
        body = unchunked(&body);
    }
    Answer { head, body }
}

fn unchunked(mut from: &[u8]) -> Vec<u8> {
    let mut all = Vec::new();
    while let Some(end) = from.windows(2).position(|two| two == b"\r\n") {
        let size = std::str::from_utf8(&from[..end]).expect("a size");
        let size = usize::from_str_radix(size, 16).expect("a size");
        all.extend(&from[end + 2..end + 2 + size]);
        from = &from[end + 4 + size..];
        if size == 0 {
            break;
        }
    }
    all
}

/// A link beside a home. It ends with the test.
pub struct Link(Child);

impl Link {
    /// One that is in a hurry, as tests are.
    pub fn start(home: &Home) -> Link {
        Link::start_with(home, &["--again", "1s"])
    }

    /// One as it runs at a desk.
    pub fn start_at_its_pace(home: &Home) -> Link {
        Link::start_with(home, &[])
    }

    fn start_with(home: &Home, flags: &[&str]) -> Link {
        let log = std::fs::File::options().create(true).append(true).open(home.beside("link.log")).expect("a log");
        let mut command = home.command(&[&["link", "--json"], flags].concat());
        let mut process = command.stdout(Stdio::piped()).stderr(log).spawn().expect("a link");
        let mut line = String::new();
        BufReader::new(process.stdout.take().expect("its output")).read_line(&mut line).expect("a line");
        assert!(line.contains("\"ready\":true"), "{line}{}", Link::log(home));
        Link(process)
    }

    /// Its process.
    pub fn id(&self) -> u32 {
        self.0.id()
    }

    /// What all links of a home have logged.
    pub fn log(home: &Home) -> String {
        std::fs::read_to_string(home.beside("link.log")).unwrap_or_default()
    }

    pub fn kill(mut self) {
        self.0.kill().expect("killed");
        self.0.wait().expect("it ends");
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Waits until no recording lies in a home any more.
pub fn wait_until_delivered(home: &Home) {
    wait_for("the copies to leave", || home.audio_files().is_empty().then_some(()));
}
