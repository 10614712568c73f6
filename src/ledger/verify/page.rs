//! A verification as one page for the works council: five sentences, the plot of the lottery, and what was found. No file beside it, no script.
//!
//! Belongs here: how a report looks. Does not: what is verified.

use maud::{DOCTYPE, Markup, PreEscaped, html};

use super::{
    finding::{Finding, FindingKind, Question, Verdict},
    plot,
    report::Report,
};

const STYLE: &str = "\
:root{color-scheme:light dark}\
body{font:16px/1.5 system-ui,sans-serif;max-width:56em;margin:2em auto;padding:0 1em}\
table{border-collapse:collapse;font-size:14px}\
th,td{padding:.25em .8em .25em 0;text-align:left;border-bottom:1px solid color-mix(in srgb,currentColor 18%,transparent)}\
td.number{text-align:right;font-variant-numeric:tabular-nums}\
dt{font-weight:600;margin-top:.8em}dd{margin:0}\
.good::before{content:\"✓ \";color:#009e73}.look::before{content:\"! \";color:#d55e00}\
figure{margin:2em 0}svg{width:100%;height:auto}figcaption{font-size:14px}\
.wide{overflow-x:auto}code{overflow-wrap:anywhere}";

/// A question that the council asks, with what the report answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// The question.
    pub question: &'static str,
    /// Whether nothing speaks against it.
    pub is_good: bool,
    /// The answer: a sentence, or two.
    pub sentence: String,
}

impl Report {
    /// The council's questions: was the ledger left alone, was the lottery fair, was the sample heard in order, was anything kept without reason, was
    /// anyone heard too often.
    pub fn answers(&self) -> Vec<Answer> {
        use FindingKind as Kind;
        let count = |is: &dyn Fn(FindingKind) -> bool| self.findings.iter().filter(|finding| is(finding.kind)).count();
        let of = |question: Question| count(&|kind| kind.question() == question && !kind.is_notice());
        let by_id = count(&|kind| kind == Kind::HeardOutOfTurn);
        let heard = match by_id {
            0 => "Each sampled call was heard in the order of its draw, or let go of from the other end.".to_owned(),
            calls => format!("In the order of the draw, but for {calls} by id, which their rows say."),
        };
        let agents: Vec<_> =
            self.comparisons.iter().filter(|one| one.is_steered && one.subject.contains(" agent ")).collect();
        let witnessed = self.months.iter().filter(|month| month.verdict == Verdict::Witnessed).count();
        let drawn: u64 = self.days.iter().map(|day| day.drawn).sum();
        let calls: u64 = self.days.iter().map(|day| day.calls).sum();
        let fair = format!(
            "{drawn} of {calls} calls were drawn, where chance draws {:.0}. {witnessed} of {} months were witnessed by the council's number.",
            self.days.iter().map(|day| day.expected).sum::<f64>(),
            self.months.len(),
        );
        vec![
            answer(
                "Was the control log left alone?",
                of(Question::Whole),
                "No row was changed, removed, inserted or moved.".into(),
            ),
            answer("Was the lottery fair?", of(Question::Fair), fair),
            answer("Was the sample heard in order?", of(Question::Order), heard),
            answer(
                "Was anything kept without reason?",
                of(Question::Kept),
                "Each recording has a reason: the button, or the draw.".into(),
            ),
            answer(
                "Was anyone heard too often?",
                agents.len(),
                "No agent was drawn more or less often than chance explains.".into(),
            ),
        ]
    }

    /// The plot of the lottery, as SVG; none as long as no draw could be recomputed.
    pub fn plot(&self) -> Option<String> {
        (!self.days.is_empty()).then(|| plot::lottery(&self.days))
    }

    /// The page, as HTML with everything inside.
    pub fn page(&self) -> String {
        let page = html! {
            (DOCTYPE)
            html lang="en" {
                head {
                    meta charset="utf-8";
                    meta name="viewport" content="width=device-width";
                    title { "Control log of " (self.site) }
                    style { (PreEscaped(STYLE)) }
                }
                body {
                    h1 { "Control log" }
                    p { "Site " code { (self.site) } ". " (self.days_said()) }
                    dl {
                        @for answer in self.answers() {
                            dt { (answer.question) }
                            dd class=(if answer.is_good { "good" } else { "look" }) { (answer.sentence) }
                        }
                    }
                    @if !self.days.is_empty() { (figure(self)) }
                    (findings(&self.findings, self.left_out))
                    (months(self))
                    (comparisons(self))
                    @if let Some(tail) = &self.tail { h2 { "The end of the log" } p { (tail) } }
                    h2 { "What this can't show" }
                    p {
                        "Whoever is root on the engine's host can predict a draw, and could steer it by what happens to calls. "
                        "Only the comparisons above would show it."
                    }
                }
            }
        };
        page.into_string()
    }

    fn days_said(&self) -> String {
        match (self.days.first(), self.days.last()) {
            (Some(first), Some(last)) => {
                format!("Days of which the draw could be recomputed: {} to {}.", first.day, last.day)
            }
            _ => "No day's seed has been published yet.".to_owned(),
        }
    }
}

fn answer(question: &'static str, wrong: usize, good: String) -> Answer {
    let sentence = match wrong {
        0 => good,
        1 => "There is one finding: see below.".to_owned(),
        wrong => format!("There are {wrong} findings: see below."),
    };
    Answer { question, is_good: wrong == 0, sentence }
}

fn figure(report: &Report) -> Markup {
    html! {
        h2 { "The lottery" }
        figure {
            (PreEscaped(plot::lottery(&report.days)))
            figcaption {
                "Drawn calls beyond what chance expects, summed from the first call on. Of a thousand honest lotteries 999 end within the grey "
                "band; a line that leaves it for good is a reason to ask."
            }
        }
    }
}

fn findings(findings: &[Finding], left_out: u64) -> Markup {
    html! {
        h2 { "What was found" }
        @if findings.is_empty() {
            p { "Nothing." }
        } @else {
            ul { @for finding in findings { li { (finding) } } }
        }
        @if left_out > 0 { p { "And " (left_out) " more." } }
    }
}

fn months(report: &Report) -> Markup {
    html! {
        h2 { "Months" }
        table {
            tr { th { "Month" } th { "Verdict" } }
            @for month in &report.months {
                tr { td { (month.month) } td { (month.verdict.sentence()) } }
            }
        }
    }
}

fn comparisons(report: &Report) -> Markup {
    html! {
        h2 { "Drawn calls beside the others" }
        p { "The least likely differences. A month in which nobody steers gives an alarm once in a thousand." }
        div class="wide" {
            table {
                tr { th { "What" } th { "Counted" } th { "Of" } th { "By chance" } th { "So likely" } th { "" } }
                @for one in report.comparisons.iter().take(20) {
                    tr {
                        td { (one.subject) }
                        td class="number" { (one.count) }
                        td class="number" { (one.of) }
                        td class="number" { (format!("{:.1}", one.expected)) }
                        td class="number" { (format!("{:.3}", one.chance)) }
                        td { @if one.is_steered { strong { "steered" } } }
                    }
                }
            }
        }
    }
}
