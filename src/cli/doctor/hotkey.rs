//! Checks that the record key works on this desktop, if there is one.

use std::env;

use super::{super::hotkey, Check};
use retrocall_desk::hotkey::{Binding, Button};
use retrocall_settings::Settings;

pub(super) fn checks(settings: &Settings) -> Vec<Check> {
    let is_set = |name| env::var_os(name).is_some_and(|value| !value.is_empty());
    // The portal would ask the person, who did not ask for a key.
    if is_set("WAYLAND_DISPLAY") || !is_set("DISPLAY") {
        return vec![Check::ok("hotkey", "not looked at: run `retrocall hotkey --test` in an agent's desktop session")];
    }
    let Some(combo) = settings.hotkey.record else {
        return vec![Check::ok("hotkey", "no record key is set")];
    };
    vec![Check { check: "hotkey", ..hotkey::test::key(&Binding { button: Button::Record, combo }, false) }]
}
