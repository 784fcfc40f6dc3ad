//! The Admin Portal: an organization of our name for the customer is found or made, and a link into its portal; the
//! directory that the customer's administrator sets up there is what is read.

use std::collections::BTreeMap;

use percent_encoding::utf8_percent_encode;
use serde_json::{Value, json};

use super::IN_PATH;
use crate::link::{not_yet, refused, text};
use crate::{
    Fault, FaultKind, HttpRequest, HttpResponse, Link, LinkAsk, LinkFinished, LinkNext, LinkStarted, LinkStep, Secret,
};

/// The Admin Portal.
pub(super) struct Portal;

/// Looks for the organization, to start.
const FIND: &str = "find";
const CREATE: &str = "create";
const LINK: &str = "link";
/// Looks for the organization, to finish.
const FIND_AGAIN: &str = "find_again";
const DIRECTORIES: &str = "directories";
const ORGANIZATION: &str = "organization";
/// Portal links are good for so long.
const LASTS_MS: i64 = 5 * 60_000;

impl Link for Portal {
    fn scopes(&self, _ask: &LinkAsk<'_>) -> Vec<String> {
        vec!["dsync".to_owned()]
    }

    fn brings(&self) -> Option<&'static str> {
        None
    }

    fn start(&self, ask: &LinkAsk<'_>) -> LinkStep {
        from_organization(ask, LINK, FIND)
    }

    fn finish(&self, ask: &LinkAsk<'_>) -> Result<LinkStep, &'static str> {
        Ok(from_organization(ask, DIRECTORIES, FIND_AGAIN))
    }

    fn request(&self, ask: &LinkAsk<'_>, step: &LinkStep) -> HttpRequest {
        let base = ask.base("https://api.workos.com");
        let request = match step.at {
            CREATE => {
                let body = json!({"name": ask.organization, "external_id": ask.customer});
                HttpRequest::post_json(format!("{base}/organizations"), &body)
            }
            LINK => HttpRequest::post_json(format!("{base}/portal/generate_link"), &portal(ask, step)),
            DIRECTORIES => HttpRequest::get(format!("{base}/directories"))
                .query([("organization_id", step.carried(ORGANIZATION)), ("limit", "100")]),
            _ => {
                let customer = utf8_percent_encode(ask.customer, IN_PATH);
                HttpRequest::get(format!("{base}/organizations/external_id/{customer}"))
            }
        };
        request.header("authorization", format!("Bearer {}", ask.platform("api_key")))
    }

    fn read(&self, ask: &LinkAsk<'_>, step: &LinkStep, response: &HttpResponse<'_>) -> Result<LinkNext, Fault> {
        match (step.at, response.status) {
            (FIND, 404) => return Ok(LinkNext::Ask(LinkStep::at(CREATE))),
            (FIND_AGAIN, 404) => return Err(not_yet("nothing is set up at WorkOS yet")),
            (_, 200 | 201) => {}
            _ => return Err(refused("WorkOS", "the request", response)),
        }
        let body = response.json()?;
        let next = |at: &'static str| Ok(LinkNext::Ask(LinkStep::at(at).with(ORGANIZATION, text(&body, &["id"])?)));
        match step.at {
            FIND | CREATE => next(LINK),
            FIND_AGAIN => next(DIRECTORIES),
            DIRECTORIES => linked(ask, step, &body).map(LinkNext::Finished),
            _ => Ok(LinkNext::Started(LinkStarted {
                url: Some(Secret::new(text(&body, &["link"])?)),
                token: None,
                lasts_ms: LASTS_MS,
            })),
        }
    }
}

/// Straight on where the settings name the organization, else by looking for it.
fn from_organization(ask: &LinkAsk<'_>, known: &'static str, unknown: &'static str) -> LinkStep {
    match ask.provider("organization_id") {
        "" => LinkStep::at(unknown),
        id => LinkStep::at(known).with(ORGANIZATION, id),
    }
}

fn portal(ask: &LinkAsk<'_>, step: &LinkStep) -> Value {
    let mut body = json!({"organization": step.carried(ORGANIZATION), "intent": "dsync"});
    if !ask.redirect_url.is_empty() {
        body["return_url"] = json!(ask.redirect_url);
        body["success_url"] = json!(ask.redirect_url);
    }
    if !ask.email.is_empty() {
        body["it_contact_emails"] = json!([ask.email]);
    }
    body
}

fn linked(ask: &LinkAsk<'_>, step: &LinkStep, body: &Value) -> Result<LinkFinished, Fault> {
    let missing = || Fault::new(FaultKind::Failing, "WorkOS's answer has no list \"data\"");
    let list = body["data"].as_array().ok_or_else(missing)?;
    let wanted = ask.provider("directory_id");
    let organization = step.carried(ORGANIZATION);
    let fits = |one: &&Value| {
        one["state"] == "linked" && one["organization_id"] == organization && (wanted.is_empty() || one["id"] == wanted)
    };
    let ids: Vec<&str> = list.iter().filter(fits).filter_map(|one| one["id"].as_str()).collect();
    let directory = match ids.as_slice() {
        [one] => *one,
        [] => return Err(not_yet("no directory is linked at WorkOS yet")),
        _ => {
            let message = "several directories are linked at WorkOS: name one as directory_id";
            return Err(Fault::new(FaultKind::Refused, message));
        }
    };
    let provider = [("directory_id", directory), ("organization_id", organization)];
    let provider = provider.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
    Ok(LinkFinished { provider, credentials: BTreeMap::new() })
}
