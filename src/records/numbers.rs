//! The numbers of calls: memory knows which may be given now, the disk which must never be given again.
//!
//! Belongs here: periods, what is reserved and what is given, the file `numbers`. Does not: SQL, the draw.
//!
//! The engine reserves numbers ahead, and the file counts, not the catalog. Somebody who could make it give a number twice, by locking,
//! removing or restoring the catalog and killing the engine, could repeat a draw until it suits. A period is labelled with a day (UTC),
//! and the label never goes back: while the wall clock is behind the label, the period stays open.
//!
//! The file has two slots (`slots`), so that neither a power cut nor a full disk loses a number.

use std::{
    collections::BTreeMap,
    io,
    path::{Path, PathBuf},
};

use jiff::civil::Date;

use super::{
    Trouble, beside,
    slots::{LINES_BYTES_MAX, SlotState, Slots},
};
use retrocall_words::book::Number;

/// How many numbers are reserved ahead. One sync reserves for as many calls as a PBX announces while the disk is busy: 64 would be used up in
/// four milliseconds of announcements. The more, the longer the hole that a kill leaves; it has a name, so that its length hardly matters.
pub(super) const AHEAD: u64 = 1_024;
/// The engine reserves more when fewer than this are left.
const LOW: u64 = AHEAD / 4 * 3;
/// How many days keep their highest number.
const DAYS_MAX: usize = 64;
/// The first line of a slot.
const TITLE: &str = "retrocall numbers 1";

/// The highest number of each recent day. On the last one, the open period, it is the highest reserved one.
pub(super) type Highest = BTreeMap<Date, u64>;

/// The numbers that may be given.
pub(super) struct Numbers {
    /// The open period.
    day: Date,
    /// The last number given in it.
    given: u64,
    /// The last number that may be given in it: the reservation is durable up to here.
    reserved: u64,
    /// The periods before.
    earlier: Highest,
    /// A later day has begun, and its period must be opened.
    wanted: Option<Date>,
}

impl Numbers {
    /// Continues after the known numbers. Gives none until more are reserved.
    pub(super) fn after(known: &Highest, today: Date) -> Numbers {
        let mut numbers = Numbers { day: today, given: 0, reserved: 0, earlier: Highest::new(), wanted: None };
        numbers.learn(known);
        numbers
    }

    /// Never gives these numbers from now on.
    pub(super) fn learn(&mut self, known: &Highest) {
        for (day, highest) in known {
            if *day > self.day {
                self.earlier.insert(self.day, self.given);
                (self.day, self.given, self.reserved) = (*day, *highest, *highest);
            } else if *day == self.day {
                self.given = self.given.max(*highest);
            } else {
                let earlier = self.earlier.entry(*day).or_default();
                *earlier = *highest.max(earlier);
            }
        }
        // A day that gave no number is not remembered.
        self.earlier.retain(|_, highest| *highest > 0);
        self.wanted = self.wanted.filter(|wanted| *wanted > self.day);
    }

    /// Gives the next number, if one is reserved.
    pub(super) fn next(&mut self, today: Date) -> Number {
        if today > self.day {
            self.wanted = self.wanted.max(Some(today));
        }
        let sequence = (self.given < self.reserved).then(|| self.given + 1);
        self.given = sequence.unwrap_or(self.given);
        Number { day: self.day, sequence }
    }

    /// Notes that a day has come. Opens its period before its first call if it is the next day: a clock that jumps opens none by itself.
    pub(super) fn day_has_come(&mut self, today: Date) {
        if self.day.tomorrow().is_ok_and(|tomorrow| tomorrow == today) {
            self.wanted = self.wanted.max(Some(today));
        }
    }

    /// Whether a later day waits to be opened.
    pub(super) fn wants_day(&self) -> bool {
        self.wanted.is_some()
    }

    /// Keeps the open period: the clock that announced a later day is not believed.
    pub(super) fn keep_day(&mut self) {
        self.wanted = None;
    }

    /// Whether more should be reserved.
    pub(super) fn are_low(&self) -> bool {
        self.wanted.is_some() || self.reserved.saturating_sub(self.given) < LOW
    }

    /// The next reservation to make durable.
    pub(super) fn plan(&self) -> Highest {
        let mut plan = self.earlier.clone();
        // Until the new period is durable, the old one gives numbers up to its reservation.
        let highest =
            if self.wanted.is_some() { self.reserved.max(self.given) } else { self.given.saturating_add(AHEAD) };
        plan.insert(self.day, highest.min(i64::MAX as u64));
        plan.extend(self.wanted.map(|day| (day, AHEAD)));
        newest(plan)
    }

    /// Takes over a reservation that is durable now.
    pub(super) fn reserve(&mut self, plan: &Highest) {
        let Some((day, highest)) = plan.last_key_value() else { return };
        if *day > self.day {
            self.earlier.insert(self.day, self.given);
            (self.day, self.given) = (*day, 0);
            self.wanted = self.wanted.filter(|wanted| wanted > day);
        }
        self.reserved = *highest;
    }

    /// Exactly the numbers that were given. Written at a clean end, so that the next run continues without a hole.
    pub(super) fn given(&self) -> Highest {
        let mut given = self.earlier.clone();
        given.insert(self.day, self.given);
        newest(given)
    }
}

fn newest(mut days: Highest) -> Highest {
    while days.len() > DAYS_MAX {
        days.pop_first();
    }
    days
}

/// The file.
pub(super) struct NumbersFile {
    slots: Slots,
}

impl NumbersFile {
    pub(super) fn new(home: &Path) -> NumbersFile {
        NumbersFile { slots: Slots::new(path(home), TITLE) }
    }

    /// Reads the file. `None` if there is none, or if it is unreadable; an unreadable file is put aside.
    pub(super) fn load(&mut self) -> Result<Option<Highest>, Trouble> {
        let path = self.slots.path().to_owned();
        let refused = |error: io::Error| Trouble::unreserved(&path, &error);
        let highest = match self.slots.load().map_err(refused)? {
            // It was made and never synced, so no number was given by it.
            SlotState::Nothing => return Ok(None),
            SlotState::Lines(lines) => lines.lines().map(read_day).collect::<Option<Highest>>(),
            SlotState::Nonsense => None,
        };
        if highest.is_none() {
            let aside = beside::put_aside(&path).map_err(refused)?;
            tracing::error!(
                path = %path.display(), aside = %aside.display(),
                "the file of reserved numbers can't be made sense of and is put aside: numbers go on after those in the catalog"
            );
        }
        Ok(highest)
    }

    /// Makes these numbers durable.
    pub(super) fn store(&mut self, highest: &Highest) -> Result<(), Trouble> {
        let lines: String = highest.iter().map(|(day, number)| format!("{day} {number}\n")).collect();
        debug_assert!(lines.len() <= LINES_BYTES_MAX, "{DAYS_MAX} days have room");
        self.slots.store(&lines).map_err(|error| Trouble::unreserved(self.slots.path(), &error))
    }
}

/// Where the numbers of a home are.
pub(super) fn path(home: &Path) -> PathBuf {
    home.join("numbers")
}

fn read_day(line: &str) -> Option<(Date, u64)> {
    let (day, number) = line.split_once(' ')?;
    Some((day.parse().ok()?, number.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use jiff::civil::date;
    use tempfile::TempDir;

    use super::{
        super::slots::{SLOT_BYTES, SLOTS},
        *,
    };

    const MONDAY: Date = date(2026, 11, 23);
    const TUESDAY: Date = date(2026, 11, 24);

    fn of(days: &[(Date, u64)]) -> Highest {
        days.iter().copied().collect()
    }

    /// Numbers after these, with a first reservation.
    fn reserved_after(known: &[(Date, u64)], today: Date) -> Numbers {
        let mut numbers = Numbers::after(&of(known), today);
        assert_eq!(numbers.next(today).sequence, None, "nothing is given that is not reserved");
        numbers.reserve(&numbers.plan());
        numbers
    }

    fn next(numbers: &mut Numbers, today: Date) -> (Date, u64) {
        let Number { day, sequence } = numbers.next(today);
        (day, sequence.expect("a number"))
    }

    #[test]
    fn a_clock_that_was_ahead_opens_no_period_again_and_numbers_go_on() {
        let mut numbers = reserved_after(&[(TUESDAY, 40)], MONDAY);
        assert_eq!(next(&mut numbers, MONDAY), (TUESDAY, 41));
        assert_eq!(next(&mut numbers, TUESDAY), (TUESDAY, 42));
        assert_eq!(next(&mut numbers, MONDAY), (TUESDAY, 43));
    }

    #[test]
    fn a_day_that_begins_has_numbers_of_its_own_once_they_are_reserved_and_the_old_ones_until_then() {
        let mut numbers = reserved_after(&[], MONDAY);
        assert_eq!(next(&mut numbers, MONDAY), (MONDAY, 1));
        assert!(!numbers.are_low());
        assert_eq!(next(&mut numbers, TUESDAY), (MONDAY, 2));
        assert!(numbers.are_low());
        let plan = numbers.plan();
        assert_eq!(plan, of(&[(MONDAY, AHEAD), (TUESDAY, AHEAD)]));
        // While that is written.
        assert_eq!(next(&mut numbers, TUESDAY), (MONDAY, 3));
        numbers.reserve(&plan);
        assert_eq!(next(&mut numbers, TUESDAY), (TUESDAY, 1));
        assert_eq!(numbers.given(), of(&[(MONDAY, 3), (TUESDAY, 1)]));
    }

    #[test]
    fn as_many_numbers_as_are_reserved_are_given_and_no_more() {
        let mut numbers = reserved_after(&[], MONDAY);
        let given = (0..2 * AHEAD).map_while(|_| numbers.next(MONDAY).sequence);
        assert!(given.eq(1..=AHEAD));
        numbers.reserve(&numbers.plan());
        assert_eq!(next(&mut numbers, MONDAY), (MONDAY, AHEAD + 1));
        // The catalog turns out to have more than the file knew of.
        numbers.learn(&of(&[(MONDAY, 5 * AHEAD), (date(2026, 11, 1), 7)]));
        assert_eq!(numbers.next(MONDAY).sequence, None);
        numbers.reserve(&numbers.plan());
        assert_eq!(next(&mut numbers, MONDAY), (MONDAY, 5 * AHEAD + 1));
    }

    #[test]
    fn what_is_stored_is_read_back_and_a_write_that_was_cut_off_leaves_what_was_there() {
        let home = TempDir::new().unwrap();
        let mut file = NumbersFile::new(home.path());
        assert_eq!(file.load().unwrap(), None);
        let all: Highest = (0..DAYS_MAX as i32).map(|day| (MONDAY + jiff::ToSpan::days(day), u64::MAX)).collect();
        let mut before = None;
        for stored in [of(&[(MONDAY, 7)]), of(&[(MONDAY, 9), (TUESDAY, 64)]), all] {
            file.store(&stored).unwrap();
            let bytes = fs::read(path(home.path())).unwrap();
            let turn = file.slots.turn;
            assert_eq!(NumbersFile::new(home.path()).load().unwrap().as_ref(), Some(&stored));
            // Cut off anywhere, the newer slot is none, or whole.
            let slot = (turn % SLOTS) as usize * SLOT_BYTES;
            let length = bytes[slot..].iter().position(|byte| *byte == 0).unwrap();
            for at in (0..length).step_by(7).chain([length - 1]) {
                let mut torn = bytes.clone();
                torn[slot + at..slot + SLOT_BYTES].fill(0x20);
                fs::write(path(home.path()), &torn).unwrap();
                if before.is_some() {
                    assert_eq!(NumbersFile::new(home.path()).load().unwrap(), before, "at {at}");
                }
            }
            fs::write(path(home.path()), &bytes).unwrap();
            before = Some(stored);
        }
    }

    #[test]
    fn a_file_that_makes_no_sense_is_put_aside_and_one_that_was_taken_away_is_made_again() {
        let home = TempDir::new().unwrap();
        let path = path(home.path());
        for _ in 0..2 {
            fs::write(&path, "garbage").unwrap();
            assert_eq!(NumbersFile::new(home.path()).load().unwrap(), None);
        }
        for aside in ["numbers.damaged", "numbers.damaged-2"] {
            assert_eq!(fs::read_to_string(home.path().join(aside)).unwrap(), "garbage");
        }
        let mut file = NumbersFile::new(home.path());
        file.store(&of(&[(MONDAY, 1)])).unwrap();
        fs::remove_file(&path).unwrap();
        file.store(&of(&[(MONDAY, 2)])).unwrap();
        assert_eq!(NumbersFile::new(home.path()).load().unwrap(), Some(of(&[(MONDAY, 2)])));
        // Never synced: a cut at its making.
        fs::write(&path, [0; 100]).unwrap();
        assert_eq!(NumbersFile::new(home.path()).load().unwrap(), None);
    }
}
