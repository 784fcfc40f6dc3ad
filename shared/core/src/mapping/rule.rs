//! One field's mapping, compiled.

use std::collections::HashMap;

use super::expression::Expression;
use super::transform::Transform;
use crate::field::{Field, FieldSpec};
use crate::settings::{FieldMapping, OnEmpty, Origin, Problem};
use crate::validate::DateFormat;

pub(super) enum Source {
    Column(String),
    Expression(Expression),
}

pub(super) struct Rule {
    pub(super) field: Field,
    pub(super) spec: &'static FieldSpec,
    pub(super) source: Source,
    pub(super) transforms: Vec<Transform>,
    pub(super) table: Table,
    pub(super) date: Option<DateFormat>,
    pub(super) clears_when_empty: bool,
    pub(super) clear_tokens: Vec<String>,
    pub(super) keep_tokens: Vec<String>,
    pub(super) required: bool,
    pub(super) multiple: bool,
}

impl Rule {
    pub(super) fn compile(field: Field, mapping: &FieldMapping) -> Result<Self, Problem> {
        let problem = |key: &str, message: String| Problem {
            path: format!("fields.{}.{key}", field.name()),
            line: None,
            message,
        };
        let source = match &mapping.origin {
            Origin::Column(column) => Source::Column(column.clone()),
            Origin::Expression(source) => {
                Source::Expression(Expression::compile(source).map_err(|error| problem("expr", error.to_string()))?)
            }
        };
        let date = mapping.format.as_deref().map(DateFormat::parse).transpose();
        Ok(Self {
            field,
            spec: field.spec(),
            source,
            transforms: mapping.transforms.iter().filter_map(|name| Transform::named(name)).collect(),
            table: Table::new(mapping),
            date: date.map_err(|error| problem("format", error.to_string()))?,
            clears_when_empty: mapping.on_empty != Some(OnEmpty::Keep) && !mapping.required,
            clear_tokens: trimmed(&mapping.clear_tokens),
            keep_tokens: trimmed(&mapping.keep_tokens),
            required: mapping.required,
            multiple: mapping.multiple,
        })
    }
}

fn trimmed(tokens: &[String]) -> Vec<String> {
    tokens.iter().map(|token| token.trim().to_owned()).filter(|token| !token.is_empty()).collect()
}

/// A value table: what a source writes → what is stored.
pub(super) struct Table {
    exact: HashMap<String, String>,
    folded: HashMap<String, String>,
}

impl Table {
    fn new(mapping: &FieldMapping) -> Self {
        let entries = || mapping.values.iter().map(|(from, to)| (from.trim(), to.clone()));
        Self {
            exact: entries().map(|(from, to)| (from.to_owned(), to)).collect(),
            folded: entries().map(|(from, to)| (from.to_lowercase(), to)).collect(),
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.exact.is_empty()
    }

    /// What a trimmed text means: exactly, then whatever its case.
    pub(super) fn get(&self, text: &str) -> Option<&str> {
        if self.is_empty() {
            return None;
        }
        self.exact.get(text).or_else(|| self.folded.get(&text.to_lowercase())).map(String::as_str)
    }
}
