//! The draw, recomputed: promises, council's numbers, periods, and every call's draw against what was made of it.
//!
//! Belongs here: what `draw` decides and what rows say of it. Does not: the order of listening (`queue`), statistics (`comparisons`).

use std::collections::{BTreeMap, HashMap};

use jiff::civil::Date;
use retrocall_words::{CallId, Informed, Reason, book::Outcome};

use super::{
    comparisons::{Drawn, Tally},
    finding::{FindingKind, Findings, RowId, Verdict},
    months::MonthOf,
};
use crate::{
    calls::{CallBegan, CallEnded},
    draw::{CouncilNumber, DayKey, DrawValue},
    event::{MonthCommitted, NumberEntered, NumbersSkipped, PeriodOpened, SeedPublished},
    hash::Hash,
    head::Head,
    names::{Month, Pseudonym, Site},
};

/// Skipped numbers of a row that are drawn, at most: the engine reserves 64 at a time.
const SKIPPED_MAX: u64 = 1_000_000;

/// A period whose seed is still secret.
struct Period {
    day: Date,
    first: u64,
    one_in: u32,
    commitment: Hash,
    number: Option<CouncilNumber>,
    calls: Vec<CallOf>,
    skipped: Vec<(u64, u64)>,
}

/// A call of a period.
struct CallOf {
    number: u64,
    agent: Pseudonym,
    /// Whether the customer was not informed, or the line is never captured.
    is_left_out: bool,
    ended: Option<Ended>,
}

struct Ended {
    place: RowId,
    draw: Option<DrawValue>,
    seconds: Option<u32>,
    is_sampled: bool,
    is_private: bool,
    is_objected: bool,
    is_lost: bool,
}

/// The lottery of a site.
pub(super) struct Lottery {
    site: Hash,
    months: BTreeMap<Month, MonthOf>,
    periods: HashMap<u64, Period>,
    last_period: Option<u64>,
    live: HashMap<CallId, (u64, usize)>,
    /// Whether segments before the first one have expired: then what a row refers to may be gone.
    pub is_partial: bool,
}

impl Lottery {
    /// `heads` are those whose signatures hold: their promises count where rows have expired.
    pub fn new(site: &Site, heads: &[Head], findings: &mut Findings) -> Lottery {
        let mut months = BTreeMap::<Month, MonthOf>::new();
        for head in heads {
            for (day, hash) in &head.commitments {
                let promises = &mut months.entry(Month::of(*day)).or_default().promises;
                if *promises.entry(*day).or_insert(*hash) != *hash {
                    findings.general(FindingKind::SeedNotPromised, head.day.to_string());
                    break;
                }
            }
        }
        Lottery {
            site: Hash::of(site.as_str().as_bytes()),
            months,
            periods: HashMap::new(),
            last_period: None,
            live: HashMap::new(),
            is_partial: false,
        }
    }

    pub fn promised(&mut self, row: &MonthCommitted, place: RowId, findings: &mut Findings) {
        let month = self.months.entry(row.month).or_default();
        let mut day = Some(row.from);
        for hash in &row.commitments {
            let Some(this) = day else { break };
            // What a head promised, or an earlier row, can't be taken back.
            if *month.promises.entry(this).or_insert(*hash) != *hash {
                findings.at(FindingKind::SeedNotPromised, place, format!("It is that of {this}."));
            }
            day = this.tomorrow().ok();
        }
        month.promised_at.get_or_insert(place);
    }

    pub fn number(&mut self, row: &NumberEntered, place: RowId, findings: &mut Findings) {
        let is_partial = self.is_partial;
        let month = self.months.entry(row.month).or_default();
        if row.number.is_some() && month.promised_at.is_none() && !is_partial {
            findings.at(FindingKind::NumberEarly, place, "");
        }
        if month.number.is_some() {
            findings.at(FindingKind::NumberAgain, place, "");
            return;
        }
        month.number_at = Some(place);
        month.number.clone_from(&row.number);
    }

    pub fn opened(&mut self, row: &PeriodOpened, place: RowId, findings: &mut Findings) {
        match self.last_period {
            Some(last) if row.period <= last => {
                findings.at(FindingKind::PeriodAgain, place, "");
                return;
            }
            Some(last) if row.period > last + 1 => findings.at(FindingKind::PeriodMissing, place, ""),
            None if row.period > 1 && !self.is_partial => findings.at(FindingKind::PeriodMissing, place, ""),
            _ => {}
        }
        self.last_period = Some(row.period);
        let month = self.months.entry(Month::of(row.day)).or_default();
        month.periods += 1;
        month.with_number += u64::from(row.council.is_some());
        if row.council != month.number && (month.number_at.is_some() || !self.is_partial) {
            findings.at(FindingKind::NumberWrong, place, "");
        }
        match month.promises.get(&row.day) {
            Some(promised) if *promised == row.commitment => {}
            None if self.is_partial => {}
            _ => findings.at(FindingKind::SeedNotPromised, place, format!("It is that of {}.", row.day)),
        }
        let period = Period {
            day: row.day,
            first: row.first,
            one_in: row.one_in,
            commitment: row.commitment,
            number: row.council.clone(),
            calls: Vec::new(),
            skipped: Vec::new(),
        };
        self.periods.insert(row.period, period);
    }

    pub fn began(&mut self, row: &CallBegan, place: RowId, findings: &mut Findings) {
        let (Some(id), Some(number)) = (row.period, row.number) else { return };
        let Some(period) = self.periods.get_mut(&id) else {
            if !self.is_partial {
                findings.at(FindingKind::PeriodUnknown, place, "");
            }
            return;
        };
        // One that goes on where another was cut off is not drawn again.
        let is_left_out = row.exempt || row.informed == Informed::None || row.continues.is_some();
        self.live.insert(row.call, (id, period.calls.len()));
        period.calls.push(CallOf { number, agent: row.agent, is_left_out, ended: None });
    }

    pub fn ended(&mut self, row: &CallEnded, place: RowId, findings: &mut Findings) {
        let is_sampled = row.reasons.contains(&Reason::Sample);
        let found = self.live.remove(&row.call);
        let call = found.and_then(|(id, index)| self.periods.get_mut(&id)?.calls.get_mut(index));
        let Some(call) = call else {
            // Without a number, or of a period that has expired.
            if is_sampled && !self.is_partial {
                // After a restore: the ledger of then, and with it the number, is another site's, or lost.
                let kind = if row.unseen { FindingKind::SampledUnproved } else { FindingKind::SampledUndrawn };
                findings.at(kind, place, "");
            }
            return;
        };
        call.ended = Some(Ended {
            place,
            draw: row.draw,
            seconds: row.ms.map(|ms| u32::try_from(ms / 1_000).unwrap_or(u32::MAX)),
            is_sampled,
            is_private: row.private.is_some(),
            is_objected: row.objected.is_some(),
            is_lost: row.outcome == Outcome::Lost || row.unseen,
        });
    }

    pub fn skipped(&mut self, row: &NumbersSkipped, place: RowId, findings: &mut Findings) {
        let detail = format!("{} to {} of period {}: {}.", row.first, row.last, row.period, row.why.as_str());
        findings.at(FindingKind::NumbersSkipped, place, detail);
        if let Some(period) = self.periods.get_mut(&row.period) {
            period.skipped.push((row.first, row.last));
        }
    }

    /// A day's seed is known: all that was drawn with it is drawn again.
    pub fn published(&mut self, row: &SeedPublished, place: RowId, tally: &mut Tally, findings: &mut Findings) {
        for end in &row.periods {
            let Some(period) = self.periods.remove(&end.period) else {
                if !self.is_partial {
                    findings.at(FindingKind::PeriodUnknown, place, format!("It is {}.", end.period));
                }
                continue;
            };
            if period.day != row.day || row.seed.commitment() != period.commitment {
                findings.at(FindingKind::SeedWrong, place, format!("Period {}.", end.period));
                continue;
            }
            let key = DayKey::new(&row.seed, period.number.as_ref());
            for call in &period.calls {
                let draw = key.draw_of(&self.site, end.period, call.number);
                match &call.ended {
                    None => findings.at(FindingKind::SeedEarly, place, ""),
                    Some(ended) => judge(&period, call, ended, draw, tally, findings),
                }
            }
            let first_above = period.calls.iter().map(|call| call.number).filter(|number| *number > end.last).min();
            if let Some(number) = first_above {
                findings.at(FindingKind::NumberMissing, place, format!("Period {} ended before {number}.", end.period));
            }
            for (first, last) in &period.skipped {
                let numbers = *first..=(*last).min(first.saturating_add(SKIPPED_MAX));
                let drawn = numbers
                    .clone()
                    .filter(|number| key.draw_of(&self.site, end.period, *number).is_drawn(period.one_in));
                tally.skipped(period.one_in, numbers.clone().count() as u64, drawn.count() as u64);
            }
            count_numbers(&period, end.period, end.last, place, findings);
        }
    }

    /// Days whose seeds are still secret.
    pub fn open_days(&self) -> Vec<Date> {
        let mut days: Vec<_> = self.periods.values().map(|period| period.day).collect();
        days.sort_unstable();
        days.dedup();
        days
    }

    /// What can be said of each month in which calls were drawn.
    pub fn verdicts(&self, heads: &[Head]) -> Vec<(Month, Verdict)> {
        let drawn = self.months.iter().filter(|(_, month)| month.periods > 0);
        drawn.map(|(name, month)| (*name, month.verdict(heads))).collect()
    }
}

/// A call's draw against what its row says, and what was made of it.
fn judge(period: &Period, call: &CallOf, ended: &Ended, draw: DrawValue, tally: &mut Tally, findings: &mut Findings) {
    let is_drawn = draw.is_drawn(period.one_in);
    let is_barred = ended.is_private || ended.is_objected || call.is_left_out;
    if ended.draw != Some(draw) {
        findings.at(FindingKind::DrawWrong, ended.place, "");
    }
    let wrong = match (ended.is_sampled, is_drawn) {
        (true, false) => Some(FindingKind::SampledUndrawn),
        (true, true) if is_barred => Some(FindingKind::SampledAgainstRule),
        (false, true) if !is_barred && !ended.is_lost => Some(FindingKind::DrawnUnsampled),
        _ => None,
    };
    if let Some(wrong) = wrong {
        findings.at(wrong, ended.place, "");
    }
    tally.call(&Drawn {
        segment: ended.place.segment,
        day: period.day,
        one_in: period.one_in,
        is_drawn,
        agent: call.agent,
        is_private: ended.is_private,
        is_objected: ended.is_objected,
        is_left_out: call.is_left_out,
        is_lost: ended.is_lost,
        seconds: ended.seconds,
    });
}

/// Whether every number of a period is a call's, or was skipped with a reason, and none is there twice.
fn count_numbers(period: &Period, id: u64, last: u64, place: RowId, findings: &mut Findings) {
    let mut spans: Vec<_> = period.calls.iter().map(|call| (call.number, call.number)).collect();
    spans.extend(&period.skipped);
    spans.sort_unstable();
    let mut next = period.first;
    for (from, to) in spans {
        if from > next {
            findings.at(FindingKind::NumberMissing, place, format!("Period {id} lacks {next} to {}.", from - 1));
        } else if from < next {
            findings.at(FindingKind::NumberTwice, place, format!("Period {id} has {from} twice."));
        }
        next = next.max(to.saturating_add(1));
    }
    if next <= last {
        findings.at(FindingKind::NumberMissing, place, format!("Period {id} lacks {next} to {last}."));
    }
}
