//! `retrocall conform` finds what is wrong with clients that do one thing wrong, finds nothing wrong with our own, and neither with our engine.

#[path = "../desk/mod.rs"]
mod desk;
#[path = "../skip/mod.rs"]
mod skip;

use std::{
    path::{Path, PathBuf},
    process::Command,
    thread,
    time::Duration,
};

use retrocall::conform::{Scene, Stage, Verdict, try_engine};
use serde_json::Value;

use desk::{Desk, Home, PROGRAM, Ran, Sound, wait_for};

fn python() -> bool {
    skip::is_installed("python3")
}

/// What is found about a client in some scenes (all, if none are named): scene, verdict, text. And the exit code.
fn conform(scenes: &[&str], flags: &[&str], client: &[&str]) -> (Vec<[String; 3]>, i32) {
    let mut command = Command::new(PROGRAM);
    command.args(["conform", "--json"]).args(scenes.iter().flat_map(|scene| ["--scene", scene])).args(flags);
    command.arg("--").args(client).env("PYTHONDONTWRITEBYTECODE", "1");
    let ran = Ran::of(command);
    let found = ran.json();
    let word = |finding: &Value, field: &str| finding[field].as_str().unwrap_or_default().to_owned();
    let found = found.as_array().unwrap_or_else(|| panic!("{ran:?}")).iter();
    (found.map(|finding| ["scene", "verdict", "text"].map(|field| word(finding, field))).collect(), ran.code)
}

fn here(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

#[test]
fn each_fault_of_a_client_is_named_in_the_scene_that_shows_it() {
    if !python() {
        return;
    }
    let program = here("tests/conform/wrong_client.py");
    let program = program.to_str().expect("a path");
    for (fault, scene, words) in [
        ("magic", "plain", "a message begins with the bytes 52 43"),
        ("eager", "plain", "wait for the answer to `begin`"),
        ("malformed", "plain", "unknown field `sample_rate`"),
        ("one-answer", "chatty", "which was not given to this connection"),
        ("bytes", "plain", "not bytes and not milliseconds"),
        ("milliseconds", "plain", "only go forward"),
        ("stuck", "plain", "only go forward"),
        ("odd", "plain", "not a whole number of samples"),
        ("half", "plain", "in the middle of a message"),
        ("wrong-target", "plain", "`record` names no call of this client's"),
        ("no-end", "plain", "not ended with `end`"),
        ("hangs-up", "refusals", "a control that is refused changes nothing else"),
        ("starts-over", "gone", "only go forward"),
        ("starts-over", "fault", "only go forward"),
        ("nothing", "refused", "which was not given to this connection"),
    ] {
        let (found, code) = conform(&[scene], &[], &["python3", program, fault, "{}"]);
        let named = found.iter().any(|[of, verdict, text]| of == scene && verdict == "wrong" && text.contains(words));
        assert!(named && code == 1, "{fault}: {found:#?}");
    }
    let (found, code) = conform(&["gone", "fault"], &[], &["python3", program, "comes-back", "{}"]);
    assert!(code == 0 && found.iter().all(|[_, verdict, _]| verdict == "right"), "{found:#?}");
    // What is allowed, and could be better.
    let (found, code) = conform(&["plain", "gone"], &[], &["python3", program, "one-leg", "{}"]);
    assert_eq!(code, 0, "{found:?}");
    let advice = |words: &str| found.iter().any(|[_, verdict, text]| verdict == "advice" && text.contains(words));
    assert!(advice("nothing came of the customer") && advice("did not come back with `attach`"), "{found:#?}");
    let (found, _) = conform(&["plain"], &["--limit", "1"], &["python3", program, "hangs", "{}"]);
    assert!(
        found.iter().any(|[_, verdict, text]| verdict == "wrong" && text.contains("did not end within 1 s")),
        "{found:?}"
    );
}

#[test]
fn our_own_clients_do_nothing_wrong_in_any_scene() {
    let home = Home::new();
    let call = home.beside("call.wav");
    Sound::noise(8_000, 8_004, 3).save(&call);
    let call = call.to_str().expect("a path");
    let socket = home.path().join("engine.sock");
    let mut clients = vec![vec![
        PROGRAM,
        "--home",
        home.path().to_str().expect("a path"),
        "replay",
        call,
        "--speed",
        "0",
        "--agent",
        "anna",
        "--record-at",
        "0.2",
        "--mask",
        "0.4..0.5",
        "--hold",
        "0.6..0.7",
        "--object",
    ]];
    let softphone = here("examples/softphone.py");
    if python() {
        let program = softphone.to_str().expect("a path");
        clients.push(vec!["python3", program, "{}", call, "--agent", "anna", "--speed", "0", "--record-at", "0.2"]);
    }
    for client in clients {
        let (found, code) = conform(&[], &["--socket", socket.to_str().expect("a path")], &client);
        let wrong: Vec<_> = found.iter().filter(|[_, verdict, _]| verdict == "wrong").collect();
        assert!(wrong.is_empty() && code == 0, "{client:?}: {wrong:#?}");
        for scene in ["plain", "chatty", "refused", "already", "deaf", "stopping"] {
            let right = found.iter().any(|[of, verdict, _]| of == scene && verdict == "right");
            assert!(right, "{client:?}, {scene}: {found:#?}");
        }
        let never = &found.last().expect("what was never seen")[2];
        assert!(never.contains("private") && !never.contains("record"), "{never}");
    }
}

/// The client in the page, with the ten lines under "Come back" where the page says that they belong.
fn client_of_the_page() -> String {
    let page = std::fs::read_to_string(here("docs/protocol.md")).expect("the page");
    let block = |piece: &str| piece.split("\n```").next().expect("a split has a first piece").to_owned();
    let blocks: Vec<String> = page.split("\n```python\n").skip(1).map(block).collect();
    let [client, recipe] = &blocks[..] else { panic!("a client, and ten lines") };
    assert!(recipe.lines().count() <= 11, "ten lines, and their name");
    let (before, after) = client.split_once("def come_back():\n").expect("the place of the ten lines");
    let (_, after) = after.split_once("\n\n").expect("it ends with a blank line");
    format!("{before}{recipe}\n\n{after}\n")
}

#[test]
fn the_client_of_the_page_with_its_ten_lines_comes_back_from_everything_and_so_does_the_softphone_in_python() {
    if !python() {
        return;
    }
    let home = Home::new();
    let call = home.beside("call.wav");
    Sound::noise(8_000, 8_004, 5).save(&call);
    let program = home.beside("client.py");
    std::fs::write(&program, client_of_the_page()).expect("a program");
    let softphone = here("examples/softphone.py");
    let [call, program, softphone] = [&call, &program, &softphone].map(|path| path.to_str().expect("a path"));
    let clients = [
        vec!["python3", program, "{}", call],
        vec!["python3", softphone, "{}", call, "--agent", "anna", "--record-at", "0.1"],
    ];
    for client in clients {
        let (found, code) = conform(&[], &[], &client);
        assert_eq!(code, 0, "{client:?}: {found:#?}");
        for scene in Scene::ALL.map(Scene::name) {
            let right = found.iter().any(|[of, verdict, _]| of == scene && verdict == "right");
            // The client in the page presses in the last moment: nothing can come after that.
            assert!(right || (scene == "refusals" && client.len() == 4), "{client:?}, {scene}: {found:#?}");
        }
    }
}

#[test]
fn our_engine_does_everything_right_and_one_that_takes_no_call_is_found_out() {
    let desk = Desk::open(&["--one-in", "0"]);
    let found = desk.json(&["conform", "--client"]);
    let found = found.as_array().expect("one array");
    assert!(found.len() > 10 && found.iter().all(|finding| finding["verdict"] == "right"), "{found:#?}");
    // The catalog writes behind the calls.
    wait_for("the recording of the one press", || (desk.recordings().len() == 1).then_some(()));
    desk.stop();
    let place = tempfile::tempdir().expect("a folder");
    let path = place.path().join("engine.sock");
    let mut stage = Stage::set(&path).expect("a socket");
    let trying = thread::spawn(move || try_engine(&path));
    stage.play(Scene::Refused, &[], Duration::from_secs(60)).expect("a scene");
    let found = trying.join().expect("it ends");
    let wrong = found.iter().filter(|finding| finding.verdict == Verdict::Wrong).count();
    assert!(found[0].verdict == Verdict::Right && wrong >= 8, "{found:#?}");
}

#[test]
fn every_scene_stands_in_the_page() {
    let page = std::fs::read_to_string(here("docs/protocol.md")).expect("the page");
    for scene in Scene::ALL {
        assert!(page.contains(&format!("`{}`", scene.name())), "the page lacks the scene {}", scene.name());
    }
}

#[test]
fn a_place_that_is_taken_a_scene_that_is_none_and_a_command_that_is_none_are_told() {
    let home = Home::new();
    let taken = home.beside("taken");
    std::fs::write(&taken, "").expect("a file");
    let ran = home.run(&["conform", "--socket", taken.to_str().expect("a path")]);
    assert!(ran.code == 1 && ran.stderr.contains("name a new one with --socket"), "{ran:?}");
    let ran = home.run(&["conform", "--", "/no/such/client"]);
    assert!(ran.code == 1 && ran.stderr.contains("can't run /no/such/client"), "{ran:?}");
    let ran = home.run(&["conform", "--scene", "comedy"]);
    assert!(ran.code == 2 && ran.stderr.contains("one of plain, chatty"), "{ran:?}");
    let ran = home.run(&["conform", "--client"]);
    assert!(ran.code == 1 && ran.stderr.contains("no engine runs under"), "{ran:?}");
}
