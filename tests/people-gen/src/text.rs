//! Numbers, patterns and phone numbers as text.

use crate::data::Country;
use crate::dice::Dice;
use crate::person::Phone;

/// The id of the k-th person: `0004711` for 0.
pub(crate) fn push_id(text: &mut String, k: u32) {
    push_number(text, k.saturating_add(4711), 7);
}

/// At least `width` digits.
pub(crate) fn push_number(text: &mut String, number: u32, width: usize) {
    let mut digits = [b'0'; 10];
    let mut rest = number;
    let mut from = digits.len();
    while rest > 0 || digits.len() - from < width.max(1) {
        from -= 1;
        digits[from] = b'0' + (rest % 10) as u8;
        rest /= 10;
    }
    text.extend(digits[from..].iter().map(|digit| char::from(*digit)));
}

/// A pattern of [`crate::data`] with its places filled.
pub(crate) fn push_pattern(text: &mut String, pattern: &str, seed: u32) {
    let mut dice = Dice::of(0, seed, 0);
    let mut pool = dice.next();
    for c in pattern.chars() {
        let mut draw = |limit: u64| {
            let drawn = pool % limit;
            pool /= limit;
            drawn as u8
        };
        text.push(match c {
            '#' => char::from(b'0' + draw(10)),
            '%' => char::from(b'2' + draw(8)),
            '?' => char::from(b'A' + draw(20)),
            c => c,
        });
    }
}

/// Numbers of the default country, US, in national style too; the others with their country code.
pub(crate) fn push_phone(text: &mut String, phone: Phone, country: &Country, restyle: bool) {
    let patterns = if phone.mobile { country.mobile } else { country.fixed };
    let mut number = String::with_capacity(16);
    push_pattern(&mut number, patterns[phone.digits as usize % patterns.len()], phone.digits);
    let style = if restyle { (phone.style + 1) % 6 } else { phone.style };
    let joined = |text: &mut String, with: &str| {
        for (at, part) in number.split(' ').enumerate() {
            text.push_str(if at == 0 { "" } else { with });
            text.push_str(part);
        }
    };
    if country.code == "US" && style < 4 {
        match style {
            0 => {
                text.push('(');
                text.push_str(&number[..3]);
                text.push_str(") ");
                text.push_str(&number[4..7]);
                text.push('-');
                text.push_str(&number[8..]);
            }
            1 => joined(text, "-"),
            2 => joined(text, "."),
            _ => joined(text, ""),
        }
        return;
    }
    text.push('+');
    text.push_str(country.calling);
    match style {
        0 | 4 => joined(text, ""),
        1 | 3 => {
            text.push(' ');
            joined(text, "-");
        }
        _ => {
            text.push(' ');
            joined(text, " ");
        }
    }
}
