//! Accounts: who there is at the desk, and what they are.

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde::Serialize;

use super::{DeskRole, NotDone, Person};

/// An account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct User {
    /// The name that they are known by.
    pub name: String,
    /// What they are.
    pub roles: BTreeSet<DeskRole>,
    /// The agent that they are.
    pub agent: Option<String>,
    /// Since when.
    pub since: Timestamp,
}

/// The verbs around accounts: for the administrator.
pub trait Accounts {
    /// Adds an account. One that was removed comes back as it is given now.
    ///
    /// # Errors
    /// Why it can't be added.
    fn add_user(&self, who: &Person, user: &User) -> Result<(), NotDone>;

    /// Sets what somebody is: these roles, and no others.
    ///
    /// # Errors
    /// Why it can't be set.
    fn set_roles(&self, who: &Person, name: &str, roles: &BTreeSet<DeskRole>, now: Timestamp) -> Result<(), NotDone>;

    /// Removes an account. What its owner did stays written down.
    ///
    /// # Errors
    /// Why it can't be removed.
    fn remove_user(&self, who: &Person, name: &str, now: Timestamp) -> Result<(), NotDone>;

    /// All accounts, by name.
    ///
    /// # Errors
    /// Why they can't be had.
    fn users(&self, who: &Person) -> Result<Vec<User>, NotDone>;

    /// The owner of the home, who acts for somebody: with the rights of that account.
    ///
    /// # Errors
    /// If there is no such account.
    fn acting_for(&self, owner: &str, name: &str) -> Result<Person, NotDone>;
}
