//! A connection of the engine's owner that acts in the name of an account, or of an agent: who it is from message to message.
//!
//! Belongs here: narrowing a connection, for good, and looking anew what the account may. Does not: what follows from rights (the engine), where they
//! are written (the records).

use std::{sync::Arc, time::Duration};

use tokio::{sync::Semaphore, task::spawn_blocking, time::timeout};
use tracing::{debug, warn};

use retrocall_engine::{Engine, Listener, PresenceGuard};
use retrocall_words::{Answer, Ask, InNameOf, Principal, PrincipalId, Refusal, Rights, Role, Verdict};

/// How long a message waits for the catalog to say what its account may do. A person waits for it.
const LOOK_WAIT: Duration = Duration::from_secs(2);
/// Looks at once, of all connections together: pages that flood take no more of the machine than that from live calls.
const LOOKS_AT_ONCE: usize = 4;
static LOOKS: Semaphore = Semaphore::const_new(LOOKS_AT_ONCE);

/// Who asks over a connection, and hears of what concerns them.
pub(super) struct Acting {
    engine: Arc<Engine>,
    listener: Arc<dyn Listener>,
    /// Who that is now.
    who: Principal,
    /// While the connection hears of what concerns its agent, or everybody.
    present: Option<PresenceGuard>,
    /// The account in whose name, if it acts for one. It is set once.
    account: Option<Arc<str>>,
    /// Whether anything was asked before.
    has_asked: bool,
}

impl Acting {
    /// Whoever has connected acts for themselves.
    pub(super) fn of(who: Principal, engine: &Arc<Engine>, listener: &Arc<dyn Listener>) -> Acting {
        let (engine, listener) = (Arc::clone(engine), Arc::clone(listener));
        Acting { engine, listener, who, present: None, account: None, has_asked: false }
    }

    /// Who asks, as of the last message.
    pub(super) fn who(&self) -> &Principal {
        &self.who
    }

    /// Hears from here on of what concerns its agent, or everybody.
    pub(super) fn arrive(&mut self) {
        self.present = Some(self.engine.arrive(&self.who, &self.listener));
    }

    /// Whether any request may be refused for this: it is asked in the name of an account.
    pub(super) fn may_refuse_for(&self, reason: Refusal) -> bool {
        self.account.is_some() && matches!(reason, Refusal::NoAccount | Refusal::Catalog)
    }

    /// A message has come. True for the first one.
    pub(super) fn begins(&mut self) -> bool {
        !std::mem::replace(&mut self.has_asked, true)
    }

    /// Narrows the connection to an account, or to an agent. From here on it has their rights and no others, whatever is refused later.
    pub(super) async fn narrow(&mut self, name: InNameOf, is_first: bool) -> Answer {
        if !self.who.is_owner() {
            return Answer::refused(Refusal::NotYours);
        }
        if !is_first {
            return Answer::malformed("`as` comes first on a connection, before any other request".to_owned());
        }
        match &name {
            InNameOf::User(account) => self.account = Some(Arc::from(account.as_str())),
            InNameOf::Agent(agent) => {
                self.who = Principal::agent(self.uid(), agent.clone());
                self.arrive();
            }
        }
        match self.look().await {
            Ok(()) => {
                debug!(who = %self.who.id, ?name, "a connection acts in somebody's name");
                Answer { agent: self.who.agents.first().cloned(), ..Answer::new(Verdict::Accepted) }
            }
            Err(refusal) => Answer::refused(refusal),
        }
    }

    /// A role that was taken away counts from the next message on: looks anew before each.
    ///
    /// # Errors
    /// Why nothing is done in the account's name now.
    pub(super) async fn look_before(&mut self, ask: &Ask) -> Result<(), Refusal> {
        if matches!(ask, Ask::As(_)) { Ok(()) } else { self.look().await }
    }

    async fn look(&mut self) -> Result<(), Refusal> {
        let Some(account) = self.account.clone() else { return Ok(()) };
        let engine = Arc::clone(&self.engine);
        let looking = async {
            let place = LOOKS.acquire().await;
            // On a thread that may wait: the one for live calls never does. It has its place until it is done, however long somebody waits for it.
            let look = move || {
                let rights = engine.rights_of(&account);
                drop(place);
                rights
            };
            spawn_blocking(look).await
        };
        let looked = timeout(LOOK_WAIT, looking).await;
        let found = match looked {
            Ok(Ok(Ok(rights))) => Ok(rights.unwrap_or_default()),
            Ok(Ok(Err(why))) => Err(why),
            Ok(Err(_)) => Err("asking it failed, by a fault of the engine's own".to_owned()),
            Err(_) => Err("it does not answer".to_owned()),
        };
        let (rights, looked) = match found {
            Ok(rights) if may_anything(&rights) => (rights, Ok(())),
            Ok(_) => (Rights::default(), Err(Refusal::NoAccount)),
            Err(why) => {
                let who = self.who.id;
                warn!(%who, "the catalog does not say what an account may do, and nothing is done in its name: {why}");
                (Rights::default(), Err(Refusal::Catalog))
            }
        };
        let now = Principal::of_account(self.uid(), rights);
        if now != self.who {
            self.who = now;
            self.arrive();
        }
        looked
    }

    fn uid(&self) -> u32 {
        match self.who.id {
            PrincipalId::User(uid) => uid,
            // Nobody connects as them: they come over another socket.
            PrincipalId::AudioSocket => u32::MAX,
        }
    }
}

/// Whether an account has anything to do with the engine.
fn may_anything(rights: &Rights) -> bool {
    let is_agent = rights.roles.contains(&Role::Agent) && rights.agent.is_some();
    is_agent || [Role::Administrator, Role::PrivacyOfficer].iter().any(|role| rights.roles.contains(role))
}
