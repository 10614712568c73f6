//! How long a desk keeps what, as settings: periods with their ranges, and the calendar by which days count.
//!
//! Belongs here: the periods, their defaults and bounds, which days are working days, and how days, months and working days are counted in the
//! desk's zone. Does not: what a period is counted from, and what it ends (`records::policy`).

use std::{collections::BTreeSet, fmt, str::FromStr};

use jiff::{
    Timestamp, ToSpan,
    civil::{Date, Weekday},
    tz::TimeZone,
};
use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{self, MapAccess},
    ser::SerializeMap,
};

use crate::Word;

crate::words! {
    /// A period of the desk. Each can be set within its range, and none can be switched off.
    pub enum Period {
        /// A sample about which nobody has decided.
        QualityUnheard = "quality_unheard_days",
        /// A learning moment, after the evaluation: for the agent's dispute.
        QualityDispute = "quality_dispute_days",
        /// A learning moment whose evaluation is late: HR and the agent are warned.
        QualityWarning = "quality_warning_months",
        /// A sample, whatever happens.
        QualityMax = "quality_max_months",
        /// A press without a case.
        IncidentWorking = "incident_working_days",
        /// A press without a case, however many of the days are free.
        IncidentMax = "incident_max_days",
        /// A closed case: the closing can be taken back.
        CaseClosed = "case_closed_hours",
        /// A judgment: the term of appeal.
        CaseAppeal = "case_appeal_months",
        /// An open case: the question whether it is still needed.
        StillNeeded = "still_needed_days",
        /// The same question without an answer: the recording is restricted meanwhile.
        StillNeededGrace = "still_needed_grace_days",
        /// A customer's request.
        Request = "request_months",
        /// A request that was extended, on top of that.
        RequestExtension = "request_extension_months",
        /// Teaching material.
        TrainingMax = "training_max_months",
        /// Another purpose: its review.
        OtherReview = "other_review_days",
        /// A legal hold: its review.
        HoldReview = "hold_review_days",
        /// A segment of the ledger, after its month.
        Ledger = "ledger_months",
    }
}

impl Period {
    /// The default, the least and the most that can be set. The law or the contract with the works council sets the most.
    const fn bounds(self) -> (u16, u16, u16) {
        match self {
            Period::QualityUnheard | Period::QualityDispute => (14, 1, 14),
            Period::QualityWarning => (4, 1, 6),
            Period::QualityMax => (6, 1, 6),
            Period::IncidentWorking => (7, 1, 10),
            Period::IncidentMax => (14, 1, 14),
            Period::CaseClosed => (72, 24, 168),
            Period::CaseAppeal => (3, 1, 6),
            Period::StillNeeded => (90, 7, 90),
            Period::StillNeededGrace => (30, 7, 30),
            Period::Request => (1, 1, 1),
            Period::RequestExtension => (2, 1, 2),
            Period::TrainingMax => (24, 1, 24),
            Period::OtherReview => (90, 1, 90),
            Period::HoldReview => (180, 7, 180),
            Period::Ledger => (13, 4, 24),
        }
    }

    /// What holds where nothing is set.
    pub const fn default(self) -> u16 {
        self.bounds().0
    }

    /// The least that can be set.
    pub const fn least(self) -> u16 {
        self.bounds().1
    }

    /// The most that can be set.
    pub const fn most(self) -> u16 {
        self.bounds().2
    }
}

/// The periods of a desk, each within its range.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Periods([u16; Period::ALL.len()]);

impl Default for Periods {
    fn default() -> Periods {
        Periods(Period::ALL.map(Period::default))
    }
}

impl Periods {
    /// How long this one is, in its own unit.
    pub fn get(&self, period: Period) -> u16 {
        self.0[period as usize]
    }

    /// The same with one period changed.
    ///
    /// # Errors
    /// That it is out of its range, in words.
    pub fn with(mut self, period: Period, length: i64) -> Result<Periods, String> {
        let fits = u16::try_from(length).ok().filter(|length| (period.least()..=period.most()).contains(length));
        self.0[period as usize] =
            fits.ok_or_else(|| format!("{length} is out of range: {} to {}", period.least(), period.most()))?;
        Ok(self)
    }
}

impl Serialize for Periods {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let mut map = to.serialize_map(Some(Period::ALL.len()))?;
        for period in Period::ALL {
            map.serialize_entry(period.as_str(), &self.get(period))?;
        }
        map.end()
    }
}

impl<'de> Deserialize<'de> for Periods {
    /// Those that are named; the others have their defaults.
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Periods, D::Error> {
        from.deserialize_map(Named)
    }
}

struct Named;

impl<'de> de::Visitor<'de> for Named {
    type Value = Periods;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("periods by their names")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Periods, A::Error> {
        let mut periods = Periods::default();
        while let Some(period) = map.next_key_seed(Name)? {
            periods = map.next_value_seed(Length { periods, period })?;
        }
        Ok(periods)
    }
}

/// The name of a period.
struct Name;

impl<'de> de::DeserializeSeed<'de> for Name {
    type Value = Period;

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<Period, D::Error> {
        const NAMES: &[&str] = &{
            let mut names = [""; Period::ALL.len()];
            let mut at = 0;
            while at < names.len() {
                names[at] = Period::ALL[at].as_str();
                at += 1;
            }
            names
        };
        let name = String::deserialize(from)?;
        Period::read(&name).ok_or_else(|| de::Error::unknown_field(&name, NAMES))
    }
}

/// The length of one period, which must be within its range.
struct Length {
    periods: Periods,
    period: Period,
}

impl<'de> de::DeserializeSeed<'de> for Length {
    type Value = Periods;

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<Periods, D::Error> {
        from.deserialize_i64(self)
    }
}

impl de::Visitor<'_> for Length {
    type Value = Periods;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a whole number")
    }

    fn visit_i64<E: de::Error>(self, length: i64) -> Result<Periods, E> {
        self.periods.with(self.period, length).map_err(E::custom)
    }

    fn visit_u64<E: de::Error>(self, length: u64) -> Result<Periods, E> {
        self.visit_i64(i64::try_from(length).unwrap_or(i64::MAX))
    }
}

/// By which days a desk counts: its zone, the days on which it works, and those of them that are free.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Calendar {
    /// Where its days begin and end.
    pub zone: Zone,
    /// The days of the week on which it works.
    pub working_days: WorkingDays,
    /// Days on which it does not: public holidays.
    pub free_days: BTreeSet<Date>,
}

/// Days that are looked at for working days: a calendar in which every day is free ends the search.
const DAYS_LOOKED_AT: u16 = 400;

impl Calendar {
    /// The day of a moment.
    pub fn day_of(&self, at: Timestamp) -> Date {
        at.to_zoned_datetime(self.zone.0.clone()).date()
    }

    /// Whether the desk works on this day.
    pub fn is_working_day(&self, day: Date) -> bool {
        self.working_days.contains(day.weekday()) && !self.free_days.contains(&day)
    }

    /// The moment in which this day is over.
    pub fn end_of(&self, day: Date) -> Timestamp {
        let next = day.tomorrow().and_then(|next| next.to_zoned_datetime(self.zone.0.clone()));
        next.map_or(Timestamp::MAX, |next| next.timestamp())
    }

    /// The same time of the day, so many days later: over a change to summer time too.
    pub fn days_after(&self, at: Timestamp, days: u16) -> Timestamp {
        self.later(at, i64::from(days).days())
    }

    /// The same time of the day, so many days earlier.
    pub fn days_before(&self, at: Timestamp, days: u16) -> Timestamp {
        self.later(at, -i64::from(days).days())
    }

    /// The same day and time of a month, so many months later; its last day where it has no such day.
    pub fn months_after(&self, at: Timestamp, months: u16) -> Timestamp {
        self.later(at, i64::from(months).months())
    }

    fn later(&self, at: Timestamp, span: jiff::Span) -> Timestamp {
        let later = at.to_zoned_datetime(self.zone.0.clone()).checked_add(span);
        later.map_or(if span.is_negative() { Timestamp::MIN } else { Timestamp::MAX }, |later| later.timestamp())
    }

    /// The end of the n-th working day after the day of this moment.
    pub fn end_of_working_day(&self, at: Timestamp, number: u16) -> Timestamp {
        let mut day = self.day_of(at);
        let mut left = number;
        for _ in 0..DAYS_LOOKED_AT {
            if left == 0 {
                break;
            }
            let Ok(next) = day.tomorrow() else { return Timestamp::MAX };
            day = next;
            left -= u16::from(self.is_working_day(day));
        }
        self.end_of(day)
    }
}

/// A time zone by its name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Zone(TimeZone);

/// The zone of a desk that says nothing, and its rule where the machine has no list of zones.
const ZONE: (&str, &str) = ("Europe/Amsterdam", "CET-1CEST,M3.5.0,M10.5.0/3");

impl Zone {
    /// Its name; its rule if it has none.
    pub fn name(&self) -> &str {
        self.0.iana_name().unwrap_or(if self.0 == TimeZone::UTC { "UTC" } else { ZONE.0 })
    }

    /// Its rules.
    pub fn rules(&self) -> &TimeZone {
        &self.0
    }
}

impl Default for Zone {
    /// That of the Netherlands, as the default country is.
    fn default() -> Zone {
        let zone = TimeZone::get(ZONE.0).or_else(|_| TimeZone::posix(ZONE.1));
        Zone(zone.unwrap_or(TimeZone::UTC))
    }
}

impl FromStr for Zone {
    type Err = String;

    /// # Errors
    /// That this machine knows no such zone.
    fn from_str(text: &str) -> Result<Zone, String> {
        match TimeZone::get(text) {
            Ok(zone) => Ok(Zone(zone)),
            Err(_) if text == ZONE.0 => Ok(Zone::default()),
            Err(_) => {
                Err(format!("`{text}` is no time zone that this machine knows: write one like \"Europe/Brussels\""))
            }
        }
    }
}

impl Serialize for Zone {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(self.name())
    }
}

impl<'de> Deserialize<'de> for Zone {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Zone, D::Error> {
        String::deserialize(from)?.parse().map_err(de::Error::custom)
    }
}

/// The days of the week on which a desk works: at least one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WorkingDays([bool; 7]);

/// Their names, from Monday on.
const WEEK: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];

impl Default for WorkingDays {
    /// Monday to Friday.
    fn default() -> WorkingDays {
        WorkingDays([true, true, true, true, true, false, false])
    }
}

impl WorkingDays {
    /// Whether this day is one of them.
    pub fn contains(self, day: Weekday) -> bool {
        self.0[day.to_monday_zero_offset() as usize]
    }
}

impl Serialize for WorkingDays {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_seq(WEEK.iter().zip(self.0).filter(|(_, works)| *works).map(|(name, _)| name))
    }
}

impl<'de> Deserialize<'de> for WorkingDays {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<WorkingDays, D::Error> {
        let mut days = [false; 7];
        for name in Vec::<String>::deserialize(from)? {
            let place = WEEK.iter().position(|known| *known == name);
            let wrong = || de::Error::custom(format!("`{name}` is no day of the week: there are {}", WEEK.join(", ")));
            days[place.ok_or_else(wrong)?] = true;
        }
        if days == [false; 7] {
            return Err(de::Error::custom("a desk works on at least one day of the week, like [\"mon\", \"tue\"]"));
        }
        Ok(WorkingDays(days))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().expect("a time")
    }

    #[test]
    fn no_period_can_be_switched_off_or_made_longer_than_it_may_be() {
        for period in Period::ALL {
            assert!(period.least() >= 1 && (period.least()..=period.most()).contains(&period.default()), "{period:?}");
            for length in [-1, 0, i64::from(period.least()) - 1, i64::from(period.most()) + 1, i64::MAX] {
                assert!(Periods::default().with(period, length).is_err(), "{period:?} {length}");
            }
            let least = Periods::default().with(period, i64::from(period.least())).expect("the least");
            assert_eq!(least.get(period), period.least());
        }
    }

    #[test]
    fn periods_and_calendar_come_back_from_their_json() {
        let periods = Periods::default().with(Period::QualityUnheard, 7).expect("in range");
        let json = serde_json::to_string(&periods).expect("JSON");
        assert_eq!(serde_json::from_str::<Periods>(&json).expect("periods"), periods);
        let calendar = r#"{"zone":"Europe/Brussels","working_days":["mon","sat"],"free_days":["2026-12-25"]}"#;
        let read: Calendar = serde_json::from_str(calendar).expect("a calendar");
        assert_eq!(serde_json::to_string(&read).expect("JSON"), calendar);
        assert!(serde_json::from_str::<Calendar>(r#"{"working_days":[]}"#).is_err());
        assert!(serde_json::from_str::<Calendar>(r#"{"zone":"Europe/Atlantis"}"#).is_err());
    }

    #[test]
    fn days_keep_the_time_of_day_when_summer_time_begins_and_ends() {
        let calendar = Calendar::default();
        // 28 March and 25 October 2026 are the nights of the change.
        assert_eq!(calendar.days_after(at("2026-03-20T09:00:00Z"), 14), at("2026-04-03T08:00:00Z"));
        assert_eq!(calendar.days_after(at("2026-10-20T08:00:00Z"), 14), at("2026-11-03T09:00:00Z"));
        assert_eq!(calendar.days_before(at("2026-11-03T09:00:00Z"), 14), at("2026-10-20T08:00:00Z"));
        assert_eq!(calendar.end_of(calendar.day_of(at("2026-03-29T12:00:00Z"))), at("2026-03-29T22:00:00Z"));
    }

    #[test]
    fn a_month_without_that_day_ends_on_its_last_one() {
        let calendar = Calendar::default();
        assert_eq!(calendar.months_after(at("2026-01-31T11:00:00Z"), 1), at("2026-02-28T11:00:00Z"));
        assert_eq!(calendar.months_after(at("2027-11-30T11:00:00Z"), 3), at("2028-02-29T11:00:00Z"));
    }

    #[test]
    fn working_days_are_counted_in_the_zone_of_the_desk_and_pass_over_free_ones() {
        let mut calendar = Calendar::default();
        // A Friday, late: in Amsterdam it is Saturday already.
        let late = at("2026-11-27T23:30:00Z");
        assert_eq!(calendar.end_of_working_day(late, 1), at("2026-11-30T23:00:00Z"));
        assert_eq!(calendar.end_of_working_day(at("2026-11-27T12:00:00Z"), 7), at("2026-12-08T23:00:00Z"));
        calendar.free_days.insert("2026-12-01".parse().expect("a day"));
        assert_eq!(calendar.end_of_working_day(at("2026-11-27T12:00:00Z"), 7), at("2026-12-09T23:00:00Z"));
    }

    #[test]
    fn times_at_the_end_of_time_do_not_wrap() {
        let calendar = Calendar::default();
        assert_eq!(calendar.days_after(Timestamp::MAX, 14), Timestamp::MAX);
        assert_eq!(calendar.months_after(Timestamp::MAX, 6), Timestamp::MAX);
        assert_eq!(calendar.end_of_working_day(Timestamp::MAX, 7), Timestamp::MAX);
    }
}
