//! Objections without a call, on the catalog of a home.

use jiff::Timestamp;
use retrocall_ledger::{DeedKind, PseudonymKey};

use super::{
    super::{
        NotDone, Person,
        objecting::{Customers, Objected},
        orders::OrderKind,
        request::Subject,
    },
    Answer, HomeDesk,
    act::{ANYBODY, Act, OFFICER, Step},
    covered::search,
    progress::order_about,
};
use crate::{
    objections,
    parcel::Parcel,
    requests,
    rows::{self, Connection},
    text,
};
use retrocall_words::{Country, Customer};

impl Customers for HomeDesk {
    fn customer_objects(
        &self,
        who: &Person,
        customer: &Customer,
        country: Country,
        now: Timestamp,
    ) -> Result<Objected, NotDone> {
        let (of, key) = (Subject::of_customer(customer.clone(), country), self.key_of_centre()?);
        let objected = self.act(Act::new(who, DeedKind::CustomerObjected), now, async |rows, act| {
            act.needs(ANYBODY)?;
            let hash = self.hash_of(&of, key.as_ref())?;
            let insert = rows::query(include_str!("../../sql/rights/object.sql")).bind(&hash).bind(text::time(now));
            let is_new = insert.execute(&mut *rows).await?.rows_affected() > 0;
            if key.is_some() && is_new {
                order_about(rows, OrderKind::Objects, &hash, now).await?;
            }
            let mut ended = Vec::new();
            for recording in search(rows, &of).await? {
                if objections::end_coaching(rows, &recording, now).await? {
                    act.follows.push((DeedKind::QualityEnded, recording.clone()));
                    ended.push(recording);
                }
            }
            if let Some(home) = self.address.home() {
                objections::note(home, &hash, now, false).map_err(sqlx::Error::Io)?;
            }
            Ok(Objected { is_new, ended: ended.len() as u64 })
        })?;
        self.give_now(now);
        Ok(objected)
    }

    fn customer_withdraws(
        &self,
        who: &Person,
        customer: &Customer,
        country: Country,
        now: Timestamp,
    ) -> Result<(), NotDone> {
        let (of, key) = (Subject::of_customer(customer.clone(), country), self.key_of_centre()?);
        let hash = self.act(Act::new(who, DeedKind::ObjectionWithdrawn), now, async |rows, act| {
            act.needs(OFFICER)?;
            let hash = self.hash_of(&of, key.as_ref())?;
            let update = rows::query(include_str!("../../sql/rights/withdraw.sql")).bind(&hash).bind(text::time(now));
            if update.execute(&mut *rows).await?.rows_affected() == 0 {
                return Err(NotDone::Conflict("no objection of this customer is remembered").into());
            }
            if key.is_some() {
                order_about(rows, OrderKind::ObjectsNoMore, &hash, now).await?;
            }
            Ok(hash)
        })?;
        self.give_now(now);
        // It is committed. Without this line a restore from an older backup brings the objection back: then they are not drawn.
        if let Some(Err(error)) = self.address.home().map(|home| objections::note(home, &hash, now, true)) {
            tracing::warn!("that a customer no longer objects can't be noted in holds.jsonl: {error}");
        }
        Ok(())
    }
}

const NO_KEY: NotDone = NotDone::Conflict(
    "the file customers.key in the home folder can't be read or made: see what is wrong with it; without it no objection is remembered",
);
const NO_KEY_OF_CENTRE: NotDone = NotDone::Conflict(
    "the key of those who object can't be read or made in the centre's store: see whether it answers",
);

impl HomeDesk {
    /// How this customer is known among those who object.
    fn hash_of(&self, of: &Subject, centre: Option<&PseudonymKey>) -> Step<String> {
        let Subject::Customer { given, form } = of else { return Err(NotDone::Unknown.into()) };
        let own = || self.address.home().and_then(|home| objections::key_or_new(home).ok()).ok_or(NO_KEY);
        let key = centre.cloned().map_or_else(own, Ok)?;
        Ok(objections::hash(&key, form.as_ref(), given))
    }

    /// At a centre: the key by which those who object are known there. None: these are the records of one home.
    fn key_of_centre(&self) -> Result<Option<PseudonymKey>, NotDone> {
        let Some(store) = &self.store else { return Ok(None) };
        let key = objections::key_of_centre(&**store).map_err(|error| {
            tracing::warn!("the key of those who object can't be had: {error}");
            NO_KEY_OF_CENTRE
        })?;
        Ok(Some(PseudonymKey::from_bytes(key)))
    }

    /// The same, if anybody objects.
    pub(super) fn key_if_anybody_objects(&self) -> Result<Option<PseudonymKey>, NotDone> {
        if self.store.is_none() {
            return Ok(None);
        }
        let any = self.ask(false, async |rows| {
            let select = "SELECT COUNT(*) FROM objections WHERE withdrawn_at IS NULL";
            Ok(rows::query_scalar::<i64>(select).fetch_one(rows).await? > 0)
        })?;
        if any { self.key_of_centre() } else { Ok(None) }
    }
}

/// A recording has come whose customer may object at the centre: it is not kept for coaching.
pub(super) async fn heed(rows: &mut Connection, key: &PseudonymKey, parcel: &Parcel, now: Timestamp) -> Answer<()> {
    let Some(given) = parcel.customer.clone().map(Customer::from) else { return Ok(()) };
    let form = parcel.customer_form.clone().map(Customer::from);
    let select = "SELECT COUNT(*) FROM objections WHERE customer_hash = $1 AND withdrawn_at IS NULL";
    let select = rows::query_scalar::<i64>(select).bind(objections::hash(key, form.as_ref(), &given));
    if select.fetch_one(&mut *rows).await? > 0 {
        requests::object(rows, &parcel.recording, now).await?;
    }
    Ok(())
}
