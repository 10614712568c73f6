//! What a desk does beside how long it keeps things, as its papers and the versions of its policy say it.
//!
//! Belongs here: values. Does not: their names and ranges in `retrocall.toml` (`settings`), what follows from them.

use serde::{Deserialize, Serialize};

/// What a desk does, as it is written down with each version of its policy, so that a paper of any date says what was done then.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Practice {
    /// One call in this many is sampled; 0: none.
    pub one_in: u32,
    /// How long after hangup the agent can still press record.
    pub after_hangup_s: u64,
    /// Whether a customer's objection also forbids recording on demand.
    pub objection_covers_record: bool,
    /// Whether the agent's leg is held while the customer is on hold.
    pub keep_agent_on_hold: bool,
    /// The key by which a customer objects; none if no key does.
    pub object_keys: Option<String>,
    /// How many calls of the sample can be heard in a week.
    pub review_per_week: Option<usize>,
}
