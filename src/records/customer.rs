//! The one form of a customer's number, by which it is found however it was given.
//!
//! Belongs here: which spellings are one number. Does not: SQL, and who asks when.
//!
//! The first call loads the numbering plans of all countries, which takes a tenth of a second and some MiB. So only the catalog's thread and commands
//! ask for this form.

use phonenumber::{Mode, PhoneNumber, metadata::DATABASE};

use retrocall_words::{Country, Customer};

/// The version of this code and of the numbering plans. Raise it with either, and the engine computes the form of every number again.
const VERSION: u32 = 1;
/// Digits of a number that can be called from anywhere, with the code of its country (ITU-T E.164). Fewer are an extension or a service.
const DIGITS_MIN: usize = 7;
const DIGITS_MAX: usize = 15;
/// Digits that are looked at: those of the longest number, the code for calls abroad, and a zero too many.
const DIGITS_READ_MAX: usize = 20;

/// A number in its one form (E.164, `+31201234567`), as whoever dials in this country means it. None if it is no phone number.
pub(super) fn in_one_form(given: &Customer, country: Country) -> Option<Customer> {
    let (is_international, digits) = digits(&address(given.number()))?;
    let form = if is_international {
        with_its_country(&digits)
    } else {
        match behind_the_code_for_abroad(country, &digits) {
            Some(rest) => with_its_country(rest),
            None => of_this_country(country, &digits),
        }
    };
    form.map(Customer::from)
}

/// The name of the rule by which the one form is made: with another country, or another version, the form may be another.
pub(super) fn rule(country: Country) -> String {
    format!("{VERSION} {country}")
}

/// What of a text may be a number: of `"Jan" <sip:0201234567;cpc=ordinary@host;user=phone>` it is `0201234567`. With its context, if that is a
/// number too (RFC 3966).
fn address(text: &str) -> String {
    let bracketed = text.rsplit_once('<').and_then(|(_, rest)| rest.split_once('>')).map(|(inside, _)| inside);
    let text = bracketed.unwrap_or(text).trim();
    let without_scheme = |scheme: &str| {
        let (start, rest) = text.split_at_checked(scheme.len())?;
        start.eq_ignore_ascii_case(scheme).then_some(rest)
    };
    let text = ["sip:", "sips:", "tel:"].into_iter().find_map(without_scheme).unwrap_or(text);
    let user = text.split_once('@').map_or(text, |(user, _)| user);
    let mut parameters = user.split(';');
    // A password follows the user of a SIP address (RFC 3261, 19.1.1).
    let number = parameters.next().unwrap_or_default().split(':').next().unwrap_or_default();
    let number = number.replace("%2B", "+").replace("%2b", "+");
    let context = parameters.find_map(|parameter| parameter.strip_prefix("phone-context="));
    match context.filter(|context| context.starts_with('+') && !number.starts_with('+')) {
        Some(context) => format!("{context}{number}"),
        None => number,
    }
}

/// The digits of a number, and whether they begin with the code of a country. None if there is more in it than digits and what people write
/// between them.
fn digits(text: &str) -> Option<(bool, String)> {
    let (mut is_international, mut digits) = (false, String::new());
    for letter in text.chars() {
        match letter {
            '0'..='9' => digits.push(letter),
            '+' if digits.is_empty() && !is_international => is_international = true,
            ' ' | '\u{a0}' | '-' | '\u{2010}'..='\u{2013}' | '.' | '/' | '(' | ')' => {}
            _ => return None,
        }
    }
    (DIGITS_MIN..=DIGITS_READ_MAX).contains(&digits.len()).then_some((is_international, digits))
}

/// What follows the digits that are dialled before the code of another country.
fn behind_the_code_for_abroad(country: Country, digits: &str) -> Option<&str> {
    let code = DATABASE.by_id(country.letters())?.international_prefix()?.find(digits)?;
    let rest = &digits[code.end()..];
    (code.start() == 0 && !rest.starts_with('0')).then_some(rest)
}

/// Of digits that begin with the code of a country. A number that nobody knows in a country that there is keeps its digits: new ones are given
/// out faster than this program is.
fn with_its_country(digits: &str) -> Option<String> {
    // Without a country to start from: a zero that leads is part of a number in Italy, and none in most others.
    let number = phonenumber::parse(None, format!("+{digits}")).ok()?;
    let is_number = || (DIGITS_MIN..=DIGITS_MAX).contains(&digits.len()).then(|| format!("+{digits}"));
    known(&number).or_else(is_number)
}

/// Of digits as they are dialled in a country. Only what is surely a number: an extension looks much like one.
fn of_this_country(country: Country, digits: &str) -> Option<String> {
    known(&phonenumber::parse(country.letters().parse().ok(), digits).ok()?)
}

fn known(number: &PhoneNumber) -> Option<String> {
    number.is_valid().then(|| number.format().mode(Mode::E164).to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn form(country: &str, text: &str) -> Option<String> {
        let given = Customer::from(text.to_owned());
        let form = in_one_form(&given, country.parse().expect("a country"));
        form.map(|form| form.number().to_owned())
    }

    #[test]
    fn every_spelling_of_a_number_has_one_form() {
        for text in [
            "+31612345678",
            "0031612345678",
            "31612345678",
            "0612345678",
            "06-12345678",
            "06 12 34 56 78",
            "+31 6 1234 5678",
            "+31 (0)6 12345678",
            "+310612345678",
            "(06) 12345678",
            "sip:+31612345678@192.0.2.7",
            "sips:+31612345678@pbx.example.com:5061;transport=tcp",
            "sip:0612345678@host;user=phone",
            "SIP:0031612345678:secret@host",
            "sip:%2B31612345678@host",
            "sip:0612345678;phone-context=+31@host;user=phone",
            "0612345678@host",
            "\"Jan Jansen\" <sip:+31612345678@host>;tag=1",
            "<tel:+31612345678>",
            "tel:+31-6-1234-5678",
            "tel:0612345678;phone-context=+31",
            "tel:612345678;phone-context=+31",
            "tel:06-12345678;phone-context=example.com",
        ] {
            assert_eq!(form("NL", text).as_deref(), Some("+31612345678"), "{text}");
        }
    }

    #[test]
    fn a_number_is_meant_as_it_is_dialled_in_its_country() {
        for (country, text, expected) in [
            ("NL", "0201234567", "+31201234567"),
            ("be", "02 512 34 56", "+3225123456"),
            ("DE", "030/1234567", "+49301234567"),
            ("GB", "020 7946 0123", "+442079460123"),
            ("US", "(202) 555-0123", "+12025550123"),
            ("US", "011 44 20 7946 0123", "+442079460123"),
            ("IT", "06 6981 2345", "+390669812345"),
            // A zero that leads is part of a number in Italy, whoever calls.
            ("NL", "+39 06 6981 2345", "+390669812345"),
            ("NL", "0039 06 6981 2345", "+390669812345"),
            ("NL", "+39 0331 234567", "+390331234567"),
            ("NL", "+44 (0)20 7946 0123", "+442079460123"),
            ("NL", "+1 202 555 0123", "+12025550123"),
            // No number that is known: as it was given.
            ("NL", "+31 6 123456789", "+316123456789"),
            ("NL", "0031 6 123456789", "+316123456789"),
        ] {
            assert_eq!(form(country, text).as_deref(), Some(expected), "{text} in {country}");
        }
    }

    #[test]
    fn what_is_no_phone_number_has_no_other_form() {
        for text in [
            "",
            "anonymous",
            "sip:anonymous@anonymous.invalid",
            "anna@example.com",
            "sip:anna@example.com",
            "204",
            "sip:204@pbx",
            "20455",
            "0204",
            "+31204",
            "112",
            "1234567",
            "06 12345678 ext. 3",
            "0800-FLOWERS",
            "++31612345678",
            "06+12345678",
            "+999123456789",
            "000000000000",
            "+",
            "+00",
            "0031",
            "12345678901234567890123",
            "<>",
            "sip:",
            "tel:;phone-context=+",
            "☎0612345678",
        ] {
            assert_eq!(form("NL", text), None, "{text}");
        }
    }

    #[test]
    fn every_country_that_can_be_set_has_numbers_that_are_known() {
        for country in Country::all() {
            assert!(country.letters().parse::<phonenumber::country::Id>().is_ok(), "{country}");
            assert!(DATABASE.by_id(country.letters()).is_some(), "{country}");
        }
        let unknown = DATABASE.iter().map(|known| known.id().to_owned()).find(|id| {
            // Numbers of no country, like those of satellites, have digits.
            id.parse::<Country>().is_err() && id.chars().all(char::is_alphabetic)
        });
        assert_eq!(unknown, None, "a country that can't be set");
    }

    #[test]
    fn no_digits_make_it_fail_and_the_one_form_is_its_own() {
        let mut state = 1u64;
        let mut next = |below: u64| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 33) % below
        };
        let countries: Vec<Country> = Country::all().collect();
        for _ in 0..1_000 {
            let country = countries[next(countries.len() as u64) as usize];
            let start = ["", "+", "0", "00", "1", "9", "011", "+0", "8", "15"][next(10) as usize];
            let rest: String = (0..next(16)).map(|_| char::from(b'0' + next(10) as u8)).collect();
            let given = Customer::from(format!("{start}{rest}"));
            if let Some(form) = in_one_form(&given, country) {
                assert_eq!(in_one_form(&form, country).as_ref(), Some(&form), "{} in {country}", given.number());
            }
        }
    }

    #[test]
    fn a_number_is_not_shown() {
        assert_eq!(format!("{:?}", Customer::from("+31612345678".to_owned())), "Customer(hidden)");
    }
}
