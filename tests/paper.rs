//! Keeps `docs/guarantees.md`, `SECURITY.md` and the unit for systemd true as far as a program can: what they name is there.

mod skip;

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

fn read(path: &str) -> String {
    fs::read_to_string(Path::new(ROOT).join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// What stands in backticks outside of fenced blocks.
fn quoted(page: &str) -> Vec<String> {
    let mut fenced = false;
    let mut all = Vec::new();
    for line in page.lines() {
        fenced ^= line.starts_with("```");
        if !fenced {
            all.extend(line.split('`').skip(1).step_by(2).map(str::to_owned));
        }
    }
    all
}

/// Every file below a folder whose name ends so.
fn files(folder: &Path, ending: &str, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        match path.is_dir() {
            true if !path.ends_with("target") => files(&path, ending, found),
            false if path.to_string_lossy().ends_with(ending) => found.push(path),
            _ => {}
        }
    }
}

fn has_test(places: &[PathBuf], name: &str) -> bool {
    let head = format!("fn {name}(");
    places.iter().any(|place| fs::read_to_string(place).expect("a source").contains(&head))
}

#[test]
fn every_file_and_every_test_that_the_pages_name_is_there() {
    let (mut tests, mut sources) = (Vec::new(), Vec::new());
    files(&Path::new(ROOT).join("tests"), ".rs", &mut tests);
    files(&Path::new(ROOT).join("src"), ".rs", &mut sources);
    let mut seen = [0, 0];
    for page in [
        "docs/guarantees.md",
        "docs/durability.md",
        "SECURITY.md",
        "docs/install.md",
        "docs/asterisk.md",
        "docs/architecture.md",
        "docs/records.md",
        "docs/web.md",
        "docs/reviewers.md",
    ] {
        for word in quoted(&read(page)) {
            if ["src/", "docs/", "tests/"].iter().any(|place| word.starts_with(place)) {
                assert!(Path::new(ROOT).join(&word).exists(), "{page} names {word}, which is not there");
                seen[0] += 1;
            }
            let Some(typed) = word.strip_prefix("cargo test ") else { continue };
            let typed: Vec<&str> = typed.split(' ').collect();
            let (place, name) = match typed[..] {
                ["--test", file] => (Some(file), None),
                ["--test", file, name] => (Some(file), Some(name)),
                ["--lib", name] => (None, Some(name)),
                _ => panic!("{page}: `{word}` is not typed as the other tests are"),
            };
            let of_file = |path: &&PathBuf| {
                let path = path.strip_prefix(Path::new(ROOT).join("tests")).expect("it lies there");
                let first = path.iter().next().map(|first| first.to_string_lossy().into_owned()).unwrap_or_default();
                place.is_some_and(|file| first == file || first == format!("{file}.rs"))
            };
            let places: Vec<PathBuf> = match place {
                Some(_) => tests.iter().filter(of_file).cloned().collect(),
                None => sources.clone(),
            };
            assert!(!places.is_empty(), "{page}: there is no test file as in `{word}`");
            assert!(name.is_none_or(|name| has_test(&places, name)), "{page}: no test is called so: `{word}`");
            seen[1] += 1;
        }
    }
    assert!(seen[0] > 40 && seen[1] > 30, "{seen:?}");
}

#[test]
fn each_rule_of_the_desk_has_a_test_whose_name_begins_with_its_number() {
    /// As many rules as the desk has: D1 to D20.
    const RULES: u32 = 20;
    let mut sources = Vec::new();
    files(&Path::new(ROOT).join("tests"), ".rs", &mut sources);
    files(&Path::new(ROOT).join("src"), ".rs", &mut sources);
    let mut tested = BTreeSet::new();
    for source in sources {
        let text = fs::read_to_string(source).expect("a source");
        let lines: Vec<&str> = text.lines().map(str::trim).collect();
        for (place, line) in lines.iter().enumerate() {
            let Some((name, _)) = line.strip_prefix("fn ").and_then(|line| line.split_once('(')) else { continue };
            // Or it stands in a list of those that are run beside each home.
            let listed = format!("{name},");
            if place == 0 || lines[place - 1] != "#[test]" && !lines.contains(&listed.as_str()) {
                continue;
            }
            // A test may be of several rules: `d9_d11_…`.
            tested.extend(name.split('_').map_while(|word| word.strip_prefix('d')?.parse::<u32>().ok()));
        }
    }
    let untested: Vec<_> = (1..=RULES).filter(|rule| !tested.contains(rule)).collect();
    assert!(
        untested.is_empty(),
        "no test names the rules {untested:?} of the desk: begin its name with `d{}_`",
        untested[0]
    );
}

#[test]
fn unsafe_code_is_where_the_page_says_and_nowhere_else() {
    let mut sources = Vec::new();
    files(&Path::new(ROOT).join("src"), ".rs", &mut sources);
    let mut allowed: Vec<String> = sources
        .iter()
        .filter(|path| fs::read_to_string(path).expect("a source").contains("allow(unsafe_code)"))
        .map(|path| path.strip_prefix(ROOT).expect("it lies there").to_string_lossy().into_owned())
        .collect();
    allowed.sort();
    let page = read("SECURITY.md");
    let line = page.lines().find(|line| line.starts_with("- `unsafe` is denied")).expect("it says where");
    let mut said = quoted(line);
    said.retain(|word| word.starts_with("src/"));
    said.sort();
    assert_eq!(said, allowed);
}

#[test]
fn every_command_that_the_pages_name_is_one() {
    let help = Command::new(env!("CARGO_BIN_EXE_retrocall")).arg("--help").output().expect("the program runs");
    let help = String::from_utf8(help.stdout).expect("text");
    let commands: Vec<&str> = help.lines().filter_map(|line| line.strip_prefix("  ")?.split(' ').next()).collect();
    for page in ["docs/guarantees.md", "docs/durability.md", "docs/records.md", "SECURITY.md"] {
        for word in quoted(&read(page)) {
            let Some(typed) = word.strip_prefix("retrocall ").filter(|typed| !typed.starts_with(['-', '…'])) else {
                continue;
            };
            let command = typed.split(' ').next().expect("a split has a first piece");
            assert!(commands.contains(&command), "{page} names `{word}`, and there is no such command");
        }
    }
}

#[test]
fn every_link_between_the_pages_leads_somewhere() {
    let papers = [
        "guarantees",
        "durability",
        "install",
        "softphone",
        "asterisk",
        "protocol",
        "protocol-bytes",
        "shared-memory",
        "status",
        "records",
    ]
    .map(|name| format!("docs/{name}.md"));
    for page in papers.iter().map(String::as_str).chain(["SECURITY.md"]) {
        let text = read(page);
        let folder = Path::new(ROOT).join(page).parent().expect("a folder").to_owned();
        for link in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            let (file, anchor) = link.split_once('#').unwrap_or((link, ""));
            let target = if file.is_empty() {
                text.clone()
            } else {
                fs::read_to_string(folder.join(file)).unwrap_or_else(|error| panic!("{page}: {link}: {error}"))
            };
            let anchors: Vec<String> = target
                .lines()
                .filter(|line| line.starts_with('#'))
                .map(|line| {
                    let title = line.trim_start_matches('#').trim().to_lowercase().replace(' ', "-");
                    title.chars().filter(|c| c.is_alphanumeric() || *c == '-').collect()
                })
                .collect();
            assert!(anchor.is_empty() || anchors.iter().any(|known| known == anchor), "{page}: {link} leads nowhere");
        }
    }
}

/// A unit with this build's program in it, in a file of its own.
fn unit(folder: &Path, name: &str) -> PathBuf {
    let unit = read(&format!("docs/systemd/{name}"));
    let path = folder.join(name);
    fs::write(&path, unit.replace("/usr/local/bin/retrocall", env!("CARGO_BIN_EXE_retrocall"))).expect("a file");
    path
}

/// None, and a word about it, where systemd's tools are not there.
fn analyze(arguments: &[&str], unit: Option<&Path>) -> Option<(bool, String)> {
    let mut command = Command::new("systemd-analyze");
    command.args(arguments).args(unit);
    match command.output() {
        Ok(out) => {
            let said = [out.stdout, out.stderr].concat();
            Some((out.status.success(), String::from_utf8_lossy(&said).into_owned()))
        }
        Err(error) => {
            skip::skip(&format!("systemd-analyze can't be run here ({error})"));
            None
        }
    }
}

#[test]
fn systemd_takes_the_units_and_finds_the_service_closed() {
    let folder = tempfile::tempdir().expect("a folder");
    let unit = unit(folder.path(), "retrocall.service");
    let sockets = self::unit(folder.path(), "retrocall.socket");
    let pages = self::unit(folder.path(), "retrocall-web.service");
    for unit in [&unit, &sockets, &pages] {
        let Some((well, said)) = analyze(&["verify", "--man=no"], Some(unit)) else { return };
        assert!(well && !said.contains("retrocall."), "{said}");
    }
    // The measure goes from 0, closed, to 10; by tens here. What this unit has open is what the engine needs: local sockets, its own user.
    let Some((well, said)) = analyze(&["security", "--offline=true", "--threshold=20"], Some(&unit)) else { return };
    assert!(well, "{said}");
}

/// With a limit on starts systemd would close the sockets after a few crashes, and a PBX would be refused connections.
#[test]
fn systemd_holds_the_sockets_however_often_the_engine_fails() {
    let (service, socket) = (read("docs/systemd/retrocall.service"), read("docs/systemd/retrocall.socket"));
    let has = |unit: &str, line: &str| unit.lines().any(|found| found == line);
    assert!(
        [&service, &socket].iter().all(|unit| has(unit, "StartLimitIntervalSec=0"))
            && has(&socket, "TriggerLimitIntervalSec=0")
    );
    let home = service.split("--home ").nth(1).and_then(|rest| rest.split(' ').next()).expect("it names its home");
    assert!(
        has(&socket, &format!("ListenStream={home}/{}", retrocall::settings::SOCKET_FILE)),
        "where clients look for it"
    );
}

#[test]
fn the_unit_starts_the_program_with_words_that_it_knows() {
    let unit = read("docs/systemd/retrocall.service");
    let start = unit.lines().find_map(|line| line.strip_prefix("ExecStart=")).expect("it starts something");
    let words: Vec<&str> = start.split(' ').skip(1).collect();
    let out = Command::new(env!("CARGO_BIN_EXE_retrocall")).args(&words).arg("--help").output().expect("it runs");
    assert!(out.status.success(), "{words:?}");
    let value = |key: &str| unit.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix('=')).unwrap_or_default();
    // A stop waits 60 s for the disk, and then says so.
    assert!(value("TimeoutStopSec").trim_end_matches('s').parse::<u32>().is_ok_and(|seconds| seconds > 65));
    assert_eq!((value("Type"), value("LimitCORE"), value("RestrictAddressFamilies")), ("notify", "0", "AF_UNIX"));
}

/// The whole of the filter as a list of calls: without this a system whose sets lack one of them would run the engine at a lower level.
#[test]
fn the_filter_of_system_calls_lets_the_memory_be_secret_and_the_barrier_be_raised() {
    let unit = read("docs/systemd/retrocall.service");
    let filters: Vec<&str> = unit.lines().filter_map(|line| line.strip_prefix("SystemCallFilter=")).collect();
    let (denied, allowed): (Vec<&str>, Vec<&str>) = filters.iter().partition(|line| line.starts_with('~'));
    let words = |lines: &[&str]| -> Vec<String> {
        lines.iter().flat_map(|line| line.trim_start_matches('~').split(' ')).map(str::to_owned).collect()
    };
    let (allowed, denied) = (words(&allowed), words(&denied));
    for call in ["memfd_secret", "landlock_create_ruleset", "landlock_add_rule", "landlock_restrict_self"] {
        assert!(allowed.iter().any(|word| word == call) && denied.iter().all(|word| word != call), "{call}");
    }
    // Calls without which it could not lock memory, close itself to others, or publish a recording.
    let needed = [
        "mlock2",
        "prctl",
        "renameat2",
        "fdatasync",
        "epoll_wait",
        "setrlimit",
        "chown",
        "memfd_create",
        "fallocate",
        "mlock",
    ];
    let Some(all) = expand(&allowed) else { return };
    let never = expand(&denied).expect("systemd-analyze was just run");
    for call in needed {
        assert!(all.iter().any(|word| word == call) && never.iter().all(|word| word != call), "{call}");
    }
}

/// The calls of these words, sets opened. None where systemd's tools are not there.
fn expand(words: &[String]) -> Option<Vec<String>> {
    let mut calls = Vec::new();
    for word in words {
        if !word.starts_with('@') {
            calls.push(word.clone());
            continue;
        }
        let (well, said) = analyze(&["syscall-filter", word], None)?;
        assert!(well, "{said}");
        let members: Vec<String> = said
            .lines()
            .skip(1)
            .map(str::trim)
            .filter(|line| !line.is_empty() && !line.starts_with('#'))
            .map(str::to_owned)
            .collect();
        calls.extend(expand(&members)?);
    }
    Some(calls)
}
