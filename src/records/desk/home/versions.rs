//! The versions of the policy, on the catalog of a home.

use jiff::Timestamp;
use retrocall_ledger::{Deed, DeedKind};
use retrocall_words::Practice;

use super::{
    super::{
        NotDone,
        versions::{Versions, WrittenVersion},
    },
    Answer, HomeDesk, unreadable,
};
use crate::{ledger::by_rule, policy::Version, rows, text};

impl Versions for HomeDesk {
    fn versions(&self) -> Result<Vec<WrittenVersion>, NotDone> {
        let found = self.ask(false, async |rows| {
            let found = rows::query(include_str!("../../sql/desk/policies.sql")).fetch_all(rows).await?;
            let read = |(place, row): (usize, &rows::Row)| -> Answer<WrittenVersion> {
                let written: WrittenVersion =
                    serde_json::from_str(row.try_get("text")?).map_err(|_| unreadable("text"))?;
                Ok(WrittenVersion { number: place as u64 + 1, ..written })
            };
            found.iter().enumerate().map(read).collect()
        });
        // Without a catalog none was ever in force.
        if found == Err(NotDone::Unknown) { Ok(Vec::new()) } else { found }
    }

    fn take_up(&self, practice: &Practice, now: Timestamp) -> Result<(), NotDone> {
        let done = self.ask(true, async |connection| {
            let mut rows = connection.begin_writing().await?;
            let last = rows::query(include_str!("../../sql/desk/last_policy.sql")).fetch_optional(&mut rows).await?;
            // The sweep writes the first one.
            let Some(last) = last else { return Ok(()) };
            let number: i64 = last.try_get("version")?;
            let mut written: WrittenVersion =
                serde_json::from_str(last.try_get("text")?).map_err(|_| unreadable("text"))?;
            match written.practice.replace(practice.clone()) {
                Some(before) if before == *practice => return Ok(()),
                None => {
                    let json = serde_json::to_string(&written).map_err(|_| unreadable("text"))?;
                    let update = rows::query(include_str!("../../sql/desk/update_policy.sql")).bind(number).bind(json);
                    update.execute(&mut rows).await?;
                }
                Some(_) => {
                    written.version = Version { from: now, ..written.version };
                    let json = serde_json::to_string(&written).map_err(|_| unreadable("text"))?;
                    let insert = rows::query(include_str!("../../sql/desk/insert_policy.sql"))
                        .bind(number + 1)
                        .bind(text::time(now))
                        .bind(json);
                    insert.execute(&mut rows).await?;
                    let version = u64::try_from(number + 1).ok();
                    by_rule(&mut rows, Deed { version, ..Deed::done(DeedKind::PolicyChanged) }, now).await?;
                }
            }
            rows.commit().await?;
            Ok(())
        });
        // Without a catalog nothing is in force yet.
        if done == Err(NotDone::Unknown) { Ok(()) } else { done }
    }
}
