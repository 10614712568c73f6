//! Five sites, two processes of a centre, a server of PostgreSQL and an S3 server, with a bad way between each two of them, and `kill -9` at any moment:
//! nothing selected is lost, nothing is there twice, nothing that was deleted comes back.
//!
//! The ways are bad for a while and good again; then all must be as if they had never been bad. `RETROCALL_KILLS` says how many are killed: ten, or
//! a hundred by `make hostile`.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
    process::{Command, Stdio},
    thread,
    time::Duration,
};

use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};
use tempfile::TempDir;

use crate::{
    bucket::Bucket,
    desk::{Desk, Line, Ran, Sound, wait_for},
    heard,
    machines::{Centre, Link, kill_and_start_again},
    process::Pages,
    way::Way,
};

const SITES: usize = 5;
/// How many are killed each time that the ways are bad.
const KILLS_AT_ONCE: usize = 3;
const SAMPLES: usize = 2_000;

/// An engine with its link.
struct Site {
    desk: Desk,
    link: Option<Link>,
}

/// What a link has logged last is told if nothing comes of it.
impl Drop for Site {
    fn drop(&mut self) {
        if thread::panicking() {
            let (log, left) = (Link::log(&self.desk), self.desk.audio_files());
            let last: Vec<&str> = log.lines().rev().take(12).collect();
            eprintln!("left at a site: {left:?}\n{}", last.into_iter().rev().collect::<Vec<_>>().join("\n"));
        }
    }
}

/// All of it.
struct Machines {
    random: StdRng,
    centre: Centre,
    second: Pages,
    bucket: Bucket,
    sites: Vec<Site>,
    /// From the sites to the centre, from there to the store and to the database.
    ways: [Way; 3],
    /// The calls that were kept, by their recordings, each with its seed.
    kept: BTreeMap<String, u64>,
    /// Those whose time is over.
    over: BTreeSet<String>,
    _folder: TempDir,
}

impl Machines {
    fn start(seed: u64) -> Machines {
        let bucket = Bucket::start();
        assert!(bucket.ask("PUT /calls", "").starts_with("HTTP/1.1 200"));
        let to_store = Way::to(&[&bucket.address], seed);
        let set = |command: &mut Command| Bucket::set_at(&to_store.address, command);
        let mut centre = Centre::start_with(Some("s3://calls/desk"), set);
        // From here on its database is asked over a bad way too.
        let folder = TempDir::new().expect("a folder");
        let server = centre.database.split("host=").nth(1).and_then(|rest| rest.split('&').next()).expect("a folder");
        let to_database = Way::to_socket(Path::new(server), folder.path(), seed + 1);
        let settings = centre.home.path().join("retrocall.toml");
        let text = fs::read_to_string(&settings).expect("settings");
        fs::write(&settings, text.replace(server, &to_database.address)).expect("settings");
        centre.kill_and_start_again(set);
        let second = Pages::start_with(&centre.home, set);
        let to_centre = Way::to(&[&centre.pages.address, &second.address], seed + 2);
        let sites = (0..SITES).map(|_| Site { desk: Desk::open(&["--one-in", "0"]), link: None }).collect();
        let mut machines = Machines {
            random: StdRng::seed_from_u64(seed),
            centre,
            second,
            bucket,
            sites,
            ways: [to_centre, to_store, to_database],
            kept: BTreeMap::new(),
            over: BTreeSet::new(),
            _folder: folder,
        };
        for site in &mut machines.sites {
            let code = machines.centre.code();
            let url = format!("http://{}", machines.ways[0].address);
            site.desk.json(&["join", &url, "--code", &code]);
            site.link = Some(Link::start(&site.desk));
        }
        machines
    }

    /// A call somewhere. One that nobody pressed leaves nothing.
    fn call(&mut self) {
        let (site, seed) = (self.random.random_range(0..SITES), self.random.random());
        let is_pressed = self.random.random_bool(0.7);
        let desk = &self.sites[site].desk;
        let mut line = Line::begin(desk, "anna", 8_000);
        line.talk(&Sound::noise(8_000, SAMPLES, seed), 0, SAMPLES);
        line.settle();
        if !is_pressed {
            return line.end();
        }
        line.accepted(retrocall::protocol::Ask::Record);
        line.end_and_keep();
        let call = line.call.to_string();
        let id = wait_for("its row", || {
            let all = retrocall::catalog::recordings(desk.path()).expect("a catalog");
            all.into_iter().find(|one| one.call.to_string() == call).and_then(|one| one.id)
        });
        self.kept.insert(id, seed);
    }

    /// Somebody is killed, and begins anew.
    fn kill(&mut self) {
        let to_store = self.ways[1].address.clone();
        let set = |command: &mut Command| Bucket::set_at(&to_store, command);
        match self.random.random_range(0..4) {
            // A process that finds no database ends, and a supervisor starts it until the way is good again.
            0 => {
                self.centre.pages.kill();
                self.set_bad(false);
                self.centre.kill_and_start_again(set);
                self.set_bad(true);
            }
            1 => {
                self.second.kill();
                self.set_bad(false);
                kill_and_start_again(&self.centre.home, &mut self.second, set);
                self.set_bad(true);
            }
            _ => {
                let site = self.random.random_range(0..SITES);
                self.begin_link_anew(site);
            }
        }
    }

    fn begin_link_anew(&mut self, site: usize) {
        let site = &mut self.sites[site];
        if let Some(link) = site.link.take() {
            link.kill();
        }
        site.link = Some(Link::start(&site.desk));
    }

    /// The time of one that the centre has is over.
    fn end_one(&mut self) {
        let known: Vec<String> = self.recordings().into_keys().filter(|id| !self.over.contains(id)).collect();
        let Some(id) = known.get(self.random.random_range(0..known.len().max(1))) else { return };
        self.centre.execute(&format!(
            "UPDATE recordings SET began_at = '2024-01-01T09:00:00.000000Z', ends_at = '2024-01-01T09:01:00.000000Z' WHERE id = '{id}'"
        ));
        self.centre.execute(&format!("UPDATE anchors SET at = '2024-01-01T09:00:00.000000Z' WHERE recording = '{id}'"));
        self.over.insert(id.clone());
    }

    fn sweeping(&self) -> Command {
        let mut sweep = self.centre.home.command(&["sweep"]);
        Bucket::set_at(&self.ways[1].address, &mut sweep);
        sweep
    }

    /// Somebody cleans up, and is killed if that takes too long.
    fn sweep_and_kill(&mut self) {
        let mut sweep = self.sweeping().stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("a sweep");
        thread::sleep(Duration::from_millis(self.random.random_range(100..2_500)));
        let _ = sweep.kill();
        sweep.wait().expect("it ends");
    }

    /// What the centre keeps, by the database: how often each.
    fn recordings(&self) -> BTreeMap<String, usize> {
        let found = self.centre.ask("SELECT string_agg(id, ' ') FROM recordings WHERE life IN ('kept', 'restricted')");
        let mut all = BTreeMap::new();
        found.split_whitespace().for_each(|id| *all.entry(id.to_owned()).or_default() += 1);
        all
    }

    fn set_bad(&self, is_bad: bool) {
        self.ways.iter().for_each(|way| way.set_bad(is_bad));
    }

    /// The ways are bad, calls are made, people work, and somebody is killed now and then.
    fn go_through_a_bad_time(&mut self) {
        self.set_bad(true);
        for _ in 0..KILLS_AT_ONCE {
            self.call();
            self.call();
            thread::sleep(Duration::from_millis(self.random.random_range(0..400)));
            self.kill();
            self.end_one();
        }
        self.sweep_and_kill();
        self.set_bad(false);
    }

    /// All is delivered, and what is over is gone.
    fn come_to_rest(&mut self) {
        for site in 0..SITES {
            // It would try again by itself, a minute later.
            self.begin_link_anew(site);
        }
        for site in &self.sites {
            wait_for("all to be delivered", || site.desk.audio_files().is_empty().then_some(()));
        }
        // A lease that somebody held when they were killed runs out, and so does the time of a delivery.
        for rows in ["leases SET expires_at = $ WHERE name = 'sweep'", "uploads SET expires_at = $"] {
            self.centre.execute(&format!("UPDATE {}", rows.replace('$', "'2024-01-01T00:00:00.000000Z'")));
        }
        let swept = Ran::of(self.sweeping());
        let there = self.recordings();
        let left: Vec<_> = self.over.iter().filter(|id| there.contains_key(*id)).collect();
        assert!(left.is_empty(), "over, and still there: {left:?} {swept:?}");
    }

    /// What must be true whatever has happened.
    fn judge(&mut self) {
        let there: BTreeMap<String, usize> =
            self.kept.keys().filter(|id| !self.over.contains(*id)).map(|id| (id.clone(), 1)).collect();
        assert_eq!(self.recordings(), there, "each once, and no other");
        let listed = self.bucket.ask("GET /calls?list-type=2&prefix=desk/", "");
        let objects: Vec<&str> = listed.split("<Key>").skip(1).filter_map(|rest| rest.split("</Key>").next()).collect();
        let of = |id: &str| objects.iter().filter(|place| place.contains(&format!("/recordings/{id}/"))).count();
        for id in there.keys() {
            assert_eq!(of(id), 2, "a part of {id}, and what its site said of it: {objects:?}");
        }
        for id in &self.over {
            assert_eq!(of(id), 0, "{id} is deleted: {objects:?}");
            assert!(objects.contains(&&*format!("desk/tombstones/{id}.json")), "{id}: {objects:?}");
        }
        let recordings = objects.iter().filter(|place| place.contains("/recordings/")).count();
        assert_eq!(recordings, 2 * there.len(), "nothing else lies in the store: {objects:?}");
        let number = self.random.random_range(0..there.len().max(1));
        if let Some(id) = there.keys().nth(number) {
            heard(&self.centre, id).assert_is(&Sound::noise(8_000, SAMPLES, self.kept[id]));
        }
    }
}

#[test]
fn over_bad_ways_and_with_everybody_killed_at_any_moment_all_is_delivered_once_and_the_dead_stay_dead() {
    let read = |name: &str| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    let seed = read("RETROCALL_SEED").unwrap_or_else(rand::random);
    println!("RETROCALL_SEED={seed}");
    let kills = read("RETROCALL_KILLS").unwrap_or(10) as usize;
    let mut machines = Machines::start(seed);
    for time in 1..=kills.div_ceil(KILLS_AT_ONCE) {
        machines.go_through_a_bad_time();
        machines.come_to_rest();
        machines.judge();
        let spoilt: usize = machines.ways.iter().map(Way::spoilt).sum();
        println!("{time}: {} kept, {} over, {spoilt} connections spoilt", machines.kept.len(), machines.over.len());
    }
    assert!(machines.ways.iter().all(|way| way.spoilt() > 0), "each way was bad");
    // The ledgers came over the same ways.
    let mut verify = machines.centre.home.command(&["ledger", "verify", "--all"]);
    Bucket::set_at(&machines.ways[1].address, &mut verify);
    let verified = Ran::of(verify);
    assert_eq!(verified.code, 0, "{}{}", verified.stdout, verified.stderr);
}
