//! Apideck: one unified API before many HR systems, each with its own way of listing who left.
//!
//! A page with warnings is a page in part, whatever its status. The signature of webhooks follows Apideck's guide and
//! has not been seen on live traffic.

mod canonical;
mod events;
mod faults;
mod values;

use std::collections::BTreeMap;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::{
    About, Brings, Connector, Delivery, Fault, FaultKind, HttpRequest, HttpResponse, Incremental, Key, Page, Refused,
    Scope, Secret, SourceEvent, Step, Target, Unreadable, VerifiedWebhook,
};

/// Apideck.
pub(crate) struct Apideck;

const IN_PATH: &AsciiSet = &NON_ALPHANUMERIC.remove(b'_').remove(b'-');

static ABOUT: About = About {
    id: "apideck",
    name: "Apideck",
    hosts: &["unify.apideck.com"],
    provider: &[
        Key { name: "app_id", needed: true, help: "the application's id" },
        Key { name: "consumer_id", needed: true, help: "the consumer whose connection is read" },
        Key { name: "service_id", needed: true, help: "the HR system's name at Apideck: bamboohr, sage-hr, workday" },
    ],
    credentials: &[
        Key { name: "api_key", needed: true, help: "the application's API key" },
        Key { name: "webhook_secret", needed: false, help: "what webhooks are signed with, where not the API key" },
    ],
    ids: &["id", "employee_number"],
    // `other` is left out on purpose: it says nothing, so the person stays as stored.
    status: (
        "employment_status",
        &[
            ("active", "active"),
            ("inactive", "inactive"),
            ("terminated", "terminated"),
            ("retired", "retired"),
            ("deceased", "deceased"),
            ("other_ended", "inactive"),
        ],
    ),
    columns: &[
        "company_name",
        "first_name",
        "middle_name",
        "last_name",
        "preferred_name",
        "display_name",
        "title",
        "department_name",
        "department_id",
        "division",
        "team.name",
        "manager.id",
        "manager.name",
        "manager.email",
        "manager.employee_number",
        "employment_start_date",
        "employment_end_date",
        "employment_role.type",
        "employment_role.sub_type",
        "emails[work]",
        "emails[personal]",
        "emails[*]",
        "phone_numbers[mobile]",
        "phone_numbers[work]",
        "phone_numbers[*]",
        "addresses[home].*",
        "addresses[work].*",
        "addresses[*].*",
        "preferred_language",
        "timezone",
        "works_remote",
        "custom_fields.*",
    ],
    incremental: Incremental::None,
    webhooks: Some(Brings::Hint),
    signs_with: Some("api_key"),
    resync: false,
    link: "Vault session",
    page_size: 200,
};

/// Where a reading is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum At {
    /// A page of employees.
    Employees(Place),
    /// One person.
    Person { id: String },
}

/// Where a listing is.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Place {
    cursor: Option<String>,
    /// Whether it is the list of those who left, where the HR system lists them apart.
    left: bool,
    /// Employees so far who were told as deleted: counted by Apideck, and nobody to us.
    deleted: u64,
}

impl At {
    fn of(step: &Step) -> Self {
        // Words that are not ours start the listing anew, which costs time and loses nobody.
        serde_json::from_str(&step.at).unwrap_or_else(|_| Self::Employees(Place::default()))
    }

    fn step(self) -> Step {
        Step::at(json!(self).to_string())
    }
}

impl Connector for Apideck {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn problems(&self, target: &Target<'_>) -> Vec<(String, String)> {
        let service = target.provider("service_id");
        let slug = service.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-');
        let problem = "must be the HR system's name at Apideck, in small letters: bamboohr, sage-hr".to_owned();
        if slug { Vec::new() } else { vec![("service_id".to_owned(), problem)] }
    }

    fn routes(&self, provider: &BTreeMap<String, String>) -> Vec<String> {
        let of = |key: &str| provider.get(key).map_or("", String::as_str);
        route(of("consumer_id"), of("service_id")).into_iter().collect()
    }

    fn verify(&self, delivery: &Delivery<'_>, secrets: &[Secret], _now_ms: i64) -> Result<(), Refused> {
        events::verify(delivery, secrets)
    }

    fn events(&self, hook: &VerifiedWebhook<'_>) -> Result<Vec<SourceEvent>, Unreadable> {
        events::read(hook.delivery().header("x-apideck-idempotency-key"), &hook.json()?)
    }

    fn first(&self, _target: &Target<'_>, scope: &Scope) -> Option<Step> {
        match scope {
            Scope::Full => Some(At::Employees(Place::default()).step()),
            Scope::Person(id) => Some(At::Person { id: id.clone() }.step()),
            Scope::Since(_) => None,
        }
    }

    fn request(&self, target: &Target<'_>, step: &Step) -> HttpRequest {
        let list = format!("{}/hris/employees", target.base("https://unify.apideck.com"));
        let service = target.provider("service_id");
        let asked = match At::of(step) {
            At::Person { id } => HttpRequest::get(format!("{list}/{}", utf8_percent_encode(&id, IN_PATH))),
            At::Employees(Place { cursor, left, .. }) => HttpRequest::get(list)
                .query([("limit", limit(service))])
                .query(left.then_some(("filter[employment_status]", "terminated")))
                .query((service == "rippling").then_some(("pass_through[include_terminated]", "true")))
                .query(cursor.as_deref().map(|cursor| ("cursor", cursor))),
        };
        let asked = asked
            .header("authorization", format!("Bearer {}", target.credential("api_key")))
            .header("x-apideck-app-id", target.provider("app_id"))
            .header("x-apideck-consumer-id", target.provider("consumer_id"));
        if service.is_empty() { asked } else { asked.header("x-apideck-service-id", service) }
    }

    fn read(&self, target: &Target<'_>, step: &Step, response: &HttpResponse<'_>) -> Result<Page, Fault> {
        match At::of(step) {
            At::Person { id } if faults::is_gone(response) => Ok(Page { gone: vec![id], ..Page::default() }),
            _ if response.status != 200 => Err(faults::fault(response)),
            At::Person { id } => person(target, id, &response.json()?),
            At::Employees(place) => employees(target, &place, &response.json()?),
        }
    }
}

/// The name by which webhooks call a connection: `consumer_id/service_id`.
fn route(consumer: &str, service: &str) -> Option<String> {
    (!consumer.is_empty() && !service.is_empty()).then(|| format!("{consumer}/{service}"))
}

/// Workday's pages take longer than Apideck waits where they are larger.
fn limit(service: &str) -> &'static str {
    if service == "workday" { "20" } else { "200" }
}

/// Whether those who left are listed only when they are asked for.
fn lists_leavers_apart(target: &Target<'_>) -> bool {
    target.provider("service_id") == "sage-hr"
}

fn employees(target: &Target<'_>, place: &Place, body: &Value) -> Result<Page, Fault> {
    let missing = || Fault::new(FaultKind::Failing, "Apideck's answer has no list \"data\"");
    let entries = body["data"].as_array().ok_or_else(missing)?;
    let meta = &body["meta"];
    let mut page = Page { partial: warned(meta), ..Page::default() };
    let (mut nameless, mut deleted) = (0, place.deleted);
    for employee in entries {
        match values::id(employee) {
            None => nameless += 1,
            Some(_) if is_deleted(employee) => deleted += 1,
            Some(id) => page.people.push(values::person(target, id, employee)),
        }
    }
    if nameless > 0 {
        page.partial = Some(format!("{nameless} employees have no id"));
    }
    if !lists_leavers_apart(target) {
        // Where there are two lists, neither's count is everybody's.
        page.total = meta["total_count"].as_u64().map(|total| total.saturating_sub(deleted));
    }
    let next = match meta["cursors"].get("next") {
        Some(Value::String(cursor)) if !cursor.is_empty() => {
            Some(Place { cursor: Some(cursor.clone()), left: place.left, deleted })
        }
        Some(Value::Null | Value::String(_)) => None,
        // An answer without its envelope is not taken for the last page of a whole listing.
        _ => {
            page.partial = Some("Apideck does not say whether more employees follow".to_owned());
            None
        }
    };
    let leavers = lists_leavers_apart(target) && !place.left;
    let next = next.or_else(|| leavers.then_some(Place { cursor: None, left: true, deleted }));
    page.next = next.map(|place| At::Employees(place).step());
    Ok(page)
}

fn is_deleted(employee: &Value) -> bool {
    employee["deleted"] == Value::Bool(true)
}

/// That there are warnings: data of the HR system is missing although the answer's status is 200.
fn warned(meta: &Value) -> Option<String> {
    let count = match &meta["warnings"] {
        Value::Null => 0,
        Value::Array(list) => list.len(),
        _ => 1,
    };
    (count > 0).then(|| format!("Apideck warns {count} times that data of the HR system is missing"))
}

fn person(target: &Target<'_>, id: String, body: &Value) -> Result<Page, Fault> {
    let employee = &body["data"];
    if values::id(employee) != Some(id.as_str()) {
        return Err(Fault::new(FaultKind::Failing, "Apideck's answer is not about the employee asked for"));
    }
    if is_deleted(employee) {
        return Ok(Page { gone: vec![id], ..Page::default() });
    }
    if let Some(why) = warned(&body["meta"]) {
        return Ok(Page { unread: vec![crate::Unread { id, why }], ..Page::default() });
    }
    Ok(Page { people: vec![values::person(target, &id, employee)], ..Page::default() })
}
