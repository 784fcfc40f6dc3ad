//! A mapping with its columns found in a header.

use std::collections::HashMap;

use cel::objects::Key;
use cel::{Context, Value};

use super::expression::{self, Expression, Outcome};
use super::header::{Found, Header, shown};
use super::rule::{Rule, Source};
use super::{Mapping, NOT_GIVEN, STAYS};
use crate::field::Field;
use crate::issue::{Code, Issue};
use crate::privacy::{MASK, blocked_column, blocked_value};
use crate::validate::without_formula_guard;

/// A mapping bound to one file's header.
pub struct Bound<'m> {
    pub(super) mapping: &'m Mapping,
    pub(super) id: Place<'m>,
    pub(super) status: Option<Place<'m>>,
    /// Beside [`Mapping::rules`].
    pub(super) places: Vec<Place<'m>>,
    names: Vec<String>,
    blocked: Vec<bool>,
    context: Context<'static, 'static>,
}

/// Where a field's text comes from in this file.
pub(super) enum Place<'m> {
    Absent,
    Column(usize),
    Expression(&'m Expression, Vec<(Key, usize)>),
}

/// What an expression could not be evaluated for.
pub(super) enum Failure {
    /// A cell it takes is blocked, for this reason.
    Blocked(&'static str),
    /// It failed, with this message.
    Failed(String),
}

impl<'m> Bound<'m> {
    pub(super) fn new(mapping: &'m Mapping, names: &[String]) -> (Self, Vec<Issue>) {
        let reasons: Vec<_> = names.iter().map(|name| blocked_column(name)).collect();
        let blocked: Vec<bool> = reasons.iter().map(Option::is_some).collect();
        let mut finder = Finder { header: Header::new(names), blocked: &blocked, issues: Vec::new() };
        let id = finder.place(&mapping.id);
        if matches!(id, Place::Absent) {
            finder.id_is_absent(mapping);
        }
        let status = mapping.status.as_ref().map(|rule| finder.place(rule));
        let places = mapping.rules.iter().map(|rule| finder.place(rule)).collect();
        let mut issues = finder.issues;
        for (name, reason) in names.iter().zip(reasons) {
            if let Some(reason) = reason {
                let message = format!("the column {} was left out: {reason}; take it out of the export", shown(name));
                let mut issue = Issue::file(Code::ColumnBlocked, message);
                issue.column = Some(name.clone());
                issues.push(issue);
            }
        }
        let context = expression::context();
        (Self { mapping, id, status, places, names: names.to_vec(), blocked, context }, issues)
    }

    /// The column that is the unique id as it stands: mapped without expression and transforms. Its
    /// cells are read by [`super::plain_id`].
    pub fn key_column(&self) -> Option<usize> {
        match self.id {
            Place::Column(at) if self.mapping.id.transforms.is_empty() => Some(at),
            _ => None,
        }
    }

    /// A record's cells for a report: blocked columns and blocked values masked.
    pub fn original(&self, cells: &[&str]) -> Vec<String> {
        cells.iter().enumerate().map(|(at, cell)| self.masked(at, cell).to_owned()).collect()
    }

    fn masked<'c>(&self, at: usize, cell: &'c str) -> &'c str {
        if cell == NOT_GIVEN || cell.starts_with(STAYS) {
            return "";
        }
        let blocked = self.blocked.get(at).is_some_and(|blocked| *blocked) && !cell.trim().is_empty();
        if blocked || blocked_value(cell).is_some() { MASK } else { cell }
    }

    pub(super) fn name(&self, at: usize) -> Option<&str> {
        self.names.get(at).map(String::as_str)
    }

    pub(super) fn evaluate(
        &self,
        expression: &Expression,
        columns: &[(Key, usize)],
        cells: &[&str],
    ) -> Result<Outcome, Failure> {
        let mut row = HashMap::with_capacity(columns.len());
        for (name, at) in columns {
            let Some(cell) = cells.get(*at) else { continue };
            if *cell == NOT_GIVEN {
                row.insert(name.clone(), Value::from(""));
                continue;
            }
            let text = without_formula_guard(cell).trim();
            if let Some(reason) = blocked_value(text) {
                return Err(Failure::Blocked(reason));
            }
            row.insert(name.clone(), Value::from(text));
        }
        expression.evaluate(&self.context, row).map_err(Failure::Failed)
    }
}

/// Finds places and notes what is wrong with the header.
struct Finder<'h> {
    header: Header<'h>,
    blocked: &'h [bool],
    issues: Vec<Issue>,
}

impl Finder<'_> {
    fn place<'m>(&mut self, rule: &'m Rule) -> Place<'m> {
        match &rule.source {
            Source::Column(name) => self.column(rule.field, name).map_or(Place::Absent, Place::Column),
            Source::Expression(expression) => self.expression(rule.field, expression),
        }
    }

    fn expression<'m>(&mut self, field: Field, expression: &'m Expression) -> Place<'m> {
        let mut columns = Vec::new();
        if expression.takes_whole_row() {
            let open = self.header.names.iter().enumerate().filter(|(at, _)| !self.blocked[*at]);
            columns.extend(open.map(|(at, name)| (Key::from(name.trim()), at)));
        }
        let mut complete = true;
        for name in expression.needed() {
            match self.column(field, name) {
                Some(at) => columns.push((Key::from(name), at)),
                None => complete = false,
            }
        }
        for name in expression.columns() {
            if let Found::At(at) = self.header.find(name)
                && !self.blocked[at]
            {
                columns.push((Key::from(name), at));
            }
        }
        columns.sort();
        columns.dedup();
        if complete { Place::Expression(expression, columns) } else { Place::Absent }
    }

    fn column(&mut self, field: Field, name: &str) -> Option<usize> {
        let (code, message) = match self.header.find(name) {
            Found::At(at) if !self.blocked[at] => return Some(at),
            // Told once for the column itself.
            Found::At(_) => return None,
            Found::Several(at) => {
                let names: Vec<String> = at.iter().map(|at| shown(&self.header.names[*at])).collect();
                let message = format!(
                    "{} columns could be {name:?} of {}: {}; leave one in the export",
                    at.len(),
                    field.name(),
                    names.join(", ")
                );
                (Code::Header, message)
            }
            Found::Nowhere if field == Field::UNIQUE_ID => return None,
            Found::Nowhere if field == Field::EMPLOYMENT_STATUS => {
                let message = format!(
                    "the column {name:?} of employment_status is not in the file{}; without it nobody's status is \
                     known; found are {}",
                    self.header.hint(name),
                    self.header.listed()
                );
                (Code::Header, message)
            }
            Found::Nowhere => {
                let message = format!(
                    "the column {name:?} of {} is not in the file{}; what is stored stays",
                    field.name(),
                    self.header.hint(name)
                );
                (Code::ColumnAbsent, message)
            }
        };
        let mut issue = Issue::file(code, message);
        issue.field = Some(field);
        issue.column = Some(name.to_owned());
        self.issues.push(issue);
        None
    }

    fn id_is_absent(&mut self, mapping: &Mapping) {
        let expected: Vec<&str> = columns_of(&mapping.id).collect();
        let others = mapping.status.iter().chain(&mapping.rules).flat_map(columns_of);
        let mut all: Vec<String> = Vec::new();
        for name in expected.iter().copied().chain(others).map(|name| format!("{name:?}")) {
            if !all.contains(&name) {
                all.push(name);
            }
        }
        let hint = expected.first().map_or_else(String::new, |name| self.header.hint(name));
        let message = format!(
            "the unique id's column {:?} is not in the header{hint}; expected are {}; found are {}",
            expected.join(", "),
            all.join(", "),
            self.header.listed()
        );
        let mut issue = Issue::file(Code::Header, message);
        issue.field = Some(Field::UNIQUE_ID);
        issue.column = expected.first().map(|name| (*name).to_owned());
        self.issues.push(issue);
    }
}

fn columns_of(rule: &Rule) -> Box<dyn Iterator<Item = &str> + '_> {
    match &rule.source {
        Source::Column(name) => Box::new(std::iter::once(name.as_str())),
        Source::Expression(expression) => Box::new(expression.needed()),
    }
}
