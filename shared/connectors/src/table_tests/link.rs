//! Drives a connector's link over recorded exchanges: `link-*.json`.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::fixture::{Exchange, kind_of};
use super::read::{of_a_host, same_request};
use crate::{Connector, Fault, HttpResponse, LinkAsk, LinkFinished, LinkNext, LinkStarted, LinkStep, Secret};

/// `link-*.json`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Recorded {
    claim: String,
    flow: Flow,
    #[serde(default)]
    platform: BTreeMap<String, String>,
    #[serde(default)]
    provider: BTreeMap<String, String>,
    #[serde(default)]
    credentials: BTreeMap<String, String>,
    #[serde(default)]
    email: String,
    #[serde(default)]
    redirect_url: String,
    #[serde(default)]
    columns: Vec<String>,
    #[serde(default)]
    given: BTreeMap<String, String>,
    #[serde(default)]
    exchanges: Vec<Exchange>,
    expect: Expected,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Flow {
    Start,
    Finish,
}

#[derive(Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Expected {
    url: Option<String>,
    token: Option<String>,
    provider: BTreeMap<String, String>,
    credentials: BTreeMap<String, String>,
    scopes: Option<Vec<String>>,
    missing: Option<String>,
    fault: Option<String>,
}

impl Recorded {
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        serde_json::from_str(text).map_err(|e| format!("the fixture is not right: {e}"))
    }

    pub(super) fn flow(&self) -> Flow {
        self.flow
    }

    fn with<T>(&self, then: impl FnOnce(&LinkAsk<'_>) -> T) -> T {
        let secrets = |texts: &BTreeMap<String, String>| -> BTreeMap<String, Secret> {
            texts.iter().map(|(key, text)| (key.clone(), Secret::new(text.as_str()))).collect()
        };
        then(&LinkAsk {
            platform: &secrets(&self.platform),
            provider: &self.provider,
            credentials: &secrets(&self.credentials),
            customer: "acme-people",
            organization: "Acme",
            email: &self.email,
            redirect_url: &self.redirect_url,
            columns: &self.columns,
            given: &self.given,
        })
    }
}

/// How a link ended.
#[derive(Debug)]
enum End {
    Started(LinkStarted),
    Finished(LinkFinished),
    Missing(&'static str),
    Fault(Fault),
}

/// Whether the connector asks and reads as the fixture says.
pub(super) fn check(connector: &dyn Connector, text: &str) -> Result<(), String> {
    let recorded = Recorded::parse(text)?;
    if recorded.claim.is_empty() {
        return Err("a fixture claims something".to_owned());
    }
    let about = connector.about();
    let known = |key: &&String| about.platform.iter().any(|known| known.name == **key);
    if let Some(key) = recorded.platform.keys().find(|key| !known(key)) {
        return Err(format!("platform has no key {key}"));
    }
    let end = recorded.with(|ask| drive(connector, &recorded, ask))?;
    let found = found(connector, &recorded, &end)?;
    if found == recorded.expect { Ok(()) } else { Err(format!("expected {:?}, found {found:?}", recorded.expect)) }
}

fn drive(connector: &dyn Connector, recorded: &Recorded, ask: &LinkAsk<'_>) -> Result<End, String> {
    let link = connector.link().ok_or("the connector has no link flow")?;
    let mut step = match recorded.flow {
        Flow::Start => Some(link.start(ask)),
        Flow::Finish => match link.finish(ask) {
            Ok(step) => Some(step),
            Err(missing) => return Ok(End::Missing(missing)),
        },
    };
    let mut end = None;
    for (at, exchange) in recorded.exchanges.iter().enumerate() {
        let place = |problem: String| format!("exchange {}: {problem}", at + 1);
        let asked: LinkStep = step.take().ok_or_else(|| place("the flow ended before it".to_owned()))?;
        let request = link.request(ask, &asked);
        of_a_host(connector.about(), &recorded.provider, &request).map_err(place)?;
        same_request(&request, &exchange.request).map_err(place)?;
        let body = exchange.response.bytes();
        match exchange.response.with(&body, 0, |response| link.read(ask, &asked, response)) {
            Ok(LinkNext::Ask(next)) => step = Some(next),
            Ok(LinkNext::Started(started)) => end = Some(End::Started(started)),
            Ok(LinkNext::Finished(finished)) => end = Some(End::Finished(finished)),
            Err(fault) => end = Some(End::Fault(fault)),
        }
    }
    end.ok_or_else(|| format!("it asks on: {step:?}"))
}

fn found(connector: &dyn Connector, recorded: &Recorded, end: &End) -> Result<Expected, String> {
    let scopes = recorded.expect.scopes.as_ref().and(connector.link());
    let scopes = scopes.map(|link| recorded.with(|ask| link.scopes(ask)));
    let shown = |secret: &Option<Secret>| secret.as_ref().map(|secret| secret.reveal().to_owned());
    let mut found = Expected { scopes, ..Expected::default() };
    match end {
        End::Started(started) => {
            if started.lasts_ms <= 0 {
                return Err("it does not say how long the address is good".to_owned());
            }
            (found.url, found.token) = (shown(&started.url), shown(&started.token));
        }
        End::Finished(finished) => {
            let about = connector.about();
            let known = |keys: &[crate::Key], key: &String| keys.iter().any(|known| known.name == key.as_str());
            let stray = finished.provider.keys().find(|key| !known(about.provider, key));
            let stray = stray.or(finished.credentials.keys().find(|key| !known(about.credentials, key)));
            if let Some(key) = stray {
                return Err(format!("{key} is no key of the connector"));
            }
            found.provider.clone_from(&finished.provider);
            let secrets = finished.credentials.iter();
            found.credentials = secrets.map(|(key, secret)| (key.clone(), secret.reveal().to_owned())).collect();
        }
        End::Missing(key) => found.missing = Some((*key).to_owned()),
        End::Fault(fault) => {
            for secret in recorded.platform.values().chain(recorded.given.values()) {
                if fault.message.contains(secret.as_str()) {
                    return Err("the fault quotes a secret".to_owned());
                }
            }
            let word = recorded.expect.fault.clone().unwrap_or_default();
            found.fault = Some(if kind_of(&word)? == fault.kind { word } else { format!("{fault:?}") });
        }
    }
    Ok(found)
}

/// Answers that are cut, empty or another thing end in a fault, never in a link.
pub(super) fn robust(connector: &dyn Connector, text: &str) -> Result<(), String> {
    let recorded = Recorded::parse(text)?;
    let Some(link) = connector.link() else { return Ok(()) };
    recorded.with(|ask| {
        let mut step = match recorded.flow {
            Flow::Start => link.start(ask),
            Flow::Finish => match link.finish(ask) {
                Ok(step) => step,
                Err(_) => return Ok(()),
            },
        };
        for exchange in &recorded.exchanges {
            let whole = exchange.response.bytes();
            let odd: [&[u8]; 6] = [b"", b"null", b"[]", b"{}", b"\"x\"", b"{\"data\":{\"data\":[{}]},\"id\":7}"];
            let cuts = (0..whole.len()).map(|at| &whole[..at]);
            for body in cuts.chain(odd).filter(|body| *body != whole.as_slice()) {
                let response = HttpResponse { status: 200, headers: &[], body, now_ms: 0 };
                match link.read(ask, &step, &response) {
                    Ok(LinkNext::Ask(_)) | Err(_) => {}
                    Ok(end) => return Err(format!("{:?} makes {end:?}", String::from_utf8_lossy(body))),
                }
            }
            let next = exchange.response.with(&whole, 0, |response| link.read(ask, &step, response));
            let Ok(LinkNext::Ask(next)) = next else { break };
            step = next;
        }
        Ok(())
    })
}
