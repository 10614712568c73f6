//! A day's seed is shown when all its calls have ended: from then on anybody can compute its draws.

use jiff::civil::Date;
use retrocall_ledger::{PeriodEnd, SeedPublished};

use super::{Scribe, Written, calls::count, parsed, text};
use crate::{
    numbers::Highest,
    rows::{self, Connection},
};

/// What came of it.
pub(in super::super) enum Published {
    /// The seed of this day is shown.
    Day(Date),
    /// Some calls of the next day have not ended.
    AwaitsCalls,
    /// Notes of calls of that day are still to be written.
    AwaitsNotes,
    /// There are no more days.
    All,
}

/// Publishes the seed of the first day before `open` that has not been, if all its calls have ended. `given` are the last numbers of days that may
/// have calls without a row, `accounted` those up to which each has its row.
pub(in super::super) async fn publish(
    connection: &mut Connection,
    mut scribe: Scribe<'_>,
    open: Date,
    given: &Highest,
    accounted: &Highest,
) -> Written<Published> {
    let site = scribe.site();
    let select = rows::query(include_str!("../sql/ledger/unpublished_day.sql")).bind(site).bind(text::day(open));
    let Some(row) = select.fetch_optional(&mut *connection).await? else { return Ok(Published::All) };
    let day: Date = parsed(&row, "day")?;
    // A day without a call is in neither, or has none given.
    let last = |of: &Highest| of.get(&day).copied().unwrap_or(0);
    if last(given) > last(accounted) {
        return Ok(Published::AwaitsNotes);
    }
    let mut rows = connection.begin_writing().await?;
    let live = rows::query(include_str!("../sql/ledger/is_day_live.sql")).bind(site).bind(text::day(day));
    if live.fetch_one(&mut rows).await?.try_get(0)? {
        return Ok(Published::AwaitsCalls);
    }
    scribe.tell_all_of_draw(&mut rows).await?;
    match scribe.lottery().and_then(|lottery| lottery.seed(day)) {
        Some(seed) => {
            let periods = ends(&mut rows, site, day).await?;
            scribe.append(&mut rows, |_| SeedPublished { day, seed, periods }).await?;
        }
        None => tracing::error!(%day, "the seed of this day is lost: whether its draws were fair can't be checked"),
    }
    let update = rows::query(include_str!("../sql/ledger/published.sql"));
    update.bind(site).bind(text::day(day)).bind(text::time(scribe.now)).execute(&mut rows).await?;
    scribe.finish(&mut rows).await?;
    rows.commit().await?;
    Ok(Published::Day(day))
}

/// Where each period of a day ended.
async fn ends(rows: &mut Connection, site: &str, day: Date) -> Written<Vec<PeriodEnd>> {
    let select = rows::query(include_str!("../sql/ledger/periods_of_day.sql")).bind(site).bind(text::day(day));
    let found = select.fetch_all(&mut *rows).await?;
    let firsts =
        found.iter().map(|row| Ok((count(row, "period")?, count(row, "first")?))).collect::<Written<Vec<_>>>()?;
    let mut ends = Vec::new();
    for (at, (period, first)) in firsts.iter().enumerate() {
        let before_next = firsts.get(at + 1).map_or(u64::MAX, |(_, next)| next.saturating_sub(1));
        let last = rows::query(include_str!("../sql/ledger/last_number.sql"))
            .bind(text::day(day))
            .bind(text::count(*first))
            .bind(text::count(before_next));
        let last: Option<i64> = last.fetch_one(&mut *rows).await?.try_get(0)?;
        let last = last.and_then(|last| u64::try_from(last).ok()).unwrap_or(first.saturating_sub(1));
        ends.push(PeriodEnd { period: *period, last });
    }
    Ok(ends)
}
