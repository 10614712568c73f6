//! Disclosure and inventory, on the catalog of a home.

use std::path::{Path, PathBuf};

use jiff::Timestamp;
use retrocall_ledger::DeedKind;
use uuid::Uuid;

use super::{
    super::{
        DeskRole, NotDone, Person,
        disclosure::{Disclosure, Disclosures, Inventory, InventoryEntry},
    },
    Answer, HomeDesk,
    act::{Act, OFFICER, still_kept},
    maybe, parsed, unreadable, word,
};
use crate::{
    Life,
    rows::{self, Connection, Row},
    text,
};
use retrocall_words::Customer;

impl Disclosures for HomeDesk {
    fn disclose(
        &self,
        who: &Person,
        recording: &str,
        how: &Disclosure,
        now: Timestamp,
    ) -> Result<Vec<PathBuf>, NotDone> {
        self.is_open()?;
        let home = self.address.home().unwrap_or(Path::new("")).to_owned();
        let Disclosure { to, ground, reference } = how;
        let (words, why) = (format!("{to}: {ground}; {reference}"), format!("{ground}; {reference}"));
        let act = Act { text: Some(&words), ..Act::new(who, DeedKind::Disclosed) };
        self.act(act, now, async |rows, act| {
            let found = act.about(rows, recording).await?;
            act.needs(OFFICER)?;
            still_kept(&found)?;
            let files = files(rows, &home, recording).await?;
            if files.is_empty() {
                return Err(NotDone::Conflict(
                    "the recording is still being written: disclose it when its call has ended",
                )
                .into());
            }
            let insert = rows::query(include_str!("../../sql/desk/insert_use.sql"))
                .bind(Uuid::now_v7().to_string())
                .bind(recording)
                .bind(act.author())
                .bind("disclose")
                .bind(&why)
                .bind(None::<&str>)
                .bind(to)
                .bind(text::time(now));
            insert.execute(rows).await?;
            Ok(files)
        })
    }

    fn inventory(&self, who: &Person, at: Timestamp) -> Result<Inventory, NotDone> {
        if !who.is(DeskRole::PrivacyOfficer) {
            return Err(NotDone::NotAllowed(OFFICER));
        }
        let found = self.ask(false, async |rows| {
            let then = text::time(at);
            let found = rows::query(include_str!("../../sql/rights/inventory.sql")).bind(&then);
            let found = found.fetch_all(&mut *rows).await?;
            let recordings = found.iter().map(existed).collect::<Answer<Vec<_>>>()?;
            let backups = rows::query(include_str!("../../sql/rights/backups_before.sql")).bind(&then);
            let backups = backups.fetch_all(rows).await?;
            let path = |row: &Row| Ok(PathBuf::from(row.try_get::<&str, _>("path")?));
            Ok((recordings, backups.iter().map(path).collect::<Answer<Vec<_>>>()?))
        });
        // Without a catalog nothing existed.
        let (recordings, backups) =
            if matches!(found, Err(NotDone::Unknown)) { (Vec::new(), Vec::new()) } else { found? };
        let count = |is_so: fn(&InventoryEntry) -> bool| recordings.iter().filter(|one| is_so(one)).count() as u64;
        let is_gone = |one: &InventoryEntry| one.life == Life::Gone;
        Ok(Inventory {
            at,
            named: count(|one| one.customer.is_some()),
            no_longer_named: recordings.iter().filter(|one| is_gone(one)).count() as u64,
            never_named: recordings.iter().filter(|one| one.customer.is_none() && !is_gone(one)).count() as u64,
            recordings,
            backups,
        })
    }
}

/// The files of a recording, in their order.
pub(super) async fn files(rows: &mut Connection, home: &Path, recording: &str) -> Answer<Vec<PathBuf>> {
    let found = rows::query(include_str!("../../sql/rights/parts.sql")).bind(recording).fetch_all(rows).await?;
    found.iter().map(|row| Ok(home.join(row.try_get::<&str, _>("path")?))).collect()
}

fn existed(row: &Row) -> Answer<InventoryEntry> {
    let (life, customer): (Life, Option<String>) = (word(row, "life")?, row.try_get("customer")?);
    Ok(InventoryEntry {
        recording: row.try_get("id")?,
        call: parsed(row, "call")?,
        agent: row.try_get("agent")?,
        customer: customer.map(Customer::from),
        start: parsed(row, "began_at")?,
        seconds: row.try_get("seconds")?,
        reasons: text::read_reasons(row.try_get("reasons")?).ok_or_else(|| unreadable("reasons"))?,
        gone_at: if life == Life::Gone { maybe(row, "life_at")? } else { None },
        life,
    })
}
