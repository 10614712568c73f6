//! The pages for the desk's people, run as they stand: every line of every block is typed, in its order, and none is refused.

mod desk;

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::Command,
};

use desk::{Desk, Home, Line};

/// The lines of the blocks of a page, or of one part of it.
fn typed(page: &str, heading: Option<&str>) -> Vec<String> {
    let text = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(page)).expect("a page");
    let part = match heading {
        Some(heading) => text.split("\n## ").find(|part| part.starts_with(heading)).expect("a part").to_owned(),
        None => text,
    };
    let (mut fenced, mut lines) = (false, Vec::new());
    for line in part.lines() {
        if line.starts_with("```") {
            fenced = line == "```sh";
        } else if fenced && !line.is_empty() {
            lines.push(line.to_owned());
        }
    }
    lines
}

/// A desk with three recordings.
struct Prepared {
    home: Home,
    /// Where `retrocall` is, as the page types it.
    program: tempfile::TempDir,
    ids: Vec<(&'static str, String)>,
}

impl Prepared {
    fn new() -> Prepared {
        let desk = Desk::open(&["--one-in", "1"]);
        for (agent, presses) in [("anna", false), ("bert", true), ("carl", true)] {
            Line::play(&desk, agent, presses);
        }
        let home = desk.stop();
        let id_of = |agent| home.recording_of(agent);
        let ids = vec![("ID", id_of("bert")), ("ANOTHER", id_of("anna")), ("PRESSED", id_of("carl"))];
        let program = tempfile::tempdir().expect("a folder");
        let script = format!(
            "#!/bin/sh\nexec '{}' --home '{}' \"$@\"\n",
            env!("CARGO_BIN_EXE_retrocall"),
            home.path().display()
        );
        let path: PathBuf = program.path().join("retrocall");
        fs::write(&path, script).expect("a file");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o700)).expect("a mode");
        Prepared { home, program, ids }
    }

    fn with_accounts() -> Prepared {
        let prepared = Prepared::new();
        for (name, role) in
            [("hanna", "reviewer"), ("tom", "case-handler"), ("olga", "privacy-officer"), ("eva", "council")]
        {
            prepared.home.json(&["user", "add", name, "--role", role]);
        }
        prepared.home.json(&["user", "add", "anna", "--role", "agent", "--agent", "anna"]);
        prepared
    }

    /// What stands for an id in the page is the id. Of what a command made, the last one.
    fn filled(&self, line: &str) -> String {
        let last = |list: &[&str], key: &str| {
            let found = self.home.json(list);
            found.as_array().and_then(|all| all.last()).and_then(|one| one[key].as_str()).unwrap_or_default().to_owned()
        };
        let words = line.split_inclusive([' ', ')', '"']).map(|word| {
            let name = word.trim_end_matches([' ', ')', '"']);
            let id = match name {
                "CASE" => last(&["case", "list"], "case"),
                "HOLD" => last(&["hold", "list"], "hold"),
                "REQUEST" => last(&["access", "list"], "request"),
                "FOLDER" => self.home.beside("answer").display().to_string(),
                _ => match self.ids.iter().find(|(known, _)| *known == name) {
                    Some((_, id)) => id.clone(),
                    None => name.to_owned(),
                },
            };
            format!("{id}{}", &word[name.len()..])
        });
        words.collect()
    }

    fn run_all(&self, lines: &[String]) {
        for line in lines {
            if line.contains("--as anna") {
                // An agent reads it the next morning: the day's seed is published, and they see the sample.
                self.home.execute("UPDATE ledger_periods SET published_at = '2026-11-28T09:00:00.000000Z'");
            }
            let mut shell = Command::new("sh");
            let path = format!("{}:{}", self.program.path().display(), std::env::var("PATH").unwrap_or_default());
            let ran = shell
                .args(["-ec", &self.filled(line)])
                .env("PATH", path)
                .current_dir(self.program.path())
                .output()
                .expect("a shell");
            let said = String::from_utf8_lossy(&ran.stderr);
            assert!(ran.status.success(), "{line}: {said}{}", String::from_utf8_lossy(&ran.stdout));
        }
    }
}

#[test]
fn the_readmes_part_about_reviewers_and_case_handlers_is_run_as_it_stands() {
    let lines = typed("README.md", Some("How reviewers and case handlers work"));
    assert!(lines.len() >= 7, "{lines:?}");
    Prepared::new().run_all(&lines);
}

#[test]
fn every_command_of_the_page_on_records_is_run_as_it_stands() {
    let lines = typed("docs/records.md", None);
    assert!(lines.len() >= 30, "{lines:?}");
    assert!(lines[..5].iter().all(|line| line.contains("--as hanna")), "it begins with a reviewer's five lines");
    Prepared::with_accounts().run_all(&lines);
}
