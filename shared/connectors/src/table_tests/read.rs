//! Drives a connector over a recorded reading, and compares all it asks and all it reads.

use std::collections::BTreeMap;

use serde_json::Value;
use url::Url;

use super::fixture::{Asking, Exchange, Expected, ExpectedPerson, Recorded};
use super::leaks;
use crate::{About, Connector, Fault, HttpRequest, Method, Page, Person, Raw, Scope, Step};

/// What a whole reading came to.
#[derive(Debug, Default)]
pub(super) struct Outcome {
    pub(super) people: Vec<Person>,
    gone: Vec<String>,
    unread: Vec<String>,
    mark: Option<String>,
    partial: bool,
    total: Option<u64>,
    left_out: u64,
    fault: Option<Fault>,
}

/// Whether the connector asks and reads as the fixture says.
pub(super) fn check(connector: &dyn Connector, text: &str) -> Result<(), String> {
    let recorded = Recorded::parse(text)?;
    let unknown = recorded.unknown_keys(connector);
    if !unknown.is_empty() {
        return Err(format!("keys that About does not name: {unknown:?}"));
    }
    if recorded.reading.claim.is_empty() {
        return Err("a fixture claims something".to_owned());
    }
    let outcome = drive(connector, &recorded)?;
    leaks::check(connector.about(), &recorded.reading.exchanges, &outcome.people)?;
    compare(&recorded.reading.expect, outcome)
}

fn drive(connector: &dyn Connector, recorded: &Recorded) -> Result<Outcome, String> {
    let target = recorded.target(connector);
    for request in connector.token_request(&target).iter().chain(&connector.resync_request(&target)) {
        of_a_host(connector.about(), &recorded.reading.provider, request)?;
    }
    let mut outcome = Outcome::default();
    let mut step = connector.first(&target, &recorded.scope);
    if step.is_none() {
        return Err("the connector has no such scope".to_owned());
    }
    for (at, exchange) in recorded.reading.exchanges.iter().enumerate() {
        let place = |problem: String| format!("exchange {}: {problem}", at + 1);
        let Some(asked) = step.take() else { return Err(place("the reading ended before it".to_owned())) };
        let asked = round_trip(&asked).map_err(place)?;
        let request = connector.request(&target, &asked);
        of_a_host(connector.about(), &recorded.reading.provider, &request).map_err(place)?;
        same_request(&request, &exchange.request).map_err(place)?;
        let body = exchange.response.bytes();
        match exchange.response.with(&body, recorded.now_ms, |response| connector.read(&target, &asked, response)) {
            Ok(page) => step = outcome.add(page, &recorded.scope).map_err(place)?,
            Err(fault) => {
                outcome.fault = Some(fault);
                if at + 1 < recorded.reading.exchanges.len() {
                    return Err(place(format!("{:?}, and exchanges follow", outcome.fault)));
                }
            }
        }
    }
    match step {
        Some(step) => Err(format!("it asks on: {:?}", connector.request(&target, &step))),
        None => Ok(outcome),
    }
}

/// Every step may be parked: what does not survive JSON would be lost.
pub(super) fn round_trip(step: &Step) -> Result<Step, String> {
    let text = serde_json::to_string(step).map_err(|e| e.to_string())?;
    let back: Step = serde_json::from_str(&text).map_err(|e| e.to_string())?;
    if back == *step { Ok(back) } else { Err("the step does not survive JSON".to_owned()) }
}

impl Outcome {
    fn add(&mut self, page: Page, scope: &Scope) -> Result<Option<Step>, String> {
        if page.mark.is_some() && page.next.is_some() {
            return Err("a mark before the end".to_owned());
        }
        if *scope == Scope::Full && !page.gone.is_empty() && page.people.iter().any(|p| page.gone.contains(&p.id)) {
            return Err("somebody is there and gone on one page".to_owned());
        }
        self.people.extend(page.people);
        self.gone.extend(page.gone);
        self.unread.extend(page.unread.into_iter().map(|unread| unread.id));
        self.mark = page.mark.or(self.mark.take());
        self.partial |= page.partial.is_some();
        self.total = page.total.or(self.total);
        self.left_out += page.left_out;
        Ok(page.next)
    }
}

pub(super) fn of_a_host(
    about: &About,
    provider: &BTreeMap<String, String>,
    request: &HttpRequest,
) -> Result<(), String> {
    if provider.contains_key("base_url") {
        return Ok(());
    }
    let url = Url::parse(&request.url).map_err(|e| format!("{request:?}: {e}"))?;
    let host = url.host_str().unwrap_or_default();
    let fits = |allowed: &&str| match allowed.strip_prefix("*.") {
        Some(domain) => host.strip_suffix(domain).is_some_and(|name| name.len() > 1 && name.ends_with('.')),
        None => host == *allowed,
    };
    if url.scheme() == "https" && url.port().is_none() && about.hosts.iter().any(fits) {
        Ok(())
    } else {
        Err(format!("{request:?} is not to one of {:?}", about.hosts))
    }
}

pub(super) fn same_request(request: &HttpRequest, asked: &Asking) -> Result<(), String> {
    let method = match request.method {
        Method::Get => "GET",
        Method::Post => "POST",
    };
    if method != asked.method || parts(&request.url)? != parts(&asked.url)? {
        return Err(format!("asked {method} {}, recorded {} {}", request.url, asked.method, asked.url));
    }
    for (name, value) in &asked.headers {
        let lower = name.to_lowercase();
        let sent = request.headers.iter().find(|(known, _)| *known == lower).map(|(_, value)| value.reveal());
        if sent != Some(value.as_str()) {
            return Err(format!("header {name}: sent {sent:?}, recorded {value:?}"));
        }
    }
    let sent = String::from_utf8_lossy(&request.body);
    let same = match &asked.body {
        None => true,
        Some(Value::String(text)) => *text == sent,
        Some(json) => serde_json::from_slice::<Value>(&request.body).is_ok_and(|sent| sent == *json),
    };
    if same { Ok(()) } else { Err(format!("sent the body {sent}, recorded {:?}", asked.body)) }
}

/// A URL without its query, and the query's pairs in order of their names.
fn parts(url: &str) -> Result<(String, Vec<(String, String)>), String> {
    let parsed = Url::parse(url).map_err(|e| format!("{url}: {e}"))?;
    let mut pairs: Vec<(String, String)> = parsed.query_pairs().into_owned().collect();
    pairs.sort();
    let mut bare = parsed;
    bare.set_query(None);
    Ok((bare.into(), pairs))
}

fn compare(expect: &Expected, mut outcome: Outcome) -> Result<(), String> {
    let fault = outcome.fault.as_ref().map(|fault| fault.kind);
    if fault != expect.fault()? {
        return Err(format!("ended with {:?}, expected {:?}", outcome.fault, expect.fault()?));
    }
    let wait = outcome.fault.as_ref().and_then(|fault| fault.wait);
    equal("wait_ms", &expect.wait_ms.map_or(wait, Some), &wait)?;
    outcome.people.sort_by(|a, b| a.id.cmp(&b.id));
    let mut expected: Vec<&ExpectedPerson> = expect.people.iter().collect();
    expected.sort_by(|a, b| a.id.cmp(&b.id));
    let ids: Vec<&str> = expected.iter().map(|person| person.id.as_str()).collect();
    equal("people", &ids, &outcome.people.iter().map(|person| person.id.as_str()).collect())?;
    for (expected, person) in expected.iter().zip(&outcome.people) {
        same_person(expected, person).map_err(|problem| format!("{}: {problem}", person.id))?;
    }
    equal("gone", &sorted(&expect.gone), &sorted(&outcome.gone))?;
    equal("unread", &sorted(&expect.unread), &sorted(&outcome.unread))?;
    equal("mark", &expect.mark.clone().or(outcome.mark.clone()), &outcome.mark)?;
    equal("total", &expect.total.or(outcome.total), &outcome.total)?;
    equal("left_out", &expect.left_out, &outcome.left_out)?;
    equal("partial", &expect.partial, &outcome.partial)
}

fn same_person(expected: &ExpectedPerson, person: &Person) -> Result<(), String> {
    equal("version_ms", &expected.version_ms.or(person.version_ms), &person.version_ms)?;
    equal("manager", &expected.manager.clone().or(person.manager.clone()), &person.manager)?;
    for (path, value) in &expected.values {
        let raw = value.clone().map_or(Raw::Empty, Raw::Text);
        equal(path, &Some(&raw), &person.values.get(path))?;
    }
    for path in &expected.not_given {
        equal(path, &None, &person.values.get(path))?;
    }
    Ok(())
}

fn equal<T: PartialEq + std::fmt::Debug>(what: &str, expected: &T, found: &T) -> Result<(), String> {
    if expected == found { Ok(()) } else { Err(format!("{what}: expected {expected:?}, found {found:?}")) }
}

fn sorted(ids: &[String]) -> Vec<String> {
    let mut ids = ids.to_vec();
    ids.sort();
    ids
}

/// Plays the exchanges of a recorded reading and hands out, for each, what was asked and what it came to.
pub(super) fn play(
    connector: &dyn Connector,
    recorded: &Recorded,
    mut each: impl FnMut(&Exchange, &Step, &Result<Page, Fault>) -> Result<(), String>,
) -> Result<(), String> {
    let target = recorded.target(connector);
    let mut step = connector.first(&target, &recorded.scope);
    for exchange in &recorded.reading.exchanges {
        let Some(asked) = step.take() else { break };
        let body = exchange.response.bytes();
        let result =
            exchange.response.with(&body, recorded.now_ms, |response| connector.read(&target, &asked, response));
        each(exchange, &asked, &result)?;
        step = result.ok().and_then(|page| page.next);
    }
    Ok(())
}
