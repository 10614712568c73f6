//! Translates the marks of a commit into the words of the catalog.

use retrocall_file::{Durable, DurablePart, Mark};
use retrocall_words::{
    audio::Rate,
    book::{LegStretch, Marks, Part, Participant, Silence, SilenceKind},
};

/// Who talked for the desk in a recording, and from when to when. `agent` is the agent where no mark names one. The recording's last sample is
/// before the position `end`.
pub fn participants(marks: &[Mark], agent: &str, end: u64, rate: Rate) -> Vec<Participant> {
    let end_seconds = rate.seconds(end);
    let mut all: Vec<Participant> = Vec::new();
    let changes = marks.iter().filter_map(|mark| match mark {
        Mark::Agent(at, agent) => Some((rate.seconds(end.min(*at)), agent)),
        _ => None,
    });
    for (from_seconds, agent) in changes {
        // An agent who was there for no time took no part.
        all.retain(|one| one.from_seconds < from_seconds);
        if let Some(last) = all.last_mut() {
            last.to_seconds = from_seconds;
        }
        all.push(Participant { agent: agent.clone(), from_seconds, to_seconds: end_seconds });
    }
    if all.is_empty() {
        all.push(Participant { agent: agent.to_owned(), from_seconds: 0.0, to_seconds: end_seconds });
    }
    all
}

/// The files of a recording.
pub(super) fn parts(durable: &Durable, rate: Rate) -> Vec<Part> {
    let part = |part: &DurablePart| {
        let (path, seconds) = (part.path().to_owned(), rate.seconds(part.samples()));
        Part { path, bytes: part.bytes(), seconds }
    };
    durable.parts().iter().map(part).collect()
}

/// The other marks, with the keys of the phone. Marks by the call's clock may lie a little behind its last sample, which is before the position
/// `end`.
pub fn of_catalog(marks: &[Mark], dtmf: Vec<(f64, char)>, end: u64, rate: Rate) -> Marks {
    let all = marks;
    let mut marks = Marks { dtmf, ..Marks::default() };
    let (mut mask, mut hold) = (None, None);
    let silence = |marks: &mut Marks, kind, from: u64, to: u64| {
        let [from_seconds, to_seconds] = [from, to].map(|at| rate.seconds(end.min(at)));
        marks.masks.push(Silence { kind, from_seconds, to_seconds });
    };
    for mark in all {
        match mark {
            Mark::Agent(..) => {}
            Mark::Record(at, agent) => marks.record.push((rate.seconds(end.min(*at)), agent.clone())),
            Mark::Mask(at) => mask = Some(*at),
            Mark::Unmask(at) => {
                mask.take().into_iter().for_each(|from| silence(&mut marks, SilenceKind::Mask, from, *at))
            }
            Mark::Hold(at) => hold = Some(*at),
            Mark::Resume(at) => {
                hold.take().into_iter().for_each(|from| silence(&mut marks, SilenceKind::Hold, from, *at))
            }
            Mark::Erased(span) => silence(&mut marks, SilenceKind::Erased, span.start, span.end),
            Mark::Gap(leg, span) | Mark::Lost(leg, span) => {
                let (from_seconds, to_seconds) = (rate.seconds(span.start), rate.seconds(span.end));
                let all = if matches!(mark, Mark::Gap(..)) { &mut marks.gaps } else { &mut marks.lost };
                all.push(LegStretch { leg: *leg, from_seconds, to_seconds });
            }
        }
    }
    // Silences that are on at the end last to the end.
    mask.into_iter().for_each(|from| silence(&mut marks, SilenceKind::Mask, from, end));
    hold.into_iter().for_each(|from| silence(&mut marks, SilenceKind::Hold, from, end));
    marks.gaps.sort_by(|one, other| one.from_seconds.total_cmp(&other.from_seconds));
    marks.lost.sort_by(|one, other| one.from_seconds.total_cmp(&other.from_seconds));
    marks.masks.sort_by(|one, other| one.from_seconds.total_cmp(&other.from_seconds));
    marks.bounded()
}
