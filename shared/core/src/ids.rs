//! Identifiers that are valid by construction.

use std::fmt;

use unicode_normalization::UnicodeNormalization;

/// Why a text is no identifier.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IdError {
    /// Nothing but white space.
    #[error("is empty")]
    Empty,
    /// Longer than the kind allows.
    #[error("is longer than {limit} bytes")]
    TooLong {
        /// The limit in bytes.
        limit: usize,
    },
    /// Holds a character the kind does not allow.
    #[error("holds {0:?}; allowed are lower-case letters, digits and '-'")]
    Character(char),
    /// Holds a control character.
    #[error("holds a control character")]
    Control,
}

macro_rules! slug {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(String);

        impl $name {
            /// Takes a slug of lower-case ASCII letters, digits and `-`, 1 to 64 bytes.
            ///
            /// # Errors
            /// [`IdError`] when the text is anything else.
            pub fn parse(text: &str) -> Result<Self, IdError> {
                if text.is_empty() {
                    return Err(IdError::Empty);
                }
                if text.len() > 64 {
                    return Err(IdError::TooLong { limit: 64 });
                }
                match text.chars().find(|c| !matches!(c, 'a'..='z' | '0'..='9' | '-')) {
                    Some(c) => Err(IdError::Character(c)),
                    None => Ok(Self(text.to_owned())),
                }
            }

            /// The slug itself.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

slug! {
    /// One customer of the product; the tenant.
    AccountId
}
slug! {
    /// One connection of an account; it begins with the account's id. Alone that makes it unique in the account only
    /// (`acme` + `x y` and `acme-x` + `y` are both `acme-x-y`): whoever saves a connection refuses an id that is taken.
    ConnectionId
}
slug! {
    /// One run. Made from what caused it, so the same cause always names the same run.
    RunId
}

impl ConnectionId {
    /// The id of the connection called `name` in `account`: `acme` + `Payroll nightly` is
    /// `acme-payroll-nightly`.
    ///
    /// # Errors
    /// [`IdError::Empty`] when the name has no ASCII letter or digit, [`IdError::TooLong`] when the id would be.
    pub fn named(account: &AccountId, name: &str) -> Result<Self, IdError> {
        let mut slug = String::new();
        for c in name.chars().flat_map(char::to_lowercase) {
            if c.is_ascii_alphanumeric() {
                slug.push(c);
            } else if !slug.ends_with('-') && !slug.is_empty() {
                slug.push('-');
            }
        }
        let slug = slug.trim_end_matches('-');
        if slug.is_empty() {
            return Err(IdError::Empty);
        }
        Self::parse(&format!("{account}-{slug}"))
    }
}

/// The id by which a source names a person. Compared exactly, never as a number: leading zeros live.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UniqueId(String);

impl UniqueId {
    /// The longest id that is stored, in bytes.
    pub const MAX_BYTES: usize = 256;

    /// Takes an id as the source wrote it, without the white space around it. A letter that is written as
    /// several characters in one file and as one in the next is the same letter (Unicode NFC).
    ///
    /// # Errors
    /// [`IdError`] for an empty id, one with control characters, or one over [`Self::MAX_BYTES`].
    pub fn parse(text: &str) -> Result<Self, IdError> {
        let text = text.trim();
        if text.is_empty() {
            return Err(IdError::Empty);
        }
        if text.len() > Self::MAX_BYTES {
            return Err(IdError::TooLong { limit: Self::MAX_BYTES });
        }
        if text.chars().any(char::is_control) {
            return Err(IdError::Control);
        }
        let text = if text.is_ascii() { text.to_owned() } else { text.nfc().collect() };
        // Composed anew, a text may become longer.
        if text.len() > Self::MAX_BYTES {
            return Err(IdError::TooLong { limit: Self::MAX_BYTES });
        }
        Ok(Self(text))
    }

    /// The id itself.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Ids may be personal data: logs see only how long one is.
impl fmt::Debug for UniqueId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "UniqueId({} bytes)", self.0.len())
    }
}

impl fmt::Display for UniqueId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn leading_zeros_live() {
        assert_eq!(UniqueId::parse(" 00042 ").unwrap().as_str(), "00042");
    }

    #[test]
    fn a_connection_is_named_after_its_account_and_name() {
        let account = AccountId::parse("acme").unwrap();
        let id = ConnectionId::named(&account, "Payroll — nightly!").unwrap();
        assert_eq!(id.as_str(), "acme-payroll-nightly");
    }

    #[test]
    fn a_run_of_one_event_is_marked_in_its_id() {
        assert_eq!(RunId::parse("e-0f3a").unwrap().as_str(), "e-0f3a");
    }

    #[test]
    fn a_path_is_no_account() {
        assert_eq!(AccountId::parse("../b"), Err(IdError::Character('.')));
    }

    #[test]
    fn the_debug_form_of_an_id_does_not_show_it() {
        assert!(!format!("{:?}", UniqueId::parse("E-1701").unwrap()).contains("1701"));
    }
}
