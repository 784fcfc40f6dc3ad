//! One record, read through a bound mapping.

use std::borrow::Cow;

use super::bound::{Bound, Failure, Place as Origin};
use super::expression::Outcome;
use super::rule::Rule;
use super::{NOT_GIVEN, STAYS, transform};
use crate::field::{Field, Kind};
use crate::ids::{IdError, UniqueId};
use crate::issue::{Code, Issue, Place};
use crate::privacy::{blocked_id, blocked_value};
use crate::recipient::{Cell, Desired, Value};
use crate::status::Status;
use crate::validate::{self, Context, Invalid, trimmed, without_formula_guard};

/// What a record says.
#[derive(Debug, Clone, PartialEq)]
pub struct Reading {
    /// Who it is about, where that could be told.
    pub unique_id: Option<UniqueId>,
    /// What the person should be; `None` when the person stays as stored.
    pub desired: Option<Desired>,
    /// What was found, each with place, unique id and the masked original record.
    pub issues: Vec<Issue>,
    /// Values that a value table does not have, by field; an employment status that is none too.
    pub unmapped: Vec<(Field, String)>,
    /// Whether the result depends on the day it is read. Expressions have no clock, so never yet.
    pub dated: bool,
}

/// Reads a cell of [`Bound::key_column`] the way [`Bound::read`] does: without the formula guard of our
/// error files, trimmed. `None` where [`Bound::read`] finds no usable id.
pub fn plain_id(cell: &str) -> Option<UniqueId> {
    id_of(cell).ok()
}

/// A finding about the record in hand, before place and person are known.
type Finding = (Code, String);

fn id_of(cell: &str) -> Result<UniqueId, Finding> {
    let text = trimmed(without_formula_guard(trimmed(cell)));
    if is_exponent(text) {
        let message = format!("{} was rewritten by a spreadsheet; export the unique id as text", quoted(text));
        return Err((Code::IdSpreadsheet, message));
    }
    if let Some(reason) = blocked_id(text) {
        return Err((Code::IdInvalid, format!("the unique id {reason}; use the employee number")));
    }
    UniqueId::parse(text).map_err(|error| match error {
        IdError::Empty => (Code::IdMissing, "the unique id is empty; give every person one".to_owned()),
        error => (Code::IdInvalid, format!("the unique id {error}; correct it")),
    })
}

/// `1.23E+10`, as spreadsheets write long numbers.
fn is_exponent(text: &str) -> bool {
    if !text.as_bytes().contains(&b'+') {
        return false;
    }
    let Some((mantissa, exponent)) = text.split_once("E+").or_else(|| text.split_once("e+")) else { return false };
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let (whole, fraction) = mantissa.split_once(['.', ',']).unwrap_or((mantissa, "0"));
    digits(whole) && digits(fraction) && digits(exponent)
}

impl Bound<'_> {
    /// Reads one record. `cells` are in the header's order; a cell that is not there says nothing.
    pub fn read(&self, cells: &[&str], place: Place) -> Reading {
        let mut record = Record { bound: self, cells, issues: Vec::new(), unmapped: Vec::new() };
        let Some(unique_id) = record.unique_id() else {
            return record.done(None, None, place);
        };
        if let Some(reason) = cells.iter().find_map(|cell| cell.strip_prefix(STAYS)) {
            record.stays(reason);
            return record.done(Some(unique_id), None, place);
        }
        let status = record.status();
        let mut fields = Vec::with_capacity(self.places.len());
        for (rule, origin) in self.mapping.rules.iter().zip(&self.places) {
            fields.push((rule.field, record.cell(rule, origin)));
        }
        let desired = status.map(|status| Desired { unique_id: unique_id.clone(), status, cells: fields });
        record.done(Some(unique_id), desired, place)
    }
}

/// A record in the course of being read.
struct Record<'r> {
    bound: &'r Bound<'r>,
    cells: &'r [&'r str],
    issues: Vec<Issue>,
    unmapped: Vec<(Field, String)>,
}

impl<'r> Record<'r> {
    fn done(mut self, unique_id: Option<UniqueId>, desired: Option<Desired>, place: Place) -> Reading {
        if !self.issues.is_empty() {
            let original = self.bound.original(self.cells);
            for issue in &mut self.issues {
                issue.place = place;
                issue.unique_id.clone_from(&unique_id);
                issue.original.clone_from(&original);
            }
        }
        Reading { unique_id, desired, issues: self.issues, unmapped: self.unmapped, dated: false }
    }

    fn issue(&mut self, rule: &Rule, origin: &Origin<'_>, (code, message): Finding) {
        if matches!(code, Code::UnmappedValue | Code::UnknownStatus) {
            let said = self.bound.said_of(rule.field, self.cells).into_iter();
            self.unmapped.extend(said.filter_map(|said| Some((rule.field, said.unmapped()?))));
        }
        let mut issue = Issue::at(code, Place::default(), message);
        issue.field = Some(rule.field);
        issue.column = match origin {
            Origin::Column(at) => self.bound.name(*at).map(str::to_owned),
            _ => None,
        };
        self.issues.push(issue);
    }

    /// Notes why the person stays as stored.
    fn stays(&mut self, reason: &str) {
        let (code, message) = match reason.strip_prefix('+') {
            Some(message) => (Code::PersonNewer, message),
            None => (Code::PersonUnread, reason),
        };
        self.issues.push(Issue::at(code, Place::default(), message));
    }

    /// The text of a field that has one value, or why there is none.
    fn single(&self, origin: &Origin<'_>) -> Result<Cow<'r, str>, Finding> {
        match origin {
            Origin::Absent => Ok(Cow::Borrowed("")),
            Origin::Column(at) => {
                let cell = self.cells.get(*at).copied().unwrap_or_default();
                Ok(Cow::Borrowed(if cell == NOT_GIVEN { "" } else { cell }))
            }
            Origin::Expression(expression, columns) => {
                match self.bound.evaluate(expression, columns, self.cells).map_err(finding)? {
                    Outcome::Nothing => Ok(Cow::Borrowed("")),
                    Outcome::One(text) => Ok(Cow::Owned(text)),
                    Outcome::Many(_) => Err((Code::Expression, "the expression gives several values".to_owned())),
                }
            }
        }
    }

    fn unique_id(&mut self) -> Option<UniqueId> {
        let (rule, origin) = (&self.bound.mapping.id, &self.bound.id);
        let read = self
            .single(origin)
            .map_err(|(_, message)| (Code::IdInvalid, message))
            .and_then(|text| id_of(&transform::apply(&rule.transforms, text.trim())));
        read.map_err(|finding| self.issue(rule, origin, finding)).ok()
    }

    fn status(&mut self) -> Option<Status> {
        let (Some(rule), Some(origin)) = (&self.bound.mapping.status, &self.bound.status) else {
            return Some(Status::Active);
        };
        let read = self.single(origin).map_err(|(_, message)| (Code::UnknownStatus, message)).and_then(|text| {
            let text = transform::apply(&rule.transforms, trimmed(without_formula_guard(trimmed(&text))));
            let text = text.trim();
            Status::from_word(rule.table.get(text).unwrap_or(text)).ok_or_else(|| unknown_status(text))
        });
        read.map_err(|finding| self.issue(rule, origin, finding)).ok()
    }

    fn cell(&mut self, rule: &Rule, origin: &Origin<'_>) -> Cell {
        let read = match origin {
            Origin::Absent => return Cell::Keep,
            Origin::Column(at) => match self.cells.get(*at) {
                None => return Cell::Keep,
                Some(cell) => self.text(rule, cell),
            },
            Origin::Expression(expression, columns) => {
                if self.takes_nothing(columns) {
                    return Cell::Keep;
                }
                match self.bound.evaluate(expression, columns, self.cells).map_err(finding) {
                    Err(finding) => Err(finding),
                    Ok(Outcome::Nothing) => nothing(rule, rule.clears_when_empty),
                    Ok(Outcome::One(text)) => self.text(rule, &text),
                    Ok(Outcome::Many(texts)) if rule.multiple => self.several(rule, texts.iter().map(String::as_str)),
                    Ok(Outcome::Many(_)) => {
                        let message = "the expression gives several values; set multiple for the field".to_owned();
                        Err((Code::Expression, message))
                    }
                }
            }
        };
        read.unwrap_or_else(|finding| {
            self.issue(rule, origin, finding);
            Cell::Keep
        })
    }

    /// Whether nothing is said about any column that an expression takes.
    fn takes_nothing(&self, columns: &[(cel::objects::Key, usize)]) -> bool {
        let given = |at: &usize| self.cells.get(*at).is_some_and(|cell| *cell != NOT_GIVEN);
        !columns.is_empty() && !columns.iter().any(|(_, at)| given(at)) && self.cells.contains(&NOT_GIVEN)
    }

    fn text(&self, rule: &Rule, cell: &str) -> Result<Cell, Finding> {
        if cell == NOT_GIVEN {
            return Ok(Cell::Keep);
        }
        let text = trimmed(without_formula_guard(trimmed(cell)));
        if text.is_empty() {
            return nothing(rule, rule.clears_when_empty);
        }
        if rule.keep_tokens.iter().any(|token| token == text) {
            return Ok(Cell::Keep);
        }
        if rule.clear_tokens.iter().any(|token| token == text) {
            return nothing(rule, true);
        }
        if rule.multiple {
            return self.several(rule, text.split(self.bound.mapping.separator));
        }
        match self.one(rule, text)? {
            Some(value) => Ok(Cell::Set(Value::One(value))),
            None => nothing(rule, rule.clears_when_empty),
        }
    }

    fn several<'t>(&self, rule: &Rule, texts: impl Iterator<Item = &'t str>) -> Result<Cell, Finding> {
        let mut values: Vec<String> = Vec::new();
        for text in texts.map(str::trim).filter(|text| !text.is_empty()) {
            if let Some(value) = self.one(rule, text)?
                && !values.contains(&value)
            {
                values.push(value);
            }
        }
        if values.is_empty() { nothing(rule, rule.clears_when_empty) } else { Ok(Cell::Set(Value::Many(values))) }
    }

    /// One value of a trimmed text that is not empty; `None` when it stands for "no value".
    fn one(&self, rule: &Rule, text: &str) -> Result<Option<String>, Finding> {
        let kind = rule.spec.kind;
        if let Some(reason) = blocked(kind, text) {
            return Err(blocked_finding(reason));
        }
        let changed = transform::apply(&rule.transforms, text);
        let mut source = trimmed(&changed);
        if !rule.table.is_empty() {
            source = rule.table.get(source).ok_or_else(|| {
                let message = "is not in the field's value table; add it there";
                quoting(text, Code::UnmappedValue, message)
            })?;
        }
        let context =
            Context { region: self.bound.mapping.region, date: rule.date.as_ref(), max_chars: rule.spec.max_chars };
        match validate::value(kind, source, &context) {
            Ok(value) if value.is_empty() => Ok(None),
            Ok(value) => Ok(Some(value.into_owned())),
            Err(error @ Invalid::TooLong { .. }) => Err(quoting(text, Code::TooLong, &error.to_string())),
            Err(error) => Err(quoting(text, Code::Invalid, &error.to_string())),
        }
    }
}

/// Why a value must not be stored. Kinds whose check takes no blocked value are not looked at twice.
fn blocked(kind: Kind, text: &str) -> Option<&'static str> {
    match kind {
        Kind::Email | Kind::Country | Kind::Language | Kind::Date | Kind::Status => None,
        Kind::Reference | Kind::UniqueId => blocked_id(text),
        Kind::Text | Kind::Name | Kind::Phone | Kind::Address => blocked_value(text),
    }
}

fn nothing(rule: &Rule, clears: bool) -> Result<Cell, Finding> {
    if rule.required {
        let message = "is empty but required; what is stored stays".to_owned();
        return Err((Code::RequiredEmpty, message));
    }
    Ok(if clears { Cell::Clear } else { Cell::Keep })
}

fn finding(failure: Failure) -> Finding {
    match failure {
        Failure::Blocked(reason) => blocked_finding(reason),
        Failure::Failed(message) => (Code::Expression, format!("the expression {message}")),
    }
}

fn blocked_finding(reason: &str) -> Finding {
    (Code::Blocked, format!("the value {reason} and was dropped; take it out of the export"))
}

fn unknown_status(text: &str) -> Finding {
    if text.is_empty() {
        return (Code::UnknownStatus, "the employment status is empty; the person stays as stored".to_owned());
    }
    let (code, message) = quoting(text, Code::UnknownStatus, "is not a mapped employment status; add it to values");
    // A blocked value in the status still costs the person, not a field.
    (if code == Code::Blocked { Code::UnknownStatus } else { code }, message)
}

/// A finding that quotes the value, or that it is blocked.
fn quoting(text: &str, code: Code, message: &str) -> Finding {
    match blocked_value(text) {
        Some(reason) => blocked_finding(reason),
        None => (code, format!("{} {message}", quoted(text))),
    }
}

fn quoted(text: &str) -> String {
    const MOST: usize = 60;
    let short: String = text.chars().take(MOST).collect();
    let more = if short.len() < text.len() { "…" } else { "" };
    format!("{:?}", short + more)
}
