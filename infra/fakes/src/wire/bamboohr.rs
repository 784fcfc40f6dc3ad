//! The API of `BambooHR`: employees, directory, changes, webhooks in both formats.

use std::sync::Arc;

use serde_json::{Map, Value, json};

use super::{
    bamboohr_reports,
    bamboohr_wire::{DIRECTORY, is_forbidden, old_value, status, value},
};
use crate::{
    call::{Answer, Call},
    clock,
    listing::{Ask, Page},
    person::Person,
    provider::{Change, Provider},
};

/// How a caller showed who they are.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Login {
    Key,
    OAuth,
}

pub(crate) fn answer(provider: &mut Provider, call: &Call) -> Answer {
    let Some(login) = login(provider, call) else { return error(401, "Unauthorized") };
    let parts = call.parts();
    match (call.method.as_str(), parts.as_slice()) {
        ("GET", ["api", "v1", "employees"]) if login == Login::Key => error(401, "this endpoint takes OAuth only"),
        ("GET", ["api", "v1", "employees"]) => list(provider, call),
        ("GET", ["api", "v1", "employees", rest @ ..]) if !wants_json(call) => xml(rest),
        ("GET", ["api", "v1", "employees", "directory"]) => directory(provider),
        ("GET", ["api", "v1", "employees", "changed"]) => changed(provider, call),
        ("GET", ["api", "v1", "employees", id]) => one(provider, call, id),
        ("POST", ["api", "v1", "reports", "custom"]) => bamboohr_reports::custom(provider, call),
        ("GET", ["api", "v1_2", "datasets"]) => {
            Answer::ok(&json!({"datasets": [{"name": "employee", "label": "Employee"}]}))
        }
        ("POST", ["api", "v2", "datasets", "employee", "data"]) => bamboohr_reports::dataset(provider, call),
        ("POST", ["api", "v1", "datasets", "employee"]) => bamboohr_reports::old_dataset(provider, call),
        _ => error(404, "Not found"),
    }
}

fn login(provider: &Provider, call: &Call) -> Option<Login> {
    use base64::{Engine, engine::general_purpose::STANDARD};
    if provider.accepts("access_token", call.bearer()) {
        return Some(Login::OAuth);
    }
    let basic = STANDARD.decode(call.header("authorization")?.strip_prefix("Basic ")?).ok()?;
    let text = String::from_utf8(basic).ok()?;
    let (user, _) = text.split_once(':')?;
    provider.accepts("api_key", Some(user)).then_some(Login::Key)
}

fn wants_json(call: &Call) -> bool {
    call.header("accept").is_some_and(|accept| accept.contains("application/json"))
}

/// What old endpoints answer to who forgot to ask for JSON.
fn xml(_: &[&str]) -> Answer {
    Answer::text(200, "text/xml", "<?xml version=\"1.0\"?>\n<employees/>\n")
}

fn list(provider: &mut Provider, call: &Call) -> Answer {
    let Some(limit) = call.number("page[limit]", 250, 1, 2500) else {
        return bad_request("BadRequest", "page[limit] must be 1 to 2500");
    };
    let (ids, wanted) = (call.list("filter[ids]"), call.query("filter[status]"));
    let picked = |person: &&Arc<Person>| {
        (ids.is_empty() || ids.contains(&person.id.as_str()))
            && wanted.is_none_or(|wanted| status(person).eq_ignore_ascii_case(wanted))
    };
    let people: Vec<Arc<Person>> = provider.people.values().filter(picked).cloned().collect();
    let listing = format!("employees{ids:?}{wanted:?}");
    let ask = Ask { listing, cursor: call.query("page[after]"), limit, newest_first: false };
    let Ok(page) = provider.page(&people, &ask) else { return bad_request("BadPage", "the cursor is malformed") };
    let fields = call.list("fields");
    let data: Vec<Value> = page.rows.iter().map(|person| row(provider, person, &fields)).collect();
    Answer::ok(&json!({"data": data,
        "meta": {"total": page.total, "page": {"limit": limit, "nextCursor": page.next, "prevCursor": null}},
        "_links": links(call, limit, &page)}))
}

fn links(call: &Call, limit: usize, page: &Page<Arc<Person>>) -> Value {
    let own = format!("{}/api/v1/employees", call.base);
    let mut links = json!({"self": {"href": format!("{own}?page%5Blimit%5D={limit}")}});
    if let Some(next) = &page.next {
        let to = page.elsewhere.as_ref().unwrap_or(&own);
        links["next"] = json!({"href": format!("{to}?page%5Blimit%5D={limit}&page%5Bafter%5D={next}")});
    }
    links
}

/// A row of the newer listing: what may not be seen is null and named.
fn row(provider: &Provider, person: &Person, fields: &[&str]) -> Value {
    const ALWAYS: &[&str] =
        &["employeeId", "firstName", "lastName", "preferredName", "photoUrl", "jobTitleName", "status"];
    let person = provider.shown(person);
    let (mut row, mut restricted) = (Map::new(), Vec::new());
    for field in ALWAYS.iter().chain(fields) {
        let Some(value) = value(provider, &person, field).filter(|_| !is_custom(&person, field)) else { continue };
        if is_forbidden(provider, field) {
            restricted.push(*field);
        }
        row.insert((*field).to_owned(), if restricted.contains(field) { Value::Null } else { value });
    }
    row.insert("_restrictedFields".to_owned(), json!(restricted));
    Value::Object(row)
}

/// Whether the field is one of the customer's own; the newer listing knows none of them.
fn is_custom(person: &Person, field: &str) -> bool {
    person.custom.contains_key(field)
}

fn directory(provider: &mut Provider) -> Answer {
    let active: Vec<Arc<Person>> = provider.people.values().filter(|person| person.works()).cloned().collect();
    let ask = Ask { listing: "directory".to_owned(), cursor: None, limit: usize::MAX / 4, newest_first: false };
    let people = provider.page(&active, &ask).map(|page| page.rows).unwrap_or_default();
    if people.is_empty() {
        return error(404, "The directory is empty");
    }
    let shown = DIRECTORY.iter().filter(|(field, _, _)| !is_forbidden(provider, field));
    let fields: Vec<Value> =
        shown.clone().map(|(id, kind, name)| json!({"id": id, "type": kind, "name": name})).collect();
    let names: Vec<&str> = shown.map(|(id, _, _)| *id).collect();
    let employees: Vec<Value> = people.iter().map(|person| old_row(provider, person, &names)).collect();
    Answer::ok(&json!({"fields": fields, "employees": employees}))
}

/// A row of an old endpoint: what may not be seen is left out.
pub(crate) fn old_row(provider: &Provider, person: &Person, fields: &[&str]) -> Value {
    let person = provider.shown(person);
    let mut row = Map::from_iter([("id".to_owned(), json!(person.id))]);
    for field in fields.iter().filter(|field| !is_forbidden(provider, field)) {
        if let Some(value) = old_value(provider, &person, field) {
            row.insert((*field).to_owned(), value);
        }
    }
    Value::Object(row)
}

fn one(provider: &Provider, call: &Call, id: &str) -> Answer {
    let Some(person) = provider.person(id) else { return error(404, "Employee not found") };
    let fields = call.list("fields");
    match fields.len() {
        0 => Answer::ok(&old_row(provider, person, &["firstName", "lastName"])),
        1..=400 => Answer::ok(&old_row(provider, person, &fields)),
        _ => error(400, "at most 400 fields"),
    }
}

fn changed(provider: &mut Provider, call: &Call) -> Answer {
    let Some(since) = call.query("since").and_then(clock::parse) else {
        return error(400, "since is missing or no time");
    };
    let wanted = call.query("type").unwrap_or("all");
    if !["inserted", "updated", "deleted", "all"].contains(&wanted) {
        return error(400, "type is unknown");
    }
    let there: Vec<Arc<Person>> = provider.people.values().cloned().collect();
    let ask = Ask { listing: "changed".to_owned(), cursor: None, limit: usize::MAX / 4, newest_first: false };
    let there = provider.page(&there, &ask).map(|page| page.rows).unwrap_or_default();
    let alive = there.iter().map(|person| {
        let action = if person.created_at == person.updated_at { "Inserted" } else { "Updated" };
        (person, action)
    });
    let gone = provider.removed.values().map(|removed| (removed, "Deleted"));
    let (mut employees, mut latest) = (Map::new(), since);
    for (person, action) in alive.chain(gone) {
        let person = provider.shown(person);
        // Times are told in whole seconds, so the second that was asked for counts.
        if person.updated_at / 1000 >= since / 1000 && (wanted == "all" || action.eq_ignore_ascii_case(wanted)) {
            latest = latest.max(person.updated_at);
            employees.insert(
                person.id.clone(),
                json!({"id": person.id, "action": action, "lastChanged": clock::iso_offset(person.updated_at)}),
            );
        }
    }
    Answer::ok(&json!({"latest": clock::iso_offset(latest), "employees": employees}))
}

/// The webhooks of a change: one in the old format, with values; in the new one a creation is followed by an update.
pub(crate) fn bodies(provider: &Provider, change: Change<'_>) -> Vec<(String, Value)> {
    const FIELDS: &[(&str, &str)] = &[
        ("Employee #", "employeeNumber"),
        ("First name", "firstName"),
        ("Last name", "lastName"),
        ("Preferred name", "preferredName"),
        ("Work Email", "workEmail"),
        ("Home Email", "homeEmail"),
        ("Mobile Phone", "mobilePhone"),
        ("Job title", "jobTitle"),
        ("Department", "department"),
        ("Status", "status"),
        ("Hire date", "hireDate"),
        ("Termination Date", "terminationDate"),
    ];
    let (action, before, person) = match change {
        Change::Added(person) => ("Created", None, person),
        Change::Changed { before, after } => ("Updated", Some(before), after),
        Change::Removed(person) => ("Deleted", None, person),
    };
    let differs =
        |field: &str| before.is_none_or(|before| value(provider, before, field) != value(provider, person, field));
    let fields: Vec<_> = FIELDS.iter().filter(|(_, field)| action != "Deleted" && differs(field)).collect();
    if provider.outbox.legacy {
        let labels: Vec<&str> = fields.iter().map(|(label, _)| *label).collect();
        let all = FIELDS
            .iter()
            .map(|(label, field)| ((*label).to_owned(), json!({"value": old_value(provider, person, field)})));
        let values: Map<String, Value> = if action == "Deleted" { Map::new() } else { all.collect() };
        let body =
            json!({"employees": [{"id": person.id, "action": action, "changedFields": labels, "fields": values}]});
        return vec![(format!("employee_with_fields.{}", action.to_lowercase()), body)];
    }
    let names: Vec<&str> = fields.iter().map(|(_, field)| *field).collect();
    let mut kinds = vec![format!("employee.{}", action.to_lowercase())];
    if action == "Created" {
        kinds.push("employee.updated".to_owned());
    }
    let data = |kind: &str| match kind {
        "employee.updated" => json!({"employeeId": person.id, "changedFields": names}),
        _ => json!({"employeeId": person.id}),
    };
    kinds.into_iter().map(|kind| (kind.clone(), envelope(provider, &kind, &data(&kind)))).collect()
}

/// The new format; the company's id is added to `data`.
pub(crate) fn envelope(provider: &Provider, kind: &str, data: &Value) -> Value {
    let mut data = if data.is_object() { data.clone() } else { json!({}) };
    data["companyId"] = json!(provider.key("company_id"));
    json!({"type": kind, "timestamp": clock::iso_offset(clock::now()).replace("+00:00", "Z"), "data": data})
}

/// Old endpoints tell what is wrong in a header.
pub(crate) fn error(status: u16, message: &str) -> Answer {
    Answer::text(status, "application/json", "").with("x-bamboohr-error-message", message)
}

fn bad_request(code: &str, message: &str) -> Answer {
    Answer::json(400, &json!({"error": {"code": code, "message": message}}))
}
