//! The guarantees that hold for the engine's live audio on this system.

use std::{fmt, fs};

use nix::sys::{prctl, resource};
use tracing::{info, warn};

use retrocall_core::{
    barrier::{self, Barrier},
    memory::{Arena, MemoryKind},
};
use retrocall_settings::Level;

/// The guarantees that hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Guarantees {
    /// What keeps the audio in memory.
    pub memory: MemoryKind,
    /// Bytes that are promised to live calls: each is locked before its use. 0 if none are locked.
    pub promised_bytes: usize,
    /// What keeps the threads that carry live audio from creating or changing files.
    pub barrier: Barrier,
    /// Whether a crash leaves no core file, and no other process of this user can look into this one.
    pub undumpable: bool,
    /// Whether the system has swap, where memory that is not locked could end up.
    pub swap: bool,
    /// Whether the system can hibernate. That writes memory to disk, locked or not, except `memfd_secret`.
    pub hibernation: bool,
}

impl Guarantees {
    /// Closes this process to others, and looks at what the system offers.
    pub(super) fn establish(arena: &Arena) -> Guarantees {
        Guarantees {
            memory: arena.kind(),
            promised_bytes: if arena.kind() == MemoryKind::Unlocked { 0 } else { arena.bytes() },
            barrier: barrier::probe(),
            undumpable: close_to_others(),
            swap: fs::read_to_string("/proc/swaps").is_ok_and(|swaps| swaps.lines().count() > 1),
            hibernation: fs::read_to_string("/sys/power/state").is_ok_and(|states| states.contains("disk")),
        }
    }

    /// The highest level that holds.
    pub fn level(&self) -> Level {
        match (self.memory, self.barrier, self.undumpable) {
            (MemoryKind::Unlocked, ..) => Level::Unlocked,
            (MemoryKind::Secret, Barrier::Partial | Barrier::Full, true) => Level::Secret,
            (_, Barrier::Partial | Barrier::Full, true) => Level::Barred,
            _ => Level::Locked,
        }
    }

    /// Logs the guarantees, and warns of those that do not hold.
    pub(super) fn say(&self, arena: &Arena) {
        info!(
            level = %self.level(), memory = %self.memory, promised_mib = self.promised_bytes >> 20,
            locked_now_mib = locked_bytes(arena) >> 20, write_barrier = %self.barrier,
            undumpable = self.undumpable, swap = self.swap, hibernation = self.hibernation, "guarantees"
        );
        if self.memory == MemoryKind::Unlocked {
            warn!("DEGRADED: memory is not locked, and live calls may be swapped to disk (--allow-unlocked)");
        }
        if self.barrier == Barrier::None {
            warn!(
                "this kernel has no Landlock: only the program itself keeps threads with live audio from writing files"
            );
        }
        if !self.undumpable {
            warn!("other processes of this user may look into the engine's memory");
        }
        if self.hibernation && self.memory != MemoryKind::Secret {
            warn!("the system can hibernate, and this memory would be in its image: turn hibernation off");
        }
    }
}

impl fmt::Display for Guarantees {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "memory {}, write barrier {}", self.memory, self.barrier)?;
        if self.undumpable { Ok(()) } else { f.write_str(", open to other processes of this user") }
    }
}

/// Bytes for live audio that are locked now: all that was ever faulted in. The rest of the limit is promised.
pub(super) fn locked_bytes(arena: &Arena) -> usize {
    match arena.kind() {
        MemoryKind::Unlocked => 0,
        _ => arena.held_bytes() + arena.ready_bytes(),
    }
}

/// Forbids core files, debuggers and reads of `/proc/PID/mem` by others. Returns whether the system agreed.
fn close_to_others() -> bool {
    #[cfg(feature = "planted-leaks")]
    if retrocall_core::leaks::opens_to_cores() {
        return false;
    }
    let no_core = resource::setrlimit(resource::Resource::RLIMIT_CORE, 0, 0);
    prctl::set_dumpable(false).is_ok() && no_core.is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_level_is_that_of_the_weakest_part() {
        let best = Guarantees {
            memory: MemoryKind::Secret,
            promised_bytes: 1,
            barrier: Barrier::Full,
            undumpable: true,
            swap: false,
            hibernation: false,
        };
        let level = |change: fn(&mut Guarantees)| {
            let mut changed = best.clone();
            change(&mut changed);
            changed.level()
        };
        assert_eq!(level(|_| {}), Level::Secret);
        assert_eq!(level(|g| g.barrier = Barrier::Partial), Level::Secret);
        assert_eq!(level(|g| g.memory = MemoryKind::Locked), Level::Barred);
        assert_eq!(level(|g| g.barrier = Barrier::None), Level::Locked);
        assert_eq!(level(|g| g.undumpable = false), Level::Locked);
        assert_eq!(level(|g| g.memory = MemoryKind::Unlocked), Level::Unlocked);
        assert!(Level::Unlocked < Level::Locked && Level::Locked < Level::Barred && Level::Barred < Level::Secret);
    }
}
