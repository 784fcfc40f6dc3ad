//! Finch's API: directory, individuals, employments, jobs.

use std::sync::Arc;

use serde_json::{Value, json};

use super::without;
use crate::{
    call::{Answer, Call},
    clock,
    misbehave::Kind,
    person::Person,
    provider::{Change, Provider},
};

const VERSION: &str = "2020-09-17";
const BATCH: usize = 10_000;

pub(crate) fn answer(provider: &mut Provider, call: &Call) -> Answer {
    match (call.method.as_str(), call.parts().as_slice()) {
        ("POST", ["connect", "sessions"]) => return super::link::finch::session(provider, call, false),
        ("POST", ["connect", "sessions", "reauthenticate"]) => {
            return super::link::finch::session(provider, call, true);
        }
        ("POST", ["auth", "token"]) => return super::link::finch::token(provider, call),
        _ => {}
    }
    if !provider.accepts("access_token", call.bearer()) {
        return error(401, "The access token is missing or wrong");
    }
    if call.header("finch-api-version") != Some(VERSION) {
        return error(400, "Finch-API-Version is missing or unknown");
    }
    let parts = call.parts();
    let answer = match (call.method.as_str(), parts.as_slice()) {
        ("GET" | "POST", ["employer", ..]) if provider.odd == Some(Kind::NotReady) => {
            return Answer::json(
                202,
                &json!({"code": 202, "name": "accepted", "finch_code": "data_sync_in_progress",
                "message": "The data is being fetched; try again later"}),
            );
        }
        ("GET", ["employer", "directory"]) => directory(provider, call),
        ("POST", ["employer", "individual"]) => each(provider, call, individual),
        ("POST", ["employer", "employment"]) => each(provider, call, employment),
        ("POST", ["jobs", "automated"]) => start_job(provider, call),
        ("GET", ["jobs", "automated", id]) => job(provider, id),
        ("GET", ["introspect"]) => introspect(provider),
        _ => error(404, "Not found"),
    };
    answer.with("finch-request-id", &provider.new_event_id()).with("finch-data-retrieved", &clock::iso(clock::now()))
}

fn directory(provider: &mut Provider, call: &Call) -> Answer {
    let Some(offset) = call.number("offset", 0, 0, usize::MAX / 8) else { return error(400, "offset is no number") };
    let limit = match call.query("limit").map(str::parse::<usize>) {
        None => None,
        Some(Ok(limit)) if limit > 0 => Some(limit),
        Some(_) => return error(400, "limit is no number above 0"),
    };
    let people: Vec<Arc<Person>> = provider.people.values().cloned().collect();
    let (people, offset, count) = provider.offset_page(&people, offset, limit);
    let individuals: Vec<Value> = people
        .iter()
        .map(|person| {
            let person = provider.shown(person);
            json!({"id": person.id, "first_name": person.first_name, "middle_name": person.middle_name,
                "last_name": person.last_name, "manager": of_id(&person.manager_id),
                "department": {"name": person.department}, "is_active": person.works()})
        })
        .collect();
    Answer::ok(&json!({"paging": {"count": count, "offset": offset}, "individuals": individuals}))
}

fn of_id(id: &Option<String>) -> Value {
    id.as_ref().map_or(Value::Null, |id| json!({"id": id}))
}

/// Answers a batch; each id has its own code.
fn each(provider: &Provider, call: &Call, body: fn(&Provider, &Person) -> Value) -> Answer {
    let asked = call.json().unwrap_or_default();
    let Some(requests) = asked["requests"].as_array() else { return error(400, "requests is missing") };
    let ids: Option<Vec<&str>> = requests.iter().map(|request| request["individual_id"].as_str()).collect();
    let Some(ids) = ids.filter(|ids| !ids.is_empty() && ids.len() <= BATCH) else {
        return error(400, "requests must hold 1 to 10,000 individual_id");
    };
    let failing = (provider.odd == Some(Kind::Partial)).then_some(ids.len() / 2);
    let responses: Vec<Value> = ids
        .iter()
        .enumerate()
        .map(|(place, id)| match provider.person(id) {
            _ if failing == Some(place) => item(id, 500, &error_body(500, "The provider failed for this individual")),
            Some(person) => item(id, 200, &body(provider, &provider.shown(person))),
            None => item(id, 404, &error_body(404, "The individual was not found")),
        })
        .collect();
    Answer::ok(&json!({"responses": responses}))
}

fn item(id: &str, code: u16, body: &Value) -> Value {
    json!({"individual_id": id, "code": code, "body": body})
}

fn individual(provider: &Provider, person: &Person) -> Value {
    let typed = |list: &[(&Option<String>, &str)]| {
        let given = list.iter().filter_map(|(value, kind)| Some(json!({"data": value.as_ref()?, "type": kind})));
        Value::Array(given.collect())
    };
    let residence = person.address.as_ref().map(|a| {
        json!({"line1": a.line1, "line2": a.line2, "city": a.city, "state": a.state, "postal_code": a.postal_code,
            "country": a.country, "name": null, "source_id": null})
    });
    let whole = json!({
        "id": person.id, "first_name": person.first_name, "middle_name": person.middle_name, "last_name": person.last_name,
        "preferred_name": person.preferred_name, "gender": null, "ethnicity": null, "marital_status": null, "dob": null,
        "emails": typed(&[(&person.work_email, "work"), (&person.personal_email, "personal")]),
        "phone_numbers": typed(&[(&person.mobile_phone, "personal")]),
        "residence": residence,
    });
    without(whole, provider.forbidden().map(wire_name))
}

fn employment(provider: &Provider, person: &Person) -> Value {
    let status = match person.status() {
        "inactive" => "leave",
        "pending" => "onboarding",
        other => other,
    };
    let custom: Vec<Value> = person.custom.iter().map(|(name, value)| json!({"name": name, "value": value})).collect();
    let whole = json!({
        "id": person.id, "source_id": person.employee_number, "work_id": person.employee_number,
        "first_name": person.first_name, "middle_name": person.middle_name, "last_name": person.last_name,
        "title": person.title, "manager": of_id(&person.manager_id), "department": {"name": person.department},
        "employment": {"type": "employee", "subtype": "full_time"}, "start_date": person.start_date,
        "end_date": person.end_date, "latest_rehire_date": null, "is_active": person.works(), "employment_status": status,
        "location": {"line1": null, "line2": null, "city": person.location, "state": null, "postal_code": null,
            "country": null, "name": person.location, "source_id": null},
        "class_code": null, "flsa_status": null, "income": null, "income_history": null, "custom_fields": custom,
    });
    without(whole, provider.forbidden().map(wire_name))
}

fn wire_name(field: &str) -> &str {
    match field {
        "mobile_phone" => "phone_numbers",
        "work_email" | "personal_email" => "emails",
        "address" => "residence",
        field => field,
    }
}

fn start_job(provider: &mut Provider, call: &Call) -> Answer {
    if call.json().unwrap_or_default()["type"] != "data_sync_all" {
        return error(400, "type must be data_sync_all");
    }
    provider.jobs += 1;
    let id = format!("job-{}", provider.jobs);
    let url = format!("{}/jobs/automated/{id}", call.base);
    let kind = "job.data_sync_all.completed";
    provider.happen(kind.to_owned(), envelope(provider, kind, &json!({"job_id": id, "job_url": url})), false);
    Answer::ok(
        &json!({"job_id": id, "job_url": url, "allowed_refreshes": 1, "remaining_refreshes": 0, "retry_at": null}),
    )
}

fn job(provider: &Provider, id: &str) -> Answer {
    let number = id.strip_prefix("job-").and_then(|number| number.parse::<u64>().ok());
    if number.is_none_or(|number| number == 0 || number > provider.jobs) {
        return error(404, "Job not found");
    }
    let now = clock::iso(clock::now());
    Answer::ok(&json!({"job_id": id, "type": "data_sync_all", "status": "complete", "created_at": now,
        "started_at": now, "completed_at": now, "scheduled_at": null}))
}

fn introspect(provider: &Provider) -> Answer {
    let now = clock::iso(clock::now());
    Answer::ok(&json!({"connection_id": provider.key("connection_id"), "provider_id": "bamboo_hr",
        "connection_status": {"status": "connected", "last_successful_sync": now, "message": null},
        "products": ["company", "directory", "individual", "employment"],
        "entities": [{"id": provider.key("entity_id"), "name": "Acme", "source_id": null, "status": "connected"}]}))
}

/// The webhooks of a change: one for each product that it shows in.
pub(crate) fn bodies(provider: &Provider, change: Change<'_>) -> Vec<(String, Value)> {
    let (verb, person, products) = match change {
        Change::Added(person) => ("created", person, vec!["directory", "individual", "employment"]),
        Change::Removed(person) => ("deleted", person, vec!["directory", "individual", "employment"]),
        Change::Changed { before, after } => ("updated", after, products(provider, before, after)),
    };
    let data = json!({"individual_id": person.id});
    let kinds = products.into_iter().map(|product| format!("{product}.{verb}"));
    kinds.map(|kind| (kind.clone(), envelope(provider, &kind, &data))).collect()
}

fn products(provider: &Provider, before: &Person, after: &Person) -> Vec<&'static str> {
    let short = |p: &Person| {
        (
            p.first_name.clone(),
            p.middle_name.clone(),
            p.last_name.clone(),
            p.manager_id.clone(),
            p.department.clone(),
            p.works(),
        )
    };
    let mut products = Vec::new();
    if short(before) != short(after) {
        products.push("directory");
    }
    if individual(provider, before) != individual(provider, after) {
        products.push("individual");
    }
    if employment(provider, before) != employment(provider, after) {
        products.push("employment");
    }
    products
}

pub(crate) fn envelope(provider: &Provider, kind: &str, data: &Value) -> Value {
    let (connection, entity) = (provider.key("connection_id"), provider.key("entity_id"));
    json!({"connection_id": connection, "entity_id": entity, "event_type": kind, "data": data,
        "company_id": entity, "account_id": connection})
}

fn error_body(status: u16, message: &str) -> Value {
    let (name, finch_code) = match status {
        400 => ("bad_request_error", "bad_request"),
        401 => ("unauthorized_error", "reauthenticate_user"),
        403 => ("forbidden_error", "insufficient_scope"),
        404 => ("not_found_error", "individual_not_found"),
        _ => ("server_error", "provider_error"),
    };
    json!({"code": status, "name": name, "finch_code": finch_code, "message": message})
}

pub(crate) fn error(status: u16, message: &str) -> Answer {
    Answer::json(status, &error_body(status, message))
}
