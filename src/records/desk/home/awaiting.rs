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
        let facts = Facts {
            began_at: Some(parsed(row, "began_at")?),
            ended_at: maybe(row, "ends_at")?,
            purposes: vec![Purpose { kind: PurposeKind::Incident, events: Vec::new() }],
            ..Facts::default()
        };
        let ends = policy::ends(&facts, policy, now);
        let until = ends.into_iter().find_map(|(_, end)| end).map(|(until, _)| until).filter(|until| now < *until);
        let Some(until) = until else { return Ok(None) };
        if row.try_get("had_case")? && cases::needs(rows, row.try_get("id")?, now).await? {
            return Ok(None);
        }
        let told = policy::notices(&facts, policy, now).into_iter();
        let warned = told.filter(|notice| notice.kind == NoticeKind::CaseMissing && notice.at <= now).count();
        Ok(Some(Press { until, warned }))
    }
}

/// The days of no press that ended before are left, by any version of the policy.
fn ended_after(policy: &Policy, now: Timestamp) -> Timestamp {
    let days =
        policy.versions().iter().map(|version| version.periods.get(Period::IncidentMax)).max().unwrap_or_default();
    // A day has an hour more or less where clocks are moved.
    let most = SignedDuration::from_hours(24 * i64::from(days) + 2);
    now.saturating_sub(most).unwrap_or(Timestamp::MIN)
}
