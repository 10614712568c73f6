//! Accounts, on the catalog of a home.

use std::collections::BTreeSet;

use crate::rows::{self, Connection};
use jiff::Timestamp;
use retrocall_ledger::DeedKind;

use super::{
    super::{
        DeskRole, NotDone, Person,
        people::{Accounts, User},
    },
    Answer, HomeDesk,
    act::{Act, Step, Stop},
    parsed, word,
};
use crate::text;
use retrocall_words::{Rights, Role};

const ADMINISTRATOR: &[DeskRole] = &[DeskRole::Administrator];
pub(super) const NO_USER: NotDone =
    NotDone::Absent("there is no such user: `retrocall user list` shows them, `retrocall user add` makes one");

impl Accounts for HomeDesk {
    fn add_user(&self, who: &Person, user: &User) -> Result<(), NotDone> {
        let words = words(&user.roles);
        let act = Act { agent: Some(&user.name), text: Some(&words), ..Act::new(who, DeedKind::UserChanged) };
        self.act(act, user.since, async |rows, act| {
            act.needs(ADMINISTRATOR)?;
            check(&user.roles, user.agent.as_deref())?;
            let insert = rows::query(include_str!("../../sql/desk/insert_user.sql"))
                .bind(&user.name)
                .bind(&user.agent)
                .bind(text::time(user.since));
            if insert.execute(&mut *rows).await?.rows_affected() == 0 {
                return Err(
                    NotDone::Conflict("there is a user of this name: change it with `retrocall user role`").into()
                );
            }
            give_roles(rows, &user.name, &user.roles).await
        })
    }

    fn set_roles(&self, who: &Person, name: &str, roles: &BTreeSet<DeskRole>, now: Timestamp) -> Result<(), NotDone> {
        let words = words(roles);
        let act = Act { agent: Some(name), text: Some(&words), ..Act::new(who, DeedKind::UserChanged) };
        self.act(act, now, async |rows, act| {
            act.needs(ADMINISTRATOR)?;
            let user = users(rows, Some(name)).await?.pop().ok_or(Stop::Absent(NO_USER))?;
            check(roles, user.agent.as_deref())?;
            end_sessions(rows, name).await?;
            give_roles(rows, name, roles).await
        })
    }

    fn remove_user(&self, who: &Person, name: &str, now: Timestamp) -> Result<(), NotDone> {
        let act = Act { agent: Some(name), ..Act::new(who, DeedKind::UserChanged) };
        self.act(act, now, async |rows, act| {
            act.needs(ADMINISTRATOR)?;
            let remove = rows::query(include_str!("../../sql/desk/remove_user.sql")).bind(name).bind(text::time(now));
            match remove.execute(&mut *rows).await?.rows_affected() {
                0 => Err(Stop::Absent(NO_USER)),
                _ => forget(rows, name).await,
            }
        })
    }

    fn users(&self, who: &Person) -> Result<Vec<User>, NotDone> {
        if !who.is(DeskRole::Administrator) {
            return Err(NotDone::NotAllowed(ADMINISTRATOR));
        }
        let found = self.ask(false, async |rows| users(rows, None).await);
        // Without a catalog there are none.
        if found == Err(NotDone::Unknown) { Ok(Vec::new()) } else { found }
    }

    fn acting_for(&self, owner: &str, name: &str) -> Result<Person, NotDone> {
        let found = self.ask(false, async |rows| users(rows, Some(name)).await);
        let users = if found == Err(NotDone::Unknown) { Vec::new() } else { found? };
        let User { name, roles, agent, .. } = users.into_iter().next().ok_or(NO_USER)?;
        Ok(Person { name: owner.to_owned(), on_behalf_of: Some(name), roles, agent })
    }
}

impl HomeDesk {
    /// What an account may do with live calls. None if there is no such account.
    pub(crate) fn rights_of(&self, name: &str) -> Result<Option<Rights>, NotDone> {
        let found = self.ask(false, async |rows| users(rows, Some(name)).await);
        let users = if found == Err(NotDone::Unknown) { Vec::new() } else { found? };
        Ok(users.into_iter().next().map(|User { roles, agent, .. }| {
            // The owner's own rights come with the user of the system, never with an account.
            let of_calls = roles.iter().filter_map(|role| match role {
                DeskRole::Agent => Some(Role::Agent),
                DeskRole::Administrator => Some(Role::Administrator),
                DeskRole::PrivacyOfficer => Some(Role::PrivacyOfficer),
                DeskRole::Reviewer | DeskRole::CaseHandler | DeskRole::Council => None,
            });
            Rights { roles: of_calls.collect(), agent }
        }))
    }
}

/// Roles as the ledger's digest has them.
fn words(roles: &BTreeSet<DeskRole>) -> String {
    roles.iter().map(|role| role.as_str()).collect::<Vec<_>>().join(",")
}

/// An account that is nothing can do nothing; one that is an agent has to say which one.
fn check(roles: &BTreeSet<DeskRole>, agent: Option<&str>) -> Step {
    if roles.is_empty() {
        return Err(NotDone::Conflict("a user has a role: name one with --role").into());
    }
    if roles.contains(&DeskRole::Agent) && agent.is_none() {
        return Err(NotDone::Conflict("who has the role agent is one: remove the user, and add it with --agent").into());
    }
    Ok(())
}

/// Ends all sessions of an account: what it was let in with, or what it may do, is another.
pub(super) async fn end_sessions(rows: &mut Connection, name: &str) -> Step {
    rows::query(include_str!("../../sql/desk/delete_sessions.sql")).bind(name).execute(rows).await?;
    Ok(())
}

/// Takes all that an account is let in with: who comes back gets it anew.
async fn forget(rows: &mut Connection, name: &str) -> Step {
    end_sessions(rows, name).await?;
    rows::query(include_str!("../../sql/desk/delete_tokens.sql")).bind(name).execute(&mut *rows).await?;
    rows::query(include_str!("../../sql/rights/delete_trainings_of.sql")).bind(name).execute(&mut *rows).await?;
    rows::query(include_str!("../../sql/desk/delete_password.sql")).bind(name).execute(rows).await?;
    Ok(())
}

async fn give_roles(rows: &mut Connection, name: &str, roles: &BTreeSet<DeskRole>) -> Step {
    rows::query(include_str!("../../sql/desk/delete_roles.sql")).bind(name).execute(&mut *rows).await?;
    for role in roles {
        let insert = rows::query(include_str!("../../sql/desk/insert_role.sql")).bind(name).bind(role.as_str());
        insert.execute(&mut *rows).await?;
    }
    Ok(())
}

/// All accounts, or the one of this name.
pub(super) async fn users(rows: &mut Connection, name: Option<&str>) -> Answer<Vec<User>> {
    let mut users: Vec<User> = Vec::new();
    for row in rows::query(include_str!("../../sql/desk/users.sql")).bind(name).fetch_all(rows).await? {
        let name: String = row.try_get("name")?;
        if users.last().is_none_or(|last| last.name != name) {
            users.push(User {
                name,
                roles: BTreeSet::new(),
                agent: row.try_get("agent")?,
                since: parsed(&row, "made_at")?,
            });
        }
        if let (Some(user), Some(_)) = (users.last_mut(), row.try_get::<Option<&str>, _>("role")?) {
            user.roles.insert(word(&row, "role")?);
        }
    }
    Ok(users)
}
