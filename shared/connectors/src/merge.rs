//! Merge HRIS: how far Merge's own sync is first, then its employees, all of them or those changed since a mark.
//!
//! Merge answers from its own copy. A copy that is not synced whole tells of people and never that somebody is
//! missing, and of the relations only those are asked for that mapped columns need.

mod events;
mod values;

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::{
    About, Brings, Connector, Delivery, Fault, FaultKind, HttpRequest, HttpResponse, Incremental, Key, Page, Refused,
    Scope, Secret, SourceEvent, Step, Target, Unreadable, VerifiedWebhook,
};

/// Merge HRIS.
pub(crate) struct Merge;

/// How much earlier than its listing a mark is, for clocks that differ and changes that come late.
const MARGIN: SignedDuration = SignedDuration::from_mins(5);
const IN_PATH: &AsciiSet = &NON_ALPHANUMERIC.remove(b'_').remove(b'-');
/// The regions and their bases; the first is taken where none is given.
const REGIONS: [(&str, &str); 4] = [
    ("us", "https://api.merge.dev/api/hris/v1"),
    ("eu", "https://api-eu.merge.dev/api/hris/v1"),
    ("ap", "https://api-ap.merge.dev/api/hris/v1"),
    ("sandbox", "https://api-sandbox.merge.dev/api/hris/v1"),
];

static ABOUT: About = About {
    id: "merge",
    name: "Merge",
    hosts: &["api.merge.dev", "api-eu.merge.dev", "api-ap.merge.dev", "api-sandbox.merge.dev"],
    provider: &[
        Key { name: "linked_account_id", needed: true, help: "the linked account's id, as webhooks name it" },
        Key {
            name: "end_user_origin_id",
            needed: false,
            help: "our id of the customer, for webhooks without a linked account's id",
        },
        Key { name: "region", needed: false, help: "us, eu, ap or sandbox; us if not given" },
    ],
    credentials: &[
        Key { name: "api_key", needed: true, help: "the API key" },
        Key { name: "account_token", needed: true, help: "the linked account's token" },
        Key { name: "webhook_secret", needed: false, help: "the webhooks' signature key, as shown" },
    ],
    ids: &["id", "employee_number", "remote_id"],
    status: (
        "employment_status",
        &[("ACTIVE", "active"), ("PENDING", "inactive"), ("INACTIVE", "inactive"), ("INACTIVE_ENDED", "terminated")],
    ),
    columns: &[
        "first_name",
        "last_name",
        "preferred_name",
        "display_full_name",
        "username",
        "work_email",
        "personal_email",
        "mobile_phone_number",
        "job_title",
        "employment_type",
        "department",
        "division",
        "cost_center",
        "team",
        "manager.id",
        "manager.name",
        "manager.email",
        "manager.employee_number",
        "hire_date",
        "start_date",
        "termination_date",
        "work_location.*",
        "home_location.*",
        "custom_fields.*",
        "field_mappings.*",
    ],
    incremental: Incremental::ChangesAndRemovals,
    webhooks: Some(Brings::Person),
    signs_with: None,
    resync: true,
    link: "link token",
    page_size: 100,
};

/// Where a reading is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum At {
    /// How far Merge's own sync is; then everybody, or the changes since a mark.
    Sync { since: Option<String> },
    /// A page of employees.
    Employees(Place),
    /// One person.
    Person { id: String },
}

/// Where a listing is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Place {
    since: Option<String>,
    cursor: Option<String>,
    /// When the listing began, in milliseconds since 1970.
    start_ms: i64,
    /// Why Merge's copy is not everybody.
    partial: Option<String>,
}

impl At {
    fn of(step: &Step) -> Self {
        // Words that are not ours start a full listing, which costs time and loses nobody.
        serde_json::from_str(&step.at).unwrap_or(Self::Sync { since: None })
    }

    fn step(self) -> Step {
        Step::at(json!(self).to_string())
    }
}

impl Connector for Merge {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn problems(&self, target: &Target<'_>) -> Vec<(String, String)> {
        let region = target.provider("region");
        if !target.provider.contains_key("region") || REGIONS.iter().any(|(name, _)| *name == region) {
            return Vec::new();
        }
        vec![("region".to_owned(), "must be us, eu, ap or sandbox".to_owned())]
    }

    fn routes(&self, provider: &BTreeMap<String, String>) -> Vec<String> {
        let keys = ["linked_account_id", "end_user_origin_id"];
        keys.iter().filter_map(|key| provider.get(*key)).filter(|id| !id.trim().is_empty()).cloned().collect()
    }

    fn verify(&self, delivery: &Delivery<'_>, secrets: &[Secret], _now_ms: i64) -> Result<(), Refused> {
        events::verify(delivery, secrets)
    }

    fn events(&self, hook: &VerifiedWebhook<'_>) -> Result<Vec<SourceEvent>, Unreadable> {
        events::read(&hook.json()?)
    }

    fn first(&self, _target: &Target<'_>, scope: &Scope) -> Option<Step> {
        let at = match scope {
            Scope::Full => At::Sync { since: None },
            Scope::Since(mark) => At::Sync { since: Some(mark.clone()) },
            Scope::Person(id) => At::Person { id: id.clone() },
        };
        Some(at.step())
    }

    fn request(&self, target: &Target<'_>, step: &Step) -> HttpRequest {
        let base = base(target);
        let expand = values::relations(target).join(",");
        let asked = match At::of(step) {
            At::Sync { .. } => HttpRequest::get(format!("{base}/sync-status")),
            At::Employees(place) => HttpRequest::get(format!("{base}/employees"))
                .query([("page_size", "100")])
                .query(given("expand", &expand))
                .query(given("modified_after", place.since.as_deref().unwrap_or_default()))
                .query(place.since.as_ref().map(|_| ("include_deleted_data", "true")))
                .query(given("cursor", place.cursor.as_deref().unwrap_or_default())),
            At::Person { id } => HttpRequest::get(format!("{base}/employees/{}", utf8_percent_encode(&id, IN_PATH)))
                .query(given("expand", &expand)),
        };
        with_keys(target, asked)
    }

    fn read(&self, target: &Target<'_>, step: &Step, response: &HttpResponse<'_>) -> Result<Page, Fault> {
        match At::of(step) {
            At::Sync { since } => sync(since, response),
            At::Employees(place) => employees(target, place, &json_of(response)?),
            At::Person { id } => person(target, id, response),
        }
    }

    fn resync_request(&self, target: &Target<'_>) -> Option<HttpRequest> {
        let asked = HttpRequest::post_json(format!("{}/sync-status/resync", base(target)), &json!({}));
        Some(with_keys(target, asked))
    }
}

fn base(target: &Target<'_>) -> String {
    let region = target.provider("region");
    let (_, usual) = REGIONS.iter().find(|(name, _)| *name == region).unwrap_or(&REGIONS[0]);
    target.base(usual)
}

fn with_keys(target: &Target<'_>, request: HttpRequest) -> HttpRequest {
    request
        .header("authorization", format!("Bearer {}", target.credential("api_key")))
        .header("x-account-token", target.credential("account_token"))
}

fn given<'q>(name: &'q str, value: &'q str) -> Option<(&'q str, &'q str)> {
    (!value.is_empty()).then_some((name, value))
}

fn failing(message: &str) -> Fault {
    Fault::new(FaultKind::Failing, message)
}

fn json_of(response: &HttpResponse<'_>) -> Result<Value, Fault> {
    if response.status == 200 { response.json() } else { Err(Fault::of_status(response)) }
}

fn results(body: &Value) -> Result<&Vec<Value>, Fault> {
    body["results"].as_array().ok_or_else(|| failing("Merge's answer has no list \"results\""))
}

fn sync(since: Option<String>, response: &HttpResponse<'_>) -> Result<Page, Fault> {
    let body = json_of(response)?;
    let partial = partial(results(&body)?)?;
    if since.as_ref().is_some_and(|mark| mark.parse::<Timestamp>().is_err()) {
        return Err(Fault::new(FaultKind::MarkLost, "the mark of the last reading is not ours"));
    }
    let place = Place { since, cursor: None, start_ms: response.now_ms, partial };
    Ok(Page { next: Some(At::Employees(place).step()), ..Page::default() })
}

/// Why Merge's copy of the employees is not everybody; `None` when it is.
fn partial(models: &[Value]) -> Result<Option<String>, Fault> {
    let Some(model) = models.iter().find(|model| model["model_id"] == "hris.Employee") else {
        return Ok(Some("Merge does not say how far its sync of employees is".to_owned()));
    };
    let why = match model["status"].as_str() {
        Some("DONE") => return Ok(None),
        Some("SYNCING") if model["is_initial_sync"] == Value::Bool(true) => {
            return Err(Fault::new(FaultKind::NotReady, "Merge's first sync of employees has not ended yet"));
        }
        Some("SYNCING") => "is under way",
        Some("PARTIALLY_SYNCED") => "ended in part",
        Some("FAILED") => "failed",
        Some("PAUSED") => "is paused",
        Some("DISABLED") => "is switched off",
        _ => "has no known state",
    };
    Ok(Some(format!("Merge's own sync of employees {why}")))
}

fn employees(target: &Target<'_>, place: Place, body: &Value) -> Result<Page, Fault> {
    let mut page = Page::default();
    let mut nameless = 0;
    for employee in results(body)? {
        match values::id(employee) {
            None => nameless += 1,
            Some(id) if !values::is_deleted(employee) => page.people.push(values::person(target, id, employee)),
            // A full listing tells by absence who is gone, under its own guards.
            Some(id) if place.since.is_some() => page.gone.push(id.to_owned()),
            Some(_) => {}
        }
    }
    page.partial = (nameless > 0).then(|| format!("{nameless} employees have no id"));
    match cursor(body)? {
        Some(cursor) if place.cursor.as_ref() == Some(&cursor) => {
            return Err(failing("Merge's answer names the page it is as the next one"));
        }
        Some(cursor) => page.next = Some(At::Employees(Place { cursor: Some(cursor), ..place }).step()),
        None => {
            page.mark = mark(place.start_ms);
            page.partial = page.partial.or(place.partial);
        }
    }
    Ok(page)
}

fn mark(start_ms: i64) -> Option<String> {
    let start = Timestamp::from_millisecond(start_ms).ok()?;
    Some(start.saturating_sub(MARGIN).unwrap_or(start).to_string())
}

/// The cursor of the next page. It may come inside a URL, of which nothing else is looked at; an answer without its
/// envelope is not taken for the last page.
fn cursor(body: &Value) -> Result<Option<String>, Fault> {
    let next = match body.get("next") {
        Some(Value::String(next)) if !next.is_empty() => next,
        Some(Value::String(_) | Value::Null) => return Ok(None),
        _ => return Err(failing("Merge's answer has no \"next\"")),
    };
    let query = match next.split_once('?') {
        Some((_, query)) => query,
        None if next.contains("://") => "",
        None => return Ok(Some(next.clone())),
    };
    let mut pairs = url::form_urlencoded::parse(query.as_bytes());
    let cursor = pairs.find(|(name, value)| name == "cursor" && !value.is_empty()).map(|(_, value)| value.into_owned());
    cursor.map(Some).ok_or_else(|| failing("the \"next\" of Merge's answer has no cursor"))
}

fn person(target: &Target<'_>, id: String, response: &HttpResponse<'_>) -> Result<Page, Fault> {
    if response.status == 404 {
        return Ok(Page { gone: vec![id], ..Page::default() });
    }
    let employee = json_of(response)?;
    if values::id(&employee) != Some(id.as_str()) {
        return Err(failing("Merge's answer is about somebody else"));
    }
    if values::is_deleted(&employee) {
        return Ok(Page { gone: vec![id], ..Page::default() });
    }
    Ok(Page { people: vec![values::person(target, &id, &employee)], ..Page::default() })
}

#[cfg(test)]
mod tests;
