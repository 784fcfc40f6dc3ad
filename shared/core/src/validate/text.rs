//! Free text, names, addresses, and ids of other people.

use std::borrow::Cow;

use unicode_normalization::{IsNormalized, UnicodeNormalization, is_nfc_quick};

use super::Invalid;

/// [`str::trim`], quicker for the usual text that has nothing to trim.
#[inline]
pub(crate) fn trimmed(value: &str) -> &str {
    let is_plain = |byte: &u8| (b'!'..=b'~').contains(byte);
    match (value.as_bytes().first(), value.as_bytes().last()) {
        (Some(first), Some(last)) if is_plain(first) && is_plain(last) => value,
        (None, _) => value,
        _ => value.trim(),
    }
}

/// Free text: trimmed, in Unicode form NFC, line breaks as `\n`. White space inside, zero-width and
/// bidi characters, markup and formulas are data and stay; whoever writes them out makes them harmless.
///
/// # Errors
/// [`Invalid::Shape`] for control characters other than tab and line break.
pub fn text(value: &str) -> Result<Cow<'_, str>, Invalid> {
    let value = trimmed(value);
    let mut plain = true;
    for &byte in value.as_bytes() {
        plain &= (0x20..0x7f).contains(&byte);
    }
    if plain {
        return Ok(Cow::Borrowed(value));
    }
    unusual(value)
}

fn unusual(value: &str) -> Result<Cow<'_, str>, Invalid> {
    if value.chars().any(|c| c.is_control() && !matches!(c, '\t' | '\n' | '\r')) {
        return Err(Invalid::shape("holds a control character; remove it"));
    }
    let mut value = Cow::Borrowed(value);
    if value.contains('\r') {
        value = Cow::Owned(value.replace("\r\n", "\n").replace('\r', "\n"));
    }
    if is_nfc_quick(value.chars()) != IsNormalized::Yes {
        value = Cow::Owned(value.nfc().collect());
    }
    Ok(value)
}

/// The unique id of another person: trimmed, and compared exactly, so never rewritten.
///
/// # Errors
/// [`Invalid::Shape`] for control characters.
pub fn reference(value: &str) -> Result<Cow<'_, str>, Invalid> {
    let value = trimmed(value);
    if value.chars().any(char::is_control) {
        return Err(Invalid::shape("holds a control character; remove it"));
    }
    Ok(Cow::Borrowed(value))
}

/// Checks the length in characters; a limit of 0 takes everything.
pub(super) fn within(value: &str, limit: usize) -> Result<(), Invalid> {
    if limit == 0 || value.len() <= limit {
        return Ok(());
    }
    let chars = value.chars().count();
    if chars <= limit { Ok(()) } else { Err(Invalid::TooLong { chars, limit }) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(value: &str, expected: Option<&str>) {
        assert_eq!(text(value).ok().as_deref(), expected, "{value:?}");
    }

    #[test]
    fn text_is_trimmed_and_otherwise_left_alone() {
        check("  Ana  Lima\u{a0}", Some("Ana  Lima"));
        check("=HYPERLINK(\"x\")", Some("=HYPERLINK(\"x\")"));
        check("<b>Bo</b>", Some("<b>Bo</b>"));
        check("a\u{202e}b\u{200b}", Some("a\u{202e}b\u{200b}"));
    }

    #[test]
    fn two_unicode_forms_of_one_name_are_the_same() {
        check("Rene\u{301}e", Some("Ren\u{e9}e"));
        check("Ren\u{e9}e", Some("Ren\u{e9}e"));
    }

    #[test]
    fn line_breaks_stay_in_one_form_and_other_control_characters_are_refused() {
        check("1 Main St\r\nApt 4", Some("1 Main St\nApt 4"));
        check("a\0b", None);
        check("a\u{1a}", None);
        check("a\u{85}b", None);
    }

    #[test]
    fn an_id_of_another_person_is_never_rewritten() {
        assert_eq!(reference(" 00e\u{301}1 ").as_deref(), Ok("00e\u{301}1"));
    }
}
