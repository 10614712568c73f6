//! The course of one purpose: what has happened to it, and until when that keeps it by one version's periods.
//!
//! One function for each kind, with the numbers of the desk's rules. Belongs here: what follows from anchors. Does not: versions of the policy,
//! holds, the recording as a whole (`mod`).

use jiff::{Timestamp, civil::Date};
use retrocall_words::retention::Period;

use super::{
    Version,
    anchor::{Anchor, Event, Facts, PurposeKind},
    fate::{Term, Why},
};

/// What has happened to a purpose.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Course {
    /// What ended it at once.
    over: Option<(Timestamp, Why)>,
    learned: bool,
    held: Option<Timestamp>,
    disputed: bool,
    settled: Option<Timestamp>,
    left: Option<Timestamp>,
    /// When somebody said last that the case needs it.
    needed: Option<Timestamp>,
    closed: Option<(Timestamp, Option<Date>)>,
    received: Option<Date>,
    extended: bool,
    /// When it was decided, and when that is to be reviewed.
    decided: Option<(Timestamp, Option<Date>)>,
}

impl Course {
    /// Takes in what happened next.
    pub(super) fn take(&mut self, kind: PurposeKind, event: &Event, version: &Version) {
        match kind {
            PurposeKind::Quality => self.take_quality(event),
            PurposeKind::Incident => self.take_incident(event),
            PurposeKind::Request => self.take_request(event, version),
            PurposeKind::Training | PurposeKind::Other => self.take_decided(kind, event),
        }
    }

    /// Until when it is in force by this version. None: nothing is known from which that could count.
    pub(super) fn term(&self, kind: PurposeKind, facts: &Facts, version: &Version) -> Option<Term> {
        if let Some((at, why)) = self.over {
            return Some(Term::until(at, why));
        }
        match kind {
            PurposeKind::Quality => self.quality(facts, version),
            PurposeKind::Incident => self.incident(facts, version),
            PurposeKind::Request => self.request(version),
            PurposeKind::Training => self.training(version),
            PurposeKind::Other => self.other(version),
        }
    }

    fn take_quality(&mut self, event: &Event) {
        match event.anchor {
            Anchor::NothingFound => self.over = Some((event.at, Why::NothingFound)),
            Anchor::PrivateCall => self.over = Some((event.at, Why::PrivateCall)),
            Anchor::Unheard => self.over = Some((event.at, Why::Unheard)),
            Anchor::Objected => self.over = Some((event.at, Why::Objected)),
            Anchor::LearningMoment => self.learned = true,
            // The next evaluation after the note counts, not one before it, nor a second one.
            Anchor::EvaluationHeld if self.learned => self.held = self.held.or(Some(event.at)),
            Anchor::DisputeOpened if self.learned => self.disputed = true,
            Anchor::DisputeSettled if self.disputed => {
                self.disputed = false;
                self.settled = Some(event.at);
            }
            Anchor::AgentLeft => self.left = self.left.or(Some(event.at)),
            _ => {}
        }
    }

    /// D2, D3, D5: unheard until day 14; a learning moment until 14 days after the evaluation, or as long as a dispute lasts; never over six months
    /// from the call.
    fn quality(&self, facts: &Facts, version: &Version) -> Option<Term> {
        let ended = facts.ended_at?;
        let most = version.months_after(facts.began_at.unwrap_or(ended).min(ended), Period::QualityMax);
        let term = if self.disputed {
            Term::until(most, Why::Disputed)
        } else if let Some(left) = self.left {
            Term::until(left.max(self.settled.unwrap_or(left)), Why::AgentLeft)
        } else if !self.learned {
            Term::until(version.days_after(ended, Period::QualityUnheard), Why::AwaitsReview)
        } else if let Some(held) = self.held {
            let disputable = version.days_after(held, Period::QualityDispute);
            Term::until(disputable.max(self.settled.unwrap_or(disputable)), Why::MayBeDisputed)
        } else {
            Term::until(most, Why::AwaitsEvaluation)
        };
        Some(Term { ends: term.ends.min(most), ..term })
    }

    fn take_incident(&mut self, event: &Event) {
        match event.anchor {
            Anchor::Dismissed => self.over = Some((event.at, Why::Dismissed)),
            Anchor::CaseOpened => self.needed = Some(event.at),
            Anchor::StillNeeded if self.needed.is_some() && self.closed.is_none() => self.needed = Some(event.at),
            Anchor::CaseClosed if self.needed.is_some() => self.closed = Some((event.at, event.date)),
            // Whoever takes a closing back says that the case needs it.
            Anchor::CaseReopened if self.closed.take().is_some() => self.needed = Some(event.at),
            _ => {}
        }
    }

    /// D10, D11: without a case until the seventh working day, at most 14 days; closed, until 72 hours later or past the term of appeal; open, as
    /// long as somebody says every 90 days that it is needed.
    fn incident(&self, facts: &Facts, version: &Version) -> Option<Term> {
        if let Some((closed, judgment)) = self.closed {
            let taken_back_until = version.hours_after(closed, Period::CaseClosed);
            // No judgment lies after the closing that names it.
            let judgment = judgment.map(|day| day.min(version.calendar.day_of(closed)));
            let appealed_until = judgment.map(|day| version.end_of_months_after(day, Period::CaseAppeal));
            return Some(match appealed_until.filter(|until| *until > taken_back_until) {
                Some(until) => Term::until(until, Why::MayBeAppealed),
                None => Term::until(taken_back_until, Why::CaseClosed),
            });
        }
        if let Some(needed) = self.needed {
            let restricted_from = version.days_after(needed, Period::StillNeeded);
            let ends = version.days_after(restricted_from, Period::StillNeededGrace);
            return Some(Term { ends, why: Why::CaseOpen, restricted_from: Some(restricted_from) });
        }
        let ended = facts.ended_at?;
        let working = version.calendar.end_of_working_day(ended, version.periods.get(Period::IncidentWorking));
        let most = version.days_after(ended, Period::IncidentMax);
        Some(Term::until(working.min(most), Why::AwaitsCase))
    }

    fn take_request(&mut self, event: &Event, version: &Version) {
        match event.anchor {
            Anchor::RequestReceived => {
                let entered = version.calendar.day_of(event.at);
                // Nobody receives anything later than it is entered.
                self.received = Some(event.date.unwrap_or(entered).min(entered));
            }
            Anchor::RequestExtended => self.extended = true,
            Anchor::RequestAnswered => self.over = Some((event.at, Why::RequestAnswered)),
            _ => {}
        }
    }

    /// D14, D15: a month from receipt, two more if it was extended.
    fn request(&self, version: &Version) -> Option<Term> {
        let received = self.received?;
        let mut months = version.periods.get(Period::Request);
        if self.extended {
            months += version.periods.get(Period::RequestExtension);
        }
        Some(Term::until(version.end_of_day_months_after(received, months), Why::RequestOpen))
    }

    fn take_decided(&mut self, kind: PurposeKind, event: &Event) {
        match (kind, event.anchor) {
            (PurposeKind::Training, Anchor::Promoted) | (PurposeKind::Other, Anchor::Decided) => {
                // Teaching material keeps its first day: no review makes it older than it may become.
                let first = self.decided.filter(|_| kind == PurposeKind::Training).map_or(event.at, |(at, _)| at);
                self.decided = Some((first, event.date));
            }
            (PurposeKind::Training, Anchor::Objected) => self.over = Some((event.at, Why::Objected)),
            (PurposeKind::Other, Anchor::Ended) => self.over = Some((event.at, Why::Ended)),
            _ => {}
        }
    }

    /// D6: until its review, at most two years.
    fn training(&self, version: &Version) -> Option<Term> {
        let (promoted, review) = self.decided?;
        let most = version.months_after(promoted, Period::TrainingMax);
        let review = review.map(|day| version.calendar.end_of(day));
        Some(Term::until(review.unwrap_or(most).min(most), Why::Teaching))
    }

    /// D18: until its review, within 90 days.
    fn other(&self, version: &Version) -> Option<Term> {
        let (decided, review) = self.decided?;
        let most = version.days_after(decided, Period::OtherReview);
        let review = review.map(|day| version.calendar.end_of(day));
        Some(Term::until(review.unwrap_or(most).min(most), Why::Decided))
    }

    /// The longest time by this version, whatever ends it before.
    pub(super) fn ceiling(&self, kind: PurposeKind, facts: &Facts, version: &Version) -> Option<Timestamp> {
        let ended = facts.ended_at?;
        match kind {
            PurposeKind::Quality if self.learned => {
                Some(version.months_after(facts.began_at.unwrap_or(ended).min(ended), Period::QualityMax))
            }
            PurposeKind::Quality => Some(version.days_after(ended, Period::QualityUnheard)),
            PurposeKind::Incident => Some(match self.needed {
                Some(needed) => {
                    version.days_after(version.days_after(needed, Period::StillNeeded), Period::StillNeededGrace)
                }
                None => version.days_after(ended, Period::IncidentMax),
            }),
            PurposeKind::Request => self.request(version).map(|term| term.ends),
            PurposeKind::Training => self.decided.map(|(at, _)| version.months_after(at, Period::TrainingMax)),
            PurposeKind::Other => self.decided.map(|(at, _)| version.days_after(at, Period::OtherReview)),
        }
    }

    /// When somebody is to be told, by this version: [`super::Notice`].
    pub(super) fn notices(
        &self,
        kind: PurposeKind,
        term: &Term,
        version: &Version,
        facts: &Facts,
    ) -> Vec<super::Notice> {
        use super::{Notice, NoticeKind};
        match (kind, term.why) {
            (PurposeKind::Quality, Why::AwaitsEvaluation) => {
                let warned =
                    facts.began_at.or(facts.ended_at).map(|call| version.months_after(call, Period::QualityWarning));
                warned.map(|at| Notice { at, kind: NoticeKind::EvaluationMissing }).into_iter().collect()
            }
            (PurposeKind::Incident, Why::AwaitsCase) => {
                let warned = [2, 1].map(|days| version.working_days_before(term.ends, days));
                warned.map(|at| Notice { at, kind: NoticeKind::CaseMissing }).into()
            }
            (PurposeKind::Incident, Why::CaseOpen) => {
                let asked = term.restricted_from.map(|at| version.calendar.days_before(at, super::ASKED_AHEAD_DAYS));
                asked.map(|at| Notice { at, kind: NoticeKind::StillNeeded }).into_iter().collect()
            }
            _ => Vec::new(),
        }
    }
}
