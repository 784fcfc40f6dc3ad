//! Directory Sync of `WorkOS`: directories, their users, events.

use std::sync::Arc;

use serde_json::{Map, Value, json};

use super::{only, without};
use crate::{
    call::{Answer, Call},
    clock,
    listing::{Ask, Page},
    person::Person,
    provider::{Change, Event, Provider},
};

pub(crate) fn answer(provider: &mut Provider, call: &Call) -> Answer {
    if !provider.accepts("api_key", call.bearer()) {
        return Answer::json(401, &json!({"message": "Unauthorized"}));
    }
    let parts = call.parts();
    match (call.method.as_str(), parts.as_slice()) {
        ("GET", ["directories", id]) if *id == provider.key("directory_id") => Answer::ok(&directory(provider)),
        ("GET", ["directories"]) => super::link::workos::directories(provider, call),
        ("POST", ["organizations"]) => super::link::workos::create(provider, call),
        ("GET", ["organizations", "external_id", id]) => super::link::workos::by_external_id(provider, id),
        ("POST", ["portal", "generate_link"]) => super::link::workos::portal(provider, call),
        ("GET", ["directory_users"]) => users(provider, call),
        ("GET", ["directory_users", id]) => match provider.person(id) {
            Some(person) => Answer::ok(&user(provider, person)),
            None => missing(),
        },
        ("GET", ["events"]) => events(provider, call),
        _ => missing(),
    }
}

pub(crate) fn missing() -> Answer {
    Answer::json(404, &json!({"message": "Not Found", "code": "entity_not_found"}))
}

pub(crate) fn invalid(field: &str, code: &str) -> Answer {
    Answer::json(422, &json!({"message": "Validation failed.", "errors": [{"field": field, "code": code}]}))
}

pub(crate) fn directory(provider: &Provider) -> Value {
    let active = provider.people.values().filter(|person| person.works()).count();
    json!({"object": "directory", "id": provider.key("directory_id"), "organization_id": provider.key("organization_id"),
        "external_key": "fake", "type": "bamboohr", "state": provider.directory_state, "name": "Acme", "domain": "example.com",
        "metadata": {"users": {"active": active, "inactive": provider.people.len() - active}, "groups": 0},
        "created_at": "2026-01-01T00:00:00.000Z", "updated_at": "2026-01-01T00:00:00.000Z"})
}

/// The field that is wrong and the code for it.
type Wrong = (&'static str, &'static str);

/// Limit, order and cursor of a list, or what is wrong with them.
fn ask<'a>(call: &'a Call, listing: String, default_newest_first: bool) -> Result<Ask<'a>, Wrong> {
    let limit = call.number("limit", 10, 1, 100).ok_or(("limit", "out_of_range"))?;
    let newest_first = match call.query("order") {
        None => default_newest_first,
        Some("asc") => false,
        Some("desc" | "normal") => true,
        Some(_) => return Err(("order", "invalid")),
    };
    if call.query("before").is_some() {
        return Err(("before", "not supported by this fake"));
    }
    Ok(Ask { listing: format!("{listing}{newest_first}"), cursor: call.query("after"), limit, newest_first })
}

fn list<T>(page: Page<T>, data: Vec<Value>) -> Answer {
    Answer::ok(&json!({"object": "list", "data": data, "list_metadata": {"before": null, "after": page.next}}))
}

fn users(provider: &mut Provider, call: &Call) -> Answer {
    match call.query("directory") {
        None if call.query("group").is_none() => return invalid("directory", "required"),
        Some(id) if id == provider.key("directory_id") => {}
        _ => return missing(),
    }
    let ask = match ask(call, "users".to_owned(), true) {
        Ok(ask) => ask,
        Err((field, code)) => return invalid(field, code),
    };
    // A directory that was unlinked shows nobody: the trap for who takes that for leavers.
    let linked = provider.directory_state == "linked";
    let wanted = |person: &&Arc<Person>| {
        let same = |name: &str, value: Option<&str>| call.query(name).is_none_or(|wanted| value == Some(wanted));
        same("idp_id", Some(&idp_id(person))) && same("email", person.work_email.as_deref()) && linked
    };
    let people: Vec<Arc<Person>> = provider.people.values().filter(wanted).cloned().collect();
    match provider.page(&people, &ask) {
        Ok(page) => {
            let data = page.rows.iter().map(|person| user(provider, person)).collect();
            list(page, data)
        }
        Err(_) => invalid("after", "invalid"),
    }
}

fn idp_id(person: &Person) -> String {
    format!("idp-{}", person.sequence)
}

fn user(provider: &Provider, person: &Person) -> Value {
    let person = &provider.shown(person);
    let state = match person.status() {
        "active" | "leave" => "active",
        "inactive" | "pending" | "onboarding" | "prehire" | "terminated" | "retired" | "deceased" => "inactive",
        other => other,
    };
    let manager = person.manager_id.as_deref().and_then(|id| provider.person(id)?.work_email.clone());
    let address = person.address.as_ref().map(|a| {
        json!({"type": "home", "street_address": a.line1, "locality": a.city, "region": a.state,
            "postal_code": a.postal_code, "country": a.country, "primary": true})
    });
    let mut custom = json!({
        "employee_number": person.employee_number, "preferred_name": person.preferred_name, "job_title": person.title,
        "department_name": person.department, "division_name": person.division, "manager_email": manager,
        "mobile_phone": person.mobile_phone, "personal_email": person.personal_email,
        "phone_numbers": person.mobile_phone.iter().map(|n| json!({"type": "mobile", "value": n})).collect::<Vec<_>>(),
        "employment_start_date": person.start_date, "employment_end_date": person.end_date,
        "addresses": address.into_iter().collect::<Vec<_>>(),
    });
    for (name, value) in &person.custom {
        custom[name] = value.clone();
    }
    let emails: Vec<Value> =
        person.work_email.iter().map(|email| json!({"primary": true, "type": "work", "value": email})).collect();
    let whole = json!({
        "object": "directory_user", "id": person.id, "directory_id": provider.key("directory_id"),
        "organization_id": provider.key("organization_id"), "idp_id": idp_id(person), "email": person.work_email,
        "first_name": person.first_name, "last_name": person.last_name, "name": person.full_name(), "state": state,
        "custom_attributes": custom, "role": {"slug": "member"}, "roles": [{"slug": "member"}], "groups": [],
        "emails": emails, "username": person.work_email, "job_title": person.title, "raw_attributes": {},
        "created_at": clock::iso(person.created_at), "updated_at": clock::iso(person.updated_at),
    });
    let whole = without(whole, provider.forbidden().filter(|field| *field == "mobile_phone").map(|_| "phone_numbers"));
    let hidden = provider.forbidden().map(|field| match field {
        "work_email" => "email",
        "title" => "job_title",
        "department" => "department_name",
        "address" => "addresses",
        field => field,
    });
    without(whole, hidden)
}

fn events(provider: &mut Provider, call: &Call) -> Answer {
    let kinds = call.list("events");
    if kinds.is_empty() {
        return invalid("events", "required");
    }
    let organization = call.query("organization_id");
    if organization.is_some_and(|id| id != provider.key("organization_id")) {
        return Answer::json(400, &json!({"message": "Organization not found."}));
    }
    let mut bounds = [i64::MIN, i64::MAX];
    for (bound, name) in bounds.iter_mut().zip(["range_start", "range_end"]) {
        match call.query(name).map(clock::parse) {
            Some(None) => return invalid(name, "invalid"),
            Some(Some(time)) => *bound = time,
            None => {}
        }
    }
    let ask = match ask(call, format!("events{kinds:?}{bounds:?}"), false) {
        Ok(ask) => ask,
        Err((field, code)) => return invalid(field, code),
    };
    let wanted =
        |event: &&Event| kinds.contains(&event.kind.as_str()) && event.at >= bounds[0] && event.at <= bounds[1];
    let events: Vec<Event> = provider.events.iter().filter(wanted).cloned().collect();
    match provider.page(&events, &ask) {
        Ok(page) => {
            let data = page.rows.iter().map(listed).collect();
            list(page, data)
        }
        Err(_) => invalid("after", "invalid"),
    }
}

/// An event as the list shows it: as in its webhook, with the name of its kind of object.
fn listed(event: &Event) -> Value {
    let mut body = event.body.clone();
    body["object"] = json!("event");
    body
}

/// The webhook of a change, with the whole user inside.
pub(crate) fn bodies(provider: &Provider, change: Change<'_>) -> Vec<(String, Value)> {
    let (kind, data) = match change {
        Change::Added(person) => ("dsync.user.created", user(provider, person)),
        Change::Removed(person) => ("dsync.user.deleted", user(provider, person)),
        Change::Changed { before, after } => {
            let (old, mut new) = (user(provider, before), user(provider, after));
            new["previous_attributes"] = differing(&old, &new);
            ("dsync.user.updated", new)
        }
    };
    vec![(kind.to_owned(), envelope(provider, kind, &data))]
}

/// The old values of what is different now.
fn differing(old: &Value, new: &Value) -> Value {
    let old = old.as_object().into_iter().flatten();
    let changed = old.filter(|(key, value)| *key != "updated_at" && new.get(*key) != Some(value));
    Value::Object(changed.map(|(key, value)| (key.clone(), value.clone())).collect::<Map<_, _>>())
}

pub(crate) fn envelope(provider: &Provider, kind: &str, data: &Value) -> Value {
    json!({"id": provider.new_event_id(), "event": kind, "data": data, "created_at": clock::iso(clock::now())})
}

/// The directory as the data of `dsync.*` events, which have words of their own for its state.
pub(crate) fn directory_data(provider: &Provider) -> Value {
    let whole = directory(provider);
    let keys = ["object", "id", "organization_id", "external_key", "type", "state", "name", "created_at", "updated_at"];
    let mut data = only(whole, &keys);
    data["state"] = json!(match provider.directory_state.as_str() {
        "linked" => "active",
        "unlinked" => "inactive",
        other => other,
    });
    data["domains"] = json!([{"object": "organization_domain", "id": "org_domain_1", "domain": "example.com"}]);
    data
}
