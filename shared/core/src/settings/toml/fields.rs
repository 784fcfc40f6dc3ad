//! The `[fields.…]` tables.

use std::collections::BTreeMap;

use ::toml::de::DeTable;

use super::super::{DataType, FieldMapping, Origin, words};
use super::document::{Document, Section};
use super::set;
use crate::field::{Field, Kind};

const KEYS: [&str; 11] =
    ["from", "expr", "type", "values", "format", "transforms", "on_empty", "clear", "keep", "required", "multiple"];

pub(super) fn read(document: &mut Document<'_>, table: &DeTable<'_>) -> BTreeMap<Field, FieldMapping> {
    let section = document.open("fields", table);
    let mut fields = BTreeMap::new();
    for (name, item) in section.entries() {
        let Some(field) = Field::by_name(name) else {
            let hint = words::hint(name, Field::all().map(Field::name));
            document.problem(&item.path, Some(item.line), format!("unknown field{hint}"));
            continue;
        };
        if let Some(table) = document.table(item) {
            let section = document.section(&item.path, table, &KEYS);
            fields.insert(field, mapping(document, field, &item.path, &section));
        }
    }
    fields
}

fn mapping(document: &mut Document<'_>, field: Field, path: &str, section: &Section<'_>) -> FieldMapping {
    let mut mapping = FieldMapping::new(origin(document, path, section));
    mapping.data_type = data_type(document, field, section);
    mapping.format = document.string(section.get("format"));
    mapping.on_empty = document.one_of(section.get("on_empty"), words::ON_EMPTY);
    set(document.strings(section.get("transforms")), &mut mapping.transforms);
    set(document.strings(section.get("clear")), &mut mapping.clear_tokens);
    set(document.strings(section.get("keep")), &mut mapping.keep_tokens);
    set(document.boolean(section.get("required")), &mut mapping.required);
    set(document.boolean(section.get("multiple")), &mut mapping.multiple);
    if let Some(table) = section.get("values").and_then(|item| document.table(item)) {
        let values = document.open(&format!("{path}.values"), table);
        for (from, item) in values.entries() {
            if let Some(to) = document.string(Some(item)) {
                mapping.values.insert(from.to_owned(), to);
            }
        }
        if mapping.values.is_empty() {
            document.problem(&format!("{path}.values"), None, "is empty; leave it out to take every value as it is");
        }
    }
    mapping
}

fn origin(document: &mut Document<'_>, path: &str, section: &Section<'_>) -> Origin {
    let from = document.string(section.get("from"));
    let expression = document.string(section.get("expr"));
    match (from, expression) {
        (Some(column), None) => Origin::Column(column),
        (None, Some(source)) => Origin::Expression(source),
        (Some(column), Some(_)) => {
            let line = section.get("expr").map(|item| item.line);
            document.problem(&format!("{path}.expr"), line, "stands beside from; give one of the two");
            Origin::Column(column)
        }
        (None, None) => {
            if section.get("from").or(section.get("expr")).is_none() {
                let line = document.line_of(path);
                document.problem(path, line, "needs from (a column) or expr (an expression)");
            }
            Origin::Column(String::new())
        }
    }
}

fn data_type(document: &mut Document<'_>, field: Field, section: &Section<'_>) -> Option<DataType> {
    let item = section.get("type")?;
    match types_of(field) {
        Some(types) => document.one_of(Some(item), types),
        None => {
            document.problem(&item.path, Some(item.line), "belongs to channel and address fields only; leave it out");
            None
        }
    }
}

/// The types a field may be mapped with, if it has any.
pub(in crate::settings) fn types_of(field: Field) -> Option<&'static words::Words<DataType>> {
    let name = field.name();
    let channel = ["email_", "text_", "voice_"].iter().any(|prefix| name.starts_with(prefix));
    let address = field.spec().kind == Kind::Address || matches!(name, "city" | "region" | "postal_code" | "country");
    match (channel, address) {
        (true, _) => Some(words::CHANNEL_TYPES),
        (_, true) => Some(words::ADDRESS_TYPES),
        _ => None,
    }
}
