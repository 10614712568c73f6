//! What the thread does for the draw and the ledger besides writing notes.
//!
//! Belongs here: periods before the numbers that need them, and, while nothing else is to be done, the ends of days. Does not: what rows say.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use jiff::civil::Date;

use super::{
    super::{
        Trouble, forms,
        ledger::{self, Scribe},
        lottery::Lottery,
        numbers::Highest,
        objections::Objections,
        site,
    },
    Worker,
};
use crate::rows::Connection;
use retrocall_words::book::{Draw, day_of};

/// How often it is looked whether a day can be closed whose calls had not all ended.
const AGAIN: Duration = Duration::from_secs(10);

/// How long the recovery of files may take: until then a call whose end nobody saw may turn out to be kept.
const RECOVERY: Duration = Duration::from_secs(600);

/// How far the days before the open one are brought to their end.
#[derive(Default)]
pub(super) struct Tended {
    /// The open day when everything before it was at its end.
    done_before: Option<Date>,
    /// When that was last looked at.
    looked: Option<Instant>,
    /// Since when what an earlier run left is recovered; none once the ledger has the ends of its calls.
    recovers: Option<Instant>,
}

impl Tended {
    /// What an earlier run left was told to the engine, which recovers it.
    pub(super) fn begin(&mut self, now: Instant) {
        self.recovers = Some(now);
    }
}

impl Worker {
    /// What the engine draws by.
    pub(in super::super) fn drawer(&self) -> Arc<dyn Draw> {
        self.lottery.drawer()
    }

    /// Finds out who writes the ledger, and reads the file of seeds.
    fn know_draw(&mut self) -> Result<(), Trouble> {
        if self.author.is_none() {
            self.author = Some(site::author(&self.home, Lottery::is_there(&self.home))?);
        }
        let Some(author) = &self.author else { return Ok(()) };
        let is_no_catalog = !std::fs::metadata(&self.path).is_ok_and(|found| found.len() > 0);
        self.lottery.load(&author.site, is_no_catalog)
    }

    /// A catalog is there: its ledger is told of the draw from the beginning, and no period is opened that it knows already.
    pub(super) async fn learn_draw(&mut self, connection: &mut Connection) -> Result<(), Trouble> {
        self.know_draw()?;
        let Some(author) = &self.author else { return Ok(()) };
        let last = ledger::last_period(connection, author.site.as_str()).await;
        self.lottery.learn(last.map_err(|error| Trouble::of(&self.path, &error))?);
        self.told = 0;
        self.tended.done_before = None;
        Ok(())
    }

    /// Sees to it that the numbers that are about to be reserved have their period, durably. False if it can't be told yet which one that is.
    pub(super) fn open_period(&mut self, plan: &Highest) -> Result<bool, Trouble> {
        self.know_draw()?;
        let Some((day, _)) = plan.last_key_value().filter(|_| self.lottery.can_open()) else { return Ok(false) };
        // The last one that was given on that day; none on a day that begins.
        let given = self.queue.given().and_then(|given| given.get(day).copied()).unwrap_or(0);
        if self.lottery.open(&self.home, *day, given.saturating_add(1))? {
            self.told = 0;
        }
        Ok(true)
    }

    /// While nothing else is to be done. False if there is nothing left.
    pub(super) async fn tend(&mut self) -> Result<bool, Trouble> {
        if self.queue.is_closing() {
            return Ok(false);
        }
        if self.queue.is_to_look() {
            if self.watch.look(&self.home) {
                self.queue.day_has_come(day_of(self.watch.now()));
            }
            if self.lottery.look_for_numbers(&self.home)? {
                self.told = 0;
            }
            self.reserve_numbers();
            self.load_objections().await;
        }
        Ok(self.make_forms().await?
            || self.tell_clock().await?
            || self.tell_draw().await?
            || self.tell_lost().await?
            || self.end_days().await?)
    }

    /// Reads who objects. What can't be read leaves those who are known.
    pub(super) async fn load_objections(&mut self) {
        let Some(connection) = &mut self.connection else { return };
        match Objections::load(connection, &self.home, self.country).await {
            Ok(found) => {
                *self.queue.objections.write() = Arc::new(found);
                self.unread_objections = None;
            }
            Err(trouble) if self.unread_objections.as_ref() == Some(&trouble) => {}
            Err(trouble) => {
                tracing::error!("customers who object to coaching may be drawn: {trouble}");
                self.unread_objections = Some(trouble);
            }
        }
    }

    /// Numbers of customers get their one form, if that is still to be made. False if there are none.
    async fn make_forms(&mut self) -> Result<bool, Trouble> {
        let Some(connection) = self.connection.as_mut().filter(|_| !self.has_forms) else { return Ok(false) };
        let made =
            forms::make_forms(connection, self.country).await.map_err(|error| Trouble::of(&self.path, &error))?;
        self.has_forms = !made;
        Ok(made)
    }

    /// Tells the ledger what it was not told of the draw. False if it was.
    async fn tell_draw(&mut self) -> Result<bool, Trouble> {
        let (Some(connection), Some(author)) = (&mut self.connection, &self.author) else { return Ok(false) };
        if self.told >= self.lottery.entries().len() {
            return Ok(false);
        }
        let mut scribe = Scribe::new(author, &self.lottery, self.told, self.watch.now());
        let told = async {
            let mut rows = connection.begin_writing().await?;
            scribe.tell_all_of_draw(&mut rows).await?;
            let told = scribe.finish(&mut rows).await?;
            rows.commit().await?;
            Ok(told)
        };
        self.told = told.await.map_err(|error| Trouble::of(&self.path, &error))?;
        Ok(true)
    }

    /// Tells the ledger of calls that were live when an earlier run ended, and that nothing is left of. False if there are none, or if that is not
    /// known yet.
    async fn tell_lost(&mut self) -> Result<bool, Trouble> {
        let is_over = self.tended.recovers.is_some_and(|since| self.clock.since(since) >= RECOVERY);
        if !is_over {
            return Ok(false);
        }
        if self.give_up_claims().await? {
            return Ok(true);
        }
        let (Some(connection), Some(author)) = (&mut self.connection, &self.author) else { return Ok(false) };
        let scribe = Scribe::new(author, &self.lottery, self.told, self.watch.now());
        let told = ledger::tell_lost(connection, scribe).await;
        self.told = told.map_err(|error| Trouble::of(&self.path, &error))?;
        self.tended.recovers = None;
        Ok(true)
    }

    /// Shows the seeds of days whose calls have all ended, and seals the last of them. False if there is nothing to do.
    async fn end_days(&mut self) -> Result<bool, Trouble> {
        let given = self.queue.given().unwrap_or_default();
        let Some(open) = given.last_key_value().map(|(day, _)| *day) else { return Ok(false) };
        let is_too_soon = self.tended.looked.is_some_and(|looked| self.clock.since(looked) < AGAIN);
        // Calls whose recordings are to be registered belong to a day as others do.
        if self.tended.done_before == Some(open) || is_too_soon || !self.claims.is_empty() {
            return Ok(false);
        }
        let (Some(connection), Some(author)) = (&mut self.connection, &self.author) else { return Ok(false) };
        let now = self.watch.now();
        let scribe = Scribe::new(author, &self.lottery, self.told, now);
        let published = ledger::publish(connection, scribe, open, &given, &self.accounted).await;
        let published = published.map_err(|error| Trouble::of(&self.path, &error))?;
        match published {
            ledger::Published::Day(day) => {
                self.lottery.forget_until(day)?;
                self.told = 0;
                return Ok(true);
            }
            // They wake this thread.
            ledger::Published::AwaitsNotes => return Ok(false),
            ledger::Published::AwaitsCalls | ledger::Published::All => {}
        }
        // A head is a head though a call of its day goes on: that one's end comes under the next head.
        let sealed = ledger::seal(connection, &self.path, author, &self.lottery, (open, now), &mut self.sealed).await?;
        self.tended.looked = Some(self.clock.now());
        if matches!(published, ledger::Published::All) {
            self.tended.done_before = Some(open);
        }
        if sealed {
            self.remember_milestone().await;
        }
        Ok(sealed)
    }
}
