//! The messages of AudioSocket, as functions over bytes: a type, the length of the payload (16 bits, big-endian), and the payload.
//!
//! Belongs here: the meaning of the bytes, in both directions. Does not: sockets, time, whose leg it is.
//!
//! Source: docs.asterisk.org, "AudioSocket", and Asterisk's traffic on the wire (`docs/asterisk.md`).

use uuid::Uuid;

use retrocall_words::audio::Rate;

/// Bytes of a type and a length.
const HEAD_BYTES: usize = 3;
/// The most that [`Parser::next`] leaves of bytes that it can't use yet: all but the last byte of the message with the UUID.
pub const REST_BYTES_MAX: usize = HEAD_BYTES + 16 - 1;

const HANG_UP: u8 = 0x00;
const UUID: u8 = 0x01;
const DIGIT: u8 = 0x03;
const ERROR: u8 = 0xff;

/// A type of audio: linear samples of 16 bits, little-endian, one channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Kind(u8);

impl Kind {
    /// 8 kHz: what every Asterisk takes, and what G.711 is labelled as by some.
    pub const SLIN8: Kind = Kind(0x10);
    /// All of them, by their type.
    pub const ALL: [Kind; 9] =
        [Kind(0x10), Kind(0x11), Kind(0x12), Kind(0x13), Kind(0x14), Kind(0x15), Kind(0x16), Kind(0x17), Kind(0x18)];

    fn of(type_byte: u8) -> Option<Kind> {
        Kind::ALL.get(usize::from(type_byte.wrapping_sub(0x10))).copied()
    }

    /// Its place among [`Kind::ALL`].
    pub const fn index(self) -> usize {
        (self.0 - 0x10) as usize
    }

    /// Samples a second.
    pub const fn hz(self) -> u32 {
        [8_000, 12_000, 16_000, 24_000, 32_000, 44_100, 48_000, 96_000, 192_000][self.index()]
    }

    /// The rate of a call of this kind; None above 48 kHz.
    pub const fn rate(self) -> Option<Rate> {
        Rate::new(self.hz())
    }

    /// 20 ms of silence, as one message.
    pub fn silence(self) -> Vec<u8> {
        let bytes = (self.hz() / 50 * 2) as u16;
        let [high, low] = bytes.to_be_bytes();
        let mut message = vec![0; HEAD_BYTES + usize::from(bytes)];
        message[..HEAD_BYTES].copy_from_slice(&[self.0, high, low]);
        message
    }
}

/// What is next in a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Piece<'a> {
    /// Which leg this is.
    Uuid(Uuid),
    /// A key, as its ASCII code.
    Digit(u8),
    /// A message of audio begins.
    Audio {
        /// What it claims to be.
        kind: Kind,
        /// How many bytes it has.
        bytes: usize,
    },
    /// Some bytes of it: whole samples of two bytes each, but for a last odd byte of the message.
    Samples {
        /// What they claim to be.
        kind: Kind,
        /// These.
        bytes: &'a [u8],
    },
    /// The peer hangs up.
    HangUp,
    /// The peer says that it failed.
    Error,
    /// Something to be passed over.
    Skipped,
}

/// Where in a stream we are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Parser {
    /// Bytes that the message has left. Of no kind: they are skipped.
    inside: Option<(Option<Kind>, usize)>,
}

impl Parser {
    /// The next piece of a stream, which lies at the beginning of `bytes`, and how many bytes it takes. None: more bytes are needed.
    pub fn next<'a>(&mut self, bytes: &'a [u8]) -> Option<(usize, Piece<'a>)> {
        match self.inside {
            None => self.begin(bytes),
            Some((kind, left)) => self.go_on(kind, left, bytes),
        }
    }

    fn begin<'a>(&mut self, bytes: &'a [u8]) -> Option<(usize, Piece<'a>)> {
        let (&[type_byte, high, low], rest) = bytes.split_first_chunk::<HEAD_BYTES>()?;
        let length = usize::from(u16::from_be_bytes([high, low]));
        match (type_byte, length) {
            (HANG_UP, _) => return Some((HEAD_BYTES, Piece::HangUp)),
            (ERROR, _) => return Some((HEAD_BYTES, Piece::Error)),
            (UUID, 16) => return Some((HEAD_BYTES + 16, Piece::Uuid(Uuid::from_bytes(*rest.first_chunk()?)))),
            (DIGIT, 1) => return Some((HEAD_BYTES + 1, Piece::Digit(*rest.first()?))),
            _ => {}
        }
        let kind = Kind::of(type_byte);
        self.inside = (length > 0).then_some((kind, length));
        let piece = kind.map_or(Piece::Skipped, |kind| Piece::Audio { kind, bytes: length });
        Some((HEAD_BYTES, piece))
    }

    fn go_on<'a>(&mut self, kind: Option<Kind>, left: usize, bytes: &'a [u8]) -> Option<(usize, Piece<'a>)> {
        let here = bytes.len().min(left);
        // Half a sample waits for its other half.
        let used = if here < left { here & !1 } else { here };
        if used == 0 {
            return None;
        }
        self.inside = (used < left).then_some((kind, left - used));
        let piece = kind.map_or(Piece::Skipped, |kind| Piece::Samples { kind, bytes: &bytes[..used] });
        Some((used, piece))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a stream says when it comes in these pieces: everything but samples in words, samples together by message.
    fn told(pieces: &[&[u8]]) -> Vec<String> {
        let (mut parser, mut rest, mut told) = (Parser::default(), Vec::new(), Vec::new());
        let mut samples: Option<Vec<u8>> = None;
        for piece in pieces {
            rest.extend_from_slice(piece);
            while let Some((used, piece)) = parser.next(&rest) {
                match piece {
                    Piece::Samples { bytes, .. } => samples.get_or_insert_default().extend_from_slice(bytes),
                    Piece::Skipped => {}
                    other => {
                        told.extend(samples.take().map(|bytes| format!("{bytes:02x?}")));
                        told.push(format!("{other:?}"));
                    }
                }
                rest.drain(..used);
            }
            assert!(rest.len() <= REST_BYTES_MAX, "{} bytes wait", rest.len());
        }
        told.extend(samples.map(|bytes| format!("{bytes:02x?}")));
        told
    }

    /// One of every kind of message, and some of no kind.
    fn everything() -> Vec<u8> {
        let mut stream = b"\x01\x00\x10\x12\x34\x56\x78\x9a\xbc\xde\xf0\x12\x34\x56\x78\x9a\xbc\xde\xf1".to_vec();
        for type_byte in 0x10..=0x18 {
            stream.extend([type_byte, 0, 6, 1, 2, 3, 4, 0xfe, type_byte]);
        }
        stream.extend(b"\x03\x00\x017\x03\x00\x01#");
        // None that we know: longer than what it announces elsewhere, empty, with a length that its type can't have.
        stream.extend(b"\x02\x00\x05\x00\xff\x10\x01\x00\x19\x00\x00\x03\x00\x0212\x01\x00\x03abc\x10\x00\x00");
        stream.extend([0x10, 0, 3, 7, 8, 9]);
        stream.extend(b"\x10\x00\x02zz\xff\x00\x01\x02");
        stream
    }

    #[test]
    fn every_type_is_understood_byte_for_byte_and_unknown_ones_are_passed_over() {
        let mut expected = vec!["Uuid(12345678-9abc-def0-1234-56789abcdef1)".to_owned()];
        for type_byte in 0x10..=0x18u8 {
            expected.push(format!("Audio {{ kind: Kind({type_byte}), bytes: 6 }}"));
            expected.push(format!("{:02x?}", [1, 2, 3, 4, 0xfe, type_byte]));
        }
        expected.extend([format!("Digit({})", b'7'), format!("Digit({})", b'#')]);
        expected.push("Audio { kind: Kind(16), bytes: 0 }".to_owned());
        expected.extend(["Audio { kind: Kind(16), bytes: 3 }".to_owned(), "[07, 08, 09]".to_owned()]);
        expected.extend(["Audio { kind: Kind(16), bytes: 2 }".to_owned(), "[7a, 7a]".to_owned()]);
        let mut found = told(&[&everything()]);
        // The code of an error is a message's rest that nobody reads: all ends here.
        found.truncate(expected.len() + 1);
        expected.push("Error".to_owned());
        assert_eq!(found, expected);
        assert_eq!(told(&[b"\x00\x00\x00"]), ["HangUp"]);
    }

    #[test]
    fn however_a_stream_is_split_it_says_the_same() {
        let mut stream = everything();
        stream.truncate(stream.len() - 4);
        let whole = told(&[&stream]);
        for first in 0..stream.len() {
            for second in [first, first + 1, (first + stream.len()) / 2] {
                let second = second.min(stream.len());
                assert_eq!(
                    told(&[&stream[..first], &stream[first..second], &stream[second..]]),
                    whole,
                    "{first} {second}"
                );
            }
        }
        assert_eq!(told(&stream.chunks(1).collect::<Vec<_>>()), whole);
    }

    #[test]
    fn the_longest_message_is_taken_as_it_comes_and_one_that_is_cut_off_gives_what_came() {
        let mut parser = Parser::default();
        let long = [&[0x16, 0xff, 0xff][..], &[1; 65_535]].concat();
        assert_eq!(parser.next(&long), Some((3, Piece::Audio { kind: Kind(0x16), bytes: 65_535 })));
        let Some((65_534, Piece::Samples { .. })) = parser.next(&long[3..65_537]) else { panic!("an even number") };
        assert_eq!(parser.next(&long[65_537..]), Some((1, Piece::Samples { kind: Kind(0x16), bytes: &[1] })));
        assert_eq!(parser, Parser::default());
        assert_eq!(told(&[b"\x10\x01\x40abc"])[1], "[61, 62]");
    }

    #[test]
    fn silence_is_20_ms_of_zeros_in_one_message_at_every_rate() {
        for (kind, hz) in Kind::ALL.into_iter().zip([8, 12, 16, 24, 32, 44, 48, 96, 192]) {
            let message = kind.silence();
            assert_eq!(message.len() - 3, kind.hz() as usize / 50 * 2);
            assert_eq!(kind.hz() / 1_000, hz);
            let [head, samples] = [&message[..3], &message[3..]];
            assert_eq!(usize::from(u16::from_be_bytes([head[1], head[2]])), samples.len());
            assert!(samples.iter().all(|byte| *byte == 0));
            assert_eq!(kind.rate().is_some(), hz <= 48);
        }
        assert_eq!(Kind::SLIN8.silence()[..4], [0x10, 1, 0x40, 0]);
    }
}
