//! A figure: a number with its unit, its goal, and where it has them its percentiles.

use serde::Serialize;

use super::latency::{Latencies, Percentiles};

/// Which way a goal looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum GoalIs {
    /// The value may be no more.
    AtMost,
    /// The value may be no less.
    AtLeast,
}

/// Something that was measured.
#[derive(Debug, Clone, Serialize)]
pub struct Figure {
    /// The measurement's name, and what of it this is.
    pub name: String,
    /// The number.
    pub value: f64,
    /// What it counts.
    pub unit: &'static str,
    /// What it should be, if there is a goal.
    pub goal: Option<f64>,
    /// Whether the goal is a ceiling or a floor.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub goal_is: Option<GoalIs>,
    /// Whether it is as it should be, if there is a goal.
    pub met: Option<bool>,
    /// Of latencies: how they spread, in the figure's unit.
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    pub percentiles: Option<Percentiles>,
    /// What should be known of how it was measured.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

impl Figure {
    /// A number without a goal.
    pub(super) fn new(name: impl Into<String>, value: f64, unit: &'static str) -> Figure {
        Figure { name: name.into(), value, unit, goal: None, goal_is: None, met: None, percentiles: None, note: None }
    }

    /// The median of latencies, and how they spread.
    pub(super) fn of(name: impl Into<String>, latencies: &Latencies, unit: &'static str) -> Figure {
        let percentiles = latencies.percentiles(unit);
        Figure { percentiles: Some(percentiles), ..Figure::new(name, percentiles.p50, unit) }
    }

    /// With a goal that is a ceiling.
    pub(super) fn at_most(self, goal: f64) -> Figure {
        Figure { goal: Some(goal), goal_is: Some(GoalIs::AtMost), met: Some(self.value <= goal), ..self }
    }

    /// With a goal that is a floor.
    pub(super) fn at_least(self, goal: f64) -> Figure {
        Figure { goal: Some(goal), goal_is: Some(GoalIs::AtLeast), met: Some(self.value >= goal), ..self }
    }

    /// With what should be known of it.
    pub(super) fn note(self, note: impl Into<String>) -> Figure {
        Figure { note: Some(note.into()), ..self }
    }
}
