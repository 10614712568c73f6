//! "Board": an administrator sees how the engine is, in counts. Nothing of a call is shown here, and nothing of the draw: the engine tells neither.

use axum::{extract::State, response::Response};
use maud::{Markup, html};
use retrocall_words::{Ask, Board, BoardLevels, Counts, Refusal as Reason, Target, Word as _};
use serde::Serialize;

use super::sweeping;
use crate::{
    answer::{Answer, shown},
    asked::Asked,
    assets,
    engine::{InName, NoEngine},
    frame,
    pages::Shared,
    stream,
};

/// What the page shows.
#[derive(PartialEq, Serialize)]
struct View {
    /// What is said if the engine tells nothing.
    none: Option<String>,
    /// What is wrong, and what to do.
    troubles: Vec<String>,
    /// What is said if nothing is.
    well: Option<String>,
    tables: Vec<Table>,
}

/// Counts with a heading.
#[derive(PartialEq, Serialize)]
struct Table {
    title: String,
    /// Headings of the columns behind the first, if there are several.
    columns: Vec<String>,
    /// A name, and its values.
    rows: Vec<Vec<String>>,
}

/// What the engine told.
type Told = Result<Result<Board, Option<Reason>>, NoEngine>;

fn told(engine: &mut InName) -> Told {
    let answer = engine.ask(Target::Own, Ask::Board)?;
    Ok(answer.board.ok_or(answer.reason))
}

pub(crate) async fn show(State(pages): State<Shared>, asked: Asked) -> Answer<Response> {
    let who = asked.who()?;
    let told = pages.ask_engine(move |engine| told(&mut engine.in_name_of(&who.name)?)).await;
    let (texts, view) = (asked.texts(), view_of(&asked, told));
    let content = html! {
        script type="module" src=(assets::place("board.js")) {}
        h1 { (texts.say("board-title")) }
        p.hint { (texts.say("board-what")) }
        div id="board" data-board="/board/events" data-lost=(texts.say("live-lost")) { (board(&view)) }
        (sweeping::button(&asked))
    };
    shown(frame::page(&asked, &texts.say("board-title"), content))
}

fn board(view: &View) -> Markup {
    html! {
        @if let Some(none) = &view.none { p.notice { (none) } }
        @for trouble in &view.troubles { p.wrong role="alert" { (trouble) } }
        @if let Some(well) = &view.well { p.good { (well) } }
        @for table in &view.tables {
            section.call.own {
                h2 { (table.title) }
                table.counts {
                    @if !table.columns.is_empty() {
                        thead { tr { td {} @for column in &table.columns { th scope="col" { (column) } } } }
                    }
                    tbody {
                        @for row in &table.rows {
                            tr { @for (place, cell) in row.iter().enumerate() { @if place == 0 { th scope="row" { (cell) } } @else { td { (cell) } } } }
                        }
                    }
                }
            }
        }
    }
}

fn view_of(asked: &Asked, told: Told) -> View {
    let texts = asked.texts();
    let none = match told {
        Ok(Ok(board)) => return board_of(asked, &board),
        Ok(Err(Some(Reason::Catalog))) => texts.say("board-catalog"),
        Ok(Err(_)) => texts.say("board-not-you"),
        Err(NoEngine) => texts.say("board-no-engine"),
    };
    View { none: Some(none), troubles: Vec::new(), well: None, tables: Vec::new() }
}

fn board_of(asked: &Asked, board: &Board) -> View {
    let texts = asked.texts();
    let troubles: Vec<String> =
        board.troubles.iter().map(|trouble| texts.say(&format!("board-trouble-{}", trouble.word()))).collect();
    let calls = &board.calls;
    let counts = [
        ("board-live", calls.live),
        ("board-asked-for", calls.asked_for),
        ("board-masked", calls.masked),
        ("board-on-hold", calls.on_hold),
        ("board-private", calls.private),
        ("board-disconnected", calls.disconnected),
        ("board-ended", calls.ended),
    ];
    let engine = [
        (
            "board-memory",
            texts.fill(
                "board-memory-of",
                [("percent", u64::from(board.held_percent).into()), ("mib", (board.memory_bytes as u64 >> 20).into())],
            ),
        ),
        ("board-commits", board.commits.to_string()),
        ("board-connections", board.connections.to_string()),
        ("board-guarantee", board.level.clone()),
        ("board-uptime", frame::length((board.uptime_seconds / 60.0).floor() * 60.0)),
        ("board-version", board.engine.clone()),
    ];
    let since = [
        ("board-begun", board.calls_begun),
        ("board-lost-frames", board.lost_frames),
        ("board-log-dropped", board.log_lines_dropped),
    ];
    let mut rows: Vec<Vec<String>> = since.map(|(key, count)| vec![texts.say(key), count.to_string()]).into();
    for (key, counts) in [
        ("board-errors", &board.errors),
        ("board-refused", &board.calls_refused),
        ("board-presses", &board.presses_refused),
    ] {
        rows.extend(by_word(asked, key, counts));
    }
    View {
        none: None,
        well: troubles.is_empty().then(|| texts.say("board-well")),
        troubles,
        tables: vec![
            Table {
                title: texts.say("board-calls"),
                columns: Vec::new(),
                rows: counts.map(|(key, count)| vec![texts.say(key), count.to_string()]).into(),
            },
            levels(asked, &board.agent_levels, &board.customer_levels),
            Table {
                title: texts.say("board-engine"),
                columns: Vec::new(),
                rows: engine.map(|(key, value)| vec![texts.say(key), value]).into(),
            },
            Table { title: texts.say("board-since"), columns: Vec::new(), rows },
        ],
    }
}

/// How loud both sides are now: a side that is silent everywhere is wired wrongly.
fn levels(asked: &Asked, agents: &BoardLevels, customers: &BoardLevels) -> Table {
    let texts = asked.texts();
    let both = [
        ("board-speaking", agents.speaking, customers.speaking),
        ("board-quiet", agents.quiet, customers.quiet),
        ("board-silent", agents.silent, customers.silent),
        ("board-loud", agents.loud, customers.loud),
    ];
    Table {
        title: texts.say("board-levels"),
        columns: ["board-agents", "board-customers"].map(|key| texts.say(key)).into(),
        rows: both
            .map(|(key, agents, customers)| vec![texts.say(key), agents.to_string(), customers.to_string()])
            .into(),
    }
}

/// Counts by the engine's own words, which its log has too.
fn by_word(asked: &Asked, key: &str, counts: &Counts) -> Vec<Vec<String>> {
    let row = |(word, count): (&String, &u64)| {
        vec![asked.texts().fill(key, [("word", word.as_str().into())]), count.to_string()]
    };
    counts.iter().map(row).collect()
}

/// Tells the page how the engine is, whenever that changes.
pub(crate) async fn events(State(pages): State<Shared>, asked: Asked) -> Answer<Response> {
    let who = asked.who()?;
    let of = asked.clone();
    let mut engine: Option<InName> = None;
    stream::changes(&pages, &asked, move |link| {
        let open = engine.take().map_or_else(|| link.in_name_of(&who.name), Ok);
        let told = open.and_then(|mut open| {
            let told = told(&mut open)?;
            engine = Some(open);
            Ok(told)
        });
        serde_json::to_string(&view_of(&of, told)).unwrap_or_default()
    })
}
