//! Values that are blocked by their look.

use std::borrow::Cow;

const SOCIAL_SECURITY: &str = "looks like a social security number";
const NATIONAL_INSURANCE: &str = "looks like a national insurance number";
const TAXPAYER: &str = "looks like a taxpayer number";
const BANK_ACCOUNT: &str = "looks like a bank account (IBAN)";
const PAYMENT_CARD: &str = "looks like a payment card number";

/// No pattern has fewer digits.
const FEWEST_DIGITS: u32 = 6;

/// Why a value is never stored, or `None`: US social security numbers with dashes, IBANs and payment
/// cards whose check digits are right, UK national insurance numbers, Brazilian CPFs. They are found
/// inside a longer text too. Phone numbers are not blocked.
pub fn blocked_value(text: &str) -> Option<&'static str> {
    if !may_be_blocked(text) {
        return None;
    }
    let text = plain(text);
    let bytes = text.as_bytes();
    let mut at = 0;
    while at < bytes.len() {
        if bytes[at].is_ascii_alphanumeric() && (at == 0 || !bytes[at - 1].is_ascii_alphanumeric()) {
            let reason = number(bytes, at).or_else(|| national_insurance(&bytes[at..])).or_else(|| iban(&bytes[at..]));
            if reason.is_some() {
                return reason;
            }
        }
        at += 1;
    }
    None
}

/// Why a text cannot be the unique id of a person, or `None`: only patterns that no numbering of
/// people uses by chance.
pub fn blocked_id(text: &str) -> Option<&'static str> {
    blocked_value(text).filter(|reason| matches!(*reason, SOCIAL_SECURITY | TAXPAYER | BANK_ACCOUNT))
}

fn may_be_blocked(text: &str) -> bool {
    if text.len() < 9 {
        return false;
    }
    let digits: u32 = text.bytes().map(|byte| u32::from(byte.wrapping_sub(b'0') < 10)).sum();
    digits >= FEWEST_DIGITS && !is_e164(text.as_bytes())
}

fn is_e164(bytes: &[u8]) -> bool {
    matches!(bytes, [b'+', rest @ ..] if rest.len() <= 15 && rest.iter().all(u8::is_ascii_digit))
}

/// Dashes and spaces of office programs as their ASCII likes.
fn plain(text: &str) -> Cow<'_, str> {
    if text.is_ascii() {
        return Cow::Borrowed(text);
    }
    let plain = |c| match c {
        '\u{2010}'..='\u{2015}' | '\u{2212}' | '\u{ad}' => '-',
        '\u{a0}' | '\u{2007}' | '\u{2009}' | '\u{202f}' => ' ',
        c => c,
    };
    Cow::Owned(text.chars().map(plain).collect())
}

/// Whether the bytes have this shape and end there: `9` a digit, `A` a letter, else the byte itself.
fn has_shape(bytes: &[u8], shape: &[u8]) -> bool {
    bytes.len() >= shape.len()
        && bytes.iter().zip(shape).all(|(byte, shape)| match shape {
            b'9' => byte.is_ascii_digit(),
            b'A' => byte.is_ascii_alphabetic(),
            other => byte == other,
        })
        && !bytes.get(shape.len()).is_some_and(u8::is_ascii_alphanumeric)
}

/// Whether a digit group stands before or behind: then the digits are part of something longer.
fn is_joined(bytes: &[u8], from: usize, to: usize) -> bool {
    let digit_after =
        |mark: usize| bytes.get(mark) == Some(&b'-') && bytes.get(mark + 1).is_some_and(u8::is_ascii_digit);
    let digit_before = from >= 2 && bytes[from - 1] == b'-' && bytes[from - 2].is_ascii_digit();
    digit_before || digit_after(to)
}

fn number(bytes: &[u8], at: usize) -> Option<&'static str> {
    let here = &bytes[at..];
    if !here[0].is_ascii_digit() {
        return None;
    }
    if has_shape(here, b"999-99-9999") && !is_joined(bytes, at, at + 11) {
        return Some(SOCIAL_SECURITY);
    }
    if has_shape(here, b"999.999.999-99") && is_cpf(&here[..14]) {
        return Some(TAXPAYER);
    }
    let plus = at > 0 && bytes[at - 1] == b'+';
    if !plus && card(here) && !is_joined(bytes, at, at) {
        return Some(PAYMENT_CARD);
    }
    None
}

fn is_cpf(text: &[u8]) -> bool {
    let digits: Vec<u32> = text.iter().filter(|b| b.is_ascii_digit()).map(|b| u32::from(b - b'0')).collect();
    let check = |count: usize| {
        let sum: u32 =
            digits[..count].iter().zip((2..=count as u32 + 1).rev()).map(|(digit, weight)| digit * weight).sum();
        sum * 10 % 11 % 10
    };
    check(9) == digits[9] && check(10) == digits[10]
}

/// 14 to 19 digits, plain or in groups of four or Amex groups, with a card issuer's first digits and a
/// right check digit.
fn card(here: &[u8]) -> bool {
    let mut digits = [0u8; 19];
    let mut count = 0;
    let mut end = 0;
    for (at, &byte) in here.iter().enumerate() {
        match byte {
            b'0'..=b'9' if count == digits.len() => return false,
            b'0'..=b'9' => {
                digits[count] = byte - b'0';
                count += 1;
                end = at + 1;
            }
            b' ' | b'-' if end == at && here.get(at + 1).is_some_and(u8::is_ascii_digit) => {
                // Groups of fewer than four digits are phone numbers or lists.
                if count < 4 {
                    return false;
                }
            }
            _ => break,
        }
    }
    if here.get(end).is_some_and(u8::is_ascii_alphanumeric) {
        return false;
    }
    is_issued(&digits[..count]) && luhn(&digits[..count])
}

fn is_issued(digits: &[u8]) -> bool {
    if digits.len() < 14 {
        return false;
    }
    let first = |count: usize| digits[..count].iter().fold(0u32, |sum, digit| sum * 10 + u32::from(*digit));
    match digits.len() {
        14 => matches!(first(2), 36 | 38 | 39) || matches!(first(3), 300..=305),
        15 => matches!(first(2), 34 | 37),
        16 => {
            first(1) == 4
                || matches!(first(2), 51..=55 | 62 | 65 | 35)
                || matches!(first(4), 2221..=2720 | 6011)
                || matches!(first(3), 644..=649)
        }
        17..=19 => matches!(first(2), 62),
        _ => false,
    }
}

fn luhn(digits: &[u8]) -> bool {
    let sum: u32 = digits
        .iter()
        .rev()
        .enumerate()
        .map(|(at, &digit)| match (at % 2, u32::from(digit) * 2) {
            (0, _) => u32::from(digit),
            (_, twice) if twice > 9 => twice - 9,
            (_, twice) => twice,
        })
        .sum();
    sum.is_multiple_of(10)
}

fn national_insurance(here: &[u8]) -> Option<&'static str> {
    let shapes: [&[u8]; 2] = [b"AA999999A", b"AA 99 99 99 A"];
    let shape = shapes.into_iter().find(|shape| has_shape(here, shape))?;
    let upper = |at: usize| here[at].to_ascii_uppercase();
    let (first, second, last) = (upper(0), upper(1), upper(shape.len() - 1));
    let never = b"DFIUV".contains(&first) || b"DFIOUV".contains(&second);
    let unused = [*b"BG", *b"GB", *b"NK", *b"KN", *b"TN", *b"NT", *b"ZZ"].contains(&[first, second]);
    (matches!(last, b'A'..=b'D') && !never && !unused).then_some(NATIONAL_INSURANCE)
}

/// Countries with IBANs and their lengths.
#[rustfmt::skip]
const IBAN_LENGTHS: [(&[u8; 2], usize); 52] = [
    (b"AD", 24), (b"AE", 23), (b"AL", 28), (b"AT", 20), (b"AZ", 28), (b"BA", 20), (b"BE", 16), (b"BG", 22),
    (b"BH", 22), (b"BR", 29), (b"CH", 21), (b"CY", 28), (b"CZ", 24), (b"DE", 22), (b"DK", 18), (b"EE", 20),
    (b"EG", 29), (b"ES", 24), (b"FI", 18), (b"FR", 27), (b"GB", 22), (b"GE", 22), (b"GI", 23), (b"GR", 27),
    (b"HR", 21), (b"HU", 28), (b"IE", 22), (b"IL", 23), (b"IS", 26), (b"IT", 27), (b"JO", 30), (b"KW", 30),
    (b"KZ", 20), (b"LI", 21), (b"LT", 20), (b"LU", 20), (b"LV", 21), (b"MC", 27), (b"MT", 31), (b"NL", 18),
    (b"NO", 15), (b"PK", 24), (b"PL", 28), (b"PT", 25), (b"QA", 29), (b"RO", 24), (b"RS", 22), (b"SA", 24),
    (b"SE", 24), (b"SI", 19), (b"SK", 24), (b"TR", 26),

];

fn iban(here: &[u8]) -> Option<&'static str> {
    if here.len() < 15 || !(here[0].is_ascii_alphabetic() && here[1].is_ascii_alphabetic() && here[2].is_ascii_digit())
    {
        return None;
    }
    let country = [here[0].to_ascii_uppercase(), here[1].to_ascii_uppercase()];
    let (_, length) = IBAN_LENGTHS.iter().find(|(code, _)| **code == country)?;
    let mut found = [0u8; 34];
    let mut count = 0;
    for (at, &byte) in here.iter().enumerate() {
        match byte {
            b' ' | b'-' if here.get(at + 1).is_some_and(u8::is_ascii_alphanumeric) => continue,
            byte if byte.is_ascii_alphanumeric() => {
                found[count] = byte.to_ascii_uppercase();
                count += 1;
            }
            _ => return None,
        }
        if count == *length {
            let ends = !here.get(at + 1).is_some_and(u8::is_ascii_alphanumeric);
            return (ends && is_mod_97(&found[..count])).then_some(BANK_ACCOUNT);
        }
    }
    None
}

fn is_mod_97(iban: &[u8]) -> bool {
    let rest = iban[4..].iter().chain(&iban[..4]).fold(0u32, |rest, &byte| match byte {
        b'0'..=b'9' => (rest * 10 + u32::from(byte - b'0')) % 97,
        letter => (rest * 100 + u32::from(letter - b'A') + 10) % 97,
    });
    rest == 1
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn blocked_values_are_found() {
        let values = [
            ("123-45-6789", SOCIAL_SECURITY),
            ("SSN: 123-45-6789, see file", SOCIAL_SECURITY),
            ("123\u{2011}45\u{2011}6789", SOCIAL_SECURITY),
            ("DE89370400440532013000", BANK_ACCOUNT),
            ("GB29 NWBK 6016 1331 9268 19", BANK_ACCOUNT),
            ("iban de89 3704 0044 0532 0130 00.", BANK_ACCOUNT),
            ("4111111111111111", PAYMENT_CARD),
            ("4111 1111 1111 1111", PAYMENT_CARD),
            ("3782-822463-10005", PAYMENT_CARD),
            ("5555555555554444", PAYMENT_CARD),
            ("QQ123456C", NATIONAL_INSURANCE),
            ("AB 12 34 56 C", NATIONAL_INSURANCE),
            ("529.982.247-25", TAXPAYER),
        ];
        for (value, reason) in values {
            assert_eq!(blocked_value(value), Some(reason), "{value}");
        }
    }

    #[test]
    fn phones_dates_and_ids_are_not_blocked() {
        let values = [
            "+12025550143",
            "+4915123456789",
            "202-555-0143",
            "(202) 555-0143",
            "+1 202-555-0143",
            "1-202-555-0143",
            "2024-03-16",
            "E-100234",
            "00012345",
            "1234-45-6789",
            "123-45-67890",
            "123-45-6789-1",
            "4111111111111112",
            "DE89370400440532013001",
            "GB123456C",
            "AB123456E",
            "529.982.247-26",
            "12345-6789",
            "Building 12, Floor 3456789",
            "",
            "Ana Lima",
            "ana.lima123456@acme.example",
            "+44 20 7946 0958",
            "1-11-123-45-6789",
        ];
        for value in values {
            assert_eq!(blocked_value(value), None, "{value}");
        }
    }

    #[test]
    fn an_id_is_blocked_only_for_what_no_numbering_makes_by_chance() {
        assert!(blocked_id("123-45-6789").is_some());
        assert_eq!(blocked_id("4111111111111111"), None);
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in any::<String>(), dense in "[0-9A-Da-d .+-]{0,40}") {
            let _ = (blocked_value(&text), blocked_value(&dense), super::super::blocked_column(&text));
        }
    }
}
