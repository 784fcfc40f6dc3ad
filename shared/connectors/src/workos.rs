//! `WorkOS` Directory Sync: the directory's state first, then its users, or the events since a mark.
//!
//! Nothing is read from a directory that is not linked, and nobody is told gone by one: a directory that was taken
//! away answers as if all of its users had left.

mod events;
mod link;
mod values;

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::{
    About, Brings, Connector, Delivery, Fault, FaultKind, HttpRequest, HttpResponse, Incremental, Key, Link, Page,
    Person, Refused, Scope, Secret, SourceEvent, Step, Target, Unread, Unreadable, VerifiedWebhook,
};

/// `WorkOS` Directory Sync.
pub(crate) struct WorkOs;

/// The events that tell of people, in the one form that the specification has for several.
const EVENTS: &str = "dsync.user.created,dsync.user.updated,dsync.user.deleted";
/// Events are kept for 30 days; a mark by time that is older has a gap behind it.
const MARK_LASTS: SignedDuration = SignedDuration::from_hours(29 * 24);
/// How much earlier than the listing a mark by time begins, for clocks that differ and events that come late.
const MARGIN: SignedDuration = SignedDuration::from_mins(10);
const IN_PATH: &AsciiSet = &NON_ALPHANUMERIC.remove(b'_').remove(b'-');

static ABOUT: About = About {
    id: "workos",
    name: "WorkOS Directory Sync",
    hosts: &["api.workos.com"],
    provider: &[
        Key { name: "directory_id", needed: true, help: "the directory's id: directory_…" },
        Key { name: "organization_id", needed: false, help: "the organization's id; the directory's own if not given" },
    ],
    credentials: &[
        Key { name: "api_key", needed: true, help: "the API key: sk_…" },
        Key { name: "webhook_secret", needed: false, help: "the webhook endpoint's secret, as shown" },
    ],
    platform: &[Key { name: "api_key", needed: true, help: "the API key: sk_…" }],
    ids: &["id", "idp_id", "custom_attributes.employee_number", "custom_attributes.employee_id"],
    status: ("state", &[("active", "active"), ("inactive", "inactive"), ("suspended", "inactive")]),
    columns: &[
        "email",
        "emails[work]",
        "emails[home]",
        "emails[other]",
        "first_name",
        "last_name",
        "name",
        "username",
        "job_title",
        "custom_attributes.job_title",
        "custom_attributes.department_name",
        "custom_attributes.manager_email",
        "custom_attributes.phone_numbers[mobile]",
        "custom_attributes.addresses[work].*",
        "custom_attributes.*",
    ],
    incremental: Incremental::ChangesAndRemovals,
    webhooks: Some(Brings::Person),
    signs_with: None,
    resync: false,
    link: "admin portal link",
    page_size: 100,
};

/// Where a reading is.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum At {
    /// The directory's state; then everybody, or the changes since a mark.
    State { since: Option<String> },
    /// The newest event, from which the reading after this listing will go on.
    Newest { organization: String, start_ms: i64 },
    /// A page of users.
    Users { after: Option<String>, mark: Option<String> },
    /// A page of events.
    Events { organization: String, range_start: Option<String>, after: Option<String> },
    /// One person.
    Person { id: String },
    /// The directory's state, asked because this person is not there.
    Gone { id: String },
}

impl At {
    fn of(step: &Step) -> Self {
        // Words that are not ours start a full listing, which costs time and loses nobody.
        serde_json::from_str(&step.at).unwrap_or(Self::State { since: None })
    }

    fn step(self) -> Step {
        Step::at(json!(self).to_string())
    }
}

impl Connector for WorkOs {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn routes(&self, provider: &BTreeMap<String, String>) -> Vec<String> {
        provider.get("directory_id").cloned().into_iter().collect()
    }

    fn verify(&self, delivery: &Delivery<'_>, secrets: &[Secret], now_ms: i64) -> Result<(), Refused> {
        events::verify(delivery, secrets, now_ms)
    }

    fn events(&self, hook: &VerifiedWebhook<'_>) -> Result<Vec<SourceEvent>, Unreadable> {
        events::read(&hook.json()?)
    }

    fn link(&self) -> Option<&'static dyn Link> {
        Some(&link::Portal)
    }

    fn first(&self, _target: &Target<'_>, scope: &Scope) -> Option<Step> {
        let at = match scope {
            Scope::Full => At::State { since: None },
            Scope::Since(mark) => At::State { since: Some(mark.clone()) },
            Scope::Person(id) => At::Person { id: id.clone() },
        };
        Some(at.step())
    }

    fn request(&self, target: &Target<'_>, step: &Step) -> HttpRequest {
        let base = target.base("https://api.workos.com");
        let directory = target.provider("directory_id");
        let list = |path: &str| HttpRequest::get(format!("{base}/{path}"));
        let one = |path: &str, id: &str| list(&format!("{path}/{}", utf8_percent_encode(id, IN_PATH)));
        let asked = match At::of(step) {
            At::State { .. } | At::Gone { .. } => one("directories", directory),
            At::Person { id } => one("directory_users", &id),
            At::Newest { organization, .. } => list("events")
                .query([("events", EVENTS), ("limit", "1"), ("order", "desc")])
                .query(given("organization_id", &organization)),
            At::Users { after, .. } => list("directory_users")
                .query([("directory", directory), ("limit", "100"), ("order", "asc")])
                .query(given("after", after.as_deref().unwrap_or_default())),
            At::Events { organization, range_start, after } => list("events")
                .query([("events", EVENTS), ("limit", "100"), ("order", "asc")])
                .query(given("organization_id", &organization))
                .query(given("range_start", range_start.as_deref().unwrap_or_default()))
                .query(given("after", after.as_deref().unwrap_or_default())),
        };
        asked.header("authorization", format!("Bearer {}", target.credential("api_key")))
    }

    fn read(&self, target: &Target<'_>, step: &Step, response: &HttpResponse<'_>) -> Result<Page, Fault> {
        match At::of(step) {
            At::State { since } => state(target, since, response),
            At::Newest { start_ms, .. } => newest(start_ms, response),
            At::Users { mark, .. } => users(target, mark, response),
            At::Events { organization, range_start, after } => {
                changes(target, &step.carried, (organization, range_start, after), response)
            }
            At::Person { id } => person(target, id, response),
            At::Gone { id } => linked(response).map(|_| Page { gone: vec![id], ..Page::default() }),
        }
    }
}

fn given<'q>(name: &'q str, value: &'q str) -> Option<(&'q str, &'q str)> {
    (!value.is_empty()).then_some((name, value))
}

fn json_of(response: &HttpResponse<'_>) -> Result<Value, Fault> {
    if response.status == 200 { response.json() } else { Err(Fault::of_status(response)) }
}

/// The directory, if it is linked; else why it may not be read.
fn linked(response: &HttpResponse<'_>) -> Result<Value, Fault> {
    if response.status == 404 {
        let message = "WorkOS does not know the directory (404): check directory_id and api_key, or link it again";
        return Err(Fault::new(FaultKind::Refused, message));
    }
    let directory = json_of(response)?;
    let kind = match directory["state"].as_str() {
        // The API says `linked`; events call the same state `active`.
        Some("linked" | "active") => return Ok(directory),
        Some("invalid_credentials") => FaultKind::Unauthorized,
        Some("unlinked" | "inactive" | "deleting") => FaultKind::ReauthNeeded,
        Some("validating") => FaultKind::NotReady,
        _ => return Err(Fault::new(FaultKind::Failing, "WorkOS's answer has no known state of the directory")),
    };
    Err(Fault::new(kind, format!("the directory's state is {}, not linked", directory["state"])))
}

fn state(target: &Target<'_>, since: Option<String>, response: &HttpResponse<'_>) -> Result<Page, Fault> {
    let directory = linked(response)?;
    let set = Some(target.provider("organization_id")).filter(|text| !text.is_empty());
    let organization = set.or(directory["organization_id"].as_str()).unwrap_or_default().to_owned();
    let next = match since {
        None => At::Newest { organization, start_ms: response.now_ms },
        Some(mark) => match mark.split_once(':') {
            Some(("e", id)) => At::Events { organization, range_start: None, after: Some(id.to_owned()) },
            Some(("t", time)) if lasts(time, response.now_ms) => {
                At::Events { organization, range_start: Some(time.to_owned()), after: None }
            }
            _ => return Err(Fault::new(FaultKind::MarkLost, "the mark of the last reading is too old or not ours")),
        },
    };
    Ok(Page { next: Some(next.step()), ..Page::default() })
}

fn lasts(time: &str, now_ms: i64) -> bool {
    let (Ok(time), Ok(now)) = (time.parse::<Timestamp>(), Timestamp::from_millisecond(now_ms)) else { return false };
    now.duration_since(time) <= MARK_LASTS
}

fn newest(start_ms: i64, response: &HttpResponse<'_>) -> Result<Page, Fault> {
    let mark = match json_of(response) {
        Ok(body) => Some(match entries(&body)?.first().and_then(|event| event["id"].as_str()) {
            Some(id) => format!("e:{id}"),
            None => {
                let start = Timestamp::from_millisecond(start_ms).unwrap_or_default();
                format!("t:{}", start.saturating_sub(MARGIN).unwrap_or(start))
            }
        }),
        // A key that may not read events can still list users: every reading is then a full listing.
        Err(fault) if matches!(fault.kind, FaultKind::Refused | FaultKind::Forbidden) => None,
        Err(fault) => return Err(fault),
    };
    Ok(Page { next: Some(At::Users { after: None, mark }.step()), ..Page::default() })
}

fn entries(body: &Value) -> Result<&Vec<Value>, Fault> {
    body["data"].as_array().ok_or_else(|| Fault::new(FaultKind::Failing, "WorkOS's answer has no list \"data\""))
}

/// The cursor of the next page; an answer without its envelope is not taken for the last page.
fn after(body: &Value) -> Result<Option<String>, Fault> {
    match body["list_metadata"].get("after") {
        Some(Value::String(id)) if !id.is_empty() => Ok(Some(id.clone())),
        Some(Value::String(_) | Value::Null) => Ok(None),
        _ => Err(Fault::new(FaultKind::Failing, "WorkOS's answer has no \"list_metadata.after\"")),
    }
}

fn users(target: &Target<'_>, mark: Option<String>, response: &HttpResponse<'_>) -> Result<Page, Fault> {
    let body = json_of(response)?;
    let mut page = Page::default();
    let mut nameless = 0;
    for user in entries(&body)? {
        match values::id(user) {
            Some(id) if values::is_ours(target, user) => page.people.push(values::person(target, id, user)),
            Some(id) => page.unread.push(elsewhere(id)),
            None => nameless += 1,
        }
    }
    page.partial = (nameless > 0).then(|| format!("{nameless} users have no id"));
    match after(&body)? {
        Some(after) => page.next = Some(At::Users { after: Some(after), mark }.step()),
        None => page.mark = mark,
    }
    Ok(page)
}

fn elsewhere(id: &str) -> Unread {
    Unread { id: id.to_owned(), why: "belongs to another directory".to_owned() }
}

fn person(target: &Target<'_>, id: String, response: &HttpResponse<'_>) -> Result<Page, Fault> {
    if response.status == 404 {
        return Ok(Page { next: Some(At::Gone { id }.step()), ..Page::default() });
    }
    let user = json_of(response)?;
    if user["id"].as_str() != Some(id.as_str()) {
        return Err(Fault::new(FaultKind::Failing, "WorkOS's answer is about somebody else"));
    }
    if !values::is_ours(target, &user) {
        return Ok(Page { unread: vec![elsewhere(&id)], ..Page::default() });
    }
    Ok(Page { people: vec![values::person(target, &id, &user)], ..Page::default() })
}

/// Where a reading of events is: organization, `range_start`, `after`.
type Place = (String, Option<String>, Option<String>);

/// Who changed. Somebody deleted is carried to the end, for a later event may create them again.
fn changes(
    target: &Target<'_>,
    carried: &[Person],
    (organization, range_start, from): Place,
    response: &HttpResponse<'_>,
) -> Result<Page, Fault> {
    if matches!(response.status, 400 | 404 | 410 | 422) {
        let message = format!("WorkOS does not take the mark of the last reading ({})", response.status);
        return Err(Fault::new(FaultKind::MarkLost, message));
    }
    let body = json_of(response)?;
    let list = entries(&body)?;
    let (latest, nameless) = values::latest(target, carried, list);
    let mut page = Page::default();
    let mut deleted = Vec::new();
    for change in latest {
        match change {
            values::Change::Told(person) => page.people.push(person),
            values::Change::Deleted(person) => deleted.push(person),
        }
    }
    page.partial = (nameless > 0).then(|| format!("{nameless} events have no user id"));
    match after(&body)? {
        Some(after) => {
            let at = At::Events { organization, range_start, after: Some(after) };
            page.next = Some(Step { carried: deleted, ..at.step() });
        }
        None => {
            let last = list.last().and_then(|event| event["id"].as_str()).map(str::to_owned).or(from);
            page.mark = last.map(|id| format!("e:{id}")).or(range_start.map(|time| format!("t:{time}")));
            page.gone = deleted.into_iter().map(|person| person.id).collect();
        }
    }
    Ok(page)
}
