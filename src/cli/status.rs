//! `retrocall status`: the state of the engine, and its counts since its start.

use std::collections::BTreeSet;

use clap::Args;
use serde::Serialize;
use serde_json::json;

use super::{
    Context, Failure,
    output::{self, counted, counted_doing},
};
use retrocall_records::{
    LinkState,
    desk::{Backlog, HomeDesk, Obeying as _, Outgoing as _},
    link_state,
    policy::NoticeKind,
    sweep::{DueAndStays, HomeStore, Warning, warnings},
};
use retrocall_words::{Ask, Clock as _, Counts, Reason, Request, Status, SystemClock, Target, Totals, Verdict};

const EXAMPLES: &str = "Examples:
  retrocall status
  retrocall status --json
  watch retrocall status               again every two seconds

Only for the engine's owner and root. `retrocall run --metrics` shows the same figures to Prometheus.";

/// The state of the engine: guarantees, memory, calls, recordings, errors
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct StatusArgs {}

pub(super) fn run(context: &Context, _args: StatusArgs) -> Result<(), Failure> {
    let mut client = context.connect()?;
    let answer = client.ask(Request::new(Target::Own, Ask::Status)).map_err(|error| context.client_failure(error))?;
    if answer.answer == Verdict::Refused {
        return Err(Failure::new(
            "status was refused: it is for the engine's owner and root",
            "ask as the user who runs the engine",
        ));
    }
    let Some(status) = answer.status else {
        return Err(Failure::new("the engine answered without its status", "see the engine's log"));
    };
    // The catalog may be out of reach, which the status says: then nothing is known of these.
    let warnings = waiting(context).unwrap_or_default();
    let link = link(context);
    if context.json() {
        let mut told = json!(status);
        told["warnings"] = json!(warnings);
        told["link"] = json!(link);
        output::say_json(&told);
    } else {
        let lines = page(&status).into_iter().chain(waits(&warnings)).chain(link.iter().flat_map(deliveries));
        lines.for_each(|(head, text)| output::say(&format!("{head:<12}{text}")));
    }
    Ok(())
}

/// What waits for the desk's people, as the catalog says (D3, D10, D11).
fn waiting(context: &Context) -> Option<Vec<Warning>> {
    let (settings, now) = (context.settings().ok()?, SystemClock.wall());
    let mut store = HomeStore::open_to_read(context.home()).ok()??;
    store.consider(settings.retention, &settings.calendar, now).ok()?;
    warnings(&mut store, now).ok()
}

/// How deliveries to a centre go.
#[derive(Serialize)]
struct LinkStatus {
    #[serde(flatten)]
    state: LinkState,
    /// Recordings that wait for their delivery,
    waiting: u64,
    /// that stay because somebody works with them here,
    staying: u64,
    /// and that the centre did not take.
    refused: Vec<RefusedRecording>,
    /// Orders of the centre that are not done.
    orders: Vec<u64>,
    /// Recordings that are due, and stay for its sake.
    due: Vec<DueAndStays>,
}

#[derive(Serialize)]
struct RefusedRecording {
    recording: String,
    why: String,
}

/// Recordings that are named.
const NAMED_MAX: usize = 20;

/// None if this home delivers nowhere.
fn link(context: &Context) -> Option<LinkStatus> {
    let state = link_state(context.home())?;
    let desk = HomeDesk::of(context.home());
    let Backlog { waiting, staying, .. } = desk.backlog().ok()?;
    let refused = desk.refused(NAMED_MAX).ok()?.into_iter();
    let refused = refused.map(|(recording, why)| RefusedRecording { recording, why }).collect();
    let orders = desk.orders_news().ok()?.open;
    Some(LinkStatus { state, waiting, staying, refused, orders, due: due(context).unwrap_or_default() })
}

/// What is due here, and stays for the sake of the centre.
fn due(context: &Context) -> Option<Vec<DueAndStays>> {
    let (settings, now) = (context.settings().ok()?, SystemClock.wall());
    let mut store = HomeStore::open_to_read(context.home()).ok()??;
    store.consider(settings.retention, &settings.calendar, now).ok()?;
    store.due_and_stays(now, NAMED_MAX).ok()
}

/// The lines of it.
fn deliveries(link: &LinkStatus) -> Vec<(&'static str, String)> {
    let LinkStatus { state, waiting, staying, refused, orders, due } = link;
    let since = match (&state.waits_since, &state.why) {
        (Some(since), Some(why)) => format!(", WAITS since {since:.0}: {why}"),
        _ => String::new(),
    };
    let line = format!("to {}: {waiting} to be delivered, {staying} stay here{since}", state.centre);
    let refused = refused.iter().map(|one| ("REFUSED", format!("{}: {}", one.recording, one.why)));
    let orders = match orders.len() as u64 {
        0 => None,
        open => {
            Some(("orders", counted_doing(open, "order", ("of the centre are not done", "of the centre is not done"))))
        }
    };
    let due = due.iter().map(|one| ("DUE", format!("{}: {}", one.id, one.stays.sentence())));
    std::iter::once(("link", line)).chain(refused).chain(orders).chain(due).collect()
}

/// The line of it, if anything waits: how many recordings, and who can see to them.
fn waits(warnings: &[Warning]) -> Option<(&'static str, String)> {
    let count = |kind: NoticeKind| {
        let of_kind = warnings.iter().filter(|warning| warning.kind == kind);
        of_kind.map(|warning| &warning.recording).collect::<BTreeSet<_>>().len() as u64
    };
    let said = |kind: NoticeKind| {
        let (they, it) = match kind {
            NoticeKind::EvaluationMissing => ("wait for a late evaluation", "waits for a late evaluation"),
            NoticeKind::CaseMissing => ("await a case (`case list`)", "awaits a case (`case list`)"),
            NoticeKind::Restricted => (
                "are the privacy officer's alone until they decide (`case list`, `note`)",
                "is the privacy officer's alone until they decide (`case list`, `note`)",
            ),
            NoticeKind::StillNeeded => {
                ("have a case that may not be needed (`case list`)", "has a case that may not be needed (`case list`)")
            }
        };
        Some(counted_doing(count(kind), "recording", (they, it))).filter(|_| count(kind) > 0)
    };
    let said: Vec<String> = NoticeKind::ALL.into_iter().filter_map(said).collect();
    (!said.is_empty()).then(|| ("WAITS", said.join("; ")))
}

/// The lines of the status: a word, and its text.
fn page(status: &Status) -> Vec<(&'static str, String)> {
    let totals = &status.totals;
    let mut lines = vec![
        ("engine", format!("retrocall {}, running for {}", status.engine, output::length(status.uptime_seconds))),
        ("guarantee", format!("{} (memory {}, write barrier {})", status.level, status.memory, status.write_barrier)),
        ("memory", memory(status)),
        (
            "calls",
            format!(
                "{} live, {} begun, {} discarded, {} refused{}",
                status.calls,
                totals.calls_begun,
                totals.discards,
                sum(&totals.calls_refused),
                named(&totals.calls_refused)
            ),
        ),
        (
            "audio",
            format!(
                "{}, {} ({}), {}, {} lost for want of memory, {} refused",
                counted(totals.frames, "frame"),
                counted(totals.gaps, "gap"),
                output::length(totals.gap_seconds),
                counted(totals.late_frames, "late frame"),
                totals.lost_frames,
                totals.refused_frames
            ),
        ),
        (
            "record",
            format!(
                "{} pressed for, {} pressed again, {} refused{}",
                counted(totals.presses, "call"),
                totals.presses_again,
                sum(&totals.presses_refused),
                named(&totals.presses_refused)
            ),
        ),
        ("recordings", recordings(status, totals)),
        ("wiped", output::size(totals.wiped_bytes)),
    ];
    lines.extend(latency(totals));
    lines.push(("connections", connections(status, totals)));
    let refused = &totals.requests_refused;
    lines.push(("requests", format!("{} refused{}", sum(refused), named(refused))));
    lines.push(("errors", format!("{}{}", sum(&totals.errors), named(&totals.errors))));
    if totals.log_lines_dropped > 0 {
        let text = format!("{} dropped: nobody read them", counted(totals.log_lines_dropped, "line"));
        lines.push(("log", text));
    }
    if status.catalog_notes > 0 {
        lines.push((
            "catalog",
            counted_doing(status.catalog_notes as u64, "note", ("wait to be written", "waits to be written")),
        ));
    }
    lines.extend(status.disk_trouble.iter().map(|trouble| ("DISK", trouble.clone())));
    lines.extend(status.catalog_trouble.iter().map(|trouble| ("CATALOG", trouble.clone())));
    lines.extend(status.home_trouble.iter().map(|trouble| ("HOME", trouble.clone())));
    lines.extend(status.thread_trouble.iter().map(|trouble| ("THREAD", trouble.clone())));
    lines
}

fn memory(status: &Status) -> String {
    let size = |bytes: usize| output::size(bytes as u64);
    format!(
        "{} held, {} free ({} ready), {} in all ({} locked now)",
        size(status.held_bytes),
        size(status.free_bytes),
        size(status.ready_bytes),
        size(status.memory_bytes),
        size(status.locked_bytes)
    )
}

fn recordings(status: &Status, totals: &Totals) -> String {
    let of = |reason: Reason| totals.selections.get(reason.as_str()).copied().unwrap_or(0);
    format!(
        "{} on disk ({}): {} on demand, {} from the sample, {} for a copy; {} being written",
        totals.recordings,
        output::size(totals.recording_bytes),
        of(Reason::OnDemand),
        of(Reason::Sample),
        of(Reason::Copy),
        status.commits
    )
}

/// How fast recordings come to the disk, if there were any.
fn latency(totals: &Totals) -> Option<(&'static str, String)> {
    let after = &totals.after_hangup;
    if after.count == 0 {
        return None;
    }
    let within = |part: f64| match (after.within_seconds(part), after.buckets.last()) {
        (Some(bound), _) => format!("within {}", seconds(bound)),
        (None, Some((last, _))) => format!("in more than {}", seconds(*last)),
        (None, None) => "in a time not told".to_owned(),
    };
    let mean = seconds(after.sum_seconds / after.count as f64);
    let (half, most) = (within(0.5), within(0.99));
    Some(("commits", format!("on disk {mean} after hangup on average, half {half}, 99 of 100 {most}")))
}

fn connections(status: &Status, totals: &Totals) -> String {
    let closed = &totals.connections_closed;
    format!(
        "{} open, {} opened, {} refused, {} closed{}",
        status.connections,
        totals.connections_opened,
        totals.connections_refused,
        sum(closed),
        named(closed)
    )
}

/// A short time, rounded to what matters.
fn seconds(seconds: f64) -> String {
    if seconds < 1.0 { format!("{:.0} ms", seconds * 1e3) } else { output::length(seconds) }
}

fn sum(counts: &Counts) -> u64 {
    counts.values().sum()
}

/// The counts by their words, in brackets; nothing if there are none.
fn named(counts: &Counts) -> String {
    let counts: Vec<String> =
        counts.iter().filter(|(_, count)| **count > 0).map(|(word, count)| format!("{word} {count}")).collect();
    if counts.is_empty() { String::new() } else { format!(" ({})", counts.join(", ")) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use retrocall_words::Latency;

    #[test]
    fn what_waits_for_people_is_told_once_for_each_recording_and_by_what_to_do() {
        assert_eq!(waits(&[]), None);
        let warning = |recording: &str, kind| {
            let since = "2026-12-01T08:00:00Z".parse().expect("a time");
            Warning { recording: recording.to_owned(), kind, since, until: None }
        };
        let twice = ["a", "a"].map(|recording| warning(recording, NoticeKind::CaseMissing));
        let late = ["b", "c"].map(|recording| warning(recording, NoticeKind::EvaluationMissing));
        let (_, text) = waits(&[&twice[..], &late].concat()).expect("a line");
        assert_eq!(text, "2 recordings wait for a late evaluation; 1 recording awaits a case (`case list`)");
    }

    #[test]
    fn a_page_of_a_busy_engine_says_what_an_administrator_looks_for_and_one_of_a_fresh_engine_no_nonsense() {
        let count = |word: &str, count| Counts::from([(word.to_owned(), count)]);
        let totals = Totals {
            calls_begun: 9,
            calls_refused: count("memory-full", 2),
            gaps: 3,
            gap_seconds: 0.5,
            presses: 4,
            presses_refused: count("private", 1),
            selections: Counts::from([("on-demand".to_owned(), 4), ("sample".to_owned(), 1)]),
            recordings: 5,
            errors: count("disk", 6),
            connections_closed: count("version", 7),
            after_hangup: Latency { count: 5, sum_seconds: 1.0, buckets: vec![(0.1, 3), (0.5, 4)] },
            ..Totals::default()
        };
        let status = Status {
            engine: "0.1.0".into(),
            uptime_seconds: 7_300.0,
            level: "secret".into(),
            held_bytes: 3 << 20,
            locked_bytes: 5 << 20,
            commits: 2,
            disk_trouble: Some("no space left; make room".into()),
            totals,
            ..Status::default()
        };
        let text: String = page(&status).iter().map(|(head, text)| format!("{head:<12}{text}\n")).collect();
        for part in [
            "engine      retrocall 0.1.0, running for 2 h 01 min",
            "guarantee   secret",
            "3.0 MiB held",
            "(5.0 MiB locked now)",
            "9 begun, 0 discarded, 2 refused (memory-full 2)",
            "3 gaps (0.5 s)",
            "4 calls pressed for, 0 pressed again, 1 refused (private 1)",
            "5 on disk (0 B): 4 on demand, 1 from the sample, 0 for a copy; 2 being written",
            "on disk 200 ms after hangup on average, half within 100 ms, 99 of 100 in more than 500 ms",
            "7 closed (version 7)",
            "errors      6 (disk 6)",
            "DISK        no space left; make room",
        ] {
            assert!(text.contains(part), "{part} is missing in\n{text}");
        }
        let fresh: String = page(&Status::default()).iter().map(|(head, text)| format!("{head} {text}\n")).collect();
        assert!(!fresh.contains("commits") && !fresh.contains("NaN") && !fresh.contains("DISK"), "{fresh}");
    }
}
