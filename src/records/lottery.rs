//! Seeds and periods of the draw: the engine draws by them, and the ledger is told of them later.
//!
//! Belongs here: the file `draw`, in which seeds lie until they are published, and what is drawn by it. Does not: the arithmetic
//! (`retrocall-ledger`), SQL.
//!
//! The file is the one place that knows the seeds; no catalog, no backup and no centre does. What happens to the draw stands in it in its order,
//! durably before it counts: a month's seeds, the council's number, a period. The ledger is told in the same order, as soon as the catalog can be
//! written. So whoever locks, removes or restores the catalog changes no draw.

use std::{
    io,
    path::{Path, PathBuf},
    sync::Arc,
};

use jiff::civil::Date;
use parking_lot::RwLock;
use retrocall_ledger::{CouncilNumber, DayKey, DrawValue, Hash, Month, MonthCommitted, PeriodOpened, Seed, Site};

use super::{
    Trouble, beside, council, random,
    slots::{LINES_BYTES_MAX, SlotState, Slots},
};
use retrocall_words::book::Draw;

/// The first line of a slot.
const TITLE: &str = "retrocall draw 1";
/// From this day of a month on the next month's seeds are promised, so that heads carry their hashes before the council gives its number.
pub const PROMISED_FROM_DAY: i8 = 20;
/// Periods that are remembered while their seeds are not published.
const PERIODS_MAX: usize = 64;

/// Something that happened to the draw.
#[derive(Clone, PartialEq, Eq)]
pub(super) enum Entry {
    /// A month's days have seeds, from this day on.
    Month(MonthSeeds),
    /// The council gave its number for a month.
    Number(Month, CouncilNumber),
    /// A period begins.
    Period(Period),
}

/// The seeds of a month's days.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct MonthSeeds {
    pub month: Month,
    from: Date,
    secret: [u8; 32],
}

impl MonthSeeds {
    fn seed(&self, day: Date) -> Seed {
        // A one-way step, so that a published seed reveals no other day's.
        let text = [b"retrocall seed of a day v1\n", &self.secret[..], day.to_string().as_bytes()].concat();
        Seed::from_bytes(*Hash::of(&text).as_bytes())
    }

    /// Its entry in the ledger.
    pub(super) fn committed(&self) -> MonthCommitted {
        let days = self.from.series(jiff::ToSpan::days(1)).take_while(|day| Month::of(*day) == self.month);
        let commitments = days.map(|day| self.seed(day).commitment()).collect();
        MonthCommitted { month: self.month, from: self.from, commitments }
    }
}

/// A period of the draw.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Period {
    pub number: u64,
    pub day: Date,
    pub first: u64,
    pub one_in: u32,
}

/// Draws calls. The engine gets it, and asks it on its control thread.
pub(super) struct Drawer {
    site: RwLock<Option<Site>>,
    periods: RwLock<Vec<(Period, DayKey)>>,
}

impl Drawer {
    fn of(&self, day: Date, number: u64) -> Option<(Period, DrawValue)> {
        let (site, periods) = (self.site.read(), self.periods.read());
        let is_its = |period: &Period| period.day == day && period.first <= number;
        let (period, key) = periods.iter().rev().find(|(period, _)| is_its(period))?;
        Some((*period, key.draw(site.as_ref()?, period.number, number)))
    }
}

impl Draw for Drawer {
    fn draw(&self, day: Date, sequence: u64) -> bool {
        // A number is given only when its period is open.
        self.of(day, sequence).is_some_and(|(period, value)| value.is_drawn(period.one_in))
    }
}

/// The file, and what is drawn by it.
pub(super) struct Lottery {
    slots: Slots,
    one_in: u32,
    /// The site of this draw; none until the file was read.
    site: Option<Site>,
    entries: Vec<Entry>,
    /// The last known period. None if the file is gone: then only the catalog knows.
    last_period: Option<u64>,
    drawer: Arc<Drawer>,
}

/// Where the seeds of a home are.
pub(super) fn path(home: &Path) -> PathBuf {
    home.join("draw")
}

impl Lottery {
    pub(super) fn new(home: &Path, one_in: u32) -> Lottery {
        let drawer = Arc::new(Drawer { site: RwLock::default(), periods: RwLock::default() });
        let slots = Slots::new(path(home), TITLE);
        Lottery { slots, one_in, site: None, entries: Vec::new(), last_period: None, drawer }
    }

    /// The drawer for the engine.
    pub(super) fn drawer(&self) -> Arc<dyn Draw> {
        Arc::clone(&self.drawer) as _
    }

    /// Whether a home has a file of seeds: then there is a ledger too.
    pub(super) fn is_there(home: &Path) -> bool {
        path(home).exists()
    }

    /// Reads the file of this site. Without one, or with another site's, the draw begins anew: after the last period that a catalog knows, or
    /// with the first one if there `is_no_catalog`.
    pub(super) fn load(&mut self, site: &Site, is_no_catalog: bool) -> Result<(), Trouble> {
        if self.site.as_ref() == Some(site) {
            return Ok(());
        }
        let path = self.slots.path().to_owned();
        let refused = |error: io::Error| Trouble::unreserved(&path, &error);
        let found = match self.slots.load().map_err(refused)? {
            SlotState::Lines(lines) => Some(read(&lines)),
            SlotState::Nothing => None,
            SlotState::Nonsense => Some(None),
        };
        (self.entries, self.last_period) = match found {
            Some(Some((of, last, entries))) if of == *site => (entries, Some(last)),
            // Another site's seeds are not for this one.
            Some(Some(_)) => {
                beside::wipe_and_remove(&path).map_err(refused)?;
                (Vec::new(), Some(0))
            }
            Some(None) => {
                let aside = beside::put_aside(&path).map_err(refused)?;
                tracing::error!(
                    path = %path.display(), aside = %aside.display(),
                    "the file of the draw's seeds can't be made sense of and is put aside: days whose seeds were not published yet can't be \
                     checked, and other seeds are promised"
                );
                (Vec::new(), None)
            }
            None => (Vec::new(), is_no_catalog.then_some(0)),
        };
        self.site = Some(site.clone());
        self.tell_drawer();
        Ok(())
    }

    /// The catalog knows this period of this site's: the next one follows.
    pub(super) fn learn(&mut self, last_period: u64) {
        self.last_period = self.last_period.max(Some(last_period));
    }

    /// Whether it can be told which period would be next.
    pub(super) fn can_open(&self) -> bool {
        self.last_period.is_some()
    }

    /// Sees to it that numbers of this day from `first` on are drawn with this run's N, durably. True if that is a new period.
    pub(super) fn open(&mut self, home: &Path, day: Date, first: u64) -> Result<bool, Trouble> {
        let current = self.periods().filter(|period| period.day == day).last();
        if current.is_some_and(|period| period.one_in == self.one_in) {
            return Ok(false);
        }
        let refused = |error: io::Error| Trouble::unreserved(self.slots.path(), &error);
        let Some(last) = self.last_period else { return Err(refused(io::ErrorKind::NotFound.into())) };
        let mut entries = self.entries.clone();
        promise(&mut entries, day).map_err(refused)?;
        enter_numbers(&mut entries, home);
        let number = last + 1;
        entries.push(Entry::Period(Period { number, day, first, one_in: self.one_in }));
        self.store(entries, number)?;
        Ok(true)
    }

    /// The council may have given a number. True if one is new.
    pub(super) fn look_for_numbers(&mut self, home: &Path) -> Result<bool, Trouble> {
        let Some(last) = self.last_period else { return Ok(false) };
        let mut entries = self.entries.clone();
        let is_new = enter_numbers(&mut entries, home);
        if is_new {
            self.store(entries, last)?;
        }
        Ok(is_new)
    }

    /// The seed of this day is published, and so are those of all days before: nothing more is asked of their periods.
    pub(super) fn forget_until(&mut self, day: Date) -> Result<(), Trouble> {
        let Some(last) = self.last_period else { return Ok(()) };
        let mut entries = self.entries.clone();
        entries.retain(|entry| !matches!(entry, Entry::Period(period) if period.day <= day));
        let of_month = |entry: &Entry| match entry {
            Entry::Month(seeds) => seeds.month,
            Entry::Number(month, _) => *month,
            Entry::Period(period) => Month::of(period.day),
        };
        entries.retain(|entry| of_month(entry) >= Month::of(day));
        self.store(entries, last)
    }

    fn store(&mut self, mut entries: Vec<Entry>, last_period: u64) -> Result<(), Trouble> {
        let too_many =
            entries.iter().filter(|entry| matches!(entry, Entry::Period(_))).count().saturating_sub(PERIODS_MAX);
        let mut left = too_many;
        entries.retain(|entry| {
            let goes = left > 0 && matches!(entry, Entry::Period(_));
            left -= usize::from(goes);
            !goes
        });
        let Some(site) = &self.site else { return Ok(()) };
        let lines = written(site, last_period, &entries);
        debug_assert!(lines.len() <= LINES_BYTES_MAX, "{} bytes", lines.len());
        self.slots.store(&lines).map_err(|error| Trouble::unreserved(self.slots.path(), &error))?;
        (self.entries, self.last_period) = (entries, Some(last_period));
        self.tell_drawer();
        Ok(())
    }

    fn tell_drawer(&self) {
        *self.drawer.site.write() = self.site.clone();
        *self.drawer.periods.write() =
            self.periods().filter_map(|period| Some((period, self.key_of(&period)?))).collect();
    }

    /// The entries that the ledger still lacks, in their order.
    pub(super) fn entries(&self) -> &[Entry] {
        &self.entries
    }

    fn periods(&self) -> impl Iterator<Item = Period> {
        self.entries.iter().filter_map(|entry| if let Entry::Period(period) = entry { Some(*period) } else { None })
    }

    /// How much of what happened to the draw comes before a call with this number: with its period.
    pub(super) fn entries_before(&self, day: Date, number: u64) -> usize {
        let is_its =
            |entry: &Entry| matches!(entry, Entry::Period(period) if period.day == day && period.first <= number);
        self.entries.iter().rposition(is_its).map_or(0, |at| at + 1)
    }

    /// The seed of a day. None if it is not known, or not any more.
    pub(super) fn seed(&self, day: Date) -> Option<Seed> {
        let month = Month::of(day);
        let of_month = |entry: &Entry| match entry {
            Entry::Month(seeds) if seeds.month == month && seeds.from <= day => Some(seeds.seed(day)),
            _ => None,
        };
        self.entries.iter().rev().find_map(of_month)
    }

    fn key_of(&self, of: &Period) -> Option<DayKey> {
        Some(DayKey::new(&self.seed(of.day)?, self.council_of(of)))
    }

    /// The council's number for a period: the one that had come when it was opened.
    fn council_of(&self, of: &Period) -> Option<&CouncilNumber> {
        let month = Month::of(of.day);
        let is_before = |entry: &&Entry| !matches!(entry, Entry::Period(period) if period.number == of.number);
        let number = |entry| match entry {
            &Entry::Number(given, ref council) if given == month => Some(council),
            _ => None,
        };
        self.entries.iter().take_while(is_before).filter_map(number).last()
    }

    /// What the ledger says of a period.
    pub(super) fn opened(&self, period: &Period) -> Option<PeriodOpened> {
        let commitment = self.seed(period.day)?.commitment();
        let council = self.council_of(period).cloned();
        let Period { number, day, first, one_in } = *period;
        Some(PeriodOpened { period: number, day, first, one_in, commitment, council })
    }

    /// The draw of a call, and its period.
    pub(super) fn draw_of(&self, day: Date, number: u64) -> Option<(u64, DrawValue)> {
        self.drawer.of(day, number).map(|(period, value)| (period.number, value))
    }
}

/// Sees to it that the month of this day has seeds, and late in a month the next one too.
fn promise(entries: &mut Vec<Entry>, day: Date) -> io::Result<()> {
    let next = day.last_of_month().tomorrow().ok().filter(|_| day.day() >= PROMISED_FROM_DAY);
    for from in [Some(day), next].into_iter().flatten() {
        let month = Month::of(from);
        if !entries.iter().any(|entry| matches!(entry, Entry::Month(seeds) if seeds.month == month)) {
            entries.push(Entry::Month(MonthSeeds { month, from, secret: random::bytes()? }));
        }
    }
    Ok(())
}

/// Enters the council's numbers for months whose seeds are promised. True if one is new.
fn enter_numbers(entries: &mut Vec<Entry>, home: &Path) -> bool {
    let mut is_new = false;
    for (month, number) in council::numbers(home) {
        let is_promised = entries.iter().any(|entry| matches!(entry, Entry::Month(seeds) if seeds.month == month));
        let is_entered = entries.iter().any(|entry| matches!(entry, Entry::Number(entered, _) if *entered == month));
        if is_promised && !is_entered {
            entries.push(Entry::Number(month, number));
            is_new = true;
        }
    }
    is_new
}

fn written(site: &Site, last_period: u64, entries: &[Entry]) -> String {
    let mut lines = format!("site {site}\nlast {last_period}\n");
    for entry in entries {
        lines += &match entry {
            Entry::Month(MonthSeeds { month, from, secret }) => {
                format!("month {month} {from} {}\n", beside::hex(secret))
            }
            Entry::Number(month, number) => format!("number {month} {number}\n"),
            Entry::Period(Period { number, day, first, one_in }) => format!("period {number} {day} {first} {one_in}\n"),
        };
    }
    lines
}

fn read(lines: &str) -> Option<(Site, u64, Vec<Entry>)> {
    let mut lines = lines.lines();
    let site = lines.next()?.strip_prefix("site ")?.parse().ok()?;
    let last = lines.next()?.strip_prefix("last ")?.parse().ok()?;
    let entry = |line: &str| {
        let mut words = line.split(' ');
        let kind = words.next()?;
        let mut word = || words.next();
        Some(match kind {
            "month" => {
                let (month, from) = (word()?.parse().ok()?, word()?.parse().ok()?);
                Entry::Month(MonthSeeds { month, from, secret: beside::from_hex(word()?)? })
            }
            "number" => Entry::Number(word()?.parse().ok()?, word()?.parse().ok()?),
            "period" => Entry::Period(Period {
                number: word()?.parse().ok()?,
                day: word()?.parse().ok()?,
                first: word()?.parse().ok()?,
                one_in: word()?.parse().ok()?,
            }),
            _ => return None,
        })
    };
    Some((site, last, lines.map(entry).collect::<Option<_>>()?))
}

#[cfg(test)]
mod tests {
    use std::{fs, os::unix::fs::PermissionsExt};

    use jiff::civil::date;
    use tempfile::TempDir;

    use super::*;

    const SATURDAY: Date = date(2026, 11, 28);

    fn site(name: &str) -> Site {
        name.parse().unwrap()
    }

    fn loaded(home: &TempDir, one_in: u32) -> Lottery {
        let mut lottery = Lottery::new(home.path(), one_in);
        lottery.load(&site("desk-1"), true).unwrap();
        lottery
    }

    fn draws(lottery: &Lottery, day: Date) -> Vec<bool> {
        let drawer = lottery.drawer();
        (1..=1_000).map(|number| drawer.draw(day, number)).collect()
    }

    #[test]
    fn the_draws_of_a_day_are_the_same_after_a_restart_and_about_one_in_ten() {
        let home = TempDir::new().unwrap();
        let mut lottery = loaded(&home, 10);
        assert!(!lottery.drawer().draw(SATURDAY, 1), "without a period nothing is drawn");
        lottery.open(home.path(), SATURDAY, 1).unwrap();
        let before = draws(&lottery, SATURDAY);
        assert!((60..=145).contains(&before.iter().filter(|drawn| **drawn).count()), "1 in 10");
        let mut again = loaded(&home, 10);
        again.open(home.path(), SATURDAY, 700).unwrap();
        assert_eq!(draws(&again, SATURDAY), before);
        assert_eq!(again.periods().count(), 1, "the period goes on");
        assert_eq!(fs::metadata(path(home.path())).unwrap().permissions().mode() & 0o777, 0o600);
    }

    #[test]
    fn another_n_opens_another_period_of_the_same_day_and_moves_no_draw_before_it() {
        let home = TempDir::new().unwrap();
        let mut lottery = loaded(&home, 10);
        lottery.open(home.path(), SATURDAY, 1).unwrap();
        let before = draws(&lottery, SATURDAY);
        let mut all = loaded(&home, 1);
        all.open(home.path(), SATURDAY, 501).unwrap();
        let after = draws(&all, SATURDAY);
        assert_eq!(after[..500], before[..500]);
        assert!(after[500..].iter().all(|drawn| *drawn));
        assert_eq!(all.draw_of(SATURDAY, 500).unwrap().0, 1);
        assert_eq!(all.draw_of(SATURDAY, 501).unwrap().0, 2);
    }

    #[test]
    fn the_next_months_seeds_are_promised_ten_days_ahead_and_the_councils_number_counts_from_the_next_period_on() {
        let home = TempDir::new().unwrap();
        let mut lottery = loaded(&home, 10);
        lottery.open(home.path(), SATURDAY, 1).unwrap();
        let months: Vec<_> = lottery
            .entries()
            .iter()
            .filter_map(|entry| if let Entry::Month(seeds) = entry { Some(seeds.committed()) } else { None })
            .collect();
        assert_eq!(months.iter().map(|month| month.month.to_string()).collect::<Vec<_>>(), ["2026-11", "2026-12"]);
        assert_eq!((months[0].from, months[0].commitments.len()), (SATURDAY, 3));
        assert_eq!((months[1].from, months[1].commitments.len()), (date(2026, 12, 1), 31));

        let (friday, first) = (draws(&lottery, SATURDAY), date(2026, 12, 1));
        council::enter(home.path(), "2026-11".parse().unwrap(), &"123456789012".parse().unwrap()).unwrap();
        council::enter(home.path(), "2026-12".parse().unwrap(), &"210987654321".parse().unwrap()).unwrap();
        assert!(lottery.look_for_numbers(home.path()).unwrap());
        assert!(!lottery.look_for_numbers(home.path()).unwrap(), "once");
        assert_eq!(draws(&lottery, SATURDAY), friday, "an open period stays as it is");
        lottery.open(home.path(), first, 1).unwrap();
        let seed = lottery.seed(first).unwrap();
        let key = DayKey::new(&seed, Some(&"210987654321".parse().unwrap()));
        let expected: Vec<_> = (1..=1_000).map(|number| key.draw(&site("desk-1"), 2, number).is_drawn(10)).collect();
        assert_eq!(draws(&lottery, first), expected);
        assert_eq!(months[1].commitments[0], seed.commitment());
    }

    #[test]
    fn another_sites_seeds_are_not_drawn_by_and_a_file_that_is_gone_opens_no_period_twice() {
        let home = TempDir::new().unwrap();
        let mut lottery = loaded(&home, 1);
        lottery.open(home.path(), SATURDAY, 1).unwrap();
        let seed = lottery.seed(SATURDAY).unwrap();
        let mut copy = Lottery::new(home.path(), 1);
        copy.load(&site("desk-2"), false).unwrap();
        copy.open(home.path(), SATURDAY, 5).unwrap();
        assert!(copy.seed(SATURDAY).unwrap() != seed);
        assert_eq!(copy.draw_of(SATURDAY, 5).unwrap().0, 1);

        fs::remove_file(path(home.path())).unwrap();
        let mut lost = Lottery::new(home.path(), 1);
        lost.load(&site("desk-2"), false).unwrap();
        assert!(lost.open(home.path(), SATURDAY, 9).is_err(), "the catalog is asked first");
        lost.learn(7);
        lost.open(home.path(), SATURDAY, 9).unwrap();
        assert_eq!(lost.draw_of(SATURDAY, 9).unwrap().0, 8);
    }

    #[test]
    fn the_file_holds_as_many_periods_as_a_day_of_changes_makes_and_forgets_what_is_published() {
        let home = TempDir::new().unwrap();
        for turn in 0..100u64 {
            let mut lottery = loaded(&home, 2 + (turn % 2) as u32);
            lottery.open(home.path(), SATURDAY, 1 + 1_000_000_000 * turn).unwrap();
        }
        let mut lottery = loaded(&home, 10);
        assert_eq!(lottery.periods().last().unwrap().number, 100);
        lottery.open(home.path(), date(2026, 12, 2), 1).unwrap();
        lottery.forget_until(SATURDAY).unwrap();
        assert_eq!(lottery.periods().map(|period| period.number).collect::<Vec<_>>(), [101]);
        lottery.forget_until(date(2026, 12, 2)).unwrap();
        let again = loaded(&home, 10);
        assert_eq!((again.periods().count(), again.last_period), (0, Some(101)));
        assert!(again.seed(date(2026, 12, 3)).is_some() && again.seed(SATURDAY).is_none());
    }
}
