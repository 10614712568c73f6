//! Who asks: one type for whoever connects to the local socket, as a user of the system or in the name of an account of the desk.
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
    /// Sees how the engine is, in counts, and no call.
    Administrator,
    /// Decides what is deleted, and sees no live call.
    PrivacyOfficer,
}

/// What an account of the desk may do with live calls.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Rights {
    /// The roles. Without one the account has nothing to do with live calls.
    pub roles: BTreeSet<Role>,
    /// The agent that it is.
    pub agent: Option<String>,
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

    /// Whoever connects as this user, in the name of an account that may do this: never more than that, whoever the user is.
    pub fn of_account(uid: u32, rights: Rights) -> Principal {
        let Rights { roles, agent } = rights;
        let roles = roles.into_iter().filter(|role| *role != Role::Owner).collect::<BTreeSet<_>>();
        let agents = agent.filter(|_| roles.contains(&Role::Agent)).into_iter().collect();
        Principal { id: PrincipalId::User(uid), roles, agents }
    }

    /// The senders of calls over AudioSocket: of any agent, because it knows no users.
    pub fn audiosocket() -> Principal {
        Principal { id: PrincipalId::AudioSocket, roles: [Role::Owner].into(), agents: Vec::new() }
    }

    /// Whether they act for every agent, so that only the totals bind them.
    pub fn is_owner(&self) -> bool {
        self.roles.contains(&Role::Owner)
    }

    /// Whether they may see how the engine is, in counts that tell no draw.
    pub fn may_see_board(&self) -> bool {
        self.is_owner() || self.roles.contains(&Role::Administrator)
    }

    /// Whether they may have deleted now what is due.
    pub fn may_sweep(&self) -> bool {
        self.may_see_board() || self.roles.contains(&Role::PrivacyOfficer)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_account_is_never_the_owner_and_no_agent_without_the_role() {
        let rights = |roles: &[Role]| Rights { roles: roles.iter().copied().collect(), agent: Some("anna".into()) };
        let owner = Principal::of_account(0, rights(&[Role::Owner]));
        assert!(!owner.is_owner() && !owner.may_act_for("anna") && !owner.may_see_board());
        let anna = Principal::of_account(0, rights(&[Role::Agent]));
        assert!(anna.may_act_for("anna") && !anna.may_act_for("bert") && !anna.may_see_board());
        let ada = Principal::of_account(0, rights(&[Role::Administrator]));
        assert!(ada.may_see_board() && ada.may_sweep() && !ada.may_act_for("anna") && ada.agents.is_empty());
        let olga = Principal::of_account(0, rights(&[Role::PrivacyOfficer]));
        assert!(olga.may_sweep() && !olga.may_see_board() && !olga.may_act_for("anna") && !anna.may_sweep());
    }
}
