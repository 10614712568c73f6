//! The plot of the lottery, as SVG: how far the drawn calls are from what chance expects. It looks the same on white and on black.

use std::fmt::Write as _;

use super::comparisons::LotteryDay;

const WIDTH: f64 = 860.0;
const HEIGHT: f64 = 320.0;
/// The frame of the line: left, top, right, bottom.
const FRAME: [f64; 4] = [56.0, 12.0, 848.0, 284.0];
/// Standard deviations within which 999 of 1000 end.
const BAND: f64 = 3.29;
/// A line needs no more points than the plot has columns.
const POINTS_MAX: usize = 400;

/// A place in the plot: calls so far, drawn calls beyond those expected, and half the width of the band.
struct Point {
    calls: f64,
    beyond: f64,
    band: f64,
}

/// Drawn calls beyond what chance expects, from the first call on, with the band in which honest lotteries end.
pub(super) fn lottery(days: &[LotteryDay]) -> String {
    let points = points(days);
    let calls_max = points.last().map_or(1.0, |last| last.calls).max(1.0);
    let reach = points.iter().map(|point| point.band.max(point.beyond.abs())).fold(1.0, f64::max) * 1.05;
    let [left, top, right, bottom] = FRAME;
    let middle = f64::midpoint(top, bottom);
    let x = |calls: f64| left + (right - left) * calls / calls_max;
    let y = |beyond: f64| middle - (bottom - top) / 2.0 * beyond / reach;
    let there = points.iter().map(|point| (x(point.calls), y(point.band)));
    let back = points.iter().rev().map(|point| (x(point.calls), y(-point.band)));
    let band = path(there.chain(back));
    let line = path(points.iter().map(|point| (x(point.calls), y(point.beyond))));
    let (first, last) = (days.first().map(|day| day.day), days.last().map(|day| day.day));
    let label = match (first, last) {
        (Some(first), Some(last)) => format!("{calls_max:.0} calls, {first} to {last}"),
        _ => "no calls".to_owned(),
    };
    let mark = reach / 1.05;
    format!(
        "<svg viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\" aria-label=\"Drawn calls beyond those expected: {label}\" font-size=\"12\" \
         fill=\"currentColor\">\
         <path d=\"{band}Z\" fill=\"currentColor\" opacity=\".12\"/>\
         <path d=\"M{left},{middle}H{right}\" stroke=\"currentColor\" opacity=\".5\"/>\
         <path d=\"{line}\" fill=\"none\" stroke=\"#0072b2\" stroke-width=\"2\"/>\
         <text x=\"{x}\" y=\"{y0}\" text-anchor=\"end\">0</text>\
         <text x=\"{x}\" y=\"{y1:.1}\" text-anchor=\"end\">+{mark:.0}</text>\
         <text x=\"{x}\" y=\"{y2:.1}\" text-anchor=\"end\">−{mark:.0}</text>\
         <text x=\"{right}\" y=\"{below}\" text-anchor=\"end\">{label}</text></svg>",
        x = left - 8.0,
        y0 = middle + 4.0,
        y1 = y(mark) + 4.0,
        y2 = y(-mark) + 4.0,
        below = bottom + 22.0,
    )
}

fn points(days: &[LotteryDay]) -> Vec<Point> {
    let mut points = vec![Point { calls: 0.0, beyond: 0.0, band: 0.0 }];
    let (mut calls, mut beyond, mut variance) = (0.0, 0.0, 0.0);
    let step = days.len().div_ceil(POINTS_MAX).max(1);
    for (index, day) in days.iter().enumerate() {
        calls += day.calls as f64;
        beyond += day.drawn as f64 - day.expected;
        variance += day.variance;
        if index % step == 0 || index + 1 == days.len() {
            points.push(Point { calls, beyond, band: BAND * variance.sqrt() });
        }
    }
    points
}

fn path(places: impl Iterator<Item = (f64, f64)>) -> String {
    let mut path = String::new();
    for (index, (x, y)) in places.enumerate() {
        let _ = write!(path, "{}{x:.1},{y:.1}", if index == 0 { "M" } else { "L" });
    }
    path
}
