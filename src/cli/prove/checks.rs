//! What was looked at, and what came of it: the table that can be filed.

use comfy_table::{CellAlignment, Table, presets};
use serde::Serialize;

use super::super::output;
use retrocall_proof::files::Looked;
use retrocall_settings::Level;

/// One thing that was looked at.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct Check {
    /// Its name, for programs.
    pub check: &'static str,
    /// What it is, for people.
    pub what: &'static str,
    pub looked_at_bytes: u64,
    /// Files, mappings, buffers, sockets.
    pub places: usize,
    /// Windows that were looked for.
    pub windows: usize,
    /// Windows that were found, or bytes that are not zero where all should be.
    pub found: usize,
    /// How many there have to be: none, but where the search itself is checked.
    pub expected: usize,
    /// Whether it is as it should be; none if it was not done, because this user may not.
    pub ok: Option<bool>,
    /// What else there is to know: why it failed, why it was not done, what lies beyond it.
    pub note: Option<String>,
}

impl Check {
    /// Nothing may be found here.
    pub(super) fn clean(check: &'static str, what: &'static str, windows: usize, looked: Looked) -> Check {
        Check::expecting(check, what, windows, looked, 0)
    }

    /// Here so many are to be found: what finds nothing here could not find anything elsewhere.
    pub(super) fn expecting(
        check: &'static str,
        what: &'static str,
        windows: usize,
        looked: Looked,
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

    /// This user may not look there.
    pub(super) fn not_done(check: &'static str, what: &'static str, why: impl Into<String>) -> Check {
        let none = Check::clean(check, what, 0, Looked::default());
        Check { ok: None, note: Some(why.into()), ..none }
    }

    /// It could not be looked at, although it should be possible: that proves nothing, and so it fails.
    pub(super) fn failed(check: &'static str, what: &'static str, why: impl Into<String>) -> Check {
        Check { ok: Some(false), ..Check::not_done(check, what, why) }
    }

    /// Also this has to be so; `why` says what is wrong if it is not.
    pub(super) fn and(mut self, is_so: bool, why: impl Into<String>) -> Check {
        if !is_so {
            self.ok = self.ok.map(|_| false);
            self = self.noting(why);
        }
        self
    }

    /// This is to be known as well.
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

/// What the run was, for whoever files it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct Run {
    /// Always `run`: the first object of the array.
    pub check: &'static str,
    pub at: String,
    pub version: &'static str,
    pub machine: String,
    pub kernel: String,
    pub user: String,
    /// The level of guarantee that the engine had, and what it rests on.
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

/// All of it.
pub(super) struct Report {
    pub run: Run,
    pub checks: Vec<Check>,
}

impl Report {
    /// Sums up: what the whole run found. First come the checks of the search itself.
    pub(super) fn new(run: Run, mut checks: Vec<Check>) -> Report {
        checks.sort_by_key(|check| check.expected == 0);
        let looked_at_bytes = checks.iter().map(|check| check.looked_at_bytes).sum();
        let found = checks.iter().filter(|check| check.expected == 0).map(|check| check.found).sum();
        let ok = Some(checks.iter().all(|check| check.ok != Some(false)));
        Report { run: Run { looked_at_bytes, found, ok, ..run }, checks }
    }

    /// The names of those that failed, and of those that were not done.
    pub(super) fn not_ok(&self) -> [Vec<&'static str>; 2] {
        [Some(false), None]
            .map(|ok| self.checks.iter().filter(|check| check.ok == ok).map(|check| check.check).collect())
    }

    pub(super) fn say_json(&self) {
        let mut all = vec![Row::Run(&self.run)];
        all.extend(self.checks.iter().map(Row::Check));
        output::say_json(&all);
    }

    /// For people.
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

    fn looked(found: usize) -> Looked {
        Looked { places: 1, bytes: 100, found }
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
