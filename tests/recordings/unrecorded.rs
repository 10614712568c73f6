//! What the engine writes, as the kernel sees it: nothing of a call that nobody recorded.

use std::{fs, path::Path, process::Command};

use crate::desk::{Home, Sound, Traces};

/// The system calls by which bytes could leave the engine for a disk.
const WAYS_OUT: &str = "trace=write,pwrite64,writev,pwritev,pwritev2,sendto,sendmsg,sendmmsg,splice,vmsplice,tee,sendfile,\
                        copy_file_range,io_uring_setup,io_uring_enter,ftruncate,msync";

/// What an engine wrote.
struct Written {
    /// All of it that could be seen.
    seen: Vec<u8>,
    /// How many bytes came from memory that only the engine itself can read: where it keeps audio.
    unseen_bytes: usize,
}

impl Written {
    /// From a trace of `strace -xx`: bytes stand in quotes, and in place of what it may not read stands an address.
    fn of_trace(trace: &str) -> Written {
        for way in ["splice(", "vmsplice(", "tee(", "sendfile(", "copy_file_range(", "io_uring_"] {
            assert!(!trace.contains(&format!(" {way}")), "the engine uses {way}, which shows no bytes");
        }
        let mut written = Written { seen: Vec::new(), unseen_bytes: 0 };
        let hex = |byte: &str| u8::from_str_radix(byte, 16).expect("a byte in hexadecimal");
        for line in trace.lines() {
            for text in line.split('"').skip(1).step_by(2) {
                written.seen.extend(text.split("\\x").skip(1).map(hex));
                // Lest the end of one write and the begin of the next look like something.
                written.seen.extend([0; 8]);
            }
            // `write(19, 0x7fa6fc538000, 65536) = 65536`, and `iov_base=0x7fa6fc538000, iov_len=65536`.
            for (before, after) in line.match_indices(", ").map(|(at, _)| line.split_at(at)) {
                let what = before.rsplit([' ', '{']).next().unwrap_or_default();
                if what.starts_with("0x") || what.starts_with("iov_base=0x") {
                    let digits = after.trim_start_matches(|c: char| !c.is_ascii_digit());
                    let digits = digits.split(|c: char| !c.is_ascii_digit()).next().unwrap_or_default();
                    written.unseen_bytes += digits.parse::<usize>().expect("a length");
                }
            }
        }
        written
    }
}

/// Plays a call to an engine under `strace` and says what the engine wrote, to wherever. None, and a line, if there is no `strace`.
fn everything_written(call: &Path, flags: &[&str]) -> Option<Written> {
    let allowed = Command::new("strace").args(["-o", "/dev/null", "true"]).output();
    if !allowed.is_ok_and(|output| output.status.success()) {
        crate::skip::skip("strace is not installed or not allowed here, so nobody looked at what the engine writes");
        return None;
    }
    // With its tables made: the first start alone writes as much as a minute of talk.
    let home = Home::new().start(&["--one-in", "0"]).stop();
    let trace = home.beside("trace");
    let before = ["strace", "-f", "-xx", "-s", "10000000", "-e", WAYS_OUT, "-o", trace.to_str().expect("a path")];
    let desk = home.start_under(&before, &["--one-in", "0"]);
    desk.replay(call, flags);
    // The trace is whole once strace has ended, and there as long as the home.
    let _home = desk.stop();
    Some(Written::of_trace(&fs::read_to_string(trace).expect("a trace")))
}

#[test]
fn the_engine_writes_nothing_of_a_call_that_nobody_recorded_not_even_packed() {
    let folder = Home::new();
    let call = folder.beside("call.wav");
    let sound = Sound::noise(8_000, 320_000, 8);
    sound.save(&call);
    let (traces, audio_bytes) = (Traces::of(&sound, 0, sound.len()), 4 * sound.len());
    // The same look finds a call that was recorded: it is a look that sees.
    let Some(recorded) = everything_written(&call, &["--record-at", "5"]) else { return };
    assert!(traces.are_in(&recorded.seen) || recorded.unseen_bytes >= audio_bytes);
    println!("recorded: {} bytes seen, {} unseen", recorded.seen.len(), recorded.unseen_bytes);
    let written = everything_written(&call, &[]).expect("it was there a moment ago");
    println!("not recorded: {} bytes seen, {} unseen", written.seen.len(), written.unseen_bytes);
    assert!(!traces.are_in(&written.seen), "audio of a call that nobody recorded was written");
    // Only root may look into the engine at all: anybody else is shown addresses, and can only count.
    if written.seen.windows(10).any(|bytes| bytes == b"call-began") {
        assert_eq!(written.unseen_bytes, 0, "something was written from the memory where audio is");
    } else {
        crate::skip::skip("not root, so what the engine writes was counted and not looked at");
    }
    // In whatever form, forty seconds of noise need more room than this: it is the catalog, the log and the socket's answers.
    let bytes = written.seen.len() + written.unseen_bytes;
    assert!(bytes < audio_bytes / 2, "{bytes} bytes were written");
}
