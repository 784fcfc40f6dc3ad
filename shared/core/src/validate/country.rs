//! Countries, stored as ISO 3166-1 alpha-2: `US`.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::LazyLock;

use unicode_normalization::UnicodeNormalization;

use super::Invalid;
use super::country_table::COUNTRIES;
use super::text::trimmed;

/// No name in the table is longer.
const LONGEST: usize = 80;

/// A country as its alpha-2 code. Takes alpha-2, alpha-3 and the common English names, whatever the
/// case, accents and punctuation.
///
/// # Errors
/// [`Invalid::Shape`] for everything else.
pub fn country(value: &str) -> Result<Cow<'_, str>, Invalid> {
    let value = trimmed(value);
    if value.is_empty() {
        return Ok(Cow::Borrowed(value));
    }
    if let [first @ b'A'..=b'Z', second @ b'A'..=b'Z'] = value.as_bytes() {
        let known = ALPHA_2[usize::from(first - b'A')] >> (second - b'A') & 1 == 1;
        if known {
            return Ok(Cow::Borrowed(value));
        }
    }
    if value.len() > LONGEST {
        return Err(unknown());
    }
    NAMES.get(folded(value).as_str()).map(|alpha2| Cow::Borrowed(*alpha2)).ok_or_else(unknown)
}

fn unknown() -> Invalid {
    Invalid::shape("is not a country; write its ISO code, such as US or DE")
}

/// For each first letter, a bit for each second one.
const ALPHA_2: [u32; 26] = {
    let mut known = [0; 26];
    let mut at = 0;
    while at < COUNTRIES.len() {
        let code = COUNTRIES[at].0.as_bytes();
        known[(code[0] - b'A') as usize] |= 1 << (code[1] - b'A');
        at += 1;
    }
    known
};

static NAMES: LazyLock<HashMap<String, &'static str>> = LazyLock::new(|| {
    let mut names = HashMap::new();
    for (alpha2, alpha3, spelled) in COUNTRIES {
        for name in [alpha2, alpha3].into_iter().chain(spelled.iter().copied()) {
            names.insert(folded(name), alpha2);
        }
    }
    names
});

/// Letters only, without accents, in lower case; `&` is "and".
fn folded(name: &str) -> String {
    let mut folded = String::with_capacity(name.len());
    for c in name.nfd() {
        match c {
            '&' => folded.push_str("and"),
            c if c.is_ascii_alphabetic() => folded.push(c.to_ascii_lowercase()),
            // Letters of other scripts must not vanish: they make another word.
            c if c.is_alphabetic() => folded.push(c),
            _ => {}
        }
    }
    folded
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(value: &str, expected: Option<&str>) {
        assert_eq!(country(value).ok().as_deref(), expected, "{value:?}");
    }

    #[test]
    fn the_table_has_249_countries_in_order_and_every_name_leads_to_its_own() {
        assert_eq!(COUNTRIES.len(), 249);
        assert!(COUNTRIES.is_sorted_by(|a, b| a.0 < b.0));
        for (alpha2, alpha3, names) in COUNTRIES {
            for name in [alpha2, alpha3].into_iter().chain(names.iter().copied()) {
                check(name, Some(alpha2));
            }
        }
    }

    #[test]
    fn codes_and_names_give_alpha_2() {
        check("us", Some("US"));
        check("USA", Some("US"));
        check(" United States of America ", Some("US"));
        check("u.s.a.", Some("US"));
        check("Great Britain", Some("GB"));
        check("UK", Some("GB"));
        check("Côte d'Ivoire", Some("CI"));
        check("ivory coast", Some("CI"));
        check("Trinidad & Tobago", Some("TT"));
        check("Deutschland", Some("DE"));
    }

    #[test]
    fn what_is_no_country_is_refused() {
        for value in ["XX", "Atlantis", "ZZZ", "1", "U", "USщ"] {
            check(value, None);
        }
    }
}
