//! Who asks: one type for the local socket today, for pages and commands later.
//!
//! Belongs here: who somebody is, and what that lets them do. Does not: how they showed it, how much they may take (the engine's quotas).

use std::{collections::BTreeSet, fmt};

/// By what somebody is known, for as long as the engine runs: their quotas go by it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum PrincipalId {
    /// A user of this system, by number: names can be given to another one.
    User(u32),
    /// Whoever brings calls over AudioSocket, which knows no users.
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

/// What somebody may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    /// Acts for every agent, like a PBX that carries the calls of a whole desk; is held to totals alone.
    Owner,
    /// Acts for agents that are named.
    Agent,
}

/// Who asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Principal {
    /// Who it is.
    pub id: PrincipalId,
    /// What they may do.
    pub roles: BTreeSet<Role>,
    /// The agents that they are: the first one's calls are meant where none is named.
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

    /// Whoever brings calls over AudioSocket: of any agent, for it knows no users.
    pub fn audiosocket() -> Principal {
        Principal { id: PrincipalId::AudioSocket, roles: [Role::Owner].into(), agents: Vec::new() }
    }

    /// Whether they act for every agent, and are held to totals alone.
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
