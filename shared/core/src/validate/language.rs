//! Languages, stored as BCP 47 tags: `en-US`.

use std::borrow::Cow;

use super::Invalid;
use super::text::trimmed;

/// English names that HR systems export, with their tags.
const NAMES: [(&str, &str); 41] = [
    ("afrikaans", "af"),
    ("albanian", "sq"),
    ("arabic", "ar"),
    ("bengali", "bn"),
    ("bulgarian", "bg"),
    ("catalan", "ca"),
    ("chinese", "zh"),
    ("croatian", "hr"),
    ("czech", "cs"),
    ("danish", "da"),
    ("dutch", "nl"),
    ("english", "en"),
    ("estonian", "et"),
    ("finnish", "fi"),
    ("french", "fr"),
    ("german", "de"),
    ("greek", "el"),
    ("hebrew", "he"),
    ("hindi", "hi"),
    ("hungarian", "hu"),
    ("indonesian", "id"),
    ("italian", "it"),
    ("japanese", "ja"),
    ("korean", "ko"),
    ("latvian", "lv"),
    ("lithuanian", "lt"),
    ("malay", "ms"),
    ("norwegian", "no"),
    ("persian", "fa"),
    ("polish", "pl"),
    ("portuguese", "pt"),
    ("romanian", "ro"),
    ("russian", "ru"),
    ("serbian", "sr"),
    ("slovak", "sk"),
    ("spanish", "es"),
    ("swedish", "sv"),
    ("thai", "th"),
    ("turkish", "tr"),
    ("ukrainian", "uk"),
    ("vietnamese", "vi"),
];

const LONGEST: usize = 35;

/// A language as a BCP 47 tag in its usual case. Takes `_` for `-`, and English names of languages.
/// Only the shape is checked, not whether the subtags are registered.
///
/// # Errors
/// [`Invalid::Shape`] for everything else.
pub fn language(value: &str) -> Result<Cow<'_, str>, Invalid> {
    let value = trimmed(value);
    if value.is_empty() {
        return Ok(Cow::Borrowed(value));
    }
    // The tags that nearly all files hold are as they should be.
    if matches!(
        value.as_bytes(),
        [b'a'..=b'z', b'a'..=b'z'] | [b'a'..=b'z', b'a'..=b'z', b'-', b'A'..=b'Z', b'A'..=b'Z']
    ) {
        return Ok(Cow::Borrowed(value));
    }
    if let Ok(at) = NAMES.binary_search_by(|(name, _)| (*name).cmp(value.to_ascii_lowercase().as_str())) {
        return Ok(Cow::Borrowed(NAMES[at].1));
    }
    if value.len() > LONGEST {
        return Err(unknown());
    }
    tag(value).ok_or_else(unknown)
}

fn unknown() -> Invalid {
    Invalid::shape("is not a language tag; write one such as en or pt-BR")
}

/// How far into a tag we are: subtags come in this order.
#[derive(PartialEq, PartialOrd)]
enum Part {
    Language,
    Script,
    Region,
    Variant,
    Extension,
}

fn tag(value: &str) -> Option<Cow<'_, str>> {
    let mut subtags = value.split(['-', '_']);
    let primary = subtags.next()?;
    if !matches!(primary.len(), 2..=3) || !is_alpha(primary) {
        return None;
    }
    let mut tag = primary.to_ascii_lowercase();
    let mut part = Part::Language;
    let mut bare_singleton = false;
    for subtag in subtags {
        if subtag.is_empty() || subtag.len() > 8 || !subtag.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
            return None;
        }
        let (next, text) = subtag_of(subtag, &part)?;
        if next < part {
            return None;
        }
        if bare_singleton && subtag.len() == 1 {
            return None;
        }
        bare_singleton = subtag.len() == 1;
        part = next;
        tag.push('-');
        tag.push_str(&text);
    }
    if bare_singleton {
        return None;
    }
    Some(if tag == value { Cow::Borrowed(value) } else { Cow::Owned(tag) })
}

/// Which part a subtag is, and its usual case.
fn subtag_of(subtag: &str, part: &Part) -> Option<(Part, String)> {
    let lower = subtag.to_ascii_lowercase();
    let digit_first = subtag.as_bytes()[0].is_ascii_digit();
    if *part == Part::Extension || subtag.len() == 1 {
        return Some((Part::Extension, lower));
    }
    match subtag.len() {
        2 if is_alpha(subtag) && *part < Part::Region => Some((Part::Region, subtag.to_ascii_uppercase())),
        3 if is_alpha(subtag) && *part == Part::Language => Some((Part::Language, lower)),
        3 if subtag.bytes().all(|byte| byte.is_ascii_digit()) && *part < Part::Region => Some((Part::Region, lower)),
        4 if is_alpha(subtag) && *part < Part::Script => {
            let (first, rest) = lower.split_at(1);
            Some((Part::Script, first.to_ascii_uppercase() + rest))
        }
        4 if digit_first => Some((Part::Variant, lower)),
        5..=8 => Some((Part::Variant, lower)),
        _ => None,
    }
}

fn is_alpha(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_alphabetic())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(value: &str, expected: Option<&str>) {
        assert_eq!(language(value).ok().as_deref(), expected, "{value:?}");
    }

    #[test]
    fn tags_get_their_usual_case() {
        check("EN", Some("en"));
        check("en_us", Some("en-US"));
        check("ZH-hant-tw", Some("zh-Hant-TW"));
        check("es-419", Some("es-419"));
        check("sl-ROZAJ-biske", Some("sl-rozaj-biske"));
        check("de-CH-1996", Some("de-CH-1996"));
        check("en-a-BBB-x-Qq", Some("en-a-bbb-x-qq"));
    }

    #[test]
    fn english_names_give_tags() {
        assert!(NAMES.is_sorted());
        check("English", Some("en"));
        check("spanish", Some("es"));
    }

    #[test]
    fn what_has_no_tag_shape_is_refused() {
        for value in ["e", "Klingon", "en-", "en US", "en-USA-", "en-US-GB", "12", "en--US", "en-x", "English (US)"] {
            check(value, None);
        }
    }
}
