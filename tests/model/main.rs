//! How a recording dies, as a small model: every order of the steps of sweeps, deeds, kills, power cuts, backups and restores, up to a bound.
//!
//! The model is of RECORDS.md, R4, and of `docs/durability.md`, "how it dies"; `src/records/sweep` names the model's steps where it takes them.
//! What the code really does at each step is tested there; whether the steps are the right ones, in the right order, is found out here. Each rule
//! can be broken, and the tests see to it that the model notices: a rule whose absence nobody notices is none.

mod action;
mod desk;
mod rules;
mod steps;

use stateright::{Checker, HasDiscoveries, Model};

use desk::Limits;
use rules::{GOES, PROPERTIES, Rule};
use steps::Deaths;

/// Checks every order of steps, or until `property` is found not to hold. The properties that do not hold, with the shortest way there.
fn broken_by(model: Deaths, property: Option<&'static str>) -> Vec<(&'static str, String)> {
    let names = property.map_or_else(|| PROPERTIES.map(|known| known.0).into(), |name| vec![name, GOES]);
    let checked = model.checker().finish_when(HasDiscoveries::AllOf(names.into_iter().collect())).spawn_bfs().join();
    println!("{} states, {} steps", checked.unique_state_count(), checked.state_count());
    checked.assert_any_discovery(GOES);
    let broken = checked.discoveries().into_iter().filter(|(name, _)| *name != GOES);
    broken.map(|(name, path)| (name, format!("{:#?}", path.into_actions()))).collect()
}

#[test]
fn whatever_happens_in_whatever_order_nothing_is_lost_and_nothing_comes_back() {
    for limits in [Limits::SWEEPS, Limits::RESTORES] {
        let broken = broken_by(Deaths { broken: None, limits }, None);
        assert!(broken.is_empty(), "{broken:#?}");
    }
}

/// Checks that the model notices it when one rule does not hold.
#[track_caller]
fn notices(rule: Rule, limits: Limits, property: &'static str) {
    assert!(PROPERTIES.iter().any(|known| known.0 == property), "there is no property `{property}`");
    let broken = broken_by(Deaths { broken: Some(rule), limits }, Some(property));
    assert!(broken.iter().any(|(name, _)| *name == property), "nobody notices: {broken:#?}");
}

#[test]
fn a_hold_that_is_taken_once_deletion_has_begun_is_noticed() {
    notices(Rule::RefusesOnceBegun, Limits::SWEEPS, rules::NOTHING_LOST);
}

#[test]
fn a_deletion_that_begins_without_asking_again_is_noticed() {
    notices(Rule::AsksAgain, Limits::SWEEPS, rules::NOTHING_LOST);
}

#[test]
fn a_sweep_that_writes_with_an_old_token_is_noticed() {
    notices(Rule::ChecksToken, Limits::SWEEPS, rules::ONE_SWEEPER);
}

#[test]
fn a_receipt_before_the_folder_is_synced_is_noticed() {
    notices(Rule::SyncsFolder, Limits::SWEEPS, rules::OUT_OF_REACH);
}

#[test]
fn a_receipt_for_a_file_that_is_there_again_is_noticed() {
    notices(Rule::VerifiesAbsence, Limits::SWEEPS, rules::OUT_OF_REACH);
}

#[test]
fn a_receipt_before_the_tombstone_is_noticed() {
    notices(Rule::BuriesFirst, Limits::RESTORES, rules::NOTHING_BACK);
}

#[test]
fn a_restore_that_leaves_out_the_tombstones_is_noticed() {
    notices(Rule::RestoreBuries, Limits::RESTORES, rules::NOTHING_BACK);
}

#[test]
fn a_restore_without_tombstones_that_opens_the_home_is_noticed() {
    notices(Rule::ClosesWithoutTombstones, Limits::RESTORES, rules::NOTHING_BACK);
}

#[test]
fn a_restore_that_is_cut_off_and_keeps_nobody_away_is_noticed() {
    notices(Rule::MarksRestore, Limits::RESTORES, rules::NOTHING_BACK);
}

#[test]
fn a_restore_that_takes_the_catalog_from_under_a_sweep_is_noticed() {
    notices(Rule::RestoreWaitsForSweeps, Limits::RESTORES, rules::NOTHING_LOST);
}

#[test]
fn a_restore_that_forgets_a_deletion_that_had_begun_is_noticed() {
    notices(Rule::RestoreGoesOnDeleting, Limits::RESTORES, rules::KEPT_IS_THERE);
}

#[test]
fn a_hold_that_is_promised_before_it_is_noted_is_noticed() {
    notices(Rule::NotesHoldFirst, Limits::RESTORES, rules::NOTHING_LOST);
}

#[test]
fn a_release_that_is_noted_before_it_is_done_is_noticed() {
    notices(Rule::NotesReleaseLast, Limits::RESTORES, rules::NOTHING_LOST);
}

#[test]
fn a_restore_that_forgets_the_holds_since_the_backup_is_noticed() {
    notices(Rule::RestoreHolds, Limits::RESTORES, rules::NOTHING_LOST);
}

#[test]
fn an_engine_that_believes_an_older_catalog_is_noticed() {
    notices(Rule::StartCloses, Limits::RESTORES, rules::NOTHING_LOST);
}

#[test]
fn an_engine_that_leaves_a_file_that_came_back_is_noticed() {
    notices(Rule::LooksForFiles, Limits::RESTORES, rules::OUT_OF_REACH);
}
