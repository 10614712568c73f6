//! The pages themselves: a file each, so that this folder's listing is the manual.

pub(crate) mod board;
pub(crate) mod cases;
pub(crate) mod check;
pub(crate) mod choosing;
pub(crate) mod decisions;
pub(crate) mod disclosing;
mod goes;
pub(crate) mod holds;
pub(crate) mod inventory;
pub(crate) mod live;
pub(crate) mod login;
pub(crate) mod mine;
pub(crate) mod next;
mod player;
pub(crate) mod purposes;
pub(crate) mod recording;
pub(crate) mod request;
pub(crate) mod requests;
pub(crate) mod settings;
pub(crate) mod start;
pub(crate) mod sweeping;
pub(crate) mod teaching;
