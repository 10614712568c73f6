//! RealtimeSanitizer sees what it should: in `make rtsan`, where the path of a frame is marked `nonblocking`.
//!
//! A process that does on that path what may not be done there dies of it; this test starts itself once for each such thing.
#![cfg(rtsan)]
#![feature(sanitize)]

use std::{
    env, fs,
    hint::black_box,
    process::Command,
    sync::{Arc, Mutex},
    thread,
    time::Duration,
};

use retrocall::{
    audio::Leg,
    memory::Arena,
    ring::{LegWriter, Ring},
};

const PLANT: &str = "RETROCALL_TEST_PLANT";

/// A frame, and behind it what is planted.
#[sanitize(realtime = "nonblocking")]
fn frame(writer: &mut LegWriter, lock: &Mutex<u32>, plant: &str) {
    writer.push(0, &[1; 160]);
    match plant {
        "allocation" => drop(black_box(Box::new([1u8; 64]))),
        "lock" => *lock.lock().expect("nobody panics") += 1,
        "file" => drop(fs::File::open("/dev/null")),
        "log" => eprintln!("a frame has come"),
        _ => {}
    }
}

#[test]
fn whatever_blocks_behind_a_frame_is_caught() {
    if let Ok(plant) = env::var(PLANT) {
        let arena = Arc::new(Arena::new(1 << 20, true).expect("memory for a test"));
        while arena.fault_in_ahead() > 0 {}
        let (ring, [mut writer, _customer]) = Ring::new(arena);
        assert!(writer.provision(160));
        let lock = Arc::new(Mutex::new(0));
        // A lock that nobody holds takes no call of the system, and none is seen: somebody has to be waited for.
        let (held, is_held) = std::sync::mpsc::channel();
        let holder = Arc::clone(&lock);
        let holder = thread::spawn(move || {
            let _guard = holder.lock().expect("nobody panics");
            held.send(()).expect("somebody waits");
            thread::sleep(Duration::from_secs(1));
        });
        is_held.recv().expect("it is held");
        frame(&mut writer, &lock, &plant);
        holder.join().expect("the holder ends");
        assert_eq!(ring.frontier(Leg::Agent), 160);
        return;
    }
    for (plant, is_caught) in [("nothing", false), ("allocation", true), ("lock", true), ("file", true), ("log", true)]
    {
        let myself = env::current_exe().expect("a test has a file");
        let output = Command::new(myself).arg("--nocapture").env(PLANT, plant).output().expect("it starts");
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(!output.status.success(), is_caught, "{plant}: {said}");
        assert_eq!(said.contains("RealtimeSanitizer"), is_caught, "{plant}: {said}");
    }
}
