//! Which threads go first where there are fewer cores than threads with something to do.
//!
//! Belongs here: how a thread gives way. Does not: which threads those are; that is for the rooms that start them.

/// How far behind those that carry live audio and answer presses: a third of their share of a core, when both want it.
const BEHIND: i32 = 5;

/// The calling thread, and those that it starts, give way to the rest of the process from now on (setpriority(2), which Linux takes for a
/// thread). A press wakes the threads that write files and the catalog; on two cores these took a millisecond of the answer's time.
///
/// Nothing depends on it: where the system refuses, all threads are equal.
pub fn give_way() {
    let _ = rustix::process::setpriority_process(None, BEHIND);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_thread_that_gives_way_goes_behind() {
        let own = || rustix::process::getpriority_process(None).expect("it is known");
        let before = own();
        let other = std::thread::spawn(move || {
            give_way();
            own()
        });
        assert!(other.join().expect("it ends") >= before.max(BEHIND));
        assert_eq!(own(), before);
    }
}
