//! Passwords, sessions and tokens, on the catalog of a home.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};
use retrocall_ledger::DeedKind;
use uuid::Uuid;

use super::{
    super::{
        DeskRole, NotDone, Person,
        login::{Logins, NewToken, SessionLimits, TokenEntry},
    },
    Answer, HomeDesk,
    act::{Act, Step, Stop},
    parsed,
    people::{NO_USER, end_sessions, users},
    word,
};
use crate::{
    beside,
    rows::{self, Connection, Row},
    text,
};

const ADMINISTRATOR: &[DeskRole] = &[DeskRole::Administrator];
const NO_TOKEN: NotDone = NotDone::Absent("there is no such token: `retrocall token list` shows them");

/// A click is noted to the minute: nobody's work is timed, and pages that are read write nothing.
const SEEN_EVERY: SignedDuration = SignedDuration::from_secs(60);

impl Logins for HomeDesk {
    fn set_password(&self, who: &Person, name: &str, hash: &str, now: Timestamp) -> Result<(), NotDone> {
        let act = Act { agent: Some(name), text: Some("password"), ..Act::new(who, DeedKind::UserChanged) };
        self.act(act, now, async |rows, act| {
            own_or_administrator(act, name)?;
            users(rows, Some(name)).await?.pop().ok_or(Stop::Absent(NO_USER))?;
            let set = rows::query(include_str!("../../sql/desk/set_password.sql"));
            set.bind(name).bind(hash).bind(text::time(now)).execute(&mut *rows).await?;
            end_sessions(rows, name).await
        })
    }

    fn password(&self, name: &str) -> Result<Option<String>, NotDone> {
        let found = self.ask(false, async |rows| {
            let select = rows::query(include_str!("../../sql/desk/password.sql")).bind(name);
            let found = select.fetch_optional(rows).await?;
            Ok(found.map(|row| row.try_get("hash")).transpose()?)
        });
        nobody_without_catalog(found)
    }

    fn log_in(&self, name: &str, hash: &str, secret: &str, now: Timestamp) -> Result<bool, NotDone> {
        self.ask(true, async |rows| {
            let insert = rows::query(include_str!("../../sql/desk/insert_session.sql"))
                .bind(beside::digest(secret.as_bytes()))
                .bind(name)
                .bind(text::time(now))
                .bind(hash);
            Ok(insert.execute(rows).await?.rows_affected() > 0)
        })
    }

    fn logged_in(&self, secret: &str, limits: SessionLimits, now: Timestamp) -> Result<Option<Person>, NotDone> {
        let secret = beside::digest(secret.as_bytes());
        let Some((person, seen_at)) = self.session(&secret, limits, now)? else { return Ok(None) };
        if now.duration_since(seen_at) >= SEEN_EVERY {
            // If the catalog is busy it is noted with the next click.
            let _ = self.ask(true, async |rows| {
                let touch = rows::query(include_str!("../../sql/desk/touch_session.sql"));
                touch.bind(&secret).bind(text::time(now)).execute(rows).await?;
                Ok(())
            });
        }
        Ok(Some(person))
    }

    fn is_logged_in(&self, secret: &str, limits: SessionLimits, now: Timestamp) -> Result<bool, NotDone> {
        Ok(self.session(&beside::digest(secret.as_bytes()), limits, now)?.is_some())
    }

    fn log_out(&self, secret: &str, limits: SessionLimits, now: Timestamp) -> Result<(), NotDone> {
        self.ask(true, async |rows| {
            let delete = rows::query(include_str!("../../sql/desk/delete_session.sql"));
            delete.bind(beside::digest(secret.as_bytes())).execute(&mut *rows).await?;
            let (began, seen) = bounds(limits, now);
            let old = rows::query(include_str!("../../sql/desk/delete_old_sessions.sql")).bind(began).bind(seen);
            old.execute(rows).await?;
            Ok(())
        })
    }

    fn add_token(&self, who: &Person, token: &NewToken, now: Timestamp) -> Result<String, NotDone> {
        let NewToken { name, role, secret } = token;
        let id = Uuid::now_v7();
        let text = format!("token {}", role.as_str());
        let act =
            Act { agent: Some(name), text: Some(&text), matter: Some(id), ..Act::new(who, DeedKind::UserChanged) };
        self.act(act, now, async |rows, act| {
            own_or_administrator(act, name)?;
            let user = users(rows, Some(name)).await?.pop().ok_or(Stop::Absent(NO_USER))?;
            if !user.roles.contains(role) {
                return Err(NotDone::Conflict("the user has no such role: a token does no more than its user").into());
            }
            let insert = rows::query(include_str!("../../sql/desk/insert_token.sql"))
                .bind(id.to_string())
                .bind(beside::digest(secret.as_bytes()))
                .bind(name)
                .bind(role.as_str())
                .bind(text::time(now));
            insert.execute(rows).await?;
            Ok(id.to_string())
        })
    }

    fn revoke_token(&self, who: &Person, id: &str, now: Timestamp) -> Result<(), NotDone> {
        let owner = self.ask(false, async |rows| {
            let select = rows::query(include_str!("../../sql/desk/token_owner.sql")).bind(id);
            let owner: String = select.fetch_optional(rows).await?.ok_or(NO_TOKEN)?.try_get("name")?;
            Ok(owner)
        })?;
        let matter = Uuid::parse_str(id).ok();
        let act = Act { agent: Some(&owner), text: Some("token"), matter, ..Act::new(who, DeedKind::UserChanged) };
        self.act(act, now, async |rows, act| {
            if act.author() != owner && !act.who.is(DeskRole::Administrator) {
                // Whose tokens there are is nobody else's business.
                return Err(Stop::Absent(NO_TOKEN));
            }
            let delete = rows::query(include_str!("../../sql/desk/delete_token.sql")).bind(id);
            match delete.execute(rows).await?.rows_affected() {
                0 => Err(Stop::Absent(NO_TOKEN)),
                _ => Ok(()),
            }
        })
    }

    fn tokens(&self, who: &Person) -> Result<Vec<TokenEntry>, NotDone> {
        let author = who.on_behalf_of.as_ref().unwrap_or(&who.name);
        let only = Some(author).filter(|_| !who.is(DeskRole::Administrator));
        let found = self.ask(false, async |rows| {
            let found = rows::query(include_str!("../../sql/desk/tokens.sql")).bind(only).fetch_all(rows).await?;
            let one = |row: &Row| -> Answer<TokenEntry> {
                let (id, user) = (row.try_get("id")?, row.try_get("name")?);
                Ok(TokenEntry { id, user, role: word(row, "role")?, since: parsed(row, "made_at")? })
            };
            found.iter().map(one).collect()
        });
        // Without a catalog there are none.
        if found == Err(NotDone::Unknown) { Ok(Vec::new()) } else { found }
    }

    fn bearer(&self, secret: &str) -> Result<Option<Person>, NotDone> {
        let found = self.ask(false, async |rows| {
            let select = rows::query(include_str!("../../sql/desk/token.sql")).bind(beside::digest(secret.as_bytes()));
            let Some(row) = select.fetch_optional(&mut *rows).await? else { return Ok(None) };
            let (name, role): (String, DeskRole) = (row.try_get("name")?, word(&row, "role")?);
            let Some(person) = person(rows, &name).await? else { return Ok(None) };
            let roles: BTreeSet<_> = person.roles.iter().copied().filter(|own| *own == role).collect();
            Ok(Some(Person { roles, ..person }))
        });
        nobody_without_catalog(found)
    }
}

impl HomeDesk {
    /// Who holds the secret with this hash, and when they were last seen.
    fn session(
        &self,
        secret: &str,
        limits: SessionLimits,
        now: Timestamp,
    ) -> Result<Option<(Person, Timestamp)>, NotDone> {
        let found = self.ask(false, async |rows| {
            let (began, seen) = bounds(limits, now);
            let select = rows::query(include_str!("../../sql/desk/session.sql")).bind(secret).bind(began).bind(seen);
            let Some(row) = select.fetch_optional(&mut *rows).await? else { return Ok(None) };
            let (name, seen_at): (String, Timestamp) = (row.try_get("name")?, parsed(&row, "seen_at")?);
            Ok(person(rows, &name).await?.map(|person| (person, seen_at)))
        });
        nobody_without_catalog(found)
    }
}

fn own_or_administrator(act: &Act<'_>, name: &str) -> Step {
    if act.author() == name { Ok(()) } else { act.needs(ADMINISTRATOR) }
}

/// When the oldest session that is in force began, and when it was last seen.
fn bounds(limits: SessionLimits, now: Timestamp) -> (String, String) {
    let before = |time: SignedDuration| text::time(now.checked_sub(time).unwrap_or(Timestamp::MIN));
    (before(limits.total), before(limits.idle))
}

/// Somebody with the rights that they have now.
async fn person(rows: &mut Connection, name: &str) -> Answer<Option<Person>> {
    let user = users(rows, Some(name)).await?.pop();
    Ok(user.map(|user| Person { name: user.name, on_behalf_of: None, roles: user.roles, agent: user.agent }))
}

fn nobody_without_catalog<T>(found: Result<Option<T>, NotDone>) -> Result<Option<T>, NotDone> {
    match found {
        Err(NotDone::Unknown) => Ok(None),
        found => found,
    }
}
