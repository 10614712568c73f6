//! Values of a statement's parameters.

use std::borrow::Cow;

/// A value, or the absence of one of its kind.
#[derive(Clone)]
pub(crate) enum Value {
    /// Words, ids, days and times.
    Text(Option<String>),
    /// A whole number.
    Integer(Option<i64>),
    /// Any other number.
    Real(Option<f64>),
    /// True or false.
    Flag(Option<bool>),
}

/// Text as both take it: PostgreSQL has none with a NUL.
fn storable(text: Cow<'_, str>) -> String {
    if text.contains('\0') { text.replace('\0', "\u{fffd}") } else { text.into_owned() }
}

impl From<&str> for Value {
    fn from(text: &str) -> Value {
        Value::Text(Some(storable(text.into())))
    }
}

impl From<String> for Value {
    fn from(text: String) -> Value {
        Value::Text(Some(storable(text.into())))
    }
}

impl From<&String> for Value {
    fn from(text: &String) -> Value {
        text.as_str().into()
    }
}

impl From<Cow<'_, str>> for Value {
    fn from(text: Cow<'_, str>) -> Value {
        Value::Text(Some(storable(text)))
    }
}

impl From<Option<&str>> for Value {
    fn from(text: Option<&str>) -> Value {
        Value::Text(text.map(|text| storable(text.into())))
    }
}

impl From<Option<String>> for Value {
    fn from(text: Option<String>) -> Value {
        Value::Text(text.map(|text| storable(text.into())))
    }
}

impl From<Option<&String>> for Value {
    fn from(text: Option<&String>) -> Value {
        text.map(String::as_str).into()
    }
}

impl From<&Option<String>> for Value {
    fn from(text: &Option<String>) -> Value {
        text.as_deref().into()
    }
}

impl From<i64> for Value {
    fn from(number: i64) -> Value {
        Value::Integer(Some(number))
    }
}

impl From<Option<i64>> for Value {
    fn from(number: Option<i64>) -> Value {
        Value::Integer(number)
    }
}

impl From<f64> for Value {
    fn from(number: f64) -> Value {
        Value::Real(Some(number))
    }
}

impl From<Option<f64>> for Value {
    fn from(number: Option<f64>) -> Value {
        Value::Real(number)
    }
}

impl From<bool> for Value {
    fn from(flag: bool) -> Value {
        Value::Flag(Some(flag))
    }
}

impl From<Option<bool>> for Value {
    fn from(flag: Option<bool>) -> Value {
        Value::Flag(flag)
    }
}
