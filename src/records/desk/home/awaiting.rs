//! Presses that await a case, on the catalog of a home.

use jiff::{SignedDuration, Timestamp};
use retrocall_words::retention::{Calendar, Period, Periods};

use super::{
    super::{
        DeskRole, NotDone, Person,
        awaiting::{Awaiting, AwaitingPress},
        paging::{Onward, PAGE, Paged, Stretch},
    },
    Answer, FIRST, HomeDesk, batch, cases, entries, knows_sample, maybe, parsed,
};
use crate::{
    PurposeKind, policies,
    policy::{self, Facts, NoticeKind, Policy, Purpose},
    rows::{self, Connection, Row},
    text,
};

const ROLES: &[DeskRole] = &[DeskRole::CaseHandler, DeskRole::PrivacyOfficer];

impl Awaiting for HomeDesk {
    fn awaiting(
        &self,
        who: &Person,
        after: Option<&Onward>,
        (periods, calendar): (Periods, &Calendar),
        now: Timestamp,
    ) -> Result<Paged<AwaitingPress>, NotDone> {
        if !ROLES.iter().any(|role| who.is(*role)) {
            return Err(NotDone::NotAllowed(ROLES));
        }
        let found = self.ask(false, async |rows| {
            let policy = policies::considered(rows, periods, calendar, now).await?;
            let since = text::time(ended_after(&policy, now));
            let mut at = after.map_or((FIRST.to_owned(), String::new()), |after| (after.at.clone(), after.id.clone()));
            let mut found: Vec<(Row, Press)> = Vec::new();
            // The rules say of each whether its days are over, and a case that was closed may need it still: until a part is full.
            while found.len() <= PAGE {
                let select = rows::query(include_str!("../../sql/desk/awaiting.sql"))
                    .bind(&since)
                    .bind(&at.0)
                    .bind(&at.1)
                    .bind(text::count(PAGE as u64 + 1));
                let looked = select.fetch_all(&mut *rows).await?;
                let Some(last) = looked.last() else { break };
                at = (last.try_get("ends_at")?, last.try_get("id")?);
                for row in looked {
                    if let Some(press) = Press::of(rows, &row, &policy, now).await? {
                        found.push((row, press));
                    }
                }
            }
            let part = Paged::of(found, |(row, _)| batch::behind(row, Stretch::Open, "ends_at"))?;
            let (of_part, presses): (Vec<Row>, Vec<Press>) = part.items.into_iter().unzip();
            let mut items = Vec::new();
            for ((mut recording, row), Press { until, warned }) in
                entries(rows, &of_part).await?.into_iter().zip(&of_part).zip(presses)
            {
                if !knows_sample(who) && row.try_get::<bool, _>("is_today")? {
                    recording.hide_draw();
                }
                let last = until.saturating_sub(SignedDuration::from_nanos(1)).unwrap_or(until);
                items.push(AwaitingPress { recording, until, last_day: calendar.day_of(last), warned });
            }
            Ok(Paged { items, next: part.next })
        });
        // Without a catalog nobody has pressed.
        if found == Err(NotDone::Unknown) { Ok(Paged::none()) } else { found }
    }
}

/// What a press waits for.
struct Press {
    until: Timestamp,
    warned: usize,
}

impl Press {
    /// None: its days are over, or a case that was closed keeps it still.
    async fn of(rows: &mut Connection, row: &Row, policy: &Policy, now: Timestamp) -> Answer<Option<Press>> {
        let facts = facts(parsed(row, "began_at")?, maybe(row, "ends_at")?);
        let Some(until) = until(&facts, policy, now) else { return Ok(None) };
        if row.try_get("had_case")? && cases::needs(rows, row.try_get("id")?, now).await? {
            return Ok(None);
        }
        let told = policy::notices(&facts, policy, now).into_iter();
        let warned = told.filter(|notice| notice.kind == NoticeKind::CaseMissing && notice.at <= now).count();
        Ok(Some(Press { until, warned }))
    }
}

/// How exactly it is found from when on presses can await a case: that many more are looked at.
const EXACT: SignedDuration = SignedDuration::from_mins(1);

/// The days of no press that ended before are over. The later a call, the later its days are over, by any version of the policy: so between what is over
/// for sure and now the moment is found that parts them, and what lies before it is looked at by nobody.
fn ended_after(policy: &Policy, now: Timestamp) -> Timestamp {
    let days =
        policy.versions().iter().map(|version| version.periods.get(Period::IncidentMax)).max().unwrap_or_default();
    // A day has an hour more or less where clocks are moved.
    let most = SignedDuration::from_hours(24 * i64::from(days) + 2);
    let (mut over, mut left) = (now.saturating_sub(most).unwrap_or(Timestamp::MIN), now);
    while left.duration_since(over) > EXACT {
        let Ok(middle) = over.checked_add(left.duration_since(over) / 2) else { break };
        // A call that began earlier is bound by more versions: its days are over no later.
        match until(&facts(middle, Some(middle)), policy, now) {
            Some(_) => left = middle,
            None => over = middle,
        }
    }
    over
}

/// A press of which nothing else is known.
fn facts(began_at: Timestamp, ended_at: Option<Timestamp>) -> Facts {
    let purposes = vec![Purpose { kind: PurposeKind::Incident, events: Vec::new() }];
    Facts { began_at: Some(began_at), ended_at, purposes, ..Facts::default() }
}

/// Until when a press can get a case. None: its days are over.
fn until(facts: &Facts, policy: &Policy, now: Timestamp) -> Option<Timestamp> {
    let ends = policy::ends(facts, policy, now);
    ends.into_iter().find_map(|(_, end)| end).map(|(until, _)| until).filter(|until| now < *until)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::Version;

    #[test]
    fn no_press_whose_days_are_left_is_passed_over_and_few_others_are_looked_at() {
        let now: Timestamp = "2026-11-30T10:00:00Z".parse().expect("a time");
        let calendar = Calendar::default();
        let with = |days: u16, since: i64| {
            let periods = Periods::default().with(Period::IncidentMax, days.into()).expect("a period");
            let from = now - SignedDuration::from_hours(since);
            Version { from, periods, calendar: calendar.clone() }
        };
        let policies = [
            Policy::default(),
            Policy::new(vec![with(5, 10_000), with(14, 100)]),
            Policy::new(vec![with(14, 10_000), with(5, 100)]),
        ];
        for policy in policies {
            let bound = ended_after(&policy, now);
            let hours_ago = |hours: i64| now - SignedDuration::from_hours(hours);
            for (ended, lasted) in (0..500).map(|hours| (hours_ago(hours), SignedDuration::from_mins(hours % 180))) {
                let is_left = until(&facts(ended - lasted, Some(ended)), &policy, now).is_some();
                assert!(!is_left || bound < ended, "{ended} {policy:?}");
                assert!(is_left || lasted.as_mins() > 0 || ended <= bound + EXACT, "{ended} {policy:?}");
            }
        }
    }
}
