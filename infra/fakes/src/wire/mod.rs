//! What each provider's API looks like on the wire.

pub(crate) mod apideck;
pub(crate) mod bamboohr;
mod bamboohr_reports;
mod bamboohr_wire;
pub(crate) mod finch;
pub(crate) mod link;
pub(crate) mod merge;
pub(crate) mod workos;

use serde_json::{Value, json};

use crate::{
    call::{Answer, Call},
    name::Name,
    provider::{Change, Provider},
};

/// Answers a request to a provider.
pub(crate) fn answer(provider: &mut Provider, call: &Call) -> Answer {
    match provider.name {
        Name::Apideck => apideck::answer(provider, call),
        Name::Merge => merge::answer(provider, call),
        Name::Finch => finch::answer(provider, call),
        Name::WorkOs => workos::answer(provider, call),
        Name::BambooHr => bamboohr::answer(provider, call),
    }
}

/// The webhooks that tell of a change: the type of each and its body.
pub(crate) fn bodies(provider: &Provider, change: Change<'_>) -> Vec<(String, Value)> {
    match provider.name {
        Name::Apideck => apideck::bodies(provider, change),
        Name::Merge => merge::bodies(provider, change),
        Name::Finch => finch::bodies(provider, change),
        Name::WorkOs => workos::bodies(provider, change),
        Name::BambooHr => bamboohr::bodies(provider, change),
    }
}

/// The body of a webhook of any type, with the provider's envelope around `data`.
pub(crate) fn body(provider: &Provider, kind: &str, data: &Value) -> Value {
    match provider.name {
        Name::Apideck => apideck::envelope(provider, kind, data),
        Name::Merge => merge::envelope(provider, kind, data),
        Name::Finch => finch::envelope(provider, kind, data),
        Name::WorkOs => workos::envelope(provider, kind, data),
        Name::BambooHr => bamboohr::envelope(provider, kind, data),
    }
}

/// An error in the provider's own form.
pub(crate) fn error(name: Name, status: u16) -> Answer {
    match (name, status) {
        (Name::Apideck, _) => apideck::error(status, "the request failed"),
        (Name::Merge, _) => Answer::json(status, &json!({"detail": "The request failed."})),
        (Name::Finch, 429) => Answer::json(
            429,
            &json!({"statusCode": 429, "status": 429, "code": 429, "message": "Too many requests",
                "name": "rate_limit_exceeded_error", "finch_code": "finch_application_rl"}),
        ),
        (Name::Finch, _) => finch::error(status, "The request failed"),
        (Name::WorkOs, 429) => Answer::text(429, "text/plain", "Ratelimited"),
        (Name::WorkOs, _) => Answer::json(status, &json!({"message": "The request failed"})),
        (Name::BambooHr, _) => bamboohr::error(status, "The request failed"),
    }
}

/// The parts of an object whose keys were asked for; all of it if none were.
pub(crate) fn only(mut object: Value, keys: &[&str]) -> Value {
    if let (Value::Object(fields), false) = (&mut object, keys.is_empty()) {
        fields.retain(|key, _| keys.contains(&key.as_str()));
    }
    object
}

/// The object without a key, at its top or in its custom attributes.
pub(crate) fn without(mut object: Value, key: Option<&str>) -> Value {
    if let (Value::Object(fields), Some(key)) = (&mut object, key) {
        fields.remove(key);
        if let Some(Value::Object(custom)) = fields.get_mut("custom_attributes") {
            custom.remove(key);
        }
    }
    object
}
