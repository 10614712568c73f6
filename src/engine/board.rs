//! The engine in counts, for an administrator at the desk. Nothing here tells the draw.
//!
//! Belongs here: counting, and what is left out. Does not: the owner's status (`status`), who may ask.

use super::Engine;
use retrocall_words::{Board, BoardCalls, BoardLevels, BoardTrouble, LiveState, Status};

impl Engine {
    /// The engine in counts. It looks at every live call, so ask for it a few times a second at most.
    pub fn board(&self) -> Board {
        let Status { engine, uptime_seconds, level, memory_bytes, connections, totals, .. } = self.status();
        let (calls, [agent_levels, customer_levels], held_bytes) = self.count_calls();
        let health = [
            (BoardTrouble::Disk, self.commits.trouble().is_some()),
            (BoardTrouble::Catalog, self.book.health().trouble.is_some()),
            (BoardTrouble::Home, self.home.trouble().is_some()),
            (BoardTrouble::Thread, retrocall_core::heart::trouble().is_some()),
        ];
        Board {
            engine,
            uptime_seconds,
            level,
            calls,
            agent_levels,
            customer_levels,
            memory_bytes,
            held_percent: (100 * held_bytes / memory_bytes.max(1)).min(100) as u8,
            connections,
            commits: self.committing.asked_for(),
            troubles: health.into_iter().filter(|(_, is_so)| *is_so).map(|(trouble, _)| trouble).collect(),
            errors: totals.errors,
            calls_begun: totals.calls_begun,
            calls_refused: totals.calls_refused,
            presses_refused: totals.presses_refused,
            lost_frames: totals.lost_frames,
            log_lines_dropped: totals.log_lines_dropped,
        }
    }

    fn count_calls(&self) -> (BoardCalls, [BoardLevels; 2], usize) {
        let (mut calls, mut levels, mut held_bytes) = (BoardCalls::default(), [BoardLevels::default(); 2], 0);
        for entry in self.registry.all() {
            let state = entry.state.lock();
            let Some(view) = state.call.as_ref().map(|call| call.view(!state.slots.are_lost(), true)) else { continue };
            drop(state);
            calls.live += 1;
            let states = view.states;
            let is_so = [
                (&mut calls.disconnected, view.state == LiveState::Disconnected),
                (&mut calls.ended, view.state == LiveState::Ended),
                (&mut calls.asked_for, states.recording || states.copy),
                (&mut calls.masked, states.masked),
                (&mut calls.on_hold, states.on_hold),
                (&mut calls.private, states.private || view.exempt),
            ];
            is_so.into_iter().filter(|(_, is_so)| *is_so).for_each(|(count, _)| *count += 1);
            if view.state == LiveState::Ended {
                continue;
            }
            held_bytes += view.held_bytes.unwrap_or_default();
            levels[0].count(view.agent_leg.level_dbfs);
            levels[1].count(view.customer_leg.level_dbfs);
        }
        (calls, levels, held_bytes)
    }
}
