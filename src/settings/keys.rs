//! Keys of a hotkey, as people write them: `ctrl+alt+r`, `shift+f9`, `pause`.
//!
//! Key names are X11's (keysyms: X11's `keysymdef.h` and `XF86keysym.h`), in lower case and without hyphens.

use std::fmt;

/// A key, pressed while others are held.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeyCombo {
    /// Ctrl is held.
    pub ctrl: bool,
    /// Alt is held.
    pub alt: bool,
    /// Shift is held.
    pub shift: bool,
    /// The key with the system's logo is held.
    pub logo: bool,
    /// The pressed key.
    pub key: Key,
}

/// A key of a keyboard.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Key {
    /// The name as people write it.
    pub name: &'static str,
    /// Its number in X11.
    pub keysym: u32,
    /// Its name in X11 and xkbcommon, which the desktop portals take.
    pub xkb_name: &'static str,
    /// Whether nobody types text with it, so that it may be a hotkey on its own.
    alone: bool,
}

const fn typed(name: &'static str, keysym: u32, xkb_name: &'static str) -> Key {
    Key { name, keysym, xkb_name, alone: false }
}

const fn alone(name: &'static str, keysym: u32, xkb_name: &'static str) -> Key {
    Key { name, keysym, xkb_name, alone: true }
}

/// Letters and digits, whose names and keysyms are their ASCII.
const PLAIN: &str = "abcdefghijklmnopqrstuvwxyz0123456789";
/// Function keys: keyboards have twelve; keypads and stream decks can send the others.
const FUNCTION: [&str; 24] = [
    "F1", "F2", "F3", "F4", "F5", "F6", "F7", "F8", "F9", "F10", "F11", "F12", "F13", "F14", "F15", "F16", "F17",
    "F18", "F19", "F20", "F21", "F22", "F23", "F24",
];
const FUNCTION_NAMES: [&str; 24] = [
    "f1", "f2", "f3", "f4", "f5", "f6", "f7", "f8", "f9", "f10", "f11", "f12", "f13", "f14", "f15", "f16", "f17",
    "f18", "f19", "f20", "f21", "f22", "f23", "f24",
];
/// The keysym of F1; the others follow it.
const F1: u32 = 0xffbe;
/// With ctrl and alt, this many of them switch to another console.
const CONSOLES: u32 = 12;

const NAMED: [Key; 31] = [
    typed("space", 0x0020, "space"),
    typed("insert", 0xff63, "Insert"),
    typed("delete", 0xffff, "Delete"),
    typed("home", 0xff50, "Home"),
    typed("end", 0xff57, "End"),
    typed("pageup", 0xff55, "Prior"),
    typed("pagedown", 0xff56, "Next"),
    typed("left", 0xff51, "Left"),
    typed("up", 0xff52, "Up"),
    typed("right", 0xff53, "Right"),
    typed("down", 0xff54, "Down"),
    typed("kp0", 0xffb0, "KP_0"),
    typed("kp1", 0xffb1, "KP_1"),
    typed("kp2", 0xffb2, "KP_2"),
    typed("kp3", 0xffb3, "KP_3"),
    typed("kp4", 0xffb4, "KP_4"),
    typed("kp5", 0xffb5, "KP_5"),
    typed("kp6", 0xffb6, "KP_6"),
    typed("kp7", 0xffb7, "KP_7"),
    typed("kp8", 0xffb8, "KP_8"),
    typed("kp9", 0xffb9, "KP_9"),
    alone("pause", 0xff13, "Pause"),
    alone("scrolllock", 0xff14, "Scroll_Lock"),
    alone("print", 0xff61, "Print"),
    alone("menu", 0xff67, "Menu"),
    alone("mute", 0x1008_ff12, "XF86AudioMute"),
    alone("micmute", 0x1008_ffb2, "XF86AudioMicMute"),
    alone("play", 0x1008_ff14, "XF86AudioPlay"),
    alone("stop", 0x1008_ff15, "XF86AudioStop"),
    alone("prev", 0x1008_ff16, "XF86AudioPrev"),
    alone("next", 0x1008_ff17, "XF86AudioNext"),
];

/// The key of this name, in lower case.
fn key(name: &str) -> Option<Key> {
    if let Some(at) = PLAIN.find(name).filter(|_| name.len() == 1) {
        let name = &PLAIN[at..=at];
        return Some(typed(name, u32::from(name.as_bytes()[0]), name));
    }
    if let Some(at) = FUNCTION_NAMES.iter().position(|known| *known == name) {
        return Some(alone(FUNCTION_NAMES[at], F1 + at as u32, FUNCTION[at]));
    }
    NAMED.into_iter().find(|key| key.name == name)
}

/// Reads keys as people write them: any of `ctrl`, `alt`, `shift`, `super`, and one key, joined by `+`.
///
/// # Errors What is wrong, in words.
pub fn parse_keys(text: &str) -> Result<KeyCombo, String> {
    const FORM: &str = "write keys with + between them, like \"ctrl+alt+r\", \"super+f9\" or \"pause\"";
    let (mut ctrl, mut alt, mut shift, mut logo, mut pressed) = (false, false, false, false, None);
    for name in text.split('+').map(|name| name.trim().to_ascii_lowercase().replace(['_', '-'], "")) {
        match name.as_str() {
            "ctrl" | "control" => ctrl = true,
            "alt" => alt = true,
            "shift" => shift = true,
            "super" | "win" | "cmd" | "meta" => logo = true,
            _ if pressed.is_some() => return Err(format!("`{text}` names more than one key to press: {FORM}")),
            _ => {
                let known = key(&name).ok_or_else(|| {
                    format!(
                        "`{text}`: there is no key `{name}` here; there are a to z, 0 to 9, f1 to f24, {}",
                        NAMED.map(|key| key.name).join(", ")
                    )
                })?;
                pressed = Some(known);
            }
        }
    }
    let key = pressed.ok_or_else(|| format!("`{text}` names no key to press: {FORM}"))?;
    if ctrl && alt && (F1..F1 + CONSOLES).contains(&key.keysym) {
        return Err(format!("`{text}` changes to another console, and reaches no program: leave out ctrl or alt"));
    }
    if !(ctrl || alt || logo || key.alone) {
        return Err(format!("`{text}` is typed in texts, and would be taken from all of them: add ctrl, alt or super"));
    }
    Ok(KeyCombo { ctrl, alt, shift, logo, key })
}

impl fmt::Display for KeyCombo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let held = [(self.ctrl, "ctrl+"), (self.alt, "alt+"), (self.shift, "shift+"), (self.logo, "super+")];
        held.into_iter().filter(|(held, _)| *held).try_for_each(|(_, name)| f.write_str(name))?;
        f.write_str(self.key.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_read_as_people_write_them_and_shown_in_one_way() {
        for (text, shown, keysym) in [
            ("ctrl+alt+r", "ctrl+alt+r", 0x72),
            (" Alt + CONTROL + R ", "ctrl+alt+r", 0x72),
            ("super+F13", "super+f13", 0xffca),
            ("Scroll_Lock", "scrolllock", 0xff14),
            ("ctrl+shift+5", "ctrl+shift+5", 0x35),
        ] {
            let combo = parse_keys(text).expect(text);
            assert_eq!((combo.to_string().as_str(), combo.key.keysym), (shown, keysym));
            assert_eq!(parse_keys(shown), Ok(combo));
        }
    }

    #[test]
    fn keys_that_would_be_taken_from_every_text_are_refused() {
        for text in ["r", "shift+r", "space", "kp1"] {
            assert!(parse_keys(text).expect_err(text).contains("add ctrl"), "{text}");
        }
        assert!(parse_keys("pause").is_ok() && parse_keys("f9").is_ok() && parse_keys("micmute").is_ok());
    }

    #[test]
    fn wrong_keys_are_told_what_is_right() {
        for (text, words) in [
            ("ctrl+alt+f9", "another console"),
            ("", "no key"),
            ("ctrl+alt", "names no key to press"),
            ("ctrl+a+b", "more than one"),
            ("ctrl+rr", "no key `rr`"),
            ("ctrl+é", "no key `é`"),
        ] {
            assert!(parse_keys(text).expect_err(text).contains(words), "{text}");
        }
    }
}
