//! What goes when, for the council: a calendar of the next weeks and a plot of the months behind them, in counts.

use jiff::{Span, civil::Date};
use maud::{Markup, html};
use retrocall_records::desk::Going;

use crate::{asked::Asked, frame};

/// Weeks of the calendar, and of the plot.
const CALENDAR_WEEKS: i64 = 5;
const PLOT_WEEKS: i64 = 26;
/// The plot, in its own units.
const PLOT_HEIGHT: u64 = 120;
const BAR_WIDTH: u64 = 20;

/// Recordings by the day on which they go.
struct Days<'a>(&'a [Going]);

impl Days<'_> {
    /// How many go on these days, the last one left out. What is due already counts for today.
    fn between(&self, from: Option<Date>, to: Date) -> u64 {
        let is_in = |on: Date| from.is_none_or(|from| on >= from) && on < to;
        self.0.iter().filter(|one| one.on.is_some_and(is_in)).map(|one| one.count).sum()
    }

    fn on(&self, day: Date, today: Date) -> u64 {
        self.between((day != today).then_some(day), after(day, 1))
    }

    /// How many go in a week, which may be the one that is going on.
    fn in_week(&self, monday: Date, today: Date) -> u64 {
        self.between((monday > today).then_some(monday), after(monday, 7))
    }

    fn without_a_day(&self) -> u64 {
        self.0.iter().filter(|one| one.on.is_none()).map(|one| one.count).sum()
    }
}

fn after(day: Date, days: i64) -> Date {
    day.saturating_add(Span::new().days(days))
}

pub(super) fn section(asked: &Asked, going: &[Going], today: Date) -> Markup {
    let texts = asked.texts();
    let days = Days(going);
    let monday = after(today, -i64::from(today.weekday().to_monday_zero_offset()));
    let kept: u64 = going.iter().map(|one| one.count).sum();
    let soon = days.between(None, after(monday, 7 * CALENDAR_WEEKS));
    html! {
        section.call.own aria-labelledby="goes" {
            h2 id="goes" { (texts.say("goes-title")) }
            p {
                (texts.fill("goes-kept", [("kept", kept.into()), ("soon", soon.into())])) " "
                @if days.without_a_day() > 0 { (texts.fill("goes-held", [("count", days.without_a_day().into())])) }
            }
            @if kept > 0 {
                (calendar(asked, &days, monday, today))
                (plot(asked, &days, monday, today))
            }
        }
    }
}

fn calendar(asked: &Asked, days: &Days<'_>, monday: Date, today: Date) -> Markup {
    let texts = asked.texts();
    html! {
        table.calendar {
            caption.hint { (texts.say("goes-calendar")) }
            thead { tr { @for day in 1..=7 { th scope="col" { (texts.say(&format!("weekday-{day}"))) } } } }
            tbody {
                @for week in 0..CALENDAR_WEEKS {
                    tr {
                        @for day in 0..7 {
                            @let date = after(monday, 7 * week + day);
                            @let count = if date < today { 0 } else { days.on(date, today) };
                            td.today[date == today] aria-current=[(date == today).then_some("date")] {
                                time datetime=(date) { (date.day()) @if date.day() == 1 { " " (texts.say(&format!("month-{}", date.month()))) } }
                                @if count > 0 { strong { (count) } }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// A bar for each week, with what it stands for as its title.
fn plot(asked: &Asked, days: &Days<'_>, monday: Date, today: Date) -> Markup {
    let texts = asked.texts();
    let weeks: Vec<(Date, u64)> = (0..PLOT_WEEKS)
        .map(|week| after(monday, 7 * week))
        .map(|begins| (begins, days.in_week(begins, today)))
        .collect();
    let most = weeks.iter().map(|(_, count)| *count).max().unwrap_or_default().max(1);
    let width = BAR_WIDTH * PLOT_WEEKS.unsigned_abs();
    let base = PLOT_HEIGHT + 4;
    html! {
        figure {
            svg.bars viewBox=(format!("0 0 {width} {}", base + 20)) role="img" aria-label=(texts.fill("goes-plot", [("most", most.into())])) {
                line x1="0" x2=(width) y1=(base) y2=(base) {}
                @for (place, (begins, count)) in weeks.iter().enumerate() {
                    @let x = BAR_WIDTH * place as u64;
                    @let height = PLOT_HEIGHT * count / most;
                    @if *count > 0 {
                        rect x=(x + 3) y=(base - height.max(2)) width=(BAR_WIDTH - 6) height=(height.max(2)) {
                            title { (texts.fill("goes-week", [("day", frame::day(asked, *begins).into()), ("count", (*count).into())])) }
                        }
                    }
                    @if begins.day() <= 7 { text x=(x) y=(base + 16) { (texts.say(&format!("month-{}", begins.month()))) } }
                }
            }
            figcaption.hint { (texts.fill("goes-plot", [("most", most.into())])) }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(text: &str) -> Date {
        text.parse().expect("a day")
    }

    #[test]
    fn what_is_due_already_goes_today_and_every_recording_counts_once_in_the_plot() {
        let going = [
            (Some("2026-11-20"), 2),
            (Some("2026-11-30"), 1),
            (Some("2026-12-06"), 4),
            (Some("2027-01-01"), 8),
            (None, 16),
        ];
        let going = going.map(|(on, count)| Going { on: on.map(day), count });
        let (days, today, monday) = (Days(&going), day("2026-12-02"), day("2026-11-30"));
        assert_eq!((days.on(today, today), days.on(day("2026-12-06"), today), days.without_a_day()), (3, 4, 16));
        let weeks: u64 = (0..PLOT_WEEKS).map(|week| days.in_week(after(monday, 7 * week), today)).sum();
        assert_eq!((days.in_week(monday, today), weeks), (7, 15));
    }
}
