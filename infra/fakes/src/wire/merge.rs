//! Merge's HRIS API: `/employees`, `/sync-status`. The version prefix `/api/hris/v1` may stand before each path.

use std::sync::Arc;

use percent_encoding::percent_decode_str;
use serde_json::{Value, json};

use super::without;
use crate::{
    call::{Answer, Call},
    clock,
    listing::Ask,
    misbehave::Kind,
    name::uuid_like,
    person::{Person, mixed},
    provider::{Change, Provider},
};

pub(crate) fn answer(provider: &mut Provider, call: &Call) -> Answer {
    if !provider.accepts("api_key", call.bearer()) {
        return detail(401, "Authentication credentials were not provided or are wrong.");
    }
    let parts = call.parts();
    match (call.method.as_str(), parts.strip_prefix(&["api", "hris", "v1"]).unwrap_or(&parts)) {
        ("POST", ["link-token"]) => return super::link::merge::token(provider, call),
        ("GET", ["account-token", token]) => {
            let token = percent_decode_str(token).decode_utf8_lossy();
            return super::link::merge::account_token(provider, &token);
        }
        _ => {}
    }
    if !provider.accepts("account_token", call.header("x-account-token")) {
        return detail(401, "X-Account-Token is missing or wrong.");
    }
    match (call.method.as_str(), parts.strip_prefix(&["api", "hris", "v1"]).unwrap_or(&parts)) {
        ("GET", ["employees"]) => list(provider, call),
        ("GET", ["employees", id]) => match provider.person(id) {
            Some(person) => Answer::ok(&employee(provider, person, false, &call.list("expand"))),
            None => detail(404, "Not found."),
        },
        ("GET", ["sync-status"]) => {
            Answer::ok(&json!({"next": null, "previous": null, "results": sync_status(provider)}))
        }
        ("POST", ["sync-status", "resync"]) => {
            let data = json!({"is_initial_sync": false, "integration_name": "BambooHR", "integration_id": "bamboohr",
                "sync_status": {"hris.Employee": sync_status(provider)[0]}});
            let kind = "LinkedAccount.sync_completed";
            provider.happen(kind.to_owned(), envelope(provider, kind, &data), false);
            Answer::ok(&sync_status(provider))
        }
        ("GET", ["account-details"]) => Answer::ok(&linked_account(provider)),
        _ => detail(404, "Not found."),
    }
}

fn list(provider: &mut Provider, call: &Call) -> Answer {
    let Some(limit) = call.number("page_size", 100, 1, 100) else { return detail(400, "page_size must be 1 to 100.") };
    let mut bounds = [i64::MIN, i64::MAX];
    for (bound, name) in bounds.iter_mut().zip(["modified_after", "modified_before"]) {
        match call.query(name).map(clock::parse) {
            Some(None) => return detail(400, "a date-time is not ISO 8601."),
            Some(Some(time)) => *bound = time,
            None => {}
        }
    }
    let deleted = call.query("include_deleted_data") == Some("true");
    let gone = provider.removed.values().filter(|_| deleted);
    let wanted = |person: &&Arc<Person>| {
        let same =
            |name: &str, value: &Option<String>| call.query(name).is_none_or(|wanted| value.as_deref() == Some(wanted));
        person.updated_at > bounds[0]
            && person.updated_at < bounds[1]
            && same("employee_number", &person.employee_number)
            && same("work_email", &person.work_email)
            && call.query("remote_id").is_none_or(|wanted| remote_id(person) == wanted)
    };
    let people: Vec<Arc<Person>> = provider.people.values().chain(gone).filter(wanted).cloned().collect();
    let listing = format!("{bounds:?}{deleted}");
    let Ok(page) = provider.page(&people, &Ask { listing, cursor: call.query("cursor"), limit, newest_first: false })
    else {
        return detail(400, "Invalid cursor.");
    };
    let expand = call.list("expand");
    let shown = |person: &Arc<Person>| employee(provider, person, provider.person(&person.id).is_none(), &expand);
    let results: Vec<Value> = page.rows.iter().map(shown).collect();
    let next = match (page.next, page.elsewhere) {
        (Some(cursor), Some(elsewhere)) => Some(format!("{elsewhere}?cursor={cursor}")),
        (next, _) => next,
    };
    Answer::ok(&json!({"next": next, "previous": null, "results": results}))
}

fn status(person: &Person) -> String {
    match person.status() {
        "active" => "ACTIVE",
        "pending" | "onboarding" | "prehire" => "PENDING",
        "inactive" | "leave" | "terminated" | "retired" | "deceased" => "INACTIVE",
        other => return other.to_uppercase(),
    }
    .to_owned()
}

fn remote_id(person: &Person) -> String {
    format!("remote-{}", person.sequence)
}

/// An id of something that belongs to the person or is named so.
fn id_of(text: &str) -> String {
    let number = text.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |sum, byte| mixed(sum ^ u64::from(byte)));
    uuid_like(number, mixed(number))
}

fn employee(provider: &Provider, person: &Person, deleted: bool, expand: &[&str]) -> Value {
    let person = &provider.shown(person);
    let related = |name: &str, id: String, whole: Value| if expand.contains(&name) { whole } else { json!(id) };
    let noon = |date: &Option<String>| date.as_ref().map(|date| format!("{date}T00:00:00Z"));
    let times = json!({"created_at": clock::iso(person.created_at), "modified_at": clock::iso(person.updated_at)});
    let job = id_of(&format!("job {}", person.id));
    let employment = json!({"id": job, "employee": person.id, "job_title": person.title,
        "effective_date": noon(&person.start_date), "employment_type": "FULL_TIME", "modified_at": times["modified_at"]});
    let group = |name: &Option<String>, kind: &str| {
        let name = name.as_ref()?;
        let id = id_of(&format!("{kind} {name}"));
        let whole =
            json!({"id": id, "name": name, "type": kind, "parent_group": null, "is_commonly_used_as_team": false});
        Some(related("groups", id, whole))
    };
    let groups: Vec<Value> = [group(&person.department, "DEPARTMENT"), group(&person.division, "BUSINESS_UNIT")]
        .into_iter()
        .flatten()
        .collect();
    let home = person.address.as_ref().map(|a| {
        let id = id_of(&format!("home {}", person.id));
        let whole = json!({"id": id, "name": null, "phone_number": null, "street_1": a.line1, "street_2": a.line2, "city": a.city,
            "state": a.state, "zip_code": a.postal_code, "country": a.country, "location_type": "HOME"});
        related("home_location", id, whole)
    });
    let manager =
        person.manager_id.as_ref().map(|id| match provider.person(id).filter(|_| expand.contains(&"manager")) {
            // A manager inside a person is not expanded further.
            Some(manager) => employee(provider, manager, false, &[]),
            None => json!(id),
        });
    let whole = json!({
        "id": person.id, "remote_id": remote_id(person), "created_at": times["created_at"], "modified_at": times["modified_at"],
        "employee_number": person.employee_number, "company": null, "first_name": person.first_name,
        "last_name": person.last_name, "preferred_name": person.preferred_name, "display_full_name": person.full_name(),
        "username": null, "groups": groups, "work_email": person.work_email, "personal_email": person.personal_email,
        "mobile_phone_number": person.mobile_phone, "employments": [related("employments", job, employment)],
        "home_location": home, "work_location": null, "manager": manager, "team": null, "pay_group": null,
        "hire_date": noon(&person.start_date), "start_date": noon(&person.start_date),
        "termination_date": noon(&person.end_date), "employment_status": status(person),
        "custom_fields": person.custom, "field_mappings": null, "remote_was_deleted": deleted,
        "remote_data": null,
    });
    let hidden = provider.forbidden().map(|field| match field {
        "mobile_phone" => "mobile_phone_number",
        "address" => "home_location",
        "department" => "groups",
        "title" => "employments",
        field => field,
    });
    without(whole, hidden)
}

fn sync_status(provider: &Provider) -> Value {
    let now = clock::iso(clock::now());
    let status = if provider.odd == Some(Kind::Partial) { "PARTIALLY_SYNCED" } else { "DONE" };
    json!([{"model_name": "Employee", "model_id": "hris.Employee", "last_sync_start": now, "next_sync_start": null,
        "last_sync_finished": now, "last_sync_result": status, "status": status, "sync_status_reason": null,
        "data_fresh_as_of": now, "is_initial_sync": false}])
}

fn linked_account(provider: &Provider) -> Value {
    json!({"id": provider.key("linked_account_id"), "integration": "BambooHR", "integration_slug": "bamboohr",
        "category": "hris", "end_user_origin_id": provider.key("end_user_origin_id"),
        "end_user_organization_name": "Acme Ünited", "end_user_email_address": "hr@example.com", "status": "COMPLETE",
        "webhook_listener_url": "https://api.merge.dev/api/integrations/webhook-listener/fake",
        "is_duplicate": false, "account_type": "TEST"})
}

/// The webhook of a change, with the person inside and ids for what is related.
pub(crate) fn bodies(provider: &Provider, change: Change<'_>) -> Vec<(String, Value)> {
    let (kind, person, deleted) = match change {
        Change::Added(person) => ("Employee.added", person, false),
        Change::Changed { after, .. } => ("Employee.changed", after, false),
        Change::Removed(person) => ("Employee.removed", person, true),
    };
    let data = employee(provider, person, deleted, &[]);
    vec![(kind.to_owned(), envelope(provider, kind, &data))]
}

/// `data` as the changed model; the dashboard's test button, named `test`, sends no hook at all.
pub(crate) fn envelope(provider: &Provider, kind: &str, data: &Value) -> Value {
    if kind == "test" {
        return json!({"response": "This is a test POST request from Merge."});
    }
    let mut account = linked_account(provider);
    if let Some(status) = data["linked_account_status"].as_str() {
        account["status"] = json!(status);
    }
    json!({"hook": {"id": id_of(kind), "event": kind, "target": provider.outbox.url}, "linked_account": account, "data": data})
}

pub(crate) fn detail(status: u16, detail: &str) -> Answer {
    Answer::json(status, &json!({"detail": detail}))
}
