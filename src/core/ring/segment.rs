//! A segment of a leg: its words, and who may touch them when.
//!
//! Belongs here: the right to touch. Everything that reads or writes a segment points here.
//!
//! ```text
//!    0       1      2          3       4
//!  ┌───────┬──────┬──────────┬───────┬─────────┬─────────┬─ ─ ─┬─────────┬───────┐
//!  │ arena │ next │ previous │ first │ block   │ block   │     │ block   │ zeros │
//!  └───────┴──────┴──────────┴───────┴─────────┴─────────┴─ ─ ─┴─────────┴───────┘
//! ```
//!
//! # Who may touch a segment
//!
//! | words | who may read them | who may write them |
//! |---|---|---|
//! | of a free segment | the arena, word 0 | the arena, word 0 |
//! | of a segment that the writer has taken and not linked | the writer | the writer |
//! | of the leg's last segment, behind the frontier | the writer | the writer |
//! | before the frontier | whoever holds the ring's lock and has loaded the frontier | whoever holds the ring's lock |
//!
//! - The frontier passes from the writer to the others by its Release and their Acquire ([`super::leg::LegShared::frontier`]): whoever loads it
//!   sees all words before it.
//! - The lock passes from one of the others to the next.
//! - Two words before the frontier stay the writer's, and are only ever used as atomics: the header of a run of silence that ends at the frontier,
//!   because the run may grow; and the link to the next segment, which is stored once.
//! - A segment goes back to the arena with the lock held: one that has a next, once the frontier has reached that ([`super::Ring::drop_before`]); all of
//!   them once the gate is closed, behind which the writer touches nothing ([`super::Ring::wipe`]).
//!
//! So nobody writes the payload of a block while another reads or writes it, and vectors may lie over its words that are no atomics.

/// Words of a segment that the ring uses for itself. Word 0 is the arena's.
pub(super) mod word {
    /// Link to the next segment of the leg. Stored once, before the frontier passes into that segment.
    pub const NEXT: usize = 1;
    /// Link to the segment before; none in the first segment that is held.
    pub const PREVIOUS: usize = 2;
    /// Position of the first sample of the segment: the position behind the last one of the segment before.
    pub const FIRST: usize = 3;
    /// The first block.
    pub const BLOCKS: usize = 4;
}
