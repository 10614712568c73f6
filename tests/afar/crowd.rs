//! Many sites with a socket at once, each a link of its own in this process with an engine that is played: how long a press from afar takes among them.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    thread,
    time::Duration,
};

use parking_lot::Mutex;
use retrocall::{
    catalog,
    words::{
        Answer, Ask, CallId, CallStates, Clock as _, Country, LiveState, SystemClock, Verb, Verdict, afar::AfarCall,
    },
};
use retrocall_link::{Beside, Link as SiteLink, Pace, Silent, join};
use serde_json::json;

use crate::{
    desk::wait_for,
    machines::Centre,
    presses::{Program, id},
    process::account,
};

/// Agents who press: each at a site of their own.
const PRESSING: usize = 4;
const PRESSES: usize = 50;
const LONG: Duration = Duration::from_secs(60);

/// An engine with one call, of one agent.
struct Played {
    call: Mutex<AfarCall>,
    presses: AtomicU32,
}

impl Beside for Played {
    fn calls(&self) -> Result<Vec<AfarCall>, Silent> {
        Ok(vec![self.call.lock().clone()])
    }

    fn press(&self, agent: &str, call: CallId, ask: Ask, _: Duration) -> Result<Answer, Silent> {
        let mut own = self.call.lock();
        assert_eq!((agent, call), (&*own.agent, own.call), "no press reaches another call");
        self.presses.fetch_add(1, Ordering::SeqCst);
        own.states = ask.after(own.states);
        Ok(Answer { call: Some(call), ..Answer::new(Verdict::Accepted) })
    }
}

/// The home of a site, with a ledger and a key, as far as a centre can tell.
fn joined(folder: &Path, number: usize, url: &str) -> PathBuf {
    let home = folder.join(number.to_string());
    fs::create_dir(&home).expect("a folder");
    let opened = catalog::open(&home, Arc::new(SystemClock), Country::default(), 0);
    let (book, write) = (opened.book, opened.write);
    let writes = thread::spawn(write);
    book.left_behind(Some(LONG)).expect("it opens");
    drop((book, opened.draw));
    writes.join().expect("it ends");
    join(&home, url, &format!("code-{number}")).expect("it joins");
    home
}

#[test]
fn a_press_from_afar_is_answered_at_once_however_many_sites_are_connected() {
    let sites = std::env::var("RETROCALL_SITES").ok().and_then(|sites| sites.parse().ok()).unwrap_or(50_usize);
    let began = SystemClock.now();
    let centre = Centre::start();
    centre.execute(&format!(
        "INSERT INTO site_codes SELECT encode(sha256(convert_to('code-' || n, 'UTF8')), 'hex'), 'ada',
         to_char(now() AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"') FROM generate_series(0, {sites}) AS n"
    ));
    (0..PRESSING).for_each(|number| account(&centre.home, &format!("agent{number}"), "agent"));
    let folder = tempfile::tempdir().expect("a folder");
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("threads");
    let engines: Vec<Arc<Played>> = (0..sites)
        .map(|number| {
            let call = AfarCall {
                call: CallId::new(),
                agent: format!("agent{number}"),
                began: SystemClock.wall(),
                state: LiveState::Live,
                states: CallStates::default(),
                exempt: false,
            };
            let engine = Arc::new(Played { call: Mutex::new(call), presses: AtomicU32::new(0) });
            let home = joined(folder.path(), number, &centre.url());
            let link = SiteLink::of(&home, Arc::new(SystemClock), Pace::default()).expect("it has joined");
            let live = link.live(Arc::clone(&engine) as _, vec![Verb::Record, Verb::Mask]);
            runtime.spawn(live.run());
            engine
        })
        .collect();
    let agents: Vec<Program<'_>> =
        (0..PRESSING).map(|number| Program::of(&centre, &format!("agent{number}"))).collect();
    let connected = || centre.ask("SELECT COUNT(*) FROM sites WHERE counter > 0");
    wait_for("all sockets", || (connected() == sites.to_string()).then_some(()));
    let calls: Vec<String> = agents.iter().map(Program::call).collect();
    let ready = SystemClock.since(began);
    let mut took_us: Vec<u128> = Vec::new();
    for press in 0..PRESSES {
        for (at, agent) in agents.iter().enumerate() {
            let pressed = SystemClock.now();
            let body = json!({ "do": "record", "call": calls[at], "press": id((press * PRESSING + at) as u32) });
            let (status, told) = agent.press(body);
            took_us.push(SystemClock.since(pressed).as_micros());
            assert_eq!((status, &told["call"]), (200, &json!(calls[at])), "{told}");
        }
    }
    took_us.sort_unstable();
    let (p50, p99, most) = (took_us[took_us.len() / 2], took_us[took_us.len() * 99 / 100], took_us[took_us.len() - 1]);
    println!(
        "{sites} sites, ready after {ready:.1?}; a press from afar: p50 {p50} µs, p99 {p99} µs, at most {most} µs"
    );
    for (at, engine) in engines.iter().enumerate() {
        let pressed = if at < PRESSING { PRESSES as u32 } else { 0 };
        assert_eq!(engine.presses.load(Ordering::SeqCst), pressed, "site {at}");
    }
    runtime.shutdown_background();
}
