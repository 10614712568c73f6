//! The findings of the demo: which calls were kept and why, whether bit for bit, and what else is under the home folder.

use std::{
    collections::HashMap,
    ffi::OsStr,
    fs,
    path::{Path, PathBuf},
};

use comfy_table::{CellAlignment, Table, presets};
use serde::Serialize;

use super::{
    super::{Failure, output},
    script::ScriptCall,
};
use retrocall_client::client::PlayReport;
use retrocall_proof::{
    Sound,
    files::files_below,
    windows::{WINDOW_SAMPLES, Windows},
};
use retrocall_records as catalog;
use retrocall_records::Recording;
use retrocall_words::{CallId, Reason, Verdict};

/// Bytes of the shortest header of a WAV file.
const WAV_HEAD_BYTES: u64 = 44;

/// The findings of the demo.
#[derive(Debug, Serialize)]
pub(super) struct Findings {
    home: PathBuf,
    calls: Vec<CallFinding>,
    kept: usize,
    discarded: usize,
    /// Bytes of the recordings.
    recordings_bytes: u64,
    /// Bytes of everything else under the home folder: catalog, log.
    other_bytes: u64,
    /// Bytes that the engine gave to the disk, by the kernel's count, including deleted ones. None where the kernel does not count, for example
    /// for a folder in memory.
    engine_wrote_bytes: Option<u64>,
    /// Bytes that a record-everything recorder writes.
    record_everything_bytes: u64,
    /// The ratio of these two.
    ratio: f64,
    files_searched: usize,
    windows_searched: usize,
    /// Windows that can't tell anything: silence, or also said in a kept call.
    windows_left_out: usize,
    /// Windows of discarded calls that were found: none, or the promise is broken.
    windows_found: usize,
    /// The same search for the kept calls in their files, to check the search.
    kept_windows_searched: usize,
    kept_windows_found: usize,
    /// Audio files that belong to no selected call.
    stray_files: Vec<PathBuf>,
    #[serde(skip)]
    others: Vec<(String, u64)>,
}

/// The outcome of a call.
#[derive(Debug, Serialize)]
struct CallFinding {
    call: CallId,
    agent: String,
    fixture: &'static str,
    seconds: f64,
    kept: bool,
    reasons: Vec<Reason>,
    pressed_at: Option<f64>,
    path: Option<PathBuf>,
    bytes: Option<u64>,
    /// Whether the file has exactly the samples that were sent; none if there is no file.
    exact: Option<bool>,
}

/// A file under the home folder.
struct FoundFile {
    path: PathBuf,
    bytes: Vec<u8>,
}

impl Findings {
    /// Searches everything under `home`, after its engine has stopped.
    ///
    /// # Errors
    /// [`Failure`] if the catalog or a file can't be read.
    pub(super) fn gather(
        home: &Path,
        desk: &[ScriptCall],
        played: &[PlayReport],
        engine_wrote_bytes: Option<u64>,
    ) -> Result<Findings, Failure> {
        // Before the catalog is opened, which makes files of its own.
        let files = all_files(home)?;
        let rows = catalog::recordings(home).map_err(Failure::whole)?;
        let rows: HashMap<CallId, Recording> = rows.into_iter().map(|row| (row.call, row)).collect();
        let sounds: Vec<Sound> = desk.iter().map(ScriptCall::sound).collect();
        let calls: Vec<CallFinding> = desk
            .iter()
            .zip(played)
            .zip(&sounds)
            .map(|((call, played), sound)| call_found(call, played, sound, rows.get(&played.call)))
            .collect();
        let is_audio = |path: &Path| path.starts_with(home.join("recordings"));
        let is_kept = |path: &Path| calls.iter().any(|call| call.path.as_deref() == Some(path));
        let sum = |audio: bool| -> u64 {
            files.iter().filter(|file| is_audio(&file.path) == audio).map(|file| file.bytes.len() as u64).sum()
        };
        let name = |path: &Path| path.file_name().map_or(String::new(), |name| name.to_string_lossy().into_owned());
        let wav_bytes = |sound: &Sound| WAV_HEAD_BYTES + 4 * sound.legs[0].len() as u64;
        let record_everything_bytes = sounds.iter().map(wav_bytes).sum();
        let mut findings = Findings {
            home: home.to_owned(),
            kept: calls.iter().filter(|call| call.kept).count(),
            discarded: calls.iter().filter(|call| !call.kept).count(),
            recordings_bytes: sum(true),
            other_bytes: sum(false),
            engine_wrote_bytes,
            record_everything_bytes,
            ratio: record_everything_bytes as f64 / (sum(true) as f64).max(1.0),
            files_searched: files.len(),
            windows_searched: 0,
            windows_left_out: 0,
            windows_found: 0,
            kept_windows_searched: 0,
            kept_windows_found: 0,
            stray_files: files
                .iter()
                .filter(|file| is_audio(&file.path) || file.path.extension() == Some(OsStr::new("wav")))
                .filter(|file| !is_kept(&file.path))
                .map(|file| file.path.clone())
                .collect(),
            others: files
                .iter()
                .filter(|file| !is_audio(&file.path))
                .map(|file| (name(&file.path), file.bytes.len() as u64))
                .collect(),
            calls,
        };
        findings.search(&sounds, &files);
        Ok(findings)
    }

    /// Looks for the discarded calls in every file, and for the kept ones in theirs.
    fn search(&mut self, sounds: &[Sound], files: &[FoundFile]) {
        let (mut discarded, mut kept) = (Windows::default(), Windows::default());
        for (call, sound) in self.calls.iter().zip(sounds) {
            match call.kept {
                true => kept.add_recording(sound),
                false => discarded.add(sound),
            }
        }
        let (discarded_search, kept_search) = (discarded.search(), kept.search());
        let (mut said_elsewhere, mut found) = (vec![false; discarded.len()], vec![false; discarded.len()]);
        let mut kept_found = vec![false; kept.len()];
        for (call, sound) in self.calls.iter().zip(sounds) {
            if call.kept {
                discarded_search.find_in(&sound.recorded(), &mut said_elsewhere);
            }
        }
        for file in files {
            discarded_search.find_in(&file.bytes, &mut found);
            kept_search.find_in(&file.bytes, &mut kept_found);
        }
        let count = |marks: &[bool]| marks.iter().filter(|mark| **mark).count();
        self.windows_left_out = discarded.silent() + count(&said_elsewhere);
        self.windows_searched = discarded.len() - count(&said_elsewhere);
        self.windows_found =
            found.iter().zip(&said_elsewhere).filter(|(found, elsewhere)| **found && !**elsewhere).count();
        self.kept_windows_searched = kept.len();
        self.kept_windows_found = count(&kept_found);
    }

    /// The failure, if anything is wrong.
    pub(super) fn failure(&self) -> Option<Failure> {
        let look =
            |cause: String| Some(Failure::new(cause, format!("look into {}, and report it", self.home.display())));
        if self.windows_found > 0 {
            return look(format!("{} windows of discarded calls are on the disk", self.windows_found));
        }
        if let Some(stray) = self.stray_files.first() {
            return look(format!("{} is no selected call's", stray.display()));
        }
        if let Some(call) = self.calls.iter().find(|call| call.exact == Some(false)) {
            return look(format!("the recording of {}'s call differs from what was sent", call.agent));
        }
        if let Some(call) =
            self.calls.iter().find(|call| call.kept && call.path.is_none() || call.pressed_at.is_some() && !call.kept)
        {
            return look(format!("{}'s call should be kept, and is missing", call.agent));
        }
        if self.kept_windows_found != self.kept_windows_searched {
            return look("the search does not find the kept calls in their own files".to_owned());
        }
        None
    }

    /// Prints the findings for people.
    pub(super) fn tell(&self) {
        output::say("");
        output::say_table(&self.table());
        output::say("");
        output::say(&self.sentences());
    }

    fn table(&self) -> Table {
        let mut table = Table::new();
        table.load_style(presets::NOTHING);
        table.set_header(["call", "agent", "length", "became", "why", "pressed at", "file"]);
        for call in &self.calls {
            let reasons: Vec<_> = call.reasons.iter().map(|reason| reason.as_str()).collect();
            table.add_row([
                call.call.to_string(),
                call.agent.clone(),
                output::length(call.seconds),
                if call.kept { "kept" } else { "discarded" }.to_owned(),
                if call.kept { reasons.join(", ") } else { "not selected".to_owned() },
                call.pressed_at.map_or(String::new(), |at| format!("{at:.1} s")),
                match (call.bytes, call.exact) {
                    (Some(bytes), Some(true)) => format!("{}, bit for bit as sent", output::size(bytes)),
                    (Some(bytes), _) => format!("{}, NOT as sent", output::size(bytes)),
                    (None, _) => String::new(),
                },
            ]);
        }
        table.column_mut(2).expect("it was just made").set_cell_alignment(CellAlignment::Right);
        table
    }

    fn sentences(&self) -> String {
        let sampled = self.calls.iter().filter(|call| call.reasons.contains(&Reason::Sample)).count();
        let mut lines = vec![match sampled {
            0 => format!(
                "The draw picked none of the {} calls this time: each had one chance in {}. Run it again for another draw.",
                self.calls.len(),
                super::ONE_IN
            ),
            _ => format!(
                "The draw picked {sampled} of the {} calls: each had one chance in {}.",
                self.calls.len(),
                super::ONE_IN
            ),
        }];
        if let Some((call, at)) = self.calls.iter().find_map(|call| Some((call, call.pressed_at?))) {
            lines.push(format!(
                "{} pressed record {at:.0} s into a call of {:.0} s: the file has all of it, from the first second.",
                call.agent, call.seconds
            ));
        }
        let others: Vec<_> =
            self.others.iter().map(|(name, bytes)| format!("{name} {}", output::size(*bytes))).collect();
        lines.push(format!(
            "On the disk: {} of recordings, and besides {}. A recorder that writes every call and deletes later would have \
             written {}: {:.1} times as much.",
            output::size(self.recordings_bytes),
            others.join(", "),
            output::size(self.record_everything_bytes),
            self.ratio
        ));
        if let Some(bytes) = self.engine_wrote_bytes {
            lines.push(format!(
                "By the kernel's count the engine wrote {} to the disk in all, including deleted files.",
                output::size(bytes)
            ));
        }
        lines.push(format!(
            "Proof: {} windows of {WINDOW_SAMPLES} samples of the {} discarded calls were searched for in all {} files, as PCM and \
             as G.711: {} found. ({} more say nothing: silence, or said in a kept call as well.) The same search finds {} of {} \
             windows of the kept calls.",
            output::thousands(self.windows_searched),
            self.discarded,
            self.files_searched,
            if self.windows_found == 0 { "none".to_owned() } else { output::thousands(self.windows_found) },
            output::thousands(self.windows_left_out),
            output::thousands(self.kept_windows_found),
            output::thousands(self.kept_windows_searched)
        ));
        let folder = self.calls.iter().find_map(|call| call.path.as_deref()?.parent());
        if let Some(folder) = folder {
            lines.push(format!("Listen: {}", folder.display()));
        }
        lines.push(format!("Delete: rm -r {}", self.home.display()));
        lines.join("\n")
    }
}

fn call_found(call: &ScriptCall, played: &PlayReport, sound: &Sound, row: Option<&Recording>) -> CallFinding {
    let pressed = played.outcomes("record").find(|press| press.answer.answer == Verdict::Accepted);
    let path = row.and_then(|row| row.path.clone()).filter(|path| path.is_file());
    CallFinding {
        call: played.call,
        agent: call.agent.to_owned(),
        fixture: call.file,
        seconds: played.seconds,
        kept: row.is_some(),
        reasons: row.map(|row| row.reasons.clone()).unwrap_or_default(),
        pressed_at: pressed.map(|press| press.seconds),
        bytes: path.as_ref().and_then(|path| fs::metadata(path).ok()).map(|metadata| metadata.len()),
        exact: path.as_ref().map(|path| is_exact(path, sound)),
        path,
    }
}

/// Whether the file has exactly the samples that were sent, by a reader that is not ours.
fn is_exact(path: &Path, sound: &Sound) -> bool {
    let Ok(mut reader) = hound::WavReader::open(path) else { return false };
    let spec = reader.spec();
    let alike = spec.channels == 2 && spec.sample_rate == sound.rate.hz() && spec.bits_per_sample == 16;
    let samples: Result<Vec<i16>, _> = reader.samples().collect();
    alike && samples.is_ok_and(|samples| samples == sound.interleaved())
}

/// Reads every file under `home`.
fn all_files(home: &Path) -> Result<Vec<FoundFile>, Failure> {
    let failed = |path: &Path, error: std::io::Error| {
        Failure::new(format!("{} can't be read ({error})", path.display()), "the demo needs its own home to itself")
    };
    let paths = files_below(home, None).map_err(|(path, error)| failed(&path, error))?;
    let read = |path: PathBuf| match fs::read(&path) {
        Ok(bytes) => Ok(FoundFile { path, bytes }),
        Err(error) => Err(failed(&path, error)),
    };
    paths.into_iter().map(read).collect()
}
