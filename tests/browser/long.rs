//! A recording of two hours: how long a person waits until it can be used.

use std::{fs, io::Write as _};

use super::{
    chromium::{Chromium, DESK},
    desk::{Desk, fixture, wait_for},
    stage::Stage,
};

/// How often a call of 45 s is said to make two hours of it.
const TIMES: usize = 160;
/// Bytes of the header of a fixture.
const HEAD_BYTES: usize = 44;

/// Two hours of talk, as a WAV file of one fixture again and again.
fn two_hours(to: &std::path::Path) {
    let talk = fs::read(fixture("talk-8k.wav")).expect("a fixture");
    let (head, sound) = talk.split_at(HEAD_BYTES);
    let bytes = (sound.len() * TIMES) as u32;
    let mut file = fs::File::create(to).expect("a file");
    let mut write = |bytes: &[u8]| file.write_all(bytes).expect("written");
    write(&head[..4]);
    write(&(bytes + HEAD_BYTES as u32 - 8).to_le_bytes());
    write(&head[8..HEAD_BYTES - 4]);
    write(&bytes.to_le_bytes());
    (0..TIMES).for_each(|_| write(sound));
}

/// Until the picture of both legs is drawn and the sound can be played, after a press on "Listen" or a load of the page; in milliseconds.
fn until_usable(browser: &Chromium, stage: &Stage, id: &str, first: bool) -> f64 {
    browser.go(&stage.at(&format!("/recordings/{id}")));
    if first {
        browser.press("Listen");
    }
    browser.wait_until(
        "picture and sound",
        "document.querySelector('canvas.wave')?.width > 300 && document.querySelector('audio').readyState >= 1 \
         && performance.getEntriesByType('resource').some((one) => one.name.includes('/peaks') && one.responseEnd > 0)",
    );
    let took = browser.script(
        "const peaks = performance.getEntriesByType('resource').find((one) => one.name.includes('/peaks')); \
         return Math.max(peaks.responseEnd, performance.timing.domContentLoadedEventEnd - performance.timing.navigationStart)",
    );
    took.as_f64().expect("milliseconds")
}

#[test]
#[ignore = "writes a recording of 230 MB: `make pages`"]
fn a_recording_of_two_hours_can_be_used_at_once_and_goes_on_from_its_last_minute() {
    let Some(browser) = Chromium::start(DESK) else { return };
    let desk = Desk::open(&["--one-in", "0", "--memory", "256MiB"]);
    let file = desk.beside("two-hours.wav");
    two_hours(&file);
    desk.json(&["replay", file.to_str().expect("a path"), "--agent", "bert", "--speed", "0", "--record-at", "3600"]);
    wait_for("the recording", || (desk.recordings().len() == 1).then_some(()));
    let id = desk.recordings()[0]["id"].as_str().expect("an id").to_owned();
    let stage = Stage::beside(desk);
    stage.log_in(&browser, "tom");
    let first_ms = until_usable(&browser, &stage, &id, true);
    let again_ms = until_usable(&browser, &stage, &id, false);
    let seek_ms = browser.script_that_waits(
        "const [done, audio] = [arguments[arguments.length - 1], document.querySelector('audio')]; \
         const began = performance.now(); \
         audio.addEventListener('seeked', () => done(performance.now() - began), { once: true }); \
         audio.currentTime = 7100",
    );
    println!(
        "two hours: {first_ms:.0} ms until the first picture, {again_ms:.0} ms with the picture computed, {seek_ms} ms to another place"
    );
    assert!(first_ms < 1_000.0 && again_ms < 300.0, "{first_ms} ms, {again_ms} ms");
    assert!(seek_ms.as_f64().is_some_and(|ms| ms < 300.0), "{seek_ms} ms");
}
