//! Which threads go first where fewer cores than threads have something to do.
//!
//! Belongs here: how a thread gives way. Does not: which threads do; the crates that start them decide.

use crate::system;

/// The nice value of a thread that gives way. If a thread that carries live audio or answers a press wants the same core, the other gets a third
/// of its share.
const BEHIND: i32 = 5;

/// Makes the calling thread, and those that it starts, give way to the rest of the process from now on. A press wakes the threads that write files and
/// the catalog; on two cores these took a millisecond of the answer's time. Nor does a thread that gives way take the core from the one that wakes it.
///
/// Nothing depends on it: where the system refuses, all threads are equal.
///
/// ```
/// use retrocall_core::priority;
///
/// let writing = std::thread::spawn(|| {
///     priority::give_way();
///     // Write files here.
/// });
/// writing.join().expect("it ends");
/// ```
pub fn give_way() {
    let _ = system::raise_nice(BEHIND);
    let _ = system::set_batch();
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    /// The nice value of this thread: proc_pid_stat(5), the seventeenth field behind its name.
    fn own() -> i32 {
        let stat = fs::read_to_string("/proc/thread-self/stat").expect("Linux has it");
        let (_, fields) = stat.rsplit_once(')').expect("the name ends");
        fields.split_whitespace().nth(16).and_then(|nice| nice.parse().ok()).expect("a number")
    }

    #[test]
    fn only_the_thread_that_gives_way_goes_behind() {
        let before = own();
        let other = std::thread::spawn(move || {
            give_way();
            let given = own();
            // Whoever is farther behind, as all of a process that was started by `nice` is, stays there.
            let _ = system::raise_nice(BEHIND + 3);
            give_way();
            (given, own())
        });
        let (given, later) = other.join().expect("it ends");
        assert!(given >= before.max(BEHIND), "{given} after {before}");
        assert!(later >= given.max(BEHIND + 3), "{later} after {given}");
        assert_eq!(own(), before);
    }
}
