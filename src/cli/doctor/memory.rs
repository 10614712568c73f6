//! Checks that live audio can be held in locked memory, and how much of it.

use std::fs;

use nix::sys::resource::{RLIM_INFINITY, Resource, getrlimit};

use super::{super::output, Check};
use retrocall_core::{
    barrier::{self, Barrier},
    memory::{Headroom, LockedBuffer, MemoryKind},
};
use retrocall_settings::{Level, Settings};

/// The engine's memory without a setting.
const MEMORY_BYTES: u64 = 256 << 20;
/// CAP_IPC_LOCK, as a bit of the effective set (linux/capability.h).
const CAP_IPC_LOCK: u64 = 1 << 14;

pub(super) fn checks(settings: &Settings) -> Vec<Check> {
    let kind = LockedBuffer::new(1, false).map(|buffer| buffer.kind());
    let swap = fs::read_to_string("/proc/swaps").unwrap_or_default();
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let limit = getrlimit(Resource::RLIMIT_MEMLOCK).map_or(0, |(soft, _)| soft);
    let lockable = if limit == RLIM_INFINITY || may_lock_all(&status) { None } else { Some(limit) };
    vec![
        match &kind {
            Ok(MemoryKind::Secret) => {
                Check::ok("memory", "memfd_secret works: locked, and out of other processes' reach")
            }
            Ok(kind) => Check::ok("memory", format!("{kind} works: locked (this kernel offers no memfd_secret)")),
            Err(error) => Check::fail("memory", "no memory can be locked", error.to_string()),
        },
        limit_check(lockable, settings),
        room_check(Headroom::look(), settings),
        swap_check(&swap, kind.ok()),
        barrier_check(barrier::probe(), settings),
    ]
}

/// Whether this process may exceed the limit on locked memory.
fn may_lock_all(status: &str) -> bool {
    let effective = status.lines().find_map(|line| line.strip_prefix("CapEff:"));
    effective.and_then(|hex| u64::from_str_radix(hex.trim(), 16).ok()).is_some_and(|caps| caps & CAP_IPC_LOCK != 0)
}

fn limit_check(lockable: Option<u64>, settings: &Settings) -> Check {
    const RAISE: &str = "raise it: `ulimit -l KIB` in the shell, or LimitMEMLOCK= in the systemd unit";
    let Some(lockable) = lockable else {
        return Check::ok("memlock", "this user may lock as much memory as there is");
    };
    let (may, usual) = (output::size(lockable), output::size(MEMORY_BYTES));
    match settings.memory {
        Some(asked) if asked > lockable && settings.allow_unlocked => Check::warn(
            "memlock",
            format!("only {may} can be locked, {} are asked for: the engine runs degraded", output::size(asked)),
            RAISE,
        ),
        Some(asked) if asked > lockable => Check::fail(
            "memlock",
            format!("only {may} can be locked, {} are asked for: the engine will not start", output::size(asked)),
            format!("{RAISE}; or ask for less in retrocall.toml"),
        ),
        None if lockable < MEMORY_BYTES => Check::warn(
            "memlock",
            format!("only {may} can be locked, {usual} are usual: the engine runs with less room for calls"),
            RAISE,
        ),
        _ => Check::ok("memlock", format!("{may} can be locked")),
    }
}

/// Checks that the machine, and this shell's control group, have as much memory as the settings ask for.
fn room_check(room: Option<Headroom>, settings: &Settings) -> Check {
    let Some(room) = room else { return Check::ok("room", "this system does not say how much memory there is") };
    let less = "ask for less (memory in retrocall.toml)";
    match settings.memory {
        Some(asked) if asked > room.bytes => Check::fail(
            "room",
            format!("{room}, {} are asked for: the engine will not start", output::size(asked)),
            format!("{}; or {less}", room.how_to_raise()),
        ),
        None if room.bytes < MEMORY_BYTES => Check::warn(
            "room",
            format!("{room}, {} are usual: the engine runs with less room for calls", output::size(MEMORY_BYTES)),
            room.how_to_raise(),
        ),
        _ => Check::ok("room", room.to_string()),
    }
}

/// Checks what keeps audio threads from writing files.
fn barrier_check(barrier: Barrier, settings: &Settings) -> Check {
    const TODO: &str = "use a kernel with Landlock (5.13 or newer, `landlock` among the lsm= of its command line)";
    match barrier {
        Barrier::Full => Check::ok("barrier", "the kernel keeps threads with live audio from writing files (Landlock)"),
        Barrier::Partial => Check::ok(
            "barrier",
            "the kernel keeps threads with live audio from writing files (an older Landlock, without every finer right)",
        ),
        Barrier::None if settings.guarantee >= Level::Barred && !settings.allow_unlocked => Check::fail(
            "barrier",
            format!(
                "this kernel has no Landlock: with guarantee = \"{}\" the engine will not start",
                settings.guarantee
            ),
            TODO,
        ),
        Barrier::None => Check::warn(
            "barrier",
            "this kernel has no Landlock: only the program itself keeps threads with live audio from writing files",
            TODO,
        ),
    }
}

/// Checks for swap and hibernation: locked memory is never swapped, but a hibernation image has all memory that is not secret.
fn swap_check(swaps: &str, kind: Option<MemoryKind>) -> Check {
    match (swaps.lines().count() > 1, kind) {
        (false, _) => Check::ok("swap", "there is no swap"),
        (true, Some(MemoryKind::Secret)) => Check::ok("swap", "there is swap, and live audio is never written to it"),
        (true, Some(_)) => Check::warn(
            "swap",
            "there is swap: locked memory is never written to it, but hibernation would write it",
            "turn hibernation off on this machine",
        ),
        (true, None) => Check::warn(
            "swap",
            "there is swap, and memory that is not locked can be written to it",
            "turn swap off (`swapoff -a`), encrypt it, or make locking work",
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::{super::State, *};
    use retrocall_core::memory::Limit;

    #[test]
    fn a_limit_below_what_is_asked_for_keeps_the_engine_from_starting_and_says_so() {
        let asked = |memory, allow_unlocked| Settings { memory, allow_unlocked, ..Settings::default() };
        let state = |lockable, memory, unlocked| limit_check(lockable, &asked(memory, unlocked)).state;
        assert_eq!(state(Some(8 << 20), Some(64 << 20), false), State::Fail);
        assert_eq!(state(Some(8 << 20), Some(64 << 20), true), State::Warn);
        assert_eq!(state(Some(8 << 20), None, false), State::Warn);
        assert_eq!(state(Some(64 << 20), Some(64 << 20), false), State::Ok);
        assert_eq!(state(None, Some(1 << 40), false), State::Ok);
    }

    #[test]
    fn a_container_that_is_too_small_is_named_with_the_file_that_says_so() {
        let limit = Limit::Group { file: "/sys/fs/cgroup/memory.max".into(), bytes: 96 << 20 };
        let check = |memory| {
            let room = Headroom { bytes: 60 << 20, limit: limit.clone() };
            room_check(Some(room), &Settings { memory, ..Settings::default() })
        };
        let refused = check(Some(64 << 20));
        assert!(refused.state == State::Fail && refused.text.contains("/sys/fs/cgroup/memory.max"), "{refused:?}");
        assert_eq!([check(None).state, check(Some(32 << 20)).state], [State::Warn, State::Ok]);
    }

    #[test]
    fn the_capability_to_lock_is_read_from_the_right_bit() {
        assert!(may_lock_all("Name:\tx\nCapEff:\t0000000000004000\n"));
        assert!(!may_lock_all("CapEff:\t0000000000000000\n"));
        assert!(!may_lock_all(""));
    }

    #[test]
    fn swap_is_a_worry_only_where_audio_can_get_there() {
        let on = "Filename Type Size UseEntry Priority\n/dev/sda2 partition 1 0 -2\n";
        assert_eq!(swap_check("Filename Type\n", None).state, State::Ok);
        assert_eq!(swap_check(on, Some(MemoryKind::Secret)).state, State::Ok);
        assert_eq!(swap_check(on, Some(MemoryKind::Locked)).state, State::Warn);
        assert_eq!(swap_check(on, None).state, State::Warn);
    }
}
