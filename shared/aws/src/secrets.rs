//! Credentials in the SSM parameter store, encrypted, one parameter for each connection and each connector.
//!
//! Reads are kept for some minutes. When the store does not answer, what was read before serves on: an outage of the
//! store must never look like a connection without credentials.

use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap};
use std::rc::Rc;

use aws_sdk_ssm::types::{ParameterTier, ParameterType};
use muster_connectors::Secret;
use muster_core::format;
use muster_sync::{Clock, PortError, Retry, SecretPlace, SecretSet, Secrets};
use serde::{Deserialize, Serialize};

use crate::config::SecretsConfig;
use crate::fault::failed_at;

type Answer<T> = Result<T, PortError>;

const READ: &str = "read the secrets";
const STORE: &str = "store the secrets";
/// How long what was read is not read again, in milliseconds.
const KEPT_MS: i64 = 5 * 60_000;
/// How old a value may be for whoever asks past the cache, in milliseconds: forged webhooks must not make the store busy.
const FRESH_MS: i64 = 10_000;
/// How long that there are none is not asked again, in milliseconds: somebody may be about to store them.
const NONE_KEPT_MS: i64 = 30_000;
/// How old a value may serve while the store fails, in milliseconds.
const SERVES_MS: i64 = 3_600_000;
/// How many places are remembered at once.
const PLACES: usize = 2_000;
/// The most bytes of a parameter's value.
const LARGEST: usize = 8 * 1024;

/// The store of credentials.
pub struct SecretStore {
    client: aws_sdk_ssm::Client,
    config: SecretsConfig,
    clock: Rc<dyn Clock>,
    cache: RefCell<HashMap<SecretPlace, Seen>>,
}

/// What was read, and when.
struct Seen {
    set: Option<SecretSet>,
    at_ms: i64,
}

/// The stored form of a [`SecretSet`].
#[derive(Serialize, Deserialize)]
struct Written {
    v: u64,
    current: BTreeMap<String, String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    previous: Option<BTreeMap<String, String>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    previous_until_ms: Option<i64>,
}

#[derive(Deserialize)]
struct WrittenVersion {
    v: u64,
}

impl std::fmt::Debug for SecretStore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SecretStore")
    }
}

impl SecretStore {
    /// The store that the configuration names.
    pub fn new(client: aws_sdk_ssm::Client, config: SecretsConfig, clock: Rc<dyn Clock>) -> Self {
        Self { client, config, clock, cache: RefCell::default() }
    }

    fn name_of(&self, operation: &'static str, place: &SecretPlace) -> Answer<String> {
        let missing = || PortError::never(operation, "the environment variable MUSTER_SECRETS_PREFIX is not set");
        let prefix = self.config.prefix.as_ref().ok_or_else(missing)?.trim_end_matches('/');
        Ok(match place {
            SecretPlace::Connection(account, connection) => format!("{prefix}/connections/{account}/{connection}"),
            SecretPlace::Connector(connector) => format!("{prefix}/connectors/{connector}"),
        })
    }

    /// What is remembered of a place and is not older than `set_ms`, or `none_ms` where there was nothing.
    fn seen(&self, place: &SecretPlace, now_ms: i64, set_ms: i64, none_ms: i64) -> Option<Option<SecretSet>> {
        let cache = self.cache.borrow();
        let seen = cache.get(place)?;
        let limit = if seen.set.is_some() { set_ms } else { none_ms };
        // A clock that was set back makes what was read old, not young.
        (0..=limit).contains(&(now_ms - seen.at_ms)).then(|| seen.set.clone())
    }

    fn remember(&self, place: &SecretPlace, set: Option<SecretSet>, at_ms: i64) {
        let mut cache = self.cache.borrow_mut();
        if cache.len() >= PLACES && !cache.contains_key(place) {
            cache.retain(|_, seen| seen.set.is_some() && at_ms - seen.at_ms < KEPT_MS);
            if cache.len() >= PLACES {
                cache.clear();
            }
        }
        cache.insert(place.clone(), Seen { set, at_ms });
    }

    async fn read(&self, place: &SecretPlace) -> Answer<Option<SecretSet>> {
        let name = self.name_of(READ, place)?;
        let answer = match self.client.get_parameter().name(&name).with_decryption(true).send().await {
            Ok(answer) => answer,
            Err(error) if error.as_service_error().is_some_and(|error| error.is_parameter_not_found()) => {
                return Ok(None);
            }
            // Whatever it is, a missing permission too, somebody can put it right while the sender waits.
            Err(error) => return Err(PortError { retry: Retry::Later, ..failed_at(READ, &name, &error) }),
        };
        let value = answer.parameter.and_then(|parameter| parameter.value).unwrap_or_default();
        set_from(&name, &value).map(Some)
    }
}

impl Secrets for SecretStore {
    async fn secrets(&self, place: &SecretPlace, fresh: bool) -> Answer<Option<SecretSet>> {
        let now_ms = self.clock.now_ms();
        let (set_ms, none_ms) = if fresh { (FRESH_MS, FRESH_MS) } else { (KEPT_MS, NONE_KEPT_MS) };
        if let Some(set) = self.seen(place, now_ms, set_ms, none_ms) {
            return Ok(set);
        }
        match self.read(place).await {
            Ok(set) => {
                self.remember(place, set.clone(), now_ms);
                Ok(set)
            }
            // Who asks past the cache does so because the kept value did not do: it cannot serve again.
            Err(error) if fresh => Err(error),
            // That there were none is no longer known once the store fails.
            Err(error) => match self.seen(place, now_ms, SERVES_MS, -1) {
                Some(set) => {
                    tracing::warn!("older secrets serve: {error}");
                    Ok(set)
                }
                None => Err(error),
            },
        }
    }

    async fn put_secrets(&self, place: &SecretPlace, set: &SecretSet) -> Answer<()> {
        let name = self.name_of(STORE, place)?;
        let value = text_of(set).ok_or_else(|| PortError::never(STORE, format!("{name}: no JSON can be made")))?;
        if value.len() > LARGEST {
            let detail = format!("{name}: {} bytes are more than the {LARGEST} that fit", value.len());
            return Err(PortError::never(STORE, detail));
        }
        let request = self.client.put_parameter().name(&name).value(value).overwrite(true);
        let request = request.r#type(ParameterType::SecureString).tier(ParameterTier::IntelligentTiering);
        let sent = request.set_key_id(self.config.key.clone()).send().await;
        sent.map_err(|error| failed_at(STORE, &name, &error))?;
        self.remember(place, Some(set.clone()), self.clock.now_ms());
        Ok(())
    }
}

fn text_of(set: &SecretSet) -> Option<String> {
    let texts = |set: &BTreeMap<String, Secret>| {
        set.iter().map(|(key, secret)| (key.clone(), secret.reveal().to_owned())).collect()
    };
    let written = Written {
        v: u64::from(format::CREDENTIALS.version),
        current: texts(&set.current),
        previous: set.previous.as_ref().map(|(before, _)| texts(before)),
        previous_until_ms: set.previous.as_ref().map(|(_, until_ms)| *until_ms),
    };
    serde_json::to_string(&written).ok()
}

/// Nothing of the text may be shown, so nothing tells what is wrong with it.
fn set_from(name: &str, text: &str) -> Answer<SecretSet> {
    let unreadable = |_| PortError::never(READ, format!("{name} has another form"));
    let WrittenVersion { v } = serde_json::from_str(text).map_err(unreadable)?;
    format::CREDENTIALS.check(Some(v)).map_err(|wrong| PortError::version(READ, &wrong))?;
    let written: Written = serde_json::from_str(text).map_err(unreadable)?;
    let secrets = |texts: BTreeMap<String, String>| -> BTreeMap<String, Secret> {
        texts.into_iter().map(|(key, text)| (key, Secret::new(text))).collect()
    };
    let previous = written.previous.zip(written.previous_until_ms);
    Ok(SecretSet {
        current: secrets(written.current),
        previous: previous.map(|(before, until_ms)| (secrets(before), until_ms)),
    })
}
