//! Whatever is done to the bytes of a ledger: it is found, and nothing panics.

use std::sync::LazyLock;

use proptest::prelude::*;

use super::{
    super::{CallList, Evidence},
    author::{Desk, Ledger, Rig, signer},
};
use crate::{canonical::is_canonical, chain::Chain, head::Head, line::Line, note::Verifier};

static LEDGER: LazyLock<Ledger> = LazyLock::new(|| Desk::new(Rig::None, 1).month(2, 6));

/// Something that is done to the rows of a segment.
#[derive(Debug, Clone)]
enum Damage {
    Byte(usize, usize, char),
    Drop(usize, usize),
    Copy(usize, usize),
    Move(usize, usize),
    Text(usize, String),
}

fn damage() -> impl Strategy<Value = Damage> {
    let (row, other) = (0..60usize, 0..60usize);
    prop_oneof![
        (row.clone(), any::<usize>(), prop::char::range(' ', '~')).prop_map(|(row, at, to)| Damage::Byte(row, at, to)),
        (row.clone(), 1..4usize).prop_map(|(row, count)| Damage::Drop(row, count)),
        (row.clone(), other.clone()).prop_map(|(row, to)| Damage::Copy(row, to)),
        (row.clone(), other).prop_map(|(row, to)| Damage::Move(row, to)),
        (row, r#"\{"at":".{0,3}"(,"[a-z]{1,4}":[0-9"\[\]a-z]{1,3}){0,3}\}"#)
            .prop_map(|(row, text)| Damage::Text(row, text)),
    ]
}

fn done(rows: &mut Vec<String>, damage: &Damage) {
    let many = rows.len();
    match damage {
        Damage::Byte(row, at, to) => {
            let row = &mut rows[row % many];
            let at = at % row.len();
            if row.is_char_boundary(at) && row.is_char_boundary(at + 1) {
                row.replace_range(at..=at, &to.to_string());
            }
        }
        Damage::Drop(row, count) => drop(rows.drain(row % many..(row % many + count).min(many))),
        Damage::Copy(row, to) => rows.insert(to % many, rows[row % many].clone()),
        Damage::Move(row, to) => {
            let row = rows.remove(row % many);
            rows.insert(to % many, row);
        }
        Damage::Text(row, text) => rows.insert(row % many, text.clone()),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn no_damage_to_rows_passes_for_a_sound_ledger(
        which in 0..2usize,
        all in prop::collection::vec(damage(), 1..4),
    ) {
        let mut damaged = LEDGER.clone();
        for one in &all {
            let rows = &mut damaged.segments[which].1;
            if rows.len() > 4 {
                done(rows, one);
            }
        }
        let report = damaged.verify(Evidence::default());
        prop_assert_eq!(report.is_sound(), damaged.segments == LEDGER.segments, "{}", report);
    }

    #[test]
    fn no_damage_to_a_head_passes_for_a_signature(at in any::<prop::sample::Index>(), to in prop::char::range(' ', '~')) {
        let note = &LEDGER.heads[0].1;
        let letters: Vec<char> = note.chars().collect();
        let at = at.index(letters.len());
        let damaged: String = letters.iter().enumerate().map(|(i, letter)| if i == at { to } else { *letter }).collect();
        prop_assert_eq!(Head::open(&damaged, &signer().verifier()).is_ok(), damaged == *note);
    }

    #[test]
    fn no_text_makes_a_reader_panic(text in "(retrocall/|chain-1 |[\\[{\\]}]|began\n|[0-9a-f+ ,;\"-]|\\PC|\n){0,40}") {
        let _ = (is_canonical(&text), Line::read(&text), Chain::resume(&text), CallList::read(&text));
        let _ = (text.parse::<Verifier>(), Head::open(&text, &signer().verifier()), Head::open(&signer().sign(&text), &signer().verifier()));
    }
}
