//! Who asks: one type for the local socket today, for pages and commands later.
//!
//! Belongs here: identities and their rights. Does not: how they were proved, quotas (the engine's).

use std::{collections::BTreeSet, fmt};

/// Identifies somebody while the engine runs; their quotas depend on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum PrincipalId {
    /// A user of this system, by number: a name can be given to another user.
    User(u32),
    /// The senders of calls over AudioSocket, which knows no users.
    AudioSocket,
}

impl fmt::Display for PrincipalId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            PrincipalId::User(uid) => write!(f, "uid {uid}"),
            PrincipalId::AudioSocket => f.write_str("audiosocket"),
        }
    }
}

/// A role.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    /// Acts for every agent, like a PBX that carries the calls of a whole desk; only the totals bind it.
    Owner,
    /// Acts for named agents.
    Agent,
}

/// Somebody who asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Principal {
    /// The identity.
    pub id: PrincipalId,
    /// The roles.
    pub roles: BTreeSet<Role>,
    /// The agents that this user is. A request that names no agent means the first one's calls.
    pub agents: Vec<String>,
}

impl Principal {
    /// The engine's owner, or root: the user who is this agent, and may act for all.
    pub fn owner(uid: u32, agent: String) -> Principal {
        let roles = [Role::Owner, Role::Agent].into();
        Principal { id: PrincipalId::User(uid), roles, agents: vec![agent] }
    }

    /// A user who is one agent.
    pub fn agent(uid: u32, agent: String) -> Principal {
        Principal { id: PrincipalId::User(uid), roles: [Role::Agent].into(), agents: vec![agent] }
    }

    /// The senders of calls over AudioSocket: of any agent, because it knows no users.
    pub fn audiosocket() -> Principal {
        Principal { id: PrincipalId::AudioSocket, roles: [Role::Owner].into(), agents: Vec::new() }
    }

    /// Whether they act for every agent, so that only the totals bind them.
    pub fn is_owner(&self) -> bool {
        self.roles.contains(&Role::Owner)
    }

    /// Whether they are this agent.
    pub fn is(&self, agent: &str) -> bool {
        self.agents.iter().any(|own| own == agent)
    }

    /// Whether they may act for this agent.
    pub fn may_act_for(&self, agent: &str) -> bool {
        self.is_owner() || self.is(agent)
    }
}
