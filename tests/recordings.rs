//! A call that was recorded is on disk as it was said, and nothing else is: through the real program and its real socket.

mod desk;

use desk::{Desk, Sound, fixture};

#[test]
fn a_call_recorded_late_is_kept_from_its_first_second_to_its_last() {
    let desk = Desk::open(&["--one-in", "0"]);
    let call = fixture("talk-8k.wav");
    let told = desk.replay(&call, &["--agent", "anna", "--record-at", "40"]);
    assert_eq!(told["record"], "accepted", "{told}");
    let path = told["path"].as_str().expect("a path");
    Sound::of_recording(path.as_ref()).assert_is(&Sound::of_call(&call));
    desk.stop();
}
