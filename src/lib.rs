//! retrocall: a real-time call-capture engine that keeps the right calls, from their first second, and no others.
//!
//! Audio goes left to right and never back: `intake` → `call` → `ring` (locked memory) → `commit` → `catalog`.
//! A room may use the rooms on lower floors, never a higher one:
//!
//! | floor | rooms |
//! |---|---|
//! | 1 | [`audio`], [`memory`], [`protocol`] |
//! | 2 | [`ring`], [`sampler`] |
//! | 3 | [`call`], [`commit`] |

pub mod audio;
pub mod call;
pub mod catalog;
pub mod commit;
pub mod memory;
pub mod protocol;
pub mod ring;
pub mod sampler;
