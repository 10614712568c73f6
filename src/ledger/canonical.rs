//! The one form of a row's JSON (RFC 8785, for the values that a row has): members in the order of their names, nothing between them, integers
//! alone, strings with no escape that is not needed.
//!
//! Belongs here: writing that form, and telling it from every other. Does not: what the members mean.

use serde_json::Value;

/// Objects and lists within each other, at most: a row has three.
const DEPTH_MAX: usize = 6;
/// Digits of a number, at most: whole numbers up to 2^53 are the same in every language.
const DIGITS_MAX: usize = 16;

/// Writes a value in its one form. Rows have no fractions; one would be written as serde_json does, and [`is_canonical`] refuses it.
pub fn write(value: &Value, to: &mut String) {
    match value {
        Value::Object(members) => {
            // Whatever order the map keeps.
            let mut members: Vec<_> = members.iter().collect();
            members.sort_unstable_by_key(|(name, _)| name.as_str());
            to.push('{');
            for (place, (name, value)) in members.into_iter().enumerate() {
                to.push_str(if place == 0 { "" } else { "," });
                to.push_str(&Value::from(name.as_str()).to_string());
                to.push(':');
                write(value, to);
            }
            to.push('}');
        }
        Value::Array(values) => {
            to.push('[');
            for (place, value) in values.iter().enumerate() {
                to.push_str(if place == 0 { "" } else { "," });
                write(value, to);
            }
            to.push(']');
        }
        plain => to.push_str(&plain.to_string()),
    }
}

/// Whether a text is one value in its one form. Names of members are plain ASCII here, so that their order is that of their bytes.
pub fn is_canonical(text: &str) -> bool {
    let mut rest = Rest { bytes: text.as_bytes() };
    rest.value(DEPTH_MAX).is_some() && rest.bytes.is_empty()
}

/// What is not looked at yet. Every step is none where the text departs from its one form.
struct Rest<'a> {
    bytes: &'a [u8],
}

impl<'a> Rest<'a> {
    fn take(&mut self, wanted: u8) -> Option<()> {
        let (first, rest) = self.bytes.split_first()?;
        self.bytes = rest;
        (*first == wanted).then_some(())
    }

    fn value(&mut self, depth: usize) -> Option<()> {
        match self.bytes.first()? {
            b'{' => self.list(b'}', depth),
            b'[' => self.list(b']', depth),
            b'"' => self.string().map(|_| ()),
            b'-' | b'0'..=b'9' => self.number(),
            _ => {
                let word = [&b"true"[..], b"false", b"null"].into_iter().find(|word| self.bytes.starts_with(word))?;
                self.bytes = &self.bytes[word.len()..];
                Some(())
            }
        }
    }

    /// Members or values between brackets, with commas between.
    fn list(&mut self, closes: u8, depth: usize) -> Option<()> {
        let depth = depth.checked_sub(1)?;
        self.bytes = &self.bytes[1..];
        if self.bytes.first() == Some(&closes) {
            return self.take(closes);
        }
        let mut last: &[u8] = b"";
        loop {
            if closes == b'}' {
                self.member(&mut last, depth)?;
            } else {
                self.value(depth)?;
            }
            if self.bytes.first() == Some(&closes) {
                return self.take(closes);
            }
            self.take(b',')?;
        }
    }

    fn member(&mut self, last: &mut &'a [u8], depth: usize) -> Option<()> {
        let name = self.string()?;
        let is_plain = name.iter().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || *byte == b'_');
        if !is_plain || name <= *last {
            return None;
        }
        *last = name;
        self.take(b':')?;
        self.value(depth)
    }

    fn string(&mut self) -> Option<&'a [u8]> {
        self.take(b'"')?;
        let whole = self.bytes;
        loop {
            let special = self.bytes.iter().position(|byte| *byte == b'"' || *byte == b'\\' || *byte < b' ')?;
            match self.bytes[special] {
                b'"' => {
                    let length = whole.len() - self.bytes.len() + special;
                    self.bytes = &whole[length + 1..];
                    return Some(&whole[..length]);
                }
                b'\\' => {
                    self.bytes = &self.bytes[special + 1..];
                    self.escape()?;
                }
                _ => return None,
            }
        }
    }

    /// The short escape where there is one, else `\u00` and two lower-case digits; none for what needs none.
    fn escape(&mut self) -> Option<()> {
        let (first, rest) = self.bytes.split_first()?;
        let long = match first {
            b'"' | b'\\' | b'b' | b'f' | b'n' | b'r' | b't' => 0,
            b'u' => {
                let digits = rest.strip_prefix(b"00")?.first_chunk::<2>()?;
                let low = match digits[1] {
                    digit @ b'0'..=b'9' => digit - b'0',
                    digit @ b'a'..=b'f' => digit - b'a' + 10,
                    _ => return None,
                };
                let has_short = digits[0] == b'0' && [8, 9, 10, 12, 13].contains(&low);
                if !matches!(digits[0], b'0' | b'1') || has_short {
                    return None;
                }
                4
            }
            _ => return None,
        };
        self.bytes = &rest[long..];
        Some(())
    }

    fn number(&mut self) -> Option<()> {
        let is_negative = self.bytes.first() == Some(&b'-');
        let digits = &self.bytes[usize::from(is_negative)..];
        let long = digits.iter().take_while(|byte| byte.is_ascii_digit()).count();
        let leads_with_zero = digits.first() == Some(&b'0');
        if long == 0 || long > DIGITS_MAX || leads_with_zero && (long > 1 || is_negative) {
            return None;
        }
        self.bytes = &digits[long..];
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn written(value: &Value) -> String {
        let mut text = String::new();
        write(value, &mut text);
        text
    }

    #[test]
    fn members_stand_in_the_order_of_their_names_and_nothing_between_them() {
        let value = json!({"v": 1, "a": [null, true, {"z": "\u{1}\u{8}\"\\/é", "b": -3}], "row": 0});
        let text = r#"{"a":[null,true,{"b":-3,"z":"\u0001\b\"\\/é"}],"row":0,"v":1}"#;
        assert_eq!(written(&value), text);
        assert!(is_canonical(text));
    }

    #[test]
    fn every_other_form_of_a_row_is_told_from_the_one() {
        let others = [
            "",
            "{",
            "{}x",
            "{ }",
            r#"{"a":1,}"#,
            r#"{"a": 1}"#,
            r#"{"a":1.0}"#,
            r#"{"a":1e3}"#,
            r#"{"a":01}"#,
            r#"{"a":-0}"#,
            r#"{"a":12345678901234567}"#,
            r#"{"b":1,"a":2}"#,
            r#"{"a":1,"a":2}"#,
            r#"{"a":"\/"}"#,
            r#"{"a":"\u0041"}"#,
            r#"{"a":"\u000a"}"#,
            r#"{"a":"\u001F"}"#,
            "{\"a\":\"\t\"}",
            r#"{"a":tru}"#,
            r#"{"\u0061":1}"#,
            "[[[[[[[1]]]]]]]",
            "{}\n",
        ];
        for other in others {
            assert!(!is_canonical(other), "{other}");
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_canonical_and_any_canonical_text_is_written_again_the_same(text in ".*", number in any::<i32>(), list in prop::collection::vec(".{0,3}", 0..4)) {
            let value = json!({"text": text, "number": number, "list": list});
            prop_assert!(is_canonical(&written(&value)));
        }

        #[test]
        fn a_text_that_passes_is_what_would_be_written_of_it(text in r#"[\[\]{}",:a-c0-2u\\ .-]{1,16}"#) {
            if is_canonical(&text) {
                let value: Value = serde_json::from_str(&text).expect("JSON");
                prop_assert_eq!(written(&value), text);
            }
        }
    }
}
