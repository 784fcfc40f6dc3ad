//! Apideck's unified HRIS API: `/hris/employees`.

use std::sync::Arc;

use serde_json::{Value, json};

use super::{only, without};
use crate::{
    call::{Answer, Call},
    clock,
    listing::{Ask, Page},
    misbehave::Kind,
    person::Person,
    provider::{Change, Provider},
};

const FILTERS: &[&str] = &["email", "first_name", "last_name", "employee_number", "employment_status", "title"];

pub(crate) fn answer(provider: &mut Provider, call: &Call) -> Answer {
    if let Some(refused) = refused(provider, call) {
        return refused;
    }
    match (call.method.as_str(), call.parts().as_slice()) {
        ("GET", ["hris", "employees"]) => list(provider, call),
        ("GET", ["hris", "employees", id]) => match provider.person(id) {
            Some(person) => {
                let data = only(employee(provider, person), &call.list("fields"));
                Answer::ok(&json!({"status_code": 200, "status": "OK", "service": provider.key("service_id"),
                    "resource": "employees", "operation": "one", "data": data}))
            }
            None => error(404, "Unknown Employee"),
        },
        ("POST", ["vault", "sessions"]) => super::link::apideck::session(provider, call),
        ("GET", ["vault", "connections"]) => super::link::apideck::connections(provider, call),
        _ => error(404, "Unknown path"),
    }
}

/// What is wrong with the headers.
fn refused(provider: &Provider, call: &Call) -> Option<Answer> {
    if !provider.accepts("api_key", call.bearer()) {
        return Some(error(401, "Unauthorized Request"));
    }
    for (header, needed) in [("app-id", true), ("consumer-id", true), ("service-id", false)] {
        let given = call.header(&format!("x-apideck-{header}")).filter(|value| !value.is_empty());
        let expected = provider.credentials.get(&header.replace('-', "_")).map(String::as_str);
        match (given, expected) {
            (None, _) if needed => return Some(error(400, &format!("x-apideck-{header} is required"))),
            (Some(given), Some(expected)) if given != expected => {
                return Some(error(404, &format!("no connection for this {header}")));
            }
            _ => {}
        }
    }
    None
}

fn list(provider: &mut Provider, call: &Call) -> Answer {
    let Some(limit) = call.number("limit", 20, 1, 200) else { return error(400, "limit must be 1 to 200") };
    let filters: Vec<(&str, &str)> =
        FILTERS.iter().filter_map(|name| Some((*name, call.query(&format!("filter[{name}]"))?))).collect();
    let people: Vec<Arc<Person>> = provider
        .people
        .values()
        .filter(|person| filters.iter().all(|filter| matches(person, *filter)))
        .cloned()
        .collect();
    let newest_first = call.query("sort[direction]") == Some("desc");
    let listing = format!(
        "{:x}",
        crate::person::mixed(
            format!("{filters:?}{newest_first}")
                .bytes()
                .fold(7, |sum, byte| sum * 31 % 1_000_000_007 + u64::from(byte))
        )
    );
    let ask = Ask { listing, cursor: call.query("cursor"), limit, newest_first };
    let Ok(page) = provider.page(&people, &ask) else { return invalid_cursor() };
    let fields = call.list("fields");
    let data: Vec<Value> = page.rows.iter().map(|person| only(employee(provider, person), &fields)).collect();
    Answer::ok(&envelope_of_list(provider, call, &page, data))
}

fn envelope_of_list(provider: &Provider, call: &Call, page: &Page<Arc<Person>>, data: Vec<Value>) -> Value {
    let link = |cursor: &String| match &page.elsewhere {
        Some(elsewhere) => format!("{elsewhere}?cursor={cursor}"),
        None => format!("{}/hris/employees?cursor={cursor}", call.base),
    };
    let mut meta = json!({"items_on_page": data.len(), "total_count": page.total,
        "cursors": {"previous": null, "current": call.query("cursor"), "next": page.next}});
    if provider.odd == Some(Kind::Partial) {
        meta["warnings"] = json!([{"type": "ConnectorExecutionError", "status_code": 502, "error": "Bad Gateway",
            "operation": "all", "message": "a downstream request failed; data is partial"}]);
    }
    json!({"status_code": 200, "status": "OK", "service": provider.key("service_id"), "resource": "employees",
        "operation": "all", "data": data, "meta": meta,
        "links": {"previous": null, "current": format!("{}/hris/employees", call.base), "next": page.next.as_ref().map(link)}})
}

fn matches(person: &Person, (filter, wanted): (&str, &str)) -> bool {
    let same = |value: &Option<String>| value.as_deref().is_some_and(|value| value.eq_ignore_ascii_case(wanted));
    match filter {
        "email" => same(&person.work_email) || same(&person.personal_email),
        "first_name" => same(&person.first_name),
        "last_name" => same(&person.last_name),
        "employee_number" => same(&person.employee_number),
        "title" => same(&person.title),
        _ => status(person).0 == wanted,
    }
}

/// The status word and the reason for leaving.
fn status(person: &Person) -> (&str, Option<&'static str>) {
    match person.status() {
        "leave" | "pending" | "onboarding" | "prehire" => ("inactive", None),
        "retired" => ("terminated", Some("retired")),
        "deceased" => ("terminated", Some("other")),
        other => (other, None),
    }
}

fn employee(provider: &Provider, person: &Person) -> Value {
    let person = &provider.shown(person);
    let (status, leaving_reason) = status(person);
    let typed = |key: &str, list: &[(&Option<String>, &str)]| {
        let given = list.iter().filter_map(|(value, kind)| Some(json!({key: value.as_ref()?, "type": kind})));
        Value::Array(given.collect())
    };
    let address = |a: &crate::person::Address| {
        json!([{"type": "home", "line1": a.line1, "line2": a.line2, "city": a.city, "state": a.state,
            "postal_code": a.postal_code, "country": a.country}])
    };
    let manager = person.manager_id.as_deref().map(|id| match provider.person(id) {
        Some(manager) => json!({"id": id, "name": manager.full_name(), "first_name": manager.first_name,
            "last_name": manager.last_name, "email": manager.work_email}),
        None => json!({"id": id}),
    });
    let custom: Vec<Value> = person
        .custom
        .iter()
        .map(|(name, value)| json!({"id": format!("cf_{name}"), "name": name, "value": value}))
        .collect();
    let deceased = (person.status() == "deceased")
        .then(|| person.end_date.clone().unwrap_or_else(|| clock::date(person.updated_at)));
    let mut whole = json!({
        "id": person.id, "downstream_id": person.id, "employee_number": person.employee_number,
        "first_name": person.first_name, "middle_name": person.middle_name, "last_name": person.last_name,
        "preferred_name": person.preferred_name, "display_name": person.full_name(), "title": person.title,
        "department_name": person.department, "division": person.division,
        "employment_status": status, "leaving_reason": leaving_reason, "deceased_on": deceased,
        "employment_start_date": person.start_date, "employment_end_date": person.end_date,
        "emails": typed("email", &[(&person.work_email, "work"), (&person.personal_email, "personal")]),
        "phone_numbers": typed("number", &[(&person.mobile_phone, "mobile")]),
        "addresses": person.address.as_ref().map_or(json!([]), address),
        "custom_fields": custom, "deleted": false,
        "created_at": clock::iso(person.created_at), "updated_at": clock::iso(person.updated_at),
    });
    // Who has no manager has no such key: the specification allows no null here.
    if let Some(manager) = manager {
        whole["manager"] = manager;
    }
    let hidden = provider.forbidden().map(|field| match field {
        "mobile_phone" => "phone_numbers",
        "work_email" | "personal_email" => "emails",
        "address" => "addresses",
        "department" => "department_name",
        field => field,
    });
    without(whole, hidden)
}

/// The webhook of a change; it names the person and holds none of their data.
pub(crate) fn bodies(provider: &Provider, change: Change<'_>) -> Vec<(String, Value)> {
    let (kind, person) = match change {
        Change::Added(person) => ("created", person),
        Change::Changed { before, after } if status(before).0 != "terminated" && status(after).0 == "terminated" => {
            ("terminated", after)
        }
        Change::Changed { after, .. } => ("updated", after),
        Change::Removed(person) => ("deleted", person),
    };
    let kind = format!("hris.employee.{kind}");
    let data = json!({"entity_id": person.id, "entity_type": "employee", "service_id": provider.key("service_id"),
        "entity_url": format!("https://unify.apideck.com/hris/employees/{}", person.id)});
    let body = envelope(provider, &kind, &data);
    vec![(kind, body)]
}

/// Keys of `data` stand beside the envelope's own.
pub(crate) fn envelope(provider: &Provider, kind: &str, data: &Value) -> Value {
    if kind == "apideck.subscription.created" {
        return json!({"message": "Validating delivery URL"});
    }
    let vault = kind.starts_with("vault.");
    let mut payload = json!({
        "event_type": kind, "unified_api": if vault { "vault" } else { "hris" },
        "service_id": if vault { "apideck-vault" } else { provider.key("service_id") },
        "consumer_id": provider.key("consumer_id"), "event_id": provider.new_event_id(),
        "execution_attempt": 1, "occurred_at": clock::iso(clock::now()),
    });
    for (key, value) in data.as_object().into_iter().flatten() {
        payload[key] = value.clone();
    }
    json!({"payload": payload})
}

pub(crate) fn error(status: u16, message: &str) -> Answer {
    let (error, type_name) = match status {
        400 => ("Bad Request", "RequestValidationError"),
        401 => ("Unauthorized", "UnauthorizedError"),
        404 => ("Not Found", "EntityNotFoundError"),
        429 => ("Too Many Requests", "ConnectorRateLimitError"),
        _ => ("Bad Gateway", "ConnectorExecutionError"),
    };
    Answer::json(
        status,
        &json!({"status_code": status, "error": error, "type_name": type_name,
        "message": message, "detail": message, "ref": "https://developers.apideck.com/errors"}),
    )
}

fn invalid_cursor() -> Answer {
    Answer::json(
        400,
        &json!({"status_code": 400, "error": "Bad Request", "type_name": "InvalidCursorError",
        "message": "Invalid cursor", "detail": "the cursor is unknown or belongs to another listing"}),
    )
}
