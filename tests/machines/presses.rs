//! The button from afar: presses that are lost, late or come twice, while one call of an agent ends and the next begins.

use stateright::{Checker, HasDiscoveries, Model, Property};

use crate::action::{spend, when};

/// Calls of the agent, one after the other.
const CALLS: usize = 2;
const OF_ANOTHER: &str = "no press reaches another call";
const NO_SUCCESS: &str = "who is told that it is recorded has it recorded";
const NOT_LATE: &str = "no press is carried out after its time";
const IS_HEARD: &str = "a press is carried out, and its answer heard";

/// A rule of the button from afar.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Rule {
    /// A press names its call, not only the agent.
    NamesCall,
    /// Two seconds after it was given nobody carries it out.
    Expires,
    /// Without an answer nobody says that it worked.
    NoAnswerIsUnknown,
}

/// What the agent's screen says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Told {
    Nothing,
    Waiting,
    Recorded,
    Refused,
    Unknown,
}

/// A press on its way: for which call, and whether its time is over.
type Press = Option<(usize, bool)>;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Afar {
    /// The agent's call, at the engine. After the last there is none.
    call: usize,
    is_recorded: [bool; CALLS],
    was_pressed: [bool; CALLS],
    /// For the call that the screen showed.
    told: (usize, Told),
    /// Copies of presses on their way.
    on_way: [Press; 2],
    answer: Option<(usize, bool)>,
    was_late: bool,
    presses: u8,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    Press,
    Repeat,
    TimePasses,
    Arrives(usize),
    IsLost(usize),
    AnswerArrives,
    AnswerIsLost,
    NoAnswer,
    CallEnds,
}

#[derive(Debug, Clone, Copy)]
struct Button {
    broken: Option<Rule>,
}

impl Button {
    fn keeps(&self, rule: Rule) -> bool {
        self.broken != Some(rule)
    }

    /// A press comes to the engine.
    fn arrives(&self, afar: &mut Afar, place: usize) -> Option<()> {
        let (meant, is_late) = afar.on_way[place].take()?;
        let call = if self.keeps(Rule::NamesCall) { meant } else { afar.call };
        let is_taken = call == afar.call && call < CALLS && !(is_late && self.keeps(Rule::Expires));
        if is_taken {
            afar.is_recorded[call] = true;
            afar.was_late |= is_late;
        }
        afar.answer = Some((meant, is_taken));
        Some(())
    }
}

impl Model for Button {
    type State = Afar;
    type Action = Step;

    fn init_states(&self) -> Vec<Afar> {
        vec![Afar {
            call: 0,
            is_recorded: [false; CALLS],
            was_pressed: [false; CALLS],
            told: (0, Told::Nothing),
            on_way: [None; 2],
            answer: None,
            was_late: false,
            presses: 2,
        }]
    }

    fn actions(&self, _: &Afar, steps: &mut Vec<Step>) {
        steps.extend([Step::Press, Step::Repeat, Step::TimePasses, Step::CallEnds]);
        steps.extend([Step::Arrives(0), Step::Arrives(1), Step::IsLost(0), Step::IsLost(1)]);
        steps.extend([Step::AnswerArrives, Step::AnswerIsLost, Step::NoAnswer]);
    }

    fn next_state(&self, before: &Afar, step: Step) -> Option<Afar> {
        let mut afar = *before;
        let mut take = || -> Option<()> {
            match step {
                // What the screen shows may be the call before.
                Step::Press => {
                    when(afar.told.1 != Told::Waiting && afar.call < CALLS && afar.on_way[0].is_none())?;
                    spend(&mut afar.presses)?;
                    afar.was_pressed[afar.call] = true;
                    (afar.told, afar.on_way[0]) = ((afar.call, Told::Waiting), Some((afar.call, false)));
                }
                Step::Repeat => {
                    when(afar.on_way[1].is_none())?;
                    afar.on_way[1] = Some(afar.on_way[0]?);
                }
                Step::TimePasses => afar.on_way.iter_mut().flatten().for_each(|(_, is_late)| *is_late = true),
                Step::Arrives(place) => self.arrives(&mut afar, place)?,
                Step::IsLost(place) => drop(afar.on_way[place].take()?),
                Step::AnswerArrives => {
                    let (call, is_taken) = afar.answer.take()?;
                    when(afar.told == (call, Told::Waiting))?;
                    afar.told.1 = if is_taken { Told::Recorded } else { Told::Refused };
                }
                Step::AnswerIsLost => drop(afar.answer.take()?),
                Step::NoAnswer => {
                    when(afar.told.1 == Told::Waiting)?;
                    let is_known = self.keeps(Rule::NoAnswerIsUnknown);
                    afar.told.1 = if is_known { Told::Unknown } else { Told::Recorded };
                }
                Step::CallEnds => {
                    when(afar.call < CALLS)?;
                    afar.call += 1;
                }
            }
            Some(())
        };
        (take() == Some(()) && afar != *before).then_some(afar)
    }

    fn properties(&self) -> Vec<Property<Button>> {
        vec![
            Property::always(OF_ANOTHER, |_, afar: &Afar| {
                (0..CALLS).all(|call| !afar.is_recorded[call] || afar.was_pressed[call])
            }),
            Property::always(NO_SUCCESS, |_, afar: &Afar| {
                let (call, told) = afar.told;
                told != Told::Recorded || afar.is_recorded[call]
            }),
            Property::always(NOT_LATE, |_, afar: &Afar| !afar.was_late),
            Property::sometimes(IS_HEARD, |_, afar: &Afar| afar.told.1 == Told::Recorded),
        ]
    }
}

fn broken_by(rule: Option<Rule>) -> Vec<&'static str> {
    let checked = Button { broken: rule }.checker().finish_when(HasDiscoveries::All).spawn_bfs().join();
    println!("{} states, {} steps", checked.unique_state_count(), checked.state_count());
    checked.assert_any_discovery(IS_HEARD);
    checked.discoveries().into_keys().filter(|name| *name != IS_HEARD).collect()
}

#[test]
fn a_press_from_afar_reaches_its_call_in_time_or_none() {
    assert_eq!(broken_by(None), <[&str; 0]>::default());
}

#[test]
fn a_press_that_names_only_its_agent_is_noticed() {
    assert!(broken_by(Some(Rule::NamesCall)).contains(&OF_ANOTHER));
}

#[test]
fn a_press_that_never_expires_is_noticed() {
    assert!(broken_by(Some(Rule::Expires)).contains(&NOT_LATE));
}

#[test]
fn an_answer_that_never_came_and_counts_as_success_is_noticed() {
    assert!(broken_by(Some(Rule::NoAnswerIsUnknown)).contains(&NO_SUCCESS));
}
