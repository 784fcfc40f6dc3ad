//! Reads BambooHR's answers.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::Value;

use super::{At, checked, people, text_of};
use crate::{Fault, FaultKind, HttpResponse, Page, Person, Step, Target, Unread};

/// How far before the first answer of a full listing the next incremental one begins: longer than any answer takes.
const OVERLAP_MS: i64 = 5 * 60 * 1000;

/// People read one by one after an incremental listing, at most; when more have changed, a full listing asks less.
const MOST_CHANGED: usize = 1000;

fn list<'v>(answer: &'v Value, key: &str) -> Result<&'v Vec<Value>, Fault> {
    let missing = || Fault::new(FaultKind::Failing, format!("BambooHR's answer has no list {key:?}"));
    answer.get(key).and_then(Value::as_array).ok_or_else(missing)
}

fn nameless(count: usize) -> Option<String> {
    (count > 0).then(|| format!("{count} entries of the list have no id"))
}

/// Where the next incremental listing begins, given when a full one began.
fn mark(from_ms: i64) -> Option<String> {
    let at = Timestamp::from_millisecond(from_ms - OVERLAP_MS).ok()?;
    Some(at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string())
}

pub(super) fn read_report(target: &Target<'_>, response: &HttpResponse<'_>) -> Result<Page, Fault> {
    let answer = checked(response)?;
    let rows = list(&answer, "employees")?;
    let people: Vec<Person> = rows.iter().filter_map(|row| people::of_object(target, row, "id")).collect();
    let partial = nameless(rows.len() - people.len());
    Ok(Page { people, partial, mark: mark(response.now_ms), ..Page::default() })
}

pub(super) fn read_list(target: &Target<'_>, from_ms: Option<i64>, response: &HttpResponse<'_>) -> Result<Page, Fault> {
    let answer = checked(response)?;
    let rows = list(&answer, "data")?;
    let listed: Vec<Person> = rows.iter().filter_map(|row| people::of_object(target, row, "employeeId")).collect();
    let partial = nameless(rows.len() - listed.len());
    let from_ms = from_ms.unwrap_or(response.now_ms);
    let after = answer.pointer("/meta/page/nextCursor").and_then(text_of);
    let total = answer.pointer("/meta/total").and_then(Value::as_u64);
    let page = Page { partial, total, ..Page::default() };
    if listed.is_empty() {
        return Ok(turn(page, after, from_ms));
    }
    let next = At::Rest { after, from_ms: Some(from_ms) }.step(listed);
    Ok(Page { next: Some(next), ..page })
}

/// The page with what follows it: the next page of the list, or the mark at its end.
fn turn(page: Page, after: Option<String>, from_ms: i64) -> Page {
    match after {
        Some(after) => {
            let next = At::List { after: Some(after), from_ms: Some(from_ms) }.step(Vec::new());
            Page { next: Some(next), ..page }
        }
        None => Page { mark: mark(from_ms), ..page },
    }
}

pub(super) fn read_rest(
    target: &Target<'_>,
    step: &Step,
    after: Option<String>,
    from_ms: Option<i64>,
    response: &HttpResponse<'_>,
) -> Result<Page, Fault> {
    let answer = checked(response)?;
    let rows = list(&answer, "employees")?;
    let mut told: BTreeMap<String, Person> = rows
        .iter()
        .filter_map(|row| people::of_object(target, row, "id"))
        .map(|person| (person.id.clone(), person))
        .collect();
    let mut page = Page::default();
    for listed in &step.carried {
        match told.remove(&listed.id) {
            Some(rest) => page.people.push(people::joined(target, listed.clone(), rest)),
            None => page.unread.push(unread(&listed.id, "is in the list, but the report does not tell them")),
        }
    }
    Ok(turn(page, after, from_ms.unwrap_or(response.now_ms)))
}

pub(super) fn read_changed(since: &str, response: &HttpResponse<'_>) -> Result<Page, Fault> {
    let answer = checked(response)?;
    let latest = answer.get("latest").and_then(Value::as_str).filter(|text| !text.is_empty()).unwrap_or(since);
    // PHP writes an empty map as an empty list; with a later change it cannot be empty.
    let none = |value: &Value| latest == since && value.as_array().is_some_and(Vec::is_empty);
    let Some(changed) = answer.get("employees").filter(|value| value.is_object() || none(value)) else {
        return Err(Fault::new(FaultKind::Failing, "BambooHR's answer does not say which employees have changed"));
    };
    let (mut gone, mut ids) = (Vec::new(), Vec::new());
    for (id, change) in changed.as_object().into_iter().flatten() {
        let deleted = change.get("action").and_then(Value::as_str) == Some("Deleted");
        if deleted { gone.push(id.clone()) } else { ids.push(id.clone()) }
    }
    if ids.len() > MOST_CHANGED {
        let message = format!("{} people have changed: a full listing asks less than reading each", ids.len());
        return Err(Fault::new(FaultKind::MarkLost, message));
    }
    Ok(Page { gone, ..each(ids, latest.to_owned(), Page::default()) })
}

/// The page with what follows it: the next of those who changed, or the mark at the end.
fn each(ids: Vec<String>, mark: String, page: Page) -> Page {
    if ids.is_empty() {
        return Page { mark: Some(mark), ..page };
    }
    Page { next: Some(At::Each { ids, mark }.step(Vec::new())), ..page }
}

pub(super) fn read_each(
    target: &Target<'_>,
    ids: &[String],
    mark: String,
    response: &HttpResponse<'_>,
) -> Result<Page, Fault> {
    let Some((id, others)) = ids.split_first() else {
        return Ok(Page { mark: Some(mark), ..Page::default() });
    };
    let page = read_one(target, id, response)?;
    Ok(each(others.to_vec(), mark, page))
}

/// A person asked for by id. One who is not shown is unread: only the caller knows whether that means gone.
pub(super) fn read_one(target: &Target<'_>, id: &str, response: &HttpResponse<'_>) -> Result<Page, Fault> {
    let why = match response.status {
        403 => "the credentials may not see this person",
        404 => "was listed, but is not there",
        _ => {
            let answer = checked(response)?;
            // Id 0 stands for the owner of the API key: what comes must be who was asked for.
            match people::of_object(target, &answer, "id").filter(|person| person.id == id) {
                Some(person) => return Ok(Page { people: vec![person], ..Page::default() }),
                None => "the answer is about somebody else, or nobody",
            }
        }
    };
    Ok(Page { unread: vec![unread(id, why)], ..Page::default() })
}

fn unread(id: &str, why: &str) -> Unread {
    Unread { id: id.to_owned(), why: why.to_owned() }
}
