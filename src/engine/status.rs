//! The engine's status, put together from its parts.

use super::{Engine, counters::add, guarantees::locked_bytes};
use crate::watch::spool;
use retrocall_core::heart;
use retrocall_words::{Status, Totals};

impl Engine {
    /// The engine's status. It looks at every live call, so ask for it a few times a second at most.
    pub fn status(&self) -> Status {
        let (calls, audio) = self.registry.counts();
        let mut totals = Totals {
            frames: audio.frames,
            gaps: audio.gaps,
            gap_seconds: audio.gap_us as f64 / 1e6,
            late_frames: audio.late_frames,
            lost_frames: audio.lost_frames,
            ..self.counters.totals()
        };
        totals.log_lines_dropped = spool::log_dropped();
        add(&mut totals.errors, "panic", heart::panics());
        // Frames that belonged to no call are counted already.
        totals.refused_frames += audio.refused_frames;
        let book = self.book.health();
        add(&mut totals.errors, "catalog", book.troubles);
        add(&mut totals.errors, "ledger", book.left_out);
        Status {
            engine: env!("CARGO_PKG_VERSION").to_owned(),
            uptime_seconds: self.clock.since(self.started).as_secs_f64(),
            level: self.guarantees.level().to_string(),
            memory: self.arena.kind().to_string(),
            write_barrier: self.guarantees.barrier.to_string(),
            memory_bytes: self.arena.bytes(),
            held_bytes: self.arena.held_bytes(),
            free_bytes: self.arena.free_bytes(),
            ready_bytes: self.arena.ready_bytes(),
            locked_bytes: locked_bytes(&self.arena),
            calls,
            connections: self.counters.connections(),
            commits: self.committing.len(),
            catalog_notes: book.notes_waiting,
            disk_trouble: self.commits.trouble(),
            catalog_trouble: book.trouble,
            thread_trouble: heart::trouble(),
            home_trouble: self.home.trouble(),
            totals,
        }
    }
}
