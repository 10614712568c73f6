//! The invariants of the files, and of files and rows together: 2, 3, 4, 5, 6, 7.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap, HashSet},
    fs,
    os::unix::fs::{MetadataExt, PermissionsExt},
    path::{Path, PathBuf},
};

use super::{Invariant, Report, local};
use retrocall_file::{self as file, Description, Item, RealDisk};
use retrocall_records as catalog;
use retrocall_records::{Recording, sweep::Deletions};
use retrocall_words::{CallId, book::RecordingState};

/// Seconds in a row and in its file may differ by this much.
const SECONDS_ALIKE: f64 = 1e-6;

/// Calls whose recordings are not here any more.
#[derive(Default)]
struct Ended {
    gone: HashSet<CallId>,
    delivered: HashSet<CallId>,
}

impl Ended {
    fn of(deletions: &Deletions) -> Ended {
        let set = |calls: &[CallId]| calls.iter().copied().collect();
        Ended { gone: set(&deletions.gone), delivered: set(&deletions.delivered) }
    }

    /// What it means that a file of such a call is here, and what to do.
    fn says(&self, call: CallId) -> Option<(Invariant, &'static str, &'static str)> {
        if self.delivered.contains(&call) {
            let text = "its recording lies at the centre, and the file is here still";
            return Some((Invariant::NothingUnfinished, text, "start `retrocall link` once: it removes the copy"));
        }
        let todo = "remove it: somebody put it back, from a backup perhaps; the engine leaves it alone";
        let text = "its recording was deleted, and the file is there again";
        self.gone.contains(&call).then_some((Invariant::FileHasRow, text, todo))
    }
}

/// `rows` is none if the catalog can't be read: then files are only checked against themselves.
pub(super) fn check(report: &mut Report, recordings: &Path, rows: Option<(&[Recording], &Deletions)>) {
    let (rows, deletions) = rows.unzip();
    let begun = |call: CallId| deletions.is_some_and(|all| all.begun.iter().any(|one| one.call == call));
    let ended = deletions.map(Ended::of).unwrap_or_default();
    let by_call: Option<HashMap<CallId, &Recording>> =
        rows.map(|rows| rows.iter().map(|row| (row.call, row)).collect());
    let mut folders = BTreeSet::from([report.home.clone(), recordings.to_owned()]);
    let mut said: BTreeMap<CallId, Vec<(PathBuf, Description)>> = BTreeMap::new();
    for item in file::survey(&RealDisk, recordings) {
        match item {
            Item::Recording { path, call, .. } => {
                report.files += 1;
                folders.extend(path.ancestors().skip(1).take(3).map(Path::to_owned));
                closed_file(report, &path, Some(call));
                if begun(call) {
                    continue;
                }
                if let Some((invariant, text, todo)) = ended.says(call) {
                    report.find(invariant, (Some(call), Some(&path)), text, todo);
                    continue;
                }
                let row = by_call.as_ref().map(|rows| rows.get(&call).copied());
                if let Some(one) = recording(report, recordings, &path, call, row) {
                    said.entry(call).or_default().push((path, one));
                }
            }
            Item::Unfinished { path, call, .. } => {
                report.files += 1;
                folders.extend(path.ancestors().skip(1).take(3).map(Path::to_owned));
                closed_file(report, &path, Some(call));
                if !report.engine {
                    let todo = "start the engine once: it publishes what the file holds, or says why it can't";
                    let text = "it is not published, and no engine runs";
                    report.find(Invariant::NothingUnfinished, (Some(call), Some(&path)), text, todo);
                }
            }
            Item::Foreign { path } => {
                let todo = "move it elsewhere: this folder is for recordings, and nothing else in it is ever deleted";
                report.find(Invariant::NothingForeign, (None, Some(&path)), "retrocall did not put it there", todo);
            }
            Item::Unreadable { path, text } => {
                report.find(Invariant::ClosedToOthers, (None, Some(&path)), text, "run check as the engine's user");
            }
        }
    }
    for row in rows.unwrap_or_default().iter().filter(|row| row.state != RecordingState::Committing) {
        has_files(report, row);
        say_same(report, row, said.remove(&row.call).unwrap_or_default());
    }
    for folder in folders {
        closed_folder(report, &folder);
    }
    for file in catalog::files_in(&report.home) {
        // SQLite gives its other files the mode of the catalog.
        let is_sqlites = |name: &str| ["-wal", "-shm", "-journal"].iter().any(|ending| name.ends_with(ending));
        if !file.file_name().and_then(|name| name.to_str()).is_some_and(is_sqlites) {
            closed_file(report, &file, None);
        }
    }
    let unwritten = catalog::unwritten_beside(&report.home);
    if !report.engine && unwritten.exists() {
        let todo = "start the engine once: it reads this file, and removes it when the catalog has its notes";
        let text = "the last engine left notes here that the catalog had not taken, and no engine runs";
        report.find(Invariant::NothingUnfinished, (None, Some(&unwritten)), text, todo);
    }
}

/// Checks a published file: `row` is `Some(None)` if it has no row, and none if rows can't be read. Returns the file's own facts.
fn recording(
    report: &mut Report,
    recordings: &Path,
    path: &Path,
    call: CallId,
    row: Option<Option<&Recording>>,
) -> Option<Description> {
    let of = (Some(call), Some(path));
    let said = match file::inspect(path) {
        Ok(said) => said,
        Err(text) => {
            report.find(Invariant::RowHasFile, of, text, "if it can't be saved, put it back from a backup");
            return None;
        }
    };
    let place = recordings.join(&said.place);
    if path != place {
        let todo = format!("move it back to {}", place.display());
        report.find(Invariant::NothingForeign, of, "it is not at the place of its call and its day", todo);
    }
    match row {
        None => {}
        Some(None) => {
            let todo = "start the engine again: at start it registers recordings that the catalog does not know";
            report.find(Invariant::FileHasRow, of, "the catalog has no row for it", todo);
        }
        Some(Some(row)) if row.state == RecordingState::Committing && !report.engine => {
            let todo = "start the engine once: it registers it";
            let text = "it is published, and its row does not know that yet";
            report.find(Invariant::FileHasRow, (Some(row.call), Some(path)), text, todo);
        }
        Some(Some(_)) => {}
    }
    Some(said)
}

/// Compares the facts in the files that were found, which may not be all.
fn say_same(report: &mut Report, row: &Recording, mut files: Vec<(PathBuf, Description)>) {
    files.sort_by_key(|(_, said)| said.part);
    let Some((path, Description { label, parts, .. })) = files.first() else { return };
    if !files.iter().map(|(_, said)| said.part).eq(1..=*parts) {
        // Missing and unreadable files are reported elsewhere.
        return;
    }
    let sum = |of: fn(&Description) -> u64| files.iter().map(|(_, said)| of(said)).sum::<u64>();
    let (seconds, bytes) = (label.call.rate.seconds(sum(|said| said.samples)), sum(|said| said.bytes));
    let says_incomplete = files.iter().any(|(_, said)| said.incomplete);
    // The catalog keeps times in microseconds.
    let is_same_time = row.start.as_microsecond() == label.call.began_at.as_microsecond();
    let is_incomplete = row.state == RecordingState::Incomplete;
    let differences = [
        (row.call != label.call.id).then(|| format!("call {} and {}", row.call, label.call.id)),
        (row.agent != label.call.facts.agent).then(|| "the agent".to_owned()),
        (!is_same_time).then(|| format!("the beginning, {} and {}", local(row.start), local(label.call.began_at))),
        (row.rate != u64::from(label.call.rate.hz()))
            .then(|| format!("the rate, {} and {}", row.rate, label.call.rate.hz())),
        row.seconds
            .is_none_or(|row| (row - seconds).abs() > SECONDS_ALIKE)
            .then(|| format!("the length, {} s and {seconds} s", row.seconds.unwrap_or(0.0))),
        (row.bytes != Some(bytes)).then(|| format!("the size, {} and {bytes}", row.bytes.unwrap_or(0))),
        (row.continues != label.call.facts.continues).then(|| "the call before".to_owned()),
        (row.reasons != label.reasons).then(|| {
            let words = |reasons: &[retrocall_words::Reason]| {
                reasons.iter().map(|reason| reason.as_str()).collect::<Vec<_>>().join("+")
            };
            format!("the reasons, {} and {}", words(&row.reasons), words(&label.reasons))
        }),
        (is_incomplete != says_incomplete).then(|| {
            let word = |incomplete| if incomplete { "incomplete" } else { "complete" };
            format!("whether it is complete, {} and {}", word(is_incomplete), word(says_incomplete))
        }),
    ];
    let differences: Vec<String> = differences.into_iter().flatten().collect();
    if !differences.is_empty() {
        let text = format!("its row and the file differ in {}", differences.join("; in "));
        let todo = "something other than the engine changed one of them: find out what, and put the right one back from a backup";
        report.find(Invariant::SaySame, (Some(row.call), Some(path)), text, todo);
    }
}

/// Checks that the row's files exist. Their contents are checked where they are found.
fn has_files(report: &mut Report, row: &Recording) {
    let paths: Vec<&PathBuf> =
        if row.parts.is_empty() { row.path.iter().collect() } else { row.parts.iter().collect() };
    let mut bytes = 0;
    for path in paths {
        let text = match fs::symlink_metadata(path) {
            Ok(found) if found.is_file() => {
                bytes += found.len();
                continue;
            }
            Ok(_) => "it is no plain file".to_owned(),
            Err(error) => format!("its row is there, but its file can't be read ({error})"),
        };
        return report.find(Invariant::RowHasFile, (Some(row.call), Some(path)), text, "put it back from a backup");
    }
    if row.bytes != Some(bytes) {
        let text = format!("it has {bytes} bytes, and its row says {}", row.bytes.unwrap_or(0));
        report.find(Invariant::RowHasFile, (Some(row.call), row.path.as_deref()), text, "put it back from a backup");
    }
}

fn closed_file(report: &mut Report, path: &Path, call: Option<CallId>) {
    // A file that is missing, or gone since, is open to nobody.
    let Ok(found) = fs::symlink_metadata(path) else { return };
    let mode = found.permissions().mode() & 0o7777;
    if mode & 0o177 != 0 {
        let text = format!("its mode is {mode:04o}");
        report.find(Invariant::ClosedToOthers, (call, Some(path)), text, format!("chmod 600 {}", path.display()));
    }
    owned(report, path, &found, call);
}

fn closed_folder(report: &mut Report, path: &Path) {
    let Ok(found) = fs::metadata(path) else { return };
    let mode = found.permissions().mode() & 0o7777;
    // The group of the socket may pass through the home, but not look into it.
    let allowed = if path == report.home { 0o710 } else { 0o700 };
    if mode & !allowed != 0 {
        let text = format!("its mode is {mode:04o}");
        report.find(Invariant::ClosedToOthers, (None, Some(path)), text, format!("chmod 700 {}", path.display()));
    }
    owned(report, path, &found, None);
}

fn owned(report: &mut Report, path: &Path, found: &fs::Metadata, call: Option<CallId>) {
    let Ok(home) = fs::metadata(&report.home) else { return };
    if home.uid() != found.uid() {
        let text = format!("it belongs to user {}, and the home to {}", found.uid(), home.uid());
        let todo = format!("chown {} {}", home.uid(), path.display());
        report.find(Invariant::ClosedToOthers, (call, Some(path)), text, todo);
    }
}
