//! Apideck's unified HRIS API: the employees of the system behind a consumer's connection.
//!
//! There is no listing of changes. What a system's list call leaves out is asked for person by person.

mod about;
mod events;
mod faults;
mod link;
mod signature;
mod values;

use std::collections::BTreeMap;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::{
    About, Connector, Delivery, Fault, FaultKind, HttpRequest, HttpResponse, Link, Page, Refused, Scope, Secret,
    SourceEvent, Step, Target, Unread, Unreadable, VerifiedWebhook,
};

/// Apideck.
pub(crate) struct Apideck;

const SAGE: &str = "sage-hr";
const RIPPLING: &str = "rippling";
const WORKDAY: &str = "workday";
const DAYFORCE: &str = "ceridian-dayforce";
/// Systems whose custom fields come only with a single person.
const FIELDS_APART: [&str; 3] = ["hibob", "hibob-oauth", "ukg-pro"];
const IN_PATH: &AsciiSet = &NON_ALPHANUMERIC.remove(b'_').remove(b'-');

/// Where a reading is.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum At {
    /// A page of the list.
    List(Listing),
    /// The people of a page one by one, then on.
    Each { ids: Vec<String>, then: Option<Listing> },
    /// One person.
    Person { id: String },
}

/// A page of the list.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
struct Listing {
    /// The system; empty until it is known.
    service: String,
    /// Whether this is the second pass, for those who left.
    leavers: bool,
    cursor: Option<String>,
    /// Whether the system has no pages.
    whole: bool,
}

impl Listing {
    fn limit(&self) -> &'static str {
        match self.service.as_str() {
            WORKDAY => "20",
            SAGE => "50",
            _ => "200",
        }
    }

    fn after(&self, cursor: Option<String>) -> Option<Self> {
        match cursor {
            Some(cursor) => Some(Self { cursor: Some(cursor), ..self.clone() }),
            None if self.service == SAGE && !self.leavers => Some(Self { leavers: true, cursor: None, ..self.clone() }),
            None => None,
        }
    }
}

impl At {
    fn of(step: &Step) -> Self {
        // Words that are not ours start the listing anew, which costs time and loses nobody.
        serde_json::from_str(&step.at).unwrap_or_else(|_| Self::List(Listing::default()))
    }

    fn step(&self) -> Step {
        Step::at(json!(self).to_string())
    }
}

impl Connector for Apideck {
    fn about(&self) -> &'static About {
        &about::ABOUT
    }

    fn routes(&self, provider: &BTreeMap<String, String>) -> Vec<String> {
        events::routes(provider)
    }

    fn verify(&self, delivery: &Delivery<'_>, secrets: &[Secret], _now_ms: i64) -> Result<(), Refused> {
        signature::verify(delivery, secrets)
    }

    fn events(&self, hook: &VerifiedWebhook<'_>) -> Result<Vec<SourceEvent>, Unreadable> {
        events::read(hook.delivery().header("x-apideck-idempotency-key"), &hook.json()?)
    }

    fn link(&self) -> Option<&'static dyn Link> {
        Some(&link::Vault)
    }

    fn first(&self, target: &Target<'_>, scope: &Scope) -> Option<Step> {
        let service = target.provider("service_id").to_owned();
        let at = match scope {
            Scope::Full => At::List(Listing { service, ..Listing::default() }),
            Scope::Person(id) => At::Person { id: id.clone() },
            Scope::Since(_) => return None,
        };
        Some(at.step())
    }

    fn request(&self, target: &Target<'_>, step: &Step) -> HttpRequest {
        let employees = format!("{}/hris/employees", target.base("https://unify.apideck.com"));
        let one = |id: &str| HttpRequest::get(format!("{employees}/{}", utf8_percent_encode(id, IN_PATH)));
        let request = match At::of(step) {
            At::List(at) => page_request(HttpRequest::get(&employees), &at),
            At::Each { ids, .. } => one(ids.first().map_or("", String::as_str)),
            At::Person { id } => one(&id),
        };
        let request = request
            .header("authorization", format!("Bearer {}", target.credential("api_key")))
            .header("x-apideck-app-id", target.provider("app_id"))
            .header("x-apideck-consumer-id", target.provider("consumer_id"));
        match target.provider("service_id") {
            "" => request,
            service => request.header("x-apideck-service-id", service),
        }
    }

    fn read(&self, target: &Target<'_>, step: &Step, response: &HttpResponse<'_>) -> Result<Page, Fault> {
        match At::of(step) {
            At::List(at) => list(target, at, response),
            At::Each { ids, then } => each(target, &ids, then, response),
            At::Person { id } => person(target, &id, response),
        }
    }
}

fn page_request(request: HttpRequest, at: &Listing) -> HttpRequest {
    let mut pairs = Vec::new();
    if !at.whole {
        pairs.push(("limit", at.limit()));
    }
    if let Some(cursor) = &at.cursor {
        pairs.push(("cursor", cursor.as_str()));
    }
    if at.leavers {
        pairs.push(("filter[employment_status]", "terminated"));
    }
    if at.service == RIPPLING {
        pairs.push(("pass_through[include_terminated]", "true"));
    }
    request.query(pairs)
}

/// Whether the people of a page must be asked for one by one.
fn is_thin(target: &Target<'_>, service: &str) -> bool {
    let custom = || target.columns.iter().any(|column| column.starts_with("custom_fields"));
    service == DAYFORCE || (FIELDS_APART.contains(&service) && custom())
}

fn list(target: &Target<'_>, mut at: Listing, response: &HttpResponse<'_>) -> Result<Page, Fault> {
    if !at.whole && faults::has_no_pages(response) {
        let whole = Listing { whole: true, cursor: None, ..at };
        return Ok(Page { next: Some(At::List(whole).step()), ..Page::default() });
    }
    let body = faults::good(response)?;
    if at.service.is_empty() {
        body["service"].as_str().unwrap_or_default().clone_into(&mut at.service);
        if [SAGE, RIPPLING].contains(&at.service.as_str()) {
            // These two leave people out unless they are asked in their own way.
            return Ok(Page { next: Some(At::List(at).step()), ..Page::default() });
        }
    }
    let entries = body["data"].as_array().ok_or_else(|| failing("has no list \"data\""))?;
    let (mut page, mut ids, mut nameless) = (Page::default(), Vec::new(), 0);
    for entry in entries {
        match values::id(entry) {
            None => nameless += 1,
            Some(_) if values::is_deleted(entry) => page.left_out += 1,
            Some(id) if is_thin(target, &at.service) => ids.push(id),
            Some(id) => page.people.push(values::person(target, &id, entry)),
        }
    }
    let cursor = next_cursor(&body["meta"])?;
    page.partial = gap(&body, entries.len(), nameless, cursor.is_none());
    if at.service != SAGE {
        page.total = body["meta"]["total_count"].as_u64();
    }
    let then = at.after(cursor);
    page.next = if ids.is_empty() { then.map(|at| At::List(at).step()) } else { Some(At::Each { ids, then }.step()) };
    Ok(page)
}

fn next_cursor(meta: &Value) -> Result<Option<String>, Fault> {
    match &meta["cursors"]["next"] {
        Value::Null => Ok(None),
        Value::String(text) => Ok(Some(text.clone()).filter(|text| !text.trim().is_empty())),
        _ => Err(failing("has a cursor that is no text")),
    }
}

/// Why a page is not all it should be.
fn gap(body: &Value, entries: usize, nameless: usize, last: bool) -> Option<String> {
    let meta = &body["meta"];
    let warnings = match &meta["warnings"] {
        Value::Null => 0,
        Value::Array(list) => list.len(),
        _ => 1,
    };
    let told = meta["items_on_page"].as_u64().unwrap_or(0);
    if warnings > 0 {
        return Some(format!("Apideck gave {warnings} warnings: its data is partial"));
    }
    if nameless > 0 {
        return Some(format!("{nameless} employees have no id"));
    }
    if told > u64::try_from(entries).unwrap_or(u64::MAX) {
        return Some(format!("a page has {entries} employees instead of {told}"));
    }
    (last && body["links"]["next"].is_string()).then(|| "a page names a next one and has no cursor for it".to_owned())
}

fn each(
    target: &Target<'_>,
    ids: &[String],
    then: Option<Listing>,
    response: &HttpResponse<'_>,
) -> Result<Page, Fault> {
    let Some((id, rest)) = ids.split_first() else {
        return Ok(Page { next: then.map(|at| At::List(at).step()), ..Page::default() });
    };
    let mut page = person(target, id, response)?;
    if faults::is_gone(response) {
        // Listed a moment ago: not to be had now is not the same as gone.
        page.unread = vec![Unread { id: id.clone(), why: "is listed and cannot be read".to_owned() }];
    }
    page.gone = Vec::new();
    page.next = match (rest, then) {
        ([], None) => None,
        ([], Some(at)) => Some(At::List(at).step()),
        (rest, then) => Some(At::Each { ids: rest.to_vec(), then }.step()),
    };
    Ok(page)
}

fn person(target: &Target<'_>, id: &str, response: &HttpResponse<'_>) -> Result<Page, Fault> {
    if faults::is_gone(response) {
        return Ok(Page { gone: vec![id.to_owned()], ..Page::default() });
    }
    let body = faults::good(response)?;
    let data = &body["data"];
    if values::id(data).as_deref() != Some(id) {
        return Err(failing("is not about the employee who was asked for"));
    }
    if values::is_deleted(data) {
        return Ok(Page { gone: vec![id.to_owned()], ..Page::default() });
    }
    Ok(Page { people: vec![values::person(target, id, data)], ..Page::default() })
}

fn failing(what: &str) -> Fault {
    Fault::new(FaultKind::Failing, format!("Apideck's answer {what}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_of_deleted_records_that_leads_to_itself_is_the_same_step_again() {
        let (provider, credentials) = Default::default();
        let today = jiff::civil::date(2026, 11, 1);
        let target = Target { provider: &provider, credentials: &credentials, token: None, columns: &[], today };
        let body = json!({
            "service": "workday",
            "data": [{ "id": "1", "deleted": true }],
            "meta": { "items_on_page": 1, "total_count": 3, "cursors": { "next": "c" } },
        });
        let body = body.to_string();
        let response = HttpResponse { status: 200, headers: &[], body: body.as_bytes(), now_ms: 0 };
        let first = Apideck.first(&target, &Scope::Full).unwrap();
        let second = Apideck.read(&target, &first, &response).unwrap();
        let third = Apideck.read(&target, second.next.as_ref().unwrap(), &response).unwrap();
        assert_eq!((second.left_out, second.total), (1, Some(3)));
        assert_eq!(second.next, third.next);
    }
}
