//! The two kinds of fixture files, and what every reading of them needs.

use std::collections::BTreeMap;

use jiff::civil::Date;
use serde::Deserialize;
use serde_json::Value;

use crate::{Connector, FaultKind, HttpResponse, Scope, Secret, Target};

/// `read-*.json`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Reading {
    pub(super) claim: String,
    pub(super) today: String,
    #[serde(default)]
    pub(super) provider: BTreeMap<String, String>,
    #[serde(default)]
    credentials: BTreeMap<String, String>,
    #[serde(default)]
    pub(super) columns: Vec<String>,
    scope: Asked,
    pub(super) exchanges: Vec<Exchange>,
    pub(super) expect: Expected,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Asked {
    Full,
    Since(String),
    Person(String),
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Exchange {
    pub(super) request: Asking,
    pub(super) response: Answer,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Asking {
    pub(super) method: String,
    pub(super) url: String,
    #[serde(default)]
    pub(super) headers: BTreeMap<String, String>,
    pub(super) body: Option<Value>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Answer {
    pub(super) status: u16,
    #[serde(default)]
    headers: BTreeMap<String, String>,
    #[serde(default)]
    pub(super) body: Value,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Expected {
    #[serde(default)]
    pub(super) people: Vec<ExpectedPerson>,
    #[serde(default)]
    pub(super) gone: Vec<String>,
    #[serde(default)]
    pub(super) unread: Vec<String>,
    pub(super) mark: Option<String>,
    #[serde(default)]
    pub(super) partial: bool,
    pub(super) total: Option<u64>,
    #[serde(default)]
    pub(super) left_out: u64,
    fault: Option<String>,
    pub(super) wait_ms: Option<u64>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ExpectedPerson {
    pub(super) id: String,
    pub(super) version_ms: Option<i64>,
    pub(super) manager: Option<String>,
    #[serde(default)]
    pub(super) values: BTreeMap<String, Option<String>>,
    #[serde(default)]
    pub(super) not_given: Vec<String>,
}

impl Expected {
    pub(super) fn fault(&self) -> Result<Option<FaultKind>, String> {
        self.fault.as_deref().map(kind_of).transpose()
    }
}

/// The kind of fault that a fixture's word means.
pub(super) fn kind_of(word: &str) -> Result<FaultKind, String> {
    Ok(match word {
        "throttled" => FaultKind::Throttled,
        "failing" => FaultKind::Failing,
        "not_ready" => FaultKind::NotReady,
        "unauthorized" => FaultKind::Unauthorized,
        "reauth_needed" => FaultKind::ReauthNeeded,
        "forbidden" => FaultKind::Forbidden,
        "mark_lost" => FaultKind::MarkLost,
        "refused" => FaultKind::Refused,
        other => return Err(format!("{other:?} is no kind of fault")),
    })
}

impl Answer {
    /// The body's bytes: a text as it stands, anything else as JSON.
    pub(super) fn bytes(&self) -> Vec<u8> {
        match &self.body {
            Value::Null => Vec::new(),
            Value::String(text) => text.clone().into_bytes(),
            json => json.to_string().into_bytes(),
        }
    }

    fn headers(&self) -> Vec<(String, String)> {
        self.headers.iter().map(|(name, value)| (name.to_lowercase(), value.clone())).collect()
    }

    /// The answer with this body instead of its own.
    pub(super) fn with<T>(&self, body: &[u8], now_ms: i64, then: impl FnOnce(&HttpResponse<'_>) -> T) -> T {
        then(&HttpResponse { status: self.status, headers: &self.headers(), body, now_ms })
    }
}

/// A fixture with what is worked out from it.
pub(super) struct Recorded {
    pub(super) reading: Reading,
    pub(super) today: Date,
    /// Noon UTC of `today`.
    pub(super) now_ms: i64,
    pub(super) scope: Scope,
    credentials: BTreeMap<String, Secret>,
    token: Secret,
}

impl Recorded {
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let reading: Reading = serde_json::from_str(text).map_err(|e| format!("the fixture is not right: {e}"))?;
        let today: Date = reading.today.parse().map_err(|e| format!("today: {e}"))?;
        let noon = today.at(12, 0, 0, 0).to_zoned(jiff::tz::TimeZone::UTC).map_err(|e| e.to_string())?;
        let scope = match reading.scope.clone() {
            Asked::Full => Scope::Full,
            Asked::Since(mark) => Scope::Since(mark),
            Asked::Person(id) => Scope::Person(id),
        };
        let secret = |(key, text): (&String, &String)| (key.clone(), Secret::new(text.as_str()));
        let credentials = reading.credentials.iter().map(secret).collect();
        let now_ms = noon.timestamp().as_millisecond();
        Ok(Self { today, now_ms, scope, credentials, token: Secret::new("TOKEN"), reading })
    }

    /// How the fixture's connection reaches its provider: with a token where the connector asks for one.
    pub(super) fn target(&self, connector: &dyn Connector) -> Target<'_> {
        let without = Target {
            provider: &self.reading.provider,
            credentials: &self.credentials,
            token: None,
            columns: &self.reading.columns,
            today: self.today,
        };
        let token = connector.token_request(&without).map(|_| &self.token);
        Target { token, ..without }
    }

    /// Keys of the fixture that the connector does not know.
    pub(super) fn unknown_keys(&self, connector: &dyn Connector) -> Vec<&str> {
        let about = connector.about();
        let known = |key: &str| about.provider.iter().chain(about.credentials).any(|known| known.name == key);
        let keys = self.reading.provider.keys().chain(self.credentials.keys());
        keys.map(String::as_str).filter(|key| !known(key) && *key != "base_url").collect()
    }
}
