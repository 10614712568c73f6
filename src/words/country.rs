//! The country of a desk: numbers without a country belong to it.
//!
//! Belongs here: the list of countries. Does not: their numbers, which the catalog knows.

use std::{fmt, str::FromStr};

/// The two letters of every country whose numbers are known (ISO 3166-1 alpha-2, and some that are reserved there).
const KNOWN: &str = "\
    AC AD AE AF AG AI AL AM AO AR AS AT AU AW AX AZ BA BB BD BE BF BG BH BI BJ BL BM BN BO BQ BR BS BT \
    BW BY BZ CA CC CD CF CG CH CI CK CL CM CN CO CR CU CV CW CX CY CZ DE DJ DK DM DO DZ EC EE EG EH ER \
    ES ET FI FJ FK FM FO FR GA GB GD GE GF GG GH GI GL GM GN GP GQ GR GT GU GW GY HK HN HR HT HU ID IE \
    IL IM IN IO IQ IR IS IT JE JM JO JP KE KG KH KI KM KN KP KR KW KY KZ LA LB LC LI LK LR LS LT LU LV \
    LY MA MC MD ME MF MG MH MK ML MM MN MO MP MQ MR MS MT MU MV MW MX MY MZ NA NC NE NF NG NI NL NO NP \
    NR NU NZ OM PA PE PF PG PH PK PL PM PR PS PT PW PY QA RE RO RS RU RW SA SB SC SD SE SG SH SI SJ SK \
    SL SM SN SO SR SS ST SV SX SY SZ TA TC TD TG TH TJ TK TL TM TN TO TR TT TV TW TZ UA UG US UY UZ VA \
    VC VE VG VI VN VU WF WS XK YE YT ZA ZM ZW";

/// A country, by its two letters (ISO 3166-1 alpha-2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Country(&'static str);

impl Country {
    /// Every country whose numbers are known.
    pub fn all() -> impl Iterator<Item = Country> {
        KNOWN.split_ascii_whitespace().map(Country)
    }

    /// Its two letters, in capitals.
    pub fn letters(self) -> &'static str {
        self.0
    }
}

impl Default for Country {
    /// The Netherlands.
    fn default() -> Country {
        Country("NL")
    }
}

impl FromStr for Country {
    type Err = String;

    /// # Errors What is wrong, in words.
    fn from_str(text: &str) -> Result<Country, String> {
        Country::all().find(|country| country.0.eq_ignore_ascii_case(text)).ok_or_else(|| {
            let meant = if text.eq_ignore_ascii_case("UK") { "GB" } else { "NL" };
            format!("`{text}` is no country: write its two letters (ISO 3166-1), like \"{meant}\"")
        })
    }
}

impl fmt::Display for Country {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}
