//! Netstrings: `LENGTH:BYTES,` (D. J. Bernstein, 1997), out of a stream that splits and joins them.
//!
//! Belongs here: taking a stream apart, and its limits. Does not: the meaning of the bytes.

use std::fmt;

/// The longest message: a hundred times baresip's longest, a list of calls.
pub(super) const MESSAGE_BYTES_MAX: usize = 64 * 1024;
/// Digits of that number.
const DIGITS_MAX: usize = 5;

/// Why a stream does not consist of netstrings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NetstringError {
    /// No length where one should be.
    NoLength,
    /// A length over [`MESSAGE_BYTES_MAX`].
    TooLong,
    /// No comma at the end.
    NoEnd,
}

impl fmt::Display for NetstringError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            NetstringError::NoLength => "a message does not begin with its length",
            NetstringError::TooLong => "a message is longer than 64 KiB",
            NetstringError::NoEnd => "a message does not end where it should",
        })
    }
}

/// The part of a stream that was not taken yet.
#[derive(Default)]
pub(super) struct Netstrings {
    waiting: Vec<u8>,
}

impl Netstrings {
    /// Takes in bytes.
    pub(super) fn push(&mut self, bytes: &[u8]) {
        self.waiting.extend_from_slice(bytes);
    }

    /// The next whole message. After an error nothing that follows can be trusted.
    pub(super) fn next(&mut self) -> Result<Option<Vec<u8>>, NetstringError> {
        let head = &self.waiting[..self.waiting.len().min(DIGITS_MAX + 1)];
        let digits = head.iter().take_while(|byte| byte.is_ascii_digit()).count();
        match head.get(digits) {
            _ if digits > DIGITS_MAX => return Err(NetstringError::TooLong),
            Some(b':') if digits > 0 => {}
            Some(_) => return Err(NetstringError::NoLength),
            None => return Ok(None),
        }
        let length = head[..digits].iter().fold(0, |length, digit| length * 10 + usize::from(digit - b'0'));
        if length > MESSAGE_BYTES_MAX {
            return Err(NetstringError::TooLong);
        }
        let (start, end) = (digits + 1, digits + 1 + length);
        match self.waiting.get(end) {
            None => Ok(None),
            Some(b',') => {
                let message = self.waiting[start..end].to_vec();
                self.waiting.drain(..=end);
                Ok(Some(message))
            }
            Some(_) => Err(NetstringError::NoEnd),
        }
    }
}

/// A message as a netstring.
pub(super) fn netstring(message: &str) -> Vec<u8> {
    format!("{}:{message},", message.len()).into_bytes()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn all(stream: &mut Netstrings) -> Result<Vec<Vec<u8>>, NetstringError> {
        std::iter::from_fn(|| stream.next().transpose()).collect()
    }

    proptest! {
        #[test]
        fn messages_come_out_whole_however_the_stream_was_cut(
            messages in prop::collection::vec("[ -~]{0,40}", 0..8),
            cuts in prop::collection::vec(1usize..20, 1..60),
        ) {
            let bytes: Vec<u8> = messages.iter().flat_map(|message| netstring(message)).collect();
            let mut stream = Netstrings::default();
            let mut came = Vec::new();
            let (mut rest, mut cuts) = (&bytes[..], cuts.iter().cycle());
            while !rest.is_empty() {
                let (now, later) = rest.split_at((*cuts.next().expect("a cycle")).min(rest.len()));
                stream.push(now);
                came.extend(all(&mut stream).expect("netstrings"));
                rest = later;
            }
            prop_assert!(came.iter().map(Vec::as_slice).eq(messages.iter().map(String::as_bytes)));
        }

        #[test]
        fn garbage_is_an_error_or_waits_and_never_grows_beyond_a_message(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let mut stream = Netstrings::default();
            stream.push(&bytes);
            while let Ok(Some(message)) = stream.next() {
                prop_assert!(message.len() <= MESSAGE_BYTES_MAX);
            }
        }
    }

    #[test]
    fn what_is_no_netstring_is_told_apart() {
        let said = |bytes: &[u8]| {
            let mut stream = Netstrings::default();
            stream.push(bytes);
            stream.next()
        };
        assert_eq!(said(b"0:,"), Ok(Some(Vec::new())));
        assert_eq!(said(b"12:abc"), Ok(None));
        assert_eq!(said(b"HTTP/1.1 400"), Err(NetstringError::NoLength));
        assert_eq!(said(b":,"), Err(NetstringError::NoLength));
        assert_eq!(said(b"3:abcd"), Err(NetstringError::NoEnd));
        assert_eq!(said(b"65537:"), Err(NetstringError::TooLong));
        assert_eq!(said(b"999999999999:"), Err(NetstringError::TooLong));
    }
}
