//! The searches of files.

use std::{
    collections::BTreeSet,
    env,
    fs::{self, File},
    io,
    path::{Path, PathBuf},
};

use jiff::Timestamp;

use super::{Check, Failure, Plan, noise};
use retrocall_proof::{
    Finder, Needles,
    files::{SearchResult, files_below, is_gone, look_at_disk, look_at_file},
    written::Watch,
};
use retrocall_records as catalog;
use retrocall_words::CallId;

/// How much of a file is read at once.
const PIECE_BYTES: usize = 256 * 1024;
/// Folders where any program may leave files, besides those of this user's settings.
const TEMPORARY: [&str; 2] = ["/tmp", "/var/tmp"];
const SHARED_MEMORY: &str = "/dev/shm";
/// How much is searched in a shared folder: the rest is other programs', and takes too long.
const SHARED_BYTES_MAX: u64 = 2 << 30;

/// Why a file can't be searched: its path, and the system's error.
type Trouble = (PathBuf, io::Error);

fn said((path, error): Trouble) -> String {
    format!("{} can't be searched ({error})", path.display())
}

/// Searches files with `look`. Leaves out those that have gone, and those over the limit; then names the first of these.
fn look_at(
    files: &[PathBuf],
    needles: &Needles,
    look: impl Fn(&Path, &mut Finder<'_>, &mut [u8]) -> io::Result<u64>,
) -> Result<(SearchResult, Vec<PathBuf>), Trouble> {
    let (mut looked, mut found_in) = (SearchResult::default(), Vec::new());
    let (mut finder, mut scratch) = (Finder::new(needles), vec![0; PIECE_BYTES]);
    for path in files {
        let before = finder.found();
        match look(path, &mut finder, &mut scratch) {
            Ok(bytes) => {
                looked.places += 1;
                looked.bytes += bytes;
            }
            Err(error) if is_gone(&error) => {}
            Err(error) => return Err((path.clone(), error)),
        }
        if finder.found() > before {
            found_in.push(path.clone());
        }
    }
    looked.found = finder.found();
    Ok((looked, found_in))
}

fn cached(path: &Path, finder: &mut Finder<'_>, scratch: &mut [u8]) -> io::Result<u64> {
    look_at_file(File::open(path)?, finder, scratch).map(|(bytes, _)| bytes)
}

fn from_the_disk(path: &Path, finder: &mut Finder<'_>, scratch: &mut [u8]) -> io::Result<u64> {
    look_at_disk(path, finder, scratch).map(|(bytes, _)| bytes)
}

fn named(paths: &[PathBuf]) -> String {
    match paths {
        [] => String::new(),
        paths => {
            format!("found in {}", paths.iter().map(|path| path.display().to_string()).collect::<Vec<_>>().join(", "))
        }
    }
}

/// The second that is erased from a recording under way: it was on the disk before, and is not after.
pub(super) struct ErasedSecond {
    needles: Needles,
    part: PathBuf,
    before: usize,
}

impl ErasedSecond {
    /// Waits until the unfinished recording has the second that will be erased.
    pub(super) fn before(home: &Path, plan: &Plan, call: CallId) -> Result<ErasedSecond, Failure> {
        let needles = plan.needles([plan.call("hugo").recorded_form(noise::ERASE_AT - 1.0..noise::ERASE_AT)]);
        let (mut part, mut before) = (None, 0);
        noise::wait_for(|| {
            let files = files_below(&home.join("recordings"), None).unwrap_or_default();
            part = files.into_iter().find(|path| path.to_string_lossy().contains(&call.to_string()));
            if let Some(part) = &part {
                before = look_at(std::slice::from_ref(part), &needles, cached).map_or(0, |(looked, _)| looked.found);
            }
            Ok(before == needles.len())
        })?;
        let part = part.ok_or_else(|| {
            Failure::new("the private engine writes no recording of a call that is recorded", "see its log, engine.log")
        })?;
        Ok(ErasedSecond { needles, part, before })
    }

    /// Checks that it has been erased.
    pub(super) fn after(self) -> Check {
        const CHECK: &str = "erase-disk";
        const WHAT: &str = "an unfinished recording, after erase-last";
        let all = self.needles.len();
        match look_at(std::slice::from_ref(&self.part), &self.needles, cached) {
            Ok((looked, _)) => Check::clean(CHECK, WHAT, all, looked)
                .and(looked.places == 1, "the unfinished recording is gone")
                .and(self.before == all, format!("only {} of {all} windows had been written before", self.before)),
            Err(trouble) => Check::failed(CHECK, WHAT, said(trouble)),
        }
    }
}

/// Searches everything under the home, and new files in shared folders.
pub(super) fn checks(home: &Path, plan: &Plan, since: Timestamp) -> Vec<Check> {
    let mut checks = Vec::new();
    let whats =
        [("home", "files under the home, as the cache has them"), ("disk", "the same files, read again from the disk")];
    let files = files_below(home, None);
    for (check, what) in whats {
        let looked = match &files {
            Ok(files) => home_files(home, files, plan, if check == "home" { cached } else { from_the_disk }),
            Err((path, error)) => Err((path.clone(), io::Error::new(error.kind(), error.to_string()))),
        };
        checks.push(match looked {
            Ok((looked, found_in)) => Check::clean(check, what, plan.all.len(), looked).noting(named(&found_in)),
            Err(trouble) => Check::failed(check, what, said(trouble)),
        });
    }
    let mut temporary: BTreeSet<PathBuf> = TEMPORARY.iter().map(PathBuf::from).collect();
    temporary.insert(env::temp_dir());
    temporary.extend(env::var_os("XDG_RUNTIME_DIR").map(PathBuf::from));
    let what = "new files in folders for temporary files";
    checks.push(shared("temp", what, temporary, home, &plan.all, since));
    let what = "new files in shared memory";
    checks.push(shared("shm", what, [PathBuf::from(SHARED_MEMORY)], home, &plan.all, since));
    checks
}

/// Recorded sound may only be in recordings; wiped sound may be nowhere.
fn home_files(
    home: &Path,
    files: &[PathBuf],
    plan: &Plan,
    look: fn(&Path, &mut Finder<'_>, &mut [u8]) -> io::Result<u64>,
) -> Result<(SearchResult, Vec<PathBuf>), Trouble> {
    let recordings = home.join("recordings");
    let (recordings, others): (Vec<_>, Vec<_>) = files.iter().cloned().partition(|path| path.starts_with(&recordings));
    let (in_recordings, mut found_in) = look_at(&recordings, &plan.wiped, look)?;
    let (in_others, found_in_others) = look_at(&others, &plan.all, look)?;
    found_in.extend(found_in_others);
    Ok((in_recordings.and(in_others), found_in))
}

fn shared(
    check: &'static str,
    what: &'static str,
    folders: impl IntoIterator<Item = PathBuf>,
    home: &Path,
    needles: &Needles,
    since: Timestamp,
) -> Check {
    let folders: BTreeSet<PathBuf> = folders.into_iter().filter_map(|folder| fs::canonicalize(folder).ok()).collect();
    let home = fs::canonicalize(home).unwrap_or_else(|_| home.to_owned());
    let mut files = BTreeSet::new();
    for folder in &folders {
        match files_below(folder, Some(since)) {
            Ok(new) => files.extend(new.into_iter().filter(|path| !path.starts_with(&home))),
            Err(trouble) => return Check::failed(check, what, said(trouble)),
        }
    }
    let mut left = SHARED_BYTES_MAX;
    let (files, too_much): (Vec<_>, Vec<_>) = files.into_iter().partition(|path| {
        let bytes = fs::metadata(path).map_or(0, |metadata| metadata.len());
        left = left.saturating_sub(bytes);
        left > 0
    });
    match look_at(&files, needles, cached) {
        Ok((looked, found_in)) => Check::clean(check, what, needles.len(), looked)
            .noting(named(&found_in))
            .and(too_much.is_empty(), format!("{} new files are too large to be looked at", too_much.len())),
        Err(trouble) => Check::failed(check, what, said(trouble)),
    }
}

/// Searches every file that the engines wrote, wherever it is.
pub(super) fn written(home: &Path, watch: io::Result<Watch>) -> Check {
    const CHECK: &str = "written";
    const WHAT: &str = "every file the engine wrote, deleted ones too";
    let watch = match watch {
        Ok(watch) => watch,
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
            return Check::not_done(CHECK, WHAT, "the kernel tells root alone which files are written (fanotify)");
        }
        Err(error) => {
            return Check::not_done(
                CHECK,
                WHAT,
                format!("this kernel does not tell which files are written ({error})"),
            );
        }
    };
    let unwatched: Vec<_> = watch.unwatched().iter().map(|folder| folder.display().to_string()).collect();
    let windows = watch.windows();
    let written = match watch.finish() {
        Ok(written) => written,
        Err(error) => return Check::failed(CHECK, WHAT, error.to_string()),
    };
    let home = fs::canonicalize(home).unwrap_or_else(|_| home.to_owned());
    let looked = SearchResult {
        places: written.len(),
        bytes: written.iter().map(|written| written.bytes).sum(),
        found: written.iter().filter_map(|written| written.found).sum(),
    };
    let paths = |is: &dyn Fn(&retrocall_proof::written::WrittenFile) -> bool| {
        let paths: BTreeSet<String> =
            written.iter().filter(|written| is(written)).map(|written| written.path.display().to_string()).collect();
        paths.into_iter().collect::<Vec<_>>().join(", ")
    };
    let (unread, outside) =
        (paths(&|written| written.found.is_none()), paths(&|written| !written.path.starts_with(&home)));
    let found_in = paths(&|written| written.found.is_some_and(|found| found > 0));
    Check::clean(CHECK, WHAT, windows, looked)
        .and(looked.places > 0, "nothing was written at all, so that the watch can't have worked")
        .and(unread.is_empty(), format!("can't be read: {unread}"))
        .and(outside.is_empty(), format!("written outside of the home: {outside}"))
        .noting(if found_in.is_empty() { found_in } else { format!("found in {found_in}") })
        .and(unwatched.is_empty(), format!("not watched: {}", unwatched.join(", ")))
}

/// Checks that each recorded call has its recording, with all its sound except silenced parts, and no other call has one.
pub(super) fn recordings(home: &Path, plan: &Plan) -> Check {
    const CHECK: &str = "recordings";
    const WHAT: &str = "recorded calls, in their own files";
    let rows = match catalog::recordings(home) {
        Ok(rows) => rows,
        Err(error) => return Check::failed(CHECK, WHAT, error.to_string()),
    };
    let (mut looked, mut windows) = (SearchResult::default(), 0);
    let mut missing = Vec::new();
    for call in plan.calls.iter().filter(|call| call.is_kept) {
        let needles = plan.needles(call.recorded_forms());
        let files: Vec<PathBuf> =
            rows.iter().filter(|row| row.agent == call.agent).filter_map(|row| row.path.clone()).collect();
        let here = match look_at(&files, &needles, cached) {
            Ok((here, _)) => here,
            Err(trouble) => return Check::failed(CHECK, WHAT, said(trouble)),
        };
        if here.places != 1 {
            missing.push(call.agent);
        }
        windows += needles.len();
        looked = looked.and(here);
    }
    let kept = plan.calls.iter().filter(|call| call.is_kept).count();
    Check::expecting(CHECK, WHAT, windows, looked, windows)
        .and(missing.is_empty(), format!("not one recording each of {}", missing.join(", ")))
        .and(rows.len() == kept, format!("{} recordings are listed, and {kept} calls were recorded", rows.len()))
}
