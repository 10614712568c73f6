//! The button from afar: an agent presses at the centre, and the engine that has the call does it; what is late, lost or for another call is told so.

use std::{
    fs::{self, Permissions},
    io::{Read as _, Write as _},
    net::TcpStream,
    os::unix::fs::PermissionsExt as _,
};

use serde_json::{Value, json};

use crate::{
    desk::{Desk, Home, Line, Sound, wait_for},
    machines::{Centre, Link},
    process::{Pages, account},
    proxy::Proxy,
    screen::{Companion, RECORD, Screen},
};

/// An agent's program at a centre.
pub struct Program<'a> {
    pages: &'a Pages,
    token: String,
}

impl<'a> Program<'a> {
    pub fn of(centre: &'a Centre, name: &str) -> Program<'a> {
        let token = centre.home.json(&["token", "add", "--user", name, "--role", "agent"]);
        Program { pages: &centre.pages, token: token["token"].as_str().expect("a token").to_owned() }
    }

    /// The same, at another process.
    fn at<'b>(&self, pages: &'b Pages) -> Program<'b> {
        Program { pages, token: self.token.clone() }
    }

    fn ask(&self, method: &str, body: &str) -> (u16, Value) {
        let (token, length) = (&self.token, body.len());
        let mut stream = TcpStream::connect(&self.pages.address).expect("they listen");
        let head = format!("{method} /api/v1/mine/live HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n");
        let rest = format!("Authorization: Bearer {token}\r\nContent-Length: {length}\r\n\r\n{body}");
        stream.write_all((head + &rest).as_bytes()).expect("sent");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("an answer");
        let (head, body) = answer.split_once("\r\n\r\n").expect("a head");
        let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status");
        (status, serde_json::from_str(body).unwrap_or_default())
    }

    fn live(&self) -> Vec<Value> {
        self.ask("GET", "").1["calls"].as_array().expect("a list").clone()
    }

    /// The live call, as soon as it is told.
    pub fn call(&self) -> String {
        let calls = wait_for("the live call", || Some(self.live()).filter(|calls| !calls.is_empty()));
        calls[0]["call"].as_str().expect("an id").to_owned()
    }

    pub fn press(&self, press: Value) -> (u16, Value) {
        self.ask("POST", &press.to_string())
    }
}

/// A hotkey on a machine without an engine, with the token of an agent's account at the centre: the key is pressed, and what came of it is told.
fn by_key(centre: &Centre, agent: &Program<'_>) -> Option<Value> {
    let screen = Screen::start()?;
    let home = Home::new();
    let url = centre.url();
    let none = home.run(&["hotkey", "--centre", &url]);
    assert!(none.code == 1 && none.stderr.contains("retrocall token add --role agent"), "{}", none.stderr);
    let token = home.path().join("hotkey.token");
    fs::write(&token, &agent.token).expect("a file");
    fs::set_permissions(&token, Permissions::from_mode(0o644)).expect("a mode");
    let open = home.run(&["hotkey", "--centre", &url]);
    assert!(open.code == 1 && open.stderr.contains("others can read the token"), "{}", open.stderr);
    fs::set_permissions(&token, Permissions::from_mode(0o600)).expect("a mode");
    let mut companion = Companion::start(&home, &screen, &["--centre", &url]);
    screen.fingers().press(&RECORD);
    Some(companion.next())
}

/// An id of a press.
pub fn id(number: u32) -> String {
    format!("0195f000-0000-7000-8000-{number:012}")
}

/// What the site's ledger says of presses, by what came of them.
fn noted(desk: &Desk, result: &str) -> usize {
    let rows = desk.one("SELECT COALESCE(GROUP_CONCAT(text, char(10)), '') FROM ledger_rows");
    let is_one = |row: &&str| row.contains("pressed-afar") && row.contains(result);
    rows.lines().filter(is_one).count()
}

#[test]
fn a_press_at_either_process_of_a_centre_keeps_the_agents_call_from_its_first_second_and_nobody_elses() {
    let centre = Centre::start();
    let other = Pages::start_with(&centre.home, |_| {});
    for name in ["anna", "bert"] {
        account(&centre.home, name, "agent");
    }
    let desk = Desk::open(&["--one-in", "0"]);
    let site = centre.join(&desk);
    let link = Link::start(&desk);
    let sound = Sound::noise(8_000, 16_000, 3);
    let mut line = Line::begin(&desk, "anna", 8_000);
    line.talk(&sound, 0, 8_000);
    line.settle();
    let anna = Program::of(&centre, "anna");
    let (at_other, bert) = (anna.at(&other), Program::of(&centre, "bert"));
    let call = anna.call();
    assert_eq!(at_other.call(), call, "the processes tell each other");
    assert_eq!(bert.live(), Vec::<Value>::new());
    assert!(anna.live()[0].get("customer").is_none() && anna.live()[0].get("agent_leg").is_none());
    // Nobody presses for another agent's call, nor what the engine's home does not let a centre carry, nor too late.
    let (status, told) = bert.press(json!({ "do": "record", "call": call }));
    assert_eq!((status, &told["error"]), (403, &json!("not-yours")), "{told}");
    let (status, told) = anna.press(json!({ "do": "private", "call": call }));
    assert_eq!((status, &told["error"]), (403, &json!("barred")), "{told}");
    let (status, told) = anna.press(json!({ "do": "record", "call": call, "age_ms": 2_000 }));
    assert_eq!((status, &told["error"]), (409, &json!("late")), "{told}");
    assert_eq!(desk.json(&["calls"])[0]["recording"], json!(false));
    // Through whichever process, and of those one has the site's socket and the other has not.
    for (number, program) in [(1, &anna), (2, &at_other)] {
        let press = json!({ "do": "record", "press": id(number), "age_ms": 5 });
        let (status, first) = program.press(press.clone());
        assert_eq!((status, &first["call"]), (200, &json!(call)), "{first}");
        let again = [anna.press(press.clone()), at_other.press(press)];
        assert!(again.iter().all(|again| *again == (200, first.clone())), "{again:?}: it was answered {first}");
    }
    let totals = desk.json(&["status"])["totals"].clone();
    assert_eq!(
        (&totals["presses"], &totals["presses_again"]),
        (&json!(1), &json!(1)),
        "two presses, though four came twice"
    );
    assert_eq!(at_other.press(json!({ "do": "mask", "call": call })).1["answer"], json!("accepted"));
    assert_eq!(desk.json(&["calls"])[0]["masked"], json!(true));
    assert_eq!(anna.press(json!({ "do": "unmask", "call": call })).1["answer"], json!("accepted"));
    // As the page has it.
    let (cookie, form) = centre.pages.log_in("anna");
    let page = centre.pages.ask("GET /mine", &cookie, "");
    assert!(page.contains(&call) && page.contains("This whole call is kept."), "{page}");
    let said = centre.pages.ask("POST /mine/live", &cookie, &format!("form={form}&do=record&call={call}"));
    assert!(said.starts_with("HTTP/1.1 200") && said.contains("It is kept already. This place is marked."), "{said}");
    if let Some(told) = by_key(&centre, &anna) {
        assert_eq!((&told["key"], &told["answer"], &told["call"]), (&json!("record"), &json!("already"), &json!(call)));
    }
    line.talk(&sound, 8_000, 16_000);
    line.end_and_keep();
    // The call is over: no press reaches another one.
    wait_for("the end to be told", || anna.live().is_empty().then_some(()));
    let next = Line::begin(&desk, "anna", 8_000);
    let following = anna.call();
    let (status, told) = anna.press(json!({ "do": "record", "call": call }));
    assert_eq!((status, &told["error"]), (404, &json!("unknown-call")), "{told}");
    assert_eq!(desk.json(&["calls"])[0]["recording"], json!(false));
    // A site that is withdrawn has no socket from then on.
    centre.home.json(&["centre", "withdraw", &site]);
    wait_for("the socket to be closed", || anna.live().is_empty().then_some(()));
    let (status, told) = anna.press(json!({ "do": "record", "call": following }));
    assert_eq!((status, &told["error"]), (404, &json!("unknown-call")), "{told}");
    assert!(noted(&desk, "done") >= 4 && noted(&desk, "refused") >= 1, "the site's ledger has them");
    drop((next, link));
}

#[test]
fn a_press_whose_answer_is_lost_is_unknown_until_the_page_shows_it_and_one_that_comes_late_is_not_carried_out() {
    let centre = Centre::start();
    account(&centre.home, "anna", "agent");
    let desk = Desk::open(&["--one-in", "0"]);
    let proxy = Proxy::before(&centre.pages.address);
    desk.json(&["join", &proxy.url, "--code", &centre.code()]);
    let _link = Link::start(&desk);
    let anna = Program::of(&centre, "anna");
    let first = Line::begin(&desk, "anna", 8_000);
    let call = anna.call();
    let recorded = || desk.json(&["calls"])[0]["recording"].clone();
    // It is held back on its way for longer than it is good.
    proxy.hold(true);
    let (status, told) = anna.press(json!({ "do": "record", "call": call }));
    // Whoever says so has waited for as long as it is good.
    assert_eq!((status, &told["error"]), (504, &json!("unknown")), "{told}");
    proxy.hold(false);
    wait_for("the late press", || (noted(&desk, "refused") == 1).then_some(()));
    assert_eq!(recorded(), json!(false), "nobody carried it out");
    // It arrives, and its answer is lost: nobody says that it was done, nor that it was not.
    proxy.swallow(true);
    let (status, told) = anna.press(json!({ "do": "record", "call": call }));
    assert_eq!((status, &told["error"]), (504, &json!("unknown")), "{told}");
    wait_for("the press", || (recorded() == json!(true)).then_some(()));
    proxy.swallow(false);
    proxy.cut();
    let shows = || anna.live().first().is_some_and(|live| live["recording"] == json!(true));
    wait_for("the page to show the truth", || shows().then_some(()));
    drop(first);
}
