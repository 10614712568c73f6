//! How much one user may take of what all share, and that nobody else misses it.

use std::{fs, thread, time::Duration};

use nix::unistd::Pid;
use serde_json::{Value, json};

use crate::{
    begin,
    desk::{Desk, wait_for},
    rig::{Raw, control},
    visitors::{OpenDesk, Visitor},
};

/// What a process holds of memory that is its own: what it has allocated, without the arena.
pub fn anonymous_kib(pid: Pid) -> usize {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).expect("the engine's status");
    let line = status.lines().find_map(|line| line.strip_prefix("RssAnon:")).expect("RssAnon");
    line.trim().trim_end_matches(" kB").trim().parse().expect("a number")
}

fn refused(answer: &Value) -> &str {
    assert_eq!(answer["answer"], "refused", "{answer}");
    answer["reason"].as_str().expect("a reason")
}

#[test]
fn a_user_who_holds_all_connections_that_it_gets_leaves_others_theirs() {
    let settings = "connections_per_user = 3\nconnections_max = 10\nowner_reserve_percent = 50\n";
    let Some(open) = OpenDesk::open(settings, &["--one-in", "0"]) else { return };
    let [mallory, bert, carl] = ["mallory", "bert", "carl"].map(|agent| open.visitor(agent));
    let mut held: Vec<Raw> = (0..3).map(|_| mallory.connect()).collect();
    for _ in 0..100 {
        let (error, text) = mallory.bare().fault();
        assert_eq!(error, "connections-per-user");
        assert!(text.contains("3 connections of yours") && text.contains("(connections_per_user)"), "{text}");
    }
    // All users together leave half to the owner.
    let _berts: Vec<Raw> = (0..2).map(|_| bert.connect()).collect();
    let (error, text) = carl.bare().fault();
    assert!(
        error == "too-many-connections" && text.contains("5 connections") && text.contains("(connections_max)"),
        "{text}"
    );
    let mut pbx: Vec<Raw> = (0..4).map(|_| Raw::connect(open.desk.socket())).collect();
    pbx[0].ask(&begin("anna"));
    let ran = open.desk.run(&["record", "--agent", "anna"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    // What goes comes back.
    held.pop();
    wait_for("a place", || mallory.bare().next().filter(|message| message["event"] == "hello"));
    // A hundred refusals are a line, and a count when the engine stops.
    let lines = |log: &str| log.lines().filter(|line| line.contains("connections_per_user")).count();
    wait_for("the log", || (lines(&open.desk.log()) == 1).then_some(()));
    let home = open.desk.stop();
    assert!(home.log().contains("connections-per-user") && home.log().contains("more="), "{}", home.log());
}

#[test]
fn a_user_begins_as_many_calls_as_it_may_and_the_owner_as_many_as_there_are() {
    let settings = "calls_per_user = 3\nbegins_per_second = 1\ncalls_max = 300\n";
    let Some(open) = OpenDesk::open(settings, &["--one-in", "0", "--memory", "64MiB"]) else { return };
    let mallory = open.visitor("mallory");
    let mut flood = mallory.connect();
    // All its calls at once, as after a restart; then no more, over whatever connection.
    for _ in 0..3 {
        assert_eq!(flood.ask(&begin("mallory"))["answer"], "accepted");
    }
    let answer = mallory.connect().ask(&begin("mallory"));
    assert_eq!(refused(&answer), "calls-per-user");
    assert!(answer["text"].as_str().is_some_and(|text| text.contains("calls_per_user")), "{answer}");
    assert_eq!(flood.ask(&json!({"do": "end", "channel": 0}))["answer"], "accepted");
    // Ended and begun again without a pause: that is refused before long, and so is offering, which others hear.
    let churn = |flood: &mut Raw| {
        let begun = flood.ask(&begin("mallory"));
        flood.ask(&json!({"do": "end", "channel": begun["channel"]}));
        begun
    };
    let paced = (0..50).map(|_| churn(&mut flood)).find(|answer| answer["answer"] == "refused").expect("a refusal");
    assert_eq!(refused(&paced), "begins-per-second");
    assert!(paced["text"].as_str().is_some_and(|text| text.contains("begins_per_second")), "{paced}");
    let offer = |to: &str| json!({"do": "transfer", "channel": 1, "to": to});
    let offers = ["bert", "carl"].iter().cycle().take(50).map(|to| flood.ask(&offer(to)));
    let paced = offers.filter(|answer| answer["answer"] == "refused").last().expect("a refusal");
    assert_eq!(refused(&paced), "begins-per-second");
    // A PBX that announces all its calls again is no flood, and goes to the very end.
    let mut pbx = Raw::connect(open.desk.socket());
    let begun = (0..400).map(|_| pbx.ask(&begin("anna"))).take_while(|answer| answer["answer"] == "accepted").count();
    assert!((298..=300).contains(&begun), "{begun}");
    assert_eq!(refused(&pbx.ask(&begin("anna"))), "too-many-calls");
    open.desk.stop();
}

/// Asks for lists without reading any, until it is closed.
fn never_read(mut raw: Raw) -> Raw {
    let requests = control(&json!({"do": "calls"})).repeat(100);
    while raw.send(&requests).is_ok() {}
    raw
}

/// Sixty connections that ask and never read, all at once. Returns by how many KiB the engine has grown at most.
fn sixty_unread(desk: &Desk, connect: impl Fn() -> Raw) -> usize {
    let before = anonymous_kib(desk.pid());
    let unread: Vec<Raw> = (0..60).map(|_| connect()).collect();
    let threads: Vec<_> = unread.into_iter().map(|raw| thread::spawn(move || never_read(raw))).collect();
    let mut most = before;
    let mut good = Raw::connect(desk.socket());
    while threads.iter().any(|thread| !thread.is_finished()) {
        // Not a press: more than a thousand bookmarks are refused.
        assert_ne!(good.ask(&json!({"do": "mask", "agent": "anna"}))["answer"], "refused");
        most = most.max(anonymous_kib(desk.pid()));
        // Between two looks, so that the engine has the processor.
        thread::sleep(Duration::from_millis(5));
    }
    drop(threads.into_iter().map(|thread| thread.join().expect("a client")).collect::<Vec<_>>());
    most - before
}

/// Beyond what may wait: tasks and buffers of sixty connections, and pieces on their way.
const SLACK_KIB: usize = 12 * 1_024 + 60 * 16;

#[test]
fn sixty_connections_that_are_never_read_take_what_one_user_may_and_no_more() {
    let settings = "queued_per_user = \"2MiB\"\nqueued_max = \"16MiB\"\n";
    let Some(open) = OpenDesk::open(settings, &["--one-in", "0"]) else { return };
    let mut pbx = Raw::connect(open.desk.socket());
    pbx.ask(&begin("anna"));
    pbx.ask(&json!({"do": "record", "channel": 0}));
    let mallory = open.visitor("mallory");
    let grown_kib = sixty_unread(&open.desk, || mallory.connect());
    println!("sixty unread connections of one user: {grown_kib} KiB");
    assert!(grown_kib <= 2 * 1_024 + SLACK_KIB, "{grown_kib} KiB");
    wait_for("the log", || open.desk.log().contains("(queued_per_user)").then_some(()));
    open.desk.stop();
}

#[test]
fn sixty_connections_of_the_owner_that_are_never_read_take_the_total_and_no_more() {
    let desk = Desk::open_with("queued_max = \"16MiB\"\n", &["--one-in", "0"]);
    let mut pbx = Raw::connect(desk.socket());
    pbx.ask(&begin("anna"));
    pbx.ask(&json!({"do": "record", "channel": 0}));
    let grown_kib = sixty_unread(&desk, || Raw::connect(desk.socket()));
    println!("sixty unread connections of the owner: {grown_kib} KiB");
    assert!(grown_kib <= 16 * 1_024 + SLACK_KIB, "{grown_kib} KiB");
    desk.stop();
}

#[test]
fn thousands_of_refusals_are_not_thousands_of_lines() {
    let Some(open) = OpenDesk::open("", &["--one-in", "0"]) else { return };
    let mut pbx = Raw::connect(open.desk.socket());
    let call = pbx.ask(&begin("anna"))["call"].clone();
    let mallory = open.visitor("mallory");
    let requests = [
        json!({"do": "record", "call": call}),
        json!({"do": "mask", "agent": "anna"}),
        json!({"do": "attach", "call": call}),
        json!({"do": "status"}),
        begin("anna"),
        json!({"do": "sing"}),
    ];
    let ask_all = |visitor: &Visitor| {
        let mut raw = visitor.connect();
        for request in requests.iter().cycle().take(600) {
            refused(&raw.ask(request));
        }
    };
    (0..3).for_each(|_| ask_all(&mallory));
    // The last kind that was asked for is the last that is logged.
    let is_told = |log: &String| log.contains("ask=\"request\"");
    let log = wait_for("the log", || Some(open.desk.log()).filter(is_told));
    for verb in ["record", "mask", "attach", "status", "request"] {
        let lines = log.lines().filter(|line| line.contains("refused: ") && line.contains(&format!("ask=\"{verb}\"")));
        assert_eq!(lines.count(), 1, "{verb}: {log}");
    }
    assert_eq!(log.matches("a call is not captured: the call is another agent's").count(), 1, "{log}");
    let before = log.lines().count();
    let home = open.desk.stop();
    let told = home.log().lines().skip(before).filter(|line| line.contains("more=299")).count();
    assert_eq!(told, requests.len(), "what was counted is told: {}", home.log());
}
