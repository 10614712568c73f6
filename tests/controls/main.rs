//! What was masked, erased, held back or objected to is exactly that, on disk and everywhere: to the sample, before and after the
//! press, at both ends of a call, one across another. Through the real program and its real socket.

mod asked;
mod cuts;
#[path = "../desk/mod.rs"]
mod desk;
mod late;
mod selection;
mod settings;
mod still;
mod survival;

use std::path::PathBuf;

use desk::{Home, Sound};
use retrocall::{
    catalog::{self, Outcome},
    protocol::{Answer, Reason, Refusal, Verdict},
};

const RATE: u32 = 8_000;
/// How long most calls here are: six seconds.
const LENGTH: usize = 48_000;

fn noise(seed: u64) -> Sound {
    Sound::noise(RATE, LENGTH, seed)
}

fn refusal(answer: &Answer) -> Option<Refusal> {
    assert_eq!(answer.reason.is_some(), answer.answer == Verdict::Refused, "{answer:?}");
    answer.reason
}

/// What became of the only call of a home.
fn row(home: &Home) -> catalog::CallRow {
    let mut rows = home.ledger(|rows| rows.iter().all(|row| row.outcome != Outcome::Live) && !rows.is_empty());
    assert_eq!(rows.len(), 1);
    rows.remove(0)
}

/// What is kept in a home, and why.
fn kept(home: &Home) -> Vec<(PathBuf, Vec<Reason>)> {
    let listed = catalog::recordings(home.path()).expect("a catalog");
    assert_eq!(listed.len(), home.audio_files().len(), "the list and the disk say the same");
    listed.into_iter().map(|recording| (recording.path.expect("a file"), recording.reasons)).collect()
}
