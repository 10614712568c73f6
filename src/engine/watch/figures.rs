//! The figures in the text form of Prometheus (version 0.0.4): names with their units, and every counter from the first look on.
//!
//! No label ever names an agent, a call or a number: labels are the few words of the protocol.

use std::fmt::{Display, Write};

use retrocall_words::{CLOSED_BY, Counts, ERROR_KINDS, ErrorCode, Latency, Reason, Refusal, Status, Totals};

/// The page of figures for this status.
pub fn figures(status: &Status) -> String {
    let mut page = Page(String::with_capacity(16 * 1024));
    now(&mut page, status);
    calls(&mut page, &status.totals);
    kept(&mut page, &status.totals);
    connections(&mut page, &status.totals);
    page.0
}

/// The present: gauges.
fn now(page: &mut Page, status: &Status) {
    page.family("retrocall_info", "gauge", "Version, and the guarantee for live audio.");
    let labels = [
        ("version", status.engine.as_str()),
        ("level", &status.level),
        ("memory", &status.memory),
        ("write_barrier", &status.write_barrier),
    ];
    page.value("retrocall_info", &labels, 1);
    page.gauge("retrocall_uptime_seconds", "How long the engine has been running.", status.uptime_seconds);
    page.gauge("retrocall_memory_limit_bytes", "Memory for live calls.", status.memory_bytes);
    page.gauge("retrocall_memory_held_bytes", "Memory in use by live calls.", status.held_bytes);
    page.gauge("retrocall_memory_free_bytes", "Memory that no call uses.", status.free_bytes);
    page.gauge("retrocall_memory_ready_bytes", "Free memory that is faulted in.", status.ready_bytes);
    page.gauge(
        "retrocall_memory_locked_bytes",
        "Memory that is locked now; the rest is promised.",
        status.locked_bytes,
    );
    page.gauge("retrocall_calls_live", "Live calls.", status.calls);
    page.gauge("retrocall_connections_open", "Open connections.", status.connections);
    page.gauge("retrocall_commits_waiting", "Selected calls that have ended and are not on disk yet.", status.commits);
    page.gauge("retrocall_catalog_notes_waiting", "Notes that the catalog has not written yet.", status.catalog_notes);
    let disk = u8::from(status.disk_trouble.is_some());
    page.gauge("retrocall_disk_in_trouble", "1 while the disk refuses a recording.", disk);
    let catalog = u8::from(status.catalog_trouble.is_some());
    page.gauge("retrocall_catalog_in_trouble", "1 while the catalog can't be written.", catalog);
    let home = u8::from(status.home_trouble.is_some());
    page.gauge("retrocall_home_in_trouble", "1 while the home folder is not as the engine needs it.", home);
    let thread = u8::from(status.thread_trouble.is_some());
    page.gauge("retrocall_thread_in_trouble", "1 while a thread hangs, or fails again and again.", thread);
}

/// Calls and frames that came in.
fn calls(page: &mut Page, totals: &Totals) {
    page.counter("retrocall_calls_begun_total", "Calls that began.", totals.calls_begun);
    let refusals = Refusal::ALL.map(Refusal::as_str);
    let by_reason = |page: &mut Page, name: &str, help: &str, counts: &Counts| {
        page.counters(name, help, "reason", &refusals, counts);
    };
    by_reason(page, "retrocall_calls_refused_total", "Calls that were not captured.", &totals.calls_refused);
    page.counter("retrocall_frames_total", "Frames that came, both legs.", totals.frames);
    page.counter("retrocall_gaps_total", "Places where samples were missing.", totals.gaps);
    page.counter("retrocall_gap_seconds_total", "Length of the gaps.", totals.gap_seconds);
    page.counter("retrocall_late_frames_total", "Frames that came late or twice.", totals.late_frames);
    let help = "Frames with samples that were lost because the memory was full.";
    page.counter("retrocall_lost_frames_total", help, totals.lost_frames);
    let help = "Frames that were dropped because they were faulty.";
    page.counter("retrocall_refused_frames_total", help, totals.refused_frames);
    page.counter("retrocall_presses_total", "Presses of record that selected a call.", totals.presses);
    let help = "Presses for a call that was pressed for before.";
    page.counter("retrocall_presses_again_total", help, totals.presses_again);
    by_reason(page, "retrocall_presses_refused_total", "Presses of record refused.", &totals.presses_refused);
    let help = "Refused requests, other than begins and presses.";
    by_reason(page, "retrocall_requests_refused_total", help, &totals.requests_refused);
}

/// What became of calls.
fn kept(page: &mut Page, totals: &Totals) {
    let help = "Recordings on disk for good, by the reason; one with both counts under each.";
    let reasons = Reason::ALL.map(Reason::as_str);
    page.counters("retrocall_selections_total", help, "reason", &reasons, &totals.selections);
    page.counter("retrocall_recordings_total", "Recordings on disk for good.", totals.recordings);
    page.counter("retrocall_recording_bytes_total", "Bytes of recordings.", totals.recording_bytes);
    page.counter("retrocall_discards_total", "Calls that were not selected and are wiped.", totals.discards);
    let help = "Memory that was overwritten, of calls that were discarded or are on disk.";
    page.counter("retrocall_wiped_bytes_total", help, totals.wiped_bytes);
    let help = "From the first press to the recording on disk, the rest of the call included.";
    page.histogram("retrocall_commit_after_press_seconds", help, &totals.after_press);
    let help = "From hangup, or the end of the wait for a late press, to the recording on disk.";
    page.histogram("retrocall_commit_after_hangup_seconds", help, &totals.after_hangup);
}

/// Connections, requests and troubles.
fn connections(page: &mut Page, totals: &Totals) {
    page.counter("retrocall_connections_opened_total", "Connections opened.", totals.connections_opened);
    let help = "Connections refused because too many were open.";
    page.counter("retrocall_connections_refused_total", help, totals.connections_refused);
    let closed: Vec<&str> = CLOSED_BY.into_iter().chain(ErrorCode::ALL.map(ErrorCode::as_str)).collect();
    let help = "Connections closed: by the client, or for its error.";
    page.counters("retrocall_connections_closed_total", help, "by", &closed, &totals.connections_closed);
    page.counters("retrocall_errors_total", "What went wrong.", "kind", &ERROR_KINDS, &totals.errors);
    let help = "Lines of the log that were dropped because nobody read them.";
    page.counter("retrocall_log_lines_dropped_total", help, totals.log_lines_dropped);
}

struct Page(String);

impl Page {
    fn family(&mut self, name: &str, kind: &str, help: &str) {
        // Writing to a string can't fail.
        let _ = writeln!(self.0, "# HELP {name} {help}\n# TYPE {name} {kind}");
    }

    fn value(&mut self, name: &str, labels: &[(&str, &str)], value: impl Display) {
        let labels: Vec<String> = labels.iter().map(|(label, word)| format!("{label}=\"{word}\"")).collect();
        let _ = match labels.is_empty() {
            true => writeln!(self.0, "{name} {value}"),
            false => writeln!(self.0, "{name}{{{}}} {value}", labels.join(",")),
        };
    }

    fn gauge(&mut self, name: &str, help: &str, value: impl Display) {
        self.family(name, "gauge", help);
        self.value(name, &[], value);
    }

    fn counter(&mut self, name: &str, help: &str, value: impl Display) {
        self.family(name, "counter", help);
        self.value(name, &[], value);
    }

    /// A counter for each word, also for those at zero: a rate needs a beginning.
    fn counters(&mut self, name: &str, help: &str, label: &str, words: &[&str], counts: &Counts) {
        self.family(name, "counter", help);
        for word in words {
            self.value(name, &[(label, word)], counts.get(*word).copied().unwrap_or(0));
        }
    }

    fn histogram(&mut self, name: &str, help: &str, latency: &Latency) {
        self.family(name, "histogram", help);
        let bucket = format!("{name}_bucket");
        for (bound, count) in &latency.buckets {
            self.value(&bucket, &[("le", &bound.to_string())], count);
        }
        self.value(&bucket, &[("le", "+Inf")], latency.count);
        self.value(&format!("{name}_sum"), &[], latency.sum_seconds);
        self.value(&format!("{name}_count"), &[], latency.count);
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_figure_has_its_help_its_type_and_a_name_that_says_what_it_is() {
        let buckets = vec![(0.5, 1), (60.0, 2)];
        let latency = Latency { count: 3, sum_seconds: 70.25, buckets };
        let totals = Totals {
            presses_refused: Counts::from([("private".to_owned(), 4)]),
            after_hangup: latency,
            ..Totals::default()
        };
        let status = Status { engine: "9".into(), disk_trouble: Some("full".into()), totals, ..Status::default() };
        let page = figures(&status);
        for line in [
            "retrocall_info{version=\"9\",level=\"\",memory=\"\",write_barrier=\"\"} 1",
            "retrocall_disk_in_trouble 1",
            "retrocall_catalog_in_trouble 0",
            "retrocall_presses_refused_total{reason=\"private\"} 4",
            "retrocall_presses_refused_total{reason=\"no-call\"} 0",
            "retrocall_selections_total{reason=\"sample\"} 0",
            "retrocall_connections_closed_total{by=\"not-retrocall\"} 0",
            "retrocall_errors_total{kind=\"disk\"} 0",
            "retrocall_commit_after_hangup_seconds_bucket{le=\"0.5\"} 1",
            "retrocall_commit_after_hangup_seconds_bucket{le=\"+Inf\"} 3",
            "retrocall_commit_after_hangup_seconds_sum 70.25",
        ] {
            assert!(page.lines().any(|found| found == line), "{line} is missing in\n{page}");
        }
        let mut seen = BTreeSet::new();
        let mut family = ("", "");
        for line in page.lines() {
            if let Some(help) = line.strip_prefix("# HELP ") {
                family = (help.split_once(' ').expect("words").0, "");
                assert!(seen.insert(family.0), "{} is there twice", family.0);
            } else if let Some(kind) = line.strip_prefix("# TYPE ") {
                let (name, kind) = kind.split_once(' ').expect("a type");
                assert_eq!((name, name.ends_with("_total")), (family.0, kind == "counter"));
                family.1 = kind;
            } else {
                let (series, value) = line.rsplit_once(' ').expect("a value");
                let name = series.split('{').next().expect("a name");
                assert!(family.1 == "histogram" && name.starts_with(family.0) || name == family.0, "{line}");
                assert!(value.parse::<f64>().is_ok_and(f64::is_finite), "{line}");
            }
        }
        assert!(seen.len() > 30);
    }
}
