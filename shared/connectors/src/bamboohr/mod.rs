//! BambooHR: one company's API, by API key or by OAuth.

mod hooks;
mod people;
mod read;

use base64::Engine;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::{
    About, Brings, Connector, Delivery, Fault, FaultKind, HttpRequest, HttpResponse, Incremental, Key, Page, Person,
    Refused, Scope, Secret, SourceEvent, Step, Target, Token, Unreadable, VerifiedWebhook,
};

static ABOUT: About = About {
    id: "bamboohr",
    name: "BambooHR",
    hosts: &["*.bamboohr.com"],
    provider: &[
        Key { name: "company_domain", needed: true, help: "what stands before .bamboohr.com" },
        Key { name: "auth", needed: false, help: "api_key or oauth; by default, whichever credentials are there" },
        Key { name: "company_id", needed: false, help: "the number by which event-based webhooks name the company" },
    ],
    credentials: &[
        Key { name: "api_key", needed: false, help: "API key of a user who may see everybody" },
        Key { name: "access_token", needed: false, help: "OAuth access token, where no refresh token is kept" },
        Key { name: "client_id", needed: false, help: "OAuth client id" },
        Key { name: "client_secret", needed: false, help: "OAuth client secret" },
        Key {
            name: "refresh_token",
            needed: false,
            help: "OAuth refresh token (scopes offline_access, employee, report, public.integration)",
        },
        Key { name: "webhook_secret", needed: false, help: "the webhook's privateKey, shown once at its creation" },
    ],
    platform: &[],
    ids: &["id", "employeeNumber"],
    status: ("status", &[("Active", "active"), ("Inactive", "inactive"), (people::ENDED, "terminated")]),
    columns: &[
        "id",
        "employeeNumber",
        "firstName",
        "middleName",
        "lastName",
        "preferredName",
        "displayName",
        "jobTitle",
        "department",
        "division",
        "location",
        "status",
        "employmentStatus",
        "hireDate",
        "originalHireDate",
        "terminationDate",
        "supervisor",
        "supervisorEId",
        "workEmail",
        "homeEmail",
        "mobilePhone",
        "workPhone",
        "workPhoneExtension",
        "homePhone",
        "address1",
        "address2",
        "city",
        "state",
        "zipcode",
        "country",
    ],
    incremental: Incremental::ChangesAndRemovals,
    webhooks: Some(Brings::Hint),
    signs_with: None,
    resync: false,
    link: "API key",
    page_size: PAGE,
};

/// People a page of `GET /employees` holds at most; BambooHR allows 2500, but the report of a page should stay small.
const PAGE: u32 = 1000;

/// BambooHR's connector.
pub(crate) struct BambooHr;

/// Where a reading is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
enum At {
    /// Everybody in one report (API key).
    ///
    /// `GET /employees` takes OAuth only, the directory knows active people only and may be switched off, and
    /// `changed` since 1970 would take a call for each person. The custom report takes Basic authentication, names
    /// fields as `GET /employees/{id}` does, and holds everybody, inactive people too, in one call. BambooHR calls it
    /// deprecated in favour of datasets, whose field names are others and must be looked up first.
    Report,
    /// A page of everybody (OAuth). It tells who is there, and how many in all, but neither when somebody left nor
    /// numbers, addresses and custom fields; and how several further fields are asked for, BambooHR's documents say
    /// in two ways.
    List { after: Option<String>, from_ms: Option<i64> },
    /// The report about the people of a page, who are carried.
    Rest { after: Option<String>, from_ms: Option<i64> },
    /// Who changed.
    Changed { since: String },
    /// The first of those who changed and are still to be read.
    Each { ids: Vec<String>, mark: String },
    /// One person.
    Person { id: String },
}

impl At {
    fn of(step: &Step) -> Result<Self, Fault> {
        let unknown = |_| Fault::new(FaultKind::Refused, "the reading's place is not one of BambooHR's");
        serde_json::from_str(&step.at).map_err(unknown)
    }

    fn step(&self, carried: Vec<Person>) -> Step {
        // Strings, numbers and lists only: this cannot fail. An empty place is refused by `of`.
        Step { at: serde_json::to_string(self).unwrap_or_default(), carried }
    }
}

impl Connector for BambooHr {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn problems(&self, target: &Target<'_>) -> Vec<(String, String)> {
        let mut problems = Vec::new();
        let mut say = |key: &str, problem: &str| problems.push((key.to_owned(), problem.to_owned()));
        if !is_label(target.provider("company_domain")) {
            say("provider.company_domain", "must be only what stands before .bamboohr.com: letters, digits, hyphens");
        }
        if !["", "api_key", "oauth"].contains(&target.provider("auth")) {
            say("provider.auth", "must be \"api_key\" or \"oauth\"");
        }
        let has = |key: &str| !target.credential(key).is_empty();
        if !by_oauth(target) && !has("api_key") {
            say("credentials.api_key", "is missing");
        }
        if by_oauth(target) && !has("access_token") && !can_refresh(target) {
            let problem = "is missing: give api_key, or access_token, or client_id, client_secret and refresh_token";
            say("credentials.refresh_token", problem);
        }
        problems
    }

    /// The company's number; the domain stands in no webhook's signed part, so it is not believed.
    fn routes(&self, provider: &std::collections::BTreeMap<String, String>) -> Vec<String> {
        provider.get("company_id").filter(|id| !id.is_empty()).cloned().into_iter().collect()
    }

    fn verify(&self, delivery: &Delivery<'_>, secrets: &[Secret], now_ms: i64) -> Result<(), Refused> {
        hooks::verify(delivery, secrets, now_ms)
    }

    fn events(&self, hook: &VerifiedWebhook<'_>) -> Result<Vec<SourceEvent>, Unreadable> {
        hooks::events(hook)
    }

    fn token_request(&self, target: &Target<'_>) -> Option<HttpRequest> {
        let fields = json!({
            "grant_type": "refresh_token",
            "client_id": target.credential("client_id"),
            "client_secret": target.credential("client_secret"),
            "refresh_token": target.credential("refresh_token"),
        });
        let url = format!("{}/token.php?request=token", base(target));
        (by_oauth(target) && can_refresh(target)).then(|| HttpRequest::post_json(url, &fields))
    }

    fn read_token(&self, target: &Target<'_>, response: &HttpResponse<'_>) -> Result<Token, Fault> {
        if response.status == 400 {
            let message = "BambooHR refuses the refresh token: sign in again";
            return Err(Fault::new(FaultKind::ReauthNeeded, message));
        }
        let answer = checked(response)?;
        let text = |key: &str| answer.get(key).and_then(Value::as_str).filter(|text| !text.is_empty());
        let Some(access) = text("access_token") else {
            return Err(Fault::new(FaultKind::Failing, "BambooHR's answer has no access_token"));
        };
        let refresh = text("refresh_token").filter(|new| *new != target.credential("refresh_token"));
        Ok(Token {
            access: Secret::new(access),
            seconds: answer.get("expires_in").and_then(Value::as_u64),
            changed: refresh.map(|new| ("refresh_token", Secret::new(new))),
        })
    }

    fn first(&self, target: &Target<'_>, scope: &Scope) -> Option<Step> {
        let at = match scope {
            Scope::Full if by_oauth(target) => At::List { after: None, from_ms: None },
            Scope::Full => At::Report,
            Scope::Since(mark) => At::Changed { since: mark.clone() },
            Scope::Person(id) => At::Person { id: id.clone() },
        };
        Some(at.step(Vec::new()))
    }

    fn request(&self, target: &Target<'_>, step: &Step) -> HttpRequest {
        let api = format!("{}/api/v1/employees", base(target));
        let request = match At::of(step).unwrap_or(At::Report) {
            At::Report => report(target, None),
            At::Rest { .. } => report(target, Some(&step.carried)),
            At::List { after, .. } => {
                let limit = PAGE.to_string();
                let request = HttpRequest::get(api).query([("page[limit]", limit.as_str())]);
                request.query(after.iter().map(|after| ("page[after]", after.as_str())))
            }
            At::Changed { since } => {
                HttpRequest::get(format!("{api}/changed")).query([("since", since.as_str()), ("type", "all")])
            }
            At::Each { ids, .. } => one(target, &api, ids.first().map_or("", String::as_str)),
            At::Person { id } => one(target, &api, &id),
        };
        request.header("authorization", authorization(target))
    }

    fn read(&self, target: &Target<'_>, step: &Step, response: &HttpResponse<'_>) -> Result<Page, Fault> {
        match At::of(step)? {
            At::Report => read::read_report(target, response),
            At::List { from_ms, .. } => read::read_list(target, from_ms, response),
            At::Rest { after, from_ms } => read::read_rest(target, step, after, from_ms, response),
            At::Changed { since } => read::read_changed(&since, response),
            At::Each { ids, mark } => read::read_each(target, &ids, mark, response),
            At::Person { id } => {
                let mut page = read::read_one(target, &id, response)?;
                if response.status == 404 {
                    page = Page { gone: vec![id], ..Page::default() };
                }
                Ok(page)
            }
        }
    }
}

/// A plain DNS label, so that nothing but a company of BambooHR can be asked.
fn is_label(text: &str) -> bool {
    let plain = text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    (1..=63).contains(&text.len()) && plain && !text.starts_with('-') && !text.ends_with('-')
}

fn base(target: &Target<'_>) -> String {
    target.base(&format!("https://{}.bamboohr.com", target.provider("company_domain")))
}

fn by_oauth(target: &Target<'_>) -> bool {
    match target.provider("auth") {
        "" => target.credential("api_key").is_empty(),
        auth => auth == "oauth",
    }
}

fn can_refresh(target: &Target<'_>) -> bool {
    ["client_id", "client_secret", "refresh_token"].iter().all(|key| !target.credential(key).is_empty())
}

fn authorization(target: &Target<'_>) -> String {
    if !by_oauth(target) {
        let pair = format!("{}:x", target.credential("api_key"));
        return format!("Basic {}", base64::engine::general_purpose::STANDARD.encode(pair));
    }
    if target.token.is_some() { target.bearer() } else { format!("Bearer {}", target.credential("access_token")) }
}

fn one(target: &Target<'_>, api: &str, id: &str) -> HttpRequest {
    let fields = people::fields(target).join(",");
    HttpRequest::get(format!("{api}/{}", utf8_percent_encode(id, NON_ALPHANUMERIC)))
        .query([("fields", fields.as_str())])
}

fn report(target: &Target<'_>, about: Option<&[Person]>) -> HttpRequest {
    let mut fields = people::fields(target);
    // BambooHR drops rows that look alike: with the id in them no two people's do.
    fields.insert(0, "id".to_owned());
    let mut body = json!({ "title": "Muster", "fields": fields });
    if let Some(people) = about {
        let ids: Vec<u64> = people.iter().filter_map(|person| person.id.parse().ok()).collect();
        body["filters"] = json!({ "employeeIds": ids });
    }
    HttpRequest::post_json(format!("{}/api/v1/reports/custom?format=json", base(target)), &body)
}

/// The answer's JSON, or what its status means.
fn checked(response: &HttpResponse<'_>) -> Result<Value, Fault> {
    if response.is_success() {
        return response.json();
    }
    let mut fault = Fault::of_status(response);
    // Until September 2026 throttling was a 503 that says how long to wait.
    if response.status == 503 && fault.wait.is_some() {
        fault.kind = FaultKind::Throttled;
    }
    if let Some(message) = response.header("x-bamboohr-error-message") {
        let message: String = message.chars().filter(|c| !c.is_control()).take(200).collect();
        fault.message = format!("{}: {message}", fault.message);
    }
    Err(fault)
}

/// An id or cursor, which comes as a text or as a number.
fn text_of(value: &Value) -> Option<String> {
    match value {
        Value::String(text) if !text.trim().is_empty() => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
