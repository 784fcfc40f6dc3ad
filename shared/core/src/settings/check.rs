//! What settings must hold to, wherever they come from.

use super::{FieldMapping, Limit, OnEmpty, Origin, Problem, Settings, words};
use crate::field::{Field, Kind};
use crate::ids::{ConnectionId, UniqueId};
use crate::mapping::Expression;
use crate::privacy::blocked_column;
use crate::status::Status;
use crate::validate;

/// The longest name of a connection, group or column, in characters.
const LONGEST_NAME: usize = 200;

/// The problems found so far.
struct Found(Vec<Problem>);

impl Found {
    fn add(&mut self, path: impl Into<String>, message: impl Into<String>) {
        self.0.push(Problem { path: path.into(), line: None, message: message.into() });
    }
}

impl Settings {
    /// Everything that is wrong with these settings; empty when they can be saved as active.
    pub fn problems(&self) -> Vec<Problem> {
        let mut found = Found(Vec::new());
        names(self, &mut found);
        group_by(self, &mut found);
        limits(self, &mut found);
        file(self, &mut found);
        if !self.fields.contains_key(&Field::UNIQUE_ID) {
            found.add(
                "fields.unique_id",
                "unique_id must be mapped, or nothing is imported; add [fields.unique_id] with from",
            );
        }
        for (field, mapping) in &self.fields {
            field_mapping(*field, mapping, &mut found);
        }
        found.0
    }
}

fn names(settings: &Settings, found: &mut Found) {
    if ConnectionId::named(&settings.account, &settings.name).is_err() {
        found.add("name", "must hold a letter or digit of A to Z or 0 to 9, and fit 64 characters with the account");
    }
    if settings.group.trim().is_empty() || settings.group.chars().count() > LONGEST_NAME {
        found.add("group", format!("must be a name of 1 to {LONGEST_NAME} characters"));
    }
    // Which ones there are is known where they are: whoever saves a connection looks there.
    if settings.connector.is_empty() || !settings.connector.bytes().all(|byte| byte.is_ascii_lowercase()) {
        found.add("connector", "must be the name of a connector, in lower-case letters, such as \"sftp\"");
    }
    for key in settings.provider.keys() {
        if key.is_empty() || !key.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_') {
            found.add(format!("provider.{key}"), "a key has letters, digits and _ only");
        }
    }
    for address in &settings.report_to {
        if let Err(error) = checked_email(address) {
            found.add("report_to", format!("{address:?} {error}"));
        }
    }
    if let Some(country) = &settings.default_country
        && validate::country(country).ok().and_then(|alpha2| validate::region(&alpha2)).is_none()
    {
        found.add("default_country", format!("{country:?} is not a country; write its ISO code, such as US"));
    }
    for id in &settings.never_remove {
        if let Err(error) = UniqueId::parse(id) {
            found.add("never_remove", format!("an id {error}"));
        }
    }
}

fn checked_email(address: &str) -> Result<(), String> {
    match validate::email(address) {
        Ok(address) if address.is_empty() => Err("is empty".to_owned()),
        Ok(_) => Ok(()),
        Err(error) => Err(error.to_string()),
    }
}

fn group_by(settings: &Settings, found: &mut Found) {
    if settings.group_by.len() > 3 {
        found.add("group_by", "takes at most 3 fields");
    }
    for (at, field) in settings.group_by.iter().enumerate() {
        let name = field.name();
        let why = match settings.fields.get(field) {
            _ if settings.group_by[..at].contains(field) => "stands twice",
            _ if !field.spec().dynamic => {
                "cannot make groups: names, ids, contact channels and street lines are different for nearly everyone"
            }
            None => "cannot make groups because it is not mapped; add its [fields] table",
            Some(mapping) if mapping.multiple => {
                "cannot make groups because it holds multiple values; a group needs one value a person"
            }
            Some(_) => continue,
        };
        found.add("group_by", format!("{name} {why}"));
    }
}

fn limits(settings: &Settings, found: &mut Found) {
    let gates = &settings.gates;
    let limits = [
        ("removals", gates.removals),
        ("updates", gates.updates),
        ("new", gates.new),
        ("rows", gates.rows),
        ("field_change", gates.field_change),
    ];
    for (key, limit) in limits {
        if matches!(limit, Limit::Percent(percent) if !(0.0..=100.0).contains(&percent)) {
            found.add(format!("gates.{key}"), "must lie between 0% and 100%");
        }
    }
    if settings.absent_grace > 5 {
        found.add("absent_grace", "must be 0 to 5");
    }
}

fn file(settings: &Settings, found: &mut Found) {
    let file = &settings.file;
    let separator = file.multi_value_separator;
    if separator.is_alphanumeric() || matches!(separator, '"' | ' ' | '@' | '+') || separator == '\u{feff}' {
        found.add("file.multi_value_separator", "must be a character that no value holds, such as \";\" or \"|\"");
    }
    if let Some(pattern) = &file.pattern
        && let Some(message) = pattern_problem(pattern)
    {
        found.add("file.pattern", message);
    }
}

fn pattern_problem(pattern: &str) -> Option<String> {
    if pattern.trim().is_empty() {
        return Some("is empty; leave it out to take every name".to_owned());
    }
    if pattern.contains(['/', '\\']) {
        return Some("is a file name, not a path".to_owned());
    }
    let mut rest = pattern;
    while let Some(at) = rest.find(['{', '}']) {
        let inside = rest[at..].strip_prefix('{').and_then(|after| after.split_once('}'));
        let Some((run, after)) = inside else {
            return Some("has a brace that is not paired".to_owned());
        };
        if !is_run(run) {
            return Some(format!(
                "{{{run}}} is unknown; allowed are yyyy, yy, mm, dd, hh, mi and ss, or runs of them such as {{mmddyyyy}}"
            ));
        }
        rest = after;
    }
    None
}

/// Whether the text between braces is one or several date parts.
fn is_run(mut run: &str) -> bool {
    let parts = ["yyyy", "yy", "mm", "dd", "hh", "mi", "ss"];
    if run.is_empty() {
        return false;
    }
    while !run.is_empty() {
        let Some(rest) = parts.iter().find_map(|part| run.strip_prefix(part)) else { return false };
        run = rest.strip_prefix(['-', '_', '.', ' ']).unwrap_or(rest);
    }
    true
}

fn field_mapping(field: Field, mapping: &FieldMapping, found: &mut Found) {
    let path = format!("fields.{}", field.name());
    origin(&path, mapping, found);
    format(field, &path, mapping, found);
    for transform in &mapping.transforms {
        if !words::TRANSFORMS.contains(&transform.as_str()) {
            let hint = words::hint(transform, words::TRANSFORMS);
            let allowed = words::listed(words::TRANSFORMS);
            found.add(format!("{path}.transforms"), format!("{transform:?} is unknown{hint}; allowed are {allowed}"));
        }
    }
    if mapping.required && mapping.on_empty == Some(OnEmpty::Clear) {
        found.add(format!("{path}.on_empty"), "a required field is never cleared; leave out required or on_empty");
    }
    if let Some(token) = mapping.clear_tokens.iter().find(|token| mapping.keep_tokens.contains(token)) {
        found.add(format!("{path}.keep"), format!("{token:?} stands in clear too"));
    }
    single(field, &path, mapping, found);
    values(field, &path, mapping, found);
}

fn origin(path: &str, mapping: &FieldMapping, found: &mut Found) {
    match &mapping.origin {
        Origin::Column(column) if column.trim().is_empty() => found.add(format!("{path}.from"), "names no column"),
        Origin::Column(column) => {
            if let Some(reason) = blocked_column(column) {
                found.add(format!("{path}.from"), blocked(column, reason));
            }
        }
        Origin::Expression(source) => match Expression::compile(source) {
            Err(error) => found.add(format!("{path}.expr"), error.to_string()),
            Ok(expression) => {
                for column in expression.columns() {
                    if let Some(reason) = blocked_column(column) {
                        found.add(format!("{path}.expr"), blocked(column, reason));
                    }
                }
            }
        },
    }
}

fn blocked(column: &str, reason: &str) -> String {
    format!("the column {column:?} cannot be mapped: {reason}")
}

fn format(field: Field, path: &str, mapping: &FieldMapping, found: &mut Found) {
    let Some(format) = &mapping.format else { return };
    if field.spec().kind != Kind::Date {
        found.add(format!("{path}.format"), "belongs to date fields only; leave it out");
    } else if let Err(error) = validate::DateFormat::parse(format) {
        found.add(format!("{path}.format"), format!("{format:?} {error}"));
    }
}

/// Settings that a field which must have exactly one value cannot have.
fn single(field: Field, path: &str, mapping: &FieldMapping, found: &mut Found) {
    let kind = field.spec().kind;
    if mapping.multiple && matches!(kind, Kind::UniqueId | Kind::Status | Kind::Date) {
        found.add(format!("{path}.multiple"), format!("{} holds one value only", field.name()));
    }
    if !matches!(kind, Kind::UniqueId | Kind::Status) {
        return;
    }
    let why = "has no meaning here: a person without this value is left as stored";
    if mapping.on_empty.is_some() {
        found.add(format!("{path}.on_empty"), why);
    }
    if !mapping.clear_tokens.is_empty() {
        found.add(format!("{path}.clear"), why);
    }
    if !mapping.keep_tokens.is_empty() {
        found.add(format!("{path}.keep"), why);
    }
    if kind == Kind::UniqueId && !mapping.values.is_empty() {
        found.add(format!("{path}.values"), "unique ids are taken as they are; leave it out");
    }
}

fn values(field: Field, path: &str, mapping: &FieldMapping, found: &mut Found) {
    let kind = field.spec().kind;
    let mut seen: Vec<(String, &String)> = Vec::new();
    for (from, to) in &mapping.values {
        let path = format!("{path}.values.{from}");
        let folded = from.trim().to_lowercase();
        if seen.iter().any(|(before, meant)| *before == folded && *meant != to) {
            found.add(path.clone(), "stands twice with different values (case does not count)");
        }
        seen.push((folded, to));
        if kind == Kind::Status && Status::from_word(to).is_none() {
            let allowed = words::listed(Status::ALL.map(Status::as_str));
            found.add(path.clone(), format!("{to:?} is not a status; allowed are {allowed}"));
        }
        let context = validate::Context { max_chars: field.spec().max_chars, ..validate::Context::default() };
        if !matches!(kind, Kind::Date | Kind::Phone | Kind::Status)
            && let Err(error) = validate::value(kind, to, &context)
        {
            found.add(path, format!("{to:?} {error}"));
        }
    }
}
