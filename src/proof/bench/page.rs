//! The page of a run: one file that needs nothing else, to be sent, printed, or pasted from.

use std::fmt::Write;

use super::{
    Figure, GoalIs, Report, number,
    plot::{Line, Plot, escaped},
};

const STYLE: &str = "\
:root{color-scheme:light dark}\
body{font:15px/1.5 system-ui,sans-serif;max-width:62em;margin:2em auto;padding:0 1em}\
table{border-collapse:collapse;font-size:13px;width:100%}\
th,td{padding:.2em .6em;text-align:right;border-bottom:1px solid color-mix(in srgb,currentColor 18%,transparent);white-space:nowrap}\
th:first-child,td:first-child{text-align:left}\
td.note{text-align:left;white-space:normal;opacity:.75}\
.met{color:#009e73}.not{color:#d55e00;font-weight:600}\
figure{margin:2em 0}svg{width:100%;height:auto}figcaption{font-size:13px;opacity:.8}\
.wide{overflow-x:auto}";

impl Report {
    /// The page, as HTML with everything inside.
    pub fn page(&self) -> String {
        let machine = &self.machine;
        let mut out = format!(
            "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\">\
             <title>retrocall bench, {at}</title><style>{STYLE}</style></head><body>\n<h1>retrocall bench</h1>\n<p>retrocall {version}, {at}. \
             {processor}, {cores} cores, {gib:.1} GiB, {kernel}; memory for calls {memory}, disk {disk}; load average {before} before, {after} \
             after.{built}</p>\n<p>Whatever is compared was measured in this one run, turn by turn. Latencies are corrected for coordinated \
             omission: what a stall kept waiting is counted as late. Read ratios rather than times: this machine may have had other things to \
             do, and the load average says how much.</p>\n",
            at = escaped(&machine.at),
            version = machine.version,
            processor = escaped(&machine.processor),
            cores = machine.cores,
            gib = machine.memory_bytes as f64 / f64::from(1 << 30),
            kernel = escaped(&machine.kernel),
            memory = escaped(&machine.memory_kind),
            disk = escaped(&machine.disk),
            before = machine.load_before,
            after = machine.load_after,
            built = if machine.optimised {
                ""
            } else {
                " <strong>Built without optimisation: these figures mean nothing.</strong>"
            },
        );
        let goals: Vec<&Figure> = self.figures.iter().filter(|figure| figure.goal.is_some()).collect();
        if !goals.is_empty() {
            let met = goals.iter().filter(|figure| figure.met == Some(true)).count();
            let _ = writeln!(out, "<h2>Goals: {met} of {} met</h2>", goals.len());
            goal_table(&mut out, &goals);
        }
        plots(&mut out, &self.lines);
        out.push_str("<h2>Every figure</h2>\n");
        figure_table(&mut out, &self.figures);
        out.push_str("</body></html>\n");
        out
    }
}

fn plots(out: &mut String, lines: &[Line]) {
    let mut seen: Vec<Plot> = Vec::new();
    for line in lines {
        if !seen.contains(&line.plot) {
            seen.push(line.plot);
        }
    }
    for plot in seen {
        let lines: Vec<&Line> = lines.iter().filter(|line| line.plot == plot && !line.points.is_empty()).collect();
        if !lines.is_empty() {
            let (title, svg, caption) = (plot.title(), plot.svg(&lines), plot.caption());
            let _ =
                writeln!(out, "<figure><h2>{title}</h2>{svg}<figcaption>{}</figcaption></figure>", escaped(caption));
        }
    }
}

fn goal_table(out: &mut String, goals: &[&Figure]) {
    out.push_str("<div class=\"wide\"><table><tr><th>figure</th><th>value</th><th>goal</th><th></th><th></th></tr>\n");
    for figure in goals {
        let bound = if figure.goal_is == Some(GoalIs::AtLeast) { "at least" } else { "at most" };
        let goal = figure.goal.map(number).unwrap_or_default();
        let (class, met) = if figure.met == Some(true) { ("met", "met") } else { ("not", "not met") };
        let _ = writeln!(
            out,
            "<tr><td>{}</td><td>{} {}</td><td>{bound} {goal}</td><td class=\"{class}\">{met}</td><td class=\"note\">{}</td></tr>",
            escaped(&figure.name),
            number(figure.value),
            escaped(figure.unit),
            escaped(figure.note.as_deref().unwrap_or_default())
        );
    }
    out.push_str("</table></div>\n");
}

fn figure_table(out: &mut String, figures: &[Figure]) {
    out.push_str(
        "<div class=\"wide\"><table><tr><th>figure</th><th>value</th><th>p50</th><th>p90</th><th>p99</th><th>p99.9</th><th>p99.99</th>\
         <th>max</th><th>of</th><th></th></tr>\n",
    );
    for figure in figures {
        let _ = write!(
            out,
            "<tr><td>{}</td><td>{} {}</td>",
            escaped(&figure.name),
            number(figure.value),
            escaped(figure.unit)
        );
        match &figure.percentiles {
            Some(p) => {
                for value in [p.p50, p.p90, p.p99, p.p99_9, p.p99_99, p.max] {
                    let _ = write!(out, "<td>{}</td>", number(value));
                }
                let _ = write!(out, "<td>{}</td>", p.count);
            }
            None => out.push_str(&"<td></td>".repeat(7)),
        }
        let _ = writeln!(out, "<td class=\"note\">{}</td></tr>", escaped(figure.note.as_deref().unwrap_or_default()));
    }
    out.push_str("</table></div>\n");
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::Machine;

    fn report() -> Report {
        let latencies = {
            let mut latencies = crate::bench::Latencies::now_and_then();
            (1..1_000).for_each(|ns| latencies.add(ns));
            latencies
        };
        Report {
            machine: Machine::look(),
            figures: vec![
                Figure::of("press/idle", &latencies, "us").note("a <note>"),
                Figure::new("flac/speed", 12.0, "x").at_least(8.0),
                Figure::new("push/1/times-rtrb", 9.0, "x").at_most(4.0),
            ],
            lines: vec![
                Line { plot: Plot::Push(1), name: "a & b".to_owned(), points: latencies.curve() },
                Line { plot: Plot::Cpu, name: "in process".to_owned(), points: vec![(1_000.0, 0.1), (4_000.0, 0.4)] },
                Line { plot: Plot::Tail, name: "nobody".to_owned(), points: vec![] },
            ],
        }
    }

    #[test]
    fn a_page_needs_nothing_but_itself_and_names_no_other_place_than_that_of_svg() {
        let page = report().page();
        let rest = page.replace("http://www.w3.org/2000/svg", "");
        for outside in ["http:", "https:", "src=", "href=", "@import", "url("] {
            assert!(!rest.contains(outside), "{outside}");
        }
        assert_eq!(page.matches("<svg").count(), 2, "a plot without a line is left out");
        assert!(page.contains("a &amp; b") && page.contains("a &lt;note&gt;"));
        assert!(page.contains("Goals: 1 of 2 met") && page.contains(">not met<"));
    }

    #[test]
    fn every_line_stays_within_its_frame_and_no_number_is_none() {
        let page = report().page();
        assert!(!page.contains("NaN") && !page.contains("inf"));
        for points in page.split("points=\"").skip(1).filter_map(|rest| rest.split('"').next()) {
            for point in points.split(' ') {
                let (x, y) = point.split_once(',').expect("two numbers");
                let (x, y): (f64, f64) = (x.parse().expect("a number"), y.parse().expect("a number"));
                assert!((0.0..=860.0).contains(&x) && (0.0..=400.0).contains(&y), "{point}");
            }
        }
    }
}
