//! Saving a connection.

mod admit;
mod check;
mod create;
mod login;
mod password;
mod provider;
mod switch;
mod versions;

use std::collections::BTreeMap;

use muster_connectors::Secret;
use muster_core::ids::ConnectionId;
use muster_core::settings::{Settings, SettingsError, credentials_of};

pub use self::admit::{Admission, Attempt, OpenedLogin, Refusal, admit};
pub use self::check::check_settings;
pub use self::login::{
    BadKey, KEY_KINDS, LoginChange, MOST_KEYS, MOST_NETWORKS, Network, PublicKey, change_login, login_of,
};
pub use self::password::password_of;
pub use self::switch::{NotSwitched, Switch, end_waiting, forget_credentials, may_switch, say_farewell, switch};
pub(crate) use self::versions::keep_linked;
pub use self::versions::{
    Difference, SettingsVersion, differences, keep_version, save_kept, settings_version, settings_versions,
};

use crate::people::connections_of;
use crate::reach::{as_secrets, with_shared};
use crate::{
    Admin, Connection, ConnectionStatus, DAY_MS, Documents, Ledger, PortError, SecretPlace, SecretSet, Secrets,
    settings_of,
};

/// Why a connection was not saved.
#[derive(Debug, thiserror::Error)]
pub enum NotSaved {
    /// The connection file has errors.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// The name makes no id.
    #[error("name {0}")]
    Name(muster_core::ids::IdError),
    /// Another connection of the account has a group of that name.
    #[error("group {group:?} is the group of connection {connection}; choose another name")]
    GroupTaken {
        /// The group's name.
        group: String,
        /// Whose it is.
        connection: ConnectionId,
    },
    /// A connection of another account has the id.
    #[error("the id {0} is the one of another account's connection; choose another name")]
    IdTaken(ConnectionId),
    /// A connection stays with its connector: its unique ids are that provider's.
    #[error("connector: connection {0} has another connector; give this one another name")]
    Connector(ConnectionId),
    /// The connection of that name is deleted: its people and runs stay apart from those of a new one.
    #[error("name: connection {0} of that name is deleted; choose another name")]
    Deleted(ConnectionId),
    /// The account has a connection of that name.
    #[error("name: the account has a connection of that name, {0}; save its settings, or choose another name")]
    Exists(ConnectionId),
    /// Another connection is linked to the same account at the provider: events would find the wrong one.
    #[error("provider: what it names belongs to another connection already; use that one")]
    LinkTaken,
    /// Somebody else saved it at the same time.
    #[error("the connection was changed by somebody else meanwhile; try again")]
    Raced,
    /// A service failed.
    #[error(transparent)]
    Port(#[from] PortError),
}

/// A saved connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Saved {
    /// The connection's id.
    pub connection: ConnectionId,
    /// Its SFTP login, for connections that files come to.
    pub sftp_user: Option<String>,
    /// The login's password; only when the connection is new, and never again.
    pub sftp_password: Option<String>,
    /// Where its provider's webhooks go, as a path of the webhook API; for providers that send any.
    pub webhook_path: Option<String>,
}

/// Random bytes the caller drew for a new connection.
#[derive(Debug, Clone, Copy)]
pub struct Drawn {
    /// The secret of its roster's hashes.
    pub seed: u64,
    /// What its password is made of.
    pub password: [u8; 20],
    /// The salt of the stored password.
    pub salt: [u8; 16],
    /// The secret that signs links about it.
    pub link_key: [u8; 32],
}

/// What besides its file decides about a connection.
#[derive(Debug, Clone, Copy)]
pub struct Terms<'a> {
    /// Random bytes.
    pub drawn: Drawn,
    /// Public keys that its SFTP login takes.
    pub public_keys: &'a [String],
    /// Whether `[provider]` may name a `base_url`: on a developer's machine only.
    pub base_urls: bool,
    /// Now, in milliseconds since 1970.
    pub now_ms: i64,
}

/// Saves a connection file: a new connection, or new settings of the one of that name. Files get a login of their own;
/// `[credentials]` go to the secrets and nowhere else.
///
/// # Errors
/// [`NotSaved`].
pub async fn save_connection<P: Ledger + Admin>(
    ports: &P,
    secrets: &impl Secrets,
    text: &str,
    terms: Terms<'_>,
) -> Result<Saved, NotSaved> {
    let checked = check_connection(ports, secrets, text, terms, (Expected::Any, Linking::Done)).await?;
    save_checked(ports, secrets, &checked, terms).await
}

/// The same for a connection that nothing links to its provider yet: it waits, and nothing is fetched, until the keys
/// and credentials that are missing are there ([`crate::Linker`]).
///
/// # Errors
/// [`NotSaved`].
pub async fn save_unlinked_connection<P: Ledger + Admin>(
    ports: &P,
    secrets: &impl Secrets,
    text: &str,
    terms: Terms<'_>,
) -> Result<Saved, NotSaved> {
    let checked = check_connection(ports, secrets, text, terms, (Expected::Any, Linking::MayFollow)).await?;
    save_checked(ports, secrets, &checked, terms).await
}

/// Whether a connection file must hold all that its provider asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Linking {
    /// It must.
    Done,
    /// Where no credentials are given and none are stored, linking may bring them.
    MayFollow,
}

/// What a connection file may be saved over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expected {
    /// Whatever is there, or nothing.
    Any,
    /// Nothing: the connection is to be new.
    New,
    /// Settings of this version.
    Version(u64),
}

/// A connection file that may be saved.
#[derive(Debug)]
pub struct Checked {
    wish: Wish,
    credentials: Given,
    /// The connection that is there already.
    pub before: Option<Connection>,
}

impl Checked {
    /// The connection's id.
    pub fn id(&self) -> &ConnectionId {
        &self.wish.id
    }

    /// The settings.
    pub fn settings(&self) -> &Settings {
        &self.wish.settings
    }

    /// What is stored of the file: never its credentials.
    pub fn text(&self) -> &str {
        &self.wish.text
    }

    /// The names of the credentials that saving it changes.
    pub fn new_credentials(&self) -> Vec<&str> {
        let given = self.credentials.file.keys().map(String::as_str);
        if self.credentials.are_new() { given.collect() } else { Vec::new() }
    }
}

/// Checks a connection file against everything that it must fit; stores nothing.
///
/// # Errors
/// [`NotSaved`].
pub async fn check_connection<P: Ledger + Admin>(
    ports: &P,
    secrets: &impl Secrets,
    text: &str,
    terms: Terms<'_>,
    (expected, linking): (Expected, Linking),
) -> Result<Checked, NotSaved> {
    let mut settings = Settings::from_toml(text)?;
    let mut given = credentials_of(text);
    provider::sort_keys(&mut settings, &mut given);
    let id = ConnectionId::named(&settings.account, &settings.name).map_err(NotSaved::Name)?;
    let before = ports.connection(&settings.account, &id).await?;
    check_before(before.as_ref(), &settings, &id, expected)?;
    let (credentials, line) = judged(secrets, &settings, (&id, &given), linking, terms).await?;
    let line = line?;
    check_group(ports, &settings, &id).await?;
    check::check_routes(ports, (&settings.account, &id), &line.routes).await?;
    // Where the file holds secrets it is written anew without them.
    let text = if given.is_empty() { text.to_owned() } else { settings.to_toml() };
    Ok(Checked { wish: Wish { text, settings, id, line }, credentials, before })
}

/// The credentials that settings would have, and what their connector says of both.
async fn judged(
    secrets: &impl Secrets,
    settings: &Settings,
    (id, given): (&ConnectionId, &BTreeMap<String, String>),
    linking: Linking,
    terms: Terms<'_>,
) -> Result<(Given, Result<Line, SettingsError>), PortError> {
    let stored = secrets.secrets(&SecretPlace::Connection(settings.account.clone(), id.clone()), true).await?;
    let may_follow = linking == Linking::MayFollow && given.is_empty() && stored.is_none();
    let credentials = Given::of(secrets, &settings.connector, as_secrets(given), stored).await?;
    let check = if may_follow { provider::check_unlinked } else { provider::check };
    let line = check(settings, &credentials, terms.base_urls);
    Ok((credentials, line))
}

fn check_before(
    before: Option<&Connection>,
    settings: &Settings,
    id: &ConnectionId,
    expected: Expected,
) -> Result<(), NotSaved> {
    let Some(before) = before else {
        return if matches!(expected, Expected::Version(_)) { Err(NotSaved::Raced) } else { Ok(()) };
    };
    if before.status == ConnectionStatus::Deleted {
        return Err(NotSaved::Deleted(id.clone()));
    }
    match expected {
        Expected::New => return Err(NotSaved::Exists(id.clone())),
        Expected::Version(version) if version != before.settings_version => return Err(NotSaved::Raced),
        Expected::Any | Expected::Version(_) => {}
    }
    if settings_of(before)?.connector == settings.connector {
        return Ok(());
    }
    Err(NotSaved::Connector(id.clone()))
}

/// Saves a checked connection file, if nobody else saved the connection since.
///
/// # Errors
/// [`NotSaved`].
pub async fn save_checked<P: Ledger + Admin>(
    ports: &P,
    secrets: &impl Secrets,
    checked: &Checked,
    terms: Terms<'_>,
) -> Result<Saved, NotSaved> {
    let Checked { wish, credentials, before } = checked;
    let saved = match before {
        Some(before) => change(ports, wish, before.clone(), credentials, terms.now_ms).await?,
        None => create::create(ports, wish, terms).await?,
    };
    if let Some(set) = credentials.to_store(terms.now_ms) {
        let place = SecretPlace::Connection(wish.settings.account.clone(), wish.id.clone());
        secrets.put_secrets(&place, &set).await?;
    }
    Ok(saved)
}

/// Sets the secret that webhooks of `/webhooks/{connector}` are signed with; the one before holds for another day.
///
/// # Errors
/// [`NotSaved::Settings`] for an unknown connector or a short secret; [`NotSaved::Port`].
pub async fn put_connector_secret(
    secrets: &impl Secrets,
    connector: &str,
    webhook_secret: &str,
    now_ms: i64,
) -> Result<(), NotSaved> {
    let given = BTreeMap::from([("webhook_secret".to_owned(), webhook_secret.to_owned())]);
    put_connector_secrets(secrets, connector, &given, now_ms).await
}

/// Sets keys that all connections of a connector share: the product team's own at the provider
/// ([`muster_connectors::About::platform`]) and the webhook secret. Keys that are not given stay; what was there before
/// holds for another day.
///
/// # Errors
/// [`NotSaved::Settings`] for an unknown connector or key, a short or empty value; [`NotSaved::Port`].
pub async fn put_connector_secrets(
    secrets: &impl Secrets,
    connector: &str,
    given: &BTreeMap<String, String>,
    now_ms: i64,
) -> Result<(), NotSaved> {
    provider::check_shared(connector, given)?;
    let place = SecretPlace::Connector(connector.to_owned());
    let stored = secrets.secrets(&place, true).await?;
    let mut file = stored.as_ref().map(|stored| stored.current.clone()).unwrap_or_default();
    file.extend(as_secrets(given));
    match (Given { file, stored, shared: BTreeMap::new() }).to_store(now_ms) {
        Some(set) => Ok(secrets.put_secrets(&place, &set).await?),
        None => Ok(()),
    }
}

/// The keys that all connections of a connector may share, and whether each is set. `None`: no such connector.
///
/// # Errors
/// [`PortError`] when a service failed.
pub async fn connector_secrets(
    secrets: &impl Secrets,
    connector: &str,
) -> Result<Option<Vec<(&'static str, bool)>>, PortError> {
    let Some(api) = muster_connectors::connector(connector) else { return Ok(None) };
    let set = secrets.secrets(&SecretPlace::Connector(connector.to_owned()), true).await?.unwrap_or_default();
    let keys = provider::shared_keys(api.about()).into_iter();
    Ok(Some(keys.map(|key| (key, set.current.contains_key(key))).collect()))
}

/// Checks settings and credentials as [`save_connection`] does, and stores nothing.
pub(crate) async fn check(
    secrets: &impl Secrets,
    settings: &Settings,
    credentials: &BTreeMap<String, Secret>,
    base_urls: bool,
) -> Result<(), NotSaved> {
    let given = Given::of(secrets, &settings.connector, credentials.clone(), None).await?;
    provider::check(settings, &given, base_urls)?;
    Ok(())
}

/// The credentials that there are with those that are given, each key where its connector has it.
pub(crate) fn sorted(
    settings: &mut Settings,
    mut held: BTreeMap<String, Secret>,
    mut given: BTreeMap<String, String>,
) -> BTreeMap<String, Secret> {
    provider::sort_keys(settings, &mut given);
    held.extend(as_secrets(&given));
    held
}

/// Saves what linking brought: credentials first, for a code is good only once, then the keys of `[provider]`. The
/// connection is due at once, unless a person switched it off. Answers it as it is now.
///
/// # Errors
/// [`NotSaved`]: what was brought does not make the connection whole, or it was changed meanwhile.
pub(crate) async fn save_linked<P: Ledger + Admin + Documents>(
    ports: &P,
    secrets: &impl Secrets,
    before: &Connection,
    settings: &Settings,
    credentials: BTreeMap<String, Secret>,
    (base_urls, now_ms): (bool, i64),
) -> Result<Connection, NotSaved> {
    let place = SecretPlace::Connection(before.account.clone(), before.id.clone());
    let stored = secrets.secrets(&place, true).await?;
    let given = Given::of(secrets, &settings.connector, credentials, stored).await?;
    let line = provider::check(settings, &given, base_urls)?;
    check::check_routes(ports, (&before.account, &before.id), &line.routes).await?;
    if let Some(set) = given.to_store(now_ms) {
        secrets.put_secrets(&place, &set).await?;
    }
    let off = matches!(before.status, ConnectionStatus::Disabled | ConnectionStatus::Deleted);
    let works = before.status == ConnectionStatus::Connected;
    let after = Connection {
        settings: settings.to_toml(),
        settings_version: before.settings_version + 1,
        routes: line.routes,
        status: if off || works { before.status } else { ConnectionStatus::Pending },
        due_ms: if off { before.due_ms } else { Some(now_ms) },
        note: None,
        ..before.clone()
    };
    if !ports.save_connection(&after, Some(before.settings_version)).await? {
        return Err(NotSaved::Raced);
    }
    Ok(after)
}

/// Whether everything is there that a connection's provider is asked with; files need nothing.
async fn is_linked(secrets: &impl Secrets, connection: &Connection) -> Result<bool, PortError> {
    let settings = settings_of(connection)?;
    let place = SecretPlace::Connection(connection.account.clone(), connection.id.clone());
    let stored = secrets.secrets(&place, true).await?;
    let given = Given::of(secrets, &settings.connector, BTreeMap::new(), stored).await?;
    // Where the provider is was checked when it was saved.
    Ok(provider::check(&settings, &given, true).is_ok())
}

/// A connection as it is to be.
#[derive(Debug)]
struct Wish {
    settings: Settings,
    id: ConnectionId,
    /// What is stored of the file: never its credentials.
    text: String,
    line: Line,
}

/// How a connection is reached.
#[derive(Debug)]
struct Line {
    /// The connector's name, where it has an API.
    api: Option<&'static str>,
    /// Whether its login lets somebody in at the SFTP server.
    sftp: bool,
    /// The names by which webhooks call it.
    routes: Vec<String>,
    /// Whether its provider sends webhooks.
    webhooks: bool,
    /// Whether everything is there that its provider is asked with.
    linked: bool,
}

/// The credentials of the file, and those that are stored.
#[derive(Debug)]
struct Given {
    file: BTreeMap<String, Secret>,
    stored: Option<SecretSet>,
    /// Keys of the product's own that serve where the connection has none.
    shared: BTreeMap<String, Secret>,
}

/// How long secrets hold that were replaced, in milliseconds: webhooks on their way are signed with them.
const ROTATION_MS: i64 = DAY_MS;

impl Given {
    async fn of(
        secrets: &impl Secrets,
        connector: &str,
        file: BTreeMap<String, Secret>,
        stored: Option<SecretSet>,
    ) -> Result<Self, PortError> {
        let mut given = Self { file, stored, shared: BTreeMap::new() };
        if let Some(api) = muster_connectors::connector(connector) {
            given.shared = with_shared(secrets, api.about(), given.own().clone(), true).await?;
        }
        Ok(given)
    }

    /// What the connection itself has from now on: a file without credentials leaves those that are stored.
    fn own(&self) -> &BTreeMap<String, Secret> {
        match &self.stored {
            Some(stored) if self.file.is_empty() => &stored.current,
            _ => &self.file,
        }
    }

    /// What its provider is asked with.
    fn current(&self) -> &BTreeMap<String, Secret> {
        if self.shared.is_empty() { self.own() } else { &self.shared }
    }

    fn are_new(&self) -> bool {
        !self.file.is_empty() && self.stored.as_ref().is_none_or(|stored| stored.current != self.file)
    }

    fn to_store(&self, now_ms: i64) -> Option<SecretSet> {
        let previous = self.stored.as_ref().map(|stored| (stored.current.clone(), now_ms + ROTATION_MS));
        self.are_new().then(|| SecretSet { current: self.file.clone(), previous })
    }
}

async fn change<P: Ledger + Admin>(
    ports: &P,
    wish: &Wish,
    before: Connection,
    credentials: &Given,
    now_ms: i64,
) -> Result<Saved, NotSaved> {
    let user = before.sftp_user.clone();
    let version = before.settings_version;
    // New credentials are tried at once.
    let due_ms = match wish.due_ms(now_ms) {
        // Nothing is fetched before it is linked.
        None if wish.line.api.is_some() => None,
        at_once if credentials.are_new() => at_once,
        usual => before.due_ms.or(usual),
    };
    let after = Connection {
        settings: wish.text.clone(),
        settings_version: version + 1,
        routes: wish.line.routes.clone(),
        due_ms,
        ..before
    };
    if !ports.save_connection(&after, Some(version)).await? {
        return Err(NotSaved::Raced);
    }
    Ok(wish.saved(user, None))
}

/// When the schedule looks at a connection first: at once for a provider, when its file should have come for files with
/// a cadence.
fn first_due(settings: &Settings, now_ms: i64) -> Option<i64> {
    if !provider::takes_files(&settings.connector) {
        return Some(now_ms);
    }
    let cadence = settings.cadence?.minutes();
    let late = settings.late_after_minutes.unwrap_or_else(|| (cadence / 10).max(60));
    Some(now_ms + i64::from(cadence + late) * 60_000)
}

impl Wish {
    fn due_ms(&self, now_ms: i64) -> Option<i64> {
        if self.line.api.is_some() {
            return self.line.linked.then_some(now_ms);
        }
        first_due(&self.settings, now_ms)
    }

    fn saved(&self, sftp_user: Option<String>, sftp_password: Option<String>) -> Saved {
        let webhook_path =
            self.line.api.filter(|_| self.line.webhooks).map(|api| format!("/webhooks/{api}/{}", self.id));
        Saved { connection: self.id.clone(), sftp_user, sftp_password, webhook_path }
    }
}

async fn check_group<P: Ledger + Admin>(ports: &P, settings: &Settings, id: &ConnectionId) -> Result<(), NotSaved> {
    let wanted = settings.group.trim().to_lowercase();
    for other in connections_of(ports, &settings.account).await? {
        if other.id == *id || is_gone(&other) {
            continue;
        }
        let theirs = Settings::from_toml(&other.settings)?;
        if theirs.group.trim().to_lowercase() == wanted {
            return Err(NotSaved::GroupTaken { group: settings.group.clone(), connection: other.id });
        }
    }
    Ok(())
}

/// Whether nobody is in a connection's group any more, nor will be.
fn is_gone(connection: &Connection) -> bool {
    connection.status == ConnectionStatus::Deleted && connection.owned == 0
}
