//! What a mapping may do to a text before its table and check.

use std::borrow::Cow;

/// One named change of a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Transform {
    Lower,
    Upper,
    Title,
    Digits,
    Collapse,
}

impl Transform {
    /// The transform with this name; `trim` is none of its own, as every text is trimmed.
    pub(super) fn named(name: &str) -> Option<Self> {
        match name {
            "lower" => Some(Self::Lower),
            "upper" => Some(Self::Upper),
            "title" => Some(Self::Title),
            "digits" => Some(Self::Digits),
            "collapse" => Some(Self::Collapse),
            _ => None,
        }
    }

    fn apply(self, text: &str) -> String {
        match self {
            Self::Lower => text.to_lowercase(),
            Self::Upper => text.to_uppercase(),
            Self::Title => title(text),
            Self::Digits => text.chars().filter(char::is_ascii_digit).collect(),
            Self::Collapse => text.split_whitespace().collect::<Vec<_>>().join(" "),
        }
    }
}

/// All transforms in order.
pub(super) fn apply<'t>(transforms: &[Transform], text: &'t str) -> Cow<'t, str> {
    let mut text = Cow::Borrowed(text);
    for transform in transforms {
        text = Cow::Owned(transform.apply(&text));
    }
    text
}

/// Each word with a capital and small letters: `ANNE-MARIE O'NEIL` is `Anne-Marie O'Neil`.
fn title(text: &str) -> String {
    let mut title = String::with_capacity(text.len());
    let mut begins = true;
    for c in text.chars() {
        if begins {
            title.extend(c.to_uppercase());
        } else {
            title.extend(c.to_lowercase());
        }
        begins = !c.is_alphanumeric();
    }
    title
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(name: &str, text: &str, expected: &str) {
        let transform = Transform::named(name).unwrap();
        assert_eq!(apply(&[transform], text), expected, "{name}");
    }

    #[test]
    fn each_transform_does_what_its_name_says() {
        check("lower", "ÄB", "äb");
        check("upper", "äb", "ÄB");
        check("title", "ANNE-MARIE o'neil", "Anne-Marie O'Neil");
        check("digits", "CC-0042", "0042");
        check("collapse", "a \u{a0}  b\tc", "a b c");
    }
}
