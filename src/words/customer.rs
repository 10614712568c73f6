//! A customer's number, hidden from prints and logs.
//!
//! Belongs here: hiding it. Does not: which spellings are one number (`records`).

use std::fmt;

/// A customer's number, as it was given. Prints, logs and JSON hide it, except where [`in_plain`] asks for it.
#[derive(Clone, PartialEq, Eq)]
pub struct Customer(String);

impl Customer {
    /// The number itself: only for the query that stores or finds it, never for people.
    pub fn number(&self) -> &str {
        &self.0
    }
}

impl From<String> for Customer {
    fn from(number: String) -> Customer {
        Customer(number)
    }
}

impl From<&str> for Customer {
    fn from(number: &str) -> Customer {
        Customer(number.to_owned())
    }
}

impl fmt::Debug for Customer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Customer(hidden)")
    }
}

/// Customers in JSON, for a file that is as closed as the catalog: `#[serde(with = "in_plain")]`.
pub mod in_plain {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    use super::Customer;

    /// Writes the number.
    ///
    /// # Errors
    /// Those of the serializer.
    pub fn serialize<S: Serializer>(customer: &Option<Customer>, to: S) -> Result<S::Ok, S::Error> {
        customer.as_ref().map(Customer::number).serialize(to)
    }

    /// Reads it back.
    ///
    /// # Errors
    /// Those of the deserializer.
    pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Customer>, D::Error> {
        Ok(Option::<String>::deserialize(from)?.map(Customer))
    }
}
