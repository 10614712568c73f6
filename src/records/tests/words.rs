//! Every word, and all that was announced of a call, comes back from the catalog.

use super::*;
use retrocall_words::{
    Direction,
    audio::Leg,
    book::{LegStretch, Silence, SilenceKind},
};

#[test]
fn every_direction_outcome_and_reason_comes_back_from_the_row_of_its_call() {
    let home = TempDir::new().unwrap();
    let catalog = open(&home);
    let mut noted = Vec::new();
    for direction in Direction::ALL {
        for outcome in Outcome::ALL {
            for reason in Reason::ALL {
                let id = CallId::new();
                let facts = Facts { direction, ..Facts::example() };
                let call = Call { facts: facts.clone(), ..call_of_anna(id) };
                let sequence = catalog.reserve(today()).sequence;
                catalog.note(Note::Begun(CallBegun { call, day: today(), sequence, exempt: false }));
                let Note::Ended(ended) = ended(id, outcome) else { panic!("it ends") };
                catalog.note(Note::Ended(CallEnded { reasons: vec![reason], ..ended }));
                noted.push((id, facts, outcome, vec![reason]));
            }
        }
    }
    assert!(catalog.close(LONG), "{:?}", catalog.trouble());
    let mut found: Vec<_> = calls(home.path()).unwrap();
    found.sort_by_key(|row| row.sequence);
    let found = found.into_iter().map(|row| (row.call, row.facts(), row.outcome, row.reasons));
    assert_eq!(found.collect::<Vec<_>>(), noted);
}

#[test]
fn every_reason_state_and_silence_comes_back_from_the_row_of_its_recording() {
    let home = TempDir::new().unwrap();
    let catalog = open(&home);
    let mut noted = Vec::new();
    let masks = SilenceKind::ALL.map(|kind| Silence { kind, from_seconds: 1.0, to_seconds: 2.0 });
    let gaps = Leg::ALL.map(|leg| LegStretch { leg, from_seconds: 3.0, to_seconds: 4.0 });
    let marks = Marks { masks: masks.to_vec(), gaps: gaps.to_vec(), ..Marks::default() };
    for state in [RecordingState::Complete, RecordingState::Incomplete] {
        for reason in Reason::ALL {
            let call = CallId::new();
            let kept = RecordingKept { of: recorded(call, &[reason]), state, marks: marks.clone(), ..recording(call) };
            catalog.note(Note::Kept(Box::new(kept)));
            noted.push((call, vec![reason], state));
        }
    }
    let call = CallId::new();
    catalog.note(selected(call));
    noted.push((call, vec![Reason::OnDemand], RecordingState::Committing));
    assert!(catalog.close(LONG), "{:?}", catalog.trouble());
    let states: Vec<_> = noted.iter().map(|(.., state)| *state).collect();
    assert!(RecordingState::ALL.iter().all(|state| states.contains(state)), "each of them is noted");
    let found = recordings(home.path()).unwrap();
    for (call, reasons, state) in noted {
        let row = found.iter().find(|row| row.call == call).expect("a row");
        assert_eq!((&row.reasons, row.state), (&reasons, state));
        if state != RecordingState::Committing {
            assert_eq!((&row.masks, &row.gaps), (&marks.masks, &marks.gaps));
        }
    }
}
