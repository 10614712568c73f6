//! Who may do what: the modes of all that there is, other users' processes, and every request as everybody.

use std::{
    fmt::Write,
    fs::{self, Permissions},
    os::unix::{fs::PermissionsExt, process::CommandExt},
    path::Path,
    process::Command,
};

use retrocall::protocol::{Ask, Request, Target, Verb, Word as _};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::{
    begin,
    desk::{Home, Line, Ran, Sound, fixture},
    rig::Raw,
    visitors::OpenDesk,
};

fn mode(path: &Path) -> u32 {
    fs::symlink_metadata(path).unwrap_or_else(|error| panic!("{}: {error}", path.display())).permissions().mode()
        & 0o7777
}

#[test]
fn the_socket_the_home_and_all_that_is_kept_are_closed_to_others_by_mode() {
    let home = Home::new();
    // A folder that stood open before is closed.
    fs::set_permissions(home.path(), Permissions::from_mode(0o755)).expect("modes");
    let desk = home.start(&["--one-in", "0"]);
    desk.replay(&fixture("desk-01.wav"), &["--agent", "anna", "--record-at", "1"]);
    assert_eq!((mode(desk.path()), mode(desk.socket())), (0o700, 0o600));
    let recording = desk.audio_files().pop().expect("a recording");
    assert_eq!(mode(&recording), 0o600);
    for folder in recording.ancestors().skip(1).take_while(|folder| *folder != desk.path()) {
        assert_eq!(mode(folder), 0o700, "{}", folder.display());
    }
    for file in desk.files() {
        assert_eq!(mode(&file), 0o600, "{}", file.display());
    }
    assert!(desk.files().iter().any(|file| file.ends_with("catalog.sqlite")));
    desk.stop();
}

#[test]
fn another_user_may_press_for_its_own_agent_alone() {
    let Some(open) = OpenDesk::open("", &["--one-in", "0"]) else { return };
    let desk = &open.desk;
    assert_eq!((mode(desk.path()), mode(desk.socket())), (0o710, 0o660));
    let mut carl = Line::begin(desk, "carl", 8_000);
    let mut bert = Line::begin(desk, "bert", 8_000);
    let sound = Sound::noise(8_000, 1_600, 3);
    for line in [&mut carl, &mut bert] {
        line.talk(&sound, 0, 1_600);
        line.accepted(Ask::Dtmf { digit: '1', leg: None });
    }
    let visitor = open.visitor("bert");
    let mut berts = visitor.bare();
    assert_eq!(berts.next().expect("a greeting")["agent"], "bert");
    assert_eq!(berts.ask(&json!({"do": "record", "call": carl.call}))["reason"], "not-yours");
    let seen = berts.ask(&json!({"do": "calls"}));
    assert_eq!(seen["calls"].as_array().map(Vec::len), Some(1), "another agent's call is shown: {seen}");
    assert_eq!(seen["calls"][0]["call"], json!(bert.call));
    assert!(seen["calls"][0].get("held_bytes").is_none(), "how much memory a call holds could tell the draw");
    assert_eq!(berts.ask(&json!({"do": "record"}))["answer"], "accepted");
    // What the button did, and what it did not do.
    Sound::of_recording(&bert.end_and_keep()).assert_is(&sound);
    carl.end();
    let recording = desk.audio_files().pop().expect("a recording");
    assert_eq!(desk.audio_files().len(), 1);
    // Who is not in the group does not even get to the socket, nor anybody to what is kept.
    assert!(!open.stranger().is_let_in(), "a stranger is let in");
    for uid in [1, 2, 65_534] {
        let mut cat = Command::new("cat");
        cat.arg(&recording).current_dir("/").uid(uid).gid(open.gid);
        assert_ne!(Ran::of(cat).code, 0, "user {uid} reads a recording");
    }
    let nobody_else = desk.client();
    assert_eq!(nobody_else.hello().agent, None, "the owner may act for all");
    open.desk.stop();
}

/// Every request about a call of bert's, that a PBX carries: what its owner is answered, what bert, what another agent, what one to whom bert
/// offers it; and, when the PBX has handed it to dora, what bert and what she. With whose call it is after a `transfer`.
const GRID: &str = "
request       owner            own              other            offered          former           new
begin         accepted         accepted         not-yours        not-yours        accepted         not-yours
expect        accepted         not-yours        not-yours        not-yours        not-yours        not-yours
attach        connected        connected        not-yours        not-yours        not-yours        connected
share         unknown-call     unknown-call     unknown-call     unknown-call     unknown-call     unknown-call
end           unknown-call     unknown-call     unknown-call     unknown-call     unknown-call     unknown-call
record        accepted         accepted         not-yours        not-yours        not-yours        accepted
copy          accepted         accepted         not-yours        not-yours        not-yours        accepted
mask          accepted         accepted         not-yours        not-yours        not-yours        accepted
unmask        already          already          not-yours        not-yours        not-yours        already
erase-last    accepted         accepted         not-yours        not-yours        not-yours        accepted
hold          accepted         accepted         not-yours        not-yours        not-yours        accepted
resume        already          already          not-yours        not-yours        not-yours        already
private       accepted         accepted         not-yours        not-yours        not-yours        accepted
object        accepted         accepted         not-yours        not-yours        not-yours        accepted
dtmf          accepted         accepted         not-yours        not-yours        not-yours        accepted
transfer      accepted: emma   accepted: bert   not-yours        not-yours        not-yours        accepted: dora
transfer me   accepted: emma   already: bert    not-yours        accepted: dora   not-yours        already: dora
calls         seen             seen             not seen         not seen         not seen         seen
status        accepted         not-yours        not-yours        not-yours        not-yours        not-yours
board         accepted         not-yours        not-yours        not-yours        not-yours        not-yours
sweep         accepted         not-yours        not-yours        not-yours        not-yours        not-yours
as            malformed        not-yours        not-yours        not-yours        not-yours        not-yours
";

/// A row of the grid: what is asked of this call by whoever is this agent.
fn request(row: &str, call: &Value, me: &str) -> Value {
    let legs = [(); 2].map(|()| Uuid::now_v7());
    match row {
        "begin" => begin("bert"),
        "expect" => json!({"do": row, "agent": "bert", "agent_leg": legs[0], "customer_leg": legs[1]}),
        "calls" | "status" | "board" | "sweep" => json!({"do": row}),
        // Not the first message: `accounts` has those.
        "as" => json!({"do": row, "user": "bert"}),
        "transfer me" => json!({"do": "transfer", "call": call, "to": me}),
        _ => {
            let ask = Verb::read(row).unwrap_or_else(|| panic!("nobody can ask for `{row}`")).example();
            let json = Request::new(Target::Own, ask).to_json();
            let mut request: Value = serde_json::from_slice(&json).expect("JSON");
            request["call"] = call.clone();
            request
        }
    }
}

/// What a cell of the grid says of an answer.
fn cell(row: &str, answer: &Value, call: &Value) -> String {
    let verdict = answer["answer"].as_str().expect("a verdict");
    match row {
        _ if verdict == "refused" => answer["reason"].as_str().expect("a reason").to_owned(),
        "transfer" | "transfer me" => format!("{verdict}: {}", answer["agent"].as_str().expect("an agent")),
        "calls" => {
            let seen = answer["calls"].as_array().expect("a list").iter().any(|view| view["call"] == *call);
            if seen { "seen".to_owned() } else { "not seen".to_owned() }
        }
        _ => verdict.to_owned(),
    }
}

#[test]
fn who_may_ask_what_of_whose_call() {
    let settings = "begins_per_second = 1000\ncalls_per_user = 1000\naudiosocket = \"127.0.0.1:0\"\n";
    let Some(open) = OpenDesk::open(settings, &["--one-in", "0"]) else { return };
    let visitors = ["bert", "carl", "dora"].map(|agent| open.visitor(agent));
    let [mut bert, mut carl, mut dora] = visitors.each_ref().map(|visitor| visitor.connect());
    let [mut pbx, mut owner] = [(); 2].map(|()| Raw::connect(open.desk.socket()));
    let rows: Vec<&str> = GRID.trim().lines().skip(1).map(|line| line[..14].trim()).collect();
    let columns: Vec<&str> = GRID.trim().lines().next().expect("a head").split_whitespace().skip(1).collect();
    let mut grid = GRID.trim().lines().next().expect("a head").to_owned();
    for row in &rows {
        let mut line = format!("{row:<14}");
        for column in &columns {
            let call = pbx.ask(&begin("bert"))["call"].clone();
            let to_dora = json!({"do": "transfer", "call": call, "to": "dora"});
            let (raw, me) = match *column {
                "owner" => (&mut owner, "emma"),
                "own" => (&mut bert, "bert"),
                "other" => (&mut carl, "carl"),
                "offered" => {
                    assert_eq!(bert.ask(&to_dora)["answer"], "accepted");
                    (&mut dora, "dora")
                }
                "former" | "new" => {
                    assert_eq!(pbx.ask(&to_dora)["agent"], "dora");
                    if *column == "new" { (&mut dora, "dora") } else { (&mut bert, "bert") }
                }
                other => panic!("nobody is {other}"),
            };
            let answer = raw.ask(&request(row, &call, me));
            write!(line, "{:<17}", cell(row, &answer, &call)).expect("a string takes it");
            if let Some(channel) = answer.get("channel") {
                raw.ask(&json!({"do": "end", "channel": channel}));
            }
            pbx.ask(&json!({"do": "end", "call": call}));
        }
        write!(grid, "\n{}", line.trim_end()).expect("a string takes it");
    }
    assert!(grid == GRID.trim(), "rights have changed. They are now:\n{grid}");
    let missing: Vec<Verb> = Verb::ALL.into_iter().filter(|verb| !rows.contains(&verb.as_str())).collect();
    assert!(missing.is_empty(), "nobody looks who may ask for {missing:?}");
    open.desk.stop();
}
