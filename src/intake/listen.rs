//! Accepts connections to the local socket: how many, and from whom.

use std::{
    io::{self, Write},
    sync::Arc,
    time::Duration,
};

use nix::unistd::Uid;
use tokio::{net::UnixStream, sync::mpsc::unbounded_channel};
use tracing::{debug, error, warn};

use super::{
    connection::Connection,
    ear::Peer,
    names::{self, Names},
    outbox::Outbox,
    reader::{Allowance, Reader},
    socket::Doorway,
    switchboard::Pairing,
};
use retrocall_client::protocol::control_message;
use retrocall_core::heart;
use retrocall_engine::{Account, Engine, Mishap, Ticket, Why};
use retrocall_settings::Settings;
use retrocall_words::{ErrorCode, Event, Principal, PrincipalId, Role};

/// Serves clients of the local socket.
pub(super) struct Reception {
    names: Names,
    engine: Arc<Engine>,
    readers: Vec<Arc<Reader>>,
    /// Where calls over AudioSocket are announced, if they are taken.
    pairing: Option<Arc<Pairing>>,
    settings: Settings,
    /// All calls together share no more memory with their clients than they have for themselves.
    allowance: Allowance,
}

impl Reception {
    pub(super) fn new(
        engine: Arc<Engine>,
        readers: Vec<Arc<Reader>>,
        pairing: Option<Arc<Pairing>>,
        settings: &Settings,
    ) -> Arc<Reception> {
        let names = Names::of_the_system(Arc::clone(engine.clock()));
        // So that they are known before the first of them connects.
        for uid in [Uid::effective(), Uid::from_raw(0)] {
            let _ = names.known(uid);
        }
        let allowance = Allowance::new(engine.arena().bytes());
        Arc::new(Reception { names, engine, readers, pairing, settings: settings.clone(), allowance })
    }

    /// Accepts until the engine stops.
    pub(super) async fn accept(self: &Arc<Reception>, doorway: &mut Doorway) {
        for id in 0.. {
            let stream = loop {
                match doorway.accept().await {
                    Ok(stream) => break stream,
                    Err(error) => {
                        self.engine.counters().mishap(Mishap::Connection);
                        error!(
                            "can't accept a connection: {error}; trying again (is the limit on open files too low?)"
                        );
                        tokio::time::sleep(Duration::from_millis(200)).await;
                    }
                }
            };
            let welcomed = heart::contain("a new connection", || self.welcome(id, stream));
            self.see_to(id, welcomed.unwrap_or(Ok(())));
            // Whoever connects without end does not keep this thread from those who are here.
            tokio::task::yield_now().await;
        }
    }

    fn see_to(&self, id: u64, welcomed: io::Result<()>) {
        if let Err(error) = welcomed {
            self.engine.counters().mishap(Mishap::Connection);
            warn!(connection = id, "a connection can't be served: {error}");
        }
    }

    fn welcome(self: &Arc<Reception>, id: u64, stream: UnixStream) -> io::Result<()> {
        let uid = Uid::from_raw(stream.peer_cred()?.uid());
        let is_owner = uid.is_root() || uid == Uid::effective();
        let account = self.engine.quotas().account(PrincipalId::User(uid.as_raw()), is_owner);
        // Before anything that costs more than this.
        let seat = match account.connect() {
            Ok(seat) => seat,
            Err((error, text)) => return self.turn_away(stream, uid, error, text),
        };
        match self.names.known(uid) {
            // Whoever owns the engine needs no name to be served.
            name if is_owner => {
                let agent = name.and_then(|name| self.settings.agent_of(&name).ok()).unwrap_or_default();
                self.serve(id, stream, account, seat, Principal::owner(uid.as_raw(), agent))
            }
            Some(name) => self.serve_agent(id, stream, account, seat, uid, &name),
            None => {
                let door = Arc::clone(self);
                tokio::spawn(async move {
                    door.see_to(id, door.ask_who(id, stream, account, seat, uid).await);
                });
                Ok(())
            }
        }
    }

    /// A connection whose user is not known yet. Its seat is taken meanwhile.
    async fn ask_who(&self, id: u64, stream: UnixStream, account: Account, seat: Ticket, uid: Uid) -> io::Result<()> {
        match self.names.of(uid, names::WAIT).await {
            Ok(name) => self.serve_agent(id, stream, account, seat, uid, &name),
            Err(unknown) => {
                let text = format!("who user {uid} is can't be found out: {unknown}; try again when it does");
                self.turn_away(stream, uid, ErrorCode::UnknownUser, text)
            }
        }
    }

    /// A user who acts for one agent, unless their name could be taken for another one's.
    fn serve_agent(
        &self,
        id: u64,
        stream: UnixStream,
        account: Account,
        seat: Ticket,
        uid: Uid,
        name: &str,
    ) -> io::Result<()> {
        match self.settings.agent_of(name) {
            Ok(agent) => self.serve(id, stream, account, seat, Principal::agent(uid.as_raw(), agent)),
            Err(why) => {
                let text =
                    format!("the name of user {uid} {why}: an agent can't be called so; give the user another one");
                self.turn_away(stream, uid, ErrorCode::UnknownUser, text)
            }
        }
    }

    fn serve(&self, id: u64, stream: UnixStream, account: Account, seat: Ticket, who: Principal) -> io::Result<()> {
        let is_owner = who.roles.contains(&Role::Owner);
        debug!(connection = id, who = %who.id, agents = ?who.agents, owner = is_owner, "a connection");
        let outbox = Arc::new(Outbox::new(account));
        // One descriptor is read by the thread that carries audio, the other written by the task here.
        let stream = stream.into_std()?;
        let reading = Arc::new(stream.try_clone()?);
        let reader = &self.readers[id as usize % self.readers.len()];
        let (sender, inbox) = unbounded_channel();
        let connection = Connection::new(
            id,
            Arc::clone(&self.engine),
            Arc::clone(reader),
            self.pairing.clone(),
            Peer { who, stream: Arc::clone(&reading) },
            Arc::clone(&outbox),
            self.allowance.clone(),
        );
        reader.adopt(id, reading, sender);
        self.engine.counters().connection_opened();
        let engine = Arc::clone(&self.engine);
        tokio::spawn(async move {
            engine.counters().connection_closed(connection.serve(inbox, stream).await);
            drop(seat);
        });
        Ok(())
    }

    /// One connection too many: it is told so and closed, with as little work as that takes.
    fn turn_away(&self, stream: UnixStream, uid: Uid, error: ErrorCode, text: String) -> io::Result<()> {
        self.engine.counters().connection_refused();
        if self.engine.is_news(PrincipalId::User(uid.as_raw()), "connect", Why::Error(error)) {
            warn!(%uid, "a connection is refused: {text}");
        }
        let json = serde_json::to_vec(&Event::Error { error, text }).expect("an event is JSON");
        let mut message = Vec::new();
        control_message(&json, &mut message);
        // Its buffer is empty: all of it fits, or nobody is there.
        let _ = stream.into_std()?.write(&message);
        Ok(())
    }
}
