//! Linking a connection to its provider: in the provider's own pages, or by credentials that are tried at once.
//!
//! A flow is a document that expires; it belongs to one connection and to who asked for it, and is good once. What it
//! brings is stored only when the provider says that it was made for this very connection.

use std::collections::BTreeMap;

use muster_connectors::{
    Connector, Fault, FaultKind, HttpResponse, Link, LinkAsk, LinkFinished, LinkNext, LinkStarted, LinkStep, Scope,
    Secret,
};
use muster_core::ids::AccountId;
use muster_core::settings::Settings;
use serde::{Deserialize, Serialize};

use crate::connect::{keep_linked, save_linked, sorted};
use crate::reach::{Reach, Source, Trouble, fault_of, hosts_of};
use crate::{
    Admin, Clock, Connection, ConnectionStatus, Documents, Ledger, NotSaved, PortError, SecretPlace, Secrets, Shelf,
    Web, settings_of,
};

/// How long a flow may be finished, in milliseconds: an administrator at the other end may take hours.
const FLOW_MS: i64 = 24 * 3_600_000;
/// How often a flow may be finished in vain.
const MOST_ATTEMPTS: u32 = 20;
/// More requests than any flow takes.
const MOST_STEPS: u32 = 8;
/// How long trying credentials may take, in milliseconds: somebody waits for the answer.
const TRYING_MS: i64 = 10_000;

/// Why a connection was not linked.
#[derive(Debug, thiserror::Error)]
pub enum NotLinked {
    /// The connector has no pages of its own to link in.
    #[error("{0} is linked by credentials: give those")]
    NoFlow(&'static str),
    /// Files are not linked.
    #[error("this connection takes files: there is nothing to link")]
    Files,
    /// A person switched the connection off.
    #[error("the connection is switched off: enable it first")]
    Off,
    /// The product team's own keys at the provider are missing.
    #[error("an operator must first set {keys} of connector {connector}")]
    NotSetUp {
        /// The connector's id.
        connector: &'static str,
        /// The keys, with commas between them.
        keys: String,
    },
    /// There is no such flow of this connection and asker, or its time is over.
    #[error("there is no such link, or its time is over: start again")]
    NoSuchFlow,
    /// It was finished before, or tried too often, or somebody else is finishing it.
    #[error("this link is used: start again")]
    Used,
    /// The settings were changed since it was started.
    #[error("the settings were changed since this link was started: start again")]
    Changed,
    /// The browser did not bring what finishing needs.
    #[error("{0} is missing: the provider's page hands it over at its end")]
    Missing(&'static str),
    /// The provider says no.
    #[error("{0}")]
    Provider(Fault),
    /// It cannot be saved.
    #[error(transparent)]
    NotSaved(#[from] NotSaved),
    /// A service failed.
    #[error(transparent)]
    Port(#[from] PortError),
}

/// Who links, and how.
#[derive(Debug, Clone, Copy)]
pub struct LinkWish<'a> {
    /// The flow's id: random, never used before.
    pub id: &'a str,
    /// Who asks; only they can finish.
    pub asker: &'a str,
    /// The customer's name, for the provider's pages.
    pub organization: &'a str,
    /// Who signs in at the provider; empty where that is not known.
    pub email: &'a str,
    /// Where the provider sends the browser afterwards; empty for none.
    pub redirect_url: &'a str,
}

/// A link that waits for the browser.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LinkOpened {
    /// Where to send the browser.
    pub url: Option<Secret>,
    /// What the provider's own widget takes.
    pub token: Option<Secret>,
    /// Until when address and token are good, in milliseconds since 1970.
    pub expires_ms: i64,
    /// Until when the flow can be finished, in milliseconds since 1970.
    pub finish_ms: i64,
    /// What the provider's page hands over at its end and finishing needs.
    pub brings: Option<&'static str>,
}

/// What a provider said to credentials.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Said {
    /// They are good.
    Good,
    /// They are refused.
    Unauthorized,
    /// They are good and may not read what is mapped.
    Forbidden,
    /// Nothing was learnt of them: the provider fails, or asks to wait.
    NotNow,
    /// Something else is wrong.
    Refused,
}

/// Credentials that were tried.
#[derive(Debug)]
pub struct Tried {
    /// What the provider said.
    pub said: Said,
    /// The same in words.
    pub words: String,
    /// The connection as it is now, where they were stored.
    pub stored: Option<Connection>,
}

/// A flow as it is kept.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Flow {
    connection: String,
    asker: String,
    settings_version: u64,
    redirect_url: String,
    expires_ms: i64,
    attempts: u32,
    done: bool,
}

/// Links connections.
#[derive(Debug)]
pub struct Linker<'a, T, S, W, C> {
    /// Connections and flows.
    pub table: &'a T,
    /// Credentials.
    pub secrets: &'a S,
    /// To the provider.
    pub web: &'a W,
    /// The time.
    pub clock: &'a C,
    /// Whether `[provider]` may name a `base_url`: on a developer's machine only.
    pub base_urls: bool,
    /// Who saves what is linked, for the settings' versions.
    pub by: &'a str,
}

/// Whether everything is there that the connection's provider is asked with. Files need nothing.
///
/// # Errors
/// [`crate::Retry::Never`] when the stored settings cannot be read.
pub fn is_linked(connection: &Connection) -> Result<bool, PortError> {
    let settings = settings_of(connection)?;
    let Some(api) = muster_connectors::connector(&settings.connector) else { return Ok(true) };
    let named = api.about().provider.iter().all(|key| !key.needed || settings.provider.contains_key(key.name));
    // One that waits for credentials was never due.
    Ok(named && !(connection.status == ConnectionStatus::Pending && connection.due_ms.is_none()))
}

impl<T, S, W, C> Linker<'_, T, S, W, C>
where
    T: Ledger + Admin + Documents,
    S: Secrets,
    W: Web,
    C: Clock,
{
    /// Starts a flow, or a new sign-in for a connection that has a link already.
    ///
    /// # Errors
    /// [`NotLinked`].
    pub async fn start(&self, connection: &Connection, wish: LinkWish<'_>) -> Result<LinkOpened, NotLinked> {
        let talk = self.talk(connection, wish.redirect_url, BTreeMap::new()).await?;
        let (organization, email) = (wish.organization, wish.email);
        let first = talk.ask(organization, email, |ask| talk.link.start(ask));
        let LinkNext::Started(started) = self.exchange(&talk, (organization, email), first).await? else {
            return Err(NotLinked::Provider(astray()));
        };
        let now_ms = self.clock.now_ms();
        let flow = Flow {
            connection: connection.id.to_string(),
            asker: wish.asker.to_owned(),
            settings_version: connection.settings_version,
            redirect_url: wish.redirect_url.to_owned(),
            expires_ms: now_ms + FLOW_MS,
            attempts: 0,
            done: false,
        };
        if !self.keep(&connection.account, wish.id, &flow, None).await? {
            return Err(NotLinked::Used);
        }
        let LinkStarted { url, token, lasts_ms } = started;
        let expires_ms = now_ms + lasts_ms;
        Ok(LinkOpened { url, token, expires_ms, finish_ms: flow.expires_ms, brings: talk.link.brings() })
    }

    /// Finishes a flow with what the browser brought, and answers the connection as it is now: due at once.
    ///
    /// # Errors
    /// [`NotLinked`]. After [`NotLinked::Provider`] and [`NotLinked::Missing`] the flow is still open.
    pub async fn finish(
        &self,
        connection: &Connection,
        id: &str,
        asker: &str,
        given: BTreeMap<String, String>,
    ) -> Result<Connection, NotLinked> {
        let account = &connection.account;
        let stored = self.table.document(account, &Shelf::Links, id).await?.ok_or(NotLinked::NoSuchFlow)?;
        let mut flow: Flow = serde_json::from_str(&stored.body)
            .map_err(|e| PortError::never("read the link under way", crate::error::located(&e)))?;
        let ours = flow.connection == connection.id.as_str() && flow.asker == asker;
        if !ours || flow.expires_ms <= self.clock.now_ms() {
            return Err(NotLinked::NoSuchFlow);
        }
        if flow.done || flow.attempts >= MOST_ATTEMPTS {
            return Err(NotLinked::Used);
        }
        if flow.settings_version != connection.settings_version {
            return Err(NotLinked::Changed);
        }
        let talk = self.talk(connection, &flow.redirect_url, given).await?;
        let first = talk.ask("", "", |ask| talk.link.finish(ask)).map_err(NotLinked::Missing)?;
        // Whoever counts the attempt is the one who makes it.
        flow.attempts += 1;
        if !self.keep(account, id, &flow, Some(stored.version)).await? {
            return Err(NotLinked::Used);
        }
        let LinkNext::Finished(finished) = self.exchange(&talk, ("", ""), first).await? else {
            return Err(NotLinked::Provider(astray()));
        };
        let after = self.save(connection, &talk, finished).await?;
        flow.done = true;
        // The link is made: should this be lost, the settings' new version keeps the flow from being used again.
        self.keep(account, id, &flow, Some(stored.version + 1)).await?;
        Ok(after)
    }

    /// Tries credentials (and keys of `[provider]`) by a first step of a reading, of which nothing is kept. Good ones
    /// are stored; others only where `force` says so.
    ///
    /// # Errors
    /// [`NotLinked::NotSaved`] where keys are unknown or missing.
    pub async fn try_credentials(
        &self,
        connection: &Connection,
        provider: BTreeMap<String, String>,
        credentials: BTreeMap<String, String>,
        force: bool,
    ) -> Result<Tried, NotLinked> {
        let mut settings = open(connection)?;
        if muster_connectors::connector(&settings.connector).is_none() {
            return Err(NotLinked::Files);
        }
        settings.provider.extend(provider);
        let held = self.held(connection).await?;
        let tried = sorted(&mut settings, held, credentials);
        crate::connect::check(self.secrets, &settings, &tried, self.base_urls).await?;
        let source = Source::of_settings(&settings)?.ok_or(NotLinked::Files)?;
        let mut reach = Reach::trying(connection, &source, tried, (self.secrets, self.web, self.clock)).await?;
        let fault = match reach.with(|target| source.connector.first(target, &Scope::Full)) {
            Some(step) => match reach.ask(&step, self.clock.now_ms() + TRYING_MS).await {
                Ok(_) => None,
                Err(Trouble::Fault(fault)) => Some(fault),
                Err(Trouble::Port(error)) => return Err(error.into()),
            },
            None => None,
        };
        let (said, words) = said(fault.as_ref());
        if said != Said::Good && !force {
            return Ok(Tried { said, words, stored: None });
        }
        let stored = self.store(connection, &settings, reach.into_tried()).await?;
        Ok(Tried { said, words, stored: Some(stored) })
    }

    async fn held(&self, connection: &Connection) -> Result<BTreeMap<String, Secret>, PortError> {
        let place = SecretPlace::Connection(connection.account.clone(), connection.id.clone());
        Ok(self.secrets.secrets(&place, true).await?.unwrap_or_default().current)
    }

    async fn talk(
        &self,
        connection: &Connection,
        redirect_url: &str,
        given: BTreeMap<String, String>,
    ) -> Result<Talk, NotLinked> {
        let settings = open(connection)?;
        let connector = muster_connectors::connector(&settings.connector).ok_or(NotLinked::Files)?;
        let about = connector.about();
        let link = connector.link().ok_or(NotLinked::NoFlow(about.name))?;
        let place = SecretPlace::Connector(about.id.to_owned());
        let platform = self.secrets.secrets(&place, true).await?.unwrap_or_default().current;
        let lacks = about.platform.iter().filter(|key| key.needed && !platform.contains_key(key.name));
        let lacks: Vec<&str> = lacks.map(|key| key.name).collect();
        if !lacks.is_empty() {
            return Err(NotLinked::NotSetUp { connector: about.id, keys: lacks.join(", ") });
        }
        let columns = Source::of_settings(&settings)?.map(|source| source.columns).unwrap_or_default();
        let credentials = self.held(connection).await?;
        let (customer, redirect_url) = (connection.id.to_string(), redirect_url.to_owned());
        Ok(Talk { connector, link, settings, platform, credentials, columns, customer, redirect_url, given })
    }

    /// Carries a flow's requests out, one after the other, until it is the browser's turn or the link is made.
    async fn exchange(
        &self,
        talk: &Talk,
        (organization, email): (&str, &str),
        first: LinkStep,
    ) -> Result<LinkNext, NotLinked> {
        let hosts = hosts_of(&talk.settings, talk.connector);
        let mut step = first;
        for _ in 0..MOST_STEPS {
            let request = talk.ask(organization, email, |ask| talk.link.request(ask, &step));
            let answer = self.web.send(&request, &hosts).await;
            let answer = answer.map_err(|fault| NotLinked::Provider(fault_of(&fault)))?;
            let (headers, body, now_ms) = (&answer.headers, &answer.body, self.clock.now_ms());
            let response = HttpResponse { status: answer.status, headers, body, now_ms };
            match talk.ask(organization, email, |ask| talk.link.read(ask, &step, &response)) {
                Ok(LinkNext::Ask(next)) => step = next,
                Ok(end) => return Ok(end),
                Err(fault) => return Err(NotLinked::Provider(fault)),
            }
        }
        Err(NotLinked::Provider(astray()))
    }

    async fn save(&self, connection: &Connection, talk: &Talk, made: LinkFinished) -> Result<Connection, NotLinked> {
        let mut settings = talk.settings.clone();
        settings.provider.extend(made.provider);
        let mut credentials = talk.credentials.clone();
        credentials.extend(made.credentials);
        self.store(connection, &settings, credentials).await
    }

    async fn store(
        &self,
        connection: &Connection,
        settings: &Settings,
        credentials: BTreeMap<String, Secret>,
    ) -> Result<Connection, NotLinked> {
        let now_ms = self.clock.now_ms();
        let limits = (self.base_urls, now_ms);
        let after = save_linked(self.table, self.secrets, connection, settings, credentials, limits).await?;
        keep_linked(self.table, (connection, &after), self.by, now_ms).await?;
        Ok(after)
    }

    async fn keep(&self, account: &AccountId, id: &str, flow: &Flow, expected: Option<u64>) -> Result<bool, PortError> {
        let body = serde_json::to_string(flow).map_err(|e| PortError::never("keep the link", e.to_string()))?;
        self.table.put_document(account, &Shelf::Links, id, &body, expected, Some(flow.expires_ms)).await
    }
}

/// Everything that a flow's requests are made of.
struct Talk {
    connector: &'static dyn Connector,
    link: &'static dyn Link,
    settings: Settings,
    platform: BTreeMap<String, Secret>,
    credentials: BTreeMap<String, Secret>,
    columns: Vec<String>,
    customer: String,
    redirect_url: String,
    given: BTreeMap<String, String>,
}

impl Talk {
    fn ask<R>(&self, organization: &str, email: &str, then: impl FnOnce(&LinkAsk<'_>) -> R) -> R {
        then(&LinkAsk {
            platform: &self.platform,
            provider: &self.settings.provider,
            customer: &self.customer,
            organization,
            email,
            redirect_url: &self.redirect_url,
            columns: &self.columns,
            credentials: &self.credentials,
            given: &self.given,
        })
    }
}

/// The settings of a connection that may be linked.
fn open(connection: &Connection) -> Result<Settings, NotLinked> {
    match connection.status {
        ConnectionStatus::Disabled | ConnectionStatus::Deleted => Err(NotLinked::Off),
        _ => Ok(settings_of(connection)?),
    }
}

fn astray() -> Fault {
    Fault::new(FaultKind::Failing, "the provider's answers lead nowhere")
}

fn said(fault: Option<&Fault>) -> (Said, String) {
    let Some(fault) = fault else {
        return (Said::Good, "the provider took the credentials and let the first people be read".to_owned());
    };
    let said = match fault.kind {
        // The data is on its way: that the provider says only to those whom it knows.
        FaultKind::NotReady => Said::Good,
        FaultKind::Unauthorized | FaultKind::ReauthNeeded => Said::Unauthorized,
        FaultKind::Forbidden => Said::Forbidden,
        FaultKind::Throttled | FaultKind::Failing => Said::NotNow,
        FaultKind::MarkLost | FaultKind::Refused => Said::Refused,
    };
    (said, fault.message.clone())
}
