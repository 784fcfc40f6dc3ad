//! The forms in which things are stored and queued, each with the number of its form.
//!
//! While Muster is upgraded, old functions and new ones run side by side; messages wait for up to 14 days, plans for 90,
//! people for years. So whatever is stored says in which form it is. The form before the current one is read too. What
//! a newer Muster wrote is neither read nor written over: it is left for the newer one. How to change a form stands in
//! `docs/formats.md`, whose table is made of [`FORMATS`].

mod table;

pub use table::*;

/// A stored form.
#[derive(Debug, PartialEq, Eq)]
pub struct Format {
    /// What is stored so, in errors and documents.
    pub name: &'static str,
    /// The number that this code writes.
    pub version: u32,
    /// The oldest number that this code reads. 0 is what carries no number: it was stored before there were any.
    pub oldest: u32,
    /// How the number is carried.
    pub carried: Carried,
    /// Where it lies.
    pub place: &'static str,
    /// For how long.
    pub kept: &'static str,
}

/// How a stored form carries its number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Carried {
    /// An item of the table: its attribute [`ATTRIBUTE`].
    Item,
    /// A message on a queue: its member `v`.
    Message,
    /// An object of JSON: the member `v` of its first line.
    Lines,
    /// An object of JSON: its member `version`.
    Object,
    /// The bytes that an object begins with. It is a cache: one in another form is made anew.
    Magic,
    /// A parameter of JSON: its member `v`.
    Parameter,
    /// A text that others hand back: the member `v` inside.
    Token,
    /// A tag of a mail, `v`, which the mail service hands back.
    Tag,
}

/// The attribute of an item that says in which form it is.
pub const ATTRIBUTE: &str = "fv";

/// Why something stored cannot be read by this code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum WrongVersion {
    /// A newer Muster wrote it.
    #[error(
        "the {} has format version {found} and this Muster reads {} to {}: a newer one wrote it; finish the upgrade, then redrive",
        format.name, format.oldest, format.version
    )]
    Newer {
        /// What was to be read.
        format: &'static Format,
        /// The number found.
        found: u64,
    },
    /// It is of a form that is no longer read.
    #[error(
        "the {} has format version {found} and this Muster reads {} to {}: an older one wrote it; upgrade by way of a release that reads it",
        format.name, format.oldest, format.version
    )]
    Older {
        /// What was to be read.
        format: &'static Format,
        /// The number found.
        found: u64,
    },
}

impl WrongVersion {
    /// Whether a newer Muster can read it: then it is worth waiting for one.
    pub fn is_newer(&self) -> bool {
        matches!(self, Self::Newer { .. })
    }
}

impl Format {
    /// Whether something that says this number, or none, can be read.
    ///
    /// # Errors
    /// [`WrongVersion`], which names both numbers and what to do.
    pub fn check(&'static self, found: Option<u64>) -> Result<(), WrongVersion> {
        let found = found.unwrap_or(0);
        if found > u64::from(self.version) {
            return Err(WrongVersion::Newer { format: self, found });
        }
        if found < u64::from(self.oldest) {
            return Err(WrongVersion::Older { format: self, found });
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_format_has_a_name_of_its_own_and_reads_the_form_before_its_own() {
        let names: std::collections::BTreeSet<_> = FORMATS.iter().map(|format| format.name).collect();
        assert_eq!(names.len(), FORMATS.len());
        for format in FORMATS {
            let before = u64::from(format.version).saturating_sub(1);
            assert!(before < u64::from(format.oldest.max(1)) || format.check(Some(before)).is_ok(), "{}", format.name);
            assert!(format.check(Some(u64::from(format.version))).is_ok());
        }
    }

    #[test]
    fn an_error_names_the_format_both_numbers_and_what_to_do() {
        for format in FORMATS {
            let newer = format.check(Some(u64::from(format.version) + 1)).unwrap_err();
            assert!(newer.is_newer());
            let (name, found, reads) = (format.name, format.version + 1, format.version);
            let text = newer.to_string();
            assert!(text.starts_with(&format!("the {name} has format version {found} ")), "{text}");
            assert!(text.contains(&format!(" to {reads}: ")) && text.contains("finish the upgrade"), "{text}");
        }
        let older = PLAN.check(None).unwrap_err();
        assert!(!older.is_newer() && older.to_string().contains("by way of a release that reads it"), "{older}");
    }
}
