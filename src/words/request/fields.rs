//! Reads requests: the fields of the one JSON object that each request is, which of them a request needs, and which it may have.
//!
//! Belongs here: from JSON to a request, and words for faulty fields. Does not: writing one (`written`), what follows from it.
//!
//! Each value is read by itself, as its field's type, so that one faulty field leaves the others readable: the error names the field, the answer
//! has its number, and a call is captured although some other fact can't be used.

use std::fmt;

use serde::{
    Deserializer,
    de::{DeserializeOwned, MapAccess, Visitor},
};
use serde_json::value::RawValue;
use uuid::Uuid;

use super::{
    AGO_MS_MAX, Ask, Begin, CallStates, Customer, Expect, Facts, InNameOf, Request, RequestError, Target, Verb,
};
use crate::{
    Direction, Informed, SHARED_DEPTH_MS_MAX, SHARED_DEPTH_MS_MIN, Word,
    audio::{Codec, FRAME_SAMPLES_MAX, Leg},
};

/// The longest stretch that `erase-last` takes: a day.
const ERASE_SECONDS_MAX: f64 = 86_400.0;
/// The longest unknown field name that an error repeats.
const NAME_BYTES_MAX: usize = 32;
/// Stands for a field name that can't be repeated: it may be anything, for example a phone number.
const UNNAMED: &str = "?";

/// A field of requests.
#[derive(Clone, Copy)]
struct Field {
    name: &'static str,
    form: Form,
}

/// The form of a field's value, in words.
#[derive(Clone, Copy)]
enum Form {
    Text(&'static str),
    /// One of a closed list.
    OneOf(fn() -> String),
}

impl Field {
    fn must_be(&self) -> String {
        match self.form {
            Form::Text(text) => format!("must be {text}"),
            Form::OneOf(words) => format!("must be {}", words()),
        }
    }
}

const fn field(name: &'static str, form: &'static str) -> Field {
    Field { name, form: Form::Text(form) }
}

const fn word_of<W: Word>(name: &'static str) -> Field {
    Field { name, form: Form::OneOf(one_of::<W>) }
}

/// All words of a list, as people write them: `"a", "b" or "c"`.
fn one_of<W: Word>() -> String {
    let words: Vec<String> = W::WORDS.iter().map(|word| format!("\"{}\"", word.word())).collect();
    match words.split_last() {
        Some((last, others)) if !others.is_empty() => format!("{} or {last}", others.join(", ")),
        _ => words.concat(),
    }
}

const NAME_FORM: &str = "a string of 1 to 64 characters, each of which can be seen";
const STATE_FORM: &str = "true or false";

const ID: Field = field("id", "a whole number from 0 to 18446744073709551615");
const DO: Field = field("do", "a string");
const CHANNEL: Field = field("channel", "a whole number from 0 to 4294967295");
const CALL: Field = field("call", "the id of a call, as a string");
const AGENT: Field = field("agent", NAME_FORM);
const CUSTOMER: Field = field("customer", NAME_FORM);
const DIRECTION: Field = word_of::<Direction>("direction");
const RATE: Field = field("rate", "a whole number of hertz, 8000 to 48000");
const CODEC: Field = word_of::<Codec>("codec");
const FRAME_SAMPLES: Field = field("frame_samples", "a whole number from 1 to 5760");
const DEPTH_MS: Field = field("depth_ms", "a whole number of milliseconds, 120 to 10000");
const SECONDS: Field = field("seconds", "a number over 0 and at most 86400, a day");
const TO: Field = field("to", NAME_FORM);
const USER: Field = field("user", NAME_FORM);
const AGO_MS: Field = field("ago_ms", "a whole number of milliseconds, at most 2000");
const DIGIT: Field = field("digit", "one of 0-9, *, #, A-D, as a string");
const LEG: Field = word_of::<Leg>("leg");
const AGENT_LEG: Field = field("agent_leg", "a UUID, as a string");
const CUSTOMER_LEG: Field = field("customer_leg", "a UUID, as a string");
const CONTINUES: Field = field("continues", "the id of a call, as a string");
const INFORMED: Field = word_of::<Informed>("informed");
const RECORDING: Field = field("recording", STATE_FORM);
const MASKED: Field = field("masked", STATE_FORM);
const ON_HOLD: Field = field("on_hold", STATE_FORM);
const PRIVATE: Field = field("private", STATE_FORM);
const OBJECTED: Field = field("objected", STATE_FORM);
const COPY: Field = field("copy", STATE_FORM);

const ALL: [Field; 27] = [
    ID,
    DO,
    CHANNEL,
    CALL,
    AGENT,
    CUSTOMER,
    DIRECTION,
    RATE,
    CODEC,
    FRAME_SAMPLES,
    DEPTH_MS,
    SECONDS,
    TO,
    USER,
    AGO_MS,
    DIGIT,
    LEG,
    AGENT_LEG,
    CUSTOMER_LEG,
    CONTINUES,
    INFORMED,
    RECORDING,
    MASKED,
    ON_HOLD,
    PRIVATE,
    OBJECTED,
    COPY,
];

/// The fields of a message that were not taken yet.
pub(super) struct Fields<'a> {
    /// The verb; none until it is read.
    verb: Option<Verb>,
    /// Name and value; no name if it can't be read.
    given: Vec<(Option<String>, &'a RawValue)>,
    /// Whether an unusable field is left out, and the request carried out without it.
    is_lenient: bool,
    left_out: Vec<String>,
}

/// Reads the request of a message.
///
/// # Errors What is wrong, with the request's number if that can be read.
pub(super) fn request_of(message: &[u8]) -> Result<Request, RequestError> {
    let text = mended(message);
    let mut given = Vec::new();
    let whole = Entries(&mut given).read(&text);
    let mut fields = Fields { verb: None, given, is_lenient: false, left_out: Vec::new() };
    let last = fields.given.last().and_then(|(name, _)| known(name.as_deref()?)).map(|field| field.name);
    let id = fields.take(&ID, Ok);
    let readable = id.as_ref().ok().copied().flatten();
    let made = match whole {
        Err(NotAnObject) => Err(match last {
            Some(last) => format!("the message is not one JSON object: what comes behind `{last}` can't be read"),
            None => "the message is not one JSON object in UTF-8".to_owned(),
        }),
        Ok(()) => fields.into_request(id),
    };
    made.map_err(|text| RequestError { id: readable, text })
}

impl Fields<'_> {
    fn into_request(mut self, id: Result<Option<u64>, String>) -> Result<Request, String> {
        let word: String = self.take(&DO, Ok)?.ok_or("the field `do` is missing: it says what is asked for")?;
        let verb = Verb::read(&word).ok_or("`do` names nothing that can be asked for")?;
        self.verb = Some(verb);
        // No faulty fact is a reason not to capture a call.
        self.is_lenient = matches!(verb, Verb::Begin | Verb::Expect);
        let id = self.unless_lenient(&ID, id)?;
        let ask = self.take_ask(verb)?;
        let target = self.take_target(&ask)?;
        let fits = |ms: u64| if ms <= AGO_MS_MAX { Ok(ms) } else { Err(AGO_MS.must_be()) };
        let ago_ms = if verb.is_control() { self.take(&AGO_MS, fits)?.unwrap_or(0) } else { 0 };
        self.leave_none()?;
        Ok(Request { id, target, ask, ago_ms, left_out: self.left_out })
    }

    /// Takes a field, if it is there, as its type, and turns it into what `made` makes of it.
    fn take<T: DeserializeOwned, U>(
        &mut self,
        field: &Field,
        made: impl FnOnce(T) -> Result<U, String>,
    ) -> Result<Option<U>, String> {
        let is_it = |(name, _): &mut (Option<String>, &RawValue)| name.as_deref() == Some(field.name);
        let mut values = self.given.extract_if(.., is_it).map(|(_, value)| value);
        match (values.next(), values.count()) {
            (None, _) => Ok(None),
            (Some(_), 1..) => Err(format!("`{}` is there more than once", field.name)),
            (Some(value), 0) if value.get() == "null" => Ok(None),
            (Some(value), 0) => {
                let value = serde_json::from_str(value.get()).map_err(|_| field.must_be()).and_then(made);
                value.map(Some).map_err(|why| format!("`{}` {why}", field.name))
            }
        }
    }

    /// Takes a field that this request needs.
    fn needed<T: DeserializeOwned, U>(
        &mut self,
        field: &Field,
        made: impl FnOnce(T) -> Result<U, String>,
    ) -> Result<U, String> {
        self.take(field, made)?.ok_or_else(|| {
            // The client may have given it another name.
            let names = self.given.iter().filter_map(|(name, _)| name.as_deref());
            let unknown = names
                .filter(|name| known(name).is_none() && is_plain(name))
                .map(|name| format!("; unknown field `{name}`"));
            format!("`{}` needs the field `{}`{}", self.word(), field.name, unknown.collect::<String>())
        })
    }

    /// Takes a field that this request may have.
    fn optional<T: DeserializeOwned, U>(
        &mut self,
        field: &Field,
        made: impl FnOnce(T) -> Result<U, String>,
    ) -> Result<Option<U>, String> {
        let value = self.take(field, made);
        self.unless_lenient(field, value)
    }

    /// The taken value. If it can't be used, the request fails, or does without it if that is allowed.
    fn unless_lenient<T>(&mut self, field: &Field, value: Result<Option<T>, String>) -> Result<Option<T>, String> {
        match value {
            Err(_) if self.is_lenient => {
                self.left_out.push(field.name.to_owned());
                Ok(None)
            }
            value => value,
        }
    }

    /// The verb, for an error.
    fn word(&self) -> &'static str {
        self.verb.map_or(UNNAMED, Verb::as_str)
    }

    fn take_ask(&mut self, verb: Verb) -> Result<Ask, String> {
        Ok(match verb {
            Verb::Begin => Ask::Begin(Begin {
                facts: self.take_facts()?,
                rate: self.needed(&RATE, Ok)?,
                codec: self.needed(&CODEC, Ok)?,
                customer: self.take_customer()?,
                states: self.take_states()?,
            }),
            Verb::Expect => Ask::Expect(self.take_expect()?),
            Verb::Attach => Ask::Attach,
            Verb::Share => {
                let fits = |samples: usize| {
                    let fits = (1..=FRAME_SAMPLES_MAX).contains(&samples);
                    if fits { Ok(samples) } else { Err(FRAME_SAMPLES.must_be()) }
                };
                let deep = |ms: u32| {
                    let fits = (SHARED_DEPTH_MS_MIN..=SHARED_DEPTH_MS_MAX).contains(&ms);
                    if fits { Ok(ms) } else { Err(DEPTH_MS.must_be()) }
                };
                let frame_samples = self.optional(&FRAME_SAMPLES, fits)?;
                Ask::Share { frame_samples, depth_ms: self.optional(&DEPTH_MS, deep)? }
            }
            Verb::End => Ask::End,
            Verb::Record => Ask::Record,
            Verb::Copy => Ask::Copy,
            Verb::Mask => Ask::Mask,
            Verb::Unmask => Ask::Unmask,
            Verb::EraseLast => {
                let fits = |seconds: f64| {
                    let fits = seconds > 0.0 && seconds <= ERASE_SECONDS_MAX;
                    if fits { Ok(seconds) } else { Err(SECONDS.must_be()) }
                };
                Ask::EraseLast { seconds: self.needed(&SECONDS, fits)? }
            }
            Verb::Hold => Ask::Hold,
            Verb::Resume => Ask::Resume,
            Verb::Private => Ask::Private,
            Verb::Object => Ask::Object,
            Verb::Transfer => Ask::Transfer { to: self.needed(&TO, name)? },
            Verb::Dtmf => {
                let fits = |digit: char| {
                    let fits = matches!(digit, '0'..='9' | '*' | '#' | 'A'..='D');
                    if fits { Ok(digit) } else { Err(DIGIT.must_be()) }
                };
                Ask::Dtmf { digit: self.needed(&DIGIT, fits)?, leg: self.optional(&LEG, Ok)? }
            }
            Verb::Calls => Ask::Calls,
            Verb::Status => Ask::Status,
            Verb::Board => Ask::Board,
            Verb::Sweep => Ask::Sweep,
            Verb::As => Ask::As(self.take_name_of()?),
        })
    }

    fn take_name_of(&mut self) -> Result<InNameOf, String> {
        match self.take(&AGENT, name)? {
            None => Ok(InNameOf::User(self.needed(&USER, name)?)),
            Some(agent) if self.take(&USER, name)?.is_none() => Ok(InNameOf::Agent(agent)),
            Some(_) => Err("both `user` and `agent`: a connection acts for one".to_owned()),
        }
    }

    fn take_expect(&mut self) -> Result<Expect, String> {
        let facts = self.take_facts()?;
        let legs: [Uuid; 2] = [self.needed(&AGENT_LEG, Ok)?, self.needed(&CUSTOMER_LEG, Ok)?];
        if legs[0] == legs[1] {
            return Err("`agent_leg` and `customer_leg` are the same: each leg has a UUID of its own".to_owned());
        }
        Ok(Expect { facts, customer: self.take_customer()?, legs, states: self.take_states()? })
    }

    /// The facts of the call. Missing ones have their defaults.
    fn take_facts(&mut self) -> Result<Facts, String> {
        let known = Facts::of(self.needed(&AGENT, name)?);
        Ok(Facts {
            direction: self.optional(&DIRECTION, Ok)?.unwrap_or(known.direction),
            continues: self.optional(&CONTINUES, Ok)?,
            informed: self.optional(&INFORMED, Ok)?,
            ..known
        })
    }

    fn take_customer(&mut self) -> Result<Option<Customer>, String> {
        Ok(self.optional(&CUSTOMER, name)?.map(Customer::from))
    }

    /// The states of the earlier call. Missing ones do not hold.
    fn take_states(&mut self) -> Result<CallStates, String> {
        let mut take = |field: &Field| self.optional(field, Ok).map(Option::unwrap_or_default);
        Ok(CallStates {
            recording: take(&RECORDING)?,
            masked: take(&MASKED)?,
            on_hold: take(&ON_HOLD)?,
            private: take(&PRIVATE)?,
            objected: take(&OBJECTED)?,
            copy: take(&COPY)?,
        })
    }

    /// The target of a request that has one.
    fn take_target(&mut self, ask: &Ask) -> Result<Target, String> {
        if self.is_lenient {
            return Ok(Target::Own);
        }
        let target = match (self.take(&CHANNEL, Ok)?, self.take(&CALL, Ok)?, self.take(&AGENT, name)?) {
            (None, None, None) => Target::Own,
            (Some(channel), None, None) => Target::Channel(channel),
            (None, Some(call), None) => Target::Call(call),
            (None, None, Some(agent)) => Target::Agent(agent),
            _ => return Err("more than one of `channel`, `call` and `agent`".to_owned()),
        };
        match ask {
            Ask::Attach if !matches!(target, Target::Call(_)) => Err("`attach` needs the field `call`".to_owned()),
            Ask::Calls | Ask::Status | Ask::Board | Ask::Sweep | Ask::As(_) if target != Target::Own => {
                Err(format!("`{}` means no call that is there: leave out `channel`, `call` and `agent`", self.word()))
            }
            _ => Ok(target),
        }
    }

    /// Deals with the fields that are left: this request does not have them.
    fn leave_none(&mut self) -> Result<(), String> {
        for (name, value) in std::mem::take(&mut self.given) {
            let field = name.as_deref().and_then(known);
            let is_nothing = value.get() == "null" && (field.is_some() || self.is_lenient);
            match (field, name.filter(|name| is_plain(name))) {
                _ if is_nothing => {}
                (_, name) if self.is_lenient => self.left_out.push(name.unwrap_or_else(|| UNNAMED.to_owned())),
                (Some(field), _) => return Err(format!("`{}` has no field `{}`", self.word(), field.name)),
                (None, name) => {
                    let name = name.map_or(String::new(), |name| format!(" `{name}`"));
                    let all: Vec<String> = ALL.iter().map(|field| format!("`{}`", field.name)).collect();
                    return Err(format!("unknown field{name}, expected one of {}", all.join(", ")));
                }
            }
        }
        self.left_out.sort();
        self.left_out.dedup();
        Ok(())
    }
}

fn known(name: &str) -> Option<Field> {
    ALL.into_iter().find(|field| field.name == name)
}

/// Whether a text looks like a field name, so that it can be repeated: hand-built JSON may have a phone number in its place.
fn is_plain(name: &str) -> bool {
    (1..=NAME_BYTES_MAX).contains(&name.len()) && name.bytes().all(|byte| byte.is_ascii_alphabetic() || byte == b'_')
}

/// A name, in its one form.
fn name(text: String) -> Result<String, String> {
    crate::name(&text).map_err(|why| why.to_string())
}

/// Replaces parts of a message that JSON does not allow with values that no field takes, so that the fields around them can be read: `NaN` and
/// `Infinity`, as Python writes them, and numbers that are too large; in strings, bytes that are not UTF-8, control characters, and halves of
/// surrogate pairs.
fn mended(message: &[u8]) -> String {
    const TOO_LARGE: &str = "1e999";
    const HALVES: &str = "\\ud800\\ud800";
    let mut text = String::with_capacity(message.len());
    let (mut in_string, mut is_escaped) = (false, false);
    for chunk in message.utf8_chunks() {
        let mut rest = chunk.valid();
        while let Some(next) = rest.chars().next() {
            let constant = ["NaN", "Infinity"].into_iter().find(|word| !in_string && rest.starts_with(word));
            match (next, constant) {
                (_, Some(_)) => text.push_str(TOO_LARGE),
                (next, None) if in_string && next < ' ' => text.push_str(HALVES),
                (next, None) => text.push(next),
            }
            in_string ^= next == '"' && !is_escaped;
            is_escaped = in_string && next == '\\' && !is_escaped;
            rest = &rest[constant.map_or(next.len_utf8(), str::len)..];
        }
        if !chunk.invalid().is_empty() {
            text.push_str(if in_string { HALVES } else { "\u{fffd}" });
        }
    }
    text
}

/// The text is not one JSON object. Everything before the fault has been read.
struct NotAnObject;

/// Reads the names and values of an object, one by one.
struct Entries<'t, 'a>(&'t mut Vec<(Option<String>, &'a RawValue)>);

impl<'a> Entries<'_, 'a> {
    fn read(self, text: &'a str) -> Result<(), NotAnObject> {
        let mut from = serde_json::Deserializer::from_str(text);
        from.deserialize_map(self).and_then(|()| from.end()).map_err(|_| NotAnObject)
    }
}

impl<'a> Visitor<'a> for Entries<'_, 'a> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'a>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(name) = map.next_key::<&RawValue>()? {
            self.0.push((serde_json::from_str(name.get()).ok(), map.next_value()?));
        }
        Ok(())
    }
}
