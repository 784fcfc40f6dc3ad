//! A TOML document read with the path and line of everything in it.

use std::collections::BTreeMap;

use ::toml::de::{DeTable, DeValue};

use super::super::error::Problem;
use super::super::words::{self, Words};
use crate::settings::Limit;

/// The text, what was found wrong, and where every key stands.
pub(super) struct Document<'t> {
    text: &'t str,
    pub(super) problems: Vec<Problem>,
    lines: BTreeMap<String, usize>,
}

/// A value with its path and line.
pub(super) struct Item<'d> {
    pub(super) path: String,
    pub(super) line: usize,
    value: &'d DeValue<'d>,
}

/// A table's entries.
pub(super) struct Section<'d> {
    entries: Vec<(String, Item<'d>)>,
}

impl<'d> Section<'d> {
    pub(super) fn get(&self, key: &str) -> Option<&Item<'d>> {
        self.entries.iter().find(|(name, _)| name == key).map(|(_, item)| item)
    }

    pub(super) fn entries(&self) -> impl Iterator<Item = (&str, &Item<'d>)> {
        self.entries.iter().map(|(name, item)| (name.as_str(), item))
    }
}

impl<'t> Document<'t> {
    pub(super) fn new(text: &'t str) -> Self {
        Self { text, problems: Vec::new(), lines: BTreeMap::new() }
    }

    pub(super) fn line_at(&self, offset: usize) -> usize {
        1 + self.text.as_bytes().iter().take(offset).filter(|byte| **byte == b'\n').count()
    }

    /// The line of a key, or of the nearest table around it.
    pub(super) fn line_of(&self, path: &str) -> Option<usize> {
        let mut path = path;
        loop {
            if let Some(line) = self.lines.get(path) {
                return Some(*line);
            }
            path = path.rsplit_once('.')?.0;
        }
    }

    pub(super) fn problem(&mut self, path: &str, line: Option<usize>, message: impl Into<String>) {
        self.problems.push(Problem { path: path.to_owned(), line, message: message.into() });
    }

    fn wrong(&mut self, item: &Item<'_>, allowed: &str) {
        let message = format!("must be {allowed}, not {}", described(item.value));
        self.problem(&item.path, Some(item.line), message);
    }

    /// A table whose keys are free.
    pub(super) fn open<'d>(&mut self, path: &str, table: &'d DeTable<'d>) -> Section<'d> {
        let mut entries = Vec::new();
        for (key, value) in table {
            let name = key.get_ref().to_string();
            let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
            let line = self.line_at(key.span().start);
            self.lines.insert(path.clone(), line);
            entries.push((name, Item { path, line, value: value.get_ref() }));
        }
        Section { entries }
    }

    /// A table with known keys; others are refused.
    pub(super) fn section<'d>(&mut self, path: &str, table: &'d DeTable<'d>, known: &[&str]) -> Section<'d> {
        let section = self.open(path, table);
        for (name, item) in section.entries() {
            if !known.contains(&name) {
                let hint = words::hint(name, known.iter().copied());
                self.problem(
                    &item.path,
                    Some(item.line),
                    format!("unknown key{hint}; allowed are {}", known.join(", ")),
                );
            }
        }
        section
    }

    pub(super) fn table<'d>(&mut self, item: &Item<'d>) -> Option<&'d DeTable<'d>> {
        let table = item.value.as_table();
        if table.is_none() {
            self.wrong(item, "a table");
        }
        table
    }

    pub(super) fn string(&mut self, item: Option<&Item<'_>>) -> Option<String> {
        let item = item?;
        let text = item.value.as_str().map(str::to_owned);
        if text.is_none() {
            self.wrong(item, "a text in quotes");
        }
        text
    }

    /// A text, or a whole number or switch as it is written.
    pub(super) fn plain(&mut self, item: &Item<'_>) -> Option<String> {
        if let Some(flag) = item.value.as_bool() {
            return Some(flag.to_string());
        }
        if let Some(number) = integer(item.value) {
            return Some(number.to_string());
        }
        self.string(Some(item))
    }

    pub(super) fn boolean(&mut self, item: Option<&Item<'_>>) -> Option<bool> {
        let item = item?;
        let flag = item.value.as_bool();
        if flag.is_none() {
            self.wrong(item, "true or false");
        }
        flag
    }

    /// A list of texts; one text alone counts as a list of one.
    pub(super) fn strings(&mut self, item: Option<&Item<'_>>) -> Option<Vec<String>> {
        let item = item?;
        if let Some(text) = item.value.as_str() {
            return Some(vec![text.to_owned()]);
        }
        let texts = item.value.as_array().and_then(|list| {
            list.iter().map(|entry| entry.get_ref().as_str().map(str::to_owned)).collect::<Option<Vec<_>>>()
        });
        if texts.is_none() {
            self.wrong(item, "a list of texts in quotes");
        }
        texts
    }

    pub(super) fn number(&mut self, item: Option<&Item<'_>>, most: u64) -> Option<u64> {
        let item = item?;
        let number = integer(item.value).filter(|number| *number <= most);
        if number.is_none() {
            self.wrong(item, &format!("a whole number from 0 to {most}"));
        }
        number
    }

    pub(super) fn one_of<T: Copy>(&mut self, item: Option<&Item<'_>>, words: &Words<T>) -> Option<T> {
        let item = item?;
        let found = item.value.as_str().and_then(|text| words.iter().find(|(word, _)| *word == text));
        if found.is_none() {
            let near = words::hint(item.value.as_str().unwrap_or_default(), words.iter().map(|(word, _)| *word));
            let shown = words.iter().map(|(word, _)| *word).filter(|word| *word != "\t");
            self.wrong(item, &format!("{}{near}", words::listed(shown)));
        }
        found.map(|(_, meant)| *meant)
    }

    pub(super) fn limit(&mut self, item: Option<&Item<'_>>) -> Option<Limit> {
        let item = item?;
        let limit = match item.value.as_str() {
            Some(text) => limit_of(text),
            None => integer(item.value).map(Limit::Count),
        };
        if limit.is_none() {
            self.wrong(item, "a percentage such as \"10%\" (0% to 100%) or a count such as 25");
        }
        limit
    }
}

fn integer(value: &DeValue<'_>) -> Option<u64> {
    let number = value.as_integer()?;
    u64::from_str_radix(number.as_str().trim_start_matches('+'), number.radix()).ok()
}

fn limit_of(text: &str) -> Option<Limit> {
    let text = text.trim();
    let Some(percent) = text.strip_suffix('%') else {
        return text.parse().ok().map(Limit::Count);
    };
    let percent = percent.trim_end();
    let plain = percent.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    let percent: f64 = percent.parse().ok().filter(|_| plain)?;
    (0.0..=100.0).contains(&percent).then_some(Limit::Percent(percent))
}

fn described(value: &DeValue<'_>) -> String {
    match value {
        DeValue::String(text) => format!("{:?}", text.chars().take(60).collect::<String>()),
        DeValue::Integer(number) => number.as_str().to_owned(),
        DeValue::Float(number) => number.as_str().to_owned(),
        DeValue::Boolean(flag) => flag.to_string(),
        DeValue::Array(_) => "a list".to_owned(),
        DeValue::Table(_) => "a table".to_owned(),
        DeValue::Datetime(_) => "a date".to_owned(),
    }
}
