//! Lines on axes, as SVG: percentile curves, and cost against scale. It looks the same on white and on black.

use std::fmt::Write;

use super::number::number;

/// The plots.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Plot {
    /// A frame into a ring: 1, 100 or 20,000 live legs.
    Push(usize),
    /// A wait, over the socket.
    Socket,
    /// Time against a call's depth.
    Depth,
    /// Processor time against live calls.
    Cpu,
    /// Memory against live calls.
    Memory,
    /// The slowest in a thousand against live calls.
    Tail,
}

/// A line of a plot.
pub(super) struct Line {
    pub plot: Plot,
    /// Its name.
    pub name: String,
    /// Its points. First, in the order of the plots: shares (0 to 1, without 1), minutes, or calls; then nanoseconds, cores or bytes.
    pub points: Vec<(f64, f64)>,
}

/// The scale of an axis.
#[derive(Clone, Copy, PartialEq)]
enum Scale {
    /// From 0.
    Linear,
    /// Each factor as wide as any other.
    Log,
    /// Shares towards 1: each nine as wide as any other.
    Nines,
}

/// The unit of an axis.
#[derive(Clone, Copy, PartialEq)]
enum Unit {
    Part,
    Nanoseconds,
    Minutes,
    Calls,
    Cores,
    Bytes,
}

struct Axis {
    label: &'static str,
    scale: Scale,
    unit: Unit,
    from: f64,
    to: f64,
}

const WIDTH: f64 = 860.0;
const HEIGHT: f64 = 400.0;
/// The frame of the lines: left, top, right, bottom.
const FRAME: [f64; 4] = [84.0, 14.0, 590.0, 344.0];
/// Distinct on white and on black, also for those who see fewer colours (Okabe and Ito, 2008, without their yellow and black).
const COLOURS: [&str; 7] = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#8c8c8c"];
/// The name of our own line beside those of rivals.
pub(super) const OURS: &str = "retrocall";
/// After the last colour, lines are dashed.
const DASHES: [&str; 2] = ["", " stroke-dasharray=\"6 4\""];

impl Plot {
    pub(super) fn title(self) -> String {
        match self {
            Plot::Push(1) => "A frame of 20 ms, one live leg".to_owned(),
            Plot::Push(legs) => format!("A frame of 20 ms, {legs} live legs"),
            Plot::Socket => "Waits over the socket".to_owned(),
            Plot::Depth => "The price of a call's depth".to_owned(),
            Plot::Cpu => "Processor time against live calls".to_owned(),
            Plot::Memory => "Memory against live calls".to_owned(),
            Plot::Tail => "The slowest of a thousand against live calls".to_owned(),
        }
    }

    /// How to read it.
    pub(super) fn caption(self) -> &'static str {
        match self {
            Plot::Push(_) => {
                "Each line is of one contender, frame by frame, in turns in one process. \"nothing\" takes no frame: what it shows the machine \
                 does to all of them. Where the clock sees no time pass, a line begins later."
            }
            Plot::Socket => {
                "Client and engine are two processes, each waiting for its turn on a processor. The engine alone is quicker."
            }
            Plot::Depth => {
                "A straight rise is a price for each minute. A recording is written from its first second when it is pressed for, so it \
                 can't be quicker than writing and syncing as many bytes."
            }
            Plot::Cpu => {
                "The engine's threads alone, without those that make the load; steps in which a frame was lost are left out. A straight \
                 line through zero is a price for each frame. Many calls on a connection share a system call; softphones with a \
                 connection each don't."
            }
            Plot::Memory => {
                "Resident memory: the engine itself, two segments of 4 KiB for each leg, and the audio of the seconds that this took."
            }
            Plot::Tail => {
                "Over the socket: from writing a frame until an answer says that it is in the ring, of a call on a connection of its own. \
                 In process, and to the page cache: from when a frame is due until it is held; many are due at once and wait for each other."
            }
        }
    }

    fn axes(self, lines: &[&Line]) -> [Axis; 2] {
        let x = match self {
            Plot::Push(_) | Plot::Socket => ("at most this, in so many of 100", Scale::Nines, Unit::Part),
            Plot::Depth => ("depth of the call in minutes", Scale::Log, Unit::Minutes),
            _ => ("live calls, two legs each", Scale::Log, Unit::Calls),
        };
        let y = match self {
            Plot::Cpu => ("cores", Scale::Linear, Unit::Cores),
            Plot::Memory => ("resident", Scale::Log, Unit::Bytes),
            _ => ("time", Scale::Log, Unit::Nanoseconds),
        };
        let points = || lines.iter().flat_map(|line| &line.points);
        [Axis::around(x, points().map(|point| point.0)), Axis::around(y, points().map(|point| point.1))]
    }

    /// Draws these lines.
    pub(super) fn svg(self, lines: &[&Line]) -> String {
        let [x, y] = self.axes(lines);
        let mut out = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\" aria-label=\"{}\" \
             font-family=\"system-ui, sans-serif\" font-size=\"12\" fill=\"currentColor\">",
            self.title()
        );
        x.draw(&mut out, true);
        y.draw(&mut out, false);
        for (number, line) in lines.iter().enumerate() {
            let colour = COLOURS[number % COLOURS.len()];
            let width = if line.name == OURS { 3 } else { 2 };
            let dash = DASHES[number / COLOURS.len() % DASHES.len()];
            let points: Vec<(f64, f64)> = line
                .points
                .iter()
                .filter(|(_, value)| y.scale == Scale::Linear || *value > 0.0)
                .map(|(at, value)| (x.place(*at, true), y.place(*value, false)))
                .collect();
            let path: Vec<String> = points.iter().map(|(x, y)| format!("{x:.1},{y:.1}")).collect();
            let _ = write!(
                out,
                "<polyline fill=\"none\" stroke=\"{colour}\" stroke-width=\"{width}\"{dash} points=\"{}\"/>",
                path.join(" ")
            );
            if x.scale != Scale::Nines {
                for (x, y) in points {
                    let _ = write!(out, "<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"3\" fill=\"{colour}\"/>");
                }
            }
            let (at, row) = (FRAME[2] + 16.0, FRAME[1] + 14.0 + 20.0 * number as f64);
            let _ = write!(
                out,
                "<line x1=\"{at}\" x2=\"{}\" y1=\"{}\" y2=\"{}\" stroke=\"{colour}\" stroke-width=\"2\"{dash}/><text x=\"{}\" y=\"{row}\">{}</text>",
                at + 22.0,
                row - 4.0,
                row - 4.0,
                at + 28.0,
                escaped(&line.name)
            );
        }
        out.push_str("</svg>");
        out
    }
}

impl Axis {
    fn around((label, scale, unit): (&'static str, Scale, Unit), values: impl Iterator<Item = f64>) -> Axis {
        let values: Vec<f64> =
            values.filter(|value| scale == Scale::Linear || *value > 0.0 || unit == Unit::Part).collect();
        let least = values.iter().copied().fold(f64::INFINITY, f64::min);
        let most = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let (from, to) = match scale {
            _ if values.is_empty() => (1.0, 10.0),
            Scale::Linear => (0.0, most.max(1e-3) * 1.05),
            Scale::Nines => (0.0, most.max(0.9)),
            // Times go from one factor of ten to another; numbers of calls stay as they are.
            Scale::Log if unit == Unit::Calls || unit == Unit::Minutes => (least, most.max(least * 2.0)),
            Scale::Log => (10f64.powf(least.log10().floor()), 10f64.powf((most * 1.001).log10().ceil())),
        };
        Axis { label, scale, unit, from, to }
    }

    fn along(&self, value: f64) -> f64 {
        match self.scale {
            Scale::Linear => value,
            Scale::Log => value.log10(),
            Scale::Nines => -(1.0 - value).log10(),
        }
    }

    /// The place of a value in the picture.
    fn place(&self, value: f64, across: bool) -> f64 {
        let (from, to) = (self.along(self.from), self.along(self.to));
        let part = ((self.along(value) - from) / (to - from)).clamp(0.0, 1.0);
        let [left, top, right, bottom] = FRAME;
        if across { left + part * (right - left) } else { bottom - part * (bottom - top) }
    }

    fn ticks(&self) -> Vec<f64> {
        let within = |value: &f64| (self.from * 0.999..=self.to * 1.001).contains(value);
        match self.scale {
            Scale::Linear => {
                let raw = self.to / 5.0;
                let ten = 10f64.powf(raw.log10().floor());
                let step = [1.0, 2.0, 5.0, 10.0].map(|factor| factor * ten).into_iter().find(|step| *step >= raw);
                let step = step.unwrap_or(raw);
                (0..=5).map(|count| step * f64::from(count)).filter(within).collect()
            }
            Scale::Nines => [0.0, 0.5, 0.9, 0.99, 0.999, 0.999_9, 0.999_99, 0.999_999]
                .into_iter()
                .filter(|part| *part <= self.to)
                .collect(),
            Scale::Log => {
                let tens = self.from.log10().floor() as i32..=self.to.log10().ceil() as i32;
                let factors: &[f64] = if (self.to / self.from).log10() > 3.0 { &[1.0] } else { &[1.0, 2.0, 5.0] };
                tens.flat_map(|ten| factors.iter().map(move |factor| factor * 10f64.powi(ten))).filter(within).collect()
            }
        }
    }

    /// Draws an axis with its lines, numbers and title.
    fn draw(&self, out: &mut String, across: bool) {
        let [left, top, right, bottom] = FRAME;
        for tick in self.ticks() {
            let at = self.place(tick, across);
            let [x1, y1, x2, y2] = if across { [at, top, at, bottom] } else { [left, at, right, at] };
            let _ = write!(
                out,
                "<line x1=\"{x1:.1}\" y1=\"{y1:.1}\" x2=\"{x2:.1}\" y2=\"{y2:.1}\" stroke=\"currentColor\" stroke-opacity=\"0.18\"/>"
            );
            let (x, y, anchor) = if across { (at, bottom + 18.0, "middle") } else { (left - 8.0, at + 4.0, "end") };
            let _ =
                write!(out, "<text x=\"{x:.1}\" y=\"{y:.1}\" text-anchor=\"{anchor}\">{}</text>", self.unit.text(tick));
        }
        let (x, y) = if across { ((left + right) / 2.0, bottom + 42.0) } else { (16.0, (top + bottom) / 2.0) };
        let turn = if across { String::new() } else { format!(" transform=\"rotate(-90 {x:.1} {y:.1})\"") };
        let _ = write!(out, "<text x=\"{x:.1}\" y=\"{y:.1}\" text-anchor=\"middle\"{turn}>{}</text>", self.label);
    }
}

impl Unit {
    fn text(self, value: f64) -> String {
        let of = |value: f64, unit: &str| format!("{} {unit}", (value * 1e3).round() / 1e3);
        match self {
            Unit::Part => ((value * 1e8).round() / 1e6).to_string(),
            Unit::Nanoseconds if value < 1e3 => of(value, "ns"),
            Unit::Nanoseconds if value < 1e6 => of(value / 1e3, "µs"),
            Unit::Nanoseconds if value < 1e9 => of(value / 1e6, "ms"),
            Unit::Nanoseconds => of(value / 1e9, "s"),
            Unit::Bytes if value < 1e9 => of(value / 1e6, "MB"),
            Unit::Bytes => of(value / 1e9, "GB"),
            Unit::Calls if value >= 1e3 => number(value),
            Unit::Minutes | Unit::Calls | Unit::Cores => ((value * 1e3).round() / 1e3).to_string(),
        }
    }
}

/// A text, escaped for HTML and SVG.
pub(super) fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
