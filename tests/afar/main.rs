//! The button from afar: engines, their links and a centre, as processes or played, and what becomes of presses between them.

#[path = "../../src/records/tests/cluster.rs"]
#[allow(dead_code)]
mod cluster;
mod crowd;
#[path = "../desk/mod.rs"]
mod desk;
#[path = "../centre/machines.rs"]
#[allow(dead_code)]
mod machines;
mod presses;
#[path = "../pages/process.rs"]
#[allow(dead_code)]
mod process;
mod proxy;
#[path = "../hotkey/screen.rs"]
#[allow(dead_code)]
mod screen;
#[path = "../skip/mod.rs"]
mod skip;
#[path = "../centre/sql.rs"]
mod sql;
