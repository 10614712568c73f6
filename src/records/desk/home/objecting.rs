//! Objections without a call, on the catalog of a home.

use jiff::Timestamp;
use retrocall_ledger::DeedKind;

use super::{
    super::{
        NotDone, Person,
        objecting::{Customers, Objected},
        request::Subject,
    },
    HomeDesk,
    act::{ANYBODY, Act, OFFICER, Step},
    covered::search,
};
use crate::{objections, rows, text};
use retrocall_words::{Country, Customer};

impl Customers for HomeDesk {
    fn customer_objects(
        &self,
        who: &Person,
        customer: &Customer,
        country: Country,
        now: Timestamp,
    ) -> Result<Objected, NotDone> {
        let of = Subject::of_customer(customer.clone(), country);
        self.act(Act::new(who, DeedKind::CustomerObjected), now, async |rows, act| {
            act.needs(ANYBODY)?;
            let hash = self.hash_of(&of)?;
            let insert = rows::query(include_str!("../../sql/rights/object.sql")).bind(&hash).bind(text::time(now));
            let is_new = insert.execute(&mut *rows).await?.rows_affected() > 0;
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
        })
    }

    fn customer_withdraws(
        &self,
        who: &Person,
        customer: &Customer,
        country: Country,
        now: Timestamp,
    ) -> Result<(), NotDone> {
        let of = Subject::of_customer(customer.clone(), country);
        let hash = self.act(Act::new(who, DeedKind::ObjectionWithdrawn), now, async |rows, act| {
            act.needs(OFFICER)?;
            let hash = self.hash_of(&of)?;
            let update = rows::query(include_str!("../../sql/rights/withdraw.sql")).bind(&hash).bind(text::time(now));
            match update.execute(rows).await?.rows_affected() {
                0 => Err(NotDone::Conflict("no objection of this customer is remembered").into()),
                _ => Ok(hash),
            }
        })?;
        // It is committed. Without this line a restore from an older backup brings the objection back: then they are not drawn.
        if let Some(Err(error)) = self.address.home().map(|home| objections::note(home, &hash, now, true)) {
            tracing::warn!("that a customer no longer objects can't be noted in holds.jsonl: {error}");
        }
        Ok(())
    }
}

impl HomeDesk {
    /// How this customer is known among those who object.
    fn hash_of(&self, of: &Subject) -> Step<String> {
        const NO_KEY: NotDone = NotDone::Conflict(
            "the file customers.key in the home folder can't be read or made: see what is wrong with it; without it no objection is remembered",
        );
        let Subject::Customer { given, form } = of else { return Err(NotDone::Unknown.into()) };
        let key = self.address.home().and_then(|home| objections::key_or_new(home).ok()).ok_or(NO_KEY)?;
        Ok(objections::hash(&key, form.as_ref(), given))
    }
}
