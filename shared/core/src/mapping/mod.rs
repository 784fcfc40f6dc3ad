//! How a source's record becomes a recipient.
//!
//! A [`Mapping`] is compiled once from the settings; [`Mapping::bind`] finds its columns in a header;
//! [`Bound::read`] makes of each record a [`Reading`]. For one field the order is: cell, formula guard
//! taken away, trimmed, keep and clear tokens, split into several values, blocked data dropped,
//! transforms, value table, check of the field's kind. What fails costs that field only.
//!
//! Expressions are described at [`Expression`].

mod bound;
pub(crate) mod expression;
mod header;
mod inputs;
mod read;
mod rule;
mod said;
mod transform;
pub(crate) mod uses;

pub use bound::Bound;
pub use expression::{Expression, ExpressionError};
pub use read::{Reading, plain_id};
pub use said::{Becomes, Said};

/// The cell of a listing from a provider that says nothing about its column: what is stored stays. A private-use
/// character, so that no text of a source is mistaken for it.
pub const NOT_GIVEN: &str = "\u{e000}";

/// Begins a cell which says that the person of this record stays as stored; the reason follows.
pub const STAYS: char = '\u{e001}';

use self::rule::Rule;
use crate::field::Field;
use crate::issue::Issue;
use crate::settings::{Settings, SettingsError};
use crate::validate::{Region, VALIDATOR_VERSION, country, region};

/// A connection's mapping, ready for use: expressions compiled, tables and formats read.
pub struct Mapping {
    id: Rule,
    status: Option<Rule>,
    /// All other mapped fields, in the catalogue's order.
    rules: Vec<Rule>,
    separator: char,
    region: Option<Region>,
    fingerprint: [u8; 16],
}

impl Mapping {
    /// Compiles the mapping of settings.
    ///
    /// # Errors
    /// [`SettingsError`] with everything that [`Settings::problems`] finds.
    pub fn compile(settings: &Settings) -> Result<Self, SettingsError> {
        SettingsError::unless_empty(settings.problems())?;
        let mut rules = Vec::with_capacity(settings.fields.len());
        let (mut id, mut status) = (None, None);
        for (field, mapping) in &settings.fields {
            let rule = Rule::compile(*field, mapping).map_err(|problem| SettingsError { problems: vec![problem] })?;
            match *field {
                Field::UNIQUE_ID => id = Some(rule),
                Field::EMPLOYMENT_STATUS => status = Some(rule),
                _ => rules.push(rule),
            }
        }
        let Some(id) = id else {
            return Err(SettingsError { problems: settings.problems() });
        };
        let region = settings.default_country.as_deref().and_then(|name| region(&country(name).ok()?));
        let separator = settings.file.multi_value_separator;
        Ok(Self { id, status, rules, separator, region, fingerprint: fingerprint(settings) })
    }

    /// 16 bytes that change when the same record could give another recipient: with the fields'
    /// mappings, the default country, the separator, or the version of the checks.
    pub fn fingerprint(&self) -> [u8; 16] {
        self.fingerprint
    }

    /// Every column that the mapping takes, sorted. A mapping that goes over the whole row names only those that it
    /// names.
    pub fn columns(&self) -> Vec<String> {
        let rules = std::iter::once(&self.id).chain(&self.status).chain(&self.rules);
        let names = rules.flat_map(|rule| match &rule.source {
            rule::Source::Column(name) => vec![name.clone()],
            rule::Source::Expression(expression) => expression.columns().map(str::to_owned).collect(),
        });
        let names: std::collections::BTreeSet<String> = names.collect();
        names.into_iter().collect()
    }

    /// Finds the mapped columns in a header. Names match exactly, or else whatever their case, white
    /// space and invisible characters. The issues are about the header: `place` is the file as a whole.
    pub fn bind(&self, header: &[String]) -> (Bound<'_>, Vec<Issue>) {
        Bound::new(self, header)
    }
}

fn fingerprint(settings: &Settings) -> [u8; 16] {
    let said = format!(
        "{VALIDATOR_VERSION} {:?} {:?} {:?}",
        settings.default_country, settings.file.multi_value_separator, settings.fields
    );
    xxhash_rust::xxh3::xxh3_128(said.as_bytes()).to_be_bytes()
}

#[cfg(test)]
mod tests;
