//! Merge's HRIS API: the state of Merge's own copy first, then its employees, all or those changed since a mark.

mod events;
mod link;
mod values;

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use url::Url;

use crate::{
    About, Brings, Connector, Delivery, Fault, FaultKind, HttpRequest, HttpResponse, Incremental, Key, Link, Method,
    Page, Refused, Scope, Secret, SourceEvent, Step, Target, Unreadable, VerifiedWebhook,
};

/// Merge.
pub(crate) struct Merge;

/// Regions and where they answer.
const REGIONS: [(&str, &str); 4] = [
    ("us", "https://api.merge.dev"),
    ("eu", "https://api-eu.merge.dev"),
    ("ap", "https://api-ap.merge.dev"),
    ("sandbox", "https://api-sandbox.merge.dev"),
];
/// How much earlier than a reading its mark is, for clocks that differ.
const MARGIN: SignedDuration = SignedDuration::from_mins(10);
const IN_PATH: &AsciiSet = &NON_ALPHANUMERIC.remove(b'_').remove(b'-');

static ABOUT: About = About {
    id: "merge",
    name: "Merge",
    hosts: &["api.merge.dev", "api-eu.merge.dev", "api-ap.merge.dev", "api-sandbox.merge.dev"],
    provider: &[
        Key { name: "linked_account_id", needed: true, help: "the linked account's id; webhooks name it" },
        Key { name: "end_user_origin_id", needed: false, help: "your own id of the customer at Merge, for people" },
        Key { name: "region", needed: false, help: "us (the default), eu, ap or sandbox" },
    ],
    credentials: &[
        Key { name: "api_key", needed: true, help: "the organization's API key" },
        Key { name: "account_token", needed: true, help: "the linked account's token" },
        Key { name: "webhook_secret", needed: false, help: "the webhooks' signature key" },
    ],
    platform: &[Key { name: "api_key", needed: true, help: "the organization's API key" }],
    ids: &["id", "employee_number"],
    status: (
        "employment_status",
        &[
            ("ACTIVE", "active"),
            ("PENDING", "inactive"),
            ("INACTIVE", "inactive"),
            // INACTIVE, and the termination date is not in the future.
            ("INACTIVE_ENDED", "terminated"),
        ],
    ),
    columns: &[
        "remote_id",
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
        "company",
        "manager.id",
        "manager.name",
        "manager.email",
        "manager.employee_number",
        "home_location.*",
        "work_location.*",
        "hire_date",
        "start_date",
        "termination_date",
        "custom_fields.*",
        "field_mappings.organization_defined_targets.*",
        "field_mappings.linked_account_defined_targets.*",
    ],
    incremental: Incremental::ChangesAndRemovals,
    webhooks: Some(Brings::Person),
    signs_with: None,
    resync: true,
    link: "Link token",
    page_size: 100,
};

/// Where a reading is.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum At {
    /// The state of Merge's copy; then everybody, or who changed since a mark.
    State { since: Option<String> },
    /// A page of employees; `mark` is where the reading after this one will begin.
    Employees { since: Option<String>, mark: String, cursor: Option<String> },
    /// One person.
    Person { id: String },
}

impl At {
    fn of(step: &Step) -> Self {
        // Words that are not ours start a full listing, which costs time and loses nobody.
        serde_json::from_str(&step.at).unwrap_or(Self::State { since: None })
    }

    fn step(&self) -> Step {
        Step::at(json!(self).to_string())
    }
}

impl Connector for Merge {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn problems(&self, target: &Target<'_>) -> Vec<(String, String)> {
        let region = target.provider("region");
        if region.is_empty() || REGIONS.iter().any(|(known, _)| *known == region) {
            return Vec::new();
        }
        vec![("provider.region".to_owned(), "must be us, eu, ap or sandbox".to_owned())]
    }

    fn routes(&self, provider: &BTreeMap<String, String>) -> Vec<String> {
        provider.get("linked_account_id").cloned().into_iter().collect()
    }

    fn verify(&self, delivery: &Delivery<'_>, secrets: &[Secret], _now_ms: i64) -> Result<(), Refused> {
        events::verify(delivery, secrets)
    }

    fn events(&self, hook: &VerifiedWebhook<'_>) -> Result<Vec<SourceEvent>, Unreadable> {
        events::read(&hook.json()?)
    }

    fn link(&self) -> Option<&'static dyn Link> {
        Some(&link::MergeLink)
    }

    fn first(&self, _target: &Target<'_>, scope: &Scope) -> Option<Step> {
        let at = match scope {
            Scope::Full => At::State { since: None },
            // A mark that is no time is not ours.
            Scope::Since(mark) => At::State { since: Some(mark.parse::<Timestamp>().ok()?.to_string()) },
            Scope::Person(id) => At::Person { id: id.clone() },
        };
        Some(at.step())
    }

    fn request(&self, target: &Target<'_>, step: &Step) -> HttpRequest {
        let base = base(target);
        let expand = values::expand(target);
        let request = match At::of(step) {
            At::State { .. } => HttpRequest::get(format!("{base}/sync-status")).query([("page_size", "100")]),
            At::Person { id } => HttpRequest::get(format!("{base}/employees/{}", utf8_percent_encode(&id, IN_PATH)))
                .query(given("expand", &expand)),
            At::Employees { since, cursor, .. } => HttpRequest::get(format!("{base}/employees"))
                .query([("page_size", "100")])
                .query(given("expand", &expand))
                .query(
                    since
                        .iter()
                        .flat_map(|since| [("modified_after", since.as_str()), ("include_deleted_data", "true")]),
                )
                .query(given("cursor", cursor.as_deref().unwrap_or_default())),
        };
        with_headers(target, request)
    }

    fn read(&self, target: &Target<'_>, step: &Step, response: &HttpResponse<'_>) -> Result<Page, Fault> {
        match At::of(step) {
            At::State { since } => state(since, response),
            At::Employees { since, mark, .. } => employees(target, since, mark, response),
            At::Person { id } => person(target, id, response),
        }
    }

    fn resync_request(&self, target: &Target<'_>) -> Option<HttpRequest> {
        let asked = HttpRequest::get(format!("{}/sync-status/resync", base(target)));
        Some(with_headers(target, HttpRequest { method: Method::Post, ..asked }))
    }
}

fn base(target: &Target<'_>) -> String {
    let region = target.provider("region");
    let known = REGIONS.iter().find(|(known, _)| *known == region).or(REGIONS.first());
    format!("{}/api/hris/v1", target.base(known.map_or("", |(_, base)| base)))
}

fn with_headers(target: &Target<'_>, request: HttpRequest) -> HttpRequest {
    request
        .header("authorization", format!("Bearer {}", target.credential("api_key")))
        .header("x-account-token", target.credential("account_token"))
}

fn given<'q>(name: &'q str, value: &'q str) -> Option<(&'q str, &'q str)> {
    (!value.is_empty()).then_some((name, value))
}

fn json_of(response: &HttpResponse<'_>) -> Result<Value, Fault> {
    if response.status == 200 { response.json() } else { Err(Fault::of_status(response)) }
}

fn failing(what: &str) -> Fault {
    Fault::new(FaultKind::Failing, format!("Merge's answer {what}"))
}

fn state(since: Option<String>, response: &HttpResponse<'_>) -> Result<Page, Fault> {
    let body = json_of(response)?;
    let models = body["results"].as_array().ok_or_else(|| failing("has no list \"results\""))?;
    let ours = models.iter().find(|model| model["model_id"].as_str() == Some("hris.Employee"));
    let partial = match ours {
        Some(model) => incomplete(model)?,
        None => Some("Merge does not say in what state its copy of employees is".to_owned()),
    };
    let start = Timestamp::from_millisecond(response.now_ms).unwrap_or_default();
    let mark = start.saturating_sub(MARGIN).unwrap_or(start).to_string();
    let next = At::Employees { since, mark, cursor: None }.step();
    Ok(Page { partial, next: Some(next), ..Page::default() })
}

/// Why Merge's copy may not be everybody.
fn incomplete(model: &Value) -> Result<Option<String>, Fault> {
    let status = model["status"].as_str().unwrap_or_default();
    let status = if status.is_empty() { model["last_sync_result"].as_str().unwrap_or_default() } else { status };
    if status == "SYNCING" && model["is_initial_sync"].as_bool() == Some(true) {
        let message = "Merge is still making its first copy of the system's data";
        return Err(Fault::new(FaultKind::NotReady, message));
    }
    let whole = match status {
        "DONE" => true,
        // Nothing is fetched any more; what there is, is whole if the last time was.
        "PAUSED" => model["last_sync_result"].as_str() == Some("DONE"),
        _ => false,
    };
    let word: String = status.chars().filter(|c| c.is_ascii_uppercase() || *c == '_').take(30).collect();
    Ok((!whole).then(|| format!("Merge's copy of employees is in the state {word}, not DONE")))
}

fn employees(
    target: &Target<'_>,
    since: Option<String>,
    mark: String,
    response: &HttpResponse<'_>,
) -> Result<Page, Fault> {
    let body = json_of(response)?;
    let entries = body["results"].as_array().ok_or_else(|| failing("has no list \"results\""))?;
    let (mut page, mut nameless) = (Page::default(), 0);
    for entry in entries {
        match values::id(entry) {
            None => nameless += 1,
            // In a full listing whoever is deleted is left out: absent.
            Some(id) if values::is_deleted(entry) => page.gone.extend(since.is_some().then_some(id)),
            Some(id) => page.people.push(values::person(target, id, entry)),
        }
    }
    page.partial = (nameless > 0).then(|| format!("{nameless} employees have no id"));
    match next_cursor(&body)? {
        Some(cursor) => page.next = Some(At::Employees { since, mark, cursor: Some(cursor) }.step()),
        None => page.mark = Some(mark),
    }
    Ok(page)
}

/// The cursor of the next page: a text of its own, or within an address. The address itself is never followed.
fn next_cursor(body: &Value) -> Result<Option<String>, Fault> {
    let text = match body.get("next") {
        Some(Value::Null) => return Ok(None),
        Some(Value::String(text)) => text.trim(),
        _ => return Err(failing("has no \"next\"")),
    };
    if !text.starts_with("http://") && !text.starts_with("https://") {
        return Ok(Some(text.to_owned()).filter(|text| !text.is_empty()));
    }
    let url = Url::parse(text).map_err(|_| failing("names a next page that is no address"))?;
    let cursor = url.query_pairs().find(|(name, value)| name == "cursor" && !value.is_empty());
    let cursor = cursor.map(|(_, value)| value.into_owned());
    cursor.map(Some).ok_or_else(|| failing("names a next page without a cursor"))
}

fn person(target: &Target<'_>, id: String, response: &HttpResponse<'_>) -> Result<Page, Fault> {
    // A proxy's page of 404 is not Merge's word.
    if response.status == 404 && response.json().is_ok_and(|body| body.is_object()) {
        return Ok(Page { gone: vec![id], ..Page::default() });
    }
    let body = json_of(response)?;
    if values::id(&body).as_deref() != Some(id.as_str()) {
        return Err(failing("is not about the employee who was asked for"));
    }
    if values::is_deleted(&body) {
        return Ok(Page { gone: vec![id], ..Page::default() });
    }
    Ok(Page { people: vec![values::person(target, id, &body)], ..Page::default() })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with_target<T>(region: &str, then: impl FnOnce(&Target<'_>) -> T) -> T {
        let provider = BTreeMap::from([("region".to_owned(), region.to_owned())]);
        let today = jiff::civil::date(2026, 11, 22);
        then(&Target { provider: &provider, credentials: &BTreeMap::new(), token: None, columns: &[], today })
    }

    #[test]
    fn a_mark_that_is_no_time_begins_no_reading() {
        for (mark, known) in [("2026-11-21T11:50:00Z", true), ("", false), ("e:17", false), ("2026-11-21", false)] {
            let first = with_target("us", |target| Merge.first(target, &Scope::Since(mark.to_owned())));
            assert_eq!(first.is_some(), known, "{mark:?}");
        }
    }

    #[test]
    fn a_region_that_there_is_not_is_told() {
        for (region, known) in [("us", true), ("sandbox", true), ("", true), ("apac", false), ("EU", false)] {
            assert_eq!(with_target(region, |target| Merge.problems(target)).is_empty(), known, "{region:?}");
        }
    }
}
