//! Durations, sizes and counts: read with their units, and held to their ranges.

use std::{collections::BTreeMap, fmt, net::SocketAddr, time::Duration};

use serde::{Deserialize, Deserializer, de};

use retrocall_words::{self as words, Word as _};

use super::{Country, Informed, KeyCombo, PhoneKeys, Verb, parse_keys};

const MEMORY_BYTES_MIN: u64 = 1 << 20;
const MEMORY_BYTES_MAX: u64 = 1 << 44;
/// What a centre can carry. To end a silence goes with silence.
const MAY: [Verb; 5] = [Verb::Record, Verb::Copy, Verb::Mask, Verb::Object, Verb::Private];

/// Reads a duration as people write it: `500ms`, `5s`, `1m 30s`, `4h`.
///
/// # Errors What is wrong, in words.
pub fn parse_duration(text: &str) -> Result<Duration, String> {
    if is_number(text) {
        return Err(format!("`{text}` has no unit: write ms, s, m or h behind it, like \"{text}s\""));
    }
    // Jiff's errors speak of its own grammar, which is far larger than what is meant here.
    text.parse::<jiff::SignedDuration>()
        .ok()
        .and_then(|length| Duration::try_from(length).ok())
        .ok_or_else(|| format!("`{text}` is not a length of time: write a number and ms, s, m or h, like \"5s\""))
}

/// Reads a size as people write it: `64KiB`, `256MiB`, `1.5GiB`, `2GB`. In bytes.
///
/// # Errors What is wrong, in words.
pub fn parse_size(text: &str) -> Result<u64, String> {
    if is_number(text) {
        return Err(format!("`{text}` has no unit: write KiB, MiB or GiB behind it, like \"{text}MiB\""));
    }
    let wrong = || format!("`{text}` is not a size: write a number and KiB, MiB or GiB, like \"256MiB\"");
    let (number, unit) = text.split_at(text.find(|c: char| c.is_ascii_alphabetic()).ok_or_else(wrong)?);
    let bytes_per_unit = match unit.to_ascii_lowercase().as_str() {
        "b" => 1.0,
        "k" | "kib" => 1024.0,
        "m" | "mib" => 1_048_576.0,
        "g" | "gib" => 1_073_741_824.0,
        "kb" => 1e3,
        "mb" => 1e6,
        "gb" => 1e9,
        _ => return Err(wrong()),
    };
    let number = number.trim_end();
    if !is_number(number) {
        return Err(wrong());
    }
    // Saturates; a range check follows wherever a size is read.
    Ok((number.parse::<f64>().map_err(|_| wrong())? * bytes_per_unit) as u64)
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|c| c.is_ascii_digit() || c == '.')
}

/// A text that `parse` reads. Values of other types get an error that names the right one.
struct Text<T> {
    what: &'static str,
    parse: fn(&str) -> Result<T, String>,
}

impl<T> de::Visitor<'_> for Text<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.what)
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<T, E> {
        (self.parse)(text).map_err(E::custom)
    }
}

/// A whole number. Values of other types get an error that says so.
struct Whole;

impl de::Visitor<'_> for Whole {
    type Value = i64;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a whole number")
    }

    fn visit_i64<E: de::Error>(self, number: i64) -> Result<i64, E> {
        Ok(number)
    }
}

pub(super) fn one_in<'de, D: Deserializer<'de>>(from: D) -> Result<u32, D::Error> {
    let number = from.deserialize_i64(Whole)?;
    u32::try_from(number).map_err(|_| de::Error::custom(format!("{number} is out of range: 0 to {}", u32::MAX)))
}

pub(super) fn duration_within<'de, D: Deserializer<'de>, const MIN_S: u64, const MAX_S: u64>(
    from: D,
) -> Result<Duration, D::Error> {
    let length = from.deserialize_str(Text {
        what: "a length of time with its unit, in quotes, like \"5s\"",
        parse: parse_duration,
    })?;
    let (min, max) = (Duration::from_secs(MIN_S), Duration::from_secs(MAX_S));
    if (min..=max).contains(&length) {
        return Ok(length);
    }
    Err(de::Error::custom(format!("{} is out of range: {} to {}", plain(length), plain(min), plain(max))))
}

/// Memory for live calls: a size from 1 MiB to 16 TiB.
///
/// # Errors What is wrong, in words.
pub fn parse_memory(text: &str) -> Result<u64, String> {
    let bytes = parse_size(text)?;
    match bytes {
        _ if (MEMORY_BYTES_MIN..=MEMORY_BYTES_MAX).contains(&bytes) => Ok(bytes),
        _ => Err(format!("`{text}` is out of range: 1 MiB to 16 TiB")),
    }
}

pub(super) fn memory<'de, D: Deserializer<'de>>(from: D) -> Result<Option<u64>, D::Error> {
    let what = "a size with its unit, in quotes, like \"256MiB\"";
    from.deserialize_str(Text { what, parse: parse_memory }).map(Some)
}

pub(super) fn size_within<'de, D: Deserializer<'de>, const MIN: u64, const MAX: u64>(
    from: D,
) -> Result<usize, D::Error> {
    let what = "a size with its unit, in quotes, like \"4MiB\"";
    let bytes = from.deserialize_str(Text { what, parse: parse_size })?;
    match usize::try_from(bytes) {
        Ok(fits) if (MIN..=MAX).contains(&bytes) => Ok(fits),
        _ => Err(de::Error::custom(format!("{bytes} bytes are out of range: {} KiB to {} GiB", MIN >> 10, MAX >> 30))),
    }
}

/// The address of the metrics: on this machine alone, with a port.
///
/// # Errors What is wrong, in words.
pub fn parse_metrics(text: &str) -> Result<SocketAddr, String> {
    let address: SocketAddr = text.parse().map_err(|_| {
        format!(
            "`{text}` is not an address with its port: write a loopback one, like \"127.0.0.1:9464\" or \"[::1]:9464\""
        )
    })?;
    match address.ip().is_loopback() {
        true => Ok(address),
        false => Err(format!(
            "{address} can be reached from other machines: only a loopback address is taken, like \"127.0.0.1:{}\"; let \
             what collects metrics run here, or put a proxy with a password before it",
            address.port()
        )),
    }
}

pub(super) fn metrics<'de, D: Deserializer<'de>>(from: D) -> Result<Option<SocketAddr>, D::Error> {
    let what = "a loopback address with its port, in quotes, like \"127.0.0.1:9464\"";
    from.deserialize_str(Text { what, parse: parse_metrics }).map(Some)
}

/// The address of the pages, with a port. Whoever serves them decides whether other machines may reach it.
///
/// # Errors What is wrong, in words.
pub fn parse_web(text: &str) -> Result<SocketAddr, String> {
    text.parse().map_err(|_| {
        format!(
            "`{text}` is not an address with its port: write a loopback one, like \"127.0.0.1:8080\", or, with a certificate, one that other \
             machines reach, like \"0.0.0.0:8443\""
        )
    })
}

pub(super) fn web<'de, D: Deserializer<'de>>(from: D) -> Result<SocketAddr, D::Error> {
    let what = "an address with its port, in quotes, like \"127.0.0.1:8080\"";
    from.deserialize_str(Text { what, parse: parse_web })
}

/// The address of AudioSocket, with a port. [`super::Settings::check`] decides whether other machines may reach it.
///
/// # Errors What is wrong, in words.
pub fn parse_audiosocket(text: &str) -> Result<SocketAddr, String> {
    text.parse().map_err(|_| {
        format!(
            "`{text}` is not an address with its port: write a loopback one, like \"127.0.0.1:9092\" or \"[::1]:9092\""
        )
    })
}

pub(super) fn audiosocket<'de, D: Deserializer<'de>>(from: D) -> Result<Option<SocketAddr>, D::Error> {
    let what = "a loopback address with its port, in quotes, like \"127.0.0.1:9092\"";
    from.deserialize_str(Text { what, parse: parse_audiosocket }).map(Some)
}

/// A country, by its two letters.
pub(super) fn country<'de, D: Deserializer<'de>>(from: D) -> Result<Country, D::Error> {
    let what = "the two letters of a country (ISO 3166-1), in quotes, like \"NL\"";
    from.deserialize_str(Text { what, parse: str::parse })
}

/// How customers were informed.
pub(super) fn informed<'de, D: Deserializer<'de>>(from: D) -> Result<Informed, D::Error> {
    fn parse(text: &str) -> Result<Informed, String> {
        Informed::read(text).ok_or_else(|| format!("`{text}` is none of \"tape\", \"spoken\", \"none\""))
    }
    from.deserialize_str(Text { what: "\"tape\", \"spoken\" or \"none\"", parse })
}

/// Lines that are never captured. A name that no customer and no agent can have would be a promise that is not kept.
pub(super) fn lines<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<String>, D::Error> {
    let lines = Vec::<String>::deserialize(from)?;
    let line = |line: String| words::name(&line).map_err(|why| de::Error::custom(format!("a number or a name {why}")));
    lines.into_iter().map(line).collect()
}

/// What a centre may carry to live calls. Nobody can press the others there.
pub(super) fn may<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<Verb>, D::Error> {
    let verb = |word: String| {
        let verb = MAY.into_iter().find(|verb| verb.as_str() == word);
        verb.ok_or_else(|| {
            let all = MAY.map(|verb| format!("\"{verb}\"")).join(", ");
            de::Error::custom(format!("`{word}` is nothing that a centre can carry; there are {all}"))
        })
    };
    Vec::<String>::deserialize(from)?.into_iter().map(verb).collect()
}

/// Keys of a phone, or `off`.
pub(super) fn phone_keys<'de, D: Deserializer<'de>>(from: D) -> Result<Option<PhoneKeys>, D::Error> {
    fn or_off(text: &str) -> Result<Option<PhoneKeys>, String> {
        if text == "off" { Ok(None) } else { text.parse().map(Some) }
    }
    from.deserialize_str(Text { what: "keys of a phone in quotes, like \"*7\", or \"off\"", parse: or_off })
}

fn parse_agent(text: &str) -> Result<String, String> {
    words::name(text).map_err(|why| format!("an agent's name {why}"))
}

/// The name of an agent.
pub(super) fn agent<'de, D: Deserializer<'de>>(from: D) -> Result<String, D::Error> {
    from.deserialize_str(Text { what: "the name of an agent, in quotes", parse: parse_agent })
}

/// Agents by users of the operating system.
pub(super) fn agents_by_user<'de, D: Deserializer<'de>>(from: D) -> Result<BTreeMap<String, String>, D::Error> {
    let mut users = BTreeMap::new();
    for (user, agent) in BTreeMap::<String, String>::deserialize(from)? {
        let user = words::name(&user).map_err(|why| de::Error::custom(format!("a user's name {why}")))?;
        if users.insert(user.clone(), parse_agent(&agent).map_err(de::Error::custom)?).is_some() {
            return Err(de::Error::custom(format!("the user {user} stands here twice")));
        }
    }
    Ok(users)
}

/// Agents by the first eight characters of a UUID.
pub(super) fn agents_by_prefix<'de, D: Deserializer<'de>>(from: D) -> Result<BTreeMap<String, String>, D::Error> {
    let mut agents = BTreeMap::<String, String>::deserialize(from)?;
    for (prefix, agent) in &mut agents {
        *agent = parse_agent(agent).map_err(de::Error::custom)?;
        if prefix.len() != 8 || !prefix.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(de::Error::custom(format!(
                "`{prefix}` is not how a UUID begins: write its first eight characters, 0 to 9 and a to f, in quotes"
            )));
        }
    }
    Ok(agents)
}

/// Keys, or `off`.
pub(super) fn keys<'de, D: Deserializer<'de>>(from: D) -> Result<Option<KeyCombo>, D::Error> {
    fn or_off(text: &str) -> Result<Option<KeyCombo>, String> {
        if text == "off" { Ok(None) } else { parse_keys(text).map(Some) }
    }
    from.deserialize_str(Text { what: "keys in quotes, like \"ctrl+alt+r\", or \"off\"", parse: or_off })
}

pub(super) fn count_within<'de, D: Deserializer<'de>, const MIN: i64, const MAX: i64>(
    from: D,
) -> Result<usize, D::Error> {
    let count = from.deserialize_i64(Whole)?;
    match usize::try_from(count) {
        Ok(fits) if (MIN..=MAX).contains(&count) => Ok(fits),
        _ => Err(de::Error::custom(format!("{count} is out of range: {MIN} to {MAX}"))),
    }
}

pub(super) fn some_count_within<'de, D: Deserializer<'de>, const MIN: i64, const MAX: i64>(
    from: D,
) -> Result<Option<usize>, D::Error> {
    count_within::<D, MIN, MAX>(from).map(Some)
}

/// In the form that [`parse_duration`] reads.
fn plain(length: Duration) -> String {
    match length.as_secs() {
        _ if length.subsec_millis() != 0 => format!("{} s", length.as_secs_f64()),
        seconds if seconds > 0 && seconds % 3600 == 0 => format!("{} h", seconds / 3600),
        seconds => format!("{seconds} s"),
    }
}
