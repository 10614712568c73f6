//! The wait-free heart: locked memory, the ring, and the means that all threads share.
//!
//! Belongs here: memory, the ring, the kernel's barrier around a thread, its priority, its signs of life. Does not: files, sockets, decisions about a
//! call.
//!
//! A call from its first frame to its end:
//!
//! ```
//! use std::sync::Arc;
//!
//! use retrocall_core::{
//!     memory::{Arena, MapError},
//!     ring::{Ring, Span},
//! };
//! use retrocall_words::audio::Leg;
//!
//! // At start: memory for all calls. `true`: go on if it can't be locked.
//! let arena = Arc::new(Arena::new(16 << 20, true)?);
//! // A call begins. Each leg has a writer, which may be on a thread of its own.
//! let (ring, [mut agent, _customer]) = Ring::new(Arc::clone(&arena));
//! for frame in 0..100 {
//!     agent.provision(160);
//!     agent.push(160 * frame, &[7; 160]);
//! }
//! // The button is pressed: the call is read from its beginning, while it goes on.
//! ring.set_selected(true);
//! let (mut reader, mut second) = (ring.reader(), [0; 8_000]);
//! reader.read(Leg::Agent, 0, &mut second);
//! assert_eq!(second, [7; 8_000]);
//! // The customer reads out a card's number: from now on nothing is held.
//! ring.silence(Leg::Customer, &[Span { from: ring.end(), to: u64::MAX }]).expect("room for one");
//! // The call ends, and leaves nothing in memory.
//! drop(agent);
//! ring.wipe();
//! assert_eq!(arena.held_bytes(), 0);
//! # Ok::<(), MapError>(())
//! ```
// For RealtimeSanitizer (`make rtsan`), and there alone.
#![cfg_attr(rtsan, feature(sanitize))]

pub mod barrier;
pub mod heart;
#[cfg(feature = "planted-leaks")]
pub mod leaks;
pub mod memory;
pub mod priority;
pub mod ring;
pub mod system;

#[cfg(test)]
#[path = "../../tests/skip/mod.rs"]
mod skip;
