//! Organizations of `WorkOS`, links into their Admin Portal, their directories.

use serde_json::{Value, json};

use super::text;
use crate::{
    call::{Answer, Call},
    clock,
    link::{Organization, Session},
    provider::Provider,
    wire::workos::{directory, invalid, missing},
};

const PORTAL_MS: i64 = 5 * 60_000;

/// `POST /organizations`; external ids are unique.
pub(crate) fn create(provider: &mut Provider, call: &Call) -> Answer {
    let body = call.json().unwrap_or_default();
    let Some(name) = text(&body, "name") else { return invalid("name", "required") };
    let external_id = text(&body, "external_id").map(str::to_owned);
    let taken = |one: &Organization| external_id.is_some() && one.external_id == external_id;
    if provider.links.organizations.iter().any(taken) {
        return invalid("external_id", "external_id_already_used");
    }
    let organization = Organization { id: provider.links.fresh("org_"), name: name.to_owned(), external_id };
    provider.links.organizations.push(organization.clone());
    Answer::json(201, &shown(&organization))
}

/// `GET /organizations/external_id/{external_id}`.
pub(crate) fn by_external_id(provider: &Provider, id: &str) -> Answer {
    let found = provider.links.organizations.iter().find(|one| one.external_id.as_deref() == Some(id));
    found.map_or_else(missing, |organization| Answer::ok(&shown(organization)))
}

fn shown(organization: &Organization) -> Value {
    json!({"object": "organization", "id": organization.id, "name": organization.name,
        "external_id": organization.external_id, "domains": []})
}

/// `POST /portal/generate_link`.
pub(crate) fn portal(provider: &mut Provider, call: &Call) -> Answer {
    let body = call.json().unwrap_or_default();
    let id = text(&body, "organization").unwrap_or_default();
    let known = provider.links.organizations.iter().any(|one| one.id == id) || provider.key("organization_id") == id;
    if !known {
        return Answer::json(404, &json!({"message": format!("Organization not found: '{id}'.")}));
    }
    if body["intent"] != "dsync" {
        return invalid("intent", "this fake only links directories");
    }
    let session = Session {
        customer: id.to_owned(),
        redirect: text(&body, "success_url").map(str::to_owned),
        products: vec!["dsync".to_owned()],
        expires_at: clock::now() + PORTAL_MS,
    };
    let token = provider.links.open("portal-", session);
    Answer::json(201, &json!({"link": format!("{}/portal/launch?secret={token}", call.base)}))
}

/// `GET /directories`.
pub(crate) fn directories(provider: &Provider, call: &Call) -> Answer {
    let wanted = call.query("organization_id");
    let ours = wanted.is_none_or(|id| id == provider.key("organization_id"));
    let list: Vec<Value> = ours.then(|| directory(provider)).into_iter().collect();
    Answer::ok(&json!({"object": "list", "data": list, "list_metadata": {"before": null, "after": null}}))
}
