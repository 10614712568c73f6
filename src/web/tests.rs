//! The pages, asked as a browser asks, without a socket: a home with a day that is over, people with passwords, and what comes back.

mod api;
mod browser;
mod cases;
mod confined;
mod decisions;
mod doors;
mod holds;
mod home;
mod live;
mod mine;
mod next;
mod recorder;
mod requests;
mod rights;
#[path = "../../tests/skip/mod.rs"]
mod skip;
mod tls;

use browser::{Browser, Got};
use home::{Home, PASSWORD};
