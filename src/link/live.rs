//! The socket between a site and its centre: live calls go up, presses come down, and what came of them goes up again.
//!
//! Belongs here: keeping it open, what is said over it, how old a press is that comes. Does not: what a press does (`pressing`), signing (`centre`).
//!
//! The centre can't reach a site, so the site keeps one socket to it, whichever of its processes is at the other end: they hand presses to each other.

use std::{sync::Arc, time::Duration};

use futures_util::{SinkExt as _, StreamExt as _};
use retrocall_records::desk::{HomeDesk, PressesAfar as _};
use retrocall_words::{
    Beginning, CallId, Clock, Verdict,
    afar::{AfarCall, CallNews, Came, CentreSays, Handed, PING_EVERY, Press, SiteSays, Way, shows},
};
use tokio::{
    sync::{Notify, mpsc},
    time::{MissedTickBehavior, interval, sleep},
};
use tokio_tungstenite::tungstenite::Message;
use tracing::{error, info, warn};

use super::{
    centre::{Centre, Fault, Socket},
    pressing::{Beside, Presses},
    wait::jittered,
};

const PLACE: &str = "/link/v1/live";
/// Without a word of the centre for so long the socket is gone.
const QUIET_MAX: Duration = Duration::from_secs(50);
/// How often the engine is asked for its live calls, and how many times longer than that took it is left alone at least.
const LOOK_EVERY: Duration = Duration::from_millis(500);
const LOOK_TIMES: u32 = 30;
/// Calls of one message.
const CALLS_AT_ONCE: usize = 500;
/// Messages that wait for the socket. One that does not take them is gone.
const WAITING_MAX: usize = 256;
/// Between two tries, at first and at most.
const AGAIN: Duration = Duration::from_secs(1);
const AGAIN_MAX: Duration = Duration::from_secs(30);

/// The button from afar, for the calls of one site.
pub struct Live {
    centre: Centre,
    desk: HomeDesk,
    beside: Arc<dyn Beside>,
    presses: Arc<Presses>,
    clock: Arc<dyn Clock>,
    began: Beginning,
    /// Somebody has pressed: how the calls are is looked at at once.
    looks: Arc<Notify>,
}

/// What was said of live calls last.
#[derive(Default)]
struct Told {
    calls: Vec<AfarCall>,
    is_any: bool,
}

impl Told {
    /// What is to be said now, in messages that are not too long.
    fn news(&mut self, calls: Vec<AfarCall>, may: &[String]) -> Vec<CallNews> {
        let is_new = |call: &&AfarCall| !self.calls.contains(call);
        let now: Vec<AfarCall> = calls.iter().filter(is_new).cloned().collect();
        let is_over = |told: &&AfarCall| !calls.iter().any(|call| call.call == told.call);
        let over: Vec<CallId> = self.calls.iter().filter(is_over).map(|told| told.call).collect();
        let is_all = !std::mem::replace(&mut self.is_any, true);
        self.calls = calls;
        if !is_all && now.is_empty() && over.is_empty() {
            return Vec::new();
        }
        let first = now.chunks(CALLS_AT_ONCE).next().unwrap_or_default().to_vec();
        let mut news = vec![CallNews { is_all, may: may.to_vec(), now: first, over }];
        let rest = now.chunks(CALLS_AT_ONCE).skip(1);
        news.extend(rest.map(|now| CallNews { may: may.to_vec(), now: now.to_vec(), ..CallNews::default() }));
        news
    }
}

impl Live {
    pub(crate) fn new(
        centre: Centre,
        desk: HomeDesk,
        (beside, presses): (Arc<dyn Beside>, Presses),
        clock: Arc<dyn Clock>,
    ) -> Live {
        let began = Beginning::now(&*clock);
        Live { centre, desk, beside, presses: Arc::new(presses), clock, began, looks: Arc::default() }
    }

    /// Keeps a socket open until the process ends.
    pub async fn run(self) {
        let (mut wait, mut told) = (AGAIN, None);
        loop {
            let mut has_worked = false;
            let fault = match self.centre.socket(PLACE).await {
                Ok(socket) => self.serve(socket, &mut has_worked).await,
                Err(fault) => fault,
            };
            if has_worked {
                (wait, told) = (AGAIN, None);
            }
            let why = fault.to_string();
            if told.as_ref() != Some(&why) {
                match fault {
                    Fault::Shut(_) => error!("the centre does not listen to this site: {why}"),
                    _ => warn!("presses from afar can't come: {why}"),
                }
                told = Some(why);
            }
            sleep(jittered(wait, self.clock.wall())).await;
            wait = AGAIN_MAX.min(wait * 2);
        }
    }

    /// Until the socket is gone. Why it is.
    async fn serve(&self, mut socket: Socket, has_worked: &mut bool) -> Fault {
        let (to_centre, mut says) = mpsc::channel(WAITING_MAX);
        let (mut way, mut heard_at) = (Way::default(), self.clock.now());
        let mut pings = interval(PING_EVERY);
        pings.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut _looking = None;
        let gone = |why: &str| Fault::Away { why: why.to_owned(), retry_seconds: 1 };
        loop {
            let message = tokio::select! {
                _ = pings.tick() => {
                    if self.clock.since(heard_at) > QUIET_MAX {
                        return gone("the centre says nothing any more");
                    }
                    SiteSays::Ping { at_us: shows(&self.began, &*self.clock) }
                }
                Some(says) = says.recv() => says,
                message = socket.next() => {
                    // Before anything else: what waits here was on the way no longer.
                    let now_us = shows(&self.began, &*self.clock);
                    heard_at = self.clock.now();
                    let text = match message {
                        Some(Ok(Message::Text(text))) => text,
                        Some(Ok(Message::Ping(_) | Message::Pong(_))) => continue,
                        Some(Ok(Message::Close(_))) | None => return gone("the centre has closed the socket"),
                        Some(Ok(_)) => return gone("the centre says what nobody understands"),
                        Some(Err(error)) => return gone(&error.to_string()),
                    };
                    match serde_json::from_str(&text) {
                        Ok(CentreSays::Pong { at_us, here_us }) => {
                            way.heard(at_us, here_us);
                            if !std::mem::replace(has_worked, true) {
                                info!("presses from afar can come");
                                _looking = Some(Looking::begin(self, to_centre.clone()));
                            }
                        }
                        Ok(CentreSays::Press(handed)) => self.carry_out(*handed, &way, now_us, &to_centre),
                        // One of a later version.
                        Err(_) => {}
                    }
                    continue;
                }
            };
            let Ok(text) = serde_json::to_string(&message) else { continue };
            if let Err(error) = socket.send(Message::text(text)).await {
                return gone(&error.to_string());
            }
        }
    }

    /// Carries out a press, and says what came of it, while others go on.
    fn carry_out(&self, handed: Handed, way: &Way, now_us: u64, to_centre: &mpsc::Sender<SiteSays>) {
        let Handed { ask, press, age_us, sent_us } = handed;
        // None: nothing was asked and answered yet. Then nobody knows how old it is.
        let age = way.age(sent_us, now_us).map(|way| Duration::from_micros(age_us).saturating_add(way));
        let (presses, to_centre) = (Arc::clone(&self.presses), to_centre.clone());
        let (desk, looks, now) = (self.desk.clone(), Arc::clone(&self.looks), self.clock.wall());
        tokio::spawn(async move {
            let (came, is_first) = presses.carry_out(press.clone(), age.unwrap_or(Duration::MAX)).await;
            looks.notify_one();
            // Model: `AnswerArrives`. Nobody is told twice; a socket that is gone loses it.
            let _ = to_centre.send(SiteSays::Came { ask, came: came.clone() }).await;
            if is_first {
                let noted = tokio::task::spawn_blocking(move || note(&desk, &press, &came, now)).await;
                noted.unwrap_or_else(|failed| warn!("a press from afar can't be written down: {failed}"));
            }
        });
    }
}

/// Writes into the ledger who pressed what for which call, through the centre.
fn note(desk: &HomeDesk, press: &Press, came: &Came, now: jiff::Timestamp) {
    let is_done = matches!(came, Came::Answered { answer } if answer.answer != Verdict::Refused);
    let (call, does) = (press.call, press.does);
    info!(%call, by = press.by, %does, is_done, "a press from afar");
    if let Err(why) = desk.note_press(press, is_done, now) {
        warn!(%call, "a press from afar can't be written down: {why}");
    }
}

/// The look at the engine's calls. It ends with the socket.
struct Looking(tokio::task::JoinHandle<()>);

impl Looking {
    fn begin(live: &Live, to_centre: mpsc::Sender<SiteSays>) -> Looking {
        let (beside, looks, clock) = (Arc::clone(&live.beside), Arc::clone(&live.looks), Arc::clone(&live.clock));
        let may = live.presses.may();
        Looking(tokio::spawn(async move {
            let mut told = Told::default();
            loop {
                let (asked, began) = (Arc::clone(&beside), clock.now());
                let looked = tokio::task::spawn_blocking(move || asked.calls()).await;
                let took = clock.since(began);
                // Without an engine there are none.
                let calls = looked.ok().and_then(Result::ok).unwrap_or_default();
                for news in told.news(calls, &may) {
                    if to_centre.send(SiteSays::Calls(news)).await.is_err() {
                        return;
                    }
                }
                // Live calls need the processor more than anybody needs to see them.
                tokio::select! {
                    () = sleep(LOOK_EVERY.max(took * LOOK_TIMES)) => {}
                    () = looks.notified() => {}
                }
            }
        }))
    }
}

impl Drop for Looking {
    fn drop(&mut self) {
        self.0.abort();
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use retrocall_words::{CallStates, LiveState};

    use super::*;

    fn call(agent: &str) -> AfarCall {
        AfarCall {
            call: CallId::new(),
            agent: agent.to_owned(),
            began: Timestamp::UNIX_EPOCH,
            state: LiveState::Live,
            states: CallStates::default(),
            exempt: false,
        }
    }

    #[test]
    fn a_centre_is_told_all_calls_once_and_then_only_what_is_new() {
        let (mut told, may) = (Told::default(), ["record".to_owned()]);
        let all = told.news(Vec::new(), &may);
        assert_eq!(all, [CallNews { is_all: true, may: may.to_vec(), ..CallNews::default() }], "that there are none");
        assert_eq!(told.news(Vec::new(), &may), []);
        let (one, other) = (call("anna"), call("bert"));
        let news = told.news(vec![one.clone(), other.clone()], &may);
        assert_eq!((news.len(), news[0].is_all, &news[0].now), (1, false, &vec![one.clone(), other.clone()]));
        let masked = AfarCall { states: CallStates { masked: true, ..one.states }, ..one };
        let news = told.news(vec![masked.clone()], &may);
        assert_eq!((&news[0].now, &news[0].over), (&vec![masked], &vec![other.call]));
    }

    #[test]
    fn many_calls_come_in_messages_that_can_be_read() {
        let calls: Vec<AfarCall> = (0..1_200).map(|_| call("anna")).collect();
        let news = Told::default().news(calls.clone(), &[]);
        assert_eq!(news.iter().map(|news| news.is_all).collect::<Vec<_>>(), [true, false, false]);
        assert_eq!(news.into_iter().flat_map(|news| news.now).collect::<Vec<_>>(), calls);
    }
}
