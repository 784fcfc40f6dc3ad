//! Reaching a connection's provider: credentials, tokens, one request at a time, patience.

use std::collections::BTreeMap;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use muster_connectors::{
    About, Connector, Fault, FaultKind, HttpRequest, HttpResponse, Page, Secret, Step, Target, effective,
};
use muster_core::mapping::Mapping;
use muster_core::settings::Settings;

use crate::{Clock, Connection, PortError, SecretPlace, SecretSet, Secrets, Web, WebFault, settings_of};

/// How often one request is tried before its failure is the caller's.
const TRIES: u32 = 3;
/// The longest pause between two tries within one function, in milliseconds; a longer one parks the work.
const LONGEST_PAUSE_MS: u64 = 20_000;
/// The first pause where the provider asks for none, in milliseconds.
const FIRST_PAUSE_MS: u64 = 500;

/// A connection's settings as its connector means them.
pub(crate) struct Source {
    pub(crate) connector: &'static dyn Connector,
    /// As [`effective`] makes them.
    pub(crate) settings: Settings,
    pub(crate) mapping: Mapping,
    /// The mapped columns: the header of its listings.
    pub(crate) columns: Vec<String>,
}

impl Source {
    /// The source of a connection with an API; `None` for files.
    pub(crate) fn of(connection: &Connection) -> Result<Option<Self>, PortError> {
        Self::of_settings(&settings_of(connection)?)
    }

    /// The source that settings describe; `None` for files.
    pub(crate) fn of_settings(settings: &Settings) -> Result<Option<Self>, PortError> {
        let Some(connector) = muster_connectors::connector(&settings.connector) else { return Ok(None) };
        let unreadable = |e: String| PortError::never("read the connection's settings", e);
        let settings = effective(settings, connector.about()).map_err(|e| unreadable(e.to_string()))?;
        let mapping = Mapping::compile(&settings).map_err(|e| unreadable(e.to_string()))?;
        let columns = mapping.columns();
        Ok(Some(Self { connector, settings, mapping, columns }))
    }

    /// Whether unique ids are the provider's own ids.
    pub(crate) fn ids_are_the_providers(&self) -> bool {
        use muster_core::field::Field;
        use muster_core::settings::Origin;
        let first = self.connector.about().ids.first().copied().unwrap_or_default();
        let mapping = self.settings.fields.get(&Field::UNIQUE_ID);
        mapping.is_some_and(|mapping| mapping.origin == Origin::Column(first.to_owned()))
    }
}

/// What stands between a connection and an answer.
#[derive(Debug)]
pub(crate) enum Trouble {
    /// The provider's doing.
    Fault(Fault),
    /// Ours.
    Port(PortError),
}

impl From<PortError> for Trouble {
    fn from(error: PortError) -> Self {
        Self::Port(error)
    }
}

/// A connection's line to its provider.
pub(crate) struct Reach<'a, S, W, C> {
    source: &'a Source,
    place: SecretPlace,
    set: SecretSet,
    /// What is asked with: `set`, and the product's own keys where the connection has none.
    credentials: BTreeMap<String, Secret>,
    /// Whether `set` is what is stored; else it is only tried, and nothing is stored.
    stored: bool,
    token: Option<Secret>,
    hosts: Vec<String>,
    secrets: &'a S,
    web: &'a W,
    clock: &'a C,
}

impl<'a, S: Secrets, W: Web, C: Clock> Reach<'a, S, W, C> {
    pub(crate) async fn of(
        connection: &Connection,
        source: &'a Source,
        (secrets, web, clock): (&'a S, &'a W, &'a C),
    ) -> Result<Self, PortError> {
        let place = SecretPlace::Connection(connection.account.clone(), connection.id.clone());
        let set = secrets.secrets(&place, false).await?.unwrap_or_default();
        let reach = Self::with_set(source, place, set, (secrets, web, clock));
        reach.completed(false).await
    }

    /// A line with credentials that are not stored yet: nothing that comes of it is stored either.
    pub(crate) async fn trying(
        connection: &Connection,
        source: &'a Source,
        credentials: BTreeMap<String, Secret>,
        ports: (&'a S, &'a W, &'a C),
    ) -> Result<Self, PortError> {
        let place = SecretPlace::Connection(connection.account.clone(), connection.id.clone());
        let set = SecretSet { current: credentials, previous: None };
        let reach = Self { stored: false, ..Self::with_set(source, place, set, ports) };
        reach.completed(true).await
    }

    fn with_set(
        source: &'a Source,
        place: SecretPlace,
        set: SecretSet,
        (secrets, web, clock): (&'a S, &'a W, &'a C),
    ) -> Self {
        let (hosts, credentials) = (hosts_of(&source.settings, source.connector), set.current.clone());
        Self { source, place, set, credentials, stored: true, token: None, hosts, secrets, web, clock }
    }

    async fn completed(mut self, fresh: bool) -> Result<Self, PortError> {
        self.complete(fresh).await?;
        Ok(self)
    }

    async fn complete(&mut self, fresh: bool) -> Result<(), PortError> {
        let own = self.set.current.clone();
        self.credentials = with_shared(self.secrets, self.source.connector.about(), own, fresh).await?;
        Ok(())
    }

    /// The credentials that were tried, with what the provider has replaced of them meanwhile.
    pub(crate) fn into_tried(self) -> BTreeMap<String, Secret> {
        self.set.current
    }

    /// Calls `make` with the target as it is now.
    pub(crate) fn with<T>(&self, make: impl FnOnce(&Target<'_>) -> T) -> T {
        let today = Timestamp::from_millisecond(self.clock.now_ms()).unwrap_or_default().to_zoned(TimeZone::UTC).date();
        make(&Target {
            provider: &self.source.settings.provider,
            credentials: &self.credentials,
            token: self.token.as_ref(),
            columns: &self.source.columns,
            today,
        })
    }

    /// Asks for a step, with patience: a few tries, pauses as the provider asks, a new token or rotated credentials
    /// where the ones at hand are refused.
    pub(crate) async fn ask(&mut self, step: &Step, deadline_ms: i64) -> Result<Page, Trouble> {
        let mut renewed = false;
        let mut tries = 0;
        loop {
            let fault = match self.ask_once(step).await {
                Ok(page) => return Ok(page),
                Err(Trouble::Fault(fault)) => fault,
                Err(port) => return Err(port),
            };
            tries += 1;
            if fault.kind == FaultKind::Unauthorized && !renewed && self.renew().await? {
                renewed = true;
                continue;
            }
            let again = matches!(fault.kind, FaultKind::Throttled | FaultKind::Failing) && tries < TRIES;
            let pause = fault.wait.unwrap_or_else(|| self.pause_before(tries));
            let fits = i64::try_from(pause).is_ok_and(|pause| self.clock.now_ms() + pause < deadline_ms);
            if !again || pause > LONGEST_PAUSE_MS || !fits {
                return Err(Trouble::Fault(fault));
            }
            self.web.pause(pause).await;
        }
    }

    /// Doubles with every try, with up to as much again by chance.
    fn pause_before(&self, tries: u32) -> u64 {
        let base = FIRST_PAUSE_MS << tries.min(6);
        base + self.clock.now_ms().unsigned_abs() % base
    }

    async fn ask_once(&mut self, step: &Step) -> Result<Page, Trouble> {
        if self.token.is_none()
            && let Some(request) = self.with(|target| self.source.connector.token_request(target))
        {
            self.fetch_token(&request).await?;
        }
        let request = self.with(|target| self.source.connector.request(target, step));
        self.exchange(&request, |connector, target, response| connector.read(target, step, response)).await
    }

    async fn fetch_token(&mut self, request: &HttpRequest) -> Result<(), Trouble> {
        let token =
            self.exchange(request, |connector, target, response| connector.read_token(target, response)).await?;
        self.token = Some(token.access);
        if let Some((key, value)) = token.changed {
            self.set.current.insert(key.to_owned(), value.clone());
            self.credentials.insert(key.to_owned(), value);
            if self.stored {
                self.secrets.put_secrets(&self.place, &self.set).await?;
            }
        }
        Ok(())
    }

    /// Tells the provider to refresh its copy, where it can. Whatever comes of it, the listing goes on.
    pub(crate) async fn resync(&mut self) {
        let Some(request) = self.with(|target| self.source.connector.resync_request(target)) else { return };
        match self.web.send(&request, &self.hosts).await {
            Ok(answer) => tracing::info!(http.status = answer.status, "the provider was told to refresh its copy"),
            Err(fault) => tracing::warn!(%fault, "the provider could not be told to refresh its copy"),
        }
    }

    async fn exchange<T>(
        &self,
        request: &HttpRequest,
        read: impl FnOnce(&'static dyn Connector, &Target<'_>, &HttpResponse<'_>) -> Result<T, Fault>,
    ) -> Result<T, Trouble> {
        let answer = self.web.send(request, &self.hosts).await.map_err(|fault| Trouble::Fault(fault_of(&fault)))?;
        let response = HttpResponse {
            status: answer.status,
            headers: &answer.headers,
            body: &answer.body,
            now_ms: self.clock.now_ms(),
        };
        self.with(|target| read(self.source.connector, target, &response)).map_err(Trouble::Fault)
    }

    /// Drops the token, or reads the credentials past the cache. Whether that gives anything new to try.
    async fn renew(&mut self) -> Result<bool, PortError> {
        if !self.stored {
            return Ok(false);
        }
        let before = self.credentials.clone();
        self.set = self.secrets.secrets(&self.place, true).await?.unwrap_or_default();
        self.complete(true).await?;
        Ok(self.token.take().is_some() || self.credentials != before)
    }
}

/// Where requests of a connection may go: the connector's hosts, or on a developer's machine the one it names.
pub(crate) fn hosts_of(settings: &Settings, connector: &dyn Connector) -> Vec<String> {
    match settings.provider.get("base_url") {
        Some(base) => {
            base.split("://").nth(1).and_then(|rest| rest.split('/').next()).map(str::to_owned).into_iter().collect()
        }
        None => connector.about().hosts.iter().map(|host| (*host).to_owned()).collect(),
    }
}

pub(crate) fn fault_of(fault: &WebFault) -> Fault {
    let kind = match fault {
        WebFault::Silent(_) => FaultKind::Failing,
        WebFault::NotAllowed(_) | WebFault::TooLarge(_) | WebFault::Certificate => FaultKind::Refused,
    };
    Fault::new(kind, fault.to_string())
}

/// A connection's credentials, with the product's own keys for those that it needs and lacks.
pub(crate) async fn with_shared(
    secrets: &impl Secrets,
    about: &About,
    mut own: BTreeMap<String, Secret>,
    fresh: bool,
) -> Result<BTreeMap<String, Secret>, PortError> {
    let shared = |name: &str| about.platform.iter().any(|key| key.name == name);
    let lacks = about.credentials.iter().filter(|key| key.needed && shared(key.name) && !own.contains_key(key.name));
    let lacks: Vec<&str> = lacks.map(|key| key.name).collect();
    if lacks.is_empty() {
        return Ok(own);
    }
    let place = SecretPlace::Connector(about.id.to_owned());
    let set = secrets.secrets(&place, fresh).await?.unwrap_or_default();
    own.extend(lacks.into_iter().filter_map(|key| Some((key.to_owned(), set.current.get(key)?.clone()))));
    Ok(own)
}

/// Credentials by key, for checks before they are stored.
pub(crate) fn as_secrets(credentials: &BTreeMap<String, String>) -> BTreeMap<String, Secret> {
    credentials.iter().map(|(key, value)| (key.clone(), Secret::new(value.as_str()))).collect()
}
