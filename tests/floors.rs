//! Which crate may stand on which: the compiler keeps what the manifests say, and this keeps the manifests.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
    process::Command,
};

/// A crate's folder, the folders that it may use, and what to do instead of using another one.
const FLOORS: [(&str, &[&str], &str); 16] = [
    ("words", &[], "words name things and use nothing: what needs more belongs to whoever has it"),
    ("shared", &[], "both ends of a shared memory stand on it: what only one of them needs belongs there"),
    ("core", &["words", "shared"], "memory and ring know no files, sockets or calls: hand in what they need"),
    ("wire", &["words", "shared"], "a softphone links this: what the engine decides must not come with it"),
    ("file", &["words", "core"], "a file knows no live call: what is written when is told by whoever stands above it"),
    ("settings", &["words"], "a setting is a value: whoever uses it makes something of it"),
    ("ledger", &["words"], "what is proved is proved from rows and heads alone: whoever stores them hands them in"),
    (
        "records",
        &["words", "file", "ledger"],
        "records are told by the engine, in notes; they ask nothing back, and look at files alone",
    ),
    ("papers", &["words"], "a paper is made of facts that are handed in: whoever prints it looks them up"),
    ("store", &["file"], "a store has objects under names: what they are, the records say"),
    (
        "link",
        &["words", "wire", "file", "records"],
        "a link asks the records' verbs, a centre over its protocol, and the engine over its socket, as any client does",
    ),
    (
        "engine",
        &["words", "core", "file", "settings"],
        "the records are a `Book` that is handed in; so is, as a `Listener`, whoever stands above the engine",
    ),
    ("intake", &["words", "core", "wire", "settings", "engine"], "a door asks the engine, and never the records"),
    (
        "desk",
        &["words", "core", "wire", "settings"],
        "an agent's place is a client: it asks the engine over the socket",
    ),
    (
        "web",
        &["words", "core", "wire", "file", "ledger", "papers", "records", "store"],
        "a page asks the records' verbs, and the engine over its socket: what both lack becomes a verb there",
    ),
    (
        "proof",
        &["words", "core", "wire", "file", "settings", "records", "engine", "intake"],
        "instruments look at everything but the agent's place",
    ),
];

/// The crates of ours that a manifest names as dependencies of the program, not of its tests, by their folders.
fn used(folder: &str, folders: &BTreeMap<String, &str>) -> Vec<String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("src").join(folder).join("Cargo.toml");
    let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let manifest: toml::Table = text.parse().unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let dependencies = manifest["dependencies"].as_table().expect("a table");
    dependencies.keys().filter_map(|name| folders.get(name)).map(|folder| (*folder).to_owned()).collect()
}

fn package(folder: &str) -> String {
    let name = if folder == "wire" { "client" } else { folder };
    format!("retrocall-{name}")
}

#[test]
fn no_crate_uses_one_that_stands_above_it() {
    let folders: BTreeMap<String, &str> = FLOORS.iter().map(|(folder, ..)| (package(folder), *folder)).collect();
    let mut seen = 0;
    for (folder, allowed, instead) in FLOORS {
        for other in used(folder, &folders) {
            assert!(allowed.contains(&&*other), "`{folder}` uses `{other}`, which it may not: {instead}");
            seen += 1;
        }
    }
    assert!(seen >= 20, "the manifests name {seen} crates of ours: are they read rightly?");
}

#[test]
fn every_crate_of_the_workspace_has_its_floor() {
    let manifest = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml")).expect("the manifest");
    let manifest: toml::Table = manifest.parse().expect("a manifest");
    let members = manifest["workspace"]["members"].as_array().expect("a list");
    let folders = members.iter().map(|member| member.as_str().expect("a folder"));
    // The example is a stranger who depends on the client.
    for folder in folders.filter(|folder| *folder != "examples/softphone") {
        let folder = folder.strip_prefix("src/").expect("a folder of src");
        // The C interface is the client's, for another language.
        let is_known = folder == "wire/capi" || FLOORS.iter().any(|(name, ..)| *name == folder);
        assert!(is_known, "`{folder}` has no line in `FLOORS`: say what it may use");
    }
    assert_eq!(members.len(), FLOORS.len() + 2);
}

/// The crates that a package of ours is built with, itself among them, by name and version.
fn linked(package: &str) -> BTreeSet<String> {
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["tree", "--locked", "--offline", "-e", "normal", "--prefix", "none", "-p", package]);
    let tree = cargo.current_dir(env!("CARGO_MANIFEST_DIR")).output().expect("cargo runs");
    assert!(tree.status.success(), "{}", String::from_utf8_lossy(&tree.stderr));
    let lines = String::from_utf8(tree.stdout).expect("UTF-8");
    lines.lines().map(|line| line.split_whitespace().take(2).collect::<Vec<_>>().join(" ")).collect()
}

#[track_caller]
fn assert_none(linked: &BTreeSet<String>, unwanted: &[&str], instead: &str) {
    let is_unwanted = |linked: &&String| unwanted.iter().any(|name| linked.split(' ').next() == Some(name));
    let found: Vec<_> = linked.iter().filter(is_unwanted).collect();
    assert!(found.is_empty(), "{found:?} is linked: {instead}");
}

#[test]
fn a_softphone_links_few_crates_and_none_of_what_the_engine_stands_on() {
    const CRATES_MAX: usize = 24;
    let linked = linked("retrocall-client");
    assert!(linked.len() <= CRATES_MAX, "{} crates, more than {CRATES_MAX}: {linked:#?}", linked.len());
    let unwanted = ["retrocall-core", "tokio", "sqlx", "axum", "cpal", "ratatui", "tracing", "icu_normalizer"];
    assert_none(&linked, &unwanted, "what the engine alone needs belongs above `wire`");
}

#[test]
fn the_engine_links_neither_sql_nor_tls() {
    let unwanted = ["sqlx", "sqlx-core", "rusqlite", "libsqlite3-sys", "rustls", "reqwest", "object_store"];
    assert_none(&linked("retrocall-engine"), &unwanted, "the engine sees a `Book`: SQL belongs into `records`");
}
