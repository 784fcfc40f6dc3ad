//! Merge Link: a token opens Merge's widget or page, what that brings back is exchanged for the account's token.
//!
//! Only models that the mapping needs are opened, for reading, and never the fields that are never stored.

use std::collections::BTreeMap;

use percent_encoding::utf8_percent_encode;
use serde_json::{Value, json};

use super::{IN_PATH, REGIONS};
use crate::link::{not_yet, of_another, refused, text};
use crate::{
    Fault, FaultKind, HttpRequest, HttpResponse, Link, LinkAsk, LinkFinished, LinkNext, LinkStarted, LinkStep, Secret,
};

/// Merge Link.
pub(super) struct MergeLink;

const TOKEN: &str = "token";
const EXCHANGE: &str = "exchange";
const DETAILS: &str = "details";
const ACCOUNT_TOKEN: &str = "account_token";
const PUBLIC_TOKEN: &str = "public_token";
const LASTS_MINUTES: i64 = 60;

/// Models, which mapped columns need them, and their fields that are never read.
const MODELS: [(&str, &[&str], &[&str]); 5] = [
    ("hris.Employee", &[], &["ssn", "gender", "ethnicity", "marital_status", "date_of_birth", "pay_group"]),
    (
        "hris.Employment",
        &["job_title", "employment_type"],
        &["pay_rate", "pay_period", "pay_frequency", "pay_currency", "pay_group", "flsa_status"],
    ),
    ("hris.Group", &["department", "division", "cost_center"], &[]),
    ("hris.Team", &["team", "department"], &[]),
    ("hris.Location", &["home_location", "work_location"], &[]),
];

impl Link for MergeLink {
    fn scopes(&self, ask: &LinkAsk<'_>) -> Vec<String> {
        models(ask).map(|(model, _)| model.to_owned()).collect()
    }

    fn brings(&self) -> Option<&'static str> {
        Some(PUBLIC_TOKEN)
    }

    fn start(&self, _ask: &LinkAsk<'_>) -> LinkStep {
        LinkStep::at(TOKEN)
    }

    fn finish(&self, ask: &LinkAsk<'_>) -> Result<LinkStep, &'static str> {
        if !ask.given(PUBLIC_TOKEN).is_empty() {
            return Ok(LinkStep::at(EXCHANGE));
        }
        // Whoever signs in again keeps the token that there is.
        let held = ask.credentials.get(ACCOUNT_TOKEN).ok_or(PUBLIC_TOKEN)?;
        Ok(LinkStep::at(DETAILS).with(ACCOUNT_TOKEN, held.reveal()))
    }

    fn request(&self, ask: &LinkAsk<'_>, step: &LinkStep) -> HttpRequest {
        let base = base(ask);
        let request = match step.at {
            EXCHANGE => {
                let token = utf8_percent_encode(ask.given(PUBLIC_TOKEN), IN_PATH);
                HttpRequest::get(format!("{base}/account-token/{token}"))
            }
            DETAILS => HttpRequest::get(format!("{base}/account-details"))
                .header("x-account-token", step.carried(ACCOUNT_TOKEN)),
            _ => HttpRequest::post_json(format!("{base}/link-token"), &wish(ask)),
        };
        request.header("authorization", format!("Bearer {}", ask.platform("api_key")))
    }

    fn read(&self, ask: &LinkAsk<'_>, step: &LinkStep, response: &HttpResponse<'_>) -> Result<LinkNext, Fault> {
        if !response.is_success() {
            let what =
                if step.at == TOKEN { "the request" } else { "the public token: it is used, old or not Merge's" };
            return Err(refused("Merge", what, response));
        }
        let body = response.json()?;
        match step.at {
            EXCHANGE => {
                let token = text(&body, &[ACCOUNT_TOKEN])?;
                Ok(LinkNext::Ask(LinkStep::at(DETAILS).with(ACCOUNT_TOKEN, token)))
            }
            DETAILS => linked(ask, step, &body).map(LinkNext::Finished),
            _ => Ok(LinkNext::Started(LinkStarted {
                url: body["magic_link_url"].as_str().filter(|url| !url.is_empty()).map(Secret::new),
                token: Some(Secret::new(text(&body, &["link_token"])?)),
                lasts_ms: LASTS_MINUTES * 60_000,
            })),
        }
    }
}

fn base(ask: &LinkAsk<'_>) -> String {
    let region = ask.provider("region");
    let known = REGIONS.iter().find(|(known, _)| *known == region).or(REGIONS.first());
    format!("{}/api/hris/v1", ask.base(known.map_or("", |(_, base)| base)))
}

/// The customer's name at Merge: one that the settings give stays, for Merge knows an account by it.
fn origin<'a>(ask: &LinkAsk<'a>) -> &'a str {
    Some(ask.provider("end_user_origin_id")).filter(|id| !id.is_empty()).unwrap_or(ask.customer)
}

fn models(ask: &LinkAsk<'_>) -> impl Iterator<Item = (&'static str, &'static [&'static str])> {
    let top = |column: &String| column.split(['.', '[']).next().unwrap_or_default().to_owned();
    let mapped: Vec<String> = ask.columns.iter().map(top).collect();
    let needed = move |columns: &[&str]| columns.is_empty() || columns.iter().any(|c| mapped.iter().any(|m| m == c));
    MODELS.into_iter().filter(move |(_, columns, _)| needed(columns)).map(|(model, _, never)| (model, never))
}

fn wish(ask: &LinkAsk<'_>) -> Value {
    let scoped = |(model, never): (&str, &[&str])| json!({"model_id": model, "enabled_actions": ["READ"], "disabled_fields": never});
    let models: Vec<Value> = models(ask).map(scoped).collect();
    json!({
        "end_user_origin_id": origin(ask), "end_user_organization_name": ask.organization,
        "end_user_email_address": ask.email, "categories": ["hris"], "link_expiry_mins": LASTS_MINUTES,
        "should_create_magic_link_url": true, "common_models": models,
    })
}

fn linked(ask: &LinkAsk<'_>, step: &LinkStep, body: &Value) -> Result<LinkFinished, Fault> {
    if text(body, &["end_user_origin_id"])? != origin(ask) {
        return Err(of_another("Merge"));
    }
    match body["status"].as_str() {
        Some("RELINK_NEEDED") => {
            let message = "Merge still has no access to the HR system: the customer must sign in there";
            return Err(Fault::new(FaultKind::ReauthNeeded, message));
        }
        Some("INCOMPLETE") => return Err(not_yet("the customer has not finished linking at Merge yet")),
        _ => {}
    }
    let provider = [("linked_account_id", text(body, &["id"])?), ("end_user_origin_id", origin(ask))];
    Ok(LinkFinished {
        provider: provider.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect(),
        credentials: BTreeMap::from([(ACCOUNT_TOKEN.to_owned(), Secret::new(step.carried(ACCOUNT_TOKEN)))]),
    })
}
