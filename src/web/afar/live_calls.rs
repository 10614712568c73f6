//! Which live calls an agent has, on whatever site: what all processes of a centre know of all sites.
//!
//! Belongs here: what was said of calls, and which one a press means. Does not: how it was said.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use retrocall_words::{
    CallId,
    afar::{AfarCall, CallNews},
};

/// Calls of one site, and characters of an agent's name: no engine has more.
const CALLS_MAX: usize = 1_000_000;
const NAME_CHARS_MAX: usize = 64;
const MAY_MAX: usize = 16;

/// By what a process of a centre is known to the others.
pub(super) type ProcessId = Arc<str>;

/// A live call, and the way there.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Found {
    pub call: AfarCall,
    /// The controls that may be carried there.
    pub may: Arc<[String]>,
    /// The site that said so.
    pub site: Arc<str>,
    /// The process that has its socket.
    pub(super) process: ProcessId,
}

/// Why there is no call that a press means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NoCall {
    /// The agent has none.
    None,
    /// There is none of this id, or it is over.
    Unknown,
    /// It is another agent's.
    NotYours,
    /// Two sites say that the agent talks there: somebody else's word leads no press to another call.
    TwoSites,
}

struct Site {
    process: ProcessId,
    may: Arc<[String]>,
    calls: HashMap<CallId, AfarCall>,
}

/// The live calls of all sites.
#[derive(Default)]
pub(super) struct LiveCalls {
    sites: HashMap<Arc<str>, Site>,
    /// Those of each agent.
    of_agents: HashMap<String, HashSet<(Arc<str>, CallId)>>,
}

impl LiveCalls {
    /// A process says how the calls of a site are that it has the socket of. What another process says is news only if it is all.
    pub(super) fn take(&mut self, process: &ProcessId, site: &Arc<str>, news: CallNews) {
        if news.is_all {
            self.forget(site);
            let may: Arc<[String]> = Arc::from([]);
            self.sites.insert(Arc::clone(site), Site { process: Arc::clone(process), may, calls: HashMap::new() });
        }
        let Some(known) = self.sites.get_mut(site).filter(|known| known.process == *process) else { return };
        known.may = news.may.into_iter().take(MAY_MAX).collect();
        for call in &news.over {
            if let Some(over) = known.calls.remove(call) {
                forget_one(&mut self.of_agents, &over.agent, site, *call);
            }
        }
        for call in news.now {
            if known.calls.len() >= CALLS_MAX || call.agent.chars().count() > NAME_CHARS_MAX {
                continue;
            }
            let (id, agent) = (call.call, call.agent.clone());
            if let Some(before) = known.calls.insert(id, call) {
                forget_one(&mut self.of_agents, &before.agent, site, id);
            }
            self.of_agents.entry(agent).or_default().insert((Arc::clone(site), id));
        }
    }

    fn forget(&mut self, site: &Arc<str>) {
        let Some(gone) = self.sites.remove(site) else { return };
        for (id, call) in gone.calls {
            forget_one(&mut self.of_agents, &call.agent, site, id);
        }
    }

    /// A process has the socket of this site no longer.
    pub(super) fn left(&mut self, process: &ProcessId, site: &Arc<str>) {
        if self.sites.get(site).is_some_and(|known| known.process == *process) {
            self.forget(site);
        }
    }

    /// A process is gone.
    pub(super) fn gone(&mut self, process: &ProcessId) {
        let of_it = |(site, known): (&Arc<str>, &Site)| (known.process == *process).then(|| Arc::clone(site));
        let sites: Vec<_> = self.sites.iter().filter_map(of_it).collect();
        sites.iter().for_each(|site| self.forget(site));
    }

    /// All that a process has said, to be said again.
    pub(super) fn said_by(&self, process: &ProcessId) -> Vec<(Arc<str>, CallNews)> {
        let of_it = self.sites.iter().filter(|(_, known)| known.process == *process);
        let news = |known: &Site| CallNews {
            is_all: true,
            may: known.may.to_vec(),
            now: known.calls.values().cloned().collect(),
            over: Vec::new(),
        };
        of_it.map(|(site, known)| (Arc::clone(site), news(known))).collect()
    }

    /// The calls of an agent, in the order in which a press means them.
    pub(super) fn of_agent(&self, agent: &str) -> Vec<Found> {
        let places = self.of_agents.get(agent).into_iter().flatten();
        let mut found: Vec<Found> = places.filter_map(|(site, call)| self.found(site, *call)).collect();
        found.sort_by_key(|found| found.call.rank());
        found
    }

    fn found(&self, site: &Arc<str>, call: CallId) -> Option<Found> {
        let known = self.sites.get(site)?;
        let (call, may) = (known.calls.get(&call)?.clone(), Arc::clone(&known.may));
        Some(Found { call, may, site: Arc::clone(site), process: Arc::clone(&known.process) })
    }

    /// The call that an agent's press means: the named one, or the agent's own.
    ///
    /// Model: `NamesCall`.
    ///
    /// # Errors
    /// Why there is none.
    pub(super) fn meant(&self, agent: &str, call: Option<CallId>) -> Result<Found, NoCall> {
        let mut own = self.of_agent(agent).into_iter();
        let Some(call) = call else {
            let first = own.next().ok_or(NoCall::None)?;
            let state = |found: &Found| (found.call.rank().0, found.call.rank().1);
            return match own.find(|other| other.site != first.site && state(other) == state(&first)) {
                Some(_) => Err(NoCall::TwoSites),
                None => Ok(first),
            };
        };
        let is_anothers = || self.sites.values().any(|site| site.calls.contains_key(&call));
        own.find(|found| found.call.call == call)
            .ok_or_else(|| if is_anothers() { NoCall::NotYours } else { NoCall::Unknown })
    }
}

fn forget_one(
    of_agents: &mut HashMap<String, HashSet<(Arc<str>, CallId)>>,
    agent: &str,
    site: &Arc<str>,
    call: CallId,
) {
    if let Some(places) = of_agents.get_mut(agent) {
        places.remove(&(Arc::clone(site), call));
        if places.is_empty() {
            of_agents.remove(agent);
        }
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use retrocall_words::{CallStates, LiveState};

    use super::*;

    fn call(agent: &str, second: i64) -> AfarCall {
        AfarCall {
            call: CallId::new(),
            agent: agent.to_owned(),
            began: Timestamp::from_second(second).expect("a time"),
            state: LiveState::Live,
            states: CallStates::default(),
            exempt: false,
        }
    }

    fn all(calls: &[AfarCall]) -> CallNews {
        CallNews { is_all: true, may: vec!["record".to_owned()], now: calls.to_vec(), over: Vec::new() }
    }

    fn names() -> (ProcessId, ProcessId, Arc<str>, Arc<str>) {
        ("p".into(), "q".into(), "one".into(), "two".into())
    }

    #[test]
    fn a_press_means_the_call_that_is_not_on_hold_and_then_the_last_one() {
        let (p, _, one, _) = names();
        let mut live = LiveCalls::default();
        assert_eq!(live.meant("anna", None), Err(NoCall::None));
        let (first, mut held) = (call("anna", 1), call("anna", 2));
        held.states.on_hold = true;
        live.take(&p, &one, all(&[first.clone(), held.clone()]));
        assert_eq!(live.meant("anna", None).map(|found| found.call), Ok(first.clone()));
        assert_eq!(live.meant("anna", Some(held.call)).map(|found| found.call.call), Ok(held.call));
        assert_eq!(live.meant("bert", Some(held.call)), Err(NoCall::NotYours));
        live.take(&p, &one, CallNews { over: vec![first.call], ..CallNews::default() });
        assert_eq!(live.meant("anna", Some(first.call)), Err(NoCall::Unknown));
        assert_eq!(live.meant("anna", None).map(|found| found.call.call), Ok(held.call));
    }

    #[test]
    fn a_site_that_says_that_an_agent_talks_there_leads_no_press_there_while_another_says_so_too() {
        let (p, q, one, two) = names();
        let mut live = LiveCalls::default();
        let (real, told) = (call("anna", 1), call("anna", 2));
        live.take(&p, &one, all(std::slice::from_ref(&real)));
        live.take(&q, &two, all(std::slice::from_ref(&told)));
        assert_eq!(live.meant("anna", None), Err(NoCall::TwoSites));
        // By its name each can be pressed.
        let found = live.meant("anna", Some(real.call)).expect("it is hers");
        assert_eq!((&found.site, &found.process), (&one, &p));
    }

    #[test]
    fn whoever_has_a_sites_socket_now_speaks_for_it_and_nobody_for_another() {
        let (p, q, one, two) = names();
        let mut live = LiveCalls::default();
        let (before, after) = (call("anna", 1), call("anna", 2));
        live.take(&p, &one, all(std::slice::from_ref(&before)));
        // What is not all is believed of nobody else.
        live.take(&q, &one, CallNews { now: vec![after.clone()], ..CallNews::default() });
        assert_eq!(live.of_agent("anna").len(), 1);
        live.take(&q, &one, all(std::slice::from_ref(&after)));
        live.left(&p, &one);
        assert_eq!(live.meant("anna", None).map(|found| found.call), Ok(after.clone()));
        // A site can't end another's call.
        live.take(&p, &two, CallNews { over: vec![after.call], ..all(&[]) });
        assert_eq!(live.said_by(&q), [(Arc::clone(&one), all(&[after]))]);
        live.gone(&q);
        assert_eq!(live.meant("anna", None), Err(NoCall::None));
        assert!(live.of_agents.is_empty());
    }
}
