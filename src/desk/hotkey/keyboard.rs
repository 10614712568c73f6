//! Finds the keys of a combination on an X11 keyboard: from keysyms to key codes and modifier bits, by the server's tables.
//!
//! Belongs here: reading those tables. Does not: grabs, events.

use x11rb::{
    connection::Connection,
    errors::ReplyError,
    protocol::xproto::{ConnectionExt, Keycode, ModMask},
};

use retrocall_settings::KeyCombo;

/// Keysyms of modifiers on either side (X11's `keysymdef.h`).
const ALT: [u32; 4] = [0xffe9, 0xffea, 0xffe7, 0xffe8];
const SUPER: [u32; 4] = [0xffeb, 0xffec, 0xffed, 0xffee];
/// Keysyms of locks that a hotkey ignores.
const NUM_LOCK: [u32; 1] = [0xff7f];
const SCROLL_LOCK: [u32; 1] = [0xff14];

/// Modifier bits of an event that are keys: the others are mouse buttons and the layout.
pub(super) const MODIFIERS: u16 = 0xff;

/// The server's map of the keyboard.
pub(super) struct Keyboard {
    first: Keycode,
    /// Keysyms, so many for each key code: what it is alone, with shift, in the next layout, …
    columns: usize,
    keysyms: Vec<u32>,
    /// The key codes of each of the eight modifiers, in the order of their bits.
    modifiers: [Vec<Keycode>; 8],
}

/// A key and its modifiers, in the server's numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Chord {
    pub code: Keycode,
    pub held: u16,
}

impl Keyboard {
    pub(super) fn read(display: &impl Connection) -> Result<Keyboard, ReplyError> {
        let setup = display.setup();
        let first = setup.min_keycode;
        let mapping = display.get_keyboard_mapping(first, setup.max_keycode - first + 1)?;
        let modifiers = display.get_modifier_mapping()?.reply()?;
        let mapping = mapping.reply()?;
        let per_modifier = modifiers.keycodes.len() / 8;
        let of = |modifier: usize| {
            let codes = modifiers.keycodes.iter().skip(modifier * per_modifier).take(per_modifier);
            codes.copied().filter(|code| *code != 0).collect()
        };
        let columns = usize::from(mapping.keysyms_per_keycode);
        Ok(Keyboard { first, columns, keysyms: mapping.keysyms, modifiers: std::array::from_fn(of) })
    }

    /// Every key that has this keysym, in the first column that has it: keyboards have several keys for `print` or `play`, and a second layout has
    /// its letters in a later column.
    fn codes_of(&self, keysym: u32) -> Vec<Keycode> {
        for column in 0..self.columns {
            let keys = self.keysyms.chunks_exact(self.columns).zip(self.first..=Keycode::MAX);
            let codes: Vec<_> = keys.filter(|(keysyms, _)| keysyms[column] == keysym).map(|(_, code)| code).collect();
            if !codes.is_empty() {
                return codes;
            }
        }
        Vec::new()
    }

    fn keysyms_of(&self, code: Keycode) -> &[u32] {
        let at = usize::from(code.saturating_sub(self.first)) * self.columns;
        self.keysyms.get(at..at + self.columns).unwrap_or_default()
    }

    /// The bit of the first modifier that one of these keys is on.
    fn modifier(&self, keysyms: &[u32]) -> Option<u16> {
        let is_one = |code: &Keycode| self.keysyms_of(*code).iter().any(|keysym| keysyms.contains(keysym));
        self.modifiers.iter().position(|codes| codes.iter().any(is_one)).map(|bit| 1 << bit)
    }

    /// The keys of a combination.
    ///
    /// # Errors
    /// The name of a key that this keyboard lacks.
    pub(super) fn chords(&self, combo: &KeyCombo) -> Result<Vec<Chord>, &'static str> {
        let mut held = 0;
        for (wanted, modifier, name) in [
            (combo.shift, Some(u16::from(ModMask::SHIFT)), "shift"),
            (combo.ctrl, Some(u16::from(ModMask::CONTROL)), "ctrl"),
            (combo.alt, self.modifier(&ALT), "alt"),
            (combo.logo, self.modifier(&SUPER), "super"),
        ] {
            if wanted {
                held |= modifier.ok_or(name)?;
            }
        }
        match self.codes_of(combo.key.keysym) {
            codes if codes.is_empty() => Err(combo.key.name),
            codes => Ok(codes.into_iter().map(|code| Chord { code, held }).collect()),
        }
    }

    /// A key for each modifier of a chord, and the chord's own key at the end: what a person would press, in that order.
    pub(super) fn fingers(&self, chord: Chord) -> Vec<Keycode> {
        let bits = (0..8).filter(|bit| chord.held & (1 << bit) != 0);
        let held = bits.filter_map(|bit| self.modifiers[bit].first().copied());
        held.chain([chord.code]).collect()
    }

    /// The bits of the locks that must make no difference.
    pub(super) fn locks(&self) -> u16 {
        let locks = [Some(u16::from(ModMask::LOCK)), self.modifier(&NUM_LOCK), self.modifier(&SCROLL_LOCK)];
        locks.into_iter().flatten().fold(0, |all, lock| all | lock)
    }
}

/// Every subset of these bits, the empty one too.
pub(super) fn subsets(bits: u16) -> impl Iterator<Item = u16> {
    (0..=bits).filter(move |some| some & !bits == 0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use retrocall_settings::parse_keys;

    /// Five keys in two layouts: `r` is Cyrillic in the first of them; alt, num lock, and `print` twice.
    fn keyboard() -> Keyboard {
        let keysyms = vec![
            0x6ca, 0x6ea, 0x72, 0x52, // r in the second layout
            0xffe9, 0, 0xffe9, 0, // Alt_L
            0xff7f, 0, 0xff7f, 0, // Num_Lock
            0xff61, 0, 0xff61, 0, // Print
            0xff61, 0, 0, 0,
        ];
        let modifiers = [vec![], vec![], vec![50], vec![9], vec![10], vec![], vec![], vec![]];
        Keyboard { first: 8, columns: 4, keysyms, modifiers }
    }

    #[test]
    fn a_letter_is_found_in_a_later_layout_and_a_key_that_is_there_twice_is_taken_twice() {
        let keyboard = keyboard();
        let chords = |keys: &str| keyboard.chords(&parse_keys(keys).expect("keys"));
        assert_eq!(chords("ctrl+alt+r"), Ok(vec![Chord { code: 8, held: 0b1100 }]));
        assert_eq!(chords("print"), Ok(vec![Chord { code: 11, held: 0 }, Chord { code: 12, held: 0 }]));
        assert_eq!(chords("super+r"), Err("super"));
        assert_eq!(chords("f9"), Err("f9"));
        assert_eq!(keyboard.fingers(Chord { code: 8, held: 0b1100 }), [50, 9, 8]);
    }

    #[test]
    fn locks_make_no_difference_in_any_combination() {
        let locks = keyboard().locks();
        assert_eq!(locks, 0b1_0010);
        assert_eq!(subsets(locks).collect::<Vec<_>>(), [0, 0b10, 0b1_0000, 0b1_0010]);
    }
}
