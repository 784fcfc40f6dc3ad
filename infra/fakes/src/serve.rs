//! From HTTP to the fakes and back.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use axum::{
    Router,
    body::{Body, to_bytes},
    extract::{ConnectInfo, Request, State},
    http::Response,
};
use serde_json::json;

use crate::{
    call::{Answer, Call, query_pairs},
    control, damage,
    misbehave::Kind,
    name::Name,
    provider::Provider,
    socket::Switch,
    wire,
};

/// The requests of a provider that are kept for tests to look at.
const LOGGED: usize = 10_000;
const BODY_LIMIT: usize = 64 << 20;

/// All five providers.
#[derive(Debug, Clone)]
pub(crate) struct World(Arc<[Mutex<Provider>; 5]>);

impl World {
    /// One provider's state. A lock is never held while something is awaited.
    pub(crate) fn provider(&self, name: Name) -> MutexGuard<'_, Provider> {
        self.0[name as usize].lock().unwrap_or_else(PoisonError::into_inner)
    }
}

pub(crate) fn router() -> Router {
    let world = World(Arc::new(Name::ALL.map(|name| Mutex::new(Provider::new(name)))));
    Router::new().fallback(handle).with_state(world)
}

async fn handle(State(world): State<World>, request: Request) -> Response<Body> {
    let switch = request.extensions().get::<ConnectInfo<Switch>>().map(|info| info.0.clone());
    let (parts, body) = request.into_parts();
    let Ok(body) = to_bytes(body, BODY_LIMIT).await else {
        return damage::response(Answer::refused(413, "the body is too long"), None);
    };
    let host = parts.headers.get("host").and_then(|host| host.to_str().ok()).unwrap_or("localhost").to_owned();
    let path = parts.uri.path().to_owned();
    let (area, rest) = split(&path);
    let mut call = Call {
        method: parts.method,
        path: rest.to_owned(),
        query: query_pairs(parts.uri.query().unwrap_or_default()),
        headers: parts.headers,
        body: body.to_vec(),
        base: format!("http://{host}/{area}"),
    };
    if area == "control" {
        let (provider, rest) = split(rest);
        let Some(name) = Name::of(provider) else {
            return damage::response(Answer::refused(404, format!("{provider}: no such provider")), None);
        };
        call.path = rest.to_owned();
        return damage::response(control::answer(&world, name, &call).await, None);
    }
    match Name::of(area) {
        Some(name) => provide(&world, name, &call, switch).await,
        None => damage::response(Answer::refused(404, format!("{area}: no such provider")), None),
    }
}

/// The first part of a path and what follows it, beginning with `/`.
fn split(path: &str) -> (&str, &str) {
    let path = path.strip_prefix('/').unwrap_or(path);
    path.find('/').map_or((path, "/"), |end| path.split_at(end))
}

async fn provide(world: &World, name: Name, call: &Call, switch: Option<Switch>) -> Response<Body> {
    let kind = world.provider(name).misbehaviour.as_mut().and_then(|misbehaviour| misbehaviour.on_request());
    if let Some(Kind::Hang(wait)) = kind {
        tokio::time::sleep(Duration::from_millis(wait)).await;
    }
    let mut provider = world.provider(name);
    if kind == Some(Kind::Reset) {
        log(&mut provider, call, None);
        return match switch {
            Some(switch) => {
                switch.turn();
                Response::new(Body::empty())
            }
            None => damage::broken(),
        };
    }
    let instead = kind.as_ref().and_then(|kind| damage::instead(name, kind));
    let answer = instead.unwrap_or_else(|| {
        provider.odd.clone_from(&kind);
        let answer = wire::answer(&mut provider, call);
        provider.odd = None;
        answer
    });
    log(&mut provider, call, Some(answer.status.as_u16()));
    drop(provider);
    damage::response(answer, kind.as_ref())
}

/// Notes a request without its headers, for they hold the keys.
fn log(provider: &mut Provider, call: &Call, status: Option<u16>) {
    let query: Vec<String> = call.query.iter().map(|(key, value)| format!("{key}={value}")).collect();
    if provider.log.len() < LOGGED {
        provider.log.push(json!({"method": call.method.as_str(), "path": call.path, "query": query.join("&"),
            "status": status, "at": crate::clock::iso(crate::clock::now())}));
    }
}
