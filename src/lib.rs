//! retrocall: a real-time call-capture engine that keeps the right calls, from their first second, and no others.
//!
//! Audio goes left to right and never back: `intake` → `call` → `ring` (locked memory) → `commit` → `catalog`.
//! A room may use the rooms on lower floors, never a higher one:
//!
//! | floor | rooms |
//! |---|---|
//! | 1 | [`audio`], [`barrier`], [`memory`], [`priority`], [`protocol`], [`settings`] |
//! | 2 | [`ring`], [`sampler`], [`watch`] |
//! | 3 | [`commit`], [`call`], [`catalog`] |
//! | 4 | [`check`] |
//! | 5 | [`engine`] |
//! | 6 | [`intake`], [`client`], [`capture`], [`hotkey`] |
//! | 7 | [`cli`], [`conform`], [`proof`], [`mod@bench`] |
// For RealtimeSanitizer (`make rtsan`), and there alone.
#![cfg_attr(rtsan, feature(sanitize))]

pub mod audio;
pub mod barrier;
pub mod bench;
pub mod call;
pub mod capture;
pub mod catalog;
pub mod check;
pub mod cli;
pub mod client;
pub mod commit;
pub mod conform;
pub mod engine;
pub mod hotkey;
pub mod intake;
#[cfg(feature = "planted-leaks")]
pub mod leaks;
pub mod memory;
pub mod priority;
pub mod proof;
pub mod protocol;
pub mod ring;
pub mod sampler;
pub mod settings;
pub mod watch;

#[cfg(all(feature = "planted-leaks", not(debug_assertions)))]
compile_error!("the feature `planted-leaks` is for tests: a program that leaks on purpose must not be released");

#[cfg(test)]
#[path = "../tests/skip/mod.rs"]
mod skip;

/// Lets tests prove that the path of a frame allocates nothing.
#[cfg(test)]
#[global_allocator]
static ALLOCATOR: assert_no_alloc::AllocDisabler = assert_no_alloc::AllocDisabler;
