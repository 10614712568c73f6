//! Drawn calls against the others: what only statistics can show.
//!
//! Belongs here: counts, and whether chance explains them. Does not: rows.
//!
//! Root on the engine's host knows the seeds, and can steer a draw without breaking a rule that can be recomputed: have a drawn call be private,
//! lost or short, give its number to a dummy, skip the numbers that would be drawn. Each of these makes drawn calls differ from the others. Nobody else
//! knows a draw before its seed is published, so nothing honest does.

use std::collections::BTreeMap;

use jiff::civil::Date;
use serde::Serialize;

use super::chance;
use crate::names::{Month, Pseudonym};

/// How often a month in which nobody steers may be called steered: once in a thousand, over all its comparisons together.
pub const FAMILY_ERROR: f64 = 0.001;
/// Seconds that are told apart; longer calls are as long as this.
const SECONDS_MAX: usize = 4_095;

/// A call whose draw was recomputed.
pub(super) struct Drawn {
    pub segment: Month,
    pub day: Date,
    pub one_in: u32,
    pub is_drawn: bool,
    pub agent: Pseudonym,
    pub is_private: bool,
    pub is_objected: bool,
    pub is_left_out: bool,
    pub is_lost: bool,
    pub seconds: Option<u32>,
}

/// How many, of those drawn and of the others.
#[derive(Clone, Copy, Default)]
struct Pair {
    drawn: u64,
    others: u64,
}

impl Pair {
    fn add(&mut self, is_drawn: bool) {
        if is_drawn {
            self.drawn += 1;
        } else {
            self.others += 1;
        }
    }

    fn total(self) -> u64 {
        self.drawn + self.others
    }
}

/// Counts of the calls that were drawn at the same N.
struct Counts {
    calls: Pair,
    private: Pair,
    objected: Pair,
    left_out: Pair,
    lost: Pair,
    /// By length in seconds.
    lengths: Vec<Pair>,
    skipped: Pair,
    /// By segment, in which an agent has one pseudonym.
    agents: BTreeMap<(Month, Pseudonym), Pair>,
}

/// Counts of all calls whose draws were recomputed, by N.
#[derive(Default)]
pub(super) struct Tally {
    counts: BTreeMap<u32, Counts>,
    /// By day and N.
    days: BTreeMap<(Date, u32), Pair>,
}

/// What was compared, and how likely chance alone is to make such a difference.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Comparison {
    /// What.
    pub subject: String,
    /// Of the drawn calls, so many. (Of an agent's calls: so many were drawn.)
    pub count: u64,
    /// Of so many.
    pub of: u64,
    /// As chance would have it.
    pub expected: f64,
    /// How likely a difference at least as large is without steering.
    pub chance: f64,
    /// Whether that is too unlikely, with all comparisons in mind.
    pub is_steered: bool,
}

/// The draws of a day, recomputed. Calls of which all or none are drawn are left out.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct LotteryDay {
    /// The day.
    pub day: Date,
    /// How many calls took part.
    pub calls: u64,
    /// How many of them were drawn.
    pub drawn: u64,
    /// How many chance draws.
    pub expected: f64,
    /// The variance of that number.
    pub variance: f64,
}

impl Tally {
    fn at(&mut self, one_in: u32) -> &mut Counts {
        self.counts.entry(one_in).or_insert_with(|| Counts {
            calls: Pair::default(),
            private: Pair::default(),
            objected: Pair::default(),
            left_out: Pair::default(),
            lost: Pair::default(),
            lengths: vec![Pair::default(); SECONDS_MAX + 1],
            skipped: Pair::default(),
            agents: BTreeMap::new(),
        })
    }

    pub fn call(&mut self, call: &Drawn) {
        // Where all are drawn, or none, nobody can steer.
        if call.one_in < 2 {
            return;
        }
        self.days.entry((call.day, call.one_in)).or_default().add(call.is_drawn);
        let counts = self.at(call.one_in);
        counts.calls.add(call.is_drawn);
        counts.agents.entry((call.segment, call.agent)).or_default().add(call.is_drawn);
        let marks = [
            (call.is_private, &mut counts.private),
            (call.is_objected, &mut counts.objected),
            (call.is_left_out, &mut counts.left_out),
            (call.is_lost, &mut counts.lost),
        ];
        marks.into_iter().filter(|(is_so, _)| *is_so).for_each(|(_, pair)| pair.add(call.is_drawn));
        if let Some(seconds) = call.seconds {
            counts.lengths[(seconds as usize).min(SECONDS_MAX)].add(call.is_drawn);
        }
    }

    pub fn skipped(&mut self, one_in: u32, numbers: u64, drawn: u64) {
        if one_in >= 2 && numbers > 0 {
            let pair = &mut self.at(one_in).skipped;
            pair.drawn += drawn;
            pair.others += numbers - drawn;
        }
    }

    /// The lottery, day by day.
    pub fn days(&self) -> Vec<LotteryDay> {
        let mut days = Vec::<LotteryDay>::new();
        for ((day, one_in), pair) in &self.days {
            let share = 1.0 / f64::from(*one_in);
            let expected = pair.total() as f64 * share;
            let variance = expected * (1.0 - share);
            match days.last_mut().filter(|last| last.day == *day) {
                Some(last) => {
                    last.calls += pair.total();
                    last.drawn += pair.drawn;
                    last.expected += expected;
                    last.variance += variance;
                }
                None => days.push(LotteryDay { day: *day, calls: pair.total(), drawn: pair.drawn, expected, variance }),
            }
        }
        days
    }

    /// All comparisons, the least likely first.
    pub fn compare(&self) -> Vec<Comparison> {
        let mut all: Vec<_> = self.counts.iter().flat_map(|(one_in, counts)| counts.compare(*one_in)).collect();
        all.sort_by(|a, b| a.chance.total_cmp(&b.chance).then_with(|| a.subject.cmp(&b.subject)));
        // Holm: the least likely of `left` is held against the error over all of them, the next against one fewer, until one passes.
        let mut left = all.len();
        for comparison in &mut all {
            comparison.is_steered = comparison.chance <= FAMILY_ERROR / left as f64;
            if !comparison.is_steered {
                break;
            }
            left -= 1;
        }
        all
    }
}

impl Counts {
    fn compare(&self, one_in: u32) -> Vec<Comparison> {
        let share = 1.0 / f64::from(one_in);
        let mut all = Vec::new();
        let marks = [
            ("private", self.private),
            ("objected", self.objected),
            ("not informed or exempt", self.left_out),
            ("lost", self.lost),
        ];
        all.extend(marks.map(|(subject, marked)| more_among_drawn(subject, one_in, marked, self.calls)));
        let (short, timed, seconds) = self.short();
        all.push(more_among_drawn(&format!("at most {seconds} s long"), one_in, short, timed));
        let drawn = |subject: String, pair: Pair, chance: f64| Comparison {
            subject: format!("{subject}, 1 in {one_in}"),
            count: pair.drawn,
            of: pair.total(),
            expected: pair.total() as f64 * share,
            chance,
            is_steered: false,
        };
        let either_way = |pair: Pair| chance::binomial(pair.drawn, pair.total(), share);
        all.push(drawn("all calls".to_owned(), self.calls, either_way(self.calls)));
        // Too many that would be drawn is what steering makes; too few it does not.
        let skipped = self.skipped;
        let too_many = skipped.drawn as f64 > skipped.total() as f64 * share;
        let chance = if too_many { chance::binomial(skipped.drawn, skipped.total(), share) } else { 1.0 };
        all.push(drawn("skipped numbers".to_owned(), skipped, chance));
        let agents = self.agents.iter();
        all.extend(
            agents.map(|((segment, agent), pair)| drawn(format!("{segment} agent {agent}"), *pair, either_way(*pair))),
        );
        all
    }

    /// The shortest quarter of all calls whose length is known; all of these; how long the quarter's longest is. The border depends on no draw.
    fn short(&self) -> (Pair, Pair, usize) {
        let sum = |lengths: &[Pair]| {
            let sums = lengths.iter().fold((0, 0), |sums, pair| (sums.0 + pair.drawn, sums.1 + pair.others));
            Pair { drawn: sums.0, others: sums.1 }
        };
        let timed = sum(&self.lengths);
        let mut so_far = 0;
        let border = self.lengths.iter().position(|pair| {
            so_far += pair.total();
            4 * so_far >= timed.total()
        });
        let border = border.unwrap_or(0);
        (sum(&self.lengths[..=border]), timed, border)
    }
}

/// Whether drawn calls are marked more often than the others: Fisher's exact test.
fn more_among_drawn(subject: &str, one_in: u32, marked: Pair, calls: Pair) -> Comparison {
    let expected = calls.drawn as f64 * marked.total() as f64 / (calls.total().max(1)) as f64;
    Comparison {
        subject: format!("{subject}, 1 in {one_in}"),
        count: marked.drawn,
        of: calls.drawn,
        expected,
        chance: chance::fisher(marked.drawn, marked.total(), calls.drawn, calls.total()),
        is_steered: false,
    }
}
