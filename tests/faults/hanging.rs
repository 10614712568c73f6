//! A disk that hangs in the middle of calls: a real file system that is frozen, so that whoever writes to it waits until it thaws.

use retrocall::protocol::Ask;

use crate::{
    Talk,
    desk::{Desk, Home, Sound},
    disk::{trouble, well},
    ice::IceBox,
    rig, row_when, status,
};

#[test]
fn a_disk_that_hangs_is_told_to_who_pressed_holds_up_nobody_and_gets_all_of_the_call_when_it_answers() {
    if !crate::skip::is_root("a disk that hangs (mount, fsfreeze)") {
        return;
    }
    let home = Home::new();
    let Some(disk) = IceBox::over(&home, &home.path().join("recordings")) else { return };
    let (seed, _) = rig::random("disk hangs");
    let desk: Desk = home.start(&["--one-in", "0", "--memory", "16MiB"]);
    let [mut first, mut second, mut other] = [1, 2, 3].map(|call| Talk::begin(&desk, "anna", 8_000, 20, seed + call));
    first.speak(1.0);
    first.line.accepted(Ask::Record);
    second.speak(1.0);
    let frozen = disk.freeze();
    first.speak(2.0);
    let text = trouble(&mut first);
    assert!(text.contains("takes longer than") && text.contains("check the disk"), "{text}");
    // Whoever presses now is told at once, and everybody talks on.
    let text = second.line.accepted(Ask::Record).text.expect("words about the disk");
    assert!(text.contains("kept in memory") && text.contains("takes longer than"), "{text}");
    for talk in [&mut first, &mut second, &mut other] {
        talk.speak(2.0);
    }
    first.line.end();
    other.line.end();
    let now = status(&mut desk.client());
    assert_eq!((now.calls, now.commits), (1, 1), "an ended call waits for its disk, another one was wiped");
    assert!(now.disk_trouble.is_some_and(|text| text.contains("takes longer than")));
    drop(frozen);
    well(&mut first);
    Sound::of_recording(&first.line.kept()).assert_is(&first.has_said());
    second.speak(1.0);
    Sound::of_recording(&second.line.end_and_keep()).assert_is(&second.has_said());
    for talk in [&first, &second] {
        row_when(&desk, talk.call(), "complete");
    }
    assert_eq!(desk.run(&["check"]).code, 0);
    desk.stop();
}
