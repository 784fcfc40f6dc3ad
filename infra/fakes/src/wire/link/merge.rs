//! Merge Link: link tokens, and public tokens that become account tokens.

use serde_json::json;

use super::text;
use crate::{
    call::{Answer, Call},
    clock,
    link::Session,
    provider::Provider,
    wire::merge::detail,
};

/// `POST /link-token`; the API key was checked before.
pub(crate) fn token(provider: &mut Provider, call: &Call) -> Answer {
    let body = call.json().unwrap_or_default();
    let (Some(customer), Some(_)) = (text(&body, "end_user_origin_id"), text(&body, "end_user_organization_name"))
    else {
        return Answer::json(400, &json!({"end_user_origin_id": ["This field is required."]}));
    };
    if body["end_user_email_address"].as_str().is_none() {
        return Answer::json(400, &json!({"end_user_email_address": ["This field is required."]}));
    }
    if !body["categories"].as_array().is_some_and(|list| list.contains(&json!("hris"))) {
        return Answer::json(400, &json!({"categories": ["This field is required."]}));
    }
    let magic = body["should_create_magic_link_url"] == true;
    let minutes = body["link_expiry_mins"].as_i64().unwrap_or(30);
    if !(30..=if magic { 10_080 } else { 720 }).contains(&minutes) {
        return Answer::json(400, &json!({"link_expiry_mins": ["out of range"]}));
    }
    let session = Session {
        customer: customer.to_owned(),
        redirect: None,
        products: vec!["hris".to_owned()],
        expires_at: clock::now() + minutes * 60_000,
    };
    let token = provider.links.open("link-", session);
    let url = magic.then(|| format!("{}/magic/{token}", call.base));
    Answer::ok(&json!({"link_token": token, "integration_name": null, "magic_link_url": url}))
}

/// `GET /account-token/{public_token}`.
pub(crate) fn account_token(provider: &mut Provider, public_token: &str) -> Answer {
    let Some(session) = provider.links.take(public_token) else { return detail(404, "Not found.") };
    provider.keys.insert("end_user_origin_id".to_owned(), session.customer);
    let token = provider.credentials.get("account_token").cloned();
    Answer::ok(&json!({"account_token": token, "id": provider.key("linked_account_id"),
        "integration": {"name": "BambooHR", "slug": "bamboohr", "categories": ["hris"]}}))
}
