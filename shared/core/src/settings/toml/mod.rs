//! Settings as a connection file.

mod document;
mod fields;
mod flat;
mod write;

use std::borrow::Cow;
use std::collections::BTreeMap;

use ::toml::de::DeTable;

pub use self::flat::flat;

use self::document::{Document, Item, Section};
pub(super) use self::fields::types_of;
use super::error::{Problem, SettingsError};
use super::{Cadence, FileSettings, GateLimits, Settings, Switches, words};
use crate::field::Field;
use crate::ids::AccountId;
use crate::validate;

const TOP: [&str; 23] = [
    "account",
    "name",
    "connector",
    "cadence",
    "late_after",
    "provider",
    "credentials",
    "group",
    "import",
    "mode",
    "group_by",
    "groups_public",
    "on_new_value",
    "report_to",
    "default_country",
    "on_new",
    "on_absent",
    "absent_grace",
    "never_remove",
    "switches",
    "file",
    "gates",
    "fields",
];
const FILE: [&str; 6] = ["pattern", "delimiter", "encoding", "stray_quotes", "skip_lines", "multi_value_separator"];
const GATES: [&str; 5] = ["removals", "updates", "new", "rows", "field_change"];
const SWITCHES: [&str; 4] = ["adds", "updates", "deactivations", "removals"];

impl Settings {
    /// Reads a connection file. Everything that is wrong is told at once: unknown keys with the nearest
    /// known one, wrong types, values that are not allowed, and whatever [`Settings::problems`] finds.
    ///
    /// Required are `account`, `name` and `[fields.unique_id]`; the other defaults stand at
    /// [`Settings::new`].
    ///
    /// # Errors
    /// [`SettingsError`] with path and line of every problem.
    pub fn from_toml(text: &str) -> Result<Self, SettingsError> {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let mut document = Document::new(text);
        let table = DeTable::parse(text).map_err(|error| {
            let line = error.span().map(|span| document.line_at(span.start));
            let message = format!("is not TOML: {}", error.message());
            SettingsError { problems: vec![Problem { path: String::new(), line, message }] }
        })?;
        let settings = read(&mut document, table.get_ref());
        for mut problem in settings.problems() {
            let told =
                |told: &Problem| told.path == problem.path || told.path.starts_with(&format!("{}.", problem.path));
            if !document.problems.iter().any(told) {
                problem.line = document.line_of(&problem.path);
                document.problems.push(problem);
            }
        }
        document.problems.sort_by_key(|problem| problem.line.unwrap_or(usize::MAX));
        SettingsError::unless_empty(document.problems)?;
        Ok(settings)
    }

    /// The connection file that reads back as these settings. Keys that hold their default are left out.
    pub fn to_toml(&self) -> String {
        write::settings(self)
    }
}

/// What could be read; what could not is told in the document and holds its default.
fn read(document: &mut Document<'_>, table: &DeTable<'_>) -> Settings {
    let top = document.section("", table, &TOP);
    let account = account(document, &top);
    let name = required(document, &top, "name").unwrap_or_else(|| "unnamed".to_owned());
    let mut settings = Settings::new(account, name);
    whole(document, &top, &mut settings);
    if let Some(table) = top.get("file").and_then(|item| document.table(item)) {
        let section = document.section("file", table, &FILE);
        file(document, &section, &mut settings.file);
    }
    if let Some(table) = top.get("gates").and_then(|item| document.table(item)) {
        let section = document.section("gates", table, &GATES);
        gates(document, &section, &mut settings.gates);
    }
    if let Some(table) = top.get("switches").and_then(|item| document.table(item)) {
        let section = document.section("switches", table, &SWITCHES);
        switches(document, &section, &mut settings.switches);
    }
    if let Some(table) = top.get("fields").and_then(|item| document.table(item)) {
        settings.fields = fields::read(document, table);
    }
    settings.provider = texts(document, &top, "provider");
    // Looked at so that a wrong one is told; never part of the settings, which are stored and shown.
    texts(document, &top, "credentials");
    settings
}

/// A table of texts under free keys; whole numbers and switches count as the texts they are written as.
fn texts(document: &mut Document<'_>, top: &Section<'_>, name: &str) -> BTreeMap<String, String> {
    let Some(table) = top.get(name).and_then(|item| document.table(item)) else { return BTreeMap::new() };
    let section = document.open(name, table);
    section.entries().filter_map(|(key, item)| Some((key.to_owned(), document.plain(item)?))).collect()
}

fn cadence(document: &mut Document<'_>, item: Option<&Item<'_>>) -> Option<Cadence> {
    let text = document.string(item)?;
    let cadence = Cadence::parse(&text);
    if cadence.is_none() {
        let allowed = "\"automated\" (24 hours), \"assisted\" (7 days), or an interval from \"15m\" to \"31d\"";
        document.problem("cadence", item.map(|item| item.line), format!("must be {allowed}, not {text:?}"));
    }
    cadence
}

fn late_after(document: &mut Document<'_>, item: Option<&Item<'_>>) -> Option<u32> {
    let text = document.string(item)?;
    let late = super::minutes(&text).filter(|late| *late <= 31 * 24 * 60);
    if late.is_none() {
        let message = format!("must be an interval such as \"90m\", \"6h\" or \"2d\", not {text:?}");
        document.problem("late_after", item.map(|item| item.line), message);
    }
    late
}

/// The `[credentials]` of a connection file, which are never part of the settings. Empty where the file has none, or
/// is not TOML (which [`Settings::from_toml`] tells).
pub fn credentials_of(text: &str) -> BTreeMap<String, String> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut document = Document::new(text);
    let Ok(table) = DeTable::parse(text) else { return BTreeMap::new() };
    let top = document.open("", table.get_ref());
    texts(&mut document, &top, "credentials")
}

fn required(document: &mut Document<'_>, section: &Section<'_>, key: &str) -> Option<String> {
    if section.get(key).is_none() {
        document.problem(key, None, "is missing");
    }
    document.string(section.get(key))
}

fn account(document: &mut Document<'_>, top: &Section<'_>) -> AccountId {
    let line = top.get("account").map(|item| item.line);
    let placeholder = AccountId::parse("unknown");
    let read = required(document, top, "account").map(|text| AccountId::parse(&text));
    let account = match read {
        Some(Err(error)) => {
            document.problem("account", line, error.to_string());
            placeholder
        }
        Some(read) => read,
        None => placeholder,
    };
    #[expect(clippy::unwrap_used, reason = "the placeholder is a slug")]
    account.unwrap()
}

/// The keys outside of any table.
fn whole(document: &mut Document<'_>, top: &Section<'_>, settings: &mut Settings) {
    set(document.string(top.get("connector")), &mut settings.connector);
    settings.cadence = cadence(document, top.get("cadence"));
    settings.late_after_minutes = late_after(document, top.get("late_after"));
    set(document.string(top.get("group")), &mut settings.group);
    set(document.one_of(top.get("import"), words::IMPORT), &mut settings.import);
    set(document.one_of(top.get("mode"), words::MODE), &mut settings.mode);
    set(document.one_of(top.get("on_new"), words::ON_NEW), &mut settings.on_new);
    set(document.one_of(top.get("on_absent"), words::ON_ABSENT), &mut settings.on_absent);
    set(document.one_of(top.get("on_new_value"), words::ON_NEW_VALUE), &mut settings.on_new_value);
    set(document.boolean(top.get("groups_public")), &mut settings.groups_are_public);
    set(document.strings(top.get("report_to")), &mut settings.report_to);
    set(document.strings(top.get("never_remove")), &mut settings.never_remove);
    let country = document.string(top.get("default_country"));
    settings.default_country = country.map(|name| validate::country(&name).map(Cow::into_owned).unwrap_or(name));
    set(document.number(top.get("absent_grace"), 5).map(|number| number as u8), &mut settings.absent_grace);
    settings.group_by = group_by(document, top.get("group_by"));
}

fn set<T>(read: Option<T>, place: &mut T) {
    if let Some(value) = read {
        *place = value;
    }
}

fn group_by(document: &mut Document<'_>, item: Option<&Item<'_>>) -> Vec<Field> {
    let names = document.strings(item).unwrap_or_default();
    let line = item.map(|item| item.line);
    let mut fields = Vec::new();
    for name in names {
        match Field::by_name(&name) {
            Some(field) => fields.push(field),
            None => {
                let hint = words::hint(&name, Field::all().map(Field::name));
                document.problem("group_by", line, format!("{name:?} is not a field{hint}"));
            }
        }
    }
    fields
}

fn file(document: &mut Document<'_>, section: &Section<'_>, file: &mut FileSettings) {
    file.pattern = document.string(section.get("pattern"));
    set(document.one_of(section.get("delimiter"), words::DELIMITER), &mut file.delimiter);
    set(document.one_of(section.get("encoding"), words::ENCODING), &mut file.encoding);
    set(document.one_of(section.get("stray_quotes"), words::STRAY_QUOTES), &mut file.stray_quotes_are_text);
    set(document.number(section.get("skip_lines"), 100).map(|number| number as u32), &mut file.skip_lines);
    separator(document, section.get("multi_value_separator"), file);
}

fn separator(document: &mut Document<'_>, item: Option<&Item<'_>>, file: &mut FileSettings) {
    let Some(text) = document.string(item) else { return };
    let mut chars = text.chars();
    match (chars.next(), chars.next()) {
        (Some(c), None) => file.multi_value_separator = c,
        _ => {
            let path = item.map_or("", |item| item.path.as_str());
            document.problem(path, item.map(|item| item.line), "must be one character, such as \";\"");
        }
    }
}

fn gates(document: &mut Document<'_>, section: &Section<'_>, gates: &mut GateLimits) {
    set(document.limit(section.get("removals")), &mut gates.removals);
    set(document.limit(section.get("updates")), &mut gates.updates);
    set(document.limit(section.get("new")), &mut gates.new);
    set(document.limit(section.get("rows")), &mut gates.rows);
    set(document.limit(section.get("field_change")), &mut gates.field_change);
}

fn switches(document: &mut Document<'_>, section: &Section<'_>, switches: &mut Switches) {
    set(document.boolean(section.get("adds")), &mut switches.adds);
    set(document.boolean(section.get("updates")), &mut switches.updates);
    set(document.boolean(section.get("deactivations")), &mut switches.deactivations);
    set(document.boolean(section.get("removals")), &mut switches.removals);
}

#[cfg(test)]
mod tests;
