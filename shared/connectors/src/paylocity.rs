//! Paylocity's NextGen API: one company's employees, by an OAuth client.

mod hooks;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use muster_core::privacy::blocked_column;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{
    About, Brings, Connector, Delivery, Fault, FaultKind, HttpRequest, HttpResponse, Incremental, Key, Page, Person,
    Refused, Scope, Secret, SourceEvent, Step, Target, Token, Unreadable, VerifiedWebhook,
};

static ABOUT: About = About {
    id: "paylocity",
    name: "Paylocity",
    hosts: &["dc1prodgwext.paylocity.com", "dc1demogwext.paylocity.com"],
    provider: &[
        Key { name: "company_id", needed: true, help: "the company's id at Paylocity" },
        Key { name: "environment", needed: false, help: "production (the default) or demo" },
    ],
    credentials: &[
        Key { name: "client_id", needed: true, help: "OAuth client id" },
        Key { name: "client_secret", needed: true, help: "OAuth client secret; ends after 365 days" },
        Key { name: "webhook_secret", needed: false, help: "user:password of the webhooks' Basic authentication" },
    ],
    platform: &[],
    ids: &["id"],
    status: (
        "statusType",
        &[
            ("A", "active"),
            ("L", "inactive"),
            ("T", "terminated"),
            ("Active", "active"),
            ("Leave", "inactive"),
            ("Leave of Absence", "inactive"),
            ("Terminated", "terminated"),
        ],
    ),
    columns: &[
        "id",
        "displayName",
        "lastName",
        "status",
        "statusType",
        "currentStatus.effectiveDate",
        "currentStatus.changeReason",
        "info.firstName",
        "info.middleName",
        "info.lastName",
        "info.preferredName",
        "info.suffix",
        "info.jobTitle",
        "info.hireDate",
        "info.personalEmail",
        "info.homePhone",
        "info.mobilePhone",
        "info.supervisor",
        "info.address.address1",
        "info.address.address2",
        "info.address.city",
        "info.address.state",
        "info.address.postalCode",
        "info.address.country",
        "info.address.county",
        "info.workLocation.email",
        "info.workLocation.phone",
        "info.workLocation.phoneExt",
        "info.workLocation.mobilePhone",
        "info.workLocation.address.city",
        "info.workLocation.address.state",
        "info.workLocation.address.country",
        "position.costCenter1",
        "position.costCenter2",
        "position.costCenter3",
        "position.employeeType",
        "position.positionCode",
        "position.positionDescription",
    ],
    incremental: Incremental::None,
    webhooks: Some(Brings::Hint),
    signs_with: None,
    resync: false,
    link: "OAuth client of the company",
    page_size: 20,
};

/// Neither pay rates nor anything that is not needed is asked for.
const INCLUDE: (&str, &str) = ("include", "info,position,status");

const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_');

/// Paylocity's connector.
pub(crate) struct Paylocity;

/// Where a reading is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
enum At {
    /// A page of everybody, by the token that the page before told.
    List(Option<String>),
    /// One person.
    Person(String),
}

impl At {
    fn of(step: &Step) -> Result<Self, Fault> {
        let unknown = |_| Fault::new(FaultKind::Refused, "the reading's place is not one of Paylocity's");
        serde_json::from_str(&step.at).map_err(unknown)
    }

    fn step(&self) -> Step {
        // Strings only: this cannot fail. An empty place is refused by `of`.
        Step::at(serde_json::to_string(self).unwrap_or_default())
    }
}

impl Connector for Paylocity {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn problems(&self, target: &Target<'_>) -> Vec<(String, String)> {
        let mut problems = Vec::new();
        let mut say = |key: &str, problem: &str| problems.push((key.to_owned(), problem.to_owned()));
        let company = target.provider("company_id");
        if company.is_empty() || !company.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte)) {
            say("provider.company_id", "must be the company's id: letters and digits");
        }
        if !["", "production", "demo"].contains(&target.provider("environment")) {
            say("provider.environment", "must be \"production\" or \"demo\"");
        }
        let secret = target.credential("webhook_secret");
        if !secret.is_empty() && !hooks::is_pair(secret) {
            say("credentials.webhook_secret", "must be user:password");
        }
        problems
    }

    fn routes(&self, provider: &BTreeMap<String, String>) -> Vec<String> {
        provider.get("company_id").filter(|id| !id.is_empty()).cloned().into_iter().collect()
    }

    fn verify(&self, delivery: &Delivery<'_>, secrets: &[Secret], _now_ms: i64) -> Result<(), Refused> {
        hooks::verify(delivery, secrets)
    }

    fn events(&self, hook: &VerifiedWebhook<'_>) -> Result<Vec<SourceEvent>, Unreadable> {
        hooks::events(&hook.json()?)
    }

    fn token_request(&self, target: &Target<'_>) -> Option<HttpRequest> {
        let fields = [
            ("grant_type", "client_credentials"),
            ("client_id", target.credential("client_id")),
            ("client_secret", target.credential("client_secret")),
        ];
        Some(HttpRequest::post_form(format!("{}/public/security/v1/token", base(target)), &fields))
    }

    fn read_token(&self, _target: &Target<'_>, response: &HttpResponse<'_>) -> Result<Token, Fault> {
        let answer = checked(response).map_err(|mut fault| {
            // Wrong credentials are told by 403 here, and by 400 where the client is unknown.
            if matches!(fault.kind, FaultKind::Forbidden) || response.status == 400 {
                fault.kind = FaultKind::Unauthorized;
            }
            fault
        })?;
        let Some(access) = answer.get("access_token").and_then(Value::as_str).filter(|text| !text.is_empty()) else {
            return Err(Fault::new(FaultKind::Failing, "Paylocity's answer has no access_token"));
        };
        let seconds = answer.get("expires_in").and_then(text_of).and_then(|text| text.parse().ok());
        Ok(Token { access: Secret::new(access), seconds, changed: None })
    }

    fn first(&self, _target: &Target<'_>, scope: &Scope) -> Option<Step> {
        match scope {
            Scope::Full => Some(At::List(None).step()),
            Scope::Since(_) => None,
            Scope::Person(id) => Some(At::Person(id.clone()).step()),
        }
    }

    fn request(&self, target: &Target<'_>, step: &Step) -> HttpRequest {
        let company = utf8_percent_encode(target.provider("company_id"), SEGMENT);
        let employees = format!("{}/coreHr/v1/companies/{company}/employees", base(target));
        let request = match At::of(step).unwrap_or(At::List(None)) {
            At::List(token) => {
                let limit = ABOUT.page_size.to_string();
                let request = HttpRequest::get(employees).query([("limit", limit.as_str()), INCLUDE]);
                request.query(token.iter().map(|token| ("nextToken", token.as_str())))
            }
            At::Person(id) => {
                HttpRequest::get(format!("{employees}/{}", utf8_percent_encode(&id, SEGMENT))).query([INCLUDE])
            }
        };
        request.header("authorization", target.bearer())
    }

    fn read(&self, target: &Target<'_>, step: &Step, response: &HttpResponse<'_>) -> Result<Page, Fault> {
        match At::of(step)? {
            At::List(_) => read_list(target, response),
            At::Person(id) if response.status == 404 => Ok(Page { gone: vec![id], ..Page::default() }),
            At::Person(id) => {
                let answer = checked(response)?;
                let Some(person) = person(target, &answer).filter(|person| person.id.eq_ignore_ascii_case(&id)) else {
                    let message = "Paylocity's answer is not about the person asked for";
                    return Err(Fault::new(FaultKind::Failing, message));
                };
                Ok(Page { people: vec![person], ..Page::default() })
            }
        }
    }
}

fn base(target: &Target<'_>) -> String {
    target.base(match target.provider("environment") {
        "demo" => "https://dc1demogwext.paylocity.com",
        _ => "https://dc1prodgwext.paylocity.com",
    })
}

/// The answer's JSON, or what its status means.
fn checked(response: &HttpResponse<'_>) -> Result<Value, Fault> {
    if response.is_success() {
        return response.json();
    }
    let mut fault = Fault::of_status(response);
    let throttled = match response.status {
        403 => fault.wait.is_some() || speaks_of_a_rate(response),
        503 => fault.wait.is_some(),
        _ => false,
    };
    if throttled {
        fault.kind = FaultKind::Throttled;
    }
    Err(fault)
}

/// Paylocity's limits have been told by 403 for years: only the text tells them from lost permission.
fn speaks_of_a_rate(response: &HttpResponse<'_>) -> bool {
    let start = &response.body[..response.body.len().min(4096)];
    let text = String::from_utf8_lossy(start).to_lowercase();
    let signs =
        ["rate limit", "ratelimit", "over rate", "throttl", "quota", "too many", "per second", "limit exceeded"];
    signs.iter().any(|sign| text.contains(sign))
}

fn read_list(target: &Target<'_>, response: &HttpResponse<'_>) -> Result<Page, Fault> {
    let answer = checked(response)?;
    let Some(rows) = answer.get("employees").and_then(Value::as_array) else {
        return Err(Fault::new(FaultKind::Failing, "Paylocity's answer has no list \"employees\""));
    };
    let people: Vec<Person> = rows.iter().filter_map(|row| person(target, row)).collect();
    let nameless = rows.len() - people.len();
    Ok(Page {
        people,
        partial: (nameless > 0).then(|| format!("{nameless} entries of the list have no id")),
        next: answer.get("nextToken").and_then(text_of).map(|token| At::List(Some(token)).step()),
        total: answer.get("totalCount").and_then(Value::as_u64),
        ..Page::default()
    })
}

fn person(target: &Target<'_>, row: &Value) -> Option<Person> {
    let id = row.get("id").and_then(text_of)?;
    let mut person = Person { id, ..Person::default() };
    let values = &mut person.values;
    values.take_object(row, &["currentPayRate", "payRate", "futurePayRates", "futurePayRate"]);
    values.retain(|path| path.split('.').all(|key| blocked_column(key).is_none()));
    if values.text("statusType").is_none() {
        values.set_some("statusType", values.text("currentStatus.statusType").map(str::to_owned).as_deref());
    }
    let text = |path: &str| values.text(path).map(str::to_owned);
    // The supervisor may be an employee of another company, whose ids are others.
    let company = text("info.supervisorCo").unwrap_or_default();
    let same = company.is_empty() || company.eq_ignore_ascii_case(target.provider("company_id"));
    person.manager = text("info.supervisor").filter(|_| same);
    let names = [text("info.firstName"), text("info.lastName").or_else(|| text("lastName"))];
    let name = names.into_iter().flatten().collect::<Vec<_>>().join(" ");
    person.card =
        [Some(name).filter(|name| !name.is_empty()), text("info.workLocation.email"), Some(person.id.clone())];
    Some(person)
}

/// An id or token, which comes as a text or as a number.
fn text_of(value: &Value) -> Option<String> {
    match value {
        Value::String(text) if !text.trim().is_empty() => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}
