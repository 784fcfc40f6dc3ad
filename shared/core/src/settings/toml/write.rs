//! Settings written as a connection file.

use std::fmt::Write as _;

use super::super::{FieldMapping, GateLimits, Limit, Origin, Settings, Switches, words};
use super::fields::types_of;
use crate::field::Field;

/// A file in the making. Writing to a `String` cannot fail.
struct Writer(String);

impl Writer {
    fn line(&mut self, key: &str, value: impl std::fmt::Display) {
        let _ = writeln!(self.0, "{key} = {value}");
    }

    fn text(&mut self, key: &str, value: &str) {
        self.line(key, quoted(value));
    }

    fn texts<'a>(&mut self, key: &str, values: impl Iterator<Item = &'a str>) {
        let values: Vec<String> = values.map(quoted).collect();
        if !values.is_empty() {
            self.line(key, format!("[{}]", values.join(", ")));
        }
    }

    /// A table; left out when nothing is written in it.
    fn table(&mut self, name: &str, write: impl FnOnce(&mut Self)) {
        let before = self.0.len();
        let _ = writeln!(self.0, "\n[{name}]");
        let head = self.0.len();
        write(self);
        if self.0.len() == head {
            self.0.truncate(before);
        }
    }
}

/// A basic string on one line, as keys of inline tables need it too.
fn quoted(text: &str) -> String {
    let mut quoted = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => quoted.extend(['\\', c]),
            c if c.is_control() => {
                let _ = write!(quoted, "\\u{:04X}", u32::from(c));
            }
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}

pub(super) fn settings(settings: &Settings) -> String {
    let mut writer = Writer(String::new());
    let default = Settings::new(settings.account.clone(), settings.name.clone());
    whole(&mut writer, settings, &default);
    writer.table("provider", |writer| settings.provider.iter().for_each(|(key, value)| writer.text(key, value)));
    writer.table("file", |writer| file(writer, settings, &default));
    writer.table("gates", |writer| gates(writer, &settings.gates, &default.gates));
    writer.table("switches", |writer| switches(writer, settings.switches));
    for (field, mapping) in &settings.fields {
        writer.table(&format!("fields.{}", field.name()), |writer| field_mapping(writer, *field, mapping));
    }
    writer.0
}

fn whole(writer: &mut Writer, settings: &Settings, default: &Settings) {
    writer.text("account", settings.account.as_str());
    writer.text("name", &settings.name);
    writer.text("connector", &settings.connector);
    if let Some(cadence) = settings.cadence {
        writer.text("cadence", &cadence.to_string());
    }
    if let Some(minutes) = settings.late_after_minutes {
        writer.text("late_after", &super::super::interval(minutes));
    }
    writer.text("group", &settings.group);
    writer.text("import", words::spelled(words::IMPORT, settings.import));
    writer.text("mode", words::spelled(words::MODE, settings.mode));
    writer.texts("group_by", settings.group_by.iter().map(|field| field.name()));
    if settings.groups_are_public {
        writer.line("groups_public", true);
    }
    if settings.on_new_value != default.on_new_value {
        writer.text("on_new_value", words::spelled(words::ON_NEW_VALUE, settings.on_new_value));
    }
    writer.texts("report_to", settings.report_to.iter().map(String::as_str));
    if let Some(country) = &settings.default_country {
        writer.text("default_country", country);
    }
    writer.text("on_new", words::spelled(words::ON_NEW, settings.on_new));
    writer.text("on_absent", words::spelled(words::ON_ABSENT, settings.on_absent));
    if settings.absent_grace != 0 {
        writer.line("absent_grace", settings.absent_grace);
    }
    writer.texts("never_remove", settings.never_remove.iter().map(String::as_str));
}

fn file(writer: &mut Writer, settings: &Settings, default: &Settings) {
    let (file, default) = (&settings.file, &default.file);
    if let Some(pattern) = &file.pattern {
        writer.text("pattern", pattern);
    }
    if file.delimiter != default.delimiter {
        writer.text("delimiter", words::spelled(words::DELIMITER, file.delimiter));
    }
    if file.encoding != default.encoding {
        writer.text("encoding", words::spelled(words::ENCODING, file.encoding));
    }
    if file.stray_quotes_are_text {
        writer.text("stray_quotes", "text");
    }
    if file.skip_lines != 0 {
        writer.line("skip_lines", file.skip_lines);
    }
    if file.multi_value_separator != default.multi_value_separator {
        writer.text("multi_value_separator", file.multi_value_separator.encode_utf8(&mut [0; 4]));
    }
}

fn gates(writer: &mut Writer, gates: &GateLimits, default: &GateLimits) {
    let limits = [
        ("removals", gates.removals, default.removals),
        ("updates", gates.updates, default.updates),
        ("new", gates.new, default.new),
        ("rows", gates.rows, default.rows),
        ("field_change", gates.field_change, default.field_change),
    ];
    for (key, limit, default) in limits {
        match limit {
            limit if limit == default => {}
            Limit::Percent(percent) => writer.text(key, &format!("{percent}%")),
            Limit::Count(count) if i64::try_from(count).is_err() => writer.text(key, &count.to_string()),
            Limit::Count(count) => writer.line(key, count),
        }
    }
}

fn switches(writer: &mut Writer, switches: Switches) {
    let Switches { adds, updates, deactivations, removals } = switches;
    for (key, on) in [("adds", adds), ("updates", updates), ("deactivations", deactivations), ("removals", removals)] {
        if !on {
            writer.line(key, false);
        }
    }
}

fn field_mapping(writer: &mut Writer, field: Field, mapping: &FieldMapping) {
    match &mapping.origin {
        Origin::Column(column) => writer.text("from", column),
        Origin::Expression(source) => writer.text("expr", source),
    }
    if let (Some(data_type), Some(types)) = (mapping.data_type, types_of(field)) {
        writer.text("type", words::spelled(types, data_type));
    }
    if let Some(format) = &mapping.format {
        writer.text("format", format);
    }
    writer.texts("transforms", mapping.transforms.iter().map(String::as_str));
    if let Some(on_empty) = mapping.on_empty {
        writer.text("on_empty", words::spelled(words::ON_EMPTY, on_empty));
    }
    writer.texts("clear", mapping.clear_tokens.iter().map(String::as_str));
    writer.texts("keep", mapping.keep_tokens.iter().map(String::as_str));
    if mapping.required {
        writer.line("required", true);
    }
    if mapping.multiple {
        writer.line("multiple", true);
    }
    if !mapping.values.is_empty() {
        let pairs: Vec<String> =
            mapping.values.iter().map(|(from, to)| format!("{} = {}", quoted(from), quoted(to))).collect();
        writer.line("values", format!("{{ {} }}", pairs.join(", ")));
    }
}
