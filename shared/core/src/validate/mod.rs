//! One check per kind of value: what it takes, and the one form it is stored in.
//!
//! Every check trims, and gives the same text for values that mean the same (case of an e-mail
//! address, punctuation of a phone number, style of a date). A checked value passes its check again
//! unchanged. `Ok("")` says that the text stands for "no value".

mod country;
mod country_table;
mod date;
mod email;
mod language;
mod phone;
mod text;

use std::borrow::Cow;

pub use country::country;
pub use date::{DateFormat, FormatError, date};
pub use email::email;
pub use language::language;
pub use phone::{Region, phone, region};
pub(crate) use text::trimmed;
pub use text::{reference, text};

use crate::field::Kind;

/// Rises whenever a check takes or stores a value differently than before: rosters that were written
/// under another version are read anew.
pub const VALIDATOR_VERSION: u32 = 1;

/// What checks need to know besides the value.
#[derive(Debug, Clone, Copy, Default)]
pub struct Context<'a> {
    /// The country of phone numbers written without one.
    pub region: Option<Region>,
    /// How dates are written; `None` is ISO 8601.
    pub date: Option<&'a DateFormat>,
    /// The longest value in characters; 0 is no limit.
    pub max_chars: usize,
}

/// Why a value was not taken. The texts never quote the value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Invalid {
    /// Not of the kind; a fragment that goes on from "the value": what is wrong and what to do.
    #[error("{0}")]
    Shape(Cow<'static, str>),
    /// Too long.
    #[error("has {chars} characters; at most {limit} are stored")]
    TooLong {
        /// How many it has.
        chars: usize,
        /// How many are stored.
        limit: usize,
    },
}

impl Invalid {
    pub(crate) fn shape(text: impl Into<Cow<'static, str>>) -> Self {
        Self::Shape(text.into())
    }
}

/// Checks a value of any kind but [`Kind::Status`], which only the mapping's table can read (it is
/// checked as text here).
///
/// # Errors
/// [`Invalid`] when the value is not of the kind or too long.
pub fn value<'t>(kind: Kind, value: &'t str, context: &Context<'_>) -> Result<Cow<'t, str>, Invalid> {
    let checked = match kind {
        Kind::Text | Kind::Name | Kind::Address | Kind::Status => text(value)?,
        Kind::UniqueId | Kind::Reference => reference(value)?,
        Kind::Email => email(value)?,
        Kind::Phone => phone(value, context.region)?,
        Kind::Country => country(value)?,
        Kind::Language => language(value)?,
        Kind::Date => date(value, context.date)?,
    };
    text::within(&checked, context.max_chars)?;
    Ok(checked)
}

/// Takes the `'` away that our error files put before a cell that a spreadsheet would run as a
/// formula; a corrected error file can so be uploaded as it is.
#[inline]
pub fn without_formula_guard(cell: &str) -> &str {
    match cell.as_bytes() {
        [b'\'', b'=' | b'+' | b'-' | b'@' | b'\t' | b'\r' | b'\n', ..] => &cell[1..],
        _ => cell,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const KINDS: [Kind; 9] = [
        Kind::Text,
        Kind::Name,
        Kind::Email,
        Kind::Phone,
        Kind::Address,
        Kind::Country,
        Kind::Language,
        Kind::Date,
        Kind::Reference,
    ];

    fn stays(kind: Kind, text: &str, context: &Context<'_>) {
        if let Ok(once) = value(kind, text, context) {
            assert_eq!(value(kind, &once, context).as_ref(), Ok(&once), "{kind:?} of {text:?}");
        }
    }

    fn likely() -> impl Strategy<Value = String> {
        prop_oneof![
            any::<String>(),
            r"\+?[0-9 ()./-]{6,18}( ?(x|ext\.?) ?[0-9]{1,4})?",
            r" ?[A-Za-z0-9._+-]{1,12}@[A-Za-z0-9-]{1,8}\.[A-Za-zéÉ]{1,6} ?",
            r"(19|20)[0-9]{2}-[0-1]?[0-9]-[0-3]?[0-9]([T ][0-9:]{5,8}(Z|[+-][0-9:]{4,5})?)?",
            r"[0-1]?[0-9]/[0-3]?[0-9]/(19|20)[0-9]{2}",
            r"[a-zA-Z]{2,3}([-_][a-zA-Z0-9]{2,8}){0,3}",
            r"[ \u{300}-\u{36f}a-zA-ZåÅİıßẞ]{1,12}",
        ]
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]

        #[test]
        fn a_checked_value_passes_again_unchanged(text in likely()) {
            let format = DateFormat::parse("%m/%d/%Y").unwrap();
            for kind in KINDS {
                stays(kind, &text, &Context { region: region("US"), date: Some(&format), max_chars: 100 });
                stays(kind, &text, &Context { region: region("DE"), date: None, max_chars: 0 });
            }
        }
    }

    #[test]
    fn a_formula_guard_is_taken_away_and_an_apostrophe_stays() {
        assert_eq!(without_formula_guard("'+1 202"), "+1 202");
        assert_eq!(without_formula_guard("'t Hooft"), "'t Hooft");
    }

    #[test]
    fn a_value_over_the_limit_is_too_long_in_characters_not_bytes() {
        let context = Context { max_chars: 3, ..Context::default() };
        assert_eq!(value(Kind::Text, "äöü", &context).as_deref(), Ok("äöü"));
        assert_eq!(value(Kind::Text, "äöüß", &context), Err(Invalid::TooLong { chars: 4, limit: 3 }));
    }
}
