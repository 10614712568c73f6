//! What the fuzzers start from, and every input that they ever found something with, through the very functions that they call.

use std::{
    fs,
    panic::{AssertUnwindSafe, catch_unwind},
    path::Path,
};

#[path = "fuzz/targets.rs"]
mod targets;

/// Runs a target over its corpus and its finds; names every file that fails.
fn replay(target: &str, run: fn(&[u8])) {
    let mut files = Vec::new();
    for folder in ["corpus", "finds"] {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fuzz").join(folder).join(target);
        for entry in fs::read_dir(&folder).into_iter().flatten() {
            files.push(entry.expect("a folder can be read").path());
        }
    }
    assert!(files.len() >= 5, "a corpus of {} files is none", files.len());
    files.sort();
    let failed: Vec<_> = files
        .into_iter()
        .filter(|file| {
            let bytes = fs::read(file).expect("a file can be read");
            catch_unwind(AssertUnwindSafe(|| run(&bytes))).is_err()
        })
        .collect();
    assert!(failed.is_empty(), "with these inputs: {failed:#?}");
}

macro_rules! replays {
    ($($test:ident: $target:ident,)+) => { $(
        #[test]
        fn $test() {
            replay(stringify!($target), targets::$target);
        }
    )+ };
}

replays! {
    any_stream_of_bytes_is_taken_apart_the_same_way_however_it_is_cut: frames,
    whatever_a_client_writes_into_shared_memory_is_a_frame_or_a_fault: shared,
    any_stream_of_audiosocket_is_taken_apart_the_same_way_however_it_is_cut: audiosocket,
    any_control_message_is_understood_or_refused_without_quoting_a_number: requests,
    any_settings_are_within_their_limits_or_refused: settings,
    any_file_given_to_replay_is_played_or_refused: wav,
    any_file_that_recovery_meets_loses_no_sample_and_is_told_apart: recovery,
    any_samples_and_controls_leave_a_ring_as_a_plain_list_would_be: ring,
    any_engine_can_say_anything_to_a_client: client,
}
