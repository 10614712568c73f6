//! The screen of `top`: a table of live calls, the memory, the last message. A view of facts, without a terminal.

use ratatui::{
    Frame,
    layout::{Constraint, Layout},
    style::{Modifier, Style, Stylize},
    text::Line,
    widgets::{Paragraph, Row, Table, TableState},
};

use crate::cli::{calls, output};
use retrocall_words::{CallId, LiveCall, shown};

const KEYS: &str = "↑↓ choose   r record   c copy   m mask, unmask   q quit";

/// The memory for live calls, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Memory {
    pub held: usize,
    pub left: usize,
}

/// The contents of the screen.
#[derive(Default)]
pub(super) struct View {
    calls: Vec<LiveCall>,
    memory: Option<Memory>,
    chosen: Option<CallId>,
    /// Why there is nothing to see.
    trouble: Option<String>,
    /// The outcome of the last key.
    pub word: Option<String>,
}

impl View {
    /// Takes in the present calls. The chosen call stays chosen while it lives, wherever it is in the list.
    pub(super) fn see(&mut self, calls: Vec<LiveCall>, memory: Option<Memory>) {
        let at = self.chosen_at().unwrap_or(0);
        let lives = calls.iter().any(|call| Some(call.call) == self.chosen);
        if !lives {
            // Its neighbour, so that a double press does not reach a call at the other end of the list.
            self.chosen = calls.get(at.min(calls.len().saturating_sub(1))).map(|call| call.call);
        }
        (self.calls, self.memory, self.trouble) = (calls, memory, None);
    }

    /// The engine shows nothing, for this reason.
    pub(super) fn see_nothing(&mut self, why: String) {
        (self.calls, self.memory, self.trouble) = (Vec::new(), None, Some(why));
    }

    /// Moves the choice down by this many.
    pub(super) fn choose(&mut self, down: isize) {
        let last = self.calls.len().saturating_sub(1);
        let at = self.chosen_at().unwrap_or(0).saturating_add_signed(down).min(last);
        self.chosen = self.calls.get(at).map(|call| call.call);
    }

    /// The chosen call.
    pub(super) fn chosen(&self) -> Option<&LiveCall> {
        self.calls.get(self.chosen_at()?)
    }

    fn chosen_at(&self) -> Option<usize> {
        self.calls.iter().position(|call| Some(call.call) == self.chosen)
    }

    fn headline(&self) -> String {
        let calls = match self.calls.len() {
            0 => "no live calls".to_owned(),
            1 => "1 live call".to_owned(),
            calls => format!("{calls} live calls"),
        };
        match self.memory {
            Some(Memory { held, left }) => {
                format!(
                    "retrocall   {calls}   memory: {} held, {} left",
                    output::size(held as u64),
                    output::size(left as u64)
                )
            }
            None => format!("retrocall   {calls}"),
        }
    }
}

/// Draws it.
pub(super) fn draw(frame: &mut Frame, view: &View) {
    let [top, middle, word, keys] =
        Layout::vertical([Constraint::Length(2), Constraint::Min(0), Constraint::Length(1), Constraint::Length(1)])
            .areas(frame.area());
    match &view.trouble {
        Some(why) => frame.render_widget(Paragraph::new(shown(why)).yellow(), top),
        None => frame.render_widget(Line::from(view.headline()).bold(), top),
    }
    if !view.calls.is_empty() {
        let mut state = TableState::default().with_selected(view.chosen_at());
        frame.render_stateful_widget(table(&view.calls), middle, &mut state);
    }
    frame.render_widget(Line::from(shown(view.word.as_deref().unwrap_or_default())), word);
    frame.render_widget(Line::from(KEYS).dim(), keys);
}

fn table(live: &[LiveCall]) -> Table<'_> {
    let widths = [
        Constraint::Fill(1),
        Constraint::Length(11),
        Constraint::Length(17),
        Constraint::Length(17),
        Constraint::Length(9),
        Constraint::Length(12),
        Constraint::Fill(2),
    ];
    let header = Row::new(["agent", "length", "agent level", "customer level", "held", "gaps", "state"]);
    Table::new(live.iter().map(row), widths)
        .header(header.style(Modifier::UNDERLINED))
        .column_spacing(1)
        .highlight_symbol("▸ ")
        .row_highlight_style(Modifier::BOLD)
}

fn row(call: &LiveCall) -> Row<'_> {
    let style = if call.states.recording || call.states.copy { Style::new().red() } else { Style::new() };
    let row = Row::new([
        shown(&call.agent).into_owned(),
        output::length(call.seconds),
        calls::level(&call.agent_leg),
        calls::level(&call.customer_leg),
        call.held_bytes.map_or_else(|| "-".to_owned(), |bytes| output::size(bytes as u64)),
        calls::gaps(call),
        calls::state(call),
    ]);
    row.style(style)
}

#[cfg(test)]
mod tests {
    use ratatui::{Terminal, backend::TestBackend};

    use super::*;
    use retrocall_words::{CallStates, Direction, LiveLeg, LiveState, audio::Codec};

    fn call(agent: &str) -> LiveCall {
        let leg = LiveLeg {
            level_dbfs: -30.0,
            frames: 5,
            gaps: 0,
            gap_seconds: 0.0,
            late_frames: 0,
            lost_frames: 0,
            refused_frames: 0,
            suspect: None,
        };
        LiveCall {
            call: CallId::new(),
            agent: agent.into(),
            direction: Direction::Inbound,
            rate: 8_000,
            codec: Codec::Pcm16,
            began: "2026-11-24T10:00:05Z".parse().expect("a time"),
            seconds: 75.0,
            state: LiveState::Live,
            states: CallStates::default(),
            exempt: false,
            held_bytes: Some(300_000),
            agent_leg: leg,
            customer_leg: LiveLeg { level_dbfs: -12.0, ..leg },
        }
    }

    /// The text of the screen, without trailing blanks.
    fn shown(view: &View, width: u16, height: u16) -> String {
        let mut terminal = Terminal::new(TestBackend::new(width, height)).expect("a terminal in memory");
        terminal.draw(|frame| draw(frame, view)).expect("it is drawn");
        let cells = terminal.backend().buffer().content.chunks(usize::from(width));
        let lines = cells.map(|line| line.iter().map(|cell| cell.symbol()).collect::<String>().trim_end().to_owned());
        lines.collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn a_desk_at_work_is_shown_as_it_is() {
        let mut view = View::default();
        let states = CallStates { recording: true, masked: true, ..CallStates::default() };
        let anna = LiveCall { states, ..call("anna") };
        let silent = LiveLeg { frames: 0, gaps: 2, gap_seconds: 1.5, ..anna.customer_leg };
        let on_hold = CallStates { on_hold: true, ..CallStates::default() };
        let bert = LiveCall { customer_leg: silent, states: on_hold, held_bytes: None, ..call("bert") };
        view.see(vec![anna, bert], Some(Memory { held: 3 << 20, left: 253 << 20 }));
        view.choose(1);
        view.word = Some("Recording anna's call from its first second: 75 s so far.".into());
        assert_eq!(format!("{}\n", shown(&view, 118, 8)), include_str!("desk.txt"));
    }

    #[test]
    fn the_chosen_call_stays_chosen_while_others_come_and_go() {
        let (anna, bert, cleo) = (call("anna"), call("bert"), call("cleo"));
        let mut view = View::default();
        let chosen = |view: &View| view.chosen().map(|call| call.agent.clone()).unwrap_or_default();
        view.see(vec![anna.clone(), bert.clone(), cleo.clone()], None);
        assert_eq!(chosen(&view), "anna");
        view.choose(-1);
        assert_eq!(chosen(&view), "anna");
        view.choose(1);
        view.see(vec![bert.clone(), cleo.clone()], None);
        assert_eq!(chosen(&view), "bert");
        view.choose(5);
        assert_eq!(chosen(&view), "cleo");
        view.see(vec![bert], None);
        assert_eq!(chosen(&view), "bert");
        view.see_nothing("no engine runs".into());
        assert!(view.chosen().is_none());
        view.see(vec![anna], None);
        assert_eq!(chosen(&view), "anna");
    }

    #[test]
    fn an_engine_that_is_not_there_is_told_of_in_place_of_the_calls() {
        let mut view = View::default();
        view.see_nothing("no engine runs under /srv/desk: start it with `retrocall run`".into());
        let screen = shown(&view, 70, 5);
        assert!(screen.contains("no engine runs under /srv/desk") && !screen.contains("agent"), "{screen}");
    }
}
