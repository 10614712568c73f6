//! What must be true after a power cut and a recovery.

use std::{collections::BTreeMap, path::PathBuf};

use retrocall::commit::{Recovery, read_recording, recover};

use super::scene::{CARD, Kind, Played, RECORDINGS, Told, Truth};
use crate::{
    desk::part_of,
    sim::{Platter, Random, SimDisk, Step, Survives, audio_at},
};

/// What was promised for one call so far.
#[derive(Default, Clone)]
struct Promised {
    /// So many samples of each leg are safe, as they were said.
    synced: [usize; 2],
    /// So many frames were synced, whatever of each leg.
    frames: usize,
    erasing: Vec<(usize, usize)>,
    erased: Vec<(usize, usize)>,
    is_durable: bool,
}

/// How many frames of a call a power cut can't take, from its beginning on.
fn safe_frames(truth: &Truth, now: &Platter) -> usize {
    let mut frames = 0;
    for part in (1..).map(|part| part_of(&truth.wav, part).with_added_extension("part")) {
        let Some(bytes) = now.synced(&part).filter(|_| now.has_durable_name(&part)) else { break };
        frames += bytes.len().saturating_sub(audio_at(&bytes).unwrap_or(bytes.len())) / 4;
    }
    frames
}

/// Knows what was really said, and listens to what was promised.
pub struct Judge<'a> {
    truths: &'a [Truth],
    kind: Kind,
    promised: Vec<Promised>,
    /// Values of cards that may be nowhere any more.
    gone: Vec<i16>,
}

impl<'a> Judge<'a> {
    pub fn new(played: &'a Played) -> Judge<'a> {
        let truths = &played.truths;
        Judge { truths, kind: played.kind, promised: vec![Promised::default(); truths.len()], gone: vec![] }
    }

    /// A step was done. What is promised by it must be true of the disk now.
    pub fn hear(&mut self, step: &Step<Told>, now: &Platter) -> Result<(), String> {
        match step {
            // A good sync is a promise too, also if nobody is told.
            Step::Sync { .. } | Step::SyncFolder { .. } => {
                for (truth, promised) in self.truths.iter().zip(&mut self.promised) {
                    promised.frames = promised.frames.max(safe_frames(truth, now));
                }
            }
            Step::Told(Told::Synced { call, legs }) => self.promised[*call].synced = *legs,
            Step::Told(Told::Durable { call }) => self.promised[*call].is_durable = true,
            Step::Told(Told::Erasing { call, from, to }) => self.promised[*call].erasing.push((*from, *to)),
            Step::Told(Told::Erased { call, from, to, card }) => {
                self.promised[*call].erased.push((*from, *to));
                self.gone.extend(card);
                if now.holds(|sample| self.gone.iter().any(|card| (*card..*card + 0x100).contains(&sample))) {
                    return Err("an erase was answered, and the disk may still hold it".to_owned());
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// Recovers a disk, and says what is wrong with what there is then. Returns the steps of the recovery too.
    pub fn recovered(&self, left: &Platter) -> (Result<(), String>, Vec<Step<Told>>) {
        let disk = (self.kind.disk)(SimDisk::of(left.clone()));
        let found = recover(&disk, RECORDINGS.as_ref());
        let steps = disk.take_log();
        let result = self.found_is_right(&found, &disk).and_then(|()| match recover(&disk, RECORDINGS.as_ref()) {
            again if again.is_empty() && disk.take_log().is_empty() => Ok(()),
            again => Err(format!("a second recovery finds {again:?}")),
        });
        (result, steps)
    }

    fn found_is_right(&self, found: &[Recovery], disk: &SimDisk<Told>) -> Result<(), String> {
        let files = disk.look(Platter::files);
        let after = disk.look(|now| now.left(Survives::Nothing, &mut Random(0)).files());
        if after != files {
            return Err("what recovery published is not durable".to_owned());
        }
        for one in found {
            match one {
                Recovery::Published { durable, label } => {
                    let truth = self.truths.iter().find(|truth| truth.wav == durable.path());
                    let truth = truth.ok_or("a recording of no call")?;
                    let was = &truth.label;
                    if label.call != was.call {
                        return Err(format!("recovered as {label:?}"));
                    }
                    if label.reasons != was.reasons && label.reasons != truth.reasons {
                        return Err(format!("recovered with the reasons {:?}", label.reasons));
                    }
                }
                Recovery::Empty { .. } => {}
                Recovery::Failed { text, .. } => return Err(format!("not recovered: {text}")),
            }
        }
        let is_known =
            |path: &PathBuf| self.truths.iter().any(|truth| (1..100).any(|part| part_of(&truth.wav, part) == *path));
        if let Some(other) = files.keys().find(|path| !is_known(path)) {
            return Err(format!("{} is left", other.display()));
        }
        for (number, truth) in self.truths.iter().enumerate() {
            self.call_is_right(number, truth, &files, disk).map_err(|what| format!("call {number}: {what}"))?;
        }
        Ok(())
    }

    fn call_is_right(
        &self,
        number: usize,
        truth: &Truth,
        files: &BTreeMap<PathBuf, Vec<u8>>,
        disk: &SimDisk<Told>,
    ) -> Result<(), String> {
        let promised = &self.promised[number];
        if !files.contains_key(&truth.wav) {
            let is_promised = promised.is_durable || promised.frames > 0 || promised.synced != [0; 2];
            return if is_promised { Err("its recording is gone".to_owned()) } else { Ok(()) };
        }
        // On a copy: this syncs.
        let copy = SimDisk::<Told>::of(disk.look(Platter::clone));
        let (durable, label) = read_recording(&copy, &truth.wav)?;
        let (first, frames) = (durable.first() as usize, durable.samples() as usize);
        let is_whole = !durable.incomplete();
        if is_whole && (first + frames != truth.end || label.reasons != truth.reasons) {
            return Err(format!("{frames} samples from {first} on for {:?} are called complete", label.reasons));
        }
        // What lacks its beginning is not whole.
        if frames < promised.frames || promised.is_durable && !is_whole && first == 0 {
            return Err(format!("{frames} samples, and {} were safe", promised.frames));
        }
        let mut audio = Vec::new();
        for part in durable.parts() {
            let bytes = files.get(part.path()).ok_or("a part is gone")?;
            audio.extend_from_slice(&bytes[audio_at(bytes).ok_or("no audio")?..]);
        }
        if audio.len() != 4 * frames {
            return Err(format!("{} bytes of audio for {frames} samples", audio.len()));
        }
        for (at, pair) in audio.chunks_exact(2).enumerate() {
            let (leg, position) = (at % 2, first + at / 2);
            self.sample_is_right([pair[0], pair[1]], truth, promised, leg, position, is_whole)?;
        }
        Ok(())
    }

    /// A sample is what was said there. It is silence if that was erased, which it may be from the moment on when that was asked, and must
    /// be once that was answered. What was not synced may be missing, byte by byte.
    fn sample_is_right(
        &self,
        got: [u8; 2],
        truth: &Truth,
        promised: &Promised,
        leg: usize,
        position: usize,
        is_whole: bool,
    ) -> Result<(), String> {
        let said = truth.spoken[leg].get(position).copied().unwrap_or(0);
        let is_in = |spans: &[(usize, usize)]| spans.iter().any(|(from, to)| (*from..*to).contains(&position));
        let sample = i16::from_le_bytes(got);
        let is_right = if is_in(&promised.erased) {
            sample == 0
        } else if is_in(&promised.erasing) {
            got.iter().zip(said.to_le_bytes()).all(|(got, said)| *got == said || *got == 0)
        } else if is_whole || position < promised.synced[leg] {
            sample == said
        } else {
            got.iter().zip(said.to_le_bytes()).all(|(got, said)| *got == said || *got == 0)
        };
        if is_right {
            return Ok(());
        }
        let what = if sample >= CARD { "a card" } else { "a sample" };
        Err(format!("{what} at {position} of leg {leg} is {sample}, and {said} was said"))
    }
}
