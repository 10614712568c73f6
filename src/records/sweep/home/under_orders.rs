//! A home that has joined a centre deletes what it has not delivered only under orders that it knows: somebody may have asked for it at the centre.
//!
//! Belongs here: why something that is due stays for that. Does not: fetching orders (`desk`), what is due (`policy`).
//!
//! Model of many machines: `SweepHome`, with the rule `SweepsUnderFreshOrders`.

use std::path::Path;

use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

use super::{HomeStore, Which};
use crate::{
    Trouble,
    policy::{Fate, Policy, Why, fate},
    rows::{self, Connection},
    site_key,
    sweep::facts::{KeptRecording, Reading},
};

/// Orders are so old at most: a day, less the ten minutes by which a clock may be off.
const ORDERS_TIME: SignedDuration = SignedDuration::from_mins(24 * 60 - 10);

retrocall_words::words! {
    /// Why something that is due stays in a home that delivers to a centre.
    pub enum Stays {
        /// The centre was not heard within a day: nobody knows what it has ordered meanwhile.
        NoOrders = "no-orders",
        /// An order covers it: it is delivered first.
        Ordered = "ordered",
        /// Its delivery has begun: a part of it lies at the centre, which deletes the whole.
        BeingDelivered = "being-delivered",
    }
}

impl Stays {
    /// The sentence of it.
    pub const fn sentence(self) -> &'static str {
        match self {
            Stays::NoOrders => {
                "it stays until the centre has said within the last day what it orders, or the rules' longest time is over"
            }
            Stays::Ordered => "it stays until it is delivered: the centre has ordered that",
            Stays::BeingDelivered => "it stays until it is delivered: that has begun",
        }
    }
}

/// Something that is due and stays.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DueAndStays {
    /// Its id.
    pub id: String,
    /// Since when it is due.
    pub since: Timestamp,
    /// What ended its last purpose.
    pub why: Why,
    /// Why it stays.
    pub stays: Stays,
}

/// The orders under which a home deletes.
pub(super) struct UnderOrders {
    is_fresh: bool,
    /// An order that is open covers all whose call began before.
    before: Option<Timestamp>,
}

/// None: it delivers nowhere, and deletes by the rules alone.
pub(super) async fn under_orders(
    rows: &mut Connection,
    reading: &Reading<'_>,
    home: &Path,
    now: Timestamp,
) -> Result<Option<UnderOrders>, Trouble> {
    if matches!(rows, Connection::Postgres(_)) || !site_key::has_joined(home) {
        return Ok(None);
    }
    let failed = |error: sqlx::Error| reading.refused(&error);
    let select = rows::query_scalar::<String>("SELECT heard_at FROM centre_words WHERE place = 1");
    let heard = select.fetch_optional(&mut *rows).await.map_err(failed)?;
    let heard: Option<Timestamp> = reading.maybe("heard_at", heard.as_deref())?;
    let select = "SELECT MAX(before_at) AS before FROM standing_orders WHERE over_at IS NULL AND kind = 'deliver'";
    let before = rows::query_scalar::<Option<String>>(select).fetch_one(rows).await.map_err(failed)?;
    // What was heard later than now was heard by another clock.
    let is_fresh = heard.is_some_and(|heard| heard <= now && now.duration_since(heard) < ORDERS_TIME);
    Ok(Some(UnderOrders { is_fresh, before: reading.maybe("before_at", before.as_deref())? }))
}

impl UnderOrders {
    /// Why something that is due stays. None: it goes.
    pub(super) async fn keep(
        &self,
        rows: &mut Connection,
        reading: &Reading<'_>,
        known: &KeptRecording,
        (policy, now): (&Policy, Timestamp),
    ) -> Result<Option<Stays>, Trouble> {
        let facts = &known.facts;
        let covers = self.before.is_some_and(|before| facts.began_at.is_none_or(|began| began < before));
        if self.is_fresh && covers {
            return Ok(Some(Stays::Ordered));
        }
        if policy.ceiling(facts, now).is_none_or(|ceiling| ceiling <= now) {
            return Ok(None);
        }
        if !self.is_fresh {
            return Ok(Some(Stays::NoOrders));
        }
        let select = rows::query_scalar::<i64>(
            "SELECT COUNT(*) FROM deliveries WHERE recording = $1 AND state = 'under-way' AND token IS NOT NULL",
        );
        let begun = select.bind(&known.id).fetch_one(rows).await.map_err(|error| reading.refused(&error))? > 0;
        Ok(begun.then_some(Stays::BeingDelivered))
    }
}

impl HomeStore {
    /// Why this recording, which is due, stays for the sake of a centre. None: it goes.
    pub(super) fn keep_for_centre(&mut self, known: &KeptRecording, now: Timestamp) -> Result<Option<Stays>, Trouble> {
        let HomeStore { path, connection, runtime, policy, home, .. } = self;
        let reading = Reading { path };
        runtime.block_on(async {
            match under_orders(connection, &reading, home, now).await? {
                Some(under) => under.keep(connection, &reading, known, (policy, now)).await,
                None => Ok(None),
            }
        })
    }

    /// What is due by the rules, and stays for the sake of a centre: at most `limit`.
    ///
    /// # Errors
    /// Why the catalog can't be had.
    pub fn due_and_stays(&mut self, now: Timestamp, limit: usize) -> Result<Vec<DueAndStays>, Trouble> {
        let (mut after, mut found) = (String::new(), Vec::new());
        if !site_key::has_joined(&self.home) {
            return Ok(found);
        }
        loop {
            let page = self.page(Which::All, &after, super::PAGE)?;
            let Some(last) = page.last() else { return Ok(found) };
            after.clone_from(&last.id);
            for known in page {
                let Fate::Due { since, why } = fate(&known.facts, &self.policy, now) else { continue };
                if let Some(stays) = self.keep_for_centre(&known, now)? {
                    found.push(DueAndStays { id: known.id, since, why, stays });
                    if found.len() == limit {
                        return Ok(found);
                    }
                }
            }
        }
    }
}
