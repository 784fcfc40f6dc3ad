//! Microsoft Entra ID: users by Graph's delta query.

mod people;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use url::Url;

use crate::{
    About, Connector, Delivery, Fault, FaultKind, HttpRequest, HttpResponse, Incremental, Key, Page, Refused, Scope,
    Secret, SourceEvent, Step, Target, Token, Unreadable, VerifiedWebhook,
};

static ABOUT: About = About {
    id: "entra",
    name: "Microsoft Entra ID",
    hosts: &["graph.microsoft.com", "login.microsoftonline.com"],
    provider: &[
        Key { name: "tenant_id", needed: true, help: "the directory's id, or one of its domains" },
        Key { name: "user_type", needed: false, help: "Member (the default: no guests), Guest, or all" },
    ],
    credentials: &[
        Key { name: "client_id", needed: true, help: "the app registration's id" },
        Key { name: "client_secret", needed: true, help: "a client secret of an app with User.Read.All" },
    ],
    platform: &[],
    ids: &["id", "employeeId"],
    status: ("accountEnabled", &[("true", "active"), ("false", "inactive"), (people::LEFT, "terminated")]),
    // employeeLeaveDateTime wants the permission User-LifeCycleInfo.Read.All, so it is only asked for where mapped.
    columns: &[
        "id",
        "employeeId",
        "accountEnabled",
        "userPrincipalName",
        "mail",
        "otherMails",
        "givenName",
        "surname",
        "displayName",
        "mailNickname",
        "jobTitle",
        "department",
        "companyName",
        "employeeType",
        "employeeHireDate",
        "employeeLeaveDateTime",
        "employeeOrgData.division",
        "employeeOrgData.costCenter",
        "manager.id",
        "officeLocation",
        "businessPhones",
        "mobilePhone",
        "faxNumber",
        "streetAddress",
        "city",
        "state",
        "postalCode",
        "country",
        "preferredLanguage",
        "userType",
        "createdDateTime",
        "onPremisesExtensionAttributes.*",
    ],
    incremental: Incremental::ChangesAndRemovals,
    webhooks: None,
    signs_with: None,
    resync: false,
    link: "app registration with admin consent",
    // The server chooses, and may send empty pages: few people a page are reckoned with.
    page_size: 50,
};

const ID: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-');

/// Entra's connector.
pub(crate) struct Entra;

/// Where a reading is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
enum At {
    /// The first page of everybody.
    Start,
    /// A `nextLink` of the listing of everybody.
    Next(String),
    /// The `deltaLink` that an earlier reading ended with, or a `nextLink` that follows it.
    Delta(String),
    /// One person.
    Person(String),
}

impl At {
    fn of(step: &Step) -> Result<Self, Fault> {
        let unknown = |_| Fault::new(FaultKind::Refused, "the reading's place is not one of Entra's");
        serde_json::from_str(&step.at).map_err(unknown)
    }

    fn step(&self) -> Step {
        // Strings only: this cannot fail. An empty place is refused by `of`.
        Step::at(serde_json::to_string(self).unwrap_or_default())
    }
}

impl Connector for Entra {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn problems(&self, target: &Target<'_>) -> Vec<(String, String)> {
        let mut problems = Vec::new();
        let tenant = target.provider("tenant_id");
        if tenant.is_empty() || !tenant.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-.".contains(&byte)) {
            let problem = "must be the directory's id or one of its domains";
            problems.push(("provider.tenant_id".to_owned(), problem.to_owned()));
        }
        if !["", "Member", "Guest", "all"].contains(&target.provider("user_type")) {
            let problem = "must be \"Member\", \"Guest\" or \"all\"";
            problems.push(("provider.user_type".to_owned(), problem.to_owned()));
        }
        problems
    }

    fn routes(&self, _provider: &BTreeMap<String, String>) -> Vec<String> {
        Vec::new()
    }

    fn verify(&self, _delivery: &Delivery<'_>, _secrets: &[Secret], _now_ms: i64) -> Result<(), Refused> {
        Err(Refused("Entra sends no webhooks"))
    }

    fn events(&self, _hook: &VerifiedWebhook<'_>) -> Result<Vec<SourceEvent>, Unreadable> {
        Err(Unreadable("Entra sends no webhooks".to_owned()))
    }

    fn token_request(&self, target: &Target<'_>) -> Option<HttpRequest> {
        let base = target.base("https://login.microsoftonline.com");
        let fields = [
            ("grant_type", "client_credentials"),
            ("client_id", target.credential("client_id")),
            ("client_secret", target.credential("client_secret")),
            ("scope", "https://graph.microsoft.com/.default"),
        ];
        let tenant = target.provider("tenant_id");
        Some(HttpRequest::post_form(format!("{base}/{tenant}/oauth2/v2.0/token"), &fields))
    }

    fn read_token(&self, _target: &Target<'_>, response: &HttpResponse<'_>) -> Result<Token, Fault> {
        if !response.is_success() {
            let mut fault = fault_of(response);
            // An unknown tenant, an unknown app and a wrong secret are all told by 400 or 401.
            if response.status == 400 {
                fault.kind = FaultKind::Unauthorized;
            }
            return Err(fault);
        }
        let answer = response.json()?;
        let Some(access) = answer.get("access_token").and_then(Value::as_str).filter(|text| !text.is_empty()) else {
            return Err(Fault::new(FaultKind::Failing, "Entra's answer has no access_token"));
        };
        let seconds = answer.get("expires_in").and_then(Value::as_u64);
        Ok(Token { access: Secret::new(access), seconds, changed: None })
    }

    fn first(&self, _target: &Target<'_>, scope: &Scope) -> Option<Step> {
        let at = match scope {
            Scope::Full => At::Start,
            Scope::Since(mark) => At::Delta(mark.clone()),
            Scope::Person(id) => At::Person(id.clone()),
        };
        Some(at.step())
    }

    fn request(&self, target: &Target<'_>, step: &Step) -> HttpRequest {
        let users = format!("{}/v1.0/users", graph(target));
        let select = |manager| people::select(target, manager).join(",");
        let request = match At::of(step).unwrap_or(At::Start) {
            At::Start => HttpRequest::get(format!("{users}/delta")).query([("$select", select(true).as_str())]),
            At::Next(url) | At::Delta(url) => HttpRequest::get(url),
            // Elsewhere than in a delta the manager is expanded, not selected.
            At::Person(id) => HttpRequest::get(format!("{users}/{}", utf8_percent_encode(&id, ID)))
                .query([("$select", select(false).as_str()), ("$expand", "manager($select=id)")]),
        };
        request.header("authorization", target.bearer())
    }

    fn read(&self, target: &Target<'_>, step: &Step, response: &HttpResponse<'_>) -> Result<Page, Fault> {
        match At::of(step)? {
            At::Person(id) => read_person(target, id, response),
            At::Delta(_) => read_page(target, At::Delta, response),
            At::Start | At::Next(_) => read_page(target, At::Next, response),
        }
    }
}

fn graph(target: &Target<'_>) -> String {
    target.base("https://graph.microsoft.com")
}

fn read_person(target: &Target<'_>, id: String, response: &HttpResponse<'_>) -> Result<Page, Fault> {
    if response.status == 404 {
        return Ok(Page { gone: vec![id], ..Page::default() });
    }
    let entry = checked(response)?;
    let mut page = Page::default();
    if entry.get("id").and_then(Value::as_str) != Some(id.as_str()) {
        return Err(Fault::new(FaultKind::Failing, "Entra's answer is not about the person asked for"));
    }
    people::add(target, &mut page, &entry, response.now_ms);
    Ok(page)
}

fn read_page(target: &Target<'_>, at: fn(String) -> At, response: &HttpResponse<'_>) -> Result<Page, Fault> {
    let answer = checked(response)?;
    let Some(entries) = answer.get("value").and_then(Value::as_array) else {
        return Err(Fault::new(FaultKind::Failing, "Entra's answer has no list \"value\""));
    };
    let mut page = Page::default();
    for entry in entries {
        people::add(target, &mut page, entry, response.now_ms);
    }
    if let At::Next(_) = at(String::new()) {
        // Whom a full listing leaves out is absent anyway.
        page.gone.retain(|id| entries.iter().any(|entry| entry["id"] == **id && entry.get("@removed").is_some()));
    }
    let link = |key: &str| answer.get(key).and_then(Value::as_str).map(|url| own(target, url)).transpose();
    match (link("@odata.nextLink")?, link("@odata.deltaLink")?) {
        (Some(next), _) => page.next = Some(at(next).step()),
        (None, Some(mark)) => page.mark = Some(mark),
        (None, None) => {
            let message = "Entra's answer has neither a nextLink nor a deltaLink: the listing is cut off";
            return Err(Fault::new(FaultKind::Failing, message));
        }
    }
    Ok(page)
}

/// A link, if it leads to where the API is: it is followed with the access token.
fn own(target: &Target<'_>, link: &str) -> Result<String, Fault> {
    let refused = || Fault::new(FaultKind::Refused, "Entra's answer leads to another host: it is not followed");
    let (api, url) = (Url::parse(&graph(target)), Url::parse(link));
    let (Ok(api), Ok(url)) = (api, url) else { return Err(refused()) };
    let plain = url.username().is_empty() && url.password().is_none();
    if api.origin() == url.origin() && plain { Ok(link.to_owned()) } else { Err(refused()) }
}

/// The answer's JSON, or what its status means.
fn checked(response: &HttpResponse<'_>) -> Result<Value, Fault> {
    if response.is_success() { response.json() } else { Err(fault_of(response)) }
}

/// A fault with Graph's error code, but without its text, which may quote people's data.
fn fault_of(response: &HttpResponse<'_>) -> Fault {
    let mut fault = Fault::of_status(response);
    if response.status == 503 && fault.wait.is_some() {
        fault.kind = FaultKind::Throttled;
    }
    let answer = response.json().unwrap_or_default();
    let code = answer.pointer("/error/code").or(answer.get("error")).and_then(Value::as_str).unwrap_or_default();
    let code: String = code.chars().filter(|c| c.is_ascii_alphanumeric() || "_.".contains(*c)).take(80).collect();
    let lost = ["syncStateNotFound", "syncStateInvalid", "resyncRequired"];
    if lost.iter().any(|lost| lost.eq_ignore_ascii_case(&code)) {
        fault.kind = FaultKind::MarkLost;
    }
    if !code.is_empty() {
        fault.message = format!("{}: {code}", fault.message);
    }
    fault
}
