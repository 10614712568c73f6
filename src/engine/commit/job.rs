//! One commit: the steps from a ring to durable files. A recording is born in this order:
//!
//! 1. the folder is made; `<call-id>.wav.part` is made in it and gets its prefix;
//! 2. samples go in from the ring, step by step, even before the prefix is final; while the call is live they are synced at least every half
//!    second, and the first time also the names of the file and its folders;
//! 3. a file that can't be longer is followed by `<call-id>-2.wav.part`, and so on;
//! 4. after hangup the rest goes in; each file is cut to its length, marked complete, and synced;
//! 5. the files are renamed to `<call-id>.wav` and so on, the first one last; these names must be free. Then the folder is synced. Only now is the
//!    recording durable.
//!
//! If the disk refuses a step, the ring stays as it is and the step is tried again.
//!
//! Belongs here: the order of the steps, and what follows from a refusal. Does not: what a step writes (`files`), whose turn it is (`schedule`).

use std::{path::PathBuf, sync::Arc, time::Duration};

use super::{
    buffers::Buffers, files::Files, findings::Marks, inbox::Inbox, progress::Progress, schedule::Due, source::Source,
    storage::Storage, traces::Traces,
};
use retrocall_core::ring::RingReader;
use retrocall_file::{Paths, Refusal};
use retrocall_words::Label;

/// How often a live call's file grows.
const FOLLOW_EVERY: Duration = Duration::from_millis(250);
/// The first wait after a refusal, which doubles with each further one, and the longest.
const RETRY: [Duration; 2] = [Duration::from_millis(250), Duration::from_secs(2)];

/// The commit of one call. A worker takes it, does a step, and puts it back.
pub(super) struct Job {
    storage: Storage,
    paths: Paths,
    inbox: Arc<Inbox>,
    source: Source,
    traces: Traces,
    /// None before the first step, and after a refusal that spoils the files.
    files: Option<Files>,
    /// The call's length in samples, once it is over.
    end: Option<u64>,
    /// The files do not say yet for how many reasons the call is kept.
    has_more_reasons: bool,
    health: Health,
}

/// The disk's last answer.
enum Health {
    /// The disk takes the samples.
    Well,
    /// The disk refuses.
    Refused {
        /// The refusal, in words.
        text: String,
        /// How long to wait after the next refusal.
        wait: Duration,
    },
}

impl Job {
    pub(super) fn new(storage: &Storage, reader: RingReader, label: Label, noted: Arc<Marks>) -> Job {
        Job {
            storage: storage.clone(),
            paths: Paths::of(&storage.recordings, label.call.id, label.call.began_at),
            inbox: Arc::default(),
            source: Source::new(reader, label, noted),
            traces: Traces::default(),
            files: None,
            end: None,
            has_more_reasons: false,
            health: Health::Well,
        }
    }

    pub(super) fn inbox(&self) -> &Arc<Inbox> {
        &self.inbox
    }

    /// The first file's path until it is published.
    pub(super) fn unfinished(&self) -> PathBuf {
        self.paths.unfinished(1)
    }

    /// The disk's refusal, if the last step met one.
    pub(super) fn trouble(&self) -> Option<&str> {
        match &self.health {
            Health::Well => None,
            Health::Refused { text, .. } => Some(text),
        }
    }

    /// Does one step. Returns when it wants the next, and the progress to report, in order. Leaves no audio in `buffers`.
    pub(super) fn step(&mut self, buffers: &mut Buffers) -> (Due, Vec<Progress>) {
        let mut told = Vec::new();
        self.take_mail();
        let result = self.advance(buffers, &mut told);
        buffers.wipe();
        let due = result.unwrap_or_else(|refusal| self.refused(&refusal, &mut told));
        (due, told)
    }

    fn take_mail(&mut self) {
        if let Some(reasons) = self.inbox.take_reasons() {
            self.source.set_reasons(reasons);
            self.has_more_reasons = true;
        }
        let (rewrites, hangup) = self.inbox.take();
        if let Some(hangup) = hangup.filter(|_| self.end.is_none()) {
            self.source.set_reasons(hangup.reasons);
            self.end = Some(hangup.end);
        }
        let base = self.source.base();
        for mut rewrite in rewrites {
            rewrite.from = rewrite.from.max(base);
            // Without files everything is written again anyway.
            if let (Some(from), Some(files)) = (self.traces.erase(rewrite), &mut self.files) {
                files.rewrite(from);
            }
        }
    }

    fn advance(&mut self, buffers: &mut Buffers, told: &mut Vec<Progress>) -> Result<Due, Refusal> {
        let began = self.storage.clock.now();
        let (source, traces) = (&mut self.source, &mut self.traces);
        let files = match &mut self.files {
            Some(files) => files,
            none => none.insert(Files::open(&self.storage, &self.paths, source, traces)?),
        };
        if std::mem::take(&mut self.has_more_reasons) {
            files.describe_all(source)?;
        }
        if files.are_level() {
            files.plan(source, self.end);
        }
        files.write(source, traces, buffers)?;
        if files.are_whole() {
            return self.publish(told);
        }
        // If the call is over, its end is still to be planned.
        if !files.are_level() || self.end.is_some() {
            files.go_on(source, traces)?;
            return Ok(Due::Now);
        }
        let was_refused = matches!(self.health, Health::Refused { .. });
        files.rest(was_refused, source, traces)?;
        self.is_well(told);
        Ok(Due::At(began + FOLLOW_EVERY))
    }

    fn publish(&mut self, told: &mut Vec<Progress>) -> Result<Due, Refusal> {
        let Some(files) = &mut self.files else { return Ok(Due::Now) };
        let how = self.source.finish();
        files.seal(how, &mut self.source, &mut self.traces)?;
        if !self.inbox.close() {
            return Ok(Due::Now);
        }
        let durable = files.publish(how, &self.source)?;
        self.is_well(told);
        tracing::debug!(call = %durable.call(), path = %durable.path().display(), samples = durable.samples(), "recording is durable");
        told.push(Progress::Durable(durable));
        Ok(Due::Never)
    }

    /// The last step panicked. Returns when it wants the next, and the progress to report.
    pub(super) fn panicked(&mut self) -> (Due, Vec<Progress>) {
        let mut told = Vec::new();
        let text = format!(
            "{}: retrocall itself failed while it wrote this, and tries again; see the panic in its log, and report it",
            self.unfinished().display()
        );
        // The step's remains are not trusted, but a file that has its name is whole.
        if !self.is_published() {
            self.give_up_files();
        }
        (self.wait(text, &mut told), told)
    }

    fn refused(&mut self, refusal: &Refusal, told: &mut Vec<Progress>) -> Due {
        if !refusal.keeps_files() {
            self.give_up_files();
        }
        self.wait(refusal.to_string(), told)
    }

    /// Begins the files anew at the next step.
    fn give_up_files(&mut self) {
        self.storage.folders.forget(&self.paths);
        self.files = None;
    }

    fn is_published(&self) -> bool {
        self.files.as_ref().is_some_and(Files::are_published)
    }

    /// After a refusal: returns when to try again, later after each one.
    fn wait(&mut self, text: String, told: &mut Vec<Progress>) -> Due {
        if !self.is_published() {
            self.inbox.reopen();
        }
        let wait = match self.health {
            Health::Well => RETRY[0],
            Health::Refused { wait, .. } => wait,
        };
        if self.trouble() != Some(text.as_str()) {
            tracing::warn!(call = %self.source.label().call.id, "commit waits: {text}");
            told.push(Progress::Trouble(text.clone()));
        }
        self.health = Health::Refused { text, wait: (2 * wait).min(RETRY[1]) };
        Due::NotBefore(self.storage.clock.now() + wait)
    }

    /// The disk has taken everything.
    fn is_well(&mut self, told: &mut Vec<Progress>) {
        if self.trouble().is_some() {
            tracing::warn!(call = %self.source.label().call.id, "commit goes on: the disk takes it again");
            told.push(Progress::Well);
        }
        self.health = Health::Well;
    }
}

impl Drop for Job {
    fn drop(&mut self) {
        self.inbox.abandon();
    }
}

#[cfg(test)]
mod tests;
