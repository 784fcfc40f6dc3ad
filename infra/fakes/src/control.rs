//! The control routes: people come, change and go; webhooks are aimed and delivered; providers are told to misbehave.

use std::{collections::BTreeMap, sync::Arc};

use serde_json::{Map, Value, json};
use tokio::{sync::Semaphore, task::JoinSet};

use crate::{
    call::{Answer, Call},
    link,
    misbehave::Misbehaviour,
    name::Name,
    outbox::Sending,
    provider::Provider,
    serve::World,
    wire,
};

/// Copies of a webhook that are on their way at once.
const AT_ONCE: usize = 256;

pub(crate) async fn answer(world: &World, name: Name, call: &Call) -> Answer {
    let body = match call.json() {
        None if !call.body.is_empty() => return Answer::refused(400, "the body is no JSON"),
        body => body.unwrap_or(json!({})),
    };
    let parts = call.parts();
    if (call.method.as_str(), parts.as_slice()) == ("POST", &["webhooks", "deliver"]) {
        return deliver(world, name, &body).await;
    }
    let mut provider = world.provider(name);
    let quiet = call.query("quiet") == Some("true") || body["quiet"] == true;
    match (call.method.as_str(), parts.as_slice()) {
        ("GET", ["state"]) => Answer::ok(&provider.state()),
        ("GET", ["requests"]) => Answer::ok(&json!({"requests": provider.log})),
        ("DELETE", ["requests"]) => done(|| provider.log.clear()),
        ("POST", ["people"]) => people(&mut provider, &body, quiet),
        ("PATCH", ["people", id]) => patch(&mut provider, id, &body, quiet),
        ("DELETE", ["people", id]) => match provider.remove(id, quiet) {
            Some(_) => done(|| ()),
            None => Answer::refused(404, "nobody has this id"),
        },
        ("POST", ["reset"]) => done(|| *provider = Provider::new(name)),
        ("POST", ["credentials"]) => done(|| texts(&mut provider.credentials, &body)),
        ("POST", ["webhook_url"]) => webhook_url(&mut provider, &body),
        ("POST", ["link"]) => link::walk_through(&mut provider, &body),
        ("POST", ["event"]) => event(&mut provider, &body),
        ("POST", ["directory"]) if name == Name::WorkOs => directory(&mut provider, &body),
        ("POST", ["misbehave"]) => match Misbehaviour::parse(name, &body) {
            Ok(misbehaviour) => done(|| provider.misbehaviour = Some(misbehaviour)),
            Err(why) => Answer::refused(422, why),
        },
        ("POST", ["behave"]) => done(|| provider.misbehaviour = None),
        _ => Answer::refused(404, "no such control; README.md of infra/fakes lists them"),
    }
}

/// Does a thing and says so.
fn done(thing: impl FnOnce()) -> Answer {
    thing();
    Answer::ok(&json!({"ok": true}))
}

/// One person, a list of them, or `{"generate": 1000, "seed": 7}`.
fn people(provider: &mut Provider, body: &Value, quiet: bool) -> Answer {
    let added = match body {
        Value::Object(object) if object.contains_key("generate") => {
            let number = |key: &str| object.get(key).and_then(Value::as_u64);
            provider
                .generate(number("generate").unwrap_or(0), number("seed").unwrap_or(1), quiet)
                .map(|ids| json!({"ids": ids}))
        }
        Value::Array(list) => list
            .iter()
            .map(|person| add(provider, person, quiet))
            .collect::<Result<Vec<Value>, String>>()
            .map(|people| json!({"people": people})),
        person => add(provider, person, quiet),
    };
    match added {
        Ok(body) => Answer::json(201, &body),
        Err(why) => Answer::refused(422, why),
    }
}

fn add(provider: &mut Provider, person: &Value, quiet: bool) -> Result<Value, String> {
    let fields = person.as_object().ok_or("a person is an object")?;
    provider.add(&without_quiet(fields), quiet).map(|person| json!(person))
}

fn without_quiet(fields: &Map<String, Value>) -> Map<String, Value> {
    fields.iter().filter(|(key, _)| *key != "quiet").map(|(key, value)| (key.clone(), value.clone())).collect()
}

fn patch(provider: &mut Provider, id: &str, body: &Value, quiet: bool) -> Answer {
    let Some(fields) = body.as_object() else { return Answer::refused(422, "the change is an object") };
    match provider.patch(id, &without_quiet(fields), quiet) {
        Some(Ok(person)) => Answer::ok(&json!(person)),
        Some(Err(why)) => Answer::refused(422, why),
        None => Answer::refused(404, "nobody has this id"),
    }
}

/// Takes over the texts of an object; null takes a key away.
fn texts(into: &mut BTreeMap<String, String>, given: &Value) {
    for (key, value) in given.as_object().into_iter().flatten() {
        match value.as_str() {
            Some(text) => drop(into.insert(key.clone(), text.to_owned())),
            None => drop(into.remove(key)),
        }
    }
}

/// Aims the webhooks; keys that are missing stay as they were.
fn webhook_url(provider: &mut Provider, body: &Value) -> Answer {
    if let Some(url) = body.get("url") {
        provider.outbox.url = url.as_str().map(str::to_owned);
    }
    if let Some(secret) = body["secret"].as_str() {
        secret.clone_into(&mut provider.outbox.secret);
    }
    if let Some(hold) = body["hold"].as_bool() {
        provider.outbox.hold = hold;
    }
    match body["format"].as_str() {
        Some("legacy") => provider.outbox.legacy = true,
        Some("new") => provider.outbox.legacy = false,
        Some(_) => return Answer::refused(422, "format: legacy or new"),
        None => {}
    }
    texts(&mut provider.keys, &body["connection_keys"]);
    done(|| ())
}

/// Makes an event of any type happen: `{"event": "account.updated", "data": {…}}`.
fn event(provider: &mut Provider, body: &Value) -> Answer {
    let Some(kind) = body["event"].as_str() else { return Answer::refused(422, "event: missing") };
    let body = wire::body(provider, kind, &body["data"]);
    provider.happen(kind.to_owned(), body, false);
    done(|| ())
}

/// The state of the directory of `WorkOS`, and whether who stops being active is deleted there.
fn directory(provider: &mut Provider, body: &Value) -> Answer {
    if let Some(secure) = body["secure_flow"].as_bool() {
        provider.secure_flow = secure;
    }
    if let Some(state) = body["state"].as_str() {
        let kind = match state {
            "unlinked" | "deleting" => Some("dsync.deleted"),
            "linked" => Some("dsync.activated"),
            _ => None,
        };
        state.clone_into(&mut provider.directory_state);
        if let Some(kind) = kind {
            let body = wire::body(provider, kind, &wire::workos::directory_data(provider));
            provider.happen(kind.to_owned(), body, false);
        }
    }
    done(|| ())
}

/// Delivers what is held, and waits for the answers: `{"order": […]}` one after the other, `{"all": true}` likewise
/// in the order of events, `{"copies": n}` that many copies of each at once. What was delivered is held no longer,
/// unless `keep` is true.
async fn deliver(world: &World, name: Name, asked: &Value) -> Answer {
    let (held, keep) = (world.provider(name).outbox.held.len(), asked["keep"] == true);
    let order: Vec<usize> = match asked["order"].as_array() {
        Some(order) => {
            order.iter().map(|place| place.as_u64().and_then(|p| usize::try_from(p).ok()).unwrap_or(held)).collect()
        }
        None => (0..held).collect(),
    };
    let sendings: Option<Vec<Sending>> = {
        let outbox = &mut world.provider(name).outbox;
        let sending = |place: &usize| outbox.sending(outbox.held.get(*place)?.clone());
        let sendings = order.iter().map(sending).collect();
        if !keep && Option::is_some(&sendings) {
            let mut place = 0;
            outbox.held.retain(|_| (!order.contains(&place), place += 1).0);
        }
        sendings
    };
    let Some(sendings) = sendings else {
        return Answer::refused(422, "order: places of held webhooks are wanted, and an address to deliver to");
    };
    let mut delivered = Vec::new();
    for sending in &sendings {
        match asked["copies"].as_u64() {
            Some(copies) => delivered.extend(send_copies(sending, copies).await),
            None => delivered.push(sending.send().await),
        }
    }
    Answer::ok(&json!({"delivered": delivered}))
}

async fn send_copies(sending: &Sending, copies: u64) -> Vec<Value> {
    let gate = Arc::new(Semaphore::new(AT_ONCE));
    let mut tasks = JoinSet::new();
    for _ in 0..copies {
        let (sending, gate) = (sending.clone(), Arc::clone(&gate));
        tasks.spawn(async move {
            let _pass = gate.acquire().await;
            sending.send().await
        });
    }
    tasks.join_all().await
}
