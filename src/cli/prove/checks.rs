//! The checks and their results: a table that can be filed.

use comfy_table::{CellAlignment, Table, presets};
use serde::Serialize;

use super::super::output;
use retrocall_proof::files::SearchResult;
use retrocall_settings::Level;

/// One check.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct Check {
    /// Its name, for programs.
    pub check: &'static str,
    /// Its description, for people.
    pub what: &'static str,
    pub looked_at_bytes: u64,
    /// How many files, mappings, buffers or sockets it searched.
    pub places: usize,
    /// How many windows it looked for.
    pub windows: usize,
    /// How many windows it found, or bytes that should be zero and are not.
    pub found: usize,
    /// How many it must find: none, except where it checks the search itself.
    pub expected: usize,
    /// Whether it passed; none if this user may not do it.
    pub ok: Option<bool>,
    /// A note: why it failed, why it was not done, what it does not cover.
    pub note: Option<String>,
}

impl Check {
    /// A check that may find nothing.
    pub(super) fn clean(check: &'static str, what: &'static str, windows: usize, looked: SearchResult) -> Check {
        Check::expecting(check, what, windows, looked, 0)
    }

    /// A check that must find this many: a search that finds nothing here could find nothing anywhere.
    pub(super) fn expecting(
        check: &'static str,
        what: &'static str,
        windows: usize,
        looked: SearchResult,
        expected: usize,
    ) -> Check {
        Check {
            check,
            what,
            looked_at_bytes: looked.bytes,
            places: looked.places,
            windows,
            found: looked.found,
            expected,
            ok: Some(looked.found == expected),
            note: None,
        }
    }

    /// A check that this user may not do.
    pub(super) fn not_done(check: &'static str, what: &'static str, why: impl Into<String>) -> Check {
        let none = Check::clean(check, what, 0, SearchResult::default());
        Check { ok: None, note: Some(why.into()), ..none }
    }

    /// A check that could not be done, although it should be possible. That proves nothing, so it fails.
    pub(super) fn failed(check: &'static str, what: &'static str, why: impl Into<String>) -> Check {
        Check { ok: Some(false), ..Check::not_done(check, what, why) }
    }

    /// Adds a condition; `why` tells the problem if it is not met.
    pub(super) fn and(mut self, is_so: bool, why: impl Into<String>) -> Check {
        if !is_so {
            self.ok = self.ok.map(|_| false);
            self = self.noting(why);
        }
        self
    }

    /// Adds a note.
    pub(super) fn noting(mut self, note: impl Into<String>) -> Check {
        let note = note.into();
        if !note.is_empty() {
            self.note = Some(self.note.map_or(note.clone(), |before| format!("{before}; {note}")));
        }
        self
    }

    fn result(&self) -> &'static str {
        match self.ok {
            Some(true) => "ok",
            Some(false) => "FAILED",
            None => "not done",
        }
    }

    fn found_of(&self) -> String {
        match self.ok {
            None => "-".to_owned(),
            Some(_) if self.expected > 0 => {
                format!("{} of {}", output::thousands(self.found), output::thousands(self.expected))
            }
            Some(_) => output::thousands(self.found),
        }
    }
}

/// The run, for whoever files the table.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct Run {
    /// Always `run`: the first object of the array.
    pub check: &'static str,
    pub at: String,
    pub version: &'static str,
    pub machine: String,
    pub kernel: String,
    pub user: String,
    /// The engine's level of guarantee, and its basis.
    pub guarantee: String,
    pub memory: String,
    pub write_barrier: String,
    /// Makes the same calls again: `--seed`.
    pub seed: u64,
    pub calls: usize,
    pub kept: usize,
    pub audio_seconds: f64,
    pub audio_bytes: u64,
    pub looked_at_bytes: u64,
    pub found: usize,
    pub ok: Option<bool>,
}

/// An object of the array.
#[derive(Serialize)]
#[serde(untagged)]
enum Row<'a> {
    Run(&'a Run),
    Check(&'a Check),
}

/// The whole result.
pub(super) struct Report {
    pub run: Run,
    pub checks: Vec<Check>,
}

impl Report {
    /// Sums up the checks. Those of the search itself come first.
    pub(super) fn new(run: Run, mut checks: Vec<Check>) -> Report {
        checks.sort_by_key(|check| check.expected == 0);
        let looked_at_bytes = checks.iter().map(|check| check.looked_at_bytes).sum();
        let found = checks.iter().filter(|check| check.expected == 0).map(|check| check.found).sum();
        let ok = Some(checks.iter().all(|check| check.ok != Some(false)));
        Report { run: Run { looked_at_bytes, found, ok, ..run }, checks }
    }

    /// The names of the failed checks, and of those that were not done.
    pub(super) fn not_ok(&self) -> [Vec<&'static str>; 2] {
        [Some(false), None]
            .map(|ok| self.checks.iter().filter(|check| check.ok == ok).map(|check| check.check).collect())
    }

    pub(super) fn say_json(&self) {
        let mut all = vec![Row::Run(&self.run)];
        all.extend(self.checks.iter().map(Row::Check));
        output::say_json(&all);
    }

    /// Prints the table for people.
    pub(super) fn say(&self) {
        let run = &self.run;
        output::say(&format!("retrocall prove {}, {}", run.version, run.at));
        output::say(&format!("Machine: {}, {}, as {}.", run.machine, run.kernel, run.user));
        output::say(&format!(
            "Engine: guarantee \"{}\" (memory {}, write barrier {}).",
            run.guarantee, run.memory, run.write_barrier
        ));
        output::say(&format!(
            "Calls: {} calls of noise that was never heard before (seed {}), {} of audio, {}; {} were kept.",
            run.calls,
            run.seed,
            output::length(run.audio_seconds),
            output::size(run.audio_bytes),
            run.kept
        ));
        output::say("");
        output::say_table(&self.table());
        output::say("");
        for check in &self.checks {
            if let Some(note) = &check.note {
                output::say(&format!("{}: {note}.", check.check));
            }
        }
        let [failed, not_done] = self.not_ok();
        let verdict = match (failed.len(), not_done.len()) {
            (0, 0) => "Result: nothing was found where nothing may be, and every check was done.".to_owned(),
            (0, some) => {
                format!("Result: nothing was found where nothing may be; {some} checks were not done (see above).")
            }
            (some, _) => format!("Result: FAILED, {some} checks: {}.", failed.join(", ")),
        };
        output::say(&verdict);
        if run.guarantee == Level::Unlocked.to_string() {
            output::say(
                "Memory was not locked: what the system may have written to its swap meanwhile was not looked at.",
            );
        }
    }

    fn table(&self) -> Table {
        let mut table = Table::new();
        table.load_style(presets::NOTHING);
        table.set_header(["check", "what was looked at", "places", "bytes", "windows", "found", "result"]);
        for check in &self.checks {
            let counted = |number: usize| match check.ok {
                None => "-".to_owned(),
                Some(_) => output::thousands(number),
            };
            table.add_row([
                check.check.to_owned(),
                check.what.to_owned(),
                counted(check.places),
                if check.ok.is_none() { "-".to_owned() } else { output::size(check.looked_at_bytes) },
                counted(check.windows),
                check.found_of(),
                check.result().to_owned(),
            ]);
        }
        for column in 2..6 {
            table.column_mut(column).expect("it was just made").set_cell_alignment(CellAlignment::Right);
        }
        table
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn looked(found: usize) -> SearchResult {
        SearchResult { places: 1, bytes: 100, found }
    }

    #[test]
    fn one_window_found_fails_and_so_does_a_search_that_finds_too_little() {
        assert_eq!(Check::clean("a", "a", 10, looked(0)).ok, Some(true));
        assert_eq!(Check::clean("a", "a", 10, looked(1)).ok, Some(false));
        assert_eq!(Check::expecting("a", "a", 10, looked(9), 10).ok, Some(false));
        assert_eq!(Check::expecting("a", "a", 10, looked(10), 10).and(false, "but").ok, Some(false));
        let not_done = Check::not_done("a", "a", "not root").and(false, "neither");
        assert_eq!((not_done.ok, not_done.note.as_deref()), (None, Some("not root; neither")));
        assert_eq!(Check::failed("a", "a", "gone").ok, Some(false));
    }
}
