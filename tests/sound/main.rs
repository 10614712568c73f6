//! Calls from sound devices and from a softphone that nobody here wrote: the real program, real sound systems, a real phone.

#[path = "../desk/mod.rs"]
mod desk;
mod measure;
mod phones;
mod pipes;
mod returns;
#[allow(dead_code, reason = "the hotkey's own tests press in more ways")]
#[path = "../hotkey/screen.rs"]
mod screen;
mod server;
#[path = "../skip/mod.rs"]
mod skip;

/// Whether these programs are there.
fn have(programs: &[&str]) -> bool {
    programs.iter().all(|program| skip::is_installed(program))
}
