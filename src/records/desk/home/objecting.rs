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
    act::{ANYBODY, Act, OFFICER, Step, anchor},
    covered::search,
};
use crate::{PurposeKind, objections, policy::Anchor, rows, text};
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
                let mut any = false;
                for purpose in [PurposeKind::Quality, PurposeKind::Training] {
                    let select = rows::query(include_str!("../../sql/rights/abouts.sql"))
                        .bind(&recording)
                        .bind(purpose.as_str());
                    for row in select.fetch_all(&mut *rows).await? {
                        let about: String = row.try_get("about")?;
                        any |= anchor(rows, (&recording, purpose, &about), (Anchor::Objected, now, None)).await?;
                    }
                }
                if any {
                    act.follows.push((DeedKind::QualityEnded, recording.clone()));
                    ended.push(recording);
                }
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
        self.act(Act::new(who, DeedKind::ObjectionWithdrawn), now, async |rows, act| {
            act.needs(OFFICER)?;
            let hash = self.hash_of(&of)?;
            let update = rows::query(include_str!("../../sql/rights/withdraw.sql")).bind(&hash).bind(text::time(now));
            match update.execute(rows).await?.rows_affected() {
                0 => Err(NotDone::Conflict("no objection of this customer is remembered").into()),
                _ => Ok(()),
            }
        })
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
