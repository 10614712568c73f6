//! A figure: a number with its unit, and, if it has them, its goal and percentiles.

use serde::Serialize;

use super::latency::{Latencies, Percentiles};

/// The direction of a goal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum GoalIs {
    /// The value may be no more.
    AtMost,
    /// The value may be no less.
    AtLeast,
}

/// A measured value.
#[derive(Debug, Clone, Serialize)]
pub struct Figure {
    /// The measurement's name, and the part of it.
    pub name: String,
    /// The number.
    pub value: f64,
    /// Its unit.
    pub unit: &'static str,
    /// Its goal, if there is one.
    pub goal: Option<f64>,
    /// Whether the goal is a ceiling or a floor.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub goal_is: Option<GoalIs>,
    /// Whether the goal is met, if there is one.
    pub met: Option<bool>,
    /// The spread of latencies, in the figure's unit.
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    pub percentiles: Option<Percentiles>,
    /// A note about how it was measured.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

impl Figure {
    /// A number without a goal.
    pub(super) fn new(name: impl Into<String>, value: f64, unit: &'static str) -> Figure {
        Figure { name: name.into(), value, unit, goal: None, goal_is: None, met: None, percentiles: None, note: None }
    }

    /// The median of latencies, and their spread.
    pub(super) fn of(name: impl Into<String>, latencies: &Latencies, unit: &'static str) -> Figure {
        let percentiles = latencies.percentiles(unit);
        Figure { percentiles: Some(percentiles), ..Figure::new(name, percentiles.p50, unit) }
    }

    /// Adds a goal that is a ceiling.
    pub(super) fn at_most(self, goal: f64) -> Figure {
        Figure { goal: Some(goal), goal_is: Some(GoalIs::AtMost), met: Some(self.value <= goal), ..self }
    }

    /// Adds a goal that is a floor.
    pub(super) fn at_least(self, goal: f64) -> Figure {
        Figure { goal: Some(goal), goal_is: Some(GoalIs::AtLeast), met: Some(self.value >= goal), ..self }
    }

    /// Adds a note.
    pub(super) fn note(self, note: impl Into<String>) -> Figure {
        Figure { note: Some(note.into()), ..self }
    }
}
