//! Who may do what: the modes of all that there is, and another user's process.

use std::{
    env,
    fs::{self, Permissions},
    io::Read,
    os::unix::{fs::PermissionsExt, process::CommandExt},
    path::Path,
    process::{Command, Stdio},
};

use nix::unistd::{Group, User};
use retrocall::{client::Client, protocol::Ask};
use serde_json::{Value, json};

use crate::{
    begin,
    desk::{Desk, Home, Line, Ran, Sound, fixture},
    rig::Raw,
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

/// The user whose process is another agent's, and one who has nothing to do with the desk.
const OTHER_USER: &str = "nobody";
const STRANGER: &str = "daemon";
/// Tells this test program that it is that user's client: the socket it is to use.
const OTHER_SOCKET: &str = "RETROCALL_TEST_SOCKET";

/// The other end of the test below: this very program, run as another user, who asks what it reads and prints what it hears.
#[test]
#[ignore = "the client of another user, run by `another_user_may_press_for_its_own_agent_alone`"]
fn another_users_client() {
    let Some(socket) = env::var_os(OTHER_SOCKET) else { return };
    let mut requests = String::new();
    std::io::stdin().read_to_string(&mut requests).expect("requests");
    let mut raw = Raw::bare(Path::new(&socket));
    println!("\nhello {}", raw.next().expect("a greeting"));
    for request in requests.lines() {
        println!("answer {}", raw.ask(&serde_json::from_str(request).expect("JSON")));
    }
}

/// Runs that client as a user of this system, with one request a line. Returns what it printed.
fn as_user(user: &User, program: &Path, socket: &Path, requests: &[Value]) -> Ran {
    let lines = requests.iter().map(|request| format!("{request}\n")).collect::<String>();
    let asked = program.with_file_name("requests");
    fs::write(&asked, lines).expect("requests");
    let mut command = Command::new(program);
    command.args(["--ignored", "--exact", "access::another_users_client", "--nocapture"]);
    command.env_clear().env(OTHER_SOCKET, socket).current_dir("/");
    command.stdin(Stdio::from(fs::File::open(&asked).expect("requests"))).uid(user.uid.as_raw()).gid(user.gid.as_raw());
    Ran::of(command)
}

#[test]
fn another_user_may_press_for_its_own_agent_alone() {
    if !crate::skip::is_root("a process of another user") {
        return;
    }
    let user = |name: &str| User::from_name(name).ok().flatten();
    let (Some(other), Some(stranger)) = (user(OTHER_USER), user(STRANGER)) else {
        return crate::skip::skip(&format!("no users {OTHER_USER} and {STRANGER} on this system"));
    };
    let group = Group::from_gid(other.gid).expect("groups").expect("its group").name;
    let settings = format!("socket_group = \"{group}\"\n[users]\n{OTHER_USER} = \"bert\"\n");
    let desk = Desk::open_with(&settings, &["--one-in", "0"]);
    // The way to the home is not the engine's to open, and the program may lie where others can't read it.
    let above = desk.path().parent().expect("a folder above").to_owned();
    fs::set_permissions(&above, Permissions::from_mode(0o711)).expect("modes");
    let program = above.join("client");
    fs::copy(env::current_exe().expect("this program"), &program).expect("a copy");
    assert_eq!((mode(desk.path()), mode(desk.socket())), (0o710, 0o660));
    let mut anna = Line::begin(&desk, "anna", 8_000);
    let mut bert = Line::begin(&desk, "bert", 8_000);
    let sound = Sound::noise(8_000, 1_600, 3);
    for line in [&mut anna, &mut bert] {
        line.talk(&sound, 0, 1_600);
        line.accepted(Ask::Dtmf { digit: '1' });
    }
    let requests = [
        (json!({"do": "record", "call": anna.call}), "refused", "not-yours"),
        (json!({"do": "record", "agent": "anna"}), "refused", "not-yours"),
        (json!({"do": "mask", "call": anna.call}), "refused", "not-yours"),
        (json!({"do": "attach", "call": anna.call}), "refused", "not-yours"),
        (begin("anna"), "refused", "not-yours"),
        (json!({"do": "status"}), "refused", "not-yours"),
        (json!({"do": "end", "call": bert.call}), "refused", "unknown-call"),
        (json!({"do": "calls"}), "accepted", ""),
        (json!({"do": "record"}), "accepted", ""),
        (json!({"do": "record", "call": bert.call}), "already", ""),
        (begin("bert"), "accepted", ""),
    ];
    let asked: Vec<Value> = requests.iter().map(|(request, ..)| request.clone()).collect();
    let ran = as_user(&other, &program, desk.socket(), &asked);
    assert_eq!(ran.code, 0, "{ran:?}");
    let said = |word: &str| -> Vec<Value> {
        let lines = ran.stdout.lines().filter_map(|line| line.strip_prefix(word));
        lines.map(|line| serde_json::from_str(line).expect("JSON")).collect()
    };
    assert_eq!(said("hello ")[0]["agent"], "bert");
    let answers = said("answer ");
    assert_eq!(answers.len(), requests.len(), "{ran:?}");
    for ((request, verdict, reason), answer) in requests.iter().zip(&answers) {
        assert_eq!(answer["answer"], *verdict, "{request}: {answer}");
        assert_eq!(answer["reason"].as_str().unwrap_or_default(), *reason, "{request}: {answer}");
    }
    let seen = answers[7]["calls"].as_array().expect("a list");
    assert_eq!(seen.len(), 1, "another agent's call is shown: {seen:?}");
    assert_eq!(seen[0]["call"], json!(bert.call));
    assert!(seen[0].get("held_bytes").is_none(), "how much memory a call holds could tell the draw");
    assert!(
        desk.log().contains("not-yours") || desk.log().contains("another agent's"),
        "a refused press is not logged"
    );
    // What the button did, and what it did not do.
    Sound::of_recording(&bert.end_and_keep()).assert_is(&sound);
    anna.end();
    assert_eq!(desk.audio_files().len(), 1);
    // Who is not in the group does not even get to the socket, nor to what is kept.
    let ran = as_user(&stranger, &program, desk.socket(), &[json!({"do": "calls"})]);
    assert_ne!(ran.code, 0, "a stranger is let in: {ran:?}");
    assert!(!ran.stdout.contains("hello {"), "{ran:?}");
    let recording = desk.audio_files().pop().expect("a recording");
    for user in [&other, &stranger] {
        let mut cat = Command::new("cat");
        cat.arg(&recording).current_dir("/").uid(user.uid.as_raw()).gid(user.gid.as_raw());
        assert_ne!(Ran::of(cat).code, 0, "{} reads a recording", user.name);
    }
    let nobody_else: Client = desk.client();
    assert_eq!(nobody_else.hello().agent, None, "the owner may act for all");
    desk.stop();
}
