//! retrocall: a real-time call-capture engine that keeps the right calls, from their first second, and no others.
//!
//! Audio goes left to right and never back: `intake` → `call` → `ring` (locked memory) → `commit` → `catalog`.
//! A room may use the rooms on lower floors, never a higher one:
//!
//! | floor | rooms |
//! |---|---|
//! | 1 | [`audio`], [`memory`], [`protocol`] |

//! | 2 | [`ring`], [`sampler`] |
//! | 2 | [`ring`], [`sampler`], [`settings`] |
//! | 3 | [`call`] |
//! | 3 | [`call`], [`commit`] |
//! | 6 | [`client`] |
//! | 7 | [`cli`] |
pub mod audio;
pub mod call;
pub mod catalog;
pub mod cli;
pub mod client;
pub mod commit;
pub mod memory;
pub mod protocol;
pub mod ring;
pub mod sampler;
pub mod settings;
