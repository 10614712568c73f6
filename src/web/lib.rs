//! The pages: what people at the desk see and decide in a browser.
//!
//! Belongs here: HTTP, HTML, sessions of browsers, the table of who may reach which route. Does not: rights on recordings, rules, SQL (the records'
//! verbs have them all), live calls (the engine's socket has).
//!
//! A process of its own, with less rights than the engine: `touch` says which files the kernel lets it touch. `routes` has the one table of routes;
//! a page is a file in `look`. What one page needs of another is in neither.
#![forbid(unsafe_code)]

mod afar;
mod answer;
mod api;
mod api_officer;
mod arriving;
mod asked;
mod assets;
mod attempts;
mod audio;
mod button;
mod cleaning;
mod copies;
mod deciding;
mod engine;
mod facts;
mod folder;
mod frame;
mod guard;
mod lately;
mod ledgers;
mod letter;
mod look;
mod not_pressed;
mod pages;
mod password;
mod plays;
mod refused;
mod routes;
mod secret;
mod serve;
mod sites;
mod stream;
#[cfg(test)]
mod tests;
mod text;
mod touch;

pub use cleaning::{objects_alone, objects_at};
pub use facts::facts_at;
pub use ledgers::{SiteLedger, verify_ledgers};
pub use letter::{Undecided, letter_of};
pub use pages::Rules;
pub use password::{PASSWORD_CHARS_MIN, TooShort, hash};
pub use secret::new as new_secret;
pub use serve::{Certificate, Listening, Setup, listen};
