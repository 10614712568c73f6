//! A directory service that is slow or stuck: the real program with a user database that answers when the test wants it to.

use std::{fs, process::Command, time::Duration};

use retrocall::{
    protocol::Ask,
    words::{Clock as _, SystemClock},
};

use crate::{
    desk::{Home, Line, Sound},
    skip,
    visitors::OpenDesk,
};

const SOURCE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/socket/slow_names.c");

/// What has the stuck database loaded into the engine of this home.
fn stuck_database(home: &Home) -> Vec<String> {
    let (library, stuck) = (home.beside("slow_names.so"), home.beside("stuck"));
    let made = Command::new("cc").args(["-shared", "-fPIC", "-o"]).arg(&library).args([SOURCE, "-ldl"]).status();
    assert!(made.expect("cc").success());
    fs::write(&stuck, "").expect("a file");
    let set = |name: &str, path: &std::path::Path| format!("{name}={}", path.display());
    vec!["env".to_owned(), set("LD_PRELOAD", &library), set("RETROCALL_TEST_STUCK", &stuck)]
}

#[test]
fn while_the_user_database_is_stuck_the_owner_is_served_at_once_and_a_stranger_is_refused_by_name() {
    if !skip::is_installed("cc") {
        return;
    }
    let Some(open) = OpenDesk::open_under(stuck_database, "", &["--one-in", "0"]) else { return };
    let desk = &open.desk;
    let visitor = open.visitor("bert");
    // Somebody waits for the database; nobody else does.
    let waiting = visitor.bare();
    let began = SystemClock.now();
    let mut line = Line::begin(desk, "anna", 8_000);
    let sound = Sound::noise(8_000, 8_000, 1);
    line.talk(&sound, 0, 8_000);
    line.accepted(Ask::Record);
    Sound::of_recording(&line.end_and_keep()).assert_is(&sound);
    assert!(SystemClock.since(began) < Duration::from_secs(8), "a press waited for the user database");
    // The wait ends with a refusal, and not with a name that nobody has.
    let (error, text) = waiting.fault();
    assert!(error == "unknown-user" && text.contains("does not answer"), "{error}: {text}");
    crate::desk::wait_for("the log", || desk.log().contains("does not answer").then_some(()));
    fs::remove_file(desk.beside("stuck")).expect("the database answers again");
    let hello =
        crate::desk::wait_for("the database", || visitor.bare().next().filter(|hello| hello["event"] == "hello"));
    assert_eq!(hello["agent"], "bert");
}
