//! From a request to its answer: matched, allowed, carried out once.

use std::collections::BTreeMap;
use std::time::Instant;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use muster_core::ids::AccountId;
use serde_json::Value;
use tracing::Span;

use crate::call::Call;
use crate::caller::{Caller, Need, OPERATORS, Role};
use crate::once;
use crate::problem::Problem;
use crate::reply::{Content, Reply};
use crate::route::{About, Route};
use crate::world::World;

/// The largest body that is read.
pub(crate) const LARGEST_BODY: usize = 1 << 20;

/// A request, with its token already verified.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Request {
    /// `GET`, `POST` …
    pub method: String,
    /// The name by which it came, as API Gateway knows it.
    pub host: Option<String>,
    /// Decoded.
    pub path: String,
    /// As it was sent, without `?`.
    pub query: String,
    /// By name in lower case.
    pub headers: BTreeMap<String, String>,
    /// The raw body.
    pub body: Vec<u8>,
    /// Who calls; `None` without a token, or with one that names no account, role or user.
    pub caller: Option<Caller>,
}

/// An answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Response {
    /// The HTTP status.
    pub status: u16,
    /// Names in lower case.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: String,
}

impl Response {
    /// The answer to whoever was not answered before the function's time was up.
    pub fn not_in_time() -> Self {
        refusal(&Problem::new(503, "not_now", "this took too long; ask for less, or ask again"))
    }
}

/// The API over a world.
pub struct Api<W: World> {
    world: W,
    paths: matchit::Router<BTreeMap<&'static str, Route<W>>>,
}

impl<W: World> Api<W> {
    /// Puts the routes in order, once.
    pub fn new(world: W) -> Self {
        let mut by_path: BTreeMap<&'static str, BTreeMap<&'static str, Route<W>>> = BTreeMap::new();
        for route in crate::routes() {
            by_path.entry(route.about.path).or_default().insert(route.about.method, route);
        }
        let mut paths = matchit::Router::new();
        for (path, methods) in by_path {
            // Two that cannot stand beside each other are a fault of the table; a test builds it.
            if let Err(error) = paths.insert(path, methods) {
                tracing::error!("route {path}: {error}");
            }
        }
        Self { world, paths }
    }

    /// What it stands on.
    pub fn world(&self) -> &W {
        &self.world
    }

    /// Answers a request. Never fails: what goes wrong is an answer too.
    pub async fn answer(&self, request: &Request) -> Response {
        let started = Instant::now();
        if let Some(caller) = request.caller.as_ref().filter(|caller| caller.role != Role::Operator) {
            Span::current().record("account.id", caller.account.as_str());
        }
        let (answer, problem) = match self.carry_out(request).await {
            Ok(reply) => (response(&reply), None),
            Err(problem) => (refusal(&problem), Some(problem.body.code)),
        };
        // Never the path itself, which may name a person, nor the query.
        let (method, route) = self.route_of(request);
        tracing::info!(
            http.method = method,
            http.route = route,
            http.status = answer.status,
            http.ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX),
            caller.role = request.caller.as_ref().map(|caller| caller.role.as_str()),
            problem,
            "answered"
        );
        answer
    }

    /// The method and path of the route that the request takes, as the table of routes has them.
    fn route_of(&self, request: &Request) -> (Option<&'static str>, Option<&'static str>) {
        let methods = self.paths.at(&request.path).ok().map(|found| found.value);
        let any = methods.and_then(|methods| methods.values().next()).map(|route| route.about.path);
        let route = methods.and_then(|methods| methods.get(request.method.as_str()));
        (route.map(|route| route.about.method), any)
    }

    async fn carry_out(&self, request: &Request) -> Result<Reply, Problem> {
        let found = self.paths.at(&request.path).ok();
        let Some(found) = found else {
            return Err(if request.caller.is_some() { Problem::not_found() } else { unauthorized() });
        };
        let path = decoded(found.params.iter())?;
        let Some(route) = found.value.get(request.method.as_str()) else {
            let allowed: Vec<_> = found.value.keys().copied().collect();
            return Err(Problem::new(405, "method_not_allowed", format!("allowed: {}", allowed.join(", "))));
        };
        let nobody = nobody();
        let caller = match &request.caller {
            Some(caller) if caller.may(route.about.need) => caller,
            _ if route.about.need == Need::Nobody => &nobody,
            Some(_) => return Err(Problem::forbidden()),
            None => return Err(unauthorized()),
        };
        check_body(&route.about, request)?;
        let call = Call { world: &self.world, caller, request, path: &path };
        if route.about.versioned {
            call.if_match()?;
        }
        once::carried_out(call, &route.about, route.handler).await
    }
}

/// Who calls a route that is open.
fn nobody() -> Caller {
    let account = AccountId::parse(OPERATORS).unwrap_or_else(|_| unreachable!("a hyphen is a slug"));
    let (permissions, groups) = Default::default();
    Caller { account, role: Role::Member, user: "nobody".to_owned(), permissions, groups }
}

fn unauthorized() -> Problem {
    Problem::new(401, "unauthorized", "a token of this installation's issuer is needed: `Authorization: Bearer …`")
}

/// API Gateway hands paths over decoded. What no path can hold (`/` and the like) is written `~` and base64url.
fn decoded<'p>(params: impl Iterator<Item = (&'p str, &'p str)>) -> Result<BTreeMap<String, String>, Problem> {
    let decode = |value: &str| match value.strip_prefix('~') {
        None => Some(value.to_owned()),
        Some(coded) => String::from_utf8(URL_SAFE_NO_PAD.decode(coded).ok()?).ok(),
    };
    params.map(|(name, value)| Ok((name.to_owned(), decode(value).ok_or_else(Problem::not_found)?))).collect()
}

/// Size and content type, before anything is read.
fn check_body(about: &About, request: &Request) -> Result<(), Problem> {
    if request.body.len() > LARGEST_BODY {
        return Err(Problem::new(413, "too_large", format!("at most {LARGEST_BODY} bytes")));
    }
    if about.bodies.is_empty() {
        return Ok(());
    }
    if request.body.is_empty() {
        if about.body_optional {
            return Ok(());
        }
        return Err(Problem::bad_request("a body is needed"));
    }
    let sent = request.headers.get("content-type").map_or("", String::as_str);
    let sent = sent.split(';').next().unwrap_or_default().trim();
    if about.bodies.iter().any(|(kind, _)| sent.eq_ignore_ascii_case(kind)) {
        return Ok(());
    }
    let kinds: Vec<_> = about.bodies.iter().map(|(kind, _)| *kind).collect();
    Err(Problem::new(415, "unsupported_media_type", format!("content-type must be {}", kinds.join(" or "))))
}

/// What no answer leaves out.
const ALWAYS: [(&str, &str); 2] = [("cache-control", "no-store"), ("x-content-type-options", "nosniff")];

fn response(reply: &Reply) -> Response {
    let (kind, body) = match &reply.content {
        Content::Empty => (None, String::new()),
        Content::Json(value) => (Some("application/json"), value.to_string()),
        Content::Text(kind, text) => (Some(*kind), text.clone()),
    };
    let mut headers: Vec<_> = ALWAYS.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    headers.extend(kind.map(|kind| ("content-type".to_owned(), kind.to_owned())));
    headers.extend(reply.headers.iter().map(|(name, value)| ((*name).to_owned(), value.clone())));
    Response { status: reply.status, headers, body }
}

fn refusal(problem: &Problem) -> Response {
    let body = serde_json::to_value(&problem.body).unwrap_or(Value::Null);
    let mut reply = Reply::json(problem.status, &body);
    reply = match problem.status {
        401 => reply.header("www-authenticate", "Bearer"),
        405 => reply.header("allow", problem.body.detail.trim_start_matches("allowed: ")),
        503 => reply.header("retry-after", "2"),
        _ => reply,
    };
    let mut answer = response(&reply);
    for (name, value) in &mut answer.headers {
        if name == "content-type" {
            "application/problem+json".clone_into(value);
        }
    }
    answer
}
