//! Phone numbers, stored as E.164: `+12025550143`.

use std::borrow::Cow;

pub use rlibphonenumber::Region;
use rlibphonenumber::{PHONE_NUMBER_UTIL, PhoneNumberFormat};

use super::{Invalid, without_formula_guard};

/// No number with its punctuation is longer; what is longer is not looked at.
const LONGEST: usize = 40;
const NOT_A_NUMBER: &str = "is not a phone number";
const NO_COUNTRY: &str =
    "has no country code; write it as +<country code><number>, or set default_country for the connection";
const REWRITTEN: &str = "was rewritten by a spreadsheet (exponent form); export the column as text";
const NOT_NANP: &str = "is not a number of the North American plan (area code and exchange begin with 2 to 9)";
const NOT_IN_PLAN: &str = "is not a number of its country's plan";

/// The region of an ISO alpha-2 code, if phone numbers are known there.
pub fn region(alpha2: &str) -> Option<Region> {
    let region = alpha2.parse::<Region>().ok()?;
    PHONE_NUMBER_UTIL.get_country_code_for_region(region).map(|_| region)
}

/// A phone number as E.164. Takes every usual punctuation; a number without a country code is one of
/// `region`. An extension is left out: E.164 has no room for one.
///
/// North American numbers are decided by their shape alone, the others by their country's plan.
///
/// # Errors
/// [`Invalid::Shape`] saying what is wrong.
pub fn phone(value: &str, region: Option<Region>) -> Result<Cow<'_, str>, Invalid> {
    let value = without_formula_guard(value.trim()).trim();
    if value.is_empty() {
        return Ok(Cow::Borrowed(value));
    }
    if value.len() > LONGEST {
        return Err(Invalid::shape(NOT_A_NUMBER));
    }
    let number = without_extension(value);
    let Some(shape) = Shape::of(number)? else {
        return by_plan(number, region);
    };
    decide(value, number, &shape, region)
}

fn decide<'t>(value: &'t str, number: &str, shape: &Shape, region: Option<Region>) -> Result<Cow<'t, str>, Invalid> {
    let digits = shape.digits();
    let american = region.is_some_and(is_american);
    let national = match (shape.plus, digits) {
        (true, [b'1', national @ ..]) => national,
        (true, _) => return by_plan(number, region),
        (false, [b'0', b'1', b'1', rest @ ..]) if american && rest.len() >= 7 => return by_plan(&plus(rest), region),
        (false, [b'0', b'0', rest @ ..]) if !american && rest.len() >= 7 => return by_plan(&plus(rest), region),
        (false, [b'1', national @ ..]) if american && national.len() == 10 => national,
        (false, national) if american => national,
        (false, _) if region.is_none() => return Err(Invalid::shape(NO_COUNTRY)),
        (false, _) => return by_plan(number, region),
    };
    if !is_nanp(national) {
        return Err(Invalid::shape(if national.len() == 10 { NOT_NANP } else { NOT_A_NUMBER }));
    }
    if shape.plus && value.len() == 12 {
        return Ok(Cow::Borrowed(value));
    }
    Ok(Cow::Owned(format!("+1{}", String::from_utf8_lossy(national))))
}

fn plus(digits: &[u8]) -> String {
    format!("+{}", String::from_utf8_lossy(digits))
}

/// The digits of a number written in ASCII digits and usual punctuation.
struct Shape {
    plus: bool,
    digits: [u8; LONGEST],
    count: usize,
}

impl Shape {
    /// `None` when the text has characters that only the plan's own parser can judge.
    fn of(number: &str) -> Result<Option<Self>, Invalid> {
        let mut shape = Self { plus: number.starts_with('+'), digits: [0; LONGEST], count: 0 };
        let rest = number.strip_prefix('+').unwrap_or(number);
        for (at, &byte) in rest.as_bytes().iter().enumerate() {
            match byte {
                b'0'..=b'9' => {
                    shape.digits[shape.count] = byte;
                    shape.count += 1;
                }
                b' ' | b'(' | b')' | b'-' | b'.' | b'/' => {}
                0x80.. => return Ok(None),
                // Excel writes 1.41556E+10.
                b'E' | b'e' if rest[at + 1..].starts_with('+') => return Err(Invalid::shape(REWRITTEN)),
                _ => return Err(Invalid::shape(NOT_A_NUMBER)),
            }
        }
        if (7..=17).contains(&shape.count) { Ok(Some(shape)) } else { Err(Invalid::shape(NOT_A_NUMBER)) }
    }

    fn digits(&self) -> &[u8] {
        &self.digits[..self.count]
    }
}

/// Area code and exchange begin with 2 to 9, and the area code is no service code such as 911.
fn is_nanp(national: &[u8]) -> bool {
    matches!(national, [b'2'..=b'9', _, _, b'2'..=b'9', _, _, _, _, _, _]) && national[1..3] != *b"11"
}

fn is_american(region: Region) -> bool {
    PHONE_NUMBER_UTIL.is_nanpa_country(region)
}

fn without_extension(value: &str) -> &str {
    let Some(at) = value.bytes().position(|byte| matches!(byte, b'x' | b'X' | b'e' | b'#' | b';' | b',')) else {
        return value;
    };
    let (number, extension) = value.split_at(at);
    let extension = extension.to_ascii_lowercase();
    let marks = ["extension", "ext.", "ext", ";ext=", "x.", "x", "#", ","];
    let digits =
        marks.iter().find_map(|mark| extension.strip_prefix(mark)).map(|rest| rest.trim_matches([' ', ':', '.']));
    match digits {
        Some(digits) if (1..=7).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit()) => {
            number.trim_end()
        }
        _ => value,
    }
}

fn by_plan(number: &str, region: Option<Region>) -> Result<Cow<'static, str>, Invalid> {
    if number.chars().any(char::is_alphabetic) {
        return Err(Invalid::shape(NOT_A_NUMBER));
    }
    if region.is_none() && !number.starts_with(['+', '\u{ff0b}']) {
        return Err(Invalid::shape(NO_COUNTRY));
    }
    let parsed = PHONE_NUMBER_UTIL.parse(number, region).map_err(|_| Invalid::shape(NOT_A_NUMBER))?;
    if !PHONE_NUMBER_UTIL.is_valid_number(&parsed) {
        return Err(Invalid::shape(NOT_IN_PLAN));
    }
    Ok(Cow::Owned(PHONE_NUMBER_UTIL.format(&parsed, PhoneNumberFormat::E164).into_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(value: &str, country: &str, expected: Option<&str>) {
        assert_eq!(phone(value, super::region(country)).ok().as_deref(), expected, "{value:?} in {country}");
    }

    #[test]
    fn every_usual_punctuation_gives_one_form() {
        let written = [
            "+12025550143",
            "+1 (202) 555-0143",
            "202-555-0143",
            "(202) 555 0143",
            "202.555.0143",
            "1 202 555 0143",
            "'+12025550143",
            " 2025550143\u{a0}",
            "202\u{2011}555\u{2011}0143",
        ];
        for value in written {
            check(value, "US", Some("+12025550143"));
        }
    }

    #[test]
    fn a_number_of_another_country_is_read_by_its_plan() {
        check("+44 20 7946 0958", "US", Some("+442079460958"));
        check("+44 (0)20 7946 0958", "US", Some("+442079460958"));
        check("011 44 20 7946 0958", "US", Some("+442079460958"));
        check("0044 20 7946 0958", "DE", Some("+442079460958"));
        check("030 901820", "DE", Some("+4930901820"));
        check("06 698 12345", "IT", Some("+390669812345"));
        check("+44 20 7946", "US", None);
        check("+999 123456789", "US", None);
    }

    #[test]
    fn without_a_country_a_national_number_is_refused() {
        check("202-555-0143", "", None);
        check("+1 202-555-0143", "", Some("+12025550143"));
    }

    #[test]
    fn an_extension_is_left_out() {
        for value in ["202-555-0143 x89", "202-555-0143 ext. 89", "(202) 555-0143 #89", "+12025550143;ext=89"] {
            check(value, "US", Some("+12025550143"));
        }
    }

    #[test]
    fn what_is_no_number_is_refused() {
        let refused = ["12345", "n/a", "555-0143", "1-800-FLOWERS", "102-555-0143", "202-155-0143", "911-555-0143"];
        for value in refused {
            check(value, "US", None);
        }
        check("1.41556E+10", "US", None);
        check("2025550143 / 2025550144", "US", None);
        check(&"2".repeat(400), "US", None);
    }
}
