//! What a link does, round after round: news with the orders, the ledger, recordings, and the copies that may go.
//!
//! Belongs here: the order, and how long it waits. Does not: how one of them is done.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, Instant},
};

use jiff::{SignedDuration, Timestamp};
use reqwest::Method;
use retrocall_records::{
    LinkState,
    desk::{HomeDesk, LedgerNews, LedgerProgress, NotDone, Obeying as _, OrdersAnswer, Outgoing as _, SiteNews},
    site_key::SiteKey,
};
use retrocall_words::{Clock, Verb};
use serde::Deserialize;
use serde_json::json;
use tracing::{error, info, warn};

use super::{
    centre::{Centre, Fault},
    deliver::{Delivered, deliver},
    live::Live,
    pressing::{Beside, Presses},
    wait::jittered,
};

/// Recordings of one round.
const AT_ONCE: usize = 64;
/// Pieces of the ledger of one round.
const PIECES_MAX: usize = 100;
/// How long a centre that does not answer is left alone, at most.
const AWAY_MAX: Duration = Duration::from_secs(60);

/// How often a link does what.
#[derive(Debug, Clone, Copy)]
pub struct Pace {
    /// Between two rounds, while there is nothing to do.
    pub round: Duration,
    /// Before the centre is asked for its orders again, while there is nothing to tell it.
    pub word: Duration,
    /// Before a recording that was refused is offered again.
    pub again: Duration,
    /// After its call has ended a recording may still change for so long.
    pub settled: Duration,
}

impl Default for Pace {
    fn default() -> Pace {
        let (word, again) = (Duration::from_secs(15), Duration::from_secs(300));
        Pace { round: Duration::from_secs(2), word, again, settled: Duration::ZERO }
    }
}

impl Pace {
    /// What was refused is offered again after so long. Whoever is in a hurry with that wants to hear as soon.
    pub fn offering_again(again: Duration) -> Pace {
        let pace = Pace::default();
        Pace { again, word: pace.word.min(again), ..pace }
    }
}

/// The link of a home.
pub struct Link {
    home: PathBuf,
    desk: HomeDesk,
    centre: Centre,
    site: String,
    clock: Arc<dyn Clock>,
    pace: Pace,
    state: LinkState,
    said: Option<Said>,
}

/// What the centre was told last.
struct Said {
    news: SiteNews,
    at: Instant,
    /// How far the centre has the ledger since then.
    ledger: LedgerProgress,
}

/// What a round has come to.
struct Round {
    /// More is to be done at once.
    is_more: bool,
    /// The centre was told something, and has answered.
    is_heard: bool,
}

#[derive(Deserialize)]
struct Told {
    ledger: LedgerProgress,
    orders: OrdersAnswer,
}

#[derive(Deserialize)]
struct Noted {
    #[serde(default)]
    noted: bool,
}

impl From<NotDone> for Fault {
    fn from(why: NotDone) -> Fault {
        Fault::Here(why.to_string())
    }
}

impl Link {
    /// That of a home which has joined a centre.
    ///
    /// # Errors
    /// Why there is none, in words.
    pub fn of(home: &Path, clock: Arc<dyn Clock>, pace: Pace) -> Result<Link, String> {
        let key = SiteKey::of(home).map_err(|error| error.to_string())?;
        let key = key.ok_or("this home has joined no centre: `retrocall join URL --code CODE`")?;
        let site = key.site.clone();
        let centre = Centre::new(key)?;
        let state = LinkState { centre: centre.address().to_owned(), ..LinkState::default() };
        let (home, desk) = (home.to_owned(), HomeDesk::of(home).kept_ready());
        Ok(Link { home, desk, centre, site, clock, pace, state, said: None })
    }

    /// Where its centre is.
    pub fn centre(&self) -> &str {
        self.centre.address()
    }

    /// Its site.
    pub fn site(&self) -> &str {
        &self.site
    }

    /// The button from afar, for the calls of the engine beside: the centre may carry these controls.
    pub fn live(&self, beside: Arc<dyn Beside>, may: Vec<Verb>) -> Live {
        let presses = Presses::new(Arc::clone(&beside), may, Arc::clone(&self.clock));
        Live::new(self.centre.clone(), self.desk.clone(), (beside, presses), Arc::clone(&self.clock))
    }

    /// Goes round until the process ends.
    pub async fn run(mut self) {
        let mut away = Duration::ZERO;
        match self.ask(|desk, now| desk.recall(now)).await {
            Ok(0) => {}
            Ok(count) => info!(count, "these were delivered, and the catalog did not know it any more"),
            Err(fault) => warn!("delivered.jsonl can't be looked through: {fault}"),
        }
        loop {
            let wait = match self.round().await {
                Ok(Round { is_more, is_heard }) => {
                    away = Duration::ZERO;
                    if is_heard {
                        self.answers();
                    }
                    if is_more { Duration::ZERO } else { self.pace.round }
                }
                Err(fault) => {
                    // Whatever it was, the next round begins with a word to the centre.
                    self.said = None;
                    let asked_for = match &fault {
                        Fault::Away { retry_seconds, .. } => Duration::from_secs(*retry_seconds),
                        // Nobody changes that within seconds.
                        Fault::Shut(_) => AWAY_MAX / 4,
                        Fault::Refused(_) | Fault::Here(_) => self.pace.round,
                    };
                    self.waits(&fault);
                    away = AWAY_MAX.min((away * 2).max(asked_for));
                    // Not all sites at once, when their centre comes back.
                    jittered(away, self.clock.wall())
                }
            };
            tokio::time::sleep(wait).await;
        }
    }

    fn answers(&mut self) {
        let now = self.clock.wall();
        if let Some(since) = self.state.waits_since.take() {
            info!(centre = self.centre.address(), %since, "the centre answers again");
        }
        let is_news =
            self.state.last_answer.is_none_or(|last| now.duration_since(last) > SignedDuration::from_secs(30));
        if is_news || self.state.why.take().is_some() {
            self.state.last_answer = Some(now);
            self.write();
        }
    }

    fn waits(&mut self, fault: &Fault) {
        let why = fault.to_string();
        if self.state.why.as_ref() != Some(&why) {
            match fault {
                Fault::Shut(_) => {
                    error!(centre = self.centre.address(), "the centre does not listen to this site: {why}")
                }
                _ => warn!(centre = self.centre.address(), "deliveries wait: {why}"),
            }
            self.state.waits_since.get_or_insert(self.clock.wall());
            self.state.why = Some(why);
            self.write();
        }
    }

    fn write(&self) {
        if let Err(error) = self.state.write(&self.home) {
            warn!("link.state can't be written ({error}): `retrocall status` does not know how deliveries go");
        }
    }

    /// One round.
    async fn round(&mut self) -> Result<Round, Fault> {
        self.is_still_its_site().await?;
        // What the centre has already goes first: that needs no centre.
        self.remove_copies().await?;
        let backlog = self.ask(|desk, _| desk.backlog()).await?;
        let news = SiteNews {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            backlog: backlog.waiting,
            refused: backlog.refused,
            orders: self.ask(|desk, _| desk.orders_news()).await?,
        };
        let said = self.said.take().filter(|said| said.news == news && self.clock.since(said.at) < self.pace.word);
        let (is_heard, mut has_more) = (said.is_none(), false);
        let (at, ledger) = match said {
            Some(said) => (said.at, said.ledger),
            None => {
                let told = self.tell(&news).await?;
                has_more = told.orders.is_more;
                let centre = self.centre.address().to_owned();
                self.ask(move |desk, now| desk.take_orders(&centre, &told.orders, now)).await?;
                (self.clock.now(), told.ledger)
            }
        };
        let ledger = self.send_ledger(ledger).await?;
        // With orders that it has not told the next round goes on.
        self.said = ledger.filter(|_| !has_more).map(|ledger| Said { news, at, ledger });
        let (pace, now) = (self.pace, self.clock.wall());
        let before = move |time: Duration| {
            let time = SignedDuration::try_from(time).unwrap_or(SignedDuration::MAX);
            now.saturating_sub(time).unwrap_or(Timestamp::MIN)
        };
        let outbound =
            self.ask(move |desk, _| desk.outbound(before(pace.settled), before(pace.again), AT_ONCE)).await?;
        let is_more = has_more || outbound.len() == AT_ONCE;
        for recording in outbound {
            self.deliver(recording).await?;
        }
        self.remove_copies().await?;
        Ok(Round { is_more, is_heard })
    }

    /// Says how it stands here.
    async fn tell(&self, news: &SiteNews) -> Result<Told, Fault> {
        let body = serde_json::to_vec(news).map_err(|error| Fault::Here(error.to_string()))?;
        self.centre.ask(Method::POST, "/link/v1/news", body.into()).await
    }

    /// A home that was copied or restored has another ledger: it joins anew.
    async fn is_still_its_site(&self) -> Result<(), Fault> {
        let site = self.ask(|desk, _| desk.site()).await?;
        if site.as_deref() == Some(&*self.site) {
            return Ok(());
        }
        Err(Fault::Shut(
            "this home is another site by now (it was copied, moved or restored): join the centre anew".to_owned(),
        ))
    }

    /// Asks the catalog, on a thread on which it may wait.
    async fn ask<T: Send + 'static>(
        &self,
        ask: impl FnOnce(&HomeDesk, Timestamp) -> Result<T, NotDone> + Send + 'static,
    ) -> Result<T, Fault> {
        let (desk, now) = (self.desk.clone(), self.clock.wall());
        let asked = tokio::task::spawn_blocking(move || ask(&desk, now)).await;
        Ok(asked.map_err(|error| Fault::Here(error.to_string()))??)
    }

    /// Facts and ledger come before recordings. How far the centre has it now; none if it has another end of it than this.
    async fn send_ledger(&self, mut known: LedgerProgress) -> Result<Option<LedgerProgress>, Fault> {
        for _ in 0..PIECES_MAX {
            let asked_for = known.clone();
            let LedgerNews { piece, heads, periods } = self.ask(move |desk, _| desk.ledger_news(&asked_for)).await?;
            // With the first row goes the key by which all of it is verified.
            if !heads.is_empty() || !periods.is_empty() || known.segment.is_none() {
                let body = json!({ "ledger_key": self.centre.ledger_key(), "heads": heads, "periods": periods });
                let body = body.to_string();
                let Noted { .. } = self.centre.ask(Method::POST, "/link/v1/heads", body.into()).await?;
                known.head = heads.last().map(|(day, _)| day.clone()).or(known.head);
                known.period = periods.last().map_or(known.period, |last| last.period + 1);
            }
            let Some((month, first, rows)) = piece else { return Ok(Some(known)) };
            let end = first + rows.len() as u64;
            let body: String = rows.iter().flat_map(|row| [row.as_str(), "\n"]).collect();
            let path = format!("/link/v1/ledger/{month}/{first}");
            let Noted { noted } = self.centre.ask(Method::POST, &path, body.into()).await?;
            if !noted {
                // The next round asks anew.
                return Ok(None);
            }
            known.segment = Some((month, end));
        }
        Ok(Some(known))
    }

    /// Delivers one. What concerns it alone stops no other.
    async fn deliver(&self, recording: String) -> Result<(), Fault> {
        let id = recording.clone();
        let Some(outbound) = self.ask(move |desk, now| desk.pack(&id, now)).await? else { return Ok(()) };
        match deliver(&self.centre, outbound).await {
            Ok(Delivered::There(sha256)) => {
                let id = recording.clone();
                let leaves = self.ask(move |desk, now| desk.note_delivered(&id, &sha256, now)).await?;
                info!(recording, leaves, "delivered");
            }
            Ok(Delivered::Gone) => {
                let id = recording.clone();
                let goes = self.ask(move |desk, now| desk.note_gone(&id, now)).await?;
                info!(recording, goes, "the centre has deleted it before");
            }
            Err(Fault::Refused(why)) => {
                warn!(recording, "the centre does not take it, and it stays here: {why}");
                self.ask(move |desk, now| desk.note_refused(&recording, &why, now)).await?;
            }
            Err(fault) => return Err(fault),
        }
        Ok(())
    }

    async fn remove_copies(&self) -> Result<(), Fault> {
        for (recording, why) in self.ask(|desk, now| desk.remove_copies(now)).await? {
            warn!(recording, "its copy can't be removed yet: {why}");
        }
        Ok(())
    }
}
