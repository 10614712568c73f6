//! What people show to be let in: passwords, sessions of browsers, tokens of programs.
//!
//! Belongs here: the verbs. Does not: how a password is hashed, cookies, how often somebody may try (whoever serves the pages).
//!
//! A secret that a browser or program holds is handed in as it is, and kept as its SHA-256 alone: it is long and random, so that its hash says
//! nothing of it.

use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

use super::{DeskRole, NotDone, Person};

/// How long somebody stays logged in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SessionLimits {
    /// Without a click.
    pub idle: SignedDuration,
    /// In all.
    pub total: SignedDuration,
}

/// A token that is to be made.
#[derive(Clone, PartialEq, Eq)]
pub struct NewToken {
    /// Whose it is.
    pub name: String,
    /// What it may do: no more than this role of theirs.
    pub role: DeskRole,
    /// What the program will show.
    pub secret: String,
}

/// A token, without what opens anything.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TokenEntry {
    /// Its id, by which it is revoked.
    pub id: String,
    /// Whose it is.
    pub user: String,
    /// What it may do.
    pub role: DeskRole,
    /// Since when.
    pub since: Timestamp,
}

/// The verbs of being let in.
pub trait Logins {
    /// Gives an account a password, by its hash: the administrator anybody's, everybody their own. Whoever is logged in by the last one is no more.
    ///
    /// # Errors
    /// Why it can't be given.
    fn set_password(&self, who: &Person, name: &str, hash: &str, now: Timestamp) -> Result<(), NotDone>;

    /// The hash of an account's password; none if there is no such account, or if it has none.
    ///
    /// # Errors
    /// Why it can't be had.
    fn password(&self, name: &str) -> Result<Option<String>, NotDone>;

    /// Somebody showed the password that has this hash: their browser holds `secret` from now on. False if the password is another one by now.
    ///
    /// # Errors
    /// Why it can't be noted.
    fn log_in(&self, name: &str, hash: &str, secret: &str, now: Timestamp) -> Result<bool, NotDone>;

    /// Who holds this secret, with the rights that they have now. None if nobody does, or if their time is over.
    ///
    /// # Errors
    /// Why it can't be known.
    fn logged_in(&self, secret: &str, limits: SessionLimits, now: Timestamp) -> Result<Option<Person>, NotDone>;

    /// Whether somebody holds this secret still. Unlike [`Logins::logged_in`] it is no click: whoever only lets a page stand open is logged out.
    ///
    /// # Errors
    /// Why it can't be known.
    fn is_logged_in(&self, secret: &str, limits: SessionLimits, now: Timestamp) -> Result<bool, NotDone>;

    /// Whoever holds this secret is logged in no more. So is everybody whose time is over.
    ///
    /// # Errors
    /// Why it can't be noted.
    fn log_out(&self, secret: &str, limits: SessionLimits, now: Timestamp) -> Result<(), NotDone>;

    /// Makes a token: the administrator for anybody, everybody for themselves. Returns its id.
    ///
    /// # Errors
    /// Why it can't be made.
    fn add_token(&self, who: &Person, token: &NewToken, now: Timestamp) -> Result<String, NotDone>;

    /// Revokes a token: the administrator anybody's, everybody their own.
    ///
    /// # Errors
    /// Why it can't be revoked.
    fn revoke_token(&self, who: &Person, id: &str, now: Timestamp) -> Result<(), NotDone>;

    /// The tokens: all for the administrator, everybody's own for them.
    ///
    /// # Errors
    /// Why they can't be had.
    fn tokens(&self, who: &Person) -> Result<Vec<TokenEntry>, NotDone>;

    /// For whom a program acts that shows this secret, with what its token and their account have in common. None if there is no such token.
    ///
    /// # Errors
    /// Why it can't be known.
    fn bearer(&self, secret: &str) -> Result<Option<Person>, NotDone>;
}
