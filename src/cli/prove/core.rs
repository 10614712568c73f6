//! Cores: the engine is made to fail while it holds a call, and must leave none.

use std::{
    fs,
    os::unix::process::ExitStatusExt,
    path::{Path, PathBuf},
    process::{Command, ExitStatus, Stdio},
};

use nix::sys::signal::Signal;

use super::{Check, Plan, PrivateEngine};
use retrocall_proof::{
    Finder,
    files::{SearchResult, files_below, look_at_file},
};

const CHECK: &str = "core";
const WHAT: &str = "a core of the engine, failing with a live call";
const PIECE_BYTES: usize = 256 * 1024;
/// The kernel's setting for cores (core(5)).
const PATTERN: &str = "/proc/sys/kernel/core_pattern";

/// Ends the engine by SIGABRT. It works in the folder `works_in`, where nothing else writes.
pub(super) fn check(engine: PrivateEngine, works_in: &Path, plan: &Plan) -> Check {
    let Some(status) = engine.abort() else {
        return Check::failed(CHECK, WHAT, "the engine did not end when it was made to");
    };
    if status.signal() != Some(Signal::SIGABRT as i32) {
        return Check::failed(CHECK, WHAT, format!("the engine ended otherwise than it was made to: {status}"));
    }
    let left = match look(works_in, plan) {
        Ok(left) => left,
        Err((path, error)) => return Check::failed(CHECK, WHAT, format!("{} can't be read ({error})", path.display())),
    };
    let pattern = fs::read_to_string(PATTERN).unwrap_or_default();
    Check::clean(CHECK, WHAT, plan.all.len(), left)
        .and(!status.core_dumped(), "the kernel says that it dumped core")
        .and(left.places == 0, format!("it left files in {}", works_in.display()))
        .noting(control(pattern.trim(), works_in))
}

fn look(folder: &Path, plan: &Plan) -> Result<SearchResult, (PathBuf, std::io::Error)> {
    let (mut finder, mut scratch) = (Finder::new(&plan.all), vec![0; PIECE_BYTES]);
    let files = files_below(folder, None)?;
    let mut bytes = 0;
    for path in &files {
        let looked = fs::File::open(path).and_then(|file| look_at_file(file, &mut finder, &mut scratch));
        bytes += looked.map_err(|error| (path.clone(), error))?.0;
    }
    Ok(SearchResult { places: files.len(), bytes, found: finder.found() })
}

/// Checks that this system dumps cores at all, by making a shell fail that allows them. Only if its core would land in a folder of ours: a
/// machine's collector of cores is left in peace.
fn control(pattern: &str, works_in: &Path) -> String {
    match pattern.chars().next() {
        Some('|') => format!("cores of this machine go to \"{pattern}\"; the kernel says whether it dumped one"),
        Some('/') => format!("cores of this machine go to {pattern}; the kernel says whether it dumped one"),
        None => "cores are off on this machine".to_owned(),
        Some(_) => match failing_shell(&works_in.with_file_name("shell")) {
            Ok(status) if status.core_dumped() => {
                "a shell that was made to fail beside it did leave a core, so that this system dumps them".to_owned()
            }
            _ => "a shell that was made to fail beside it left none either: this user's limit is 0".to_owned(),
        },
    }
}

/// In a folder of its own: two cores may have the same name.
fn failing_shell(works_in: &Path) -> std::io::Result<ExitStatus> {
    fs::create_dir(works_in)?;
    let mut shell = Command::new("/bin/sh");
    shell.args(["-c", "ulimit -c unlimited && kill -ABRT $$"]).current_dir(works_in);
    let status = shell.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status();
    fs::remove_dir_all(works_in)?;
    status
}
