//! Whose recordings a request is about, as `access open` and `erase` are told.

use jiff::{Timestamp, civil::DateTime};

use super::{Context, Failure};
use retrocall_records::desk::Subject;
use retrocall_settings::Settings;
use retrocall_words::{self as words, Customer};

/// The recordings of a customer, in any spelling of the number.
pub(super) fn of_customer(settings: &Settings, number: &str) -> Result<Subject, Failure> {
    Ok(Subject::of_customer(customer(number)?, settings.country))
}

/// A customer's number, as it was typed.
pub(super) fn customer(number: &str) -> Result<Customer, Failure> {
    let number = words::name(number).map_err(|why| {
        Failure::new(
            format!("the customer's number {why}"),
            "write it as it was given with the call, or as it is dialled",
        )
    })?;
    Ok(Customer::from(number))
}

/// A time: RFC 3339, or as the desk's clock shows it.
pub(super) fn time(context: &Context, text: &str) -> Result<Timestamp, Failure> {
    if let Ok(at) = text.parse::<Timestamp>() {
        return Ok(at);
    }
    let zone = context.settings()?.calendar.zone.rules().clone();
    let local = text.parse::<DateTime>().ok().and_then(|local| zone.to_timestamp(local).ok());
    let wrong = || Failure::new(format!("{text} is no time"), "write it as 2026-11-28T14:30, or as in RFC 3339");
    local.ok_or_else(wrong)
}
