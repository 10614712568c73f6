//! Many machines, as a small model: every order of the steps of a link, of two processes of a centre, of clean-ups, orders, kills and restores, up to a
//! bound.
//!
//! The model is of RECORDS.md, R5. Each rule can be broken, and the tests see to it that the model notices: a rule whose absence nobody notices is none.

mod action;
mod presses;
mod rules;
mod state;
mod steps;

use stateright::{Checker, HasDiscoveries, Model};

use rules::{CLOSES, GOES, PROPERTIES, Rule};
use state::Limits;
use steps::Desk;

/// Checks every order of steps, or until `property` is found not to hold. The properties that do not hold, with the shortest way there.
fn broken_by(model: Desk, property: Option<&'static str>) -> Vec<(&'static str, String)> {
    let mut possible = vec![GOES];
    if model.limits.has_erasures {
        possible.push(CLOSES);
    }
    let names = property.map_or_else(|| PROPERTIES.map(|known| known.0).into(), |name| vec![name]);
    let names = names.into_iter().chain(possible.clone()).collect();
    let checked = model.checker().finish_when(HasDiscoveries::AllOf(names)).spawn_bfs().join();
    println!("{} states, {} steps", checked.unique_state_count(), checked.state_count());
    if property.is_none() {
        possible.iter().for_each(|name| drop(checked.assert_any_discovery(name)));
    }
    let broken = checked.discoveries().into_iter().filter(|(name, _)| !possible.contains(name));
    broken.map(|(name, path)| (name, format!("{:#?}", path.into_actions()))).collect()
}

#[test]
fn whatever_happens_in_whatever_order_nothing_is_lost_and_nothing_comes_back_and_no_request_closes_early() {
    for limits in [Limits::HOLDS, Limits::ERASURES, Limits::RESTORES, Limits::LATE] {
        let broken = broken_by(Desk { broken: None, limits }, None);
        assert!(broken.is_empty(), "{broken:#?}");
    }
}

/// Checks that the model notices it when one rule does not hold.
#[track_caller]
fn notices(rule: Rule, limits: Limits, property: &'static str) {
    assert!(PROPERTIES.iter().any(|known| known.0 == property), "there is no property `{property}`");
    let broken = broken_by(Desk { broken: Some(rule), limits }, Some(property));
    assert!(broken.iter().any(|(name, _)| *name == property), "nobody notices: {broken:#?}");
}

#[test]
fn a_delivery_that_is_believed_before_it_is_read_back_is_noticed() {
    notices(Rule::ReadsBackFirst, Limits::HOLDS, rules::KEPT_IS_THERE);
}

#[test]
fn a_site_that_lets_go_before_it_is_told_that_its_recording_arrived_is_noticed() {
    notices(Rule::RemovesAfterAnswer, Limits::HOLDS, rules::NOTHING_LOST);
}

#[test]
fn a_delivery_that_writes_over_another_is_noticed() {
    notices(Rule::PutsIfAbsent, Limits::HOLDS, rules::NOTHING_LOST);
}

#[test]
fn a_centre_that_takes_what_is_gone_is_noticed() {
    notices(Rule::AnswersGone, Limits::HOLDS, rules::NOTHING_BACK);
}

#[test]
fn a_delivery_that_no_transaction_knows_of_is_noticed() {
    notices(Rule::BeginsInDatabase, Limits::HOLDS, rules::OUT_OF_REACH);
}

#[test]
fn a_process_that_wakes_up_after_its_time_and_touches_the_store_is_noticed() {
    notices(Rule::WatchesOwnClock, Limits::HOLDS, rules::OUT_OF_REACH);
}

#[test]
fn a_hold_that_is_taken_once_deletion_has_begun_is_noticed() {
    notices(Rule::RefusesOnceBegun, Limits::HOLDS, rules::NOTHING_LOST);
}

#[test]
fn a_deletion_that_begins_without_asking_again_is_noticed() {
    notices(Rule::AsksAgain, Limits::HOLDS, rules::NOTHING_LOST);
}

#[test]
fn a_clean_up_that_writes_with_an_old_token_is_noticed() {
    notices(Rule::ChecksToken, Limits::HOLDS, rules::ONE_SWEEPER);
}

#[test]
fn a_recording_that_goes_before_its_tombstone_is_noticed() {
    notices(Rule::BuriesFirst, Limits::RESTORES, rules::KEPT_IS_THERE);
}

#[test]
fn a_restored_database_that_is_believed_at_once_is_noticed() {
    notices(Rule::ClosesAfterRestore, Limits::RESTORES, rules::NOTHING_BACK);
}

#[test]
fn a_restore_that_leaves_out_the_tombstones_is_noticed() {
    notices(Rule::RestoreBuries, Limits::RESTORES, rules::NOTHING_BACK);
}

#[test]
fn a_restore_that_forgets_what_was_delivered_since_is_noticed() {
    notices(Rule::AdoptsOrphans, Limits::RESTORES, rules::NOTHING_FORGOTTEN);
}

#[test]
fn a_restore_that_forgets_the_orders_since_is_noticed() {
    notices(Rule::RestoreOrders, Limits::RESTORES, rules::NOTHING_LOST);
}

#[test]
fn an_order_that_is_promised_before_it_is_noted_is_noticed() {
    notices(Rule::NotesOrderFirst, Limits::RESTORES, rules::NOTHING_LOST);
}

#[test]
fn a_release_that_is_noted_before_it_is_done_is_noticed() {
    notices(Rule::NotesReleaseLast, Limits::RESTORES, rules::NOTHING_LOST);
}

#[test]
fn a_restore_beneath_processes_that_still_write_is_noticed() {
    notices(Rule::RestoreWaits, Limits::LATE, rules::NOT_EARLY);
}

#[test]
fn a_site_that_confirms_while_something_of_before_lies_there_is_noticed() {
    notices(Rule::ConfirmsAfterDoing, Limits::ERASURES, rules::NOT_EARLY);
}

#[test]
fn a_confirmation_that_counts_while_a_delivery_is_on_its_way_is_noticed() {
    notices(Rule::CountsWhenNothingIsOnItsWay, Limits::ERASURES, rules::NOT_EARLY);
}

#[test]
fn what_is_left_of_a_delivery_that_never_ends_is_noticed() {
    notices(Rule::BuriesWhatNeverArrived, Limits::ERASURES, rules::NOT_EARLY);
}

#[test]
fn a_request_that_closes_without_every_site_is_noticed() {
    notices(Rule::ClosesWhenAllConfirmed, Limits::ERASURES, rules::NOT_EARLY);
}

#[test]
fn a_site_that_deletes_by_old_orders_is_noticed() {
    notices(Rule::SweepsUnderFreshOrders, Limits::HOLDS, rules::NOTHING_LOST);
}
