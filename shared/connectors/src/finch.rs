//! Finch: a page of the directory names people, two further calls tell about them.
//!
//! An answer's 200 says nothing about each person in it: every item has its own code, and somebody whose item failed is
//! there all the same. Only what was asked for by name and is denied by both calls counts as gone.

mod events;
mod link;
mod values;

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::{
    About, Brings, Connector, Delivery, Fault, FaultKind, HttpRequest, HttpResponse, Incremental, Key, Link, Page,
    Person, Refused, Scope, Secret, SourceEvent, Step, Target, Unread, Unreadable, VerifiedWebhook,
};

/// Finch.
pub(crate) struct Finch;

const PAGE: u64 = 100;
const MOST_A_PAGE: u64 = 10_000;
/// The version of the API that is read where the settings name none.
const VERSION: &str = "2020-09-17";

static ABOUT: About = About {
    id: "finch",
    name: "Finch",
    hosts: &["api.tryfinch.com"],
    provider: &[
        Key { name: "connection_id", needed: true, help: "the connection's id, as webhooks name it" },
        Key { name: "entity_id", needed: false, help: "the entity to read, where the connection has several" },
        Key { name: "api_version", needed: false, help: "Finch-API-Version; 2020-09-17 if not given" },
        Key { name: "page_size", needed: false, help: "people a request asks for, 1 to 10000; 100 if not given" },
    ],
    credentials: &[
        Key { name: "access_token", needed: true, help: "the connection's access token" },
        Key { name: "webhook_secret", needed: false, help: "the webhook secret, base64 as Finch shows it" },
    ],
    platform: &[
        Key { name: "client_id", needed: true, help: "the application's client id" },
        Key { name: "client_secret", needed: true, help: "the application's client secret" },
    ],
    ids: &["id", "employee_number"],
    status: (
        "employment_status",
        &[
            ("active", "active"),
            ("leave", "inactive"),
            ("onboarding", "inactive"),
            ("prehire", "inactive"),
            ("inactive", "inactive"),
            ("terminated", "terminated"),
            ("retired", "retired"),
            ("deceased", "deceased"),
        ],
    ),
    columns: &[
        "first_name",
        "middle_name",
        "last_name",
        "preferred_name",
        "emails[work]",
        "emails[personal]",
        "phone_numbers[work]",
        "phone_numbers[personal]",
        "title",
        "department",
        "department.name",
        "manager.id",
        "manager.name",
        "manager.email",
        "manager.employee_number",
        "start_date",
        "end_date",
        "latest_rehire_date",
        "employment.type",
        "employment.subtype",
        "class_code",
        "location.*",
        "residence.*",
        "custom_fields.*",
    ],
    incremental: Incremental::None,
    webhooks: Some(Brings::Hint),
    signs_with: None,
    resync: true,
    link: "connect session",
    page_size: 100,
};

/// Where a reading is.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum At {
    /// A page of the directory.
    Directory { offset: u64 },
    /// The individuals of the people carried.
    Individual(Then),
    /// Their employments; `missing`: the one person asked for has no individual.
    Employment { then: Then, missing: bool },
}

/// What follows when the people carried are told whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Then {
    /// The directory goes on at this offset.
    Directory(u64),
    /// The directory is at its end.
    End,
    /// One person was asked for by id.
    One,
}

impl At {
    fn of(step: &Step) -> Self {
        // Words that are not ours start the listing anew, which costs time and loses nobody.
        serde_json::from_str(&step.at).unwrap_or(Self::Directory { offset: 0 })
    }

    fn step(self, carried: Vec<Person>) -> Step {
        Step { at: json!(self).to_string(), carried }
    }
}

impl Then {
    fn step(self) -> Option<Step> {
        match self {
            Self::Directory(offset) => Some(At::Directory { offset }.step(Vec::new())),
            Self::End | Self::One => None,
        }
    }
}

impl Connector for Finch {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn problems(&self, target: &Target<'_>) -> Vec<(String, String)> {
        let mut problems = Vec::new();
        if target.provider.contains_key("page_size") && page_size(target).is_none() {
            problems.push(("provider.page_size".to_owned(), format!("must be a number from 1 to {MOST_A_PAGE}")));
        }
        if target.credentials.contains_key("webhook_secret")
            && events::key(target.credential("webhook_secret")).is_none()
        {
            problems.push((
                "credentials.webhook_secret".to_owned(),
                "must be base64, as Finch's dashboard shows it".to_owned(),
            ));
        }
        problems
    }

    fn routes(&self, provider: &BTreeMap<String, String>) -> Vec<String> {
        provider.get("connection_id").cloned().into_iter().collect()
    }

    fn verify(&self, delivery: &Delivery<'_>, secrets: &[Secret], now_ms: i64) -> Result<(), Refused> {
        events::verify(delivery, secrets, now_ms)
    }

    fn events(&self, hook: &VerifiedWebhook<'_>) -> Result<Vec<SourceEvent>, Unreadable> {
        events::read(hook.delivery().header("finch-event-id"), &hook.json()?)
    }

    fn link(&self) -> Option<&'static dyn Link> {
        Some(&link::Connect)
    }

    fn first(&self, _target: &Target<'_>, scope: &Scope) -> Option<Step> {
        match scope {
            Scope::Full => Some(At::Directory { offset: 0 }.step(Vec::new())),
            Scope::Person(id) => Some(At::Individual(Then::One).step(vec![named(id.clone())])),
            Scope::Since(_) => None,
        }
    }

    fn request(&self, target: &Target<'_>, step: &Step) -> HttpRequest {
        let base = base(target);
        let asked = match At::of(step) {
            At::Directory { offset } => {
                let (limit, offset) = (page_size(target).unwrap_or(PAGE).to_string(), offset.to_string());
                HttpRequest::get(format!("{base}/employer/directory"))
                    .query([("limit", limit.as_str()), ("offset", offset.as_str())])
            }
            At::Individual(_) => HttpRequest::post_json(format!("{base}/employer/individual"), &of_each(step)),
            At::Employment { .. } => HttpRequest::post_json(format!("{base}/employer/employment"), &of_each(step)),
        };
        let entity = target.provider("entity_id");
        let asked = if entity.is_empty() { asked } else { asked.query([("entity_ids[]", entity)]) };
        with_headers(target, asked)
    }

    fn read(&self, target: &Target<'_>, step: &Step, response: &HttpResponse<'_>) -> Result<Page, Fault> {
        if response.status != 200 {
            return Err(fault(response));
        }
        let body = response.json()?;
        match At::of(step) {
            At::Directory { offset } => directory(target, offset, &body),
            At::Individual(then) => individuals(target, &step.carried, then, &body),
            At::Employment { then, missing } => employments(target, &step.carried, then, missing, &body),
        }
    }

    fn resync_request(&self, target: &Target<'_>) -> Option<HttpRequest> {
        let asked =
            HttpRequest::post_json(format!("{}/jobs/automated", base(target)), &json!({"type": "data_sync_all"}));
        Some(with_headers(target, asked))
    }
}

fn base(target: &Target<'_>) -> String {
    target.base("https://api.tryfinch.com")
}

fn page_size(target: &Target<'_>) -> Option<u64> {
    target.provider("page_size").parse().ok().filter(|size| (1..=MOST_A_PAGE).contains(size))
}

fn with_headers(target: &Target<'_>, request: HttpRequest) -> HttpRequest {
    let version = Some(target.provider("api_version")).filter(|text| !text.is_empty()).unwrap_or(VERSION);
    request
        .header("authorization", format!("Bearer {}", target.credential("access_token")))
        .header("finch-api-version", version)
}

fn of_each(step: &Step) -> Value {
    let requests: Vec<Value> = step.carried.iter().map(|person| json!({"individual_id": person.id})).collect();
    json!({ "requests": requests })
}

fn fault(response: &HttpResponse<'_>) -> Fault {
    let usual = Fault::of_status(response);
    let body: Value = serde_json::from_slice(response.body).unwrap_or_default();
    match (response.status, body["finch_code"].as_str()) {
        (401, Some("reauthenticate_user" | "account_setup_required")) => Fault {
            kind: FaultKind::ReauthNeeded,
            message: "Finch lost its access to the HR system: the customer must connect it again".to_owned(),
            ..usual
        },
        (501, _) => Fault {
            kind: FaultKind::Refused,
            message: "the HR system behind Finch does not offer this (501)".to_owned(),
            ..usual
        },
        _ => usual,
    }
}

/// Somebody of whom only the id is known.
fn named(id: String) -> Person {
    Person { id, ..Person::default() }
}

fn list<'v>(body: &'v Value, key: &str) -> Result<&'v Vec<Value>, Fault> {
    let missing = || Fault::new(FaultKind::Failing, format!("Finch's answer has no list {key:?}"));
    body[key].as_array().ok_or_else(missing)
}

fn directory(target: &Target<'_>, offset: u64, body: &Value) -> Result<Page, Fault> {
    let entries = list(body, "individuals")?;
    let total = body["paging"]["count"].as_u64();
    let end = offset.saturating_add(entries.len() as u64);
    let id = |entry: &Value| entry["id"].as_str().filter(|id| !id.trim().is_empty()).map(str::to_owned);
    let ids: BTreeSet<String> = entries.iter().filter_map(id).collect();
    let nameless = entries.iter().filter(|entry| id(entry).is_none()).count();
    let mut page = Page { total, ..Page::default() };
    if nameless > 0 {
        page.partial = Some(format!("{nameless} entries of the directory have no id"));
    }
    let short = total.filter(|count| *count > end);
    if let (true, Some(count)) = (entries.is_empty(), short) {
        page.partial = Some(format!("the directory counts {count} people and ended after {end}"));
        return Ok(page);
    }
    let more = match total {
        Some(_) => short.is_some(),
        None => !entries.is_empty() && entries.len() as u64 >= page_size(target).unwrap_or(PAGE),
    };
    let then = if more { Then::Directory(end) } else { Then::End };
    let carried: Vec<Person> = ids.into_iter().map(named).collect();
    page.next = if carried.is_empty() { then.step() } else { Some(At::Individual(then).step(carried)) };
    Ok(page)
}

/// What an answer says of one person.
enum Item<'v> {
    Told(&'v Value),
    NotFound,
    Failed(String),
}

fn items<'v>(body: &'v Value) -> Result<BTreeMap<&'v str, Item<'v>>, Fault> {
    let told = list(body, "responses")?.iter();
    Ok(told.filter_map(|entry| Some((entry["individual_id"].as_str()?, item(entry)))).collect())
}

fn item(entry: &Value) -> Item<'_> {
    let (code, body) = (entry["code"].as_u64(), &entry["body"]);
    let finch_code = body["finch_code"].as_str().unwrap_or_default();
    match code {
        Some(200) if body.is_object() => Item::Told(body),
        Some(404) => Item::NotFound,
        _ if code != Some(200) && finch_code.ends_with("not_found") => Item::NotFound,
        Some(200) => Item::Failed("Finch answered 200 without a body".to_owned()),
        Some(code) => Item::Failed(format!("Finch answered {code} for this person")),
        None => Item::Failed("Finch answered without a code for this person".to_owned()),
    }
}

fn unread(id: &str, item: Option<&Item<'_>>, what: &str) -> Unread {
    let why = match item {
        Some(Item::Failed(why)) => format!("{what}: {why}"),
        Some(Item::NotFound) => format!("{what}: Finch answered that there is none"),
        Some(Item::Told(_)) => format!("{what}: Finch tells of it, yet not of the individual"),
        None => format!("{what}: left out of Finch's answer"),
    };
    Unread { id: id.to_owned(), why }
}

fn individuals(target: &Target<'_>, carried: &[Person], then: Then, body: &Value) -> Result<Page, Fault> {
    let items = items(body)?;
    let (mut page, mut kept, mut missing) = (Page::default(), Vec::new(), false);
    for person in carried {
        match items.get(person.id.as_str()) {
            Some(Item::Told(body)) => kept.push(values::individual(target, person, body)),
            Some(Item::NotFound) if then == Then::One => {
                missing = true;
                kept.push(person.clone());
            }
            other => page.unread.push(unread(&person.id, other, "individual")),
        }
    }
    page.next = if kept.is_empty() { then.step() } else { Some(At::Employment { then, missing }.step(kept)) };
    Ok(page)
}

fn employments(
    target: &Target<'_>,
    carried: &[Person],
    then: Then,
    missing: bool,
    body: &Value,
) -> Result<Page, Fault> {
    let items = items(body)?;
    let mut page = Page { next: then.step(), ..Page::default() };
    for person in carried {
        match items.get(person.id.as_str()) {
            Some(Item::Told(body)) if !missing => page.people.push(values::employment(target, person, body)),
            Some(Item::NotFound) if missing => page.gone.push(person.id.clone()),
            other => page.unread.push(unread(&person.id, other, "employment")),
        }
    }
    Ok(page)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(provider: &[(&str, &str)], secret: &str, problem: Option<&str>) {
        let provider: BTreeMap<String, String> =
            provider.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        let credentials = BTreeMap::from([("webhook_secret".to_owned(), Secret::new(secret))]);
        let today = jiff::civil::date(2026, 11, 22);
        let target = Target { provider: &provider, credentials: &credentials, token: None, columns: &[], today };
        let keys: Vec<String> = Finch.problems(&target).into_iter().map(|(key, _)| key).collect();
        assert_eq!(keys.first().map(String::as_str), problem);
    }

    #[test]
    fn a_page_size_and_a_secret_that_cannot_work_are_named() {
        check(&[], "a2V5", None);
        check(&[("page_size", "10000")], "a2V5", None);
        check(&[("page_size", "0")], "a2V5", Some("provider.page_size"));
        check(&[("page_size", "many")], "a2V5", Some("provider.page_size"));
        check(&[], "whsec_a2V5", Some("credentials.webhook_secret"));
        check(&[], "", Some("credentials.webhook_secret"));
    }

    #[test]
    fn a_resync_asks_finch_for_a_data_sync_of_all() {
        let provider = BTreeMap::new();
        let credentials = BTreeMap::from([("access_token".to_owned(), Secret::new("tok"))]);
        let today = jiff::civil::date(2026, 11, 22);
        let target = Target { provider: &provider, credentials: &credentials, token: None, columns: &[], today };
        let request = Finch.resync_request(&target).unwrap();
        assert_eq!(
            (request.method, request.url.as_str()),
            (crate::Method::Post, "https://api.tryfinch.com/jobs/automated")
        );
        assert_eq!(request.body, br#"{"type":"data_sync_all"}"#);
        assert!(request.headers.contains(&("authorization", Secret::new("Bearer tok"))));
    }

    #[test]
    fn words_of_a_step_that_are_not_ours_start_the_directory_anew() {
        assert!(matches!(At::of(&Step::at("page 2")), At::Directory { offset: 0 }));
    }
}
